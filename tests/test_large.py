"""What only many rows, or many columns, bring into play: samples, working rows and sets, the dual problem."""

import tracemalloc
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, QuantileRegressor
from sklearn.metrics import mean_pinball_loss
from sklearn.svm import LinearSVC, LinearSVR

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import EpsilonInsensitive, Hinge, Quantile
from sklearn_gd.objective.summand import MATRICES
from sklearn_gd.penalties import L1, Box, Penalty
from sklearn_gd.penalties import ElasticNet as Mixture
from sklearn_gd.solvers import Dual, InteriorPoint, Newton, ProximalPoint, WorkingRows
from sklearn_gd.solvers.kinked import working_rows
from sklearn_gd.solvers.smooth.metrics import Inverse


def _levels(n, rare, seed=0):
    """Two numbers and eight one-hot levels, of which the last two are on `rare` rows each; noise that differs by level."""
    rng = np.random.RandomState(seed)
    level = rng.randint(0, 6, size=n)
    level[: 2 * rare] = np.repeat([6, 7], rare)
    level = rng.permutation(level)
    X = np.hstack([rng.randn(n, 2), np.eye(8)[level][:, 1:]])
    y = X @ np.linspace(-2, 2, 9) + (1.0 + level) * rng.standard_t(2, size=n)
    return X, y


def _cost(model, X, y, alpha):
    target = y if isinstance(model, GDRegressor) else 2.0 * y - 1.0
    value = model.loss_.value(target[:, None], (X @ np.ravel(model.coef_) + model.intercept_)[:, None])
    return value.mean() + 0.5 * alpha * np.sum(np.square(model.coef_))


# -- straight lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rare", [3, 300])
@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_working_rows_solve_the_linear_program(quantile, rare):
    X, y = _levels(6000, rare)
    model = GDRegressor(Quantile(quantile), alpha=0.0).fit(X, y)
    assert isinstance(model.solver_, WorkingRows)
    program = QuantileRegressor(quantile=quantile, alpha=0.0, solver="highs").fit(X, y)
    best = Quantile(quantile).value(y[:, None], program.predict(X)[:, None]).mean()
    np.testing.assert_allclose(_cost(model, X, y, 0.0), best, rtol=1e-9)


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_a_coarse_solution_finds_the_rows_near_a_kink(quantile, monkeypatch):
    """With many columns, a sample would be as large as the data."""
    monkeypatch.setattr(working_rows, "MUCH", 0.0)
    rng = np.random.RandomState(0)
    X = rng.randn(1500, 150)
    y = X[:, :5].sum(axis=1) + rng.standard_t(2, size=1500)
    model = GDRegressor(Quantile(quantile), alpha=0.0, solver=WorkingRows()).fit(X, y)
    program = QuantileRegressor(quantile=quantile, alpha=0.0, solver="highs").fit(X, y)
    best = Quantile(quantile).value(y[:, None], program.predict(X)[:, None]).mean()
    assert model.converged_
    np.testing.assert_allclose(_cost(model, X, y, 0.0), best, rtol=1e-9)


@pytest.mark.parametrize("loss", [Quantile(0.8), EpsilonInsensitive(0.5), Hinge()])
@pytest.mark.parametrize("weighted", [False, True])
def test_three_ways_for_straight_lines(loss, weighted):
    X, y = _levels(3000, 40)
    weight = np.random.RandomState(1).randint(0, 3, size=3000).astype(float) if weighted else None
    make, y = (GDClassifier, (y > 0).astype(int)) if loss.task == "classification" else (GDRegressor, y)
    found = [
        make(loss, alpha=0.01, solver=solver).fit(X, y, weight).loss_curve_[-1]
        for solver in (WorkingRows(), InteriorPoint(), Dual(), ProximalPoint())
    ]
    np.testing.assert_allclose(found, found[-1], rtol=1e-7)


