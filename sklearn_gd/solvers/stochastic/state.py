"""Where a stochastic solver stands: all that its steps go on from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...arrays import Array
from ..base import Plan, State
from .automatic_rate import AutomaticRate

__all__ = ["Memory", "StochasticState", "averaged"]

Memory = tuple[Array, ...]


@dataclass(kw_only=True)
class StochasticState(State):
    """A state with the point that steps go on from, and what the rule and the learning rate remember.

    Attributes
    ----------
    point : ndarray, flat
        The last iterate; params is it, or the average.
    moments : tuple of ndarray
        What the rule remembers.
    curvature : ndarray of shape (K,)
        The mean curvature of the loss in raw, where all began.
    scale : ndarray, flat
        The unit of each parameter.
    automatic_rate : AutomaticRate or None
        The automatic learning rate.
    anchor : ndarray, flat
        Where the best epoch began, to return to when one leads far away.
    plan : Plan
        The seed, and how many epochs the learning rate is planned for; infinite for a stream.
    began : int
        The clock when this fit began.
    clock, epochs : int
        The number of mini-batches, and how many times an order was drawn.
    rows, weight : float
        How many rows were seen, and the sum of their weights times mass.
    share : float
        What the learning rate was cut to.
    rises : int
        Epochs in a row in which the mean loss did not fall.
    means : tuple of float
        The mean loss of each of the last epochs.
    best_losses : tuple of float
        The lowest mean loss of an epoch, as it was after each of the last epochs.
    noise : RandomState or None
        For what a network does at random in this epoch.
    rule : type
        The solver whose state it is.
    """

    point: Array
    moments: Memory
    curvature: Array
    scale: Array
    automatic_rate: AutomaticRate | None
    anchor: Array
    plan: Plan = field(default_factory=Plan)
    began: int = 0
    clock: int = 0
    epochs: int = 0
    rows: float = 0.0
    weight: float = 0.0
    share: float = 1.0
    rises: int = 0
    means: tuple[float, ...] = ()
    best_losses: tuple[float, ...] = ()
    noise: np.random.RandomState | None = None
    rule: type | None = None
    certified: bool = False

    def moved(self, move: Callable[[Array], Array], scale: Array) -> StochasticState:
        """Return the state in other coordinates, to which `move` takes params, and in other units."""
        point, rate = move(self.point), self.automatic_rate
        if rate is not None:
            rate = rate.rescaled(move(rate.origin * self.scale) / scale, point / scale, scale / self.scale)
        params, anchor = move(self.params), move(self.anchor)
        return replace(self, params=params, point=point, anchor=anchor, scale=scale, automatic_rate=rate)

    def widened(self, widen: Callable[[Array], Array]) -> StochasticState:
        """Return the state of more parameters, zero so far, among which `widen` puts those of an array."""
        return replace(
            self,
            params=widen(self.params),
            point=widen(self.point),
            anchor=widen(self.anchor),
            moments=tuple(widen(moment) for moment in self.moments),
            scale=widen(self.scale),  # zero, until they are carried into units that have seen them
            automatic_rate=self.automatic_rate and self.automatic_rate.moved(widen),
        )

    @property
    def least(self) -> float:
        """The lowest mean loss of an epoch."""
        return self.best_losses[-1] if self.best_losses else np.inf


def averaged(walked: list[tuple[int, StochasticState]]) -> StochasticState:
    """Return the average of what an epoch has made of one state in several places, which count by their numbers of rows.

    Numbers and arrays are averaged: the parameters, the moments of the rule, what the automatic rate has seen, the loss. Each
    place has taken steps of its own; the clock is that of the one with most.
    """
    if len(walked) == 1:
        return walked[0][1]
    shares = np.array([float(n) for n, _ in walked]) / sum(n for n, _ in walked)
    states = [state for _, state in walked]

    def mean(values: list[Any]) -> Any:
        return sum(share * value for share, value in zip(shares, values, strict=True))

    def each(values: list[Any]) -> dict[str, Any]:
        """Return the averages of what objects hold."""
        facts = [vars(value) for value in values]
        return {
            name: mean([fact[name] for fact in facts]) for name, one in facts[0].items() if isinstance(one, (float, np.ndarray))
        }

    first = states[0]
    moments = tuple(mean(list(several)) for several in zip(*(state.moments for state in states), strict=True))
    clock, rates = max(state.clock for state in states), [state.automatic_rate for state in states]
    rate = rates[0] and replace(rates[0], **each(rates))
    return replace(first, **each(list(states)), moments=moments, clock=clock, automatic_rate=rate)
