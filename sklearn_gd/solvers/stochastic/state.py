"""The state of a stochastic solver."""

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
    """A state with the point from which the steps continue, and the memory of the rule and of the learning rate.

    Attributes
    ----------
    point : ndarray, flat
        The last iterate; params are equal to it or to the average of the iterates.
    moments : tuple of ndarray
        The memory of the rule.
    curvature : ndarray of shape (K,)
        The mean curvature of the loss in raw at the start.
    scale : ndarray, flat
        The unit of each parameter.
    automatic_rate : AutomaticRate or None
        The automatic learning rate.
    anchor : ndarray, flat
        The point where the best epoch began, to which the solver returns after an epoch with a large rise.
    plan : Plan
        The seed, and the number of epochs for which the learning rate is planned; infinite for a stream.
    began : int
        The clock when this fit began.
    clock, epochs : int
        Number of mini-batches, and of random orders drawn.
    rows, weight : float
        Number of rows seen, and the sum of their weights times mass.
    share : float
        The factor to which the learning rate was cut.
    rises : int
        Number of consecutive epochs without a decrease of the mean loss.
    means : tuple of float
        The mean loss of each of the last epochs.
    best_losses : tuple of float
        The lowest mean loss so far, after each of the last epochs.
    noise : RandomState or None
        The random state of a network in this epoch, for dropout.
    rule : type
        The class of the solver.
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
        """Return the state in other coordinates, to which `move` maps params, and in other units."""
        point, rate = move(self.point), self.automatic_rate
        if rate is not None:
            rate = rate.rescaled(move(rate.origin * self.scale) / scale, point / scale, scale / self.scale)
        params, anchor = move(self.params), move(self.anchor)
        return replace(self, params=params, point=point, anchor=anchor, scale=scale, automatic_rate=rate)

    def widened(self, widen: Callable[[Array], Array]) -> StochasticState:
        """Return the state for more parameters, so far zero; `widen` extends each array."""
        return replace(
            self,
            params=widen(self.params),
            point=widen(self.point),
            anchor=widen(self.anchor),
            moments=tuple(widen(moment) for moment in self.moments),
            scale=widen(self.scale),  # zero until the units are renewed
            automatic_rate=self.automatic_rate and self.automatic_rate.moved(widen),
        )

    @property
    def least(self) -> float:
        """The lowest mean loss of an epoch."""
        return self.best_losses[-1] if self.best_losses else np.inf


def averaged(walked: list[tuple[int, StochasticState]]) -> StochasticState:
    """Return the average of the states after an epoch in several places, weighted by their numbers of rows.

    All numbers and arrays are averaged: the parameters, the moments of the rule, the records of the automatic rate, the loss.
    Each place has taken its own steps; the clock is that of the place with the most steps.
    """
    if len(walked) == 1:
        return walked[0][1]
    shares = np.array([float(n) for n, _ in walked]) / sum(n for n, _ in walked)
    states = [state for _, state in walked]

    def mean(values: list[Any]) -> Any:
        return sum(share * value for share, value in zip(shares, values, strict=True))

    def each(values: list[Any]) -> dict[str, Any]:
        """Return the averages of the attributes of objects."""
        facts = [vars(value) for value in values]
        return {
            name: mean([fact[name] for fact in facts]) for name, one in facts[0].items() if isinstance(one, (float, np.ndarray))
        }

    first = states[0]
    moments = tuple(mean(list(several)) for several in zip(*(state.moments for state in states), strict=True))
    clock, rates = max(state.clock for state in states), [state.automatic_rate for state in states]
    rate = rates[0] and replace(rates[0], **each(rates))
    return replace(first, **each(list(states)), moments=moments, clock=clock, automatic_rate=rate)
