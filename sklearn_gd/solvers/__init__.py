"""Solvers: ways to minimise an objective. `SOLVERS` maps the names that ``solver=`` takes to the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..parts import resolve
from ..training.first_look import first_constant
from .base import FEW, Plan, Result, Solver, State, finished, minimize, nested, rehearsed
from .kinked.convex_concave import ConvexConcave
from .kinked.dual import Dual
from .kinked.interior_point import InteriorPoint
from .kinked.proximal_point import ProximalPoint
from .kinked.working_rows import WorkingRows
from .row_space import RowSpace
from .smooth.gradient import GradientDescent
from .smooth.lbfgs import LBFGS
from .smooth.newton import Newton
from .smooth.newton_cg import NewtonCG
from .stochastic.adam import Adam, AdamW, AMSGrad, Lion, NAdam
from .stochastic.epoch import Stochastic, StochasticState
from .stochastic.rules import SGD, SVRG, AdaDelta, AdaGrad, RMSprop
from .working_set import WorkingSet

if TYPE_CHECKING:
    from ..arrays import Array
    from ..objective.objective import Objective

__all__ = [
    "LBFGS",
    "RULES",
    "SGD",
    "SOLVERS",
    "SVRG",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "ConvexConcave",
    "Dual",
    "GradientDescent",
    "InteriorPoint",
    "Lion",
    "NAdam",
    "Newton",
    "NewtonCG",
    "Plan",
    "ProximalPoint",
    "RMSprop",
    "Result",
    "RowSpace",
    "Solver",
    "State",
    "Stochastic",
    "StochasticState",
    "WorkingRows",
    "WorkingSet",
    "best_constant",
    "finished",
    "get_solver",
    "minimize",
    "named_solver",
    "ready",
    "second_try",
    "smooth_solver",
]

SOLVERS: dict[str, type[Solver[Any]]] = {
    "convex_concave": ConvexConcave,
    "dual": Dual,
    "gd": GradientDescent,
    "interior_point": InteriorPoint,
    "lbfgs": LBFGS,
    "newton": Newton,
    "newton_cg": NewtonCG,
    "proximal_point": ProximalPoint,
    "row_space": RowSpace,
    "working_rows": WorkingRows,
    "working_set": WorkingSet,
}

RULES: dict[str, type[Stochastic]] = {
    "sgd": SGD,
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "adadelta": AdaDelta,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "amsgrad": AMSGrad,
    "lion": Lion,
    "svrg": SVRG,
}

ALIASES = {
    "gradient_descent": "gd",
    "l-bfgs": "lbfgs",
    "bfgs": "lbfgs",
    "newton-cg": "newton_cg",
    "newton-cholesky": "newton",
    "irls": "newton",
    "liblinear": "newton",
    "saga": "svrg",
    "sag": "svrg",
    "cholesky": "newton",
}


# Features enough for a smaller problem to pay for its detour.
MANY = 200


def named_solver(solver: str | Solver[Any]) -> Solver[Any]:
    """Return a fresh, checked solver for a name or an object; "auto" is none, as it depends on the objective."""
    resolved: Solver[Any] = resolve(solver, SOLVERS | RULES, Solver, "solver", ALIASES, also=["auto"])
    return resolved


def get_solver(solver: str | Solver[Any], objective: Objective) -> Solver[Any]:
    """Return a fresh, checked solver for a name, a Solver object, or "auto": the one that suits the objective.

    Raises
    ------
    ValueError
        For an unknown name (with the known ones and the nearest), a parameter out of range, or an objective that the solver
        cannot minimise (with one that can).
    TypeError
        For anything else.
    """
    if isinstance(solver, str) and solver == "auto":
        chosen = _chosen(objective)
        chosen.check(objective)
        return chosen
    resolved = named_solver(solver)
    resolved.check(objective)
    return resolved


def _chosen(objective: Objective) -> Solver[Any]:
    rows, features = objective.data.n_rows, objective.model.n_features
    if objective.loss.online:
        return SGD()
    if not objective.model.linear:
        exact = objective.loss.smooth and objective.prox_penalty.absent and not objective.model.drops
        return LBFGS() if exact and rows <= 2000 else Adam()
    if not objective.loss.smooth:
        if not (objective.loss.convex or objective.loss.pieces.absent) and objective.loss.pieces.convex_between:
            return ConvexConcave()
        if not objective.loss.has_lines or not objective.prox_penalty.absent:
            return ProximalPoint()
        if not objective.loss.straight:
            return InteriorPoint() if isinstance(smooth_solver(objective), Newton) else ProximalPoint()
        if isinstance(smooth_solver(objective), Newton):
            return WorkingRows() if rows > features else ProximalPoint()
        return Dual() if objective.penalty.isotropic and not objective.unpenalised else ProximalPoint()
    dense = objective.data.X.gram_rate > 1e9  # passes over few entries are fast
    wide = dense and features > max(2 * rows, MANY) and rows <= 3000
    return RowSpace() if wide and objective.penalty.isotropic and not objective.unpenalised else smooth_solver(objective)


def ready(objective: Objective, solver: Solver[Any], start: Array) -> Array | State:
    """Return where "auto" begins: where its solver would end on some of the rows, if that is cheap."""
    several = isinstance(solver, Newton) and not objective.loss.quadratic  # several steps are ahead
    return rehearsed(objective, solver, start) if several else start


def second_try(objective: Objective, solver: Solver[Any], result: Result) -> Solver[Any] | None:
    """Return what "auto" goes on with when its first choice has struggled in vain, if anything.

    A smooth loss that bends very sharply beside the spread of its data is, for Newton's method, a kinked one. The matrices of
    an interior point method do not suit columns of very different scales.
    """
    loss = objective.loss
    suits = loss.convex and not loss.rowwise and not (result.interrupt or result.asked or result.reason == "no finite optimum")
    return ProximalPoint() if suits and not result.converged and solver.struggles(result.state) else None


def best_constant(objective: Objective, start: Array) -> Array:
    """Return the constant raw prediction, (K,), of least cost, and note it as the objective's reference.

    Where the loss's link is exact the start is the best one; otherwise the same objective without features is minimised.
    """
    certificate = objective.set_reference(start)
    if not np.isfinite(objective.reference_value):
        start = first_constant(objective)
        certificate = objective.set_reference(start)
    if certificate <= 1e-10 and objective.loss.smooth:
        return start
    bare = objective.without_features()
    if not objective.loss.convex:  # then it is one of several, and no more than a scale
        bare = bare.sample(FEW)
    bare.set_reference(start)
    tol = 1e-6 if objective.loss.smooth else 1e-3
    constant = nested(bare, get_solver("auto", bare), start, tol=tol, max_iter=30).state.params
    objective.set_reference(constant)
    return constant


def smooth_solver(objective: Objective) -> Solver[Any]:
    """Return the solver for the objective as if its loss were smooth."""
    features = objective.model.n_features
    if objective.prox_penalty.selects and features > MANY and objective.penalty.for_features(np.arange(features)) is not None:
        return WorkingSet()
    return whole_solver(objective)


def whole_solver(objective: Objective) -> Solver[Any]:
    """Return the solver for a smooth loss on all features at once: Newton where its second derivative is affordable.

    The rates are those of an ordinary core, per second: 2e10 operations in products of matrices, 2e9 in passes over the rows,
    2e8 in sparse products. A kink, in the loss or in the penalty, multiplies the passes of a first-order method.
    """
    data, model = objective.data, objective.model
    kinked_penalty = not objective.prox_penalty.absent
    per_row = data.X.entries / max(data.n_rows, 1)
    pairs = model.n_raw**2 if objective.loss.rowwise else model.n_raw
    block = model.size if objective.loss.rowwise else model.n_rows
    sums = data.n_rows * pairs * per_row**2 / data.X.gram_rate
    newton = 8 * (sums + pairs / model.n_raw * block**3 / 2e10)
    passes = 300 if objective.loss.smooth and not kinked_penalty else 3000
    first_order = passes * (4 * data.n_rows * per_row * model.n_raw / 2e9 + 1e-4)
    if block <= 3000 and newton <= first_order:
        return Newton()
    if kinked_penalty:
        return GradientDescent(nesterov=True)
    bends = not (objective.loss.smooth or objective.loss.has_lines or objective.unpenalised)  # sharply, but has a curvature
    many_rows = data.n_rows > 5 * model.n_features
    return NewtonCG() if objective.loss.convex and (many_rows or bends) else LBFGS()
