"""A random problem for each seed, as a stranger may bring it: data, weights, a loss, a penalty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from references import Shape
from scipy import sparse
from scipy.special import expit
from tables import CLASSIFICATION, REGRESSION

from sklearn_gd.losses import LOSSES
from sklearn_gd.penalties import L1, L2, Box, ElasticNet, GroupLasso, NonNegative

IN_UNITS_OF_Y = {"delta": 1, "scale": 1, "epsilon": 1, "eps": 1, "a": -1}
COUNTS, AMOUNTS = ("poisson", "tweedie"), ("gamma", "inverse_gaussian")


# -- losses of one's own, as they are written for a day's use, and their slopes ----------------------------------------


def five_to_one(y_true, raw):
    error = y_true - raw
    return np.where(error > 0, 5.0, 1.0) * np.abs(error)


def dead_zone(y_true, raw):
    return np.maximum(np.abs(y_true - raw) - 0.5, 0.0)


def capped(y_true, raw):
    return np.minimum(np.abs(y_true - raw), 2.0)


def squared_or_absolute(y_true, raw):
    error = y_true - raw
    return np.where(error > 0, error**2, -error)


def percentage(y_true, raw):
    return np.abs(y_true - raw) / np.maximum(np.abs(y_true), 1e-3)


def late_costs_more(y_true, raw):
    error = y_true - raw
    return np.where(error > 0, 3.0, 1.0) * error**2


def my_hinge(y_true, raw):
    return np.maximum(0.0, 1.0 - y_true * raw)


def my_logistic(y_true, raw):
    return np.logaddexp(0.0, -y_true * raw)


OWN = {
    "regression": {
        five_to_one: lambda y, z: np.where(y > z, -5.0, 1.0),
        dead_zone: lambda y, z: np.where(np.abs(y - z) > 0.5, np.sign(z - y), 0.0),
        capped: lambda y, z: np.where(np.abs(y - z) < 2.0, np.sign(z - y), 0.0),
        squared_or_absolute: lambda y, z: np.where(y > z, 2.0 * (z - y), 1.0),
        percentage: lambda y, z: np.sign(z - y) / np.maximum(np.abs(y), 1e-3),
        late_costs_more: lambda y, z: np.where(y > z, 6.0, 2.0) * (z - y),
    },
    "classification": {
        my_hinge: lambda y, z: np.where(y * z < 1.0, -y, 0.0),
        my_logistic: lambda y, z: -y * expit(-y * z),
    },
}
SMOOTH = (late_costs_more, my_logistic)
NOT_CONVEX = (capped,)
STRAIGHT = {
    "regression": ["absolute_error", "quantile", "epsilon_insensitive", "five_to_one", "dead_zone"],
    "classification": ["hinge", "crammer_singer", "my_hinge"],
}
FORGIVING = {
    "regression": ["epsilon_insensitive", "epsilon_insensitive", "squared_epsilon_insensitive", "dead_zone"],
    "classification": ["hinge", "crammer_singer", "my_hinge"],
}


@dataclass
class Case:
    """A fit, and what is known of it."""

    seed: int
    task: str
    X: Any
    y: Any
    sample_weight: Any
    loss: Any
    slope: Callable[..., Any] | None  # of a function of one's own; a named loss has its gradient
    penalty: Any
    shape: Shape
    alpha: float
    fit_intercept: bool
    form: str
    columns: str

    @property
    def classifies(self) -> bool:
        return self.task not in ("regression", "multi-output")

    @property
    def convex(self) -> bool:
        return self.loss not in NOT_CONVEX

    @property
    def smooth(self) -> bool:
        return self.loss in SMOOTH

    def __str__(self) -> str:
        loss = getattr(self.loss, "__name__", self.loss)
        weight = "none" if self.sample_weight is None else "integers" if np.all(self.sample_weight % 1 == 0) else "numbers"
        return (
            f"{self.task}, X {self.X.shape[0]} x {self.X.shape[1]} {self.form} of {self.columns}, loss={loss}, "
            f"penalty={self.penalty}, alpha={self.alpha:.3g}, fit_intercept={self.fit_intercept}, weights: {weight}"
        )


def draw(seed: int) -> Case:
    """Return the case of a seed."""
    rng = np.random.default_rng(seed)
    # Where the optimum is not unique, or costs nothing, solvers divide by what may be zero: such data come more often.
    occasion = str(rng.choice(["any", "interpolation", "no loss"], p=[0.84, 0.1, 0.06]))
    task = str(rng.choice(["regression", "binary", "multiclass", "multilabel", "multi-output"], p=[0.5, 0.2, 0.12, 0.09, 0.09]))
    kind = "classification" if task in ("binary", "multiclass", "multilabel") else "regression"
    n, p = _size(rng)
    if occasion == "interpolation":
        p = int(rng.integers(5, 30))
        n = int(p * rng.uniform(0.8, 1.1))
    dense, columns = _columns(rng, n, p, 0.8 if occasion == "interpolation" else 0.4)
    X, form = _format(rng, dense)
    names, own = (REGRESSION, OWN["regression"]) if kind == "regression" else (CLASSIFICATION, OWN["classification"])
    every = [*names, *(function.__name__ for function in own)]
    name = str(rng.choice({"any": every, "interpolation": STRAIGHT[kind], "no loss": FORGIVING[kind]}[occasion]))
    y = _target(rng, dense, task, name)
    if occasion == "no loss" and task in ("regression", "multi-output", "multilabel"):
        # Within the tolerance of every default, or the same labels for everybody.
        y = np.tile(y[:1], (n, 1)) if task == "multilabel" else y * (0.1 / np.abs(y).max() if y.any() else 0.0)
    if name in names:
        loss, slope = (name if occasion == "no loss" else _named_loss(rng, name, y)), None
    else:
        loss, slope = next((function, own[function]) for function in own if function.__name__ == name)
    penalty, shape = _penalty(rng, p, "scaled" in columns)
    alpha = 0.0 if rng.random() < 0.25 else float(10.0 ** rng.uniform(-8, 3))
    if occasion == "interpolation":
        penalty, shape, alpha = None, Shape(), 0.0
    weight = [None, None, rng.integers(0, 4, n).astype(float), rng.exponential(size=n)][rng.integers(4)]
    if weight is not None and not weight.any():
        weight = None
    return Case(seed, task, X, y, weight, loss, slope, penalty, shape, alpha, bool(rng.random() < 0.75), form, columns)


def _size(rng: np.random.Generator) -> tuple[int, int]:
    if rng.random() < 0.015:
        return 6000, int(rng.integers(1, 6))  # the working rows and the samples begin here
    n = round(10.0 ** rng.uniform(np.log10(5), np.log10(200)))
    p = round(10.0 ** rng.uniform(0, np.log10(30)))
    return (max(5, int(p * rng.uniform(0.6, 1.3))), p) if rng.random() < 0.35 else (n, p)


def _columns(rng: np.random.Generator, n: int, p: int, scaled: float) -> tuple[np.ndarray, str]:
    normal = rng.standard_normal((n, p))
    tables = {
        "normal": normal,
        "counts": rng.poisson(2.0, (n, p)).astype(float),
        "indicators": np.eye(p)[rng.integers(0, max(1, int(p * rng.uniform(0.5, 1.0))), n)],
        "few entries": normal * (rng.random((n, p)) < 0.2),
        "duplicates": normal[:, rng.integers(0, max(1, p // 2), p)],
        "offsets": normal + 10.0 ** rng.uniform(0, 4, p),
        "ties": np.round(normal),
    }
    name = str(rng.choice(list(tables)))
    X = tables[name]
    if rng.random() < scaled:
        X, name = X * 10.0 ** rng.uniform(-8, 8, p), f"scaled {name}"
    if rng.random() < 0.15:
        X = X.copy()
        X[:, rng.integers(p)], name = rng.choice([0.0, 1.0, -0.1, 1e3]), f"{name}, one constant"
    return X, name


def _format(rng: np.random.Generator, X: np.ndarray) -> tuple[Any, str]:
    forms = {
        "array": np.asarray,
        "Fortran": np.asfortranarray,
        "frame": lambda X: pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])]),
        "CSR": sparse.csr_array,
        "CSC": sparse.csc_array,
    }
    name = str(rng.choice(list(forms)))
    single = rng.random() < 0.15
    X = forms[name](X.astype(np.float32) if single else X)
    return X, f"{name} float32" if single else name


def _signal(rng: np.random.Generator, X: np.ndarray, n_outputs: int) -> np.ndarray:
    """Return what X says of y, of the order of one, and noise of some size: none, little, as much, with outliers."""
    spread = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(spread > 1e-12 * np.abs(X).max(axis=0), spread, np.inf)
    coef = rng.standard_normal((X.shape[1], n_outputs)) * (rng.random((X.shape[1], 1)) < 0.7)
    signal = Z @ coef / np.sqrt(X.shape[1])
    noise = rng.standard_normal(signal.shape) if rng.random() < 0.7 else rng.standard_t(1.5, signal.shape)
    return signal + rng.choice([0.0, 0.1, 1.0, 3.0]) * noise


def _target(rng: np.random.Generator, X: np.ndarray, task: str, loss: str) -> np.ndarray:
    n_outputs = {"multiclass": rng.integers(3, 6), "multilabel": rng.integers(2, 4), "multi-output": rng.integers(2, 4)}
    signal = _signal(rng, X, int(n_outputs.get(task, 1)))
    if task == "binary":
        positive = signal[:, 0] >= np.quantile(signal[:, 0], rng.choice([0.3, 0.5, 0.9]))
        return np.where(positive, *rng.choice([["yes", "no"], ["a", "b"]]))
    if task == "multiclass":
        return signal.argmax(axis=1)
    if task == "multilabel":
        # A label that nobody has, or everybody, is ordinary.
        return (signal > rng.choice([-10.0, 0.0, 0.0, 0.0, 10.0], signal.shape[1])).astype(int)
    scale = 10.0 ** rng.uniform(-6, 6) if rng.random() < 0.5 else 1.0
    mean = np.exp(np.clip(signal, -10, 5))
    if loss in AMOUNTS:
        y = scale * mean
    elif loss in COUNTS or rng.random() < 0.2:
        y = rng.poisson(mean).astype(float)
    else:
        y = signal + rng.choice([0.0, 0.0, 10.0])
        y = scale * (np.round(y, int(rng.integers(2))) if rng.random() < 0.3 else y)
        if rng.random() < 0.1:
            y[rng.random(y.shape) < 0.7] = 0.0
    return y[:, 0] if task == "regression" else y


def _named_loss(rng: np.random.Generator, name: str, y: np.ndarray) -> Any:
    """Return a loss by its name, or as an object with parameters in units of y."""
    kind = LOSSES[name]
    if rng.random() < 0.3 or not kind().get_params():
        return name
    parameters = {}
    for parameter in kind().get_params():
        if parameter in IN_UNITS_OF_Y:
            unit = (float(np.std(y)) or 1.0) ** IN_UNITS_OF_Y[parameter]
            sign = rng.choice([-1.0, 1.0]) if parameter == "a" else 1.0
            parameters[parameter] = float(sign * unit * 10.0 ** rng.uniform(-1.5, 0.7))
        else:
            limits = {"power": (1.0, 3.0), "gamma": (0.0, 4.0), "label_smoothing": (0.0, 0.5)}.get(parameter, (0.02, 0.98))
            parameters[parameter] = float(rng.uniform(*limits))
    return kind(**parameters)


def _penalty(rng: np.random.Generator, p: int, scaled: bool) -> tuple[Any, Shape]:
    """Return a penalty, and what it is made of."""
    strengths, share = rng.uniform(0.0, 2.0, p), float(rng.random())
    low, high = -(10.0 ** rng.uniform(-3, 1, p)), 10.0 ** rng.uniform(-3, 1, p)
    lift = 0.0 if scaled or rng.random() < 0.7 else 2.0  # bounds that exclude zero
    order = rng.permutation(p)
    groups = [group.tolist() for group in np.array_split(order[: max(1, int(p * 0.9))], max(1, p // 3))]
    choices = [
        (None, Shape()),
        (None, Shape()),
        ("l2", Shape(l2=1.0)),
        ("l2", Shape(l2=1.0)),
        ("l1", Shape(l1=1.0)),
        ("elasticnet", Shape(l1=0.15, l2=0.85)),
        (ElasticNet(share), Shape(l1=share, l2=1.0 - share)),
        ("nonnegative", Shape(lower=0.0)),
        (Box(low, high), Shape(lower=low, upper=high)),
        (Box(lift, np.inf), Shape(lower=lift)),
        (L2() + NonNegative(), Shape(l2=1.0, lower=0.0)),
        (L2(strengths) + L1(strengths[::-1]), Shape(l2=strengths, l1=strengths[::-1])),
        (L2() + Box(low, high), Shape(l2=1.0, lower=low, upper=high)),
        (GroupLasso(groups), Shape(groups=groups)),
        (L2(0.5) + GroupLasso(groups), Shape(l2=0.5, groups=groups)),
    ]
    return choices[rng.integers(len(choices))]
