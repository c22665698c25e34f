"""Rows on disk: arrays in files, read one block at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from ..arrays import Array, in_columns
from .blocks import BlockRows, MemoryRows
from .matrices import RowStore
from .parted import merged_quantile, summary
from .plain import Dense, Sparse, csr_rows, dense_block, sparse_block

__all__ = ["GrowingArray", "MappedRows", "StoredDense", "StoredSparse", "new_file"]

# How many numbers are read or written at once.
CHUNK = 1 << 21
# A row array of fewer bytes is kept in memory.
SMALL = 1 << 22
# The maximum number of distinct values of y that counts as few.
FEW = 1 << 12
# How many bytes of consecutive rows stay together when rows are shuffled: a disk is read sequentially.
RUN = 1 << 16


def new_file() -> BinaryIO:
    """Return a temporary file that is deleted once neither it nor an array mapped from it is in use."""
    return tempfile.TemporaryFile(prefix="sklearn_gd-")


def _mapped(file: BinaryIO, dtype: Any, shape: tuple[int, ...]) -> Array:
    """Return a file mapped as a plain ndarray."""
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(file, dtype, mode="r+", shape=shape).view(np.ndarray)


class GrowingArray:
    """An array in a file, to which rows are appended.

    Its dtype can hold all of them.
    """

    def __init__(self) -> None:
        self._file, self.n = new_file(), 0
        self._shape: Any = None
        self.dtype: Any = None

    def __del__(self) -> None:
        """Close the file; arrays mapped from it remain valid."""
        if "_file" in vars(self):
            self._file.close()

    def append(self, rows: Array) -> None:
        """Append rows, an array with the same number of columns each time."""
        if self._shape is None:
            self._shape, self.dtype = rows.shape[1:], rows.dtype
        rows = in_columns(rows, self.dtype.names)
        common = np.result_type(self.dtype, rows.dtype)
        if common != self.dtype:
            self._rewrite(common)
        np.ascontiguousarray(rows, dtype=common).tofile(self._file)
        self.n += len(rows)

    def _rewrite(self, dtype: Any) -> None:
        before, size = self.array(), max(1, CHUNK // max(1, int(np.prod(self._shape))))
        self._file.close()
        self._file, self.dtype = new_file(), dtype
        for start in range(0, self.n, size):
            before[start : start + size].astype(dtype).tofile(self._file)

    def array(self) -> Array:
        """Return all rows, mapped into memory."""
        self._file.flush()
        return _mapped(self._file, self.dtype, (self.n, *(self._shape or ())))


class StoredDense(RowStore):
    """An array on disk, of any numerical dtype; rows are cast when they are read.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Mapped into memory.
    dtype : numpy dtype
    features : ndarray of int, optional
        The only columns to read; by default all.
    """

    samples = copies_rows = True

    def __init__(self, X: Array, dtype: Any, features: Array | None = None) -> None:
        self.X, self.dtype, self.features = X, np.dtype(dtype), features
        self.shape = len(X), X.shape[1] if features is None else len(features)
        self.entries, self.block_size = self.shape[0] * self.shape[1], dense_block(self.shape[1])
        self.copies_slices = features is not None or X.dtype != self.dtype or not X.flags.c_contiguous

    def rows(self, index: Any) -> Dense:
        rows = self.X[index]
        if self.features is not None:
            rows = rows[:, self.features]
        return Dense(np.ascontiguousarray(rows, dtype=self.dtype))

    def columns(self, index: Array) -> StoredDense:
        return StoredDense(self.X, self.dtype, index if self.features is None else self.features[index])


class StoredSparse(RowStore):
    """A CSR matrix on disk: its three arrays, mapped into memory.

    Parameters
    ----------
    data, indices, indptr : ndarray
    shape : tuple of int
    dtype : numpy dtype
    features : ndarray of int, optional
        The only columns to read; by default all.
    """

    gram_rate = 2e8
    copies_rows = copies_slices = True

    def __init__(
        self, data: Array, indices: Array, indptr: Array, shape: tuple[int, int], dtype: Any, features: Array | None = None
    ) -> None:
        self.data, self.indices, self.indptr, self.whole_shape = data, indices, indptr, shape
        self.dtype, self.features = np.dtype(dtype), features
        self.shape = shape[0], shape[1] if features is None else len(features)
        self.entries, self.block_size = len(data), sparse_block(shape[0], len(data))

    def rows(self, index: Any) -> Sparse:
        if isinstance(index, slice):
            X = self._slice(index)
        else:
            X = self._gathered(index)
        return Sparse(X.astype(self.dtype, copy=False))

    def _slice(self, part: slice) -> Any:
        X = csr_rows(sparse.csr_matrix, self.data, self.indices, self.indptr, part, self.whole_shape[1])
        return X if self.features is None else X[:, self.features]

    def _gathered(self, index: Array) -> Any:
        starts, lengths = self.indptr[index], self.indptr[index + 1] - self.indptr[index]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        entries = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        shape = len(index), self.whole_shape[1]
        X = sparse.csr_matrix((self.data[entries], self.indices[entries], indptr), shape=shape)
        return X if self.features is None else X[:, self.features]

    def columns(self, index: Array) -> StoredSparse:
        features = index if self.features is None else self.features[index]
        return StoredSparse(self.data, self.indices, self.indptr, self.whole_shape, self.dtype, features)


class MappedRows(BlockRows):
    """Rows on disk, read one block at a time; row arrays are on disk as well, unless they are small."""

    def _empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        small = np.prod(shape) * np.dtype(dtype).itemsize < SMALL
        if small:
            return np.empty(shape, dtype)
        with new_file() as file:
            file.truncate(int(np.prod(shape)) * np.dtype(dtype).itemsize)
            return _mapped(file, dtype, shape)

    def quantile(self, array: Array, q: float) -> float:
        return merged_quantile([summary(array[part]) for part in self._slices(array)], q)

    def take(self, mask: Array) -> Any:
        parts = self._slices(mask)
        return self.extracted(np.concatenate([part.start + np.flatnonzero(mask[part]) for part in parts]))

    def without_features(self, distinct: Callable[[Array, Array], tuple[Array, Array]]) -> Any:
        alone, found = self.columns(np.arange(0)), []
        if self._offset is not None or self.loss_data is not None:
            return alone
        for start in range(0, len(self.weight), 16 * FEW):
            part = slice(start, start + 16 * FEW)
            weight = self.weight[part]
            found.append(distinct(self.y[part][weight > 0], weight[weight > 0]))
            if len(found[-1][1]) > FEW:
                return alone
        y, weight = distinct(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
        return MemoryRows(np.empty((len(weight), 0)), y, weight)

    def _slices(self, array: Array) -> list[slice]:
        size = max(1, CHUNK // max(1, int(np.prod(array.shape[1:]))))
        return [slice(start, min(start + size, len(array))) for start in range(0, len(array), size)]

    def _shuffled(self, random_state: np.random.RandomState, count: int) -> Iterable[Array]:
        """Return the same; many rows are read in runs in random order, and the rows of a few runs are shuffled together."""
        few = self.n_samples * max(1.0, self.profile.entries) <= CHUNK
        return super()._shuffled(random_state, count) if few else self._mixed(random_state, count)

    def _mixed(self, random_state: np.random.RandomState, count: int) -> Iterator[Array]:
        n, width = self.n_samples, max(1.0, self.profile.entries) * self.dtype.itemsize
        run = int(max(1, min(RUN // width, n // 64)))
        together = max(1, int(CHUNK // (run * max(1.0, self.profile.entries))))
        runs, pool = random_state.permutation(-(-n // run)), np.empty(0, dtype=np.intp)
        lengths = iter(np.diff(np.linspace(0, n, count + 1).astype(np.intp)))
        wanted = next(lengths)
        for start in range(0, len(runs), together):
            some = (runs[start : start + together, None] * run + np.arange(run)).ravel()
            pool = np.concatenate([pool, random_state.permutation(some[some < n])])
            while wanted and len(pool) >= wanted:
                yield pool[:wanted]
                pool, wanted = pool[wanted:], next(lengths, 0)
