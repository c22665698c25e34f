"""What watches a fit: early stopping with every solver, the history, and scikit-learn's callbacks."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.estimators import base
from sklearn_gd.solvers import SGD, SOLVERS, GradientDescent, Stochastic


def ramp(y, raw):
    return np.minimum(np.maximum(0.0, 1.0 - y * raw), 2.0)


def _settings(solver):
    losses = dict.fromkeys(("dual", "working_rows", "interior_point"), "hinge") | {"convex_concave": ramp}
    penalty = "l1" if solver == "working_set" else "l2"
    return {"loss": losses.get(solver, "log_loss"), "penalty": penalty, "alpha": 1e-6}


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_stops_at_the_best_iteration(cancer, solver):
    """What is returned has the lowest validation loss of all iterations, and the iterations after it were in vain."""
    X, y = cancer
    rule = EarlyStopping(patience=3)
    model = GDClassifier(**_settings(solver), solver=solver, early_stopping=rule, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    raw = model.decision_function(X[1::2])[:, None]
    returned = model.loss_.value(2.0 * y[1::2, None] - 1.0, raw).mean()
    if model.best_iteration_ > 0:
        np.testing.assert_allclose(returned, model.validation_loss_curve_[model.best_iteration_ - 1], rtol=1e-9)
    assert returned <= min(model.validation_loss_curve_) * (1 + 1e-9)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == model.n_iter_ <= model.best_iteration_ + 3 or (
        model.stop_reason_ == "converged"
    )


def test_validation_loss_is_the_mean_loss_without_penalty(cancer):
    X, y = cancer
    weight = np.linspace(0.0, 1.0, 100)
    model = GDClassifier(alpha=0.1).fit(X[:400], y[:400], X_val=X[400:500], y_val=y[400:500], sample_weight_val=weight)
    expected = log_loss(y[400:500], model.predict_proba(X[400:500]), sample_weight=weight)
    np.testing.assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)
    assert model.converged_  # watched, and not stopped
    reference = LogisticRegression(C=1 / (0.1 * 400), tol=1e-10).fit(X[:400], y[:400])
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-5)


def test_held_out_rows_are_stratified_and_follow_the_splitter(cancer, monkeypatch):
    X, y = cancer
    seen = {}
    original = base.held_out

    def spy(self, *given):
        train, held = original(self, *given)
        seen["held"], seen["rows"] = held.data, np.count_nonzero(train.data.weight)
        return train, held

    monkeypatch.setattr(base, "held_out", spy)
    GDClassifier(early_stopping=True, random_state=0).fit(X, y)
    assert len(seen["held"].y) == 57
    assert seen["rows"] == len(y) - 57
    assert abs(seen["held"].y.mean() - y.mean()) < 0.01
    GDClassifier(early_stopping=EarlyStopping(cv=KFold(4))).fit(X, y)
    np.testing.assert_array_equal(seen["held"].X, X[: len(seen["held"].X)])
    groups = np.arange(len(y)) % 10
    GDClassifier(early_stopping=EarlyStopping(cv=GroupKFold(5))).fit(X, y, groups=groups)
    held_groups = {tuple(row) for row in seen["held"].X}
    inside = np.array([tuple(row) in held_groups for row in X])
    assert not set(groups[inside]) & set(groups[~inside])


def test_the_tutorials_threshold():
    """Repeat until the loss reaches the threshold."""
    rng = np.random.RandomState(0)
    X = rng.rand(100, 1)
    y = 3.0 * X[:, 0] + 4.0 + 0.1 * rng.randn(100)
    rule = EarlyStopping(validation_fraction=None, threshold=0.01, patience=1000)
    model = GDRegressor(alpha=0.0, solver=GradientDescent(learning_rate=0.5), early_stopping=rule, max_iter=10_000).fit(X, y)
    assert model.loss_curve_[-1] <= 0.01 < model.loss_curve_[-2]
    assert "threshold 0.01" in model.stop_reason_


def test_patience_min_delta_and_restore_best(diabetes):
    X, y = diabetes
    rng = np.random.RandomState(0)
    wide = np.hstack([X, rng.randn(len(X), 150)])
    split = {"X": wide[:200], "y": y[:200], "X_val": wide[200:], "y_val": y[200:]}
    fits = [
        GDRegressor(alpha=0.0, solver=GradientDescent(learning_rate=0.02), max_iter=500, early_stopping=rule).fit(**split)
        for rule in (
            EarlyStopping(),
            EarlyStopping(restore_best=False),
            EarlyStopping(min_delta=1000.0),
            EarlyStopping(patience=9),
        )
    ]
    best, last, coarse, patient = fits
    assert best.best_iteration_ == last.best_iteration_ == best.n_iter_ - 5
    assert np.any(best.coef_ != last.coef_)
    assert coarse.n_iter_ < best.n_iter_ < patient.n_iter_
    curve = best.validation_loss_curve_
    assert int(np.argmin(curve)) + 1 == best.best_iteration_


def test_scoring_is_watched_instead(cancer):
    rule = EarlyStopping(scoring="accuracy", patience=2)
    model = GDClassifier(solver="gd", early_stopping=rule, random_state=0).fit(*cancer)
    assert "validation score gained nothing in 2" in model.stop_reason_
    assert model.history_["validation_score"].max() <= 1.0


@pytest.mark.parametrize(
    ("fit", "match"),
    [
        ({"X_val": np.zeros((2, 3))}, "y_val is None"),
        ({"X_val": np.zeros((2, 3)), "y_val": [0, 7]}, "y_val has a label that is no class, 7"),
        ({"X_val": np.zeros((2, 2)), "y_val": [0, 1]}, "2 features"),
        ({"X_val": np.zeros((2, 3)), "y_val": [0, 1], "sample_weight_val": [-1, 1]}, "sample_weight_val has a negative"),
    ],
)
def test_bad_validation_rows(fit, match):
    with pytest.raises(ValueError, match=match):
        GDClassifier(alpha=1.0).fit(np.eye(3), [0, 1, 1], **fit)


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        ("yes", TypeError, "early_stopping='yes'"),
        (EarlyStopping(patience=0), ValueError, "patience=0"),
        (EarlyStopping(validation_fraction=1.0), ValueError, "validation_fraction=1.0"),
    ],
)
def test_bad_rules(value, error, match, diabetes):
    with pytest.raises(error, match=match):
        GDRegressor(early_stopping=value).fit(*diabetes)


@pytest.mark.parametrize("solver", ["auto", "sgd"])
def test_history_is_a_table(diabetes, solver):
    model = GDRegressor(solver=solver, alpha=0.1, tol=1e-4, random_state=0).fit(*diabetes)
    known = {"optimality", "gradient_norm"} if not isinstance(model.solver_, Stochastic) else set()
    assert set(model.history_) == {"iteration", "objective", "step", "seconds"} | known
    assert {len(column) for column in model.history_.values()} == {model.n_iter_}
    np.testing.assert_array_equal(model.history_["objective"], model.loss_curve_)
    np.testing.assert_array_equal(model.history_["iteration"], np.arange(1, model.n_iter_ + 1))


def test_a_divergence_keeps_the_best_and_says_where(diabetes):
    X, y = diabetes
    with pytest.warns(ConvergenceWarning, match="stopped after .* learning rate"):
        model = GDRegressor(solver=GradientDescent(learning_rate=10.0)).fit(X, y)
    assert np.all(np.isfinite(model.coef_))
    assert model.n_iter_ < 100


class _Stop:
    """A user's callback: it counts the iterations, and asks to stop at one of them."""

    def __init__(self, at):
        self.at, self.scores, self.events = at, [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        if context.task_name == "iteration":
            self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) >= self.at


