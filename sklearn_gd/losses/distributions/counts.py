"""Distributions of counts: the negative binomial and the zero-inflated Poisson distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from scipy.special import betaln, digamma, expit, gammaln, xlogy

from ...arrays import Array
from ..base import overflow_to_inf
from .base import LARGEST, Distribution
from .gamma import trigamma
from .zero_inflated import zero_inflated_poisson

__all__ = ["NegativeBinomial", "ZeroInflatedPoisson"]


# For a larger size r of the negative binomial distribution, differences of gamma functions cancel: their series is used.
FAR = 300.0

# From this mean on, a negative binomial distribution is a gamma distribution to all digits that matter.
LARGE = 1e9


def _excess(t: Array) -> Array:
    """Return t - log(1 + t), for t > -1."""
    series = t * t * (0.5 - t * (1.0 / 3.0 - t * (0.25 - t * (0.2 - t / 6.0))))
    with np.errstate(divide="ignore"):
        return np.where(np.abs(t) < 1e-3, series, t - np.log1p(t))


def _lower(y: Array, r: Array, power: int) -> Array:
    """Return r^-power - (r + y)^-power, without cancellation."""
    return -np.expm1(-power * np.log1p(y / r)) / r**power


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

    parameters = ("log mean", "log dispersion")
    convergence_hint = "loss='poisson', or constant=True, if counts vary no more than under a Poisson distribution."
    unbounded_hint = (
        "as the dispersion falls to zero where counts vary no more than under a Poisson distribution. What would help: "
        "loss='poisson', or constant=True."
    )
    positive_only = True

    def check_target(self, y: Array) -> None:
        self._domain(np.all(y >= 0), "y >= 0", y)

    def check_mean(self, mean: Array) -> None:
        if not np.any(mean > 0):
            raise ValueError("NegativeBinomial needs y that is not all zero: no finite raw has the mean 0.")

    @staticmethod
    def _mean_and_size(raw: Array) -> tuple[Array, Array]:
        return np.exp(np.minimum(raw[:, 0], LARGEST)), np.exp(-np.clip(raw[:, 1], -LARGEST, LARGEST))

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
        far = r > FAR
        if far.any():
            y_far, s = y[far], r[far]
            series = _lower(y_far, s, 4) / 120.0 - _lower(y_far, s, 2) / 12.0 - _lower(y_far, s, 1) / 2.0
            in_size[far] = _excess((y_far - mean[far]) / total[far]) + series
        return r * (mean - y) / total, -r * in_size

    def _bends(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        (first, second), (mean, r) = self._slopes(y, raw), self._mean_and_size(raw)
        total = r + mean
        share, gap = mean / total, (y - mean) / total
        in_size = trigamma(r) - trigamma(y + r) - share / r - gap / total
        far = r > FAR
        if far.any():
            y_far, s = y[far], r[far]
            series = _lower(y_far, s, 2) / 2.0 + _lower(y_far, s, 3) / 6.0 - _lower(y_far, s, 5) / 30.0
            in_size[far] = series - gap[far] ** 2 / (s + y_far)
        return r * share * (r + y) / total, -first * share, r**2 * in_size - second

    def _moments(self, mean: float, variance: float) -> tuple[float, float]:
        mean = max(mean, 1e-30)
        return np.log(mean), np.log(max((variance - mean) / mean**2, 1e-2))

    def distribution(self, raw: Array) -> Any:
        mean, r = self._mean_and_size(raw)
        return stats.nbinom(r, r / (r + mean))

    def interval(self, raw: Array, coverage: float) -> Array:
        """Return prediction intervals, (n, 2); for large means those of the limit, a gamma distribution.

        The search of SciPy for a quantile does not end if the mean is so large that y + 1 is y in double precision.
        """
        mean, r = self._mean_and_size(raw)
        large, result = mean > LARGE, np.empty((len(raw), 2))
        result[~large] = super().interval(raw[~large], coverage)
        shape = 1.0 / (1.0 / r[large] + 1.0 / mean[large])
        result[large] = np.stack(stats.gamma(shape, scale=mean[large] / shape).interval(coverage), axis=-1)
        return result

    @overflow_to_inf
    def inverse_link(self, raw: Array) -> Array:
        return np.exp(raw[:, :1])

    def saturated(self, y: Array, n_raw: int) -> Array:
        return xlogy(-y, y) + y + gammaln(y + 1.0)


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

    parameters = ("log mean", "logit zeros")
    convergence_hint = "constant=True, or loss='poisson', if there are no more zeros than it expects."
    unbounded_hint = (
        "as the share of additional zeros falls to zero, or rises to one, for some rows. What would help: constant=True, or "
        "loss='poisson' if there are no more zeros than it expects."
    )
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
