"""Penalties that leave few features: solve on those, and look at all only to choose them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Array
from .base import Solver, State, nested

if TYPE_CHECKING:
    from ..objective.objective import Objective

__all__ = ["WorkingSet"]


@dataclass(kw_only=True)
class WorkingState(State):
    """A state with the number of features to look at next."""

    width: int


class WorkingSet(Solver[WorkingState]):
    r"""Minimise over a working set of features, then over a better one: for an L1 penalty on many features.

    .. math:: \text{set} = \{j : w_j \ne 0\} \cup \{\text{the features that violate their optimality most}\}

    Each round solves the problem restricted to the set, with `solver`, and looks at the gradient of all features once. A set
    has room for twice the features that the last one kept.

    Parameters
    ----------
    solver : Solver or None, default=None
        What solves a round; None picks as solver="auto" does without working sets.
    size : int, default=100
        The features of the first set.

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
    takes_prox = True
    second_order = True
    ranges = {
        "solver": ("a Solver, or None", lambda value: value is None or isinstance(value, Solver)),
        "size": ("an integer >= 1", lambda value: value >= 1 and value == int(value)),
    }

    def __init__(self, solver: Any = None, size: int = 100) -> None:
        self.solver = solver
        self.size = size

    def _inner(self, objective: Objective) -> Solver[Any]:
        from . import whole_solver

        return self.solver or whole_solver(objective)

    def check(self, objective: Objective) -> None:
        super().check(objective)
        falls_apart = objective.penalty.for_features(np.arange(objective.model.n_features)) is not None
        if not (objective.prox_penalty.selects and falls_apart):
            raise ValueError(
                f"{objective.penalty!r} leaves no weight at exactly zero, which WorkingSet lives on: use solver='auto' or "
                "penalty='l1'."
            )
        self._inner(objective).check(objective)

    def init(self, objective: Objective, params: Array) -> WorkingState:
        value, gradient = self._look(objective, params)
        return WorkingState(params, value, gradient, objective.optimality(params, gradient), width=self.size)

    def _look(self, objective: Objective, params: Array) -> tuple[float, Array]:
        value, gradient = objective.value_and_gradient(params)
        return value + objective.rest(params), gradient

    @staticmethod
    def _chosen(objective: Objective, state: WorkingState) -> Array:
        """Return the numbers of the features in use, and of those that violate their optimality most."""
        violation = objective.violations(state.params, state.gradient)[: objective.model.n_features]
        used = np.any(objective.model.weights(state.params) != 0, axis=1)
        others = np.flatnonzero(~used & (violation > 0))
        room = max(state.width - int(used.sum()), state.width // 2)
        if objective.prox_penalty.kinks(used) is not None and objective.smooth_penalty.absent:
            room = min(room, max(objective.data.n_rows - int(used.sum()), 10))  # no more columns are independent
        if len(others) > room:
            others = others[np.argpartition(-violation[others], room)[:room]]
        return np.union1d(np.flatnonzero(used), others)

    def step(self, objective: Objective, state: WorkingState) -> WorkingState:
        chosen = self._chosen(objective, state)
        whole = 2 * len(chosen) >= objective.model.n_features
        part = objective if whole else objective.restricted(chosen)
        goal = float(np.clip(0.1 * state.optimality, 1e-10, 0.1))
        inner = self._inner(part)
        start = state.params if whole else objective.model.narrowed(state.params, chosen)
        round_ = nested(part, inner, start, tol=goal, max_iter=inner.default_max_iter)
        params = round_.state.params if whole else objective.model.widened(round_.state.params, chosen)
        value, gradient = self._look(objective, params)
        kept = int(np.any(objective.model.weights(params) != 0, axis=1).sum())
        return WorkingState(
            params,
            value,
            gradient,
            objective.optimality(params, gradient),
            state.iteration + 1,
            decrement=round_.state.decrement,
            stalled=round_.reason if round_.reason == "max_iter reached" else "",  # another set would fare no better
            width=max(self.size, 2 * kept),
        )
