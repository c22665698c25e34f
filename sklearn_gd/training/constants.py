"""Constant predictions: the best one, which sets the scale of a fit, and the starting points."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ..arrays import Array
from ..losses import Loss
from ..models import LinearMap
from ..objective.certificate import Reference
from ..objective.objective import Objective
from ..objective.summand import Summand
from ..penalties import NoPenalty
from ..penalties.scaled import Scaled
from ..rows.base import Block, Rows
from ..solvers.auto import Auto
from ..solvers.base import FEW
from ..solvers.loop import solve
from ..targets import Encoding
from .first_look import SOME, Sample, some_rows

__all__ = [
    "Mean",
    "best_constant",
    "constant_at",
    "first_constant",
    "mean_target",
    "reference_at",
    "starts",
    "units_of_raw",
    "without_features",
]


# Rows from which a loss finds a constant to start from.
SEVERAL = 1 << 12


class Mean(NamedTuple):
    """The weighted mean of y or the class frequencies, in the form that `Loss.link` takes, and the mean offset, (K,)."""

    y: Array
    offset: Array


def mean_target(objective: Objective) -> Mean:
    """Return the means over the rows of an objective."""
    summand = objective.summand
    *totals, weight, offset = objective.rows.reduce(summand.totals)
    return Mean(summand.encoding.mean(*totals), offset / weight)


def without_features(rows: Rows, loss: Loss, encoding: Encoding) -> Objective:
    """Return the objective of rows for a model with only an intercept."""
    columns = Reference(np.zeros(0), np.zeros(0), np.zeros(encoding.n_raw), np.ones(encoding.n_raw))
    summand = Summand(LinearMap(0, encoding.n_raw, fit_intercept=True), loss, encoding)
    return Objective.on(rows.without_features(encoding.distinct), summand, Scaled(NoPenalty(), 0.0), columns)


def reference_at(bare: Objective, constant: Array, columns: Reference) -> Reference:
    """Return the reference of a constant prediction, (K,), from an objective without features and the facts of the columns.

    A loss that is not convex may be flat there; the slopes at zero then count as well, unless the constant was found from the
    targets, in their units. If the constant fits all rows exactly, slopes at a distance give the scale, because bounds may
    keep a fit away from the constant.
    """
    value, slope, sizes = _at(bare, constant)
    size, scale = abs(value), sizes
    if not (bare.loss.convex or bare.loss.first_raw or _has_columns(bare.loss)):
        scale = np.maximum(sizes, _at(bare, np.zeros_like(constant))[2])
    if not scale.any():
        size, _, scale = _at(bare, constant + np.maximum(np.abs(constant), 1.0))
    gap = float(np.divide(np.abs(slope), sizes, out=np.zeros_like(slope), where=sizes > 0).max())
    # A label without rows is fitted by its intercept alone; its slope can only be compared with that of the other labels, to
    # the precision of a sum over rows. Columns of numbers may have other units.
    slopes = np.maximum(scale, (1e-9 if bare.loss.task == "classification" else 1e-12) * scale.max())
    return replace(columns, constant=constant, slopes=slopes, value=value, size=abs(size), gap=gap)


def _at(bare: Objective, constant: Array) -> tuple[float, Array, Array]:
    """Return the mean loss of a constant prediction, and the mean and root mean square of the slopes in each column."""
    value, slope, norm, weight = bare.rows.reduce(partial(bare.summand.slopes_at, constant))
    return value / bare.total, slope / bare.total, norm.size / np.sqrt(weight) * (weight / bare.total)


def best_constant(objective: Objective, bare: Objective, start: Array, mean: Mean, has_unit: bool) -> Reference:
    """Return the reference of the constant prediction with the lowest cost.

    If the link of the loss is exact, this is the start; otherwise the same objective without features is minimised.
    """
    columns, loss = objective.reference, objective.loss
    reference = reference_at(bare, start, columns)
    if not np.isfinite(reference.value):
        start = first_constant(objective, mean, has_unit)
        reference = reference_at(bare, start, columns)
    if not np.isfinite(reference.value):
        data = ", and loss_data without NaN in the columns it reads" if loss.takes_data else ""
        raise ValueError(f"The loss {loss.name} gave {reference.value} at iteration 0: expected a finite number{data}.")
    if reference.gap <= 1e-10 and loss.smooth:
        return reference
    some = bare if loss.convex else bare.sample(FEW)  # if not convex, it is one of several and only sets the scale
    some = replace(some, reference=reference_at(some, start, bare.reference))
    solution = solve(some, Auto.choice(some), start, tol=1e-6 if loss.smooth else 1e-3, max_iter=30)
    return reference_at(bare, solution.state.params, columns)


def first_constant(objective: Objective, mean: Mean, has_unit: bool) -> Array:
    """Return a constant raw prediction with finite cost, (K,), if there is one; for a custom loss, one with a low cost."""
    loss, zero = objective.loss, np.zeros(objective.model.n_raw)
    sample = some_rows(objective, SOME)
    y = sample.y
    if loss.foreign and not loss.rowwise and has_unit:
        seen = np.where(np.isnan(y).all(axis=0), 0.0, y)  # an unobserved column has the same cost everywhere
        seen = np.broadcast_to(seen, (len(y), len(zero)))  # one target may have several columns of raw
        values = np.nanquantile(seen, np.linspace(0.0, 1.0, 65), axis=0, method="nearest")
        trials = np.vstack([zero, constant_at(objective, mean), values])
        costs = np.stack([sample.weight @ sample.value(loss, trial) for trial in trials])
        best = np.where(np.isfinite(costs), costs, np.inf).argmin(axis=0)
        return np.asarray(np.take_along_axis(trials, best[None], axis=0)[0])
    ends = [np.atleast_1d(end) for end in (y.min(axis=0), y.max(axis=0))] if has_unit else []
    means = [mean, *(mean._replace(y=end) for end in ends if end.shape == mean.y.shape)]  # y may have columns without a mean
    constants = [*(constant_at(objective, each) for each in means), zero]
    finite = [c for c in constants if np.all(np.isfinite(sample.value(loss, c)))]
    return (finite or constants)[0]


def constant_at(objective: Objective, mean: Mean) -> Array:
    """Return the constant raw prediction for a mean of y, (K,), beside the mean offset.

    It is zero if the link does not return one number per column of raw, such as the identity if y has fewer columns. For a
    rowwise custom loss it is searched.
    """
    loss = objective.loss
    if loss.first_raw is not None:
        sample = some_rows(objective, SEVERAL)
        return loss.first_raw(sample.y, sample.weight) - mean.offset
    if _has_columns(loss):
        return _by_columns(loss, some_rows(objective, SOME), objective.model.n_raw)
    constant = np.atleast_1d(loss.link(mean.y))
    return (constant if constant.shape == (objective.model.n_raw,) else np.zeros(objective.model.n_raw)) - mean.offset


def _has_columns(loss: Loss) -> bool:
    """Tell whether the columns of raw of a custom loss may mean anything, such as a mean and the logarithm of a scale."""
    return loss.foreign and loss.rowwise and loss.task == "regression"


def _by_columns(loss: Loss, sample: Sample, n_raw: int) -> Array:
    """Return a constant raw of low cost, (K,): in each column by turns, zero, a location or spread of y, or its logarithm."""
    y = sample.y.reshape(len(sample.y), -1).T
    places = [_places(column) for column in (y if len(y) == n_raw else np.tile(y.ravel(), (n_raw, 1)))]
    constant, least = np.zeros(n_raw), np.inf
    for k in np.tile(np.arange(n_raw), 3):
        trials = np.tile(constant, (len(places[k]), 1))
        trials[:, k] = places[k]
        with np.errstate(all="ignore"):
            costs = np.array([sample.weight @ sample.value(loss, trial) for trial in trials])
        costs = np.where(np.isfinite(costs), costs, np.inf)
        if costs.min() < least:
            constant, least = trials[costs.argmin()], costs.min()
    return constant


def _places(y: Array) -> Array:
    seen = y[np.isfinite(y)]
    low, middle, high = np.quantile(seen, [0.25, 0.5, 0.75]) if len(seen) else np.zeros(3)
    sizes = np.array([middle, high - low, *((seen.mean(), seen.std()) if len(seen) else ())])
    return np.concatenate([[0.0], sizes, np.log(np.abs(sizes[sizes != 0]))])


def starts(objective: Objective, bare: Objective) -> list[Array]:
    """Return the constant predictions to start from, including zero if the loss is flat at the best one."""
    constant = objective.reference.constant
    if objective.loss.foreign and not objective.loss.convex:
        here, zero = (_at(bare, point)[2] for point in (constant, np.zeros_like(constant)))
        if np.hypot.reduce(here) < 0.1 * np.hypot.reduce(zero):
            return [constant, np.zeros_like(constant)]
    return [constant]


def units_of_raw(objective: Objective, bare: Objective, has_unit: bool) -> tuple[Array, float, bool]:
    """Return the unit of raw at the constant prediction, (K,), the slope of the loss there, and whether y has a unit.

    The unit is a Newton step for a typical row: for the squared error, the standard deviation of y. For a loss with kinks it is
    a Polyak step. For classes it is one.
    """
    reference, loss = objective.reference, objective.loss
    if not has_unit:
        unit = np.ones(objective.model.n_raw)
    elif loss.smooth:
        unit = reference.slopes / bare.mean_curvature(reference.constant)
    else:
        costs = bare.rows.reduce(partial(_costs, bare.summand, reference.constant))[0]
        unit = np.abs(costs) / bare.total / np.maximum(reference.slopes, 1e-300)
    return unit * np.ones(objective.model.n_raw), reference.slope_size, has_unit


def _costs(summand: Summand, constant: Array, block: Block) -> tuple[Array]:
    """Return the sum of the losses of a constant raw, for each of its columns: a kernel."""
    loss, y = summand.loss_and_target(block)
    return (block.weight @ loss.value(y, summand.raw(constant, block)),)
