"""The contract of a target, the interpretation of y, and of its encoding for a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..arrays import Array

__all__ = ["Encoding", "LossFacts", "Target", "check_takes_shares", "observed"]


class LossFacts(Protocol):
    """What a target needs to know of a loss."""

    rowwise: bool
    takes_shares: bool
    name: str

    def n_raw(self, target: Any) -> int:
        """Return the number of columns of raw."""


@dataclass(frozen=True)
class Encoding(ABC):
    """A target as a loss sees it: a small object that is sent to the rows.

    Attributes
    ----------
    n_raw : int
        Number K of columns of raw.
    """

    n_raw: int

    @abstractmethod
    def encode(self, y: Array) -> Array:
        """Return a block of prepared y as the loss sees it."""

    @abstractmethod
    def totals(self, y: Array, weight: Array) -> tuple[Array, ...]:
        """Return the weighted sums over prepared y from which `mean` computes the mean."""

    def mean(self, sums: Array, weights: Array) -> Array:
        """Return the weighted mean of y or the class frequencies, as taken by `Loss.link`, from `totals`; 0 without any."""
        return np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)

    def distinct(self, y: Array, weight: Array) -> tuple[Array, Array]:
        """Return prepared y and its weights with equal rows merged, if there are few distinct ones."""
        return y, weight


class Target(ABC):
    """Base class of targets: the properties of y that fitting and predicting need, without y itself.

    Attributes
    ----------
    classes : ndarray or None
        The class labels, for a classifier.
    exclusive : bool
        Whether a sample belongs to exactly one of more than two classes.
    stratified : bool
        Whether a random split of the rows should be stratified by the values of y.
    has_unit : bool
        Whether raw is in the unit of y, and not a number of order one.
    shares : bool
        Whether y holds probabilities of labels.
    """

    classes: Array | None = None
    exclusive: bool = False
    stratified: bool = False
    has_unit: bool = False
    shares: bool = False

    def flat(self, y: Any) -> Any:
        """Return y without a second axis if it needs none."""
        return y

    @abstractmethod
    def check(self, y: Any, name: str) -> None:
        """Raise ValueError if y does not match the target; `name` is its name in the message."""

    @abstractmethod
    def n_raw(self, rowwise: bool) -> int:
        """Return the number of columns of raw, unless the loss defines it itself (`Loss.n_raw`)."""

    @abstractmethod
    def prepare(self, y: Any, rowwise: bool) -> Array:
        """Return y in the compact form stored with the rows: codes of shape (n,), or numbers of shape (n, K)."""

    @abstractmethod
    def encoded_for(self, loss: LossFacts) -> Encoding:
        """Return the target as a loss sees it."""

    @abstractmethod
    def decode(self, raw: Array, mean: Array) -> Any:
        """Return the result of `predict` from raw and its inverse link, both (n, K)."""

    def score(self, y: Any, predicted: Any, weight: Array) -> float:
        """Return the score of predictions; missing entries and padding are ignored."""
        return self.scored(self.tally(y, predicted, weight))

    def tally(self, y: Any, predicted: Any, weight: Array) -> Any:
        """Return the statistics from which the score is computed; those of different rows can be added."""
        raise NotImplementedError(f"{type(self).__name__} has no `tally`: it scores rows in memory alone.")

    def scored(self, tally: Any) -> float:
        """Return the score from a tally of all rows."""
        raise NotImplementedError(f"{type(self).__name__} has no `scored`: it scores rows in memory alone.")

    def decision(self, raw: Array) -> Array:
        """Return the result of `decision_function`: (n,) for two classes, else (n, K)."""
        return raw

    def proba(self, mean: Array) -> Array:
        """Return the result of `predict_proba` from the inverse link of raw, (n, K)."""
        return mean

    def shaped(self, value: Array) -> Any:
        """Return a fitted (K, p) or (K,) array in the shape that scikit-learn uses."""
        return value

    def codes(self, y: Any) -> Array | None:
        """Return the index of the class of each sample, (n,), or of each label, (n, L); None if there are no classes."""
        return None

    def merged(self, other: Target) -> Target:
        """Return the common target of these rows and others.

        Raises
        ------
        ValueError
            If the other rows have a different kind of target.
        """
        if type(self) is type(other) and repr(vars(self)) == repr(vars(other)):
            return self
        raise ValueError(f"y means another thing than in the rows before: {vars(other)}. Expected {vars(self)}.")


def check_takes_shares(loss: LossFacts) -> None:
    """Raise ValueError if a loss of labels cannot take their probabilities."""
    if not loss.takes_shares:
        raise ValueError(f"y holds probabilities, and {loss.name} takes labels: use log_loss, focal or exponential.")


def observed(y: Array, weight: Array) -> tuple[Array, Array]:
    """Return the weighted sum of the entries of each column that are not NaN, and the sum of their weights."""
    seen = ~np.isnan(y)
    return weight @ np.where(seen, y, 0.0), weight @ seen
