"""The contract of a solver, the one loop over its steps, and the search along a line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from ..arrays import EPS, Array
from ..parts import Part

if TYPE_CHECKING:
    from ..objective.objective import Objective

__all__ = [
    "Plan",
    "Result",
    "Solver",
    "State",
    "descend",
    "finished",
    "iterate",
    "minimize",
    "nested",
    "rehearsed",
    "search_line",
]


# Rows enough for a first look.
FEW = 4096

# Rows in which a column must differ from its usual value for a sample to tell its weight.
OFTEN = 20


@dataclass
class State:
    """Where a solver stands: a value, to be saved and continued.

    Attributes
    ----------
    params : ndarray, flat
    value : float
        F at params.
    gradient : ndarray, flat
        The gradient of F's smooth part.
    optimality : float
        The certificate (`Objective.optimality`).
    iteration : int
        How many steps led here.
    step : float
        The last step length, or learning rate.
    decrement : float
        How much lower F is predicted to fall; 0 for a solver without curvature.
    stalled : str
        Why no step is possible any more; empty while one is.
    hint : str
        What would help, for the warning.
    """

    params: Array
    value: float
    gradient: Array
    optimality: float
    iteration: int = 0
    step: float = 0.0
    decrement: float = 0.0
    stalled: str = ""
    hint: str = ""


@dataclass
class Result:
    """What `minimize` returns: the best state, how it ended, `asked` when somebody wanted it to, and the last state."""

    state: State
    n_iter: int
    reason: str
    converged: bool
    asked: bool = False
    curve: list[float] = field(default_factory=list)
    interrupt: KeyboardInterrupt | None = None
    moves: Sequence[tuple[Array, Array]] = ()
    last: State | None = None


@dataclass(frozen=True)
class Plan:
    """What a solver that draws rows at random needs to know of a fit: a seed, and how many epochs are to come."""

    seed: int = 0
    horizon: float = np.inf


StateType = TypeVar("StateType", bound=State)


class Solver(Part, ABC, Generic[StateType]):
    """A way to minimise an `Objective`.

    Attributes
    ----------
    default_max_iter : int
        What ``max_iter=None`` means.
    centers : bool
        Whether it wants the columns centred where the intercept can absorb the shift.
    takes_kinked_loss, takes_prox : bool
        Whether it can do a loss that is not smooth, and a penalty that is not.
    second_order : bool
        Whether it holds curvature, and so reaches an optimum to working precision.
    takes_online : bool
        Whether its path means something for a loss whose minimum does not (`Loss.online`).
    takes_networks : bool
        Whether it can do a model that is not linear.
    certifies : bool
        Whether it ends by the certificate, step by step; a stochastic one ends when the mean loss falls no more.
    success : str
        Why a fit ends that has converged.
    """

    default_max_iter: ClassVar[int] = 1000
    centers: bool = True
    takes_kinked_loss: bool = False
    takes_prox: bool = False
    second_order: bool = False
    certifies: bool = True
    takes_online: bool = False
    takes_networks: bool = False
    success: ClassVar[str] = "converged"

    def verdict(self, objective: Objective, state: StateType, tol: float) -> str:
        """Return `success` when the state is good enough, or an empty string."""
        tol = max(tol, objective.loss.precision)
        eps = float(np.finfo(objective.data.dtype).eps)
        small = (0.1 * tol) ** 2 if objective.data.dtype == np.float64 else eps
        # A decrement that comes from a gradient of rounding noise is noise.
        settled = state.decrement <= small * objective.gain(state.value) or state.optimality <= 16 * eps
        return self.success if state.optimality <= tol and settled else ""

    def check(self, objective: Objective) -> None:
        """Raise ValueError, naming a solver that can, when this one cannot minimise the objective."""
        name, loss = type(self).__name__, type(objective.loss).__name__
        if objective.loss.online and not self.takes_online:
            raise ValueError(f"{loss} has its minimum where nothing is learned, and {name} would go there: use solver=SGD().")
        if not (objective.model.linear or self.takes_networks):
            raise ValueError(
                f"{name} needs a linear model: for MLP use solver='auto', 'adam', another stochastic one, or 'lbfgs'."
            )
        if not (objective.model.linear or objective.separable):
            raise ValueError(
                f"{objective.penalty!r} couples the weights of features, and MLP needs one that does not: use 'l1'."
            )
        if not objective.loss.smooth and not self.takes_kinked_loss:
            raise ValueError(f"{loss} has kinks, and {name} needs a smooth loss: use solver='auto'.")
        if not objective.prox_penalty.absent and not self.takes_prox:
            raise ValueError(
                f"{objective.prox_penalty!r} is not smooth, and {name} needs a smooth penalty: use solver='auto' or "
                "penalty='l2'."
            )

    @abstractmethod
    def init(self, objective: Objective, params: Array) -> StateType:
        """Return the state at the first params."""

    @abstractmethod
    def step(self, objective: Objective, state: StateType) -> StateType:
        """Return the state one iteration later."""

    def begin(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> Array | State:
        """Return where the loop begins: from params, or from what another fit has `kept`."""
        return params

    def kept(self, objective: Objective, state: StateType) -> State | None:
        """Return what another fit can go on from, in terms of coef_ and intercept_ themselves; None if params are all."""
        return None

    def struggles(self, state: StateType) -> bool:
        """Tell whether the objective proved to be of a kind that this solver is not made for."""
        return False

    def settled(self, objective: Objective, best: StateType, last: StateType, reason: str) -> tuple[StateType, str]:
        """Return the state to keep, of the best one by its value, and the last; and why the fit ended, in the light of it."""
        if best is last or reason != self.success:
            return best, reason
        # Only the last one was found good enough; F may have been lower before, where the loss is not convex.
        if objective.loss.convex or last.value <= best.value + 1e-9 * objective.gain(best.value):
            return last, reason
        return best, "an earlier iterate was lower"

    def finish(self, objective: Objective, params: Array) -> Array:
        """Return the params to keep: where minimisers are many, the one of least norm, as far as that is cheap to tell."""
        if not (objective.loss.shift_invariant and objective.model.linear):
            return params
        model = objective.model
        matrix = params.reshape(model.n_rows, model.n_raw).copy()
        undetermined = slice(None) if objective.unpenalised else slice(model.n_features, None)
        matrix[undetermined] -= matrix[undetermined].mean(axis=1, keepdims=True)
        return matrix.ravel()


def iterate(
    objective: Objective,
    solver: Solver[Any],
    start: Array | State,
    *,
    tol: float,
    max_iter: int,
    watch: Callable[[State], str] = lambda state: "",
) -> Result:
    """Step from params, or from a state, until the certificate is below `tol`, or the iterations are spent: the one loop.

    The best iterate is kept. `watch` sees every state, and may return why to stop. A value that is not finite ends the loop, as
    does Ctrl-C, which the result carries on.

    Raises
    ------
    ValueError
        When F is not finite at the start.
    """
    state = start if isinstance(start, State) else solver.init(objective, start)
    if not np.isfinite(state.value):
        raise ValueError(f"The loss {objective.loss.name} gave {state.value} at iteration 0: expected a finite number.")
    best, interrupt = state, None
    moves: deque[tuple[Array, Array]] = deque(maxlen=12)  # the very last ones may be rounding
    curve: list[float] = []
    rounding = 64 * float(np.finfo(objective.data.dtype).eps)
    asked = watch(state)
    reason = asked or _verdict(objective, solver, state, tol, max_iter)
    try:
        while not reason:
            previous, state = state, solver.step(objective, state)
            moves.append((previous.params, state.params - previous.params))
            if not np.isfinite(state.value):
                reason = f"the loss {objective.loss.name} became {state.value} at iteration {state.iteration}"
                best.hint = state.hint
                break
            curve.append(state.value)
            # Within the rounding of F the later iterate is the better one.
            if state.value <= best.value + rounding * abs(best.value):
                best = state
            best.hint = state.hint
            asked = watch(state)
            reason = asked or _verdict(objective, solver, state, tol, max_iter)
    except KeyboardInterrupt as error:
        reason, interrupt = "interrupted", error
    best, reason = solver.settled(objective, best, state, reason)
    converged = reason == solver.success
    return Result(best, state.iteration, reason, converged, bool(asked), curve or [best.value], interrupt, moves, state)


def nested(objective: Objective, solver: Solver[Any], start: Array | State, *, tol: float, max_iter: int) -> Result:
    """Return what `iterate` does of a problem within another, and let Ctrl-C go on to the outer one."""
    result = iterate(objective, solver, start, tol=tol, max_iter=max_iter)
    if result.interrupt:
        raise result.interrupt
    return result


def finished(objective: Objective, solver: Solver[Any], state: State) -> State:
    """Return the state at the params that `Solver.finish` makes of its own, unless F is higher there."""
    params = solver.finish(objective, state.params)
    moved = float(np.abs(params - state.params).max(initial=0.0))
    if moved <= 64 * EPS * float(np.abs(params).max(initial=0.0)):
        return replace(state, params=params)
    value = objective.value(params)
    noise = 64 * float(np.finfo(objective.data.dtype).eps) * max(abs(state.value), abs(objective.reference_value))
    return replace(state, params=params, value=value) if value <= state.value + noise else state


def minimize(objective: Objective, solver: Solver[Any], start: Array | State, **settings: Any) -> Result:
    """Return what `iterate` does, with the same settings, told apart from where there is no finite optimum."""
    result = iterate(objective, solver, start, **settings)
    doubtful = objective.price(result.state.params) == 0 or not result.converged
    doubtful = doubtful and solver.certifies and not (result.interrupt or result.asked)
    if doubtful and _without_optimum(objective, result.state.params, result.moves):
        result.converged, result.reason = False, "no finite optimum"
    return result


def rehearsed(objective: Objective, solver: Solver[Any], params: Array) -> Array | State:
    """Return a better start: at a coarse solution for a few of the rows, where they are enough to tell what all will say.

    They are not where a column is nearly constant, as one-hot levels that are rare: its weight would follow a handful of rows.
    """
    size = max(objective.data.n_rows // 16, FEW // 2, 20 * objective.size)
    few = objective.sample(size)
    if few is objective:
        return params
    few = few.copied()
    if few.data.X.rarest < OFTEN:
        return params
    result = nested(few, solver, params, tol=1e-2, max_iter=8)
    state: State = solver.init(objective, result.state.params)
    return state if state.value < objective.reference_value else params


def _verdict(objective: Objective, solver: Solver[Any], state: State, tol: float, max_iter: int) -> str:
    """Return why to stop now, or an empty string."""
    return solver.verdict(objective, state, tol) or state.stalled or ("max_iter reached" if state.iteration >= max_iter else "")


def _without_optimum(objective: Objective, params: Array, moves: Sequence[tuple[Array, Array]]) -> bool:
    """Tell whether F goes on falling along the params themselves, or along a late move.

    So it does for classes that are separable, all of them or some. A loss that is exactly zero a little further has its optimum
    there.
    """
    ways = [(params, params), *moves]
    falls = any(_falls_for_ever(objective, start, way) for start, way in ways)
    return falls and not any(objective.value(scale * params) == 0.0 for scale in (1.0, 1.001, 2.0))


def _falls_for_ever(objective: Objective, params: Array, way: Array) -> bool:
    """Tell whether F falls on the way, and at its far end. Most often a few rows, whose loss grows, tell that it does not.

    A piecewise-linear function that falls no more has reached its minimum.
    """
    for some in (objective.sample(FEW), objective):
        line = some.along(params, way)
        here, double, far = (line(t)[0] + some.rest(params + t * way) for t in (0.0, 1.0, 2.0**20))
        if not (far < double if objective.loss.straight else far <= double):
            return False
    return bool(double < here - 8 * float(np.finfo(objective.data.dtype).eps) * abs(here))


def descend(objective: Objective, state: State, direction: Array, steepness: float) -> tuple[float, Array, float, Array] | None:
    """Return the step t along a direction, and there the params, F's smooth part and its gradient; None if there is none.

    The whole step is tried by a whole gradient, which is kept where it serves: one pass over the data. Only otherwise a line is
    searched.
    """
    slope = float(state.gradient @ direction)
    if not slope < 0:
        return None
    params = state.params + direction
    value, gradient = objective.value_and_gradient(params)
    if _serves(state.value, slope, 1.0, value, float(gradient @ direction), steepness):
        return 1.0, params, value, gradient
    t = search_line(objective.along(state.params, direction), state.value, slope, 1.0, steepness)
    if t == 0.0:
        return None
    if t != 1.0:
        params = state.params + t * direction
        value, gradient = objective.value_and_gradient(params)
    return t, params, value, gradient


def _falls(value: float, slope: float, t: float, trial: float, trial_slope: float) -> bool:
    """Tell whether F falls enough from 0 to t; where differences of F are lost in rounding, its slope decides."""
    if not (np.isfinite(trial) and np.isfinite(trial_slope)):
        return False
    noise = 64 * EPS * abs(value)
    return trial <= value + 1e-4 * t * slope or (abs(trial - value) <= noise and trial_slope <= 0.9998 * -slope)


def _serves(value: float, slope: float, t: float, trial: float, trial_slope: float, steepness: float) -> bool:
    return _falls(value, slope, t, trial, trial_slope) and abs(trial_slope) <= -steepness * slope


def search_line(
    line: Callable[[float], tuple[float, float]], value: float, slope: float, first: float, steepness: float
) -> float:
    """Return a step t > 0 with F(t) below F(0) and a slope of at most steepness times that at 0; 0 if there is none.

    The slope is bracketed and its zero sought by the secant. Where differences of F are lost in rounding, its slope decides.

    References
    ----------
    W. Hager and H. Zhang, A New Conjugate Gradient Method with Guaranteed Descent and an Efficient Line Search, 2005
    (the approximate Wolfe conditions).
    """
    low, slope_low, high, slope_high = 0.0, slope, np.inf, np.inf
    t, best, best_value = first, 0.0, value
    for _ in range(40):
        trial, trial_slope = line(t)
        if _serves(value, slope, t, trial, trial_slope, steepness):
            return t
        falls = _falls(value, slope, t, trial, trial_slope)
        if falls and trial < best_value:
            best, best_value = t, trial
        if not (np.isfinite(trial) and np.isfinite(trial_slope)):
            trial_slope = np.inf
        if falls and trial_slope < 0:
            low, slope_low = t, trial_slope
        else:
            # The same end moves again and again where the slope bends: then the other end counts less (the Illinois rule).
            high, slope_high, slope_low = t, trial_slope, 0.5 * slope_low
        if not np.isfinite(high):
            # Far from the zero of the slope: extrapolate it, by a factor of 2 to 10.
            guess = slope / (slope - slope_low) * t if slope_low > slope else np.inf
            t = float(np.clip(guess, 2.0 * t, 10.0 * t))
            continue
        width = high - low
        if width <= 1e-15 * high:
            break
        guess = low + width * slope_low / (slope_low - slope_high) if 0 < slope_high < np.inf else low + 0.2 * width
        t = float(np.clip(guess, low + 0.1 * width, high - 0.1 * width))
    return best
