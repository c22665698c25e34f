"""Solvers that minimise an objective. `SOLVERS` maps the names that ``solver=`` takes to the classes."""

from __future__ import annotations

from typing import Any

from ..parts import Table
from .auto import Auto
from .base import Need, Plan, Reason, Solver, State
from .contract import check_solver
from .fast.dual_coordinate_descent import DualCoordinateDescent
from .kinked.convex_concave import ConvexConcave
from .kinked.dual import Dual
from .kinked.interior_point import InteriorPoint
from .kinked.proximal_point import ProximalPoint
from .kinked.working_rows import WorkingRows
from .loop import Result
from .row_space import RowSpace
from .smooth.gradient import GradientDescent
from .smooth.lbfgs import LBFGS
from .smooth.newton import Newton
from .smooth.newton_cg import NewtonCG
from .stochastic.adam import Adam, AdamW, AMSGrad, Lion, NAdam
from .stochastic.epoch import Stochastic, StochasticState
from .stochastic.rules import SGD, SVRG, AdaDelta, AdaGrad, RMSprop
from .working_set import WorkingSet

__all__ = [
    "LBFGS",
    "SGD",
    "SOLVERS",
    "SVRG",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Auto",
    "ConvexConcave",
    "Dual",
    "DualCoordinateDescent",
    "GradientDescent",
    "InteriorPoint",
    "Lion",
    "NAdam",
    "Need",
    "Newton",
    "NewtonCG",
    "Plan",
    "ProximalPoint",
    "RMSprop",
    "Reason",
    "Result",
    "RowSpace",
    "Solver",
    "State",
    "Stochastic",
    "StochasticState",
    "WorkingRows",
    "WorkingSet",
    "check_solver",
    "get_solver",
]

SOLVERS: Table[Solver[Any]] = Table(
    "solver",
    Solver,
    {
        "auto": Auto,
        "convex_concave": ConvexConcave,
        "dual": Dual,
        "dual_coordinate_descent": DualCoordinateDescent,
        "gd": GradientDescent,
        "interior_point": InteriorPoint,
        "lbfgs": LBFGS,
        "newton": Newton,
        "newton_cg": NewtonCG,
        "proximal_point": ProximalPoint,
        "row_space": RowSpace,
        "working_rows": WorkingRows,
        "working_set": WorkingSet,
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
    },
    {
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
    },
)


def get_solver(solver: str | Solver[Any]) -> Solver[Any]:
    """Return a fresh, checked solver for a name or an object.

    Raises
    ------
    ValueError
        For an unknown name (with the known ones and the nearest), or a parameter out of range.
    TypeError
        For anything else.

    Examples
    --------
    >>> from sklearn_gd.solvers import get_solver
    >>> get_solver("lbfgs")
    LBFGS()
    """
    return SOLVERS.resolve(solver)
