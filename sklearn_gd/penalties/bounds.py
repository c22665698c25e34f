"""Bound constraints on the weights, as penalties."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array
from .base import Penalty
from .names import by_name, numbers

__all__ = ["Box", "NonNegative", "Signs"]


class _Interval(Penalty):
    """Base class of penalties that restrict each weight to an interval."""

    separable = True
    bounds = True

    @abstractmethod
    def _bounds(self, weights: Array) -> tuple[Array, Array]:
        """Return the lower and upper bounds, which broadcast to the shape of the weights."""

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


class Box(_Interval):
    r"""Lower and upper bounds on the weights; alpha has no effect.

    .. math:: R(w) = 0 \text{ if } lower \le w \le upper, \quad \infty \text{ otherwise}

    Parameters
    ----------
    lower, upper : float, array-like of shape (n_features,) or dict, default=-inf and inf
        The bounds, in the units of the weights. A dict maps feature names, patterns of them or column numbers to bounds; the
        other features have none.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import Box
    >>> Box(lower=0, upper=1).prox(np.array([[-1.0], [0.5], [3.0]]), step=0.0)
    array([[0. ],
           [0.5],
           [1. ]])
    >>> Box(lower={"age": 0.0}).named(["age", "income"])
    Box(lower=array([  0., -inf]))

    References
    ----------
    D. Bertsekas, Projected Newton Methods for Optimization Problems with Simple Constraints, 1982.
    """

    neutral = {"lower": -np.inf, "upper": np.inf}

    def __init__(
        self, lower: ArrayLike | Mapping[Any, float] = -np.inf, upper: ArrayLike | Mapping[Any, float] = np.inf
    ) -> None:
        self.lower = lower
        self.upper = upper

    def check_parameters(self) -> None:
        keyed = by_name(self.lower) is not None or by_name(self.upper) is not None  # their order is checked when resolved
        try:
            low, high = numbers(self.lower), numbers(self.upper)
            ordered = bool(np.all(low < np.inf) and np.all(high > -np.inf) and (keyed or np.all(low <= high)))
        except (TypeError, ValueError):
            ordered = False
        if not ordered:
            raise ValueError(f"{self!r}: expected numbers with lower <= upper.")

    def _bounds(self, weights: Array) -> tuple[Array, Array]:
        return self._per_feature("lower", weights), self._per_feature("upper", weights)


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


class Signs(_Interval):
    r"""Given signs of the weights, for effects of known direction; alpha has no effect.

    .. math:: R(w) = 0 \text{ if } s_j w_j \ge 0 \text{ for all } j, \quad \infty \text{ otherwise}

    The raw prediction of a linear model then increases with the features of sign 1 and decreases with those of sign -1, and so
    does the prediction under every increasing inverse link. For a network, where the signs of weights do not imply this, it is
    refused. With several columns of raw, each of them is restricted; under softmax, where a constant may be added to the
    weights of all classes, that restricts no prediction.

    Parameters
    ----------
    monotonic_cst : array-like of int of shape (n_features,) or dict
        The signs s_j: 1 (increasing), -1 (decreasing) or 0 (no constraint), as for
        `sklearn.ensemble.HistGradientBoostingRegressor`. A dict maps feature names, patterns of them or column numbers to
        signs; the other features have no constraint.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import Signs
    >>> signs = Signs({"age": 1, "price": -1}).named(["age", "income", "price"])
    >>> signs.prox(np.array([[-2.0], [-2.0], [-2.0]]), step=0.0)
    array([[ 0.],
           [-2.],
           [-2.]])

    References
    ----------
    M. Slawski and M. Hein, Non-negative Least Squares for High-dimensional Linear Models, 2013.
    """

    ranges = {"monotonic_cst": ("1, 0 or -1 for each feature", lambda value: set(numbers(value).ravel()) <= {-1, 0, 1})}

    neutral = {"monotonic_cst": 0}

    def __init__(self, monotonic_cst: ArrayLike | Mapping[Any, float]) -> None:
        self.monotonic_cst = monotonic_cst

    def check_features(self, n_features: int) -> None:
        size = np.size(self._given("monotonic_cst"))
        if size != n_features:  # not even one sign for all, which a network would take for its weights
            raise ValueError(f"{self._title('monotonic_cst')} has {size} signs: expected {n_features}, one for each feature.")

    def _bounds(self, weights: Array) -> tuple[Array, Array]:
        signs = self._per_feature("monotonic_cst", weights)
        return np.where(signs > 0, 0.0, -np.inf), np.where(signs < 0, 0.0, np.inf)
