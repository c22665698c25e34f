"""L-BFGS: Newton's method with the second derivative guessed from the last few gradients."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ..losses.numeric import EPS, Array
from .base import Solver, State, search_line

if TYPE_CHECKING:
    from ..objective import Objective

__all__ = ["LBFGS"]


@dataclass(kw_only=True)
class LBFGSState(State):
    """A state with the pairs (move, change of gradient) and the diagonal that the recursion starts from."""

    pairs: list[tuple[Array, Array]] = field(default_factory=list)
    diagonal: Array


class LBFGS(Solver[LBFGSState]):
    """Limited-memory BFGS, for smooth losses and penalties with any number of parameters.

    The recursion starts from an estimate of the diagonal of the second derivative, so that the units of the columns do not
    matter. The line search decides by slopes where differences of F are lost in rounding.

    Parameters
    ----------
    memory : int, default=10
        How many pairs to remember.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import LBFGS
    >>> GDRegressor(loss="log_cosh", alpha=0.0, solver=LBFGS()).fit([[0.0], [1.0]], [1.0, 3.0]).coef_.round(4)
    array([2.])

    References
    ----------
    D. Liu and J. Nocedal, On the limited memory BFGS method for large scale optimization, 1989.
    """

    ranges = {"memory": ("an integer >= 1", lambda value: value >= 1 and value == int(value))}

    def __init__(self, memory: int = 10) -> None:
        self.memory = memory

    def init(self, objective: Objective, params: Array) -> LBFGSState:
        value, gradient = objective.value_and_gradient(params)
        optimality = objective.optimality(params, gradient)
        return LBFGSState(params, value, gradient, optimality, diagonal=objective.diagonal(params))

    def step(self, objective: Objective, state: LBFGSState) -> LBFGSState:
        direction = -self._product(state, state.gradient)
        slope = float(state.gradient @ direction)
        t = 0.0
        if slope < 0:
            t = search_line(objective.along(state.params, direction), state.value, slope, 1.0, 0.9)
        if t == 0.0 and state.pairs:  # the guessed curvature misleads: begin anew
            return replace(state, pairs=[], iteration=state.iteration + 1)
        if t == 0.0:
            stalled = "no descent at working precision"
            return replace(state, iteration=state.iteration + 1, stalled=stalled)
        params = state.params + t * direction
        value, gradient = objective.value_and_gradient(params)
        pairs = list(state.pairs)
        move, change = t * direction, gradient - state.gradient
        if move @ change > EPS * np.linalg.norm(move) * np.linalg.norm(change):
            pairs = [*pairs, (move, change)][-self.memory :]
        optimality = objective.optimality(params, gradient)
        return LBFGSState(params, value, gradient, optimality, state.iteration + 1, t, pairs=pairs, diagonal=state.diagonal)

    @staticmethod
    def _product(state: LBFGSState, gradient: Array) -> Array:
        """Return the guessed inverse of the second derivative times the gradient (the two-loop recursion)."""
        q, shares = gradient.copy(), []
        for move, change in reversed(state.pairs):
            share = (move @ q) / (move @ change)
            q -= share * change
            shares.append(share)
        q /= state.diagonal
        if state.pairs:
            move, change = state.pairs[-1]
            q *= (move @ change) / (change @ (change / state.diagonal))
        for (move, change), share in zip(state.pairs, reversed(shares), strict=True):
            q += move * (share - (change @ q) / (move @ change))
        return q
