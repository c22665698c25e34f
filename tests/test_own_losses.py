"""Losses of a stranger: plain functions, recognised, refused with a reason, or solved as they are."""

import warnings
from itertools import count

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import QuantileRegressor, Ridge
from tables import LOSSES

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import (
    AbsoluteError,
    AbsolutePercentageError,
    CustomLoss,
    EpsilonInsensitive,
    Hinge,
    LogLoss,
    Loss,
    Quantile,
)
from sklearn_gd.solvers import ConvexConcave, InteriorPoint


def absolute(y, raw):
    return np.abs(y - raw)


def five_to_one(y, raw):
    error = y - raw
    return np.where(error > 0, 5.0, 1.0) * np.abs(error)


def dead_zone(y, raw):
    return np.maximum(np.abs(y - raw) - 0.2, 0.0)


def percentage(y, raw):
    return np.abs(y - raw) / np.maximum(np.abs(y), 0.5)


def a_tenth_is_fine(y, raw):
    return np.maximum(raw - 1.1 * y, 0.0) + np.maximum(0.9 * y - raw, 0.0)


def hinge(y, raw):
    return np.maximum(0.0, 1.0 - y * raw)


def squared_below_absolute_above(y, raw):
    return np.where(y > raw, (y - raw) ** 2, np.abs(y - raw))


def fixed_and_growing(y, raw):
    """A kink of its own at y, a second one at a constant, squares beyond."""
    return np.abs(y - raw) + 0.5 * np.maximum(raw - 0.7, 0.0) ** 2 + np.maximum(raw - 0.7, 0.0)


def capped(y, raw):
    return np.minimum(np.abs(y - raw), 1.0)


def capped_square(y, raw):
    return np.minimum((y - raw) ** 2, 1.0)


def scaled(function, unit):
    def own(y, raw):
        return function(y / unit, raw / unit)

    return own


@pytest.fixture(scope="module")
def table():
    """Numbers and one-hot levels, with ties in y."""
    rng = np.random.default_rng(3)
    X = np.c_[rng.normal(size=(300, 4)), np.eye(4)[rng.integers(0, 4, 300)]]
    return X, np.round(0.5 * X @ rng.normal(size=8) + 0.5 * rng.standard_t(3, size=300), 2)


def cost(model, X, y):
    """F of a fitted model with an l2 penalty, by the user's own function."""
    raw = (X @ np.ravel(model.coef_) + model.intercept_)[:, None]
    return model.loss_.value(y[:, None], raw).mean() + 0.5 * model.alpha * np.sum(np.square(model.coef_))


# -- straight lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [1e-7, 1e-2, 1.0, 1e6])
@pytest.mark.parametrize(
    ("function", "named", "times"),
    [
        (absolute, lambda unit: AbsoluteError(), 1.0),
        (five_to_one, lambda unit: Quantile(5 / 6), 6.0),
        (dead_zone, lambda unit: EpsilonInsensitive(0.2 * unit), 1.0),
        (percentage, lambda unit: AbsolutePercentageError(0.5 * unit), None),
    ],
)
def test_straight_functions_are_as_good_as_named_losses(table, function, named, times, unit):
    """In any unit of y they are recognised, and end where the named loss does, by the same solver."""
    X, y = table
    times = unit if times is None else times  # a percentage has no unit
    own = GDRegressor(scaled(function, unit), alpha=1e-3 / unit).fit(X, y * unit)
    # The function is in units of `unit`: F of the named loss is `unit` times as large, divided by its factor.
    share = unit / times if function is not percentage else 1.0
    truth = GDRegressor(named(unit), alpha=1e-3 / unit * share).fit(X, y * unit)
    assert own.converged_
    assert own.loss_.piecewise_linear
    assert type(own.solver_) is type(truth.solver_)
    np.testing.assert_allclose(own.loss_curve_[-1] * share, truth.loss_curve_[-1], rtol=1e-8)
    np.testing.assert_allclose(cost(own, X, y * unit), own.loss_curve_[-1], rtol=1e-9)


