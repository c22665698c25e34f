"""The objective: derivatives, invariance to how the rows are held, exact weights."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from tables import objective_on

from sklearn_gd.losses import get_loss
from sklearn_gd.rows.blocks import MemoryRows
from sklearn_gd.solvers.kinked.rows import linearized, raw_of, slope_changes
from sklearn_gd.targets import Continuous, Labels, Multilabel

N, P = 700, 6


def _data():
    rng = np.random.RandomState(0)
    X = rng.randn(N, P) * [1, 10, 0.1, 1, 1, 1] + [0, 100, 0, 3, 0, 0]
    X[rng.rand(N, P) < 0.3] = 0.0
    return X, rng


CASES = {
    "one output": ("huber", lambda rng: rng.randn(N)),
    "two outputs": ("log_cosh", lambda rng: rng.randn(N, 2)),
    "binary": ("log_loss", lambda rng: rng.randint(2, size=N)),
    "softmax": ("log_loss", lambda rng: rng.randint(3, size=N)),
    "one-vs-rest": ("squared_hinge", lambda rng: rng.randint(3, size=N)),
    "multilabel": ("exponential", lambda rng: rng.randint(2, size=(N, 3))),
    "focal softmax": ("focal", lambda rng: rng.randint(3, size=N)),
}


def _objective(case, X=None, weight=None, rows=slice(None), center=True, intercept=True):
    name, draw = CASES[case]
    base, rng = _data()
    y = draw(rng)
    X = base if X is None else X
    kind = Multilabel if case == "multilabel" else Continuous if "output" in case else Labels
    weight = np.linspace(0.2, 3.0, N) if weight is None else weight
    settings = {"weight": weight[rows], "intercept": intercept, "center": center}
    target = kind(y)
    return objective_on(X[rows], y[rows], target, get_loss(name).for_target(target), "l2", 0.03, **settings)


def _params(objective, seed=1):
    return 0.05 * np.random.RandomState(seed).randn(objective.size)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_derivatives(case, center, intercept):
    objective = _objective(case, center=center, intercept=intercept)
    params, direction = _params(objective), _params(objective, 2)
    value, gradient = objective.value_and_gradient(params)
    np.testing.assert_allclose(value, objective.value(params))
    h = 1e-5
    numeric = (objective.value(params + h * direction) - objective.value(params - h * direction)) / (2 * h)
    np.testing.assert_allclose(gradient @ direction, numeric, rtol=1e-6)

    change = (
        objective.value_and_gradient(params + h * direction)[1] - objective.value_and_gradient(params - h * direction)[1]
    ) / (2 * h)
    blocks, curved = objective.hessian(params)
    assert 0 < curved <= objective.rows.n_samples
    product = objective.linear.unblocked(np.einsum("bij,bj->bi", blocks, objective.linear.blocks(direction, len(blocks))))
    if objective.loss.convex and objective.loss.smooth and case != "one output":
        np.testing.assert_allclose(product, change, rtol=1e-4, atol=1e-6 * np.abs(change).max())
        np.testing.assert_allclose(objective.second_derivative(params)(direction), product, rtol=1e-9, atol=1e-11)
    assert np.linalg.eigvalsh(blocks).min() > -1e-9 * np.abs(blocks).max()

    at, slope = objective.along(params, direction)(0.7)
    np.testing.assert_allclose(at, objective.value(params + 0.7 * direction))
    np.testing.assert_allclose(slope, objective.value_and_gradient(params + 0.7 * direction)[1] @ direction, rtol=1e-9)


def _holders(X):
    readonly = X.copy()
    readonly.flags.writeable = False
    return {
        "fortran": np.asfortranarray(X),
        "read-only": readonly,
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "csr matrix": sparse.csr_matrix(X),
        "csc matrix": sparse.csc_matrix(X),
        "csr array": sparse.csr_array(X),
        "csc array": sparse.csc_array(X),
    }


@pytest.mark.parametrize("holder", _holders(_data()[0]))
@pytest.mark.parametrize("case", ["one output", "softmax", "one-vs-rest"])
def test_holders_agree(case, holder):
    expected, got = _objective(case), _objective(case, X=_holders(_data()[0])[holder])
    params = _params(expected)
    pairs = [*zip(expected.value_and_gradient(params), got.value_and_gradient(params), strict=True)]
    for a, b in [*pairs, (expected.hessian(params)[0], got.hessian(params)[0])]:
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(a).max())
    np.testing.assert_allclose(expected.reference.spread, got.reference.spread)


def test_memory_map(tmp_path):
    X = _data()[0]
    X.tofile(tmp_path / "X")
    mapped = np.memmap(tmp_path / "X", dtype=np.float64, mode="r", shape=X.shape)
    params = _params(_objective("binary"))
    np.testing.assert_array_equal(
        _objective("binary").value_and_gradient(params)[1], _objective("binary", X=mapped).value_and_gradient(params)[1]
    )


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("case", CASES)
def test_weights_are_copies(case, form):
    """A weight of k is k copies of the row, and 0 removes it, even where its loss would be infinite."""
    counts = np.random.RandomState(3).randint(0, 4, size=N)
    X = _data()[0]
    spoilt = X.copy()
    spoilt[counts == 0] = 1e200
    weighted = _objective(case, X=form(spoilt), weight=counts.astype(float))
    repeated = _objective(case, X=form(X), weight=np.ones(N), rows=np.repeat(np.arange(N), counts))
    params = _params(weighted)
    np.testing.assert_allclose(weighted.model.center, repeated.model.center, rtol=1e-12)
    pairs = [*zip(weighted.value_and_gradient(params), repeated.value_and_gradient(params), strict=True)]
    for a, b in [*pairs, (weighted.hessian(params)[0], repeated.hessian(params)[0])]:
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(weighted.value(params), repeated.value(params))


def test_blocks_cover_the_rows_once():
    X = np.arange(60_000.0).reshape(-1, 2)
    data = MemoryRows(X, np.zeros((len(X), 1)), np.ones(len(X)))
    blocks = list(data.blocks())
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate([block.X.X for block in blocks]), X)
    assert all(np.shares_memory(block.X.X, X) for block in blocks)


def test_float32_is_not_copied_to_float64():
    X = _data()[0].astype(np.float32)
    data = MemoryRows(X, np.zeros((N, 1)), np.ones(N))
    assert all(block.X.dtype == np.float32 and np.shares_memory(block.X.X, X) for block in data.blocks())


def test_moments_of_a_timestamp():
    """A large mean beside a small spread keeps its digits; a constant column has no spread at all."""
    rng = np.random.RandomState(0)
    spread = rng.randint(0, 10_000, size=5000).astype(float)
    X = np.c_[1.7e12 + spread, np.full(5000, 0.1), spread]
    moments = MemoryRows(X, np.zeros((5000, 1)), np.ones(5000)).moments
    np.testing.assert_allclose(moments.centered[0], moments.centered[2], rtol=1e-7)
    assert moments.spread(centered=True)[1] == 0.0
    assert moments.spread(centered=False)[1] > 0.0


def test_certificate_ignores_units():
    X, rng = _data()
    y = rng.randn(N)

    def certificate(scale_x, scale_y):
        y_scaled = scale_y * y
        constant = y_scaled.mean()
        objective = objective_on(scale_x * X, y_scaled, Continuous(y_scaled), get_loss("squared_error"), at=constant)
        return objective.at(objective.model.at_constant(np.array([constant]))).optimality

    expected = certificate(1.0, 1.0)
    assert 0.01 < expected <= 1.0
    np.testing.assert_allclose(certificate(1e-8, 1e6), expected, rtol=1e-6)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_column_of_years_is_not_constant(form, dtype):
    years = np.random.RandomState(0).randint(1990, 2010, size=(300, 1)).astype(dtype)
    moments = MemoryRows(form(years), np.zeros((300, 1)), np.ones(300)).moments
    np.testing.assert_allclose(moments.spread(centered=True), years.astype(float).std(), rtol=1e-9)
    np.testing.assert_allclose(moments.mean, years.astype(float).mean())


def test_sparse_moments_with_duplicates():
    X = sparse.coo_array((np.ones(4), ([0, 0, 1, 2], [0, 0, 1, 0])), shape=(4, 2)).tocsr()
    doubled = sparse.csr_array((np.r_[X.data, 1.0], np.r_[X.indices, 1], np.r_[X.indptr[:-1], X.indptr[-1] + 1]), shape=X.shape)
    for matrix in (X, doubled):
        moments = MemoryRows(matrix, np.zeros((4, 1)), np.arange(1.0, 5.0)).moments
        dense = MemoryRows(matrix.toarray(), np.zeros((4, 1)), np.arange(1.0, 5.0)).moments
        np.testing.assert_allclose(moments.centered, dense.centered)
        np.testing.assert_allclose(moments.second, dense.second)


# -- smaller objectives -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_some_features(case):
    objective = _objective(case)
    features = np.array([0, 2, 3])
    part = objective.restricted(features)
    params = _params(part)
    whole = objective.model.widened(params, features)
    np.testing.assert_array_equal(objective.model.narrowed(whole, features), params)
    value, gradient = part.value_and_gradient(params)
    expected, full = objective.value_and_gradient(whole)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, objective.model.narrowed(full, features), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_some_rows(case):
    objective = _objective(case)
    assert objective.sample(N) is objective
    few = objective.sample(N // 5)
    assert few.rows.n_samples < N // 2
    params = _params(objective)
    copied = objective.over(few.rows.copied(np.float32))
    rows = few.rows._numbers(slice(None))
    assert np.all(np.diff(rows) > 0)
    part = objective.over(MemoryRows(objective.rows.matrix.rows(rows), objective.rows.y[rows], objective.rows.weight[rows]))
    np.testing.assert_allclose(few.value(params), part.value(params), rtol=1e-10)
    np.testing.assert_allclose(copied.value(params), part.value(params), rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_a_sample_has_numbers_of_its_own(case):
    """On copies of a few rows the certificate, the diagonal and the size of slopes are those of the few rows."""
    small = _objective(case, rows=np.arange(40))
    many = _objective(case, rows=np.tile(np.arange(40), 25))
    params = _params(small)
    for objective in (many, many.sample(200)):
        assert objective is many or objective.rows.n_samples == 200
        np.testing.assert_allclose(objective.reference.slopes, small.reference.slopes, rtol=1e-9)
    sample = many.over(many.rows.take(np.arange(1000) < 80))
    np.testing.assert_allclose(sample.at(params).optimality, small.at(params).optimality, rtol=1e-6)
    np.testing.assert_allclose(sample.diagonal(params), small.diagonal(params), rtol=1e-6)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("loss", ["absolute_error", "epsilon_insensitive"])
def test_straight_rows(loss, center):
    """Rows on a straight piece of their loss may be replaced by a line, until their slope turns."""
    objective = _objective("one output", center=center)
    objective = replace(objective, summand=replace(objective.summand, loss=get_loss(loss)))
    params = _params(objective)
    smoothed = objective.smoothed(0.1, np.full((N, 1), 0.3))
    raw = raw_of(smoothed, params)
    near = 1e-3 * _params(objective, 2)
    curved = slope_changes(smoothed, raw, raw, 0.01)
    part = linearized(smoothed, params, raw, curved)
    assert 0 < part.rows.n_samples == curved.sum() < N // 4
    assert not np.any(slope_changes(smoothed, raw, raw_of(smoothed, params + near)) & ~curved)
    for a, b in zip(part.value_and_gradient(params + near), smoothed.value_and_gradient(params + near), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
    at, slope = part.along(params, near)(0.5)
    expected, expected_slope = smoothed.along(params, near)(0.5)
    np.testing.assert_allclose([at, slope], [expected, expected_slope], rtol=1e-9, atol=1e-11)
    assert linearized(smoothed, params, raw, np.ones(N, dtype=bool)) is smoothed
