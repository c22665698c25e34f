"""What a loss may do besides its values: columns of its own, columns of raw that y has not, missing y, a target of its own."""

import pickle
import warnings
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hostile import HostileRows
from scipy.optimize import linprog, minimize
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import Expectile, Loss, Masked, Moreau, Quantile
from sklearn_gd.models import MLP, Linear
from sklearn_gd.objective.certificate import Reference
from sklearn_gd.objective.objective import Objective
from sklearn_gd.objective.summand import Summand
from sklearn_gd.penalties import get_penalty
from sklearn_gd.penalties.scaled import Scaled
from sklearn_gd.rows import source
from sklearn_gd.rows.blocks import MemoryRows
from sklearn_gd.solvers import LBFGS, Newton, NewtonCG, ProximalPoint
from sklearn_gd.solvers.loop import solve
from sklearn_gd.targets import Continuous, Encoding, Target
from sklearn_gd.training.constants import reference_at, without_features

HOMES = [MemoryRows, HostileRows]


# -- columns of the loss's own ----------------------------------------------------------------------------------------


class RowExpectile(Loss):
    """`Expectile` at a level of each row's own."""

    task = "regression"
    level = None

    def for_rows(self, loss_data):
        result = copy(self)
        result.level = loss_data[:, None]
        return result

    def _share(self, y, raw):
        return np.where(y > raw, self.level, 1.0 - self.level)

    def value(self, y, raw):
        return self._share(y, raw) * (y - raw) ** 2

    def gradient(self, y, raw):
        return 2.0 * self._share(y, raw) * (raw - y)

    def curvature_product(self, y, raw, v):
        return 2.0 * self._share(y, raw) * v

    def prox(self, y, v, step):
        share = 2.0 * step * self._share(y, v)
        return (v + share * y) / (1.0 + share)


class RowQuantile(RowExpectile):
    """`Quantile` at a level of each row's own."""

    smooth = False

    def value(self, y, raw):
        return self._share(y, raw) * np.abs(y - raw)

    def gradient(self, y, raw):
        return self._share(y, raw) * np.sign(raw - y)

    def curvature_product(self, y, raw, v):
        return 0.0 * v

    def prox(self, y, v, step):
        down, up = v - step * (1.0 - self.level), v + step * self.level
        return np.where(v > y, np.maximum(down, y), np.minimum(up, y))


PAIRS = pytest.mark.parametrize(
    ("loss", "kind"), [(RowExpectile(), Expectile), (RowQuantile(), Quantile)], ids=["expectile", "quantile"]
)


@pytest.fixture(scope="module")
def table():
    """X, y, weights with zeros among them, and a level for each row."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 3)) + np.array([0.0, 5.0, 0.0])
    y = X @ [1.0, -0.5, 0.2] + rng.standard_t(4, size=300)
    return X, y, rng.randint(0, 3, size=300).astype(float), rng.uniform(0.1, 0.9, size=300)


def _objective(home, loss, X, y, weight, level, penalty=None, alpha=0.0):
    target = Continuous(y)
    rows = home(X, target.prepare(y, loss.rowwise), weight, loss_data=level)
    bound = Linear().bind(loss.n_raw(target), True, rows.moments)
    columns = Reference.of_columns(rows.moments, True, bound.n_raw)
    objective = Objective.on(rows, Summand(bound, loss, target.encoded_for(loss)), Scaled(get_penalty(penalty), alpha), columns)
    constant = np.full(bound.n_raw, np.nanmean(y))
    return replace(
        objective, reference=reference_at(without_features(rows, loss, objective.summand.encoding), constant, columns)
    )


def _one_by_one(kind, objective, X, y, weight, level, params):
    """The mean loss and its gradient from a loss of the package at each row's own level."""
    total, gradient = 0.0, np.zeros(objective.size)
    for i in np.flatnonzero(weight):
        loss = kind(level[i])
        z = np.append(X[i] - objective.model.center, 1.0)
        raw = (z @ params.reshape(len(z), -1))[None]
        seen = ~np.isnan(np.atleast_2d(y[i]))
        truth = np.where(seen, y[i], 0.0)
        total += weight[i] * float((loss.value(truth, raw) * seen).sum())
        gradient += weight[i] * np.outer(z, loss.gradient(truth, raw) * seen).ravel()
    return total, gradient


