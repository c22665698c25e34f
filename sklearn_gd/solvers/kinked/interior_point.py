"""An interior point method for piecewise-linear losses, as a linear or quadratic program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import EPS, Array
from ...losses import Loss
from ...losses.wrapped import Remainder
from ...objective.objective import Objective
from ..base import NEEDS, Need, Plan, Reason, Solver, State
from .collinear import hides_descent
from .kinked_rows import KinkedRows
from .rows import facts_of_lines, gradient_with_slopes, level_above, loss_of, targets_of

__all__ = ["InteriorPoint", "InteriorState"]


@dataclass(kw_only=True)
class InteriorState(State):
    """A state with arrays (J, n + q, K), for each kink of each of the `rows`.

    `left` and `right` are the slopes of its two lines, and `slope` is between them. `distance`, of raw from the kink, is
    `above` - `below`, both positive. `mu`, (K,), is the mean of (slope - left) * below and (right - slope) * above. The weight
    has shape (n + q,), y and raw have shape (n, K); `loss` is bound to the data of the rows. `level` is the mean of the
    remainder of the loss above the lines.
    """

    rows: KinkedRows
    left: Array
    right: Array
    slope: Array
    distance: Array
    below: Array
    above: Array
    loss: Loss
    y: Array
    raw: Array
    weight: Array
    level: float
    mu: Array

    def mean(self, products: Array) -> Array:
        """Return the mean of both products in each column, (K,), from their sum for each kink of each row."""
        return 0.5 * (self.weight @ products.mean(axis=0)) / float(self.weight.sum())


class InteriorPoint(Solver[InteriorState]):
    r"""A primal-dual interior point method, for convex losses with known kinks and a penalty that is smooth or L1.

    .. math:: \ell(y, raw) = \max_{l \le u \le r} u (raw - kink), \qquad (u - l) \, s^- = (r - u) \, s^+ = \mu, \qquad
        raw - kink = s^+ - s^-

    Each step linearises these equations and the gradient equation, and solves them for a \mu chosen by a predictor step. It
    takes 10 to 50 steps, almost independently of the data. Each step needs one matrix, like Newton's method. The smooth part of
    the loss enters the gradient and the matrix. The columns of raw do not interact, and each has its own \mu and step length.

    Each weight with an L1 penalty has a kink at zero, and is treated like a row whose raw is the weight. At the end, weights
    whose slope is between its bounds are set to zero.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import InteriorPoint
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 90.0]
    >>> GDRegressor(loss="absolute_error", alpha=0.0, solver=InteriorPoint()).fit(X, y).coef_.round(6)
    array([1.])

    References
    ----------
    S. Mehrotra, On the Implementation of a Primal-Dual Interior Point Method, 1992; R. Koenker and S. Portnoy, The Gaussian
    Hare and the Laplacian Tortoise, 1997.
    """

    default_max_iter = 200
    needs = NEEDS - {Need.SMOOTH_LOSS, Need.SMOOTH_PENALTY} | {Need.ABSOLUTE_PENALTY, Need.KNOWN_KINKS, Need.IN_MEMORY}
    second_order = True

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> InteriorState:
        rows = KinkedRows.of(objective)
        kinks, left, right = rows.lines()
        raw = rows.raw(params)
        distance = raw - kinks
        width = right - left
        # Slopes and slacks for one mu, which is typical of the distances; their product follows from the quadratic formula.
        mu = np.mean(np.abs(distance) * width, axis=(0, 1))
        mu = np.maximum(mu, 1e-3 * mu.max() or EPS)  # a column whose kinks are met from the start needs room as well
        ratio = np.abs(distance) * width / mu
        share = 2.0 / (2.0 + ratio + np.hypot(ratio, 2.0))
        near = mu / (width * (1.0 - share))
        far = near + np.abs(distance)
        right_of = distance > 0
        slope = np.where(right_of, right - share * width, left + share * width)
        below, above = np.where(right_of, near, far), np.where(right_of, far, near)
        state = InteriorState(
            params,
            np.nan,
            np.zeros_like(params),
            np.inf,
            rows=rows,
            left=left,
            right=right,
            slope=slope,
            distance=distance,
            below=below,
            above=above,
            loss=loss_of(objective),
            y=targets_of(objective),
            raw=raw[: rows.n_samples],
            weight=rows.weight(),
            level=level_above(objective, params) if objective.loss.piecewise_linear else 0.0,
            mu=mu,
        )
        return self._at(objective, state)

    @staticmethod
    def _at(objective: Objective, state: InteriorState) -> InteriorState:
        """Return the state with the facts about F computed from its params and arrays."""
        rows, weight, slopes, level = state.rows, state.weight[:, None] / objective.total, state.slope.sum(axis=0), state.level
        if not objective.loss.piecewise_linear:
            smooth, n = Remainder(state.loss), rows.n_samples
            level = float(np.sum(weight[:n] * smooth.value(state.y, state.raw)))
            slopes[:n] += smooth.gradient(state.y, state.raw)
        mu = state.mean((state.slope - state.left) * state.below + (state.right - state.slope) * state.above)
        facts = facts_of_lines(rows.objective, state, weight, rows.gradient(state.params, slopes), level)
        return state.but(**facts, level=level, mu=mu)

    def step(self, objective: Objective, state: InteriorState) -> InteriorState:
        if not np.any(state.mu > 0):
            return _exhausted(state)
        rows, low, high, below, above = (
            state.rows,
            state.slope - state.left,
            state.right - state.slope,
            state.below,
            state.above,
        )
        stiff = 1.0 / (below / low + above / high)
        curvature = stiff.sum(axis=0)
        if not objective.loss.piecewise_linear:
            smooth = state.loss.curvature_product(state.y, state.raw, np.ones_like(state.raw))
            curvature[: rows.n_samples] += np.maximum(smooth, 0.0)
        metric = rows.metric(state.params, curvature)

        def towards(down: Array | float, up: Array | float) -> tuple[Array, Array, Array, Array, Array]:
            """Return the moves after which low * below is approximately `down`, and high * above `up`."""
            push = stiff * (down / low - up / high + above - below)
            force = (state.gradient + rows.gradient_of_slopes(push.sum(axis=0))).reshape(-1, len(state.mu))
            finite = np.isfinite(force).all(axis=0)  # a column that has reached the last digit spoils no other
            solved = metric.solve(np.where(finite, force, 0.0).ravel()).reshape(force.shape)
            params = np.where(finite, -solved, np.nan).ravel()
            distance = rows.change(params)
            slope = stiff * distance + push
            return params, distance, slope, (down - below * slope) / low - below, (up + above * slope) / high - above

        _, _, slope, less, more = towards(0.0, 0.0)
        t, s = _reach(below, less, above, more), _reach(low, slope, high, -slope)
        ahead = state.mean((low + s * slope) * (below + t * less) + (high - s * slope) * (above + t * more))
        aim = np.divide(ahead, state.mu, out=np.zeros_like(ahead), where=state.mu > 0) ** 3 * state.mu
        params, distance, slope, less, more = towards(aim - slope * less, aim + slope * more)
        t, s = _reach(below, less, above, more), _reach(low, slope, high, -slope)
        if not objective.loss.piecewise_linear:
            t = s = np.minimum(t, s)
        columns = params.reshape(-1, len(t))
        alive = np.isfinite(columns).all(axis=0) & (state.mu > 0)
        if not np.any(alive):  # the slacks have reached the last digit
            return _exhausted(state)
        if not np.all(alive):
            t, s = np.where(alive, t, 0.0), np.where(alive, s, 0.0)
            columns, distance, slope, less, more = (
                np.where(alive, move, 0.0) for move in (columns, distance, slope, less, more)
            )
        moved = state.but(
            params=state.params + (t * columns).ravel(),
            iteration=state.iteration + 1,
            slope=state.slope + s * slope,
            distance=state.distance + t * distance,
            below=below + t * less,
            above=above + t * more,
            raw=state.raw + t * distance[: rows.n_samples],
        )
        return self._at(objective, moved)

    def done(self, objective: Objective, state: InteriorState, tol: float) -> Reason | None:
        if super().done(objective, state, tol) is None:
            return None
        state = _with_zeros(objective, state)
        return None if hides_descent(objective, state, tol) else super().done(objective, state, tol)

    def choose(
        self, objective: Objective, best: InteriorState, last: InteriorState, reason: Reason
    ) -> tuple[InteriorState, Reason]:
        state, reason = super().choose(objective, best, last, reason)
        return _with_zeros(objective, state), reason


def _with_zeros(objective: Objective, state: InteriorState) -> InteriorState:
    """Return the state with the weights that belong at their kink there, certified for the penalty as it is."""
    rows, n = state.rows, state.rows.n_samples
    if not len(rows.features):
        return state
    inside = np.minimum(state.slope - state.left, state.right - state.slope)[:, n:] / (state.right - state.left)[:, n:]
    scale, reference = objective.reference.scale[rows.features], max(abs(objective.reference.value), EPS)
    size = np.maximum(state.below, state.above)[:, n:] * np.where(np.isfinite(scale), scale, 0.0) / reference
    weights = objective.model.weights(state.params).copy()
    own = weights[rows.features]
    own[inside.min(axis=0) > size.max(axis=0)] = 0.0
    weights[rows.features] = own
    params = objective.model.with_weights(state.params, weights)
    slopes = state.slope.sum(axis=0)[:n]
    if not objective.loss.piecewise_linear:
        slopes += Remainder(state.loss).gradient(state.y, state.raw)
    value = objective.value(params)
    gap = max(value - state.value + state.decrement, 0.0)
    gradient = gradient_with_slopes(objective, params, slopes)
    return state.but(**vars(objective.at_slopes(params, value, gradient, gap)))


def _exhausted(state: InteriorState) -> InteriorState:
    return state.but(iteration=state.iteration + 1, decrement=0.0, stalled=Reason.STALLED)


def _reach(a: Array, move_a: Array, b: Array, move_b: Array) -> Array:
    """Return the share, up to 1, of the moves in each column, (K,), that keeps both arrays positive, with a small margin.

    NumPy is slow at reducing over rows of few columns; they are handled one by one.
    """
    lowest = np.array([min(one.min(), other.min()) for one, other in zip((move_a / a).T, (move_b / b).T, strict=True)])
    return np.minimum(1.0, 0.9995 / np.maximum(-lowest, 1e-300))
