"""Losses with several columns of raw for a target: distributions, several quantiles, ordered classes; and shares of labels."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hostile import HostileRows
from scipy import sparse, stats
from scipy.optimize import minimize
from scipy.special import polygamma
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import LogisticRegression, QuantileRegressor
from sklearn.utils.estimator_checks import check_estimator
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.othermod.betareg import BetaModel
from tables import DETERMINISTIC, OWN_COLUMNS

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import (
    LOSSES,
    Beta,
    CustomLoss,
    Exponential,
    Focal,
    LogLoss,
    LogNormal,
    Loss,
    Masked,
    MultinomialFocal,
    NegativeBinomial,
    Normal,
    OrdinalLogLoss,
    Poisson,
    Quantile,
    Quantiles,
    StudentT,
    ZeroInflatedPoisson,
    check_loss,
)
from sklearn_gd.losses.distributions import Distribution
from sklearn_gd.losses.distributions.gamma import trigamma
from sklearn_gd.metrics import explained_loss, mean_loss, sample_losses
from sklearn_gd.models import MLP
from sklearn_gd.penalties import GroupLasso
from sklearn_gd.rows import Stream, source
from sklearn_gd.solvers import Need

N = 1200
HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)
DISTRIBUTIONS = [kind for kind in LOSSES.values() if issubclass(kind, Distribution)]
# Away from the defaults.
UNUSUAL = [StudentT(2.5), *(kind(constant=True) for kind in DISTRIBUTIONS)]
ALL = [*(kind() for kind in DISTRIBUTIONS), *UNUSUAL]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.RandomState(0)
    X = np.asfortranarray(rng.standard_normal((N, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 50.0, 0.0, 0.0])
    return X, (X - X.mean(axis=0)) @ [0.5, -0.03, 0.0, 0.2], rng.randint(0, 3, N).astype(float)


def _drawn(kind, location, spread=0.0):
    """Return y drawn from a distribution, with raw of this location and of a spread around a typical one."""
    rng = np.random.RandomState(1)
    raw = np.stack([location, spread * location - {Beta: -1.5, Normal: 1.0}.get(kind, 0.7)], axis=1)
    y = kind().distribution(raw).rvs(random_state=rng)
    return np.clip(y, 1e-6, 1.0 - 1e-6) if kind is Beta else y.astype(float)


def _cost(model, X, y, weight=None, **columns):
    """Return F of a fitted model from its public attributes."""
    penalty = model.penalty_.value(np.atleast_2d(model.coef_).T)
    return mean_loss(model, X, y, weight, **columns) + (model.alpha * penalty if penalty else 0.0)


def _quietly(model, *data, **fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **fit)


def _problem(name, rows):
    X, location, weight = rows
    if name == "ordinal_log_loss":
        return (
            GDClassifier(name),
            X,
            np.digitize(location + stats.logistic.rvs(size=N, random_state=2), [-1.0, 0.0, 2.0]),
            weight,
        )
    y = location + stats.t.rvs(4, size=N, random_state=2) if name == "quantiles" else _drawn(LOSSES[name], location, 0.3)
    return GDRegressor(name), X, y, weight


# -- the losses -------------------------------------------------------------------------------------------------------


def _points(loss):
    rng = np.random.RandomState(2)
    raw = np.concatenate(
        [rng.standard_normal((300, 2)), 4.0 * rng.standard_normal((100, 2)), 1e-6 * rng.standard_normal((50, 2))]
    )
    y = {
        NegativeBinomial: rng.poisson(3.0, 450),
        ZeroInflatedPoisson: rng.poisson(1.5, 450),
        Beta: rng.uniform(0.001, 0.999, 450),
        LogNormal: np.exp(2.0 * rng.standard_normal(450)),
    }.get(type(loss), 3.0 * rng.standard_normal(450))
    return y.astype(float), raw


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_values_are_likelihoods(loss):
    y, raw = _points(loss)
    known = loss.distribution(raw)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = known.mean()
    logarithm = known.logpmf(y) if hasattr(known.dist, "pmf") else known.logpdf(y)
    np.testing.assert_allclose(loss.value(y, raw), -logarithm, rtol=1e-9, atol=1e-9)
    usable = np.isfinite(mean)
    np.testing.assert_allclose(loss.inverse_link(raw)[usable, 0], mean[usable], rtol=1e-8)
    assert loss.inverse_link(raw).shape == (450, 1)


def _quotient(function, raw, k, h=1e-5):
    """Return the derivative with respect to a column of raw, to fourth order."""
    move = h * np.eye(raw.shape[1])[k]
    near, far = function(raw + move) - function(raw - move), function(raw + 2 * move) - function(raw - 2 * move)
    return (8.0 * near - far) / (12.0 * h)


@pytest.mark.parametrize("loss", [*ALL, OrdinalLogLoss()], ids=repr)
def test_derivatives(loss):
    if isinstance(loss, OrdinalLogLoss):
        rng = np.random.RandomState(3)
        raw = rng.standard_normal((450, 4)) * [3.0, 1.0, 1.0, 1.0]
        y = rng.randint(5, size=450)
    else:
        y, raw = _points(loss)
    gradient, matrix = loss.gradient(y, raw), loss.curvature_matrix(y, raw)
    for k in range(raw.shape[1]):
        expected = _quotient(lambda z: loss.value(y, z), raw, k)
        rounding = 1e-9 * (1.0 + np.abs(loss.value(y, raw)) + y + np.exp(np.abs(raw).max(axis=1)))
        assert np.all(np.abs(gradient[:, k] - expected) <= 1e-6 * np.abs(expected) + rounding)
        expected = _quotient(lambda z: loss.gradient(y, z), raw, k)
        rounding = 1e-9 * (1.0 + np.abs(gradient).max(axis=1) + y + np.exp(np.abs(raw).max(axis=1)))
        assert np.all(np.abs(matrix[:, :, k] - expected) <= 1e-6 * np.abs(expected) + rounding[:, None])
    v = np.cos(np.arange(raw.size)).reshape(raw.shape)
    np.testing.assert_allclose(loss.curvature_product(y, raw, v), np.einsum("njk,nk->nj", matrix, v))
    np.testing.assert_allclose(loss.curvature_diagonal(y, raw), np.einsum("nkk->nk", matrix))


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_extreme_raw(loss):
    """Where the value is too large, it is inf; it is never nan, and there are no warnings."""
    y, raw = _points(loss)
    with np.errstate(all="raise", under="ignore", over="ignore"):
        for size in (30.0, 300.0, 1e3, 1e6):
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                assert not np.any(np.isnan(loss.value(y, size * np.tile(signs, (len(raw), 1)))))


def test_trigamma():
    x = np.logspace(-6.0, 8.0, 2000)
    np.testing.assert_allclose(trigamma(x), polygamma(1, x), rtol=1e-13)


def test_ordinal_probabilities():
    """They are those of the cumulative logits, sum to one, and link leads back to them."""
    loss, p = OrdinalLogLoss(), np.random.RandomState(0).dirichlet(np.ones(5), 20)
    raw = loss.link(p)
    np.testing.assert_allclose(loss.inverse_link(raw), p, atol=1e-12)
    for j, logit in enumerate(np.column_stack([raw[:, 0], raw[:, :1] - np.cumsum(np.exp(raw[:, 1:]), axis=1)]).T):
        np.testing.assert_allclose(stats.logistic.cdf(logit), p[:, j + 1 :].sum(axis=1))
    codes = np.arange(20) % 5
    np.testing.assert_allclose(loss.value(codes, raw), -np.log(p[np.arange(20), codes]))
    extreme = np.array([[-700.0, -1.0, 2.0, -3.0], [700.0, -1.0, -40.0, -3.0], [0.0, -300.0, -300.0, 2.0]])
    assert np.isfinite(loss.value(np.array([4, 0, 2]), extreme)).all()


# -- beside statsmodels and SciPy -------------------------------------------------------------------------------------


def _likelihood(model, X, y):
    return -len(y) * mean_loss(model, X, y)


@pytest.mark.parametrize(
    ("loss", "theirs"),
    [
        (NegativeBinomial(constant=True), lambda y, E: sm.NegativeBinomial(y, E).fit(disp=0, maxiter=1000)),
        (Beta(constant=True), lambda y, E: BetaModel(y, E).fit(disp=0, maxiter=1000)),
        (Beta(), lambda y, E: BetaModel(y, E, exog_precision=E).fit(disp=0, maxiter=1000)),
        (ZeroInflatedPoisson(constant=True), lambda y, E: sm.ZeroInflatedPoisson(y, E).fit(disp=0, maxiter=1000)),
        (ZeroInflatedPoisson(), lambda y, E: sm.ZeroInflatedPoisson(y, E, exog_infl=E).fit(disp=0, maxiter=1000)),
    ],
    ids=lambda value: repr(value) if isinstance(value, Distribution) else "",
)
def test_likelihoods_of_statsmodels(rows, loss, theirs):
    X, location, _ = rows
    y, X = _drawn(type(loss), location, 0.0 if loss.constant else 0.5), (X - X.mean(axis=0)) / X.std(axis=0)
    model = GDRegressor(loss, alpha=0.0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its optimiser
        found = theirs(y, sm.add_constant(X))
    ours = _likelihood(model, X, y)
    assert ours >= found.llf - 1e-6 * abs(found.llf)
    assert ours == pytest.approx(found.llf, rel=1e-6)
    assert model.converged_
    assert model.coef_.shape == ((4,) if loss.constant else (2, 4))
    assert model.intercept_.shape == (2,)


def test_an_exposure_of_a_negative_binomial(rows):
    X, location, _ = rows
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    exposure = np.random.RandomState(5).uniform(0.2, 5.0, N)
    y = _drawn(NegativeBinomial, location + np.log(exposure))
    model = GDRegressor(NegativeBinomial(constant=True), alpha=0.0).fit(X, y, offset=np.log(exposure))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its optimiser
        found = sm.NegativeBinomial(y, sm.add_constant(X), offset=np.log(exposure)).fit(disp=0, maxiter=1000, gtol=1e-9)
    np.testing.assert_allclose([model.intercept_[0], *model.coef_], found.params[:-1], atol=1e-5)
    assert np.exp(model.intercept_[1]) == pytest.approx(found.params[-1], rel=1e-4)
    np.testing.assert_allclose(model.predict(X, np.log(exposure)), exposure * model.predict(X))


def test_ordinal_regression_of_statsmodels(rows):
    _, X, y, _ = _problem("ordinal_log_loss", rows)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = GDClassifier("ordinal_log_loss", alpha=0.0, tol=1e-10).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its optimiser, which is asked for more digits than it reaches
        found = OrderedModel(y, X, distr="logit").fit(method="bfgs", disp=0, gtol=1e-9, maxiter=1000)
    np.testing.assert_allclose(model.coef_[0], found.params[:4], atol=1e-5)
    thresholds = np.cumsum([-model.intercept_[0], *np.exp(model.intercept_[1:])])
    np.testing.assert_allclose(found.model.transform_threshold_params(found.params)[1:-1], thresholds, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X), found.predict(), atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), model.classes_[found.predict().argmax(axis=1)])


def test_constant_spreads_have_closed_forms(rows):
    X, location, _ = rows
    y = _drawn(Normal, location)
    ols = sm.OLS(y, sm.add_constant(X)).fit()
    for loss, target in ((Normal(constant=True), y), (LogNormal(constant=True), np.exp(y))):
        model = GDRegressor(loss, alpha=0.0, tol=1e-10).fit(X, target)
        np.testing.assert_allclose(model.coef_, ols.params[1:], atol=1e-7)
        assert np.exp(model.intercept_[1]) == pytest.approx(np.sqrt(np.mean(ols.resid**2)), rel=1e-7)
    np.testing.assert_allclose(model.predict(X), np.exp(ols.fittedvalues + 0.5 * np.mean(ols.resid**2)), rtol=1e-6)


@pytest.mark.parametrize("loss", [Normal(), StudentT(3.0), LogNormal(), NegativeBinomial()], ids=repr)
def test_a_general_optimiser_finds_the_same(rows, loss):
    X, location, _ = rows
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = _drawn(type(loss), location, 0.4)
    model = GDRegressor(loss, alpha=0.0).fit(X, y)

    def cost(flat):
        weights = flat.reshape(2, 5)
        return loss.value(y, X @ weights[:, :4].T + weights[:, 4]).mean()

    best = minimize(cost, np.zeros(10), method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    assert mean_loss(model, X, y) <= best.fun + 1e-9 * abs(best.fun)
    np.testing.assert_allclose(np.column_stack([model.coef_, model.intercept_]).ravel(), best.x, atol=1e-3)


@pytest.mark.parametrize("loss", [*ALL, Quantiles(), OrdinalLogLoss()], ids=repr)
def test_check_loss(loss):
    report = check_loss(loss)
    assert {entry["status"] for entry in report} <= {"passed", "skipped"}, [e for e in report if e["status"] == "failed"]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("kind", [Normal, StudentT, LogNormal])
def test_units_of_y_do_not_matter(rows, kind, scale):
    X, location, _ = rows
    y = _drawn(kind, location, 0.4)
    here = GDRegressor(kind(), alpha=0.0).fit(X, y)
    shift = 0.0 if kind is LogNormal else 50.0 * scale
    there = GDRegressor(kind(), alpha=0.0).fit(X, scale * y + shift)
    assert there.converged_
    np.testing.assert_allclose(there.predict(X), scale * here.predict(X) + shift, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-5, 1e5])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_units_of_y_do_not_matter_to_own_columns(rows, scale, shift):
    """A function of a mean and the logarithm of a scale: the start and the spacings of differences are found in each column."""
    X, location, _ = rows
    y = scale * (_drawn(Normal, location, 0.4) + shift)
    truth = GDRegressor(Normal(), alpha=0.0).fit(X, y)
    own = GDRegressor(CustomLoss(_gaussian, rowwise=True, n_raw=2, convex=False), alpha=0.0).fit(X, y)
    assert own.converged_
    assert mean_loss(own, X, y) + HALF_LOG_TWO_PI == pytest.approx(mean_loss(truth, X, y), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(own.predict(X), truth.predict(X), rtol=1e-4)


class _Swapped(Loss):
    """The logarithm of the scale comes first, and does not depend on X."""

    task, rowwise, convex = "regression", True, False

    def value(self, y, raw):
        return _gaussian(y, raw[:, ::-1])

    def n_raw(self, target):
        return 2

    def inverse_link(self, raw):
        return raw[:, 1:]


def test_the_order_of_own_columns_does_not_matter(rows):
    X, location, _ = rows
    y = 1e4 * _drawn(Normal, location, 0.4)
    truth = GDRegressor(Normal(), alpha=0.0).fit(X, y)
    np.testing.assert_allclose(GDRegressor(_Swapped(), alpha=0.0).fit(X, y).predict(X), truth.predict(X), rtol=1e-4)


@pytest.mark.parametrize("loss", [StudentT(1.0), StudentT(), StudentT(constant=True)], ids=repr)
@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
def test_one_gross_outlier(rows, loss, solver):
    """It moves a fit that is robust to it by no more than leaving out one row does."""
    X, location, _ = rows
    y = _drawn(StudentT, location, 0.2)
    clean = GDRegressor(loss, alpha=0.0).fit(X[1:], y[1:])
    y[0] = 1e5
    model = GDRegressor(loss, alpha=0.0, solver=solver).fit(X, y)
    assert model.converged_
    assert np.abs(model.predict(X) - clean.predict(X)).max() < 0.05


def test_an_optimum_that_is_not_finite_is_told(rows):
    """Where counts vary no more than Poisson's, the dispersion falls to zero, and the weights of its logarithm grow."""
    X, location, _ = rows
    mean = np.exp(0.3 * location + 1.0)
    counts = np.random.RandomState(0).binomial(20, mean / 20.0).astype(float)
    for name, hint in (
        ("negative_binomial", "(as the dispersion falls to zero|loss='poisson', or constant=True, if counts vary no more)"),
        ("zero_inflated_poisson", "(as the share of additional zeros falls|loss='poisson', if there are no more zeros)"),
    ):
        with pytest.warns(ConvergenceWarning, match=hint):
            model = GDRegressor(name, alpha=0.0).fit(X, counts)
        assert not model.converged_
        poisson = GDRegressor("poisson", alpha=0.0).fit(X, counts)
        assert np.median(np.abs(model.predict(X) / poisson.predict(X) - 1.0)) < 0.02
    x, codes = np.arange(9.0)[:, None], np.arange(9) // 3
    for loss, y in (("log_loss", codes), ("ordinal_log_loss", codes), ("ordinal_log_loss", codes > 0)):
        with pytest.warns(ConvergenceWarning, match="There is no finite optimum .*, as it does when classes are separable"):
            GDClassifier(loss, alpha=0.0).fit(x, y)
    codes[4] = 2
    assert GDClassifier("ordinal_log_loss", alpha=0.0).fit(x, codes).converged_


