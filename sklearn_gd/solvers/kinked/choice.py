"""Choice of a solver for a convex loss with kinks."""

from __future__ import annotations

from typing import Any

from ...objective.objective import Objective
from ..base import Solver
from ..smooth.choice import prefers_newton
from .dual import Dual
from .interior_point import InteriorPoint
from .kinked_rows import KinkedRows
from .proximal_point import ProximalPoint
from .working_rows import WorkingRows

__all__ = ["kinked_solver"]


def kinked_solver(objective: Objective, whole: bool = False) -> Solver[Any]:
    """Return the solver for a loss with kinks; with `whole`, one without a subsample, which would lack the remainder."""
    loss, penalty, rows = objective.loss, objective.penalty, objective.rows
    if not (loss.has_lines and (penalty.smooth or penalty.absolute)):
        return ProximalPoint()
    if not penalty.smooth and rows.in_memory and KinkedRows.of(objective).wide:
        return InteriorPoint()
    if not prefers_newton(objective):
        dual = loss.piecewise_linear and penalty.isotropic and not penalty.absent and rows.in_memory
        return Dual() if dual else ProximalPoint()
    if loss.piecewise_linear and rows.n_samples <= objective.model.n_features and penalty.smooth:
        return ProximalPoint()
    if loss.piecewise_linear and not whole:
        return WorkingRows()
    return InteriorPoint() if rows.in_memory else ProximalPoint()
