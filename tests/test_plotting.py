"""Pictures: what they draw is what the numbers are."""

import io
import subprocess
import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import CLASSIFICATION, DETERMINISTIC, REGRESSION, RULES

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import LOSSES, CustomLoss, EpsilonInsensitive, Masked, MultinomialFocal, Quantile, SquaredError
from sklearn_gd.metrics import compare_losses, mean_loss, sample_losses
from sklearn_gd.models import MLP
from sklearn_gd.plotting import (
    LossComparisonDisplay,
    LossContributionDisplay,
    LossCurveDisplay,
    LossDisplay,
    LossLandscapeDisplay,
    style,
)
from sklearn_gd.solvers import GradientDescent


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def line():
    rng = np.random.RandomState(0)
    x = 2.0 * rng.rand(80, 1)
    return x, 3.0 * x[:, 0] + 4.0 + 0.5 * rng.randn(80)


def _quietly(model, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*args)


def _capped(y_true, raw):
    error = y_true - raw
    return np.minimum(np.where(error > 0, 3.0, 1.0) * np.abs(error), 6.0)


# -- losses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*REGRESSION, *CLASSIFICATION])
def test_a_loss_is_drawn_as_it_is(name):
    display = LossDisplay.from_losses(name)
    value, gradient, curvature = display.lines_
    x, y = value.get_xdata(), value.get_ydata()
    loss = LOSSES[name]()
    if loss.rowwise:
        expected = loss.value(np.zeros(len(x), dtype=int), np.eye(1, 3) * x[:, None])
    else:
        expected = loss.value(np.full((len(x), 1), display.y_true), x[:, None])[:, 0]
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-12)
    apart = np.isfinite(gradient.get_ydata())
    assert apart.sum() > 590
    slopes = np.gradient(y, x)
    inner = slice(5, -5)
    off = np.abs(gradient.get_ydata() - slopes)[inner] > 0.02 * (1.0 + np.abs(slopes[inner]))
    assert np.nanmean(off) < 0.02
    assert np.isfinite(curvature.get_ydata()).sum() > 590
    assert display.ax_[0].get_ylabel() == "loss"
    assert (len(display.curves[name].kinks) > 0) == (not loss.smooth)


@pytest.mark.parametrize(
    ("loss", "x", "kinks"),
    [
        ("absolute_error", "raw", [0.0]),
        (Quantile(0.8), "residual", [0.0]),
        (EpsilonInsensitive(0.7), "raw", [-0.7, 0.7]),
        ("hinge", "margin", [1.0]),
        ("crammer_singer", "auto", [1.0]),
        (_capped, "raw", [-2.0, 0.0]),
        (_capped, "residual", [0.0, 2.0]),
        (lambda y, raw: np.maximum(0.0, 0.5 - y * raw), "margin", [0.5]),
        (CustomLoss(lambda y, raw: np.abs(y - raw), kinks=lambda y: [y]), "raw", [0.0]),
    ],
    ids=["absolute", "quantile", "dead zone", "hinge", "crammer_singer", "capped", "capped residual", "margin", "given"],
)
def test_kinks_are_marked(loss, x, kinks):
    if x == "auto":
        display = LossDisplay.from_losses({"it": loss})
    else:
        display = LossDisplay.from_losses({"it": loss}, x=x)
    np.testing.assert_allclose(np.sort(display.curves["it"].kinks), kinks, atol=0.011)
    marks = [line for line in display.ax_[0].lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in marks) == len(kinks)


def test_several_losses_share_axes_of_ones_own():
    def mine(y_true, raw):
        return (y_true - raw) ** 4

    figure, axes = plt.subplots(1, 2)
    display = LossDisplay.from_losses([SquaredError(), "huber", mine], quantities=("value", "gradient"), ax=axes, y_true=2.0)
    assert display.figure_ is figure
    assert len(display.lines_) == 6
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["SquaredError()", "huber", "mine"]
    assert axes[0].get_xlabel() == "raw prediction  (y_true = 2)"
    assert len({line.get_color() for line in display.lines_}) == 3
    one = LossDisplay.from_losses("poisson", quantities=["value"], ax=plt.figure().gca())
    assert one.ax_.get_xlabel() == "raw prediction = log of the mean  (y_true = 1)"
    LossDisplay.from_losses([Masked("huber"), MultinomialFocal()][:1])
    assert len({(look["color"], look["linestyle"]) for look in style.styles(23)}) == 23


