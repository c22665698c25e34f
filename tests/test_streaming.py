"""partial_fit and warm starts: state that is kept, weights, classes, and the tools that read rows a few at a time."""

import itertools
import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import HalvingGridSearchCV, learning_curve
from sklearn.preprocessing import StandardScaler
from tables import RULES

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import Masked
from sklearn_gd.models import MLP
from sklearn_gd.solvers import SGD, AdaGrad, Adam

BATCH = 64


def _streamed(model, X, y, size=BATCH, epochs=1, **fit):
    for _ in range(epochs):
        for start in range(0, len(y), size):
            model.partial_fit(X[start : start + size], y[start : start + size], **fit)
            fit.pop("classes", None)
    return model


@pytest.mark.parametrize("rule", ["auto", *RULES])
def test_a_stream_comes_near_the_optimum(digits, rule):
    X, y = digits
    model = _streamed(GDClassifier(solver=rule, random_state=0), X[:1200], y[:1200], epochs=3, classes=range(10))
    assert model.score(X[1200:], y[1200:]) > 0.8
    assert model.t_ == 3 * sum(max(1, round(n / 8)) for n in [64] * 18 + [48])


@pytest.mark.parametrize("rule", RULES)
def test_state_survives_pickle(digits, rule):
    """Moments, step numbers, the average and the automatic rate are all kept: pickled midway, the path is the same."""
    X, y = digits
    settings = {} if rule == "svrg" else {"average": True}
    whole, halves = (GDClassifier(solver=RULES[rule](**settings), random_state=0) for _ in range(2))
    _streamed(whole, X[:640], y[:640], classes=range(10))
    _streamed(halves, X[:320], y[:320], classes=range(10))
    _streamed(restored := pickle.loads(pickle.dumps(halves)), X[320:640], y[320:640])
    np.testing.assert_array_equal(restored.coef_, whole.coef_)


def test_rows_one_at_a_time_and_far_from_zero():
    rng = np.random.RandomState(0)
    X = rng.randn(3000, 3) * [1e-6, 1.0, 1e6] + [1e-5, 0.0, 1e7]
    y = (X - X.mean(0)) / X.std(0) @ [1.0, 2.0, 3.0] + 0.1 * rng.randn(3000) + 1000.0
    model = _streamed(GDRegressor(alpha=0.0, random_state=0), X, y, size=1)
    assert model.score(X, y) > 0.95


@pytest.mark.parametrize("make", [GDClassifier, GDRegressor])
def test_a_batch_without_weight_changes_nothing(cancer, make):
    X, y = cancer
    classes = {"classes": [0, 1]} if make is GDClassifier else {}
    model = make(class_weight="balanced") if make is GDClassifier else make()
    model.partial_fit(X[:100], y[:100], **classes)
    before = pickle.dumps(model.__dict__)
    model.partial_fit(X[100:200], y[100:200], sample_weight=np.zeros(100))
    assert pickle.dumps(model.__dict__) == before


def test_a_first_batch_without_weight_is_not_a_fit(cancer):
    X, y = cancer
    model = GDClassifier().partial_fit(X[:9], y[:9], classes=[0, 1], sample_weight=np.zeros(9))
    with pytest.raises(ValueError, match="not fitted"):
        model.predict(X)
    assert model.partial_fit(X, y).score(X, y) > 0.9


def test_weights_are_unbiased(cancer):
    """Weights all equal are none, whatever they are; a large weight draws the fit to its rows."""
    X, y = cancer
    plain, doubled = (
        _streamed(GDClassifier(solver="sgd", random_state=0), X, y, classes=[0, 1], sample_weight=weight)
        for weight in (None, 2.0)
    )
    np.testing.assert_allclose(plain.coef_, doubled.coef_, rtol=1e-9)


def test_balanced_weights_from_running_counts(cancer):
    X, y = cancer
    rare = np.concatenate([np.flatnonzero(y == 0)[:20], np.flatnonzero(y == 1)])
    rare = np.random.RandomState(0).permutation(rare)
    fits = [
        _streamed(GDClassifier(class_weight=how, random_state=0), X[rare], y[rare], epochs=20, size=40, classes=[0, 1])
        for how in (None, "balanced", {0: 10.0, 1: 1.0})
    ]
    found = [np.mean(model.predict(X) == 0) for model in fits]
    assert found[0] < found[1]
    assert found[0] < found[2]
    exact = GDClassifier(class_weight="balanced").fit(X[rare], y[rare])
    assert np.mean(exact.predict(X) == fits[1].predict(X)) > 0.97


