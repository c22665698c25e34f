"""Export to ONNX: ONNX Runtime gives the predictions of the fitted estimators."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tables import ALL_LOSSES, OWN_COLUMNS

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.interop import register_onnx, to_onnx
from sklearn_gd.interop.onnx import models as ours
from sklearn_gd.losses import (
    LOSSES,
    CustomLoss,
    Huber,
    LogLoss,
    Masked,
    Moreau,
    MultinomialLogLoss,
    OrdinalLogLoss,
    SequenceLoss,
)
from sklearn_gd.models import ACTIVATIONS, MLP, MODELS, Linear
from sklearn_gd.targets import Continuous

skl2onnx = pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Losses of the table whose link cannot be expressed in ONNX.
REFUSED: set[str] = set()

PLAIN = {"zipmap": False}
REGRESSION = [loss for loss in ALL_LOSSES if loss.task == "regression"]
CLASSIFICATION = [
    pytest.param(loss, kind, id=f"{loss!r}-{kind}")
    for loss in ALL_LOSSES
    for kind in ("multiclass", "binary", "multilabel")
    if loss.task == "classification" and not (loss.rowwise and kind == "multilabel")
]
PREDICTIVE = [loss for loss in ALL_LOSSES if loss.task == "regression" or loss.probabilistic]


def session_of(exported):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(exported.SerializeToString(), options, providers=["CPUExecutionProvider"])


def outputs(model, X, options=None, **keywords):
    """Return what ONNX Runtime computes; a frame gives one input for each column."""
    session = session_of(to_onnx(model, X, options=options, **keywords))
    inputs = {name: X[[name]].to_numpy() for name in X} if isinstance(X, pd.DataFrame) else {"X": X}
    return session.run(None, inputs)


def confidence_of(model, X):
    """Return the probabilities, or else the decision function with a column for each class."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    scores = model.decision_function(X)
    return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores


def assert_same_classes(model, X):
    label, confidence = outputs(model, X, PLAIN)
    np.testing.assert_array_equal(label, model.predict(X))
    assert confidence.dtype == np.float32
    np.testing.assert_allclose(confidence, confidence_of(model, X), rtol=1e-5, atol=1e-5)


def assert_same_numbers(model, X):
    (predicted,) = outputs(model, X)
    expected = model.predict(X)
    assert predicted.dtype == X.dtype
    np.testing.assert_allclose(predicted, expected.reshape(len(X), -1), rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X).astype(np.float32), y / 100.0


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X).astype(np.float32), np.array(["setosa", "versicolor", "virginica"])[y]


@pytest.fixture(scope="module")
def labels_of(iris):
    """The targets of a classifier by name, from iris."""
    X, y = iris
    several = np.stack([y == "setosa", y != "virginica", X[:, 0] > 0.0], axis=1).astype(int)
    return {"multiclass": y, "binary": np.where(y == "virginica", 1, -1), "multilabel": several}


# -- losses ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", REGRESSION, ids=repr)
def test_regression_under_every_loss(loss, diabetes):
    X, y = diabetes
    assert_same_numbers(GDRegressor(loss).fit(X, y), X)


@pytest.mark.parametrize(("loss", "kind"), CLASSIFICATION)
def test_classification_under_every_loss(loss, kind, iris, labels_of):
    model = GDClassifier(loss, random_state=0).fit(iris[0], labels_of[kind])
    assert_same_classes(model, iris[0])


def in_domain(loss, y):
    """Return numbers up to 3.5, or shares if the loss takes no others."""
    try:
        loss.check_target(y)
    except ValueError:
        return y / 4.0
    return y


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_of_the_table_is_converted_or_refused(name, iris, labels_of, diabetes):
    loss = LOSSES[name]()
    X, y = (diabetes[0], in_domain(loss, diabetes[1])) if loss.task == "regression" else (iris[0], labels_of["multiclass"])
    model = (GDRegressor if loss.task == "regression" else GDClassifier)(loss, random_state=0).fit(X, y)
    if name in REFUSED:
        with pytest.raises(ValueError, match=r"^The inverse_link of the loss .* cannot be expressed in ONNX: expected"):
            to_onnx(model, X)
    else:
        assert session_of(to_onnx(model, X)).get_inputs()[0].shape == [None, X.shape[1]]


