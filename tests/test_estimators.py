"""The estimators among the rest of scikit-learn, and what they say to bad input."""

import pickle
import pickletools
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import BaggingRegressor, StackingClassifier, StackingRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import CustomLoss, Hinge, Huber, Linex, LogLoss, Masked, Quantile
from sklearn_gd.penalties import L2, NonNegative
from sklearn_gd.solvers import LBFGS, Newton


def late_costs_more(y, raw):
    """A user's loss: three times as dear to fall short."""
    return np.where(y > raw, 3.0, 1.0) * (y - raw) ** 2


# -- at home in scikit-learn ------------------------------------------------------------------------------------------


def test_pipeline_of_frames_and_a_custom_loss():
    frame = pd.DataFrame(
        {"size": np.arange(60.0), "kind": np.tile(["a", "b", "c"], 20), "age": np.random.RandomState(0).rand(60)}
    )
    y = frame["size"] * 2 + (frame["kind"] == "a") * 10.0
    columns = ColumnTransformer([("num", StandardScaler(), ["size", "age"]), ("cat", OneHotEncoder(), ["kind"])])
    model = make_pipeline(columns, GDRegressor(loss=late_costs_more, alpha=1e-8)).fit(frame, y)
    assert model.score(frame, y) > 0.9999
    again = pickle.loads(pickle.dumps(clone(model).fit(frame, y)))
    np.testing.assert_allclose(again.predict(frame), model.predict(frame))


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames(diabetes, kind):
    X, y = diabetes
    names = [f"column {j}" for j in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names) if kind == "pandas" else pl.DataFrame(X, schema=names)
    model = GDRegressor().fit(frame, pd.Series(y) if kind == "pandas" else pl.Series(y))
    if kind == "pandas":  # whose frames every supported scikit-learn reads the names of
        assert list(model.feature_names_in_) == names
    np.testing.assert_allclose(model.predict(frame), GDRegressor().fit(X, y).predict(X))


def test_grid_over_everything(diabetes):
    X, y = diabetes
    grid = [
        {"loss": ["squared_error", "huber", Huber(2.0), Quantile(0.4), late_costs_more], "alpha": [1e-3, 1.0]},
        {"loss": [Huber()], "loss__delta": [1.0, 50.0]},
        {"penalty": ["l1", None, L2() + NonNegative()], "solver": ["auto", Newton()]},
        {"solver": [LBFGS()], "solver__memory": [3, 10]},
    ]
    search = GridSearchCV(GDRegressor(), grid, cv=3, n_jobs=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > 0.4
    assert GDRegressor(loss=Huber()).set_params(loss__delta=3.0).loss.delta == 3.0


def test_halving_on_max_iter(cancer):
    X, y = cancer
    search = HalvingGridSearchCV(
        GDClassifier(solver="gd"), {"alpha": [1e-4, 1e-2, 1.0]}, resource="max_iter", max_resources=90, cv=3, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)
    assert search.best_score_ > 0.95


def test_meta_estimators(cancer, diabetes, wine):
    X, y = cancer
    Xr, yr = diabetes
    calibrated = CalibratedClassifierCV(GDClassifier(loss="hinge", alpha=0.01), cv=3).fit(X, y)
    assert calibrated.score(X, y) > 0.95
    stack = StackingClassifier([("hinge", GDClassifier(loss="hinge")), ("log", GDClassifier())], GDClassifier(), cv=3)
    assert stack.fit(X, y).score(X, y) > 0.95
    stack = StackingRegressor([("q", GDRegressor(loss="quantile")), ("s", GDRegressor())], GDRegressor(), cv=3)
    assert stack.fit(Xr, yr).score(Xr, yr) > 0.4
    logged = TransformedTargetRegressor(GDRegressor(loss="huber"), func=np.log, inverse_func=np.exp).fit(Xr, yr)
    assert logged.score(Xr, yr) > 0.3
    chosen = SelectFromModel(GDRegressor(penalty="l1", alpha=2.0)).fit(Xr, yr)
    assert 0 < chosen.get_support().sum() < Xr.shape[1]
    assert RFECV(GDRegressor(), cv=3).fit(Xr, yr).n_features_ > 2
    importance = permutation_importance(GDRegressor().fit(Xr, yr), Xr, yr, n_repeats=3, random_state=0)
    assert importance.importances_mean.max() > 0.05
    assert OneVsRestClassifier(GDClassifier(loss="hinge"), n_jobs=2).fit(*wine).score(*wine) > 0.97
    assert BaggingRegressor(GDRegressor(loss="absolute_error"), n_estimators=4, random_state=0).fit(Xr, yr).score(Xr, yr) > 0.4
    assert cross_val_score(GDClassifier(loss=CustomLoss(logistic)), X, y, cv=3, n_jobs=2).mean() > 0.95


def logistic(y, raw):
    return np.logaddexp(0.0, -y * raw)


def test_metadata_routing(diabetes):
    X, y = diabetes
    weight = np.random.RandomState(0).randint(0, 3, len(y)).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        model = GDRegressor().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [0.1]}, cv=3).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(search.best_estimator_.coef_, GDRegressor(alpha=0.1).fit(X, y, weight).coef_)


