"""Derivatives and proximal points of a loss from its values.

A loss depends on one scalar per element (on one short row when it is rowwise), so a finite difference costs a few vectorised
evaluations whatever the number of rows or features.

References
----------
J. Nocedal and S. Wright, Numerical Optimization, 2006, section 8.1 (the step that balances truncation and rounding).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import EPS, Array

Function = Callable[[Array, Array], Array]


@dataclass(frozen=True, eq=False)
class Spacing:
    """The spacing of the points of a difference quotient.

    Attributes
    ----------
    slope, curvature : float
        The spacing for first derivatives, and for second derivatives from values, in units of raw.
    unit : float or ndarray of shape (K,)
        The unit of raw, or of each of its columns.
    reach : float or ndarray of shape (K,)
        The size of raw up to which these hold; beyond it they grow with raw.
    """

    slope: float = EPS ** (1 / 3)
    curvature: float = EPS ** (1 / 4)
    unit: float | Array = 1.0
    reach: float | Array = 1.0

    def at(self, raw: Array, size: float) -> Array:
        """Return the spacing at each raw, for one of the two sizes."""
        return size * self.unit * np.maximum(1.0, np.abs(raw) / self.reach)


def gradient(value: Function, y: Array, raw: Array, rowwise: bool, spacing: Spacing) -> Array:
    """Return d value / d raw by central differences, shape (n, K)."""
    raw = np.asarray(raw, dtype=np.float64)
    h = spacing.at(raw, spacing.slope)
    up, down = raw + h, raw - h
    if not rowwise:
        return (value(y, up) - value(y, down)) / (up - down)
    result = np.empty_like(raw)
    for k in range(raw.shape[1]):
        above, below = raw.copy(), raw.copy()
        above[:, k], below[:, k] = up[:, k], down[:, k]
        result[:, k] = (value(y, above) - value(y, below)) / (up[:, k] - down[:, k])
    return result


def curvature_from_gradient(grad: Function, y: Array, raw: Array, v: Array, rowwise: bool, spacing: Spacing) -> Array:
    """Return (d2 value / d raw2) v by central differences of the gradient, shape (n, K)."""
    raw = np.asarray(raw, dtype=np.float64)
    if not rowwise:
        h = spacing.at(raw, spacing.slope)
        up, down = raw + h, raw - h
        return (grad(y, up) - grad(y, down)) / (up - down) * v
    length = _row_length(v / spacing.at(raw, spacing.slope))
    move = v / length
    return 0.5 * length * (grad(y, raw + move) - grad(y, raw - move))


def curvature_from_value(value: Function, y: Array, raw: Array, v: Array, rowwise: bool, spacing: Spacing) -> Array:
    """Return (d2 value / d raw2) v by second differences of the value, shape (n, K)."""
    raw = np.asarray(raw, dtype=np.float64)
    if not rowwise:
        h = spacing.at(raw, spacing.curvature)
        up, down = raw + h, raw - h
        return (value(y, up) - 2 * value(y, raw) + value(y, down)) / ((up - raw) * (raw - down)) * v
    h = spacing.at(raw, spacing.curvature)
    length = _row_length(v / h)
    move = v / length
    result = np.empty_like(raw)
    for k in range(raw.shape[1]):
        ahead, back = raw.copy(), raw.copy()
        ahead[:, k] += h[:, k]
        back[:, k] -= h[:, k]
        mixed = value(y, ahead + move) - value(y, ahead - move) - value(y, back + move) + value(y, back - move)
        result[:, k] = mixed / (4 * h[:, k])
    return result * length


def _row_length(v: Array) -> Array:
    length = np.abs(v).max(axis=1, keepdims=True)
    length[length == 0] = 1.0
    return length


def prox(grad: Function, y: Array, v: Array, step: float) -> Array:
    """Return argmin_z value(y, z) + (z - v)^2 / (2 step), element by element, for a convex value with this (sub)gradient.

    The sign of the slope is bisected between v and v - 2 step grad(v), which brackets the minimiser of a convex function.
    """
    v = np.asarray(v, dtype=np.float64)
    start = grad(y, v)
    reach = 2 * step * start + np.copysign(np.sqrt(EPS) * np.abs(v), start)
    low, high = np.minimum(v, v - reach), np.maximum(v, v - reach)
    for _ in range(110):
        middle = 0.5 * (low + high)
        rising = grad(y, middle) + (middle - v) / step > 0
        high = np.where(rising, middle, high)
        low = np.where(rising, low, middle)
    return 0.5 * (low + high)
