"""Newton's method with Hessian-vector products instead of the Hessian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...arrays import Array
from ...objective.objective import Objective
from ..base import NEEDS
from .metrics import Cholesky, Diagonal, Metric
from .newton import Newton, NewtonState

__all__ = ["NewtonCG"]


class NewtonCG(Newton):
    r"""Newton's method with conjugate gradients, for linear models with many parameters or many classes.

    .. math:: H d = -\nabla F, \qquad params \leftarrow params + t \, d

    The gradient is always computed on all rows; the products with H use a subsample as long as that suffices. The
    preconditioner is the Hessian without the coupling between classes, with one block for all classes if there are many
    features. If its factors are not affordable, it is diagonal.

    Parameters
    ----------
    max_cg : int, default=40
        Maximum number of products with H for one direction.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import NewtonCG
    >>> GDRegressor(loss="log_cosh", alpha=0.0, solver=NewtonCG()).fit([[0.0], [1.0]], [1.0, 3.0]).coef_.round(4)
    array([2.])

    References
    ----------
    R. Byrd, G. Chin, W. Neveitt and J. Nocedal, On the Use of Stochastic Hessian Information in Optimization Methods for
    Machine Learning, 2011; S. Dembo, S. Eisenstat and T. Steihaug, Inexact Newton Methods, 1982.
    """

    needs = NEEDS
    second_order = False  # the last digits would take many products
    keep_ratio = 0.7
    growth = 2
    ranges = {"max_cg": ("an integer >= 1", lambda value: value >= 1 and value == int(value))}

    def __init__(self, max_cg: int = 40) -> None:
        self.max_cg = max_cg

    def _first_rows(self, objective: Objective) -> int:
        return int(max(objective.rows.n_samples / 16, 8 * objective.linear.n_inputs, 4096))

    @staticmethod
    def _most_rows(objective: Objective) -> int:
        """Return the number of rows that may be copied: in single precision they take a sixth of the memory of all rows."""
        return max(objective.rows.n_samples // 3, 1 << 14)

    def _improves(self, objective: Objective, rows: int) -> bool:
        return rows < self._most_rows(objective)

    def _measured(self, objective: Objective, state: NewtonState) -> NewtonState:
        part, profile = objective, objective.rows.profile
        rows = min(state.rows, self._most_rows(objective))
        if profile.samples and 2 * rows < objective.rows.n_samples:
            part = objective.over(objective.rows.sample(rows).copied(np.float32))
        preconditioner: Metric
        n_inputs = objective.linear.n_inputs
        if n_inputs <= 1500 and profile.gram_rate > 1e9:
            few = n_inputs**2 <= objective.rows.n_samples
            preconditioner = Cholesky(objective, part.uncoupled(state.params, shared=not few), 1e-10, 0.1)
        else:
            preconditioner = Diagonal(part.diagonal(state.params))
        return state.but(metric=_Products(part.second_derivative(state.params), preconditioner, self.max_cg), pairs=[])


@dataclass
class _Products:
    """A metric that is only available through its products with vectors."""

    product: Callable[[Array], Array]
    preconditioner: Metric
    max_cg: int
    accuracy: float = 0.1

    def solve(self, vector: Array) -> Array:
        """Return an approximation to the inverse times a vector, by preconditioned conjugate gradients."""
        x, residual = np.zeros_like(vector), vector.copy()
        z = self.preconditioner.solve(residual)
        direction, size = z, float(residual @ z)
        goal = self.accuracy**2 * size
        for _ in range(self.max_cg):
            if size <= goal:
                break
            image = self.product(direction)
            curvature = float(direction @ image)
            if curvature <= 0:
                break
            x += size / curvature * direction
            residual -= size / curvature * image
            z = self.preconditioner.solve(residual)
            size, before = float(residual @ z), size
            direction = z + size / before * direction
        return x if np.any(x) else z