def _callbacks():
    return pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")


@pytest.mark.parametrize("solver", ["auto", "gd", "sgd"])
def test_a_callback_may_stop_the_fit(cancer, solver):
    _callbacks()
    stop = _Stop(2)
    model = GDClassifier(solver=solver, random_state=0).set_callbacks(stop).fit(*cancer)
    assert (model.n_iter_, model.stop_reason_) == (2, "a callback asked for it")
    assert stop.events == ["setup", "teardown"]
    assert stop.scores[-1] == model.score(*cancer)


def test_callbacks_in_a_search_and_a_pipeline(cancer):
    monitor = _callbacks().ScoringMonitor(scoring="accuracy")
    inner = GDClassifier(solver="sgd", max_iter=3, random_state=0).set_callbacks(monitor)
    search = GridSearchCV(make_pipeline(StandardScaler(), inner), {"gdclassifier__alpha": [0.01, 0.1]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(*cancer)
    logs = monitor.get_logs()
    rows = [row for log in (logs if isinstance(logs, list) else [logs]) for row in log.data]
    assert sum(row["task_name"] == "iteration" for row in rows) == 3 * 5
    assert min(row["accuracy"] for row in rows) > 0.9


def test_no_context_is_opened_without_callbacks(cancer, monkeypatch):
    _callbacks()
    opened, original = [], GDClassifier._init_callback_context
    monkeypatch.setattr(GDClassifier, "_init_callback_context", lambda self, **how: opened.append(how) or original(self, **how))
    GDClassifier().fit(*cancer)
    assert not opened
    GDClassifier().set_callbacks(_Stop(1)).fit(*cancer)
    assert len(opened) == 1


def test_a_threshold_alone_is_waited_for(cancer):
    """Where it is not reached the fit goes on; patience is then for those who ask for it."""
    X, y = cancer
    settings = {"solver": GradientDescent(1e-3), "max_iter": 60, "random_state": 0, "alpha": 0.1}
    waits = EarlyStopping(threshold=0.01, min_delta=10.0)
    with pytest.warns(ConvergenceWarning):
        assert GDClassifier(early_stopping=waits, **settings).fit(X, y).n_iter_ == 60
    tires = EarlyStopping(threshold=0.01, min_delta=10.0, patience=7)
    assert GDClassifier(early_stopping=tires, **settings).fit(X, y).n_iter_ == 7
    assert GDClassifier(early_stopping=EarlyStopping(min_delta=10.0), **settings).fit(X, y).n_iter_ == 5
    assert GDClassifier(early_stopping=EarlyStopping(threshold=0.6), **settings).fit(X, y).validation_loss_curve_[-1] <= 0.6


def test_a_scorer_of_frames_says_nothing(cancer):
    import pandas as pd

    X, y = cancer
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])])
    model = GDClassifier(early_stopping=EarlyStopping(scoring="accuracy"), solver="gd", random_state=0).fit(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns)  # and no warning, which would be an error


@pytest.mark.parametrize("validated", [True, False])
def test_early_stopping_does_not_hide_a_divergence(cancer, validated):
    X, y = cancer
    rule = EarlyStopping(patience=5) if validated else EarlyStopping(None, patience=5)
    rows = {"X_val": X[400:], "y_val": y[400:]} if validated else {}
    model = GDClassifier(solver=SGD(100.0), early_stopping=rule, max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning, match="learning rate"):
        model.fit(X[:400], y[:400], **rows)
    assert not model.converged_