def test_html_shows_the_parts():
    html = GDRegressor(loss=Huber(delta=2.5), penalty=L2() + NonNegative())._repr_html_()
    assert "Huber(delta=2.5)" in html
    assert "NonNegative()" in html
    assert repr(GDRegressor(loss=Huber(delta=2.5))) == "GDRegressor(loss=Huber(delta=2.5))"


def test_parts_are_not_written_on(diabetes):
    loss, penalty, solver = Huber(2.0), L2(), LBFGS()
    before = [dict(vars(part)) for part in (loss, penalty, solver)]
    model = GDRegressor(loss=loss, penalty=penalty, solver=solver).fit(*diabetes)
    assert [dict(vars(part)) for part in (loss, penalty, solver)] == before
    assert model.loss is loss
    assert model.loss_ is not loss
    assert repr(model.loss_) == "Huber(delta=2.0)"


# -- labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [np.array(["spam", "ham"]), np.array([True, False]), np.array([3, 7]), np.array(["x", "y"], dtype=object)]
)
def test_labels_of_any_kind(cancer, labels):
    X, y = cancer
    model = GDClassifier().fit(X, labels[y])
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert model.score(X, labels[y]) > 0.97
    assert model.coef_.shape == (1, X.shape[1])
    assert model.intercept_.shape == (1,)
    assert model.decision_function(X).shape == (len(y),)
    positive = model.predict_proba(X)[:, list(model.classes_).index(labels[1])]
    assert np.mean((positive > 0.5) == (y == 1)) > 0.97


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("loss", ["log_loss", "hinge", "focal", "crammer_singer"])
def test_multilabel(wine, loss, form):
    X, y = wine
    Y = np.c_[y == 0, y > 0, X[:, 0] > 0].astype(int)
    model = GDClassifier(loss=loss, alpha=0.01).fit(X, form(Y))
    assert model.predict(X).shape == model.decision_function(X).shape == Y.shape
    assert model.score(X, Y) > 0.9
    for k in range(3):
        alone = GDClassifier(loss=loss, alpha=0.01).fit(X, Y[:, k])
        np.testing.assert_allclose(model.coef_[k], alone.coef_[0], rtol=1e-4, atol=1e-5)


def test_probabilities_of_one_vs_rest(wine):
    X, y = wine
    model = GDClassifier(loss="modified_huber", alpha=0.1).fit(X, y)
    model.intercept_ = model.intercept_ - 2.0  # some rows are now sure to be of no class
    proba = model.predict_proba(X)
    raw = (np.clip(model.decision_function(X), -1, 1) + 1) / 2
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    nothing = raw.sum(axis=1) == 0
    assert nothing.any()
    np.testing.assert_allclose(proba[nothing], 1 / 3)
    np.testing.assert_allclose(proba[~nothing], raw[~nothing] / raw[~nothing].sum(axis=1, keepdims=True))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "crammer_singer", Hinge(), logistic, "no such loss"])
