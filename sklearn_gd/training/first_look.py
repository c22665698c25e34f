"""Examination of a custom loss before the first step of a fit, and once more at its end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..arrays import Array
from ..losses import Loss
from ..losses.checks import check_bounded, disagreement
from ..objective.objective import Objective
from ..objective.summand import Summand
from ..rows.base import Block

__all__ = ["SOME", "check_end", "examined", "observed", "some_targets"]

# The numbers of rows on which a custom loss is examined, and on which its derivatives are compared.
SOME, FEW = 256, 64


def examined(loss: Loss, y: Array, raw: Array, free: bool) -> Loss:
    """Return the loss with the findings from some rows and their raw stored; `free` tells if an intercept can shift raw.

    Raises
    ------
    ValueError
        If the loss cannot be fitted by gradients, or a derivative given by the user does not match the values.
    """
    if not loss.foreign:
        return loss
    y, raw = _observed(loss, y, raw)
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


def _observed(loss: Loss, y: Array, raw: Array) -> tuple[Array, Array]:
    """Return y and raw without missing entries, in one column, for an elementwise loss; otherwise unchanged."""
    if loss.rowwise or not np.isnan(y).any():
        return y, raw
    seen = ~np.isnan(y)
    return y[seen][:, None], raw[seen][:, None]


def _check_rows(loss: Loss, y: Array, raw: Array) -> None:
    """Raise ValueError if the value of a row depends on the other rows."""
    with np.errstate(all="ignore"):
        whole, again, alone = loss.value(y, raw)[::3], loss.value(y, raw)[::3], loss.value(y[::3], raw[::3])
    if np.array_equal(whole, again, equal_nan=True) and not np.allclose(whole, alone, rtol=1e-6, equal_nan=True):
        raise ValueError(
            f"The loss {loss.name} gave rows other values when other rows were left out: expected the value of each row by "
            "itself, with no mean, maximum or order of the rows in it."
        )


def observed(objective: Objective, constant: Array) -> Loss:
    """Return the loss of an objective `examined` on some rows, around a constant raw."""
    if not objective.loss.foreign:
        return objective.loss
    y, _ = some_targets(objective, SOME)
    return examined(objective.loss, y, np.tile(constant, (len(y), 1)), objective.model.fit_intercept)


def check_end(objective: Objective, params: Array) -> str:
    """Return what is wrong with the user's gradient at the end of a fit; an empty string if nothing is."""
    if not (objective.loss.foreign and objective.loss.has_gradient):
        return ""
    rows = objective.rows.sample(min(FEW, objective.rows.n_samples))
    y, raw = rows.map(partial(_target_and_raw, objective.summand, params))
    return disagreement(objective.loss, *_observed(objective.loss, y, raw))


def some_targets(objective: Objective, size: int) -> tuple[Array, Array]:
    """Return y of some rows, as the loss sees it, and their weights: rows spread over the data, and those with extreme y."""
    rows = objective.rows.columns(np.arange(0))
    y, weight = rows.sample(min(size, rows.n_samples)).map(partial(_target_and_weight, objective.summand))
    ends: _Ends = rows.reduce(partial(_ends, objective.summand))[0]
    known = {row.tobytes() for row in y}
    new = np.array([row.tobytes() not in known for row in ends.y])
    return np.concatenate([y, ends.y[new]]), np.concatenate([weight, ends.weight[new]])


@dataclass(frozen=True)
class _Ends:
    """The rows with the lowest and the highest y in each column, and their weights."""

    y: Array
    weight: Array

    def __add__(self, other: _Ends) -> _Ends:
        return _ends_of(np.concatenate([self.y, other.y]), np.concatenate([self.weight, other.weight]))


def _ends_of(y: Array, weight: Array) -> _Ends:
    columns = y.reshape(len(y), -1)
    missing = np.isnan(columns)
    lowest, highest = np.where(missing, np.inf, columns).argmin(axis=0), np.where(missing, -np.inf, columns).argmax(axis=0)
    rows = np.concatenate([lowest, highest])
    return _Ends(y[rows], weight[rows])


# -- kernels ----------------------------------------------------------------------------------------------------------


def _ends(summand: Summand, block: Block) -> tuple[_Ends]:
    return (_ends_of(summand.loss_and_target(block)[1], block.weight),)


def _target_and_weight(summand: Summand, block: Block) -> tuple[Array, Array]:
    return summand.loss_and_target(block)[1], block.weight


def _target_and_raw(summand: Summand, params: Array, block: Block) -> tuple[Array, Array]:
    return summand.loss_and_target(block)[1], summand.raw(params, block)