@pytest.mark.parametrize(
    ("calls", "match"),
    [
        ([{}], "classes=None"),
        ([{"classes": [0]}], "at least two"),
        ([{"classes": [0, 2]}], "no class, 1"),
        ([{"classes": [0, 1]}, {"classes": [0, 1, 2]}], "differ from those of an earlier call"),
        ([{"classes": [0, 1]}, {"sample_weight": np.full(3, -1.0)}], "negative"),
    ],
)
def test_bad_calls(calls, match):
    model = GDClassifier()
    for call in calls[:-1]:
        model.partial_fit(np.eye(3), [0, 1, 1], **call)
    with pytest.raises(ValueError, match=match):
        model.partial_fit(np.eye(3), [0, 1, 1], **calls[-1])


def test_only_stochastic_solvers_stream():
    assert not hasattr(GDRegressor(solver="newton"), "partial_fit")
    with pytest.raises(AttributeError) as caught:
        GDRegressor(solver="newton").partial_fit  # noqa: B018
    assert "use a stochastic solver, such as solver='sgd'" in str(caught.value.__cause__)
    assert hasattr(GDRegressor(solver=Adam()), "partial_fit")


def test_other_targets(diabetes, digits):
    X, y = diabetes
    both = _streamed(GDRegressor(random_state=0), X, np.column_stack([y, -y]), epochs=5)
    np.testing.assert_allclose(both.coef_[0], -both.coef_[1], rtol=1e-6)
    assert both.score(X, np.column_stack([y, -y])) > 0.45
    bits = (digits[1][:, None] >> np.arange(4)) & 1
    labels = _streamed(GDClassifier(random_state=0), digits[0], bits, epochs=2)
    assert labels.predict(digits[0]).shape == bits.shape


def test_a_divergence_keeps_what_was_before(diabetes):
    X, y = diabetes
    model = GDRegressor(solver=SGD(learning_rate=1e-3)).partial_fit(X, y)
    before = model.coef_.copy()
    model.set_params(solver=SGD(learning_rate=1e200))
    with pytest.warns(ConvergenceWarning, match="diverged at step"):
        model.partial_fit(X, y)
    np.testing.assert_array_equal(model.coef_, before)


def test_a_stream_goes_on_from_a_fit(diabetes):
    X, y = diabetes
    for solver in ("auto", "sgd"):
        model = GDRegressor(solver=solver, tol=1e-4, random_state=0).fit(X, y)
        exact = Ridge(alpha=1e-4 * len(y)).fit(X, y)
        model.partial_fit(X, y)
        assert model.score(X, y) > exact.score(X, y) - 0.02


def test_tools_that_stream(digits):
    X, y = digits
    model = GDClassifier(solver="adagrad", random_state=0, max_iter=5)
    _, _, scores = learning_curve(model, X, y, cv=2, exploit_incremental_learning=True, train_sizes=[0.2, 1.0])
    assert scores.mean(axis=1)[1] > scores.mean(axis=1)[0] > 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search = HalvingGridSearchCV(model, {"alpha": [1e-4, 1e-2, 10.0]}, cv=2, random_state=0).fit(X, y)
    assert search.best_params_["alpha"] < 1