def test_no_probabilities(loss):
    model = GDClassifier(loss=loss)
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model, "predict_log_proba")
    with pytest.raises(AttributeError) as caught:
        _ = model.predict_proba
    assert "CalibratedClassifierCV" in str(caught.value.__cause__ or caught.value)


def test_probabilistic_custom_loss(cancer):
    from scipy.special import expit

    loss = CustomLoss(logistic, inverse_link=expit, probabilistic=True, task="classification")
    ours, built_in = GDClassifier(loss=loss, alpha=0.01).fit(*cancer), GDClassifier(alpha=0.01).fit(*cancer)
    np.testing.assert_allclose(ours.predict_proba(cancer[0]), built_in.predict_proba(cancer[0]), atol=1e-5)


def test_class_weight(cancer):
    X, y = cancer
    w = np.random.RandomState(0).randint(0, 3, len(y)).astype(float)
    ours = GDClassifier(class_weight={0: 2.0, 1: 0.5}, alpha=0.01).fit(X, y)
    by_hand = GDClassifier(alpha=0.01).fit(X, y, np.where(y == 0, 2.0, 0.5))
    np.testing.assert_allclose(ours.coef_, by_hand.coef_)
    balanced = GDClassifier(class_weight="balanced", alpha=0.01)
    weighted = balanced.fit(X, y, w).coef_
    repeated = np.repeat(np.arange(len(y)), w.astype(int))
    np.testing.assert_allclose(weighted, balanced.fit(X[repeated], y[repeated]).coef_, rtol=1e-6, atol=1e-9)
    theirs = LogisticRegression(class_weight="balanced", C=1 / (0.01 * len(y)), tol=1e-10, solver="newton-cholesky").fit(X, y)
    np.testing.assert_allclose(balanced.fit(X, y).coef_, theirs.coef_, rtol=1e-5, atol=1e-7)


def test_a_class_of_weight_zero_is_no_class(wine):
    X, y = wine
    model = GDClassifier().fit(X, y, np.where(y == 1, 0.0, 1.0))
    np.testing.assert_array_equal(model.classes_, [0, 2])


def test_asymmetric_loss_changes_the_side(diabetes):
    X, y = diabetes
    under = {a: np.mean(GDRegressor(loss=Linex(a), alpha=1e-3).fit(X, y / 50).predict(X) < y / 50) for a in (-3.0, 3.0)}
    assert under[-3.0] < 0.3
    assert under[3.0] > 0.7


def test_label_smoothing_tames_the_probabilities(wine):
    X, y = wine
    sharp = GDClassifier(loss=LogLoss(), alpha=1e-6).fit(X, y).predict_proba(X).max()
    smooth = GDClassifier(loss=LogLoss(label_smoothing=0.1), alpha=1e-6).fit(X, y).predict_proba(X).max(axis=1).mean()
    assert sharp > 0.999
    assert 0.85 < smooth < 0.97


def in_place(y, raw):
    raw -= y
    return raw**2


def test_attributes_are_whole_when_the_warning_is_an_error(wine):
    X, y = wine
    model = GDClassifier().fit(X, y)
    with pytest.raises(ConvergenceWarning):
        model.set_params(max_iter=1, tol=1e-12).fit(X, np.array(["a", "b"])[(y > 0).astype(int)])
    assert set(model.predict(X)) == {"a", "b"}


def test_an_empty_label(wine):
    X, y = wine
    Y = np.c_[y == 0, 0 * y]
    for loss in ("log_loss", "exponential", "focal", "hinge"):
        model = GDClassifier(loss=loss, alpha=0.01).fit(X, Y)
        assert model.converged_
        assert not model.predict(X)[:, 1].any()


