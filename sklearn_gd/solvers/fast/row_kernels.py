"""Dual coordinate descent over rows, compiled by numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types

from .signatures import CSR, MATRIX, SLOPE, VECTOR

__all__ = ["ascend", "row_squares"]

# Newton steps for a prox, and their accuracy.
MOST, ACCURACY = 60, 1e-3

# Visits in a round, relative to the number of rows, if only some rows are open.
VISITS = 2

# Rows that are visited one after the other: single rows in a random order come from memory, not from the cache.
TOGETHER = 8


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _prox_of_lines(kinks: Any, left: Any, right: Any, i: int, v: float, step: float) -> Any:
    """Return the slope at the prox of v of row i, and a point where the loss has this slope; the kinks increase."""
    slope = 0.0
    for j in range(len(kinks)):
        slope += left[j, i]
    for j in range(len(kinks)):
        jump = right[j, i] - left[j, i]
        if v - step * slope <= kinks[j, i]:
            return slope, kinks[j, i]
        if v - step * (slope + jump) < kinks[j, i]:
            return (v - kinks[j, i]) / step, kinks[j, i]
        slope += jump
    return slope, kinks[-1, i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _slope_of_lines(kinks: Any, left: Any, right: Any, i: int, raw: float) -> float:
    slope = 0.0
    for j in range(len(kinks)):
        slope += left[j, i] if raw < kinks[j, i] else right[j, i]
    return slope


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _prox_of_slope(slope_at: Any, y: float, constant: float, raw: float, v: float, step: float) -> Any:
    """Return the slope at the prox of v, and the prox, by Newton's method from raw, safeguarded by bisection."""
    slope, curvature = slope_at(y, raw, constant)
    excess = raw + step * slope - v
    # The excess grows at least as fast as the point: this is a bracket.
    low, high = min(raw, raw - excess), max(raw, raw - excess)
    goal, at, move = ACCURACY * abs(excess), raw, 2.0 * abs(excess)
    for _ in range(MOST):
        before, last = at, move
        at -= excess / (1.0 + step * curvature)
        if not (low <= at <= high and 2.0 * abs(at - before) <= last):
            at = 0.5 * (low + high)
        move = abs(at - before)
        slope, curvature = slope_at(y, at, constant)
        excess = at + step * slope - v
        if abs(excess) <= goal:
            break
        if excess > 0:
            high = at
        else:
            low = at
    return slope, at


@numba.njit([types.float64[::1](*CSR, types.int64)], cache=True, nogil=True)
def row_squares(data: Any, indices: Any, indptr: Any, n_features: int) -> Any:
    """Return the sum of squares of each row of a CSR matrix, (n,); entries of the same place are added first."""
    result, total = np.zeros(len(indptr) - 1), np.zeros(n_features)
    for i in range(len(result)):
        first, stop = indptr[i], indptr[i + 1]
        for e in range(first, stop):
            total[indices[e]] += data[e]
        for e in range(first, stop):
            result[i] += data[e] * total[indices[e]]
        for e in range(first, stop):
            total[indices[e]] = 0.0
    return result


@numba.njit(
    [
        types.float64(
            *(*CSR, VECTOR, VECTOR, VECTOR, types.FunctionType(SLOPE), VECTOR, types.float64, MATRIX, MATRIX, MATRIX),
            *(types.float64[::1], types.float64[::1], types.float64[::1]),
            *(types.float64, types.float64, types.int64, types.int64),
        )
    ],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def ascend(
    data: Any,
    indices: Any,
    indptr: Any,
    shift: Any,
    share: Any,
    size: Any,
    slope_at: Any,
    y: Any,
    constant: float,
    kinks: Any,
    left: Any,
    right: Any,
    slope: Any,
    touch: Any,
    weights: Any,
    softness: float,
    goal: float,
    most: int,
    seed: int,
) -> Any:
    """Maximise the dual over the slope of one row at a time, in rounds; return an estimate of the gap.

    A round visits all rows in a random order, and then several times those whose slope has changed. The last round is the one
    in which the gap, as seen while visiting all rows, is at most `goal`.

    Parameters
    ----------
    data, indices, indptr : ndarray
        X in CSR.
    shift, share, size : ndarray of shape (n,)
        What is added to the raw of a row, the share of its weight, and the decrease of its raw with its own slope.
    slope_at : compiled function
        The slope and curvature of a smooth loss of y, raw and a constant.
    y : ndarray of shape (n,)
    constant : float
    kinks, left, right : ndarray of shape (J, n)
        The increasing kinks of a piecewise-linear loss, and the slopes of the lines there; J is 0 for a smooth loss.
    slope, touch : ndarray of shape (n,)
        The slope of each row, and a raw at which the loss has it; NaN if that is unknown, as then is the gap. Overwritten.
    weights : ndarray of shape (p,)
        Those that belong to the slopes. Overwritten.
    softness : float
        The inverse strength of the penalty.
    goal : float
    most : int
        Maximum number of rounds.
    seed : int
    """
    np.random.seed(seed)
    n, lines = len(share), len(kinks) > 0
    starts: Any = np.arange(0, n, TOGETHER)
    order, open_ = np.empty(n, np.int64), np.empty(n, np.int64)
    whole = np.inf
    for _ in range(most):
        for a in range(len(starts)):
            b = a + np.random.randint(0, len(starts) - a)
            starts[a], starts[b] = starts[b], starts[a]
        filled = 0
        for start in starts:
            for i in range(start, min(start + TOGETHER, n)):
                order[filled] = i
                filled += 1
        n_open, visits = 0, 0
        while visits < VISITS * n:
            first, gap = visits == 0, 0.0
            for i in order if first else open_[:n_open]:
                first_entry, stop = indptr[i], indptr[i + 1]
                raw = shift[i]
                for e in range(first_entry, stop):
                    raw += data[e] * weights[indices[e]]
                before, v = slope[i], raw + size[i] * slope[i]
                if lines:
                    here = _slope_of_lines(kinks, left, right, i, raw)
                    after, at = _prox_of_lines(kinks, left, right, i, v, size[i])
                else:
                    here = slope_at(y[i], raw, constant)[0]
                    after, at = _prox_of_slope(slope_at, y[i], constant, raw, v, size[i])
                gap += share[i] * (here - before) * (raw - touch[i])
                touch[i] = at
                if after != before:
                    slope[i] = after
                    move = softness * share[i] * (before - after)
                    for e in range(first_entry, stop):
                        weights[indices[e]] += move * data[e]
                    if first:
                        open_[n_open] = i
                        n_open += 1
            if first:
                whole = gap
            visits += n if first else n_open
            if n_open == 0 or whole <= goal:
                break
        if whole <= goal:
            break
    return whole
