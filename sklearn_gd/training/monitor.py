"""The monitor of a fit: history, printed output, and watchers that may end the fit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from ..arrays import Array
from ..solvers.base import State

__all__ = ["Monitor", "Watcher"]

Watcher = Callable[["State"], str]

# The printed columns, with their width and format.
COLUMNS = {"iteration": (9, "d"), "objective": (15, ".8g"), "optimality": (12, ".2e"), "step": (12, ".3g")}


class Monitor:
    """Keep the history of a fit, print every `every`-th iteration (0 is silent), and ask the watchers whether to go on.

    A watcher takes a state and returns why to stop, or an empty string. Its attribute ``measured``, if it has one, is a dict of
    measurements for the history. If a state is not `certified`, its solver knows neither the optimality nor the gradient of F,
    and they are left out.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> model = GDRegressor(verbose=1).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])  # doctest: +ELLIPSIS
    iteration      objective  optimality        step
            0 ...
            1 ...
    """

    def __init__(self, every: int = 0, watchers: Sequence[Watcher] = ()) -> None:
        self.every, self.watchers = every, watchers
        self.rows: list[dict[str, float]] = []
        self.began = time.perf_counter()
        self.last: State | None = None
        self._printed = -1

    def __call__(self, state: State) -> str:
        """Record a state; return why to stop, or an empty string."""
        self.last = state
        reasons = [watcher(state) for watcher in self.watchers]
        row: dict[str, float] = {"iteration": state.iteration, "objective": state.value, "step": state.step}
        if state.certified:
            row |= {"optimality": state.optimality, "gradient_norm": math.sqrt(state.gradient @ state.gradient)}
        row["seconds"] = time.perf_counter() - self.began
        for watcher in self.watchers:
            row |= getattr(watcher, "measured", {})
        self.rows.append(row)
        if self.every and state.iteration % self.every == 0:
            self.print_last()
        return next((reason for reason in reasons if reason), "")

    def print_last(self) -> None:
        """Print a line about the last state, unless it was printed already."""
        state = self.last
        if not self.every or state is None or state.iteration == self._printed:
            return
        row = self.rows[-1]
        columns = [(name, column) for name, column in COLUMNS.items() if name in row]
        columns += [(name, (18, ".8g")) for name in row if name.startswith("validation")]
        if self._printed < 0:
            print("".join(f"{name:>{width}}" for name, (width, _) in columns))
        print("".join(f"{row[name]:>{width}{how}}" for name, (width, how) in columns))
        self._printed = state.iteration

    @property
    def history(self) -> dict[str, Array]:
        """The history as columns, for the iterations after the start, or for the start alone if there were none."""
        rows = self.rows[1:] or self.rows
        return {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