def test_the_scale_of_the_weights_does_not_matter(diabetes):
    X, y = diabetes
    for form in (np.asarray, sparse.csr_matrix):
        plain = GDRegressor(loss="huber").fit(form(X.astype(np.float32)), y)
        for size in (1e-45, 1e45, 1e300):
            scaled = GDRegressor(loss="huber").fit(form(X.astype(np.float32)), y, np.full(len(y), size))
            np.testing.assert_allclose(scaled.coef_, plain.coef_, rtol=1e-3)


def test_rowwise_loss_of_several_outputs(diabetes):
    X, y = diabetes
    Y = np.c_[y, -y]
    loss = CustomLoss(lambda y, z: 0.5 * ((z - y) ** 2).sum(axis=1), rowwise=True)
    np.testing.assert_allclose(GDRegressor(loss=loss).fit(X, Y).coef_, GDRegressor().fit(X, Y).coef_, rtol=1e-3)


# -- bad input --------------------------------------------------------------------------------------------------------

X0 = np.arange(12.0).reshape(6, 2) ** 1.1
Y0 = np.array([1.0, 2.0, 1.0, 4.0, 3.0, 2.0])
L0 = np.array([0, 1, 0, 1, 1, 0])


@pytest.mark.parametrize(
    ("model", "X", "y", "weight", "message"),
    [
        (GDRegressor(), X0 + np.nan, Y0, None, "NaN"),
        (GDRegressor(), X0 + np.inf, Y0, None, "infinity"),
        (GDRegressor(), X0, Y0 + np.nan, None, "NaN"),
        (GDRegressor(), X0, Y0, Y0 + np.nan, "sample_weight contains NaN"),
        (GDRegressor(), X0, Y0, -Y0, "sample_weight has a negative entry, -4"),
        (GDRegressor(), X0, Y0, 0 * Y0, "Sample weights must contain at least one non-zero number"),
        (GDRegressor(), X0, Y0, Y0[:3], "one weight for each row"),
        (GDRegressor(), X0, Y0[:3], None, "inconsistent numbers of samples"),
        (GDRegressor(), X0[:, :0], Y0, None, "0 feature"),
        (GDRegressor(), X0[:0], Y0[:0], None, "0 sample"),
        (GDRegressor(), np.array([["a", "b"]] * 6), Y0, None, "could not convert string to float|dtype"),
        (GDRegressor(loss="poisson"), X0, -Y0, None, "Poisson needs y >= 0.*from -4 to -1"),
        (GDRegressor(loss="gamma"), X0, Y0 - 1, None, "Gamma needs y > 0"),
        (GDClassifier(), X0, 0 * L0, None, "one class only, 0"),
        (GDClassifier(), X0, L0, L0.astype(float), "one class only, 1"),
        (GDClassifier(), X0, Y0 + 0.5, None, "Unknown label type"),
        (GDRegressor(loss="mse"), X0, Y0, None, "Did you mean 'squared_error'"),
        (GDRegressor(loss="hinge"), X0, Y0, None, "a loss for classification: use GDClassifier"),
        (GDClassifier(loss="huber"), X0, L0, None, "a loss for regression: use GDRegressor"),
        (GDRegressor(loss=Huber(-1.0)), X0, Y0, None, r"Huber\(delta=-1.0\): expected a number > 0"),
        (GDRegressor(loss=Quantile("a")), X0, Y0, None, "expected a number between 0 and 1"),
        (GDRegressor(alpha=-1), X0, Y0, None, "alpha=-1: expected a number >= 0"),
        (GDRegressor(alpha="auto"), X0, Y0, None, "alpha='auto'"),
        (GDRegressor(tol=-1), X0, Y0, None, "tol=-1"),
        (GDRegressor(max_iter=0), X0, Y0, None, "max_iter=0: expected an integer >= 1, or None"),
        (GDRegressor(max_iter=1.5), X0, Y0, None, "max_iter=1.5"),
        (GDRegressor(verbose=-1), X0, Y0, None, "verbose=-1"),
        (GDClassifier(class_weight={0: 0, 1: 1}), X0, L0, None, "one class only, 1"),
        (GDClassifier(class_weight={0: -1, 1: 1}), X0, L0, None, "class_weight has a negative entry"),
        (GDClassifier(loss=CustomLoss(lambda y, z: y * z, probabilistic=True)), X0, L0, None, "expected the inverse_link"),
        (GDRegressor(loss=in_place), X0, Y0, None, "read-only"),
        (GDRegressor(model="tree"), X0, Y0, None, "Unknown model='tree'"),
        (GDRegressor(loss=lambda y, z: np.mean((y - z) ** 2)), X0, Y0, None, "returned one number: expected shape"),
        (GDRegressor(loss=lambda y, z: (y - z)[:3]), X0, Y0, None, "expected shape"),
        (GDRegressor(loss=lambda y, z: (y - z) * 1j), X0, Y0, None, "expected real numbers"),
        (GDRegressor(loss=lambda y, z: (y - z) * np.nan), X0, Y0, None, "nan at iteration 0"),
    ],
)
def test_bad_input(model, X, y, weight, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("loss", [Huber, 3, None])
def test_things_that_are_no_loss(loss):
    with pytest.raises(TypeError, match="loss"):
        GDRegressor(loss=loss).fit(X0, Y0)


def test_unfitted_and_wrong_width():
    with pytest.raises(NotFittedError):
        GDRegressor().predict(X0)
    with pytest.raises(ValueError, match="2 features"):
        GDRegressor().fit(X0, Y0).predict(X0[:, :1])


def test_kinds():
    assert is_regressor(GDRegressor())
    assert is_classifier(GDClassifier())


def test_raw_columns_of_a_real_table():
    X, y = load_breast_cancer(return_X_y=True)
    for loss in ("log_loss", "hinge", "squared_hinge", "exponential", "modified_huber"):
        model = GDClassifier(loss=loss, alpha=1e-6).fit(X, y)
        assert model.converged_
        assert model.score(X, y) > 0.95


# -- parts by name, labels, and what a failure leaves ---------------------------------------------------------------------


def test_parameters_of_a_part_given_by_name(diabetes):
    X, y = diabetes
    search = GridSearchCV(GDRegressor("huber"), {"loss__delta": [1.0, 50.0]}, cv=3).fit(X, y)
    assert search.best_estimator_.loss.delta == search.best_params_["loss__delta"]
    assert GDRegressor(penalty="elasticnet").set_params(penalty__l1_ratio=0.5).penalty.l1_ratio == 0.5
    assert GDRegressor().set_params(solver="gd", solver__learning_rate=0.1).solver.learning_rate == 0.1
    assert GDRegressor(early_stopping=True).set_params(early_stopping__patience=3).early_stopping.patience == 3
    assert GDClassifier(model="mlp").set_params(model__hidden_layer_sizes=(5,)).model.hidden_layer_sizes == (5,)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": late_costs_more, "loss__delta": 1.0}, "loss__delta: loss is the function 'late_costs_more', which has no"),
        ({"solver__learning_rate": 1.0}, "solver is 'auto', which has no parameters"),
        ({"penalty": None, "penalty__weights": 1.0}, "penalty is None, which has no parameters"),
        ({"early_stopping__patience": 1}, "early_stopping is False, which has no parameters"),
        ({"loss": "huber", "loss__epsilon": 1.0}, "Invalid parameter 'epsilon'"),
        ({"loss": "hubber", "loss__delta": 1.0}, "Did you mean 'huber'"),
    ],
)
def test_parameters_that_there_are_not(params, message):
    with pytest.raises(ValueError, match=message):
        GDRegressor().set_params(**params)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([-100, 100], dtype=np.int8),
        np.array([-20_000, 20_000], dtype=np.int16),
        np.array([0, 255], dtype=np.uint8),
        np.array([5, 2**63 + 1], dtype=np.uint64),
        np.array([-(2**62), 2**62]),
    ],
)
def test_labels_at_the_ends_of_their_type(cancer, labels):
    X, y = cancer
    model = GDClassifier().fit(X, labels[y])
    np.testing.assert_array_equal(model.classes_, labels)
    np.testing.assert_array_equal(model.predict(X) == labels[1], GDClassifier().fit(X, y).predict(X) == 1)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (2 * np.eye(2, dtype=int)[[0, 1, 0, 1, 1, 0]] - 1, "other values than 0 and 1"),
        (np.eye(2, dtype=int)[[0, 1, 0, 1, 1, 0]] + 1, "other values than 0 and 1"),
        (np.array([[0, 3]] * 3 + [[1, 4]] * 3), "one label for each sample, an indicator matrix"),
        (np.array([["a", "b"]] * 3 + [["c", "d"]] * 3), "one label for each sample, an indicator matrix"),
    ],
)
def test_targets_that_are_neither_labels_nor_indicators(y, message):
    with pytest.raises(ValueError, match=message):
        GDClassifier().fit(X0, y)