@pytest.mark.parametrize("name", [name for name in OWN_COLUMNS if LOSSES[name].task == "regression"])
def test_columns_of_raw_that_are_not_the_outputs(name, diabetes):
    loss = LOSSES[name]()
    X, y = diabetes
    model = GDRegressor(loss).fit(X, in_domain(loss, y))
    assert_same_numbers(model, X)
    model.coef_ = np.eye(*model.coef_.shape)  # all directions, with moderate and large numbers
    model.intercept_ = np.zeros_like(model.intercept_)
    X = 3.0 * np.random.RandomState(0).standard_normal((300, 10))
    np.testing.assert_allclose(outputs(model, X)[0], model.predict(X).reshape(300, -1), rtol=1e-6)
    if "constant" in loss.get_params():
        model = GDRegressor(loss.set_params(constant=True)).fit(*diabetes[:1], in_domain(loss, y))
        assert model.coef_.shape != (2, 10)
        assert_same_numbers(model, diabetes[0])


@pytest.mark.parametrize("kind", ["multiclass", "binary"])
def test_ordered_labels(kind, iris, labels_of):
    X, y = iris[0], labels_of[kind]
    model = GDClassifier(OrdinalLogLoss(np.unique(y)[::-1]), alpha=0.05).fit(X, y)
    label, proba = outputs(model, X, PLAIN)
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose(proba, model.predict_proba(X), rtol=1e-5, atol=1e-6)
    X = X.astype(np.float64)
    decision = model.decision_function(X)
    scores = outputs(model, X, PLAIN | {"raw_scores": True})[1]
    np.testing.assert_allclose(scores, np.stack([-decision, decision], axis=1) if decision.ndim == 1 else decision, rtol=1e-9)
    X = 8.0 * X
    np.testing.assert_allclose(outputs(model, X, PLAIN)[1], model.predict_proba(X), rtol=1e-6, atol=1e-12)


def test_probabilities_as_targets(iris, diabetes):
    X, y = iris
    shares = 0.8 * np.eye(3)[np.unique(y, return_inverse=True)[1]] + 0.2 / 3.0
    for loss in ("log_loss", "focal", "exponential"):
        assert_same_classes(GDClassifier(loss).fit(X, shares), X)
        assert_same_numbers(GDRegressor(loss).fit(diabetes[0], diabetes[1] / 4.0), diabetes[0])


@pytest.mark.parametrize("loss", PREDICTIVE, ids=repr)
def test_the_links_at_extreme_raw_predictions(loss, iris, labels_of, diabetes):
    raw = np.array([-60.0, -12.0, -5.0, -1.0, -0.3, 0.0, 1e-4, 0.7, 1.0, 3.0, 8.0, 15.0, 40.0], dtype=np.float32)
    if loss.task == "regression":
        model = GDRegressor(loss).fit(diabetes[0][:, :1], diabetes[1])
        model.coef_, model.intercept_ = np.ones(1), 0.0
        X, exact = raw[:, None], loss.inverse_link(raw[:, None].astype(np.float64))
    else:
        X = np.array(np.meshgrid(raw, raw, raw), dtype=np.float32).reshape(3, -1).T
        model = GDClassifier(loss).fit(iris[0][:, :3], labels_of["multiclass"])
        model.coef_, model.intercept_ = np.eye(3), np.zeros(3)
        exact = model.predict_proba(X.astype(np.float64))
    options = None if loss.task == "regression" else PLAIN
    np.testing.assert_allclose(outputs(model, X, options)[-1], exact, rtol=2e-5, atol=1e-6)
    X = np.concatenate([X, 10.0 * X]).astype(np.float64)
    exact = model.predict(X)[:, None] if loss.task == "regression" else model.predict_proba(X)
    np.testing.assert_allclose(outputs(model, X, options)[-1], exact, rtol=1e-6, atol=1e-10)


