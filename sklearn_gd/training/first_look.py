"""Examination of a custom loss before the first step of a fit, and once more at its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..arrays import Array, in_columns, part_of
from ..losses import Loss
from ..losses.checks import check_bounded, disagreement
from ..losses.contract import Points
from ..objective.objective import Objective
from ..objective.summand import Summand
from ..rows.base import Block

__all__ = ["SOME", "Sample", "check_end", "examined", "observed", "some_rows"]

# The numbers of rows on which a custom loss is examined, and on which its derivatives are compared.
SOME, FEW = 256, 64


@dataclass(frozen=True)
class Sample:
    """Some rows without X: y as the loss sees it, weights, the offset of raw and the data of the loss; samples can be added."""

    y: Array
    weight: Array
    offset: Array | None = None
    loss_data: Any = None

    def __add__(self, other: Sample) -> Sample:
        return Sample(
            np.concatenate([self.y, other.y]),
            np.concatenate([self.weight, other.weight]),
            _joined(self.offset, other.offset),
            _joined(self.loss_data, other.loss_data),
        )

    def some(self, rows: Any) -> Sample:
        """Return some of the rows."""
        return Sample(self.y[rows], self.weight[rows], part_of(self.offset, rows), part_of(self.loss_data, rows))

    def raw(self, constant: Array) -> Array:
        """Return raw, (n, K), for a constant one, (K,), without the offset."""
        raw = np.tile(constant, (len(self.weight), 1))
        return raw if self.offset is None else raw + self.offset

    def value(self, loss: Loss, constant: Array) -> Array:
        """Return the losses of a constant raw."""
        return loss.for_rows(self.loss_data).value(self.y, self.raw(constant))


def _joined(one: Any, two: Any) -> Any:
    return None if one is None else np.concatenate([one, in_columns(two, one.dtype.names)])


def examined(loss: Loss, sample: Sample, constant: Array, free: bool) -> Loss:
    """Return the loss with the findings from some rows, around a constant raw, stored.

    `free` tells whether an intercept can shift raw.

    Raises
    ------
    ValueError
        If the loss cannot be fitted by gradients, or a derivative given by the user does not match the values.
    """
    if not loss.foreign:
        return loss
    points = _observed_entries(Points(loss, sample.y, sample.raw(constant), sample.loss_data))
    y, raw = points.y, points.raw
    noise = np.random.RandomState(0).uniform(-1.0, 1.0, raw.shape)
    _check_rows(replace(points, raw=raw + (float(np.std(y)) or 1.0) * noise))
    if free and not loss.rowwise:
        check_bounded(loss, y, points.loss_data)
    loss = loss.observe(y, raw, points.loss_data)
    nearby = replace(points, unbound=loss, raw=raw + loss.spacing.unit * noise)
    found = disagreement(nearby.rows(np.arange(len(y))[:: max(1, len(y) // FEW)]))
    if found:
        raise ValueError(found)
    return loss


def _observed_entries(points: Points) -> Points:
    """Return the points without missing entries, in one column, for an elementwise loss; otherwise unchanged."""
    if points.unbound.rowwise:
        return points
    points = replace(points, y=np.broadcast_to(points.y, points.raw.shape))  # one target may have several columns of raw
    if not np.isnan(points.y).any():
        return points
    seen = ~np.isnan(points.y)
    data = part_of(points.loss_data, np.nonzero(seen)[0])
    return Points(points.unbound, points.y[seen][:, None], points.raw[seen][:, None], data)


def _check_rows(points: Points) -> None:
    """Raise ValueError if the value of a row depends on the other rows."""
    third = points.rows(np.arange(len(points.y))[::3])
    with np.errstate(all="ignore"):
        whole, again = (points.loss.value(points.y, points.raw)[::3] for _ in range(2))
        alone = third.loss.value(third.y, third.raw)
    if np.array_equal(whole, again, equal_nan=True) and not np.allclose(whole, alone, rtol=1e-6, equal_nan=True):
        raise ValueError(
            f"The loss {points.unbound.name} gave rows other values when other rows were left out: expected the value of each "
            "row by itself, with no mean, maximum or order of the rows in it."
        )


def observed(objective: Objective, constant: Array) -> Loss:
    """Return the loss of an objective `examined` on some rows, around a constant raw."""
    if not objective.loss.foreign:
        return objective.loss
    return examined(objective.loss, some_rows(objective, SOME), constant, objective.model.fit_intercept)


def check_end(objective: Objective, params: Array) -> str:
    """Return what is wrong with the user's gradient at the end of a fit; an empty string if nothing is."""
    if not (objective.loss.foreign and objective.loss.has_gradient):
        return ""
    rows = objective.rows.sample(min(FEW, objective.rows.n_samples))
    sample, raw = rows.reduce(partial(_sample, objective.summand))[0], rows.map(partial(objective.summand.raw, params))
    return disagreement(_observed_entries(Points(objective.loss, sample.y, raw, sample.loss_data)))


def some_rows(objective: Objective, size: int) -> Sample:
    """Return some rows spread over the data, and those with extreme y."""
    rows = objective.rows.columns(np.arange(0))
    sample: Sample = rows.sample(min(size, rows.n_samples)).reduce(partial(_sample, objective.summand))[0]
    ends: _Ends = rows.reduce(partial(_ends, objective.summand))[0]
    drawn, extreme = (part.y.reshape(len(part.y), -1) for part in (sample, ends.sample))
    new = np.array([not (drawn == row).all(axis=1).any() for row in extreme])
    return sample + ends.sample.some(new)


@dataclass(frozen=True)
class _Ends:
    """The rows with the lowest and the highest y in each column."""

    sample: Sample

    def __add__(self, other: _Ends) -> _Ends:
        return _ends_of(self.sample + other.sample)


def _ends_of(sample: Sample) -> _Ends:
    columns = sample.y.reshape(len(sample.y), -1)
    missing = np.isnan(columns)
    lowest, highest = np.where(missing, np.inf, columns).argmin(axis=0), np.where(missing, -np.inf, columns).argmax(axis=0)
    return _Ends(sample.some(np.concatenate([lowest, highest])))


# -- kernels ----------------------------------------------------------------------------------------------------------


def _sample(summand: Summand, block: Block) -> tuple[Sample]:
    return (Sample(summand.encoding.encode(block.y), block.weight, block.offset, block.loss_data),)


def _ends(summand: Summand, block: Block) -> tuple[_Ends]:
    return (_ends_of(_sample(summand, block)[0]),)
