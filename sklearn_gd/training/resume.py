"""Continuation of a fit with more rows: `partial_fit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from ..arrays import Array, part_of
from ..losses import Loss
from ..models.base import BoundModel
from ..objective.certificate import Reference
from ..objective.objective import Objective
from ..objective.summand import Summand
from ..rows.blocks import Mapper, MemoryRows
from ..rows.composed import as_matrix
from ..rows.matrices import Matrix
from ..rows.plain import Sparse
from ..rows.source import Data
from ..solvers import Plan, Stochastic, StochasticState
from ..targets import Target
from .constants import constant_at, mean_target, reference_at, units_of_raw, without_features
from .first_look import SOME, Sample, examined
from .fit import Fit, Memory
from .problem import Parts, scaled_penalty

__all__ = ["resume"]

# Enough rows to determine the spread of the columns: a model that needs the spread takes no step before.
SPREAD = 30


def resume(last: Fit | None, parts: Parts, data: Data, target: Target, mapper: Mapper) -> Fit | None:
    """Return the fit after mini-batch steps through validated rows; None if no row has weight or an observed entry.

    The coordinates are based on the rows so far. They are renewed when the number of rows has doubled or a new column has come
    into use.

    Raises
    ------
    ValueError
        If the parts differ from those of the last fit, or the rows are not in the domain of the loss.
    """
    X, weight, memory = data.X, data.weight, last.memory if last else None
    if memory is not None and not parts.continues(memory.key):
        raise ValueError(
            f"partial_fit goes on with {', '.join(map(repr, memory.key))} (loss, model, fit_intercept); now they are "
            f"{', '.join(map(repr, parts.key))}: expected the same, or a clone to begin anew."
        )
    if not np.any(weight > 0):
        return None
    loss: Loss = last.public["loss_"] if last is not None and memory is not None else parts.loss.for_target(target)
    encoding = target.encoded_for(loss)
    exponent = memory.exponent if memory else int(np.frexp(weight.max())[1])
    prepared, offset = target.prepare(data.y, loss.rowwise), data.used_offset
    offset = offset if offset is None else loss.offset_of_raw(offset, encoding.n_raw)
    used = weight > 0
    encoded = encoding.encode(prepared[used])
    if not np.any(loss.mass(encoded) > 0):
        return None  # nothing in it is observed
    loss.check_target(encoded)
    if memory is None and np.ptp(encoded) > 0:  # a single value of y does not tell how kinks depend on y
        sample = Sample(encoded, weight[used], offset, part_of(data.loss_data, used)).some(slice(0, SOME))
        loss = examined(loss, sample, np.zeros(encoding.n_raw), parts.fit_intercept)
    known, n_features = last.public if last else {}, X.shape[1]
    features = _in_use(parts, X, memory, known)
    if memory is not None and features is not None and memory.features is not features:
        memory = _widened(memory, features)
    rows = MemoryRows(
        _narrowed(as_matrix(X), features),
        prepared,
        np.ldexp(weight, -exponent),
        loss_data=data.loss_data,
        offset=offset,
        mapper=mapper,
        n_raw=encoding.n_raw,
    )
    objective, memory = _objective(parts, rows, target, loss, memory, features, n_features, exponent)
    before = last.memory if last else None
    objective, solver, state = _begun(parts, objective, target, memory, before, known, n_features)
    waits = "loss_" in known and state.clock == 0 and memory.n_seen < SPREAD
    after = state if waits else solver.epoch(objective, state)
    complaint = ""
    if not (np.all(np.isfinite(after.params)) and np.isfinite(after.value)):
        complaint = (
            f"partial_fit diverged at step {after.clock}, and the parameters from before it are kept. What would help: "
            "learning_rate='auto', or a smaller one."
        )
        after = state
    wide, params = _wide(objective.model, after.params, features, n_features)
    public = {
        "loss_": loss,
        "penalty_": parts.penalty,
        "solver_": solver,
        "model_": parts.model,
        "n_iter_": after.epochs,
        "t_": after.clock,
        **({} if target.classes is None else {"classes_": target.classes}),
        **wide.attributes(params, X.dtype, target.shaped),
    }
    exported = None if waits else solver.export(objective, after)  # the state from so few rows is discarded
    memory = replace(memory, bound=objective.model, state=exported)
    return Fit(target, public, memory, complaint=complaint)


def _objective(
    parts: Parts,
    rows: MemoryRows,
    target: Target,
    loss: Loss,
    memory: Memory | None,
    features: Array | None,
    n_features: int,
    exponent: int,
) -> tuple[Objective, Memory]:
    """Return the objective of a batch, in coordinates based on the rows so far, and the updated memory."""
    encoding, intercept, n = target.encoded_for(loss), parts.fit_intercept, rows.n_samples
    moments = memory.moments + rows.moments if memory else rows.moments
    seen = n + (memory.n_seen if memory else 0)
    renew = memory is None or seen >= 2 * memory.n_bound
    if memory is None or renew:
        bound = parts.model.bind_some(loss.n_weighted(encoding.n_raw), encoding.n_raw, intercept, moments)
    else:
        bound = memory.bound
    penalty = scaled_penalty(parts, bound, bound.n_penalised if features is None else n_features)
    if features is not None and len(features) < n_features:
        penalty = penalty.for_features(features)
    columns = Reference.of_columns(moments, intercept, encoding.n_raw)
    objective = Objective.on(rows, Summand(bound, loss, encoding), penalty, columns)

    def measured() -> tuple[Array, float, bool]:
        bare = without_features(rows, loss, encoding)
        reference = reference_at(bare, _constant(objective, target), columns)
        return units_of_raw(replace(objective, reference=reference), bare, target.has_unit)

    if renew:
        objective = objective.with_model(bound.in_units(measured))
    n_bound = seen if memory is None or renew else memory.n_bound
    state = memory.state if memory else None
    return objective, Memory(parts.key, objective.model, state, moments, n_bound, seen, exponent, features)


def _begun(
    parts: Parts,
    objective: Objective,
    target: Target,
    memory: Memory,
    before: Memory | None,
    known: Mapping[str, Any],
    n_features: int,
) -> tuple[Objective, Stochastic, StochasticState]:
    """Return the objective in the coordinates of the solver of a stream, the solver, and its initial state."""
    rng, renew = check_random_state(parts.random_state), memory.n_bound == memory.n_seen
    solver: Any = parts.solver.for_stream(objective)
    solver.check(objective)
    if not solver.centers:
        objective = objective.with_model(objective.model.uncentered())

    @cache
    def drawn() -> Array:
        return parts.model.start(objective.model, _constant(objective, target), rng)

    if memory.state is not None and solver.accepts(objective, memory.state):
        state = solver.imported(objective, memory.state, renew)
        state.plan = replace(state.plan, horizon=np.inf)
    else:
        wide, _ = _wide(objective.model, np.zeros(objective.size), memory.features, n_features)
        params = wide.from_attributes(known)
        if params is not None and memory.features is not None:
            params = wide.narrowed(params, memory.features)  # type: ignore[attr-defined]
        params = drawn() if params is None else params
        state = solver.init(objective, params, Plan(int(rng.randint(2**31))))
    if renew and before is not None:
        model = objective.model
        params, point = (model.rebound(params, drawn, before.bound) for params in (state.params, state.point))
        state = replace(state, params=params, point=point)
    return objective, solver, state


def _constant(objective: Objective, target: Target) -> Array:
    """Return the constant raw prediction to start from.

    It is that of the mean. It is zero for classes, because a batch may have only one of them, and for a mean of 0, as in a
    batch without events.
    """
    if target.classes is not None:
        return np.zeros(objective.model.n_raw)
    mean = mean_target(objective)
    raw = constant_at(objective, mean)
    return np.where((mean.y != 0 if mean.y.shape == raw.shape else mean.y.any()) & np.isfinite(raw), raw, 0.0)


# -- columns in use ---------------------------------------------------------------------------------------------------


def _in_use(parts: Parts, X: Any, memory: Memory | None, known: Mapping[str, Any]) -> Array | None:
    """Return the columns in use, in order; None for all.

    A column that has been zero in all rows has zero weight, so it need not be stored, updated or counted.
    """
    if memory is not None and memory.features is None:
        return None
    if not (sparse.issparse(X) and parts.penalty.falls_apart and parts.model.sparse_updates):
        return None if memory is None else np.arange(X.shape[1])
    if memory is not None and memory.features is not None:
        used = memory.features
    else:
        used = np.flatnonzero(np.any(np.atleast_2d(known["coef_"]), axis=0)) if "coef_" in known else np.arange(0)
    new = np.setdiff1d(Sparse(X).stored(), used, assume_unique=True)
    return np.insert(used, np.searchsorted(used, new), new) if len(new) else used


def _narrowed(matrix: Matrix, features: Array | None) -> Matrix:
    """Return the columns in use."""
    return matrix if features is None else matrix.narrowed(features)


def _widened(memory: Memory, features: Array) -> Memory:
    """Return the memory of a stream with more columns in use; its model must be bound again."""
    places = np.searchsorted(features, np.asarray(memory.features))
    bound, moments = memory.bound.among(places, len(features)), memory.moments.among(places, len(features))  # type: ignore[attr-defined]
    state = memory.state
    if isinstance(state, StochasticState):
        state = state.widened(partial(bound.widened, features=places))
    return replace(memory, bound=bound, moments=moments, state=state, features=features, n_bound=0)


def _wide(model: Any, params: Array, features: Array | None, n_features: int) -> tuple[BoundModel, Array]:
    """Return the model of all columns, and its params."""
    if features is None or len(features) == n_features:
        return model, params
    wide = model.among(features, n_features)
    return wide, wide.widened(params, features)
