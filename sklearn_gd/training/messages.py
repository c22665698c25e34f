"""What a fit says to its user: warnings at the user's own line, and why a fit that did not converge did not."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ..objective.objective import Objective
from ..solvers import Result

__all__ = ["complaint", "warn"]

# The packages between the user's line and ours.
PACKAGES = ("sklearn_gd", "sklearn", "joblib", "threading")


def warn(message: str) -> None:
    """Give a ConvergenceWarning that names the line which called this package, or scikit-learn's meta-estimators around it."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ConvergenceWarning, stacklevel=level)


def complaint(objective: Objective, result: Result, solver: Any, tol: float, automatic: bool) -> str:
    """Return why the fit is not called converged, and the one thing that would help."""
    state = result.state
    if result.reason == "no finite optimum":
        return (
            f"There is no finite optimum (after {result.n_iter} iterations): the loss falls for ever as the parameters grow, "
            "as it does when classes are separable. What would help: a penalty, with alpha > 0."
        )
    goal = max(tol, objective.loss.precision)
    spent = "raise max_iter or scale the columns." if automatic else "solver='auto', or a larger max_iter."
    if not (objective.model.linear and solver.certifies):
        spent = "a larger max_iter or tol."
    if result.reason == "wrong derivatives":
        missed = "by the gradient that was given"
    elif not solver.certifies:
        missed = f"before the mean loss settled to tol={tol:.2g}"
    elif not state.optimality <= goal:
        missed = f"with optimality {state.optimality:.2g}, above tol={tol:.2g}"
    else:
        share = state.decrement / objective.gain(state.value)
        missed = (
            f"with optimality {state.optimality:.2g}, which is small enough, and a predicted decrease of the objective, "
            f"relative to what was gained, of {share:.2g}, which is not"
        )
    help_ = state.hint or objective.loss.doubt or spent
    ended = f"{type(solver).__name__} stopped after {result.n_iter} iterations ({result.reason})"
    return f"{ended} {missed}. What would help: {help_}"