def test_a_hinge_of_ones_own(cancer):
    X, y = cancer
    own, truth = GDClassifier(hinge, alpha=0.01).fit(X, y), GDClassifier(Hinge(), alpha=0.01).fit(X, y)
    assert own.loss_.piecewise_linear
    np.testing.assert_allclose(own.coef_, truth.coef_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("rows", [300, 9000])
def test_kinks_that_move_with_y_solve_the_linear_program(rows):
    """A tolerance of a tenth of y, against HiGHS; on many rows samples and working rows come into play."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3))
    y = 5.0 + X @ [1.0, -2.0, 0.5] + rng.standard_t(3, size=rows)
    model = GDRegressor(a_tenth_is_fine, alpha=0.0).fit(X, y)
    assert model.loss_.pieces.ratios == (0.9, 1.1)
    if rows > 1000:
        other = GDRegressor(a_tenth_is_fine, alpha=0.0, solver="proximal_point").fit(X, y)
        np.testing.assert_allclose(model.loss_curve_[-1], other.loss_curve_[-1], rtol=1e-7)
        return
    ones = np.hstack([X, np.ones((rows, 1))])
    eye = np.eye(rows)
    # each of the two hinges has a slack of its own
    A = np.vstack([np.hstack([ones, -eye, 0 * eye]), np.hstack([-ones, 0 * eye, -eye])])
    bounds = [(None, None)] * 4 + [(0, None)] * (2 * rows)
    best = linprog(np.r_[np.zeros(4), np.ones(2 * rows) / rows], A, np.r_[1.1 * y, -0.9 * y], bounds=bounds).fun
    np.testing.assert_allclose(model.loss_curve_[-1], best, rtol=1e-9)


def test_a_penalty_with_kinks(table):
    X, y = table
    own = GDRegressor(five_to_one, penalty="l1", alpha=0.06).fit(X, y)
    truth = QuantileRegressor(quantile=5 / 6, alpha=0.01, solver="highs").fit(X, y)
    best = five_to_one(y, truth.predict(X)).mean() + 0.06 * np.abs(truth.coef_).sum()
    np.testing.assert_allclose(own.loss_curve_[-1], best, rtol=1e-7)


def test_kinks_that_are_given():
    """Where they lie on no line in y, a sentence in the warning, or the argument, helps."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.abs(rng.normal(size=200)) + X[:, 0] ** 2
    own = CustomLoss(lambda y, raw: np.abs(np.sqrt(y) - raw), kinks=lambda y: [np.sqrt(y)])
    model = GDRegressor(own, alpha=1e-3).fit(X, y)
    truth = GDRegressor("absolute_error", alpha=1e-3).fit(X, np.sqrt(y))
    assert model.loss_.piecewise_linear
    np.testing.assert_allclose(model.loss_curve_[-1], truth.loss_curve_[-1], rtol=1e-9)
    with pytest.raises(ValueError, match="expected a sequence of arrays of y_true's shape"):
        GDRegressor(CustomLoss(absolute, kinks=lambda y: [np.zeros(7)])).fit(X, y)


class OnlyValues(Loss):
    """A subclass with its value alone, which says nothing of its kinks."""

    task = "regression"

    def value(self, y, raw):
        return five_to_one(y, raw)


def test_a_subclass_is_looked_at_too(table):
    X, y = table
    own, function = GDRegressor(OnlyValues()).fit(X, y), GDRegressor(five_to_one).fit(X, y)
    np.testing.assert_allclose(own.coef_, function.coef_)


@pytest.mark.parametrize("name", LOSSES)
def test_a_subclass_that_changes_nothing_fits_the_same(name):
    """A subclass is of a stranger: it is looked at before and after the fit, for its kinks and derivatives."""
    given = LOSSES[name]
    own, rng = type("Own", (given,), {}), np.random.RandomState(0)
    X = rng.standard_normal((150, 3))
    line = X @ [0.4, -0.3, 0.2]
    if given.task == "classification":
        kind, y = GDClassifier, np.digitize(line + 0.3 * rng.logistic(size=150), [0.0, 0.5] if given().rowwise else [0.0])
    else:
        kind, y = GDRegressor, np.exp(0.5 * line) * rng.gamma(4.0, 0.25, 150) + 0.05
        counts = np.round(3.0 * y)
        y = {"beta": y / (1.0 + y), "negative_binomial": counts, "zero_inflated_poisson": counts}.get(name, y)
    one, two = (kind(loss, alpha=0.01, random_state=0).fit(X, y) for loss in (given(), own()))
    assert type(two.loss_) is own
    np.testing.assert_allclose(two.coef_, one.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(two.predict(X), one.predict(X), rtol=1e-7)


class FiveFold(LogLoss):
    def value_and_gradient(self, y, raw):
        value, gradient = super().value_and_gradient(y, raw)
        return 5.0 * value, 5.0 * gradient

    def curvature_product(self, y, raw, v):
        return 5.0 * super().curvature_product(y, raw, v)


def test_a_subclass_of_the_log_loss_is_kept_for_three_classes():
    """It is not the multinomial log loss: each class against the rest."""
    X, y = load_iris(return_X_y=True)
    model = GDClassifier(FiveFold(), alpha=0.5).fit(X, y)
    assert type(model.loss_) is FiveFold
    for k, coef in enumerate(model.coef_):
        np.testing.assert_allclose(coef, GDClassifier("log_loss", alpha=0.1).fit(X, y == k).coef_[0], rtol=1e-3)


def test_overriding_half_of_a_loss_is_refused(cancer):
    class Half(LogLoss):
        def value(self, y, raw):
            return 5.0 * super().value(y, raw)

    with pytest.raises(ValueError, match="The derivatives of the loss Half are not those of its values"):
        GDClassifier(Half()).fit(*cancer)


# -- kinks and curves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [squared_below_absolute_above, fixed_and_growing])
@pytest.mark.parametrize("unit", [1e-6, 1.0])
def test_kinks_between_curves(table, function, unit):
    """Against an epigraph: minimise the mean of t, of which t >= each smooth piece."""
    X, y = table
    X, y = X[:60], y[:60]
    model = GDRegressor(scaled(function, unit), alpha=0.05 / unit**2).fit(X, y * unit)
    assert model.converged_
    assert isinstance(model.solver_, InteriorPoint)

    def smooth(p, width):  # the maximum of a kink's two sides, a little rounded
        raw = X @ p[:-1] + p[-1]
        soft = np.sqrt((raw - y) ** 2 + width**2)
        above, below = 0.5 * (soft + raw - y), 0.5 * (soft - raw + y)
        if function is squared_below_absolute_above:
            value = above + below**2
        else:
            over = 0.5 * (raw - 0.7 + np.sqrt((raw - 0.7) ** 2 + width**2))
            value = above + below + 0.5 * over**2 + over
        return value.mean() + 0.025 * p[:-1] @ p[:-1]

    p = np.zeros(9)
    for width in 10.0 ** -np.arange(1, 7):
        p = minimize(smooth, p, (width,), method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}).x
    rounded = function(y, X @ p[:-1] + p[-1]).mean() + 0.025 * p[:-1] @ p[:-1]
    assert model.loss_curve_[-1] <= rounded + 1e-9
    np.testing.assert_allclose(model.loss_curve_[-1], rounded, rtol=1e-4)


@pytest.mark.parametrize("rows", [200, 9000])
@pytest.mark.parametrize("function", [capped, capped_square])
def test_a_cap_leaves_the_outliers_aside(function, rows):
    """The fit is that of the rows within the cap, by scikit-learn; beyond it a row costs one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3))
    y = X @ [1.0, 2.0, -1.0] + 0.2 * rng.uniform(-1, 1, size=rows)
    y[::10] += 50.0
    model = GDRegressor(function, alpha=0.0).fit(X, y)
    assert model.converged_
    assert isinstance(model.solver_, ConvexConcave)
    inside = np.arange(rows) % 10 != 0
    fit = QuantileRegressor(alpha=0.0) if function is capped else Ridge(alpha=0.0)
    best = function(y, fit.fit(X[inside], y[inside]).predict(X)).mean()
    np.testing.assert_allclose(model.loss_curve_[-1], best, rtol=1e-6)
    assert np.all(np.diff(model.loss_curve_) <= 1e-12)


@pytest.mark.parametrize("power", [2, 4])
@pytest.mark.parametrize("unit", [1e-7, 1e7])
def test_smooth_functions_in_any_unit(table, unit, power):
    X, y = table
    plain = GDRegressor(lambda y, raw: (y - raw) ** power, alpha=0.01).fit(X, y)
    own = GDRegressor(lambda y, raw: (y - raw) ** power, alpha=0.01 * unit ** (power - 2)).fit(X, y * unit)
    assert own.converged_
    np.testing.assert_allclose(own.coef_ / unit, plain.coef_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("offset", [100.0, 1000.0])
def test_a_function_in_single_precision_of_large_targets(table, offset):
    X, y = table

    def single(y, raw):
        error = y.astype("f4") - raw.astype("f4")
        return np.maximum(5 * error, -error)

    model = GDRegressor(single, alpha=1e-3).fit(X, y + offset)
    truth = GDRegressor(five_to_one, alpha=1e-3).fit(X, y + offset)
    assert five_to_one(y + offset, model.predict(X)).mean() <= five_to_one(y + offset, truth.predict(X)).mean() * (1 + 1e-3)


@pytest.mark.parametrize(
    "mixing",
    [
        lambda y, z: (y - z + 5 * (y - z).mean()) ** 2,
        lambda y, z: np.abs(y - z) * np.arange(len(y))[:, None] / len(y),
        lambda y, z: np.maximum(np.abs(y - z), np.roll(np.abs(y - z), 1, axis=0)),
    ],
)
def test_a_loss_that_mixes_rows_is_refused(table, mixing):
    X, y = table
    with pytest.raises(ValueError, match="value of each row by itself"):
        GDRegressor(mixing).fit(X, y)


def test_a_function_in_single_precision(table):
    X, y = table

    def single(y, raw):
        return (y.astype("f4") - raw.astype("f4")) ** 2

    model = GDRegressor(single, alpha=0.02).fit(X, y)
    truth = Ridge(alpha=0.01 * len(y)).fit(X, y)
    assert model.converged_
    np.testing.assert_allclose(model.coef_, truth.coef_, atol=1e-4)


def test_a_stream_under_a_loss_of_ones_own():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 3))
    y = 1e-4 * (X @ [1.0, 2.0, -1.0] + 0.3 * rng.normal(size=4000))
    own, named = GDRegressor(absolute, random_state=0), GDRegressor("absolute_error", random_state=0)
    for start in range(0, 4000, 100):
        rows = slice(start, start + 100)
        own.partial_fit(X[rows], y[rows])
        named.partial_fit(X[rows], y[rows])
    np.testing.assert_allclose(own.coef_, named.coef_, rtol=1e-3)


# -- what cannot be fitted, or is not what it says ----------------------------------------------------------------------


def cross_entropy_of_zero_and_one(y, raw):
    p = 1.0 / (1.0 + np.exp(-raw))
    return -(y * np.log(p) + (1.0 - y) * np.log(1.0 - p))


@pytest.mark.parametrize(
    ("make", "function", "message"),
    [
        (GDClassifier, cross_entropy_of_zero_and_one, "'cross_entropy_of_zero_and_one' falls without bound.*-1.0 and \\+1.0"),
        (GDRegressor, lambda y, raw: -((y - raw) ** 2), "falls without bound.*the sign is reversed"),
        (GDRegressor, lambda y, raw: y * raw, "falls without bound"),
        (GDRegressor, lambda y, raw: (np.abs(y - raw) > 1).astype(float), "jumps near y=.*cannot be fitted by gradients"),
        (GDClassifier, lambda y, raw: (y * raw <= 0).astype(float), "jumps near|no slope"),
        (GDRegressor, lambda y, raw: np.where(y > raw, y - raw + 3.0, raw - y), "jumps near"),
        (GDRegressor, lambda y, raw: 0.0 * raw, "has no slope around the data"),
        (
            GDRegressor,
            lambda y, raw: (y - raw) ** 2 * np.random.rand(*raw.shape),
            "two values for the same arguments",
        ),
    ],
)
def test_what_gradients_cannot_fit(table, make, function, message):
    X, y = table
    with pytest.raises(ValueError, match=message):
        make(function).fit(X, y if make is GDRegressor else y > 0)


def charbonnier(y, raw):
    return np.sqrt((y - raw) ** 2 + 1) - 1


def slope(y, raw):
    return (raw - y) / np.sqrt((y - raw) ** 2 + 1)


@pytest.mark.parametrize(
    "given",
    [
        {"gradient": lambda y, raw: raw - y},
        {"gradient": lambda y, raw: -slope(y, raw)},
        {"gradient": slope, "curvature": lambda y, raw: np.full_like(raw, 2.0)},
        {"prox": lambda y, v, step: v},
        {"inverse_link": lambda raw: 2.0 + raw, "probabilistic": True},
    ],
)
def test_wrong_derivatives_are_refused(table, given):
    X, y = table
    with pytest.raises(ValueError, match="derivatives of the loss 'charbonnier' are not those of its values.*check_loss"):
        GDRegressor(CustomLoss(charbonnier, **given)).fit(X, y)


def test_derivatives_that_are_right_at_the_start_only():
    """No fit is called converged by a gradient that is wrong where it ends."""
    X = np.random.default_rng(0).normal(size=(400, 3))
    y = X @ [1.0, 2.0, -1.0]
    loss = CustomLoss(charbonnier, gradient=lambda y, raw: np.where(np.abs(y - raw) < 1e-4, 0.0, slope(y, raw)))
    with pytest.warns(ConvergenceWarning, match="wrong derivatives.*not those of its values"):
        model = GDRegressor(loss, alpha=0.0, solver="lbfgs").fit(X, y)
    assert not model.converged_


def test_the_warning_speaks_of_what_was_missed(table):
    X, y = table
    with pytest.warns(ConvergenceWarning, match="max_iter reached.*What would help: raise max_iter") as caught:
        GDRegressor(charbonnier, max_iter=1).fit(X, 50 * y)
    assert "kinks" not in str(caught[0].message)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "gd"])
def test_a_bounded_loss_leaves_where_it_is_flat(cancer, solver):
    """Savage-like: flat at the best constant; SciPy begins at zero."""
    X, y = cancer

    def bounded(y, raw):
        return 1.0 / (1.0 + np.exp(np.clip(y * raw, -500, 500)))

    def F(p):
        return bounded(2.0 * y - 1.0, X @ p[:-1] + p[-1]).mean() + 0.005 * p[:-1] @ p[:-1]

    best = minimize(F, np.zeros(X.shape[1] + 1), method="L-BFGS-B").fun
    for convex in (None, False):
        model = GDClassifier(CustomLoss(bounded, convex=convex), alpha=0.01, solver=solver).fit(X, y)
        assert min(model.loss_curve_) <= best + 1e-6


def test_promises_are_kept_and_doubted(table):
    X, y = table
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = GDRegressor(CustomLoss(absolute, smooth=True), solver="newton").fit(X, y)
    assert not model.converged_
    assert "smooth=False, or leave smooth" in str(caught[-1].message)


# -- what a stranger has tried ----------------------------------------------------------------------------------------


def _ramp(y_true, raw):
    return np.clip(1 - y_true * raw, 0, 1)


def _two(y_true, raw):
    return np.clip(1 - y_true * raw, 0, 2)


@pytest.mark.parametrize("loss", [_ramp, _two])
@pytest.mark.parametrize("alpha", [1e-4, 1e-2, 0.1])
def test_a_capped_hinge_is_no_worse_than_the_hinge(loss, alpha):
    """At the best constant it is flat, or at a kink; the hinge's optimum is a point to beat."""
    X, y = make_classification(1000, 5, random_state=0)
    hinge = GDClassifier("hinge", alpha=alpha).fit(X, y)
    model = GDClassifier(loss, alpha=alpha).fit(X, y)

    def cost(coef, intercept):
        return loss(2.0 * y - 1, X @ coef + intercept).mean() + 0.5 * alpha * coef @ coef

    assert model.converged_
    assert cost(model.coef_[0], model.intercept_[0]) <= cost(hinge.coef_[0], hinge.intercept_[0]) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "gradient"),
    [
        (lambda y, z: np.maximum(5 * (y - z), z - y), lambda y, z: np.where(y > z, -5.0, 1.0)),
        (lambda y, z: np.abs(y - z), lambda y, z: np.sign(z - y)),
        (lambda y, z: np.maximum(np.abs(y - z) - 20, 0), lambda y, z: np.where(np.abs(y - z) > 20, np.sign(z - y), 0.0)),
    ],
)
def test_any_slope_between_the_two_sides_of_a_kink_is_right(diabetes, value, gradient):
    X, y = diabetes
    model = GDRegressor(CustomLoss(value, gradient=gradient)).fit(X, y)
    plain = GDRegressor(value).fit(X, y)
    assert model.converged_
    np.testing.assert_allclose(model.loss_curve_[-1], plain.loss_curve_[-1], rtol=1e-8)


