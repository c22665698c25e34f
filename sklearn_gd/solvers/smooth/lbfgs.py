"""Quasi-Newton steps, with a metric corrected by the last few gradient changes; L-BFGS, with a diagonal metric."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...arrays import EPS, Array
from ...objective.objective import Objective
from ..base import Need, Plan, Reason, Solver, State
from ..line_search import descend
from .metrics import Diagonal, Metric

__all__ = ["LBFGS", "Pair", "corrected", "remembered"]

Pair = tuple[Array, Array]


def corrected(metric: Metric, pairs: list[Pair], vector: Array) -> Array:
    """Return the inverse of the metric, updated by the pairs (move, change of gradient), times a vector.

    References
    ----------
    J. Nocedal, Updating Quasi-Newton Matrices with Limited Storage, 1980 (the two-loop recursion).
    """
    q, shares = vector.copy(), []
    for move, change in reversed(pairs):
        share = (move @ q) / (move @ change)
        q -= share * change
        shares.append(share)
    q = metric.solve(q)
    for (move, change), share in zip(pairs, reversed(shares), strict=True):
        q += move * (share - (change @ q) / (move @ change))
    return q


def remembered(pairs: list[Pair], move: Array, change: Array, memory: int) -> list[Pair]:
    """Return the pairs with a new one, if it has positive curvature; at most `memory` pairs."""
    if move @ change > EPS * np.linalg.norm(move) * np.linalg.norm(change):
        return [*pairs, (move, change)][-memory:]
    return pairs


@dataclass(kw_only=True)
class LBFGSState(State):
    """A state with the pairs (move, change of gradient) and the diagonal that the recursion starts from."""

    pairs: list[Pair] = field(default_factory=list)
    diagonal: Array


class LBFGS(Solver[LBFGSState]):
    """Limited-memory BFGS, for smooth losses and penalties with any number of parameters.

    The recursion starts from an estimate of the diagonal of the Hessian, so the units of the columns do not matter. The line
    search uses slopes if differences of F are lost in rounding.

    Parameters
    ----------
    memory : int, default=10
        Number of pairs to store.

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

    needs = frozenset({Need.MINIMUM, Need.SMOOTH_LOSS, Need.SMOOTH_PENALTY})
    ranges = {"memory": ("an integer >= 1", lambda value: value >= 1 and value == int(value))}

    def __init__(self, memory: int = 10) -> None:
        self.memory = memory

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> LBFGSState:
        return LBFGSState.at(objective.at(params), diagonal=objective.diagonal(params))

    def step(self, objective: Objective, state: LBFGSState) -> LBFGSState:
        direction = -corrected(self._metric(state), state.pairs, state.gradient)
        landed = descend(objective, state, direction, steepness=0.9)
        if landed is None and state.pairs:  # the estimated curvature is misleading: restart
            return state.but(pairs=[], iteration=state.iteration + 1)
        if landed is None:
            return state.but(iteration=state.iteration + 1, stalled=Reason.STALLED)
        t, point = landed
        pairs = remembered(state.pairs, t * direction, point.gradient - state.gradient, self.memory)
        return LBFGSState.at(point, iteration=state.iteration + 1, step=t, pairs=pairs, diagonal=state.diagonal)

    @staticmethod
    def _metric(state: LBFGSState) -> Diagonal:
        """Return the diagonal in the scale of the last pair."""
        if not state.pairs:
            return Diagonal(state.diagonal)
        move, change = state.pairs[-1]
        return Diagonal(state.diagonal * (change @ (change / state.diagonal)) / (move @ change))
