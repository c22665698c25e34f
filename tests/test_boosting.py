"""Losses as objectives and metrics of LightGBM, XGBoost and CatBoost."""

import inspect
import pickle
import re
from functools import partial

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.metrics import log_loss, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, KFold
from tables import ALL_LOSSES, CLASSIFICATION, REGRESSION

from sklearn_gd.interop import (
    boosting,
    catboost_metric,
    catboost_objective,
    lightgbm_metric,
    lightgbm_objective,
    xgboost_metric,
    xgboost_objective,
)
from sklearn_gd.interop.boosting import derivatives
from sklearn_gd.losses import (
    LOSSES,
    CustomLoss,
    Huber,
    Moreau,
    NegativeBinomial,
    OrdinalLogLoss,
    Quantile,
    SequenceLoss,
    ZeroInflatedPoisson,
)

OBJECTIVES = [lightgbm_objective, xgboost_objective]
MAKERS = [getattr(boosting, name) for name in boosting.__all__]
BOOSTED = [loss for loss in ALL_LOSSES if not loss.online]
ROUNDS = 30


@pytest.fixture(scope="module")
def counts(diabetes):
    X, y = diabetes
    return X, np.round(y / 20.0)


@pytest.fixture(scope="module")
def weight():
    return np.random.RandomState(0).randint(0, 4, 2000).astype(float)


def late_costs_more(y_true, raw):
    error = y_true - raw
    return np.where(error > 0, 3.0, 1.0) * error**2


def off_by(y_true, raw):
    return np.abs(y_true - raw)


def deviance(y_true, raw):
    return np.exp(raw) - y_true * raw


def logistic(y_true, raw):
    return np.logaddexp(0.0, -y_true * raw)


def cross_entropy(y_true, raw):
    return np.logaddexp.reduce(raw, axis=1) - raw[np.arange(len(raw)), y_true]


def fit_lightgbm(objective, X, y, weight=None, rounds=ROUNDS, **params):
    """Return the raw predictions of the training rows, from the start of the objective."""
    lightgbm = pytest.importorskip("lightgbm")
    kind = lightgbm.LGBMClassifier if objective.loss.task == "classification" else lightgbm.LGBMRegressor
    start = tiled(objective.start(y, weight), len(y))
    if objective.loss.task == "regression" and start.ndim == 2:
        params |= {"num_class": start.shape[1], "metric": "none"}
    model = kind(objective=objective, n_estimators=rounds, verbose=-1, n_jobs=1, **params)
    return start + model.fit(X, y, weight, init_score=start).predict(X, raw_score=True)


def fit_xgboost(objective, X, y, weight=None, rounds=ROUNDS, **params):
    xgboost = pytest.importorskip("xgboost")
    kind = xgboost.XGBClassifier if objective.loss.task == "classification" else xgboost.XGBRegressor
    start = tiled(objective.start(y, weight), len(y))
    if objective.loss.task == "regression" and start.ndim == 2:
        params |= {"num_class": start.shape[1]}
    model = kind(objective=objective, n_estimators=rounds, n_jobs=1, **({"learning_rate": 0.1} | params))
    return model.fit(X, y, sample_weight=weight, base_margin=start).predict(X, base_margin=start, output_margin=True)


def fit_catboost(objective, X, y, weight=None, rounds=ROUNDS, **params):
    catboost = pytest.importorskip("catboost")
    classifies = objective.loss.task == "classification"
    start = tiled(objective.start(y, weight), len(y))
    classes = {"classes_count": start.shape[1]} if start.ndim == 2 else {}
    kind = catboost.CatBoostClassifier if classifies else catboost.CatBoostRegressor
    model = kind(loss_function=objective, eval_metric=catboost_metric(objective.loss), **CATBOOST, **classes, **params)
    model.fit(X, y, sample_weight=weight, baseline=start)
    return start + model.predict(X, prediction_type="RawFormulaVal")


CATBOOST = {
    "iterations": 10,
    "learning_rate": 0.2,
    "bootstrap_type": "No",
    "random_strength": 0,
    "thread_count": 1,
    "verbose": 0,
    "allow_writing_files": False,
}
FITS = {lightgbm_objective: fit_lightgbm, xgboost_objective: fit_xgboost}


