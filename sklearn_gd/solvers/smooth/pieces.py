"""Minimisation of a quadratic plus a penalty that is piecewise linear in each weight, by Newton steps between pieces."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv

from ...arrays import EPS, Array
from .quadratic import Quadratic

__all__ = ["minimize_on_pieces", "solved"]

# Shares of a Newton step to try if it leaves the pieces.
SHARES = (1.0, 0.5, 0.2, 0.1)


def minimize_on_pieces(problem: Quadratic, x: Array, most: int = 300) -> Array:
    r"""Return the argmin over x of q(x) + rest(x), where rest is piecewise linear in each weight.

    Each weight has a piece: the one that it is on or, at a kink, the one in the direction of descent; some weights stay at
    their kink. The Newton step for the others is taken in full if the kinks on its way hardly matter, and is clipped to their
    pieces otherwise. If that does not lower the sum, the step ends at the first kink, which always lowers it.

    References
    ----------
    D. Bertsekas, Projected Newton Methods for Optimization Problems with Simple Constraints, 1982; H. Lee, A. Battle, R. Raina
    and A. Ng, Efficient sparse coding algorithms, 2007.
    """
    unit = np.sqrt(problem.diagonal)
    slope, first = problem.slope(x), 0.0
    value = problem.value_at(x, slope)
    for _ in range(most):
        total, low, high = problem.piece(x, slope)
        left = float((np.abs(total) / unit).max(initial=0.0))
        first = first or left
        if left <= max(1e-13 * first, 8 * EPS * float((np.abs(x) * unit).max(initial=0.0))):
            break
        free = low < high
        direction = _newton(problem, total, free)
        trial = problem.objective.prox(x + direction, 0.0)
        trial_slope = problem.slope(trial)
        trial_value = problem.value_at(trial, trial_slope)
        if not trial_value <= value + 0.4 * float(total @ direction):
            direction, limit = _clipped(problem, x, direction, total, low, high)
            for share in (*(s for s in SHARES if s > limit), min(limit, 1.0)):
                trial = np.clip(x + share * direction, low, high)
                trial_slope = problem.slope(trial)
                trial_value = problem.value_at(trial, trial_slope)
                if trial_value < value - 1e-3 * float(total @ (x - trial)):
                    break
            if trial_value >= value + 8 * EPS * abs(value):
                break
        x, slope, value = trial, trial_slope, trial_value
    return x


def _newton(problem: Quadratic, total: Array, free: Array) -> Array:
    """Return the Newton step for the free weights, with the others fixed."""
    direction = np.zeros_like(total)
    for block, rows in zip(problem.hessian, problem.rows, strict=True):
        place = np.flatnonzero(free[rows])
        if len(place):
            inside = rows[place]
            direction[inside] = -solved(block[np.ix_(place, place)], total[inside])
    return direction


def _clipped(problem: Quadratic, x: Array, direction: Array, total: Array, low: Array, high: Array) -> tuple[Array, float]:
    """Return the Newton step for the weights that can follow it, and the share of the step that reaches the first kink."""
    free = low < high
    while True:
        held = free & (((x == low) & (direction < 0)) | ((x == high) & (direction > 0)))
        if not held.any():
            break
        free &= ~held
        direction = _newton(problem, total, free)
    room = np.where(direction > 0, high - x, x - low)
    ratio = np.divide(room, np.abs(direction), out=np.full_like(x, np.inf), where=direction != 0)
    # Slightly longer, so that the clipped step lands on the kink: rounding could leave it short again and again.
    return direction, float(ratio.min(initial=np.inf)) * (1.0 + 4.0 * EPS)


def solved(matrix: Array, right: Array) -> Array:
    """Return the solution for a positive definite matrix; for one that is singular up to rounding, a small solution."""
    scale = 1.0 / np.sqrt(np.diagonal(matrix))
    scaled, extra = matrix * scale * scale[:, None], 0.0
    while True:
        scaled[np.diag_indices_from(scaled)] = 1.0 + extra
        _, solution, failed = dposv(scaled, scale * right, lower=1)
        if not failed:
            return scale * solution
        extra = max(10.0 * extra, 1e-13)