@pytest.mark.parametrize(("n", "p", "alpha"), [(400, 30, 0.02), (400, 30, 1.0), (6000, 10, 0.05), (80, 200, 0.05)])
def test_quantiles_with_an_l1_penalty_solve_the_linear_program(n, p, alpha):
    rng = np.random.RandomState(0)
    X = rng.randn(n, p) * np.logspace(-2, 1, p)
    y = X[:, -5:].sum(axis=1) + rng.standard_t(2, size=n)
    model = GDRegressor(Quantile(0.7), penalty="l1", alpha=alpha).fit(X, y)
    assert isinstance(model.solver_, (InteriorPoint, WorkingRows))
    program = QuantileRegressor(quantile=0.7, alpha=alpha, solver="highs").fit(X, y)

    def cost(model):
        return mean_pinball_loss(y, model.predict(X), alpha=0.7) + alpha * np.abs(model.coef_).sum()

    assert model.converged_
    np.testing.assert_allclose(cost(model), cost(program), rtol=1e-9)
    assert np.count_nonzero(model.coef_) == np.count_nonzero(program.coef_) < p  # exact zeros


class Lopsided(Penalty):
    """Weights above zero cost twice as much as those below."""

    separable = selects = falls_apart = True

    def value(self, weights):
        return float(np.sum(np.maximum(2.0 * weights, -weights)))

    def prox(self, weights, step):
        return np.maximum(weights - 2.0 * step, 0.0) + np.minimum(weights + step, 0.0)

    def kinks(self, weights):
        return np.zeros((1, 1, 1))

    def subgradient(self, weights, gradient, alpha):
        at_zero = np.clip(-gradient, -alpha, 2.0 * alpha)
        return np.select([weights > 0, weights < 0], [2.0 * alpha, -alpha], at_zero)

    def for_features(self, features):
        return self


def _absolute_and_squared(y_true, raw):
    return np.abs(y_true - raw) + 0.1 * (y_true - raw) ** 2


@pytest.mark.parametrize("loss", [EpsilonInsensitive(0.5), Quantile(0.3), _absolute_and_squared])
@pytest.mark.parametrize(
    "penalty", [Mixture(0.5), {"a": "l1", "b": "l2"}, L1(np.array([0.0, 1.0, 2.0, 1.0, 5.0, 1.0])), Lopsided()]
)
def test_weights_are_rows_of_a_linear_program(loss, penalty):
    """Several kinks in each row, several outputs, weights of samples, and penalties of some features."""
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.randn(300, 6), columns=["a", "b", "c", "d", "e", "f"])
    y = X.to_numpy() @ rng.randn(6, 2) + rng.standard_t(2, size=(300, 2))
    weight = rng.randint(0, 3, size=300).astype(float)
    one, other = (
        GDRegressor(loss, penalty=penalty, alpha=0.1, solver=solver).fit(X, y, weight)
        for solver in ("interior_point", "proximal_point")
    )
    np.testing.assert_allclose(one.loss_curve_[-1], other.loss_curve_[-1], rtol=1e-9)
    np.testing.assert_array_equal(one.coef_ == 0, np.abs(other.coef_) < 1e-9)


@pytest.mark.parametrize("loss", [EpsilonInsensitive(0.5), Quantile(0.3), _absolute_and_squared])
def test_more_columns_than_rows_and_an_l1_penalty(loss):
    """Systems of as many equations as rows; with equal and constant columns, columns of other units, and two outputs."""
    rng = np.random.RandomState(0)
    X = rng.randn(60, 200)
    y = X[:, :5] @ rng.randn(5, 2) + rng.standard_t(2, size=(60, 2))
    X[:, 1], X[:, 2], X[:, 3:6] = X[:, 0], 7.0, 1e3 * X[:, 3:6]
    weight = rng.randint(0, 3, size=60).astype(float)
    make = partial(GDRegressor, loss, penalty="l1", alpha=0.05)
    ours, other = (make(solver=solver).fit(X, y, weight) for solver in ("auto", "proximal_point"))
    assert isinstance(ours.solver_, InteriorPoint)
    assert ours.converged_
    np.testing.assert_allclose(ours.loss_curve_[-1], other.loss_curve_[-1], rtol=1e-7)
    assert ours.loss_curve_[-1] <= other.loss_curve_[-1] * (1.0 + 1e-9)
    assert 0 < np.count_nonzero(ours.coef_) <= 120


def _text(n=600, p=3000, seed=0):
    rng = np.random.RandomState(seed)
    X = sparse.random(n, p, 0.01, format="csr", random_state=rng)
    return X, X @ rng.randn(p)


