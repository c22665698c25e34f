"""Targets of classes with an order, and of probabilities of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from .base import Encoding, LossFacts, Target, check_takes_shares
from .classes import Labels

__all__ = ["Ordered", "SoftLabels"]

# How far the sum of rounded probabilities may be from one.
ROUNDED = 1e-3


class Ordered(Labels):
    """A target with one of several ordered labels per sample.

    Parameters
    ----------
    y : ndarray
        Some labels.
    categories : sequence of labels, or None
        All labels in order; if None, those in y, sorted.
    """

    def __init__(self, y: Array, categories: Any = None) -> None:
        super().__init__(y)
        if categories is not None:
            given = np.asarray(categories)
            unknown = np.setdiff1d(self.classes, given)
            if len(unknown):
                raise ValueError(f"y has the label {unknown.tolist()[0]!r}: expected one of categories={given.tolist()}.")
            self.classes, self.exclusive = given, len(given) > 2
        self.fixed = categories is not None

    def codes(self, y: Array) -> Array:
        order = np.argsort(self.classes, kind="stable")
        places = np.searchsorted(self.classes, y, sorter=order)
        return order[np.minimum(places, len(order) - 1)]

    def decode(self, raw: Array, mean: Array) -> Array:
        return self.classes[raw.argmax(axis=1)]

    def merged(self, other: Target) -> Target:
        if self.fixed:
            return self
        merged = super().merged(other)
        return self if merged is self else Ordered(np.asarray(merged.classes))

    def encoded_for(self, loss: LossFacts) -> Encoding:
        if not loss.rowwise:
            raise ValueError(f"y has ordered labels, and {loss.name} takes labels without an order: use OrdinalLogLoss.")
        return super().encoded_for(loss)


@dataclass(frozen=True)
class _Probabilities(Encoding):
    def encode(self, y: Array) -> Array:
        return y

    def totals(self, y: Array, weight: Array) -> tuple[Array, Array]:
        return weight @ y, np.full(y.shape[1], weight.sum())


class SoftLabels(Target):
    """A target with the probability of each class per sample, (n, K).

    Parameters
    ----------
    y : ndarray of shape (n, K)
    """

    classes: Array
    shares = True

    def __init__(self, y: Array) -> None:
        self.classes = np.arange(y.shape[1])
        self.exclusive = True
        self.check(y, "y")

    def check(self, y: Any, name: str) -> None:
        if y.ndim != 2 or y.shape[1] != len(self.classes):
            raise ValueError(
                f"{name} has shape {y.shape}: expected the probabilities of {len(self.classes)} classes in columns."
            )
        if np.any(y < 0) or not np.allclose(y.sum(axis=1), 1.0, rtol=0.0, atol=ROUNDED):
            raise ValueError(f"{name} has rows that are no probabilities: expected numbers >= 0 with the sum 1 in each row.")

    def n_raw(self, rowwise: bool) -> int:
        return len(self.classes)

    def prepare(self, y: Any, rowwise: bool) -> Array:
        y = np.asarray(y, dtype=np.float64)
        self.check(y, "y")
        return y / y.sum(axis=1, keepdims=True)

    def merged(self, other: Target) -> Target:
        """Return this target for soft labels of the same classes, and for rows that happen to hold only zeros and ones."""
        if other.classes is not None and np.array_equal(self.classes, other.classes) and not other.exclusive:
            return self
        return super().merged(other)

    def encoded_for(self, loss: LossFacts) -> Encoding:
        check_takes_shares(loss)
        return _Probabilities(loss.n_raw(self))

    def decode(self, raw: Array, mean: Array) -> Array:
        return self.classes[raw.argmax(axis=1)]

    def proba(self, mean: Array) -> Array:
        return mean / mean.sum(axis=1, keepdims=True)

    def tally(self, y: Any, predicted: Any, weight: Array) -> Array:
        self.check(np.asarray(y), "y")
        return np.array([weight @ (np.argmax(y, axis=1) == predicted), weight.sum()])

    def scored(self, tally: Array) -> float:
        """Return the accuracy with respect to the most probable class."""
        return float(tally[0] / tally[1])
