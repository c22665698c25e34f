"""Choice of a solver for a smooth loss."""

from __future__ import annotations

from typing import Any

from ...objective.objective import Objective
from ..base import Solver
from .gradient import GradientDescent
from .lbfgs import LBFGS
from .newton import Newton
from .newton_cg import NewtonCG

__all__ = ["prefers_newton", "whole_solver"]


def prefers_newton(objective: Objective) -> bool:
    """Tell whether the Hessian of all features is affordable compared with the passes of a first-order method.

    The rates are those of an ordinary core, per second: 2e10 operations in matrix products, 2e9 in passes over the rows, 2e8 in
    sparse products. A kink, in the loss or in the penalty, multiplies the passes of a first-order method.
    """
    rows, model, rowwise = objective.rows, objective.linear, objective.loss.rowwise
    n, per_row, pairs = rows.n_samples, rows.profile.entries, model.n_raw ** (2 if rowwise else 1)
    block = model.size if rowwise else model.n_inputs
    newton = 8 * (n * pairs * per_row**2 / rows.profile.gram_rate + pairs / model.n_raw * block**3 / 2e10)
    passes = 300 if objective.loss.smooth and objective.penalty.smooth else 3000
    first_order = passes * (4 * n * per_row * model.n_raw / 2e9 + 1e-4)
    return block <= 4000 and newton <= first_order


def whole_solver(objective: Objective) -> Solver[Any]:
    """Return the solver for the objective on all features at once, treating its loss as smooth."""
    if prefers_newton(objective):
        return Newton()
    loss, penalty = objective.loss, objective.penalty
    if not penalty.smooth:
        return GradientDescent(nesterov=True)
    bends = not (loss.smooth or loss.has_lines or penalty.absent)  # a sharp but finite curvature
    many_rows = objective.rows.n_samples > 5 * objective.model.n_features
    return NewtonCG() if loss.convex and (many_rows or bends) else LBFGS()