@pytest.mark.parametrize("intercept", [False, True])
def test_dual_agrees_with_liblinear(intercept):
    """The intercept, which liblinear penalises, is checked by the objective of the proximal point method."""
    X, score = _text()
    y, alpha = (score + 0.3 > 0).astype(int), 1e-3
    model = GDClassifier("hinge", alpha=alpha, fit_intercept=intercept).fit(X, y)
    assert isinstance(model.solver_, Dual)
    if intercept:
        other = GDClassifier("hinge", alpha=alpha, solver=ProximalPoint()).fit(X, y)
        np.testing.assert_allclose(_cost(model, X, y, alpha), _cost(other, X, y, alpha), rtol=1e-6)
    else:
        other = LinearSVC(loss="hinge", C=1.0 / (alpha * len(y)), fit_intercept=False, tol=1e-9, max_iter=100_000).fit(X, y)
        np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-4 * np.abs(other.coef_).max())


def test_dual_regression_agrees_with_liblinear():
    X, y = _text()
    alpha = 1e-3
    model = GDRegressor(EpsilonInsensitive(0.1), alpha=alpha, fit_intercept=False).fit(X, y)
    assert isinstance(model.solver_, Dual)
    other = LinearSVR(epsilon=0.1, C=1.0 / (alpha * len(y)), fit_intercept=False, tol=1e-9, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-4 * np.abs(other.coef_).max())


def test_dual_needs_a_penalty():
    X, score = _text(50, 60)
    with pytest.raises(ValueError, match="not an l2 penalty, which Dual needs: use solver='auto'"):
        GDRegressor("absolute_error", alpha=0.0, solver="dual").fit(X, score)


# -- penalties that are linear between kinks --------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.01])
def test_lasso_on_many_collinear_columns(share):
    rng = np.random.RandomState(0)
    common = rng.randn(60, 5)
    X = common @ rng.randn(5, 600) + 0.3 * rng.randn(60, 600)
    y = X[:, :10].sum(axis=1) + rng.randn(60)
    X -= X.mean(axis=0)
    alpha = share * np.abs(X.T @ (y - y.mean())).max() / 60
    ours = GDRegressor(penalty="l1", alpha=alpha).fit(X, y)
    theirs = Lasso(alpha=alpha, tol=1e-10, max_iter=200_000).fit(X, y)

    def cost(model):
        return 0.5 * np.mean((y - model.predict(X)) ** 2) + alpha * np.abs(model.coef_).sum()

    assert cost(ours) <= cost(theirs) * (1 + 1e-9)
    assert 0 < np.count_nonzero(ours.coef_) < 60  # exact zeros; a vertex has no more than the rows


def test_elastic_net_on_many_columns():
    rng = np.random.RandomState(0)
    X = rng.randn(100, 500)
    y = X[:, :5].sum(axis=1) + rng.randn(100)
    ours = GDRegressor(penalty=Mixture(0.7), alpha=0.05).fit(X, y)
    theirs = ElasticNet(alpha=0.05, l1_ratio=0.7, tol=1e-12, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


def test_a_box_with_two_kinks_for_each_weight():
    rng = np.random.RandomState(0)
    X = rng.randn(300, 20)
    y = X @ rng.randn(20) + rng.randn(300)
    model = GDRegressor(penalty=Box(np.linspace(-0.5, 0.0, 20), 0.3), alpha=0.0).fit(X, y)
    gradient = -X.T @ (y - model.predict(X)) / 300
    low, high = np.linspace(-0.5, 0.0, 20), np.full(20, 0.3)
    assert np.all((low <= model.coef_) & (model.coef_ <= high))
    inside = (low < model.coef_) & (model.coef_ < high)
    assert 0 < inside.sum() < 20
    np.testing.assert_allclose(gradient[inside], 0.0, atol=1e-7)
    assert np.all(gradient[model.coef_ == low] >= -1e-7)
    assert np.all(gradient[model.coef_ == high] <= 1e-7)


def test_weights_of_l1_reach_the_kinks():
    rng = np.random.RandomState(0)
    X = rng.randn(200, 4)
    y = X.sum(axis=1) + 0.1 * rng.randn(200)
    coef = GDRegressor(penalty=L1([0.0, 1.0, 100.0, 1.0]), alpha=0.1).fit(X, y).coef_
    assert coef[2] == 0.0
    assert coef[0] > coef[1] > 0.5


# -- a rehearsal on a few rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rare", [2, 2000])
@pytest.mark.parametrize("loss", ["log_loss", "huber", "poisson"])
def test_a_rehearsal_changes_the_start_only(loss, rare):
    X, y = _levels(40_000, rare)
    make = GDClassifier if loss == "log_loss" else GDRegressor
    y = {"log_loss": y > 0, "huber": y, "poisson": np.round(np.exp(np.clip(0.3 * y, -3, 3)))}[loss]
    auto, plain = make(loss).fit(X, y), make(loss, solver=Newton()).fit(X, y)
    assert auto.converged_
    np.testing.assert_allclose(auto.coef_, plain.coef_, rtol=1e-5, atol=1e-6)
    assert auto.n_iter_ <= plain.n_iter_ + 1


def test_a_rehearsal_that_misleads_is_forgotten():
    """One outlier of 40,000 rows, which no sample holds, is all that matters under a loss that grows so fast."""
    rng = np.random.RandomState(0)
    X = rng.randn(40_000, 2)
    y = np.round(np.exp(0.1 * rng.randn(40_000)))
    X[17], y[17] = [60.0, 0.0], 0.0
    model = GDRegressor("poisson", alpha=0.0).fit(X, y)
    plain = GDRegressor("poisson", alpha=0.0, solver=Newton()).fit(X, y)
    assert model.converged_
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-5, atol=1e-8)


