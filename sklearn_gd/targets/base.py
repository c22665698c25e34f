"""What y means: the contract of a target, and of its encoding for a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..arrays import Array

__all__ = ["Encoding", "LossFacts", "Target", "observed"]


class LossFacts(Protocol):
    """What a target asks of a loss."""

    rowwise: bool

    def n_raw(self, target: Any) -> int:
        """Return how many columns of raw it wants."""


@dataclass(frozen=True)
class Encoding(ABC):
    """A target as a loss sees it: a small value, which travels to the rows.

    Attributes
    ----------
    n_raw : int
        The number K of columns of raw.
    """

    n_raw: int

    @abstractmethod
    def encode(self, y: Array) -> Array:
        """Return a block of prepared y as the loss sees it."""

    @abstractmethod
    def totals(self, y: Array, weight: Array) -> tuple[Array, ...]:
        """Return the weighted sums over prepared y that its mean is made of."""

    def mean(self, sums: Array, weights: Array) -> Array:
        """Return the weighted mean of y, or the class frequencies, as `Loss.link` takes them, from `totals`; 0 without any."""
        return np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)

    def distinct(self, y: Array, weight: Array) -> tuple[Array, Array]:
        """Return prepared y and its weights with equal rows taken together, where they are few."""
        return y, weight


class Target(ABC):
    """The facts about y that fitting and predicting need; y itself is not kept.

    Attributes
    ----------
    classes : ndarray or None
        The labels, for a classifier.
    exclusive : bool
        Whether a sample belongs to exactly one of more than two classes.
    stratified : bool
        Whether a random split of the rows should keep the shares of the values of y.
    has_unit : bool
        Whether raw is in a unit that y has, and not simply of the order of one.
    """

    classes: Array | None = None
    exclusive: bool = False
    stratified: bool = False
    has_unit: bool = False

    def flat(self, y: Any) -> Any:
        """Return y without a second axis that it does not need."""
        return y

    @abstractmethod
    def check(self, y: Any, name: str) -> None:
        """Raise ValueError when y, called by a name, does not fit."""

    @abstractmethod
    def n_raw(self, rowwise: bool) -> int:
        """Return how many columns of raw a loss wants, unless it says so itself (`Loss.n_raw`)."""

    @abstractmethod
    def prepare(self, y: Any, rowwise: bool) -> Array:
        """Return y in the compact form that the rows keep: codes of shape (n,), or numbers of shape (n, K)."""

    @abstractmethod
    def encoded_for(self, loss: LossFacts) -> Encoding:
        """Return the target as a loss sees it."""

    @abstractmethod
    def decode(self, raw: Array, mean: Array) -> Any:
        """Return what predict returns, from raw and the loss's inverse link of it, both (n, K)."""

    def score(self, y: Any, predicted: Any, weight: Array) -> float:
        """Return how good predictions are; what is missing or padding does not count."""
        return self.scored(self.tally(y, predicted, weight))

    def tally(self, y: Any, predicted: Any, weight: Array) -> Any:
        """Return what the score of some rows is made of: that of more rows is added to it."""
        raise NotImplementedError(f"{type(self).__name__} has no `tally`: it scores rows in memory alone.")

    def scored(self, tally: Any) -> float:
        """Return the score from a tally of all rows."""
        raise NotImplementedError(f"{type(self).__name__} has no `scored`: it scores rows in memory alone.")

    def decision(self, raw: Array) -> Array:
        """Return decision_function: (n,) for two classes, else (n, K)."""
        return raw

    def proba(self, mean: Array) -> Array:
        """Return predict_proba from the loss's inverse link of raw, (n, K)."""
        return mean

    def shaped(self, value: Array) -> Any:
        """Return a fitted (K, p) or (K,) array in scikit-learn's shape."""
        return value

    def codes(self, y: Any) -> Array | None:
        """Return the number of the class of each sample, (n,), or of each label, (n, L); None where there is no such thing."""
        return None

    def merged(self, other: Target) -> Target:
        """Return what y means in these rows and in others.

        Raises
        ------
        ValueError
            When it means another thing.
        """
        if type(self) is type(other) and repr(vars(self)) == repr(vars(other)):
            return self
        raise ValueError(f"y means another thing than in the rows before: {vars(other)}. Expected {vars(self)}.")


def observed(y: Array, weight: Array) -> tuple[Array, Array]:
    """Return the weighted sum of the entries of each column that are not NaN, and that of their weights."""
    seen = ~np.isnan(y)
    return weight @ np.where(seen, y, 0.0), weight @ seen
