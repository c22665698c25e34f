"""Minimisation of a quadratic plus a penalty with a prox: the inner problem of the proximal Newton method."""

from __future__ import annotations

import numpy as np

from ...arrays import EPS, Array
from ...objective.objective import Objective
from .groups import minimize_on_groups
from .pieces import minimize_on_pieces
from .quadratic import Quadratic

__all__ = ["minimize_quadratic"]

# With so few features, another Newton step takes less time than a better inner solution.
SMALL = 50


def minimize_quadratic(objective: Objective, hessian: Array, gradient: Array, start: Array) -> Array:
    r"""Return argmin over x of gradient'(x - start) + (x - start)' hessian (x - start) / 2 + rest(x).

    A piecewise-linear penalty is handled piece by piece, and a sum of norms group by group. For other penalties, accelerated
    proximal gradient steps identify the weights at a kink. Semismooth Newton steps on the equation
    x = prox(x - t \nabla q(x), t) then solve for the others. A step is accepted only if it lowers the value. If this fails, as
    for nearly collinear columns, the same method is first applied to a sequence of better conditioned problems: the proximal
    point method.

    References
    ----------
    L. Qi and J. Sun, A nonsmooth version of Newton's method, 1993; A. Beck and M. Teboulle, A Fast Iterative
    Shrinkage-Thresholding Algorithm, 2009; B. O'Donoghue and E. Candes, Adaptive restart, 2015.
    """
    whole = Quadratic(objective, hessian, gradient, start)
    if whole.kinks is not None:
        return minimize_on_pieces(whole, start)
    if whole.norms:
        return minimize_on_groups(whole, start)
    plain, left = _descend(whole, start, 1e-15)
    if objective.model.n_features <= SMALL:
        return plain
    x, diagonal = plain, np.einsum("bii->bi", hessian)
    damping, least = 1e-2, 0.0
    for _ in range(40):
        if left <= 1e-10:
            break
        damped = hessian.copy()
        np.einsum("bii->bi", damped)[:] += damping * diagonal
        x, missed = _descend(Quadratic(objective, damped, whole.slope(x), x), x, 1e-10)
        left = whole.residual(x)
        least = min(10.0 * damping, 1.0) if missed > 1e-6 else least
        damping = max(0.3 * damping, least)
    value = whole.value(plain)
    return x if whole.value(x) < value - 8 * EPS * abs(value) else plain  # smaller differences are rounding noise


def _descend(problem: Quadratic, x: Array, goal: float) -> tuple[Array, float]:
    """Return a better point than x, and its residual."""
    value = problem.value(x)
    for _ in range(25):
        x, value = problem.accelerated(x, value, 10)
        candidate = problem.semismooth(x)
        candidate_value = problem.value(candidate)
        if candidate_value < value + 8 * EPS * abs(value):
            x, value = candidate, candidate_value
        left = problem.residual(x)
        if left <= goal:
            break
    return x, left