def test_a_sparse_target_of_a_regressor():
    with pytest.raises(ValueError, match="y is sparse: expected a dense array"):
        GDRegressor().fit(X0, sparse.csr_matrix(Y0[:, None]))


@pytest.mark.parametrize(
    ("changes", "X", "y"),
    [
        ({"loss": "poisson"}, X0[:, :1], -Y0),
        ({"solver": "newton", "loss": "absolute_error"}, X0, Y0),
        ({"alpha": -1}, X0[:, :1], Y0),
        ({"loss": lambda y, z: 0 * z}, X0[:4], Y0[:4]),
        ({"penalty": L2(weights=[1.0, 2.0, 3.0])}, X0, Y0),
    ],
)
def test_a_fit_that_raises_leaves_no_trace(changes, X, y):
    for method in ("fit", "partial_fit"):
        model = GDRegressor(solver="adam" if method == "partial_fit" else "auto", random_state=0)
        getattr(model, method)(X0, Y0)
        before, predicted = dict(vars(model)), model.predict(X0)
        settings = {name: getattr(model, name) for name in changes}
        with pytest.raises((ValueError, AttributeError)):
            getattr(model.set_params(**changes), method)(X, y)
        model.set_params(**settings)
        assert vars(model).keys() == before.keys()
        assert all(vars(model)[name] is before[name] for name in before)
        np.testing.assert_array_equal(model.predict(X0), predicted)


