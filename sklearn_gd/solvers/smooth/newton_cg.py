"""Newton's method with Hessian-vector products instead of the Hessian."""

from __future__ import annotations

import numpy as np

from ...arrays import Array
from ...objective.objective import Objective
from ..base import FEW, NEEDS
from .metrics import Cholesky, Diagonal, Inverse, Metric, Products
from .newton import Newton, NewtonState

__all__ = ["NewtonCG"]

# Products of two entries per second, above which a Gram matrix is worth forming for a preconditioner.
DENSE = 1e9


class NewtonCG(Newton):
    r"""Newton's method with conjugate gradients, for linear models with many parameters or many classes.

    .. math:: H d = -\nabla F, \qquad params \leftarrow params + t \, d

    The gradient is always computed on all rows; the products with H use a subsample as long as that suffices. The
    preconditioner is the inverse of the Hessian of a few rows without the coupling between classes, with one block for all
    classes if there are very many parameters. If that is not affordable, it is diagonal.

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
        part, rows = objective, min(state.rows, self._most_rows(objective))
        if objective.rows.profile.gram_rate > DENSE and 2 * rows < objective.rows.n_samples:
            part = objective.over(objective.rows.sample(rows).copied(objective.reference.coarse_dtype))
        preconditioner = self._preconditioner(objective, part, state.params)
        return state.but(metric=Products(part.second_derivative(state.params), preconditioner, self.max_cg), pairs=[])

    @staticmethod
    def _preconditioner(objective: Objective, part: Objective, params: Array) -> Metric:
        """Return the inverse of the Hessian on some of the rows of a part, without the coupling between columns of raw."""
        rows, model = objective.rows, objective.linear
        m, k = model.n_inputs, model.n_raw
        if m > 1500 or rows.profile.gram_rate <= DENSE:
            return Diagonal(part.diagonal(params))
        few = part.sample(max(5 * m, FEW))
        shared = k * m**2 > rows.n_samples * (m + k)  # one block for each column would take more memory than the rows and raw
        # A class that is all but certain has little curvature in all columns, unlike a rare level that a sample misses.
        blocks = few.uncoupled(params, shared)
        inverses = np.concatenate([Cholesky(objective, block[None], 1e-10, 0.1).inverses() for block in blocks])
        ridge = objective.ridge(params).reshape(m, k).mean(axis=1, keepdims=True)
        return Inverse(inverses, ridge if objective.loss.shift_invariant and not shared else None, objective.loss.steps)
