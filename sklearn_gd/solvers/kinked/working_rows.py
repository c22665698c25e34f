"""A solver for piecewise-linear losses on many rows, most of which stay on one linear piece."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...arrays import EPS, Array
from ...objective.objective import Objective
from ...objective.summand import Summand
from ...rows.base import Block, RowArray
from ..base import NEEDS, OFTEN, Need, Plan, Reason, Solver, State
from ..loop import solve
from .collinear import hides_descent
from .interior_point import InteriorPoint
from .proximal_point import ProximalPoint
from .rows import count, elementwise, gradient_with_slopes, linearized, raw_of, sides, standard_error

__all__ = ["WorkingRows"]

# From so many operations for a Gram matrix on, the rows near a kink are worth finding by a coarse solution for all rows.
MUCH = 1e9

# The tolerance of that solution: its gap is the square of a tenth of it.
COARSE = 0.5


@dataclass(kw_only=True)
class RowsState(State):
    """A state with raw of every row, (n, K), its distance from a kink in standard errors, and the mask of near rows, (n,).

    `reach` is the distance up to which rows are near; rows that have crossed a kink are near as well.
    """

    raw: RowArray
    distance: RowArray
    near: RowArray
    reach: float


class WorkingRows(Solver[RowsState]):
    r"""Solve for the rows near a kink and linearise the others, for piecewise-linear losses on many rows.

    A solution for a subsample determines which rows are near a kink: those within a few standard errors of the prediction. Rows
    that leave their linear piece are added to them, and the problem is solved again.

    Parameters
    ----------
    width : float, default=3.0
        Distance up to which a row is near a kink, in standard errors of a prediction.

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

    needs = NEEDS - {Need.SMOOTH_LOSS, Need.SMOOTH_PENALTY} | {Need.ABSOLUTE_PENALTY, Need.PIECEWISE_LINEAR}
    default_max_iter = 50
    second_order = True
    ranges = {"width": ("a number > 0", lambda value: 0 < value < np.inf)}

    def __init__(self, width: float = 3.0) -> None:
        self.width = width

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> RowsState:
        rows, columns = objective.rows, objective.linear.n_inputs
        # The sample has as many rows as will be near a kink after it.
        size = int((self.width * rows.n_samples) ** (2 / 3) * columns ** (1 / 3))
        if 2 * size < rows.n_samples:
            params, raw, distance, reach = self._after_sample(objective, params, size)
        elif rows.in_memory and rows.n_samples * columns**2 > MUCH:
            params, raw, distance, reach = self._after_few_steps(objective, params)
        else:
            raw, distance, reach = raw_of(objective, params), rows.map(_zeros), 0.0
        near = elementwise(objective, partial(np.greater_equal, reach), distance)
        return RowsState(
            params,
            objective.value(params),
            np.zeros_like(params),
            np.inf,
            decrement=np.inf,
            needs_fallback=True,
            raw=raw,
            distance=distance,
            near=near,
            reach=reach,
        )

    def _after_sample(self, objective: Objective, params: Array, size: int) -> tuple[Array, RowArray, RowArray, float]:
        """Return a solution for a sample, its raw, the distance of each row from a kink in standard errors, and the reach."""
        rows, columns = objective.rows, objective.linear.n_inputs
        sample = rows.sample(size).copied()
        few = objective.over(sample)
        often = sample.rarest >= OFTEN
        params = _solved(few, params, 1e-4).params if often else _coarse(objective, params)
        raw = raw_of(objective, params)
        gap = rows.map(partial(_gap, objective.summand), raw)
        half = rows.quantile(gap, min(self.width * np.sqrt(columns / sample.n_samples), 1.0))
        near_few = sample.map(partial(_near_kinks, objective.summand, half), raw_of(few, params))
        error = standard_error(objective, few, params, near_few)
        return params, raw, elementwise(objective, np.divide, gap, error), half / rows.quantile(error, 0.5)

    def _after_few_steps(self, objective: Objective, params: Array) -> tuple[Array, RowArray, RowArray, float]:
        """Return a coarse solution for all rows, its raw, the distance of each row from a kink, and the reach.

        A move of all rows by h takes a share s(h) of them across a kink. It changes the mean loss by about h s(h) / 4 times the
        change of slope, which may be at most the gap.
        """
        inner = _solved(objective.over(objective.local.copied(objective.reference.coarse_dtype)), params, COARSE)
        raw = raw_of(objective, inner.params)
        distance = objective.rows.map(partial(_gap, objective.summand), raw)
        places = np.sort(distance)
        share = np.arange(1, len(places) + 1) / len(places)
        change = 4.0 * inner.decrement / float(np.mean(inner.right - inner.left))
        reach = places[min(np.searchsorted(places * share, self.width**2 * change), len(places) - 1)]
        return inner.params, raw, distance, float(reach)

    def step(self, objective: Objective, state: RowsState) -> RowsState:
        rows, reach = objective.rows, state.reach
        part = linearized(objective, state.params, state.raw, state.near, least=2)
        inner = _solved(part, state.params, 1e-8)
        params, raw = inner.params, raw_of(objective, inner.params)
        height, crossed, n_crossed, n_near = 0.0, None, 0, rows.n_samples
        if part is not objective:
            crossed, heights = rows.map(partial(_crossings, objective.summand), state.near, state.raw, raw)
            height, n_crossed, n_near = rows.reduce(_totals, state.near, crossed, heights)
        del part  # a copy of the rows that are near
        lines = np.maximum(inner.left * inner.distance, inner.right * inner.distance) - inner.slope * inner.distance
        height += float(inner.weight @ lines.sum(axis=(0, 2)))
        gap = max(height / objective.total, 0.0)
        if 2 * n_crossed > n_near:  # the lines lead too far
            reach *= 2.0
            crossed = elementwise(objective, partial(np.greater_equal, reach), state.distance)
        near = state.near if crossed is None else elementwise(objective, np.logical_or, state.near, crossed)
        grown = count(objective, near) > n_near
        value = objective.value_at_raw(params, raw)
        eps = float(np.finfo(rows.dtype).eps)
        if not value <= state.value + 64 * eps / EPS * objective.reference.rounding(state.value):
            after = self._partly(objective, state.but(near=near, reach=reach, iteration=state.iteration + 1), params, raw)
            return after if grown else self._ended(objective, after)
        # The same rows would give the same result again.
        done = gap <= 8 * EPS * abs(value) or not grown
        return RowsState.at(
            objective.at_slopes(params, value, inner.gradient, gap),
            iteration=state.iteration + 1,
            decrement=0.0 if done else gap,
            stalled=Reason.STALLED if done else None,
            needs_fallback=True,
            raw=raw,
            distance=state.distance,
            near=near,
            reach=reach,
        )

    def done(self, objective: Objective, state: RowsState, tol: float) -> Reason | None:
        reason = super().done(objective, state, tol)
        return None if reason and hides_descent(objective, state, tol) else reason

    @staticmethod
    def _ended(objective: Objective, state: RowsState) -> RowsState:
        """Return the final state when no progress is possible, certified by the lines at its own raw."""
        slopes = objective.rows.map(partial(_slopes, objective.summand), state.raw)
        gradient = gradient_with_slopes(objective, state.params, slopes)
        optimality = min(state.optimality, objective.optimality(state.params, gradient))
        return state.but(optimality=optimality, stalled=Reason.STALLED)

    @staticmethod
    def _partly(objective: Objective, state: RowsState, params: Array, raw: RowArray) -> RowsState:
        """Return the state at the best of a few points between its own and the given params, whose raw is given."""
        for t in (0.5, 0.2, 0.05):
            between = state.params + t * (params - state.params)
            raw_between = objective.rows.map(partial(_between, t), state.raw, raw)
            value = objective.value_at_raw(between, raw_between)
            if value < state.value:
                return state.but(params=between, raw=raw_between, value=value)
        return state