def test_the_intercept_is_a_number_of_numpy(diabetes):
    assert isinstance(GDRegressor().fit(*diabetes).intercept_, np.float64)


def test_no_target():
    for model in (GDRegressor(loss=Masked()), GDClassifier(loss="log_loss"), GDRegressor()):
        with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
            model.fit(X0, None)


@pytest.mark.parametrize("make", [GDRegressor, GDClassifier])
def test_a_pickle_holds_no_types_but_the_estimator_and_its_parts(make, cancer):
    model = make(max_iter=50).fit(*cancer)
    found = {arg for op, arg, _ in pickletools.genops(pickle.dumps(model, protocol=2)) if op.name == "GLOBAL"}
    parts = (model, model.loss_, model.penalty_, model.solver_, model.model_)
    expected = {f"{type(part).__module__} {type(part).__name__}" for part in parts}
    assert {name for name in found if name.startswith("sklearn_gd")} == expected
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(cancer[0]), model.predict(cancer[0]))


def test_coefficients_that_were_set_count():
    """A warm start goes on from the attributes as they are: from the optimum, one step ends there."""
    X, y = load_diabetes(return_X_y=True)
    optimum = LinearRegression().fit(X, y)

    def assign(model):
        model.coef_ = optimum.coef_.copy()

    def write(model):
        model.coef_[:] = optimum.coef_

    for change in (assign, write):
        for copied in (lambda model: model, lambda model: pickle.loads(pickle.dumps(model))):
            model = copied(GDRegressor(penalty=None, solver="gd", max_iter=1, warm_start=True, tol=1.0).fit(0.0 * X, y))
            assert not model.coef_.any()
            change(model)
            np.testing.assert_allclose(model.fit(X, y).coef_, optimum.coef_, rtol=1e-6)


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray])
def test_a_weight_of_zero_copies_nothing(form):
    X = form(np.random.RandomState(0).randn(100_000, 40))
    y, weight = (X[:, 0] > 0).astype(int), np.ones(100_000)
    weight[7] = 0.0
    tracemalloc.start()
    try:
        GDClassifier(solver="lbfgs", max_iter=2, tol=1.0).fit(X, y, weight)
        assert tracemalloc.get_traced_memory()[1] < 0.6 * X.nbytes
    finally:
        tracemalloc.stop()


