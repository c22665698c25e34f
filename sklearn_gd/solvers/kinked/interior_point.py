"""Losses made of straight lines: a linear or quadratic program, by an interior point method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import EPS, Array
from ...losses.split import Remainder
from ..base import Solver, State, StateType
from ..smooth.metrics import Cholesky
from .rows import curved, level_above, lines_of, pulled, raw_of, targets_of, tilted

if TYPE_CHECKING:
    from ...objective.objective import Objective

__all__ = ["InteriorPoint", "Straight"]


class Straight(Solver[StateType]):
    """What the solvers for piecewise-linear losses share."""

    takes_kinked_loss = True
    second_order = True

    def struggles(self, state: StateType) -> bool:
        return True

    def check(self, objective: Objective) -> None:
        super().check(objective)
        if not objective.loss.straight:
            raise ValueError(
                f"{objective.loss!r} is not convex and piecewise linear, which {type(self).__name__} needs: use solver='auto'."
            )


@dataclass(kw_only=True)
class InteriorState(State):
    """A state with arrays (J, n, K), for each kink of each row.

    `left` and `right` are the slopes of its two lines and `slope` is between them; `distance`, of raw from the kink, is
    `above` - `below`, both positive. `mu` is the mean of (slope - left) * below and (right - slope) * above. y and raw are of
    shape (n, K); `level` is the mean of what the lines leave of the loss.
    """

    left: Array
    right: Array
    slope: Array
    distance: Array
    below: Array
    above: Array
    y: Array
    raw: Array
    level: float
    mu: float


class InteriorPoint(Solver[InteriorState]):
    r"""A primal-dual interior point method: for convex losses with kinks at known places, with a smooth penalty.

    .. math:: \ell(y, raw) = \max_{l \le u \le r} u (raw - kink), \qquad (u - l) \, s^- = (r - u) \, s^+ = \mu, \qquad
        raw - kink = s^+ - s^-

    Each step solves these equations and that of the gradient, all linearised, for the \mu that a first trial shows to be
    within reach. The number of steps, 10 to 50, hardly depends on the data; each takes a matrix like Newton's. What is smooth
    of the loss goes into the gradient and the matrix.

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
    takes_kinked_loss = True
    second_order = True

    def struggles(self, state: InteriorState) -> bool:
        return True

    def check(self, objective: Objective) -> None:
        super().check(objective)
        if not objective.loss.has_lines:
            raise ValueError(
                f"{objective.loss!r} is not convex with known kinks, which {type(self).__name__} needs: use solver='auto'."
            )

    def init(self, objective: Objective, params: Array) -> InteriorState:
        kinks, left, right = lines_of(objective)
        y, raw = targets_of(objective), raw_of(objective, params)
        if objective.offset is not None:
            raw = raw + objective.offset
        distance = raw - kinks
        width = right - left
        # Slopes and slacks that belong to one mu, which is typical of the distances: their product by the quadratic formula.
        mu = float(np.mean(np.abs(distance) * width)) or EPS
        bend = np.abs(distance) * width / mu
        share = 2.0 / (2.0 + bend + np.hypot(bend, 2.0))
        near = mu / (width * (1.0 - share))
        far = near + np.abs(distance)
        right_of = distance > 0
        slope = np.where(right_of, right - share * width, left + share * width)
        below, above = np.where(right_of, near, far), np.where(right_of, far, near)
        level = level_above(objective, params) if objective.loss.straight else 0.0
        return self._state(objective, params, 0, left, right, slope, distance, below, above, y, raw, level)

    @staticmethod
    def _state(
        objective: Objective,
        params: Array,
        iteration: int,
        left: Array,
        right: Array,
        slope: Array,
        distance: Array,
        below: Array,
        above: Array,
        y: Array,
        raw: Array,
        level: float,
    ) -> InteriorState:
        weight = objective.data.weight[:, None] / objective.total
        values = np.maximum(left * distance, right * distance)
        gap = max(float(np.sum(weight * (values - slope * distance))), 0.0)
        slopes, rest = slope.sum(axis=0), Remainder(objective.loss)
        if not objective.loss.straight:
            level = float(np.sum(weight * np.where(weight > 0, rest.value(y, raw), 0.0)))
            slopes = slopes + rest.gradient(y, raw)
        value = level + float(np.sum(weight * values)) + objective.price(params)
        gradient = tilted(objective, params, slopes)
        return InteriorState(
            params,
            value,
            gradient,
            max(objective.optimality(params, gradient), objective.shortfall(gap, value)),
            iteration,
            decrement=gap if gap > 8 * EPS * abs(value) else 0.0,
            left=left,
            right=right,
            slope=slope,
            distance=distance,
            below=below,
            above=above,
            y=y,
            raw=raw,
            level=level,
            mu=_mean(objective, (slope - left) * below + (right - slope) * above),
        )

    def step(self, objective: Objective, state: InteriorState) -> InteriorState:
        if not state.mu > 0:
            return _exhausted(state)
        low, high, below, above = state.slope - state.left, state.right - state.slope, state.below, state.above
        stiff = 1.0 / (below / low + above / high)
        bend = stiff.sum(axis=0)
        if not objective.loss.straight:
            bend = bend + np.maximum(objective.loss.curvature_product(state.y, state.raw, np.ones_like(state.raw)), 0.0)
        metric = Cholesky(objective, curved(objective, state.params, bend), 1e-13, 0.0)

        def towards(down: Array | float, up: Array | float) -> tuple[Array, Array, Array, Array, Array]:
            """Return the moves after which low * below is about `down`, and high * above about `up`."""
            push = stiff * (down / low - up / high + above - below)
            params = -metric.solve(state.gradient + pulled(objective, push.sum(axis=0)))
            distance = raw_of(objective, params)
            slope = stiff * distance + push
            return params, distance, slope, (down - below * slope) / low - below, (up + above * slope) / high - above

        _, _, slope, less, more = towards(0.0, 0.0)
        t, s = _reach(below, less, above, more), _reach(low, slope, high, -slope)
        ahead = _mean(objective, (low + s * slope) * (below + t * less) + (high - s * slope) * (above + t * more))
        aim = (ahead / state.mu) ** 3 * state.mu
        params, distance, slope, less, more = towards(aim - slope * less, aim + slope * more)
        t, s = _reach(below, less, above, more), _reach(low, slope, high, -slope)
        if not objective.loss.straight:
            t = s = min(t, s)
        if not np.all(np.isfinite(params)):  # the slacks are down to the last digit
            return _exhausted(state)
        return self._state(
            objective,
            state.params + t * params,
            state.iteration + 1,
            state.left,
            state.right,
            state.slope + s * slope,
            state.distance + t * distance,
            below + t * less,
            above + t * more,
            state.y,
            state.raw + t * distance,
            state.level,
        )


def _exhausted(state: InteriorState) -> InteriorState:
    return replace(state, iteration=state.iteration + 1, decrement=0.0, stalled="no descent at working precision")


def _mean(objective: Objective, products: Array) -> float:
    """Return the mean of both products, from their sum for each kink of each row."""
    weight = objective.data.weight
    return 0.5 * float(weight @ products.mean(axis=(0, 2))) / float(weight.sum())


def _reach(a: Array, move_a: Array, b: Array, move_b: Array) -> float:
    """Return the share, up to 1, of the moves that leaves both arrays positive, with a little room."""
    lowest = min(float(np.min(move_a / a)), float(np.min(move_b / b)))
    return min(1.0, 0.9995 / max(-lowest, 1e-300))
