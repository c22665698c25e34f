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
    from ..data import Block
    from ..objective import Objective

__all__ = ["Newton"]


@dataclass
class NewtonState(State):
    """A state with the second derivative at the params, if known, and how cautious the next step is, from 0 to 1."""

    hessian: Array | None = None
    caution: float = 0.0


class Newton(Solver[NewtonState]):
    r"""Newton's method, for linear models with up to a few thousand parameters.

    .. math:: params \leftarrow params - t \, H^{-1} \nabla F

    H is summed over the rows in the same pass as the gradient; t comes from a line search on slopes. Columns that are
    collinear leave H singular: a ridge of 1e-12 on its scaled diagonal keeps the step in its range. With a penalty that is
    not smooth, each step minimises the quadratic model plus the penalty.

    A loss that bends sharply (Huber's where delta is small beside the errors) has its curvature on a few rows only, and the
    quadratic model holds in their neighbourhood only. When a step proves too long by far, the next ones are more cautious: the
    curvature is measured over a width of raw, up to the size of the typical error, and a ridge bounds the step where it is
    zero. Caution shrinks with every good step.

    Without a penalty, of many minimisers the one of least norm of ``coef_`` is returned, the intercept being free.

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
    second_order = True

    def init(self, objective: Objective, params: Array) -> NewtonState:
        params = objective.prox(params, 0.0)
        value, gradient, hessian = objective.hessian(params)
        optimality = objective.optimality(params, gradient)
        return NewtonState(params, value + objective.rest(params), gradient, optimality, hessian=hessian, decrement=np.inf)

    def step(self, objective: Objective, state: NewtonState) -> NewtonState:
        typical = max(abs(objective.reference_value), EPS) / max(objective.slope_size, 1e-300)
        hessian = state.hessian
        if hessian is None:
            hessian = objective.hessian(state.params, state.caution * typical)[2]
        # Along the null space of H the smaller ridge leaves noise. `finish` removes it, but not under a penalty with a prox;
        # and the noise of a second derivative from values is larger.
        ridge = 1e-12 if objective.prox_penalty.absent and objective.loss.has_gradient else 1e-7
        factors = _Factors(objective, hessian, ridge + 1e-3 * state.caution)
        if objective.prox_penalty.absent:
            direction = -factors.solve(state.gradient)
            slope, t = float(state.gradient @ direction), 0.0
            if slope < 0:
                t = search_line(objective.along(state.params, direction), state.value, slope, 1.0, 0.5)
        else:
            direction = minimize_quadratic(objective, factors.damped, state.gradient, state.params) - state.params
            t, slope = _composite_search(objective, state, direction)
        if t == 0.0:
            return self._held(state)
        params = objective.prox(state.params + t * direction, 0.0)
        value, gradient = objective.value_and_gradient(params)
        decrement = 0.5 * float(gradient @ factors.solve(gradient)) if objective.prox_penalty.absent else -slope
        caution = min(10.0 * state.caution or 1e-2, 1.0) if t < 0.05 else 0.3 * state.caution
        return NewtonState(
            params,
            value + objective.rest(params),
            gradient,
            objective.optimality(params, gradient),
            state.iteration + 1,
            t,
            decrement,
            caution=caution if caution > 1e-7 else 0.0,
        )

    def _held(self, state: NewtonState) -> NewtonState:
        """Return the state after a step that found no descent: more cautious, or at the end."""
        exhausted = state.caution >= 1.0 or state.optimality < 1e-9
        return replace(
            state,
            iteration=state.iteration + 1,
            hessian=None,
            caution=min(100.0 * state.caution or 1e-2, 1.0),
            decrement=0.0 if exhausted else state.decrement,
            stalled="no descent at working precision" if exhausted else "",
        )

    def struggles(self, state: NewtonState) -> bool:
        return state.caution > 0.0

    def finish(self, objective: Objective, params: Array) -> Array:
        params = super().finish(objective, params)
        if not objective.unpenalised or not objective.model.n_features:
            return params
        null, weights = _null_space(objective, params), objective.model.weights(params)
        return objective.model.with_weights(params, weights - null @ (null.T @ weights))


def _composite_search(objective: Objective, state: State, direction: Array) -> tuple[float, float]:
    """Return a step with enough descent of F, smooth part and rest, and the descent predicted at step 1."""

    def rest(t: float) -> float:  # at the projection, as rounding may leave a constraint
        return objective.rest(objective.prox(state.params + t * direction, 0.0))

    slope = float(state.gradient @ direction) + rest(1.0) - rest(0.0)
    noise = 64 * EPS * abs(state.value)
    if not slope < 0:
        return 0.0, 0.0
    line, t = objective.along(state.params, direction), 1.0
    while t > 1e-10:
        value = line(t)[0] + rest(t)
        if value <= state.value + 1e-4 * t * slope + noise:
            return t, slope
        t *= 0.5
    return 0.0, slope


class _Factors:
    """Cholesky factors of the scaled Hessian, with a ridge on its diagonal, block by block."""

    def __init__(self, objective: Objective, hessian: Array, ridge: float) -> None:
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
        self.unblocked, self.blocks = model.unblocked, model.blocks
        self.damped = hessian.copy()
        np.einsum("bii->bi", self.damped)[:] += ridge / self.scale**2
        self._factors = [self._factor(h, s, ridge) for h, s in zip(hessian, self.scale, strict=True)]

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

    def part(block: Block) -> tuple[Array]:
        return (model.gram(block.X, params, block.weight[:, None]),)

    gram = objective.data.reduce(part)[0][0][:p, :p]
    scale = np.sqrt(np.diagonal(gram))
    scale = np.divide(1.0, scale, out=np.ones(p), where=objective.column_norms > 0)
    correlation = gram * scale * scale[:, None]
    values, vectors = eigh(correlation, check_finite=False)
    null = vectors[:, values <= 10 * p * np.finfo(objective.data.dtype).eps * max(values[-1], 0.0)] * scale[:, None]
    return qr(null / np.linalg.norm(null, axis=0), mode="economic")[0] if null.shape[1] else null
