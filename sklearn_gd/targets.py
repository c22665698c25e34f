"""What y means. Nothing but this file and the estimators knows of binary, multiclass, multilabel or multi-output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy import sparse

from .arrays import Array

__all__ = ["Continuous", "Labels", "Multilabel", "Sequences", "Target"]


class Target(ABC):
    """The facts about y that fitting and predicting need; y itself is not kept.

    Attributes
    ----------
    exclusive : bool
        Whether a sample belongs to exactly one of more than two classes.
    n_steps : int
        The length of the sequence of labels of a sample.
    stratified : bool
        Whether a random split of the rows should keep the shares of the values of y.
    has_unit : bool
        Whether raw is in a unit that y has, and not simply of the order of one.
    """

    exclusive: bool = False
    n_steps: int = 1
    stratified: bool = False
    has_unit: bool = False

    @abstractmethod
    def prepare(self, y: Any, rowwise: bool) -> Array:
        """Return y in the compact form that the data keep: codes of shape (n,), or numbers of shape (n, K)."""

    def distinct(self, y: Array, weight: Array) -> tuple[Array, Array]:
        """Return prepared y and its weights with equal rows taken together, where they are few."""
        return y, weight

    @abstractmethod
    def n_raw(self, rowwise: bool) -> int:
        """Return the number K of columns of raw."""

    @abstractmethod
    def encode(self, y: Array, rowwise: bool) -> Array:
        """Return a block of prepared y as a loss sees it."""

    @abstractmethod
    def mean(self, y: Array, weight: Array, rowwise: bool) -> Array:
        """Return the weighted mean of prepared y, or the class frequencies, as `Loss.link` takes them: shape (K,)."""

    @abstractmethod
    def decode(self, raw: Array, mean: Array) -> Any:
        """Return what predict returns, from raw and the loss's inverse link of it, both (n, K)."""


class Continuous(Target):
    """Numbers: one column or several."""

    has_unit = True

    def __init__(self, y: Array) -> None:
        self.one_dimensional = y.ndim == 1
        self.n_outputs = 1 if y.ndim == 1 else y.shape[1]

    def check(self, y: Array, name: str) -> None:
        """Raise ValueError when y, called by a name, has another number of outputs."""
        if y.reshape(len(y), -1).shape[1] != self.n_outputs:
            raise ValueError(f"{name} has shape {y.shape}: expected {self.n_outputs} output(s), as at first.")

    def prepare(self, y: Array, rowwise: bool) -> Array:
        return np.asarray(y, dtype=np.float64).reshape(len(y), -1)

    def n_raw(self, rowwise: bool) -> int:
        return self.n_outputs

    def encode(self, y: Array, rowwise: bool) -> Array:
        return y[:, 0] if rowwise and y.shape[1] == 1 else y

    def mean(self, y: Array, weight: Array, rowwise: bool) -> Array:
        return _observed_mean(y, weight)

    def decode(self, raw: Array, mean: Array) -> Array:
        return mean[:, 0] if self.one_dimensional else mean


def _observed_mean(y: Array, weight: Array) -> Array:
    """Return the weighted mean of each column, of the entries that are not NaN; 0 where all are."""
    seen = ~np.isnan(y)
    total = weight @ seen
    return np.divide(weight @ np.where(seen, y, 0.0), total, out=np.zeros(len(total)), where=total > 0)


class _Classes(Target):
    """What labels and multilabel indicators share: scores, probabilities."""

    classes: Array

    @abstractmethod
    def check(self, y: Any, name: str) -> None:
        """Raise ValueError when y, called by a name, holds what is no class."""

    @abstractmethod
    def decision(self, raw: Array) -> Array:
        """Return decision_function: (n,) for two classes, else (n, K)."""

    @abstractmethod
    def proba(self, mean: Array) -> Array:
        """Return predict_proba from the loss's inverse link of raw, (n, K)."""


class Labels(_Classes):
    """One class label for each sample: two classes, or more."""

    stratified = True

    def __init__(self, y: Array) -> None:
        self.classes = _sorted_values(y)
        self.exclusive = len(self.classes) > 2
        signs = 2.0 * np.eye(len(self.classes)) - 1.0
        self._signs = signs if self.exclusive else signs[:, 1:]

    def check(self, y: Any, name: str) -> None:
        if y.ndim != 1:
            raise ValueError(f"{name} has shape {y.shape}: expected one label for each sample, (n_samples,).")
        unknown = np.setdiff1d(y, self.classes)
        if len(unknown):
            raise ValueError(
                f"{name} has a label that is no class, {unknown.tolist()[0]!r}: expected one of {self.classes.tolist()}."
            )

    def codes(self, y: Array) -> Array:
        """Return the number of the class of each label."""
        return np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)

    def prepare(self, y: Array, rowwise: bool) -> Array:
        # Rows of weight zero may hold a label that is no class: they get some code, and are never read.
        if not (rowwise or self.exclusive):
            return np.where(y == self.classes[1], 1.0, -1.0).reshape(-1, 1)
        return self.codes(y)

    def distinct(self, y: Array, weight: Array) -> tuple[Array, Array]:
        counts = np.bincount(self._codes(y), weights=weight, minlength=len(self.classes))
        seen = np.flatnonzero(counts)
        return (seen if y.ndim == 1 else 2.0 * seen[:, None] - 1.0), counts[seen]

    @staticmethod
    def _codes(y: Array) -> Array:
        return y if y.ndim == 1 else (y[:, 0] > 0).astype(np.intp)

    def n_raw(self, rowwise: bool) -> int:
        return len(self.classes) if rowwise or self.exclusive else 1

    def encode(self, y: Array, rowwise: bool) -> Array:
        return y if rowwise or y.ndim == 2 else self._signs[y]

    def mean(self, y: Array, weight: Array, rowwise: bool) -> Array:
        frequency = np.bincount(self._codes(y), weights=weight, minlength=len(self.classes)) / weight.sum()
        return frequency if rowwise or self.exclusive else frequency[1:]

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