def tiled(start, n):
    return np.full(n, start) if np.ndim(start) == 0 else np.tile(start, (n, 1))


def mean_of(loss, y, raw, weight=None):
    return lightgbm_metric(loss)(y, raw, weight)[1]


# -- derivatives ------------------------------------------------------------------------------------------------------


def points(loss):
    """Return y as a library holds it, and raw of shape (n,) or (n, 3), away from symmetric points."""
    rng = np.random.RandomState(1)
    if loss.rowwise:
        return rng.randint(3, size=60).astype(float), 1.3 * rng.standard_normal((60, 3)) + [0.2, -0.5, 0.4]
    y = rng.randint(2, size=60).astype(float) if loss.task == "classification" else rng.uniform(0.3, 6.0, 60)
    return y, 1.4 * rng.standard_normal(60) + 0.3


@pytest.mark.parametrize("maker", OBJECTIVES)
@pytest.mark.parametrize("loss", BOOSTED, ids=repr)
def test_the_gradient_is_that_of_the_metric_and_the_hessian_is_positive(loss, maker):
    y, raw = points(loss)
    weight = np.where(np.arange(len(y)) % 7 == 0, 0.0, np.linspace(0.5, 2.0, len(y)))
    gradient, hessian = maker(loss)(y, raw, weight)
    assert gradient.shape == hessian.shape == raw.shape
    assert np.all(gradient[weight == 0] == 0)
    assert np.all(hessian[weight > 0] > 0)
    assert len(np.unique(gradient)) > (1 if loss.smooth else 0)
    if not loss.smooth:  # the gradient of the loss times one number for each column
        own = weight[:, None] * loss.gradient(*encoded(loss, y, raw))
        columns = gradient.reshape(own.shape)
        factor = (columns * own).sum(axis=0) / (own**2).sum(axis=0)
        assert np.all(factor > 0)
        np.testing.assert_allclose(columns, factor * own, rtol=1e-12)
        return
    metric, step = partial(mean_of, loss, y, weight=weight), 1e-6
    direction = np.random.RandomState(2).standard_normal(raw.shape)
    slope = (metric(raw + step * direction) - metric(raw - step * direction)) / (2.0 * step)
    assert (gradient * direction).sum() == pytest.approx(weight.sum() * slope, rel=1e-4, abs=1e-6)


def encoded(loss, y, raw):
    """Return y and raw as the loss sees them."""
    signs = 2.0 * y - 1.0 if loss.task == "classification" else y
    return (y.astype(int), raw) if loss.rowwise else (signs[:, None], raw[:, None])


@pytest.mark.parametrize("maker", OBJECTIVES)
@pytest.mark.parametrize("name", ["squared_error", "poisson", "gamma", "log_loss", "exponential"])
def test_the_hessian_of_a_strictly_convex_loss_is_its_curvature(name, maker):
    loss = LOSSES[name]()
    y, raw = points(loss)
    np.testing.assert_allclose(maker(name)(y, raw)[1], loss.curvature_diagonal(*encoded(loss, y, raw))[:, 0], rtol=1e-12)


@pytest.mark.parametrize("maker", OBJECTIVES)
@pytest.mark.parametrize("loss", ["poisson", "gamma", "inverse_gaussian", "absolute_percentage_error", deviance])
def test_rows_of_weight_zero_change_nothing_whatever_their_y(loss, maker):
    y, raw = points(LOSSES["gamma"]())
    weight = np.linspace(0.5, 2.0, len(y))
    expected = maker(loss)(y, raw, weight)
    odd = [np.append(y, [-3.0, 0.0]), np.append(raw, [0.4, 900.0]), np.append(weight, [0.0, 0.0])]
    for array, whole in zip(expected, maker(loss)(*odd), strict=True):
        np.testing.assert_allclose(whole[:-2], array, rtol=1e-6)
        np.testing.assert_array_equal(whole[-2:], 0.0)


@pytest.mark.parametrize("maker", OBJECTIVES)
def test_a_step_under_the_absolute_error_leads_towards_the_target_in_any_unit(maker):
    y, raw = np.array([0.0, 1.0, 5.0, 9.0]), np.full(4, 3.0)
    for unit in (1e-6, 1.0, 1e6):
        gradient, hessian = maker("absolute_error")(unit * y, unit * raw)
        excess = np.abs(y - raw)
        step = -gradient / hessian / unit
        np.testing.assert_allclose(step, np.sign(y - raw) * (excess + 0.3 * excess.mean()), rtol=1e-6)
        assert hessian.mean() == pytest.approx(1.0)


