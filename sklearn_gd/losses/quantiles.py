"""Several quantiles at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import Array
from ..targets import Continuous, Target
from .absolute import Quantile

__all__ = ["Quantiles"]


def _increasing(levels: Any) -> bool:
    values = np.asarray(levels, dtype=np.float64)
    return bool(values.ndim == 1 and len(values) and np.all((values > 0) & (values < 1)) and np.all(np.diff(values) > 0))


class Quantiles(Quantile):
    r"""The sum of pinball losses: estimates several quantiles of y given x, and prediction intervals from them.

    Domain of y: any number.

    Link: identity, sorted; raw_k is the conditional quantile of level q_k. Quantiles that cross are put in order, which is
    never worse.

    Formula, with one column of raw for each level:

    .. math:: \ell(y, raw) = \sum_k q_k \max(y - raw_k, 0) + (1 - q_k) \max(raw_k - y, 0)

    Relation: `Quantile` for one level. `score` is R^2 of the level nearest to the median.

    Constants: none; the sum over the levels, so that alpha is relative to each of them.

    Parameters
    ----------
    quantiles : sequence of float, default=(0.05, 0.5, 0.95)
        The levels q_k to estimate, in (0, 1), increasing.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.losses import Quantiles
    >>> X = np.zeros((101, 1))
    >>> model = GDRegressor(Quantiles([0.1, 0.5, 0.9]), alpha=0.0).fit(X, np.arange(101.0))
    >>> print(model.predict(X[:1]).round(6), model.predict_interval(X[:1], coverage=0.8).round(6))
    [[10. 50. 90.]] [[10. 90.]]

    References
    ----------
    R. Koenker and G. Bassett, Regression Quantiles, 1978; V. Chernozhukov, I. Fernandez-Val and A. Galichon, Quantile and
    Probability Curves without Crossing, 2010 (the rearrangement).
    """

    single_output = True
    ranges = {"quantiles": ("increasing numbers between 0 and 1", _increasing)}

    def __init__(self, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> None:
        self.quantiles = quantiles

    def _slopes(self, y: Array) -> tuple[Array, Array]:
        levels = np.asarray(self.quantiles, dtype=np.float64)
        return -levels, 1.0 - levels

    def lines(self, y: Array) -> tuple[Array, Array, Array]:
        left, right = self._slopes(y)
        return np.broadcast_to(y[None], (1, len(y), len(left))), left, right

    def target(self, y: Array, classes: Any = None) -> Target:
        median = int(np.argmin(np.abs(np.asarray(self.quantiles) - 0.5)))
        return Continuous(y, scored=median)

    def n_raw(self, target: Target) -> int:
        return len(self.quantiles)

    def raw_names(self, n_raw: int) -> list[str]:
        return [f"{level:g}" for level in self.quantiles]

    def inverse_link(self, raw: Array) -> Array:
        return np.sort(raw, axis=-1)

    def link(self, mean: Array) -> Array:
        return np.broadcast_to(mean, (*np.shape(mean)[:-1], len(self.quantiles)))

    @property
    def has_interval(self) -> bool:
        """True: some levels are the ends of intervals."""
        return True

    def interval(self, raw: Array, coverage: float) -> Array:
        levels = np.asarray(self.quantiles, dtype=np.float64)
        ends = [
            np.flatnonzero(np.isclose(levels, end, rtol=0.0, atol=1e-9)) for end in (0.5 - 0.5 * coverage, 0.5 + 0.5 * coverage)
        ]
        if not all(map(len, ends)):
            fitted = [
                float(2.0 * q - 1.0) for q in levels if q > 0.5 and np.any(np.isclose(levels, 1.0 - q, rtol=0.0, atol=1e-9))
            ]
            known = ", ".join(f"{each:.6g}" for each in fitted) or "none: the levels have no pair around the median"
            raise ValueError(f"coverage={coverage!r}: expected one whose ends are among the levels fitted: {known}.")
        return self.inverse_link(raw)[:, [ends[0][0], ends[1][0]]]

    def saturated(self, y: Array, n_raw: int) -> Array:
        return np.zeros(len(y))
