"""Kinked losses as a short sequence of smooth ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import EPS, Array
from ..base import Solver, State, nested
from .rows import cost_of, gap_above_lines, raw_of, straightened, tilted, turns

if TYPE_CHECKING:
    from ...objective.objective import Objective

__all__ = ["ProximalPoint"]

# A round of Newton's method takes two to twelve steps where the smoothing suits.
EASY = 12

# Rounds without progress that end the search for the last digits.
PATIENCE = 8

# No fewer rows than these are worth a solution of their own before that of all.
SAMPLE = 5000


@dataclass(kw_only=True)
class ProximalState(State):
    """A state with the smoothing step and its lower bound, the last gap, and for each row, (n, K), raw and its multiplier.

    A multiplier is a subgradient of the loss of its row. `move` is how far raw moved in the last round, `idle`
    counts the rounds that did not halve the gap.
    """

    smoothing: float
    multiplier: Array
    raw: Array
    move: float
    narrowest: float
    gap: float = np.inf
    idle: int = 0


class ProximalPoint(Solver[ProximalState]):
    r"""The proximal point method on the loss: for losses with kinks.

    .. math:: params \leftarrow \arg\min \; \text{mean}_i \, e_s(y_i, raw_i + s u_i) + \alpha R, \qquad
        u_i \leftarrow \nabla e_s(y_i, raw_i + s u_i)

    e_s is the `Moreau` envelope of the loss with step s. Each round is a smooth problem, for `solver`; s shrinks from round to
    round. In the end the multipliers are subgradients at the optimum: the height of the loss above its supporting lines at
    them bounds what is left to gain.

    Parameters
    ----------
    solver : Solver or None, default=None
        What solves a round; None picks as solver="auto" does for a smooth loss.
    shrink : float, default=0.3
        In (0, 1): the ratio of the smoothing of a round to that of the round before.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import ProximalPoint
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 90.0]
    >>> GDRegressor(loss="absolute_error", alpha=0.0, solver=ProximalPoint()).fit(X, y).coef_.round(6)
    array([1.])

    References
    ----------
    R. T. Rockafellar, Augmented Lagrangians and Applications of the Proximal Point Algorithm in Convex Programming, 1976.
    """

    default_max_iter = 100
    takes_kinked_loss = True
    takes_prox = True
    ranges = {
        "solver": ("a Solver, or None", lambda value: value is None or isinstance(value, Solver)),
        "shrink": ("a number between 0 and 1, both excluded", lambda value: 0 < value < 1),
    }

    def __init__(self, solver: Any = None, shrink: float = 0.3) -> None:
        self.solver = solver
        self.shrink = shrink

    def _inner(self, objective: Objective) -> Solver[Any]:
        from .. import smooth_solver

        return self.solver or smooth_solver(objective)

    def check(self, objective: Objective) -> None:
        super().check(objective)
        if not objective.loss.has_prox:
            remedy = "use solver='auto'." if objective.loss.smooth else "give its prox(y, v, step), which cannot be derived."
            raise ValueError(f"{objective.loss!r} is rowwise and has no prox, which ProximalPoint needs: {remedy}")
        if objective.loss.smooth and not objective.loss.convex:
            raise ValueError(f"{objective.loss!r} is not convex, and ProximalPoint needs a convex loss: use solver='auto'.")
        inner = self._inner(objective)
        if not objective.prox_penalty.absent and not inner.takes_prox:
            inner.check(objective.smoothed(1.0, np.zeros((1, 1))))

    def finish(self, objective: Objective, params: Array) -> Array:
        return self._inner(objective).finish(objective, params)

    def init(self, objective: Objective, params: Array) -> ProximalState:
        params = objective.prox(params, 0.0)
        # A slope of this size over this width makes a loss of the size of F: the kink and its surroundings.
        size = max(abs(objective.reference_value), abs(objective.value(params)), EPS)
        width = size / max(objective.slope_size, 1e-150) / max(objective.slope_size, 1e-150)
        smoothing, narrowest = width, 1e-9 * width
        raw = raw_of(objective, params)
        multiplier = np.zeros_like(raw)
        # One-hot levels are too rare for a sample.
        few = objective.sample(max(objective.data.n_rows // 8, SAMPLE)) if objective.data.X.samples else objective
        if few is not objective:  # a coarse solution for some rows is a good start for all of them
            first = nested(few, self, params, tol=1e-2, max_iter=20)
            # The rows left out move raw by a share of the width.
            params, reach = first.state.params, np.sqrt(params.size / few.data.n_rows)
            smoothing = max(first.state.step, 0.3 * width * reach)
            raw = raw_of(objective, params)
            multiplier = gap_above_lines(objective, raw, smoothing, multiplier)[2]
        return ProximalState(
            params,
            objective.value(params),
            np.zeros_like(params),
            np.inf,
            step=smoothing,
            smoothing=smoothing,
            multiplier=multiplier,
            raw=raw,
            move=np.inf if few is objective else smoothing * objective.slope_size,
            narrowest=narrowest,
        )

    def step(self, objective: Objective, state: ProximalState) -> ProximalState:
        step, multiplier = state.smoothing, state.multiplier
        smoothed = objective.smoothed(step, multiplier)
        goal = float(np.clip(0.1 * state.optimality, 1e-12, 1e-3))
        inner = self._inner(objective)
        params, raw, n_iter = state.params, state.raw, 0
        bent = self._bent(smoothed, raw, 2.0 * state.move)
        while True:
            part = straightened(smoothed, params, raw, bent)
            budget = inner.default_max_iter if part is smoothed else 3 * EASY
            round_ = nested(part, inner, params, tol=goal, max_iter=budget)
            n_iter += round_.n_iter
            end = raw_of(objective, round_.state.params)
            wrong = turns(smoothed, raw, end) & ~bent
            if part is smoothed or not np.any(wrong):
                break
            bent |= wrong
            if cost_of(smoothed, end) + objective.price(round_.state.params) < cost_of(smoothed, raw) + objective.price(params):
                params, raw = round_.state.params, end
        params, raw = round_.state.params, end
        cost, gap, slopes = gap_above_lines(objective, raw, step, multiplier)
        value = cost + objective.price(params)
        left = objective.shortfall(gap, value)
        gradient = tilted(objective, params, slopes)
        optimality = max(objective.optimality(params, gradient), left)
        floor = max(1e-10, 64 * float(np.finfo(objective.data.dtype).eps))
        idle = 0 if gap < 0.5 * state.gap else state.idle + 1
        easy = left > floor and (n_iter <= EASY or not inner.second_order)
        ended = round_.converged or bool(round_.state.stalled and round_.reason != "max_iter reached")
        following, narrowest = self._next(step, state.narrowest, easy, ended)
        return ProximalState(
            params,
            value,
            gradient,
            optimality,
            state.iteration + 1,
            step,
            # The gap falls faster than linearly: its rounding noise is a round or two below tol, and there the
            # coefficients are pinned down. Where it stays, they are not to be had any better.
            decrement=gap if inner.second_order and (idle == 0 or left > floor) and idle < PATIENCE else 0.0,
            idle=idle,
            smoothing=following,
            narrowest=narrowest,
            gap=gap,
            multiplier=slopes,
            raw=raw,
            move=float(np.quantile(np.abs(raw - state.raw), 0.99)),
        )

    @staticmethod
    def _bent(smoothed: Objective, raw: Array, width: float) -> Array:
        """Return the rows that are to be taken as they are: those whose slope may turn when raw moves by so much."""
        if smoothed.loss.rowwise or not np.isfinite(width):
            return np.ones(len(raw), dtype=bool)
        return turns(smoothed, raw - width, raw + width)

    def _next(self, step: float, narrowest: float, easy: bool, ended: bool) -> tuple[float, float]:
        """Return the smoothing of the next round, and the narrowest from now on.

        It is narrower after an easy round; after one that did not end it is wider, and stays so.
        """
        if not ended:
            return step / self.shrink, step / self.shrink
        return (max(self.shrink * step, narrowest) if easy else step), narrowest