def test_refusals_of_losses():
    for arguments, message in (
        ({"losses": ["huber", "hinge"]}, "of regression and of classification"),
        ({"losses": "huber", "x": "margins"}, "x='margins': expected 'auto', 'raw', 'residual' or 'margin'"),
        ({"losses": "huber", "quantities": ["slope"]}, "quantities=\\['slope'\\]: expected some of"),
        ({"losses": "gamma", "y_true": -1.0}, "Gamma needs y > 0"),
        ({"losses": "hinge", "x": "raw"}, "x='raw': expected 'margin'"),
        ({"losses": ["huber", "poisson"]}, "poisson has a link, so that raw is not in units of y: expected x='raw'"),
        ({"losses": "poisson", "x": "residual"}, "expected x='raw', and losses of one kind"),
        ({"losses": "huber", "ax": plt.figure().gca()}, "ax has 1 axes: expected 3, as from plt.subplots\\(1, 3\\)"),
    ):
        with pytest.raises(ValueError, match=message):
            LossDisplay.from_losses(**arguments)


# -- training ---------------------------------------------------------------------------------------------------------


def test_training_is_drawn_as_it_was(diabetes):
    X, y = diabetes
    fits = {solver: _quietly(GDRegressor("huber", solver=solver), X, y) for solver in ("gd", "lbfgs", "adam")}
    display = LossCurveDisplay.from_estimator(fits)
    for line, (name, model) in zip(display.lines_, fits.items(), strict=True):
        assert line.get_label() == name
        np.testing.assert_array_equal(line.get_ydata(), model.history_["objective"])
        np.testing.assert_array_equal(line.get_xdata(), model.history_["iteration"])
    display = LossCurveDisplay.from_estimator(fits, x="seconds", y="suboptimality")
    assert display.ax_.get_yscale() == "log"
    lowest = min(model.history_["objective"].min() for model in fits.values())
    np.testing.assert_array_equal(display.lines_[1].get_xdata(), fits["lbfgs"].history_["seconds"])
    np.testing.assert_allclose(
        display.lines_[0].get_ydata()[:-3], (fits["gd"].history_["objective"] - lowest)[:-3], rtol=1e-6, atol=1e-12
    )
    assert all(np.all(line.get_ydata() > 0) for line in display.lines_)


def test_validation_and_the_best_iteration_are_marked(diabetes):
    X, y = diabetes
    model = GDRegressor(solver="gd", early_stopping=True, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    display = LossCurveDisplay.from_estimator(pipeline)
    training, validation = display.lines_
    np.testing.assert_array_equal(validation.get_ydata(), pipeline[-1].validation_loss_curve_)
    mark = display.ax_.lines[-1]
    assert mark.get_xdata()[0] == pipeline[-1].best_iteration_
    assert mark.get_ydata()[0] == min(validation.get_ydata())
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()][:2] == ["training", "validation"]
    assert training.get_color() != validation.get_color()
    several = LossCurveDisplay.from_estimator([pipeline, pipeline], ax=plt.figure().gca())
    assert len(several.lines_) == 4


def test_refusals_of_training(diabetes):
    X, y = diabetes
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(GDRegressor())
    with pytest.raises(TypeError, match="estimator is LinearRegression: expected a fitted GDRegressor"):
        LossCurveDisplay.from_estimator(LinearRegression().fit(X, y))
    model = GDRegressor(solver="sgd").partial_fit(X, y)
    with pytest.raises(ValueError, match="has no history_: expected one that fit has fitted, not partial_fit"):
        LossCurveDisplay.from_estimator(model)
    with pytest.raises(ValueError, match="y='loss': expected 'objective' or 'suboptimality'"):
        LossCurveDisplay.from_estimator(GDRegressor().fit(X, y), y="loss")


# -- contributions ----------------------------------------------------------------------------------------------------