@pytest.mark.parametrize("home", HOMES)
@PAIRS
def test_the_value_and_gradient_are_those_of_each_row(table, home, loss, kind):
    weight = table[2]
    objective = _objective(home, loss, *table)
    params = np.random.RandomState(1).standard_normal(objective.size)
    value, gradient = objective.value_and_gradient(params)
    expected = _one_by_one(kind, objective, *table, params)
    np.testing.assert_allclose(value, expected[0] / weight.sum(), rtol=1e-10)
    np.testing.assert_allclose(gradient, expected[1] / weight.sum(), rtol=1e-9, atol=1e-12)
    assert objective.value(params) == pytest.approx(value)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("solver", [LBFGS(), Newton(), NewtonCG(), ProximalPoint()], ids=repr)
def test_a_smooth_loss_is_solved(table, home, solver):
    weight = table[2]
    objective = _objective(home, RowExpectile(), *table, "l2", 0.1)
    result = solve(objective, solver, np.zeros(objective.size), tol=1e-9)

    def cost(params):
        value, gradient = _one_by_one(Expectile, objective, *table, params)
        ridge = 0.1 * np.append(params[:-1], 0.0)
        return value / weight.sum() + 0.5 * params @ ridge, gradient / weight.sum() + ridge

    best = minimize(cost, np.zeros(objective.size), jac=True, method="BFGS", options={"gtol": 1e-8})
    assert result.converged
    np.testing.assert_allclose(result.state.params, best.x, atol=1e-6)


@pytest.mark.parametrize("home", HOMES)
def test_a_kinked_loss_is_solved(table, home):
    X, y, weight, level = table
    objective = _objective(home, RowQuantile(), *table)
    start = objective.model.at_constant(objective.reference.constant)
    result = solve(objective, ProximalPoint(), start, tol=1e-7)
    # min q'u + (1 - q)'v with y - raw = u - v, u and v not negative
    n, Z = len(y), np.c_[X, np.ones(len(y))]
    costs = np.concatenate([np.zeros(4), weight * level, weight * (1.0 - level)])
    best = linprog(costs, A_eq=np.c_[Z, np.eye(n), -np.eye(n)], b_eq=y, bounds=[(None, None)] * 4 + [(0, None)] * (2 * n))
    assert result.converged
    assert result.state.value == pytest.approx(best.fun / weight.sum(), rel=1e-6)
    assert objective.reference.value > 1.2 * best.fun / weight.sum()  # the constant was a start and not the solution


def _levels(block):
    return block.loss_data


@pytest.mark.parametrize("home", HOMES)
def test_parts_of_the_rows_keep_their_levels(table, home):
    X, y, weight, level = table
    rows = home(X, y[:, None], weight, loss_data=level)
    of = dict(zip(y, level, strict=True))

    def check(blocks, n):
        blocks = list(blocks)
        assert sum(len(block.weight) for block in blocks) == n
        for block in blocks:
            np.testing.assert_array_equal(block.loss_data, [of[value] for value in block.y[:, 0]])

    used = np.count_nonzero(weight)
    check(rows.batches(16, seed=0), used)
    check(rows.sample(40).blocks(), 40)
    check(rows.sample(40).copied().blocks(), 40)
    check(rows.columns(np.array([0, 2])).sample(used).blocks(), used)
    mask = rows.map(_above)
    check(rows.take(mask).blocks(), np.count_nonzero(y[weight > 0] > 1.0))
    check(next(iter(rows.sample(40).blocks())).split(7), 40)


def _above(block):
    return block.y[:, 0] > 1.0


@pytest.mark.parametrize("home", HOMES)
def test_a_sample_is_the_objective_of_its_rows(table, home):
    objective = _objective(home, RowExpectile(), *table)
    few = objective.sample(50)
    params = np.random.RandomState(2).standard_normal(objective.size)
    rows = few.rows.copied()
    y, weight, level = (_joined(rows, part) for part in ("y", "weight", "loss_data"))
    X = np.concatenate([part.X.dot(np.eye(rows.n_features)) for part in rows.blocks()])
    expected = _one_by_one(Expectile, objective, X, y[:, 0], weight, level, params)
    value, gradient = few.value_and_gradient(params)
    assert value == pytest.approx(expected[0] / weight.sum())
    np.testing.assert_allclose(gradient, expected[1] / weight.sum(), rtol=1e-9)


def _joined(rows, part):
    return np.concatenate([getattr(block, part) for block in rows.blocks()])


