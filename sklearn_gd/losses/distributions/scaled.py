"""Distributions with a location and a scale: the normal, Student's t and the log-normal distribution."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import gammaln

from ...arrays import Array
from ..base import overflow_to_inf
from .base import LARGEST, Distribution

__all__ = ["LogNormal", "Normal", "StudentT"]

HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)


class _Scaled(Distribution):
    """Base class of locations and scales: raw is the location m and the logarithm s of the scale."""

    convergence_hint = "constant=True, fewer columns or more rows, if the scale falls to zero where y is fitted exactly."
    unbounded_hint = "as the scale falls to zero where y is fitted exactly. What would help: fewer columns, or more rows."

    @abstractmethod
    def _standard(self, square: Array) -> tuple[Array, Array, Array]:
        """Return minus the log-density at z of the standard distribution, given z^2, and two weights A and B.

        The slope at z is A z, and its derivative is A + B z^2.
        """

    def _residual(self, y: Array, raw: Array) -> tuple[Array, Array]:
        """Return (y - m) / scale, and 1 / scale."""
        inverse = np.exp(-np.clip(raw[:, 1], -LARGEST, LARGEST))
        return (y - raw[:, 0]) * inverse, inverse

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        z, _ = self._residual(y, raw)
        return np.clip(raw[:, 1], -LARGEST, np.inf) + self._standard(z * z)[0]

    def _slopes(self, y: Array, raw: Array) -> tuple[Array, Array]:
        z, inverse = self._residual(y, raw)
        slope = self._standard(z * z)[1] * z
        return -slope * inverse, 1.0 - slope * z

    def _bends(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        z, inverse = self._residual(y, raw)
        square = z * z
        _, slope, bend = self._standard(square)
        around = slope + bend * square
        return around * inverse**2, z * inverse * (around + slope), square * (around + slope)

    def _moments(self, mean: float, variance: float) -> tuple[float, float]:
        return mean, 0.5 * np.log(variance or 1.0)


def _median(values: Array, weight: Array) -> float:
    order = np.argsort(values)
    share = np.cumsum(weight[order])
    return float(values[order[np.searchsorted(share, 0.5 * share[-1])]])


class Normal(_Scaled):
    r"""The normal distribution with a mean and a scale for each sample, a heteroscedastic regression (not convex).

    Domain of y: any number.

    Link: identity for the mean m = raw_0; log for the standard deviation, \exp(raw_1).

    Formula:

    .. math:: \ell(y, raw) = raw_1 + \tfrac12 (y - raw_0)^2 \exp(-2 raw_1) + \tfrac12 \log(2 \pi)

    Relation: with ``constant=True`` the mean is that of `SquaredError`. `StudentT` is robust to outliers.

    Constants: minus the log-density, complete.

    Parameters
    ----------
    constant : bool, default=False
        Whether the standard deviation is the same for all samples. If False, it depends on X as the mean does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.losses import Normal
    >>> X = np.repeat([[0.0], [1.0]], 500, axis=0)
    >>> y = np.tile([-1.0, 1.0], 500) * (1.0 + 2.0 * X[:, 0])
    >>> GDRegressor(Normal(), alpha=0.0).fit(X, y).predict_distribution([[0.0], [1.0]]).std().round(3)
    array([1., 3.])

    References
    ----------
    R. Rigby and D. Stasinopoulos, Generalized Additive Models for Location, Scale and Shape, 2005.
    """

    parameters = ("mean", "log scale")
    location_scale = True

    def _standard(self, square: Array) -> tuple[Array, Array, Array]:
        return 0.5 * square + HALF_LOG_TWO_PI, np.ones_like(square), np.zeros_like(square)

    def distribution(self, raw: Array) -> Any:
        return stats.norm(raw[:, 0], np.exp(raw[:, 1]))

    def inverse_link(self, raw: Array) -> Array:
        return raw[:, :1]


class StudentT(_Scaled):
    r"""Student's t distribution with a location and a scale for each sample: regression robust to outliers (not convex).

    Domain of y: any number.

    Link: identity for the location m = raw_0; log for the scale, \exp(raw_1).

    Formula, with z = (y - raw_0) \exp(-raw_1) and \nu degrees of freedom:

    .. math:: \ell(y, raw) = raw_1 + \tfrac{\nu + 1}{2} \log(1 + z^2 / \nu)
        + \log \frac{\Gamma(\nu / 2) \sqrt{\nu \pi}}{\Gamma((\nu + 1) / 2)}

    Relation: `Normal` for large df. With a known scale and df = 1 it is `Cauchy`, up to constants.

    Constants: minus the log-density, complete.

    Parameters
    ----------
    df : float, default=4.0
        Degrees of freedom \nu, above 0. Fewer make it more robust.
    constant : bool, default=False
        Whether the scale is the same for all samples. If False, it depends on X as the location does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.losses import StudentT
    >>> X = np.arange(20.0)[:, None]
    >>> y = 2.0 * X[:, 0] + np.tile([0.5, -0.5], 10)
    >>> y[3] = 500.0
    >>> GDRegressor(StudentT(df=3, constant=True), alpha=0.0).fit(X, y).coef_.round(1)
    array([2.])

    References
    ----------
    K. Lange, R. Little and J. Taylor, Robust Statistical Modeling Using the t Distribution, 1989.
    """

    parameters = ("location", "log scale")
    location_scale = True
    ranges = {**Distribution.ranges, "df": ("a number > 0", lambda value: 0 < value < np.inf)}

    def __init__(self, df: float = 4.0, constant: bool = False) -> None:
        super().__init__(constant)
        self.df = df

    def first_raw(self, y: Array, weight: Array) -> Array:
        """Return the median, and the median distance from it as that of the distribution, so that outliers do not count."""
        middle = _median(y, weight)
        distance = _median(np.abs(y - middle), weight)
        return np.array([middle, np.log(distance / stats.t.ppf(0.75, self.df))]) if distance else super().first_raw(y, weight)

    def _standard(self, square: Array) -> tuple[Array, Array, Array]:
        df = self.df
        level = gammaln(0.5 * df) - gammaln(0.5 * (df + 1.0)) + 0.5 * np.log(df * np.pi)
        slope = (df + 1.0) / (df + square)
        return 0.5 * (df + 1.0) * np.log1p(square / df) + level, slope, -2.0 * slope / (df + square)

    def distribution(self, raw: Array) -> Any:
        return stats.t(self.df, raw[:, 0], np.exp(raw[:, 1]))

    def inverse_link(self, raw: Array) -> Array:
        """Return the location, (n, 1): the mean of y, if it has one."""
        return raw[:, :1]


class LogNormal(_Scaled):
    r"""The log-normal distribution, for positive amounts with a long tail (not convex).

    Domain of y: numbers > 0.

    Link: \log y is normal with mean raw_0 and standard deviation \exp(raw_1); the mean of y is
    \exp(raw_0 + \exp(2 raw_1) / 2).

    Formula:

    .. math:: \ell(y, raw) = \log y + raw_1 + \tfrac12 (\log y - raw_0)^2 \exp(-2 raw_1) + \tfrac12 \log(2 \pi)

    Relation: `Normal` of \log y. Unlike the exponential of a regression on \log y, the prediction is the mean of y.

    Constants: minus the log-density, complete.

    Parameters
    ----------
    constant : bool, default=False
        Whether the standard deviation of \log y is the same for all samples. If False, it depends on X as the mean does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.losses import LogNormal
    >>> y = np.exp(np.tile([-1.0, 1.0], 50))
    >>> model = GDRegressor(LogNormal(), alpha=0.0).fit(np.zeros((100, 1)), y)
    >>> print(model.predict([[0.0]]).round(3), np.exp(0.5).round(3))
    [1.649] 1.649

    References
    ----------
    J. Aitchison and J. Brown, The Lognormal Distribution, 1957.
    """

    parameters = ("log location", "log scale")
    positive_only = True

    def check_target(self, y: Array) -> None:
        self._domain(np.all(y > 0), "y > 0", y)

    def _standard(self, square: Array) -> tuple[Array, Array, Array]:
        return 0.5 * square + HALF_LOG_TWO_PI, np.ones_like(square), np.zeros_like(square)

    def _residual(self, y: Array, raw: Array) -> tuple[Array, Array]:
        return super()._residual(np.log(y), raw)

    def value(self, y: Array, raw: Array) -> Array:
        return np.log(y) + super().value(y, raw)

    def first_raw(self, y: Array, weight: Array) -> Array:
        return super().first_raw(np.log(y), weight)

    def distribution(self, raw: Array) -> Any:
        return stats.lognorm(s=np.exp(raw[:, 1]), scale=np.exp(raw[:, 0]))

    @overflow_to_inf
    def inverse_link(self, raw: Array) -> Array:
        return np.exp(raw[:, :1] + 0.5 * np.exp(2.0 * raw[:, 1:]))
