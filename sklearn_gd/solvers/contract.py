"""check_solver: the contract test for custom solvers, on small problems."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..arrays import Array
from ..contracts import Failure, Skip, checks_in, copies, demand, report
from ..losses import LOSSES, CustomLoss, Loss, MultinomialLogLoss, Quantile
from ..models import Linear
from ..objective.certificate import Reference
from ..objective.objective import Objective
from ..objective.summand import Summand
from ..parts import same
from ..penalties import GroupLasso, Penalty, get_penalty
from ..penalties.scaled import Scaled
from ..rows.blocks import MemoryRows
from ..targets import Continuous, Labels
from .base import Need, Plan, Reason, Solver, State
from .kinked.interior_point import InteriorPoint
from .kinked.proximal_point import ProximalPoint
from .loop import iterate, solve
from .smooth.gradient import GradientDescent
from .smooth.newton import Newton

__all__ = ["CHECKS", "PROBLEMS", "Problem", "Run", "Trial", "check_solver"]

# Of a fit that is checked, and the share of the gain that a solver which says that it is done may leave.
TOL, SHARE = 1e-6, 1e-6

# The attributes of a state that are compared before and after a step.
KEPT = (np.ndarray, float, int)

# Steps that suffice for problems as small and as well conditioned as these.
MOST = 2000


def _capped(y: Array, raw: Array) -> Array:
    return np.minimum(np.abs(y - raw), 1.5)


@dataclass(frozen=True)
class Problem:
    """A loss and a penalty on random data."""

    loss: Loss
    penalty: Penalty | str | None
    alpha: float

    def __str__(self) -> str:
        return f"{self.loss.name} with penalty {self.penalty!r}"

    def objective(self, solver: Solver[Any], random_state: Any) -> tuple[Objective, Array]:
        """Return the objective of a fit by the solver, with 60 rows and 3 features, and the initial params."""
        X = random_state.standard_normal((60, 3)) * [1.0, 2.0, 0.5] + [0.0, 1.0, -0.5]
        score = X @ [1.0, -0.5, 0.3] + random_state.standard_normal(60)
        if self.loss.task == "classification":
            y = np.digitize(score, [-0.5, 1.0] if self.loss.rowwise else [0.2])
            target: Any = Labels(y)
        else:
            y = np.exp(0.5 * score) if self.loss.positive_only else score
            target = Continuous(y)
        loss, encoding = self.loss, target.encoded_for(self.loss)
        rows = MemoryRows(X, target.prepare(y, loss.rowwise), np.ones(len(y)))
        if loss.foreign:
            loss = loss.observe(encoding.encode(rows.y), np.zeros((len(y), 1)))
        bound = Linear().bind(encoding.n_raw, True, rows.moments)
        bound = bound if solver.centers else bound.uncentered()
        columns = Reference.of_columns(rows.moments, True, encoding.n_raw)
        penalty = Scaled(get_penalty(self.penalty), self.alpha)
        objective = Objective.on(rows, Summand(bound, loss, encoding), penalty, columns)
        constant = loss.link(encoding.mean(*rows.reduce(objective.summand.totals)[:2]))
        value, _, norm, _ = rows.reduce(partial(objective.summand.slopes_at, constant))
        slopes, mean = norm.size / np.sqrt(len(y)), value / objective.total
        reference = replace(columns, constant=constant, slopes=slopes, value=mean, size=abs(mean))
        return replace(objective, reference=reference), bound.at_constant(constant)


PROBLEMS = [
    Problem(LOSSES["squared_error"](), "l2", 0.1),
    Problem(LOSSES["log_cosh"](), None, 0.0),
    Problem(LOSSES["poisson"](), "l2", 0.01),
    Problem(LOSSES["log_loss"](), "l1", 0.02),
    Problem(LOSSES["squared_error"](), "nonnegative", 0.1),
    Problem(LOSSES["huber"](), GroupLasso([[0, 1], [2]]), 0.1),
    Problem(MultinomialLogLoss(), "l2", 0.05),
    Problem(LOSSES["cauchy"](), "l2", 0.1),
    Problem(LOSSES["absolute_error"](), None, 0.0),
    Problem(Quantile(0.3), "l2", 0.1),
    Problem(LOSSES["hinge"](), "elasticnet", 0.05),
    Problem(CustomLoss(_capped), "l2", 0.01),
]


@dataclass(frozen=True)
class Run:
    """A run of a solver on a problem: the objective, the initial params, all states, and why it ended."""

    solver: Solver[Any]
    problem: Problem
    objective: Objective
    params: Array
    states: list[Any]
    reason: Reason

    @property
    def certified(self) -> list[Any]:
        """The certified states."""
        return [state for state in self.states if state.certified]

    def share(self, difference: float) -> float:
        """Return a difference of F relative to the possible improvement over the best constant prediction."""
        return difference / self.objective.reference.gain(self.best)

    @cached_property
    def best(self) -> float:
        """The lowest F that other solvers find."""
        values = [self.objective.value(self.states[-1].params)]
        for other in (Newton(), GradientDescent(), ProximalPoint(), InteriorPoint()):
            try:
                other.check(self.objective)
            except ValueError:
                continue
            if type(other) is not type(self.solver):
                values.append(solve(self.objective, other, self.params, tol=1e-9, max_iter=MOST).state.value)
        return min(values)


@dataclass
class Trial:
    """A solver, its original configuration, and the seed of the problems on which it is tested."""

    solver: Solver[Any]
    before: dict[str, Any]
    seed: int

    def objective(self, problem: Problem) -> tuple[Objective, Array]:
        """Return the objective of a problem, and the initial params."""
        return problem.objective(self.solver, np.random.RandomState(self.seed))

    def refusal(self, objective: Objective) -> str | None:
        """Return the message of the solver if it refuses an objective."""
        try:
            self.solver.check(objective)
        except ValueError as error:
            return str(error)
        return None

    @property
    def plan(self) -> Plan:
        """The plan of a fit without max_iter."""
        return Plan(horizon=min(self.solver.default_max_iter, MOST))

    @cached_property
    def admitted(self) -> list[tuple[Problem, Objective, Array]]:
        """The problems that the solver accepts, with their objectives and initial params."""
        posed = [(problem, *self.objective(problem)) for problem in PROBLEMS]
        return [(problem, objective, params) for problem, objective, params in posed if self.refusal(objective) is None]

    @cached_property
    def runs(self) -> list[Run]:
        """The runs of the solver on all accepted problems."""
        return [self._run(*posed) for posed in self.admitted]

    def _run(self, problem: Problem, objective: Objective, params: Array) -> Run:
        states: list[Any] = []

        def watch(state: State) -> str:
            states.append(state)
            return ""

        first = self.solver.init(objective, params, self.plan)
        result = iterate(objective, self.solver, first, tol=TOL, max_iter=self.plan.horizon, watch=watch)
        if not np.isfinite(result.last.value):
            raise Failure(
                f"F became {result.last.value} at iteration {result.n_iter} of {problem}. (Likely mistake: a step that is too "
                "long or leads uphill, or objective.prox is left out without Need.SMOOTH_PENALTY.)"
            )
        return Run(self.solver, problem, objective, params, states, result.reason)


def check_refusals(trial: Trial) -> str:
    """The solver refuses objectives that do not meet its needs, with a message that names another solver."""
    for problem in PROBLEMS:
        objective, _ = trial.objective(problem)
        unmet, words = [need.name for need in trial.solver.needs if not need.met(objective)], trial.refusal(objective)
        demand(not unmet or words is not None, f"check accepts {problem}, which does not meet its needs {unmet}.")
        remedy = words is None or "use solver=" in words
        demand(remedy, f"check refuses {problem} with {words!r}: expected a sentence with 'use solver=...' in it.")
    demand(trial.admitted, "it refuses all problems. (Likely mistake: a need too many.)")
    return f"takes {len(trial.admitted)} of {len(PROBLEMS)} problems"


def check_init(trial: Trial) -> str:
    """The initial state has iteration 0 and a finite F no higher than at the initial params, which are not modified."""
    for problem, objective, params in trial.admitted:
        given = params.copy()
        state, start = trial.solver.init(objective, params, trial.plan), objective.value(objective.prox(params, 0.0))
        demand(np.array_equal(params, given), f"init writes on the params that it is given, with {problem}.")
        demand(isinstance(state, State), f"init returned a {type(state).__name__}: expected a State.")
        demand(state.iteration == 0, f"init returned iteration={state.iteration}: expected 0.")
        shape = np.shape(state.params)
        demand(shape == params.shape, f"init returned params of shape {shape}: expected {params.shape}.")
        value = objective.value(state.params)
        if not value <= start + 1e-9 * abs(start):
            raise Failure(
                f"F is {value:.8g} at the first state and {start:.8g} at the params that init is given, with {problem}. "
                "(Likely mistake: init does not begin at them, or a constraint needs objective.prox(params, 0.0).)"
            )
    return ""


def check_steps(trial: Trial) -> str:
    """A step counts one iteration and returns a new state; the old state is unchanged and leads to the same result again."""
    for problem, objective, params in trial.admitted:
        state = trial.solver.init(objective, params, trial.plan)
        for _ in range(4):
            if trial.solver.done(objective, state, TOL) or state.stalled:
                break
            before = {name: np.array(value) for name, value in vars(state).items() if isinstance(value, KEPT)}
            after = trial.solver.step(objective, state)
            demand(after is not state, f"step returned the state that it was given, with {problem}: expected a new one.")
            changed = [name for name in before if not np.array_equal(before[name], getattr(state, name), equal_nan=True)]
            demand(not changed, f"step writes on {', '.join(changed)} of the state that it is given, with {problem}.")
            count = after.iteration - state.iteration
            demand(count == 1, f"step adds {count} to iteration, with {problem}: expected 1.")
            again = np.array_equal(trial.solver.step(objective, state).params, after.params)
            demand(
                again, f"a second step from the same state leads elsewhere, with {problem}: all that it needs is in the state."
            )
            state = after
    return ""


def check_value(trial: Trial) -> str:
    """The value of a certified state is F at its params."""
    for run in trial.runs:
        for state in run.certified:
            value = run.objective.value(state.params)
            same = abs(state.value - value) <= 1e-9 * (abs(value) + abs(run.objective.reference.value))
            demand(
                same,
                f"the value is {state.value:.8g} at iteration {state.iteration} of {run.problem}: expected {value:.8g}. "
                "(Likely mistake: the penalty is missing, or it is the value of other params.)",
            )
    return ""


def check_certificate(trial: Trial) -> str:
    """For a smooth loss, the gradient and the optimality of a certified state are those at its params.

    An infinite optimality is not known yet. A solver for losses with kinks may certify by slopes nearby and the gap between
    them (`Objective.at_slopes`); both agree at the end.
    """
    exact = Need.SMOOTH_LOSS in trial.solver.needs
    for run in trial.runs:
        states = run.certified if exact else run.certified[-1:] if run.reason is Reason.CONVERGED else []
        for state in states:
            if not (run.objective.loss.smooth and np.isfinite(state.optimality)):
                continue
            point, here = run.objective.at(state.params), f"at iteration {state.iteration} of {run.problem}"
            slack, off = 1e-6 if exact else 1e-3, float(np.abs(state.gradient - point.gradient).max())
            close = off <= slack * run.objective.reference.slope_size
            demand(close, f"the gradient is off by {off:.3g} {here}: expected that of objective.at(params).")
            close = abs(state.optimality - point.optimality) <= slack * (1.0 + point.optimality)
            demand(close, f"the optimality is {state.optimality:.3g} {here}: expected {point.optimality:.3g}.")
    return ""


def check_descent(trial: Trial) -> str:
    """F is no higher at the end than at the beginning, except for a solver that certifies nothing."""
    for run in trial.runs:
        first, last = (run.objective.value(state.params) for state in (run.states[0], run.states[-1]))
        risen = run.states[-1].certified and not last <= first + 1e-9 * abs(first)
        demand(not risen, f"F rises from {first:.8g} to {last:.8g} on {run.problem}. (Likely mistake: a step up the gradient.)")
    return ""


def check_optimum(trial: Trial) -> str:
    """A solver that reports success on a convex problem is at its optimum, and it reports success on some problem."""
    runs = [run for run in trial.runs if run.states[-1].certified]
    if not runs:
        raise Skip("the solver certifies nothing")
    done = [run for run in runs if run.reason is Reason.CONVERGED]
    for run in done:
        value, n_iter = run.objective.value(run.states[-1].params), run.states[-1].iteration
        share = run.share(value - run.best)
        if run.objective.loss.convex and not share <= SHARE:
            raise Failure(
                f"it is done with {run.problem} after {n_iter} iterations, and leaves {share:.3g} of the gain: F is "
                f"{value:.10g}, and {run.best:.10g} at the optimum. (Likely mistake: done overlooks the optimality, or that is "
                "not the one of F.)"
            )
    worst = max(runs, key=lambda run: run.states[-1].optimality)
    demand(
        done,
        f"it is done with none of the problems: on {worst.problem} the optimality is {worst.states[-1].optimality:.3g} after "
        f"{worst.states[-1].iteration} iterations. (Likely mistake: a need is missing, or the step is too short.)",
    )
    return f"done with {len(done)} of {len(runs)} problems"


def check_resume(trial: Trial) -> str:
    """init continues from an exported state, and starts afresh if the state is that of another solver."""
    for run in trial.runs:
        foreign = State.at(run.objective.at(run.params), iteration=7)
        for last in (trial.solver.export(run.objective, run.states[-1]), foreign):
            state = trial.solver.init(run.objective, run.params, trial.plan, last)
            demand(np.isfinite(state.value), f"init from an exported state has value {state.value}, with {run.problem}.")
            demand(state.iteration == 0, f"init from an exported state returned iteration={state.iteration}: expected 0.")
    return ""


def check_parameters(trial: Trial) -> str:
    """The solver is not modified by a fit; everything that a fit remembers is in the states."""
    demand(trial.runs, "")
    now = vars(trial.solver)
    changed = [name for name in now if name not in trial.before or not same(now[name], trial.before[name])]
    demand(not changed, f"it writes on its own {', '.join(changed)}: expected that in the state.")
    return ""


def check_copies(trial: Trial) -> str:
    """clone and pickle reproduce the solver."""
    for name, again in copies(trial.solver):
        demand(same(again, trial.solver), f"{name} gives another solver.")
    return ""


CHECKS: dict[str, Callable[[Trial], str]] = checks_in(globals())


def check_solver(solver: Any, *, on_fail: str | None = None, random_state: int = 0) -> list[dict[str, Any]]:
    """Check that a solver satisfies the contract of `Solver`.

    The solver runs on a dozen small problems with smooth and kinked losses and with smooth and nonsmooth penalties, unless it
    refuses them. Its states are compared with the objective, and its final states with the optimum found by other solvers.

    Parameters
    ----------
    solver : Solver
        The solver object, as for ``solver=``.
    on_fail : {"raise", "warn"} or None, default=None
        Whether a failure also raises an error or a warning. If None, it only appears in the report.
    random_state : int, default=0
        Controls the data of the problems.

    Returns
    -------
    list of dict
        One dict per check, with keys "solver", "check_name", "status" ("passed", "failed" or "skipped") and "message": what
        was found, on which problem, and the likely mistake.

    Raises
    ------
    AssertionError
        At the first failure, with ``on_fail="raise"``.
    TypeError
        If `solver` is not a Solver object.

    See Also
    --------
    sklearn_gd.losses.check_loss : The counterpart for losses.
    sklearn_gd.penalties.check_penalty : The counterpart for penalties.

    References
    ----------
    J. More, B. Garbow and K. Hillstrom, Testing Unconstrained Optimization Software, 1981.

    Examples
    --------
    >>> from sklearn_gd.solvers import LBFGS, Reason, check_solver
    >>> class Hasty(LBFGS):
    ...     def done(self, objective, state, tol):
    ...         return Reason.CONVERGED if state.iteration == 2 else None
    >>> [r["check_name"] for r in check_solver(Hasty()) if r["status"] == "failed"]
    ['optimum']
    """
    if not isinstance(solver, Solver):
        raise TypeError(f"check_solver takes a Solver object; got {solver!r}.")
    solver.check_parameters()
    return report("solver", solver, CHECKS, Trial(solver, deepcopy(dict(vars(solver))), random_state), on_fail)
