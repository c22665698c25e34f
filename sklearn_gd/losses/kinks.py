"""Locates the kinks of a loss from its values along raw, for a few elements of y."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from ..arrays import EPS, Array
from .numeric import Function
from .piecewise import Piecewise

__all__ = ["Elements", "OfRows", "kinks_of"]

# From the indices of some rows to the values of a loss for these rows, and to their kinks if the user gives them.
OfRows = Callable[[Any], tuple[Function, Callable[[Array], Any] | None]]

# How far from y, in units of its typical distance from raw, a jump is searched for: beyond, rounding may look like one.
NEAR = 10.0

# Halvings of a cell: the jump of a smooth slope shrinks with each, that of a kink stays.
TELLING, EXACT = 12, 36

# The share of a jump that remains at a kink: all of it except for the contribution of the curvature next to it.
LEFT = 0.05


@dataclass(frozen=True)
class Elements:
    """Some elements of y, and the values of a loss along raw for each.

    Attributes
    ----------
    of_rows : callable
        Takes indices of rows; returns the values, and the given kinks if any, of these rows.
    whole_y, whole_raw : ndarray of shape (n, K)
    chosen : ndarray of int
        The flat indices of the elements.
    unit : float
        The typical distance of a kink from raw.
    level, noise : float
        The typical value, and the rounding error relative to it; smaller values may be differences of such values.
    name : str
        The name of the loss, for messages.
    """

    of_rows: OfRows
    whole_y: Array
    whole_raw: Array
    chosen: Array
    unit: float
    level: float
    noise: float
    name: str

    @property
    def y(self) -> Array:
        """The elements of y, (m,)."""
        return self.whole_y.ravel()[self.chosen]

    def at(self, z: Array, element: Array) -> Array:
        """Return the values at flat raw predictions z, each for the element with the given index."""
        rows, columns = np.divmod(self.chosen[element], self.whole_y.shape[1])
        raw = np.broadcast_to(z[:, None], (len(z), self.whole_y.shape[1]))
        with np.errstate(all="ignore"):
            value, _ = self.of_rows(rows)
            return value(self.whole_y[rows], raw)[np.arange(len(z)), columns]

    def kinks(self, found: Piecewise) -> Array:
        """Return the kinks of each element, (J, m)."""
        _, located = self.of_rows(self.chosen // self.whole_y.shape[1])
        return replace(found, located=located).kinks(self.y[:, None])[:, :, 0]

    @cached_property
    def grid(self) -> tuple[Array, Array]:
        """Raw predictions for each element, and the values there, (m, G) each: dense near y and 0, and far beyond them."""
        y, raw = self.y[:, None], self.whole_raw.ravel()[self.chosen][:, None]
        near = self.unit * np.logspace(-9.0, 2.0, 60)
        around_y = y + np.concatenate([-near[::-1], [0.0], near])
        low = np.minimum(np.minimum(y, raw), 0.0) - 3.1 * self.unit
        high = np.maximum(np.maximum(y, raw), 0.0) + 3.3 * self.unit
        between = low + (high - low) * np.linspace(0.0, 1.0, 61)
        wide = self.unit * np.logspace(-3.0, 1.0, 9)
        around_zero = np.broadcast_to(np.concatenate([-wide[::-1], [0.0], wide]), (len(y), 19))
        z = np.sort(np.concatenate([around_y, between, around_zero], axis=1), axis=1)
        element = np.repeat(np.arange(len(y)), z.shape[1])
        return z, self.at(z.ravel(), element).reshape(z.shape)

    @cached_property
    def cells(self) -> tuple[Array, Array, Array]:
        """The slope of each cell of the grid, its error, and which cells are informative, (m, G - 1) each."""
        z, values = self.grid
        width = np.diff(z, axis=1)
        with np.errstate(all="ignore"):
            slopes = np.diff(values, axis=1) / width
            size = np.maximum(np.maximum(np.abs(values[:, 1:]), np.abs(values[:, :-1])), self.level)
            # The rounding of y - raw, which the function computes, affects its values.
            top = np.abs(slopes) * (np.abs(self.y[:, None]) + np.maximum(np.abs(z[:, 1:]), np.abs(z[:, :-1])))
            slack = 8.0 * (self.noise * size + max(EPS, self.noise) * top) / width
        usable = (width > self.least) & np.isfinite(slopes)
        return slopes, slack, usable

    def convex(self, kinks: Array | None = None) -> bool:
        """Tell whether the slopes increase from cell to cell; only between the kinks, (J, m), if they are given."""
        (z, _), (slopes, slack, usable) = self.grid, self.cells
        for number in range(len(z)):
            use = usable[number]
            s, e = slopes[number][use], slack[number][use]
            falls = np.diff(s) < -2.0 * (e[1:] + e[:-1]) - 1e-9 * np.abs(s).max(initial=0.0)
            if kinks is not None:
                first, last = z[number, :-1][use][:-1], z[number, 1:][use][1:]  # the ends of both cells together
                slip = 1e-6 * self.unit
                falls &= ~((kinks[:, [number]] >= first - slip) & (kinks[:, [number]] <= last + slip)).any(axis=0)
            if np.any(falls):
                return False
        return True

    @property
    def least(self) -> float:
        """The smallest width of a cell with informative values."""
        return max(1e-10, 30.0 * self.noise) * self.unit

    @property
    def typical(self) -> float:
        """The typical slope."""
        slopes, _, usable = self.cells
        return float(np.median(np.abs(slopes[usable]))) if np.any(usable) else 0.0

    def flat(self) -> bool:
        """Tell whether the values do not change with raw."""
        slopes, slack, usable = self.cells
        return bool(np.all(np.abs(slopes[usable]) <= slack[usable]))

    @cached_property
    def lines(self) -> list[Array | None]:
        """For each element, where its linear pieces meet; None if it is curved."""
        return [self._meeting_points(number) for number in range(len(self.chosen))]

    def _meeting_points(self, number: int) -> Array | None:
        (z, values), (slopes, slack, usable) = self.grid, self.cells
        z, values, keep = z[number], values[number], usable[number]
        first, last = np.flatnonzero(keep), np.flatnonzero(keep) + 1
        s, e = slopes[number][keep], slack[number][keep]
        if len(s) < 8:
            return None
        same = np.abs(np.diff(s)) <= e[1:] + e[:-1] + 1e-10 * np.abs(s).max()
        edges = np.concatenate([[0], np.flatnonzero(~same) + 1, [len(s)]])
        runs = [(a, b) for a, b in pairwise(edges) if b - a >= 2]
        if len(runs) < 1 or runs[0][0] != 0 or runs[-1][1] != len(s):
            return None
        found = []
        for (a, b), (c, d) in pairwise(runs):
            if c - b > 1:
                return None
            (left, right), (start, stop) = (last[b - 1], first[c]), (first[a], last[d - 1])
            one = (values[left] - values[start]) / (z[left] - z[start])
            two = (values[stop] - values[right]) / (z[stop] - z[right])
            gap = values[right] - values[left] - two * (z[right] - z[left])
            place = z[left] + gap / (one - two) if one != two else np.inf * gap
            inside = np.clip(place, z[left], z[right])
            # Where the two lines do not meet in between, the values jump from one to the other.
            step = abs(gap - (one - two) * (inside - z[left]))
            size = max(abs(values[left]), abs(values[right]), self.level) + abs(two) * (abs(self.y[number]) + abs(z[left]))
            near = abs(inside - self.y[number]) < NEAR * self.unit
            if near and step > 1e-6 * np.abs(s).max() * self.unit and step > 1e3 * self.noise * size:
                self.refuse(number, 0.5 * (z[left] + z[right]))
            if step > 64 * self.noise * size:
                return None
            if np.isfinite(place):
                found.append(float(inside))
        return np.array(found)

    def refuse(self, number: int, place: float) -> None:
        """Raise ValueError: there is a jump."""
        raise ValueError(
            f"The loss {self.name} jumps near y={self.y[number]:.6g}, raw={place:.6g}: expected a continuous function of raw. "
            "A step has no slope there, and cannot be fitted by gradients."
        )


def kinks_of(elements: Elements) -> list[Array]:
    """Return the kinks of each element: where its linear pieces meet, or else where its slope jumps."""
    lines = elements.lines
    known = [places for places in lines if places is not None]
    return known if len(known) == len(lines) else _jumps(elements)


def _jumps(elements: Elements) -> list[Array]:
    """Return where the slope of each element jumps: windows of the grid are halved towards the largest second difference."""
    z, _ = elements.grid
    # Windows of three cells, each of which begins in the last cell of the one before.
    element, cell = (index.ravel() for index in np.meshgrid(np.arange(len(z)), np.arange(0, z.shape[1] - 3, 2), indexing="ij"))
    low, high = z[element, cell], z[element, cell + 3]
    near = np.abs(0.5 * (low + high) - elements.y[element]) < NEAR * elements.unit
    element, low, high = (part[near & (high - low > elements.least)] for part in (element, low, high))
    first = seen = height = np.zeros(0)
    for count in range(EXACT):
        h = (high - low) / 4
        values = np.stack([elements.at(low + i * h, element) for i in range(5)])
        second = np.abs(values[:-2] - 2 * values[1:-1] + values[2:])
        size = np.maximum(np.abs(values).max(axis=0), elements.level) + np.abs(values[4] - values[0]) / np.maximum(
            high - low, 1e-300
        ) * (np.abs(elements.y[element]) + np.abs(low))
        noise = 16 * elements.noise * size
        second = np.where(np.isfinite(second), second, 0.0)
        best = second.argmax(axis=0)
        bend = np.take_along_axis(second, best[None], axis=0)[0]
        jump = np.where(bend > noise, bend / h, 0.0)
        telling = (jump > 0) | (count <= TELLING)
        low, high = np.where(telling, low + best * h, low), np.where(telling, low + (best + 2) * h, high)
        seen = jump if count == 0 else np.where(jump > 0, jump, seen)
        if count == 0:
            first = jump
        elif count == TELLING:
            keep = (jump > LEFT * first) & (jump > 1e-10 * first.max(initial=0.0))
        elif count == TELLING + 8:
            # The height of a step; for a kink it is halved each time.
            stays = (jump * h > 0.5 * height) & (jump * h > 1e-6 * elements.typical * elements.unit)
            if np.any(stays):
                elements.refuse(int(element[stays][0]), float(low[stays][0]))
            keep = seen > LEFT * first
        if count in (TELLING, TELLING + 8):
            height = (jump * h)[keep]
            element, low, high, first, seen = (part[keep] for part in (element, low, high, jump, seen))
            if not len(element):
                break
        elif count > TELLING and not np.any(jump):  # below the rounding of the values: as exact as can be
            break
    places = 0.5 * (low + high)
    result = []
    for number in range(len(elements.chosen)):
        mine = np.sort(places[element == number])
        apart = np.diff(mine, prepend=-np.inf) > 1e-6 * elements.unit  # neighbouring cells meet the same kink
        result.append(mine[apart])
    return result
