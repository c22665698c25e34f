"""The compiled solvers: the same optimum as without them, whatever the rows; and life without numba."""

from contextlib import contextmanager

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.svm import LinearSVC, LinearSVR
from tables import ALL_LOSSES, LOSS_IDS, objective_on

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import (
    AbsoluteError,
    CustomLoss,
    EpsilonInsensitive,
    Hinge,
    Huber,
    LogLoss,
    Quantile,
    SquaredError,
    SquaredHinge,
)
from sklearn_gd.penalties import L1, ElasticNet, GroupLasso, NonNegative
from sklearn_gd.solvers import LBFGS, Dual, DualCoordinateDescent, WorkingSet
from sklearn_gd.solvers.fast import compiled
from sklearn_gd.solvers.fast.coordinates import Coordinates
from sklearn_gd.targets import Continuous

LISTED = [loss for loss in ALL_LOSSES if loss.scalar_slope is not None]


@pytest.fixture(scope="module")
def texts():
    """A bag of words: 3,000 short rows, 2,000 columns, as many entries as solver="auto" wants; labels and an amount."""
    random_state = np.random.RandomState(0)
    words = (2000 * random_state.uniform(size=(3000, 80)) ** 3).astype(int)
    rows = np.repeat(np.arange(3000), 80)
    X = sparse.csr_matrix((np.ones(rows.size), (rows, words.ravel())), shape=(3000, 2000))
    X.data /= np.sqrt(np.repeat(X.multiply(X).sum(axis=1).A1, np.diff(X.indptr)))
    score = X @ random_state.standard_normal(2000) + 0.3 * random_state.standard_normal(3000)
    return X, score, (score > 0.2).astype(int)


def _objective(model, X, y, weight=None):
    """Return F from what is public."""
    raw = X @ np.atleast_2d(model.coef_).T + model.intercept_
    if hasattr(model, "classes_"):
        y = np.where(y == model.classes_[1], 1.0, -1.0)
    costs = model.loss_.value(np.reshape(y, (len(y), -1)) * np.ones_like(raw), raw).sum(axis=1)
    return np.average(costs, weights=weight) + model.alpha * 0.5 * np.sum(np.square(model.coef_))


def _fit(loss, X, y, solver, **settings):
    kind = GDClassifier if loss.task == "classification" else GDRegressor
    return kind(loss, solver=solver, **{"alpha": 1e-3, **settings}).fit(X, y)


