"""Files of skops: fitted estimators are loaded by trusting `SKOPS_TRUSTED` alone, and predict and go on as before."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import ALL_LOSSES, OWN_COLUMNS, PENALTY_IDS, PENALTY_OBJECTS, RULES

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.interop import SKOPS_TRUSTED, JaxLoss, TorchLoss
from sklearn_gd.losses import LOSSES, CustomLoss, Huber, Masked, Moreau, SequenceLoss
from sklearn_gd.models import MLP, MODELS
from sklearn_gd.penalties import PENALTIES
from sklearn_gd.schedules import SCHEDULES
from sklearn_gd.solvers import SGD, SOLVERS

skops = pytest.importorskip("skops.io")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def numbers(diabetes):
    return diabetes[0][:120, :6], diabetes[1][:120] / 400.0


@pytest.fixture(scope="module")
def classes(wine):
    return wine[0][::2, :6], wine[1][::2]


def loaded(model, own=()):
    """Return a model after a dump and a load, with the types of this package and some others trusted."""
    return skops.loads(skops.dumps(model), trusted=[*SKOPS_TRUSTED, *own])


def assert_as_before(model, X, y, own=()):
    """A fitted model predicts the same after loading, and its next fit is the same."""
    again = loaded(model, own)
    assert again is not model
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.fit(X, y).predict(X), model.fit(X, y).predict(X))


def piped(model, X, y):
    return make_pipeline(StandardScaler(), model.set_params(random_state=0)).fit(X, y)


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("loss", [*ALL_LOSSES, *(LOSSES[name]() for name in OWN_COLUMNS)], ids=repr)
def test_every_loss(loss, warm_start, numbers, classes):
    kind, (X, y) = (GDClassifier, classes) if loss.task == "classification" else (GDRegressor, numbers)
    assert_as_before(piped(kind(loss, warm_start=warm_start), X, y), X, y)


@pytest.mark.parametrize("penalty", PENALTY_OBJECTS, ids=PENALTY_IDS)
def test_every_penalty(penalty, numbers):
    X, y = numbers[0][:, :4], numbers[1]
    assert_as_before(piped(GDRegressor(penalty=penalty), X, y), X, y)


def capped(y_true, raw):
    return np.minimum(np.abs(y_true - raw), 0.1)


# A loss and a penalty that the solver is for, if not the default ones.
WANTED = {
    "convex_concave": {"loss": capped},
    "dual": {"loss": "absolute_error"},
    "interior_point": {"loss": "absolute_error"},
    "proximal_point": {"loss": "absolute_error"},
    "working_rows": {"loss": "absolute_error"},
    "working_set": {"penalty": "l1"},
}


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver(name, warm_start, numbers):
    X, y = numbers
    model = piped(GDRegressor(solver=name, warm_start=warm_start, **WANTED.get(name, {})), X, y)
    assert_as_before(model, X, y, own=[f"{__name__}.capped"] * (name == "convex_concave"))


@pytest.mark.parametrize("name", ["auto", *RULES])
def test_partial_fit_goes_on(name, numbers):
    X, y = numbers
    model = GDRegressor(solver=name, random_state=0).partial_fit(X[:60], y[:60])
    again = loaded(model)
    for _ in range(2):
        model.partial_fit(X[60:], y[60:])
        again.partial_fit(X[60:], y[60:])
    np.testing.assert_array_equal(again.coef_, model.coef_)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("warm_start", [False, True])
def test_every_model(name, warm_start, numbers, classes):
    model = MLP((5,), dropout=0.1) if name == "mlp" else name
    for kind, (X, y) in ((GDRegressor, numbers), (GDClassifier, classes)):
        assert_as_before(piped(kind(model=model, warm_start=warm_start, max_iter=5), X, y), X, y)
    X, y = numbers
    model = GDRegressor(model=model, solver="adam", random_state=0).partial_fit(X, y)
    again = loaded(model)
    np.testing.assert_array_equal(again.partial_fit(X, y).predict(X), model.partial_fit(X, y).predict(X))


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(name, numbers):
    X, y = numbers
    assert_as_before(piped(GDRegressor(solver=SGD(learning_rate=SCHEDULES[name]()), max_iter=3), X, y), X, y)


@pytest.mark.parametrize(
    "labels",
    [
        lambda y: np.minimum(y, 1),
        lambda y: np.array(["a", "b", "c"])[y],
        lambda y: np.array(["a", "b", "c"], dtype=object)[y],
        lambda y: np.stack([y > 0, y > 1], axis=1).astype(int),
    ],
)
def test_labels_of_any_kind(labels, classes):
    X, y = classes[0], labels(classes[1])
    for rule in (False, EarlyStopping(patience=2)):
        model = piped(GDClassifier(early_stopping=rule, warm_start=True), X, y)
        assert_as_before(model, X, y)
    if y.ndim == 1:
        assert_as_before(piped(GDClassifier(class_weight={label: 2.0 for label in np.unique(y)}), X, y), X, y)
    model = GDClassifier(solver="sgd", random_state=0).partial_fit(X, y, classes=np.unique(y) if y.ndim == 1 else None)
    again = loaded(model)
    np.testing.assert_array_equal(again.partial_fit(X, y).coef_, model.partial_fit(X, y).coef_)


def test_targets_and_losses_that_wrap_others(numbers, classes):
    X, y = classes
    steps = np.stack([y, np.roll(y, 5), np.full(len(y), -1)], axis=1)
    assert_as_before(piped(GDClassifier(SequenceLoss()), X, steps), X, steps)
    shares = 0.8 * np.eye(3)[y] + 0.2 / 3.0
    for loss in ("log_loss", "focal"):
        assert_as_before(piped(GDClassifier(loss), X, shares), X, shares)
    X, y = numbers
    several = np.where(np.arange(2 * len(y)).reshape(-1, 2) % 7 == 0, np.nan, np.stack([y, -y], axis=1))
    assert_as_before(piped(GDRegressor(Masked("huber")), X, several), X, several)
    for loss in (Moreau(Huber(0.1)), "log_loss"):
        assert_as_before(piped(GDRegressor(loss), X, y), X, y)


# -- functions and classes of the user ------------------------------------------------------------------------------------


def late_costs_more(y_true, raw):
    return np.where(y_true > raw, 3.0, 1.0) * np.abs(y_true - raw)


def error_of_logarithms(y_true, raw):
    return np.abs(np.log(y_true) - raw)


def places(y_true):
    return [y_true]


class Steep(Huber):
    pass


def named(*functions):
    return [f"{__name__}.{function.__name__}" for function in functions]


@pytest.mark.parametrize(
    ("loss", "own"),
    [
        (late_costs_more, named(late_costs_more)),
        (CustomLoss(late_costs_more, kinks=places), named(late_costs_more, places)),
        (
            CustomLoss(error_of_logarithms, inverse_link=np.exp, link=np.log),
            [*named(error_of_logarithms), "functools.partial"],
        ),
        (Steep(0.1), named(Steep)),
    ],
)
def test_only_what_is_of_the_user_is_trusted_in_addition(loss, own, numbers):
    X, y = numbers
    model = piped(GDRegressor(loss), X, y)
    assert sorted(set(skops.get_untrusted_types(data=skops.dumps(model))) - set(SKOPS_TRUSTED)) == sorted(own)
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException, match=own[0]):
        loaded(model)
    assert_as_before(model, X, y, own)


def squared(y_true, raw):
    return (y_true - raw) ** 2


@pytest.mark.parametrize(("kind", "library"), [(TorchLoss, "torch"), (JaxLoss, "jax")])
def test_losses_with_automatic_derivatives(kind, library, numbers):
    pytest.importorskip(library)
    X, y = numbers
    assert_as_before(piped(GDRegressor(kind(squared)), X, y), X, y, own=named(squared))


def test_the_names_are_sorted_and_of_this_package():
    assert sorted(set(SKOPS_TRUSTED)) == SKOPS_TRUSTED
    assert all(name.startswith("sklearn_gd.") for name in SKOPS_TRUSTED)
    parts = [*LOSSES.values(), *PENALTIES.values(), *SOLVERS.values(), *MODELS.values(), *SCHEDULES.values()]
    assert {f"{part.__module__}.{part.__name__}" for part in parts} <= set(SKOPS_TRUSTED)


def test_names_of_columns(numbers):
    X, y = pd.DataFrame(numbers[0]).add_prefix("column "), numbers[1]
    model = GDRegressor(penalty={"column 1": "l1", "*": "l2"}).fit(X, y)
    assert list(loaded(model).feature_names_in_) == list(X)
    assert_as_before(model, X, y)


def test_an_estimator_that_is_not_fitted(numbers):
    X, y = numbers
    model = GDRegressor(Huber(0.3), penalty="l1", solver="lbfgs")
    assert repr(loaded(model)) == repr(clone(model))
    assert_as_before(loaded(GDRegressor(random_state=0)).fit(X, y), X, y)