@pytest.mark.parametrize("home", HOMES)
@PAIRS
def test_the_envelope_is_that_of_each_row(table, home, loss, kind):
    """`Objective.smoothed` takes the prox of each row at its own level."""
    X, y, weight, level = table
    objective = _objective(home, loss, *table)
    params = np.random.RandomState(3).standard_normal(objective.size)
    multiplier = objective.rows.map(_ramp)
    smoothed = objective.smoothed(0.7, multiplier)
    value = smoothed.value(params)
    raw = np.c_[X - objective.model.center, np.ones(len(y))] @ params + 0.7 * y
    expected = [
        float(Moreau(kind(q), 0.7).value(np.array([[a]]), np.array([[z]]))[0, 0]) for q, a, z in zip(level, y, raw, strict=True)
    ]
    assert value == pytest.approx(np.average(expected, weights=weight))


def _ramp(block):
    return block.y.copy()


@pytest.mark.parametrize("home", HOMES)
def test_a_mask_around_a_loss_with_columns(table, home):
    X, y, weight, level = table
    both = np.column_stack([y, -y])
    both[::3, 0] = both[1::4, 1] = np.nan
    objective = _objective(home, Masked(RowExpectile()), X, both, weight, level)
    params = np.random.RandomState(4).standard_normal(objective.size)
    value, gradient = objective.value_and_gradient(params)
    expected = _one_by_one(Expectile, objective, X, both, weight, level, params)
    total = weight @ np.mean(~np.isnan(both), axis=1)
    assert value == pytest.approx(expected[0] / total)
    np.testing.assert_allclose(gradient, expected[1] / total, rtol=1e-9, atol=1e-12)
    solved = [solve(objective, solver, 0.0 * params, tol=1e-10).state.params for solver in (LBFGS(), Newton())]
    np.testing.assert_allclose(solved[0], solved[1], atol=1e-6)


# -- more columns of raw than y has -----------------------------------------------------------------------------------


class Normal(Loss):
    """Minus the log likelihood of a normal distribution whose mean and log scale are the two columns of raw."""

    task = "regression"
    rowwise = True
    convex = False

    def n_raw(self, target):
        return 2

    def value(self, y, raw):
        return raw[:, 1] + 0.5 * (y - raw[:, 0]) ** 2 * np.exp(-2.0 * raw[:, 1])

    def gradient(self, y, raw):
        error, precision = raw[:, 0] - y, np.exp(-2.0 * raw[:, 1])
        return np.column_stack([error * precision, 1.0 - error**2 * precision])


class LinkedNormal(Normal):
    """It says where to begin: at the mean, and the scale of one."""

    def link(self, mean):
        return np.array([mean[0], 0.0])