def test_classes_without_weight_leave_no_count():
    X, y = np.random.RandomState(0).randn(300, 3), np.repeat([0, 1, 2], 100)
    model = GDClassifier(class_weight={0: 1.0, 1: 0.0, 2: 1.0}, alpha=0.1).fit(X, y)
    np.testing.assert_array_equal(model.classes_, [0, 2])
    np.testing.assert_array_equal(model._last_fit.totals, [100.0, 100.0])


def test_a_masked_loss_follows_its_parameters():
    loss = Masked("squared_error")
    y, raw = np.zeros((1, 1)), np.full((1, 1), 5.0)
    assert loss.value(y, raw) == 12.5
    assert loss.set_params(loss="absolute_error").value(y, raw) == 5.0
    assert Masked("perceptron").online


def test_a_warm_start_is_no_worse_than_a_cold_one():
    """Coefficients of another loss, or of columns in other units, are not begun at where a constant is better."""
    X, y = load_diabetes(return_X_y=True)
    for loss in ("poisson", "inverse_gaussian", "gamma"):
        model = GDRegressor(warm_start=True).fit(X, y).set_params(loss=loss).fit(X, y)
        np.testing.assert_allclose(model.coef_, GDRegressor(loss).fit(X, y).coef_, rtol=1e-4)
    model = GDRegressor("gamma", warm_start=True, alpha=0.01).fit(X, y).fit(1000.0 * X, y)
    np.testing.assert_allclose(model.coef_, GDRegressor("gamma", alpha=0.01).fit(1000.0 * X, y).coef_, rtol=1e-4)


def test_a_loss_that_becomes_no_number_is_named_as_the_cause():
    X, y = load_diabetes(return_X_y=True)
    with np.errstate(all="ignore"), pytest.warns(ConvergenceWarning, match="the loss is not finite"):
        GDRegressor(lambda y_true, raw: np.sqrt(y_true - raw)).fit(X, y)
    with np.errstate(all="ignore"), pytest.warns(ConvergenceWarning, match="not finite|became nan"):
        GDRegressor(lambda y_true, raw: np.where(raw > 1.5 * y_true, np.nan, (y_true - raw) ** 2)).fit(X, y)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda X, y: GDClassifier(class_weight=[1, 2]).fit(X, y), r"class_weight=\[1, 2\]: expected a dict"),
        (lambda X, y: GDClassifier(class_weight="bal").fit(X, y), "class_weight='bal': expected a dict"),
        (lambda X, y: GDClassifier(class_weight=3).partial_fit(X, y, classes=[0, 1]), "class_weight=3: expected a dict"),
        (lambda X, y: GDClassifier().partial_fit(X, y, classes=3), "classes=3: expected a list of all labels"),
        (lambda X, y: GDClassifier().partial_fit(X, y, classes=[]), "classes has no class: expected at least two"),
        (lambda X, y: GDClassifier().fit(X, y, sample_weight_val=y), "sample_weight_val is given without X_val"),
        (
            lambda X, y: GDClassifier().fit(X, y, X_val=X, y_val=y, sample_weight_val=np.ones(3)),
            r"sample_weight_val.shape == \(3,\): expected",
        ),
    ],
)
def test_what_is_wrong_is_named(cancer, fit, message):
    with pytest.raises(ValueError, match=message):
        fit(*cancer)