def test_probabilities_that_are_all_zero_become_uniform(iris, labels_of):
    model = GDClassifier("modified_huber").fit(iris[0], labels_of["multiclass"])
    model.coef_, model.intercept_ = np.zeros_like(model.coef_), np.full(3, -2.0)
    np.testing.assert_allclose(outputs(model, iris[0], PLAIN)[1], 1.0 / 3.0, rtol=1e-6)


def test_two_columns_of_raw_for_two_classes(iris, labels_of):
    X = iris[0]
    for each in (CustomLoss(softmax_loss, rowwise=True, task="classification"), MultinomialLogLoss()):
        model = GDClassifier(each).fit(X, labels_of["binary"])
        model.coef_, model.intercept_ = np.arange(8.0).reshape(2, 4), np.array([0.5, 1.5])
        assert_same_classes(model, X)
        decision = model.decision_function(X)
        scores = outputs(model, X, PLAIN | {"raw_scores": True})[1]
        np.testing.assert_allclose(scores, np.stack([-decision, decision], axis=1), rtol=1e-5, atol=1e-5)


def test_a_tie_is_decided_as_by_predict(iris, labels_of):
    for kind in ("binary", "multiclass", "multilabel"):
        model = GDClassifier().fit(iris[0], labels_of[kind])
        model.coef_, model.intercept_ = np.zeros_like(model.coef_), np.zeros_like(model.intercept_)
        label = outputs(model, iris[0], PLAIN)[0]
        np.testing.assert_array_equal(label, model.predict(iris[0]))


def test_several_outputs_have_a_column_each(diabetes):
    X, y = diabetes
    for many in (np.stack([y, y**2], axis=1), y[:, None]):
        assert_same_numbers(GDRegressor("huber").fit(X, many), X)
    assert_same_numbers(GDRegressor("poisson", fit_intercept=False).fit(X, np.stack([y, y**2], axis=1)), X)


def test_masking_losses_have_the_link_of_the_inner_loss(diabetes, iris, labels_of):
    X, y = diabetes
    y = np.stack([y, y**2], axis=1)
    y[::3, 0] = np.nan
    assert_same_numbers(GDRegressor(Masked("poisson")).fit(X, y), X)
    several = labels_of["multilabel"].astype(float)
    several[::4, 1] = np.nan
    assert_same_classes(GDClassifier(Masked("focal")).fit(iris[0], several), iris[0])


def test_a_smoothed_loss_has_the_link_of_the_inner_loss(diabetes):
    X, y = diabetes
    assert_same_numbers(GDRegressor(Moreau(LOSSES["poisson"](), step=0.5), solver="lbfgs").fit(X, y), X)


def test_sequences_of_labels(iris):
    X, y = iris
    steps = np.stack([y, np.roll(y, 50), y], axis=1)
    steps[::5, 2] = "none"
    model = GDClassifier(SequenceLoss(padding="none")).fit(X, steps)
    assert_same_classes(model, X)
    scores = outputs(model, X, PLAIN | {"raw_scores": True})[1]
    np.testing.assert_allclose(scores, model.decision_function(X), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="The option zipmap is on: expected options={'zipmap': False}"):
        to_onnx(model, X)


# -- losses of the user ---------------------------------------------------------------------------------------------------


def quartic(y_true, raw):
    return (y_true - raw) ** 4


def rate(y_true, raw):
    return np.exp(raw) - y_true * raw


def squared_margin(y_true, raw):
    return (1.0 - y_true * raw) ** 2


def logistic(y_true, raw):
    return np.logaddexp(0.0, -y_true * raw)


def softmax_loss(y_true, raw):
    return np.logaddexp.reduce(raw, axis=1) - raw[np.arange(len(raw)), y_true]


def spread_of_two(y_true, raw):
    return 0.5 * np.sum((y_true - raw[:, :2]) ** 2, axis=1) + 0.5 * (raw[:, 2] - raw[:, 0]) ** 2


