"""Standard errors: beside statsmodels, beside refits, and beside second differences of the objective."""

import sys
import tracemalloc
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import norm
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from tables import ALL_LOSSES, LOSSES

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.inference import coef_table, summary
from sklearn_gd.inference.covariance import inverted
from sklearn_gd.inference.density import density_at_zero, hall_sheather
from sklearn_gd.inference.derivatives import Sample, expected, observed
from sklearn_gd.inference.likelihoods import likelihood_of, pinball
from sklearn_gd.losses import (
    AbsoluteError,
    CustomLoss,
    Huber,
    LogLoss,
    Masked,
    MultinomialLogLoss,
    NegativeBinomial,
    Normal,
    Quantile,
    ZeroInflatedPoisson,
)
from sklearn_gd.metrics.evaluation import evaluated
from sklearn_gd.penalties import L2, Box
from sklearn_gd.rows import Stream
from sklearn_gd.rows.batch import Batch

SMOOTH = [loss for loss in ALL_LOSSES if loss.smooth]
SMOOTH_IDS = [loss.in_words for loss in SMOOTH]
ERRORS = ("estimate", "standard_error", "z", "p_value", "lower", "upper")
exactly = partial(np.testing.assert_allclose, rtol=1e-6)


@pytest.fixture(scope="module")
def sm():
    return pytest.importorskip("statsmodels.api")


def estimator(loss="squared_error", **kwargs):
    task = getattr(LOSSES[loss] if isinstance(loss, str) else loss, "task", "regression")
    kind = GDClassifier if task == "classification" else GDRegressor
    return kind(loss, **{"alpha": 0.0, "tol": 1e-12, **kwargs})


def with_ones(X):
    return np.c_[X, np.ones(len(X))]


def data_for(loss, n=150, n_classes=None):
    """Return X with a wide range of scales and correlated columns, and a target in the domain of the loss."""
    rng = np.random.RandomState(3)
    X = rng.standard_normal((n, 3)) @ np.array([[1.0, 0.6, 0.0], [0.0, 1.0, -0.4], [0.0, 0.0, 1.0]])
    line = X @ [0.4, -0.3, 0.2]
    X = X * [1.0, 20.0, 0.05] + [0.0, 300.0, 5.0]
    if loss.task == "regression":
        return X, np.exp(0.5 * line) * rng.gamma(4.0, 0.25, n) + 0.05
    scores = np.column_stack([line, -line, 0.0 * line]) + rng.logistic(size=(n, 3))
    n_classes = n_classes or (3 if loss.rowwise else 2)
    return X, scores[:, :n_classes].argmax(axis=1)


def sample_of(model, X, y, *args):
    return Sample.of(model, X, evaluated(model, Batch(X, y, *args)))


# -- beside statsmodels -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scotland(sm):
    data = sm.datasets.scotland.load()
    X, y = data.exog.to_numpy(float), data.endog.to_numpy(float)
    rng = np.random.RandomState(0)
    return X, y, rng.uniform(0.1, 3.0, len(y)), rng.randint(0, 8, len(y))


def family_of(sm, name):
    log = sm.families.links.Log()
    kinds = {
        "poisson": partial(sm.families.Poisson, log),
        "gamma": partial(sm.families.Gamma, log),
        "inverse_gaussian": partial(sm.families.InverseGaussian, log),
        "tweedie": partial(sm.families.Tweedie, log, var_power=1.5),
    }
    return kinds[name]()


def theirs_of(model, kind, n, p, groups):
    """Return the fit of a generalized linear model of statsmodels, whose HC1 has no correction for small samples there."""
    given = {
        "model": {},
        "sandwich": {"cov_type": "HC1", "cov_kwds": {"scaling_factor": n / (n - p)}},
        "clusters": {"cov_type": "cluster", "cov_kwds": {"groups": groups}},
    }[kind]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "cov_type not fully supported with var_weights")
        return model.fit(tol=1e-14, maxiter=300, **given)


def ours_of(model, X, y, kind, groups, *args, **kwargs):
    clusters = groups if kind == "clusters" else None
    return summary(model, X, y, *args, kind="model" if kind == "model" else "sandwich", clusters=clusters, **kwargs)


def same_errors(result, theirs):
    exactly(result.estimate, theirs.params)
    exactly(result.standard_error, theirs.bse)
    exactly(result.z, theirs.tvalues)
    exactly(result.p_value, theirs.pvalues)
    exactly(np.column_stack([result.lower, result.upper]), theirs.conf_int())
    exactly(result.covariance, theirs.cov_params(), atol=1e-9 * np.abs(theirs.cov_params()).max())


@pytest.mark.filterwarnings("ignore:clusters has")  # few rows
@pytest.mark.parametrize("weighted", [False, True], ids=["OLS", "WLS"])
@pytest.mark.parametrize("kind", ["model", "sandwich", "clusters"])
def test_least_squares(sm, scotland, kind, weighted):
    X, y, weight, groups = scotland
    weight = weight if weighted else np.ones(len(y))
    theirs = sm.WLS(y, with_ones(X), weights=weight) if weighted else sm.OLS(y, with_ones(X))
    given = {
        "model": {},
        "sandwich": {"cov_type": "HC1"},
        "clusters": {"cov_type": "cluster", "cov_kwds": {"groups": groups}},
    }[kind]
    model = estimator().fit(X, y, weight)
    same_errors(ours_of(model, X, y, kind, groups, weight), theirs.fit(**given))


@pytest.mark.filterwarnings("ignore:clusters has")  # few rows
@pytest.mark.parametrize("name", ["poisson", "gamma", "inverse_gaussian", "tweedie"])
@pytest.mark.parametrize("kind", ["model", "sandwich", "clusters"])
def test_generalized_linear_models(sm, scotland, name, kind):
    X, y, weight, groups = scotland
    offset = np.log(np.random.RandomState(1).uniform(0.5, 2.0, len(y)))
    theirs = sm.GLM(y, with_ones(X), family_of(sm, name), offset=offset, var_weights=weight)
    model = estimator(name).fit(X, y, weight, offset=offset)
    result = ours_of(model, X, y, kind, groups, weight, offset=offset)
    same_errors(result, theirs_of(theirs, kind, *with_ones(X).shape, groups))


