"""More features than rows: the weights that matter are combinations of the rows, and those are fewer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import eigh

from ..arrays import Array
from ..models import LinearMap
from ..objective.objective import Objective
from ..rows.memory import Data
from .base import Solver, State, nested

__all__ = ["RowSpace"]


@dataclass(kw_only=True)
class RowState(State):
    """A state with the small objective, its params, and the matrix from its weights to combinations of the rows."""

    part: Any
    inner: Array
    basis: Array


class RowSpace(Solver[RowState]):
    r"""Minimise over combinations of the rows: for data with many more features than rows, and an l2 penalty or none.

    .. math:: W = Z^T A, \qquad Z W = R V, \qquad R R^T = Z Z^T, \qquad \|W\| = \|V\|

    Z are the (centred) rows, R has one column for each of their dimensions. The problem in V is the same, with R for X, and
    small; one product of Z with itself leads there, and one with A back. Each round solves it more closely, with `solver`, and
    looks at the gradient of all features once.

    Parameters
    ----------
    solver : Solver or None, default=None
        What solves the small problem; None picks as solver="auto" does.

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

    default_max_iter = 30
    second_order = True
    ranges = {"solver": ("a Solver, or None", lambda value: value is None or isinstance(value, Solver))}

    def __init__(self, solver: Any = None) -> None:
        self.solver = solver

    def check(self, objective: Objective) -> None:
        super().check(objective)
        if not objective.penalty.isotropic:
            raise ValueError(
                f"{objective.penalty!r} is not the same in all directions, and RowSpace needs a penalty that is: use "
                "solver='auto' or penalty='l2'."
            )

    def _inner(self, part: Objective) -> Solver[Any]:
        from . import whole_solver

        return self.solver or whole_solver(part)

    def init(self, objective: Objective, params: Array) -> RowState:
        part, basis = _enter(objective)
        value, gradient = objective.value_and_gradient(params)
        optimality = objective.optimality(params, gradient)
        inner = _inward(objective, params, basis)
        return RowState(params, value, gradient, optimality, part=part, inner=inner, basis=basis)

    def step(self, objective: Objective, state: RowState) -> RowState:
        solver = self._inner(state.part)
        goal = float(np.clip(0.01 * state.optimality, 1e-11, 1e-3))
        round_ = nested(state.part, solver, state.inner, tol=goal, max_iter=solver.default_max_iter)
        params = _outward(objective, round_.state.params, state.part, state.basis)
        value, gradient = objective.value_and_gradient(params)
        return replace(
            state,
            params=params,
            value=value,
            gradient=gradient,
            optimality=objective.optimality(params, gradient),
            iteration=state.iteration + 1,
            decrement=round_.state.decrement,
            inner=round_.state.params,
        )


def _enter(objective: Objective) -> tuple[Objective, Array]:
    """Return the same objective for weights that are combinations of the rows, and the matrix that combines them."""
    data, model = objective.data, objective.model
    used = data.used
    values, vectors = eigh(data.X.rows(used).products(model.center), check_finite=False)
    kept = values > 10 * len(values) * np.finfo(data.dtype).eps * values[-1]
    sizes = np.sqrt(values[kept])
    small = Data(vectors[:, kept] * sizes, data.y[used], data.weight[used], mapper=data.mapper)
    offset = None if objective.offset is None else objective.offset[used]
    turned = LinearMap(len(sizes), model.n_raw, model.fit_intercept)
    part = Objective(small, objective.target, turned, objective.loss, objective.penalty, objective.alpha, offset)
    part.take_reference(objective)
    return part, vectors[:, kept] / sizes


def _inward(objective: Objective, params: Array, basis: Array) -> Array:
    """Return the params of the small objective for params that are combinations of the rows."""
    data, model = objective.data, objective.model
    weights = model.weights(params)
    return np.append(basis.T @ (data.X.rows(data.used).centered_dot(weights, model.center)), params[weights.size :])


def _outward(objective: Objective, inner: Array, part: Objective, basis: Array) -> Array:
    """Return the params for those of the small objective."""
    data, model = objective.data, objective.model
    turned = part.model.weights(inner)
    mixed = basis @ turned
    weights = data.X.rows(data.used).centered_pull(mixed, mixed.sum(axis=0), model.center)
    return np.append(weights, inner[turned.size :])
