"""Losses of the absolute error, with the identity link; all have kinks except `SquaredEpsilonInsensitive`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from .base import Loss, overflow_to_inf

__all__ = ["AbsoluteError", "AbsolutePercentageError", "EpsilonInsensitive", "Quantile", "SquaredEpsilonInsensitive"]

NOT_NEGATIVE = ("a number >= 0", lambda value: 0 <= value < np.inf)
FRACTION = ("a number between 0 and 1, both excluded", lambda value: 0 < value < 1)


class Quantile(Loss):
    r"""The pinball loss: estimates a quantile of y given x.

    Domain of y: any number.

    Link: identity; raw is the conditional quantile.

    Formula:

    .. math:: \ell(y, raw) = q \max(y - raw, 0) + (1 - q) \max(raw - y, 0)

    Relation: half of `AbsoluteError` at quantile = 0.5; `Expectile` is the squared counterpart.

    Constants: none; q = 0.5 gives \|raw - y\| / 2, as in scikit-learn's pinball loss.

    Parameters
    ----------
    quantile : float, default=0.5
        The quantile to estimate, in (0, 1). The loss per unit of underestimation is `quantile`; per unit of overestimation it
        is 1 - `quantile`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Quantile
    >>> Quantile(0.9).value(np.array([[10.0, 10.0]]), np.array([[9.0, 11.0]]))
    array([[0.9, 0.1]])

    References
    ----------
    R. Koenker and G. Bassett, Regression Quantiles, 1978.
    """

    task = "regression"
    smooth = False
    ranges = {"quantile": FRACTION}

    def __init__(self, quantile: float = 0.5) -> None:
        self.quantile = quantile

    def _slopes(self, y: Array) -> tuple[float | Array, float | Array]:
        """Return the slopes to the left and to the right of the kink."""
        return -self.quantile, 1.0 - self.quantile

    def lines(self, y: Array) -> tuple[Array, Array, Array]:
        left, right = self._slopes(y)
        return y[None], np.asarray(left), np.asarray(right)

    def value(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Array, raw: Array) -> Array:
        left, right = self._slopes(y)
        return np.where(raw < y, left, right)

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        slope = self.gradient(y, raw)
        return slope * (raw - y), slope

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.zeros_like(raw)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        left, right = self._slopes(y)
        return np.where(v < y, np.minimum(v - step * left, y), np.maximum(v - step * right, y))


class AbsoluteError(Quantile):
    r"""The absolute error: estimates the median of y given x.

    Domain of y: any number.

    Link: identity; raw is the conditional median.

    Formula:

    .. math:: \ell(y, raw) = |raw - y|

    Relation: twice `Quantile` at 0.5; the limit of `Huber` / delta as delta goes to 0; `EpsilonInsensitive` at epsilon = 0.

    Constants: none.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import AbsoluteError
    >>> AbsoluteError().value(np.array([[1.0]]), np.array([[4.0]]))
    array([[3.]])

    References
    ----------
    P.-S. Laplace, Sur quelques points du systeme du monde, 1789.
    """

    ranges = {}

    def __init__(self) -> None:
        pass

    def _slopes(self, y: Array) -> tuple[float | Array, float | Array]:
        return -1.0, 1.0


class AbsolutePercentageError(Quantile):
    r"""The absolute error as a fraction of y.

    Domain of y: any number; with ``eps=None`` any number but 0.

    Link: identity; raw is the conditional median of y under weights 1 / max(\|y\|, eps).

    Formula:

    .. math:: \ell(y, raw) = |raw - y| \, / \, \max(|y|, eps)

    Relation: `AbsoluteError` with sample_weight 1 / max(\|y\|, eps), except for the normalisation by the sum of weights. Where
    no \|y\| is below eps, its mean is scikit-learn's mean_absolute_percentage_error.

    Constants: a fraction, not a percentage: 0.1 is ten percent.

    Parameters
    ----------
    eps : float or None, default=1.0
        Lower bound of the divisor, in units of y: targets of smaller absolute value are divided by `eps` instead of \|y\|. If
        None, always divide by \|y\|; a target of 0 then raises an error.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import AbsolutePercentageError
    >>> AbsolutePercentageError().value(np.array([[10.0]]), np.array([[9.0]]))
    array([[0.1]])

    References
    ----------
    A. de Myttenaere et al., Mean Absolute Percentage Error for regression models, 2016.
    """

    ranges = {"eps": ("a number > 0, or None", lambda value: value is None or 0 < value < np.inf)}

    def __init__(self, eps: float | None = 1.0) -> None:
        self.eps = eps

    def _slopes(self, y: Array) -> tuple[float | Array, float | Array]:
        scale = 1.0 / np.maximum(np.abs(y), self.eps or 0.0)
        return -scale, scale

    def check_target(self, y: Array) -> None:
        self._domain(self.eps is not None or np.all(y != 0), "y other than 0 when eps=None (give eps, in units of y)", y)


class EpsilonInsensitive(Loss):
    r"""The absolute error beyond a tolerance, the loss of support vector regression.

    Domain of y: any number.

    Link: identity.

    Formula:

    .. math:: \ell(y, raw) = \max(0, |raw - y| - \epsilon)

    Relation: `AbsoluteError` at epsilon = 0; the loss of LinearSVR.

    Constants: none.

    Parameters
    ----------
    epsilon : float, default=0.1
        Tolerance, in units of y: smaller errors have zero loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import EpsilonInsensitive
    >>> EpsilonInsensitive(0.5).value(np.zeros((1, 2)), np.array([[0.4, 2.0]]))
    array([[0. , 1.5]])

    References
    ----------
    V. Vapnik, The Nature of Statistical Learning Theory, 1995.
    """

    task = "regression"
    smooth = False
    ranges = {"epsilon": NOT_NEGATIVE}

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = epsilon

    def lines(self, y: Array) -> tuple[Array, Array, Array]:
        left, right = np.array([[[-1.0]], [[0.0]]]), np.array([[[0.0]], [[1.0]]])
        return np.stack([y - self.epsilon, y + self.epsilon]), left, right

    def value(self, y: Array, raw: Array) -> Array:
        return np.maximum(np.abs(raw - y) - self.epsilon, 0.0)

    def gradient(self, y: Array, raw: Array) -> Array:
        error = raw - y
        return np.where(np.abs(error) > self.epsilon, np.sign(error), 0.0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.zeros_like(raw)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        high, low = y + self.epsilon, y - self.epsilon
        return np.where(v > high, np.maximum(v - step, high), np.where(v < low, np.minimum(v + step, low), v))


def _squared_excess_slope(y: float, raw: float, epsilon: float) -> tuple[float, float]:
    error = raw - y
    excess = error - min(max(error, -epsilon), epsilon)
    return 2.0 * excess, 2.0 if excess != 0 else 0.0


class SquaredEpsilonInsensitive(Loss):
    r"""The square of the error beyond a tolerance.

    Domain of y: any number.

    Link: identity.

    Formula:

    .. math:: \ell(y, raw) = \max(0, |raw - y| - \epsilon)^2

    Relation: the square of `EpsilonInsensitive`; twice `SquaredError` at epsilon = 0.

    Constants: without the factor 1/2, as in LinearSVR(loss="squared_epsilon_insensitive").

    Parameters
    ----------
    epsilon : float, default=0.1
        Tolerance, in units of y: smaller errors have zero loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import SquaredEpsilonInsensitive
    >>> SquaredEpsilonInsensitive(0.5).value(np.zeros((1, 2)), np.array([[0.4, 2.5]]))
    array([[0., 4.]])

    References
    ----------
    V. Vapnik, The Nature of Statistical Learning Theory, 1995.
    """

    task = "regression"
    ranges = {"epsilon": NOT_NEGATIVE}

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = epsilon

    @property
    def scalar_slope(self) -> Any:  # type: ignore[override]
        return _squared_excess_slope, self.epsilon

    def _excess(self, y: Array, raw: Array) -> Array:
        error = raw - y
        return error - np.clip(error, -self.epsilon, self.epsilon)

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        return self._excess(y, raw) ** 2

    def gradient(self, y: Array, raw: Array) -> Array:
        return 2.0 * self._excess(y, raw)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.where(np.abs(raw - y) > self.epsilon, 2.0 * v, 0.0)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        return v - 2.0 * step / (1.0 + 2.0 * step) * self._excess(y, v)
