"""Kinked losses as a short sequence of smooth ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..losses.numeric import EPS, Array
from .base import Solver, State, minimize

if TYPE_CHECKING:
    from ..objective import Objective

__all__ = ["ProximalPoint"]

# A round of Newton's method takes two to six steps where the smoothing suits.
EASY = 6


@dataclass(kw_only=True)
class ProximalState(State):
    """A state with the smoothing step and its lower bound, the last gap, and the multiplier of each row, (n, K).

    A multiplier is a subgradient of the loss of its row.
    """

    smoothing: float
    multiplier: Array
    narrowest: float
    gap: float = np.inf


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
        from . import smooth_solver

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
        multiplier = np.zeros((len(objective.data.weight), objective.model.n_raw))
        value = objective.value(params)
        # A slope of this size over this width makes a loss of the size of F: the kink and its surroundings.
        width = max(objective.reference_value, EPS) / max(objective.slope_size, 1e-150) / max(objective.slope_size, 1e-150)
        return ProximalState(
            params,
            value,
            np.zeros_like(params),
            np.inf,
            step=width,
            smoothing=width,
            multiplier=multiplier,
            narrowest=1e-9 * width,
        )

    def step(self, objective: Objective, state: ProximalState) -> ProximalState:
        step, multiplier = state.smoothing, state.multiplier
        smoothed = objective.smoothed(step, multiplier)
        goal = float(np.clip(0.1 * state.optimality, 1e-9, 1e-3))
        inner = self._inner(objective)
        round_ = minimize(smoothed, inner, state.params, tol=goal, max_iter=inner.default_max_iter)
        if round_.interrupt:
            raise round_.interrupt
        params, gradient = round_.state.params, round_.state.gradient
        value, gap = objective.gap(params, step, multiplier)
        left = gap / objective.gain(value)
        optimality = max(objective.optimality(params, gradient), left)
        floor = max(1e-10, 64 * float(np.finfo(objective.data.dtype).eps))
        easy = left > 100 * floor and (round_.n_iter <= EASY or not inner.second_order)
        following, narrowest = self._next(step, state.narrowest, easy, round_.converged)
        return ProximalState(
            params,
            value,
            gradient,
            optimality,
            state.iteration + 1,
            step,
            # The gap falls faster than linearly: its rounding noise is a round or two below tol, and there the
            # coefficients are pinned down.
            decrement=gap if inner.second_order and (gap < 0.5 * state.gap or left > floor) else 0.0,
            smoothing=following,
            narrowest=narrowest,
            gap=gap,
            multiplier=smoothed.slopes(params),
        )

    def _next(self, step: float, narrowest: float, easy: bool, ended: bool) -> tuple[float, float]:
        """Return the smoothing of the next round, and the narrowest from now on.

        It is narrower after an easy round; after one that did not end it is wider, and stays so.
        """
        if not ended:
            return step / self.shrink, step / self.shrink
        return (max(self.shrink * step, narrowest) if easy else step), narrowest