@pytest.mark.parametrize("kind", ["model", "sandwich", "clusters"])
def test_counts(sm, kind):
    data = sm.datasets.randhie.load()
    some = slice(0, 4000)
    X, y = data.exog.to_numpy(float)[some], data.endog.to_numpy(float)[some]
    groups = np.arange(len(y)) // 5
    theirs = theirs_of(sm.GLM(y, with_ones(X), sm.families.Poisson()), kind, *with_ones(X).shape, groups)
    same_errors(ours_of(estimator("poisson").fit(X, y), X, y, kind, groups), theirs)


@pytest.mark.filterwarnings("ignore:clusters has")  # few rows
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("kind", ["model", "sandwich", "clusters"])
def test_two_classes(sm, kind, intercept):
    data = sm.datasets.fair.load()
    X, y = data.exog.to_numpy(float), np.where(data.endog > 0, "yes", "no")
    groups = data.exog["occupation"].to_numpy()
    design = with_ones(X) if intercept else X
    model = estimator("log_loss", fit_intercept=intercept).fit(X, y)
    result = ours_of(model, X, y, kind, groups)
    codes = (y == "yes").astype(float)
    same_errors(result, theirs_of(sm.GLM(codes, design, sm.families.Binomial()), kind, *design.shape, groups))
    logit = sm.Logit(codes, design).fit(disp=0, tol=1e-14)
    if kind == "model":
        exactly(result.standard_error, logit.bse)


@pytest.mark.filterwarnings("ignore:clusters has")  # few rows
@pytest.mark.parametrize("kind", ["model", "sandwich", "clusters"])
def test_several_classes(sm, kind):
    data = sm.datasets.anes96.load()
    X, y = data.exog.to_numpy(float), data.endog.to_numpy(int)
    groups, m = np.random.RandomState(1).randint(0, 30, len(y)), X.shape[1] + 1
    given = {
        "model": {},
        "sandwich": {"cov_type": "HC1", "cov_kwds": {"scaling_factor": len(y) / (len(y) - 6 * m)}},
        "clusters": {"cov_type": "cluster", "cov_kwds": {"groups": groups}},
    }[kind]
    theirs = sm.MNLogit(y, with_ones(X)).fit(disp=0, tol=1e-14, maxiter=100, **given)
    model = estimator("log_loss").fit(X, y)
    result = ours_of(model, X, y, kind, groups, base=0)
    exactly(result.estimate, theirs.params.T)
    exactly(result.standard_error, theirs.bse.T)
    exactly(result.p_value, theirs.pvalues.T)
    exactly(result.covariance, theirs.cov_params(), atol=1e-9 * np.abs(theirs.cov_params()).max())
    assert result.outputs == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("q", [0.5, 0.25, 0.1, 0.9])
def test_quantiles(sm, q):
    data = sm.datasets.engel.load()
    X, y = data.exog.to_numpy(float).reshape(-1, 1), data.endog.to_numpy(float)
    theirs = sm.QuantReg(y, with_ones(X)).fit(q=q, max_iter=10_000, p_tol=1e-12)
    result = summary(estimator(Quantile(q)).fit(X, y), X, y)
    exactly(result.estimate, theirs.params, rtol=2e-6)
    # Their residuals at the points that the line meets are rounding noise, whose signs would count.
    error = y - with_ones(X) @ theirs.params
    error[np.argsort(np.abs(error))[:2]] = 0.0
    D = np.where(error > 0, q, 1.0 - q)[:, None] * with_ones(X)
    bread = np.linalg.inv(with_ones(X).T @ with_ones(X)) * theirs.sparsity
    exactly(result.covariance, bread @ (D.T @ D) @ bread, rtol=1e-6)
    if q == 0.5:
        exactly(result.standard_error, theirs.bse)
        exactly(summary(estimator("absolute_error").fit(X, y), X, y).standard_error, theirs.bse)
    shifted = summary(estimator(Quantile(q)).fit(X, y, offset=0.1 * X[:, 0]), X, y, offset=0.1 * X[:, 0])
    direct = summary(estimator(Quantile(q)).fit(X, y - 0.1 * X[:, 0]), X, y - 0.1 * X[:, 0])
    exactly(shifted.standard_error, direct.standard_error)


# -- the contract of every smooth loss --------------------------------------------------------------------------------


def objective_at(sample, params):
    """Return the objective as a sum over rows, at parameters of centred columns, (m, K')."""
    W = params @ sample.basis.T
    Z = with_ones(sample.X[sample.used] - sample.model.center)
    value = sample.bound.value(sample.y, Z @ W)
    cost = sample.weight @ (value if value.ndim == 1 else value.sum(axis=1))
    return cost + sample.strength * sample.penalty.value(W[:-1])