@pytest.mark.parametrize("rule", RULES)
def test_warm_start_goes_on_with_the_state(diabetes, rule):
    """Epochs one by one, each a fit, go on: the clock, the moments and the rate do not begin anew."""
    X, y = diabetes
    model = GDRegressor(solver=rule, max_iter=1, warm_start=True, random_state=0, alpha=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clocks = [model.fit(X, y)._last_fit.memory.state.clock for _ in range(10)]
    steps = np.diff([0, *clocks])
    assert np.all(steps == steps[0])
    assert model.score(X, y) > 0.45


def test_a_path_of_warm_starts_takes_fewer_iterations(cancer):
    X, y = cancer
    alphas = np.geomspace(1e-1, 1e-4, 12)
    warm = GDClassifier(solver="lbfgs", warm_start=True)
    n_warm = sum(warm.set_params(alpha=alpha).fit(X, y).n_iter_ for alpha in alphas)
    n_cold = sum(GDClassifier(solver="lbfgs", alpha=alpha).fit(X, y).n_iter_ for alpha in alphas)
    assert n_warm < n_cold
    reference = LogisticRegression(C=1 / (alphas[-1] * len(y)), tol=1e-9, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(warm.coef_, reference.coef_, rtol=1e-2, atol=1e-3)


def test_dask_incremental(digits):
    incremental = pytest.importorskip("dask_ml.wrappers").Incremental
    array = pytest.importorskip("dask.array")
    X, y = digits
    model = incremental(GDClassifier(random_state=0))
    model.fit(array.from_array(X, chunks=(200, 64)), array.from_array(y, chunks=200), classes=range(10))
    assert model.estimator_.score(X, y) > 0.8


def test_scaled_in_a_river_loop(cancer):
    """One dict, one row at a time, with a scaler that learns too."""
    X, y = cancer
    scaler, model, hits = StandardScaler(), GDClassifier(random_state=0), []
    for row, label in zip(X, y, strict=True):
        scaler.partial_fit(row[None])
        if hits or hasattr(model, "coef_"):
            hits.append(model.predict(scaler.transform(row[None]))[0] == label)
        model.partial_fit(scaler.transform(row[None]), [label], classes=[0, 1])
    assert np.mean(hits[100:]) > 0.9


@pytest.mark.parametrize("change", [{"loss": "huber"}, {"model": "mlp"}, {"fit_intercept": False}])
def test_what_a_stream_rests_upon_cannot_change(diabetes, change):
    X, y = diabetes
    model = GDRegressor().partial_fit(X, y)
    with pytest.raises(ValueError, match="partial_fit goes on with"):
        model.set_params(**change).partial_fit(X, y)
    assert model.set_params(loss="squared_error", model="linear", fit_intercept=True, alpha=0.1).partial_fit(X, y)


def test_every_rule_may_follow_every_other(diabetes):
    """A warm start by another rule begins with its own moments."""
    X, y = diabetes
    for first, second in itertools.permutations(RULES, 2):
        model = GDRegressor(solver=first, warm_start=True, max_iter=1, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
            model.set_params(solver=second).fit(X, y)
        assert np.all(np.isfinite(model.coef_)), (first, second)


@pytest.mark.parametrize("solver", ["adam", "adamw", "nadam"])
def test_a_stream_with_a_kinked_penalty_does_not_run_away(solver):
    rng = np.random.RandomState(0)
    X = rng.randn(300, 5)
    y = X @ np.arange(5.0) + 0.1 * rng.randn(300)
    model = _streamed(GDRegressor(solver=solver, penalty="l1", alpha=1e-3, random_state=0), X, y, size=1, epochs=2)
    assert model.score(X, y) > 0.99


def test_early_stopping_and_divergence_are_not_undone(diabetes):
    """Steps go on from the parameters that were returned, not from those that were thrown away."""
    X, y = diabetes
    rule = EarlyStopping(patience=50)
    wide = np.hstack([X, np.random.RandomState(0).randn(len(X), 200)])
    model = GDRegressor(solver=SGD(0.01), alpha=0.0, max_iter=60, early_stopping=rule, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(wide[:250], y[:250], X_val=wide[250:], y_val=y[250:])
    before = model.predict(wide)
    model.set_params(early_stopping=False).partial_fit(wide[:1], y[:1])
    assert np.abs(model.predict(wide) - before).mean() < 0.2 * y.std()
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model = GDRegressor(solver=SGD(100.0), warm_start=True).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert model.set_params(solver=SGD(1e-3)).fit(X, y).score(X, y) > 0.4


def test_a_failed_call_leaves_no_trace(cancer):
    X, y = cancer
    model = GDClassifier()
    with pytest.raises(ValueError, match="no class, 2"):
        model.partial_fit(X, 2 * y, classes=[0, 1])
    assert model.partial_fit(X, 2 * y, classes=[0, 2]).score(X, 2 * y) > 0.8
    broken = GDClassifier(loss=_broken)
    with pytest.raises(ZeroDivisionError):
        broken.partial_fit(X, y, classes=[0, 1])
    assert broken.set_params(loss="log_loss").partial_fit(X, y, classes=[0, 1]).score(X, y) > 0.8


def _broken(y, raw):
    raise ZeroDivisionError


def _cubed(y, raw):
    return np.abs(y - raw) ** 1.5


def test_a_users_loss_goes_on_after_pickle(diabetes):
    X, y = diabetes
    model = pickle.loads(pickle.dumps(GDRegressor(loss=_cubed).partial_fit(X, y)))
    assert model.partial_fit(X, y).t_ > 0


def test_a_network_that_began_with_one_row_learns():
    rng = np.random.RandomState(0)
    X = rng.randn(300, 5)
    y = X @ np.arange(5.0) + 0.1 * rng.randn(300)
    model = _streamed(GDRegressor(model=MLP((20,)), random_state=0), X, y, size=1, epochs=3)
    assert model.score(X, y) > 0.9


def test_auto_in_a_stream(cancer):
    X, y = cancer
    kinds = {"linear": AdaGrad, "mlp": Adam}
    for model, kind in kinds.items():
        assert type(GDClassifier(model=model).partial_fit(X, y, classes=[0, 1]).solver_) is kind
    assert type(GDClassifier(loss="perceptron").partial_fit(X, y, classes=[0, 1]).solver_) is SGD


@pytest.mark.parametrize("loss", ["poisson", "tweedie", Masked("poisson")], ids=repr)
def test_a_batch_without_an_event_is_ordinary(loss):
    """Also the first one, and validation rows; all rows of a fit are another matter."""
    X = np.random.RandomState(0).randn(200, 2)
    y = np.random.RandomState(1).poisson(np.exp(X[:, 0])).astype(float)
    for first in (2.0, 0.0):
        model = GDRegressor(loss).partial_fit(X[:1], [first]).partial_fit(X[1:2], [2.0 - first])
        assert np.all(model.predict(X[:2]) < 10.0)
    stream = _streamed(GDRegressor(loss, random_state=0), X, y, size=1, epochs=3)
    assert stream.coef_[0] == pytest.approx(1.0, abs=0.3)
    GDRegressor(loss).fit(X, y, X_val=X[y == 0], y_val=y[y == 0])
    with pytest.raises(ValueError, match="not all zero"):
        GDRegressor(loss).fit(X, 0.0 * y)
    with pytest.raises(ValueError, match="y >= 0"):
        GDRegressor(loss).partial_fit(X, y - 1.0)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_class_weights_that_fit_refuses(cancer, bad):
    """At once, not when a row of that class comes; and the stream is as it was."""
    X, y = cancer
    for method, classes in (("fit", {}), ("partial_fit", {"classes": [0, 1]})):
        with pytest.raises(ValueError, match="class_weight"):
            getattr(GDClassifier(class_weight={0: bad, 1: 1.0}), method)(X, y, **classes)
    model = GDClassifier().partial_fit(X, y, classes=[0, 1])
    before = pickle.dumps(model._last_fit.memory.state)
    with pytest.raises(ValueError, match="class_weight"):
        model.set_params(class_weight={0: bad, 1: 1.0}).partial_fit(X[y == 1], y[y == 1])
    assert pickle.dumps(model._last_fit.memory.state) == before


def test_early_stopping_is_refused(cancer):
    with pytest.raises(ValueError, match="early_stopping=True: expected False in partial_fit"):
        GDClassifier(early_stopping=True).partial_fit(*cancer, classes=[0, 1])


def test_pickles_hold_what_predicts():
    """The state of a stream is kept after steps of one, or with a warm start; without it, steps go on from coef_."""
    rng = np.random.RandomState(0)
    X = rng.randn(400, 300)
    y = (X[:, 0] > 0).astype(int)
    theirs = len(pickle.dumps(LogisticRegression().fit(X, y)))
    for solver in ("lbfgs", "adam"):
        model = GDClassifier(solver=solver, max_iter=5, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
            assert len(pickle.dumps(model)) < 2 * theirs
            network = GDClassifier(model="mlp", solver=solver, max_iter=5, random_state=0).fit(X, y)
        weights = sum(matrix.nbytes for matrix in [*network.coefs_, *network.intercepts_])
        assert len(pickle.dumps(network)) < 1.2 * weights
    for again in (pickle.loads(pickle.dumps(model)), pickle.loads(pickle.dumps(network))):
        before = again.score(X, y)
        _streamed(again, X[:10], y[:10], size=1)
        assert again.score(X, y) > before - 0.1
        assert _streamed(again, X, y, size=100).score(X, y) > before - 0.1
        assert len(pickle.loads(pickle.dumps(again))._last_fit.memory.state.params) > 300


@pytest.mark.parametrize("sparse_rows", [False, True])
def test_a_given_rate_steps_as_a_textbook_does(sparse_rows):
    """On coef_ and intercept_ themselves, batch by batch, whatever the means of the columns."""
    rng = np.random.RandomState(0)
    X = rng.rand(90, 3) + np.array([5.0, 0.0, -2.0])
    y = X @ [1.0, 2.0, 3.0] + 1.0
    model = GDRegressor(solver=SGD(learning_rate=0.01, batch_size=30), alpha=0.0, random_state=0)
    coef, intercept = np.zeros(3), y[:30].mean()
    for start in (0, 30, 60):
        rows, target = X[start : start + 30], y[start : start + 30]
        model.partial_fit(sparse.csr_matrix(rows) if sparse_rows else rows, target)
        error = rows @ coef + intercept - target
        coef, intercept = coef - 0.01 * rows.T @ error / 30, intercept - 0.01 * error.mean()
        np.testing.assert_allclose(model.coef_, coef, rtol=1e-9)
        np.testing.assert_allclose(model.intercept_, intercept, rtol=1e-9)


@pytest.mark.parametrize("solver", ["auto", "adam", "sgd", "svrg"])
@pytest.mark.parametrize("copied", [False, True])
def test_a_few_rows_do_not_spoil_a_fit(diabetes, cancer, solver, copied):
    """One row, and fifty, after a fit that is kept or pickled."""
    for model, (X, y) in ((GDClassifier(), cancer), (GDRegressor(), diabetes)):
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(solver=solver, random_state=0).fit(X, y)
        before = model.score(X, y)
        model = pickle.loads(pickle.dumps(model)) if copied else model
        for rows in (slice(0, 1), slice(1, 2), slice(2, 52)):
            assert model.partial_fit(X[rows], y[rows]).score(X, y) > before - 0.15
