"""Derivatives, proximal points and kinks of a loss from its values alone.

A loss depends on one scalar per element (on one short row when it is rowwise), so a finite difference costs a few vectorised
evaluations whatever the number of rows or features.

References
----------
J. Nocedal and S. Wright, Numerical Optimization, 2006, section 8.1 (the step that balances truncation and rounding).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[Array, Array], Array]

EPS = float(np.finfo(np.float64).eps)


def _step(raw: Array, power: float) -> Array:
    return EPS**power * np.maximum(1.0, np.abs(raw))


def gradient(value: Function, y: Array, raw: Array, rowwise: bool) -> Array:
    """Return d value / d raw by central differences, shape (n, K)."""
    raw = np.asarray(raw, dtype=np.float64)
    h = _step(raw, 1 / 3)
    up, down = raw + h, raw - h
    if not rowwise:
        return (value(y, up) - value(y, down)) / (up - down)
    result = np.empty_like(raw)
    for k in range(raw.shape[1]):
        above, below = raw.copy(), raw.copy()
        above[:, k], below[:, k] = up[:, k], down[:, k]
        result[:, k] = (value(y, above) - value(y, below)) / (up[:, k] - down[:, k])
    return result


def curvature_from_gradient(grad: Function, y: Array, raw: Array, v: Array, rowwise: bool) -> Array:
    """Return (d2 value / d raw2) v by central differences of the gradient, shape (n, K)."""
    raw = np.asarray(raw, dtype=np.float64)
    if not rowwise:
        h = _step(raw, 1 / 3)
        up, down = raw + h, raw - h
        return (grad(y, up) - grad(y, down)) / (up - down) * v
    length = _row_length(v)
    move = _step(np.abs(raw).max(axis=1, keepdims=True), 1 / 3) * (v / length)
    h = np.abs(move).max(axis=1, keepdims=True)
    h[h == 0] = 1.0
    return (grad(y, raw + move) - grad(y, raw - move)) / (2 * h) * length


def curvature_from_value(value: Function, y: Array, raw: Array, v: Array, rowwise: bool) -> Array:
    """Return (d2 value / d raw2) v by second differences of the value, shape (n, K)."""
    raw = np.asarray(raw, dtype=np.float64)
    if not rowwise:
        h = _step(raw, 1 / 4)
        up, down = raw + h, raw - h
        return (value(y, up) - 2 * value(y, raw) + value(y, down)) / ((up - raw) * (raw - down)) * v
    length = _row_length(v)
    h = _step(np.abs(raw).max(axis=1, keepdims=True), 1 / 4)
    move = h * (v / length)
    result = np.empty_like(raw)
    for k in range(raw.shape[1]):
        ahead, back = raw.copy(), raw.copy()
        ahead[:, [k]] += h
        back[:, [k]] -= h
        mixed = value(y, ahead + move) - value(y, ahead - move) - value(y, back + move) + value(y, back - move)
        result[:, k] = mixed / (4 * h[:, 0] ** 2)
    return result * length


def _row_length(v: Array) -> Array:
    length = np.abs(v).max(axis=1, keepdims=True)
    length[length == 0] = 1.0
    return length


def prox(value: Function, grad: Function | None, y: Array, v: Array, step: float) -> Array:
    """Return argmin_z value(y, z) + (z - v)^2 / (2 step), element by element, for a convex value.

    The sign of the slope is bisected between v and v - 2 step slope(v), which brackets the minimiser of a convex function.
    Without `grad`, slopes are differences of values, good to about 1e-8: `_polish` then lands on the kink, or on the
    zero of the slope, to nearly full precision.
    """
    v = np.asarray(v, dtype=np.float64)
    if grad is not None:
        slope = grad
    else:

        def slope(y: Array, z: Array) -> Array:
            h = _step(z, 1 / 2)
            return (value(y, z + h) - value(y, z - h)) / ((z + h) - (z - h))

    start = slope(y, v)
    reach = 2 * step * start + np.copysign(np.sqrt(EPS) * np.abs(v), start)
    low, high = np.minimum(v, v - reach), np.maximum(v, v - reach)
    for _ in range(70):
        middle = 0.5 * (low + high)
        rising = slope(y, middle) + (middle - v) / step > 0
        high = np.where(rising, middle, high)
        low = np.where(rising, low, middle)
    z = 0.5 * (low + high)
    return z if grad is not None else _polish(value, y, v, z, step)


def _polish(value: Function, y: Array, v: Array, z: Array, step: float) -> Array:
    """Move z to the crossing of the two lines beside a kink, or one Newton step where there is none."""
    h = _step(z, 1 / 3)
    left, right = value(y, z - h), value(y, z + h)
    left_slope = (left - value(y, z - 2 * h)) / h
    right_slope = (value(y, z + 2 * h) - right) / h
    jump = right_slope - left_slope
    middle_slope = (right - left) / (2 * h)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = z + (left - right + h * (left_slope + right_slope)) / -jump
    pull = (v - crossing) / step
    slack = 1e-6 * np.maximum(np.abs(left_slope), np.abs(right_slope))
    kink = (jump > 1e-3 * np.abs(middle_slope) + 1e3 * slack) & (np.abs(crossing - z) <= h)
    kink &= (left_slope - slack <= pull) & (pull <= right_slope + slack)
    curvature = np.maximum((right - 2 * value(y, z) + left) / h**2, 0.0)
    newton = z - (middle_slope + (z - v) / step) / (curvature + 1 / step)
    return np.where(kink, crossing, newton)


def has_kinks(value: Function, y: Array, raw: Array) -> bool:
    """Tell whether an elementwise value has kinks in raw around the data.

    Around each row an interval that holds y, raw, 0 and -1..1 is halved towards the largest second difference. The jump of
    the slope over the interval shrinks with its length where the value is smooth, and stays where it has a kink.
    """
    y, raw = np.asarray(y, dtype=np.float64), np.asarray(raw, dtype=np.float64)
    spread = 1.0 + np.std(y) + np.std(raw)
    low = np.minimum(np.minimum(y, raw), 0.0) - 1.37 * spread
    high = np.maximum(np.maximum(y, raw), 0.0) + 1.41 * spread
    jumps = []
    for _ in range(22):
        h = (high - low) / 4
        with np.errstate(all="ignore"):
            f = np.stack([value(y, low + i * h) for i in range(5)])
            second = np.abs(f[:-2] - 2 * f[1:-1] + f[2:])
        noise = 64 * EPS * np.abs(f).max(axis=0)
        second = np.where(np.isfinite(second), second, 0.0)
        best = second.argmax(axis=0)
        jump = np.take_along_axis(second, best[None], axis=0)[0]
        jumps.append(np.where(jump > noise, jump / h, 0.0))
        low, high = low + best * h, low + (best + 2) * h
    slope_scale = np.max(jumps[0]) + np.finfo(float).tiny
    # 12 halvings divide the jump of a smooth value by 4096 and leave that of a kink as it was.
    return bool(np.any((jumps[-1] > 0.2 * jumps[-13]) & (jumps[-1] > 1e-6 * slope_scale)))
