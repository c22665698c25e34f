"""How estimators show themselves: as text, in a notebook, in a report."""

import pickle
import re
from functools import partial
from importlib import metadata

import numpy as np
import pytest
import sklearn
from packaging.version import parse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor, shown
from sklearn_gd.losses import CustomLoss, Huber, Masked, SequenceLoss
from sklearn_gd.metrics import LossScorer, mean_loss
from sklearn_gd.models import MLP, Linear
from sklearn_gd.penalties import L1, L2, NonNegative
from sklearn_gd.solvers import Adam, GradientDescent

recent = pytest.mark.skipif(parse(sklearn.__version__) < parse("1.9"), reason="parameters are in the picture from then on")


def late(y_true, raw):
    return (y_true - raw) ** 2


def slope(y_true, raw):
    return 2.0 * (raw - y_true)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (late, "late"),
        (lambda y, raw: raw, "<lambda>"),
        (partial(late, raw=2), "late(..., raw=2)"),
        (CustomLoss(late, gradient=slope, convex=True), "CustomLoss(late, gradient=slope, convex=True)"),
        (L2() + NonNegative(), "L2() + NonNegative()"),
        (Adam(learning_rate=slope), "Adam(learning_rate=slope)"),
        (Linear(init=slope), "Linear(init=slope)"),
        (EarlyStopping(scoring=late), "EarlyStopping(scoring=late)"),
        (LossScorer(late), "LossScorer(loss=late)"),
        (Masked(CustomLoss(late)), "Masked(loss=CustomLoss(late))"),
        (SequenceLoss(padding=""), "SequenceLoss(padding='')"),
    ],
)  # fmt: skip
def test_functions_are_shown_by_their_names(given, words):
    assert repr(shown.shown(given)) == words


def test_scikit_learn_prints_estimators_as_any_other():
    """A representation of one's own breaks that of what holds it."""
    kinds = (make_pipeline(GDRegressor(CustomLoss(max))), GridSearchCV(GDRegressor(CustomLoss(max)), {"loss": ["huber"]}))
    for model in (*kinds, GDRegressor(Huber(2.0), penalty=L2() + L1(), solver=Adam(learning_rate=0.5), tol=0.1, max_iter=5)):
        assert "('" not in repr(model).replace("[('gdregressor'", "")
        assert "\n" in repr(model)


def test_what_is_shown_does_not_decide_what_is_the_same():
    first, second = CustomLoss(late), CustomLoss(lambda y, raw: late(y, raw))
    second._given["function"].__name__ = "late"
    assert repr(shown.shown(first)) == repr(shown.shown(second))
    model = GDRegressor(first, solver="adam", warm_start=True, max_iter=1)
    key = model._parts().key
    assert model._parts().continues(key)
    assert not model.set_params(loss=second)._parts().continues(key)


@recent
def test_a_notebook_shows_the_parts():
    X, y = load_diabetes(return_X_y=True)
    model = GDRegressor(
        CustomLoss(late), penalty=L2() + NonNegative(), solver=GradientDescent(learning_rate=0.1), max_iter=20_000
    )
    page = make_pipeline(StandardScaler(), model).fit(X, y)._repr_html_()
    for words in (
        "CustomLoss(late)",
        "L2() + NonNegative()",
        "solver__learning_rate",
        "optimality_",
        "converged_",
        "stop_reason_",
    ):
        assert words in page
    # The text of a pipeline, which stands in where HTML is not trusted, is printed by scikit-learn.
    assert " at 0x" not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    assert "loss__function" not in page


@recent
def test_pages_are_linked_where_the_documentation_has_an_address(monkeypatch):
    class Known:
        def get_all(self, name):
            return ["Homepage, https://example.org", "Documentation, https://example.org/docs/"]

    shown._address.cache_clear()
    monkeypatch.setattr(metadata, "metadata", lambda name: Known())
    for part, name in (
        (GDRegressor(), "sklearn_gd.GDRegressor"),
        (Huber(), "sklearn_gd.losses.Huber"),
        (L1(), "sklearn_gd.penalties.L1"),
        (EarlyStopping(), "sklearn_gd.EarlyStopping"),
        (Adam(), "sklearn_gd.solvers.Adam"),
    ):
        assert f"https://example.org/docs/api/generated/{name}.html" in part._repr_html_()
    shown._address.cache_clear()
    monkeypatch.undo()
    assert "api/generated" not in GDRegressor()._repr_html_() or shown._address()


def test_reports_say_what_was_found():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = GDRegressor(Huber(20.0), penalty="l1", alpha=0.1).fit(X, y)
    text = model.report(3)
    assert text.splitlines()[0] == "GDRegressor under Huber(delta=20.0), by Newton()"
    assert "converged, optimality " in text
    assert "no optimum" not in text
    assert model.set_params(alpha=100.0).report(3) == text
    assert "objective" not in pickle.loads(pickle.dumps(model)).report()
    objective, cost, penalty = map(float, re.search(r"objective (\S+) = cost (\S+) \+ penalty (\S+)", text).groups())
    assert objective == pytest.approx(model.loss_curve_[-1], rel=1e-5)
    assert cost == pytest.approx(mean_loss(model, X, y), rel=1e-5)
    assert penalty == pytest.approx(0.1 * np.abs(model.coef_).sum(), rel=1e-5)
    names = [line.split()[0] for line in text.splitlines()[-4:]]
    assert names == [*X.columns[np.argsort(-np.abs(model.coef_))[:3]], "intercept"]
    assert f"{np.count_nonzero(model.coef_)} of 10 coefficients are not zero; the largest:" in text


def test_reports_of_classes_networks_and_streams():
    X, y = load_iris(return_X_y=True)
    text = GDClassifier(alpha=1e-3).fit(X, np.array(["a", "b", "c"])[y]).report()
    assert re.search(r"^\s+a\s+b\s+c$", text, re.MULTILINE)
    network = GDClassifier(model=MLP((10,)), early_stopping=True, random_state=0).fit(X, y)
    assert "no optimum: the validation loss gained nothing" in network.report()
    assert "a network of layers 4 - 10 - 3, 70 weights" in network.report()
    stream = GDClassifier(solver="sgd").partial_fit(X, y, classes=[0, 1, 2])
    assert "objective" not in stream.report()
    several = GDRegressor().fit(X, np.column_stack([y, -y]))
    assert "output 1" in several.report()
    with pytest.raises(ValueError, match="n_largest=-1: expected an integer >= 0"):
        several.report(-1)
    with pytest.raises(NotFittedError):
        GDRegressor().report()