@pytest.mark.parametrize("kind", [Normal, StudentT, LogNormal])
def test_a_spread_that_falls_to_zero_is_told(kind):
    X = np.random.RandomState(0).standard_normal((50, 2))
    with pytest.warns(ConvergenceWarning, match="the scale falls to zero where y is fitted exactly"):
        GDRegressor(kind(), alpha=0.0).fit(X, np.full(50, 3.0))


def test_a_penalty_in_the_unit_of_y_is_told(rows):
    """The loss of a location and a scale has no unit: with y in the thousands, the default alpha is a strong penalty."""
    X, location, _ = rows
    y = 1e4 * _drawn(Normal, location)
    with pytest.warns(UserWarning, match="alpha=0.0001 under Normal: the penalty has the squared unit of y, whose scale is 7"):
        GDRegressor("normal").fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GDRegressor("normal", alpha=0.0).fit(X, y)
        GDRegressor("normal", penalty="nonnegative").fit(X, y)
        GDRegressor("normal").fit(X, y / 1e4)
        GDRegressor("log_normal").fit(X, np.exp(y / 1e4))


# -- every solver, every home -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet", GroupLasso([[0, 1], [2, 3]])], ids=str)
@pytest.mark.parametrize("name", OWN_COLUMNS)
def test_solvers_agree(rows, name, penalty):
    make, X, y, weight = _problem(name, rows)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    make.set_params(penalty=penalty, alpha=0.02)
    best = clone(make).fit(X, y, weight)
    assert best.converged_
    if name != "quantiles":  # whose solvers may step up within tol
        assert np.all(np.diff(best.loss_curve_) <= 1e-12 * np.abs(best.loss_curve_[:-1]))
    value, done = _cost(best, X, y, weight), 0
    for solver in DETERMINISTIC:
        other = clone(make).set_params(solver=solver, max_iter=3000 if solver in ("gd", "lbfgs") else None)
        try:
            _quietly(other, X, y, weight)
        except ValueError:
            continue
        done += 1
        assert _cost(other, X, y, weight) <= value + 1e-5 * abs(value), solver
        assert value <= _cost(other, X, y, weight) + 1e-7 * abs(value), solver
    assert done >= 1


