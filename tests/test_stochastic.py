"""Every stochastic rule x convex loss comes near the optimum in fifty epochs; every schedule; what mini-batches promise."""

import itertools
import pickle
import tracemalloc
import warnings
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, Perceptron
from sklearn.metrics import log_loss
from tables import CLASSIFICATION, DETERMINISTIC, REGRESSION, RULES, objective_of, true_suboptimality

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import LOSSES, SquaredError
from sklearn_gd.metrics import mean_loss
from sklearn_gd.models import Linear
from sklearn_gd.penalties import L2, GroupLasso, NonNegative
from sklearn_gd.rows.plain import Dense
from sklearn_gd.schedules import SCHEDULES, Cosine, LinearDecay, OneCycle, get_schedule
from sklearn_gd.solvers import SGD, SVRG, Adam, Lion, NAdam, RMSprop

ALPHA = 0.02
PENALTIES = {
    "l2": "l2",
    "l1": "l1",
    "nonnegative": L2() + NonNegative(),
    "group_lasso": L2() + GroupLasso([[0, 1, 2], [3, 4]]),
}
CONVEX = [name for name in [*REGRESSION, *CLASSIFICATION] if LOSSES[name]().convex]


@pytest.fixture(scope="module")
def problems(diabetes, wine):
    X, y = diabetes
    return {"regression": (X, 1.0 + np.abs(y) / 100.0), "classification": (wine[0][:, :10], wine[1])}


def _make(loss, **params):
    return (GDRegressor if LOSSES[loss].task == "regression" else GDClassifier)(loss=loss, **params)


def _quietly(model, X, y, **fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **fit)


# Where the automatic learning rate knowingly ends above 1e-2, with the suboptimality as measured.
SHORT = {
    ("adagrad", "crammer_singer", "l1"): 0.011,
    ("amsgrad", "crammer_singer", "l1"): 0.012,
    ("amsgrad", "squared_hinge", "nonnegative"): 0.012,
    ("amsgrad", "modified_huber", "nonnegative"): 0.012,
    ("amsgrad", "exponential", "nonnegative"): 0.012,
    ("lion", "log_loss", "l1"): 0.063,
    ("lion", "crammer_singer", "l1"): 0.041,
    ("lion", "exponential", "l1"): 0.027,
    ("lion", "hinge", "l1"): 0.023,
    ("lion", "hinge", "nonnegative"): 0.102,
    ("lion", "exponential", "nonnegative"): 0.044,
    ("lion", "crammer_singer", "nonnegative"): 0.025,
    ("lion", "modified_huber", "nonnegative"): 0.022,
    ("lion", "squared_hinge", "nonnegative"): 0.021,
    ("lion", "log_loss", "group_lasso"): 0.043,
    ("lion", "crammer_singer", "group_lasso"): 0.033,
    ("lion", "quantile", "group_lasso"): 0.015,
}


@pytest.fixture(scope="module")
def bounds(problems):
    """F at the optimum, and at the best constant prediction, of a loss and a penalty."""

    @cache
    def values(loss, penalty):
        X, y = problems[LOSSES[loss].task]
        settings = {"penalty": PENALTIES[penalty], "alpha": ALPHA}
        fits = [_quietly(_make(loss, **settings), A, y) for A in (X, 0.0 * X)]
        return [objective_of(model, X, y, ALPHA) for model in fits]

    return values


@pytest.mark.parametrize(("rule", "loss", "penalty"), itertools.product(RULES, CONVEX, PENALTIES))
def test_fifty_epochs(problems, bounds, rule, loss, penalty):
    X, y = problems[LOSSES[loss].task]
    settings = {"penalty": PENALTIES[penalty], "alpha": ALPHA, "solver": rule}
    model = _quietly(_make(loss, **settings, max_iter=50, random_state=0), X, y)
    limit = 1.5 * SHORT.get((rule, loss, penalty), 1e-2 / 1.5)
    assert true_suboptimality(objective_of(model, X, y, ALPHA), *bounds(loss, penalty)) <= limit


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_descend(problems, schedule):
    X, y = problems["regression"]
    model = GDRegressor(solver=SGD(learning_rate=schedule), max_iter=20, random_state=0, alpha=0.02)
    curve = _quietly(model, X, y).loss_curve_
    assert curve[-1] < curve[0]
    factors = [get_schedule(schedule).at(t, 100) for t in range(100)]
    assert 0 < max(factors) <= 1
    assert min(factors) >= 0
    assert np.isfinite(get_schedule(schedule).at(5, np.inf))


@pytest.mark.parametrize("rate", [0, -1.0, np.inf, "cosin", True, SGD])
def test_bad_learning_rates(problems, rate):
    with pytest.raises((ValueError, TypeError), match="learning_rate"):
        GDRegressor(solver=SGD(learning_rate=rate)).fit(*problems["regression"])


