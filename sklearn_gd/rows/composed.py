"""Composed matrices: dense and sparse columns, or columns with an offset; and the choice of a matrix."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from scipy import sparse

from ..arrays import Array
from .matrices import Matrix, RowStore
from .plain import Dense, Sparse

__all__ = ["Mixed", "Offset", "as_matrix"]


class Mixed(Matrix):
    """Some columns as an array, the others as the differences from their most common value, in CSR.

    An array with one-hot columns, scaled or not, is read ten times as fast in this form.

    Parameters
    ----------
    dense, sparse : Matrix
        The columns of each kind.
    dense_columns, sparse_columns : ndarray of int
        The indices of these columns.
    base : ndarray
        The most common value of each sparse column.
    """

    def __init__(self, dense: Dense, sparse: Sparse, dense_columns: Array, sparse_columns: Array, base: Array) -> None:
        self.dense, self.sparse = dense, sparse
        self.dense_columns, self.sparse_columns, self.base = dense_columns, sparse_columns, base
        self.shape = dense.shape[0], len(dense_columns) + len(sparse_columns)
        self.dtype, self.entries = dense.dtype, dense.entries + sparse.entries

    @classmethod
    def split(cls, X: Array, few: float = 0.15) -> Mixed | None:
        """Return X split by columns; None if that saves little or takes more than a share `few` of the memory of X."""
        n, p = X.shape
        if X.size < 1 << 18 or n < 4 * p:
            return None
        seen = X[np.linspace(0, n - 1, 512).astype(np.intp)]
        base = np.median(seen, axis=0).astype(X.dtype)
        density = (seen != base).mean(axis=0)
        constant = density < 0.2
        cost = np.where(constant, (1.0 + 4.0 / X.itemsize) * density, 1.0).mean()
        if cost > few:
            return None
        base[~constant] = np.nan
        rows, columns = np.flatnonzero(~constant), np.flatnonzero(constant)
        compact = np.cumsum(constant) - 1
        data, indices, ends = [], [], [np.zeros(1, dtype=np.intp)]
        different = np.empty((1024, p), dtype=bool)
        for start in range(0, n, 1024):
            block = np.ascontiguousarray(X[start : start + 1024])
            out = np.not_equal(block, base, out=different[: len(block)])
            out[:, rows] = False
            where = np.flatnonzero(out)
            column = where % p
            data.append(block.ravel()[where] - base[column])
            indices.append(compact[column].astype(np.int32))
            ends.append(ends[-1][-1] + np.searchsorted(where, p * np.arange(1, len(block) + 1)))
        parts = np.concatenate(data), np.concatenate(indices), np.concatenate(ends).astype(np.int32)
        if parts[0].size * (X.itemsize + 4) > 2 * few * X.nbytes:  # the examined rows were not representative
            return None
        varying = sparse.csr_matrix(parts, shape=(n, len(columns)))
        return cls(Dense(np.ascontiguousarray(X[:, rows])), Sparse(varying), rows, columns, base[columns].astype(np.float64))

    def rows(self, index: Any) -> Mixed:
        return self._of(self.dense.rows(index), self.sparse.rows(index))

    def columns(self, index: Array) -> Mixed:
        place = np.full(self.shape[1], -1)
        place[index] = np.arange(len(index))
        dense, sparse = (np.flatnonzero(place[part] >= 0) for part in (self.dense_columns, self.sparse_columns))
        return Mixed(
            self.dense.columns(dense),
            self.sparse.columns(sparse),
            place[self.dense_columns[dense]],
            place[self.sparse_columns[sparse]],
            self.base[sparse],
        )

    def astype(self, dtype: Any) -> Mixed:
        return self._of(self.dense.astype(dtype), self.sparse.astype(dtype))

    def _of(self, dense: Dense, sparse: Sparse) -> Mixed:
        return Mixed(dense, sparse, self.dense_columns, self.sparse_columns, self.base)

    @property
    def rarest(self) -> int:
        return self.sparse.rarest

    def dot(self, weights: Array) -> Array:
        narrow = weights[self.sparse_columns]
        return self.dense.dot(weights[self.dense_columns]) + self.sparse.dot(narrow) + self.base @ narrow

    def pull(self, g: Array) -> Array:
        result = np.empty((self.shape[1], g.shape[1]))
        result[self.dense_columns] = self.dense.pull(g)
        result[self.sparse_columns] = self.sparse.pull(g) + np.outer(self.base, g.sum(axis=0))
        return result

    def moments(self, weight: Array) -> tuple[Array, Array]:
        mean, squares = np.empty((2, self.shape[1]))
        mean[self.dense_columns], squares[self.dense_columns] = self.dense.moments(weight)
        mean[self.sparse_columns], squares[self.sparse_columns] = self.sparse.moments(weight)
        mean[self.sparse_columns] += self.base
        return mean, squares

    def row_squares(self, center: Array) -> Array:
        shifted = center[self.sparse_columns] - self.base
        return self.dense.row_squares(center[self.dense_columns]) + self.sparse.row_squares(shifted)

    def gram(self, curvature: Array, center: Array) -> Array:
        D, S = self.dense_columns, self.sparse_columns
        last = self.shape[1]
        result = np.empty((last + 1, last + 1))
        result[np.ix_([*D, last], [*D, last])] = self.dense.gram(curvature, center[D])
        inner = self.sparse.gram(curvature, center[S] - self.base)
        result[np.ix_([*S, last], [*S, last])] = inner
        Z = curvature[:, None] * (self.dense.X - center[D])
        cross = self.sparse.pull(Z) - np.outer(center[S] - self.base, Z.sum(axis=0))
        result[np.ix_(S, D)] = cross
        result[np.ix_(D, S)] = cross.T
        return result


class Offset(Matrix):
    """Another matrix plus a constant per column, which preserves the digits of columns far from zero.

    Parameters
    ----------
    stored : Matrix
    base : ndarray of shape (p,)
    """

    def __init__(self, stored: Matrix, base: Array) -> None:
        self.stored, self.base = stored, base
        self.shape, self.dtype, self.entries = stored.shape, stored.dtype, stored.entries
        self.whole, self.block_size = stored.whole, stored.block_size
        self.gram_rate, self.samples = stored.gram_rate, stored.samples

    @classmethod
    def split(cls, X: Any) -> Offset | None:
        """Return a sparse X without the offsets of columns that are nonzero in every row; None if there are none."""
        n, few = X.shape[0], 1e-3
        if n < 2:
            return None
        if X.format == "csc":
            columns = np.flatnonzero(np.diff(X.indptr) >= n)
        else:  # the values that a few rows have in common
            some = np.linspace(0, n - 1, 16).astype(np.intp)
            columns = reduce(np.intersect1d, (X.indices[X.indptr[i] : X.indptr[i + 1]] for i in some))
        if not len(columns):
            return None
        part = X[:, columns].tocsc()
        part.sum_duplicates()
        full = np.diff(part.indptr) == n
        columns, values = columns[full], part[:, full].data.reshape(-1, n).astype(np.float64)
        far = values.std(axis=1) < few * np.abs(values.mean(axis=1))
        if not far.any():
            return None
        base = np.zeros(X.shape[1])
        base[columns[far]] = values[far, 0]
        stored = X.copy()
        stored.sum_duplicates()
        column = stored.indices if X.format == "csr" else np.repeat(np.arange(X.shape[1]), np.diff(stored.indptr))
        stored.data -= base[column].astype(X.dtype)
        return cls(Sparse(stored), base)

    def rows(self, index: Any) -> Offset:
        return Offset(self.stored.rows(index), self.base)

    def columns(self, index: Array) -> Offset:
        return Offset(self.stored.columns(index), self.base[index])

    def astype(self, dtype: Any) -> Offset:
        return Offset(self.stored.astype(dtype), self.base)

    @property
    def rarest(self) -> int:
        return self.stored.rarest

    def dot(self, weights: Array) -> Array:
        return self.stored.dot(weights) + self.base @ weights

    def pull(self, g: Array) -> Array:
        return self.stored.pull(g) + np.outer(self.base, g.sum(axis=0))

    def centered_dot(self, weights: Array, center: Array) -> Array:
        return self.stored.centered_dot(weights, center - self.base)

    def centered_pull(self, g: Array, total: Array, center: Array) -> Array:
        return self.stored.centered_pull(g, total, center - self.base)

    def moments(self, weight: Array) -> tuple[Array, Array]:
        mean, squares = self.stored.moments(weight)
        return mean + self.base, squares

    def row_squares(self, center: Array) -> Array:
        return self.stored.row_squares(center - self.base)

    def gram(self, curvature: Array, center: Array) -> Array:
        return self.stored.gram(curvature, center - self.base)


def as_matrix(X: Any) -> Any:
    """Return the matrix for an array or a SciPy sparse matrix, without a copy unless a `Mixed` matrix pays off."""
    if isinstance(X, RowStore):
        return X
    return Offset.split(X) or Sparse(X) if sparse.issparse(X) else Mixed.split(X) or Dense(X)
