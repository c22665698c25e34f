"""Agreement with what others compute, on shared problems: weighted and not, dense and sparse."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import nnls
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from tables import CLASSIFICATION

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd import penalties as P
from sklearn_gd.losses import LOSSES, EpsilonInsensitive, Quantile, Tweedie

FORMS = {"dense": np.asarray, "fortran": np.asfortranarray, "csr": sparse.csr_matrix, "csc": sparse.csc_array}


def check_close(got, expected, rtol=1e-5):
    """Within rtol relative, in the largest coefficient."""
    np.testing.assert_allclose(got, expected, rtol=0, atol=rtol * np.abs(expected).max())


def weights_for(n, weighted):
    return np.random.RandomState(0).randint(0, 4, size=n).astype(float) if weighted else None


def total(weight, n):
    return n if weight is None else weight.sum()


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


@pytest.fixture(params=[False, True], ids=["unweighted", "weighted"])
def weighted(request):
    return request.param


@pytest.fixture(params=["diabetes", "ames"])
def regression(request):
    X, y = request.getfixturevalue(request.param)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("intercept", [True, False])
def test_ridge(regression, form, weighted, intercept):
    X, y = regression
    w = weights_for(len(y), weighted)
    # The tolerance is for sparse X: wide tables of it are solved by L-BFGS, which stops where tol is met.
    ours = GDRegressor(alpha=0.02, fit_intercept=intercept, tol=1e-10).fit(form(X), y, sample_weight=w)
    theirs = Ridge(alpha=0.02 * total(w, len(y)), fit_intercept=intercept).fit(X, y, sample_weight=w)
    check_close(ours.coef_, theirs.coef_)
    check_close(ours.intercept_, theirs.intercept_) if intercept else None
    assert np.shape(ours.intercept_) == ()


def test_ridge_many_outputs(diabetes):
    X, y = diabetes
    Y = np.c_[y, np.sin(y), X[:, 0] * y]
    ours, theirs = GDRegressor(alpha=0.1).fit(X, Y), Ridge(alpha=0.1 * len(y)).fit(X, Y)
    assert ours.coef_.shape == theirs.coef_.shape == (3, X.shape[1])
    for k in range(3):
        check_close(ours.coef_[k], theirs.coef_[k])
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6, atol=1e-6)


def test_least_squares(diabetes, weighted):
    X, y = diabetes
    w = weights_for(len(y), weighted)
    check_close(GDRegressor(alpha=0).fit(X, y, w).coef_, LinearRegression().fit(X, y, w).coef_)


def test_least_squares_raw_columns(ames):
    X, y = ames
    X = X[:, :8]
    ours, theirs = GDRegressor(alpha=0).fit(X, y), LinearRegression().fit(X, y)
    check_close(ours.coef_ * X.std(axis=0), theirs.coef_ * X.std(axis=0))


@pytest.mark.parametrize("shape", ["collinear", "wide"])
def test_minimum_norm(diabetes, shape):
    X, y = diabetes
    if shape == "collinear":
        X = np.c_[X, X[:, :3], X[:, 0] + 2 * X[:, 1], np.ones(len(X))]
    else:
        X, y = np.random.RandomState(0).randn(40, 90), y[:40]
    ours, theirs = GDRegressor(alpha=0).fit(X, y), LinearRegression().fit(X, y)
    check_close(ours.coef_, theirs.coef_)
    check_close(ours.intercept_, theirs.intercept_)


@pytest.mark.parametrize("data", ["cancer", "wine", "digits"])
def test_logistic(request, data, form, weighted):
    X, y = request.getfixturevalue(data)
    w = weights_for(len(y), weighted)
    ours = GDClassifier(alpha=0.003).fit(form(X), y, sample_weight=w)
    C = 1 / (0.003 * total(w, len(y)))
    theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-11, max_iter=10_000).fit(X, y, sample_weight=w)
    check_close(ours.coef_, theirs.coef_)
    check_close(ours.intercept_, theirs.intercept_ - theirs.intercept_.mean() * (len(ours.classes_) > 2))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize(
    ("loss", "theirs"),
    [
        ("poisson", PoissonRegressor(alpha=0.01, tol=1e-12, solver="newton-cholesky")),
        ("gamma", GammaRegressor(alpha=0.01, tol=1e-12, solver="newton-cholesky")),
        (Tweedie(1.5), TweedieRegressor(power=1.5, alpha=0.01, tol=1e-12, link="log", solver="newton-cholesky")),
        (Tweedie(0), TweedieRegressor(power=0, alpha=0.01, tol=1e-12, link="log", max_iter=10_000)),
        ("inverse_gaussian", TweedieRegressor(power=3, alpha=0.01, tol=1e-10, link="log", max_iter=10_000)),
    ],
    ids=str,
)
def test_generalised_linear_models(regression, loss, theirs, form, weighted):
    X, y = regression
    y = y / 50.0
    w = weights_for(len(y), weighted)
    theirs.fit(X, y, sample_weight=w)
    ours = GDRegressor(loss=loss, alpha=0.01, tol=1e-8).fit(form(X), y, sample_weight=w)
    rtol = 1e-5 if theirs.solver != "lbfgs" else 2e-4  # their L-BFGS stops where F is noise
    check_close(ours.coef_, theirs.coef_, rtol)
    check_close(ours.intercept_, theirs.intercept_, rtol)


def test_lasso_and_elastic_net(regression, form, weighted):
    X, y = regression
    w = weights_for(len(y), weighted)
    for alpha in (0.5, 0.05):
        lasso = Lasso(alpha=alpha, tol=1e-13, max_iter=100_000).fit(X, y, sample_weight=w)
        ours = GDRegressor(penalty="l1", alpha=alpha, tol=1e-10).fit(form(X), y, sample_weight=w)
        check_close(ours.coef_, lasso.coef_)
        np.testing.assert_array_equal(ours.coef_ == 0, lasso.coef_ == 0)
        net = ElasticNet(alpha=alpha, l1_ratio=0.4, tol=1e-13, max_iter=100_000).fit(X, y, sample_weight=w)
        check_close(
            GDRegressor(penalty=P.ElasticNet(0.4), alpha=alpha, tol=1e-10).fit(form(X), y, sample_weight=w).coef_, net.coef_
        )


def test_l1_logistic(cancer, weighted):
    X, y = cancer
    w = weights_for(len(y), weighted)
    C = 1 / (0.02 * total(w, len(y)))
    theirs = (
        LogisticRegression(C=C, l1_ratio=1, solver="saga", tol=1e-10, max_iter=100_000, random_state=0)
        if NEW
        else (LogisticRegression(C=C, penalty="l1", solver="saga", tol=1e-10, max_iter=100_000, random_state=0))
    )
    theirs.fit(X, y, sample_weight=w)
    ours = GDClassifier(penalty="l1", alpha=0.02).fit(X, y, sample_weight=w)
    check_close(ours.coef_, theirs.coef_, 1e-5)
    np.testing.assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)


NEW = "l1_ratio" in str(LogisticRegression.__doc__) and LogisticRegression().get_params().get("penalty") == "deprecated"


def suboptimality(ours, other_value, cost):
    """(F - F*) / (F0 - F*), F* the lower of the two; the constant prediction sets F0."""
    value, constant = cost(ours.coef_, ours.intercept_), ours_constant(ours, cost)
    best = min(value, other_value)
    return (value - best) / (constant - best)


def ours_constant(ours, cost):
    grid = np.linspace(-3, 3, 2001) if hasattr(ours, "classes_") else np.linspace(0, 400, 4001)
    return min(cost(np.zeros_like(ours.coef_), c) for c in grid)


@pytest.mark.parametrize("alpha", [0.0, 0.05])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.93])
def test_quantile(regression, quantile, alpha, weighted):
    X, y = regression
    X, y = X[:600, :10], y[:600]
    w = weights_for(len(y), weighted)
    u = np.ones(len(y)) if w is None else w

    def cost(coef, intercept):
        e = y - X @ coef - intercept
        return u @ np.maximum(quantile * e, (quantile - 1) * e) / u.sum() + alpha * np.abs(coef).sum()

    theirs = QuantileRegressor(quantile=quantile, alpha=alpha).fit(X, y, sample_weight=w)
    ours = GDRegressor(loss=Quantile(quantile), penalty="l1", alpha=alpha).fit(X, y, sample_weight=w)
    assert suboptimality(ours, cost(theirs.coef_, theirs.intercept_), cost) <= 1e-6


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_linear_svc(cancer, form, loss):
    X, y = cancer
    n, alpha = len(y), 0.01
    sign = 2.0 * y - 1.0
    # liblinear penalises the intercept as the weight of a column of ones: give ours that column.
    X1 = np.c_[X, np.ones(n)]

    def cost(coef, intercept):
        m = np.maximum(1 - sign * (X1 @ coef.ravel() + intercept), 0)
        return np.mean(m if loss == "hinge" else m**2) + alpha / 2 * np.sum(coef**2)

    theirs = LinearSVC(loss=loss, C=1 / (alpha * n), dual=True, tol=1e-10, max_iter=1_000_000, random_state=0).fit(X, y)
    coef = np.r_[theirs.coef_.ravel(), theirs.intercept_]
    ours = GDClassifier(loss=loss, alpha=alpha, fit_intercept=False).fit(form(X1), y)
    assert suboptimality(ours, cost(coef, 0.0), cost) <= 1e-6
    assert cost(coef, 0.0) - cost(ours.coef_, 0.0) <= 1e-5  # the two problems are the same one


def test_linear_svr(diabetes):
    X, y = diabetes
    n, alpha = len(y), 0.05
    X1 = np.c_[X, np.ones(n)]

    def cost(coef, intercept):
        return np.mean(np.maximum(np.abs(X1 @ coef + intercept - y) - 5.0, 0)) + alpha / 2 * np.sum(coef**2)

    theirs = LinearSVR(epsilon=5.0, C=1 / (alpha * n), dual=True, tol=1e-10, max_iter=1_000_000, random_state=0).fit(X, y)
    ours = GDRegressor(loss=EpsilonInsensitive(5.0), alpha=alpha, fit_intercept=False).fit(X1, y)
    other = cost(np.r_[theirs.coef_, theirs.intercept_], 0.0)
    assert suboptimality(ours, other, cost) <= 1e-6
    assert other - cost(ours.coef_, 0.0) <= 1e-4 * other


@pytest.mark.parametrize("penalty", [P.NonNegative(), P.L2() + P.NonNegative()], ids=repr)
def test_nonnegative_least_squares(regression, penalty):
    X, y = regression
    n, p = X.shape
    alpha = 0.0 if type(penalty) is P.NonNegative else 0.1
    stacked = np.r_[X / np.sqrt(n), np.sqrt(alpha) * np.eye(p)] if alpha else X / np.sqrt(n)
    theirs, _ = nnls(stacked, np.r_[y / np.sqrt(n), np.zeros(len(stacked) - n)])

    def cost(coef, intercept):
        return 0.5 * np.mean((X @ coef + intercept - y) ** 2) + alpha / 2 * np.sum(coef**2)

    ours = GDRegressor(penalty=penalty, alpha=alpha, fit_intercept=False).fit(X, y)
    assert ours.coef_.min() >= 0
    assert (cost(ours.coef_, 0) - cost(theirs, 0)) / (cost(0 * theirs, 0) - cost(theirs, 0)) <= 1e-6


@pytest.mark.parametrize("loss", [name for name in CLASSIFICATION if not LOSSES[name].rowwise])
def test_one_vs_rest(wine, loss):
    X, y = wine
    one = GDClassifier(loss=loss, alpha=0.01)
    each = OneVsRestClassifier(one).fit(X, y)
    if loss in ("log_loss", "focal"):  # these couple exclusive classes: their one-vs-rest is multilabel
        Y = (y[:, None] == np.arange(3)).astype(int)
        together = one.fit(X, Y)
    else:
        together = one.fit(X, y)
    for k, binary in enumerate(each.estimators_):
        check_close(together.coef_[k], binary.coef_[0])


@pytest.mark.parametrize("loss", ["log_loss", "focal"])
def test_softmax_of_two_classes_is_the_logistic(cancer, loss):
    """A third class of weight next to nothing leaves the other two their binary odds."""
    X, y = cancer
    binary = GDClassifier(loss=loss, alpha=0.01).fit(X, y)
    rowwise = binary.loss_.for_target(type("Three", (), {"exclusive": True, "shares": False})())
    raw = binary.decision_function(X)
    pair = np.c_[np.zeros_like(raw), raw]
    np.testing.assert_allclose(rowwise.value(y, pair), binary.loss_.value(2.0 * y - 1.0, raw), rtol=1e-12)
    np.testing.assert_allclose(rowwise.inverse_link(pair)[:, 1], binary.predict_proba(X)[:, 1], atol=1e-12)


def test_crammer_singer_of_two_classes_is_the_hinge(cancer):
    X, y = cancer
    check_close(
        GDClassifier(loss="crammer_singer", alpha=0.01).fit(X, y).coef_, GDClassifier(loss="hinge", alpha=0.01).fit(X, y).coef_
    )


def test_crammer_singer(wine):
    X, y = wine
    n, alpha = len(y), 0.01
    theirs = LinearSVC(
        multi_class="crammer_singer", C=1 / (alpha * n), fit_intercept=False, tol=1e-10, max_iter=1_000_000, random_state=0
    ).fit(X, y)
    ours = GDClassifier(loss="crammer_singer", alpha=alpha, fit_intercept=False).fit(X, y)

    def cost(coef):
        return np.mean(ours.loss_.value(y, X @ coef.T)) + alpha / 2 * np.sum(coef**2)

    assert cost(ours.coef_) <= cost(theirs.coef_) * (1 + 1e-6)
    check_close(ours.coef_, theirs.coef_, 1e-3)
