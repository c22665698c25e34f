"""Every way to hold rows gives the same products, moments and Gram matrices as plain NumPy."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.rows.blocks import MemoryRows, workers
from sklearn_gd.rows.composed import Mixed, Offset, as_matrix
from sklearn_gd.rows.plain import Dense, Sparse

N = 30_000


def _levels(dtype=np.float64, scaled=False):
    """Two numbers and sixty one-hot levels, some of them rare; as they are, or with mean 0 and standard deviation 1."""
    rng = np.random.RandomState(0)
    level = np.minimum(rng.geometric(0.07, size=N) - 1, 59)
    X = np.hstack([rng.randn(N, 1), 5.0 + 2.0 * rng.randn(N, 1), np.eye(60)[level]])[:, rng.permutation(62)]
    return ((X - X.mean(axis=0)) / X.std(axis=0) if scaled else X).astype(dtype)


def _held(kind):
    rng = np.random.RandomState(1)
    if kind.startswith("mixed"):
        X = _levels(np.float32 if "float32" in kind else np.float64, "scaled" in kind)
        matrix = as_matrix(np.asfortranarray(X) if "fortran" in kind else X)
        assert isinstance(matrix, Mixed)
        return X, matrix
    X = rng.randn(60, 7) * (rng.rand(60, 7) < 0.4)
    if kind.startswith("offset"):
        X[:, [1, 4]] = np.array([1e4, -3e3]) + rng.randn(60, 2)
        matrix = as_matrix(sparse.csc_matrix(X) if "csc" in kind else sparse.csr_array(X))
        assert isinstance(matrix, Offset)
        return X, matrix
    return X, {"dense": Dense, "csr": lambda X: Sparse(sparse.csr_array(X)), "csc": lambda X: Sparse(sparse.csc_matrix(X))}[
        kind
    ](X)


@pytest.mark.parametrize(
    "kind",
    ["dense", "csr", "csc", "offset", "offset csc", "mixed", "mixed scaled", "mixed scaled fortran", "mixed scaled float32"],
)
def test_contract(kind):
    X, matrix = _held(kind)
    rng = np.random.RandomState(2)
    n, p = X.shape
    tolerance = {"rtol": 1e-3, "atol": 1e-3} if X.dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-9}
    exact = X.astype(np.float64)
    W, g, weight, center = rng.randn(p, 2), rng.randn(n, 2) / n, rng.rand(n), exact.mean(axis=0)
    Z = np.hstack([exact - center, np.ones((n, 1))])

    assert matrix.shape == X.shape
    assert matrix.dtype == X.dtype
    np.testing.assert_allclose(matrix.dot(W), exact @ W, **tolerance)
    np.testing.assert_allclose(matrix.pull(g), exact.T @ g, **tolerance)
    np.testing.assert_allclose(matrix.centered_dot(W, center), (exact - center) @ W, **tolerance)
    np.testing.assert_allclose(matrix.centered_pull(g, g.sum(axis=0), center), (exact - center).T @ g, **tolerance)
    mean, squares = matrix.moments(weight)
    expected = np.average(exact, axis=0, weights=weight)
    np.testing.assert_allclose(mean, expected, **tolerance)
    np.testing.assert_allclose(squares / n, weight @ (exact - expected) ** 2 / n, **tolerance)
    for curvature in (weight, weight - 0.5):
        np.testing.assert_allclose(matrix.gram(curvature, center) / n, Z.T @ (curvature[:, None] * Z) / n, **tolerance)
    several = np.hstack([np.where(np.arange(n)[:, None] % 5, 0.0, rng.rand(n, 4)), rng.randn(n, 5)])
    for curvature in (several[:, :3], several):
        expected = np.stack([Z.T @ (column[:, None] * Z) for column in curvature.T])
        np.testing.assert_allclose(matrix.grams(curvature, center) / n, expected / n, **tolerance)
    np.testing.assert_allclose(matrix.row_squares(center), (Z[:, :-1] ** 2).sum(axis=1), **tolerance)
    coupled = rng.randn(n, 3, 3)
    coupled += coupled.transpose(0, 2, 1)
    expected = np.einsum("ni,nkl,nj->ikjl", Z, coupled, Z, optimize=True)
    np.testing.assert_allclose(matrix.coupled_gram(coupled, center) / n, expected / n, **tolerance)

    rows, columns = np.sort(rng.permutation(n)[: n // 3]), rng.permutation(p)[: p // 2]
    np.testing.assert_allclose(matrix.rows(rows).dot(W), exact[rows] @ W, **tolerance)
    np.testing.assert_allclose(matrix.rows(slice(3, 40)).dot(W), exact[3:40] @ W, **tolerance)
    np.testing.assert_allclose(matrix.columns(columns).dot(W[columns]), exact[:, columns] @ W[columns], **tolerance)
    few = matrix.rows(rows[:20])
    np.testing.assert_allclose(few.products(center), Z[rows[:20], :-1] @ Z[rows[:20], :-1].T, **tolerance)
    scale = rng.rand(p)
    np.testing.assert_allclose(few.products(center, scale), (Z[rows[:20], :-1] * scale**2) @ Z[rows[:20], :-1].T, **tolerance)
    assert matrix.astype(np.float32).dot(W).shape == (n, 2)
    assert matrix.astype(np.float32).dtype == np.float32


def test_moments_keep_their_digits():
    """Large means beside small spreads, constant columns, duplicate and unsorted entries."""
    rng = np.random.RandomState(0)
    n, weight = 500, rng.rand(500)
    X = np.column_stack([1e8 + rng.randn(n), np.full(n, 3.0), rng.randn(n), np.zeros(n), 1e-3 * rng.randn(n) - 7.0])
    mean = np.average(X, axis=0, weights=weight)
    squares = weight @ (X - mean) ** 2
    order = np.tile(np.arange(5)[::-1], n)
    halves = sparse.csr_matrix(
        (np.repeat(X[:, ::-1].ravel() / 2, 2), np.repeat(order, 2), np.arange(0, 10 * n + 1, 10)), shape=X.shape
    )
    assert not halves.has_canonical_format
    for matrix in (Dense(X), Sparse(sparse.csr_matrix(X)), Sparse(sparse.csc_matrix(X)), Sparse(halves)):
        found = matrix.moments(weight)
        np.testing.assert_allclose(found[0], mean, rtol=1e-12)
        np.testing.assert_allclose(found[1], squares, rtol=1e-6, atol=1e-12)
    assert halves.nnz == 10 * n  # what the user gave is not touched


def test_rarest():
    X = np.zeros((100, 3))
    X[:40, 0], X[:7, 1], X[:90, 2] = 1.0, 2.0, 3.0
    assert Dense(X).rarest == 100
    for form in (sparse.csr_matrix, sparse.csc_matrix):
        assert Sparse(form(X)).rarest == 7


def test_only_what_gains_is_mixed():
    rng = np.random.RandomState(0)
    assert isinstance(as_matrix(rng.randn(N, 20)), Dense)
    assert isinstance(as_matrix(_levels()[:1000]), Dense)
    misleading = rng.randn(N, 20)
    misleading[np.linspace(0, N - 1, 512).astype(int)] = 0.0  # exactly the rows that are looked at first
    assert isinstance(as_matrix(misleading), Dense)
    X = _levels()
    mixed = as_matrix(X)
    held = mixed.dense.X.nbytes + sum(
        part.nbytes for part in (mixed.sparse.X.data, mixed.sparse.X.indices, mixed.sparse.X.indptr)
    )
    assert held < 0.2 * X.nbytes


@pytest.mark.parametrize(
    "estimator", [GDRegressor(), GDRegressor("quantile", alpha=0.01), GDRegressor(penalty="l1", alpha=0.01)]
)
def test_fits_agree(estimator):
    X = _levels(scaled=True)
    y = X @ np.linspace(-1, 1, 62) + np.random.RandomState(3).standard_t(3, size=N)
    assert isinstance(as_matrix(X), Mixed)
    coef = estimator.fit(X, y).coef_
    np.testing.assert_allclose(estimator.fit(sparse.csr_matrix(X), y).coef_, coef, atol=1e-5)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_results_do_not_depend_on_n_jobs(form):
    X = form(_levels())
    y = (np.random.RandomState(4).randn(N) + X @ np.linspace(-1, 1, 62) > 0).astype(int)
    fits = [GDClassifier(n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 1, 2, 3, -1, 2)]
    for model in fits[2:]:
        np.testing.assert_array_equal(model.coef_, fits[2].coef_)
    np.testing.assert_allclose(fits[0].coef_, fits[2].coef_, rtol=1e-6, atol=1e-8)
    with pytest.raises(ValueError, match="n_jobs=0: expected an integer other than 0"):
        GDClassifier(n_jobs=0).fit(X, y)


def test_rows_of_a_sparse_matrix_are_not_copied():
    X = sparse.random(1000, 50, 0.1, format="csr", random_state=0)
    part = Sparse(X).rows(slice(900, 950)).X
    assert np.shares_memory(part.data, X.data)
    assert np.shares_memory(part.indices, X.indices)
    np.testing.assert_array_equal(part.toarray(), X[900:950].toarray())


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix])
def test_only_columns_far_from_zero_are_offset(form):
    rng = np.random.RandomState(0)
    X = rng.randn(60, 5) * (rng.rand(60, 5) < 0.4)
    assert isinstance(as_matrix(form(X)), Sparse)
    X[:, 1] = 50.0 + rng.randn(60)
    assert isinstance(as_matrix(form(X)), Sparse)
    X[1:, 3] = 1e8
    X[0, 3] = 0.0
    assert isinstance(as_matrix(form(X)), Sparse)
    assert isinstance(as_matrix(form(X[1:])), Offset)


@pytest.mark.parametrize("order", ["C", "F"])
def test_sums_over_longer_blocks(order):
    """With more columns than a block has rows, sums of all pairs of columns are over blocks of as many rows as columns."""
    rng = np.random.RandomState(0)
    X, weight = np.asarray(rng.randn(1700, 600), order=order), rng.rand(1700)
    rows, center = MemoryRows(X, np.zeros(1700), weight), X.mean(axis=0)
    sizes = []

    def gram(block):
        sizes.append(len(block.weight))
        return (block.X.gram(block.weight, center),)

    (short,), n_blocks = rows.reduce(gram), len(sizes)
    (long,) = rows.reduce_large(gram)
    assert sizes[n_blocks:] == [600, 600, 500]
    assert max(sizes[:n_blocks]) < 600
    np.testing.assert_allclose(long, short, rtol=1e-10, atol=1e-10)
    with workers(2) as mapper:
        shared = MemoryRows(X, np.zeros(1700), weight, mapper=mapper)
        np.testing.assert_array_equal(shared.reduce_large(gram)[0], long)
