"""A solver for losses that are convex except at some kinks, such as capped losses: a sequence of convex problems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ...arrays import Array
from ...losses.wrapped import Convexified
from ...objective.objective import Objective
from ...objective.summand import Summand
from ...rows.base import Block, RowArray
from ..base import FEW, Need, Plan, Reason, Solver, State
from ..loop import solve
from ..working_set import smooth_solver
from .choice import kinked_solver
from .rows import count, elementwise, raw_of, weighted_sums

__all__ = ["ConvexConcave"]


@dataclass(kw_only=True)
class ConcaveState(State):
    """A state with the slopes of the concave part of the loss of every row, (n, K), and the mean of that part."""

    slopes: RowArray
    level: float


class ConvexConcave(Solver[ConcaveState]):
    r"""The convex-concave procedure, for losses that are convex between kinks at which the slope falls.

    .. math:: \ell = g - h, \qquad params \leftarrow \arg\min \; \text{mean}_i \, (g(y_i, raw_i) - h'_i \, raw_i) + \alpha R

    h is the sum of the hinges at those kinks, and h' its slope at the end of the last round. Each round minimises a convex
    majorant of F that touches F at the current params, so F decreases. The procedure ends when no row crosses such a kink any
    more. The result is a stationary point and depends on the start.

    Parameters
    ----------
    solver : Solver or None, default=None
        Solver of a round. If None, it is chosen as for solver="auto".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import ConvexConcave
    >>> def capped(y_true, raw):
    ...     return np.minimum(np.abs(y_true - raw), 2.0)
    >>> X, y = np.arange(8.0).reshape(-1, 1), np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 90.0, 90.0])
    >>> GDRegressor(loss=capped, alpha=0.0, solver=ConvexConcave()).fit(X[::-1], y[::-1]).coef_.round(6)
    array([1.])

    References
    ----------
    A. Yuille and A. Rangarajan, The Concave-Convex Procedure, 2003; P. Tao and L. An, Convex Analysis Approach to D.C.
    Programming, 1997.
    """

    default_max_iter = 100
    needs = frozenset({Need.MINIMUM, Need.LINEAR, Need.CONCAVE_KINKS})
    second_order = True
    ranges = {"solver": ("a Solver, or None", lambda value: value is None or isinstance(value, Solver))}

    def __init__(self, solver: Any = None) -> None:
        self.solver = solver

    def _inner(self, objective: Objective) -> Solver[Any]:
        if self.solver is not None:
            self.solver.check(objective)
            return self.solver
        return smooth_solver(objective) if objective.loss.smooth else kinked_solver(objective, whole=True)

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> ConcaveState:
        params = objective.prox(params, 0.0)
        few = objective.sample(max(objective.rows.n_samples // 16, FEW))
        if few is not objective:  # the first rounds need no more
            params = solve(few, self, params, tol=1e-3).state.params
        else:
            # At params the loss may be flat; without its caps it is not.
            uncapped = self._round(objective, params, *_concave(objective, params, lowest=True), 1e-3)
            params = min(params, uncapped.params, key=objective.value)
        level, slopes = _concave(objective, params)
        value = objective.value(params)
        return ConcaveState(params, value, np.zeros_like(params), np.inf, slopes=slopes, level=level)

    def _round(self, objective: Objective, params: Array, level: float, slopes: RowArray, tol: float) -> State:
        """Return the optimum of g minus a line for each row, with these slopes and, at params, this mean."""
        tilt = objective.gradient_of_slopes(slopes)
        before, slope = objective.remainder
        part = replace(
            objective,
            summand=replace(objective.summand, loss=Convexified(objective.loss)),
            remainder=(before + level - float(tilt @ params), slope + tilt),
        )
        return solve(part, self._inner(part), params, tol=tol).state

    def step(self, objective: Objective, state: ConcaveState) -> ConcaveState:
        goal = float(np.clip(0.01 * state.optimality, 1e-9, 1e-3))
        round_ = self._round(objective, state.params, state.level, state.slopes, goal)
        params, value = round_.params, objective.value(round_.params)
        if not value < state.value:  # then the last params are as good for this round, to its tol
            params, value = state.params, state.value
        level, slopes = _concave(objective, params)
        change = elementwise(objective, np.subtract, slopes, state.slopes)
        gradient = round_.gradient + objective.gradient_of_slopes(change)
        same = not count(objective, change)
        return ConcaveState(
            params,
            value,
            gradient,
            max(round_.optimality, objective.optimality(params, gradient)),
            state.iteration + 1,
            decrement=0.0 if same else max(state.value - value, 0.0),
            stalled=Reason.STALLED if same else None,
            slopes=slopes,
            level=level,
        )


def _concave(objective: Objective, params: Array, lowest: bool = False) -> tuple[float, RowArray]:
    """Return the tangents of the concave part at raw, or where the loss is lowest: their mean at raw, and the slopes."""
    slopes, values = objective.rows.map(partial(_touching, objective.summand, lowest), raw_of(objective, params))
    return float(objective.rows.reduce(weighted_sums, values)[0]) / objective.total, slopes


def _touching(summand: Summand, lowest: bool, block: Block, raw: Array) -> tuple[Array, Array]:
    loss, y = summand.loss_and_target(block)
    raw, y = summand.shifted(block, raw), y * np.ones_like(raw)
    kinks, _, falls = Convexified(loss).hinges(y)
    slopes = np.where((loss.pieces.lowest(loss.value, y) if lowest else raw) > kinks, falls, 0.0)
    return slopes.sum(axis=0), (slopes * (raw - kinks)).sum(axis=(0, 2))