@pytest.mark.parametrize("name", OWN_COLUMNS)
def test_the_same_fit_elsewhere(rows, monkeypatch, name):
    make, X, y, weight = _problem(name, rows)
    make.set_params(alpha=0.01, solver="proximal_point" if name == "quantiles" else "newton", tol=1e-9)
    here = clone(make).fit(X, y, weight)

    def opened():
        for start in range(0, N, 170):
            part = slice(start, start + 170)
            yield X[part], y[part], weight[part]

    fits = [clone(make).fit(Stream(opened)), clone(make).fit(sparse.csr_matrix(X), y, weight)]
    repeated = np.repeat(np.arange(N), weight.astype(int))
    fits.append(clone(make).fit(X[repeated], y[repeated]))
    monkeypatch.setattr(source, "MemoryRows", HostileRows)
    fits.append(clone(make).fit(X, y, weight))
    for there in fits:
        np.testing.assert_allclose(
            there.predict_proba(X) if hasattr(there, "classes_") else there.predict(X),
            here.predict_proba(X) if hasattr(here, "classes_") else here.predict(X),
            rtol=1e-4,
            atol=1e-5,
        )
        assert _cost(there, X, y, weight) == pytest.approx(_cost(here, X, y, weight), rel=1e-8)
    assert Need.IN_MEMORY not in here.solver_.needs


