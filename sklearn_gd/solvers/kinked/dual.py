"""A solver for piecewise-linear losses with an l2 penalty on many features, by a bound-constrained quadratic program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...arrays import EPS, Array
from ...objective.objective import Objective
from ..base import NEEDS, Need, Plan, Solver, State
from .rows import facts_of_lines, gradient_with_slopes, level_above, lines_of, raw_of, weights_of

__all__ = ["Dual"]

# Gradient steps that identify the active bounds, before each Newton step for the other slopes.
GRADIENT_STEPS = 3

# Products for a Newton step, and its accuracy.
MOST_PRODUCTS, ACCURACY = 10, 0.1


# How strongly the intercept is shrunk to its last value: a weak pull slows the gradient steps, a strong one takes more rounds.
PULL = 0.01


@dataclass(kw_only=True)
class DualState(State):
    """A state with arrays (J, n, K), for each kink of each row: the bounds of a slope, the slope, and the distance of raw.

    `scale`, flat, is the inverse of the strength that shrinks the params to zero and the intercept to its `anchor`. `size`,
    (n, 1), is the change of raw when its own slope changes. `weight`, (n, 1), is divided by the total. `level` is the mean loss
    above its lines.
    """

    left: Array
    right: Array
    slope: Array
    distance: Array
    scale: Array
    size: Array
    anchor: Array
    weight: Array
    level: float


class Dual(Solver[DualState]):
    r"""Maximise the dual over the slopes of all rows, for piecewise-linear losses with an l2 penalty on many features.

    .. math:: W = -\frac{1}{\alpha} \sum_i w_i u_i x_i, \qquad \max_{l \le u \le r} \; -\sum_i w_i u_i \, kink_i -
        \frac{\alpha}{2} \|W\|^2

    Projected gradient steps identify the slopes that are at a bound. A Newton step by conjugate gradients, on the other rows
    only, then solves for the remaining slopes. The intercept is shrunk towards its last value as if it were a weight; at
    convergence this has no effect.

    Examples
    --------
    >>> from sklearn_gd import GDClassifier
    >>> from sklearn_gd.solvers import Dual
    >>> GDClassifier(loss="hinge", alpha=0.5, solver=Dual()).fit([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1]).coef_.round(6)
    array([[1.]])

    References
    ----------
    J. Barzilai and J. Borwein, Two-Point Step Size Gradient Methods, 1988; J. More and G. Toraldo, On the Solution of Large
    Quadratic Programming Problems with Bound Constraints, 1991; C.-J. Hsieh et al., A Dual Coordinate Descent Method for
    Large-scale Linear SVM, 2008.
    """

    needs = NEEDS - {Need.SMOOTH_LOSS} | {Need.PIECEWISE_LINEAR, Need.L2_PENALTY, Need.IN_MEMORY}
    default_max_iter = 500
    second_order = True

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> DualState:
        kinks, left, right = lines_of(objective)
        model, reference = objective.linear, objective.reference
        strength = float(objective.penalty.curvature(np.ones((1, 1)))[0, 0])
        squares = objective.local.matrix.row_squares(model.center)
        # A fraction of the force that the loss itself may exert on the intercept.
        anchored = PULL * reference.slope_size**2 / max(reference.value, EPS) or 1.0
        scale = model.with_weights(np.full(model.size, 1.0 / anchored), np.array(1.0 / strength))
        size = squares / strength + model.fit_intercept / anchored
        params = model.with_weights(params, np.array(0.0))
        state = DualState(
            params,
            0.0,
            params,
            np.inf,
            step=1.0,
            left=left,
            right=right,
            slope=np.zeros_like(kinks),
            distance=objective.rows.map(partial(objective.summand.raw, params)) - kinks,
            scale=scale,
            size=np.maximum(size, 1e-6 * size.max())[:, None],
            anchor=params,
            weight=weights_of(objective)[:, None] / objective.total,
            level=level_above(objective, params),
        )
        return self._at(objective, _moved(objective, state, np.clip(np.zeros_like(kinks), left, right)))

    @staticmethod
    def _at(objective: Objective, state: DualState) -> DualState:
        """Return the state with its value and its certificate."""
        gradient = gradient_with_slopes(objective, state.params, state.slope.sum(axis=0))
        return state.but(**facts_of_lines(objective, state, state.weight, gradient, state.level))

    def step(self, objective: Objective, state: DualState) -> DualState:
        model = objective.model
        drift = state.params - model.with_weights(state.anchor, model.weights(state.params))
        if state.decrement <= 0.05 * float(drift @ (drift / state.scale)):
            state = replace(
                state,
                anchor=state.params,
                params=state.params + drift,
                distance=state.distance + raw_of(objective, drift),
            )
        for _ in range(GRADIENT_STEPS):
            aim = np.clip(state.slope + state.step * state.distance / state.size, state.left, state.right)
            state = _moved(objective, state, aim - state.slope)
        direction = _newton(objective, state)
        for t in (1.0, 0.3, 0.1, 0.03):
            change = np.clip(state.slope + t * direction, state.left, state.right) - state.slope
            moved = _moved(objective, state, change)
            if moved is not state:
                state = moved.but(step=state.step)
                break
        return self._at(objective, state.but(iteration=state.iteration + 1))


def _moved(objective: Objective, state: DualState, change: Array) -> DualState:
    """Return the state at the best point along a change of the slopes, or the same state if there is none."""
    pull = objective.gradient_of_slopes(change.sum(axis=0))
    climb = float(np.sum(state.weight * change * state.distance))
    curvature = float(pull @ (pull * state.scale))
    if not climb > 0:
        return state
    t = min(1.0, climb / curvature) if curvature > 0 else 1.0
    params = -t * pull * state.scale
    return replace(
        state,
        params=state.params + params,
        slope=state.slope + t * change,
        distance=state.distance + raw_of(objective, params),
        step=float(np.sum(state.weight * state.size * change**2)) / curvature if curvature > 0 else 1.0,
    )


def _newton(objective: Objective, state: DualState) -> Array:
    """Return a change of the free slopes that leads approximately to the maximum of the quadratic."""
    held = ((state.slope <= state.left) & (state.distance < 0)) | ((state.slope >= state.right) & (state.distance > 0))
    mask = ~held.all(axis=(0, 2))
    result = np.zeros_like(state.slope)
    if not mask.any():
        return result
    part, free = replace(objective, rows=objective.rows.take(mask)), ~held[:, mask]
    weight, size = state.weight[mask], state.size[mask]
    x, left = np.zeros(free.shape), np.where(free, state.distance[:, mask], 0.0)
    ready = left / size
    direction, measure = ready, float(np.sum(weight * left * ready))
    goal = ACCURACY**2 * measure
    for _ in range(MOST_PRODUCTS):
        if measure <= goal:
            break
        pull = part.gradient_of_slopes(direction.sum(axis=0))
        curvature = float(pull @ (pull * state.scale))
        if not curvature > EPS * float(np.sum(weight * size * direction**2)):
            break
        x += measure / curvature * direction
        left -= measure / curvature * np.where(free, raw_of(part, pull * state.scale), 0.0)
        ready = left / size
        measure, before = float(np.sum(weight * left * ready)), measure
        direction = ready + measure / before * direction
    result[:, mask] = x
    return result
