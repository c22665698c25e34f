"""Networks: the gradient of every activation under every loss, what solvers and losses do with them, and scikit-learn's own."""

import itertools
import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris, make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from tables import ALL_LOSSES, DETERMINISTIC, PENALTY_OBJECTS, RULES, objective_on

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import Quantile
from sklearn_gd.models import ACTIVATIONS, MLP
from sklearn_gd.penalties import GroupLasso
from sklearn_gd.solvers import LBFGS, Adam
from sklearn_gd.targets import Continuous, Labels


def _quietly(model, X, y, **fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **fit)


@pytest.fixture(scope="module")
def friedman():
    """Columns and targets in units of their own."""
    X, y = make_friedman1(2000, 10, noise=1.0, random_state=0)
    return X * np.logspace(-3, 3, 10), 1000.0 * y + 50_000.0


@pytest.mark.parametrize(("activation", "loss"), itertools.product(ACTIVATIONS, ALL_LOSSES), ids=str)
def test_back_propagation_is_the_numeric_gradient(activation, loss):
    """Of F with an l2 penalty, weights, two hidden layers, columns and outputs in units, dense and sparse."""
    rng = np.random.RandomState(0)
    X = rng.randn(12, 3) * [1e-3, 1.0, 1e3] + [1.0, 0.0, 1e3]
    if loss.task == "classification":
        y = np.arange(12) % 3
        target = Labels(y)
    else:
        y = 0.5 + rng.rand(12)
        target = Continuous(y)
    weight = rng.rand(12)
    for holder in (np.asarray, sparse.csr_matrix):
        objective = objective_on(holder(X), y, target, loss, "l2", 0.1, weight=weight, model=MLP((4, 3), activation))
        unit = np.linspace(0.5, 0.7, loss.n_raw(target))
        model = objective.model.in_units(lambda unit=unit: (unit, 1.0, True))
        objective = objective.with_model(model)
        params = 0.3 * rng.randn(model.size)
        value, gradient = objective.value_and_gradient(params)
        way = rng.randn(model.size)
        steps = 1e-5 * np.array([-2.0, -1.0, 1.0, 2.0])
        values = np.array([objective.value(params + h * way) for h in steps])
        numeric = (values @ [1.0, -8.0, 8.0, -1.0]) / (12 * 1e-5)
        assert value == pytest.approx(objective.value(params), rel=1e-12)
        tolerance = 1e-6 if loss.smooth and activation not in ("relu", "leaky_relu") else 1e-5
        assert gradient @ way == pytest.approx(numeric, rel=tolerance, abs=tolerance * np.abs(gradient).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_attributes_are_the_model(friedman, activation):
    """Predictions from coefs_ and intercepts_ are those of the textbook, in the units of X and y."""
    X, y = friedman
    model = _quietly(GDRegressor(model=MLP((7, 5), activation), max_iter=20, random_state=0), X, y)
    assert [matrix.shape for matrix in model.coefs_] == [(10, 7), (7, 5), (5, 1)]
    assert [intercept.shape for intercept in model.intercepts_] == [(7,), (5,), (1,)]
    values = X
    for i, (weights, intercept) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        values = values @ weights + intercept
        values = values if i == 2 else ACTIVATIONS[activation][0](values)
    np.testing.assert_allclose(model.predict(X), values[:, 0], rtol=1e-9)
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson"])
def test_the_unit_of_the_targets_does_not_matter(loss, solver):
    """Nor does that of the penalty, which is in the unit of the loss: the fit is the same, in another unit."""
    X, y = make_friedman1(300, 5, noise=0.5, random_state=0)
    if loss == "absolute_error" and solver == "lbfgs":
        solver = "adamw"
    fits = [
        _quietly(
            GDRegressor(loss, model=MLP((10,)), alpha=1e-3, solver=solver, max_iter=30, random_state=0), X, scale * np.abs(y)
        )
        for scale in (1.0, 2.0**-10, 2.0**10)
    ]
    assert fits[0].score(X, np.abs(y)) > 0.7
    for model, scale in zip(fits[1:], (2.0**-10, 2.0**10), strict=True):
        np.testing.assert_allclose(model.predict(X) / scale, fits[0].predict(X), rtol=1e-3)


def test_what_would_help_a_network():
    """Its columns are scaled as they are."""
    with pytest.warns(ConvergenceWarning, match="What would help: a larger max_iter or tol"):
        GDClassifier(model="mlp", max_iter=3, random_state=0).fit(*load_iris(return_X_y=True))


@pytest.mark.parametrize("rule", RULES)
def test_a_penalty_that_outweighs_the_first_weights(cancer, rule):
    """The start costs more than the best constant prediction: it is left."""
    model = _quietly(GDClassifier("hinge", model="mlp", alpha=0.03, solver=rule, random_state=0), *cancer)
    assert model.score(*cancer) > 0.95


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_learns(digits, rule):
    X, y = digits
    model = _quietly(
        GDClassifier(model="mlp", solver=RULES[rule](batch_size=32), max_iter=20, random_state=0), X[:1200], y[:1200]
    )
    assert model.score(X[1200:], y[1200:]) > 0.9


@pytest.mark.parametrize("solver", [name for name in DETERMINISTIC if name not in ("gd", "lbfgs")])
def test_solvers_for_linear_models_refuse(digits, solver):
    with pytest.raises(ValueError, match="MLP"):
        GDClassifier(loss="hinge", model="mlp", solver=solver).fit(*digits)


def test_auto_is_lbfgs_for_few_rows_and_adam_otherwise(digits):
    X, y = digits
    for settings, kind in (
        ({}, LBFGS),
        ({"loss": "hinge"}, Adam),
        ({"model": MLP(dropout=0.5)}, Adam),
        ({"penalty": "l1"}, Adam),
    ):
        model = _quietly(GDClassifier(**({"model": "mlp", "max_iter": 1} | settings)), X, y)
        assert type(model.solver_) is kind, settings


def test_beside_scikit_learn(digits, friedman):
    """The same architecture, epochs and batches: no worse on held-out rows; theirs is given scaled columns and targets."""
    X, y = digits
    A, B, a, b = train_test_split(X, y, random_state=0)
    settings = {"max_iter": 30, "random_state": 0}
    theirs = _quietly(MLPClassifier(batch_size=100, **settings), A, a)
    ours = _quietly(GDClassifier(model=MLP((100,)), solver=Adam(batch_size=100), **settings), A, a)
    assert ours.score(B, b) >= theirs.score(B, b)

    X, y = friedman
    A, B, a, b = train_test_split(X, y, random_state=0)
    scaler = StandardScaler().fit(A)
    theirs = _quietly(MLPRegressor(batch_size=100, **settings), scaler.transform(A), (a - a.mean()) / a.std())
    ours = _quietly(GDRegressor(model=MLP((100,)), solver=Adam(batch_size=100), **settings), A, a)
    assert ours.score(B, b) >= theirs.score(scaler.transform(B), (b - a.mean()) / a.std())


def test_what_they_cannot(friedman, digits):
    X, y = friedman
    low, high = (
        _quietly(GDRegressor(loss=loss, model=MLP((30,)), random_state=0), X, y) for loss in (Quantile(0.1), Quantile(0.9))
    )
    assert 0.05 < np.mean(y < low.predict(X)) < 0.15
    assert 0.85 < np.mean(y < high.predict(X)) < 0.95
    assert mean_pinball_loss(y, high.predict(X), alpha=0.9) < 0.5 * mean_pinball_loss(
        y, np.full(len(y), np.quantile(y, 0.9)), alpha=0.9
    )
    X, y = digits
    for settings in ({"loss": "focal"}, {"loss": "hinge"}, {"class_weight": "balanced"}, {"loss": lambda y, z: np.exp(-y * z)}):
        model = _quietly(GDClassifier(model=MLP((30,)), solver="adam", max_iter=10, random_state=0, **settings), X, y)
        assert model.score(X, y) > 0.9, settings


@pytest.mark.parametrize("penalty", PENALTY_OBJECTS, ids=repr)
def test_penalties(digits, penalty):
    """Those that take each weight alone work; those of features refuse."""
    X, y = digits
    model = GDClassifier(penalty=penalty, model=MLP((8,)), solver="adam", max_iter=2, random_state=0)
    features = isinstance(penalty, GroupLasso) or "[" in repr(penalty)
    if features:
        with pytest.raises(ValueError, match="weights|GroupLasso|entries"):
            model.fit(X, y)
    else:
        _quietly(model, X, y)


def test_l1_prunes(digits):
    X, y = digits
    model = _quietly(GDClassifier(penalty="l1", alpha=1e-3, model=MLP((30,)), max_iter=30, random_state=0), X, y)
    assert np.mean(model.coefs_[0] == 0) > 0.3
    assert model.score(X, y) > 0.95


def test_restarts_keep_the_best(friedman):
    X, y = friedman
    single = [_quietly(GDRegressor(model=MLP((3,)), max_iter=60, random_state=seed), X, y).loss_curve_[-1] for seed in range(3)]
    several = _quietly(GDRegressor(model=MLP((3,), n_init=4), max_iter=60, random_state=0), X, y)
    assert several.loss_curve_[-1] <= single[0] * (1 + 1e-9)
    assert len(several.loss_curve_) == several.n_iter_ <= 60


def test_dropout_early_stopping_and_weights(digits):
    X, y = digits
    rule = EarlyStopping(patience=3)
    model = _quietly(GDClassifier(model=MLP(dropout=0.3), early_stopping=rule, max_iter=40, random_state=0), X, y)
    assert model.best_iteration_ <= model.n_iter_
    assert model.score(X, y) > 0.95
    weight = np.ones(len(y))
    weight[::3] = 0.0
    spoilt = np.where(weight == 0, 0, y)
    kept = GDClassifier(model="mlp", solver="adam", max_iter=3, random_state=0)
    first = _quietly(kept, X, spoilt, sample_weight=weight).coefs_[0].copy()
    np.testing.assert_allclose(_quietly(kept, X[weight > 0], y[weight > 0]).coefs_[0], first, rtol=1e-5, atol=1e-7)


def test_sparse_float32_and_pickle(digits):
    X, y = digits
    make = {"model": MLP((20,)), "solver": Adam(batch_size=100), "max_iter": 15, "random_state": 0}
    dense = _quietly(GDClassifier(**make), X, y)
    thin = _quietly(GDClassifier(**make), sparse.csr_matrix(X), y)
    single = _quietly(GDClassifier(**make), X.astype(np.float32), y)
    assert {matrix.dtype for matrix in single.coefs_} == {np.dtype(np.float32)}
    assert min(model.score(X, y) for model in (dense, thin, single)) > 0.98
    again = pickle.loads(pickle.dumps(dense))
    np.testing.assert_array_equal(again.predict(X), dense.predict(X))


def test_partial_fit_and_warm_start(digits, friedman):
    X, y = digits
    model = GDClassifier(model=MLP((50,)), random_state=0)
    for _ in range(5):
        for start in range(0, 1200, 100):
            model.partial_fit(X[start : start + 100], y[start : start + 100], classes=range(10))
    assert model.score(X[1200:], y[1200:]) > 0.9
    X, y = friedman
    stream = GDRegressor(model=MLP((50,)), random_state=0)
    for _ in range(10):
        for start in range(0, 2000, 50):
            stream.partial_fit(X[start : start + 50], y[start : start + 50])
    assert stream.score(X, y) > 0.8
    warm = GDRegressor(model=MLP((20,)), solver="adam", max_iter=5, warm_start=True, random_state=0)
    scores = [_quietly(warm, X, y).score(X, y) for _ in range(4)]
    assert scores[-1] > scores[0]


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (MLP(hidden_layer_sizes=(0,)), "hidden_layer_sizes"),
        (MLP(activation="sigmoid"), "activation='sigmoid'.*'relu'"),
        (MLP(dropout=1.0), "dropout"),
        (MLP(init=lambda shape, rng: np.zeros(3)), "init"),
    ],
)
def test_bad_parameters(digits, model, match):
    with pytest.raises(ValueError, match=match):
        GDClassifier(model=model).fit(*digits)


CHECKED = [
    GDRegressor(model=MLP((10,)), tol=1e-9),
    GDClassifier(model=MLP((10,)), tol=1e-9),
    GDRegressor(model=MLP((10,)), solver="adam"),
    GDClassifier(model=MLP((10,)), solver="adam"),
]
REPEATS = "the loss is not convex, and the order of the rows is random: a weight of two is two rows only on average"


def _expected(estimator):
    return {
        "check_sample_weight_equivalence_on_dense_data": REPEATS,
        "check_sample_weight_equivalence_on_sparse_data": REPEATS,
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(CHECKED, expected_failed_checks=_expected)
def test_check_estimator(estimator, check):
    check(estimator)
