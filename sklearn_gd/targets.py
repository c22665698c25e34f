"""What y means. Nothing but this file and the estimators knows of binary, multiclass, multilabel or multi-output."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import sparse
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils.validation import column_or_1d

from .arrays import Array

__all__ = ["Continuous", "Encoding", "Labels", "Multilabel", "Sequences", "Target"]


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


def _observed(y: Array, weight: Array) -> tuple[Array, Array]:
    """Return the weighted sum of the entries of each column that are not NaN, and that of their weights."""
    seen = ~np.isnan(y)
    return weight @ np.where(seen, y, 0.0), weight @ seen


# -- numbers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Numbers(Encoding):
    flat: bool

    def encode(self, y: Array) -> Array:
        return y[:, 0] if self.flat else y

    def totals(self, y: Array, weight: Array) -> tuple[Array, Array]:
        return _observed(y, weight)


@dataclass(frozen=True, eq=False)
class _Squares:
    """Of each output, (K,): how many entries are observed, their weight and mean, the squares about it, and those of errors."""

    count: Array
    weight: Array
    mean: Array
    spread: Array
    error: Array

    @classmethod
    def of(cls, y: Array, predicted: Array, weight: Array) -> _Squares:
        seen = ~np.isnan(y)
        weights, y = weight[:, None] * seen, np.where(seen, y, 0.0).astype(np.float64)
        total = weights.sum(axis=0)
        mean = np.divide((weights * y).sum(axis=0), total, out=np.zeros(len(total)), where=total > 0)
        spread, error = weights * (y - mean) ** 2, weights * np.where(seen, y - predicted, 0.0) ** 2
        return cls(seen.sum(axis=0), total, mean, spread.sum(axis=0), error.sum(axis=0))

    def __add__(self, other: _Squares) -> _Squares:
        weight = self.weight + other.weight
        share = np.divide(other.weight, weight, out=np.zeros(len(weight)), where=weight > 0)
        gap = other.mean - self.mean
        spread = self.spread + other.spread + self.weight * share * gap**2
        return _Squares(self.count + other.count, weight, self.mean + share * gap, spread, self.error + other.error)

    def determination(self) -> float:
        """Return R^2, averaged over the outputs, as `sklearn.metrics.r2_score` has it."""
        if np.any(self.count == 1):
            warnings.warn("R^2 is not defined for fewer than two samples.", UndefinedMetricWarning, stacklevel=2)
            return float("nan")
        some = self.count > 0
        spread, error = self.spread[some], self.error[some]
        constant = np.where(error > 0, 0.0, 1.0)
        return float(np.mean(np.where(spread > 0, 1.0 - error / np.where(spread > 0, spread, 1.0), constant)))


class Continuous(Target):
    """Numbers: one column or several."""

    has_unit = True

    def __init__(self, y: Array) -> None:
        self.one_dimensional = y.ndim == 1
        self.n_outputs = 1 if y.ndim == 1 else y.shape[1]

    def check(self, y: Array, name: str) -> None:
        if y.reshape(len(y), -1).shape[1] != self.n_outputs:
            raise ValueError(f"{name} has shape {y.shape}: expected {self.n_outputs} output(s), as at first.")

    def n_raw(self, rowwise: bool) -> int:
        return self.n_outputs

    def prepare(self, y: Array, rowwise: bool) -> Array:
        return np.asarray(y, dtype=np.float64).reshape(len(y), -1)

    def encoded_for(self, loss: LossFacts) -> Encoding:
        return _Numbers(loss.n_raw(self), flat=loss.rowwise and self.n_outputs == 1)

    def decode(self, raw: Array, mean: Array) -> Array:
        return mean.reshape(len(mean), -1)[:, 0] if self.one_dimensional else mean

    def merged(self, other: Target) -> Target:
        assert isinstance(other, Continuous)
        if (other.n_outputs, other.one_dimensional) != (self.n_outputs, self.one_dimensional):
            raise ValueError(f"y has {other.n_outputs} output(s): expected {self.n_outputs}, as in the rows before.")
        return self

    def tally(self, y: Array, predicted: Array, weight: Array) -> _Squares:
        return _Squares.of(np.reshape(y, (len(y), -1)), predicted.reshape(len(y), -1), weight)

    def scored(self, tally: _Squares) -> float:
        """Return R^2, averaged over the outputs."""
        return tally.determination()

    def shaped(self, value: Array) -> Any:
        return value[0] if self.one_dimensional and len(value) == 1 else value


# -- classes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Signs(Encoding):
    """Two classes: y is -1.0 or 1.0, in one column."""

    def encode(self, y: Array) -> Array:
        return y

    def totals(self, y: Array, weight: Array) -> tuple[Array, Array]:
        return weight @ (y > 0), np.atleast_1d(weight.sum())

    def distinct(self, y: Array, weight: Array) -> tuple[Array, Array]:
        counts = np.bincount((y[:, 0] > 0).astype(np.intp), weights=weight, minlength=2)
        seen = np.flatnonzero(counts)
        return 2.0 * seen[:, None] - 1.0, counts[seen]


@dataclass(frozen=True)
class _Codes(Encoding):
    """Numbers of classes, (n,); for an elementwise loss one column of -1.0 or 1.0 for each, one-vs-rest."""

    n_classes: int
    rowwise: bool

    def encode(self, y: Array) -> Array:
        if self.rowwise:
            return y
        signs = np.full((len(y), self.n_classes), -1.0)
        signs[np.arange(len(y)), y] = 1.0
        return signs

    def totals(self, y: Array, weight: Array) -> tuple[Array, Array]:
        counts = np.bincount(y, weights=weight, minlength=self.n_classes)
        return counts, np.full(self.n_classes, counts.sum())

    def distinct(self, y: Array, weight: Array) -> tuple[Array, Array]:
        counts = np.bincount(y, weights=weight, minlength=self.n_classes)
        seen = np.flatnonzero(counts)
        return seen, counts[seen]


class Labels(Target):
    """One class label for each sample: two classes, or more."""

    classes: Array
    stratified = True

    def __init__(self, y: Array) -> None:
        self.classes = _sorted_values(y)
        self.exclusive = len(self.classes) > 2

    def flat(self, y: Any) -> Any:
        return column_or_1d(y, warn=True)

    def check(self, y: Any, name: str) -> None:
        if y.ndim != 1:
            raise ValueError(f"{name} has shape {y.shape}: expected one label for each sample, (n_samples,).")
        unknown = np.setdiff1d(y, self.classes)
        if len(unknown):
            raise ValueError(
                f"{name} has a label that is no class, {unknown.tolist()[0]!r}: expected one of {self.classes.tolist()}."
            )

    def codes(self, y: Array) -> Array:
        return np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)

    def n_raw(self, rowwise: bool) -> int:
        return len(self.classes) if rowwise or self.exclusive else 1

    def prepare(self, y: Array, rowwise: bool) -> Array:
        # Rows of weight zero may hold a label that is no class: they get some code, and are never read.
        if not (rowwise or self.exclusive):
            return np.where(y == self.classes[1], 1.0, -1.0).reshape(-1, 1)
        return self.codes(y)

    def encoded_for(self, loss: LossFacts) -> Encoding:
        if not (loss.rowwise or self.exclusive):
            return _Signs(loss.n_raw(self))
        return _Codes(loss.n_raw(self), len(self.classes), loss.rowwise)

    def decision(self, raw: Array) -> Array:
        if self.exclusive:
            return raw
        return raw[:, 0] if raw.shape[1] == 1 else raw[:, 1] - raw[:, 0]

    def decode(self, raw: Array, mean: Array) -> Array:
        scores = self.decision(raw)
        return self.classes[scores.argmax(axis=1) if self.exclusive else (scores > 0).astype(np.intp)]

    def proba(self, mean: Array) -> Array:
        if mean.shape[1] == 1:
            return np.hstack([1.0 - mean, mean])
        total = mean.sum(axis=1, keepdims=True)
        uniform = np.full_like(mean, 1.0 / mean.shape[1])
        return np.divide(mean, total, out=uniform, where=total > 0)

    def merged(self, other: Target) -> Target:
        assert isinstance(other, Labels)
        kinds = [self.classes.dtype.kind in "biuf", other.classes.dtype.kind in "biuf"]
        if kinds[0] != kinds[1]:
            found, before = other.classes[:1].tolist()[0], self.classes[:1].tolist()[0]
            raise ValueError(f"y has labels such as {found!r}: expected them of one kind with {before!r}, which came before.")
        return self if np.array_equal(self.classes, other.classes) else Labels(np.union1d(self.classes, other.classes))

    def tally(self, y: Any, predicted: Any, weight: Array) -> Array:
        return np.array([weight @ (np.asarray(y) == predicted), weight.sum()])

    def scored(self, tally: Array) -> float:
        """Return the accuracy."""
        return float(tally[0] / tally[1])


def _sorted_values(y: Array) -> Array:
    """Return the distinct values, sorted; small integers are counted, which is faster than to sort them."""
    if y.dtype.kind in "iu" and y.size:
        least = int(y.min())
        if int(y.max()) - least <= y.size:  # the difference itself may not fit the type of y
            offsets = y.astype(np.int64) - least if least < 0 else (y - y.min()).astype(np.int64)
            return (np.flatnonzero(np.bincount(offsets)) + least).astype(y.dtype)
    return np.unique(y)


@dataclass(frozen=True)
class _Indicators(Encoding):
    def encode(self, y: Array) -> Array:
        return 2.0 * y - 1.0

    def totals(self, y: Array, weight: Array) -> tuple[Array, Array]:
        return _observed(y, weight)


class Multilabel(Target):
    """An indicator matrix: any number of labels for each sample; NaN where one is missing."""

    classes: Array

    def __init__(self, y: Any) -> None:
        self.classes = np.arange(y.shape[1])

    def check(self, y: Any, name: str) -> None:
        if y.ndim != 2 or y.shape[1] != len(self.classes):
            raise ValueError(f"{name} has shape {y.shape}: expected an indicator matrix with {len(self.classes)} columns.")
        values = y.data if sparse.issparse(y) else np.asarray(y)
        if not np.all(np.isin(values, (0, 1)) | (values != values)):
            raise ValueError(f"{name} holds other values than 0 and 1: expected an indicator matrix.")

    def n_raw(self, rowwise: bool) -> int:
        return len(self.classes)

    def prepare(self, y: Any, rowwise: bool) -> Array:
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        return y if y.dtype.kind == "f" and np.isnan(y).any() else y.astype(np.int8)

    def encoded_for(self, loss: LossFacts) -> Encoding:
        if loss.rowwise:
            raise ValueError("A rowwise loss needs exclusive classes; y is a multilabel indicator matrix.")
        return _Indicators(loss.n_raw(self))

    def decode(self, raw: Array, mean: Array) -> Array:
        return (raw > 0).astype(int)

    def proba(self, mean: Array) -> Array:
        eps = np.finfo(mean.dtype).eps  # scikit-learn wants them strictly between 0 and 1
        return np.clip(mean, eps, 1.0 - eps)

    def codes(self, y: Any) -> Array | None:
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        return None if np.any(y != y) else y.astype(np.intp)

    def merged(self, other: Target) -> Target:
        assert isinstance(other, Multilabel)
        if len(other.classes) != len(self.classes):
            raise ValueError(f"y has {len(other.classes)} columns: expected {len(self.classes)}, as in the rows before.")
        return self

    def tally(self, y: Any, predicted: Any, weight: Array) -> Array:
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        missing = y != y
        right, seen = ((predicted == y) | missing).all(axis=1), weight * ~missing.all(axis=1)
        return np.array([seen @ right, seen.sum()])

    def scored(self, tally: Array) -> float:
        """Return the share of samples with all labels right, of those that have any."""
        return float(tally[0] / tally[1])


@dataclass(frozen=True)
class _Steps(Encoding):
    n_classes: int

    def encode(self, y: Array) -> Array:
        return y

    def totals(self, y: Array, weight: Array) -> tuple[Array, Array]:
        k = self.n_classes
        counts = np.stack([np.bincount(step[step >= 0], weights=weight[step >= 0], minlength=k) for step in y.T])
        return counts, np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape)

    def mean(self, sums: Array, weights: Array) -> Array:
        """Return the class frequencies at each step, equal where there is only padding."""
        return np.divide(sums, weights, out=np.full(sums.shape, 1.0 / self.n_classes), where=weights > 0).ravel()


class Sequences(Target):
    """A sequence of labels for each sample, (n, n_steps), with padding at its end; the loss sees codes, -1 for padding.

    Parameters
    ----------
    y : ndarray of shape (n, n_steps)
    padding : int or str
    classes : ndarray or None, default=None
        All labels that may come; None for those of y.
    """

    classes: Array

    def __init__(self, y: Array, padding: Any, classes: Any = None) -> None:
        if y.ndim != 2:
            raise ValueError(f"y has shape {y.shape}: expected (n_samples, n_steps), a sequence of labels for each sample.")
        given = y if classes is None else np.asarray(classes)
        self.padding, self.n_steps, self.classes = padding, y.shape[1], np.unique(given[given != padding])

    def check(self, y: Any, name: str) -> None:
        if y.ndim != 2 or y.shape[1] != self.n_steps:
            raise ValueError(f"{name} has shape {y.shape}: expected (n_samples, {self.n_steps}).")
        unknown = np.setdiff1d(y[y != self.padding], self.classes)
        if len(unknown):
            raise ValueError(f"{name} has a label that is no class, {unknown.tolist()[0]!r}: expected {self.classes.tolist()}.")

    def n_raw(self, rowwise: bool) -> int:
        return self.n_steps * len(self.classes)

    def prepare(self, y: Array, rowwise: bool) -> Array:
        codes = np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)
        return np.where(y == self.padding, -1, codes)

    def encoded_for(self, loss: LossFacts) -> Encoding:
        return _Steps(loss.n_raw(self), len(self.classes))

    def _steps(self, values: Array) -> Array:
        return values.reshape(len(values), self.n_steps, -1)

    def decision(self, raw: Array) -> Array:
        return self._steps(raw)

    def decode(self, raw: Array, mean: Array) -> Array:
        return self.classes[self._steps(raw).argmax(axis=2)]

    def proba(self, mean: Array) -> Array:
        return self._steps(mean)

    def merged(self, other: Target) -> Target:
        assert isinstance(other, Sequences)
        if other.n_steps != self.n_steps:
            raise ValueError(f"y has {other.n_steps} steps: expected {self.n_steps}, as in the rows before.")
        classes = np.union1d(self.classes, other.classes)
        return self if len(classes) == len(self.classes) else Sequences(np.empty((0, self.n_steps)), self.padding, classes)

    def tally(self, y: Any, predicted: Any, weight: Array) -> Array:
        seen = weight[:, None] * (y != self.padding)
        return np.array([np.sum(seen * (predicted == y)), seen.sum()])

    def scored(self, tally: Array) -> float:
        """Return the share of right labels among those that are not padding."""
        return float(tally[0] / tally[1])
