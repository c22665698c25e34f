"""Losses that are convex but for some kinks, such as capped ones: a short sequence of convex problems."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import Array
from ...losses.split import Convexified
from ..base import FEW, Solver, State, nested
from .interior_point import InteriorPoint
from .rows import pulled, raw_of, targets_of
from .working_rows import WorkingRows

if TYPE_CHECKING:
    from ...objective.objective import Objective

__all__ = ["ConvexConcave"]


@dataclass(kw_only=True)
class ConcaveState(State):
    """A state with y of every row and the slopes of the concave part of its loss, (n, K) each, and that part's mean."""

    y: Array
    slopes: Array
    level: float


class ConvexConcave(Solver[ConcaveState]):
    r"""The convex-concave procedure: for losses with kinks at which the slope falls, convex between the kinks.

    .. math:: \ell = g - h, \qquad params \leftarrow \arg\min \; \text{mean}_i \, (g(y_i, raw_i) - h'_i \, raw_i) + \alpha R

    h is the sum of the hinges at those kinks, and h' its slope where the last round has ended. Each round is a convex problem
    above F that touches it, and so F falls; it ends when no row crosses such a kink any more. What it finds is stationary, and
    depends on where it begins.

    Parameters
    ----------
    solver : Solver or None, default=None
        What solves a round; None picks as solver="auto" does.

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
    takes_kinked_loss = True
    takes_prox = True
    second_order = True
    ranges = {"solver": ("a Solver, or None", lambda value: value is None or isinstance(value, Solver))}

    def __init__(self, solver: Any = None) -> None:
        self.solver = solver

    def _inner(self, objective: Objective) -> Solver[Any]:
        from .. import get_solver

        chosen = get_solver(self.solver or "auto", objective)
        # A sample of the rows has not the tilt of all.
        return InteriorPoint() if isinstance(chosen, WorkingRows) else chosen

    def check(self, objective: Objective) -> None:
        super().check(objective)
        pieces = objective.loss.pieces
        if objective.loss.convex or pieces.absent or not pieces.convex_between:
            raise ValueError(
                f"{objective.loss!r} is not convex between known kinks at which its slope falls, which ConvexConcave needs: "
                "use solver='auto'."
            )

    def init(self, objective: Objective, params: Array) -> ConcaveState:
        params, y = objective.prox(params, 0.0), targets_of(objective)
        few = objective.sample(max(objective.data.n_rows // 16, FEW))
        if few is not objective:  # the first rounds need no more
            params = nested(few, self, params, tol=1e-3, max_iter=self.default_max_iter).state.params
        else:
            # Where params are, the loss may be flat; without its caps it is not.
            lowest = objective.loss.pieces.lowest(objective.loss.value, y)
            uncapped = self._round(objective, params, *_concave(objective, params, y, lowest), 1e-3)
            params = min(params, uncapped.params, key=objective.value)
        level, slopes = _concave(objective, params, y)
        value = objective.value(params)
        return ConcaveState(params, value, np.zeros_like(params), np.inf, y=y, slopes=slopes, level=level)

    def _round(self, objective: Objective, params: Array, level: float, slopes: Array, tol: float) -> State:
        """Return the state at the optimum of g less a line for each row: of these slopes, and at params of this mean."""
        tilt = pulled(objective, slopes)
        part = copy(objective)
        part.loss = Convexified(objective.loss)
        part.line = objective.line[0] + level - float(tilt @ params), objective.line[1] + tilt
        inner = self._inner(part)
        return nested(part, inner, params, tol=tol, max_iter=inner.default_max_iter).state

    def step(self, objective: Objective, state: ConcaveState) -> ConcaveState:
        tilt = pulled(objective, state.slopes)
        goal = float(np.clip(0.01 * state.optimality, 1e-9, 1e-3))
        round_ = self._round(objective, state.params, state.level, state.slopes, goal)
        params, value = round_.params, objective.value(round_.params)
        if not value < state.value:  # then the last params are as good for this round, to its tol
            params, value = state.params, state.value
        level, slopes = _concave(objective, params, state.y)
        gradient = round_.gradient + pulled(objective, slopes) - tilt
        same = np.array_equal(slopes, state.slopes)
        return ConcaveState(
            params,
            value,
            gradient,
            max(round_.optimality, objective.optimality(params, gradient)),
            state.iteration + 1,
            decrement=0.0 if same else max(state.value - value, 0.0),
            stalled="no descent at working precision" if same else "",
            y=state.y,
            slopes=slopes,
            level=level,
        )


def _concave(objective: Objective, params: Array, y: Array, place: Array | None = None) -> tuple[float, Array]:
    """Return the lines that touch the concave part at raw, or at another place: their mean at raw, and the slopes."""
    raw = raw_of(objective, params)
    raw = raw if objective.offset is None else raw + objective.offset
    kinks, _, falls = Convexified(objective.loss).hinges(y)
    slopes = np.where((raw if place is None else place) > kinks, falls, 0.0)
    values = (slopes * (raw - kinks)).sum(axis=0)
    return objective.cost(values, objective.data.weight), slopes.sum(axis=0)
