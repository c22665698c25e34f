"""What the proximal point method asks of an objective, row by row."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cholesky, solve

from ...arrays import EPS, Array
from ...models import LinearMap

if TYPE_CHECKING:
    from ...objective.objective import Objective
    from ...rows.memory import Block

__all__ = [
    "cost_of",
    "curved",
    "gap_above_lines",
    "level_above",
    "lines_of",
    "only",
    "pulled",
    "raw_of",
    "spread",
    "straightened",
    "targets_of",
    "tilted",
    "turns",
]


def raw_of(objective: Objective, params: Array) -> Array:
    """Return raw of every row, (n, K); zero where the weight is."""
    result = np.zeros((len(objective.data.weight), objective.model.n_raw))
    for block in objective.data.blocks():
        result[block.rows] = objective.model.push_forward(block.X, params, params)
    return result


def targets_of(objective: Objective) -> Array:
    """Return y of every row as an elementwise loss sees it, (n, K); 1, which is in every domain, where the weight is zero."""
    result = np.ones((len(objective.data.weight), objective.model.n_raw))
    for block in objective.data.blocks():
        result[block.rows] = objective.encoded(block)
    return result


def pulled(objective: Objective, slopes: Array) -> Array:
    """Return the gradient in params of the weighted mean of slopes * raw, flat, from a slope for each row, (n, K)."""

    def part(block: Block) -> tuple[Array]:
        return (objective.model.pull(block.X, block.weight[:, None] * slopes[block.rows]),)

    return objective.data.reduce(part)[0] / objective.total


def tilted(objective: Objective, params: Array, slopes: Array) -> Array:
    """Return the gradient of F's smooth part, flat, with these slopes for the loss of each row, (n, K)."""
    return objective.with_penalty(params, pulled(objective, slopes))


def curved(objective: Objective, params: Array, curvature: Array) -> Array:
    """Return the second derivative of F's smooth part with this curvature for the loss of each row, (n, K)."""
    return objective.curved(params, lambda block: curvature[block.rows])


def lines_of(objective: Objective) -> tuple[Array, Array, Array]:
    """Return the kinks of the loss of every row, (J, n, K), and the slopes of the lines that meet there, to fit that shape.

    Rows of weight zero have a kink at zero. Slopes that are the same for all rows take no memory.
    """
    wholes: list[Array] = []
    for block in objective.data.blocks():
        parts = objective.loss.lines(objective.encoded(block))
        shape = len(parts[0]), len(objective.data.weight), objective.model.n_raw
        if not wholes:
            wholes = [np.zeros(shape)]
            for part, default in ((parts[1], -1.0), (parts[2], 1.0)):
                wholes.append(np.full(shape, default) if np.size(part) > shape[0] else part)
        for whole, part in zip(wholes, parts, strict=True):
            if whole.shape == shape:
                whole[:, block.rows] = part
    kinks, left, right = wholes
    return kinks, left, right


def level_above(objective: Objective, params: Array) -> float:
    """Return the mean loss above the sum of its lines, which is the same everywhere."""

    def part(block: Block) -> tuple[float]:
        y, raw = objective.encoded(block), objective.shifted(block, objective.model.raw(block.X, params))
        kinks, left, right = objective.loss.lines(y)
        lines = np.maximum(left * (raw - kinks), right * (raw - kinks)).sum(axis=0)
        return (objective.cost(objective.loss.value(y, raw) - lines, block.weight),)

    return objective.data.reduce(part)[0]


