"""Slopes, lines and proximal points of a function of raw with known kinks, from its values alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate, compress, pairwise
from typing import Any

import numpy as np

from ..arrays import EPS, Array
from . import numeric
from .numeric import Function, Spacing

__all__ = ["Piecewise"]

# The maximum number of Newton steps, or halvings, for a proximal point; a parabola takes one.
MOST_STEPS = 60


@dataclass(frozen=True)
class Piecewise:
    """The kinks of an elementwise function of raw, and the pieces between them.

    The kinks of a row are offsets + ratios * y, or the result of the function `located` for y.

    Attributes
    ----------
    offsets, ratios : tuple of float
        One of each for every kink.
    located : callable or None
        Takes y and returns the kinks, a sequence of arrays that broadcast to the shape of y.
    piecewise_linear : bool
        Whether the function is linear between its kinks.
    convex, convex_between : bool
        Whether the function is convex, and whether it is convex between its kinks.
    rising : tuple of bool
        Whether the slope rises at each kink, in the order of the offsets and ratios; empty if that is not known.
    slopes : tuple of float
        The slopes of the pieces from left to right, if they are linear and the same for all y; else empty.
    unit : float
        The typical distance of raw from a kink.
    """

    offsets: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()
    located: Callable[[Array], Any] | None = None
    piecewise_linear: bool = False
    convex: bool = True
    convex_between: bool = True
    rising: tuple[bool, ...] = ()
    slopes: tuple[float, ...] = ()
    unit: float = 1.0

    @property
    def absent(self) -> bool:
        """Whether there are no kinks."""
        return not self.offsets and self.located is None

    def kinks(self, y: Array) -> Array:
        """Return the kinks of every row in ascending order, (J, n, K)."""
        if self.located is not None:
            places = [np.broadcast_to(np.asarray(place, dtype=np.float64), y.shape) for place in self.located(y)]
            return np.sort(np.stack(places), axis=0)
        if not self.offsets:
            return np.empty((0, *y.shape))
        if len(set(self.ratios)) == 1:
            return self.ratios[0] * y + np.sort(self.offsets)[:, None, None]
        return np.sort(np.stack([a + b * y for a, b in zip(self.offsets, self.ratios, strict=True)]), axis=0)

    def rising_only(self) -> Piecewise:
        """Return the kinks without those at which the slope falls."""
        if not self.rising:
            return replace(self, convex=True, slopes=())
        offsets, ratios = (tuple(compress(places, self.rising)) for places in (self.offsets, self.ratios))
        jumps = tuple(compress(np.diff(self.slopes).tolist(), self.rising)) if self.slopes else ()
        slopes = tuple(accumulate(jumps, initial=self.slopes[0])) if self.slopes else ()
        return replace(self, offsets=offsets, ratios=ratios, convex=True, rising=(), slopes=slopes)

    def lowest(self, value: Function, y: Array) -> Array:
        """Return where the function is lowest for each y: at y, at a kink, or between or beyond them."""
        kinks = self.kinks(y)
        beyond = kinks[:1] - self.unit, kinks[-1:] + self.unit
        trials = np.concatenate([y[None], kinks, 0.5 * (kinks[1:] + kinks[:-1]), *beyond])
        values = self._at(value, y, trials)
        best = np.where(np.isnan(values), np.inf, values).argmin(axis=0)
        return np.take_along_axis(trials, best[None], axis=0)[0]

    # -- linear pieces ------------------------------------------------------------------------------------------------

    def line_slopes(self, value: Function, y: Array, kinks: Array) -> Array:
        """Return the slopes of the linear pieces from left to right, broadcastable to (J + 1, n, K)."""
        if self.slopes:
            return np.array(self.slopes)[:, None, None]
        low = np.concatenate([kinks[:1] - 4.0 * self.unit, kinks])
        high = np.concatenate([kinks, kinks[-1:] + 4.0 * self.unit])
        left, right = 0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high
        left_value, right_value = (self._at(value, y, points) for points in (left, right))
        width = right - left
        void = width <= 64 * EPS * (self.unit + np.abs(left))
        slopes = np.divide(right_value - left_value, width, out=np.zeros_like(width), where=~void)
        for j in range(1, len(slopes)):  # where two kinks coincide, the piece between them has the slope of the one before
            slopes[j] = np.where(void[j], slopes[j - 1], slopes[j])
        return slopes

    @staticmethod
    def _at(value: Function, y: Array, points: Array) -> Array:
        """Return the values at points, (number, n, K), for y of shape (n, K)."""
        return np.stack([value(y, point) for point in points])

    def jumps(self, value: Function, y: Array, spacing: Spacing) -> tuple[Array, Array]:
        """Return the kinks, and the change of the slope at each, broadcastable to (J, n, K)."""
        kinks = self.kinks(y)
        if self.piecewise_linear:
            return kinks, np.diff(self.line_slopes(value, y, kinks), axis=0)
        infinite = np.full((1, *y.shape), np.inf)
        ends = np.concatenate([-infinite, kinks, infinite])
        sides = [_sides(value, y, ends[j], kink, ends[j + 2], spacing) for j, kink in enumerate(kinks)]
        return kinks, np.stack([right - left for left, right in sides])

    def lines(self, value: Function, y: Array, spacing: Spacing) -> tuple[Array, Array, Array]:
        """Return the kinks and the slopes left and right of them, as `Loss.lines` does."""
        kinks, right = self.jumps(value, y, spacing)
        left = np.zeros_like(right)
        if self.piecewise_linear:
            first = self.line_slopes(value, y, kinks)
            left[0], right[0] = first[0], first[1]
        # A row without that kink gets one that contributes zero.
        return kinks, left, np.maximum(right, left + 1e-12 * (np.abs(right - left).max() or 1.0))

    # -- slopes -------------------------------------------------------------------------------------------------------

    def _within(self, kinks: Array, raw: Array) -> tuple[Array, Array, Array]:
        """Return the index of the piece of each raw, and the ends of that piece."""
        number = (kinks < raw).sum(axis=0)
        infinite = np.full((1, *raw.shape), np.inf)
        ends = np.concatenate([-infinite, kinks, infinite])
        low, high = (np.take_along_axis(ends, number[None] + i, axis=0)[0] for i in (0, 1))
        return number, low, high

    def gradient(self, value: Function, y: Array, raw: Array, spacing: Spacing) -> Array:
        """Return d value / d raw; at a kink, the slope on its left."""
        if self.absent:
            return numeric.gradient(value, y, raw, False, spacing)
        kinks = self.kinks(y)
        number, low, high = self._within(kinks, raw)
        if self.piecewise_linear:
            slopes = np.broadcast_to(self.line_slopes(value, y, kinks), (len(kinks) + 1, *raw.shape))
            return np.take_along_axis(slopes, number[None], axis=0)[0]
        return _inside(value, y, raw, low, high, spacing)[0]

    def curvature(self, value: Function, y: Array, raw: Array, spacing: Spacing) -> Array:
        """Return the second derivative between the kinks."""
        if self.absent:
            return numeric.curvature_from_value(value, y, raw, np.ones_like(raw), False, spacing)
        if self.piecewise_linear:
            return np.zeros_like(raw)
        _, low, high = self._within(self.kinks(y), raw)
        return _inside(value, y, raw, low, high, spacing)[1]

    # -- proximal points ----------------------------------------------------------------------------------------------

    def prox(self, value: Function, y: Array, v: Array, step: float, spacing: Spacing) -> Array:
        """Return argmin_z value(y, z) + (z - v)^2 / (2 step), element by element."""
        v = np.asarray(v, dtype=np.float64)
        kinks = self.kinks(y)
        if self.piecewise_linear:
            slopes = self.line_slopes(value, y, kinks)
            return _prox_of_lines(kinks, slopes, v, step) if self.convex else _lowest_on_lines(kinks, slopes, v, step)
        infinite = np.full((1, *v.shape), np.inf)
        ends = np.concatenate([-infinite, kinks, infinite])
        if not self.convex:
            rooms = pairwise(ends)
            places = np.stack([_prox_inside(value, y, v, step, low, high, spacing, self.unit) for low, high in rooms])
            cost = self._at(value, y, places) + (places - v) ** 2 / (2.0 * step)
            return np.take_along_axis(places, cost.argmin(axis=0)[None], axis=0)[0]
        number = np.zeros(v.shape, dtype=np.intp)
        for j, kink in enumerate(kinks):  # the minimiser is right of a kink where the slope after it is still negative
            _, right = _sides(value, y, ends[j], kink, ends[j + 2], spacing)
            number += right + (kink - v) / step < 0
        low, high = (np.take_along_axis(ends, number[None] + i, axis=0)[0] for i in (0, 1))
        return _prox_inside(value, y, v, step, low, high, spacing, self.unit)

    def prox_product(self, value: Function, y: Array, v: Array, step: float, direction: Array, spacing: Spacing) -> Array:
        """Return (d prox / d v) direction; d prox / d v is 0 at a kink, and 1 / (1 + step c) on a piece of curvature c."""
        z = self.prox(value, y, v, step, spacing)
        held = (self.kinks(y) == z).any(axis=0)
        bend = np.maximum(self.curvature(value, y, z, spacing), 0.0)
        return np.where(held, 0.0, direction / (1.0 + step * bend))


def _inside(value: Function, y: Array, raw: Array, low: Array, high: Array, spacing: Spacing) -> tuple[Array, Array]:
    """Return the slope and the curvature at raw, by differences that stay within its piece."""
    h = np.minimum(spacing.at(raw, spacing.slope), 0.2 * (high - low))
    middle = np.clip(raw, low + h, high - h)
    up, down = middle + h, middle - h
    above, here, below = value(y, up), value(y, middle), value(y, down)
    h = np.where(up > down, 0.5 * (up - down), 1.0)
    bend = (above - 2.0 * here + below) / (h * h)
    return (above - below) / (2.0 * h) + bend * (raw - middle), bend


def _sides(value: Function, y: Array, before: Array, kink: Array, after: Array, spacing: Spacing) -> tuple[Array, Array]:
    """Return the slopes left and right of a kink, extrapolated from both sides to second order."""
    result = []
    for sign, room in ((-1.0, kink - before), (1.0, after - kink)):
        h = np.minimum(10.0 * spacing.at(kink, spacing.slope), 0.2 * room)
        one, two, three = (value(y, kink + sign * i * h) for i in (1.0, 2.0, 3.0))
        rise = sign * (4.0 * two - 2.5 * one - 1.5 * three)
        result.append(np.divide(rise, h, out=np.zeros_like(rise), where=h > 0))
    return result[0], result[1]


def _prox_of_lines(kinks: Array, slopes: Array, v: Array, step: float) -> Array:
    """Return the proximal points of a convex function that is linear between the kinks, (J, n, K)."""
    z = v - step * slopes[0]
    for kink, slope in zip(kinks, slopes[1:], strict=True):
        z = np.where(z > kink, np.maximum(kink, v - step * slope), z)
    return z


def _lowest_on_lines(kinks: Array, slopes: Array, v: Array, step: float) -> Array:
    """Return the proximal points of any function that is linear between the kinks: the lowest of those of its pieces."""
    best, least = v, np.full(v.shape, np.inf)
    level = 0.0
    for j, slope in enumerate(slopes):
        anchor = kinks[max(j - 1, 0)]
        z = v - step * slope
        z = np.maximum(z, kinks[j - 1]) if j > 0 else z
        z = np.minimum(z, kinks[j]) if j < len(kinks) else z
        cost = level + slope * (z - anchor) + (z - v) ** 2 / (2.0 * step)
        best, least = np.where(cost < least, z, best), np.minimum(cost, least)
        if 0 < j < len(kinks):
            level = level + slope * (kinks[j] - kinks[j - 1])
    return best


def _prox_inside(
    value: Function, y: Array, v: Array, step: float, first: Array, last: Array, spacing: Spacing, unit: float
) -> Array:
    """Return the proximal points within a piece, where the function is smooth, by Newton's method safeguarded by bisection.

    An element is done when its steps no longer shrink, because they are then rounding errors.
    """
    low, high = first, last
    z, before, stretch = np.clip(v, first, last), np.full(v.shape, np.inf), np.full(v.shape, 0.5)
    for count in range(MOST_STEPS):
        slope, bend = _inside(value, y, z, first, last, spacing)
        slope = slope + (z - v) / step
        high, low = np.where(slope > 0, z, high), np.where(slope < 0, z, low)
        closed = np.isfinite(low) & np.isfinite(high)
        way = -slope / (np.maximum(bend, 0.0) + 1.0 / step)
        length = np.abs(np.clip(z + way, first, last) - z)
        done = (length <= 4 * EPS * (unit + np.abs(z))) | ((length >= 0.5 * before) & (length <= 1e-6 * unit))
        # Far out on an exponential, Newton steps all have the same length: they are extended until the other side is reached.
        stretch = np.where(closed | (length < 0.5 * before), 1.0, 2.0 * stretch)
        newton = z + stretch * way
        # If steps keep their length between two points that were tried, or lead outside, bisect instead. The ends of the piece
        # are tried themselves.
        astray = (newton <= low) | (newton >= high)
        tried = (low > first) & (high < last)
        halve = closed & ((astray & (tried | (count > 5))) | (tried & (length > 0.5 * before)))
        with np.errstate(invalid="ignore"):  # an infinite end cannot be halved
            following = np.where(halve, 0.5 * (low + high), np.clip(newton, low, high))
        # If the value overflows, it does not overflow closer to y.
        following = np.where(np.isfinite(following), following, 0.5 * (z + np.where(np.abs(y) < np.abs(z), y, 0.0)))
        if np.all(done):
            break
        z = np.where(done, z, following)
        before = length
    return z
