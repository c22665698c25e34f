"""A function of one's own beside the named loss: `python docs/benchmarks/own_losses.py`. Needs `pip install -e ".[bench]"`.

Times are medians of default fits that take turns; a function without a named twin is measured against `Quantile(0.3)`.
"""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np
from benchmark_utils.tables import dense, table
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import StandardScaler

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import AbsoluteError, AbsolutePercentageError, EpsilonInsensitive, Hinge, Quantile


class Counted:
    """A function in a unit of y, and how often it was called."""

    def __init__(self, function, unit):
        self.function, self.unit, self.calls = function, unit, 0

    def __deepcopy__(self, memo):
        return self

    def __call__(self, y, raw):
        self.calls += 1
        return self.function(y / self.unit, raw / self.unit)


FUNCTIONS = {
    "absolute": (lambda y, z: np.abs(y - z), lambda unit: AbsoluteError()),
    "pinball 5:1": (lambda y, z: np.where(y > z, 5.0, 1.0) * np.abs(y - z), lambda unit: Quantile(5 / 6)),
    "dead zone": (lambda y, z: np.maximum(np.abs(y - z) - 0.1, 0.0), lambda unit: EpsilonInsensitive(0.1 * unit)),
    "percentage": (lambda y, z: np.abs(y - z) / np.maximum(np.abs(y), 0.1), lambda unit: AbsolutePercentageError(0.1 * unit)),
    "squared / absolute": (lambda y, z: np.where(y > z, (y - z) ** 2, np.abs(y - z)), lambda unit: Quantile(0.3)),
    "capped": (lambda y, z: np.minimum(np.abs(y - z), 1.0), lambda unit: Quantile(0.3)),
    "capped square": (lambda y, z: np.minimum((y - z) ** 2, 1.0), lambda unit: Quantile(0.3)),
}


def sets():
    """Name, X, and y of unit spread."""
    X, y = load_diabetes(return_X_y=True)
    yield "diabetes", StandardScaler().fit_transform(X), y
    frame, X = table("diamonds"), dense("diamonds", "std", False)
    y = np.log(frame.price.to_numpy(float))
    rows = np.random.default_rng(0).permutation(len(y))[:1000]
    yield "diamonds 1,000", X[rows], y[rows]
    yield "diamonds 53,940", X, y
    rng = np.random.default_rng(3)
    X = np.c_[rng.normal(size=(300, 5)), np.eye(4)[rng.integers(0, 4, 300)]]
    yield "one-hot, 300 x 9", X, np.round(X @ rng.normal(size=9) + rng.normal(size=300), 2)


def measured(own, named, X, y, repeats):
    """The median seconds of both fits, taking turns."""
    times = [], []
    for _ in range(repeats + 1):
        for model, kept in zip((own, named), times, strict=True):
            began = time.perf_counter()
            model.fit(X, y)
            kept.append(time.perf_counter() - began)
    return [statistics.median(kept[1:]) for kept in times]


def line(cells):
    """A row of the table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    """Print the table."""
    line(["data", "unit of y", "function", "own", "named", "ratio", "calls", "converged"])
    line(["---"] * 8)
    problems = [(name, X, (y - y.mean()) / y.std(), unit) for name, X, y in sets() for unit in (1e-6, 1.0, 1e6)]
    for name, X, y, unit in problems:
        for title, (function, named) in FUNCTIONS.items():
            own = GDRegressor(Counted(function, unit), alpha=1e-4 / unit)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                repeats = 3 if len(y) > 10_000 else 7
                ours, theirs = measured(own, GDRegressor(named(unit), alpha=1e-4), X, y * unit, repeats)
            calls = own.loss.calls // (repeats + 1)
            ratio = f"{ours / theirs:.1f}"
            line(
                [
                    name,
                    f"{unit:g}",
                    title,
                    f"{1e3 * ours:.0f} ms",
                    f"{1e3 * theirs:.0f} ms",
                    ratio,
                    f"{calls}",
                    f"{own.converged_}",
                ]
            )
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    own = GDClassifier(Counted(lambda y, z: np.maximum(0.0, 1.0 - y * z), 1.0), alpha=1e-2)
    ours, theirs = measured(own, GDClassifier(Hinge(), alpha=1e-2), X, y, 7)
    cells = [
        f"{1e3 * ours:.0f} ms",
        f"{1e3 * theirs:.0f} ms",
        f"{ours / theirs:.1f}",
        f"{own.loss.calls // 8}",
        f"{own.converged_}",
    ]
    line(["breast_cancer", "", "hinge", *cells])


if __name__ == "__main__":
    main()