def test_contributions_are_shares_of_the_cost(diabetes):
    X, y = diabetes
    X, y = X.rename(index="patient {}".format), y.rename(index="patient {}".format)
    weight = np.random.RandomState(0).randint(0, 3, len(y))
    model = GDRegressor("huber").fit(X, y, weight)
    display = LossContributionDisplay.from_estimator(model, X, y, weight, share=0.1, n_worst=4)
    repeated = np.sort(np.repeat(sample_losses(model, X, y), weight))[::-1]
    expected = repeated[: round(0.1 * len(repeated))].sum() / repeated.sum()
    assert display.worst_share_ == pytest.approx(expected, abs=0.01)
    losses = pd.Series(sample_losses(model, X, y), index=X.index)[weight > 0].sort_values(ascending=False)
    assert list(display.worst_.index) == list(losses.index[:4])
    np.testing.assert_allclose(display.worst_["loss"], losses[:4])
    np.testing.assert_allclose(display.worst_["y_true"], y[display.worst_.index])
    np.testing.assert_allclose(display.worst_["y_pred"], model.predict(X.loc[display.worst_.index]))
    mean = display.lines_[1].get_ydata()[0]
    assert mean == pytest.approx(mean_loss(model, X, y, weight), rel=1e-12)
    np.testing.assert_allclose(display.lines_[2].get_ydata()[-1], 100.0)


def test_contributions_of_classes_outputs_and_counts(diabetes, monkeypatch):
    X, y = load_iris(return_X_y=True)
    display = LossContributionDisplay.from_estimator(GDClassifier(alpha=1e-3).fit(X, y), X, y)
    assert display.worst_.index[0] in (70, 77, 83, 106, 133)  # the flowers that any linear model confuses
    X, y = diabetes
    Y = np.column_stack([y, -y])
    display = LossContributionDisplay.from_estimator(GDRegressor().fit(X, Y), X, Y)
    assert len(display.worst_["y_true"].iloc[0]) == 2
    display = LossContributionDisplay.from_estimator(GDRegressor("poisson").fit(X, y), X, y)
    assert display.losses.min() < 0 <= (display.losses - display.least).min() + 1e-9  # terms free of raw are left out
    assert display.lines_[1].get_ydata()[0] == pytest.approx(mean_loss(GDRegressor("poisson").fit(X, y), X, y), rel=1e-9)
    assert display.worst_["loss"].iloc[0] == pytest.approx(
        sample_losses(GDRegressor("poisson").fit(X, y), X, y)[display.worst_.index[0]]
    )
    with pytest.raises(ValueError, match="share=5: expected a number between 0 and 1"):
        LossContributionDisplay.from_estimator(GDRegressor().fit(X, y), X, y, share=5)


# -- comparisons ------------------------------------------------------------------------------------------------------


def test_comparisons_are_tables(diabetes):
    X, y = diabetes
    losses = ["squared_error", Quantile(0.9), _capped]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        display = LossComparisonDisplay.from_estimator(GDRegressor(), X, y, losses, cv=3, scoring="r2")
        table = compare_losses(GDRegressor(), X, y, losses, cv=3)
    names = ["squared_error", "Quantile(quantile=0.9)", "_capped"]
    np.testing.assert_allclose(display.values, table[names], rtol=1e-6)
    assert "r2" in display.table_
    assert display.text_[1, 1].get_text() == f"{table.iloc[1, 1]:.4g}"
    assert display.text_[1, 1].get_fontweight() == "bold"
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == names
    share = LossComparisonDisplay.from_estimator(GDRegressor(), X, y, losses[:2], cv=3, explained=True)
    assert share.text_[1, 1].get_fontweight() == "bold"
    assert share.values.max() < 1.0
    np.testing.assert_allclose(np.asarray(share.im_.get_array()), 100.0 * (share.values.max(axis=0) - share.values))
    shown = np.asarray(display.im_.get_array())
    np.testing.assert_allclose(shown.min(axis=0), 0.0, atol=1e-12)


