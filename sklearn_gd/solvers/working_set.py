"""A solver for penalties that select few features: it solves on those and uses all features only to choose them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective
from .base import Need, Plan, Reason, Solver, State
from .fast.coordinates import Coordinates
from .loop import solve
from .smooth.choice import whole_solver

__all__ = ["WorkingSet", "smooth_solver"]

# Enough features for a smaller problem to pay off.
MANY = 200


@dataclass(kw_only=True)
class WorkingState(State):
    """A state with the number of features of the next set, and what compiled coordinate descent reads, where it is possible."""

    width: int
    coordinates: Coordinates | None


class WorkingSet(Solver[WorkingState]):
    r"""Minimise over a sequence of working sets of features, for an L1 penalty on many features.

    .. math:: \text{set} = \{j : w_j \ne 0\} \cup \{\text{the features that violate their optimality most}\}

    Each round solves the problem restricted to the set with `solver` and computes the gradient of all features once. The next
    set has room for twice the features with nonzero weights, and at least for `size`.

    Parameters
    ----------
    solver : Solver or None, default=None
        Solver of a round. If None, it is chosen as for solver="auto" without working sets.
    size : int, default=100
        Number of features in the first set.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import WorkingSet
    >>> X = np.random.RandomState(0).randn(50, 200)
    >>> model = GDRegressor(penalty="l1", alpha=0.1, solver=WorkingSet(size=5)).fit(X, 3.0 * X[:, 7])
    >>> np.flatnonzero(model.coef_)
    array([7])

    References
    ----------
    M. Massias, A. Gramfort and J. Salmon, Celer: a Fast Solver for the Lasso with Dual Extrapolation, 2018.
    """

    default_max_iter = 100
    needs = frozenset({Need.MINIMUM, Need.LINEAR, Need.SMOOTH_LOSS, Need.SELECTING_PENALTY})
    second_order = True
    ranges = {
        "solver": ("a Solver, or None", lambda value: value is None or isinstance(value, Solver)),
        "size": ("an integer >= 1", lambda value: value >= 1 and value == int(value)),
    }

    def __init__(self, solver: Any = None, size: int = 100) -> None:
        self.solver = solver
        self.size = size

    def _inner(self, objective: Objective) -> Solver[Any]:
        return self.solver or whole_solver(objective)

    def check(self, objective: Objective) -> None:
        super().check(objective)
        self._inner(objective).check(objective)

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> WorkingState:
        coordinates = Coordinates.of(objective) if self.solver is None else None
        return WorkingState.at(objective.at(params), width=self.size, coordinates=coordinates)

    @staticmethod
    def _chosen(objective: Objective, state: WorkingState) -> Array:
        """Return the indices of the features in use and of those that violate their optimality condition most."""
        violation = objective.violations(state.params, state.gradient).max(axis=1)[: objective.model.n_features]
        used = np.any(objective.model.weights(state.params) != 0, axis=1)
        others = np.flatnonzero(~used & (violation > 0))
        room = max(state.width - int(used.sum()), state.width // 2)
        if objective.penalty.piecewise_linear and objective.penalty.smooth_part.absent:
            room = min(room, max(objective.rows.n_samples - int(used.sum()), 10))  # more columns are not independent
        if len(others) > room:
            others = others[np.argpartition(-violation[others], room)[:room]]
        return np.union1d(np.flatnonzero(used), others)

    def step(self, objective: Objective, state: WorkingState) -> WorkingState:
        chosen, goal = self._chosen(objective, state), float(np.clip(0.1 * state.optimality, 1e-10, 0.1))
        if state.coordinates is not None:
            found = state.coordinates.descended(objective, state.params, chosen, goal)
            if found.violation <= goal:
                return self._after(objective, state, found.params, found.decrement)
            state = state.but(params=found.params)
        whole = 2 * len(chosen) >= objective.model.n_features
        part = objective if whole else objective.restricted(chosen)
        inner = self._inner(part)
        start = state.params if whole else objective.linear.narrowed(state.params, chosen)
        round_ = solve(part, inner, start, tol=goal)
        params = round_.state.params if whole else objective.linear.widened(round_.state.params, chosen)
        # Another set would not help a solver that has not ended.
        stalled = Reason.INNER_SPENT if round_.reason is Reason.MAX_ITER else None
        return self._after(objective, state, params, round_.state.decrement, stalled)

    def _after(
        self, objective: Objective, state: WorkingState, params: Array, decrement: float, stalled: Reason | None = None
    ) -> WorkingState:
        """Return the state after a round that led to params."""
        kept = int(np.any(objective.model.weights(params) != 0, axis=1).sum())
        return WorkingState.at(
            objective.at(params),
            iteration=state.iteration + 1,
            decrement=decrement,
            stalled=stalled,
            width=max(self.size, 2 * kept),
            coordinates=state.coordinates,
        )


def smooth_solver(objective: Objective) -> Solver[Any]:
    """Return the solver for the objective, treating its loss as smooth."""
    penalty = objective.penalty
    if penalty.selects and penalty.falls_apart and objective.model.n_features > MANY:
        return WorkingSet()
    return whole_solver(objective)
