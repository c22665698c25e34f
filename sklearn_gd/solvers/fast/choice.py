"""Choice of a compiled solver."""

from __future__ import annotations

from ...objective.objective import Objective
from ..smooth.choice import prefers_newton
from .compiled import MANY_ENTRIES
from .dual_coordinate_descent import DualCoordinateDescent, strength

__all__ = ["prefers_coordinates"]

# The change of raw with the slope of its row, for which the dual is easy: fewer rounds than a gradient method takes passes.
EASY = 0.1, 50.0


def prefers_coordinates(objective: Objective) -> bool:
    """Tell whether the dual, one row at a time, is the fastest way, and numba is installed.

    For a smooth loss, this is so for texts with a moderate penalty: a method for the weights takes fewer passes if there are
    many rows for each column, or if the penalty is strong.
    """
    rows = objective.rows
    sparse = rows.profile.gram_rate < 1e9 and rows.n_samples * rows.profile.entries >= MANY_ENTRIES
    if objective.loss.quadratic or not (sparse and DualCoordinateDescent().suits(objective)) or prefers_newton(objective):
        return False
    moments = rows.moments
    low, high = EASY
    typical = float(moments.second.sum()) / moments.weight / (rows.n_samples * strength(objective))
    if not objective.loss.smooth:
        return typical <= 2.0 * high
    return low <= typical <= high and rows.n_samples <= 5 * objective.model.n_features
