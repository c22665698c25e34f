"""Solution of a problem, and the result of a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..arrays import Array
from ..models.base import BoundModel
from ..objective.objective import Objective
from ..rows.base import ColumnMoments
from ..solvers import Plan, Reason, Result, State
from ..solvers.loop import minimize
from ..targets import Target
from .callbacks import Tasks
from .early_stopping import Stopper
from .first_look import check_end
from .messages import complaint, unit_notice
from .monitor import Monitor, Watcher
from .problem import Problem

__all__ = ["Fit", "Memory", "Trace", "Watching", "run"]


@dataclass(frozen=True, eq=False)
class Memory:
    """What a later fit needs to continue from this one.

    Attributes
    ----------
    key : tuple
        What must match (`Parts.key`).
    bound : BoundModel
        The model, bound to the first `n_bound` of the rows.
    state : State or None
        The exported state of the solver.
    moments : ColumnMoments
        The moments of all rows so far.
    n_bound, n_seen : int
        Number of rows to which the model was bound, and number of rows seen.
    exponent : int
        Weights are divided by this power of two.
    features : ndarray of int, or None
        The columns in use, in order: for sparse rows, those that have had an entry. None for all columns.
    """

    key: tuple[Any, ...]
    bound: BoundModel
    state: State | None
    moments: ColumnMoments
    n_bound: int
    n_seen: int
    exponent: int = 0
    features: Array | None = None


@dataclass(frozen=True, eq=False)
class Fit:
    """The result of a fit.

    Attributes
    ----------
    target : Target
        The interpretation of y.
    public : dict
        The fitted attributes of the estimator, by name.
    memory : Memory or None
        What a later fit needs to continue from this one, if anything.
    totals : ndarray or float
        The weight of each class in all rows so far.
    split : tuple of float, or None
        The cost and the penalty at the parameters; None if they are not known.
    complaint : str
        Why it has not converged, if so.
    notice : str
        Another warning, if any.
    interrupt : KeyboardInterrupt or None
        The exception to raise after the attributes are set.
    """

    target: Target
    public: dict[str, Any]
    memory: Memory | None = None
    totals: Any = 0.0
    split: tuple[float, float] | None = None
    complaint: str = ""
    notice: str = ""
    interrupt: KeyboardInterrupt | None = None


FitAt = Callable[[State], Fit]


@dataclass
class Trace:
    """The path of a fit: its objective, the state after each iteration, and the function from a state to its fit.

    With several attempts, it is the path of the last one.
    """

    objective: Objective | None = None
    fit_at: FitAt | None = None
    states: list[State] = field(default_factory=list)

    def begin(self, objective: Objective, fit_at: FitAt) -> Trace:
        """Discard the recorded path and begin to record another one."""
        self.objective, self.fit_at, self.states = objective, fit_at, []
        return self

    def __call__(self, state: State) -> str:
        """Record a state; never stop."""
        self.states.append(state.but(params=state.params.copy()))
        return ""


@dataclass
class Watching:
    """The watchers of a fit.

    Attributes
    ----------
    stopper : callable
        Takes an objective and a function from states to fits; returns the watcher of one attempt, or None. Its `least` and
        `best` are those of the best state (see `Stopper`).
    trace : Trace or None
        Records the path of each attempt.
    tasks : callable or None
        Takes the number of iterations to come, or None, and a function from states to fits; returns the watcher of all
        attempts.
    """

    stopper: Callable[[Objective, FitAt], Stopper | None] = field(default=lambda objective, fit_at: None)
    trace: Trace | None = None
    tasks: Callable[[int | None, FitAt], Tasks] | None = None


@dataclass
class _Attempt:
    result: Result
    monitor: Monitor
    stopper: Stopper | None

    @property
    def least(self) -> float:
        """The lowest monitored loss, or F."""
        return float(self.stopper.least if self.stopper and self.stopper.rule else self.result.state.value)


def run(problem: Problem, watching: Watching, dtype: Any, last: Fit | None = None) -> Fit:
    """Return the fit of a problem: the best of one attempt from each start."""
    objective, parts = problem.objective, problem.parts
    solver, rng = parts.solver, check_random_state(parts.random_state)
    budget = parts.max_iter or solver.default_max_iter

    def fit_at(state: State) -> Fit:
        return _fit_at(problem, solver.final(objective, state), dtype)

    begins = max(1, parts.model.n_init) * problem.starts
    ahead = None if np.isinf(budget) else len(begins) * int(budget)
    tasks = watching.tasks(ahead, fit_at) if watching.tasks else None
    attempts: list[_Attempt] = []
    for constant in begins:
        trace = watching.trace and watching.trace.begin(objective, fit_at)
        attempts.append(_attempted(problem, constant, watching.stopper(objective, fit_at), (trace, tasks), last, budget, rng))
        if attempts[-1].result.interrupt is not None or (tasks is not None and tasks.stopped):
            break
    interrupt = attempts[-1].result.interrupt
    if tasks is not None:
        tasks.close()
    return _concluded(problem, min(attempts, key=lambda attempt: attempt.least), dtype, interrupt)


def _attempted(
    problem: Problem,
    constant: Array,
    stopper: Stopper | None,
    others: tuple[Watcher | None, ...],
    last: Fit | None,
    budget: float,
    random_state: np.random.RandomState,
) -> _Attempt:
    """Return one attempt, from a constant prediction or from the end of the last fit."""
    objective, parts = problem.objective, problem.parts
    watchers: list[Watcher] = [watcher for watcher in (stopper, *others) if watcher is not None]
    monitor = Monitor(parts.verbose, watchers)
    params = objective.model.from_attributes(last.public) if last else None
    # On other data or under another loss, the last params may be a bad start.
    warm = params is not None and (objective.loss.online or objective.value(objective.prox(params, 0.0)) <= _worst(objective))
    if params is None or not warm:
        params = parts.model.start(objective.model, constant, random_state)
    plan = Plan(int(random_state.randint(2**31)), budget, parts.max_iter, bool(warm))
    state = parts.solver.init(objective, params, plan, _state_of(last, problem))
    tol = max(parts.tol, 64 * float(np.finfo(objective.rows.dtype).eps))
    result = minimize(objective, parts.solver, state, tol=tol, max_iter=budget, watch=monitor)
    monitor.print_last()
    return _Attempt(result, monitor, stopper)


def _worst(objective: Objective) -> float:
    """Return the highest F at which a fit may start: that of the best constant prediction, up to rounding."""
    reference = objective.reference
    return reference.value + 1e-6 * abs(reference.value) + 64 * reference.rounding(reference.value)


def _state_of(last: Fit | None, problem: Problem) -> State | None:
    """Return the state exported by the last fit, if it has the same kind and shape."""
    memory, model = last and last.memory, problem.objective.model
    if not memory or not problem.parts.continues(memory.key):
        return None
    same_shape = (memory.bound.n_features, memory.bound.n_raw) == (model.n_features, model.n_raw)
    return memory.state if same_shape else None


def _concluded(problem: Problem, attempt: _Attempt, dtype: Any, interrupt: KeyboardInterrupt | None) -> Fit:
    """Return the fit of the best attempt, at its best iterate if early stopping asks for that."""
    objective, parts, result = problem.objective, problem.parts, attempt.result
    state, reason, text, stopper = result.state, result.reason, result.text, attempt.stopper
    quiet, restored = reason.success or reason is Reason.ASKED, False
    history, watched = attempt.monitor.history, {}
    if "validation_loss" in history:
        watched["validation_loss_curve_"] = history["validation_loss"].tolist()
    converged = reason.success
    if stopper is not None and stopper.rule is not None and stopper.best is not None:
        watched["best_iteration_"] = stopper.best.iteration
        if stopper.rule.restore_best:
            restored, converged, state = True, converged and stopper.best is state, stopper.best.but(hint=state.hint)
            # If the validation loss never improves, the iterates may have diverged.
            suspect = result.last if state.iteration == 0 else state
            if quiet and not objective.loss.online and not objective.value(suspect.params) <= _worst(objective):
                reason, quiet = Reason.ABOVE_CONSTANT, False
    solver = parts.solver.at_work(state)
    state = parts.solver.final(objective, state)
    value = state.value
    if not state.certified:
        point = objective.at(state.params)
        state, value = replace(state, optimality=point.optimality), point.value
    if converged and (found := check_end(objective, state.params)):
        reason, quiet, converged = Reason.WRONG_DERIVATIVES, False, False
        state = replace(state, hint=found)
    text = text or reason.value
    ongoing = (result.converged or result.reason is Reason.MAX_ITER) and not restored
    exported = parts.solver.export(objective, result.last if ongoing else state)
    rows, n = objective.rows, objective.rows.n_samples
    facts = {
        "n_iter_": max(1, result.n_iter),
        "loss_curve_": result.curve,
        "history_": history,
        **watched,
        "converged_": converged,
        "stop_reason_": text,
        "optimality_": state.optimality,
    }
    memory = Memory(parts.key, objective.model, exported, rows.moments, n, n, problem.exponent)
    told = "" if quiet else complaint(objective, state, reason, text, result.n_iter, solver, parts)
    penalty = objective.penalty_value(state.params)
    public = _fit_at(problem, state, dtype).public | facts
    return Fit(
        problem.target,
        public,
        memory,
        split=(value - penalty, penalty),
        complaint=told,
        notice=unit_notice(objective),
        interrupt=interrupt,
    )


def _fit_at(problem: Problem, state: State, dtype: Any) -> Fit:
    """Return the fit for a state."""
    objective, target, parts = problem.objective, problem.target, problem.parts
    solver = parts.solver.at_work(state)
    public: dict[str, Any] = {"loss_": objective.loss, "penalty_": parts.penalty, "solver_": solver, "model_": parts.model}
    if target.classes is not None:
        public["classes_"] = target.classes
    return Fit(target, public | objective.model.attributes(state.params, dtype, target.shaped))
