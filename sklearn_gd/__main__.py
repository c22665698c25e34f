"""The tour on real data: ``python -m sklearn_gd``."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor, LinearRegression, LogisticRegression, QuantileRegressor
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from . import GDClassifier, GDRegressor
from .losses import Huber
from .models import Linear
from .solvers import GradientDescent


def late_costs_more(y_true: Any, raw: Any) -> Any:
    """A custom loss: predicting too little costs three times as much as predicting too much."""
    error = y_true - raw
    return np.where(error > 0, 3.0, 1.0) * error**2


def _timed(fit: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = fit()
    return result, 1000.0 * (time.perf_counter() - start)


def _title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def line() -> None:
    """The tutorial: y = 3 x + 4 + noise, by plain gradient descent from random parameters."""
    _title("1. A line by plain gradient descent: y = 3 x + 4 + noise")
    rng = np.random.RandomState(0)
    x = 2.0 * rng.rand(200, 1)
    y = 3.0 * x[:, 0] + 4.0 + 0.5 * rng.randn(200)
    print("params <- params - 0.1 * gradient, the loss printed every 100 epochs:\n")
    descent = GDRegressor(
        model=Linear(init="normal"),
        alpha=0.0,
        solver=GradientDescent(learning_rate=0.1),
        max_iter=1500,
        verbose=100,
        random_state=0,
    )
    model, ours = _timed(partial(descent.fit, x, y))
    least, theirs = _timed(partial(LinearRegression().fit, x, y))
    print(f"\n{'':24}{'slope':>8}{'intercept':>11}{'ms':>8}")
    print(f"{'the truth':24}{3:8.3f}{4:11.3f}")
    print(f"{'gradient descent':24}{model.coef_[0]:8.3f}{model.intercept_:11.3f}{ours:8.1f}   {model.n_iter_} epochs")
    print(f"{'LinearRegression':24}{least.coef_[0]:8.3f}{least.intercept_:11.3f}{theirs:8.1f}")


def four_losses() -> None:
    """One regression under four losses."""
    _title("2. One regression, four losses: diabetes, 442 patients, 10 measurements")
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    scale = float(np.std(y - LinearRegression().fit(X, y).predict(X)))
    ours = {
        "squared_error": GDRegressor(alpha=0.0),
        "absolute_error": GDRegressor(loss="absolute_error", alpha=0.0),
        "Huber(delta=0.5 sd)": GDRegressor(loss=Huber(delta=0.5 * scale), alpha=0.0),
        "late_costs_more (yours)": GDRegressor(loss=late_costs_more, alpha=0.0),
    }
    nearest = {
        "squared_error": LinearRegression(),
        "absolute_error": QuantileRegressor(alpha=0.0),
        "Huber(delta=0.5 sd)": HuberRegressor(alpha=0.0, max_iter=1000),
    }
    print(f"{'':38}{'mean error':>11}{'mean |e|':>10}{'predicted':>11}{'optimality':>12}{'ms':>8}")
    print(f"{'':38}{'y - f(x)':>11}{'':>10}{'too low':>11}")
    for name, model in ours.items():
        fitted, elapsed = _timed(partial(model.fit, X, y))
        _regression_row(name, fitted, X, y, elapsed)
        if name in nearest:
            rival = nearest[name]
            fitted, elapsed = _timed(partial(rival.fit, X, y))
            _regression_row(f"  {type(rival).__name__}", fitted, X, y, elapsed)
    print("\nYour loss is three lines of NumPy; its derivatives are numeric, its solver is Newton's method.")


def _regression_row(name: str, fitted: Any, X: Any, y: Any, elapsed: float) -> None:
    error = y - fitted.predict(X)
    certificate = f"{fitted.optimality_:.0e}" if hasattr(fitted, "optimality_") else ""
    print(f"{name:38}{error.mean():11.2f}{np.abs(error).mean():10.2f}{np.mean(error > 0):11.1%}{certificate:>12}{elapsed:8.1f}")


def images() -> None:
    """Image classification with cross entropy, searched over loss and alpha."""
    _title("3. Images by cross entropy: 1,797 handwritten digits, 8 x 8 pixels")
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    grid = {"gdclassifier__loss": ["log_loss", "squared_hinge", "hinge"], "gdclassifier__alpha": [1e-2, 1e-3]}
    search = GridSearchCV(make_pipeline(MinMaxScaler(), GDClassifier()), grid, cv=3)
    _, elapsed = _timed(partial(search.fit, X_train, y_train))
    print(f"GridSearchCV over loss and alpha, 3 folds, {elapsed / 1000:.1f} s:\n")
    print(f"{'loss':>16}{'alpha':>10}{'cv accuracy':>14}{'fit, ms':>10}")
    results = search.cv_results_
    for params, score, fit in zip(results["params"], results["mean_test_score"], results["mean_fit_time"], strict=True):
        print(f"{params['gdclassifier__loss']:>16}{params['gdclassifier__alpha']:10.0e}{score:14.4f}{1000 * fit:10.0f}")
    alpha = 1e-3
    print(f"\nCross entropy at alpha = {alpha:g} on all training rows:\n")
    print(f"{'':24}{'test accuracy':>15}{'cost on training rows':>24}{'ms':>8}")
    n = len(y_train)
    for name, model in {
        "GDClassifier": GDClassifier(alpha=alpha),
        "LogisticRegression": LogisticRegression(C=1.0 / (alpha * n), max_iter=2000, tol=1e-6),
    }.items():
        fitted, elapsed = _timed(partial(make_pipeline(MinMaxScaler(), model).fit, X_train, y_train))
        proba = fitted.predict_proba(X_train)[np.arange(n), y_train]
        cost = -np.log(proba).mean() + 0.5 * alpha * np.sum(fitted[-1].coef_ ** 2)
        print(f"{name:24}{fitted.score(X_test, y_test):15.4f}{cost:24.10f}{elapsed:8.0f}")


def main() -> None:
    """Run the tour."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        line()
        four_losses()
        images()
    print(f"\nThe tour took {time.perf_counter() - start:.1f} s. More: help(sklearn_gd.GDRegressor), sklearn_gd.losses.LOSSES.")


if __name__ == "__main__":
    main()