def _sorted_values(y: Array) -> Array:
    """Return the distinct values, sorted; small integers are counted, which is faster than to sort them."""
    if y.dtype.kind in "iu" and y.size:
        least = int(y.min())
        if int(y.max()) - least <= y.size:  # the difference itself may not fit the type of y
            offsets = y.astype(np.int64) - least if least < 0 else (y - y.min()).astype(np.int64)
            return (np.flatnonzero(np.bincount(offsets)) + least).astype(y.dtype)
    return np.unique(y)


class Multilabel(_Classes):
    """An indicator matrix: any number of labels for each sample."""

    def check(self, y: Any, name: str) -> None:
        if y.ndim != 2 or y.shape[1] != len(self.classes):
            raise ValueError(f"{name} has shape {y.shape}: expected an indicator matrix with {len(self.classes)} columns.")
        values = y.data if sparse.issparse(y) else np.asarray(y)
        if not np.all(np.isin(values, (0, 1)) | (values != values)):
            raise ValueError(f"{name} holds other values than 0 and 1: expected an indicator matrix.")

    def __init__(self, y: Any) -> None:
        self.classes = np.arange(y.shape[1])

    def prepare(self, y: Any, rowwise: bool) -> Array:
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        return y if y.dtype.kind == "f" and np.isnan(y).any() else y.astype(np.int8)

    def n_raw(self, rowwise: bool) -> int:
        return len(self.classes)

    def encode(self, y: Array, rowwise: bool) -> Array:
        if rowwise:
            raise ValueError("A rowwise loss needs exclusive classes; y is a multilabel indicator matrix.")
        return 2.0 * y - 1.0

    def mean(self, y: Array, weight: Array, rowwise: bool) -> Array:
        return _observed_mean(y, weight)

    def decision(self, raw: Array) -> Array:
        return raw

    def decode(self, raw: Array, mean: Array) -> Array:
        return (raw > 0).astype(int)

    def proba(self, mean: Array) -> Array:
        eps = np.finfo(mean.dtype).eps  # scikit-learn wants them strictly between 0 and 1
        return np.clip(mean, eps, 1.0 - eps)


class Sequences(_Classes):
    """A sequence of labels for each sample, (n, n_steps), with padding at its end."""

    def __init__(self, y: Array, padding: Any, n_steps: int | None = None) -> None:
        self.padding = padding
        self.classes = np.unique(y[y != padding])
        self.n_steps = y.shape[1] if n_steps is None else n_steps

    def check(self, y: Any, name: str) -> None:
        if y.ndim != 2 or y.shape[1] != self.n_steps:
            raise ValueError(f"{name} has shape {y.shape}: expected (n_samples, {self.n_steps}).")
        unknown = np.setdiff1d(y[y != self.padding], self.classes)
        if len(unknown):
            raise ValueError(f"{name} has a label that is no class, {unknown.tolist()[0]!r}: expected {self.classes.tolist()}.")

    def prepare(self, y: Array, rowwise: bool) -> Array:
        codes = np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)
        return np.where(y == self.padding, -1, codes)

    def n_raw(self, rowwise: bool) -> int:
        return self.n_steps * len(self.classes)

    def encode(self, y: Array, rowwise: bool) -> Array:
        return y

    def mean(self, y: Array, weight: Array, rowwise: bool) -> Array:
        k = len(self.classes)
        counts = np.stack([np.bincount(step[step >= 0], weights=weight[step >= 0], minlength=k) for step in y.T])
        total = counts.sum(axis=1, keepdims=True)
        return np.divide(counts, total, out=np.full(counts.shape, 1.0 / k), where=total > 0).ravel()

    def _steps(self, values: Array) -> Array:
        return values.reshape(len(values), self.n_steps, -1)

    def decision(self, raw: Array) -> Array:
        return self._steps(raw)

    def decode(self, raw: Array, mean: Array) -> Array:
        return self.classes[self._steps(raw).argmax(axis=2)]

    def proba(self, mean: Array) -> Array:
        return self._steps(mean)
