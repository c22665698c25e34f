"""The rows of the benchmark: which problems each holds. Fixed before any tuning."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from . import tables
from .problem import Problem, largest_alpha
from .tables import dense, one_hot, table, text

Builder = Callable[[], Problem]

# Ours / the fastest rival, time to 1e-6: the aim of each row.
TARGETS = {
    "logistic": 0.35,
    "softmax": 0.5,
    "squared_error": 0.7,
    "glm": 0.5,
    "huber_custom": 0.5,
    "quantile": 0.2,
    "hinge": 0.5,
    "sparse_hinge": 1.0,
    "sparse_logistic": 0.7,
    "sparse_ridge": 1.0,
    "wide": 0.7,
    "lasso_dense": 0.7,
    "lasso_sparse": 0.7,
    "lasso_wide": 1.0,
    "l1_logistic": 0.7,
    "small": 1.0,
    "float32": 0.6,
}


def _standard(y: pd.Series | np.ndarray) -> np.ndarray:
    y = np.asarray(y, dtype=float)
    return (y - y.mean()) / y.std()


def _codes(y: pd.Series) -> np.ndarray:
    return np.unique(y, return_inverse=True)[1].astype(np.int64)


# What is predicted: a class, or an amount.
CLASSES = {
    "flights": lambda t: t.arr_delay > 0,
    "flights.codes": lambda t: t.arr_delay > 0,
    "flights.carriers": lambda t: t.carrier,
    "Fertility": lambda t: t.morekids,
    "military": lambda t: t.gender,
    "diamonds": lambda t: t.price > t.price.median(),
    "diamonds.clarity": lambda t: t.clarity,
}
AMOUNTS = {
    "flights": lambda t: t.arr_delay,
    "flights.tailnum": lambda t: t.arr_delay,
    "diamonds": lambda t: t.price,
    "diamonds.log": lambda t: np.log(t.price),
    "RandHIE": lambda t: np.log1p(t.meddol),
    "RandHIE.visits": lambda t: t.mdvis,
    "Birthdays": lambda t: t.births,
    "CPSSW8": lambda t: t.earnings,
    "InstEval": lambda t: t.y,
    "movielens": lambda t: t.rating,
}
MADE = {
    "gaussian": partial(tables.gaussian, 1_000_000, 50),
    "heavy_tailed": partial(tables.heavy_tailed, 500_000, 20),
    "correlated": tables.correlated,
    "low_rank": tables.low_rank,
    "digits": tables.digits_features,
    "fashion": tables.fashion,
}


def _table_of(name: str) -> str:
    return name if name in tables.COLUMNS else name.split(".")[0]


def data(name: str, classify: bool = False, scaling: str = "raw", drop_first: bool = False, sparse: bool = False):
    """X and y of that name; the scalings are those of `tables.dense`."""
    if name in MADE:
        return MADE[name]()
    if name in ("bible", "trump_tweets", "seattlepets"):
        X, label, amount = text(name)
        return X, label if classify else amount
    frame = table(_table_of(name))
    y = _codes(CLASSES[name](frame)) if classify else np.asarray(AMOUNTS[name](frame), dtype=float)
    return (one_hot(_table_of(name)) if sparse else dense(_table_of(name), scaling, drop_first)), y


def build(
    name: str,
    loss: str,
    *,
    classify: bool = False,
    standard_y: bool = False,
    rows: int | None = None,
    fraction: float | None = None,
    groups: int | None = None,
    scaling: str = "raw",
    drop_first: bool = False,
    sparse: bool = False,
    **settings: object,
) -> Problem:
    """A Problem. `fraction`: alpha as a part of the largest useful one; `groups`: an amount cut into that many classes."""
    X, y = data(name, classify, scaling, drop_first, sparse)
    if rows is not None:
        chosen = np.random.default_rng(0).permutation(len(y))[:rows]
        X, y = X[chosen], y[chosen]
    if groups is not None and name != "digits":
        y = np.searchsorted(np.quantile(y, np.arange(1, groups) / groups), y).astype(np.int64)
    elif groups == 2:
        y = (y >= 5).astype(np.int64)
    if standard_y:
        y = _standard(y)
    problem = Problem(X, y, loss, **settings)
    if fraction is not None:
        problem.alpha = fraction * largest_alpha(X, y, loss, problem.l1_ratio, problem.fit_intercept)
    return problem


def _logistic():
    for name in ("flights", "Fertility", "diamonds"):
        for scaling in ("raw", "std"):
            yield f"{name}_{scaling}", partial(build, name, "log_loss", classify=True, scaling=scaling)
    yield "military", partial(build, "military", "log_loss", classify=True)


def _softmax():
    yield "fashion_mnist", partial(build, "fashion", "log_loss", classify=True)
    for scaling in ("std", "raw"):
        yield f"clarity_{scaling}", partial(build, "diamonds.clarity", "log_loss", classify=True, scaling=scaling)
    yield "carriers_std", partial(build, "flights.carriers", "log_loss", classify=True, scaling="std")


def _squared_error():
    yield "flights_std", partial(build, "flights", "squared_error", scaling="std")
    for scaling in ("std", "raw"):
        yield f"diamonds_{scaling}", partial(build, "diamonds.log", "squared_error", scaling=scaling)
        plain = partial(build, "diamonds.log", "squared_error", scaling=scaling, drop_first=True, alpha=0.0)
        yield f"diamonds_{scaling}_plain", plain
    yield "made_plain", partial(build, "gaussian", "squared_error", alpha=0.0)
    yield "RandHIE_std", partial(build, "RandHIE", "squared_error", scaling="std")


def _glm():
    yield "poisson_Birthdays", partial(build, "Birthdays", "poisson", scaling="numeric")
    yield "poisson_RandHIE", partial(build, "RandHIE.visits", "poisson", scaling="std")
    yield "gamma_diamonds", partial(build, "diamonds", "gamma", scaling="std")
    yield "gamma_CPSSW8", partial(build, "CPSSW8", "gamma", scaling="numeric")
    yield "tweedie_RandHIE", partial(build, "RandHIE.visits", "tweedie", parameter=1.5, scaling="std")
    yield "tweedie_Birthdays", partial(build, "Birthdays", "tweedie", parameter=1.5, scaling="numeric")


def _huber_custom():
    for name in ("diamonds", "flights", "RandHIE"):
        for loss, parameter in (("huber", 1.0), ("log_cosh", None), ("custom", None)):
            yield f"{loss}_{name}", partial(build, name, loss, parameter=parameter, standard_y=True, scaling="std")


def _quantile():
    losses = {"q90": ("quantile", 0.9), "q50": ("quantile", 0.5), "abs": ("absolute_error", None)}
    sets = [
        ("diamonds", "diamonds", ("q90", "abs"), {"scaling": "std", "drop_first": True}),
        ("diamonds20000", "diamonds", ("q90", "q50"), {"scaling": "std", "drop_first": True, "rows": 20_000}),
        ("CPSSW8", "CPSSW8", ("q90", "q50"), {"scaling": "numeric", "drop_first": True}),
        ("flights", "flights", ("q90", "abs"), {"scaling": "std", "drop_first": True}),
        ("Birthdays", "Birthdays", ("q50",), {"scaling": "numeric", "drop_first": True}),
        ("made", "heavy_tailed", ("q90", "abs"), {}),
    ]
    for title, name, kinds, options in sets:
        for kind in kinds:
            loss, parameter = losses[kind]
            yield f"{kind}_{title}", partial(build, name, loss, parameter=parameter, alpha=0.0, **options)


def _hinge(names: tuple[str, ...], **options):
    for name in names:
        fixed = {"fit_intercept": False, **options}
        yield f"hinge_{name}", partial(build, name, "hinge", classify=True, **fixed)
        yield f"epsilon_{name}", partial(build, name, "epsilon_insensitive", parameter=0.1, standard_y=True, **fixed)


def _sparse_logistic():
    for name in ("bible", "trump_tweets", "seattlepets", "flights.codes"):
        for loss in ("log_loss", "squared_hinge"):
            fixed = partial(build, name, loss, classify=True, sparse=True, alpha=1e-5, fit_intercept=False)
            yield f"{loss}_{name.split('.')[0]}", fixed


def _sparse_ridge():
    for name in ("InstEval", "movielens", "flights.tailnum"):
        yield name.split(".")[0], partial(build, name, "squared_error", sparse=True)


def _wide():
    fixed = {"alpha": 1e-3, "fit_intercept": False}
    for name, groups in (("correlated", 2), ("low_rank", 2), ("low_rank", 5), ("digits", 2), ("digits", 10)):
        yield f"{name}_{groups}_classes", partial(build, name, "log_loss", groups=groups, **fixed)


def _l1(names: tuple[str, ...], loss: str, **options):
    for name in names:
        for penalty, l1_ratio in (("l1", 1.0), ("elasticnet", 0.5)):
            for part in (10, 100):
                fixed = partial(build, name, loss, penalty=penalty, l1_ratio=l1_ratio, fraction=1 / part)
                yield f"{name}_{penalty}_{part}", partial(fixed, **options)


def _l1_logistic():
    options = {"classify": True, "fit_intercept": False}
    yield from _l1(("flights", "diamonds"), "log_loss", scaling="std", **options)
    yield from _l1(("bible", "trump_tweets"), "log_loss", **options)


ROWS: dict[str, Callable] = {
    "logistic": _logistic,
    "softmax": _softmax,
    "squared_error": _squared_error,
    "glm": _glm,
    "huber_custom": _huber_custom,
    "quantile": _quantile,
    "hinge": partial(_hinge, ("diamonds", "flights"), scaling="std"),
    "sparse_hinge": partial(_hinge, ("bible", "trump_tweets")),
    "sparse_logistic": _sparse_logistic,
    "sparse_ridge": _sparse_ridge,
    "wide": _wide,
    "lasso_dense": partial(_l1, ("flights", "diamonds"), "squared_error", scaling="std"),
    "lasso_sparse": partial(_l1, ("InstEval", "movielens", "trump_tweets"), "squared_error", sparse=True),
    "lasso_wide": partial(_l1, ("correlated", "low_rank"), "squared_error"),
    "l1_logistic": _l1_logistic,
}


def problems(row: str) -> list[tuple[str, Builder]]:
    """The problems of a row: names, and functions without arguments that build a `Problem`."""
    return list(ROWS[row]())


def problem(full_name: str) -> Problem:
    """The problem "row.name"."""
    row, name = full_name.split(".", 1)
    return dict(problems(row))[name]()
