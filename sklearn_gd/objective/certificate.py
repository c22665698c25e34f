"""The scale of the certificate, set by the best constant prediction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import EPS, Array
from ..rows.base import ColumnMoments

__all__ = ["Reference"]


@dataclass(frozen=True, eq=False)
class Reference:
    """The scale of an objective at the best constant prediction, or at zero without intercept.

    It consists of means, so it also applies to a sample of the rows.

    Attributes
    ----------
    mean, spread : ndarray of shape (n_features,)
        The mean of each column, and its standard deviation, about zero without intercept; 0 for a constant column.
    constant : ndarray of shape (K,)
        The constant raw prediction.
    slopes : ndarray of shape (K,)
        The root mean square of the slope of the loss there, in each column of raw.
    value : float
        F0, the objective there.
    size : float
        The size of F, for its rounding.
    gap : float
        The distance of the constant from the best one: the certificate of the intercept alone.
    """

    mean: Array
    spread: Array
    constant: Array
    slopes: Array
    value: float = np.nan
    size: float = 0.0
    gap: float = 0.0

    @classmethod
    def of_columns(cls, moments: ColumnMoments, fit_intercept: bool, n_raw: int) -> Reference:
        """Return the facts of the columns alone, before the constant is known."""
        return cls(moments.mean, moments.spread(centered=fit_intercept), np.zeros(n_raw), np.ones(n_raw))

    @cached_property
    def scale(self) -> Array:
        """The bound of the gradient of the mean loss in each column with these slopes, (n_features + 1, K).

        It is that of Cauchy and Schwarz; infinite for a constant column, whose gradient is only rounding noise.
        """
        bound = np.outer(np.append(self.spread, 1.0), self.slopes)
        bound[:-1][self.spread == 0] = np.inf
        return bound

    @property
    def coarse_dtype(self) -> Any:
        """The precision for a coarse solution: single, unless squares of the columns would overflow or underflow."""
        size = np.abs(self.mean) + self.spread
        return np.float32 if np.all((size == 0) | ((size > 1e-12) & (size < 1e12))) else np.float64

    @property
    def slope_size(self) -> float:
        """The root mean square of the slope of the loss."""
        return float(np.hypot.reduce(self.slopes))

    def rounding(self, value: float) -> float:
        """Return the rounding error of a value of F."""
        return EPS * max(abs(value), self.size)

    def gain(self, value: float) -> float:
        """Return the distance of a value of F from F0, at least its rounding: the scale of further improvements.

        Bounds that exclude zero weights can put the optimum above F0.
        """
        return max(abs(self.value - value), 16 * self.rounding(value), 1e-300)

    def shortfall(self, gap: float, value: float) -> float:
        """Return the gap between a value of F and a lower bound of it, as a share of the gain; 0 within its rounding."""
        return gap / self.gain(value) if gap > 64 * self.rounding(value) else 0.0

    def among(self, features: Array) -> Reference:
        """Return the reference for the features with the given indices."""
        return replace(self, mean=self.mean[features], spread=self.spread[features])
