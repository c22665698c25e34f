"""Smooth losses of the error e = raw - y, with the identity link."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from .base import Loss, overflow_to_inf

__all__ = ["Cauchy", "Expectile", "Huber", "Linex", "LogCosh", "SquaredError"]

POSITIVE = ("a number > 0", lambda value: 0 < value < np.inf)
FRACTION = ("a number between 0 and 1, both excluded", lambda value: 0 < value < 1)


class SquaredError(Loss):
    r"""Half the squared error: the mean of y given x.

    Domain of y: any number.

    Link: identity; raw is the conditional mean.

    Formula:

    .. math:: \ell(y, raw) = \tfrac12 (raw - y)^2

    Relation: `Huber` for delta to infinity, `Expectile` at 0.5. Ridge has alpha * sum of weights.

    Constants: with the half, so that the gradient is the residual.

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
    quadratic = True

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


class Huber(Loss):
    r"""Quadratic for small errors, linear for large ones: a mean that outliers do not pull.

    Domain of y: any number.

    Link: identity.

    Formula:

    .. math:: \ell(y, raw) = \tfrac12 e^2 \text{ if } |e| \le \delta, \quad \delta (|e| - \tfrac12 \delta) \text{ beyond}

    Relation: the Moreau envelope of delta * `AbsoluteError`; `SquaredError` for delta to infinity. `LogCosh` is a
    smooth cousin.

    Constants: 1/2 e^2 inside delta, as scikit-learn's SGDRegressor with epsilon = delta; HuberRegressor also
    fits the scale.

    Parameters
    ----------
    delta : float, default=1.35
        Where the line begins, in units of y; 1.35 noise standard deviations keep 95% of the efficiency of least squares.

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
    r"""Squared error with one weight above and another below: the expectile of y given x.

    Domain of y: any number.

    Link: identity; raw is the conditional expectile.

    Formula:

    .. math:: \ell(y, raw) = |\tau - [raw > y]| \, (raw - y)^2

    Relation: `SquaredError` at 0.5; the smooth sister of `Quantile`.

    Constants: without a half, so that expectile = 0.5 is squared_error exactly.

    Parameters
    ----------
    expectile : float, default=0.5
        In (0, 1): the weight of underestimation; overestimation has 1 - expectile.

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
    r"""The logarithm of the hyperbolic cosine of the error: quadratic near 0, absolute far away, smooth everywhere.

    Domain of y: any number.

    Link: identity.

    Formula:

    .. math:: \ell(y, raw) = \log \cosh (raw - y)

    Relation: close to `Huber` with delta = 1, and twice differentiable.

    Constants: none; 1/2 e^2 near 0, \|e\| - log 2 far away.

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
    r"""The logarithm of one plus the squared error: far outliers lose all pull. Not convex.

    Domain of y: any number.

    Link: identity.

    Formula:

    .. math:: \ell(y, raw) = \tfrac12 scale^2 \log(1 + (e / scale)^2)

    Relation: the negative log likelihood of a Cauchy distribution; 1/2 e^2 near 0; scipy's least_squares(loss="cauchy").

    Constants: the half and scale^2, so that the curvature at 0 is 1.

    Parameters
    ----------
    scale : float, default=1.0
        Where the pull is greatest, in units of y.

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
    r"""Exponential on one side, nearly linear on the other: an error one way costs far more than the other way.

    Domain of y: any number.

    Link: identity.

    Formula, with e = raw - y:

    .. math:: \ell(y, raw) = (\exp(a e) - a e - 1) / a^2

    Relation: `SquaredError` for a to 0.

    Constants: divided by a^2, so that the curvature at 0 is 1.

    Parameters
    ----------
    a : float, default=1.0
        Positive punishes overestimation, negative underestimation; in units of 1 / y; not 0.

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
        # exp(x) - x - 1 loses digits near 0: there, x^2/2 (1 + x/3 (1 + x/4 (1 + ...))).
        small, series = np.where(near, x, 0.0), np.ones_like(x)
        for k in range(20, 2, -1):
            series = 1.0 + small / k * series
        return np.where(near, 0.5 * small**2 * series, np.expm1(x) - x) / self.a**2

    @overflow_to_inf
    def gradient(self, y: Array, raw: Array) -> Array:
        return np.expm1(self.a * (raw - y)) / self.a

    @overflow_to_inf
    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.exp(self.a * (raw - y)) * v
