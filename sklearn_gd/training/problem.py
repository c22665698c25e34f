"""The problem of a fit: an objective, starting points and a solver, from parts and rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import Array
from ..losses import Loss
from ..models import BoundModel, Model
from ..objective.certificate import Reference
from ..objective.objective import Objective
from ..objective.summand import Summand
from ..parts import same
from ..penalties import Penalty
from ..penalties.names import DefaultNames
from ..penalties.scaled import Scaled
from ..rows.base import Rows
from ..solvers import Solver
from ..targets import Target
from .constants import (
    best_constant,
    constant_at,
    first_constant,
    mean_target,
    reference_at,
    starts,
    units_of_raw,
    without_features,
)
from .early_stopping import EarlyStopping
from .first_look import observed

__all__ = ["Parts", "Problem", "prepare", "scaled_penalty"]


@dataclass(frozen=True)
class Parts:
    """The resolved parts and the checked settings of an estimator, by the names of its parameters."""

    loss: Loss
    penalty: Penalty
    model: Model
    solver: Solver[Any]
    alpha: float
    fit_intercept: bool
    max_iter: int | None
    tol: float
    warm_start: bool
    early_stopping: EarlyStopping | None
    random_state: Any
    verbose: int

    @property
    def key(self) -> tuple[Any, ...]:
        """What must match for another fit to continue from this one: the loss, the model, and fit_intercept."""
        return self.loss, self.model, self.fit_intercept

    def continues(self, key: tuple[Any, ...]) -> bool:
        """Tell whether a fit of these parts can continue from one with the given key."""
        return all(same(now, then) for now, then in zip(self.key, key, strict=True))

    def named(self, facts: Mapping[str, Any]) -> Parts:
        """Return the parts with a penalty for the columns of X, from the attributes of an estimator that describe them."""
        names = facts.get("feature_names_in_", DefaultNames(facts["n_features_in_"]))
        return replace(self, penalty=self.penalty.named(names))


@dataclass(frozen=True)
class Problem:
    """An objective, the constant predictions to start from, (K,) each, and the settings of the fit.

    The weights were divided by two to the power `exponent`.
    """

    objective: Objective
    starts: list[Array]
    target: Target
    parts: Parts
    exponent: int = 0


def scaled_penalty(parts: Parts, bound: BoundModel, n_features: int) -> Scaled:
    """Return alpha times the penalty, for a number of features.

    Raises
    ------
    ValueError
        If a parameter of the penalty does not match the number of features, or the penalty does not suit the model.
    """
    name = type(parts.model).__name__
    try:
        parts.penalty.check_features(n_features)
    except ValueError as error:
        if bound.has_gram:
            raise
        raise ValueError(
            f"{parts.penalty!r} is for single features, and {name} has {n_features} weights: use one penalty for all, or "
            "model='linear'."
        ) from error
    penalty = Scaled(parts.penalty, parts.alpha)
    if not (bound.has_gram or penalty.separable):
        raise ValueError(f"{parts.penalty!r} couples the weights of features, and {name} needs one that does not: use 'l1'.")
    return penalty


def prepare(parts: Parts, rows: Rows, target: Target, exponent: int = 0) -> Problem:
    """Return the problem for parts and rows.

    Raises
    ------
    ValueError
        If the loss cannot be fitted to the rows, or the solver cannot minimise the objective.
    """
    loss, has_unit, intercept = parts.loss.for_target(target), target.has_unit, parts.fit_intercept
    encoding = target.encoded_for(loss)
    bare = without_features(rows, loss, encoding)
    if not bare.total > 0:
        raise ValueError("y has no observed entry: expected at least one among the rows of positive weight.")
    bound = parts.model.bind_some(loss.n_weighted(encoding.n_raw), encoding.n_raw, intercept, rows.moments)
    columns = Reference.of_columns(rows.moments, intercept, encoding.n_raw)
    penalty = scaled_penalty(parts, bound, bound.n_penalised)
    objective = Objective.on(rows, Summand(bound, loss, encoding), penalty, columns, bare.total)
    mean = mean_target(bare)
    loss.check_mean(mean.y)
    constant = first_constant(objective, mean, has_unit) if loss.foreign else constant_at(objective, mean)
    loss = observed(objective, constant)
    objective, bare = objective.with_loss(loss), bare.with_loss(loss)
    if intercept and not loss.online:
        reference = best_constant(objective, bare, constant, mean, has_unit)
    else:
        reference = reference_at(bare, np.zeros(encoding.n_raw), columns)
    objective = replace(objective, reference=reference)
    objective = objective.with_model(bound.in_units(lambda: units_of_raw(objective, bare, has_unit)))
    if not parts.solver.centers:
        objective = objective.with_model(objective.model.uncentered())
    parts.solver.check(objective)
    return Problem(objective, starts(objective, bare), target, parts, exponent)
