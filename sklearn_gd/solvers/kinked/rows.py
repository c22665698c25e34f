"""Operations on the rows for solvers of losses with kinks. Arrays of raw exclude the offset of the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve

from ...arrays import EPS, Array
from ...losses import Loss
from ...models.base import LinearBound
from ...models.linear import LinearMap
from ...objective.objective import Objective
from ...objective.summand import Summand, weighted
from ...rows.base import Block, RowArray

__all__ = [
    "count",
    "elementwise",
    "facts_of_lines",
    "gradient_with_slopes",
    "level_above",
    "linearized",
    "lines_of",
    "loss_of",
    "offset_of",
    "raw_of",
    "sides",
    "slope_changes",
    "standard_error",
    "supporting_slopes",
    "targets_of",
    "weighted_sums",
    "weights_of",
]


def raw_of(objective: Objective, params: Array) -> RowArray:
    """Return raw of every row, (n, K)."""
    return objective.rows.map(partial(objective.summand.change, params))


def targets_of(objective: Objective) -> RowArray:
    """Return y of every row as an elementwise loss sees it, (n, K)."""
    return objective.rows.map(objective.summand.target)


def loss_of(objective: Objective) -> Loss:
    """Return the loss bound to the additional data of all rows, for rows in memory."""
    loss = objective.loss
    return loss.for_rows(objective.rows.map(_loss_data)) if loss.takes_data else loss


def _loss_data(block: Block) -> Array:
    return block.loss_data


def gradient_with_slopes(objective: Objective, params: Array, slopes: RowArray) -> Array:
    """Return the flat gradient of the smooth part of F, with the given slopes for the loss of each row, (n, K)."""
    return objective.with_penalty(params, objective.gradient_of_slopes(slopes))


def count(objective: Objective, mask: RowArray) -> int:
    """Return the number of rows in a mask, (n,)."""
    return int(objective.rows.reduce(_count, mask)[0])


def _count(block: Block, mask: Array) -> tuple[int]:
    return (int(np.count_nonzero(mask)),)


def elementwise(objective: Objective, function: Callable[..., Array], *arrays: RowArray) -> RowArray:
    """Return an elementwise function of row arrays; it can be pickled, as for instance a ufunc of NumPy."""
    return objective.rows.map(partial(_apply, function), *arrays)


def _apply(function: Callable[..., Array], block: Block, *arrays: Array) -> Array:
    return function(*arrays)


def facts_of_lines(objective: Objective, state: Any, weight: Array, gradient: Array, level: float) -> dict[str, Any]:
    """Return the facts about F, by name, for a state with lines for all rows: value, gradient, certificate, decrement.

    Its `slope`, `distance` from a kink, and the slopes `left` and `right` of it broadcast to (J, n, K). `gradient` is flat,
    `weight`, (n, 1), is divided by the total, and `level` is the mean loss above the lines.
    """
    values = np.maximum(state.left * state.distance, state.right * state.distance)
    gap = max(float(np.sum(weight * (values - state.slope * state.distance))), 0.0)
    value = level + float(np.sum(weight * values)) + objective.penalty_value(state.params)
    point = objective.at_slopes(state.params, value, gradient, gap)
    return {**vars(point), "needs_fallback": True, "decrement": gap if gap > 8 * EPS * abs(value) else 0.0}


# -- slopes that change -----------------------------------------------------------------------------------------------


def slope_changes(objective: Objective, raw: RowArray, other: RowArray, least: float = 0.0) -> RowArray:
    """Return the mask, (n,), of rows whose slope differs between two raw, each (n, K), moved apart by `least` both ways."""
    return objective.rows.map(partial(_changes, objective.summand, objective.reference.slope_size, least), raw, other)


def _changes(summand: Summand, size: float, width: float, block: Block, raw: Array, other: Array) -> Array:
    loss, y = summand.loss_and_target(block)
    one, two = loss.gradient(y, summand.shifted(block, raw - width)), loss.gradient(y, summand.shifted(block, other + width))
    bound = np.maximum(np.abs(one), np.abs(two)) + size
    return np.any(np.abs(one - two) > 1e-9 * bound, axis=1)


def linearized(objective: Objective, params: Array, raw: RowArray, curved: RowArray, least: int = 8) -> Objective:
    """Return the objective on the curved rows, (n,), with the loss of the others linearised at their raw at params.

    As long as no slope of the others changes, this is the same objective with less work. The objective itself is returned if
    the rows are in memory and their number does not decrease by a factor of `least`.
    """
    some = count(objective, curved)
    if not some or (objective.rows.in_memory and least * some > objective.rows.n_samples):
        return objective
    cost, slope = objective.rows.reduce(partial(_lines, objective.summand), raw, curved)
    slope = slope / objective.total
    level, tilt = objective.remainder
    remainder = level + cost / objective.total - float(slope @ params), tilt + slope
    return replace(objective, rows=objective.rows.take(curved), remainder=remainder)


def _lines(summand: Summand, block: Block, raw: Array, curved: Array) -> tuple[float, Array]:
    """Return the sum of the losses of the rows that are not curved, and its gradient."""
    loss, y = summand.loss_and_target(block)
    value, slope = loss.value_and_gradient(y, summand.shifted(block, raw))
    value = value if value.ndim == 1 else value.sum(axis=1)
    slopes = np.where(curved[:, None], 0.0, slope)
    return weighted(np.where(curved, 0.0, value), block.weight), *summand.gradient_of_slopes(block, slopes)


# -- lines ------------------------------------------------------------------------------------------------------------


def sides(summand: Summand, block: Block, raw: Array) -> tuple[Array, Array]:
    """Return the slopes of the lines at raw, (n, K), and its distances from the kinks, (n, J, K) each."""
    loss, y = summand.loss_and_target(block)
    kinks, left, right = loss.lines(y)
    distance = summand.shifted(block, raw) - kinks
    return np.where(distance < 0, left, right).swapaxes(0, 1), distance.swapaxes(0, 1)


def lines_of(objective: Objective) -> tuple[Array, Array, Array]:
    """Return the kinks of the loss of every row in memory, (J, n, K), and the slopes of the two lines at each kink.

    The slopes broadcast to the shape of the kinks; slopes that are the same for all rows take no memory.
    """
    kinks, left, right = (
        np.ascontiguousarray(part.swapaxes(0, 1)) for part in objective.rows.map(partial(_kinks, objective.summand))
    )
    left, right = (part[:, :1].copy() if (part == part[:, :1]).all() else part for part in (left, right))
    return kinks, left, right


def _kinks(summand: Summand, block: Block) -> tuple[Array, ...]:
    loss, y = summand.loss_and_target(block)
    parts = loss.lines(y)
    shape = len(parts[0]), len(block.weight), summand.model.n_raw
    return tuple(np.broadcast_to(part, shape).swapaxes(0, 1) for part in parts)


def level_above(objective: Objective, params: Array) -> float:
    """Return the mean loss above the sum of its lines, which is constant in params."""
    return float(objective.rows.reduce(partial(_level, objective.summand, params))[0] / objective.total)


def _level(summand: Summand, params: Array, block: Block) -> tuple[float]:
    loss, y = summand.loss_and_target(block)
    raw = summand.raw(params, block)
    kinks, left, right = loss.lines(y)
    lines = np.maximum(left * (raw - kinks), right * (raw - kinks)).sum(axis=0)
    return (weighted(loss.value(y, raw) - lines, block.weight),)


def weights_of(objective: Objective) -> Any:
    """Return the weight of every row in memory, (n,)."""
    return objective.rows.map(_weight)


def _weight(block: Block) -> Array:
    return block.weight


def offset_of(objective: Objective) -> Any:
    """Return the offset of raw of every row in memory, (n, 1) or (n, K)."""
    return objective.rows.map(_offset)


def _offset(block: Block) -> Array:
    return np.zeros((len(block.weight), 1)) if block.offset is None else block.offset


# -- supporting lines -------------------------------------------------------------------------------------------------


def supporting_slopes(objective: Objective, raw: RowArray, step: float, multiplier: RowArray) -> tuple[float, float, RowArray]:
    """Return the mean loss, its mean height above supporting lines, and their slopes, from raw of every row, (n, K).

    The line of a row supports its loss at the proximal point of raw + step * multiplier.
    """
    rows = objective.rows
    slopes, value, height = rows.map(partial(_supporting, objective.summand, step), raw, multiplier)
    cost, gap = rows.reduce(weighted_sums, value, height)
    return cost / objective.total, max(gap / objective.total, 0.0), slopes


def _supporting(summand: Summand, step: float, block: Block, raw: Array, multiplier: Array) -> tuple[Array, Array, Array]:
    loss, y = summand.loss_and_target(block)
    here = summand.shifted(block, raw)
    v = here + step * multiplier
    z = loss.prox(y, v, step)
    slopes = (v - z) / step
    line, value = slopes * (here - z), loss.value(y, here)
    height = value - loss.value(y, z) - (line.sum(axis=1) if loss.rowwise else line)
    return slopes, value.reshape(len(y), -1).sum(axis=1), height.reshape(len(y), -1).sum(axis=1)


def weighted_sums(block: Block, *arrays: Array) -> tuple[float, ...]:
    """Return the weighted sum of each array, (n,): a kernel."""
    return tuple(float(block.weight @ array) for array in arrays)


# -- estimation errors ------------------------------------------------------------------------------------------------


def standard_error(objective: Objective, few: Objective, params: Array, near: RowArray) -> RowArray:
    r"""Return the standard error of raw for every row, (n,), up to a factor, if the weights are estimated from a few rows.

    .. math:: s_i^2 = x_i^T H^{-1} G H^{-1} x_i, \qquad G = \sum_{few} x x^T, \qquad H = \sum_{few, near} x x^T

    The few rows near a kink, (n_few, K), are those whose slope will change.
    """
    curvature, gram = (few.hessian_of_curvature(params, part)[0] for part in (near, np.ones_like(near)))
    scale = np.sqrt(np.maximum(np.diagonal(gram), EPS * np.diagonal(gram).max()))
    curvature, gram = curvature / scale / scale[:, None], gram / scale / scale[:, None]
    for matrix in (curvature, gram):
        matrix[np.diag_indices_from(matrix)] += 1e-8
    root = solve(curvature, cholesky(gram, lower=True), assume_a="pos") / scale[:, None]
    model = objective.linear
    turned = LinearMap(model.n_features, model.n_inputs, model.fit_intercept, model.center)
    return objective.rows.map(partial(_lengths, turned, root.ravel()))


def _lengths(model: LinearBound, root: Array, block: Block) -> Array:
    Z = model.push_forward(block.X, root)
    return np.sqrt(np.einsum("ij,ij->i", Z, Z))