def spread(objective: Objective, few: Objective, params: Array, near: Array) -> Array:
    r"""Return the standard error of raw for every row, (n,), up to a factor, when the weights are estimated from a few rows.

    .. math:: s_i^2 = x_i^T H^{-1} G H^{-1} x_i, \qquad G = \sum_{few} x x^T, \qquad H = \sum_{few, near} x x^T

    The few that are near a kink, a mask (n_few, K), are those whose slope will turn.
    """
    bend, gram = (curved(few, params, part)[0] for part in (near, np.ones_like(near)))
    scale = np.sqrt(np.maximum(np.diagonal(gram), EPS * np.diagonal(gram).max()))
    bend, gram = bend / scale / scale[:, None], gram / scale / scale[:, None]
    for matrix in (bend, gram):
        matrix[np.diag_indices_from(matrix)] += 1e-8
    root = solve(bend, cholesky(gram, lower=True), assume_a="pos") / scale[:, None]
    model = objective.model
    turned = LinearMap(model.n_features, model.n_rows, model.fit_intercept, model.center)
    result = np.zeros(len(objective.data.weight))
    for block in objective.data.blocks():
        Z = turned.push_forward(block.X, root, root)
        result[block.rows] = np.sqrt(np.einsum("ij,ij->i", Z, Z))
    return result


def turns(objective: Objective, raw: Array, other: Array) -> Array:
    """Return which rows have another slope at one raw, (n, K), than at another, (n,)."""
    result = np.zeros(len(raw), dtype=bool)
    for block in objective.data.blocks():
        y = objective.encoded(block)
        one, two = (objective.loss.gradient(y, objective.shifted(block, r[block.rows])) for r in (raw, other))
        size = np.maximum(np.abs(one), np.abs(two)) + objective.slope_size
        result[block.rows] = np.any(np.abs(one - two) > 1e-9 * size, axis=1)
    return result


def only(objective: Objective, rows: Array) -> Objective:
    """Return the objective of some rows, by themselves, as their share of the whole one."""
    result = copy(objective)
    result.total = objective.total
    result.data = objective.data.copied(rows)
    result.offset = None if objective.offset is None else objective.offset[rows]
    return result


def straightened(objective: Objective, params: Array, raw: Array, bent: Array, least: int = 8) -> Objective:
    """Return the objective on the bent rows, (n,), the loss of the others being a straight line near their raw at params.

    As long as no slope of theirs turns, nothing has changed but the work. The objective itself is returned where the rows are
    not fewer by a factor of `least`.
    """
    rows = np.flatnonzero(bent)
    if least * len(rows) > objective.data.n_rows or not len(rows):
        return objective
    cost, slopes = 0.0, np.zeros_like(raw)
    for block in objective.data.blocks():
        y, near, curved = objective.encoded(block), objective.shifted(block, raw[block.rows]), bent[block.rows, None]
        value, slope = objective.loss.value_and_gradient(y, near)
        cost += objective.cost(np.where(curved, 0.0, value), block.weight)
        slopes[block.rows] = np.where(curved, 0.0, slope)
    line = pulled(objective, slopes)
    result = only(objective, rows)
    result.line = cost - float(line @ params), line
    return result


def cost_of(objective: Objective, raw: Array) -> float:
    """Return the mean loss from raw of every row, (n, K)."""

    def part(block: Block) -> tuple[float]:
        value = objective.loss.value(objective.encoded(block), objective.shifted(block, raw[block.rows]))
        return (objective.cost(value, block.weight),)

    return objective.data.reduce(part)[0]


def gap_above_lines(objective: Objective, raw: Array, step: float, multiplier: Array) -> tuple[float, float, Array]:
    """Return the mean loss, its mean height above supporting lines, and their slopes, from raw of every row, (n, K).

    A line supports the loss of a row at the proximal point of raw + step * multiplier.
    """
    cost = height = 0.0
    slopes = np.zeros_like(raw)
    for block in objective.data.blocks():
        y, here = objective.encoded(block), raw[block.rows]
        v = here + step * multiplier[block.rows]
        z = objective.loss.prox(y, v, step)
        slopes[block.rows] = (v - z) / step
        line = slopes[block.rows] * (here - z)
        value = objective.loss.value(y, here)
        excess = value - objective.loss.value(y, z) - (line.sum(axis=1) if objective.loss.rowwise else line)
        cost += objective.cost(value, block.weight)
        height += objective.cost(excess, block.weight)
    return cost, max(height, 0.0), slopes