# -- the objectives of the libraries themselves -----------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_the_trees_of_lightgbm_are_those_of_its_own_objectives(counts, cancer, wine, weight, weighted):
    lightgbm = pytest.importorskip("lightgbm")
    tasks = [
        ("squared_error", counts, {"objective": "regression"}),
        ("poisson", counts, {"objective": "poisson", "poisson_max_delta_step": 1e-9}),
        ("gamma", (counts[0], counts[1] + 1.0), {"objective": "gamma"}),
        ("log_loss", cancer, {"objective": "binary"}),
        ("log_loss", wine, {"objective": "multiclass", "num_class": 3}),
    ]
    for name, (X, y), params in tasks:
        w = weight[: len(y)] if weighted else None
        objective = lightgbm_objective(name)
        raw = fit_lightgbm(objective, X, y, w)
        start = tiled(objective.start(y, w), len(y))
        # The same start for both: that of multiclass is the logarithm of the frequencies, up to a constant.
        data = lightgbm.Dataset(X, y, weight=w, init_score=start)
        params = params | {"verbose": -1, "num_threads": 1, "boost_from_average": False}
        theirs = start + lightgbm.train(params, data, ROUNDS).predict(X, raw_score=True)
        assert np.std(raw) > 0.1
        assert mean_of(name, y, raw, w) == pytest.approx(mean_of(name, y, theirs, w), rel=1e-6), params
        np.testing.assert_allclose(raw, theirs, atol=1e-5 * np.std(theirs), err_msg=str(params))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_trees_of_xgboost_are_those_of_its_own_objectives(counts, cancer, wine, weight, weighted):
    xgboost = pytest.importorskip("xgboost")
    tasks = [
        ("squared_error", counts, {"objective": "reg:squarederror"}),
        ("poisson", counts, {"objective": "count:poisson", "max_delta_step": 0}),
        ("log_loss", cancer, {"objective": "binary:logistic"}),
        ("log_loss", wine, {"objective": "multi:softprob", "num_class": 3}),
    ]
    for name, (X, y), params in tasks:
        w = weight[: len(y)] if weighted else None
        objective = xgboost_objective(name)
        data = xgboost.DMatrix(X, y, weight=w, base_margin=tiled(objective.start(y, w), len(y)))
        params = params | {"learning_rate": 0.1, "nthread": 1}
        own = {key: value for key, value in params.items() if key != "objective"}
        raw = xgboost.train(own, data, ROUNDS, obj=objective).predict(data, output_margin=True)
        theirs = xgboost.train(params, data, ROUNDS).predict(data, output_margin=True)
        assert mean_of(name, y, raw, w) == pytest.approx(mean_of(name, y, theirs, w), rel=1e-6), params
        np.testing.assert_allclose(raw, theirs, atol=1e-5 * np.std(theirs), err_msg=str(params))