def _coarse(objective: Objective, params: Array) -> Array:
    """Return a coarse solution for all rows."""
    return solve(objective, ProximalPoint(), params, tol=0.1, max_iter=5).state.params


def _solved(objective: Objective, params: Array, tol: float) -> Any:
    """Return the state of the interior point method at a solution."""
    return solve(objective, InteriorPoint(), params, tol=tol).state


# -- kernels ----------------------------------------------------------------------------------------------------------


def _gap(summand: Summand, block: Block, raw: Array) -> Array:
    """Return the distance of raw from the nearest kink, (n,)."""
    return np.abs(sides(summand, block, raw)[1]).min(axis=(1, 2))


def _near_kinks(summand: Summand, half: float, block: Block, raw: Array) -> Array:
    """Return which entries of raw, (n, K), are near a kink, as numbers."""
    return (np.abs(sides(summand, block, raw)[1]).min(axis=1) <= half).astype(np.float64)


def _slopes(summand: Summand, block: Block, raw: Array) -> Array:
    """Return the slopes of the lines at raw, (n, K)."""
    return sides(summand, block, raw)[0].sum(axis=1)


def _crossings(summand: Summand, block: Block, near: Array, before: Array, raw: Array) -> tuple[Array, Array]:
    """Return the rows, not near, that have left their lines, and the heights of the loss above these lines, (n,) each."""
    slope, distance = sides(summand, block, raw)
    turn = slope - sides(summand, block, before)[0]
    turn[near] = 0.0
    return np.any(turn, axis=(1, 2)), np.einsum("njk,njk->n", turn, distance)


def _totals(block: Block, near: Array, crossed: Array, height: Array) -> tuple[float, int, int]:
    """Return the sum of heights, and the numbers of rows that have crossed and that are near."""
    return float(block.weight @ height), int(np.count_nonzero(crossed)), int(np.count_nonzero(near))


def _between(t: float, block: Block, one: Array, other: Array) -> Array:
    return one + t * (other - one)


def _zeros(block: Block) -> Array:
    return np.zeros(len(block.weight))