@pytest.mark.parametrize("loss", SMOOTH, ids=SMOOTH_IDS)
def test_the_hessian_is_the_second_difference_of_the_objective(loss):
    X, y = data_for(loss, n=60)
    weight = np.random.RandomState(5).uniform(0.5, 2.0, len(y)) * (np.arange(len(y)) % 7 > 0)
    model = estimator(loss, alpha=0.05, penalty=L2([1.0, 3.0, 0.0]), max_iter=200, tol=1e-7).fit(X, y, weight)
    model.coef_, model.intercept_ = 0.9 * model.coef_, model.intercept_ + 0.1  # the gradient is not zero
    sample = sample_of(model, X, y, weight)
    # Rows with a jump of the curvature nearby have no second difference.
    up, down = (sample.bound.curvature_diagonal(sample.y, sample.raw + shift) for shift in (0.01, -0.01))
    weight[sample.used[np.any(np.abs(up - down) > 0.1 * np.abs(up).max(), axis=1)]] = 0.0
    sample = sample_of(model, X, y, weight)
    assert len(sample.used) > 40
    hessian, gradient = sample.hessian(observed), sample.gradient()
    m, k = sample.model.n_inputs, sample.model.n_raw
    unit = 1e-3 / np.append(X.std(axis=0), 1.0)
    linear = np.concatenate([sample.weights, [model.intercept_ + sample.model.center @ sample.weights]]) @ sample.basis
    f = partial(objective_at, sample)

    def step(i):
        result = np.zeros((m, k))
        result[i // k, i % k] = unit[i // k]
        return result

    numeric, slopes = np.empty((m * k, m * k)), np.empty(m * k)
    for i in range(m * k):
        slopes[i] = (f(linear + step(i)) - f(linear - step(i))) / 2.0
        for j in range(i + 1):
            one, two = step(i), step(j)
            numeric[i, j] = numeric[j, i] = 0.25 * (
                f(linear + one + two) - f(linear + one - two) - f(linear - one + two) + f(linear - one - two)
            )
    scale = np.repeat(unit, k)
    exact = np.zeros((m, k, m, k))
    if loss.for_target(model._last_fit.target).rowwise:
        exact[:] = hessian.reshape(m, k, m, k)
    else:
        exact[:, range(k), :, range(k)] = hessian
    scaled = exact.reshape(m * k, m * k) * scale * scale[:, None]
    np.testing.assert_allclose(scaled, numeric, atol=2e-5 * np.abs(numeric).max())
    assert np.abs(slopes).max() > 10 * np.abs(numeric).max()
    # The error of a central difference is of the order of the cube of the step.
    np.testing.assert_allclose(sample.model.unblocked(gradient) * scale, slopes, atol=1e-3 * np.abs(numeric).max())


def log_of_cosh(y, raw):
    return np.logaddexp(y - raw, raw - y)


def cross_entropy(y, raw):
    shifted = raw - raw.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - np.take_along_axis(shifted, y[:, None].astype(int), axis=1)[:, 0]


OWN = [
    CustomLoss(log_of_cosh, task="regression"),
    CustomLoss(cross_entropy, rowwise=True, task="classification"),
]


@pytest.mark.parametrize("loss", [*SMOOTH, *OWN], ids=lambda loss: loss.in_words)
@pytest.mark.parametrize("clustered", [False, True], ids=["rows", "clusters"])
def test_the_sandwich_is_the_spread_of_refits(loss, clustered):
    """The infinitesimal jackknife: how the coefficients of a refit follow the weight of a row, or of those of a cluster."""
    X, y = data_for(loss, n=45)
    X = X[:, :2]
    n, groups = len(y), np.random.RandomState(0).randint(0, 15, len(y)) if clustered else np.arange(len(y))
    change, tol = (1e-2, 1e-6) if loss.foreign else (1e-3, 1e-13)
    weight = np.random.RandomState(1).uniform(0.5, 2.0, n)

    model = estimator(loss, tol=tol, warm_start=True)

    def parameters(weight):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the tolerance is near the rounding error
            model.fit(X, y, weight)
        found = np.c_[np.atleast_2d(model.coef_), np.reshape(model.intercept_, (-1, 1))]
        return found - found.mean(axis=0) if model.loss_.rowwise else found

    slopes = []
    parameters(weight)
    for group in np.unique(groups):
        up, down = (np.where(groups == group, (1.0 + sign * change) * weight, weight) for sign in (1.0, -1.0))
        slopes.append((parameters(up) - parameters(down)) / (2.0 * change))
    spread = np.sqrt((np.stack(slopes) ** 2).sum(axis=0))
    parameters(weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = summary(model, X, y, weight, clusters=groups if clustered else None)
    p = 2 * 3 if model.loss_.rowwise else 3
    g = len(np.unique(groups))
    correction = g / (g - 1) * (n - 1) / (n - p)
    # The error of a central difference is of the order of the square of the change.
    exactly(np.atleast_2d(result.standard_error), np.sqrt(correction) * spread, rtol=10.0 * change**2)


def test_the_median_of_normal_errors_has_its_known_error():
    rng = np.random.RandomState(0)
    n = 4000
    X = rng.standard_normal((n, 2))
    y = X @ [1.0, -2.0] + rng.standard_normal(n)
    for q in (0.5, 0.8):
        result = summary(estimator(Quantile(q)).fit(X, y), X, y)
        known = np.sqrt(q * (1 - q) / n) / norm.pdf(norm.ppf(q))
        np.testing.assert_allclose(result.standard_error, known, rtol=0.08)


def test_intervals_cover_under_a_wrong_model():
    """Counts with a variance of three times the mean: the robust interval covers, that of the model does not."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (200, 1))
    truth, covered = 0.7, {"sandwich": 0, "model": 0}
    for _ in range(200):
        mean = np.exp(1.0 + truth * X[:, 0])
        y = rng.poisson(rng.gamma(mean / 2.0, 2.0)).astype(float)
        model = estimator("poisson").fit(X, y)
        for kind in covered:
            result = summary(model, X, y, kind=kind)
            covered[kind] += bool(result.lower[0] < truth < result.upper[0])
    assert 180 <= covered["sandwich"] <= 198  # binomial with 0.95: 190 +- 3
    assert covered["model"] < 170


# -- what must not matter ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True, scaled=False)
    return X[:, :4], y, np.random.RandomState(0).uniform(0.2, 2.0, len(y))


def alike(one, two, rtol=1e-6, names=ERRORS):
    for name in names:
        np.testing.assert_allclose(one[name], two[name], rtol=rtol, err_msg=name)


@pytest.mark.parametrize("loss", [SMOOTH[0], Huber(60.0), Quantile(0.7)], ids=lambda loss: loss.in_words)
def test_the_home_of_the_rows_does_not_matter(diabetes, loss):
    X, y, weight = diabetes
    model = estimator(loss).fit(X, y, weight)
    groups = np.arange(len(y)) % 30
    for clusters in (None, groups):
        expected_ = summary(model, X, y, weight, clusters=clusters)
        for same in (sparse.csr_matrix(X), sparse.csc_matrix(X), np.asfortranarray(X), X.tolist()):
            alike(summary(model, same, y, weight, clusters=clusters), expected_)
        order = np.random.RandomState(2).permutation(len(y))
        shuffled = None if clusters is None else clusters[order].astype(str)
        alike(summary(model, X[order], y[order], weight[order], clusters=shuffled), expected_)


def test_rows_of_weight_zero_do_not_count(diabetes):
    X, y, weight = diabetes
    weight = np.where(np.arange(len(y)) % 3 == 0, 0.0, weight)
    some, groups = weight > 0, np.arange(len(y)) % 20
    groups[~some] = 77
    for loss, kind in ((Huber(60.0), "sandwich"), (SMOOTH[0], "model"), (Quantile(0.3), "sandwich")):
        model = estimator(loss).fit(X, y, weight)
        alike(summary(model, X, y, weight, kind=kind), summary(model, X[some], y[some], weight[some], kind=kind))
    model = estimator().fit(X, y, weight)
    odd = y.copy()
    odd[~some] = 1e300
    alike(
        summary(model, X, odd, weight, clusters=groups), summary(model, X[some], y[some], weight[some], clusters=groups[some])
    )


def test_the_unit_of_weights_does_not_matter_to_the_sandwich(diabetes):
    X, y, weight = diabetes
    for loss in (Huber(60.0), Quantile(0.3), "squared_error", "gamma"):
        model = estimator(loss).fit(X, y, weight)
        alike(summary(model, X, y, weight), summary(model, X, y, 1e-6 * weight))
    alike(*(summary(estimator().fit(X, y, w), X, y, w, kind="model") for w in (weight, 1e9 * weight)))
    poisson = estimator("poisson").fit(X, y, weight)
    one, two = (summary(poisson, X, y, w, kind="model").standard_error for w in (weight, 4.0 * weight))
    exactly(one, 2.0 * two)


def test_weights_are_not_copies(diabetes):
    X, y, _ = diabetes
    copies = np.random.RandomState(0).randint(1, 4, len(y))
    repeated = summary(
        estimator().fit(*(np.repeat(each, copies, axis=0) for each in (X, y))),
        *map(partial(np.repeat, repeats=copies, axis=0), (X, y)),
    )
    weighted = summary(estimator().fit(X, y, copies), X, y, copies)
    exactly(repeated.estimate, weighted.estimate)
    assert np.all(weighted.standard_error > 1.1 * repeated.standard_error)


@pytest.mark.parametrize("kind", ["model", "sandwich"])
def test_units_and_far_origins_do_not_matter(diabetes, kind):
    X, y, _ = diabetes
    plain = summary(estimator().fit(X, y), X, y, kind=kind)
    unit, origin = np.array([1e-6, 1e7, 3.0, 1.0]), np.array([1e-3, 1e12, -1e4, 1e6])
    far = X * unit + origin
    result = summary(estimator(tol=1e-9).fit(far, y), far, y, kind=kind)
    exactly(result.standard_error[:4] * unit, plain.standard_error[:4], rtol=1e-5)
    single = summary(estimator(tol=1e-6).fit(X.astype(np.float32), y), X.astype(np.float32), y, kind=kind)
    np.testing.assert_allclose(single.standard_error, plain.standard_error, rtol=1e-4)


def test_outputs_are_as_if_alone(diabetes):
    X, y, weight = diabetes
    Y = np.column_stack([y, 0.3 * y + X[:, 0] ** 1.5])
    for loss, kind in ((Huber(60.0), "sandwich"), ("squared_error", "model"), ("gamma", "model"), (Quantile(0.6), "sandwich")):
        several = summary(estimator(loss).fit(X, Y, weight), X, Y, weight, kind=kind)
        assert several.outputs == ["output 0", "output 1"]
        assert several.estimate.shape == (2, 5)
        for k in range(2):
            alone = summary(estimator(loss).fit(X, Y[:, k], weight), X, Y[:, k], weight, kind=kind)
            for name in ERRORS:
                np.testing.assert_allclose(several[name][k], alone[name], rtol=1e-5)
    labels = np.greater(Y, np.median(Y, axis=0)).astype(int)
    several = summary(estimator("log_loss").fit(X, labels), X, labels)
    for k in range(2):
        alike(Bunched(several, k), summary(estimator("log_loss").fit(X, labels[:, k]), X, labels[:, k]))
    covariance = summary(estimator().fit(X, Y), X, Y).covariance.reshape(2, 5, 2, 5)
    Z, errors = with_ones(X), Y - estimator().fit(X, Y).predict(X)
    bread = np.linalg.inv(Z.T @ Z)
    cross = bread @ (Z.T * errors[:, 0] * errors[:, 1] @ Z) @ bread * len(y) / (len(y) - 5)
    exactly(covariance[0, :, 1], cross, rtol=1e-5)


class Bunched(dict):
    def __init__(self, result, k):
        super().__init__({name: result[name][k] for name in ERRORS})


def test_one_against_the_rest_is_as_if_alone():
    X, y = data_for(LogLoss(), n_classes=3)
    several = summary(estimator("exponential").fit(X, y), X, y)
    assert several.outputs == [0, 1, 2]
    for k in range(3):
        alike(Bunched(several, k), summary(estimator("exponential").fit(X, y == k), X, y == k))


def test_missing_targets_do_not_count(diabetes):
    X, y, _ = diabetes
    Y = np.column_stack([y, y**1.1])
    Y[::3, 0] = Y[1::4, 1] = np.nan
    result = summary(estimator(Masked(Huber(60.0))).fit(X, Y), X, Y)
    for k in range(2):
        seen = ~np.isnan(Y[:, k])
        alone = summary(estimator(Huber(60.0)).fit(X[seen], Y[seen, k]), X[seen], Y[seen, k])
        alike(Bunched(result, k), alone, rtol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_model_of_missing_targets(diabetes, loss):
    X, y, weight = diabetes
    seen = np.arange(len(y)) % 3 > 0
    Y = np.where(seen, y, np.nan)
    masked = summary(estimator(Masked(loss)).fit(X, Y, weight), X, Y, weight, kind="model")
    alone = summary(estimator(loss).fit(X[seen], y[seen], weight[seen]), X[seen], y[seen], weight[seen], kind="model")
    alike(masked, alone, rtol=1e-5)


def test_own_losses_are_as_the_given_ones(diabetes):
    X, y, weight = diabetes
    unit = y / 100.0
    for own, given in (
        (lambda y, raw: 0.5 * (y - raw) ** 2, "squared_error"),
        (lambda y, raw: np.exp(raw) - y * raw, "poisson"),
        (lambda y, raw: np.abs(y - raw), "absolute_error"),
        (lambda y, raw: np.maximum(0.7 * (y - raw), 0.3 * (raw - y)), Quantile(0.7)),
    ):
        one = summary(estimator(own, tol=1e-7).fit(X, unit, weight), X, unit, weight)
        two = summary(estimator(given).fit(X, unit, weight), X, unit, weight)
        np.testing.assert_allclose(one.standard_error, two.standard_error, rtol=1e-4)
    labels = data_for(LogLoss(), n_classes=3)
    own = CustomLoss(cross_entropy, rowwise=True, task="classification")
    for kind in ("sandwich", "model"):
        one = summary(estimator(own, tol=1e-6).fit(*labels), *labels, kind=kind, base=1)
        two = summary(estimator("log_loss").fit(*labels), *labels, kind=kind, base=1)
        np.testing.assert_allclose(one.standard_error, two.standard_error, rtol=1e-4)


def test_data_of_the_loss(diabetes):
    X, y, weight = diabetes

    def weighted_square(y_true, raw, data):
        return 0.5 * data * (y_true - raw) ** 2

    own = summary(estimator(weighted_square, tol=1e-6).fit(X, y, loss_data=weight), X, y, loss_data=weight)
    alike(own, summary(estimator().fit(X, y, weight), X, y, weight), rtol=1e-4, names=("standard_error",))
    groups = np.arange(len(y)) % 9
    own = summary(estimator(weighted_square, tol=1e-6).fit(X, y, loss_data=weight), X, y, loss_data=weight, clusters=groups)
    given = summary(estimator().fit(X, y, weight), X, y, weight, clusters=groups)
    alike(own, given, rtol=1e-4, names=("standard_error",))


def test_a_mean_and_a_spread(diabetes):
    """The normal likelihood with a log standard deviation: the errors of the mean are those of weighted least squares."""
    X, y, _ = diabetes
    X, y = StandardScaler().fit_transform(X), y / 100.0

    def normal(y_true, raw):
        return raw[:, 1] + 0.5 * (y_true - raw[:, 0]) ** 2 * np.exp(-2.0 * raw[:, 1])

    loss = CustomLoss(normal, rowwise=True, n_raw=2, task="regression", convex=False)
    model = GDRegressor(loss, alpha=0.0, tol=1e-6).fit(X, y)
    result = summary(model, X, y, kind="model")
    assert result.estimate.shape == (2, 5)
    spread = np.exp(X @ model.coef_[1] + model.intercept_[1])
    Z = with_ones(X)
    fisher = np.sqrt(np.diag(np.linalg.inv(Z.T @ (Z / spread[:, None] ** 2))))
    np.testing.assert_allclose(result.standard_error[0], fisher, rtol=0.03)  # the observed information is not block diagonal


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("kind", [NegativeBinomial, ZeroInflatedPoisson, Normal])
def test_distributions_by_numeric_differences(kind, constant):
    """The inverse of the Hessian of the likelihood, whether the second parameter depends on X or not."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((400, 2))
    raw = np.stack([0.5 + X @ [0.5, -0.3], -0.7 + 0.2 * X[:, 0]], axis=1)
    y = kind().distribution(raw).rvs(random_state=rng).astype(float)
    loss = kind(constant=constant)
    model = GDRegressor(loss, alpha=0.0, tol=1e-10).fit(X, y)
    result = summary(model, X, y, kind="model")
    free = np.ones((2, 3), dtype=bool)
    free[1, :2] = not constant
    here = np.column_stack([np.pad(np.atleast_2d(model.coef_), ((0, int(constant)), (0, 0))), model.intercept_])

    def cost(values):
        params = here.copy()
        params[free] = values
        return loss.value(y, X @ params[:, :2].T + params[:, 2]).sum()

    n, moves = int(free.sum()), 1e-3 * np.eye(int(free.sum()))
    at = here[free]
    hessian = np.array(
        [[sum(s * t * cost(at + s * a + t * b) for s in (1, -1) for t in (1, -1)) / 4e-6 for a in moves] for b in moves]
    )
    assert hessian.shape == (n, n)
    np.testing.assert_allclose(result.standard_error[free], np.sqrt(np.diag(np.linalg.inv(hessian))), rtol=1e-4)
    assert np.all(result.standard_error[~free] == 0.0)


def test_counts_and_ordered_classes_of_statsmodels():
    from statsmodels.api import NegativeBinomial as NB2
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    rng = np.random.RandomState(0)
    X = rng.standard_normal((800, 3))
    location = X @ [0.5, -0.3, 0.2]
    y = rng.negative_binomial(2, 2 / (2 + np.exp(1 + location))).astype(float)
    model = GDRegressor(NegativeBinomial(constant=True), alpha=0.0, tol=1e-10).fit(X, y)
    known = NB2(y, with_ones(X)[:, [3, 0, 1, 2]]).fit(disp=0, gtol=1e-9, maxiter=1000)
    ours = summary(model, X, y, kind="model").standard_error
    np.testing.assert_allclose(ours[0], known.bse[[1, 2, 3, 0]], rtol=1e-5)
    assert ours[1, 3] == pytest.approx(known.bse[4] / known.params[4], rel=1e-4)  # of the logarithm of the dispersion
    grades = np.digitize(location + rng.logistic(size=800), [-1.0, 0.0, 2.0])
    classifier = GDClassifier("ordinal_log_loss", alpha=0.0, tol=1e-10).fit(X, grades)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = OrderedModel(grades, X, distr="logit").fit(method="bfgs", disp=0, gtol=1e-9)
    ours = summary(classifier, X, grades, kind="model").standard_error
    np.testing.assert_allclose([*ours[0], *ours[1:, 3]], known.bse, rtol=1e-4)


def test_the_class_of_comparison_does_not_change_the_rest():
    X, y = data_for(LogLoss(), n_classes=3)
    names = np.array(["a", "b", "c"])[y]
    model = estimator("log_loss").fit(X, names)
    first, second, centred = (summary(model, X, names, base=base) for base in ("a", "b", None))
    assert (first.outputs, second.outputs, centred.outputs) == (["b", "c"], ["a", "c"], ["a", "b", "c"])
    exactly(first.standard_error[0], second.standard_error[0])
    exactly(first.estimate[0], -second.estimate[0])
    exactly(centred.estimate, np.c_[model.coef_, model.intercept_], atol=1e-9)
    m = 4
    contrast = np.kron([-1.0, 1.0, 0.0], np.eye(m))
    exactly(contrast @ centred.covariance @ contrast.T, first.covariance[:m, :m], rtol=1e-5)
    ridge = estimator("log_loss", alpha=0.1).fit(X, names)
    with pytest.warns(UserWarning, match="alpha=0.1: the penalty biases the coefficients"):
        shrunk = summary(ridge, X, names)
    assert np.all(shrunk.standard_error[:, :3] < centred.standard_error[:, :3])


def test_weights_of_classes_are_weights():
    X, y = data_for(LogLoss(), n_classes=2)
    for given in ({0: 3.0, 1: 0.5}, "balanced"):
        share = given if isinstance(given, dict) else {c: len(y) / (2 * np.sum(y == c)) for c in (0, 1)}
        weight = np.where(y == 1, share[1], share[0])
        model = estimator("log_loss", class_weight=given).fit(X, y)
        alike(summary(model, X, y), summary(estimator("log_loss").fit(X, y, weight), X, y, weight))
        with pytest.raises(ValueError, match="kind='model' with class_weight"):
            summary(model, X, y, kind="model")


def test_a_ridge_is_part_of_the_hessian(diabetes):
    X, y, weight = diabetes
    X = StandardScaler().fit_transform(X)
    model = estimator(alpha=0.3, penalty=L2([1.0, 2.0, 0.0, 5.0])).fit(X, y, weight)
    with pytest.warns(UserWarning, match="for inference, fit with alpha=0.0"):
        result = summary(model, X, y, weight)
    Z, n = with_ones(X), len(y)
    ridge = np.diag([0.3, 0.6, 0.0, 1.5, 0.0]) * weight.sum()
    bread = np.linalg.inv(Z.T @ (weight[:, None] * Z) + ridge)
    D = (weight * (y - model.predict(X)))[:, None] * Z
    exactly(result.covariance, n / (n - 5) * bread @ (D.T @ D) @ bread, rtol=1e-5, atol=1e-9)


# -- facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [loss for loss in ALL_LOSSES if likelihood_of(loss)], ids=lambda loss: loss.in_words)
def test_the_mean_gradient_of_a_likelihood_is_zero_and_its_variance_the_expected_curvature(loss):
    """Both identities hold at y = mean + noise when the gradient is affine in y; codes are summed over their probabilities."""
    raw = np.linspace(-1.0, 1.5, 7)[:, None]
    if isinstance(loss, MultinomialLogLoss):
        raw = np.random.RandomState(0).standard_normal((5, 3))
        p = loss.inverse_link(raw)
        slopes = np.stack([loss.gradient(np.full(5, k), raw) for k in range(3)], axis=1)
        fisher = np.einsum("nc,nci,ncj->nij", p, slopes, slopes)
        np.testing.assert_allclose(fisher, loss.curvature_matrix(np.zeros(5, int), raw), atol=1e-12)
        return
    if loss.task == "classification":
        p = loss.inverse_link(raw)
        up, down = (loss.gradient(np.full_like(raw, sign), raw) for sign in (1.0, -1.0))
        np.testing.assert_allclose(p * up + (1 - p) * down, 0.0, atol=1e-12)
        np.testing.assert_allclose(p * up**2 + (1 - p) * down**2, expected(loss, raw, raw), rtol=1e-9)
        return
    mean = loss.inverse_link(raw)
    at = [loss.gradient(y, raw) for y in (mean, mean + 0.1, mean + 0.4)]
    np.testing.assert_allclose(at[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(at[2], 4.0 * at[1], rtol=1e-9)
    power = {"SquaredError": 0, "Poisson": 1, "Gamma": 2, "InverseGaussian": 3}.get(
        type(loss).__name__, getattr(loss, "power", 0)
    )
    pearson = at[1] ** 2 / expected(loss, mean, raw)
    np.testing.assert_allclose(pearson, 0.01 / mean**power if power else np.full_like(mean, 0.01), rtol=1e-9)


def test_which_losses_a_density_serves():
    y = np.array([[0.5], [-2.0], [7.0]])
    assert pinball(Quantile(0.8), y) == pytest.approx((-0.8, 0.2))
    assert pinball(AbsoluteError(), y) == (-1.0, 1.0)
    served = [loss for loss in ALL_LOSSES if pinball(loss, y)]
    assert {type(loss).__name__ for loss in served} == {"Quantile", "AbsoluteError"}
    assert likelihood_of(LogLoss(0.1)) is None
    assert likelihood_of(Huber()) is None
    assert likelihood_of(CustomLoss(log_of_cosh)) == "exact"


@pytest.mark.parametrize("q", [0.1, 0.5])
def test_bandwidth_and_density(sm, q):
    quantreg = pytest.importorskip("statsmodels.regression.quantile_regression")
    assert hall_sheather(400, q) == pytest.approx(quantreg.hall_sheather(400, q), rel=1e-12)
    error = np.random.RandomState(0).standard_normal(20_000)
    error -= np.quantile(error, q)
    density = density_at_zero(error, error, np.ones(len(error)), q)
    assert density == pytest.approx(norm.pdf(norm.ppf(q)), rel=0.05)
    halves = np.tile([1.0, 0.0], len(error) // 2) + 1e-300
    assert density_at_zero(error, error, halves, q) == pytest.approx(density, rel=0.1)


@pytest.mark.parametrize("loss", [loss for loss in ALL_LOSSES if not loss.smooth], ids=lambda loss: loss.in_words)
def test_losses_with_other_kinks_are_refused(loss):
    X, y = data_for(loss)
    model = estimator(loss, tol=1e-3 if loss.online else 1e-6, solver="sgd" if loss.online else "auto", random_state=0).fit(
        X, y
    )
    if isinstance(loss, (Quantile, AbsoluteError)) and type(loss).__name__ != "AbsolutePercentageError":
        assert np.all(summary(model, X, y).standard_error > 0)
        return
    with pytest.raises(ValueError, match="has kinks: expected a smooth loss, or quantile or absolute_error"):
        summary(model, X, y)


# -- names and tables -------------------------------------------------------------------------------------------------


def test_names_come_from_the_frame_or_the_pipeline():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X = X[["age", "bmi", "bp"]].assign(region=np.where(np.arange(len(y)) % 3 == 0, "north", "south"))
    columns = ColumnTransformer(
        [("scaled", StandardScaler(), ["age", "bmi", "bp"]), ("one", OneHotEncoder(drop="first"), ["region"])]
    )
    pipeline = make_pipeline(columns, estimator()).fit(X, y)
    names = ["scaled__age", "scaled__bmi", "scaled__bp", "one__region_south", "intercept"]
    assert coef_table(pipeline).names == names
    result = summary(pipeline, X, y)
    assert result.names == names
    direct = summary(pipeline[-1], pipeline[:-1].transform(X), y)
    alike(result, direct)
    assert direct.names == ["x0", "x1", "x2", "x3", "intercept"]
    nested = make_pipeline(FunctionTransformer(feature_names_out="one-to-one"), pipeline).fit(X, y)
    assert coef_table(nested).names == names
    search = GridSearchCV(make_pipeline(StandardScaler(), estimator()), {"gdregressor__fit_intercept": [True]}).fit(
        X[["age", "bmi"]], y
    )
    assert coef_table(search).names == ["age", "bmi", "intercept"]
    alike(summary(search, X[["age", "bmi"]], y), summary(search.best_estimator_, X[["age", "bmi"]], y))
    nameless = make_pipeline(FunctionTransformer(np.asarray), estimator()).fit(X[["age", "bmi"]], y)
    assert coef_table(nameless).names == ["x0", "x1", "intercept"]
    named = estimator(fit_intercept=False).fit(X[["age", "bmi"]], y)
    assert coef_table(named).names == ["age", "bmi"]
    assert summary(named, X[["age", "bmi"]], y).names == ["age", "bmi"]


def test_frames(monkeypatch):
    X, y = load_iris(return_X_y=True, as_frame=True)
    species = np.array(["setosa", "versicolor", "virginica"])[y]
    model = GDClassifier(alpha=0.01).fit(X, species)
    table = coef_table(model)
    assert list(table.frame.columns) == ["setosa", "versicolor", "virginica"]
    assert list(table.frame.index) == [*X.columns, "intercept"]
    np.testing.assert_array_equal(table.frame.to_numpy(), np.c_[model.coef_, model.intercept_].T)
    with pytest.warns(UserWarning, match="alpha=0.01"):
        result = summary(model, X, species)
    frame = result.frame
    assert frame.index.names == ["output", "name"]
    assert list(frame.columns) == list(ERRORS)
    np.testing.assert_array_equal(frame.loc["virginica", "standard_error"], result.standard_error[2])
    single = estimator().fit(X.iloc[:, :3], X.iloc[:, 3])
    result = summary(single, X.iloc[:, :3], X.iloc[:, 3], coverage=0.9)
    assert result.frame.loc["sepal width (cm)", "upper"] == result.upper[1]
    np.testing.assert_allclose(result.upper - result.estimate, norm.ppf(0.95) * result.standard_error)
    single = estimator().fit(X.to_numpy()[:, :3], X.to_numpy()[:, 3])
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert "frame" not in coef_table(single)


# -- refusals and warnings --------------------------------------------------------------------------------------------


def test_what_has_no_standard_errors_is_refused(diabetes):
    X, y, _ = diabetes
    model = estimator().fit(X, y)
    refused = partial(pytest.raises, ValueError)
    with pytest.raises(NotFittedError):
        summary(GDRegressor(), X, y)
    with pytest.raises(NotFittedError):
        coef_table(GDRegressor())
    with pytest.raises(TypeError, match="estimator is LinearRegression: expected a fitted GDRegressor"):
        summary(LinearRegression().fit(X, y), X, y)
    with pytest.raises(TypeError, match="X is a Stream: expected rows in memory"):
        summary(model, Stream(lambda: iter([(X, y)])), None)
    network = GDRegressor(model="mlp", solver="adam", max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(X, y)
    for use in (lambda: summary(network, X, y), lambda: coef_table(network)):
        with refused(match="model='mlp': expected 'linear'"):
            use()
    with refused(match="early_stopping=True: expected False"):
        summary(GDRegressor(alpha=0.0, early_stopping=True, random_state=0).fit(X, y), X, y)
    with refused(match="early_stopping=EarlyStopping"):
        summary(GDRegressor(alpha=0.0, early_stopping=EarlyStopping(), random_state=0).fit(X, y), X, y)
    for penalty, alpha in (("l1", 0.1), ("elasticnet", 0.1), (Box(-1.0, 1.0), 0.0), ("nonnegative", 0.0)):
        with refused(match="expected alpha=0.0 without bounds"):
            summary(GDRegressor(penalty=penalty, alpha=alpha).fit(X, y), X, y)
    alike(summary(estimator(penalty="l1").fit(X, y), X, y), summary(model, X, y))
    with refused(match="kind='HC3': expected 'sandwich' or 'model'"):
        summary(model, X, y, kind="HC3")
    for coverage in (0.0, 1.0, 95, "0.9"):
        with refused(match="expected a number between 0 and 1"):
            summary(model, X, y, coverage=coverage)
    with refused(match="kind='model' with the loss Huber, no log-likelihood"):
        summary(estimator(Huber(50.0)).fit(X, y), X, y, kind="model")
    with refused(match="kind='model' with the loss AbsoluteError"):
        summary(estimator("absolute_error").fit(X, y), X, y, kind="model")
    with refused(match="base=0: expected None, as the loss SquaredError determines every column"):
        summary(model, X, y, base=0)
    labels = data_for(LogLoss(), n_classes=3)
    with refused(match="base='a': expected one of \\[0, 1, 2\\]"):
        summary(estimator("log_loss").fit(*labels), *labels, base="a")


def test_clusters_that_are_none(diabetes):
    X, y, _ = diabetes
    model = estimator().fit(X, y)
    refused = partial(pytest.raises, ValueError)
    with refused(match="clusters has shape \\(3,\\): expected \\(442,\\)"):
        summary(model, X, y, clusters=[1, 2, 3])
    with refused(match="one label only"):
        summary(model, X, y, clusters=np.zeros(len(y)))
    with refused(match="clusters contains NaN"):
        summary(model, X, y, clusters=np.where(np.arange(len(y)) < 5, np.nan, np.arange(len(y))))
    with refused(match="kind='model' with clusters"):
        summary(model, X, y, clusters=np.arange(len(y)), kind="model")
    with refused(match="clusters holds labels of several kinds or missing ones"):
        summary(model, X, y, clusters=np.where(np.arange(len(y)) < 5, None, "a"))
    with pytest.warns(UserWarning, match="clusters has 4 labels for 5 parameters"):
        summary(model, X, y, clusters=np.arange(len(y)) % 4)
    groups = np.arange(len(y)) % 11
    alike(
        summary(model, X, y, clusters=pd.Series(groups).map("group {}".format)), summary(model, X, y, clusters=groups[:, None])
    )
    rows = summary(model, X, y)
    alone = summary(model, X, y, clusters=np.arange(len(y)))
    exactly(alone.standard_error, rows.standard_error, rtol=1e-9)  # n / (n - 1) (n - 1) / (n - p)


def test_parts_of_clusters_are_added(diabetes, monkeypatch):
    X, y, weight = diabetes
    model = estimator("gamma").fit(X, y, weight)
    groups = np.random.RandomState(0).randint(0, 12, len(y))
    whole = summary(model, X, y, weight, clusters=groups)
    for size in (1, 37, 5 * 100):
        monkeypatch.setattr("sklearn_gd.inference.derivatives.SCORES", size)
        alike(summary(model, X, y, weight, clusters=groups), whole)


def test_coefficients_that_the_rows_do_not_determine(diabetes):
    X, y, _ = diabetes
    refused = partial(pytest.raises, ValueError)
    frame = pd.DataFrame(X, columns=["age", "sex", "bmi", "bp"])
    for double in (frame.assign(twice=2.0 * frame.bmi), frame.assign(twice=2.0 * frame.bmi + 1e3)):
        model = estimator(tol=1e-6).fit(double, y)
        with refused(match="The rows do not determine the coefficients of bmi, twice: expected columns that vary"):
            summary(model, double, y)
    constant = frame.assign(constant=3.0)
    with refused(match="do not determine the coefficients of constant:"):
        summary(estimator(tol=1e-6).fit(constant, y), constant, y)
    alone = constant[["age", "constant"]]
    assert np.all(summary(estimator(fit_intercept=False).fit(alone, y), alone, y).standard_error > 0)
    dummies = pd.get_dummies(pd.Series(np.arange(len(y)) % 3), prefix="g", dtype=float)
    for trap in (dummies, sparse.csr_matrix(dummies)):
        model = estimator(tol=1e-6).fit(trap, y)
        with refused(match="do not determine the coefficients of (g_0, g_1, g_2|x0, x1, x2)"):
            summary(model, trap, y)
    few = estimator(tol=1e-6).fit(X[:5], y[:5])
    with refused(match="X has 5 rows of positive weight with a target, for 5 parameters"):
        summary(few, X[:5], y[:5])
    with refused(match="The Hessian is not positive definite"):
        inverted(np.array([[[1.0, 2.0], [2.0, 1.0]]]), 1e-14, str)
    with refused(match="The Hessian is not positive definite"):
        inverted(np.array([[[-1.0]]]), 1e-14, str)
    with refused(match="The Hessian is not finite"):
        inverted(np.array([[[np.inf]]]), 1e-14, str)
    same = np.full(len(y), 3.0)
    with refused(match="interquartile range of 0"):
        summary(
            estimator("absolute_error").fit(X[:, :1], np.where(np.arange(len(y)) < 40, y, same)),
            X[:, :1],
            np.where(np.arange(len(y)) < 40, y, same),
        )


def test_coefficients_that_are_not_optimal_are_told(diabetes):
    X, y, weight = diabetes
    model = estimator().fit(X, y)
    with pytest.warns(ConvergenceWarning, match="do not minimise the objective on these rows.*: expected the X, y"):
        summary(model, X, y, weight**3)
    with pytest.warns(ConvergenceWarning, match="do not minimise the objective on these rows"):
        summary(model, X[:200], y[:200])
    with pytest.warns(ConvergenceWarning, match="do not minimise the objective on these rows"):
        summary(model, X, y, offset=0.3 * X[:, 2])
    with pytest.warns(ConvergenceWarning):
        short = GDRegressor("poisson", alpha=0.0, solver="gd", max_iter=2).fit(X, y)
    far, early = "a Newton step is .* standard errors long", "The fit has not converged \\(max_iter reached\\)"
    with pytest.warns(ConvergenceWarning, match=far), pytest.warns(ConvergenceWarning, match=early):
        summary(short, X, y)
    with pytest.warns(ConvergenceWarning, match="There is no finite optimum"):
        separable = estimator("log_loss").fit(X[:, :1], X[:, 0] > 50)
    with pytest.raises(ValueError, match="The fit has no finite optimum"):
        summary(separable, X[:, :1], X[:, 0] > 50)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_quantiles_of_other_rows_are_told(diabetes, q):
    """At a kink there is no Newton step: the slopes of the rows on their quantile must be able to balance the others."""
    X, y, weight = diabetes
    model = estimator(Quantile(q)).fit(X, y, weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary(model, X, y, weight)
    permuted = np.random.RandomState(0).permutation(y)
    for wrong in ((X, y + 5.0, weight), (X, permuted, weight), (X[::-1], y, weight)):
        with pytest.warns(ConvergenceWarning, match="do not minimise the objective on these rows"):
            summary(model, *wrong)


def test_perfect_predictions_have_no_error(diabetes):
    X, _, _ = diabetes
    y = X @ [1.0, -2.0, 0.0, 0.5] + 7.0
    result = summary(estimator(tol=1e-9).fit(X, y), X, y)
    assert np.all(result.standard_error < 1e-9)


def test_sparse_columns_stay_sparse():
    X = sparse.random(20_000, 400, 0.005, random_state=0, format="csr")
    y = np.random.RandomState(0).poisson(1.0, X.shape[0]).astype(float)
    model = estimator("poisson", tol=1e-7).fit(X, y)
    for clusters in (None, np.arange(X.shape[0]) // 4):
        tracemalloc.start()
        summary(model, X, y, clusters=clusters)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.7 * 8 * X.shape[0] * X.shape[1]