def test_a_stream_asks_what_a_fit_asks(diabetes):
    X, y = diabetes
    with pytest.raises(ValueError, match="falls without bound"):
        GDRegressor(lambda y, z: -((y - z) ** 2)).partial_fit(X, y)
    with pytest.raises(ValueError, match="not those of its values"):
        GDRegressor(CustomLoss(lambda y, z: (y - z) ** 2, gradient=lambda y, z: z - y)).partial_fit(X, y)


@pytest.mark.parametrize("calls", range(20, 400, 60))
def test_ctrl_c_ends_a_fit_wherever_it_comes(diabetes, calls):
    X, y = diabetes
    call = count()

    def function(y, z):
        if next(call) == calls:  # once: what is swallowed does not come again
            raise KeyboardInterrupt
        return np.where(y > z, (y - z) ** 2, 2 * np.abs(y - z))

    with pytest.raises(KeyboardInterrupt):
        GDRegressor(function, solver="proximal_point").fit(X, y)


@pytest.mark.parametrize("loss", [lambda y, raw: np.abs(1 - np.exp(raw) / y), lambda y, raw: np.abs(np.log(y) - raw)])
def test_kinks_at_the_link_of_y_are_found(loss):
    """Losses of a positive mean: raw is in the unit of log y, and so are their kinks."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = np.exp(5 + X @ [0.2, -0.1, 0.0] + 0.2 * rng.standard_t(4, 300))
    links = {"inverse_link": np.exp, "link": np.log}
    found = GDRegressor(CustomLoss(loss, **links), alpha=1e-7).fit(X, y)
    told = GDRegressor(CustomLoss(loss, kinks=lambda y: [np.log(y)], **links), alpha=1e-7).fit(X, y)
    assert found.converged_
    np.testing.assert_allclose(found.coef_, told.coef_, rtol=1e-6)
    assert type(found.solver_) is type(told.solver_)


def test_a_right_gradient_of_rough_values_is_taken():
    """Barron's general robust loss near its singular shape 0: differences of nearly equal numbers, divided by a small one."""
    b, d = 2.0, 1e-5

    def value(y, raw):
        return b / d * (((raw - y) ** 2 / b + 1) ** (d / 2) - 1)

    def slope(y, raw):
        return (raw - y) * ((raw - y) ** 2 / b + 1) ** (d / 2 - 1)

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X[:, 0] + rng.standard_t(2, 200)
    model = GDRegressor(CustomLoss(value, gradient=slope), tol=1e-5).fit(X, y)
    assert model.optimality_ < 1e-5
    with pytest.raises(ValueError, match="are not those of its values"):
        GDRegressor(CustomLoss(value, gradient=lambda y, raw: 1.001 * slope(y, raw))).fit(X, y)
