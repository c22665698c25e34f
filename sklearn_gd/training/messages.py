"""Messages of a fit: warnings that point to the user's line, and the reason why a fit did not converge."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ..objective.objective import Objective
from ..solvers import Reason, Solver, State
from .problem import Parts

__all__ = ["complaint", "warn"]

# The packages between the user's line and ours.
PACKAGES = ("sklearn_gd", "sklearn", "joblib", "threading")


def warn(message: str) -> None:
    """Issue a ConvergenceWarning at the line that called this package, or the scikit-learn meta-estimators around it."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ConvergenceWarning, stacklevel=level)


def complaint(
    objective: Objective, state: State, reason: Reason, text: str, n_iter: int, solver: Solver[Any], parts: Parts
) -> str:
    """Return why the fit has not converged, with one piece of advice."""
    if reason is Reason.NO_FINITE_OPTIMUM:
        return (
            f"There is no finite optimum (after {n_iter} iterations): the loss falls for ever as the parameters grow, "
            "as it does when classes are separable. What would help: a penalty, with alpha > 0."
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