def test_literal_steps_are_those_of_the_textbook():
    """One epoch in batches of all rows is one step params - learning_rate * gradient."""
    X, y = np.array([[0.0], [1.0], [2.0], [5.0]]), np.array([1.0, 3.0, 2.0, 7.0])
    model = GDRegressor(alpha=0.0, solver=SGD(learning_rate=0.01, batch_size=4), max_iter=1, random_state=0)
    _quietly(model, X, y)
    error = np.full(4, y.mean()) - y
    np.testing.assert_allclose(model.coef_, -0.01 * (X.T @ error) / 4, rtol=1e-12)
    np.testing.assert_allclose(model.intercept_, y.mean() - 0.01 * error.mean(), rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_the_same_seed_gives_the_same_fit(problems, rule):
    X, y = problems["regression"]
    first, second, other = (
        _quietly(GDRegressor(solver=RULES[rule](), max_iter=3, random_state=seed), X, y).coef_ for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert np.any(first != other)


def test_sparse_is_dense(problems):
    X, y = problems["regression"]
    dense, thin = (_quietly(GDRegressor(solver=Adam(), max_iter=3, random_state=0), A, y) for A in (X, sparse.csr_matrix(X)))
    np.testing.assert_allclose(dense.coef_, thin.coef_, rtol=1e-6)


def test_rows_without_weight_are_not_read(problems):
    X, y = problems["regression"]
    weight = np.ones(len(y))
    weight[::3] = 0.0
    spoilt = np.where(weight == 0, 1e6, y)
    model = GDRegressor(solver="auto").set_params(solver=SGD(), max_iter=5, random_state=0)
    kept = _quietly(model, X, spoilt, sample_weight=weight).coef_.copy()
    np.testing.assert_allclose(_quietly(model, X[weight > 0], y[weight > 0]).coef_, kept, rtol=1e-9)


def test_raw_columns_neither_overflow_nor_stall(problems):
    """Columns of 1e-6 beside 1e6 end where columns of one do."""
    X, y = problems["regression"]
    units = np.logspace(-6, 6, X.shape[1])
    fits = [_quietly(GDRegressor(alpha=0.0, solver=SGD(), max_iter=20, random_state=0), A, y) for A in (X, X * units)]
    np.testing.assert_allclose(fits[1].coef_ * units, fits[0].coef_, rtol=1e-6)


def test_l1_zeros_are_exact(problems):
    X, y = problems["regression"]
    model = GDRegressor(penalty="l1", alpha=0.2, solver=SGD(), random_state=0)
    assert 0 < np.count_nonzero(_quietly(model, X, y).coef_) < X.shape[1]


def test_average_is_another_point_as_good(problems):
    X, y = problems["regression"]
    last, mean = (
        _quietly(GDRegressor(alpha=0.02, solver=SGD(average=a), max_iter=30, random_state=0), X, y) for a in (False, True)
    )
    assert np.any(last.coef_ != mean.coef_)
    assert objective_of(mean, X, y, 0.02) <= 1.01 * objective_of(last, X, y, 0.02)


def test_divergence_is_told(problems):
    X, y = problems["regression"]
    with pytest.warns(ConvergenceWarning, match="diverged.*learning rate 10 is too large"):
        model = GDRegressor(solver=SGD(learning_rate=10.0), random_state=0).fit(X, y)
    assert np.all(np.isfinite(model.coef_))


@pytest.mark.parametrize("rule", RULES)
def test_a_start_far_out_is_left(diabetes, rule):
    """Also one that costs a hundred times what the best constant prediction does."""
    X, y = diabetes
    far = Linear(init=lambda shape, rng: np.full(shape, 200.0))
    model = _quietly(GDRegressor(solver=rule, model=far, random_state=0), X, y)
    assert model.score(X, y) > LinearRegression().fit(X, y).score(X, y) - 0.02


def test_a_warm_start_on_other_targets_is_left(diabetes):
    X, y = diabetes
    model = GDRegressor(solver="adam", warm_start=True, random_state=0)
    for shift in (0.0, 1000.0, -1000.0):
        assert _quietly(model, X, y + shift).score(X, y + shift) > LinearRegression().fit(X, y).score(X, y) - 0.01


@pytest.mark.parametrize(
    "solver", [SGD(10.0), SGD(100.0), Adam(10.0), RMSprop(10.0), NAdam(10.0), Lion(10.0), SVRG(10.0)], ids=repr
)
@pytest.mark.parametrize("seed", range(3))
def test_a_rate_that_is_too_large_is_told(cancer, solver, seed):
    """The steps bounce: that no epoch gains is no convergence, and nothing worse than the best constant is returned."""
    X, y = cancer
    with pytest.warns(ConvergenceWarning, match="learning rate .* is too large; learning_rate='auto'"):
        model = GDClassifier(solver=solver, random_state=seed).fit(X, y)
    assert not model.converged_
    constant = log_loss(y, DummyClassifier(strategy="prior").fit(X, y).predict_proba(X))
    assert log_loss(y, model.predict_proba(X)) + 0.5e-4 * np.sum(model.coef_**2) <= constant * (1 + 1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_a_divergence_within_an_epoch_returns_numbers(rule):
    X, y = load_iris(return_X_y=True)
    solver = RULES[rule](0.1, batch_size=1) if rule in ("sgd", "svrg") else RULES[rule](1e200, batch_size=1)
    with pytest.warns(ConvergenceWarning, match="learning rate .* is too large"):
        model = GDClassifier(alpha=1e5, solver=solver, max_iter=6).fit(X, y)
    assert np.all(np.isfinite(model.coef_))
    assert log_loss(y, model.predict_proba(X)) <= np.log(3) * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_svrg_beside_a_long_tail(seed):
    """It returns from an epoch that led away to where that began, not to where the one before did."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.standard_normal((500, 3)), rng.standard_cauchy(500)])
    y = X[:, :3] @ [1.0, 2.0, -1.0] + 0.3 * rng.standard_normal(500)
    model = GDRegressor(solver="svrg", random_state=seed).fit(X, y)
    assert model.score(X, y) > LinearRegression().fit(X, y).score(X, y) - 0.01


@pytest.mark.parametrize("rule", RULES)
def test_rows_blown_up_in_place_end_in_numbers(diabetes, rule):
    """X is not copied: whoever changes it while the fit runs changes the fit."""
    X, y = diabetes[0].copy(), diabetes[1]
    steps = itertools.count()

    class Bursting(SquaredError):
        def value_and_gradient(self, y, raw):
            if next(steps) == 100:
                X[:] *= 1e150
            return super().value_and_gradient(y, raw)

    model = _quietly(GDRegressor(Bursting(), solver=RULES[rule](batch_size=8), random_state=0), X, y)
    assert np.all(np.isfinite(model.coef_))


@pytest.mark.parametrize("rule", RULES)
def test_where_nothing_is_to_be_learned_that_is_no_failure(rule):
    X = np.random.RandomState(0).randn(200, 3)
    model = GDRegressor(solver=rule, random_state=0).fit(X, np.full(200, 0.1))
    assert (model.converged_, model.stop_reason_) == (True, "the mean loss settled")
    model = GDRegressor(solver=rule, penalty="l1", alpha=10.0, random_state=0).fit(X, X[:, 0])
    np.testing.assert_array_equal(model.coef_, 0.0)


@pytest.mark.parametrize("order", ["F", "strided"])
def test_rows_are_gathered_without_a_copy_of_all(order):
    X = np.zeros((40_000, 20), order="F") if order == "F" else np.zeros((40_000, 40))[:, ::2]
    rows = Dense(X)
    tracemalloc.start()
    part = rows.rows(np.arange(0, 40_000, 100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.shape == (400, 20)
    assert peak < 2 * part.X.nbytes


def test_nothing_is_printed_that_is_not_known(diabetes, capsys):
    _quietly(GDRegressor(solver="adam", max_iter=2, verbose=1, random_state=0), *diabetes)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["iteration", "objective", "step"]
    assert [len(line.split()) for line in lines] == [3, 3, 3]


def test_pickle_and_repr():
    for rule in RULES.values():
        assert repr(pickle.loads(pickle.dumps(rule()))) == repr(rule())


def test_perceptron_learns_what_is_separable(wine):
    """It ends when no sample is on the wrong side, where scikit-learn's does."""
    X, y = wine
    model = GDClassifier(loss="perceptron", alpha=0.0, solver=SGD(batch_size=1), random_state=0).fit(X, y)
    assert model.score(X, y) == Perceptron(random_state=0).fit(X, y).score(X, y) == 1.0
    assert type(_quietly(GDClassifier(loss="perceptron"), X, y).solver_) is SGD


@pytest.mark.parametrize("solver", [*DETERMINISTIC, *(rule for rule in RULES if rule != "sgd")])
def test_perceptron_is_for_sgd_only(wine, solver):
    with pytest.raises(ValueError, match="use solver=SGD"):
        GDClassifier(loss="perceptron", solver=solver).fit(*wine)


@pytest.mark.parametrize("schedule", [LinearDecay(0.03), Cosine(0.03), OneCycle(0.03)], ids=repr)
def test_a_planned_schedule_runs_to_its_end(schedule):
    """Whose mean loss may stand still long before its rate comes down."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 20))
    y = X @ rng.normal(size=20) + rng.normal(size=4000)
    with pytest.warns(ConvergenceWarning, match="max_iter reached"):
        model = GDRegressor(solver=SGD(schedule), max_iter=25, tol=1e-3, random_state=0).fit(X, y)
    assert model.n_iter_ == 25
    assert mean_loss(model, X, y) < 1.001 * mean_loss(GDRegressor().fit(X, y), X, y)
