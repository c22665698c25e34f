"""Validation rows: those given to fit, or those that early stopping holds out, and what watches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length, check_random_state

from ..losses import Loss
from ..objective.objective import Objective
from ..penalties import NoPenalty
from ..penalties.scaled import Scaled
from ..rows.batch import Batch
from ..rows.blocks import Mapper
from ..rows.source import Source
from ..rows.stream import Stream
from ..solvers import State
from ..targets import Target
from ..training.early_stopping import EarlyStopping, Stopper
from ..training.fit import Fit, Watching
from ..training.problem import Parts
from .reading import Preparation, Reader, Survey, twin

__all__ = ["check_validation", "held_out", "read_validation", "watching"]


def check_validation(given: Batch, fitted_offset: bool) -> None:
    """Raise ValueError if X or y of the validation rows is missing, or their offset where the fit has one."""
    without_y = given.y is None and not isinstance(given.X, Stream)
    if given.X is not None and without_y:
        raise ValueError("y_val is None: expected both X_val and y_val, or neither.")
    if fitted_offset and given.offset is None and not isinstance(given.X, Stream):
        raise ValueError(
            "offset is given without offset_val: expected both, as the validation loss is that of raw plus offset."
        )
    if given.X is None:
        name = next(name for name, column in given.columns.items() if column is not None)
        raise ValueError(f"{name}_val is given without X_val: expected both, or neither.")


def read_validation(estimator: Any, loss: Loss, survey: Survey, source: Source) -> None:
    """Validate the validation rows."""
    as_fitted = twin(estimator)
    as_fitted.__dict__.pop("feature_names_in_", None)
    as_fitted.__dict__.update(survey.names)
    found = source.read(Reader(as_fitted, loss, survey.target, suffix="_val"))
    if not found.n_samples:
        raise ValueError("Sample weights must contain at least one non-zero number.")


def held_out(
    estimator: Any, parts: Parts, target: Target, source: Source, prepare: Preparation, groups: Any
) -> tuple[Source, Source | None]:
    """Return the training rows, without a copy of X, and the held-out rows."""
    rule, data = parts.early_stopping, source.data
    assert rule is not None
    if data is None:
        return _drawn(estimator, rule, source, groups)
    if groups is not None:
        check_consistent_length(groups, data.X)
    rows = np.flatnonzero(data.weight)
    try:
        split = rule.split(data.X, data.y, rows, target.stratified, groups, estimator.random_state)
    except ValueError as error:
        raise ValueError(f"early_stopping={estimator.early_stopping!r} cannot hold out rows: {error}") from error
    if split is None:
        return source, None
    train, out = split
    weight = data.weight * np.bincount(train, minlength=len(data.weight))
    return source.with_data(replace(data, weight=weight)), source.with_data(data.some(out))


def _drawn(estimator: Any, rule: EarlyStopping, source: Source, groups: Any) -> tuple[Source, Source | None]:
    """Do the same for rows that are not in memory: each row is drawn independently."""
    for name, given in (("cv", rule.cv), ("scoring", rule.scoring), ("groups", groups)):
        if given is not None:
            raise ValueError(f"{name}={given!r} needs rows in memory: expected None for a stream, or an array on disk.")
    if rule.validation_fraction is None:
        return source, None
    return source.held_out(rule.validation_fraction, int(check_random_state(estimator.random_state).randint(2**31)))


def watching(estimator: Any, parts: Parts, prepare: Preparation, validation: Source | None, mapper: Mapper) -> Watching:
    """Return the watchers of the validation rows or of the training objective."""
    rule = parts.early_stopping
    if validation is None:
        return Watching(lambda objective, fit_at: Stopper(rule)) if rule else Watching()
    scoring = rule.scoring if rule else None
    scorer = None if scoring is None else check_scoring(estimator, scoring=scoring)
    data = validation.data and prepare.weighted(validation.data).used
    if scorer and data is None:
        raise ValueError(f"scoring={scoring!r} needs validation rows in memory: expected None, for the loss.")
    if scorer and data is not None and (data.offset is not None or data.loss_data is not None):
        raise ValueError(f"scoring={scoring!r} takes no offset and no loss_data: expected None, for the loss.")
    weights = {} if data is None or np.ptp(data.weight) == 0 else {"sample_weight": data.weight}
    rows = validation.rows(replace(prepare, exponent=0, moments=None), mapper)
    if not rows.n_samples:
        raise ValueError(f"early_stopping={estimator.early_stopping!r} holds out no row of positive weight.")

    def stopper(objective: Objective, fit_at: Callable[[State], Fit]) -> Stopper:
        unseen = Objective.on(rows, objective.summand, Scaled(NoPenalty(), 0.0), objective.reference)

        def score(state: State) -> float:
            assert scorer is not None
            assert data is not None
            fitted = twin(estimator)._publish(fit_at(state))
            fitted.__dict__.pop("feature_names_in_", None)  # the validated rows have no names
            value = float(scorer(fitted, data.X, data.y, **weights))
            if not np.isfinite(value):
                given = estimator.early_stopping.scoring
                raise ValueError(f"scoring={given!r} gave {value} for the held-out rows: expected a finite number.")
            return value

        return Stopper(rule, lambda state: unseen.value(state.params), score if scorer else None)

    return Watching(stopper)
