"""The contract of a solver: where it stands, what it needs, why it ends."""

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

__all__ = ["FEW", "OFTEN", "Need", "Plan", "Reason", "Solver", "State", "StateType"]

# Rows enough for a first look.
FEW = 4096

# Rows in which a column must differ from its usual value for a sample to tell its weight.
OFTEN = 20


class Reason(Enum):
    """Why a fit ends; the value is what ``stop_reason_`` says, unless there is more to tell."""

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
        """Whether a fit that ends so has converged."""
        return self in (Reason.CONVERGED, Reason.SETTLED)


StateType = TypeVar("StateType", bound="State")


@dataclass
class State(Point):
    """Where a solver stands: a point, and what the next step needs; a value, to be saved and continued.

    Attributes
    ----------
    iteration : int
        How many steps led here.
    step : float
        The last step length, or learning rate.
    decrement : float
        How much lower F is predicted to fall; 0 for a solver without curvature.
    stalled : Reason or None
        Why no step is possible any more.
    needs_fallback : bool
        Whether the objective proved to be of a kind that the solver is not made for.
    certified : bool
        Whether the value, the gradient and the optimality are those at params; a stochastic solver does not know them. For a
        loss with kinks they may come from slopes nearby (`Objective.at_slopes`). An infinite optimality is not known yet.
    hint : str
        What would help, for the warning.
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
        """Return what every state has, by name."""
        return {name: getattr(self, name) for name in FACTS}

    def but(self: StateType, **changes: Any) -> StateType:
        """Return the same state with other values of some attributes: `dataclasses.replace`, only faster."""
        result: StateType = object.__new__(type(self))
        vars(result).update(vars(self))
        vars(result).update(changes)
        return result


FACTS = tuple(fact.name for fact in fields(State))


@dataclass(frozen=True)
class Plan:
    """What is known of a fit before its first step.

    Attributes
    ----------
    seed : int
        For a solver that draws rows at random.
    horizon : float
        How many iterations are to come; infinite if unknown.
    max_iter : int or None
        How many the user allows.
    warm : bool
        Whether it goes on from an earlier fit.
    """

    seed: int = 0
    horizon: float = np.inf
    max_iter: int | None = None
    warm: bool = False


class Need(Enum):
    """What a solver needs of an objective: a test, and what to say where it fails, with a remedy."""

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
    IN_MEMORY = (
        lambda f: f.rows.in_memory,
        "The rows are not in memory, and {solver} holds all of them at once: use solver='auto'.",
    )

    def __init__(self, met: Callable[[Objective], bool], sentence: str) -> None:
        self.met, self.sentence = met, sentence

    def complaint(self, solver: Any, objective: Objective) -> str:
        """Return what a solver that needs this says of an objective without it."""
        loss, penalty = _Shown(objective.loss), objective.penalty
        names = {"solver": type(solver).__name__, "loss": loss, "penalty": penalty.shape, "prox": penalty.prox_part}
        return self.sentence.format(**names, alpha=penalty.alpha)


class _Shown:
    """A loss in a sentence: its class, or with !r its parameters."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss

    def __format__(self, spec: str) -> str:
        return type(self.loss).__name__

    def __repr__(self) -> str:
        return repr(self.loss)


NEEDS = frozenset({Need.MINIMUM, Need.LINEAR, Need.SMOOTH_LOSS, Need.SMOOTH_PENALTY})


class Solver(Part, ABC, Generic[StateType]):
    """A way to minimise an `Objective`: `init`, `step` until `done`, then `choose` what to keep; `export` it for another fit.

    Attributes
    ----------
    needs : frozenset of Need
        What it needs of an objective.
    default_max_iter : float
        What ``max_iter=None`` means.
    centers : bool
        Whether it wants the columns centred where the intercept can absorb the shift.
    second_order : bool
        Whether it holds curvature, and so reaches an optimum to working precision.
    warms_up : bool
        Whether a coarse solution for some of the rows is a start worth its time.
    takes_batches : bool
        Whether it can step on mini-batches, for ``partial_fit``.
    advice : str
        What would help where iterations were too few, if the state has no better hint.
    """

    needs: frozenset[Need] = NEEDS
    default_max_iter: ClassVar[float] = 1000
    centers: bool = True
    second_order: bool = False
    warms_up: bool = False
    takes_batches: bool = False
    advice: ClassVar[str] = "solver='auto', or a larger max_iter."

    def check(self, objective: Objective) -> None:
        """Raise ValueError, naming a solver that can, when this one cannot minimise the objective."""
        for need in Need:
            if need in self.needs and not need.met(objective):
                raise ValueError(need.complaint(self, objective))

    @abstractmethod
    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> StateType:
        """Return the state at the first params; or one that goes on from what another fit has exported, if it can."""

    @abstractmethod
    def step(self, objective: Objective, state: StateType) -> StateType:
        """Return the state one iteration later."""

    def done(self, objective: Objective, state: StateType, tol: float) -> Reason | None:
        """Return why the state is good enough, if it is."""
        tol = max(tol, objective.loss.precision)
        eps = float(np.finfo(objective.rows.dtype).eps)
        small = (0.1 * tol) ** 2 if objective.rows.dtype == np.float64 else eps
        # A decrement that comes from a gradient of rounding noise is noise.
        settled = state.decrement <= small * objective.reference.gain(state.value) or state.optimality <= 16 * eps
        return Reason.CONVERGED if state.optimality <= tol and settled else None

    def choose(self, objective: Objective, best: StateType, last: StateType, reason: Reason) -> tuple[StateType, Reason]:
        """Choose between the iterate of lowest value and the last one; return why the fit ended, in the light of it."""
        if best is last or not reason.success:
            return best, reason
        # Only the last one was found good enough; F may have been lower before, where the loss is not convex.
        if objective.loss.convex or last.value <= best.value + 1e-9 * objective.reference.gain(best.value):
            return last, reason
        return best, Reason.EARLIER_LOWER

    def least_norm(self, objective: Objective, params: Array) -> Array:
        """Return the params of least norm where minimisers are many, as far as that is cheap to tell."""
        if not (objective.loss.shift_invariant and objective.model.has_gram):
            return params
        model = objective.linear
        matrix = params.reshape(model.n_inputs, model.n_raw).copy()
        undetermined = slice(None) if objective.penalty.absent else slice(model.n_features, None)
        matrix[undetermined] -= matrix[undetermined].mean(axis=1, keepdims=True)
        return matrix.ravel()

    def final(self, objective: Objective, state: StateType) -> StateType:
        """Return the state at the params of least norm, unless F is higher there."""
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
        """Return what another fit can go on from, in original coordinates; None if the parameters suffice."""
        return None

    def at_work(self, state: StateType) -> Solver[Any]:
        """Return the solver whose step led to a state: itself, unless it delegates."""
        return self

    def for_stream(self, objective: Objective) -> Solver[Any]:
        """Return the solver of rows that come a few at a time, for one that `takes_batches`."""
        raise NotImplementedError(f"{type(self).__name__} takes no mini-batches: use a stochastic solver, such as SGD().")