# -- many classes -----------------------------------------------------------------------------------------------------


def _classes(n, p, n_classes, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, p)
    return X, (X @ rng.randn(p, n_classes) + rng.gumbel(size=(n, n_classes))).argmax(axis=1)


def test_many_classes_agree_with_logistic_regression():
    X, y = _classes(2000, 5, 100)
    ours = GDClassifier(alpha=1e-3).fit(X, y)
    theirs = LogisticRegression(C=1.0 / (1e-3 * len(y)), tol=1e-9, max_iter=5000).fit(X, y)
    assert ours.converged_
    assert ours.n_iter_ < 40
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)


def test_a_column_beyond_single_precision(monkeypatch):
    """Samples and coarse solutions are in single precision where the columns allow it."""
    X, y = _classes(9000, 5, 3)
    huge = X * [1.0, 1e40, 1.0, 1.0, 1e-40]
    fits = [GDClassifier(alpha=0.0, solver="newton_cg").fit(A, y) for A in (X, huge)]
    assert all(model.converged_ for model in fits)
    np.testing.assert_allclose(fits[1].loss_curve_[-1], fits[0].loss_curve_[-1], rtol=1e-9)
    monkeypatch.setattr(working_rows, "MUCH", 0.0)
    y = X.sum(axis=1) + np.random.RandomState(0).standard_t(2, size=9000)
    fits = [GDRegressor("quantile", alpha=0.0, solver=WorkingRows(width=50.0)).fit(A, y) for A in (X, huge)]
    assert all(model.converged_ for model in fits)
    np.testing.assert_allclose(fits[1].loss_curve_[-1], fits[0].loss_curve_[-1], rtol=1e-9)


def test_an_inverse_with_a_shift_is_positive_definite():
    """A common change of all classes is only curved by the penalty; other changes are by their blocks."""
    roots = np.random.RandomState(0).randn(4, 3, 3)
    ridge = np.array([[0.5], [2.0], [0.0]])  # none on the intercept
    inverse = Inverse(roots @ roots.transpose(0, 2, 1) + np.eye(3), ridge)
    matrix = np.stack([inverse.solve(unit) for unit in np.eye(12)], axis=1)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    values = np.linalg.eigvalsh(matrix)
    assert np.sum(values < 1e-12) == 1  # the common intercept, along which the gradient is zero
    assert np.all(values[1:] > 1e-3)
    common = np.repeat([1.0, 3.0, 0.0], 4)
    np.testing.assert_allclose(inverse.solve(common), np.repeat([2.0, 1.5, 0.0], 4), atol=1e-12)


@pytest.mark.parametrize(("loss", "solver", "n_classes"), [("log_loss", "auto", 200), ("focal", "newton", 40)])
def test_memory_for_many_classes(loss, solver, n_classes):
    """About six numbers for each row and class, and the second derivative of Newton's method; no (n, K, K) array."""
    X, y = _classes(6000, 2, n_classes)
    model = GDClassifier(loss, alpha=1e-2, solver=solver, max_iter=1)
    n_classes = len(np.unique(y))
    tracemalloc.start()
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    matrices = 4 * (3 * n_classes) ** 2 + 6 * MATRICES if solver == "newton" else 0
    assert peak <= 8 * (6 * len(X) * n_classes + matrices)
    assert len(X) * n_classes**2 > 6 * len(X) * n_classes + matrices
