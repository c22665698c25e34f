"""Where rows live: arrays and sparse matrices, behind `blocks` and `reduce`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from .losses.numeric import EPS, Array

__all__ = ["Block", "Data", "Moments"]


@dataclass(frozen=True)
class Block:
    """Some rows: X (n, p), prepared y, weight (n,), and which rows of the data they are."""

    X: Any
    y: Array
    weight: Array
    rows: Any


@dataclass(frozen=True)
class Moments:
    """Weighted moments of the columns: mean, centred sum of squares, and sum of squares, each (p,)."""

    mean: Array
    centered: Array
    raw: Array

    def norms(self, centered: bool) -> Array:
        """Return the norm of each column, about its mean if `centered`; 0 where it is only rounding noise."""
        squares = self.centered if centered else self.raw
        return np.sqrt(np.where(squares > (64 * EPS) ** 2 * self.raw, squares, 0.0))


class Data:
    """Rows in memory, read a block at a time.

    A block is small enough to be found still in the processor's cache by the second of two products with it, which halves
    the traffic of memory (about 1,000 rows at 100 features). Rows of weight zero are left out of every block. CSC
    matrices, and data with fewer rows than columns, are one block.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, p)
    y : ndarray of shape (n,) or (n, K)
    weight : ndarray of shape (n,)
    """

    def __init__(self, X: Any, y: Array, weight: Array) -> None:
        self.X, self.y, self.weight = X, y, weight
        self.n_features = X.shape[1]
        self.dtype = X.dtype
        self._used = None if np.all(weight > 0) else np.flatnonzero(weight)
        self.is_sparse = sparse.issparse(X)
        self.entries = X.nnz if self.is_sparse else X.size
        self.n_rows = len(weight) if self._used is None else len(self._used)
        self._sparse_blocks = list(self._split(1 << 16)) if self.is_sparse else None

    def _split(self, size: int) -> Iterator[Block]:
        whole = self.n_rows <= self.n_features or (self.is_sparse and self.X.format == "csc")
        size = max(1, self.n_rows) if whole else size
        for start in range(0, self.n_rows, size):
            stop = min(start + size, self.n_rows)
            rows: Any = slice(start, stop) if self._used is None else self._used[start:stop]
            X = self.X if whole and self._used is None else _rows_of(self.X, rows)
            yield Block(X, self.y[rows], self.weight[rows], rows)

    def blocks(self) -> Iterator[Block]:
        """Iterate over the blocks, in the same order every time."""
        if self._sparse_blocks is not None:  # slicing a sparse matrix copies: it is done once
            return iter(self._sparse_blocks)
        return self._split(max(256, min(1 << 14, (1 << 17) // max(1, self.n_features))))

    def reduce(self, function: Callable[[Block], tuple[Any, ...]]) -> tuple[Any, ...]:
        """Return the sums, over the blocks, of the numbers or arrays that function(block) returns."""
        total: tuple[Any, ...] | None = None
        for block in self.blocks():
            part = function(block)
            total = part if total is None else tuple(a + b for a, b in zip(total, part, strict=True))
        assert total is not None, "validated data have rows"
        return total

    def without_features(self) -> Data:
        """Return the same rows with no columns."""
        return Data(np.empty((len(self.weight), 0)), self.y, self.weight)

    @cached_property
    def moments(self) -> Moments:
        """The weighted moments of the columns, from one pass."""
        weight, mean = 0.0, np.zeros(self.n_features)
        centered = np.zeros(self.n_features)
        for block in self.blocks():
            block_weight = block.weight.sum()
            if self.is_sparse:
                block_mean, block_centered = _sparse_moments(block.X, block.weight)
            else:
                # A shift by the first row keeps the digits of a column whose mean is large beside its spread.
                shift = block.X[0].astype(np.float64)
                Z = block.X - shift
                shifted_mean = block.weight @ Z / block_weight
                block_mean = shift + shifted_mean
                Z -= shifted_mean
                Z *= Z
                block_centered = block.weight @ Z
            share = block_weight / (weight + block_weight)
            gap = block_mean - mean
            mean = mean + share * gap
            centered = centered + block_centered + weight * share * gap**2
            weight += block_weight
        return Moments(mean, centered, centered + weight * mean**2)


def _rows_of(X: Any, rows: Any) -> Any:
    """Return some rows; where they are consecutive, without a copy of the entries."""
    if not (sparse.issparse(X) and X.format == "csr" and isinstance(rows, slice)):
        return X[rows]
    first, last = X.indptr[rows.start], X.indptr[rows.stop]
    parts = X.data[first:last], X.indices[first:last], X.indptr[rows.start : rows.stop + 1] - first
    return type(X)(parts, shape=(rows.stop - rows.start, X.shape[1]))


def _sparse_moments(X: Any, weight: Array) -> tuple[Array, Array]:
    """Return the weighted mean of each column and the sum of squares about it, in two passes and in float64."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    major = np.repeat(np.arange(len(X.indptr) - 1), np.diff(X.indptr))
    row, column = (major, X.indices) if X.format == "csr" else (X.indices, major)
    n, p = X.shape
    entry_weight, total = weight[row], weight.sum()
    mean = np.bincount(column, weights=entry_weight * X.data, minlength=p) / total
    squares = np.bincount(column, weights=entry_weight * (X.data - mean[column]) ** 2, minlength=p)
    stored = np.bincount(column, weights=entry_weight, minlength=p)
    missing = np.where(np.bincount(column, minlength=p) == n, 0.0, np.maximum(total - stored, 0.0))
    return mean, squares + missing * mean**2