@pytest.fixture(scope="module")
def heteroscedastic():
    """X, y, and the maximum of the likelihood: its value, and the weights of mean and log scale, intercepts last."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((400, 3))
    y = X @ [1.0, -0.5, 0.2] + 2.0 + np.exp(0.3 * X[:, 0] - 0.5) * rng.standard_normal(400)
    Z = np.c_[X, np.ones(400)]

    def cost(flat):
        raw = Z @ flat.reshape(4, 2)
        return Normal().value(y, raw).mean(), (Z.T @ Normal().gradient(y, raw) / 400).ravel()

    best = minimize(cost, np.zeros(8), jac=True, method="BFGS", options={"gtol": 1e-9})
    return X, y, best.fun, best.x.reshape(4, 2)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("loss", [Normal(), LinkedNormal()], ids=repr)
@pytest.mark.parametrize("solver", ["lbfgs", "newton", "newton_cg", "auto"])
def test_a_mean_and_a_scale(heteroscedastic, monkeypatch, solver, loss, home):
    X, y, value, params = heteroscedastic
    monkeypatch.setattr(source, "MemoryRows", home)
    model = GDRegressor(loss, alpha=0.0, solver=solver, tol=1e-9).fit(X, y)
    assert model.converged_
    assert model.loss_curve_[-1] == pytest.approx(value, abs=1e-10)
    assert model.coef_.shape == (2, 3)
    np.testing.assert_allclose(model.coef_, params[:-1].T, atol=1e-5)
    np.testing.assert_allclose(model.intercept_, params[-1], atol=1e-5)
    assert model.predict(X).shape == y.shape
    np.testing.assert_allclose(model.predict(X), X @ params[:-1, 0] + params[-1, 0], atol=1e-4)
    assert model.score(X, y) == pytest.approx(r2_score(y, model.predict(X)))


def test_a_mean_and_a_scale_by_steps(heteroscedastic):
    """A stream begins at zero, or where the link says, and comes near the maximum of the likelihood."""
    X, y, value, _ = heteroscedastic
    for loss in (Normal(), LinkedNormal()):
        stream = GDRegressor(loss, alpha=0.0, random_state=0)
        for _ in range(60):
            stream.partial_fit(X, y)
        raw = X @ stream.coef_.T + stream.intercept_
        assert Normal().value(y, raw).mean() < value + 0.01
        adam = GDRegressor(loss, alpha=0.0, solver="adam", random_state=0).fit(X, y)
        assert Normal().value(y, X @ adam.coef_.T + adam.intercept_).mean() < value + 0.01
        assert adam.predict(X).shape == y.shape


def test_a_network_of_a_mean_and_a_scale(heteroscedastic):
    X, y, value, _ = heteroscedastic
    model = GDRegressor(Normal(), alpha=0.0, model=MLP((4,), activation="tanh"), tol=1e-3, random_state=0).fit(X, y)
    assert model.loss_curve_[-1] < value + 0.005  # it can do what the linear one does
    assert model.predict(X).shape == y.shape


# -- missing entries, by a loss of one's own --------------------------------------------------------------------------


class Holes(Loss):
    """The squared error of what is not -999."""

    task = "regression"

    def read(self, y):
        y = np.array(y, dtype=np.float64)
        y[y == -999.0] = np.nan
        return y

    def mass(self, y):
        return np.mean(~np.isnan(y), axis=1)

    def value(self, y, raw):
        return np.where(np.isnan(y), 0.0, 0.5 * (np.nan_to_num(y) - raw) ** 2)

    def gradient(self, y, raw):
        return np.where(np.isnan(y), 0.0, raw - np.nan_to_num(y))


def _absolute(y, raw):
    return np.abs(y - raw)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton"])
@pytest.mark.parametrize("several", [False, True])
def test_a_mask_of_ones_own(table, monkeypatch, home, solver, several):
    X, y, weight, _ = table
    Y = np.column_stack([y, -2.0 * y]) if several else y.copy()
    Y[::3] = np.where([True, False], -999.0, Y[::3]) if several else -999.0
    if several:
        Y[1::4, 1] = -999.0
    monkeypatch.setattr(source, "MemoryRows", home)
    model = GDRegressor(Holes(), alpha=0.0, solver=solver, tol=1e-10).fit(X, Y, weight)
    columns = Y.reshape(len(Y), -1)
    scores = []
    for k, column in enumerate(columns.T):
        seen = column != -999.0
        alone = LinearRegression().fit(X[seen], column[seen], weight[seen])
        predicted = model.predict(X).reshape(columns.shape)[:, k]
        np.testing.assert_allclose(predicted, alone.predict(X), atol=1e-5)
        scores.append(r2_score(column[seen], predicted[seen], sample_weight=weight[seen]))
    assert model.score(X, Y, weight) == pytest.approx(np.mean(scores))
    assert model.predict(X).shape == Y.shape


@pytest.mark.parametrize("home", HOMES)
def test_a_mask_around_a_kinked_function(table, monkeypatch, home):
    """It has no lines to offer where an entry is missing, whatever its kinks are."""
    X, y, _, _ = table
    Y = np.column_stack([y, -2.0 * y])
    Y[::3, 0] = Y[1::4, 1] = np.nan
    monkeypatch.setattr(source, "MemoryRows", home)
    model = GDRegressor(Masked(_absolute), alpha=0.01).fit(X, Y)
    named = GDRegressor(Masked("absolute_error"), alpha=0.01).fit(X, Y)
    assert model.loss_curve_[-1] == pytest.approx(named.loss_curve_[-1], rel=1e-6)


# -- a target of one's own --------------------------------------------------------------------------------------------


class Turns(Target):
    """Labels for each sample, (n, T), any number of them at the start; the rest is None."""

    def __init__(self, y):
        self.n_turns = y.shape[1]
        self.classes = np.unique([label for label in y.ravel() if label is not None])

    def check(self, y, name):
        if y.ndim != 2 or y.shape[1] != self.n_turns:
            raise ValueError(f"{name} has shape {y.shape}: expected {self.n_turns} turns.")

    def n_raw(self, rowwise):
        return self.n_turns * len(self.classes)

    def prepare(self, y, rowwise):
        return np.stack([np.where(y == label, code + 1, 0) for code, label in enumerate(self.classes)]).sum(axis=0)

    def encoded_for(self, loss):
        return TurnsEncoding(loss.n_raw(self), self.n_turns)

    def decision(self, raw):
        return raw.reshape(len(raw), self.n_turns, -1)

    def decode(self, raw, mean):
        return self.classes[self.decision(raw).argmax(axis=2)]

    def score(self, y, predicted, weight):
        told = y != None  # noqa: E711 (entry by entry)
        return float(np.sum(weight[:, None] * told * (predicted == y)) / np.sum(weight[:, None] * told))


@dataclass(frozen=True)
class TurnsEncoding(Encoding):
    n_turns: int

    def encode(self, y):
        return y

    def totals(self, y, weight):
        counts = [weight @ (y == code + 1) for code in range(self.n_raw // self.n_turns)]
        counts = np.column_stack(counts)
        return counts, np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape)


class TurnLoss(Loss):
    """Cross entropy at each turn; 0 is the end."""

    task = "classification"
    rowwise = True

    def read(self, y):
        return np.array(y, dtype=object)

    def target(self, y, classes=None):
        return Turns(y)

    def mass(self, y):
        return np.count_nonzero(y, axis=1).astype(float)

    def _parts(self, y, raw):
        raw = raw.reshape(*y.shape, -1)
        return (y > 0)[:, :, None] * (y[:, :, None] == np.arange(raw.shape[2]) + 1), raw

    def value(self, y, raw):
        chosen, raw = self._parts(y, raw)
        return np.sum((logsumexp(raw, axis=2) - np.sum(chosen * raw, axis=2)) * (y > 0), axis=1)

    def gradient(self, y, raw):
        chosen, steps = self._parts(y, raw)
        p = np.exp(steps - logsumexp(steps, axis=2, keepdims=True))
        return ((p - chosen) * (y > 0)[:, :, None]).reshape(raw.shape)


@pytest.fixture(scope="module")
def talk(wine):
    """Two turns: the cultivar by name, and whether it is the first one; the second is often missing."""
    X, labels = wine
    X = X[:, :4]
    y = np.empty((len(X), 2), dtype=object)
    y[:, 0] = np.array(["barbera", "barolo", "grignolino"])[labels]
    y[:, 1] = np.where(X[:, 0] + np.random.RandomState(0).standard_normal(len(X)) > 0, "barbera", "barolo")
    y[::2, 1] = None
    return X, y


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton"])
def test_a_sequence_of_ones_own(talk, monkeypatch, home, solver):
    X, y = talk
    monkeypatch.setattr(source, "MemoryRows", home)
    alpha = 0.1
    model = GDClassifier(TurnLoss(), alpha=alpha, solver=solver).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.decision_function(X).shape == (*y.shape, 3)
    np.testing.assert_array_equal(model.classes_, ["barbera", "barolo", "grignolino"])
    told = y[:, 1] != None  # noqa: E711 (entry by entry)
    total = len(y) + np.count_nonzero(told)
    assert model.score(X, y) == pytest.approx(
        (np.sum(model.predict(X)[:, 0] == y[:, 0]) + np.sum((model.predict(X) == y)[told, 1])) / total
    )
    # The turns share nothing but the denominator: the first is softmax regression.
    first = LogisticRegression(C=1.0 / (alpha * total), tol=1e-10, max_iter=5000).fit(X, y[:, 0].astype(str))
    scores = model.decision_function(X)[:, 0]
    np.testing.assert_allclose(np.exp(scores - logsumexp(scores, axis=1, keepdims=True)), first.predict_proba(X), atol=1e-5)


def test_an_own_target_goes_where_the_model_goes(talk):
    """Pickled, fitted twice, cloned, watched, in a stream."""
    X, y = talk
    model = GDClassifier(TurnLoss(), alpha=0.1)
    predicted = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(model.fit(X, y).predict(X), predicted)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), predicted)
    assert again.score(X, y) == model.score(X, y)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        stopped = GDClassifier(TurnLoss(), alpha=0.1, early_stopping=EarlyStopping(), random_state=0).fit(X, y)
        watched = GDClassifier(TurnLoss(), alpha=0.1).fit(X, y, X_val=X[:50], y_val=y[:50])
    assert stopped.score(X, y) > model.score(X, y) - 0.1
    assert watched.validation_loss_curve_[-1] < watched.validation_loss_curve_[0]
    with pytest.raises(ValueError, match="expected 2 turns"):
        GDClassifier(TurnLoss()).fit(X, y, X_val=X, y_val=y[:, :1])
    stream = GDClassifier(TurnLoss(), alpha=0.1, random_state=0)
    for _ in range(30):
        stream.partial_fit(X, y, classes=np.array(["barbera", "barolo", "grignolino"]))
        stream = pickle.loads(pickle.dumps(stream))
    assert stream.score(X, y) > model.score(X, y) - 0.05