@pytest.mark.parametrize("loss", LISTED, ids=[id_ for loss, id_ in zip(ALL_LOSSES, LOSS_IDS, strict=True) if loss in LISTED])
def test_scalar_slopes_are_the_derivatives(loss):
    function, constant = loss.scalar_slope
    random_state = np.random.RandomState(0)
    raw = np.concatenate([random_state.standard_normal(200) * 3.0, [0.0, 40.0, -40.0, 800.0, -800.0]])
    y = random_state.choice([-1.0, 1.0], raw.size) if loss.task == "classification" else random_state.standard_normal(raw.size)
    found = np.array([function(*pair, constant) for pair in zip(y, raw, strict=True)])
    columns = y[:, None], raw[:, None]
    np.testing.assert_allclose(found[:, 0], loss.gradient(*columns)[:, 0], rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(found[:, 1], loss.curvature_product(*columns, np.ones_like(raw)[:, None])[:, 0], rtol=1e-12)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_a_loss_of_ones_own_in_numba(texts, penalty):
    import numba

    @numba.vectorize
    def slope(y_true, raw):
        return np.tanh(raw - y_true)

    @numba.vectorize
    def curvature(y_true, raw):
        return 1.0 - np.tanh(raw - y_true) ** 2

    def log_cosh(y_true, raw):
        return np.logaddexp(raw - y_true, y_true - raw)

    X, score, _ = texts
    settings = {"alpha": 1e-3, "penalty": penalty, "tol": 1e-6}
    compiled_loss = CustomLoss(log_cosh, slope, curvature)
    assert compiled_loss.scalar_slope == CustomLoss(log_cosh, slope, curvature).scalar_slope  # compiled once
    fast = GDRegressor(compiled_loss, **settings).fit(X, score)
    plain = GDRegressor("log_cosh", **settings).fit(X, score)
    assert fast.converged_
    assert isinstance(fast.solver_, DualCoordinateDescent if penalty == "l2" else WorkingSet)
    np.testing.assert_allclose(fast.coef_, plain.coef_, atol=1e-4)
    for other in (CustomLoss(log_cosh, slope), CustomLoss(log_cosh, slope, curvature, convex=False)):
        assert other.scalar_slope is None


def test_a_function_in_numba_that_takes_arrays_only(texts):
    import numba

    @numba.njit
    def slope(y_true, raw):
        return 2.0 * (raw - y_true) + 0.0 * raw[:1]

    @numba.njit
    def curvature(y_true, raw):
        return 2.0 + 0.0 * raw + 0.0 * raw[:1]

    X, score, _ = texts
    loss = CustomLoss(lambda y_true, raw: (y_true - raw) ** 2, slope, curvature)
    with pytest.raises(ValueError, match=r"with numbers: expected functions of arrays and numbers alike, as numba\.vectorize"):
        GDRegressor(loss, solver="dual_coordinate_descent").fit(X, score)


def test_the_order_of_rows_does_not_depend_on_a_seed(texts):
    X, _, label = texts
    fits = [_fit(Hinge(), X, label, "auto", random_state=seed) for seed in (None, None, 1)]
    assert isinstance(fits[0].solver_, DualCoordinateDescent)
    for other in fits[1:]:
        np.testing.assert_array_equal(fits[0].coef_, other.coef_)


def test_a_subclass_that_overrides_a_method_has_no_scalar_slope(texts):
    class Doubled(LogLoss):
        def value_and_gradient(self, y, raw):
            value, slope = super().value_and_gradient(y, raw)
            return 2.0 * value, 2.0 * slope

        def curvature_product(self, y, raw, v):
            return 2.0 * super().curvature_product(y, raw, v)

    class Costly(LogLoss):
        def for_rows(self, loss_data):
            return Doubled() if loss_data is None else self

    class Named(LogLoss):
        """Changes nothing."""

    X, _, label = texts
    assert Doubled().scalar_slope is None
    assert Costly().scalar_slope is None
    assert Named().scalar_slope == LogLoss().scalar_slope
    assert not isinstance(_fit(Doubled(), X, label, "auto", alpha=1e-4).solver_, DualCoordinateDescent)
    assert isinstance(GDClassifier(LogLoss(), alpha=1e-4).fit(X, label).solver_, DualCoordinateDescent)


PIECEWISE_LINEAR = [Hinge(), EpsilonInsensitive(0.1), Quantile(0.3)]


@pytest.mark.parametrize("loss", [*LISTED, *PIECEWISE_LINEAR], ids=repr)
@pytest.mark.parametrize("intercept", [False, True])
def test_the_optimum_is_that_of_other_solvers(texts, loss, intercept):
    X, amount, label = texts
    y = label if loss.task == "classification" else amount
    settings = {"fit_intercept": intercept, "tol": 1e-8}
    ours = _fit(loss, X, y, "dual_coordinate_descent", **settings)
    other = _fit(loss, X, y, LBFGS() if loss.smooth else Dual(), **settings)
    assert ours.converged_
    assert other.converged_
    best, first = _objective(other, X, y), other.loss_.value(np.zeros((1, 1)), np.zeros((1, 1))).item() + 1.0
    assert _objective(ours, X, y) <= best + 1e-9 * first
    np.testing.assert_allclose(ours.coef_, other.coef_, atol=1e-4 * np.abs(other.coef_).max())
    np.testing.assert_allclose(ours.intercept_, other.intercept_, atol=1e-4 * max(1.0, np.abs(other.coef_).max()))


def test_agrees_with_liblinear(texts):
    X, amount, label = texts
    C = 1.0 / (1e-3 * len(label))
    fixed = {"C": C, "fit_intercept": False, "tol": 1e-9, "max_iter": 100_000, "dual": True}
    pairs = [
        (Hinge(), LinearSVC(loss="hinge", **fixed), label),
        (EpsilonInsensitive(0.1), LinearSVR(epsilon=0.1, **fixed), amount),
        (LogLoss(), LogisticRegression(solver="liblinear", **fixed), label),
    ]
    for loss, rival, y in pairs:
        ours = _fit(loss, X, y, "dual_coordinate_descent", fit_intercept=False)
        coef = rival.fit(X, y).coef_.reshape(ours.coef_.shape)
        np.testing.assert_allclose(ours.coef_, coef, atol=1e-4 * np.abs(coef).max(), err_msg=repr(loss))


@pytest.mark.parametrize("loss", [Hinge(), LogLoss(), EpsilonInsensitive(0.1)], ids=repr)
def test_rows_as_they_come(texts, loss):
    """Columns first, 64-bit indices, read-only, float32, entries stored twice, an empty row, weights, an offset, dense."""
    X, amount, label = texts
    y = label if loss.task == "classification" else amount
    X, y = X[:600].copy(), y[:600]
    X.data[X.indptr[7] : X.indptr[8]] = 0.0
    X.eliminate_zeros()
    whole = _fit(loss, X, y, "dual_coordinate_descent")
    halves = sparse.csr_matrix((np.repeat(X.data / 2.0, 2), np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape)
    fixed = X.copy()
    for part in (fixed.data, fixed.indices, fixed.indptr):
        part.flags.writeable = False
    wide = X.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    kind = type(whole)
    for other in (X.tocsc(), wide, fixed, halves, X.toarray(), X.astype(np.float32)):
        model = kind(loss, solver="dual_coordinate_descent", alpha=1e-3).fit(other, y)
        slack = 1e-3 if other.dtype == np.float32 else 2e-4
        np.testing.assert_allclose(model.coef_, whole.coef_, atol=slack * np.abs(whole.coef_).max())
    weight = np.tile([0.0, 1.0, 2.0], 200)
    weighted = kind(loss, solver="dual_coordinate_descent", alpha=1e-3).fit(X, y, sample_weight=weight)
    copies = np.repeat(np.arange(600), weight.astype(int))
    repeated = kind(loss, solver="dual_coordinate_descent", alpha=1e-3).fit(X[copies], y[copies])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=2e-4 * np.abs(repeated.coef_).max())
    shifted = kind(loss, solver="dual_coordinate_descent", alpha=1e-3).fit(X, y, offset=np.full(600, 0.7))
    np.testing.assert_allclose(shifted.intercept_, whole.intercept_ - 0.7, atol=1e-4)


def test_several_columns_of_raw(texts):
    X, amount, _ = texts
    y = np.digitize(amount, np.quantile(amount, [0.3, 0.7]))
    model = GDClassifier("hinge", alpha=1e-3).fit(X, y)
    assert isinstance(model.solver_, DualCoordinateDescent)
    for k in range(3):
        single = GDClassifier("hinge", alpha=1e-3).fit(X, y == k)
        np.testing.assert_allclose(model.coef_[k], single.coef_[0], atol=1e-4 * np.abs(single.coef_).max())


PENALTIES = [L1(), ElasticNet(0.5), L1(weights=np.linspace(0.0, 2.0, 2000))]


@pytest.mark.parametrize("penalty", PENALTIES, ids=["l1", "elasticnet", "weighted"])
@pytest.mark.parametrize("loss", [SquaredError(), LogLoss(), Huber(0.3)], ids=repr)
@pytest.mark.parametrize("intercept", [False, True])
def test_coordinates_find_the_optimum_of_newton(texts, loss, penalty, intercept, monkeypatch):
    X, amount, label = texts
    y, offset = (label if loss.task == "classification" else amount), np.linspace(0.0, 0.5, 3000)
    weight = np.where(np.arange(3000) < 20, 0.0, np.tile([1.0, 2.0, 3.0], 1000))
    kind = GDClassifier if loss.task == "classification" else GDRegressor
    model = kind(loss, penalty=penalty, alpha=3e-4, fit_intercept=intercept)
    calls, original = [], Coordinates.descended
    monkeypatch.setattr(Coordinates, "descended", lambda self, *given: calls.append(original(self, *given)) or calls[-1])
    fast = clone(model).fit(X, y, sample_weight=weight, offset=offset)
    assert calls
    assert any(call.violation < 0.1 for call in calls)
    monkeypatch.setattr(Coordinates, "of", lambda objective: None)
    plain = clone(model).fit(X, y, sample_weight=weight, offset=offset)
    assert fast.converged_
    assert plain.converged_
    np.testing.assert_array_equal(fast.coef_ != 0, plain.coef_ != 0)
    np.testing.assert_allclose(fast.coef_, plain.coef_, atol=1e-6 * np.abs(plain.coef_).max())
    np.testing.assert_allclose(fast.intercept_, plain.intercept_, atol=1e-6)


def test_coordinates_of_entries_stored_twice(texts):
    X, amount, _ = texts
    halves = sparse.csr_matrix((np.repeat(X.data / 2.0, 2), np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape)
    once, twice = (objective_on(Z, amount, Continuous(amount), SquaredError(), "l1", alpha=3e-4) for Z in (X, halves))
    columns, params = np.arange(300), np.zeros(once.size)
    expected, found = (Coordinates.of(each).descended(each, params, columns, 1e-9) for each in (once, twice))
    np.testing.assert_allclose(found.params, expected.params, atol=1e-8)
    assert found.violation == pytest.approx(expected.violation, abs=1e-8)


def test_coordinates_of_several_columns_agree_with_scikit_learn(texts):
    X, amount, _ = texts
    Y = np.stack([amount, -2.0 * amount + X[:, 0].toarray()[:, 0]], axis=1)
    ours = GDRegressor(penalty="l1", alpha=1e-3).fit(X, Y)
    for k in range(2):
        rival = Lasso(alpha=1e-3, tol=1e-10, max_iter=100_000).fit(X, Y[:, k])
        np.testing.assert_allclose(ours.coef_[k], rival.coef_, atol=1e-6 * np.abs(rival.coef_).max())


@pytest.mark.parametrize("penalty", [NonNegative() + L1(), GroupLasso([[j, j + 1] for j in range(0, 2000, 2)]), "l2"], ids=repr)
def test_coordinates_are_left_to_absolute_values(texts, penalty):
    """What is not the absolute value of each weight is minimised as before."""
    X, amount, _ = texts
    objective = objective_on(X, amount, Continuous(amount), SquaredError(), penalty, alpha=1e-3)
    assert Coordinates.of(objective) is None
    assert Coordinates.of(objective_on(X, amount, Continuous(amount), SquaredError(), "l1", alpha=1e-3)) is not None


@contextmanager
def without_numba():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "find_spec", lambda name: None)
        compiled.has_compiler.cache_clear()
        yield
    compiled.has_compiler.cache_clear()


@pytest.mark.parametrize("loss", [Hinge(), SquaredHinge(), LogLoss(), Huber(), AbsoluteError()], ids=repr)
def test_auto_without_numba(texts, loss):
    """Without numba, "auto" finds the same optimum by another way, and the name of the solver is answered with a remedy."""
    X, amount, label = texts
    y = label if loss.task == "classification" else amount
    fast = _fit(loss, X, y, "auto", alpha=1e-4)
    with without_numba():
        plain = _fit(loss, X, y, "auto", alpha=1e-4)
        with pytest.raises(ValueError, match=r"needs numba: use solver='auto', or pip install 'sklearn-gd\[fast\]'"):
            _fit(loss, X, y, "dual_coordinate_descent")
    assert isinstance(fast.solver_, DualCoordinateDescent)
    assert not isinstance(plain.solver_, DualCoordinateDescent)
    assert _objective(plain, X, y) == pytest.approx(_objective(fast, X, y), rel=1e-6)