def spread(y_true, raw):
    return raw[:, 1] + 0.5 * ((y_true - raw[:, 0]) * np.exp(-raw[:, 1])) ** 2


class HalfPlane:
    """A link that cannot be hashed."""

    __hash__ = None

    def __call__(self, raw):
        return 0.5 * (np.clip(raw, -1.0, 1.0) + 1.0)


class Shifted(Huber):
    def inverse_link(self, raw):
        return raw + 1.0


class Steeper(LogLoss):
    def value_and_gradient(self, y, raw):
        value, gradient = super().value_and_gradient(y, raw)
        return 2.0 * value, 2.0 * gradient

    def curvature_product(self, y, raw, v):
        return 2.0 * super().curvature_product(y, raw, v)


@pytest.mark.parametrize(
    "loss",
    [
        quartic,
        CustomLoss(rate, inverse_link=np.exp, link=np.log),
        CustomLoss(spread, rowwise=True, n_raw=2),
        CustomLoss(spread, rowwise=True, n_raw=2, inverse_link=np.exp),
    ],
)
def test_own_losses_of_regression(loss, diabetes):
    X, y = diabetes
    assert_same_numbers(GDRegressor(loss).fit(X, y), X)


def test_own_losses_of_several_outputs(diabetes):
    X, y = diabetes
    for inverse_link in (None, np.exp):
        loss = CustomLoss(spread_of_two, rowwise=True, n_raw=3, inverse_link=inverse_link)
        assert_same_numbers(GDRegressor(loss).fit(X, np.stack([y, -y], axis=1)), X)


def test_own_losses_of_classification(iris, labels_of):
    probabilistic = CustomLoss(logistic, inverse_link=expit, probabilistic=True, task="classification")
    for loss in (squared_margin, probabilistic, Steeper()):
        for kind in ("multiclass", "binary", "multilabel"):
            if kind != "multiclass" or not isinstance(loss, LogLoss):
                assert_same_classes(GDClassifier(loss).fit(iris[0], labels_of[kind]), iris[0])


def test_a_link_that_is_not_known_is_refused(diabetes, iris, labels_of):
    for loss in (CustomLoss(rate, inverse_link=lambda raw: np.exp(raw)), Shifted()):
        model = GDRegressor(loss).fit(*diabetes)
        with pytest.raises(ValueError, match=r"The inverse_link of the loss ('rate'|Shifted) cannot be expressed in ONNX"):
            to_onnx(model, diabetes[0])
    loss = CustomLoss(squared_margin, inverse_link=HalfPlane(), probabilistic=True, task="classification")
    model = GDClassifier(loss).fit(iris[0], labels_of["multiclass"])
    with pytest.raises(ValueError, match="The inverse_link of the loss 'squared_margin' cannot be expressed in ONNX"):
        to_onnx(model, iris[0])
    label, scores = outputs(model, iris[0], PLAIN | {"raw_scores": True})
    np.testing.assert_array_equal(label, model.predict(iris[0]))
    np.testing.assert_allclose(scores, model.decision_function(iris[0]), rtol=1e-5, atol=1e-5)


class Doubled(Linear):
    def raw(self, X, fitted):
        return 2.0 * super().raw(X, fitted)


class Started(MLP):
    def start(self, bound, constant, random_state):
        return 0.5 * super().start(bound, constant, random_state)


class Rounded(Continuous):
    def decode(self, raw, mean):
        return np.round(super().decode(raw, mean))


class Whole(Huber):
    def target(self, y, classes=None):
        return Rounded(y)


def test_own_models_and_targets(diabetes):
    X, y = diabetes
    with pytest.raises(ValueError, match=r"model=Doubled\(\): expected Linear or MLP for export to ONNX"):
        to_onnx(GDRegressor(model=Doubled()).fit(X, y), X)
    with pytest.raises(ValueError, match="y is Rounded: expected Continuous, .*, Sequences for export to ONNX"):
        to_onnx(GDRegressor(Whole()).fit(X, y), X)
    assert_same_numbers(GDRegressor(model=Started((5,)), random_state=0, max_iter=20).fit(X, y), X)


