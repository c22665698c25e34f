"""Rows may live anywhere: on a home that gives nothing but the contract, every solver does what it does in memory."""

import warnings

import numpy as np
import pytest
from hostile import FarArray, HostileRows
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning
from tables import CLASSIFICATION, DETERMINISTIC, REGRESSION, RULES

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import LOSSES, Masked, SequenceLoss
from sklearn_gd.models import MLP
from sklearn_gd.penalties import L2, Box, GroupLasso, NonNegative
from sklearn_gd.rows import source
from sklearn_gd.solvers import Need

PENALTIES = {
    "none": None,
    "l2": "l2",
    "l1": "l1",
    "elasticnet": "elasticnet",
    "l2 + box": L2() + Box(-0.1, 0.4),
    "group_lasso": GroupLasso([[0, 1, 2], [3, 4], [5, 6, 7, 8, 9]]),
    "l2 + nonnegative": L2() + NonNegative(),
}


def _absolute(y_true, raw):
    return np.abs(y_true - raw)


def _capped(y_true, raw):
    return np.minimum((y_true - raw) ** 2, 2.0)


def _quietly(model, *data, **fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **fit)


@pytest.fixture(scope="module")
def problems():
    X, y = load_diabetes(return_X_y=True)
    wine = load_wine(return_X_y=True)
    weight = np.random.RandomState(0).randint(0, 3, size=150).astype(float)
    wine_X = (wine[0] - wine[0].mean(axis=0)) / wine[0].std(axis=0)
    labels = np.where(np.arange(178) % 4 == 0, np.arange(178) % 3, wine[1])  # so that no penalty is needed
    return {
        "regression": (20.0 * X[:150], 1.0 + y[:150] / 100.0, weight),
        "classification": (wine_X[20:170, :10], labels[20:170], weight),
    }


def _both(monkeypatch, make, *data, **fit):
    """Return a fit in memory and one on a hostile home."""
    here = _quietly(make(), *data, **fit)
    with monkeypatch.context() as patch:
        patch.setattr(source, "MemoryRows", HostileRows)
        there = _quietly(make(), *data, **fit)
    return here, there


def _coefficients(model):
    arrays = [model.coef_, model.intercept_] if hasattr(model, "coef_") else [*model.coefs_, *model.intercepts_]
    return np.concatenate([np.ravel(array) for array in arrays])


def _assert_same(here, there, tolerance=1e-7):
    expected, got = _coefficients(here), _coefficients(there)
    assert np.abs(got - expected).max() <= tolerance * np.abs(expected).max(), (here.solver_, there.solver_)


def _make(loss, **params):
    return (GDRegressor if LOSSES[loss].task == "regression" else GDClassifier)(loss=loss, **params)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", [*REGRESSION, *CLASSIFICATION])
def test_every_solver(problems, monkeypatch, loss, penalty):
    data, done = problems[LOSSES[loss].task], 0
    for name, kind in DETERMINISTIC.items():
        settings = {"penalty": PENALTIES[penalty], "alpha": 0.02, "solver": name, "tol": 1e-11}
        settings |= {"max_iter": 30} if name == "gd" else {}  # far from the optimum, rounding decides when it restarts
        try:
            here = _quietly(_make(loss, **settings), *data)
        except ValueError:
            continue
        done += 1
        monkeypatch.setattr(source, "MemoryRows", HostileRows)
        try:
            if Need.IN_MEMORY in kind().needs:
                with pytest.raises(ValueError, match="rows are not in memory, and .* use solver='auto'"):
                    _make(loss, **settings).fit(*data)
            else:
                _assert_same(here, _quietly(_make(loss, **settings), *data))
        finally:
            monkeypatch.undo()
    assert done


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("loss", ["huber", "quantile", "log_loss", "squared_hinge"])
def test_every_rule(problems, monkeypatch, loss, rule):
    data = problems[LOSSES[loss].task]
    _assert_same(*_both(monkeypatch, lambda: _make(loss, penalty="l1", solver=rule, max_iter=4, random_state=0), *data))


@pytest.fixture(scope="module")
def large():
    """Rows enough for samples, of several blocks."""
    rng = np.random.RandomState(0)
    X = rng.randn(12_000, 3) * [1.0, 10.0, 0.1] + [0.0, 5.0, 0.0]
    y = X @ [1.0, 0.2, 3.0] + rng.standard_t(2, size=12_000)
    return X, y, (y > 1.0).astype(int)


@pytest.mark.parametrize("loss", [*REGRESSION, *CLASSIFICATION, _absolute, _capped])
def test_auto(large, monkeypatch, loss):
    """It picks a solver that can: the objective is as low as in memory."""
    X, y, labels = large
    classes, tails = loss in CLASSIFICATION, ("gamma", "inverse_gaussian", "linex", "poisson", "tweedie")
    target = labels if classes else np.exp(0.2 * np.clip(y, -8.0, 8.0)) if loss in tails else y
    here, there = _both(monkeypatch, lambda: (GDClassifier if classes else GDRegressor)(loss, alpha=1e-3), X, target)
    assert here.converged_ == there.converged_
    assert Need.IN_MEMORY not in there.solver_.needs
    if type(here.solver_) is type(there.solver_):
        _assert_same(here, there, 1e-6)
    start = max(there.loss_curve_[0], 1.0)
    assert there.loss_curve_[-1] == pytest.approx(here.loss_curve_[-1], abs=1e-6 * start)


def test_other_fits(problems, monkeypatch):
    """Networks, several outputs, missing entries, sequences, early stopping, restarts."""
    X, y, weight = problems["regression"]
    Z, labels, _ = problems["classification"]
    several = np.column_stack([y, -y])
    missing = several.copy()
    missing[::3, 0] = np.nan
    steps = np.random.RandomState(0).randint(-1, 3, size=(len(labels), 3))
    rule = EarlyStopping(scoring="accuracy")
    cases = [
        (lambda: GDRegressor(model=MLP((4,), n_init=2), max_iter=10, random_state=0), X, y, weight),
        (lambda: GDClassifier(model=MLP((4,), dropout=0.2), solver="adam", max_iter=3, random_state=0), Z, labels),
        (lambda: GDRegressor("huber", tol=1e-10), X, several),
        (lambda: GDRegressor(Masked("absolute_error"), solver="proximal_point", tol=1e-10), X, missing),
        (lambda: GDClassifier(SequenceLoss(), alpha=0.1, fit_intercept=False, tol=1e-10), Z, steps),
        (lambda: GDClassifier(solver="gd", early_stopping=rule, random_state=0), Z, labels),
        (lambda: GDClassifier("perceptron", max_iter=3, random_state=0), Z, labels),
    ]
    for make, *data in cases:
        _assert_same(*_both(monkeypatch, make, *data))


def test_the_home_is_hostile():
    rows = HostileRows(np.ones((60, 2)), np.ones((60, 1)), np.ones(60))
    array = rows.map(_ones)
    assert isinstance(array, FarArray)
    for use in (
        lambda: array + array,
        lambda: len(array),
        lambda: array[0],
        lambda: np.asarray(array) + 1,
        lambda: rows.X,
        lambda: rows.y,
    ):
        with pytest.raises((TypeError, AttributeError)):
            use()
    with pytest.raises((AttributeError, TypeError)):
        rows.reduce(lambda block: (1.0,))  # no kernel is a closure


def _ones(block):
    return np.ones(len(block.weight))
