"""Gradient descent, plain, with momentum or accelerated, with a given or an automatic learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import EPS, Array
from ...objective.objective import Objective
from ...schedules import get_schedule
from ..base import Need, Plan, Reason, Solver, State

__all__ = ["GradientDescent"]


@dataclass(kw_only=True)
class GradientState(State):
    """A state with the last move, the scale of the parameters, the clock of the momentum and the largest curvature seen."""

    velocity: Array
    scale: Array
    clock: float = 1.0
    curvature: float = 0.0
    ceiling: float = np.inf


class GradientDescent(Solver[GradientState]):
    r"""Batch gradient descent.

    .. math:: v \leftarrow m v - \eta \nabla F(params), \qquad params \leftarrow params + v

    If the penalty is not smooth, each step ends with its prox.

    Parameters
    ----------
    learning_rate : float, callable or "auto", default="auto"
        A number \eta, or a function of the step number, applies directly to the parameters ``coef_`` and ``intercept_``.
        "auto" scales each parameter by its curvature, halves the step if the gradient shows that it was too long, and uses
        Nesterov acceleration.
    momentum : float, default=0.0
        Momentum m, the share of the last move that is kept, in [0, 1).
    nesterov : bool, default=False
        Whether to use Nesterov's momentum, as "auto" always does.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import GradientDescent
    >>> descent = GradientDescent(learning_rate=0.1)
    >>> model = GDRegressor(alpha=0.0, solver=descent, max_iter=5000).fit([[0.0], [1.0], [2.0]], [4.0, 7.0, 10.0])
    >>> print(model.coef_.round(3), model.intercept_.round(3))
    [3.] 4.0

    References
    ----------
    A. Cauchy, Methode generale pour la resolution des systemes d'equations simultanees, 1847; Y. Nesterov, A method for
    solving a convex programming problem with convergence rate O(1/k^2), 1983; B. O'Donoghue and E. Candes, Adaptive Restart
    for Accelerated Gradient Schemes, 2015.
    """

    ranges = {
        "learning_rate": (
            "'auto', a number > 0, or a function of the step number",
            lambda value: callable(value) or value == "auto" or 0 < value < np.inf,
        ),
        "momentum": ("a number from 0 to below 1", lambda value: 0 <= value < 1),
        "nesterov": ("True or False", lambda value: value in (True, False)),
    }

    def __init__(self, learning_rate: Any = "auto", momentum: float = 0.0, nesterov: bool = False) -> None:
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def automatic(self) -> bool:
        """Whether the learning rate is automatic."""
        return isinstance(self.learning_rate, str)

    @property
    def centers(self) -> bool:  # type: ignore[override]
        return self.automatic

    @property
    def needs(self) -> frozenset[Need]:  # type: ignore[override]
        """A given learning rate follows subgradients of a loss with kinks; "auto" needs a smooth loss to know when to stop."""
        return frozenset({Need.MINIMUM, Need.LINEAR} | ({Need.SMOOTH_LOSS} if self.automatic else set()))

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> GradientState:
        point = objective.at(objective.prox(params, 0.0))
        scale = 1.0 / objective.diagonal(point.params) if self.automatic else np.ones_like(params)
        if not objective.penalty.separable:  # only then may the step differ from weight to weight
            scale[:] = np.exp(np.log(scale).mean())
        ceiling = 1e3 * max(abs(point.value), abs(objective.reference.value))
        return GradientState.at(point, step=1.0, velocity=0.0 * params, scale=scale, ceiling=ceiling)

    def step(self, objective: Objective, state: GradientState) -> GradientState:
        return self._searched(objective, state) if self.automatic else self._literal(objective, state)

    def _literal(self, objective: Objective, state: GradientState) -> GradientState:
        rate = get_schedule(self.learning_rate).at(state.iteration)
        velocity = self.momentum * state.velocity - rate * state.gradient
        move = self.momentum * velocity - rate * state.gradient if self.nesterov else velocity
        params = objective.prox(state.params + move, rate)
        point = objective.at(params)
        moved, change = params - state.params, point.gradient - state.gradient
        curvature = max(state.curvature, float(moved @ change) / max(float(moved @ moved), 1e-300))
        diverged = not point.value <= state.ceiling
        hint = ""
        if diverged or (objective.loss.smooth and curvature * rate > 2.0):
            hint = f"The learning rate {rate:.3g} is too large: learning_rate={0.9 / curvature:.2g} is safe, 'auto' needs none."
        return GradientState.at(
            point,
            iteration=state.iteration + 1,
            step=rate,
            stalled=Reason.DIVERGED if diverged else None,
            hint=hint,
            velocity=velocity,
            scale=state.scale,
            curvature=curvature,
            ceiling=state.ceiling,
        )

    def _searched(self, objective: Objective, state: GradientState) -> GradientState:
        clock = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * state.clock**2))
        share = self.momentum or (state.clock - 1.0) / clock
        accelerated = share > 0 and bool(np.any(state.velocity))
        point, value, gradient = state.params, state.value - objective.nonsmooth_value(state.params), state.gradient
        if accelerated:
            point = state.params + share * state.velocity
            value, gradient = objective.value_and_gradient(point)
        step = state.step
        for _ in range(60):
            params = objective.prox(
                point - step * state.scale * gradient,
                step * state.scale if objective.penalty.separable else step * state.scale[0],
            )
            move = params - point
            length = float(move @ (move / state.scale))
            new_value, new_gradient = objective.value_and_gradient(params)
            change = float(move @ (new_gradient - gradient))
            bound = value + float(move @ gradient) + 0.5 * length / step
            noise = 64 * EPS * abs(value)
            fits = new_value <= bound or (abs(new_value - value) <= noise and change <= length / step)
            if np.isfinite(new_value) and fits:
                break
            step *= 0.5
        total = new_value + objective.nonsmooth_value(params)
        rises = not total <= state.value + 64 * EPS * abs(state.value)
        if rises and accelerated:  # the momentum increases F: restart it
            return state.but(velocity=0.0 * state.params, clock=1.0, iteration=state.iteration + 1)
        if rises or length == 0.0:
            return state.but(iteration=state.iteration + 1, stalled=Reason.STALLED)
        return GradientState(
            params,
            total,
            new_gradient,
            objective.optimality(params, new_gradient),
            state.iteration + 1,
            1.05 * step,
            velocity=params - state.params,
            scale=state.scale,
            clock=clock,
        )
