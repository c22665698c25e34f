"""The base class of stochastic solvers, with the epoch of mini-batch steps that all rules share."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ...arrays import Array
from ...objective.objective import Objective
from ...rows.base import Block, Rows
from ...schedules import Constant, Schedule, get_schedule
from ..base import Need, Plan, Reason, Solver, State
from .automatic_rate import AutomaticRate
from .state import Memory, StochasticState, averaged

__all__ = ["SHARE", "Memory", "Stochastic", "StochasticState", "inverse"]

# The smallest rise of the mean loss, relative to the improvement so far, that is not noise.
RISE = 1e-3

# The rise, relative to the improvement so far or to F0, after which the solver returns to the best point.
RELAPSE, RELAPSE_OF_ALL = 0.1, 0.05

# Rows that the first guess may rest upon, and that the curvature does.
FEW, SOME = 100, 4096

# Epochs without an improvement that end a fit.
PATIENCE = 5

SHARE = ("a number from 0 to below 1", lambda value: 0 <= value < 1)

# A placeholder for rows that are inserted elsewhere.
NOWHERE: Any = None

# Where nothing was seen yet, or all that was seen is zero.
TINY = 1e-150


def inverse(root: Array, scale: float = 1.0) -> Array:
    """Return scale / root, finite and in place of root."""
    root += TINY
    return np.divide(scale, root, out=root)


class Stochastic(Solver[StochasticState]):
    r"""Base class of stochastic solvers: rules for steps on mini-batches.

    .. math:: params \leftarrow prox(params - \eta_t \, scale \cdot direction_t)

    Each epoch reads all rows in a new random order, in mini-batches of equal size. The gradient of a mini-batch is divided by
    its number of rows times the mean weight of all rows, and so is unbiased. The prox of a penalty with kinks is applied in the
    metric of the step, so its zeros are exact.

    The mean loss of an epoch is accumulated during the steps. A fit stops when the lowest mean loss has decreased by less than
    `tol` times F0 in each of five epochs: "the mean loss settled". A schedule that is planned for the whole fit and has a given
    rate, such as ``Cosine(0.1)``, is not stopped early. The criterion does not measure the distance to an optimum. It does not
    count as convergence if the loss of the best constant prediction was not reached. Nor does it if the loss jumps, as for a
    learning rate that is too large.

    A subclass defines `direction`, and `memory`, the number of arrays that the rule stores.
    """

    needs = frozenset({Need.MINIMUM})
    default_max_iter = 100
    takes_batches = True
    memory: ClassVar[int] = 0
    decays: ClassVar[bool] = False  # whether the direction itself shrinks with the steps
    trust: ClassVar[float] = 4.0  # the multiple of the proven distance that the automatic rate may use
    relative_rate: ClassVar[float] = 0.0  # "auto" for a network, relative to its initial weights; 0: as for linear models
    scale_free: ClassVar[bool] = True  # whether the direction does not depend on the unit of F
    decoupled: ClassVar[bool] = False  # whether the smooth penalty is left to its prox
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
    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        """Return the direction for a learning rate of one, its metric, and the new moments; t counts from 1.

        The moments may be modified in place. The metric is the elementwise factor of the gradient; None means ones.
        """

    @property
    def centers(self) -> bool:  # type: ignore[override]
        return get_schedule(self.learning_rate).automatic

    def schedule(self, objective: Objective) -> Schedule:
        """Return the schedule; "auto" is a rate of 1 for a loss without a scale, and a rate of the rule for a network."""
        schedule = get_schedule(self.learning_rate)
        if schedule.automatic and objective.loss.online:
            return Constant(1.0)
        if schedule.automatic and not objective.model.has_gram and self.relative_rate:
            schedule.rate = self.relative_rate if self.scale_free else self.relative_rate / objective.model.loss_slope
        return schedule

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> StochasticState:
        resumed = self._resumed(objective, plan, last)
        return self._fresh(objective, params, plan) if resumed is None else resumed

    def _fresh(self, objective: Objective, params: Array, plan: Plan) -> StochasticState:
        """Return the state at params before any step."""
        params = objective.prox(params, 0.0)
        some = objective.sample(SOME)
        value, curvature, automatic_rate = some.value(params), self._curvature(some, params), None
        scale = self.units(objective, params, curvature)
        if self.schedule(objective).automatic:
            automatic_rate = AutomaticRate.at(params / scale, self._guess(objective, params, scale))
        moments = tuple(np.zeros_like(params) for _ in range(self.memory))
        return StochasticState(
            params,
            value,
            0.0 * params,
            np.inf,
            point=params,
            moments=moments,
            curvature=curvature,
            scale=scale,
            automatic_rate=automatic_rate,
            anchor=params,
            plan=plan,
        )

    @staticmethod
    def _curvature(some: Objective, params: Array) -> Array:
        """Return the mean curvature of the loss in raw, (K,), at least that at the constant prediction.

        A few rows that are predicted well have almost no curvature, which would lead to far too long steps.
        """
        constant = some.model.at_constant(some.reference.constant)
        return np.maximum(some.mean_curvature(params), some.mean_curvature(constant))

    def _resumed(self, objective: Objective, plan: Plan, last: State | None) -> StochasticState | None:
        """Return the state that continues from the export of another fit; None if it cannot, or if F is not finite there."""
        if not (isinstance(last, StochasticState) and self.accepts(objective, last)):
            return None
        state = self.imported(objective, last, renew=True)
        value = objective.sample(SOME).value(state.params)
        if not np.isfinite(value):  # on other data, it may be out of range
            return None
        state = state.but(value=value, anchor=state.point, plan=plan, began=state.clock, stalled=None, hint="")
        return state.but(iteration=0, rows=0.0, weight=0.0, share=1.0, rises=0, means=(), best_losses=())

    def _guess(self, objective: Objective, params: Array, scale: Array) -> float:
        """Return an initial distance in units of scale: a hundredth of a Newton step or of a Polyak step."""
        block = next(objective.rows.batches(min(objective.rows.n_samples, 512), 0))
        value, gradient = objective.batch_value_and_gradient(params, block, objective.total / objective.rows.n_samples)
        gradient = scale * objective.with_penalty(params, gradient)
        length = float(np.sqrt(gradient @ gradient))
        return max(0.01 * (length if objective.loss.smooth else abs(value) / (length + 1e-300)), 1e-12)

    def units(self, objective: Objective, params: Array, curvature: Array) -> Array:
        """Return the unit of each parameter, flat; with the automatic learning rate it is that of its curvature.

        `curvature` is the mean curvature of the loss in raw, (K,).
        """
        if not get_schedule(self.learning_rate).automatic or objective.loss.online:
            return np.ones_like(params)
        scale = np.sqrt(objective.model.loss_unit / objective.diagonal(params, curvature))
        if not objective.penalty.separable:  # only then may the step differ from weight to weight
            scale[:] = np.exp(np.log(scale).mean())
        return scale

    def accepts(self, objective: Objective, last: State) -> bool:
        """Tell whether the steps can continue from the state that another fit by the same rule has exported."""
        if not isinstance(last, StochasticState) or last.rule is not type(self) or last.params.size != objective.size:
            return False
        return (last.automatic_rate is not None) == self.schedule(objective).automatic

    def export(self, objective: Objective, state: StochasticState) -> StochasticState:
        state = state.moved(objective.model.to_original, state.scale)
        return state.but(rule=type(self))

    def imported(self, objective: Objective, exported: StochasticState, renew: bool) -> StochasticState:
        """Return an exported state in the coordinates of an objective and, with `renew`, in its units."""
        inward = objective.model.to_internal
        scale = self.units(objective, inward(exported.point), exported.curvature) if renew else exported.scale
        exported = replace(exported, scale=np.where(exported.scale > 0, exported.scale, scale))
        state = exported.moved(inward, scale)
        if state.automatic_rate is not None and renew and state.rows < FEW:
            state.automatic_rate.first = max(state.automatic_rate.first, self._guess(objective, state.point, state.scale))
        return state

    def for_stream(self, objective: Objective) -> Solver[Any]:
        return self

    def done(self, objective: Objective, state: StochasticState, tol: float) -> Reason | None:
        schedule = get_schedule(self.learning_rate)
        if schedule.planned and not schedule.automatic:  # the user's schedule, whose rates decrease at its end
            return None
        gains = -np.diff(state.best_losses)
        idle = len(gains) == PATIENCE and gains.max() <= tol * abs(objective.reference.value)
        return Reason.SETTLED if idle else None

    def choose(
        self, objective: Objective, best: StochasticState, last: StochasticState, reason: Reason
    ) -> tuple[StochasticState, Reason]:
        """Return the last state, the best or the constant prediction, whichever has the lowest F, and why the fit ended."""
        if objective.loss.online:
            return last, reason
        # The mean loss of an epoch is only a noisy estimate of F.
        reference = objective.reference.value
        found = [(self._value(objective, state.params), state) for state in ([last] if best is last else [last, best])]
        least, kept = min(found, key=lambda pair: pair[0])
        if not least <= reference:
            constant = objective.prox(objective.model.at_constant(objective.reference.constant), 0.0)
            reference = objective.value(constant)
            if not least <= reference:
                kept = replace(self.init(objective, constant, last.plan), value=reference, hint=self._hint(last))
        noise = RELAPSE * max(reference - least, 0.0) + RISE * abs(reference)
        if reason.success and least >= reference and not found[0][0] <= reference + noise:
            return kept.but(hint=self._hint(last)), Reason.ABOVE_CONSTANT
        if reason.success and np.mean(last.means) - last.least > noise:
            return kept.but(hint=self._hint(last, "large")), Reason.JUMPS
        return kept, reason

    @staticmethod
    def _value(objective: Objective, params: Array) -> float:
        value = objective.value(params)
        return value if np.isfinite(value) else np.inf

    def _hint(self, state: StochasticState, fault: str = "") -> str:
        """Return advice if a given learning rate did not decrease F; the automatic rate needs none."""
        if get_schedule(self.learning_rate).automatic:
            return ""
        fault = fault or ("small" if state.value <= state.least else "large")
        return f"The learning rate {state.step:.3g} is too {fault}; learning_rate='auto' needs none."

    def size(self, objective: Objective) -> int:
        """Return the number of rows in a mini-batch."""
        rows = objective.rows
        if self.batch_size != "auto":
            return min(int(self.batch_size), rows.n_samples)
        # Large enough for the products to outweigh the work on the parameters, and small enough for 400 steps per epoch.
        work = rows.n_features / (2 * max(1.0, rows.profile.entries))
        return int(max(8, min(rows.n_samples // 400, 512), min(work, 1024)))

    def step(self, objective: Objective, state: StochasticState) -> StochasticState:
        before, schedule, reference = state, self.schedule(objective), objective.reference.value
        state = self.epoch(objective, state)
        least = float(np.fmin(state.value, before.least))
        gain = reference - min(before.least, reference)
        rises = before.rises + 1 if state.value > before.least + RISE * gain else 0
        means, best_losses = (*before.means[1 - PATIENCE :], state.value), (*before.best_losses[-PATIENCE:], least)
        state = state.but(iteration=before.iteration + 1, rises=rises, means=means, best_losses=best_losses)
        # The mean loss of an epoch is attributed to the point where the epoch began.
        state.anchor = before.point if state.value <= least else before.anchor
        if rises >= schedule.patience:
            state.share, state.rises = schedule.cut * before.share, 0
        # The start may have a higher F than the best constant prediction.
        ceiling = before.least if before.best_losses else max(before.value, reference)
        ceiling += max(RELAPSE * gain, RELAPSE_OF_ALL * abs(reference))
        if objective.loss.online:
            ceiling = np.inf
        if not state.value <= ceiling + 1e-9 * abs(ceiling):
            return self._returned(objective, before, state, ceiling)
        return state

    def _returned(
        self, objective: Objective, before: StochasticState, state: StochasticState, ceiling: float
    ) -> StochasticState:
        """Return to the best point after an epoch with a large rise; a given learning rate may have diverged."""
        if not get_schedule(self.learning_rate).automatic:
            if state.value <= 1e3 * max(abs(ceiling), abs(before.value)):
                return state
            return state.but(stalled=Reason.DIVERGED, hint=self._hint(state, "large"))
        # If the loss fell steeply during an epoch, its mean is far below the value at the beginning.
        value, point = min(((self._value(objective, at), at) for at in (before.point, before.anchor)), key=lambda pair: pair[0])
        return replace(
            before,
            params=point,
            point=point,
            anchor=point,
            value=value,
            moments=tuple(0.0 * moment for moment in before.moments),
            automatic_rate=before.automatic_rate and before.automatic_rate.resumed(point / before.scale),
            share=0.25 * before.share,
            iteration=state.iteration,
            epochs=state.epochs,
            means=(),
            best_losses=(value,),
        )

    def epoch(self, objective: Objective, state: StochasticState) -> StochasticState:
        """Return the state after one pass over all rows; its value is the mean of F during the pass."""
        seed = [state.plan.seed, state.epochs % 2**32]
        state = copy(state)
        state.automatic_rate, state.moments = deepcopy(state.automatic_rate), deepcopy(state.moments)  # the steps modify them
        state.noise = np.random.RandomState([*seed, 1])
        state.epochs += 1
        state.rows += objective.rows.n_samples
        state.weight += objective.total
        return averaged(objective.rows.each(partial(_walked, self, replace(objective, rows=NOWHERE), seed), state))

    def walk(self, objective: Objective, state: StochasticState, seed: list[int]) -> StochasticState:
        """Return the state, modified in place, after the steps of an epoch; its value is the mean of F during the epoch."""
        count = max(1, round(objective.rows.n_samples / self.size(objective)))
        schedule, total = self.schedule(objective), state.plan.horizon * count
        loss, prices = 0.0, []
        for number, block in enumerate(objective.rows.batches(-(-objective.rows.n_samples // count), seed)):
            if number % max(1, count // 8) == 0:
                prices.append(objective.penalty_value(state.point))
            value, gradient = self.gradient(objective, state, block)
            loss += len(block.weight) * value
            state.clock += 1
            self._move(objective, state, gradient, state.share * schedule.at(state.clock - 1 - state.began, total))
        finite = np.all(np.isfinite(state.point))  # the value is the mean during the epoch
        state.value = loss / objective.rows.n_samples + float(np.mean(prices)) if finite else np.nan
        return state

    def gradient(self, objective: Objective, state: StochasticState, block: Block) -> tuple[float, Array]:
        """Return the mean loss of a mini-batch and the gradient of F's smooth part."""
        value, gradient = objective.batch_value_and_gradient(state.point, block, state.weight / state.rows, state.noise)
        return value, gradient if self._splits(objective) else objective.with_penalty(state.point, gradient)

    def _splits(self, objective: Objective) -> bool:
        return self.decoupled and objective.penalty.separable

    def _move(self, objective: Objective, state: StochasticState, gradient: Array, share: float) -> None:
        """Take a step for a gradient; `share` is the learning rate or, if that is automatic, a factor."""
        scale, automatic_rate, rate = state.scale, state.automatic_rate, share
        gradient *= scale
        if automatic_rate is not None:
            gradient = automatic_rate.tamed(gradient)
        direction, metric, state.moments = self.direction(gradient, state.moments, state.clock)
        if metric is not None and not objective.penalty.separable:
            level = 1.0 / float((1.0 / metric).mean())
            direction, metric = direction / metric * level, np.full_like(metric, level)
        if automatic_rate is not None:
            rate = share * automatic_rate.rate(direction, self.decays, self.trust)
        moved = -rate * direction
        smooth = objective.penalty.smooth and not self._splits(objective)
        point = scale * moved
        point += state.point
        if not smooth:
            widths = rate * scale * scale if metric is None else rate * scale * scale * metric
            if self._splits(objective):
                point, widths = objective.shrunk(point, widths)
            point = objective.prox(point, widths if objective.penalty.separable else float(widths[0]))
        if automatic_rate is not None and share > 0:
            pull = rate * gradient
            if not smooth:  # what the prox has added to the step is eta times a subgradient of the penalty, in the metric
                whole = (point - state.point) / scale
                pull -= whole - moved if metric is None else (whole - moved) / metric
                moved = whole
            pull /= share
            automatic_rate.note(moved, pull)
        average, state.point, state.step = state.params, point, rate
        if self.average:
            weight = min(1.0, 9.0 / (state.clock + 8.0))
            point = average + weight * (point - average)
        state.params = point


def _walked(
    solver: Stochastic, objective: Objective, seed: list[int], rows: Rows, state: StochasticState
) -> tuple[int, StochasticState]:
    """Return the number of rows in a place, and the state after an epoch on them."""
    return rows.n_samples, solver.walk(replace(objective, rows=rows), state, seed)