# -- models ---------------------------------------------------------------------------------------------------------------


def test_every_model_and_activation_has_a_form():
    assert {kind.raw for kind in MODELS.values()} == set(ours.MODELS)
    assert set(ACTIVATIONS) == set(ours.ACTIVATIONS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks(activation, dtype, diabetes):
    X, y = diabetes[0].astype(dtype), diabetes[1]
    network = MLP((8, 5), activation=activation, dropout=0.1)
    model = GDRegressor("poisson", model=network, max_iter=5, random_state=0).fit(X, y)
    (predicted,) = outputs(model, X)
    tolerance = 1e-5 if dtype == np.float32 else 1e-6 if activation == "gelu" else 1e-12
    assert predicted.dtype == dtype
    np.testing.assert_allclose(predicted[:, 0], model.predict(X), rtol=tolerance)


@pytest.mark.parametrize("kind", ["multiclass", "binary", "multilabel"])
def test_networks_of_classification(kind, iris, labels_of):
    model = GDClassifier(model=MLP((6,), activation="tanh"), max_iter=30, random_state=0).fit(iris[0], labels_of[kind])
    assert_same_classes(model, iris[0])


# -- outputs and options --------------------------------------------------------------------------------------------------


def described(model, X, options=None):
    """Return the names, types and shapes of the outputs, as declared."""
    register_onnx()
    exported = skl2onnx.to_onnx(model, X, options=options)
    return [(output.name, str(output.type)) for output in exported.graph.output]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "options",
    [
        PLAIN,
        {"zipmap": "columns"},
        PLAIN | {"nocl": True},
        PLAIN | {"raw_scores": True},
        PLAIN | {"output_class_labels": True},
        None,
        {"nocl": True},
    ],
)
@pytest.mark.parametrize("kind", ["multiclass", "binary"])
def test_the_outputs_are_those_of_logistic_regression(kind, options, dtype, iris, labels_of):
    X, y = iris[0].astype(dtype), labels_of[kind]
    if dtype == np.float64 and "zipmap" not in (options or {}):
        with pytest.raises(ValueError, match="X is of dtype float64: expected float32 for dicts of probabilities, or options"):
            to_onnx(GDClassifier().fit(X, y), X, options=options)
        return
    theirs, model = LogisticRegression(C=1e4 / len(X), solver="newton-cg").fit(X, y), GDClassifier().fit(X, y)
    assert described(model, X, options) == described(theirs, X, options)


def test_the_outputs_are_those_of_linear_regression(diabetes):
    X, y = diabetes
    for many in (y, np.stack([y, y], axis=1)):
        assert described(GDRegressor().fit(X, many), X) == described(LinearRegression().fit(X, many), X)


def test_raw_scores(iris, labels_of):
    for kind in ("multiclass", "binary", "multilabel"):
        model = GDClassifier("focal").fit(iris[0], labels_of[kind])
        label, scores = outputs(model, iris[0], PLAIN | {"raw_scores": True})
        decision = model.decision_function(iris[0])
        expected = np.stack([-decision, decision], axis=1) if decision.ndim == 1 else decision
        np.testing.assert_array_equal(label, model.predict(iris[0]))
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)


