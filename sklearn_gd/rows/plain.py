"""Matrices for arrays and for SciPy sparse matrices."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Array
from .matrices import Matrix

__all__ = ["Dense", "Sparse", "csr_rows", "dense_block", "sparse_block"]

# How many numbers of an array a block has. One of 4 MB is as fast as one of 1 MB in one thread, and two threads are less in
# each other's way (1,000,000 x 50, log loss: a pass of two takes 0.8 of the time of one, and 1.0 with blocks of 1 MB).
BLOCK = 1 << 19

# Larger arrays are not worth keeping for the next block.
KEPT = 1 << 23

# The least share of the sum of squares of a column that must remain when it is centred, for a product to be centred afterwards.
SAFE = {"d": 1e-4, "f": 2e-2}


def dense_block(n_features: int) -> int:
    """Return the number of rows in a block of an array."""
    return max(256, BLOCK // max(1, n_features))


def sparse_block(n_samples: int, entries: int) -> int:
    """Return the number of rows in a block of a sparse matrix."""
    return max(256, (1 << 18) * n_samples // max(1, entries))


class _Scratch(threading.local):
    """Arrays that a thread reuses: allocating them for each block would take as much time as filling them.

    Dask's workers return memory to the system at once; there it would take several times as long.
    """

    def __init__(self) -> None:
        self.kept = dict[str, Array]()

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an uninitialised array; previous contents are overwritten."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size > KEPT:
            return np.empty(shape, dtype)
        if name not in self.kept or self.kept[name].nbytes < size:
            self.kept[name] = np.empty(size, np.uint8)
        return self.kept[name][:size].view(dtype).reshape(shape)


_scratch = _Scratch()


class Dense(Matrix):
    """An array, in blocks of about 5,000 rows for 100 features."""

    copies_rows = True

    def __init__(self, X: Array) -> None:
        self.samples = X.flags.c_contiguous
        self.X, self.shape, self.dtype, self.entries = X, X.shape, X.dtype, X.size
        self.whole = X.shape[0] <= X.shape[1]
        self.block_size = dense_block(X.shape[1])

    def rows(self, index: Any) -> Dense:
        # Faster than an index, but an array in another order is copied as a whole first.
        gathers = self.X.flags.c_contiguous and not isinstance(index, slice)
        return Dense(np.take(self.X, index, axis=0) if gathers else self.X[index])

    def columns(self, index: Array) -> Dense:
        return Dense(self.X[:, index])

    def astype(self, dtype: Any) -> Dense:
        return Dense(self.X.astype(dtype))

    def scaled(self, center: Array, scale: Array, dtype: Any) -> Dense:
        rows = self.X - center
        rows *= scale[:, 0]
        return Dense(rows.astype(dtype, copy=False))

    def dot(self, weights: Array) -> Array:
        return np.asarray(self.X @ weights.astype(self.dtype, copy=False), dtype=np.float64)

    def pull(self, g: Array) -> Array:
        return self.X.T @ g.astype(self.dtype, copy=False)

    def moments(self, weight: Array) -> tuple[Array, Array]:
        X, total = self.X.astype(np.float64, copy=False), weight.sum()
        mean, squares = weight @ X / total, weight @ np.multiply(X, X, out=_scratch("Z", X.shape, X.dtype))
        centered = squares - total * mean**2
        large = np.flatnonzero((centered <= 1e-4 * squares) & (squares > 0))
        if large.size:  # a shift by the first row keeps the digits of a column whose mean is much larger than its spread
            Z = X[:, large] - X[0, large]
            shift = weight @ Z / total
            Z *= Z
            mean[large] = X[0, large] + shift
            centered[large] = np.maximum(weight @ Z - total * shift**2, 0.0)
        return mean, centered

    def row_squares(self, center: Array) -> Array:
        Z = self.X - center
        return np.einsum("ij,ij->i", Z, Z)

    def gram(self, curvature: Array, center: Array) -> Array:
        total = float(curvature.sum())
        if self._units is None and total > 0:
            # Centring afterwards saves a pass, unless digits would be lost.
            inner, first = self._weighted_gram(self.X, curvature)
            spread = np.diagonal(inner) - (2.0 * first - total * center) * center
            if np.all(spread >= SAFE[self.dtype.char] * np.diagonal(inner)):
                return _bordered(inner, first, total, center)
        Z, unit = np.subtract(self.X, center.astype(self.dtype), out=_scratch("Z", self.shape, self.dtype)), self._units
        if unit is not None:
            Z /= unit[:-1].astype(self.dtype)
        result = _bordered(*self._weighted_gram(Z, curvature), total, np.zeros(self.shape[1]))
        return result if unit is None else result * unit * unit[:, None]

    def _weighted_gram(self, Z: Array, curvature: Array) -> tuple[Array, Array]:
        """Return Z' C Z and Z' c."""
        curvature = curvature.astype(self.dtype, copy=False)
        first, least = curvature @ Z, curvature.min(initial=np.inf)
        if least == curvature.max(initial=-np.inf):
            return least * (Z.T @ Z), first
        bent = _scratch("bent", Z.shape, self.dtype)
        if least < 0:
            return Z.T @ np.multiply(curvature[:, None], Z, out=bent), first
        np.multiply(np.sqrt(curvature)[:, None], Z, out=bent)  # the product with its own transpose takes half the work
        return bent.T @ bent, first

    @cached_property
    def _units(self) -> Array | None:
        """Powers of two for the columns, and a one, if their squares might overflow or underflow."""
        if self.dtype != np.float32:
            return None
        size = np.abs(self.X).max(axis=0, initial=0.0)
        if np.all((size == 0) | ((size > 1e-12) & (size < 1e12))):
            return None
        return np.append(np.ldexp(1.0, np.frexp(size)[1]), 1.0)

    def grams(self, curvature: Array, center: Array) -> Array:
        n, k = curvature.shape
        m, unit = self.shape[1] + 1, self._units
        if m > 2 * k:  # for fewer Gram matrices, the products of all pairs of columns are not worth forming
            return super().grams(curvature, center)
        one, two = np.tril_indices(m)
        pairs = np.zeros((k, len(one)))
        size = max(64, (1 << 17) // len(one))  # the products of all pairs of columns, in cache
        for start in range(0, n, size):
            Z = _scratch("Z", (m, len(curvature[start : start + size])), self.dtype)
            Z[-1] = 1.0
            np.subtract(self.X[start : start + size].T, center.astype(self.dtype)[:, None], out=Z[:-1])
            if unit is not None:
                Z /= unit[:, None].astype(self.dtype)
            first, second = (_scratch(name, (len(one), Z.shape[1]), self.dtype) for name in ("first", "second"))
            products = np.multiply(np.take(Z, one, 0, first, "clip"), np.take(Z, two, 0, second, "clip"), out=first)
            pairs += (products @ curvature[start : start + size].astype(self.dtype)).T
        result = np.empty((k, m, m))
        result[:, one, two] = result[:, two, one] = pairs
        return result if unit is None else result * unit * unit[:, None]

    def coupled_gram(self, curvature: Array, center: Array) -> Array:
        n, k = curvature.shape[:2]
        m = self.shape[1] + 1
        result = np.zeros((m, k, m, k))
        size = max(64, (1 << 17) // (m * k))  # the products of one column with all others, in cache
        for start in range(0, n, size):
            Z = _scratch("Z", (len(curvature[start : start + size]), m), np.float64)
            np.subtract(self.X[start : start + size], center, out=Z[:, :-1])
            Z[:, -1] = 1.0
            for i in range(k):
                bent = _scratch("bent", (len(Z), i + 1, m), np.float64)
                np.multiply(curvature[start : start + size, i, : i + 1, None], Z[:, None, :], out=bent)
                result[:, i, :, : i + 1] += (Z.T @ bent.reshape(len(Z), -1)).reshape(m, i + 1, m).transpose(0, 2, 1)
        for i in range(k):
            result[:, :i, :, i] = result[:, i, :, :i].transpose(0, 2, 1)
        return result

    def products(self, center: Array, scale: Array | float = 1.0) -> Array:
        result, scale = np.zeros((self.shape[0], self.shape[0])), np.broadcast_to(scale, self.shape[1])
        for start in range(0, self.shape[1], 1024):
            columns = slice(start, start + 1024)
            Z = self.X[:, columns] - center[columns]
            Z *= scale[columns]
            result += Z @ Z.T
        return result


class Sparse(Matrix):
    """A CSR or CSC matrix; CSC is read as one block."""

    gram_rate = 2e8

    def __init__(self, X: Any) -> None:
        self.X, self.shape, self.dtype, self.entries = X, X.shape, X.dtype, X.nnz
        self.whole = X.format == "csc" or X.shape[0] <= X.shape[1]
        self.block_size = sparse_block(X.shape[0], X.nnz)

    def rows(self, index: Any) -> Sparse:
        X = self.X
        if not (X.format == "csr" and isinstance(index, slice)):
            return Sparse(X[index])
        return Sparse(csr_rows(type(X), X.data, X.indices, X.indptr, index, X.shape[1]))

    @property
    def csr(self) -> Any:
        return self.X.tocsr()

    def columns(self, index: Array) -> Sparse:
        return Sparse(self.X[:, index])

    def stored(self) -> Array:
        """Return the indices of the columns that are not all zero."""
        return np.unique(self.X.indices) if self.X.format == "csr" else np.flatnonzero(np.diff(self.X.indptr))

    def narrowed(self, features: Array) -> Sparse:
        """Return the columns with the given indices, in order, which hold all entries; no array has the length of a row."""
        X = self.X.tocsr()
        shape = X.shape[0], len(features)
        return Sparse(type(X)((X.data, np.searchsorted(features, X.indices), X.indptr), shape=shape))

    def astype(self, dtype: Any) -> Sparse:
        return Sparse(self.X.astype(dtype))

    def dot(self, weights: Array) -> Array:
        return np.asarray(self.X @ weights.astype(self.dtype, copy=False), dtype=np.float64)

    @cached_property
    def _transposed(self) -> Any:
        """X', a view: SciPy needs a quarter of the time of a product to make and check it."""
        return self.X.T

    def pull(self, g: Array) -> Array:
        return self._transposed @ g.astype(self.dtype, copy=False)

    @property
    def rarest(self) -> int:
        return int(np.diff(self.X.tocsc().indptr).min(initial=self.shape[0]))

    def _row_of_entry(self, X: Any) -> Array:
        return X.indices if X.format == "csc" else np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))

    def moments(self, weight: Array) -> tuple[Array, Array]:
        X, total = self.X, weight.sum()
        if not X.has_canonical_format:  # converting to the other format is the faster way to sort the entries
            X = X.tocsc() if X.format == "csr" else X.tocsr()
            X.sum_duplicates()
        data = X.data.astype(np.float64, copy=False)
        mean = _like(X, data).T @ weight / total
        squares = _like(X, data * data).T @ weight
        centered = squares - total * mean**2
        large = np.flatnonzero((centered <= 1e-4 * squares) & (squares > 0))
        if large.size:  # from the differences themselves, because differences of squares suffer from cancellation
            few = X[:, large].tocsc()
            column = np.repeat(np.arange(large.size), np.diff(few.indptr))
            gaps = weight[few.indices] * (few.data - mean[large][column]) ** 2
            stored = np.bincount(column, weights=weight[few.indices], minlength=large.size)
            missing = np.where(np.diff(few.indptr) == X.shape[0], 0.0, np.maximum(total - stored, 0.0))
            centered[large] = np.bincount(column, weights=gaps, minlength=large.size) + missing * mean[large] ** 2
        return mean, centered

    def row_squares(self, center: Array) -> Array:
        squares = _like(self.X, self.X.data.astype(np.float64) ** 2) @ np.ones(self.shape[1])
        return np.maximum(squares - 2.0 * self.dot(center[:, None])[:, 0] + center @ center, 0.0)

    def weighted(self, curvature: Array) -> Any:
        """Return C X in float64."""
        return _like(self.X, self.X.data * curvature[self._row_of_entry(self.X)])

    def gram(self, curvature: Array, center: Array) -> Array:
        inner = (self._transposed @ self.weighted(curvature)).toarray()
        return _bordered(inner, self.pull(curvature[:, None])[:, 0], curvature.sum(), center)


def csr_rows(kind: Any, data: Array, indices: Array, indptr: Array, part: slice, n_features: int) -> Any:
    """Return consecutive rows of a CSR matrix, given by its three arrays; the entries are not copied."""
    first, last = indptr[part.start], indptr[part.stop]
    rows = kind((part.stop - part.start, n_features), dtype=data.dtype)  # the constructor would copy its arguments
    rows.data, rows.indices = data[first:last], indices[first:last]
    rows.indptr = (indptr[part.start : part.stop + 1] - first).astype(indices.dtype, copy=False)
    return rows


def _like(X: Any, data: Array) -> Any:
    """Return a sparse matrix with other entries in the same places."""
    return type(X)((data, X.indices, X.indptr), shape=X.shape)


def _bordered(gram: Array, first: Array, total: float, center: Array) -> Array:
    """Return the Gram matrix of centred columns and a column of ones, from that of the columns themselves (overwritten)."""
    p = len(center)
    result, shifted = np.empty((p + 1, p + 1)), first - total * center
    if center.any():
        gram -= np.stack([first, center], axis=1) @ np.stack([center, shifted])
    result[:p, :p] = gram
    result[p, :p] = result[:p, p] = shifted
    result[p, p] = total
    return result