@pytest.mark.parametrize("quantile", [0.5, 0.9])
@pytest.mark.parametrize("maker", OBJECTIVES)
def test_quantiles_of_new_rows_are_within_a_quarter_of_those_of_the_libraries(ames, maker, quantile):
    """Their own objectives compute the quantile of the rows of each leaf, which a custom objective cannot."""
    X, y = ames
    pinball = partial(mean_pinball_loss, alpha=quantile)
    costs = np.zeros(3)
    for train, test in KFold(3, shuffle=True, random_state=0).split(X):
        objective = maker(Quantile(quantile))
        start = objective.start(y[train])
        if maker is lightgbm_objective:
            lightgbm = pytest.importorskip("lightgbm")
            kind = partial(lightgbm.LGBMRegressor, n_estimators=60, verbose=-1, n_jobs=1)
            theirs = kind(objective="quantile", alpha=quantile).fit(X[train], y[train]).predict(X[test])
            begin = np.full(len(train), start)
            ours = start + kind(objective=objective).fit(X[train], y[train], init_score=begin).predict(X[test])
        else:
            xgboost = pytest.importorskip("xgboost")
            kind = partial(xgboost.XGBRegressor, n_estimators=60, learning_rate=0.1, n_jobs=1)
            theirs = kind(objective="reg:quantileerror", quantile_alpha=quantile).fit(X[train], y[train]).predict(X[test])
            ours = kind(objective=objective, base_score=start).fit(X[train], y[train]).predict(X[test])
        costs += [pinball(y[test], each) for each in (ours, theirs, np.full(len(test), start))]
    assert costs[0] < 1.25 * costs[1] < 0.5 * costs[2]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_trees_of_catboost_are_those_of_its_own_objectives(diabetes, cancer, wine, weight, weighted):
    catboost = pytest.importorskip("catboost")
    tasks = [
        ("squared_error", diabetes, "RMSE"),
        ("poisson", (diabetes[0], np.round(diabetes[1] / 20.0)), "Poisson"),
        ("log_loss", cancer, "Logloss"),
        ("log_loss", [part[::2] for part in wine], "MultiClass"),
    ]
    for name, (X, y), theirs in tasks:
        w = weight[: len(y)] + 0.5 if weighted else None
        objective = catboost_objective(name)
        raw, start = fit_catboost(objective, X, y, w), tiled(objective.start(y, w), len(y))
        kind = catboost.CatBoostClassifier if name == "log_loss" else catboost.CatBoostRegressor
        # By default it takes several steps in each leaf for some of its own objectives.
        method = {"leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1}
        model = kind(loss_function=theirs, **CATBOOST, **method).fit(X, y, sample_weight=w, baseline=start)
        expected = start + model.predict(X, prediction_type="RawFormulaVal")
        assert np.std(raw) > 0.1
        np.testing.assert_allclose(raw, expected, atol=1e-6 * np.std(expected), err_msg=theirs)


# -- every loss -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("maker", OBJECTIVES)
@pytest.mark.parametrize("loss", BOOSTED, ids=repr)
def test_every_loss_is_boosted_below_that_of_the_best_constant(loss, maker, diabetes, cancer, wine, weight):
    if loss.task == "regression":
        X, y = diabetes[0], diabetes[1] / 100.0
    else:
        X, y = wine if loss.rowwise else cancer
    w = weight[: len(y)]
    objective = maker(loss)
    raw = FITS[maker](objective, X, y, w)
    constant = tiled(objective.start(y, w), len(y))
    cost, before = mean_of(loss, y, raw, w), mean_of(loss, y, constant, w)
    used = w > 0
    least = np.average(objective.facts(objective.evaluated(y, raw, w)).least[used].sum(axis=1), weights=w[used])
    assert cost - least < 0.7 * (before - least)
    assert mean_of(loss, y, constant + 0.01, w) > before - 1e-9
    assert mean_of(loss, y, constant - 0.01, w) > before - 1e-9


@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("maker", OBJECTIVES)
def test_every_loss_takes_three_classes(name, maker, wine):
    X, y = wine
    objective = maker(name)
    raw = FITS[maker](objective, X, y)
    assert raw.shape == (len(y), 3)
    assert np.mean(raw.argmax(axis=1) == y) > 0.98
    if objective.loss.probabilistic:
        np.testing.assert_allclose(objective.inverse_link(raw).sum(axis=1), 1.0)


@pytest.mark.parametrize("name", [name for name in (*REGRESSION, *CLASSIFICATION) if LOSSES[name]().smooth])
def test_every_smooth_loss_is_boosted_by_catboost(name, diabetes, cancer):
    X, y = cancer if LOSSES[name].task == "classification" else (diabetes[0], diabetes[1] / 100.0)
    objective = catboost_objective(name)
    raw = fit_catboost(objective, X, y)
    assert mean_of(name, y, raw) < mean_of(name, y, tiled(objective.start(y), len(y))) - 0.01


def spread(y_true, raw):
    return raw[:, 1] + 0.5 * ((y_true - raw[:, 0]) * np.exp(-raw[:, 1])) ** 2


@pytest.mark.parametrize("maker", OBJECTIVES)
@pytest.mark.parametrize(
    "loss", [NegativeBinomial(), ZeroInflatedPoisson(), CustomLoss(spread, rowwise=True, n_raw=2)], ids=lambda loss: loss.name
)
def test_two_columns_of_raw_for_one_output(loss, maker, counts):
    X, y = counts
    objective = maker(loss)
    raw = FITS[maker](objective, X, y)
    constant = tiled(objective.start(y), len(y))
    assert raw.shape == (len(y), 2)
    assert mean_of(loss, y, raw) < mean_of(loss, y, constant) - 0.1
    assert np.corrcoef(objective.inverse_link(raw)[:, 0], y)[0, 1] > 0.7


def test_outliers_in_another_unit_do_not_stop_a_booster(diabetes):
    X, y = diabetes
    for unit in (1.0, 1e4):
        for maker in OBJECTIVES:
            for loss in (Quantile(0.8), "absolute_error"):
                objective = maker(loss)
                raw = FITS[maker](objective, X, unit * y)
                assert mean_of(loss, unit * y, raw) < 0.6 * mean_of(loss, unit * y, tiled(objective.start(unit * y), len(y)))


# -- a user's function ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("maker", OBJECTIVES)
def test_a_function_is_boosted_as_the_loss_that_it_computes(maker, diabetes, counts, cancer, wine):
    fit = FITS[maker]
    tasks = [
        (off_by, "absolute_error", diabetes),
        (deviance, "poisson", counts),
        (CustomLoss(logistic, task="classification"), "log_loss", cancer),
        (CustomLoss(cross_entropy, task="classification", rowwise=True), "log_loss", wine),
    ]
    for function, name, (X, y) in tasks:
        raw, expected = fit(maker(function), X, y), fit(maker(name), X, y)
        if name == "log_loss" and raw.ndim == 2:  # it is not told that the columns may be shifted
            assert mean_of(name, y, raw) < mean_of(name, y, expected)
            continue
        assert mean_of(name, y, raw) == pytest.approx(mean_of(name, y, expected), rel=1e-2)


def test_a_function_is_examined_once_for_each_fit(diabetes, monkeypatch):
    y = diabetes[1]
    objective, seen = lightgbm_objective(late_costs_more), []
    fitted = derivatives.fitted
    monkeypatch.setattr(derivatives, "fitted", lambda *given: seen.append(given) or fitted(*given))
    for _ in range(3):
        objective(y, np.zeros(len(y)))
    assert len(seen) == 1
    first = objective(y, np.full(len(y), 100.5))
    second = objective(y[::2], np.full(len(y[::2]), 100.5))
    assert len(seen) == 2
    np.testing.assert_array_equal(objective(y, np.full(len(y), 100.5)), first)
    np.testing.assert_array_equal(lightgbm_objective(late_costs_more)(y[::2], np.full(len(y[::2]), 100.5)), second)
    error = 100.5 - y
    np.testing.assert_allclose(first[0], np.where(error < 0, 6.0, 2.0) * error, rtol=1e-6)
    np.testing.assert_allclose(first[1], np.where(error < 0, 6.0, 2.0), rtol=1e-3)


# -- the start and the link -------------------------------------------------------------------------------------------


def test_the_start_is_the_best_constant_and_the_link_gives_means(counts, wine, weight):
    y, w = counts[1], weight[: len(counts[1])]
    assert lightgbm_objective("poisson").start(y, w) == pytest.approx(np.log(np.average(y, weights=w)), rel=1e-6)
    assert xgboost_objective("absolute_error").start([1.0, 2.0, 30.0], [1, 5, 1]) == pytest.approx(2.0)
    labels = np.array(["no", "yes", "no", "no"])
    start = lightgbm_objective("log_loss").start(labels)
    assert expit(start) == pytest.approx(0.25, rel=1e-6)
    start = catboost_objective("log_loss").start(wine[1])
    np.testing.assert_allclose(softmax(start), np.bincount(wine[1]) / len(wine[1]), rtol=1e-5)
    raw = np.random.RandomState(0).standard_normal((5, 3))
    np.testing.assert_allclose(xgboost_objective("log_loss").inverse_link(raw), softmax(raw, axis=1))
    np.testing.assert_allclose(xgboost_objective("log_loss").inverse_link(raw[:, 0]), expit(raw[:, 0]))
    np.testing.assert_allclose(xgboost_objective("poisson").inverse_link(raw[:, 0]), np.exp(raw[:, 0]))
    np.testing.assert_array_equal(xgboost_objective("hinge").inverse_link(raw), raw)
    sides = expit(2.0 * raw)
    np.testing.assert_allclose(
        xgboost_objective("exponential").inverse_link(raw), sides / sides.sum(axis=1, keepdims=True), rtol=1e-12
    )


@pytest.mark.parametrize("maker", [lightgbm_objective, xgboost_objective, catboost_objective])
def test_the_examples_of_the_docstrings_run(maker):
    pytest.importorskip(maker.__name__.removesuffix("_objective"))
    (block,) = re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", inspect.getdoc(maker) + "\n")
    names = {}
    exec(inspect.cleandoc(block), names)
    if "probability" in names:
        assert log_loss(names["y"], names["probability"]) < 0.2
    else:
        assert np.corrcoef(names["y"], names["mean"])[0, 1] > 0.7
        assert names["mean"].mean() == pytest.approx(names["y"].mean(), rel=0.1)


# -- the interfaces of the libraries ----------------------------------------------------------------------------------


def test_one_object_serves_both_interfaces_of_lightgbm(cancer, weight):
    lightgbm = pytest.importorskip("lightgbm")
    X, y = cancer
    w = weight[: len(y)]
    objective, metric, record = lightgbm_objective("log_loss"), lightgbm_metric("log_loss"), {}
    params = {"objective": objective, "verbose": -1, "num_threads": 1, "metric": "none"}
    data = lightgbm.Dataset(X, y, weight=w)
    booster = lightgbm.train(params, data, 10, valid_sets=[data], feval=metric, callbacks=[lightgbm.record_evaluation(record)])
    model = lightgbm.LGBMClassifier(objective=objective, n_estimators=10, verbose=-1, n_jobs=1, metric="none")
    model.fit(X, y, w, eval_X=(X,), eval_y=(y,), eval_sample_weight=[w], eval_metric=metric)
    raw = booster.predict(X, raw_score=True)
    np.testing.assert_array_equal(raw, model.predict(X, raw_score=True))
    assert record["training"]["log_loss"][-1] == pytest.approx(log_loss(y, expit(raw), sample_weight=w), rel=1e-6)
    assert model.evals_result_["valid_0"]["log_loss"] == record["training"]["log_loss"]


def test_one_object_serves_both_interfaces_of_xgboost(wine, weight):
    xgboost = pytest.importorskip("xgboost")
    X, y = wine
    w = weight[: len(y)]
    objective, metric, record = xgboost_objective("log_loss"), xgboost_metric("log_loss"), {}
    data = xgboost.DMatrix(X, y, weight=w)
    params = {"num_class": 3, "nthread": 1, "disable_default_eval_metric": True, "base_score": 0.5}
    booster = xgboost.train(
        params, data, 10, evals=[(data, "train")], obj=objective, custom_metric=metric, evals_result=record, verbose_eval=False
    )
    model = xgboost.XGBClassifier(objective=objective, n_estimators=10, n_jobs=1, eval_metric=metric, base_score=0.5)
    model.fit(X, y, sample_weight=w, eval_set=[(X, y)], sample_weight_eval_set=[w], verbose=False)
    raw = booster.predict(data, output_margin=True)
    np.testing.assert_allclose(raw, model.predict(X, output_margin=True), atol=1e-6)
    assert record["train"]["log_loss"][-1] == pytest.approx(log_loss(y, softmax(raw, axis=1), sample_weight=w), rel=1e-4)
    np.testing.assert_allclose(model.evals_result()["validation_0"]["log_loss"], record["train"]["log_loss"], rtol=1e-5)


def test_several_outputs_of_xgboost(wine):
    xgboost = pytest.importorskip("xgboost")
    X, Y = wine[0][:, 2:], wine[0][:, :2]
    objective = xgboost_objective(Huber(0.5))
    margin = np.tile(objective.start(Y), (len(Y), 1))
    model = xgboost.XGBRegressor(objective=objective, n_estimators=20, n_jobs=1).fit(X, Y, base_margin=margin)
    raw = model.predict(X, base_margin=margin)
    for k in range(2):
        alone = xgboost.XGBRegressor(objective=objective, n_estimators=20, n_jobs=1)
        alone.fit(X, Y[:, k], base_margin=margin[:, k])
        np.testing.assert_allclose(raw[:, k], alone.predict(X, base_margin=margin[:, k]), atol=1e-5)


def test_early_stopping_and_a_search(diabetes):
    lightgbm = pytest.importorskip("lightgbm")
    X, y = diabetes
    objective, metric = lightgbm_objective(Quantile(0.9)), lightgbm_metric(Quantile(0.9))
    model = lightgbm.LGBMRegressor(objective=objective, n_estimators=300, verbose=-1, n_jobs=1, metric="none")
    stop = lightgbm.early_stopping(5, verbose=False)
    model.fit(X[:300], y[:300], eval_X=(X[300:],), eval_y=(y[300:],), eval_metric=metric, callbacks=[stop])
    assert model.best_iteration_ < 300
    grid = {"objective": [lightgbm_objective(Huber(delta)) for delta in (5.0, 50.0)], "n_estimators": [20]}
    search = GridSearchCV(lightgbm.LGBMRegressor(verbose=-1, n_jobs=1), grid, cv=2, n_jobs=2).fit(X, y - y.mean())
    assert search.best_score_ > 0.2
    restored = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(restored.predict(X), search.predict(X))


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_objects_are_pickled_cloned_and_shown(maker):
    made = maker(Huber(0.5))
    assert repr(made) == f"{maker.__name__}(Huber(delta=0.5))"
    for copy in (pickle.loads(pickle.dumps(made)), clone(made, safe=False)):
        assert repr(copy) == repr(made)
    if maker in OBJECTIVES:
        y, raw = np.arange(9.0), np.full(9, 3.0)
        made(y, raw)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(made))(y, raw), made(y, raw))
        assert len(pickle.dumps(made)) == len(pickle.dumps(maker(Huber(0.5))))


