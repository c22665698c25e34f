"""The loop over the steps of a solver, and the test for objectives without a finite optimum."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective
from .base import FEW, OFTEN, Plan, Reason, Solver, State

__all__ = ["Move", "Result", "iterate", "minimize", "solve", "warm_up_on_sample", "without_optimum"]

Move = tuple[Array, Array]

# A negative log-likelihood of all labels together below this is possible only if they are separable.
CERTAIN = 1e-3


@dataclass
class Result:
    """The result of the loop.

    Attributes
    ----------
    state, last : State
        The state to keep, and the last one.
    reason : Reason
        Why the loop ended.
    text : str
        The text of ``stop_reason_``.
    curve : list of float
        F after each iteration.
    moves : sequence of (params, direction)
        The last moves.
    interrupt : KeyboardInterrupt or None
    """

    state: State
    last: State
    reason: Reason
    text: str = ""
    curve: list[float] = field(default_factory=list)
    moves: Sequence[Move] = ()
    interrupt: KeyboardInterrupt | None = None

    @property
    def n_iter(self) -> int:
        """Number of iterations."""
        return self.last.iteration

    @property
    def converged(self) -> bool:
        """Whether the state is good enough."""
        return self.reason.success


def iterate(
    objective: Objective,
    solver: Solver[Any],
    state: State,
    *,
    tol: float,
    max_iter: float,
    watch: Callable[[State], str] = lambda state: "",
) -> Result:
    """Step from a state until the solver is done or the iterations are used up.

    The best iterate is kept. `watch` is called with every state and may return a reason to stop. A value that is not finite
    ends the loop, and so does Ctrl-C, which is stored in the result.
    """

    def ended(state: State) -> tuple[Reason | None, str]:
        asked = watch(state)
        if asked:
            return Reason.ASKED, asked
        spent = Reason.MAX_ITER if state.iteration >= max_iter else None
        return solver.done(objective, state, tol) or state.stalled or spent, ""

    best, interrupt = state, None
    moves: deque[Move] = deque(maxlen=12)  # the very last ones may be rounding
    curve: list[float] = []
    rounding = 64 * float(np.finfo(objective.rows.dtype).eps)
    reason, text = ended(state) if np.isfinite(state.value) else (Reason.NOT_FINITE, "")
    try:
        while reason is None:
            previous, state = state, solver.step(objective, state)
            moves.append((previous.params, state.params - previous.params))
            if not np.isfinite(state.value):
                best.hint, reason = state.hint, Reason.NOT_FINITE
                text = f"the loss {objective.loss.name} became {state.value} at iteration {state.iteration}"
                break
            curve.append(state.value)
            # Within the rounding of F the later iterate is the better one.
            if state.value <= best.value + rounding * abs(best.value):
                best = state
            best.hint = state.hint
            reason, text = ended(state)
    except KeyboardInterrupt as error:
        reason, interrupt = Reason.INTERRUPTED, error
    assert reason is not None
    kept, reason = solver.choose(objective, best, state, reason)
    return Result(kept, state, reason, text, curve or [best.value], moves, interrupt)


def minimize(
    objective: Objective, solver: Solver[Any], state: State, *, tol: float, max_iter: float, watch: Callable[[State], str]
) -> Result:
    """Return the result of `iterate`, after a test for problems without a finite optimum.

    Raises
    ------
    ValueError
        If F is not finite at the start.
    """
    if not np.isfinite(state.value):
        raise ValueError(f"The loss {objective.loss.name} gave {state.value} at iteration 0: expected a finite number.")
    result = iterate(objective, solver, state, tol=tol, max_iter=max_iter, watch=watch)
    # For a loss that is not convex, a stationary point is all that can be expected, but of a likelihood.
    proper = objective.loss.convex or objective.loss.likelihood is not None
    free = proper and objective.penalty_value(result.state.params) == 0
    doubtful = result.state.certified and result.reason not in (Reason.INTERRUPTED, Reason.ASKED)
    if doubtful and (free or not result.converged) and without_optimum(objective, result.state.params, result.moves):
        result.reason = Reason.NO_FINITE_OPTIMUM
    return result


def solve(objective: Objective, solver: Solver[Any], params: Array, *, tol: float, max_iter: float | None = None) -> Result:
    """Return the result of `iterate` for an inner problem; Ctrl-C is passed on to the outer one."""
    budget = solver.default_max_iter if max_iter is None else max_iter
    result = iterate(objective, solver, solver.init(objective, params, Plan()), tol=tol, max_iter=budget)
    if result.interrupt:
        raise result.interrupt
    return result


def warm_up_on_sample(objective: Objective, solver: Solver[Any], params: Array) -> State | None:
    """Return the state at a coarse solution for a subsample of the rows; None if it is not a better start.

    A subsample is not representative if a column is nearly constant, such as a rare one-hot level: its weight would depend on a
    handful of rows.
    """
    size = max(objective.rows.n_samples // 16, FEW // 2, 20 * objective.size)
    if 2 * size >= objective.rows.n_samples:
        return None
    few = objective.rows.sample(size).copied()
    if few.rarest < OFTEN:
        return None
    result = solve(objective.over(few), solver, params, tol=1e-2, max_iter=8)
    state: State = solver.init(objective, result.state.params, Plan())
    return state if state.value < objective.reference.value else None


def without_optimum(objective: Objective, params: Array, moves: Sequence[Move]) -> bool:
    """Tell whether F keeps decreasing along the params themselves or along a late move.

    This happens if all or some classes are separable. A loss that becomes exactly zero a little further has its optimum there.
    """
    labels = objective.loss.likelihood is not None and objective.loss.task == "classification"
    if labels and objective.rows.n_samples * objective.value(params) < CERTAIN:
        return True  # each label has more than half the probability, and all of it further out
    falls = any(_falls_for_ever(objective, start, direction) for start, direction in [(params, params), *moves])
    return falls and not any(objective.value(scale * params) == 0.0 for scale in (1.0, 1.001, 2.0))


def _falls_for_ever(objective: Objective, params: Array, direction: Array) -> bool:
    """Tell whether F decreases along a direction, even far out.

    In most cases a few rows with increasing loss show that it does not. A piecewise-linear function that no longer decreases
    has reached its minimum.
    """
    for some in (objective.sample(FEW), objective):
        line = some.along(params, direction)
        here, double, far = (line(t)[0] + some.nonsmooth_value(params + t * direction) for t in (0.0, 1.0, 2.0**20))
        if not (far < double if objective.loss.piecewise_linear else far <= double):
            return False
    return bool(double < here - 8 * float(np.finfo(objective.rows.dtype).eps) * abs(here))
