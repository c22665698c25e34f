"""Coordinate descent over columns, compiled by numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba import types

from .signatures import CSR, PAIR, SLOPE, VECTOR, read

__all__ = ["descend"]

# The share of the violation to which the quadratic model is solved, and the maximum number of halvings of its step.
RATIO, HALVINGS = 0.1, 20


@numba.njit(cache=True, nogil=True)
def _excess(gradient: float, weight: float, threshold: float) -> float:
    """Return the size of the smallest subgradient of a weight whose penalty is an absolute value."""
    if weight != 0.0:
        return abs(gradient + math.copysign(threshold, weight))
    return max(abs(gradient) - threshold, 0.0)


@numba.njit(cache=True, nogil=True)
def _product(data: Any, indices: Any, first: int, stop: int, vector: Any) -> float:
    """Return the product of a column and a vector."""
    total = 0.0
    for e in range(first, stop):
        total += data[e] * vector[indices[e]]
    return total


@numba.njit(cache=True, nogil=True)
def _add(data: Any, indices: Any, first: int, stop: int, factor: float, vector: Any) -> None:
    """Add a multiple of a column to a vector."""
    for e in range(first, stop):
        vector[indices[e]] += factor * data[e]


@numba.njit(cache=True, nogil=True)
def _slope_along(slope_at: Any, constant: float, y: Any, raw: Any, share: Any, change: Any, t: float) -> float:
    """Return the slope of the mean loss along a change of raw, at a distance t."""
    total = 0.0
    for i in range(len(raw)):
        total += share[i] * slope_at(y[i], raw[i] + t * change[i], constant)[0] * change[i]
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sweep(
    data: Any,
    indices: Any,
    indptr: Any,
    columns: Any,
    curvature: Any,
    threshold: Any,
    ridge: Any,
    tilt: Any,
    scale: Any,
    params: Any,
    pull: Any,
    bend: Any,
    change: Any,
) -> float:
    """Minimise the quadratic model over each weight once; return the largest violation that was met.

    `pull` and `bend`, (n,), are the slope and the curvature of the model in raw, and `change` is the change of raw.
    """
    violation = 0.0
    for c in range(len(columns)):
        j, second = columns[c], curvature[c]
        if not second > 0:
            continue
        first, stop = indptr[j], indptr[j + 1]
        aim = params[j] - (tilt[j] + ridge[j] * params[j] + _product(data, indices, first, stop, pull)) / second
        aim = math.copysign(max(abs(aim) - threshold[j] / second, 0.0), aim)
        move = aim - params[j]
        if move != 0.0:
            violation = max(violation, abs(move) * second / (scale[j] + threshold[j] + abs(ridge[j] * params[j])))
            params[j] = aim
            _add(data, indices, first, stop, move, change)
            for e in range(first, stop):
                pull[indices[e]] += move * data[e] * bend[indices[e]]
    return violation


@numba.njit(cache=True, nogil=True)
def _shift(slope: float, total: float, pull: Any, bend: Any, change: Any) -> float:
    """Minimise the quadratic model over the intercept; return its change."""
    move = -(slope + pull.sum()) / total
    pull += move * bend
    change += move
    return move


@numba.njit(
    [
        PAIR(
            *(*CSR, read(types.int64), VECTOR, VECTOR, VECTOR, types.FunctionType(SLOPE), types.float64),
            *(VECTOR, VECTOR, VECTOR, VECTOR, types.boolean, types.float64[::1], types.float64, types.int64),
        )
    ],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def descend(
    data: Any,
    indices: Any,
    indptr: Any,
    columns: Any,
    y: Any,
    shift: Any,
    share: Any,
    slope_at: Any,
    constant: float,
    threshold: Any,
    ridge: Any,
    tilt: Any,
    scale: Any,
    intercept: bool,
    params: Any,
    goal: float,
    most: int,
) -> Any:
    """Minimise over some weights and the intercept, one at a time, in the quadratic model of a Newton step.

    Parameters
    ----------
    data, indices, indptr : ndarray
        X in CSC.
    columns : ndarray of int
        The weights to move.
    y, shift, share : ndarray of shape (n,)
        The target, what is added to the raw of a row, and the share of its weight.
    slope_at, constant : compiled function and float
        The slope and curvature of the loss.
    threshold, ridge : ndarray of shape (p,)
        The penalty of a weight w is threshold |w| + ridge w^2 / 2.
    tilt, scale : ndarray of shape (p + 1,)
        A linear term, and the scale of the certificate; last those of the intercept.
    intercept : bool
        Whether there is one.
    params : ndarray of shape (p + 1,)
        The weights and the intercept. Overwritten.
    goal : float
        The violation at which to end.
    most : int
        Maximum number of sweeps.

    Returns
    -------
    violation, decrement : float
        The largest violation, relative to the scale, and the decrease of F that a Newton step of each weight alone predicts.
    """
    n, p, sweeps = len(share), len(threshold), 0
    raw = shift + params[p]
    for j in np.flatnonzero(params[:p]):
        _add(data, indices, indptr[j], indptr[j + 1], params[j], raw)
    pull, bend, curvature = np.empty(n), np.empty(n), np.empty(len(columns))
    while True:
        for i in range(n):
            first, second = slope_at(y[i], raw[i], constant)
            pull[i], bend[i] = share[i] * first, share[i] * second
        slope, total = tilt[p] + pull.sum(), bend.sum()
        shifts = intercept and total > 0
        violation = abs(slope) / scale[p] if intercept else 0.0
        decrement = 0.5 * slope * slope / total if shifts else 0.0
        for c in range(len(columns)):
            j = columns[c]
            first, stop = indptr[j], indptr[j + 1]
            curvature[c] = ridge[j]
            for e in range(first, stop):
                curvature[c] += bend[indices[e]] * data[e] * data[e]
            gradient = tilt[j] + ridge[j] * params[j] + _product(data, indices, first, stop, pull)
            excess = _excess(gradient, params[j], threshold[j])
            if excess > 0:
                violation = max(violation, excess / (scale[j] + threshold[j] + abs(ridge[j] * params[j])))
                decrement += 0.5 * excess * excess / curvature[c]
        if violation <= goal or sweeps >= most:
            return violation, decrement
        start, change, left = params.copy(), np.zeros(n), np.inf
        while left > max(RATIO * violation, 0.5 * goal) and sweeps < most:
            sweeps += 1
            left = _sweep(data, indices, indptr, columns, curvature, threshold, ridge, tilt, scale, params, pull, bend, change)
            if shifts:
                move = _shift(tilt[p], total, pull, bend, change)
                params[p] += move
                left = max(left, abs(move) * total / scale[p])
        # F is convex: where its slope along the step is not positive, F has fallen. The chord bounds the slope of the penalty.
        rise = tilt @ (params - start) + 0.5 * (ridge @ (params[:p] ** 2 - start[:p] ** 2))
        rise += threshold @ (np.abs(params[:p]) - np.abs(start[:p]))
        limit, t = 0.5 * abs(rise + _slope_along(slope_at, constant, y, raw, share, change, 0.0)), 1.0
        for _ in range(HALVINGS):
            if rise + _slope_along(slope_at, constant, y, raw, share, change, t) <= limit:
                break
            t *= 0.5
        raw += t * change
        params[:] = start + t * (params - start) if t < 1.0 else params
