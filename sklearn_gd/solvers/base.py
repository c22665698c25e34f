"""The contract of a solver: its states, its needs, and the reasons for stopping."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from ..arrays import EPS, Array
from ..objective.objective import Objective, Point
from ..parts import Part
from .fast.compiled import has_compiler

__all__ = ["FEW", "OFTEN", "Need", "Plan", "Reason", "Solver", "State", "StateType"]

# Enough rows for a first look.
FEW = 4096

# The number of rows in which a column must differ from its usual value for a subsample to determine its weight.
OFTEN = 20


class Reason(Enum):
    """Why a fit ended; the value is the text of ``stop_reason_``, unless there is more to report."""

    CONVERGED = "converged"
    SETTLED = "the mean loss settled"
    MAX_ITER = "max_iter reached"
    INNER_SPENT = "the inner solver did not end"
    STALLED = "no descent at working precision"
    NO_FINITE_OPTIMUM = "no finite optimum"
    NOT_FINITE = "the loss is not finite"
    DIVERGED = "diverged"
    EARLIER_LOWER = "an earlier iterate was lower"
    ABOVE_CONSTANT = "not below the loss of the best constant prediction"
    JUMPS = "the loss jumps from epoch to epoch"
    WRONG_DERIVATIVES = "wrong derivatives"
    ASKED = "a watcher asked for it"
    INTERRUPTED = "interrupted"

    @property
    def success(self) -> bool:
        """Whether a fit that ends for this reason has converged."""
        return self in (Reason.CONVERGED, Reason.SETTLED)


StateType = TypeVar("StateType", bound="State")


@dataclass
class State(Point):
    """The state of a solver: a point and what the next step needs; it can be saved and continued from.

    Attributes
    ----------
    iteration : int
        Number of steps taken so far.
    step : float
        The last step length or learning rate.
    decrement : float
        Predicted further decrease of F; 0 for a solver without curvature.
    stalled : Reason or None
        Why no further step is possible.
    needs_fallback : bool
        Whether the objective turned out to be unsuitable for the solver.
    certified : bool
        Whether the value, the gradient and the optimality are those at params; a stochastic solver does not know them. For a
        loss with kinks they may come from slopes nearby (`Objective.at_slopes`). An infinite optimality is not known yet.
    hint : str
        Advice for the warning.
    """

    iteration: int = 0
    step: float = 0.0
    decrement: float = 0.0
    stalled: Reason | None = None
    needs_fallback: bool = False
    certified: bool = True
    hint: str = ""

    @classmethod
    def at(cls, point: Point, **more: Any) -> Any:
        """Return the state at a point."""
        return cls(point.params, point.value, point.gradient, point.optimality, **more)

    def facts(self) -> dict[str, Any]:
        """Return the attributes that every state has, by name."""
        return {name: getattr(self, name) for name in FACTS}

    def but(self: StateType, **changes: Any) -> StateType:
        """Return a copy of the state with some attributes changed; a faster `dataclasses.replace`."""
        result: StateType = object.__new__(type(self))
        vars(result).update(vars(self))
        vars(result).update(changes)
        return result


FACTS = tuple(fact.name for fact in fields(State))


@dataclass(frozen=True)
class Plan:
    """What is known about a fit before its first step.

    Attributes
    ----------
    seed : int
        Random seed, for a solver that draws rows at random.
    horizon : float
        Number of iterations to come; infinite if unknown.
    max_iter : int or None
        The user's `max_iter`.
    warm : bool
        Whether the fit continues an earlier one.
    """

    seed: int = 0
    horizon: float = np.inf
    max_iter: int | None = None
    warm: bool = False


class Need(Enum):
    """A requirement of a solver on the objective: a test, and the message with a remedy if the test fails."""

    MINIMUM = (
        lambda f: not f.loss.online,
        "{loss} has its minimum where nothing is learned, and {solver} would go there: use solver=SGD().",
    )
    LINEAR = (
        lambda f: f.model.has_gram,
        "{solver} needs a linear model: for MLP use solver='auto', 'adam', another stochastic one, or 'lbfgs'.",
    )
    SMOOTH_LOSS = (lambda f: f.loss.smooth, "{loss} has kinks, and {solver} needs a smooth loss: use solver='auto'.")
    SMOOTH_PENALTY = (
        lambda f: f.penalty.smooth,
        "{prox!r} is not smooth, and {solver} needs a smooth penalty: use solver='auto' or penalty='l2'.",
    )
    ABSOLUTE_PENALTY = (
        lambda f: f.penalty.smooth or f.penalty.absolute,
        "{prox!r} is neither smooth nor L1, and {solver} needs such a penalty: use solver='auto' or penalty='l2'.",
    )
    KNOWN_KINKS = (
        lambda f: f.loss.has_lines,
        "{loss!r} is not convex with known kinks, which {solver} needs: use solver='auto'.",
    )
    PIECEWISE_LINEAR = (
        lambda f: f.loss.piecewise_linear,
        "{loss!r} is not convex and piecewise linear, which {solver} needs: use solver='auto'.",
    )
    CONCAVE_KINKS = (
        lambda f: not (f.loss.convex or f.loss.pieces.absent) and f.loss.pieces.convex_between,
        "{loss!r} is not convex between known kinks at which its slope falls, which {solver} needs: use solver='auto'.",
    )
    PROX_OF_LOSS = (
        lambda f: f.loss.has_prox,
        "{loss!r} is rowwise and has no prox, which {solver} needs: use solver='auto', or give its prox(y, v, step).",
    )
    CONVEX_IF_SMOOTH = (
        lambda f: f.loss.convex or not f.loss.smooth,
        "{loss!r} is not convex, and {solver} needs a convex loss: use solver='auto'.",
    )
    ISOTROPIC = (
        lambda f: f.penalty.isotropic,
        "{penalty!r} is not the same in all directions, which {solver} needs it to be: use solver='auto' or penalty='l2'.",
    )
    L2_PENALTY = (
        lambda f: f.penalty.isotropic and not f.penalty.absent,
        "{penalty!r} with alpha={alpha:g} is not an l2 penalty, which {solver} needs: use solver='auto'.",
    )
    SELECTING_PENALTY = (
        lambda f: f.penalty.selects and f.penalty.falls_apart,
        "{penalty!r} leaves no weight at exactly zero, which {solver} lives on: use solver='auto' or penalty='l1'.",
    )
    SCALAR_SLOPE = (
        lambda f: f.loss.piecewise_linear or f.loss.scalar_slope is not None,
        "{loss!r} is not piecewise linear and has no scalar_slope, which {solver} needs: use solver='auto'.",
    )
    IN_MEMORY = (
        lambda f: f.rows.in_memory,
        "The rows are not in memory, and {solver} holds all of them at once: use solver='auto'.",
    )
    COMPILER = (
        lambda f: has_compiler(),
        "{solver} needs numba: use solver='auto', or pip install 'sklearn-gd[fast]'.",
    )

    def __init__(self, met: Callable[[Objective], bool], sentence: str) -> None:
        self.met, self.sentence = met, sentence

    def complaint(self, solver: Any, objective: Objective) -> str:
        """Return the message of a solver with this requirement for an objective that does not meet it."""
        loss, penalty = _Shown(objective.loss), objective.penalty
        names = {"solver": type(solver).__name__, "loss": loss, "penalty": penalty.shape, "prox": penalty.prox_part}
        return self.sentence.format(**names, alpha=penalty.alpha)


class _Shown:
    """A loss in a message: its class name or, with !r, its repr."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss

    def __format__(self, spec: str) -> str:
        return type(self.loss).__name__

    def __repr__(self) -> str:
        return repr(self.loss)


