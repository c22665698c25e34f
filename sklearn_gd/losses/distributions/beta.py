"""The beta distribution of shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from scipy.special import betaln, digamma, expit

from ...arrays import Array
from ..base import overflow_to_inf
from .base import LARGEST, Distribution
from .gamma import trigamma

__all__ = ["Beta"]


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

    parameters = ("logit mean", "log precision")
    convergence_hint = "constant=True, fewer columns or more rows, if the precision grows for ever where y is fitted exactly."
    unbounded_hint = "as the precision grows where y is fitted exactly. What would help: fewer columns, or more rows."

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
        up, down = a * (digamma(a) - np.log(y)), b * (digamma(b) - np.log1p(-y))
        return rest * up - mean * down, up + down - precision * digamma(precision)

    def _bends(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        (first, second), (mean, rest, precision, a, b) = self._slopes(y, raw), self._shape(raw)
        up, down, whole = (part * part * trigamma(part) for part in (a, b, precision))
        return (
            first * (rest - mean) + rest**2 * up + mean**2 * down,
            first + rest * up - mean * down,
            second + up + down - whole,
        )

    def _moments(self, mean: float, variance: float) -> tuple[float, float]:
        return np.log(mean) - np.log1p(-mean), np.log(max(mean * (1.0 - mean) / (variance or 1e-6) - 1.0, 1e-2))

    def distribution(self, raw: Array) -> Any:
        *_, a, b = self._shape(raw)
        return stats.beta(a, b)

    def inverse_link(self, raw: Array) -> Array:
        return expit(raw[:, :1])
