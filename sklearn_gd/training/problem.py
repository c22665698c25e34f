"""What a fit is about: parts and rows become an objective, where to begin, and a solver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..arrays import Array
from ..losses import Loss
from ..models import Model
from ..objective.certificate import Reference
from ..objective.objective import Objective
from ..objective.summand import Summand
from ..parts import same
from ..penalties import Penalty
from ..penalties.scaled import Scaled
from ..rows.base import Rows
from ..solvers import Solver
from ..targets import Target
from .constants import best_constant, first_constant, mean_target, reference_at, starts, units_of_raw, without_features
from .early_stopping import EarlyStopping
from .first_look import observed

__all__ = ["Parts", "Problem", "objective_of", "prepare"]


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
        """What must match for another fit to go on from this one: the loss, the model, and fit_intercept."""
        return self.loss, self.model, self.fit_intercept

    def continues(self, key: tuple[Any, ...]) -> bool:
        """Tell whether a fit of these parts can go on from one whose key is given."""
        return all(same(now, then) for now, then in zip(self.key, key, strict=True))


@dataclass(frozen=True)
class Problem:
    """An objective, the constant predictions to begin at, (K,) each, and what was decided about the fit.

    Weights were divided by two to the power `exponent`.
    """

    objective: Objective
    starts: list[Array]
    target: Target
    parts: Parts
    exponent: int = 0


def objective_of(parts: Parts, rows: Rows, target: Target, loss: Loss) -> Objective:
    """Return the objective of rows, whose reference is that of the columns alone.

    Raises
    ------
    ValueError
        When a parameter of the penalty does not fit the number of features, or the penalty not the model.
    """
    encoding, intercept = target.encoded_for(loss), parts.fit_intercept
    bound = parts.model.bind(encoding.n_raw, intercept, rows.moments)
    parts.penalty.check_features(bound.n_penalised)
    penalty = Scaled(parts.penalty, parts.alpha)
    if not (bound.has_gram or penalty.separable):
        name = type(parts.model).__name__
        raise ValueError(f"{parts.penalty!r} couples the weights of features, and {name} needs one that does not: use 'l1'.")
    columns = Reference.of_columns(rows.moments, intercept, encoding.n_raw)
    return Objective.on(rows, Summand(bound, loss, encoding), penalty, columns)


def prepare(parts: Parts, rows: Rows, target: Target, exponent: int = 0) -> Problem:
    """Return the problem that parts and rows pose.

    Raises
    ------
    ValueError
        When the loss cannot be fitted to the rows, or the solver cannot minimise the objective.
    """
    objective = objective_of(parts, rows, target, parts.loss.for_target(target))
    loss, has_unit = objective.loss, target.has_unit
    mean = mean_target(objective)
    loss.check_mean(mean)
    constant = first_constant(objective, has_unit) if loss.foreign else loss.link(mean)
    objective = observed(objective, constant)
    bare = without_features(objective)
    if parts.fit_intercept and not loss.online:
        reference = best_constant(objective, bare, constant, has_unit)
    else:
        reference = reference_at(bare, 0.0 * bare.reference.constant, objective.reference)
    objective = replace(objective, reference=reference)
    objective = objective.with_model(objective.model.in_units(lambda: units_of_raw(objective, bare, has_unit)))
    if not parts.solver.centers:
        objective = objective.with_model(objective.model.uncentered())
    parts.solver.check(objective)
    return Problem(objective, starts(objective, bare), target, parts, exponent)