# -- landscapes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [name for name in [*DETERMINISTIC, *RULES] if name not in ("convex_concave", "lion")])
def test_the_path_of_each_solver_is_kept(line, solver):
    x, y = line
    needs_kinks = solver in ("dual", "interior_point", "working_rows", "proximal_point")
    x = np.column_stack([x, x**2])[:, : 1 + (solver == "row_space")][: 2 if solver == "row_space" else None]
    y = y[: len(x)]
    model = GDRegressor(
        "absolute_error" if needs_kinks else "squared_error",
        penalty="l1" if solver == "working_set" else "l2",
        alpha=1e-3,
        solver=solver,
        random_state=0,
        fit_intercept=solver != "row_space",
    )
    pair = (0, 1) if solver == "row_space" else "auto"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        display = LossLandscapeDisplay.from_estimator(model, x, y, directions=pair, resolution=12)
        model.fit(x, y)
    (path,) = display.paths.values()
    expected = [model.coef_[0], model.intercept_] if model.fit_intercept else model.coef_
    stochastic = solver in RULES
    np.testing.assert_allclose(path.points[-1], expected, rtol=0.5 if stochastic else 1e-5, atol=1e-6)
    assert len(path.points) >= 1 + (not needs_kinks)
    if not stochastic:
        penalty = model.penalty_.value(model.coef_[:, None])
        assert path.objective[-1] == pytest.approx(mean_loss(model, x, y) + 1e-3 * penalty, rel=1e-6)
        assert path.objective[-1] <= display.values.min() + 1e-9


