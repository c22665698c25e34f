"""Losses made of straight lines, on many rows: most rows stay on one line, so that a few of them are the problem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import EPS, Array
from ..base import OFTEN, State, nested
from .interior_point import InteriorPoint, InteriorState, Straight
from .proximal_point import ProximalPoint
from .rows import cost_of, lines_of, raw_of, spread, straightened, tilted

if TYPE_CHECKING:
    from ...objective.objective import Objective

__all__ = ["WorkingRows"]


@dataclass(kw_only=True)
class RowsState(State):
    """A state with raw of every row, (n, K), how far it is from a kink, in standard errors, and which are near, (n,).

    `reach` is the distance where near ends, but for rows that have crossed a kink.
    """

    raw: Array
    distance: Array
    near: Array
    reach: float


class WorkingRows(Straight[RowsState]):
    r"""Solve for the rows near a kink, the loss of the others being a straight line: for losses made of lines, on many rows.

    A solution for some of the rows tells which are near, within a few of its standard errors. When a row has left its line it
    joins them, and the problem is solved again.

    Parameters
    ----------
    width : float, default=3.0
        Where near ends: so many standard errors of a prediction.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import WorkingRows
    >>> X = np.random.RandomState(0).randn(5000, 2)
    >>> y = 1.0 + X @ [3.0, 4.0] + np.random.RandomState(1).standard_t(1, size=5000)
    >>> GDRegressor(loss="absolute_error", alpha=0.0, solver=WorkingRows()).fit(X, y).coef_.round(1)
    array([3., 4.])

    References
    ----------
    S. Portnoy and R. Koenker, The Gaussian Hare and the Laplacian Tortoise, 1997, section 5 (preprocessing).
    """

    default_max_iter = 50
    ranges = {"width": ("a number > 0", lambda value: 0 < value < np.inf)}

    def __init__(self, width: float = 3.0) -> None:
        self.width = width

    def init(self, objective: Objective, params: Array) -> RowsState:
        n_rows, columns = objective.data.n_rows, objective.model.n_rows
        # As many rows in the sample as will be near a kink after it.
        few = objective.sample(int((self.width * n_rows) ** (2 / 3) * columns ** (1 / 3)))
        if few is objective:
            raw, distance, reach = raw_of(objective, params), np.zeros(len(objective.data.weight)), 0.0
        else:
            few = few.copied()
            often = few.data.X.rarest >= OFTEN
            params = _solved(few, params, 1e-4).params if often else _coarse(objective, params)
            raw = raw_of(objective, params)
            gap = np.abs(_sides(objective, raw)[1]).min(axis=(0, 2))
            half = float(np.quantile(gap[objective.data.used], min(self.width * np.sqrt(columns / few.data.n_rows), 1.0)))
            near_few = np.abs(_sides(few, raw_of(few, params))[1]).min(axis=0) <= half
            error = spread(objective, few, params, near_few.astype(float))
            distance, reach = gap / error, half / float(np.median(error[objective.data.used]))
        value, near = objective.value(params), distance <= reach
        return RowsState(
            params, value, np.zeros_like(params), np.inf, decrement=np.inf, raw=raw, distance=distance, near=near, reach=reach
        )

    def step(self, objective: Objective, state: RowsState) -> RowsState:
        part = straightened(objective, state.params, state.raw, state.near, least=2)
        inner, rows = _solved(part, state.params, 1e-8), slice(None) if part is objective else np.flatnonzero(state.near)
        del part  # a copy of the rows that are near
        params, raw = inner.params, raw_of(objective, inner.params)
        slope, _ = _sides(objective, state.raw)
        slope[:, rows] = inner.slope
        turn, height = _sides(objective, raw)
        turn -= slope
        crossed = np.any(turn != 0, axis=(0, 2)) & ~state.near
        height *= turn
        gap = max(float(objective.data.weight @ height.sum(axis=(0, 2))) / objective.total, 0.0)
        reach = state.reach
        if 2 * crossed.sum() > state.near.sum():  # the lines lead too far
            reach *= 2.0
            crossed = state.distance <= reach
        near = state.near | crossed
        value = cost_of(objective, raw) + objective.price(params)
        eps = float(np.finfo(objective.data.dtype).eps)
        if not value <= state.value + 64 * eps / EPS * objective.rounding(state.value):
            after = self._partly(objective, replace(state, near=near, reach=reach, iteration=state.iteration + 1), params, raw)
            return after if np.any(near & ~state.near) else self._ended(objective, after)
        gradient = tilted(objective, params, slope.sum(axis=0))
        # The same rows again would bring the same.
        done = gap <= 8 * EPS * abs(value) or not np.any(near & ~state.near)
        return RowsState(
            params,
            value,
            gradient,
            max(objective.optimality(params, gradient), objective.shortfall(gap, value)),
            state.iteration + 1,
            decrement=0.0 if done else gap,
            stalled="no descent at working precision" if done else "",
            raw=raw,
            distance=state.distance,
            near=near,
            reach=reach,
        )

    @staticmethod
    def _ended(objective: Objective, state: RowsState) -> RowsState:
        """Return the state when no more can be done, judged by the lines that its own raw is on."""
        gradient = tilted(objective, state.params, _sides(objective, state.raw)[0].sum(axis=0))
        optimality = min(state.optimality, objective.optimality(state.params, gradient))
        return replace(state, optimality=optimality, stalled="no descent at working precision")

    @staticmethod
    def _partly(objective: Objective, state: RowsState, params: Array, raw: Array) -> RowsState:
        """Return the state at the best of a few points on the way to the params, of which raw is given."""
        way, change = params - state.params, raw - state.raw
        for t in (0.5, 0.2, 0.05):
            params, raw = state.params + t * way, state.raw + t * change
            value = cost_of(objective, raw) + objective.price(params)
            if value < state.value:
                state = replace(state, params=params, raw=raw, value=value)
                break
        return state


def _coarse(objective: Objective, params: Array) -> Array:
    """Return a coarse solution for all rows."""
    result = nested(objective, ProximalPoint(), params, tol=0.1, max_iter=5)
    return result.state.params


def _solved(objective: Objective, params: Array, tol: float) -> InteriorState:
    solver = InteriorPoint()
    result = nested(objective, solver, params, tol=tol, max_iter=solver.default_max_iter)
    state: InteriorState = result.state  # type: ignore[assignment]
    return state


def _sides(objective: Objective, raw: Array) -> tuple[Array, Array]:
    """Return the slopes of the lines on which raw, (n, K), is, and its distances from the kinks: (J, n, K) each."""
    kinks, left, right = lines_of(objective)
    distance = np.subtract(raw if objective.offset is None else raw + objective.offset, kinks, out=kinks)
    return np.where(distance < 0, left, right), distance
