"""Messages of a fit: warnings that point to the user's line, and the reason why a fit did not converge."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..objective.objective import Objective
from ..solvers import Reason, Solver, State
from .problem import Parts

__all__ = ["complaint", "unit_notice", "warn"]

# The packages between the user's line and ours.
PACKAGES = ("sklearn_gd", "sklearn", "joblib", "threading")


# Under a loss of location and scale, a penalty of this strength times the squared unit of y shrinks visibly.
VISIBLE = 0.01


def warn(message: str, category: type[Warning] = ConvergenceWarning) -> None:
    """Issue a warning at the line that called this package, or the scikit-learn meta-estimators around it."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def complaint(
    objective: Objective, state: State, reason: Reason, text: str, n_iter: int, solver: Solver[Any], parts: Parts
) -> str:
    """Return why the fit has not converged, with one piece of advice."""
    if reason is Reason.NO_FINITE_OPTIMUM:
        return (
            f"There is no finite optimum (after {n_iter} iterations): the loss falls for ever as the parameters grow, "
            f"{objective.loss.unbounded_hint}"
        )
    if reason is Reason.WRONG_DERIVATIVES:
        missed = "by the gradient that was given"
    elif not state.certified:
        missed = f"before the mean loss settled to tol={parts.tol:.2g}"
    elif not state.optimality <= max(parts.tol, objective.loss.precision):
        missed = f"with optimality {state.optimality:.2g}, above tol={parts.tol:.2g}"
    else:
        share = state.decrement / objective.reference.gain(state.value)
        missed = (
            f"with optimality {state.optimality:.2g}, which is small enough, and a predicted decrease of the objective, "
            f"relative to what was gained, of {share:.2g}, which is not"
        )
    if reason is Reason.NOT_FINITE:
        state = state.but(hint=state.hint or "a loss that is a finite number for every raw prediction.")
    if reason is Reason.ABOVE_CONSTANT:
        state = state.but(hint=state.hint or "a smaller learning rate, or learning_rate='auto'.")
    linear = objective.model.has_gram and state.certified
    help_ = state.hint or objective.loss.convergence_hint or (parts.solver.advice if linear else "a larger max_iter or tol.")
    return f"{type(solver).__name__} stopped after {n_iter} iterations ({text}) {missed}. What would help: {help_}"


def unit_notice(objective: Objective) -> str:
    """Return what to say of a penalty in the unit of y, beside a loss that has none; an empty string if it is small."""
    loss, penalty = objective.loss, objective.penalty
    if not (loss.location_scale and objective.model.has_gram) or penalty.absent or penalty.shape.bounds:
        return ""
    scale = float(np.exp(objective.reference.constant[1]))
    if not (scale > 10.0 and penalty.alpha * scale**2 > VISIBLE):
        return ""
    return (
        f"alpha={penalty.alpha:g} under {loss.name}: the penalty has the squared unit of y, whose scale is {scale:.3g}, and "
        "the loss has none, so that it shrinks the coefficients strongly. What would help: y in a unit that makes "
        "it of order one, or a smaller alpha, such as 0."
    )