def test_the_map_is_the_objective(line):
    x, y = line
    model = GDRegressor(alpha=0.1, solver=GradientDescent(learning_rate=0.1), max_iter=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        display = LossLandscapeDisplay.from_estimator({"plain": model, "newton": GDRegressor(alpha=0.1)}, x, y)
    slope, intercept = display.x[11], display.y[37]
    expected = 0.5 * np.mean((y - slope * x[:, 0] - intercept) ** 2) + 0.1 * 0.5 * slope**2
    assert display.values[37, 11] == pytest.approx(expected, rel=1e-12)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("coefficient of 0", "intercept")
    np.testing.assert_allclose(display.paths["plain"].points[0], [0.0, y.mean()], atol=1e-12)
    assert len(display.paths["plain"].points) == 31
    assert len(display.paths["newton"].points) < 5
    assert np.all(np.diff(display.paths["plain"].objective) <= 1e-12)


def test_landscapes_of_many_parameters(diabetes):
    X, y = diabetes
    model = make_pipeline(StandardScaler(), GDRegressor("huber", solver="gd"))
    display = LossLandscapeDisplay.from_estimator(model, X, y, resolution=15)
    (path,) = display.paths.values()
    np.testing.assert_allclose(path.points[-1], 0.0, atol=1e-9)
    fitted = model.fit(X, y)[-1]
    np.testing.assert_allclose(path.objective[-1], fitted.loss_curve_[-1], rtol=1e-9)
    assert display.values.min() >= path.objective[-1] - 1e-9
    named = LossLandscapeDisplay.from_estimator(GDRegressor(), X, y, directions=("bmi", "intercept"), resolution=10)
    assert named.labels == ("coefficient of bmi", "intercept")
    np.testing.assert_allclose(named.paths[""].points[-1][0], GDRegressor().fit(X, y).coef_[2], rtol=1e-6)
    X, y = load_breast_cancer(return_X_y=True)
    network = GDClassifier(model=MLP((4,)), alpha=1e-2, random_state=0, max_iter=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        LossLandscapeDisplay.from_estimator(network, X, y, resolution=8)
    assert not hasattr(network, "loss_")  # a clone was fitted
    for directions, message in (
        (("bmi", "height"), "expected one of"),
        ("diagonal", "directions='diagonal': expected 'auto', 'principal', or a pair"),
        (("bmi", "bmi"), "expected two that differ"),
    ):
        with pytest.raises(ValueError, match=message):
            LossLandscapeDisplay.from_estimator(GDRegressor(), *diabetes, directions=directions)


# -- matplotlib -------------------------------------------------------------------------------------------------------


def test_matplotlib_is_imported_when_it_is_needed(monkeypatch):
    code = "import sys, sklearn_gd.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="needs matplotlib, which is not installed: python -m pip install matplotlib"):
        LossDisplay.from_losses("huber")


def test_pictures_suit_a_dark_background():
    with plt.style.context("dark_background"):
        display = LossDisplay.from_losses(["huber", "absolute_error"])
        assert display.ax_[0].lines[-1].get_color() == plt.rcParams["text.color"] == "white"


# -- what a hostile reader found --------------------------------------------------------------------------------------


def test_many_names_and_odd_names_are_shown(diabetes):
    X, y = diabetes
    fits = {name: GDRegressor().fit(X, y) for name in ("_a", "b", "$x", "n" * 80)}
    display = LossCurveDisplay.from_estimator(fits)
    shown = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert shown == [" _a", "b", "\\$x", "n" * 37 + "..."]
    many = LossCurveDisplay.from_estimator({str(k): fits["b"] for k in range(15)})
    assert len({(line.get_color(), line.get_linestyle()) for line in many.lines_}) == 15
    display.figure_.savefig(io.BytesIO())
    many.figure_.savefig(io.BytesIO())


def test_a_single_iteration_is_visible(diabetes):
    X, y = diabetes
    for kind in ("objective", "suboptimality"):
        (line,) = LossCurveDisplay.from_estimator(GDRegressor().fit(X, y), y=kind).lines_
        assert line.get_marker() == "o"
        assert np.all(line.get_ydata() > 0)


def test_mini_batches_do_not_set_the_lowest_objective(diabetes):
    X, y = diabetes
    fits = {solver: _quietly(GDRegressor("huber", solver=solver, random_state=0), X, y) for solver in ("svrg", "lbfgs")}
    display = LossCurveDisplay.from_estimator(fits, y="suboptimality")
    assert display.lines_[1].get_ydata()[-1] < 1e-10


def test_tables_are_read_by_their_names(diabetes):
    X, y = diabetes
    losses = ["squared_error", "huber", "absolute_error"]
    table = compare_losses(GDRegressor(), X, y, losses, cv=3)
    display = LossComparisonDisplay.from_table(table, losses[:0:-1])
    np.testing.assert_array_equal(display.values, table.loc[losses[:0:-1], losses[:0:-1]])
    with pytest.raises(ValueError, match="losses has 'hinge', which the table has not"):
        LossComparisonDisplay.from_table(table, ["hinge"])


def test_landscapes_see_what_comes_before(diabetes):
    X, y = diabetes
    X = 100.0 * X + 50.0
    search = GridSearchCV(make_pipeline(StandardScaler(), GDRegressor()), {"gdregressor__alpha": [1e-4]}).fit(X, y)
    nested = make_pipeline(make_pipeline(StandardScaler(), GDRegressor()))
    paths = [
        LossLandscapeDisplay.from_estimator(model, X, y, directions=(0, 1), resolution=4).paths[""].points[-1]
        for model in (make_pipeline(StandardScaler(), GDRegressor()), search, nested)
    ]
    np.testing.assert_allclose(paths[1:], [paths[0]] * 2)
    for bad, message in (
        ({"estimator": {"a": GDRegressor(), "b": GDRegressor("huber")}}, "minimise different objectives"),
        ({"estimator": GDRegressor(), "resolution": 1}, "resolution=1: expected an integer >= 2"),
        ({"estimator": GDRegressor(), "directions": 3}, "directions=3: expected 'principal'"),
        ({"estimator": {}}, "estimator is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            LossLandscapeDisplay.from_estimator(X=X, y=y, **bad)
    with pytest.raises(ValueError, match="The model has one parameter: expected two at least"):
        LossLandscapeDisplay.from_estimator(GDRegressor(fit_intercept=False), X[["bmi"]], y)
    with pytest.raises(TypeError, match="ax=3: expected matplotlib Axes"):
        LossCurveDisplay.from_estimator(search, ax=3)


def test_a_landscape_of_many_rows_is_that_of_a_sample():
    rng = np.random.RandomState(0)
    x = rng.rand(60_000, 1)
    display = LossLandscapeDisplay.from_estimator(GDRegressor(alpha=0.0), x, 3.0 * x[:, 0] + rng.randn(60_000), resolution=6)
    assert display.paths[""].points[-1] == pytest.approx([3.0, 0.0], abs=0.1)
    assert display.paths[""].objective[-1] == pytest.approx(0.5, abs=0.02)


def test_contributions_under_another_loss(diabetes):
    X, y = diabetes
    model = GDRegressor().fit(X, y)
    display = LossContributionDisplay.from_estimator(LinearRegression().fit(X, y), X, y, loss="absolute_error")
    assert display.name == "absolute_error"
    assert display.cost == pytest.approx(np.abs(y - LinearRegression().fit(X, y).predict(X)).mean())
    assert LossContributionDisplay.from_estimator(model, X, y, loss=_capped).name == "_capped"