@pytest.mark.parametrize("name", OWN_COLUMNS)
def test_life_of_an_estimator(rows, name):
    """Pickles, clones, warm starts, early stopping, float32, single rows, frames of one column."""
    make, X, y, weight = _problem(name, rows)
    model = clone(make).fit(X, y, weight)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X[:3]), model.predict(X[:3]))
    assert repr(clone(model)) == repr(model)
    warm = clone(make).set_params(warm_start=True).fit(X, y, weight)
    assert warm.fit(X, y, weight).n_iter_ <= model.n_iter_
    stopped = _quietly(clone(make).set_params(early_stopping=EarlyStopping(), random_state=0), X, y)
    assert len(stopped.validation_loss_curve_) == stopped.n_iter_
    single = clone(make).fit(X.astype(np.float32), y, weight)
    assert single.coef_.dtype == np.float32
    assert _cost(single, X, y, weight) <= _cost(model, X, y, weight) + 1e-4 * abs(_cost(model, X, y, weight))
    assert model.predict(X[:1]).shape == ((1, 3) if name == "quantiles" else (1,))
    column = _columnwise(clone(make), X, y)
    assert column.score(X, y) == pytest.approx(clone(make).fit(X, y).score(X, y))
    with pytest.raises(ValueError, match="y has 2 columns: expected one for"):
        clone(make).fit(X, np.column_stack([y, y]))


