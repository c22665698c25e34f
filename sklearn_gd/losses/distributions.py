"""Minus log-likelihoods of distributions with two parameters: raw has a column for each, both of which depend on X.

The first column gives the location, the second one the spread (or the inflation with zeros).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import betaln, digamma, expit, gammaln, xlogy

from ..arrays import Array
from ..targets import Target
from .base import Loss, overflow_to_inf
from .zero_inflated import zero_inflated_poisson

__all__ = ["Beta", "Distribution", "LogNormal", "NegativeBinomial", "Normal", "StudentT", "ZeroInflatedPoisson"]

HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)

# The largest size of the logarithm of a spread: beyond it, its exponential or that of its square overflows.
LARGEST = 300.0


# The Bernoulli numbers B_2 ... B_16, for the asymptotic series of the trigamma function.
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def trigamma(x: Array) -> Array:
    """Return the second derivative of log Gamma for x > 0, three times as fast as `scipy.special.polygamma`.

    Eight steps of its recurrence lead to an argument at which the asymptotic series is exact (M. Abramowitz and I. Stegun,
    Handbook of Mathematical Functions, 1964, 6.4.6 and 6.4.12).
    """
    result = np.zeros_like(x)
    for step in range(8):
        result += 1.0 / (x + step) ** 2
    z = x + 8.0
    square, series = 1.0 / (z * z), np.zeros_like(x)
    for number in reversed(BERNOULLI):
        series = number * square + series * square
    return result + (1.0 + 0.5 / z + series) / z


class Distribution(Loss):
    """Base class of minus log-likelihoods, with raw of shape (n, 2) for y of shape (n,).

    Parameters
    ----------
    constant : bool, default=False
        Whether the second parameter is the same for all samples. If False, it depends on X as the first one does.
    """

    task = "regression"
    rowwise = True
    convex = False
    single_output = True
    likelihood = "exact"
    ranges = {"constant": ("True or False", lambda value: isinstance(value, (bool, np.bool_)))}

    def __init__(self, constant: bool = False) -> None:
        self.constant = constant

    @abstractmethod
    def distribution(self, raw: Array) -> Any:
        """Return the distribution of y for raw, (n, 2), a frozen distribution of `scipy.stats` with n entries."""

    @abstractmethod
    def _slopes(self, y: Array, raw: Array) -> tuple[Array, Array]:
        """Return the slopes in both columns."""

    @abstractmethod
    def _bends(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        """Return the second derivative in the first column, the mixed one, and that in the second column."""

    @abstractmethod
    def _moments(self, mean: float, variance: float) -> tuple[float, float]:
        """Return the constant raw for a mean and a variance of y."""

    def n_raw(self, target: Target) -> int:
        return 2

    def n_weighted(self, n_raw: int) -> int:
        return 1 if self.constant else n_raw

    def offset_of_raw(self, offset: Array, n_raw: int) -> Array:
        return super().offset_of_raw(offset, n_raw) if offset.shape[1] != 1 else np.hstack([offset, np.zeros_like(offset)])

    def first_raw(self, y: Array, weight: Array) -> Array:
        mean = float(weight @ y / weight.sum())
        return np.array(self._moments(mean, float(weight @ (y - mean) ** 2 / weight.sum())))

    @overflow_to_inf
    def gradient(self, y: Array, raw: Array) -> Array:
        return np.stack(self._slopes(y, raw), axis=1)

    @overflow_to_inf
    def curvature_matrix(self, y: Array, raw: Array) -> Array:
        first, mixed, second = self._bends(y, raw)
        return np.stack([first, mixed, mixed, second], axis=1).reshape(-1, 2, 2)

    def curvature_state(self, y: Array, raw: Array) -> Array:
        return self.curvature_matrix(y, raw)

    def curvature_times(self, y: Array, state: Array, v: Array) -> Array:
        return np.einsum("njk,nk->nj", state, v)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self.curvature_times(y, self.curvature_matrix(y, raw), v)

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        return np.einsum("nkk->nk", self.curvature_matrix(y, raw))

    def inverse_link(self, raw: Array) -> Array:
        """Return the mean of y, (n, 1)."""
        return np.asarray(self.distribution(raw).mean())[:, None]

    def link(self, mean: Array) -> Array:
        return np.zeros(2)

    def saturated(self, y: Array, n_raw: int) -> Array:
        """Raise ValueError for a density, which a spread of zero makes infinitely high at y."""
        raise ValueError(f"{self.name} has no smallest loss, as a spread of zero has an infinite likelihood: use mean_loss.")


class _Scaled(Distribution):
    """Base class of locations and scales: raw is the location m and the logarithm s of the scale."""

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
        return raw[:, 1] + self._standard(z * z)[0]

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

    ranges = {**Distribution.ranges, "df": ("a number > 0", lambda value: 0 < value < np.inf)}

    def __init__(self, df: float = 4.0, constant: bool = False) -> None:
        super().__init__(constant)
        self.df = df

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


class NegativeBinomial(Distribution):
    r"""The negative binomial distribution, for counts that vary more than Poisson's (not convex).

    Domain of y: numbers >= 0, not all zero.

    Link: log for the mean, \mu = \exp(raw_0), and for the dispersion, a = \exp(raw_1); the variance of y is \mu + a \mu^2.

    Formula, with r = 1 / a:

    .. math:: \ell(y, raw) = \log \frac{\Gamma(r) \, \Gamma(y + 1)}{\Gamma(y + r)} + r \log(1 + \mu / r)
        + y \log(r + \mu) - y \, raw_0

    Relation: `Poisson` for a dispersion of 0, up to terms free of raw. ``constant=True`` is the model NB2 of statsmodels.

    Constants: minus the log-probability, complete.

    Parameters
    ----------
    constant : bool, default=False
        Whether the dispersion is the same for all samples. If False, it depends on X as the mean does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import NegativeBinomial
    >>> loss = NegativeBinomial()
    >>> value = loss.value(np.array([2.0]), np.array([[0.5, -1.0]]))
    >>> np.allclose(value, -loss.distribution(np.array([[0.5, -1.0]])).logpmf(2.0))
    True

    References
    ----------
    J. Hilbe, Negative Binomial Regression, 2011, chapter 8.
    """

    positive_only = True

    def check_target(self, y: Array) -> None:
        self._domain(np.all(y >= 0), "y >= 0", y)

    def check_mean(self, mean: Array) -> None:
        if not np.any(mean > 0):
            raise ValueError("NegativeBinomial needs y that is not all zero: no finite raw has the mean 0.")

    @staticmethod
    def _mean_and_size(raw: Array) -> tuple[Array, Array]:
        return np.exp(raw[:, 0]), np.exp(-np.clip(raw[:, 1], -LARGEST, LARGEST))

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        mean, r = self._mean_and_size(raw)
        some = np.where(y > 0, y, 1.0)
        ratio = np.where(y > 0, betaln(some, r) + np.log(some), 0.0)  # log G(r) G(y + 1) / G(y + r)
        return ratio + r * np.log1p(mean / r) + y * (np.logaddexp(np.log(r), raw[:, 0]) - raw[:, 0])

    def _slopes(self, y: Array, raw: Array) -> tuple[Array, Array]:
        mean, r = self._mean_and_size(raw)
        total = r + mean
        in_size = digamma(r) - digamma(y + r) + np.log1p(mean / r) + (y - mean) / total
        return r * (mean - y) / total, -r * in_size

    def _bends(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        (first, second), (mean, r) = self._slopes(y, raw), self._mean_and_size(raw)
        total = r + mean
        share = mean / total
        in_size = trigamma(r) - trigamma(y + r) - share / r - (y - mean) / total**2
        return r * share * (r + y) / total, -first * share, r**2 * in_size - second

    def _moments(self, mean: float, variance: float) -> tuple[float, float]:
        mean = max(mean, 1e-30)
        return np.log(mean), np.log(max((variance - mean) / mean**2, 1e-2))

    def distribution(self, raw: Array) -> Any:
        mean, r = self._mean_and_size(raw)
        return stats.nbinom(r, r / (r + mean))

    @overflow_to_inf
    def inverse_link(self, raw: Array) -> Array:
        return np.exp(raw[:, :1])

    def saturated(self, y: Array, n_raw: int) -> Array:
        return xlogy(-y, y) + y + gammaln(y + 1.0)


class Beta(Distribution):
    r"""The beta distribution, for shares strictly between 0 and 1 (not convex).

    Domain of y: numbers > 0 and < 1.

    Link: logit for the mean, \mu = 1 / (1 + \exp(-raw_0)); log for the precision, \phi = \exp(raw_1). The variance of y is
    \mu (1 - \mu) / (1 + \phi).

    Formula, with a = \mu \phi and b = (1 - \mu) \phi:

    .. math:: \ell(y, raw) = \log \frac{\Gamma(a) \, \Gamma(b)}{\Gamma(\phi)} - (a - 1) \log y - (b - 1) \log(1 - y)

    Relation: `LogLoss` in GDRegressor also models a share, of which 0 and 1 may be values, but not its spread.

    Constants: minus the log-density, complete.

    Parameters
    ----------
    constant : bool, default=False
        Whether the precision is the same for all samples. If False, it depends on X as the mean does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Beta
    >>> loss, raw = Beta(), np.array([[0.5, 2.0]])
    >>> np.allclose(loss.value(np.array([0.3]), raw), -loss.distribution(raw).logpdf(0.3))
    True

    References
    ----------
    S. Ferrari and F. Cribari-Neto, Beta Regression for Modelling Rates and Proportions, 2004.
    """

    def check_target(self, y: Array) -> None:
        self._domain(np.all((y > 0) & (y < 1)), "0 < y < 1", y)

    @staticmethod
    def _shape(raw: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Return the mean, one minus the mean, the precision, and its two shares a and b."""
        mean, rest, precision = expit(raw[:, 0]), expit(-raw[:, 0]), np.exp(np.clip(raw[:, 1], -LARGEST, LARGEST))
        least = np.finfo(np.float64).tiny
        return mean, rest, precision, np.maximum(mean * precision, least), np.maximum(rest * precision, least)

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        *_, a, b = self._shape(raw)
        return betaln(a, b) - (a - 1.0) * np.log(y) - (b - 1.0) * np.log1p(-y)

    def _slopes(self, y: Array, raw: Array) -> tuple[Array, Array]:
        mean, rest, precision, a, b = self._shape(raw)
        at_b = digamma(b) - np.log1p(-y)
        gap = digamma(a) - np.log(y) - at_b
        return precision * mean * rest * gap, precision * (mean * gap + at_b - digamma(precision))

    def _bends(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        (first, second), (mean, rest, precision, a, b) = self._slopes(y, raw), self._shape(raw)
        move, at_a, at_b = precision * mean * rest, trigamma(a), trigamma(b)
        return (
            first * (rest - mean) + move**2 * (at_a + at_b),
            first + move * precision * (mean * at_a - rest * at_b),
            second + precision**2 * (mean**2 * at_a + rest**2 * at_b - trigamma(precision)),
        )

    def _moments(self, mean: float, variance: float) -> tuple[float, float]:
        return np.log(mean) - np.log1p(-mean), np.log(max(mean * (1.0 - mean) / (variance or 1e-6) - 1.0, 1e-2))

    def distribution(self, raw: Array) -> Any:
        *_, a, b = self._shape(raw)
        return stats.beta(a, b)

    def inverse_link(self, raw: Array) -> Array:
        return expit(raw[:, :1])


class ZeroInflatedPoisson(Distribution):
    r"""Poisson's distribution with more zeros: some samples are always zero (not convex).

    Domain of y: numbers >= 0, not all zero.

    Link: log for the mean of the Poisson part, \mu = \exp(raw_0); logit for the share of samples that are always zero,
    \pi = 1 / (1 + \exp(-raw_1)). The mean of y is (1 - \pi) \mu.

    Formula:

    .. math:: \ell(y, raw) = \log(1 + \exp(raw_1)) - \begin{cases} \log(\exp(raw_1) + \exp(-\mu)) & y = 0 \\
        y \, raw_0 - \mu - \log \Gamma(y + 1) & y > 0 \end{cases}

    Relation: `Poisson` for \pi = 0, up to terms free of raw.

    Constants: minus the log-probability, complete.

    Parameters
    ----------
    constant : bool, default=False
        Whether the share \pi is the same for all samples. If False, it depends on X as the mean does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import ZeroInflatedPoisson
    >>> ZeroInflatedPoisson().value(np.array([0.0]), np.array([[0.0, 0.0]])).round(4)
    array([0.3799])

    References
    ----------
    D. Lambert, Zero-Inflated Poisson Regression, 1992.
    """

    positive_only = True

    def check_target(self, y: Array) -> None:
        self._domain(np.all(y >= 0), "y >= 0", y)

    def check_mean(self, mean: Array) -> None:
        if not np.any(mean > 0):
            raise ValueError("ZeroInflatedPoisson needs y that is not all zero: no finite raw has the mean 0.")

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        mean = np.exp(raw[:, 0])
        zero, more = np.logaddexp(raw[:, 1], -mean), y * raw[:, 0] - mean - gammaln(y + 1.0)
        return np.logaddexp(0.0, raw[:, 1]) - np.where(y > 0, more, zero)

    @staticmethod
    def _inflated(y: Array, raw: Array) -> tuple[Array, Array, Array]:
        """Return the mean of the Poisson part, and the probabilities given y that a sample is always zero, and is not."""
        mean, zero = np.exp(raw[:, 0]), y <= 0
        logit = raw[:, 1] + mean
        return mean, np.where(zero, expit(logit), 0.0), np.where(zero, expit(-logit), 1.0)

    def _slopes(self, y: Array, raw: Array) -> tuple[Array, Array]:
        mean, always, other = self._inflated(y, raw)
        return other * mean - y, expit(raw[:, 1]) - always

    def _bends(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        mean, always, other = self._inflated(y, raw)
        shared = always * other
        mixed = np.where(shared > 0, shared * mean, 0.0)
        first = other * mean - np.where(shared > 0, mixed * mean, 0.0)
        return first, -mixed, expit(raw[:, 1]) * expit(-raw[:, 1]) - shared

    def _moments(self, mean: float, variance: float) -> tuple[float, float]:
        mean = max(mean, 1e-30)
        extra = max((variance - mean) / mean**2, 1e-2)  # pi / (1 - pi), by the first two moments
        return np.log(mean * (1.0 + extra)), np.log(extra)

    def distribution(self, raw: Array) -> Any:
        return zero_inflated_poisson(np.exp(raw[:, 0]), expit(raw[:, 1]))

    @overflow_to_inf
    def inverse_link(self, raw: Array) -> Array:
        return np.exp(raw[:, :1]) * expit(-raw[:, 1:])

    def saturated(self, y: Array, n_raw: int) -> Array:
        return xlogy(-y, y) + y + gammaln(y + 1.0)
