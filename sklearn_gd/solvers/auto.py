"""Automatic choice of a solver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective
from .base import Need, Plan, Reason, Solver, State
from .fast.choice import prefers_coordinates
from .fast.dual_coordinate_descent import DualCoordinateDescent
from .kinked.choice import kinked_solver
from .kinked.convex_concave import ConvexConcave
from .kinked.proximal_point import ProximalPoint
from .loop import Move, warm_up_on_sample, without_optimum
from .row_space import RowSpace
from .smooth.lbfgs import LBFGS
from .stochastic.adam import Adam
from .stochastic.rules import SGD, AdaGrad
from .working_set import MANY, smooth_solver

__all__ = ["Auto", "AutoState"]


@dataclass(kw_only=True)
class AutoState(State):
    """The state of the chosen solver, `inner`, and what is needed to hand over to another one.

    `best` is the best state and `moves` are the last few moves. `limit` is the iteration at which the solver gives up, and
    `spent` tells whether it has.
    """

    solver: Solver[Any]
    inner: State
    best: State
    limit: float
    plan: Plan
    moves: tuple[Move, ...] = ()
    spent: bool = False


class Auto(Solver[AutoState]):
    """Choose a solver that suits the objective, warm-start it on a subsample, and fall back to another one if it fails.

    `ProximalPoint` takes over in two cases. One is a smooth loss whose slope changes very sharply relative to the spread of the
    data, on which Newton's method fails. The other is columns of very different scales, for which the linear systems of an
    interior point method are ill-conditioned.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> GDRegressor("quantile", solver="auto").fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 9.0]).solver_
    WorkingRows()

    References
    ----------
    J. Rice, The Algorithm Selection Problem, 1976.
    """

    needs: frozenset[Need] = frozenset()
    default_max_iter = np.inf
    takes_batches = True
    advice = "raise max_iter or scale the columns."

    def check(self, objective: Objective) -> None:
        self.choice(objective).check(objective)

    @staticmethod
    def choice(objective: Objective) -> Solver[Any]:
        """Return the solver that suits the objective."""
        loss, penalty, rows, features = objective.loss, objective.penalty, objective.rows, objective.model.n_features
        if loss.online:
            return SGD()
        if not objective.model.has_gram:
            exact = loss.smooth and penalty.smooth and not objective.model.has_dropout
            return LBFGS() if exact and rows.n_samples <= 2000 else Adam()
        if prefers_coordinates(objective):
            return DualCoordinateDescent()
        if not loss.smooth:
            concave = not (loss.convex or loss.pieces.absent) and loss.pieces.convex_between
            return ConvexConcave() if concave else kinked_solver(objective)
        dense = rows.profile.gram_rate > 1e9  # passes over few entries are fast
        wide = dense and features > max(2 * rows.n_samples, MANY) and rows.n_samples <= 3000 and rows.in_memory
        return RowSpace() if wide and penalty.isotropic and not penalty.absent else smooth_solver(objective)

    def for_stream(self, objective: Objective) -> Solver[Any]:
        if objective.loss.online:
            return SGD()
        return AdaGrad(average=True) if objective.model.has_gram else Adam()

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> AutoState:
        solver = self.choice(objective)
        limit = plan.max_iter or solver.default_max_iter
        plan = replace(plan, horizon=limit)
        several = solver.warms_up and not objective.loss.quadratic  # more than one step is expected
        warmed = warm_up_on_sample(objective, solver, params) if several and not plan.warm else None
        inner = solver.init(objective, params, plan, last) if warmed is None else warmed
        return AutoState(**inner.facts(), solver=solver, inner=inner, best=inner, limit=limit, plan=plan)

    def step(self, objective: Objective, state: AutoState) -> AutoState:
        if state.spent:
            after = self._handed_over(objective, state)
            return after or state.but(iteration=state.iteration + 1, stalled=state.inner.stalled or Reason.MAX_ITER)
        inner = state.solver.step(objective, state.inner)
        spare = inner.needs_fallback and objective.loss.convex and not objective.loss.rowwise
        if not np.isfinite(inner.value):
            return (self._handed_over(objective, state) if spare else None) or state.but(**inner.facts(), inner=inner)
        best = inner if inner.value <= state.best.value else state.best
        moves = (*state.moves[-11:], (state.params, inner.params - state.params))
        after = state.but(**inner.facts(), inner=inner, best=best, moves=moves)
        if inner.stalled is None and inner.iteration < state.limit:
            return after
        if spare and not without_optimum(objective, best.params, moves):
            return after.but(stalled=None, spent=True)
        return after.but(stalled=Reason.NO_FINITE_OPTIMUM if spare else inner.stalled or Reason.MAX_ITER)

    @staticmethod
    def _handed_over(objective: Objective, state: AutoState) -> AutoState | None:
        """Return the state after one step of the proximal point method; None if F is not finite there."""
        solver = ProximalPoint()
        start = replace(solver.init(objective, state.best.params, state.plan), iteration=state.iteration)
        inner, limit = solver.step(objective, start), state.plan.max_iter or state.iteration + solver.default_max_iter
        if not np.isfinite(inner.value):
            return None
        return state.but(**inner.facts(), solver=solver, inner=inner, best=inner, limit=limit, spent=False)

    def done(self, objective: Objective, state: AutoState, tol: float) -> Reason | None:
        return state.solver.done(objective, state.inner, tol)

    def choose(self, objective: Objective, best: AutoState, last: AutoState, reason: Reason) -> tuple[AutoState, Reason]:
        if best.solver is not last.solver:
            return super().choose(objective, best, last, reason)
        inner, reason = last.solver.choose(objective, best.inner, last.inner, reason)
        same = next((state for state in (last, best) if inner is state.inner), None)
        return same or last.but(**inner.facts(), inner=inner), reason

    def final(self, objective: Objective, state: AutoState) -> AutoState:
        inner = state.solver.final(objective, state.inner)
        return state if inner is state.inner else state.but(**inner.facts(), inner=inner)

    def export(self, objective: Objective, state: AutoState) -> State | None:
        return state.solver.export(objective, state.inner)

    def at_work(self, state: AutoState) -> Solver[Any]:
        return state.solver
