"""Steps on mini-batches: the epoch that all stochastic rules share."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..losses.numeric import Array
from ..schedules import get_schedule
from .base import Solver, State
from .pace import Pace

if TYPE_CHECKING:
    from ..data import Block
    from ..objective import Objective

__all__ = ["Stochastic", "StochasticState"]

# Epochs without an improvement that end a fit.
PATIENCE = 5

Moments = tuple[Array, ...]


@dataclass(kw_only=True)
class StochasticState(State):
    """A state with the point that steps go on from, and what the rule and the learning rate remember.

    Attributes
    ----------
    point : ndarray, flat
        The last iterate; params is it, or the average.
    moments : tuple of ndarray
        What the rule remembers.
    scale : ndarray, flat
        The unit of each parameter.
    pace : Pace or None
        The automatic learning rate.
    clock : int
        The number of mini-batches.
    rows, weight : float
        How many rows were seen, and the sum of their weights times mass.
    share : float
        What the learning rate was cut to.
    rises : int
        Epochs in a row in which the mean loss did not fall.
    least, since : float, int
        The lowest mean loss of an epoch, and the epochs without one that is lower by tol.
    anchor : ndarray, flat
        The point after the best epoch, to return to when an epoch leads far away.
    """

    point: Array
    moments: Moments
    scale: Array
    pace: Pace | None
    clock: int = 0
    rows: float = 0.0
    weight: float = 0.0
    share: float = 1.0
    rises: int = 0
    least: float = np.inf
    since: int = 0
    anchor: Array


class Stochastic(Solver[StochasticState]):
    r"""A rule for steps on mini-batches.

    .. math:: params \leftarrow prox(params - \eta_t \, scale \cdot direction_t)

    Each epoch reads all rows in a new random order, in mini-batches of equal size. The gradient of a mini-batch is divided by
    its number of rows times the mean weight of all rows, and so is unbiased. The prox of a penalty with kinks follows in the
    metric of the step, so that its zeros are exact.

    A fit ends when the mean loss over an epoch, taken as the steps go, has not fallen below its lowest value by `tol` times
    F0 for five epochs.

    Subclass it with `direction`, and with `memory`, the number of arrays that a rule remembers.
    """

    default_max_iter = 100
    takes_kinked_loss = True
    takes_prox = True
    certifies = False
    memory: ClassVar[int] = 0
    decays: ClassVar[bool] = False  # whether the direction shrinks with the steps by itself
    ranges = {
        "learning_rate": (
            "'auto', a number > 0, the name of a schedule, a Schedule, or a function of the step number",
            lambda value: bool(get_schedule(value)),
        ),
        "batch_size": ("'auto' or an integer >= 1", lambda value: value == "auto" or (value >= 1 and int(value) == value)),
        "average": ("True or False", lambda value: value in (True, False)),
    }

    learning_rate: Any
    batch_size: Any
    average: bool

    @abstractmethod
    def direction(self, gradient: Array, moments: Moments, t: int) -> tuple[Array, Array | None, Moments]:
        """Return the direction for a learning rate of one, its metric, and the new moments; t counts from 1.

        The metric is what the gradient was multiplied by, entry by entry; None where that is one.
        """

    @property
    def automatic(self) -> bool:
        """Whether the learning rate is chosen here."""
        return get_schedule(self.learning_rate).automatic

    @property
    def centers(self) -> bool:  # type: ignore[override]
        return self.automatic

    def init(self, objective: Objective, params: Array) -> StochasticState:
        params = objective.prox(params, 0.0)
        value = objective.value(params)
        scale, pace = np.ones_like(params), None
        if self.automatic:
            scale = np.sqrt(1.0 / objective.diagonal(params))
            if not objective.separable:  # only then may the step differ from weight to weight
                scale[:] = np.exp(np.log(scale).mean())
            block = next(objective.data.batches(min(objective.data.n_rows, 512), np.random.RandomState(objective.seed)))
            gradient = scale * objective.batch_value_and_gradient(params, block, self._mean_weight(objective))[1]
            length = float(np.sqrt(gradient @ gradient))
            guess = length if objective.loss.smooth else abs(value) / (length + 1e-300)
            pace = Pace.at(params / scale, max(0.01 * guess, 1e-12))
        moments = tuple(np.zeros_like(params) for _ in range(self.memory))
        return StochasticState(
            params, value, 0.0 * params, np.inf, point=params, moments=moments, scale=scale, pace=pace, anchor=params
        )

    @staticmethod
    def _mean_weight(objective: Objective) -> float:
        return objective.total / objective.data.n_rows

    def verdict(self, objective: Objective, state: StochasticState, tol: float) -> str:
        return "converged" if state.since >= PATIENCE else ""

    def size(self, objective: Objective) -> int:
        """Return the number of rows in a mini-batch."""
        data = objective.data
        if self.batch_size != "auto":
            return min(int(self.batch_size), data.n_rows)
        per_row = max(1.0, data.X.entries / max(1, len(data.weight)))
        # Enough for the products to outweigh the work on the parameters, and for 400 steps in an epoch.
        return int(np.clip(max(data.n_rows // 400, data.n_features // (8 * per_row)), 8, 512))

    def step(self, objective: Objective, state: StochasticState) -> StochasticState:
        count = max(1, round(objective.data.n_rows / self.size(objective)))
        schedule = get_schedule(self.learning_rate)
        before = state
        state = self.epoch(objective, state, count, objective.horizon * count)
        least = min(state.value, before.least)
        gained = before.least - state.value > objective.tol * abs(objective.reference_value)
        rises = 0 if state.value < before.value else before.rises + 1
        state = replace(
            state, iteration=before.iteration + 1, least=least, rises=rises, since=0 if gained else before.since + 1
        )
        state.anchor = state.point if state.value <= least else before.anchor
        if rises >= schedule.patience:
            state.share, state.rises = schedule.cut * before.share, 0
        ceiling = 2.0 * objective.reference_value - min(before.least, objective.reference_value)
        if not state.value <= ceiling + 1e-9 * abs(ceiling):
            return self._returned(before, state, ceiling)
        return state

    def _returned(self, before: StochasticState, state: StochasticState, ceiling: float) -> StochasticState:
        """Return to the best point after an epoch that led far away; a given learning rate may have diverged."""
        if state.pace is None:
            diverged = not np.isfinite(state.value) or state.value > 1e3 * max(abs(ceiling), abs(before.value))
            hint = f"The learning rate {state.step:.3g} is too large; learning_rate='auto' needs none."
            return replace(state, stalled="diverged" if diverged else "", hint=hint if diverged else state.hint)
        assert before.pace is not None
        moments = tuple(0.0 * moment for moment in before.moments)
        pace = before.pace.resumed(before.anchor / before.scale)
        value = before.value if not np.isfinite(state.value) else state.value
        return replace(
            before,
            point=before.anchor,
            value=value,
            moments=moments,
            pace=pace,
            share=0.25 * before.share,
            iteration=state.iteration,
            since=state.since,
        )

    def epoch(self, objective: Objective, state: StochasticState, count: int, total: float) -> StochasticState:
        """Return the state after each row was read once, in `count` mini-batches of `total` in the whole fit."""
        rng = np.random.RandomState([objective.seed % 2**32, state.clock % 2**32])
        state = copy(state)
        state.pace = deepcopy(state.pace)
        state.rows += objective.data.n_rows
        state.weight += objective.total
        schedule, loss = get_schedule(self.learning_rate), 0.0
        for block in objective.data.batches(-(-objective.data.n_rows // count), rng):
            value, gradient = self.gradient(objective, state, block)
            loss += len(block.weight) * value
            state.clock += 1
            self._move(objective, state, gradient, state.share * schedule.at(state.clock - 1, total))
        state.value = loss / objective.data.n_rows + objective.price(state.point)
        return state

    def gradient(self, objective: Objective, state: StochasticState, block: Block) -> tuple[float, Array]:
        """Return the mean loss of a mini-batch and the gradient of F's smooth part."""
        return objective.batch_value_and_gradient(state.point, block, state.weight / state.rows)

    def _move(self, objective: Objective, state: StochasticState, gradient: Array, share: float) -> None:
        """Take the step of a gradient; share is the learning rate, or for the automatic one a factor."""
        scale, pace, rate = state.scale, state.pace, share
        if pace is not None:
            gradient = pace.tamed(scale * gradient)
        direction, metric, state.moments = self.direction(gradient, state.moments, state.clock)
        if metric is not None and not objective.separable:
            level = float(metric.mean())
            direction, metric = direction / metric * level, np.full_like(metric, level)
        if pace is not None:
            rate = share * pace.rate(direction, self.decays)
        stride = rate * scale
        widths = stride * scale if metric is None else stride * scale * metric
        point = objective.prox(state.point - stride * direction, widths if objective.separable else float(widths[0]))
        if pace is not None and share > 0:
            before, after = state.point / scale, point / scale
            smooth = objective.prox_penalty.absent
            pace.note(before, after, rate / share * gradient if smooth else (before - after) / share)
        average, state.point, state.step = state.params, point, rate
        if self.average:
            weight = min(1.0, 9.0 / (state.clock + 8.0))
            point = average + weight * (point - average)
        state.params = point