def test_dicts_and_columns(iris, labels_of):
    X, y = iris
    model = GDClassifier().fit(X, y)
    proba = model.predict_proba(X)
    label, dicts = outputs(model, X)
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose([[row[name] for name in model.classes_] for row in dicts], proba, rtol=1e-5, atol=1e-6)
    label, *columns = outputs(model, X, {"zipmap": "columns"})
    np.testing.assert_allclose(np.stack(columns, axis=1), proba, rtol=1e-5, atol=1e-6)
    label, dicts = outputs(model, X, {"nocl": True})
    np.testing.assert_array_equal(model.classes_[label], model.predict(X))
    assert set(dicts[0]) == {0, 1, 2}
    several = GDClassifier().fit(X, labels_of["multilabel"])
    label, dicts = outputs(several, X)
    np.testing.assert_array_equal(label, several.predict(X))
    np.testing.assert_allclose([list(row.values()) for row in dicts], several.predict_proba(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "names",
    [
        ["a", "b", "c"],
        np.array(["no", "yes", "ümlaut"], dtype=object),
        [-3, 0, 7],
        [0.0, 1.0, 2.0],
        np.array([0, 1, 255], dtype=np.uint8),
        [False, True, True],
    ],
)
def test_labels_of_any_kind(names, iris):
    X, y = iris
    model = GDClassifier().fit(X, np.asarray(names)[np.unique(y, return_inverse=True)[1]])
    label = outputs(model, X, PLAIN)[0]
    assert label.dtype == (object if isinstance(names[0], str) else np.int64)
    np.testing.assert_array_equal(label, model.predict(X))


def test_labels_that_onnx_does_not_have_are_refused(iris):
    X, y = iris
    model = GDClassifier().fit(X, np.array([1, 2, 2**63 + 5], dtype=np.uint64)[np.unique(y, return_inverse=True)[1]])
    with pytest.raises(ValueError, match=r"classes_=\[1, 2, .*\]: expected strings or integers for export to ONNX"):
        to_onnx(model, X, options=PLAIN)


# -- inputs ---------------------------------------------------------------------------------------------------------------


def test_float64_is_computed_in_float64(diabetes, iris):
    X, y = diabetes[0].astype(np.float64), diabetes[1]
    model = GDRegressor("gamma").fit(X, y)
    np.testing.assert_allclose(outputs(model, X)[0][:, 0], model.predict(X), rtol=1e-13)
    X, y = iris[0].astype(np.float64), iris[1]
    for loss in ("log_loss", "exponential"):
        model = GDClassifier(loss).fit(X, y)
        np.testing.assert_allclose(outputs(model, X, PLAIN)[1], model.predict_proba(X), rtol=1e-11)


def test_integers_and_booleans_are_computed_in_float32(iris):
    X, y = iris
    for other in (np.round(3.0 * X).astype(np.int64), X > 0.0):
        assert_same_classes(GDClassifier().fit(other, y), other)


def test_a_frame_gives_an_input_for_each_column(diabetes):
    X, y = pd.DataFrame(diabetes[0], columns=list("abcdefghij")), diabetes[1]
    model = GDRegressor("poisson").fit(X, y)
    np.testing.assert_allclose(outputs(model, X)[0][:, 0], model.predict(X), rtol=1e-5)


def test_a_fit_on_sparse_rows_takes_dense_ones(diabetes):
    X, y = diabetes
    model = GDRegressor().fit(sparse.csr_matrix(X), y)
    assert_same_numbers(model, X)
    with pytest.raises(TypeError, match="csr"):
        to_onnx(model, sparse.csr_matrix(X))


def test_initial_types_and_older_operator_sets(iris):
    X, y = iris
    model = GDClassifier("focal").fit(X, y)
    types = [("rows", skl2onnx.common.data_types.FloatTensorType([None, 4]))]
    for opset in (9, 11, 13, 18):
        session = session_of(to_onnx(model, initial_types=types, target_opset=opset, options=PLAIN))
        np.testing.assert_allclose(session.run(None, {"rows": X})[1], model.predict_proba(X), rtol=1e-5, atol=1e-5)


def test_no_rows_give_no_predictions(iris, labels_of):
    for kind, shape in (("multiclass", (0, 3)), ("binary", (0, 2)), ("multilabel", (0, 3))):
        model = GDClassifier().fit(iris[0], labels_of[kind])
        session = session_of(to_onnx(model, iris[0], options=PLAIN))
        label, proba = session.run(None, {"X": iris[0][:0]})
        assert len(label) == 0
        assert proba.shape == shape


# -- other estimators -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [GDRegressor("poisson"), GDClassifier(), GDClassifier("focal")], ids=repr)
def test_a_pipeline_with_a_column_transformer(estimator):
    rng = np.random.RandomState(0)
    X = pd.DataFrame(
        {
            "age": (50.0 * rng.rand(90)).astype(np.float32),
            "rooms": rng.randint(1, 8, 90).astype(np.float32),
            "region": np.array(["north", "south", "west"])[rng.randint(0, 3, 90)],
        }
    )
    y = X["age"] / 10.0 + X["rooms"] + (X["region"] == "south")
    if isinstance(estimator, GDClassifier):
        y = np.array(["low", "middle", "high"])[np.digitize(y, [5.0, 8.0])]
    columns = ColumnTransformer([("numbers", StandardScaler(), ["age", "rooms"]), ("names", OneHotEncoder(), ["region"])])
    model = make_pipeline(columns, estimator).fit(X, y)
    if isinstance(estimator, GDRegressor):
        np.testing.assert_allclose(outputs(model, X)[0][:, 0], model.predict(X), rtol=1e-5)
        return
    label, proba = outputs(model, X, PLAIN)
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose(proba, model.predict_proba(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        GridSearchCV(GDClassifier(), {"alpha": [1e-3, 1e-2]}, cv=3),
        GridSearchCV(make_pipeline(StandardScaler(), GDClassifier("exponential")), {"gdclassifier__alpha": [1e-2]}, cv=3),
        CalibratedClassifierCV(GDClassifier("hinge"), cv=3),
        CalibratedClassifierCV(GDClassifier("focal"), cv=3),
        OneVsRestClassifier(GDClassifier()),
        StackingClassifier([("one", GDClassifier("focal")), ("two", GDClassifier())], final_estimator=GDClassifier()),
    ],
    ids=repr,
)
def test_meta_estimators(model, iris):
    X, y = iris
    assert_same_classes(model.fit(X, y), X)


def test_a_regressor_for_each_output(diabetes):
    X, y = diabetes
    assert_same_numbers(MultiOutputRegressor(GDRegressor("gamma")).fit(X, np.stack([y, y**2], axis=1)), X)


def test_registered_estimators_are_converted_by_skl2onnx(iris):
    X, y = iris
    register_onnx()
    register_onnx()
    model = make_pipeline(StandardScaler(), GDClassifier()).fit(X, y)
    types = [("X", skl2onnx.common.data_types.FloatTensorType([None, 4]))]
    exported = skl2onnx.convert_sklearn(model, initial_types=types, options={id(model): PLAIN})
    np.testing.assert_allclose(session_of(exported).run(None, {"X": X})[1], model.predict_proba(X), rtol=1e-5, atol=1e-5)


def test_estimators_after_pickling_and_partial_fit(iris, diabetes):
    X, y = iris
    assert_same_classes(pickle.loads(pickle.dumps(GDClassifier("modified_huber").fit(X, y))), X)
    assert_same_numbers(GDRegressor(solver="sgd", random_state=0).partial_fit(*diabetes), diabetes[0])


# -- refusals -------------------------------------------------------------------------------------------------------------


def test_an_estimator_that_is_not_fitted_is_refused(iris):
    for model in (GDClassifier(), GDRegressor(), make_pipeline(StandardScaler(), GDClassifier())):
        with pytest.raises(NotFittedError):
            to_onnx(model, iris[0])


def test_without_skl2onnx_the_error_tells_what_to_install(monkeypatch, diabetes):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    for call in (register_onnx, lambda: to_onnx(GDRegressor().fit(*diabetes), diabetes[0])):
        with pytest.raises(ImportError, match=r'pip install "sklearn-gd\[onnx\]"'):
            call()


def test_importing_the_module_imports_no_optional_library():
    optional = "{'catboost', 'jax', 'lightgbm', 'onnx', 'onnxruntime', 'skl2onnx', 'skops', 'torch', 'xgboost'}"
    code = f"import sys, sklearn_gd.interop; sys.exit(bool({optional} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
