"""Losses as measures, beside scikit-learn's own metrics."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.optimize import minimize
from sklearn import metrics as theirs
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tables import ALL_LOSSES, CLASSIFICATION, LOSS_IDS

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import CustomLoss, LogLoss, Masked, Quantile, SequenceLoss, Tweedie
from sklearn_gd.metrics import (
    LossScorer,
    compare_losses,
    comparison,
    explained_loss,
    loss_scorer,
    mean_loss,
    outlier_share,
    sample_losses,
)
from sklearn_gd.metrics.frames import framed
from sklearn_gd.rows import Stream


def late_costs_more(y_true, raw):
    error = y_true - raw
    return np.where(error > 0, 5.0, 1.0) * np.abs(error)


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.random.RandomState(0).rand(len(y))


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


# -- the least loss of a prediction -----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=LOSS_IDS)
def test_no_prediction_costs_less_than_the_saturated_one_and_some_cost_hardly_more(loss):
    if loss.rowwise:
        y = np.arange(4)
        lines = np.linspace(0.0, 60.0, 20_001)
        raw = np.concatenate([t * np.eye(4) for t in lines])
        values = loss.value(np.tile(y, len(lines)), raw).reshape(len(lines), 4)
        least = loss.saturated(y, 4)
    else:
        y = np.array([[-1.0], [1.0]]) if loss.task == "classification" else np.array([[0.5], [2.0], [7.3]])
        places = np.unique(
            np.concatenate([np.linspace(-60.0, 60.0, 24_001), np.ravel(loss.link(y)) * (loss.task == "regression")])
        )
        with np.errstate(all="ignore"):
            values = np.stack([loss.value(y, np.full_like(y, place))[:, 0] for place in places])
        least = loss.saturated(y, 1)
    assert least.shape == y.shape[:1]
    assert np.all(np.nanmin(values, axis=0) >= least - 1e-12)
    assert np.all(np.nanmin(values, axis=0) <= least + 1e-6)


def test_the_least_of_an_own_loss_is_found():
    y = np.array([[0.5], [2.0], [70.0]])
    poisson = CustomLoss(lambda y, raw: np.exp(raw) - y * raw, inverse_link=np.exp)
    np.testing.assert_allclose(poisson.saturated(y, 1), (y - y * np.log(y))[:, 0], rtol=1e-9)
    lifted = CustomLoss(lambda y, raw: late_costs_more(y, raw) + 2.0)
    observed = lifted.observe(np.random.RandomState(0).rand(50, 1), np.zeros((50, 1)))
    np.testing.assert_allclose(observed.saturated(y, 1), 2.0, rtol=1e-9)
    margin = CustomLoss(lambda y, raw: np.log1p(np.exp(-y * raw)))
    assert np.all(margin.saturated(np.array([[-1.0], [1.0]]), 1) < 1e-6)


def _d2_pinball(y_true, y_pred, sample_weight=None):
    """`d2_pinball_score`, whose quantile of weighted samples is not the best constant in older versions of scikit-learn."""
    kwargs = {"sample_weight": sample_weight, "alpha": 0.8}
    constant = min(theirs.mean_pinball_loss(y_true, np.full_like(y_true, value), **kwargs) for value in y_true)
    return 1.0 - theirs.mean_pinball_loss(y_true, y_pred, **kwargs) / constant


# -- beside scikit-learn ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "d2"),
    [
        ("squared_error", theirs.r2_score),
        ("absolute_error", theirs.d2_absolute_error_score),
        (Quantile(0.8), lambda *args, **kwargs: _d2_pinball(*args, **kwargs)),
        ("poisson", lambda *args, **kwargs: theirs.d2_tweedie_score(*args, power=1, **kwargs)),
        (Tweedie(1.5), lambda *args, **kwargs: theirs.d2_tweedie_score(*args, power=1.5, **kwargs)),
        ("gamma", lambda *args, **kwargs: theirs.d2_tweedie_score(*args, power=2, **kwargs)),
        ("inverse_gaussian", lambda *args, **kwargs: theirs.d2_tweedie_score(*args, power=3, **kwargs)),
    ],
    ids=["squared", "absolute", "quantile", "poisson", "tweedie", "gamma", "inverse_gaussian"],
)
def test_explained_loss_is_scikit_learns_d2(diabetes, loss, d2):
    X, y, weight = diabetes
    model = GDRegressor(loss).fit(X[:300], y[:300])
    expected = d2(y[300:], model.predict(X[300:]), sample_weight=weight[300:])
    for given in (None, loss):
        assert explained_loss(model, X[300:], y[300:], weight[300:], loss=given) == pytest.approx(expected, rel=1e-9)
    other = LinearRegression().fit(X[:300], y[:300])
    expected = d2(y[300:], other.predict(X[300:]))
    assert explained_loss(other, X[300:], y[300:], loss=loss) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
def test_explained_log_loss_is_scikit_learns(load):
    X, y = load(return_X_y=True)
    X, weight = StandardScaler().fit_transform(X), np.random.RandomState(1).rand(len(y))
    for model in (GDClassifier(alpha=1e-3), LogisticRegression(), RandomForestClassifier(random_state=0)):
        model.fit(X[::2], y[::2])
        args, kwargs = (model, X[1::2], y[1::2], weight[1::2]), {"loss": "log_loss"}
        proba = model.predict_proba(X[1::2])
        assert mean_loss(*args, **kwargs) == pytest.approx(
            theirs.log_loss(y[1::2], proba, sample_weight=weight[1::2]), rel=1e-9
        )
        assert explained_loss(*args, **kwargs) == pytest.approx(
            theirs.d2_log_loss_score(y[1::2], proba, sample_weight=weight[1::2]), rel=1e-7
        )


def test_hinge_reads_the_decision_function(iris):
    X, y = iris
    labels = np.array(["no", "yes"])[(y == 2).astype(int)]
    model = LogisticRegression().fit(X, labels)
    expected = theirs.hinge_loss(labels, model.decision_function(X))
    assert mean_loss(model, X, labels, loss="hinge") == pytest.approx(expected, rel=1e-12)
    ridge = RidgeClassifier().fit(X, y)
    expected = theirs.hinge_loss(y, ridge.decision_function(X))
    assert mean_loss(ridge, X, y, loss="crammer_singer") == pytest.approx(expected, rel=1e-12)
    two = RidgeClassifier().fit(X, labels)
    assert mean_loss(two, X, labels, loss="crammer_singer") == pytest.approx(mean_loss(two, X, labels, loss="hinge"), rel=1e-12)
    assert mean_loss(ridge, X, y, loss="log_loss") > 0  # without probabilities too


@pytest.mark.parametrize("loss", CLASSIFICATION)
def test_the_cost_of_a_classifier_is_what_its_fit_minimised(iris, loss):
    X, y = iris
    for labels in (y, y == 1):
        model = GDClassifier(loss, penalty=None, alpha=0.0, max_iter=20)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, labels)
        assert mean_loss(model, X, labels) == pytest.approx(model.loss_curve_[-1], rel=1e-6, abs=1e-9)
        assert mean_loss(model, X, labels, loss=loss) == mean_loss(model, X, labels)


def test_losses_that_mask_and_sequences(diabetes):
    X, y, weight = diabetes
    Y = np.column_stack([y, -y])
    Y[::3, 0] = Y[1::5, 1] = np.nan
    model = GDRegressor(Masked("absolute_error"), alpha=0.0).fit(X, Y, weight)
    assert mean_loss(model, X, Y, weight) == pytest.approx(model.loss_curve_[-1], rel=1e-7)
    assert 0.1 < explained_loss(model, X, Y, weight) < 0.5
    steps = np.array([["a", "b", ""], ["b", "a", "a"], ["a", "", ""], ["b", "b", "a"]])
    text = GDClassifier(SequenceLoss(padding="", label_smoothing=0.1), alpha=0.0).fit(X[:4], steps)
    assert mean_loss(text, X[:4], steps) == pytest.approx(text.loss_curve_[-1], rel=1e-6)
    assert explained_loss(text, X[:4], steps) == pytest.approx(1.0, abs=1e-4)
    smooth = GDClassifier(LogLoss(0.2), penalty=None, alpha=0.0).fit([[0.0], [1.0]], [0, 1])
    assert explained_loss(smooth, [[0.0], [1.0]], [0, 1]) == pytest.approx(1.0, abs=1e-9)


def test_a_mean_that_the_loss_does_not_have_costs_without_bound(diabetes):
    X, y, _ = diabetes
    model = LinearRegression().fit(X, y - 150.0)
    losses = sample_losses(model, X, y, loss="poisson")
    np.testing.assert_array_equal(np.isinf(losses), model.predict(X) <= 0)
    assert mean_loss(model, X, y, loss="poisson") == np.inf


def test_what_wraps_an_estimator_is_seen_through(diabetes):
    X, y, _ = diabetes
    plain = GDRegressor("huber").fit(StandardScaler().fit_transform(X), y)
    pipeline = make_pipeline(StandardScaler(), GDRegressor("huber")).fit(X, y)
    search = GridSearchCV(pipeline, {"gdregressor__alpha": [1e-4]}).fit(X, y)
    expected = mean_loss(plain, StandardScaler().fit_transform(X), y)
    for model in (pipeline, search, make_pipeline(search).fit(X, y)):
        assert mean_loss(model, X, y) == pytest.approx(expected, rel=1e-12)
        assert mean_loss(model, X, y, loss="huber") == pytest.approx(expected, rel=1e-12)


def test_where_a_constant_is_perfect():
    X = np.arange(6.0)[:, None]
    for y, model in ((np.ones(6), GDRegressor()), (np.zeros(6), GDRegressor("absolute_error"))):
        assert explained_loss(model.fit(X, y), X, y) == 1.0
        assert explained_loss(LinearRegression().fit(X, X[:, 0]), X, y, loss=model.loss) == 0.0
    model = GDClassifier().fit(X, [0, 0, 0, 1, 1, 1])
    assert explained_loss(model, X[:2], [0, 0]) == 0.0
    assert explained_loss(model, X, [0, 0, 0, 1, 1, 1], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]) == 0.0


# -- scorers ----------------------------------------------------------------------------------------------------------


def test_a_search_judges_by_the_loss(diabetes):
    X, y, _ = diabetes
    grid = {"loss": ["squared_error", "huber", late_costs_more, Quantile(5 / 6)]}
    scoring = {"late": loss_scorer(late_costs_more), "explained": loss_scorer(late_costs_more, explained=True), "r2": "r2"}
    search = GridSearchCV(GDRegressor(), grid, scoring=scoring, refit="late", cv=KFold(3)).fit(X, y)
    expected = [
        np.mean([
            -late_costs_more(y[test], GDRegressor(loss).fit(X[train], y[train]).predict(X[test])).mean()
            for train, test in KFold(3).split(X)
        ])
        for loss in grid["loss"]
    ]  # fmt: skip
    np.testing.assert_allclose(search.cv_results_["mean_test_late"], expected, rtol=1e-9)
    assert search.best_index_ == np.argmax(expected) >= 2
    assert np.all(search.cv_results_["mean_test_explained"][2:] > search.cv_results_["mean_test_explained"][:2])
    assert search.score(X, y) == -mean_loss(search, X, y, loss=late_costs_more)


def test_a_scorer_takes_routed_weights(diabetes):
    X, y, weight = diabetes
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = loss_scorer("absolute_error").set_score_request(sample_weight=True)
        model = GDRegressor().set_fit_request(sample_weight=True)
        found = cross_validate(model, X, y, cv=KFold(3), scoring=scorer, params={"sample_weight": weight})["test_score"]
    for (train, test), value in zip(KFold(3).split(X), found, strict=True):
        fitted = GDRegressor().fit(X[train], y[train], weight[train])
        expected = theirs.mean_absolute_error(y[test], fitted.predict(X[test]), sample_weight=weight[test])
        assert -value == pytest.approx(expected, rel=1e-9)


def test_a_scorer_stops_early(diabetes):
    X, y, _ = diabetes
    rule = EarlyStopping(scoring=loss_scorer("absolute_error"), patience=2)
    model = GDRegressor(solver="gd", early_stopping=rule, random_state=0).fit(X, y)
    assert model.best_iteration_ > 0
    assert repr(LossScorer("huber")) == "LossScorer(loss='huber')"


# -- comparisons ------------------------------------------------------------------------------------------------------


def test_each_loss_is_judged_by_each(diabetes):
    X, y, _ = diabetes
    losses = {"mean": "squared_error", "median": "absolute_error", "late": late_costs_more}
    pipeline = make_pipeline(StandardScaler(), GDRegressor(alpha=0.01))
    table = compare_losses(pipeline, X, y, losses, scoring=["r2"], cv=3)
    assert list(table.index) == list(losses)
    for fitted, loss in losses.items():
        model = make_pipeline(StandardScaler(), GDRegressor(loss, alpha=0.01))
        for name, judge in losses.items():
            expected = -cross_val_score(model, X, y, cv=3, scoring=loss_scorer(judge)).mean()
            assert table.loc[fitted, name] == pytest.approx(expected, rel=1e-9)
        assert table.loc[fitted, "r2"] == pytest.approx(cross_val_score(model, X, y, cv=3).mean(), rel=1e-9)
    assert table["late"].idxmin() == "late"
    assert np.all(table["fit_time"] > 0)
    assert table.loc["median", "outlier_share"] == pytest.approx(0.05, abs=0.01)
    assert table.loc["mean", "outlier_share"] > 0.1


def test_comparisons_without_units_and_with_weights(diabetes):
    X, y, weight = diabetes
    losses = ["squared_error", Quantile(0.9)]
    table = compare_losses(GDRegressor(), X, y, losses, explained=True, cv=3)
    expected = cross_val_score(GDRegressor(Quantile(0.9)), X, y, cv=3, scoring=loss_scorer(Quantile(0.9), explained=True))
    assert table.iloc[1, 1] == pytest.approx(expected.mean(), rel=1e-9)
    assert table.iloc[0, 0] == pytest.approx(cross_val_score(GDRegressor(), X, y, cv=3).mean(), rel=1e-9)
    with pytest.raises(ValueError, match="params has sample_weight, which would reach fit alone.*enable_metadata_routing=True"):
        compare_losses(GDRegressor(), X, y, losses, params={"sample_weight": weight})
    with sklearn.config_context(enable_metadata_routing=True):
        model = GDRegressor().set_fit_request(sample_weight=True)
        table = compare_losses(model, X, y, losses, cv=KFold(3), params={"sample_weight": weight})
    costs = []
    for train, test in KFold(3).split(X):
        fitted = GDRegressor().fit(X[train], y[train], weight[train])
        costs.append(mean_loss(fitted, X[test], y[test], weight[test]))
    assert table.iloc[0, 0] == pytest.approx(np.mean(costs), rel=1e-9)


def test_losses_are_named_with_all_their_parameters():
    given = ["huber", late_costs_more, Quantile(), CustomLoss(late_costs_more, convex=True)]
    assert [comparison.name_of(loss) for loss in given] == [
        "huber",
        "late_costs_more",
        "Quantile(quantile=0.5)",
        "late_costs_more",
    ]


def test_comparisons_of_classifiers_and_of_other_wrappers(iris, diabetes, monkeypatch):
    X, y = iris
    table = compare_losses(GDClassifier(alpha=1e-3), X, y, ["log_loss", "hinge"], scoring="accuracy", cv=3)
    assert np.all(np.isfinite(table))
    X, y, _ = diabetes
    wrapped = TransformedTargetRegressor(GDRegressor(), func=np.log, inverse_func=np.exp)
    table = compare_losses(wrapped, X, y, ["squared_error", "absolute_error"], scoring={"r2": "r2"}, cv=3)
    assert table["outlier_share"].isna().all()
    assert np.all(np.isfinite(table.drop(columns="outlier_share")))
    table = compare_losses(GDRegressor(), X, y, "squared_error", cv=3, scoring=loss_scorer("huber"))
    assert list(table) == ["squared_error", "score", "fit_time", "outlier_share"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    bunch = framed({"huber": np.array([1.0, 2.0])}, "fitted", np.array(["huber", "hinge"]))
    assert bunch.fitted.tolist() == ["huber", "hinge"]
    assert bunch.huber.tolist() == [1.0, 2.0]


def test_outliers_pull_as_the_loss_lets_them(diabetes):
    X, y, _ = diabetes
    y = y.copy()
    y[:5] += 3000.0
    shares = [outlier_share(GDRegressor(loss).fit(X, y), X, y) for loss in ("squared_error", "absolute_error", "cauchy")]
    assert shares[0] > 0.3 > shares[1] == pytest.approx(23 / len(y), abs=0.01)
    assert shares[1] > shares[2]


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_refusals(diabetes, iris):
    X, y, _ = diabetes
    model, other = GDRegressor().fit(X, y), LinearRegression().fit(X, y)
    with pytest.raises(TypeError, match="estimator is LinearRegression: expected a fitted GDRegressor or GDClassifier"):
        mean_loss(other, X, y)
    with pytest.raises(ValueError, match="loss='hinge' is a loss for classification: the estimator is GDRegressor"):
        mean_loss(model, X, y, loss="hinge")
    with pytest.raises(ValueError, match="Poisson needs y >= 0"):
        mean_loss(model, X, y - 200.0, loss="poisson")
    with pytest.raises(ValueError, match="Input y contains NaN"):
        mean_loss(model, X, np.where(y > 300, np.nan, y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        mean_loss(other, X, y[:-1], loss="huber")
    with pytest.raises(ValueError, match="expected \\(442,\\), one weight for each row"):
        mean_loss(other, X, y, y[:-1], loss="huber")
    with pytest.raises(ValueError, match="not the inverse of its inverse_link.*expected CustomLoss\\(..., link=...\\)"):
        mean_loss(other, X, y, loss=CustomLoss(lambda y, raw: (y - np.exp(raw)) ** 2, inverse_link=np.exp))
    with pytest.raises(ValueError, match="Unknown loss='hubber'. Did you mean 'huber'"):
        loss_scorer("hubber")
    with pytest.raises(ValueError, match="two of the name 'huber'"):
        compare_losses(model, X, y, ["huber", "huber"])
    with pytest.raises(ValueError, match="losses is empty"):
        compare_losses(model, X, y, [])
    with pytest.raises(ValueError, match="both have the name 'huber'"):
        compare_losses(model, X, y, ["huber"], scoring={"huber": "r2"})
    with pytest.raises(
        TypeError, match="estimator is LinearRegression: expected GDRegressor or GDClassifier, or what holds one"
    ):
        compare_losses(other, X, y, ["huber"])
    X, y = iris
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="Hinge has no probabilities.*RandomForestClassifier has no decision_function"):
        mean_loss(forest, X, y, loss="hinge")
    with pytest.raises(ValueError, match="y has a label that is no class, 7"):
        mean_loss(forest, X, np.full(len(y), 7), loss="log_loss")
    assert mean_loss(forest, pd.DataFrame(X).to_numpy(), y, loss="log_loss") < 0.1


# -- what a hostile reader found --------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "log_loss", LogLoss(0.2), "focal", "exponential"], ids=repr)
def test_folds_that_lack_a_class(iris, loss):
    """The best constant has a column for each class of the model."""
    X, y = iris
    model = GDClassifier(loss, alpha=0.01).fit(X, y)
    some, kept = y != 1, model.loss_
    encoded = y[some] if kept.rowwise else np.where(y[some][:, None] == np.arange(3), 1.0, -1.0)
    n = len(encoded)
    starts = ([0.0, -1.0, 0.0], [0.0, -5.0, 0.0])
    constant = min(
        minimize(lambda at: kept.value(encoded, np.tile(at, (n, 1))).sum() / n, start, method="Nelder-Mead", tol=1e-9).fun
        for start in starts
    )
    least, cost = kept.saturated(encoded, 3).mean(), mean_loss(model, X[some], y[some])
    expected = 1.0 - (cost - least) / (constant - least)
    assert explained_loss(model, X[some], y[some]) == pytest.approx(expected, abs=1e-3)
    assert explained_loss(model, X[:2], [0, 0]) in (0.0, 1.0)


def test_wrong_shapes_are_refused(diabetes, iris):
    X, y, _ = diabetes
    with pytest.raises(ValueError, match="expected as many outputs"):
        mean_loss(LinearRegression().fit(X, np.c_[y, -y]), X, y, loss="squared_error")
    with pytest.raises(ValueError, match="expected as many outputs"):
        mean_loss(GDRegressor().fit(X, y), X, np.c_[y, -y], loss="huber")
    with pytest.raises(TypeError, match="X is a Stream: expected rows in memory"):
        mean_loss(GDRegressor().fit(X, y), Stream(lambda: iter([(X, y)])), None)
    X, y = iris
    pairs = SVC(decision_function_shape="ovo").fit(np.r_[X, X[:9] + 5], np.r_[y, np.full(9, 3)])
    with pytest.raises(ValueError, match="decision_function has 6 columns for 4 classes"):
        mean_loss(pairs, X, y, loss="log_loss")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        mean_loss(LogisticRegression().fit(X, y), X[:5], y[:6], loss="log_loss")


def test_the_least_of_odd_losses(diabetes):
    X, y, _ = diabetes
    counts = np.random.RandomState(0).poisson(1.0, len(y)).astype(float)
    linked = CustomLoss(lambda y, raw: np.exp(raw) - y * raw, inverse_link=np.exp, link=np.log)
    with np.errstate(divide="ignore"):
        assert explained_loss(GDRegressor(linked).fit(X, counts), X, counts) == pytest.approx(
            explained_loss(GDRegressor("poisson").fit(X, counts), X, counts), abs=1e-6
        )
    lifted = CustomLoss(lambda y, raw: np.log1p(np.exp(-y * raw)) + 3.0, task="classification")
    labels = y > 150
    expected = explained_loss(GDClassifier().fit(X, labels), X, labels)
    assert explained_loss(GDClassifier(lifted).fit(X, labels), X, labels) == pytest.approx(expected, abs=1e-4)
    wavy = CustomLoss(lambda y, raw: 0.1 * (y - raw) ** 2 + np.cos(3 * (y - raw)), convex=False)
    at = np.zeros((1, 1))
    grid = np.linspace(-5, 5, 100_001)[:, None]
    assert wavy.saturated(at, 1)[0] == pytest.approx(wavy.value(np.zeros_like(grid), grid).min(), abs=1e-6)


def test_weights_of_outliers_count(diabetes):
    X, y, _ = diabetes
    y = y.copy()
    y[:20] += 5000.0
    weight = np.where(np.arange(len(y)) < 20, 1e-9, 1.0)
    model = GDRegressor().fit(X, y, weight)
    assert outlier_share(model, X, y, weight) < 0.2 < outlier_share(model, X, y)
    with pytest.raises(ValueError, match="params has ww: expected sample_weight alone"):
        compare_losses(GDRegressor(), X, y, ["huber"], params={"ww": weight})
    with pytest.raises(ValueError, match="two of the name '1'"):
        compare_losses(GDRegressor(), X, y, {"1": "huber", 1: "squared_error"})
    with pytest.raises(TypeError, match="losses=None: expected a list or a dict of losses"):
        compare_losses(GDRegressor(), X, y, None)