def test_mistakes_are_told():
    y, raw = np.array([0.0, 1.0, 1.0]), np.zeros(3)
    with pytest.raises(ValueError, match="'perceptron' has a trivial minimum"):
        lightgbm_objective("perceptron")
    with pytest.raises(ValueError, match="Unknown loss='hubr'. Did you mean 'huber'"):
        xgboost_metric("hubr")
    with pytest.raises(ValueError, match="Poisson needs y >= 0"):
        lightgbm_objective("poisson")(y - 1.0, raw)
    with pytest.raises(ValueError, match="y_true has a label that is no class, -1.0: expected one of"):
        xgboost_objective("log_loss")(2.0 * y - 1.0, raw)
    with pytest.raises(ValueError, match="y_pred has 3 columns: Huber expected 1"):
        lightgbm_objective("huber")(y, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="task='classification'"):
        lightgbm_objective(CustomLoss(cross_entropy, rowwise=True))(y, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="y_pred has 2 columns: LogLoss expected 1"):
        xgboost_objective("log_loss")(y, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="has kinks: expected a smooth loss"):
        catboost_objective("quantile")
    with pytest.raises(ValueError, match="gradient of Exponential is not finite"):
        lightgbm_objective("exponential")(y, np.full(3, 1e4))
    with pytest.raises(ValueError, match=r"y has shape \(3,\)"):
        lightgbm_objective(SequenceLoss())(y, raw)
    with pytest.raises(ValueError, match="The loss 'constant' has no slope"):
        lightgbm_objective(constant)(y, raw)
    with pytest.raises(ValueError, match="Normal has no smallest loss"):
        lightgbm_objective("normal")(y, np.zeros((3, 2)))


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_losses_that_no_library_can_boost_are_refused(maker):
    for loss in (costed, CustomLoss(costed), Moreau(CustomLoss(costed))):
        with pytest.raises(
            ValueError, match=r"^The loss 'costed' takes additional data of each row, .* y_true and raw alone\.$"
        ):
            maker(loss)
    for loss in (OrdinalLogLoss(), NegativeBinomial(constant=True)):
        with pytest.raises(ValueError, match="has a constant column of raw: expected one whose columns all depend on X"):
            maker(loss)


def costed(y_true, raw, cost):
    return cost * (y_true - raw) ** 2


def constant(y_true, raw):
    return np.zeros_like(raw)
