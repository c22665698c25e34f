"""Newton's method without the second derivative itself: its products with vectors are enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import Array
from .lbfgs import Diagonal, Metric
from .metrics import Cholesky
from .newton import Newton, NewtonState

if TYPE_CHECKING:
    from ...objective.objective import Objective

__all__ = ["NewtonCG"]


class NewtonCG(Newton):
    r"""Newton's method by conjugate gradients, for models with many parameters, or many classes.

    .. math:: H d = -\nabla F, \qquad params \leftarrow params + t \, d

    The gradient always comes from all rows; the products with H from some of them, as long as they serve. The preconditioner
    is the second derivative with the classes uncoupled, and all alike where features are many; a diagonal where its factors
    are not affordable.

    Parameters
    ----------
    max_cg : int, default=40
        The most products with H for one direction.

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

    takes_prox = False
    second_order = False  # its last digits take many products
    pace = 0.7
    growth = 2
    ranges = {"max_cg": ("an integer >= 1", lambda value: value >= 1 and value == int(value))}

    def __init__(self, max_cg: int = 40) -> None:
        self.max_cg = max_cg

    def _first_rows(self, objective: Objective) -> int:
        return int(max(objective.data.n_rows / 16, 8 * objective.model.n_rows, 4096))

    @staticmethod
    def _most_rows(objective: Objective) -> int:
        """Return the rows that may be copied: in single precision they take a sixth of the memory of all."""
        return max(objective.data.n_rows // 3, 1 << 14)

    def _improves(self, objective: Objective, rows: int) -> bool:
        return rows < self._most_rows(objective)

    def _measured(self, objective: Objective, state: NewtonState) -> NewtonState:
        rows = min(state.rows, self._most_rows(objective)) if objective.data.X.samples else objective.data.n_rows
        part = objective.sample(rows)
        part = part if part is objective else part.copied(np.float32)
        preconditioner: Metric
        if objective.model.n_rows <= 1500 and part.data.X.gram_rate > 1e9:
            few = objective.model.n_rows**2 <= objective.data.n_rows
            preconditioner = Cholesky(objective, part.uncoupled(state.params, shared=not few), 1e-10, 0.1)
        else:
            preconditioner = Diagonal(part.diagonal(state.params))
        return replace(state, metric=_Products(part.second_derivative(state.params), preconditioner, self.max_cg), pairs=[])


@dataclass
class _Products:
    """A metric that is known by its products with vectors."""

    product: Callable[[Array], Array]
    preconditioner: Metric
    max_cg: int
    accuracy: float = 0.1

    def solve(self, vector: Array) -> Array:
        """Return an approximation to the inverse times a vector, by preconditioned conjugate gradients."""
        x, residual = np.zeros_like(vector), vector.copy()
        z = self.preconditioner.solve(residual)
        way, size = z, float(residual @ z)
        goal = self.accuracy**2 * size
        for _ in range(self.max_cg):
            if size <= goal:
                break
            image = self.product(way)
            bend = float(way @ image)
            if bend <= 0:
                break
            x += size / bend * way
            residual -= size / bend * image
            z = self.preconditioner.solve(residual)
            size, before = float(residual @ z), size
            way = z + size / before * way
        return x if np.any(x) else z
