"""Smooth losses of the error e = raw - y, with the identity link."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp

from ..arrays import Array
from .base import Loss, overflow_to_inf

__all__ = ["Cauchy", "Expectile", "Huber", "Linex", "LogCosh", "SquaredError"]

POSITIVE = ("a number > 0", lambda value: 0 < value < np.inf)
FRACTION = ("a number between 0 and 1, both excluded", lambda value: 0 < value < 1)


def _error(y: float, raw: float, unused: float) -> tuple[float, float]:
    return raw - y, 1.0


class SquaredError(Loss):
    r"""Half the squared error: estimates the mean of y given x.

    Domain of y: any number.

    Link: identity; raw is the conditional mean.

    Formula:

    .. math:: \ell(y, raw) = \tfrac12 (raw - y)^2

    Relation: the limit of `Huber` as delta goes to infinity; `Expectile` at 0.5. The alpha of Ridge is alpha * sum of weights.

    Constants: with the factor 1/2; the gradient is the residual.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import SquaredError
    >>> SquaredError().value(np.array([[1.0]]), np.array([[4.0]]))
    array([[4.5]])

    References
    ----------
    C. F. Gauss, Theoria motus corporum coelestium, 1809.
    """

    task = "regression"
    likelihood = "normal"
    quadratic = True
    scalar_slope = _error, 0.0

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        return 0.5 * (raw - y) ** 2

    def gradient(self, y: Array, raw: Array) -> Array:
        return raw - y

    @overflow_to_inf
    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        error = raw - y
        return 0.5 * error**2, error

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return v + 0.0 * raw

    def prox(self, y: Array, v: Array, step: float) -> Array:
        return (v + step * y) / (1.0 + step)


def _huber_slope(y: float, raw: float, delta: float) -> tuple[float, float]:
    error = raw - y
    return min(max(error, -delta), delta), 1.0 if abs(error) <= delta else 0.0


class Huber(Loss):
    r"""Huber's loss, quadratic for small errors and linear for large ones: robust to outliers.

    Domain of y: any number.

    Link: identity.

    Formula:

    .. math:: \ell(y, raw) = \tfrac12 e^2 \text{ if } |e| \le \delta, \quad \delta (|e| - \tfrac12 \delta) \text{ beyond}

    Relation: the Moreau envelope of delta * `AbsoluteError`; tends to `SquaredError` as delta goes to infinity. `LogCosh` is
    similar and smoother.

    Constants: e^2 / 2 within delta, as in scikit-learn's SGDRegressor with epsilon = delta. HuberRegressor also estimates the
    scale.

    Parameters
    ----------
    delta : float, default=1.35
        The absolute error at which the loss becomes linear, in units of y. With Gaussian noise, 1.35 standard deviations keep
        95% of the efficiency of least squares.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Huber
    >>> Huber(delta=1.0).value(np.zeros((1, 2)), np.array([[0.5, 3.0]]))
    array([[0.125, 2.5  ]])

    References
    ----------
    P. J. Huber, Robust Estimation of a Location Parameter, 1964.
    """

    task = "regression"
    ranges = {"delta": POSITIVE}

    def __init__(self, delta: float = 1.35) -> None:
        self.delta = delta

    @property
    def scalar_slope(self) -> Any:  # type: ignore[override]
        return _huber_slope, self.delta

    def value(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Array, raw: Array) -> Array:
        return np.clip(raw - y, -self.delta, self.delta)

    @overflow_to_inf
    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        error = raw - y
        slope = np.clip(error, -self.delta, self.delta)
        return slope * (error - 0.5 * slope), slope

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.where(np.abs(raw - y) <= self.delta, v, 0.0)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        error = v - y
        return v - step * np.clip(error / (1.0 + step), -self.delta, self.delta)


class Expectile(Loss):
    r"""The asymmetric squared error: estimates an expectile of y given x.

    Domain of y: any number.

    Link: identity; raw is the conditional expectile.

    Formula:

    .. math:: \ell(y, raw) = |\tau - [raw > y]| \, (raw - y)^2

    Relation: `SquaredError` at 0.5; the smooth counterpart of `Quantile`.

    Constants: without the factor 1/2; expectile = 0.5 is exactly squared_error.

    Parameters
    ----------
    expectile : float, default=0.5
        Weight of underestimation, in (0, 1). The weight of overestimation is 1 - `expectile`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Expectile
    >>> Expectile(0.9).value(np.array([[0.0, 0.0]]), np.array([[-1.0, 1.0]]))
    array([[0.9, 0.1]])

    References
    ----------
    W. Newey and J. Powell, Asymmetric Least Squares Estimation and Testing, 1987.
    """

    task = "regression"
    ranges = {"expectile": FRACTION}

    def __init__(self, expectile: float = 0.5) -> None:
        self.expectile = expectile

    def _weight(self, error: Array) -> Array:
        return np.where(error > 0, 1.0 - self.expectile, self.expectile)

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        error = raw - y
        return self._weight(error) * error**2

    def gradient(self, y: Array, raw: Array) -> Array:
        error = raw - y
        return 2.0 * self._weight(error) * error

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return 2.0 * self._weight(raw - y) * v

    def prox(self, y: Array, v: Array, step: float) -> Array:
        error = v - y
        return y + error / (1.0 + 2.0 * step * self._weight(error))


class LogCosh(Loss):
    r"""The log-cosh loss, a smooth function that is quadratic for small errors and linear for large ones.

    Domain of y: any number.

    Link: identity.

    Formula:

    .. math:: \ell(y, raw) = \log \cosh (raw - y)

    Relation: close to `Huber` with delta = 1, and twice differentiable.

    Constants: none; approximately e^2 / 2 for small errors and \|e\| - log 2 for large ones.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import LogCosh
    >>> LogCosh().value(np.array([[0.0]]), np.array([[1.0]])).round(6)
    array([[0.433781]])

    References
    ----------
    P. Green, Bayesian Reconstructions From Emission Tomography Data Using a Modified EM Algorithm, 1990.
    """

    task = "regression"

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        size = np.abs(raw - y)
        near = np.log1p(2.0 * np.sinh(0.5 * np.minimum(size, 1.0)) ** 2)
        return np.where(size < 1.0, near, size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0))

    def gradient(self, y: Array, raw: Array) -> Array:
        return np.tanh(raw - y)

    @overflow_to_inf
    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        decay = np.exp(-2.0 * np.abs(raw - y))
        return 4.0 * decay / (1.0 + decay) ** 2 * v


class Cauchy(Loss):
    r"""The Cauchy loss, robust even to extreme outliers, whose gradient vanishes (not convex).

    Domain of y: any number.

    Link: identity.

    Formula:

    .. math:: \ell(y, raw) = \tfrac12 scale^2 \log(1 + (e / scale)^2)

    Relation: proportional to the negative log-likelihood of a Cauchy distribution, up to a constant; the loss of scipy's
    least_squares(loss="cauchy").

    Constants: the factor scale^2 / 2 makes the curvature at 0 equal to 1; approximately e^2 / 2 for small errors.

    Parameters
    ----------
    scale : float, default=1.0
        The absolute error at which the gradient is largest, in units of y.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Cauchy
    >>> Cauchy().gradient(np.zeros((1, 3)), np.array([[0.1, 1.0, 100.0]])).round(3)
    array([[0.099, 0.5  , 0.01 ]])

    References
    ----------
    D. Geman and S. Geman, Stochastic Relaxation, Gibbs Distributions, and the Bayesian Restoration of Images, 1984.
    """

    task = "regression"
    convex = False
    ranges = {"scale": POSITIVE}

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def value(self, y: Array, raw: Array) -> Array:
        t = np.abs(raw - y) / self.scale
        small = 0.5 * np.log1p(np.minimum(t, 1.0) ** 2)
        return self.scale**2 * np.where(t < 1.0, small, np.log(np.hypot(1.0, t)))

    def gradient(self, y: Array, raw: Array) -> Array:
        t = (raw - y) / self.scale
        far = np.abs(t) > 1.0
        safe = np.where(far, t, 1.0)
        return self.scale * np.where(far, 1.0 / (safe + 1.0 / safe), t / (1.0 + np.where(far, 0.0, t) ** 2))

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        t = (raw - y) / self.scale
        share = 1.0 / np.hypot(1.0, t) ** 2 if np.all(np.abs(t) < 1e150) else (1.0 / np.hypot(1.0, t)) ** 2
        return share * (2.0 * share - 1.0) * v


class Linex(Loss):
    r"""The linear-exponential loss, which grows exponentially on one side and almost linearly on the other.

    Domain of y: any number.

    Link: identity.

    Formula, with e = raw - y:

    .. math:: \ell(y, raw) = (\exp(a e) - a e - 1) / a^2

    Relation: tends to `SquaredError` as a goes to 0.

    Constants: the factor 1 / a^2 makes the curvature at 0 equal to 1.

    Parameters
    ----------
    a : float, default=1.0
        Asymmetry, in units of 1 / y, not 0. A positive value penalises overestimation more, a negative one underestimation.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Linex
    >>> Linex().value(np.zeros((1, 2)), np.array([[-2.0, 2.0]])).round(3)
    array([[1.135, 4.389]])

    References
    ----------
    H. Varian, A Bayesian Approach to Real Estate Assessment, 1975.
    """

    task = "regression"
    ranges = {"a": ("a number other than 0", lambda value: value != 0 and np.isfinite(value))}

    def __init__(self, a: float = 1.0) -> None:
        self.a = a

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        x = self.a * (raw - y)
        near = np.abs(x) < 1.0
        # exp(x) - x - 1 suffers from cancellation near 0; use x^2/2 (1 + x/3 (1 + x/4 (1 + ...))) there.
        small, series = np.where(near, x, 0.0), np.ones_like(x)
        for k in range(20, 2, -1):
            series = 1.0 + small / k * series
        return np.where(near, 0.5 * small**2 * series, np.expm1(x) - x) / self.a**2

    @overflow_to_inf
    def gradient(self, y: Array, raw: Array) -> Array:
        return np.expm1(self.a * (raw - y)) / self.a

    def first_raw(self, y: Array, weight: Array) -> Array:
        """Return the best constant, as the mean of y may be so far from it that the loss overflows."""
        seen = ~np.isnan(y)
        share = weight[:, None] * seen
        share = share / np.maximum(share.sum(axis=0), 1e-300)
        return -logsumexp(np.where(seen, -self.a * y, 0.0), axis=0, b=share) / self.a

    @overflow_to_inf
    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.exp(self.a * (raw - y)) * v
