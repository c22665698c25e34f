"""Two rows that time single default fits instead of a ladder: small data, and float32 against float64."""

from __future__ import annotations

import gc
import statistics
import time
import warnings

import numpy as np
import report
from benchmark_utils import problems
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.preprocessing import StandardScaler

from sklearn_gd import GDClassifier, GDRegressor


def seconds(fits: dict, repeats: int) -> dict[str, float]:
    """The median seconds of each fit, the fits taking turns, after one that does not count."""
    times: dict[str, list[float]] = {name: [] for name in fits}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for fit in fits.values():
            fit()
        gc.collect()
        for _ in range(repeats):
            for name, fit in fits.items():
                began = time.perf_counter()
                fit()
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in times.items()}


def small() -> dict:
    """Every estimator at its own defaults."""
    visits = dict(problems("glm"))["poisson_RandHIE"]()
    rows = np.random.default_rng(0).permutation(len(visits.y))[:1000]
    columns = np.ptp(visits.X[rows], axis=0) > 0
    poisson = (visits.X[rows][:, columns][:, :30], visits.y[rows])
    cases = {
        "breast_cancer": (load_breast_cancer(return_X_y=True), GDClassifier(), LogisticRegression()),
        "iris": (load_iris(return_X_y=True), GDClassifier(), LogisticRegression()),
        "wine": (load_wine(return_X_y=True), GDClassifier(), LogisticRegression()),
        "diabetes": (load_diabetes(return_X_y=True), GDRegressor(), Ridge()),
        "RandHIE_visits": (poisson, GDRegressor(loss="poisson"), PoissonRegressor()),
    }
    found = {}
    for name, ((X, y), ours, rival) in cases.items():
        X = StandardScaler().fit_transform(X)
        fits = {"ours": lambda m=ours, X=X, y=y: m.fit(X, y), "rival": lambda m=rival, X=X, y=y: m.fit(X, y)}
        times = seconds(fits, 50)
        found[name] = {"ours": times["ours"], "rivals": {type(rival).__name__: times["rival"]}}
    return found


def _estimator(problem):
    from solvers.sklearn_gd import Solver

    solver = Solver.__new__(Solver)
    solver.problem, solver.stop = problem, "default"
    return solver.estimator(None)


def float32() -> dict:
    """Our own default fits on the dense rows: float32 over float64."""
    found = {}
    for row in ("logistic", "softmax", "squared_error", "glm", "huber_custom"):
        for name, build in problems(row):
            problem = build()
            double, single = problem.X, problem.X.astype(np.float32)
            estimator = _estimator(problem)
            y = problem.y if problem.n_classes else problem.y.astype(np.float32)
            fits = {
                "float32": lambda e=estimator, X=single, y=y: e.fit(X, y),
                "float64": lambda e=estimator, X=double, y=problem.y: e.fit(X, y),
            }
            times = seconds(fits, 3)
            found[f"{row} {name}"] = {"ours": times["float32"], "rivals": {"float64": times["float64"]}}
            print(f"float32 {row} {name}: {times['float32']:.3g} s / {times['float64']:.3g} s", flush=True)
    return found


def run(row: str) -> None:
    """Run "small" or "float32" and keep the results."""
    report.save(row, {"small": small, "float32": float32}[row]())
