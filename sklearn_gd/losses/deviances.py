"""Half deviances of positive targets: raw is the logarithm of the mean, mu = exp(raw)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from ..arrays import Array
from .base import Loss, overflow_to_inf

__all__ = ["Gamma", "InverseGaussian", "Poisson", "Tweedie"]


class _LogLink(Loss):
    """Base class of losses with the log link: raw is the logarithm of a positive mean."""

    task = "regression"

    @overflow_to_inf
    def inverse_link(self, raw: Array) -> Array:
        return np.exp(raw)

    def link(self, mean: Array) -> Array:
        return np.log(np.maximum(mean, 1e-30))

    def check_mean(self, mean: Array) -> None:
        # A subset of the rows, such as a mini-batch or a validation set, may contain no event.
        if self.positive_only and not np.any(mean > 0):
            raise ValueError(f"{type(self).__name__} needs y that is not all zero: no finite raw has the mean 0.")


class Poisson(_LogLink):
    r"""Half the Poisson deviance, for counts and frequencies.

    Domain of y: numbers >= 0, not all zero.

    Link: log; exp(raw) is the conditional mean.

    Formula:

    .. math:: \ell(y, raw) = \exp(raw) - y \, raw

    Relation: `Tweedie` at power 1; the loss of PoissonRegressor, with the same alpha.

    Constants: terms free of raw are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Poisson
    >>> Poisson().gradient(np.array([[3.0]]), np.array([[0.0]]))
    array([[-2.]])

    References
    ----------
    P. McCullagh and J. Nelder, Generalized Linear Models, 1989, chapter 6.
    """

    positive_only = True
    likelihood = "exact"

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        return np.exp(raw) - y * raw

    @overflow_to_inf
    def gradient(self, y: Array, raw: Array) -> Array:
        return np.exp(raw) - y

    @overflow_to_inf
    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        mean = np.exp(raw)
        return mean - y * raw, mean - y

    @overflow_to_inf
    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.exp(raw) * v

    def check_target(self, y: Array) -> None:
        self._domain(np.all(y >= 0), "y >= 0", y)

    def distribution(self, raw: Array) -> Any:
        return stats.poisson(np.exp(raw))


class Gamma(_LogLink):
    r"""Half the gamma deviance, for positive amounts whose standard deviation is proportional to their mean.

    Domain of y: numbers > 0.

    Link: log; exp(raw) is the conditional mean.

    Formula:

    .. math:: \ell(y, raw) = raw + y \exp(-raw)

    Relation: `Tweedie` at power 2; the loss of GammaRegressor, with the same alpha.

    Constants: terms free of raw are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Gamma
    >>> Gamma().gradient(np.array([[3.0]]), np.array([[0.0]]))
    array([[-2.]])

    References
    ----------
    P. McCullagh and J. Nelder, Generalized Linear Models, 1989, chapter 8.
    """

    positive_only = True
    likelihood = "quasi"

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        return raw + y * np.exp(-raw)

    @overflow_to_inf
    def gradient(self, y: Array, raw: Array) -> Array:
        return 1.0 - y * np.exp(-raw)

    @overflow_to_inf
    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        ratio = y * np.exp(-raw)
        return raw + ratio, 1.0 - ratio

    @overflow_to_inf
    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return y * np.exp(-raw) * v

    def check_target(self, y: Array) -> None:
        self._domain(np.all(y > 0), "y > 0", y)


class Tweedie(_LogLink):
    r"""Half the Tweedie deviance, for amounts that are often zero, such as insurance claims.

    Domain of y: numbers >= 0, not all zero, for 1 <= power < 2; numbers > 0 for power >= 2; any number for power 0.

    Link: log; exp(raw) is the conditional mean mu.

    Formula (its limits at powers 1 and 2):

    .. math:: \ell(y, raw) = \frac{\mu^{2-p}}{2-p} - \frac{y \, \mu^{1-p}}{1-p}

    Relation: `Poisson` at power 1, `Gamma` at 2, `InverseGaussian` at 3; the loss of TweedieRegressor with the log link and the
    same alpha. Convex in raw only for powers from 1 to 2.

    Constants: terms free of raw are left out.

    Parameters
    ----------
    power : float, default=1.5
        The exponent p of the variance function, 0 or from 1 to 3: the variance of y is proportional to mu^p.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Poisson, Tweedie
    >>> y, raw = np.array([[3.0]]), np.array([[0.5]])
    >>> np.allclose(Tweedie(power=1).value(y, raw), Poisson().value(y, raw))
    True

    References
    ----------
    B. Jorgensen, Exponential Dispersion Models, 1987.
    """

    likelihood = "quasi"
    ranges = {"power": ("0, or a number from 1 to 3", lambda value: value == 0 or 1 <= value <= 3)}

    def __init__(self, power: float = 1.5) -> None:
        self.power = power

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return 1 <= self.power <= 2

    @property
    def positive_only(self) -> bool:  # type: ignore[override]
        return self.power >= 1

    def _pair(self, y: Array, raw: Array, of_mean: float, of_y: float) -> Array:
        """Return of_mean mu^(2-p) - of_y y mu^(1-p), factored so that inf - inf and 0 * inf do not occur."""
        p = self.power
        shrunk = np.exp(-np.abs(raw))
        large = np.exp((2.0 - p) * np.maximum(raw, 0.0)) * (of_mean - of_y * y * shrunk)
        small = np.exp((1.0 - p) * np.minimum(raw, 0.0)) * (of_mean * shrunk - of_y * y)
        return np.where(raw > 0, large, small)

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        if self.power == 1:
            return np.exp(raw) - y * raw
        if self.power == 2:
            return raw + y * np.exp(-raw)
        return self._pair(y, raw, 1.0 / (2.0 - self.power), 1.0 / (1.0 - self.power))

    @overflow_to_inf
    def gradient(self, y: Array, raw: Array) -> Array:
        return self._pair(y, raw, 1.0, 1.0)

    @overflow_to_inf
    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self._pair(y, raw, 2.0 - self.power, 1.0 - self.power) * v

    def check_target(self, y: Array) -> None:
        if self.power >= 2:
            self._domain(np.all(y > 0), f"y > 0 at power {self.power:g}", y)
        elif self.power >= 1:
            self._domain(np.all(y >= 0), f"y >= 0 at power {self.power:g}", y)


class InverseGaussian(Tweedie):
    r"""Half the inverse Gaussian deviance, for positive amounts with a very long tail (not convex).

    Domain of y: numbers > 0.

    Link: log; exp(raw) is the conditional mean.

    Formula:

    .. math:: \ell(y, raw) = \tfrac12 y \exp(-2 raw) - \exp(-raw)

    Relation: `Tweedie` at power 3.

    Constants: terms free of raw are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import InverseGaussian
    >>> InverseGaussian().value(np.array([[3.0]]), np.array([[0.0]]))
    array([[0.5]])

    References
    ----------
    P. McCullagh and J. Nelder, Generalized Linear Models, 1989, chapter 2.
    """

    ranges = {}
    power = 3.0

    def __init__(self) -> None:
        pass
