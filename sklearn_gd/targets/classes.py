"""Class targets: one label, several labels, or a sequence of labels per sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import column_or_1d

from ..arrays import Array
from .base import Encoding, LossFacts, Target, observed

__all__ = ["Labels", "Multilabel", "Sequences"]


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
    """Class indices, (n,); for an elementwise loss one column of -1.0 or 1.0 per class, one-vs-rest."""

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
    """A target with one class label per sample, of two or more classes."""

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
        # Rows of weight zero may hold a label that is not a class: they get an arbitrary code and are never read.
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
        if not isinstance(other, Labels):
            return super().merged(other)
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
    """Return the distinct values, sorted; small integers are counted, which is faster than sorting."""
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
        return observed(y, weight)


class Multilabel(Target):
    """A multilabel target: an indicator matrix with any number of labels per sample, NaN for missing entries."""

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
        if not isinstance(other, Multilabel):
            return other.merged(self) if other.shares else super().merged(other)
        if len(other.classes) != len(self.classes):
            raise ValueError(f"y has {len(other.classes)} columns: expected {len(self.classes)}, as in the rows before.")
        return self

    def tally(self, y: Any, predicted: Any, weight: Array) -> Array:
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        missing = y != y
        right, seen = ((predicted == y) | missing).all(axis=1), weight * ~missing.all(axis=1)
        return np.array([seen @ right, seen.sum()])

    def scored(self, tally: Array) -> float:
        """Return the share of samples with all observed labels right, among samples with any observed label."""
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
        """Return the class frequencies at each step, uniform if there is only padding."""
        return np.divide(sums, weights, out=np.full(sums.shape, 1.0 / self.n_classes), where=weights > 0).ravel()


class Sequences(Target):
    """A target with a sequence of labels per sample, (n, n_steps), padded at the end; the loss sees codes, -1 for padding.

    Parameters
    ----------
    y : ndarray of shape (n, n_steps)
    padding : int or str
    classes : ndarray or None, default=None
        All labels that may occur. If None, those in y.
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