NEEDS = frozenset({Need.MINIMUM, Need.LINEAR, Need.SMOOTH_LOSS, Need.SMOOTH_PENALTY})


class Solver(Part, ABC, Generic[StateType]):
    """Base class of solvers, which minimise an `Objective` step by step.

    A fit calls `init`, then `step` until `done`, then `choose` to select the state to keep, and `export` to let another fit
    continue from it.

    Attributes
    ----------
    needs : frozenset of Need
        Requirements on the objective.
    default_max_iter : float
        The meaning of ``max_iter=None``.
    centers : bool
        Whether the solver wants centred columns if the intercept can absorb the shift.
    second_order : bool
        Whether the solver uses curvature and so reaches an optimum to working precision.
    warms_up : bool
        Whether a warm start on a subsample pays off.
    takes_batches : bool
        Whether the solver can step on mini-batches, for ``partial_fit``.
    advice : str
        Advice if the iterations were too few and the state has no better hint.
    """

    needs: frozenset[Need] = NEEDS
    default_max_iter: ClassVar[float] = 1000
    centers: bool = True
    second_order: bool = False
    warms_up: bool = False
    takes_batches: bool = False
    advice: ClassVar[str] = "solver='auto', or a larger max_iter."

    def suits(self, objective: Objective) -> bool:
        """Tell whether this solver can minimise the objective."""
        return all(need.met(objective) for need in Need if need in self.needs)

    def check(self, objective: Objective) -> None:
        """Raise ValueError if this solver cannot minimise the objective; the message names a solver that can."""
        for need in Need:
            if need in self.needs and not need.met(objective):
                raise ValueError(need.complaint(self, objective))

    @abstractmethod
    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> StateType:
        """Return the initial state at params or, if possible, one that continues from the exported state of another fit."""

    @abstractmethod
    def step(self, objective: Objective, state: StateType) -> StateType:
        """Return the state after one iteration."""

    def done(self, objective: Objective, state: StateType, tol: float) -> Reason | None:
        """Return the reason to stop if the state is good enough, else None."""
        tol = max(tol, objective.loss.precision)
        eps = float(np.finfo(objective.rows.dtype).eps)
        small = max((0.1 * tol) ** 2, eps if objective.rows.dtype == np.float32 else 0.0)
        # A decrement computed from a gradient of rounding noise is noise as well.
        settled = state.decrement <= small * objective.reference.gain(state.value) or state.optimality <= 16 * eps
        return Reason.CONVERGED if state.optimality <= tol and settled else None

    def choose(self, objective: Objective, best: StateType, last: StateType, reason: Reason) -> tuple[StateType, Reason]:
        """Choose between the iterate of lowest value and the last one; return it and the reason why the fit ended."""
        if best is last or not reason.success:
            return best, reason
        # Only the last state was found good enough; if the loss is not convex, F may have been lower before.
        if objective.loss.convex or last.value <= best.value + 1e-9 * objective.reference.gain(best.value):
            return last, reason
        return best, Reason.EARLIER_LOWER

    def least_norm(self, objective: Objective, params: Array) -> Array:
        """Return the minimum-norm params if there are many minimisers, as far as they are cheap to determine."""
        if not (objective.loss.shift_invariant and objective.model.has_gram):
            return params
        model = objective.linear
        matrix = params.reshape(model.n_inputs, model.n_raw).copy()
        undetermined = slice(None) if objective.penalty.absent else slice(model.n_features, None)
        matrix[undetermined] -= matrix[undetermined].mean(axis=1, keepdims=True)
        return matrix.ravel()

    def final(self, objective: Objective, state: StateType) -> StateType:
        """Return the state at the minimum-norm params, unless F is higher there."""
        params = self.least_norm(objective, state.params)
        if params is state.params:
            return state
        moved = float(np.abs(params - state.params).max(initial=0.0))
        if moved <= 64 * EPS * float(np.abs(params).max(initial=0.0)):
            return state.but(params=params)
        value = objective.value(params)
        noise = 64 * float(np.finfo(objective.rows.dtype).eps) * max(abs(state.value), abs(objective.reference.value))
        return state.but(params=params, value=value) if value <= state.value + noise else state

    def export(self, objective: Objective, state: StateType) -> State | None:
        """Return the state from which another fit can continue, in original coordinates; None if the params suffice."""
        return None

    def at_work(self, state: StateType) -> Solver[Any]:
        """Return the solver that produced a state: itself, unless it delegates."""
        return self

    def for_stream(self, objective: Objective) -> Solver[Any]:
        """Return the solver to use for ``partial_fit``, if this one `takes_batches`."""
        raise NotImplementedError(f"{type(self).__name__} takes no mini-batches: use a stochastic solver, such as SGD().")
