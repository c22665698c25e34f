"""Newton's method with the exact Hessian, and with a proximal step for nonsmooth penalties."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import eigh, qr

from ...arrays import EPS, Array
from ...models.base import LinearBound
from ...objective.objective import Objective, Point
from ...rows.base import Block
from ..base import FEW, Need, Plan, Reason, Solver, State
from ..line_search import descend
from .composite import minimize_quadratic
from .lbfgs import Pair, corrected, remembered
from .metrics import Cholesky, positive_definite

__all__ = ["Newton"]

# Up to this number of columns, the Hessian over all rows takes as long as a few passes over them.
FEW_COLUMNS = 100


@dataclass(kw_only=True)
class NewtonState(State):
    """A state with the metric, if it is still useful, its direction, its corrections, and the rows for the next one.

    `caution`, from 0 to 1, controls the width over which the curvature is measured and the damping of the steps.
    """

    rows: int
    metric: Any = None
    direction: Any = None
    pairs: list[Pair] = field(default_factory=list)
    caution: float = 0.0


class Newton(Solver[NewtonState]):
    r"""Newton's method, for linear models with up to a few thousand parameters.

    .. math:: params \leftarrow params - t \, H^{-1} \nabla F

    H is summed over the rows in the same pass as the gradient; t comes from a line search on slopes. If columns are collinear,
    H is singular, and a ridge of 1e-12 on its scaled diagonal keeps the step in its range. If the penalty is not smooth, each
    step minimises the quadratic model plus the penalty.

    A loss with sharply peaked curvature, such as Huber's with a delta far below the errors, has its curvature on few rows. The
    quadratic model then holds only in a small neighbourhood. After a step that was much too long, the next steps are more
    cautious. The curvature is then measured over a width of raw, up to the size of the typical error, and a ridge bounds the
    step where the curvature is zero. Caution decreases with every good step.

    Without a penalty, if there are many minimisers, the one with the smallest norm of ``coef_`` is returned; the norm does not
    include the intercept.

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
    needs = frozenset({Need.MINIMUM, Need.LINEAR, Need.SMOOTH_LOSS})
    second_order = True
    warms_up = True
    # A metric is kept while a full step with it shrinks the Newton decrement to less than this share.
    keep_ratio: ClassVar[float] = 0.5
    # Not worth keeping: a second derivative of so few operations takes no longer than the steps that it saves.
    cheap: ClassVar[float] = 3e6
    # A metric that no longer serves is followed by one that is measured on so many times the rows.
    growth: ClassVar[int] = 4

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> NewtonState:
        rows = self._first_rows(objective) if objective.rows.profile.samples else objective.rows.n_samples
        return NewtonState.at(objective.at(objective.prox(params, 0.0)), rows=rows, decrement=np.inf)

    def _first_rows(self, objective: Objective) -> int:
        """Return the number of rows, at most all, whose Hessian takes about as long as a pass over all the data."""
        n, columns = objective.rows.n_samples, self._columns(objective)
        return n if columns <= FEW_COLUMNS else max(16 * n // columns, 10 * columns, 4096)

    def _keep_ratio(self, objective: Objective) -> float:
        work = objective.rows.n_samples * objective.linear.n_inputs * self._columns(objective)
        return self.keep_ratio if work > self.cheap else 0.0

    @staticmethod
    def _columns(objective: Objective) -> int:
        return objective.size if objective.loss.rowwise else objective.linear.n_inputs

    def _improves(self, objective: Objective, rows: int) -> bool:
        """Tell whether a new metric can improve on one that was measured nearby on this number of rows."""
        return True

    def _measured(self, objective: Objective, state: NewtonState) -> NewtonState:
        """Return the state with the metric at its params."""
        typical = max(abs(objective.reference.value), EPS) / max(objective.reference.slope_size, 1e-300)
        rows = state.rows
        while True:
            part = objective.sample(rows)
            hessian, curved, whole = self._hessian(part, state, state.caution * typical)
            if part is objective or curved >= 20 * hessian.shape[1]:
                break
            rows *= 4
        # Along the null space of H the smaller ridge leaves noise. `least_norm` removes it, but not under a penalty with a
        # prox; and the noise of a second derivative from values is larger.
        ridge = 1e-12 if objective.penalty.smooth and objective.loss.has_gradient else 1e-7
        # Neither a sample nor curvature that was cut at zero tells how little there is of it.
        share = 0.5 if part is not objective else 0.0 if whole else 0.1
        noise = 0.0 if objective.loss.has_gradient else 1e-7
        metric = Cholesky(objective, hessian, ridge + 1e-3 * state.caution, share, noise)
        return state.but(metric=metric, rows=rows, pairs=[])

    @staticmethod
    def _hessian(part: Objective, state: NewtonState, width: float) -> tuple[Array, float, bool]:
        """Return the Hessian, its effective number of rows, and whether it is exact.

        That of a loss that is not convex is exact where it is positive definite; elsewhere, negative curvature is cut at zero.
        """
        if part.loss.convex:
            return *part.hessian(state.params, width), True
        hessian, curved = part.hessian(state.params, width, clipped=False)
        if positive_definite(hessian):
            return hessian, curved, True
        return *part.hessian(state.params, width), False

    def step(self, objective: Objective, state: NewtonState) -> NewtonState:
        fresh = state.metric is None
        if fresh:
            state = self._measured(objective, state)
        metric, pairs = state.metric, state.pairs
        if objective.penalty.smooth:
            direction = -corrected(metric, pairs, state.gradient) if fresh else state.direction
            predicted = -0.5 * float(state.gradient @ direction)
            landed = descend(objective, state, direction, steepness=0.5)
        else:
            direction = minimize_quadratic(objective, metric.damped, state.gradient, state.params) - state.params
            landed, predicted = _descend_composite(objective, state, direction)
        if landed is None:
            return self._more_cautious(state) if fresh else state.but(metric=None, pairs=[], iteration=state.iteration + 1)
        t, point = landed
        gradient = point.gradient
        if objective.penalty.smooth:
            pairs = remembered(pairs, t * direction, gradient - state.gradient, 10)
            following = -corrected(metric, pairs, gradient)
            decrement = -0.5 * float(gradient @ following)
            serves = t == 1.0 and decrement <= self._keep_ratio(objective) * predicted
        else:
            change, expected = gradient - state.gradient, metric.product(direction)
            curvature = max(abs(float(change @ direction)), 1e-300)
            missed = float(np.abs(expected - change) @ np.abs(direction)) / curvature if t == 1.0 else 1.0
            following, decrement = direction, min(missed, 1.0) ** 2 * predicted
            serves = missed <= 0.6 * self._keep_ratio(objective)
        caution = min(10.0 * state.caution or 1e-2, 1.0) if t < 0.05 else 0.3 * state.caution
        caution = caution if caution > 1e-7 else 0.0
        return NewtonState.at(
            point,
            iteration=state.iteration + 1,
            step=t,
            decrement=decrement,
            needs_fallback=caution > 0.0,
            rows=state.rows if serves else min(self.growth * state.rows, objective.rows.n_samples),
            metric=metric if serves or (fresh and not self._improves(objective, state.rows)) else None,
            pairs=pairs,
            direction=following,
            caution=caution,
        )

    def _more_cautious(self, state: NewtonState) -> NewtonState:
        """Return the state after a step without descent: more cautious, or stalled."""
        exhausted = state.caution >= 1.0 or state.optimality < 1e-9
        return replace(
            state,
            iteration=state.iteration + 1,
            metric=None,
            pairs=[],
            caution=min(100.0 * state.caution or 1e-2, 1.0),
            decrement=0.0 if exhausted else state.decrement,
            needs_fallback=True,
            stalled=Reason.STALLED if exhausted else None,
        )

    def least_norm(self, objective: Objective, params: Array) -> Array:
        params = super().least_norm(objective, params)
        if not objective.penalty.absent or not objective.model.n_features:
            return params
        null, weights = _null_space(objective, params), objective.model.weights(params)
        return objective.model.with_weights(params, weights - null @ (null.T @ weights))


def _descend_composite(objective: Objective, state: State, direction: Array) -> tuple[tuple[float, Point] | None, float]:
    """Return a step with sufficient descent of F, smooth or not, like `descend`, and the descent predicted for step 1."""

    def at(t: float) -> Array:  # the projection, as rounding may leave a constraint
        return objective.prox(state.params + t * direction, 0.0)

    start = objective.nonsmooth_value(at(0.0))
    slope = float(state.gradient @ direction) + objective.nonsmooth_value(at(1.0)) - start
    noise = 64 * EPS * abs(state.value)
    if not slope < 0:
        return None, 0.0
    t, line = 1.0, None
    params = at(t)
    value, gradient = objective.value_and_gradient(params)
    total = value + objective.nonsmooth_value(params)
    while not total <= state.value + 1e-4 * t * slope + noise:
        t *= 0.5
        if t <= 1e-10:
            return None, -slope
        line = line or objective.along(state.params, direction)
        total = line(t)[0] + objective.nonsmooth_value(at(t))
    if line is not None:
        params = at(t)
        value, gradient = objective.value_and_gradient(params)
        total = value + objective.nonsmooth_value(params)
    return (t, Point(params, total, gradient, objective.optimality(params, gradient))), -slope


def _null_space(objective: Objective, params: Array) -> Array:
    """Return an orthonormal basis, (p, d), of the weights that do not change the predictions on the data."""
    model, p = objective.linear, objective.model.n_features
    few = objective.sample(max(FEW, 10 * model.n_inputs))
    if few is not objective and not _null_space(few, params).shape[1]:  # more rows determine no less
        return np.empty((p, 0))
    gram = objective.rows.reduce_large(partial(_gram, model))[0][0][:p, :p]
    scale = np.sqrt(np.diagonal(gram))
    scale = np.divide(1.0, scale, out=np.ones(p), where=objective.reference.spread > 0)
    correlation = gram * scale * scale[:, None]
    values, vectors = eigh(correlation, check_finite=False)
    null = vectors[:, values <= 10 * p * np.finfo(objective.rows.dtype).eps * max(values[-1], 0.0)] * scale[:, None]
    return qr(null / np.linalg.norm(null, axis=0), mode="economic")[0] if null.shape[1] else null


def _gram(model: LinearBound, block: Block) -> tuple[Array]:
    """Return the Gram matrix of a block: a kernel."""
    return (model.gram(block.X, block.weight[:, None]),)