def _columnwise(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)  # of scikit-learn, for labels and positive targets
        return model.fit(X, y[:, None])


WEIGHTS = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")]
# What need not hold on the data of scikit-learn's checks. They know no target between 0 and 1, and want one prediction each.
EXPECTED = {
    **dict.fromkeys(
        ("normal", "student_t", "log_normal"),
        dict.fromkeys(WEIGHTS, "15 rows, 10 columns: y is nearly interpolated, and the spread zero; weights are rows to 1e-6"),
    ),
    "ordinal_log_loss": {"check_classifiers_train": "blobs without an order, of which one direction tells two classes apart"},
}


@pytest.mark.parametrize("name", [name for name in OWN_COLUMNS if name not in ("beta", "quantiles")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:alpha=0.1 under")  # the penalty in the unit of y
def test_check_estimator(name):
    make = GDClassifier if LOSSES[name].task == "classification" else GDRegressor
    found = check_estimator(make(loss=name, alpha=0.1, tol=1e-14), expected_failed_checks=EXPECTED.get(name, {}), on_skip=None)
    assert sum(entry["status"] == "passed" for entry in found) > 40


def test_networks_and_streams(rows):
    """A network with a mean and a spread learns both; partial_fit approaches the fit."""
    X, location, _ = rows
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = _drawn(Normal, location, 0.5)
    linear = GDRegressor(Normal(), alpha=0.0).fit(X, y)
    network = _quietly(GDRegressor(Normal(), model=MLP((16,)), alpha=1e-4, max_iter=100, random_state=0), X, y)
    assert mean_loss(network, X, y) <= mean_loss(linear, X, y) + 0.02
    assert network.predict_distribution(X[:4]).std().shape == (4,)
    stream = GDRegressor(Normal(), random_state=0)
    for _ in range(20):
        stream.partial_fit(X, y)
    assert mean_loss(stream, X, y) <= mean_loss(linear, X, y) + 0.01
    with pytest.raises(ValueError, match="MLP needs a loss whose parameters all depend on X"):
        GDRegressor(Normal(constant=True), model=MLP((4,))).fit(X, y)
    with pytest.raises(ValueError, match="fit_intercept=False: expected True for a loss with parameters"):
        GDRegressor(Normal(constant=True), fit_intercept=False).fit(X, y)


# -- what is predicted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DISTRIBUTIONS, ids=lambda kind: kind.__name__)
def test_intervals_hold_their_coverage(rows, kind):
    X, location, _ = rows
    y = _drawn(kind, location, 0.3)
    model = GDRegressor(kind(), alpha=0.0).fit(X, y)
    low, high = model.predict_interval(X, coverage=0.8).T
    inside = np.mean((y >= low) & (y <= high))
    discrete = kind in (NegativeBinomial, ZeroInflatedPoisson)  # their intervals hold more
    assert 0.8 - 3 * np.sqrt(0.16 / N) <= inside <= (0.97 if discrete else 0.8 + 3 * np.sqrt(0.16 / N))
    known = model.predict_distribution(X)
    np.testing.assert_allclose(known.mean(), model.predict(X), rtol=1e-9)
    np.testing.assert_array_equal(known.ppf(0.9), high)
    for bad in (0.0, 1.0, 1.5, "0.9", [0.5]):
        with pytest.raises(ValueError, match="coverage=.*: expected a number between 0 and 1"):
            model.predict_interval(X, bad)


@pytest.mark.parametrize("loss", [NegativeBinomial(), NegativeBinomial(constant=True)], ids=repr)
@pytest.mark.parametrize("mean", [1e3, 0.99e9, 1.01e9, 1e18, 1e120])
def test_intervals_of_large_counts(loss, mean):
    """Beside the gamma distribution with the same mean and variance; one row in another unit must not stop a process."""
    raw = np.array([[np.log(mean), -1.0], [np.log(mean), -20.0]])
    shape = 1.0 / (np.exp(raw[:, 1]) + 1.0 / mean)
    expected = np.stack(stats.gamma(shape, scale=mean / shape).interval(0.8), axis=-1)
    np.testing.assert_allclose(loss.interval(raw, 0.8), expected, rtol=2e-3)


def test_other_distributions(rows):
    X, location, _ = rows
    counts = _drawn(NegativeBinomial, location)
    model = GDRegressor("poisson").fit(X, counts)
    np.testing.assert_allclose(model.predict_distribution(X).var(), model.predict(X))
    assert model.predict_interval(X).shape == (N, 2)
    both = GDRegressor("poisson").fit(X, np.column_stack([counts, counts + 1.0]))
    assert both.predict_interval(X).shape == (N, 2, 2)
    classifier = GDClassifier().fit(X, location > 0)
    np.testing.assert_allclose(classifier.predict_distribution(X).mean(), classifier.predict_proba(X)[:, 1])
    assert not hasattr(GDRegressor(), "predict_interval")
    with pytest.raises(AttributeError) as caught:
        GDRegressor().predict_distribution(X)
    assert "does not model the distribution of y" in str(caught.value.__cause__)
    with pytest.raises(ValueError, match="MultinomialLogLoss does not model the distribution"):
        GDClassifier().fit(X, np.digitize(location, [-0.5, 0.5])).predict_distribution(X)


def test_zero_inflated_poisson_is_a_distribution():
    mean, always = 2.0, 0.3
    known = ZeroInflatedPoisson().distribution(np.array([[np.log(mean), np.log(always / (1 - always))]]))
    k = np.arange(60)
    pmf = always * (k == 0) + (1 - always) * stats.poisson.pmf(k, mean)
    np.testing.assert_allclose(known.pmf(k), pmf)
    np.testing.assert_allclose(known.cdf(k), np.cumsum(pmf))
    np.testing.assert_allclose([known.mean()[0], known.var()[0]], [pmf @ k, pmf @ k**2 - (pmf @ k) ** 2])
    for q in (0.05, 0.31, 0.5, 0.9, 0.999):
        assert known.ppf(q)[0] == np.argmax(np.cumsum(pmf) >= q - 1e-12)
    drawn = known.rvs(size=20_000, random_state=0)
    assert drawn.mean() == pytest.approx(pmf @ k, abs=0.05)


def test_quantiles_are_separate_fits_that_do_not_cross(rows):
    X, location, _ = rows
    y = location + stats.t.rvs(3, size=N, random_state=3) * np.exp(0.3 * (X[:, 0]))
    levels = [0.05, 0.25, 0.5, 0.95]
    model = GDRegressor(Quantiles(levels), alpha=0.0).fit(X, y)
    for level, coef in zip(levels, model.coef_, strict=True):
        theirs = QuantileRegressor(quantile=level, alpha=0.0).fit(X, y)
        np.testing.assert_allclose(coef, theirs.coef_, atol=1e-6)
    far = np.concatenate([X, 40.0 * X])
    raw = far @ model.coef_.T + model.intercept_
    assert np.any(np.diff(raw, axis=1) < 0)  # the lines cross out there
    predicted = model.predict(far)
    assert np.all(np.diff(predicted, axis=1) >= 0)
    np.testing.assert_allclose(np.sort(raw, axis=1), predicted)
    np.testing.assert_array_equal(model.predict_interval(far, coverage=0.9), predicted[:, [0, 3]])
    with pytest.raises(ValueError, match="coverage=0.5: expected one whose ends are among the levels fitted: 0.9"):
        model.predict_interval(X, coverage=0.5)
    assert model.score(X, y) == pytest.approx(GDRegressor(Quantile(0.5), alpha=0.0).fit(X, y).score(X, y), abs=1e-6)
    assert sample_losses(model, X, y).shape == (N,)
    for bad in ([0.5, 0.1], [0.0, 0.5], [], [0.2, 0.2], 0.5):
        with pytest.raises(ValueError, match="expected increasing numbers between 0 and 1"):
            GDRegressor(Quantiles(bad)).fit(X, y)


def test_ordered_labels(rows):
    _, X, codes, _ = _problem("ordinal_log_loss", rows)
    names = np.array(["none", "few", "some", "many"])
    here = GDClassifier(OrdinalLogLoss(names.tolist())).fit(X, names[codes])
    there = GDClassifier("ordinal_log_loss").fit(X, codes)
    np.testing.assert_array_equal(here.classes_, names)
    np.testing.assert_array_equal(here.predict(X), names[there.predict(X)])
    np.testing.assert_allclose(here.predict_proba(X), there.predict_proba(X))
    assert here.score(X, names[codes]) == there.score(X, codes)
    assert here.coef_.shape == (1, 4)
    assert here.decision_function(X).shape == (N, 4)
    mistaken = GDClassifier(OrdinalLogLoss()).fit(X, names[codes])  # sorted by name
    assert mean_loss(mistaken, X, names[codes]) > mean_loss(here, X, names[codes])
    with pytest.raises(ValueError, match="y has the label 'few': expected one of categories=.'none', 'many'."):
        GDClassifier(OrdinalLogLoss(["none", "many"])).fit(X, names[codes])
    binary = GDClassifier(OrdinalLogLoss(), alpha=0.01, tol=1e-9).fit(X, codes > 1)
    plain = GDClassifier(alpha=0.01, tol=1e-9).fit(X, codes > 1)
    np.testing.assert_allclose(binary.coef_, plain.coef_, atol=1e-6)
    np.testing.assert_allclose(binary.predict_proba(X), plain.predict_proba(X), atol=1e-6)
    stream = GDClassifier(OrdinalLogLoss(names.tolist()), solver="adam", random_state=0)
    for _ in range(5):
        stream.partial_fit(X, names[codes], classes=names)
    assert stream.score(X, names[codes]) > 0.9 * here.score(X, names[codes])


@pytest.mark.parametrize("kind", ["series", "categorical", "polars", "batches"])
def test_a_stated_order_is_not_ignored(rows, kind):
    """A categorical that says its order needs no sorting; if the loss would sort it in another way, it is refused."""
    _, X, codes, _ = _problem("ordinal_log_loss", rows)
    names = ["none", "few", "some", "many"]
    labels = np.array(names)[codes]

    def stated(order):
        if kind == "polars":
            return pytest.importorskip("polars").Series(labels, dtype=pytest.importorskip("polars").Enum(order))
        found = pd.Categorical(labels, order, ordered=True)
        return found if kind == "categorical" else pd.Series(found)

    def data(y):
        return (Stream(lambda: iter([(X, y)])),) if kind == "batches" else (X, y)

    with pytest.raises(
        ValueError, match=r"order \['none', 'few', 'some', 'many'\].*expected OrdinalLogLoss\(categories=\['none'"
    ):
        GDClassifier("ordinal_log_loss").fit(*data(stated(names)))
    told = GDClassifier(OrdinalLogLoss(names)).fit(*data(stated(names)))
    np.testing.assert_allclose(told.coef_, GDClassifier("ordinal_log_loss").fit(X, codes).coef_, rtol=1e-6)
    np.testing.assert_array_equal(GDClassifier("ordinal_log_loss").fit(*data(stated(sorted(names)))).classes_, sorted(names))


def test_explained_loss(rows):
    X, location, _ = rows
    y = _drawn(NegativeBinomial, location)
    assert 0.0 < explained_loss(GDRegressor(NegativeBinomial()).fit(X, y), X, y) < 1.0
    _, X, codes, _ = _problem("ordinal_log_loss", rows)
    assert 0.0 < explained_loss(GDClassifier("ordinal_log_loss").fit(X, codes), X, codes) < 1.0
    with pytest.raises(ValueError, match="Normal has no smallest loss"):
        explained_loss(GDRegressor(Normal()).fit(X, y), X, y)


# -- the user's own ---------------------------------------------------------------------------------------------------


def _gaussian(y_true, raw):
    return raw[:, 1] + 0.5 * (y_true - raw[:, 0]) ** 2 * np.exp(-2.0 * raw[:, 1])


def _two_gaussians(y_true, raw):
    return sum(_gaussian(y_true[:, k], raw[:, [k, k + 2]]) for k in range(2))


def test_own_losses_with_columns_of_raw(rows):
    X, location, _ = rows
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = _drawn(Normal, location, 0.4)
    truth = GDRegressor(Normal(), alpha=0.0).fit(X, y)
    own = GDRegressor(CustomLoss(_gaussian, rowwise=True, n_raw=2, convex=False), alpha=0.0).fit(X, y)
    np.testing.assert_allclose(own.coef_, truth.coef_, atol=1e-4)
    np.testing.assert_allclose(own.predict(X), truth.predict(X), atol=1e-4)
    assert own.score(X, y) == pytest.approx(truth.score(X, y), abs=1e-5)
    shown = CustomLoss(_gaussian, rowwise=True, n_raw=2, convex=False, inverse_link=lambda raw: np.exp(raw))
    assert GDRegressor(shown, alpha=0.0).fit(X, y).predict(X).shape == (N, 2)
    several = CustomLoss(_two_gaussians, rowwise=True, n_raw=4, convex=False)
    model = GDRegressor(several, alpha=0.0).fit(X, np.column_stack([y, -2.0 * y]))
    assert model.predict(X).shape == (N, 2)
    np.testing.assert_allclose(model.predict(X), truth.predict(X)[:, None] * [1.0, -2.0], atol=1e-3)
    for settings, message in (
        ({"n_raw": 2}, "expected rowwise=True, and regression"),
        ({"n_raw": 2, "rowwise": True, "task": "classification"}, "expected rowwise=True, and regression"),
        ({"n_raw": 0, "rowwise": True}, "expected an integer >= 1"),
    ):
        with pytest.raises(ValueError, match=message):
            GDRegressor(CustomLoss(_gaussian, **settings)).fit(X, y)


# -- shares of labels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [LogLoss(), LogLoss(0.1), Exponential(), Focal(0.5)], ids=repr)
def test_a_share_is_so_many_labels(rows, loss):
    """A share of 0.3 is the label 1 with weight 0.3, and 0 with weight 0.7."""
    X, location, weight = rows
    share = np.round(stats.logistic.cdf(location + 0.5 * stats.norm.rvs(size=N, random_state=0)), 3)
    model = GDRegressor(loss, alpha=0.01, tol=1e-10).fit(X, share, weight)
    labels = GDClassifier(loss, alpha=0.01, tol=1e-10).fit(
        np.concatenate([X, X]), np.repeat([1, 0], N), np.concatenate([weight * share, weight * (1.0 - share)])
    )
    np.testing.assert_allclose(model.coef_, labels.coef_[0], atol=1e-6)
    np.testing.assert_allclose(model.predict(X), labels.predict_proba(X)[:, 1], atol=1e-6)
    for bad in (share + 1.0, -share, np.where(share > 0.5, np.nan, share)):
        with pytest.raises(ValueError, match="0 <= y <= 1|Input y contains NaN"):
            GDRegressor(loss).fit(X, bad)


def test_shares_of_statsmodels_and_several_outputs(rows):
    X, location, _ = rows
    share = stats.logistic.cdf(location + 0.5 * stats.norm.rvs(size=N, random_state=0))
    model = GDRegressor("log_loss", alpha=0.0, tol=1e-10).fit(X, share)
    glm = sm.GLM(share, sm.add_constant(X), family=sm.families.Binomial()).fit(tol=1e-12)
    np.testing.assert_allclose([model.intercept_, *model.coef_], glm.params, atol=1e-7)
    both = np.column_stack([share, 1.0 - share])
    np.testing.assert_allclose(GDRegressor("log_loss", alpha=0.0, tol=1e-10).fit(X, both).coef_[1], -model.coef_, atol=1e-7)
    both[::3, 0] = np.nan
    masked = GDRegressor(Masked("log_loss"), alpha=0.0).fit(X, both)
    seen = ~np.isnan(both[:, 0])
    np.testing.assert_allclose(masked.coef_[0], GDRegressor("log_loss", alpha=0.0).fit(X[seen], both[seen, 0]).coef_, atol=1e-5)
    with pytest.raises(ValueError, match="is a loss for classification"):
        GDRegressor("hinge").fit(X, share)
    for method in (model.predict_distribution, model.predict_interval):
        with pytest.raises(ValueError, match="LogLoss in GDRegressor models the mean of a share and not its distribution"):
            method(X)


@pytest.mark.parametrize("loss", [LogLoss(), LogLoss(0.1), Focal(0.5)], ids=repr)
def test_soft_labels_are_so_many_labels(rows, loss):
    X, _, weight = rows
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    soft = np.random.RandomState(0).dirichlet(np.exp(X[:, :3]).mean(axis=0), N)
    soft = soft * np.exp(0.5 * X[:, :3])
    soft /= soft.sum(axis=1, keepdims=True)
    model = GDClassifier(loss, alpha=0.01, tol=1e-9).fit(X, soft, weight)
    hard = GDClassifier(loss, alpha=0.01, tol=1e-9).fit(
        np.concatenate([X] * 3), np.repeat(np.arange(3), N), np.concatenate([weight * p for p in soft.T])
    )
    np.testing.assert_allclose(model.coef_, hard.coef_, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X), hard.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.score(X, soft, weight) == pytest.approx(hard.score(X, soft.argmax(axis=1), weight), abs=1e-3)
    explained = explained_loss(model, X, soft)
    assert 0.0 < explained < 1.0


def test_soft_labels_beside_scikit_learn_and_refusals(rows):
    X, _, _ = rows
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    soft = np.random.RandomState(0).dirichlet(np.ones(3), N)
    model = GDClassifier(alpha=0.05, tol=1e-10).fit(X, soft)
    theirs = LogisticRegression(C=1.0 / (0.05 * N), tol=1e-10, max_iter=10_000)
    theirs.fit(np.concatenate([X] * 3), np.repeat(np.arange(3), N), np.concatenate(list(soft.T)))
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    with pytest.raises(ValueError, match="y holds probabilities, and Hinge takes labels: use log_loss"):
        GDClassifier("hinge").fit(X, soft)
    with pytest.raises(ValueError, match="y has rows that are no probabilities: expected numbers >= 0 with the sum 1"):
        GDClassifier().fit(X, 2.0 * soft)
    stream = GDClassifier(solver="adam", random_state=0).partial_fit(X, soft)
    with pytest.raises(ValueError, match="has rows that are no probabilities"):
        stream.partial_fit(X, 2.0 * soft)
    with pytest.raises(ValueError, match=r"y has shape \(1200,\): expected the probabilities of 3 classes"):
        model.score(X, soft.argmax(axis=1))
    with pytest.raises(ValueError, match="expected None for sequences, soft labels"):
        GDClassifier(class_weight="balanced").fit(X, soft)
    parts = np.array_split(np.arange(N), 5)
    streamed = GDClassifier(alpha=0.05, tol=1e-10).fit(Stream(lambda: ((X[part], soft[part]) for part in parts)))
    np.testing.assert_allclose(streamed.coef_, model.coef_, atol=1e-6)


@pytest.mark.parametrize(
    "rounded", [lambda soft: soft.astype(np.float32), lambda soft: soft.round(4)], ids=["float32", "digits"]
)
def test_rounded_soft_labels(rows, rounded):
    """Sums that are one up to rounding leave no common shift of the scores to run away along."""
    X, _, _ = rows
    soft = np.random.RandomState(0).dirichlet(np.ones(4), N)
    exact, model = (GDClassifier(alpha=0.0).fit(X, each) for each in (soft, rounded(soft)))
    assert model.converged_
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)
    np.testing.assert_allclose(model.intercept_, exact.intercept_, atol=1e-3)


def test_soft_labels_that_happen_to_be_hard_in_a_batch(rows):
    X, _, _ = rows
    soft = np.random.RandomState(0).dirichlet(np.ones(3), N)
    soft[:10] = np.eye(3)[np.arange(10) % 3]
    whole = GDClassifier(alpha=0.05, tol=1e-10).fit(X, soft)
    for order in (slice(None), slice(None, None, -1)):
        batches = [(X[:10], soft[:10]), (X[10:], soft[10:])][order]
        np.testing.assert_allclose(
            GDClassifier(alpha=0.05, tol=1e-10).fit(Stream(lambda batches=batches: batches)).coef_, whole.coef_, atol=1e-6
        )
    with pytest.raises(ValueError, match="has rows that are no probabilities"):
        GDClassifier().fit(Stream(lambda: [(X[10:], soft[10:]), (X[:10], np.ones((10, 3)))]))


def test_the_multinomial_focal_loss_takes_soft_labels():
    codes, raw = np.array([0, 2, 1]), np.random.RandomState(0).standard_normal((3, 3))
    focal = MultinomialFocal(1.3)
    model = Focal(1.3).for_target(type("Soft", (), {"exclusive": True, "shares": True})())
    np.testing.assert_allclose(model.value(np.eye(3)[codes], raw), focal.value(codes, raw))
    np.testing.assert_allclose(model.gradient(np.eye(3)[codes], raw), focal.gradient(codes, raw))
    assert isinstance(Poisson(), LOSSES["poisson"])
