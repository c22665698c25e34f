"""The proximal point method for losses with kinks, by a sequence of smooth problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import EPS, Array
from ...losses.wrapped import Moreau
from ...objective.objective import Objective
from ...rows.base import RowArray
from ..base import Need, Plan, Reason, Solver, State
from ..loop import Result, solve
from ..working_set import smooth_solver
from .rows import count, elementwise, gradient_with_slopes, linearized, raw_of, slope_changes, supporting_slopes

__all__ = ["ProximalPoint"]

# A round of Newton's method takes two to twelve steps if the smoothing is right.
EASY = 12

# Rounds without progress that end the search for the last digits.
PATIENCE = 8

# The smallest subsample that is worth a solution of its own before that of all rows.
SAMPLE = 5000


@dataclass(kw_only=True)
class ProximalState(State):
    """A state with the smoothing step and its lower bound, the last gap, and for each row, (n, K), raw and its multiplier.

    A multiplier is a subgradient of the loss of its row. `move` is the change of raw in the last round; `idle` counts the
    rounds that did not halve the gap.
    """

    smoothing: float
    multiplier: RowArray
    raw: RowArray
    move: float
    narrowest: float
    gap: float = np.inf
    idle: int = 0


class ProximalPoint(Solver[ProximalState]):
    r"""The proximal point method applied to the loss, for losses with kinks.

    .. math:: params \leftarrow \arg\min \; \text{mean}_i \, e_s(y_i, raw_i + s u_i) + \alpha R, \qquad
        u_i \leftarrow \nabla e_s(y_i, raw_i + s u_i)

    e_s is the `Moreau` envelope of the loss with step s. Each round is a smooth problem for `solver`, and s shrinks from round
    to round. The multipliers converge to subgradients at the optimum. The gap between the loss and the supporting lines with
    these slopes bounds the suboptimality.

    Parameters
    ----------
    solver : Solver or None, default=None
        Solver of a round. If None, it is chosen as for solver="auto" with a smooth loss.
    shrink : float, default=0.3
        Ratio of the smoothing of a round to that of the previous round, in (0, 1).

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import ProximalPoint
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 90.0]
    >>> GDRegressor(loss="absolute_error", alpha=0.0, solver=ProximalPoint()).fit(X, y).coef_.round(6)
    array([1.])

    References
    ----------
    R. T. Rockafellar, Augmented Lagrangians and Applications of the Proximal Point Algorithm in Convex Programming, 1976.
    """

    default_max_iter = 100
    needs = frozenset({Need.MINIMUM, Need.LINEAR, Need.PROX_OF_LOSS, Need.CONVEX_IF_SMOOTH})
    ranges = {
        "solver": ("a Solver, or None", lambda value: value is None or isinstance(value, Solver)),
        "shrink": ("a number between 0 and 1, both excluded", lambda value: 0 < value < 1),
    }

    def __init__(self, solver: Any = None, shrink: float = 0.3) -> None:
        self.solver = solver
        self.shrink = shrink

    def _inner(self, objective: Objective) -> Solver[Any]:
        return self.solver or smooth_solver(objective)

    def check(self, objective: Objective) -> None:
        super().check(objective)
        self._inner(objective).check(objective.with_loss(Moreau(objective.loss, 1.0)))

    def least_norm(self, objective: Objective, params: Array) -> Array:
        return self._inner(objective).least_norm(objective, params)

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> ProximalState:
        params, slope_size = objective.prox(params, 0.0), objective.reference.slope_size
        # A slope of this size over this width makes a loss of the size of F: the kink and its surroundings.
        size = max(abs(objective.reference.value), abs(objective.value(params)), EPS)
        width = size / max(slope_size, 1e-150) / max(slope_size, 1e-150)
        smoothing, move = width, np.inf
        # One-hot levels may be too rare for a subsample.
        few = objective.sample(max(objective.rows.n_samples // 8, SAMPLE)) if objective.rows.profile.samples else objective
        if few is not objective:  # a coarse solution for some rows is a good start for all of them
            first = solve(few, self, params, tol=1e-2, max_iter=20)
            # The rows left out move raw by a share of the width.
            params, reach = first.state.params, np.sqrt(params.size / few.rows.n_samples)
            smoothing = max(first.state.step, 0.3 * width * reach)
            move = smoothing * slope_size
        raw = raw_of(objective, params)
        multiplier = elementwise(objective, np.zeros_like, raw)
        if few is not objective:
            multiplier = supporting_slopes(objective, raw, smoothing, multiplier)[2]
        return ProximalState(
            params,
            objective.value(params),
            np.zeros_like(params),
            np.inf,
            step=smoothing,
            smoothing=smoothing,
            multiplier=multiplier,
            raw=raw,
            move=move,
            narrowest=1e-9 * width,
        )

    def step(self, objective: Objective, state: ProximalState) -> ProximalState:
        step = state.smoothing
        inner = self._inner(objective)
        round_, raw, n_iter = self._round(objective, inner, state)
        if round_.reason is Reason.NOT_FINITE:
            return state.but(iteration=state.iteration + 1, stalled=Reason.NOT_FINITE)
        params = round_.state.params
        cost, gap, slopes = supporting_slopes(objective, raw, step, state.multiplier)
        value = cost + objective.penalty_value(params)
        point = objective.at_slopes(params, value, gradient_with_slopes(objective, params, slopes), gap)
        left = objective.reference.shortfall(gap, value)
        floor = max(1e-10, 64 * float(np.finfo(objective.rows.dtype).eps))
        idle = 0 if gap < 0.5 * state.gap else state.idle + 1
        easy = left > floor and (n_iter <= EASY or not inner.second_order)
        ended = round_.converged or (round_.state.stalled is not None and round_.reason is not Reason.MAX_ITER)
        following, narrowest = self._next(step, state.narrowest, easy, ended)
        return ProximalState.at(
            point,
            iteration=state.iteration + 1,
            step=step,
            # The gap falls faster than linearly: it reaches its rounding noise a round or two below tol, and there the
            # coefficients are determined. If it stalls, they cannot be found any better.
            decrement=gap if inner.second_order and (idle == 0 or left > floor) and idle < PATIENCE else 0.0,
            idle=idle,
            smoothing=following,
            narrowest=narrowest,
            gap=gap,
            multiplier=slopes,
            raw=raw,
            move=objective.rows.quantile(elementwise(objective, _distance, raw, state.raw), 0.99),
        )

    @staticmethod
    def _round(objective: Objective, inner: Solver[Any], state: ProximalState) -> tuple[Result, RowArray, int]:
        """Return the result of a round, raw there, and the number of steps.

        Rows whose slope may change when raw moves by twice the last move are kept as they are; the others are linearised.
        """
        smoothed = objective.smoothed(state.smoothing, state.multiplier)
        goal = float(np.clip(0.1 * state.optimality, 1e-12, 1e-3))
        params, raw, n_iter, curved = state.params, state.raw, 0, None
        if not objective.loss.rowwise and np.isfinite(state.move):
            curved = slope_changes(smoothed, raw, raw, 2.0 * state.move)
        while True:
            part = smoothed if curved is None else linearized(smoothed, params, raw, curved)
            budget = inner.default_max_iter if part is smoothed else 3 * EASY
            round_ = solve(part, inner, params, tol=goal, max_iter=budget)
            n_iter += round_.n_iter
            end = raw_of(objective, round_.state.params)
            if part is smoothed:
                break
            wrong = elementwise(smoothed, np.greater, slope_changes(smoothed, raw, end), curved)  # and not in the other mask
            if not count(smoothed, wrong):
                break
            curved = elementwise(smoothed, np.logical_or, curved, wrong)
            if smoothed.value_at_raw(round_.state.params, end) < smoothed.value_at_raw(params, raw):
                params, raw = round_.state.params, end
        return round_, end, n_iter

    def _next(self, step: float, narrowest: float, easy: bool, ended: bool) -> tuple[float, float]:
        """Return the smoothing of the next round, and its lower bound from now on.

        The smoothing is narrower after an easy round; after a round that did not end it is wider and stays so.
        """
        if not ended:
            return step / self.shrink, step / self.shrink
        return (max(self.shrink * step, narrowest) if easy else step), narrowest


def _distance(one: Array, other: Array) -> Array:
    return np.abs(one - other)
