"""The tables that the contracts run over: what is listed here, or in the package's own tables, is tested."""

from dataclasses import replace

import numpy as np

from sklearn_gd.losses import (
    LOSSES,
    AbsolutePercentageError,
    Cauchy,
    EpsilonInsensitive,
    Expectile,
    Focal,
    Huber,
    Linex,
    LogLoss,
    Loss,
    MultinomialFocal,
    MultinomialLogLoss,
    Quantile,
    SquaredEpsilonInsensitive,
    Tweedie,
)
from sklearn_gd.models import Linear
from sklearn_gd.objective.certificate import Reference
from sklearn_gd.objective.objective import Objective
from sklearn_gd.objective.summand import Summand
from sklearn_gd.penalties import L1, L2, PENALTIES, Box, ByName, ElasticNet, GroupLasso, NonNegative, Signs, get_penalty
from sklearn_gd.penalties.scaled import Scaled
from sklearn_gd.rows.blocks import MemoryRows
from sklearn_gd.solvers import SOLVERS, Stochastic
from sklearn_gd.training.constants import reference_at, without_features

# Away from the symmetric defaults, so that a sign or a tail mistaken shows.
UNUSUAL = [
    Huber(0.3),
    Quantile(0.85),
    Expectile(0.2),
    Cauchy(2.5),
    EpsilonInsensitive(0.7),
    SquaredEpsilonInsensitive(0.7),
    Linex(-0.6),
    AbsolutePercentageError(None),
    Tweedie(0),
    Tweedie(1),
    Tweedie(1.2),
    Tweedie(2),
    Tweedie(2.6),
    LogLoss(0.15),
    Focal(0.7),
    Focal(0.0),
]
ROWWISE = [
    MultinomialLogLoss(),
    MultinomialLogLoss(0.15),
    MultinomialFocal(),
    MultinomialFocal(0.7),
    LOSSES["crammer_singer"](),
]
# Those with columns of raw of their own: test_distributions.py.
OWN_COLUMNS = [name for name, loss in LOSSES.items() if loss.n_raw is not Loss.n_raw]
ALL_LOSSES = [loss() for name, loss in LOSSES.items() if not loss().rowwise and name not in OWN_COLUMNS] + UNUSUAL + ROWWISE
LOSS_IDS = [repr(loss) for loss in ALL_LOSSES]

REGRESSION = [name for name, loss in LOSSES.items() if loss.task == "regression" and name not in OWN_COLUMNS]
CLASSIFICATION = [
    name for name, loss in LOSSES.items() if loss.task == "classification" and not loss.online and name not in OWN_COLUMNS
]

PENALTY_OBJECTS = [
    None,
    *(penalty() for penalty in PENALTIES.values()),
    L2(weights=[0.5, 2.0, 0.0, 1.0]),
    L1(weights=[0.5, 2.0, 0.0, 1.0]),
    ElasticNet(0.7),
    GroupLasso([[0, 2], [3]]),
    Box(-0.3, [0.1, 0.2, 0.5, np.inf]),
    L2() + NonNegative(),
    L2(weights=0.5) + L2() + L1(),
    L1(weights={"x0": 0.5, "x[12]": 2.0}),
    Box(lower={"x0": -0.3}, upper={"x[12]": 0.2}),
    Signs({"x0": 1, "x[23]": -1}),
    GroupLasso([["x0", 2], ["x[35]"]]),
    ByName({"x0": L2(), "x[12]": L1(), "*": ElasticNet(0.4)}),
    ByName({"x0": NonNegative(), "x[12]": L1()}) + L2(),
]
PENALTY_IDS = [repr(penalty) for penalty in PENALTY_OBJECTS]


RULES = {name: kind for name, kind in SOLVERS.items() if issubclass(kind, Stochastic)}
DETERMINISTIC = {name: kind for name, kind in SOLVERS.items() if name not in ("auto", *RULES)}


def objective_on(X, y, target, loss, penalty=None, alpha=0.0, *, weight=None, model=None, intercept=True, center=True, at=0.0):
    """Return the objective of rows in memory, with the reference of a constant prediction."""
    rows = MemoryRows(X, target.prepare(y, loss.rowwise), np.ones(X.shape[0]) if weight is None else weight)
    bound = (model or Linear()).bind(loss.n_raw(target), intercept, rows.moments)
    bound = bound if center else bound.uncentered()
    columns = Reference.of_columns(rows.moments, intercept, bound.n_raw)
    summand = Summand(bound, loss, target.encoded_for(loss))
    objective = Objective.on(rows, summand, Scaled(get_penalty(penalty), alpha), columns)
    reference = reference_at(without_features(rows, loss, objective.summand.encoding), at * np.ones(bound.n_raw), columns)
    return replace(objective, reference=reference)


def objective_of(model, X, y, alpha):
    """Return F of a fitted model, from its public attributes alone."""
    raw = X @ np.atleast_2d(model.coef_).T + model.intercept_
    if hasattr(model, "classes_"):
        codes = np.searchsorted(model.classes_, y)
        encoded = codes if model.loss_.rowwise else np.where(codes[:, None] == np.arange(raw.shape[1]), 1.0, -1.0)
    else:
        encoded = y[:, None]
    price = model.penalty_.value(np.atleast_2d(model.coef_).T)
    return model.loss_.value(encoded, raw).sum() / len(y) + (0.0 if price == 0 else alpha * price)


def true_suboptimality(value, best, reference):
    """Return (F - F*) / (F0 - F*)."""
    return (value - best) / (reference - best)
