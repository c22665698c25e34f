"""Numerical targets."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from ..arrays import Array
from .base import Encoding, LossFacts, Target, check_takes_shares, observed

__all__ = ["Continuous", "Fractions"]


@dataclass(frozen=True)
class _Numbers(Encoding):
    flat: bool

    def encode(self, y: Array) -> Array:
        return y[:, 0] if self.flat else y

    def totals(self, y: Array, weight: Array) -> tuple[Array, Array]:
        return observed(y, weight)


@dataclass(frozen=True, eq=False)
class _Squares:
    """For each output, (K,): the count, weight and mean of the observed entries, and the sums of squares and of errors."""

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
        """Return R^2, averaged over the outputs, as in `sklearn.metrics.r2_score`."""
        if np.any(self.count == 1):
            warnings.warn("R^2 is not defined for fewer than two samples.", UndefinedMetricWarning, stacklevel=2)
            return float("nan")
        some = self.count > 0
        spread, error = self.spread[some], self.error[some]
        constant = np.where(error > 0, 0.0, 1.0)
        return float(np.mean(np.where(spread > 0, 1.0 - error / np.where(spread > 0, spread, 1.0), constant)))


class Continuous(Target):
    """A numerical target, with one column or several.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_outputs)
    scored : int or None, default=None
        The prediction to score, if a loss makes several for one output. If None, there is one for each output.
    """

    has_unit = True
    scored_column: int | None = None

    def __init__(self, y: Array, scored: int | None = None) -> None:
        self.one_dimensional = y.ndim == 1
        self.n_outputs = 1 if y.ndim == 1 else y.shape[1]
        self.scored_column = scored

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
        mean = mean.reshape(len(mean), -1)
        if self.scored_column is None:
            mean = mean[:, : self.n_outputs]
        return mean[:, 0] if self.one_dimensional and mean.shape[1] == 1 else mean

    def merged(self, other: Target) -> Target:
        assert isinstance(other, Continuous)
        if (other.n_outputs, other.one_dimensional) != (self.n_outputs, self.one_dimensional):
            raise ValueError(f"y has {other.n_outputs} output(s): expected {self.n_outputs}, as in the rows before.")
        return self

    def tally(self, y: Array, predicted: Array, weight: Array) -> _Squares:
        predicted = predicted.reshape(len(y), -1)
        if self.scored_column is not None and predicted.shape[1] != self.n_outputs:
            predicted = predicted[:, self.scored_column : self.scored_column + 1]
        return _Squares.of(np.reshape(y, (len(y), -1)), predicted, weight)

    def scored(self, tally: _Squares) -> float:
        """Return R^2, averaged over the outputs."""
        return tally.determination()

    def shaped(self, value: Array) -> Any:
        return value[0] if self.one_dimensional and len(value) == 1 else value


class Fractions(Continuous):
    """A target of shares between 0 and 1, for a loss of labels: the probability of the positive label in each column."""

    has_unit = False
    shares = True

    def encoded_for(self, loss: LossFacts) -> Encoding:
        check_takes_shares(loss)
        return super().encoded_for(loss)
