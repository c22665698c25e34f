"""The descent along nearly collinear columns, which a certificate of one column at a time does not see."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...arrays import EPS, Array
from ...objective.objective import Objective, Point
from ...rows.base import Block
from ..base import FEW
from ..smooth.metrics import Cholesky

__all__ = ["hides_descent"]

# The decrease, relative to the loss of the best constant prediction, that may be missed.
MISSED = 1e-10

# With more columns, the matrix would take seconds.
MOST_COLUMNS = 4000


def hides_descent(objective: Objective, point: Point, tol: float) -> bool:
    r"""Tell whether a Newton step promises a decrease of F at a point that is certified for each column by itself.

    .. math:: \tfrac12 r' H^{-1} r, \qquad H = \frac{s^2}{F_0} \frac{Z' Z}{n} + \alpha \nabla^2 R

    r is the gradient plus the nearest subgradient of a penalty with kinks, and s is the usual slope of the loss. A loss with
    kinks has no curvature of its own: this is what its size and its slopes suggest. A sample may show that nothing is hidden.
    """
    rows, columns = objective.rows, objective.linear.n_inputs
    if columns > min(rows.n_samples, MOST_COLUMNS):
        return False
    missed = max(MISSED, (0.1 * tol) ** 2, 0.0 if rows.dtype == np.float64 else 100.0 * float(np.finfo(rows.dtype).eps))
    limit = missed * max(abs(objective.reference.value), EPS)
    residual, penalty, model = point.gradient.copy(), objective.penalty, objective.model
    if not penalty.smooth:
        weights = model.weights(residual)
        weights += penalty.subgradient(model.weights(point.params), weights)
    few = objective.sample(max(FEW, 10 * columns))
    parts = [objective] if few is objective else [few, objective]
    return all(_promised(part, point.params, residual) > limit for part in parts)


def _promised(objective: Objective, params: Array, residual: Array) -> float:
    """Return the decrease that a Newton step promises."""
    reference = objective.reference
    curvature = reference.slopes**2 / max(abs(reference.value), EPS)
    hessian = objective.hessian_of_curvature(params, objective.rows.map(partial(_same, curvature)))
    return 0.5 * float(residual @ Cholesky(objective, hessian, 1e-14, 0.0).solve(residual))


def _same(curvature: Array, block: Block) -> Array:
    """Return the same curvature for each row, (n, K): a kernel."""
    return np.tile(curvature, (len(block.weight), 1))
