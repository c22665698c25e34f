"""The zero-inflated Poisson distribution, which `scipy.stats` lacks, as a distribution of its kind."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ...arrays import Array

__all__ = ["zero_inflated_poisson"]


class _ZeroInflatedPoisson(stats.rv_discrete):
    """0 with probability `always`, and otherwise a Poisson variable of mean `mu`. SciPy documents these methods to override."""

    def _argcheck(self, mu: Array, always: Array) -> Array:
        return (mu >= 0) & (always >= 0) & (always <= 1)

    def _pmf(self, k: Array, mu: Array, always: Array) -> Array:
        return np.where(k == 0, always, 0.0) + (1.0 - always) * stats.poisson.pmf(k, mu)

    def _logpmf(self, k: Array, mu: Array, always: Array) -> Array:
        with np.errstate(divide="ignore"):
            more = np.log1p(-always) + stats.poisson.logpmf(k, mu)
            return np.where(k == 0, np.logaddexp(np.log(always), more), more)

    def _cdf(self, k: Array, mu: Array, always: Array) -> Array:
        return always + (1.0 - always) * stats.poisson.cdf(k, mu)

    def _sf(self, k: Array, mu: Array, always: Array) -> Array:
        return (1.0 - always) * stats.poisson.sf(k, mu)

    def _ppf(self, q: Array, mu: Array, always: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = (q - always) / (1.0 - always)
        return np.where(rest > 0, stats.poisson.ppf(np.clip(rest, 0.0, 1.0), mu), 0.0)

    def _stats(self, mu: Array, always: Array) -> tuple[Array, Array, None, None]:
        mean = (1.0 - always) * mu
        return mean, mean * (1.0 + always * mu), None, None

    def _rvs(self, mu, always, size=None, random_state=None):  # type: ignore[no-untyped-def]
        return random_state.poisson(mu, size) * (random_state.uniform(size=size) >= always)


zero_inflated_poisson = _ZeroInflatedPoisson(a=0, name="zero_inflated_poisson", shapes="mu, always")
