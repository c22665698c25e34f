"""Targets of which a part is missing: entries of a table, and the ends of sequences."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from tables import OWN_COLUMNS

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import LOSSES, Masked, SequenceLoss, get_loss
from sklearn_gd.models import MLP
from sklearn_gd.targets import Sequences

ELEMENTWISE = [name for name, loss in LOSSES.items() if not (loss.rowwise or loss.online or name in OWN_COLUMNS)]


def _quietly(model, X, y, **fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **fit)


def _problem(name):
    """X and y of three columns in the domain of a loss."""
    rng = np.random.RandomState(0)
    X = rng.randn(80, 3)
    raw = X @ rng.randn(3, 3)
    if LOSSES[name].task == "classification":
        return X, (raw + rng.randn(80, 3) > 0).astype(float), GDClassifier
    return X, np.exp(0.3 * raw) + 0.1 * rng.rand(80, 3), GDRegressor


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_nothing_missing_is_the_loss_itself(name):
    X, y, make = _problem(name)
    plain, masked = (_quietly(make(loss, alpha=0.01), X, y) for loss in (name, Masked(name)))
    assert masked.loss_curve_[-1] == pytest.approx(plain.loss_curve_[-1], rel=1e-6)
    # Where the loss is made of lines, minimisers need not be one.
    if plain.loss_.smooth and plain.loss_.convex:
        np.testing.assert_allclose(masked.coef_, plain.coef_, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_gradient_is_of_what_is_observed(name):
    rng = np.random.RandomState(1)
    loss = Masked(name)
    y = np.sign(rng.randn(6, 3)) if LOSSES[name].task == "classification" else 0.5 + rng.rand(6, 3)
    holes = rng.rand(6, 3) < 0.4
    raw, missing = rng.randn(6, 3), np.where(holes, np.nan, y)
    inner = get_loss(name)
    value, gradient = loss.value_and_gradient(missing, raw)
    np.testing.assert_array_equal(value, np.where(holes, 0.0, inner.value(y, raw)))
    np.testing.assert_array_equal(gradient, np.where(holes, 0.0, inner.gradient(y, raw)))
    np.testing.assert_allclose(loss.mass(missing), 1.0 - holes.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "adam"])
def test_each_output_is_fitted_by_its_observed_rows(diabetes, solver):
    """Without penalty, an output with holes is the fit of the rows that it has."""
    X, y = diabetes
    both = np.column_stack([y, -2.0 * y])
    both[::3, 0] = both[1::2, 1] = np.nan
    tol = {"tol": 1e-10} if solver != "adam" else {"max_iter": 60, "random_state": 0}
    model = _quietly(GDRegressor(Masked(), alpha=0.0, solver=solver, **tol), X, both)
    for k in range(2):
        rows = ~np.isnan(both[:, k])
        alone = GDRegressor(alpha=0.0).fit(X[rows], both[rows, k])
        gap = np.linalg.norm(model.predict(X)[:, k] - alone.predict(X)) / np.linalg.norm(
            alone.predict(X) - alone.predict(X).mean()
        )
        assert gap < (1e-4 if solver != "adam" else 0.1)
    rows = ~np.isnan(both)
    expected = np.mean([r2_score(both[rows[:, k], k], model.predict(X)[rows[:, k], k]) for k in range(2)])
    assert model.score(X, both) == pytest.approx(expected)


def test_a_row_without_targets_counts_for_nothing(diabetes):
    X, y = diabetes
    both = np.column_stack([y, y**2])
    spoilt = both.copy()
    spoilt[:40] = np.nan
    strange = X.copy()
    strange[:40] += 5.0
    with_rows = GDRegressor(Masked(), alpha=0.1, tol=1e-12).fit(strange, spoilt)
    without = GDRegressor(Masked(), alpha=0.1, tol=1e-12).fit(X[40:], both[40:])
    np.testing.assert_allclose(with_rows.coef_, without.coef_, rtol=1e-5)
    np.testing.assert_allclose(with_rows.intercept_, without.intercept_, rtol=1e-5)


def test_multilabel_with_a_value_for_missing(digits):
    X, labels = digits
    y = ((labels[:, None] >> np.arange(4)) & 1).astype(float)
    holes = np.random.RandomState(0).rand(*y.shape) < 0.3
    holes[:5] = True
    model = _quietly(GDClassifier(Masked("log_loss", missing=-1), alpha=1e-3), X, np.where(holes, -1.0, y))
    full = _quietly(GDClassifier(alpha=1e-3), X, y)
    assert np.mean(model.predict(X) == y) > np.mean(full.predict(X) == y) - 0.02
    right = (model.predict(X) == y) | holes
    assert model.score(X, np.where(holes, -1.0, y)) == pytest.approx(right[~holes.all(axis=1)].all(axis=1).mean())
    assert model.predict_proba(X).shape == y.shape


@pytest.mark.parametrize(
    ("make", "y", "match"),
    [
        (lambda: GDClassifier(Masked("log_loss")), [0, 1, 2], "indicator matrix"),
        (lambda: GDRegressor(Masked("poisson")), [[1.0, np.nan], [-1.0, 2.0], [1.0, 1.0]], "Poisson needs"),
        (lambda: GDRegressor(Masked()), [np.nan, np.nan, np.nan], "no observed entry"),
        (lambda: GDRegressor(Masked("crammer_singer")), [1.0, 2.0, 3.0], "elementwise"),
        (lambda: GDRegressor("squared_error"), [1.0, np.nan, 3.0], "NaN"),
        (lambda: GDClassifier(SequenceLoss()), [0, 1, 2], r"expected \(n_samples, n_steps\)"),
        (lambda: GDClassifier(SequenceLoss(average="word")), [[0], [1], [0]], "average='word'"),
        (lambda: GDClassifier(SequenceLoss(), class_weight="balanced"), [[0], [1], [0]], "class_weight"),
    ],
)
def test_bad_targets(make, y, match):
    with pytest.raises(ValueError, match=match):
        make().fit(np.eye(3), y)


@pytest.fixture(scope="module")
def sequences(digits):
    """Three steps for each sample: the digit, whether it is even, and whether it is small; the ends are cut at random."""
    X, y = digits
    labels = np.column_stack([y, y % 2, (y < 5).astype(int)])
    length = np.random.RandomState(0).randint(1, 4, size=len(y))
    return X, labels, np.where(np.arange(3) < length[:, None], labels, -1)


def test_one_step_is_softmax(digits):
    X, y = digits
    model = GDClassifier(SequenceLoss(), alpha=1e-2).fit(X, y[:, None])
    reference = LogisticRegression(C=1 / (1e-2 * len(y)), tol=1e-10, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X)[:, 0], reference.predict_proba(X), atol=1e-4)
    assert model.score(X, y[:, None]) == pytest.approx(reference.score(X, y))


def test_each_step_is_fitted_by_the_sequences_that_reach_it(sequences):
    X, labels, y = sequences
    model = GDClassifier(SequenceLoss(), alpha=1e-4, tol=1e-8).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.predict_proba(X).shape == (len(X), 3, 10)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=2), 1.0)
    seen = y != -1
    assert model.score(X, y) == pytest.approx(accuracy_score(y[seen], model.predict(X)[seen]))
    # The penalty is that of each step, relative to the tokens of all; of two opposite columns it is half that of one.
    reached = seen[:, 1]
    alone = GDClassifier(alpha=0.5e-4 * seen.sum() / reached.sum(), tol=1e-8).fit(X[reached], y[reached, 1])
    step = model.predict_proba(X)[:, 1]
    np.testing.assert_allclose(step[:, 1] / step[:, :2].sum(axis=1), alone.predict_proba(X)[:, 1], atol=0.01)
    assert np.mean(model.predict(X)[:, 1] == labels[:, 1]) > 0.9


@pytest.mark.parametrize("average", ["token", "sequence"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_sequence_gradient_and_curvature_are_numeric(average, smoothing):
    rng = np.random.RandomState(0)
    y = np.array([[0, 2, -1], [1, -1, -1], [-1, -1, -1], [2, 0, 1]])
    loss = SequenceLoss(average=average, label_smoothing=smoothing).for_target(Sequences(y, -1))
    raw, way = rng.randn(4, 9), rng.randn(4, 9)
    value, gradient = loss.value_and_gradient(y, raw)
    ahead, behind = (loss.value(y, raw + h * way) for h in (1e-6, -1e-6))
    np.testing.assert_allclose((gradient * way).sum(axis=1), (ahead - behind) / 2e-6, atol=1e-8)
    assert value[2] == 0.0
    np.testing.assert_array_equal(gradient[2], 0.0)
    np.testing.assert_array_equal(loss.mass(y), [2, 1, 0, 3] if average == "token" else [1, 1, 0, 1])
    slopes = [loss.gradient(y, raw + h * way) for h in (1e-6, -1e-6)]
    np.testing.assert_allclose(loss.curvature_product(y, raw, way), (slopes[0] - slopes[1]) / 2e-6, atol=1e-8)
    np.testing.assert_allclose(loss.curvature_diagonal(y, raw), np.einsum("nkk->nk", loss.curvature_matrix(y, raw)), atol=1e-12)


@pytest.mark.parametrize("model", ["linear", MLP((40,))])
@pytest.mark.parametrize("solver", ["auto", "adam"])
def test_sequences_with_every_model(sequences, model, solver):
    X, labels, y = sequences
    fit = _quietly(GDClassifier(SequenceLoss(), model=model, solver=solver, max_iter=30, random_state=0), X[:1200], y[:1200])
    assert np.mean(fit.predict(X[1200:]) == labels[1200:]) > 0.85


def test_sequences_of_words_stop_early_and_stream(sequences):
    X, labels, y = sequences
    names = np.array(["nought", *"abcdefghi", "END"])
    words, ends = names[labels], names[y]
    rule = EarlyStopping(patience=3)
    model = _quietly(GDClassifier(SequenceLoss(padding="END"), early_stopping=rule, random_state=0), X, ends)
    assert np.mean(model.predict(X) == words) > 0.85
    assert "END" not in model.classes_
    stream = GDClassifier(SequenceLoss(padding="END"), random_state=0)
    for start in range(0, len(X), 100):
        stream.partial_fit(X[start : start + 100], ends[start : start + 100], classes=names[:-1])
    assert stream.score(X, ends) > 0.75


def test_frames_are_scored_without_a_word(diabetes):
    import pandas as pd

    X, y = diabetes
    frame, Y = pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])]), np.c_[y, y]
    Y[3, 0] = np.nan
    assert GDRegressor(Masked()).fit(frame, Y).score(frame, Y) > 0.4  # a warning is an error here


def test_what_a_mask_wants(diabetes):
    X, y = diabetes
    holes = y.copy()
    holes[0] = np.nan
    with pytest.raises(ValueError, match=r"Input y contains NaN.*loss=Masked"):
        GDRegressor().fit(X, holes)
    labels = np.c_[1.0 + (y > 100), 1.0 + (y > 200)]
    labels[0, 0] = np.nan
    with pytest.raises(ValueError, match="an indicator matrix of 0 and 1"):
        GDClassifier(Masked("log_loss")).fit(X, labels)
