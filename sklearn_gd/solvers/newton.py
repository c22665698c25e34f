"""Newton's method on the exact second derivative, with a proximal step for penalties that are not smooth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh, qr

from ..losses.numeric import EPS, Array
from .base import Solver, State, search_line
from .quadratic import minimize_quadratic

if TYPE_CHECKING:
    from ..objective import Objective

__all__ = ["Newton"]


@dataclass
class NewtonState(State):
    """A state with the second derivative at the params, if known, and the factors that the last step used."""

    hessian: Array | None = None
    factors: _Factors | None = None
    damping: float = 0.0


class Newton(Solver):
    r"""Newton's method, for linear models with up to a few thousand parameters.

    .. math:: params \leftarrow params - t \, (H + \mu D)^{-1} \nabla F

    H is summed over the rows in the same pass as the gradient; t comes from a line search on slopes. Columns that are
    collinear or have no curvature leave H singular: a ridge of 1e-12 on its scaled diagonal D keeps the step in its range, and
    \mu grows where the quadratic model proves false. With a penalty that is not smooth, each step minimises the quadratic model
    plus the penalty.

    Without a penalty, of many minimisers the one of least norm of coef_ is returned, the intercept being free.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import Newton
    >>> GDRegressor(alpha=0.0, solver=Newton()).fit([[0.0, 0.0], [1.0, 1.0]], [1.0, 3.0]).coef_.round(6)
    array([1., 1.])

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2006, chapter 3; J. Lee, Y. Sun and M. Saunders, Proximal Newton-type
    Methods for Minimizing Composite Functions, 2014.
    """

    default_max_iter = 100
    takes_prox = True

    def init(self, objective: Objective, params: Array) -> State:
        params = objective.prox(params, 0.0)
        value, gradient, hessian = objective.hessian(params)
        optimality = objective.optimality(params, gradient)
        return NewtonState(params, value + objective.rest(params), gradient, optimality, hessian=hessian, decrement=np.inf)

    def step(self, objective: Objective, state: State) -> State:
        assert isinstance(state, NewtonState)
        hessian = state.hessian if state.hessian is not None else objective.hessian(state.params)[2]
        factors = _Factors(objective, hessian, state.damping)
        if objective.prox_penalty.absent:
            direction = -factors.solve(state.gradient)
            slope = float(state.gradient @ direction)
            t = 0.0
            if slope < 0:
                t = search_line(objective.along(state.params, direction), state.value, slope, 1.0, 0.5)
        else:
            target = minimize_quadratic(objective, factors.hessian, state.gradient, state.params)
            direction = target - state.params
            t, slope = _composite_search(objective, state, direction)
        if t == 0.0:
            return self._held(state, factors)
        damping = max(10.0 * state.damping, 1e-6) if t < 0.1 else 0.1 * state.damping * (state.damping > 1e-9)
        params = objective.prox(state.params + t * direction, 0.0)
        value, gradient = objective.value_and_gradient(params)
        decrement = 0.5 * float(gradient @ factors.solve(gradient)) if objective.prox_penalty.absent else -slope
        return NewtonState(
            params,
            value + objective.rest(params),
            gradient,
            objective.optimality(params, gradient),
            state.iteration + 1,
            t,
            decrement,
            factors=factors,
            damping=damping,
        )

    def _held(self, state: NewtonState, factors: _Factors) -> State:
        """Return the state after a step that found no descent: more damping, or the end."""
        exhausted = state.damping >= 1.0 or state.optimality < 1e-9
        return replace(
            state,
            iteration=state.iteration + 1,
            damping=max(100.0 * state.damping, 1e-8),
            hessian=factors.hessian,
            decrement=0.0 if exhausted else state.decrement,
            stalled="no descent at working precision" if exhausted else "",
        )

    def finish(self, objective: Objective, params: Array) -> Array:
        model = objective.model
        free = objective.penalty.absent or not objective.alpha
        if not free or not objective.prox_penalty.absent or model.n_features == 0:
            return params
        null = _null_space(objective, params)
        weights = model.weights(params)
        return model.with_weights(params, weights - null @ (null.T @ weights))


def _composite_search(objective: Objective, state: State, direction: Array) -> tuple[float, float]:
    """Return a step with enough descent of F, smooth part and rest, and the descent predicted at step 1."""
    rest = objective.rest(state.params)
    slope = float(state.gradient @ direction) + objective.rest(state.params + direction) - rest
    noise = 64 * EPS * abs(state.value)
    if not slope < 0:
        return 0.0, 0.0
    line, t = objective.along(state.params, direction), 1.0
    while t > 1e-10:
        value = line(t)[0] + objective.rest(state.params + t * direction)
        if value <= state.value + 1e-4 * t * slope + noise:
            return t, slope
        t *= 0.5
    return 0.0, slope


class _Factors:
    """Cholesky factors of the damped, scaled Hessian, block by block."""

    def __init__(self, objective: Objective, hessian: Array, damping: float) -> None:
        model, self.n_blocks = objective.model, len(hessian)
        # A column without curvature just now gets a share of the largest that its norm allows.
        squares = np.full((model.n_rows, model.n_raw), 1.0)
        squares[: model.n_features] = (objective.column_norms**2 / objective.total)[:, None]
        size = model.blocks(squares.ravel(), self.n_blocks)
        diagonal = np.einsum("bii->bi", hessian)
        density = np.divide(diagonal, size, out=np.zeros_like(size), where=size > 0).max(initial=0.0)
        if not density > 0:
            density = objective.slope_size**2 / max(abs(objective.reference_value), 1e-300) or 1.0
        floor = np.maximum(diagonal, 1e-8 * density * size)
        self.scale = 1.0 / np.sqrt(np.where(floor > 0, floor, 1.0))
        self.hessian, self.unblocked, self.blocks = hessian, model.unblocked, model.blocks
        self._factors = [self._factor(h, s, damping + 1e-12) for h, s in zip(hessian, self.scale, strict=True)]

    @staticmethod
    def _factor(hessian: Array, scale: Array, ridge: float) -> tuple[Array, bool]:
        scaled = hessian * scale * scale[:, None]
        diagonal = np.diagonal(scaled).copy()
        while True:
            np.fill_diagonal(scaled, diagonal + ridge)
            try:
                return cho_factor(scaled, lower=True, check_finite=False)
            except np.linalg.LinAlgError:
                ridge *= 10.0

    def solve(self, vector: Array) -> Array:
        """Return the damped inverse times a flat vector."""
        scaled = self.blocks(vector, self.n_blocks) * self.scale
        solved = [cho_solve(factor, row, check_finite=False) for factor, row in zip(self._factors, scaled, strict=True)]
        return self.unblocked(np.stack(solved) * self.scale)


def _null_space(objective: Objective, params: Array) -> Array:
    """Return an orthonormal basis, (p, d), of the weights that change no prediction on the data."""
    model, p = objective.model, objective.model.n_features

    def part(block):  # type: ignore[no-untyped-def]
        return (model.gram(block.X, params, block.weight[:, None]),)

    gram = objective.data.reduce(part)[0][0][:p, :p]
    scale = np.sqrt(np.diagonal(gram))
    scale = np.divide(1.0, scale, out=np.ones(p), where=objective.column_norms > 0)
    correlation = gram * scale * scale[:, None]
    values, vectors = eigh(correlation, check_finite=False)
    null = vectors[:, values <= 10 * p * np.finfo(objective.data.dtype).eps * max(values[-1], 0.0)] * scale[:, None]
    return qr(null / np.linalg.norm(null, axis=0), mode="economic")[0] if null.shape[1] else null
