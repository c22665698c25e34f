"""A solver for more features than rows, where the optimal weights are linear combinations of the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import eigh

from ..arrays import Array
from ..models.linear import LinearMap
from ..objective.objective import Objective
from ..rows.matrices import Matrix
from .base import NEEDS, Need, Plan, Solver, State
from .loop import solve
from .smooth.choice import whole_solver

__all__ = ["RowSpace"]


@dataclass(kw_only=True)
class RowState(State):
    """A state with the small objective, its params, and the matrix that maps its weights to combinations of the rows of X."""

    part: Objective
    inner: Array
    basis: Array
    X: Matrix


class RowSpace(Solver[RowState]):
    r"""Minimise over linear combinations of the rows, for many more features than rows and an l2 penalty or none.

    .. math:: W = Z^T A, \qquad Z W = R V, \qquad R R^T = Z Z^T, \qquad \|W\| = \|V\|

    Z contains the (centred) rows, and R has one column per dimension of their span. The problem in V is the same as the
    original one with R in place of X, but small. It takes one product of Z with itself, and one with A to return. Each round
    solves it more accurately with `solver` and computes the gradient of all features once.

    Parameters
    ----------
    solver : Solver or None, default=None
        Solver of the small problem. If None, it is chosen as for solver="auto".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import RowSpace
    >>> X = np.random.RandomState(0).randn(5, 40)
    >>> model = GDRegressor(alpha=0.0, solver=RowSpace()).fit(X, [1.0, 2.0, 3.0, 4.0, 5.0])
    >>> model.predict(X).round(6)
    array([1., 2., 3., 4., 5.])

    References
    ----------
    T. Hastie and R. Tibshirani, Efficient Quadratic Regularization for Expression Arrays, 2004.
    """

    needs = NEEDS | {Need.ISOTROPIC, Need.IN_MEMORY}
    default_max_iter = 30
    second_order = True
    ranges = {"solver": ("a Solver, or None", lambda value: value is None or isinstance(value, Solver))}

    def __init__(self, solver: Any = None) -> None:
        self.solver = solver

    def _inner(self, part: Objective) -> Solver[Any]:
        return self.solver or whole_solver(part)

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> RowState:
        rows, model = objective.local, objective.linear
        X, weights = rows.matrix, model.weights(params)
        values, vectors = eigh(X.products(model.center), check_finite=False)
        kept = values > 10 * len(values) * np.finfo(rows.dtype).eps * values[-1]
        sizes = np.sqrt(values[kept])
        turned = LinearMap(len(sizes), model.n_raw, model.fit_intercept, n_weighted=weights.shape[1])
        small = rows.with_matrix(vectors[:, kept] * sizes)
        # The combinations have mean zero, like the columns.
        reference = replace(objective.reference, mean=np.zeros(len(sizes)), spread=small.moments.spread(model.fit_intercept))
        summand = replace(objective.summand, model=turned)
        part = replace(objective, rows=small, summand=summand, reference=reference, remainder=(0.0, np.zeros(turned.size)))
        self._inner(part).check(part)
        basis = vectors[:, kept] / sizes
        start = np.append(np.zeros(len(sizes) * model.n_raw), params[model.n_features * model.n_raw :])
        inner = turned.with_weights(start, basis.T @ X.centered_dot(weights, model.center))
        return RowState.at(objective.at(params), part=part, inner=inner, basis=basis, X=X)

    def step(self, objective: Objective, state: RowState) -> RowState:
        goal = float(np.clip(0.01 * state.optimality, 1e-11, 1e-3))
        round_ = solve(state.part, self._inner(state.part), state.inner, tol=goal)
        inner = round_.state.params
        point = objective.at(_outward(objective, state, inner))
        return state.but(**vars(point), iteration=state.iteration + 1, decrement=round_.state.decrement, inner=inner)


def _outward(objective: Objective, state: RowState, inner: Array) -> Array:
    """Return the params that correspond to those of the small objective."""
    turned = state.part.model.weights(inner)
    mixed = state.basis @ turned
    weights = state.X.centered_pull(mixed, mixed.sum(axis=0), objective.linear.center)
    model = objective.linear
    result = np.append(np.zeros(model.n_features * model.n_raw), inner[len(turned) * model.n_raw :])
    return model.with_weights(result, weights)
