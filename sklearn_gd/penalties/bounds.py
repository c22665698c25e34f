"""Bound constraints on the weights, as penalties."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array
from .base import Penalty

__all__ = ["Box", "NonNegative"]


class Box(Penalty):
    r"""Lower and upper bounds on the weights; alpha has no effect.

    .. math:: R(w) = 0 \text{ if } lower \le w \le upper, \quad \infty \text{ otherwise}

    Parameters
    ----------
    lower, upper : float or array-like of shape (n_features,), default=-inf and inf
        The bounds, in the units of the weights.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import Box
    >>> Box(lower=0, upper=1).prox(np.array([[-1.0], [0.5], [3.0]]), step=0.0)
    array([[0. ],
           [0.5],
           [1. ]])

    References
    ----------
    D. Bertsekas, Projected Newton Methods for Optimization Problems with Simple Constraints, 1982.
    """

    separable = True
    bounds = True

    def __init__(self, lower: ArrayLike = -np.inf, upper: ArrayLike = np.inf) -> None:
        self.lower = lower
        self.upper = upper

    def check_parameters(self) -> None:
        try:
            low, high = np.asarray(self.lower, dtype=float), np.asarray(self.upper, dtype=float)
            ordered = bool(np.all(low <= high) and np.all(low < np.inf) and np.all(high > -np.inf))
        except (TypeError, ValueError):
            ordered = False
        if not ordered:
            raise ValueError(f"{self!r}: expected numbers with lower <= upper.")

    def check_features(self, n_features: int) -> None:
        self._check_per_feature("lower", n_features)
        self._check_per_feature("upper", n_features)

    def _bounds(self, weights: Array) -> tuple[Array, Array]:
        return self._per_feature("lower", weights), self._per_feature("upper", weights)

    def value(self, weights: Array) -> float:
        low, high = self._bounds(weights)
        return 0.0 if np.all((low <= weights) & (weights <= high)) else np.inf

    def prox(self, weights: Array, step: float | Array) -> Array:
        return np.clip(weights, *self._bounds(weights))

    def kinks(self, weights: Array) -> Array:
        return np.stack(np.broadcast_arrays(*self._bounds(weights)))

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        low, high = self._bounds(weights)
        return np.where(weights <= low, np.minimum(-gradient, 0.0), 0.0) + np.where(
            weights >= high, np.maximum(-gradient, 0.0), 0.0
        )


class NonNegative(Box):
    """Non-negative weights: `Box` with lower = 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import NonNegative
    >>> NonNegative().prox(np.array([[-1.0], [0.5]]), step=0.0)
    array([[0. ],
           [0.5]])

    References
    ----------
    C. Lawson and R. Hanson, Solving Least Squares Problems, 1974, chapter 23.
    """

    lower = 0.0
    upper = np.inf

    def __init__(self) -> None:
        pass
