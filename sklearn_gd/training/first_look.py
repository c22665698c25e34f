"""What a fit finds out about its loss before the first step, and once more at its end; the constants to begin at."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Array
from ..losses.checks import disagreement
from ..losses.findings import check_bounded

if TYPE_CHECKING:
    from ..losses import Loss
    from ..objective.objective import Objective

__all__ = ["SOME", "check_end", "examined", "first_constant", "observed", "starts"]

# Rows that a loss of the user's own is looked at on, and those that its derivatives are compared on.
SOME, FEW = 256, 64


def examined(loss: Loss, y: Array, raw: Array, free: bool) -> Loss:
    """Return the loss with what it leaves to the data settled, from some rows and their raw; `free` if an intercept moves it.

    Raises
    ------
    ValueError
        When the loss cannot be fitted by gradients, or a derivative that the user gave is not that of its values.
    """
    if not loss.foreign:
        return loss
    noise = np.random.RandomState(0).uniform(-1.0, 1.0, raw.shape)
    _check_rows(loss, y, raw + (float(np.std(y)) or 1.0) * noise)
    if free and not loss.rowwise:
        check_bounded(loss, y)
    loss = loss.observe(y, raw)
    step = max(1, len(y) // FEW)
    found = disagreement(loss, y[::step], (raw + loss.pieces.unit * noise)[::step])
    if found:
        raise ValueError(found)
    return loss


def _check_rows(loss: Loss, y: Array, raw: Array) -> None:
    """Raise ValueError when the value of a row depends on which other rows there are."""
    with np.errstate(all="ignore"):
        whole, again, alone = loss.value(y, raw)[::3], loss.value(y, raw)[::3], loss.value(y[::3], raw[::3])
    if np.array_equal(whole, again, equal_nan=True) and not np.allclose(whole, alone, rtol=1e-6, equal_nan=True):
        raise ValueError(
            f"The loss {loss.name} gave rows other values when other rows were left out: expected the value of each row by "
            "itself, with no mean, maximum or order of the rows in it."
        )


def observed(objective: Objective, constant: Array) -> Objective:
    """Return the same objective with the loss `examined` on some rows, around a constant raw."""
    result = copy(objective)
    if objective.loss.foreign:
        y, _ = _targets(objective, SOME)
        result.loss = examined(objective.loss, y, np.tile(constant, (len(y), 1)), objective.model.fit_intercept)
    return result


def check_end(objective: Objective, params: Array) -> str:
    """Return what is wrong with a gradient that the user gave, where a fit has ended; an empty string if nothing is."""
    if not (objective.loss.foreign and objective.loss.has_gradient):
        return ""
    blocks = list(objective.data.sample(min(FEW, objective.data.n_rows)).blocks())
    y = np.concatenate([objective.encoded(block) for block in blocks])
    raw = np.concatenate([objective.shifted(block, objective.model.raw(block.X, params)) for block in blocks])
    return disagreement(objective.loss, y, raw)


def first_constant(objective: Objective) -> Array:
    """Return a constant raw prediction of finite cost, (K,), if there is one; a low one of a user's loss."""
    loss, target = objective.loss, objective.target
    y, weight = _targets(objective, SOME)
    mean, zero = loss.link(objective.mean_target()), np.zeros(objective.model.n_raw)
    if loss.foreign and not loss.rowwise and target.has_unit:
        values = np.quantile(y, np.linspace(0.0, 1.0, 65), axis=0, method="nearest")
        trials = np.vstack([zero, mean, values])
        costs = np.stack([weight @ loss.value(y, np.tile(trial, (len(y), 1))) for trial in trials])
        best = np.where(np.isfinite(costs), costs, np.inf).argmin(axis=0)
        return np.asarray(np.take_along_axis(trials, best[None], axis=0)[0])
    ends = [loss.link(end) for end in (y.min(axis=0), y.max(axis=0))] if target.has_unit else []
    constants = [np.atleast_1d(constant) for constant in (mean, *ends, zero)]
    finite = [c for c in constants if np.all(np.isfinite(loss.value(y, np.tile(c, (len(y), 1)))))]
    return (finite or constants)[0]


def starts(objective: Objective, constant: Array) -> list[Array]:
    """Return the constant predictions to begin at: zero too where a loss is flat at the best one, which no fit would leave."""
    unknown = objective.loss.foreign and not objective.loss.convex and objective.flat_at(constant)
    return [constant, np.zeros_like(constant)] if unknown else [constant]


def _targets(objective: Objective, size: int) -> tuple[Array, Array]:
    """Return y of some rows, as the loss sees it, and their weights: spread over the data, and those at the ends of y."""
    data = objective.data
    rows = np.arange(len(data.weight))[data.used]
    y = data.y[rows]
    ends = rows[np.ravel([y.argmin(axis=0), y.argmax(axis=0)])]
    chosen = np.union1d(data.sample(min(size, len(rows))).used, ends)
    return objective.target.encode(data.y[chosen], objective.loss.rowwise), data.weight[chosen]
