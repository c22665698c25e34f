"""The contract of matrices of rows, for any storage: products, moments and Gram matrices.

All code that depends on how X is stored is in `plain` and `composed`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from ..arrays import Array

__all__ = ["Columns", "Matrix", "RowStore"]


class Columns(Protocol):
    """Columns that can be multiplied by weights."""

    dtype: Any

    def dot(self, weights: Array) -> Array:
        """Return X W, (n, K)."""

    def pull(self, g: Array) -> Array:
        """Return X' g, (p, K), for g of shape (n, K)."""


class RowStore(ABC):
    """A store of n rows and p columns that returns some of the rows as a `Matrix`.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy dtype
        The dtype of the returned matrices, float64 or float32.
    entries : int
        Number of entries that a product reads.
    whole : bool
        Whether the store is best read in one block.
    block_size : int
        Otherwise the number of rows in a block: few enough to be still in the processor's cache for a second product.
    gram_rate : float
        Products of two entries per second for a Gram matrix, on an ordinary core.
    samples : bool
        Whether the Gram matrix of a tenth of the rows takes a tenth of the time.
    copies_rows, copies_slices : bool
        Whether scattered rows, or consecutive ones, are returned as full copies, which are not worth keeping.
    """

    shape: tuple[int, int]
    dtype: Any
    entries: int
    whole: bool = False
    block_size: int = 1 << 14
    gram_rate: float = 2e10
    samples: bool = False
    copies_rows: bool = False
    copies_slices: bool = False

    @property
    def nbytes(self) -> int:
        """The approximate memory in bytes."""
        return int(self.entries * np.dtype(self.dtype).itemsize)

    @abstractmethod
    def rows(self, index: Any) -> Matrix:
        """Return some rows, for a slice or an array of row numbers."""

    @abstractmethod
    def columns(self, index: Array) -> RowStore:
        """Return the columns with the given indices."""


class Matrix(RowStore):
    """The contract of products, moments and Gram matrices."""

    @property
    def csr(self) -> Any:
        """The matrix in CSR; a copy, unless it is stored so."""
        return sparse.csr_array(self.dot(np.eye(self.shape[1])))

    @abstractmethod
    def columns(self, index: Array) -> Matrix:
        """Return a copy of the columns with the given indices."""

    def narrowed(self, features: Array) -> Matrix:
        """Return the columns with the given indices, in order; all other columns are zero."""
        return self if len(features) == self.shape[1] else self.columns(features)

    @abstractmethod
    def astype(self, dtype: Any) -> Matrix:
        """Return a copy in another precision."""

    @abstractmethod
    def dot(self, weights: Array) -> Array:
        """Return X W, (n, K)."""

    @abstractmethod
    def pull(self, g: Array) -> Array:
        """Return X' g, (p, K), for g of shape (n, K)."""

    def centered_dot(self, weights: Array, center: Array) -> Array:
        """Return Z W, (n, K), for Z the centred columns."""
        result = self.dot(weights)
        result -= center @ weights
        return result

    def centered_pull(self, g: Array, total: Array, center: Array) -> Array:
        """Return Z' g, (p, K), for Z the centred columns and g with the sum `total`, (K,)."""
        result = self.pull(g).astype(np.float64, copy=False)
        result -= np.outer(center, total)
        return result

    def scaled(self, center: Array, scale: Array, dtype: Any) -> Columns:
        """Return columns minus a center, (p,), times a scale, (p, 1); if they are stored again, in the given dtype."""
        return _Scaled(self, center, scale)

    @abstractmethod
    def moments(self, weight: Array) -> tuple[Array, Array]:
        """Return the weighted mean of each column, and the weighted sum of squares about it."""

    @property
    def rarest(self) -> int:
        """The smallest number of rows, over the columns, that differ from the most common value of their column."""
        return self.shape[0]

    @abstractmethod
    def gram(self, curvature: Array, center: Array) -> Array:
        """Return Z' C Z, (p + 1, p + 1), for Z the centred columns and a column of ones; C is diagonal, (n,), of any sign."""

    @abstractmethod
    def row_squares(self, center: Array) -> Array:
        """Return the sum of squares of each row of the centred columns, (n,)."""

    def products(self, center: Array, scale: Array | float = 1.0) -> Array:
        """Return Z Z', (n, n), for Z the centred columns times a scale, a number or (p,)."""
        n, p = self.shape
        result, scale = np.zeros((n, n)), np.broadcast_to(scale, p)
        for start in range(0, p, 1024):
            columns = np.arange(start, min(start + 1024, p))
            Z = (self.columns(columns).dot(np.eye(len(columns))) - center[columns]) * scale[columns]
            result += Z @ Z.T
        return result

    def grams(self, curvature: Array, center: Array) -> Array:
        """Return `gram` for each column of a curvature of shape (n, K): (K, p + 1, p + 1)."""
        first, *others = (self._of_curved_rows(column, center) for column in curvature.T)
        return np.stack([first, *others]) if others else first[None]

    def _of_curved_rows(self, curvature: Array, center: Array) -> Array:
        used = np.flatnonzero(curvature)
        if 2 * len(used) < len(curvature):
            return self.rows(used).gram(curvature[used], center)
        return self.gram(curvature, center)

    def coupled_gram(self, curvature: Array, center: Array) -> Array:
        """Return the Gram matrices of all pairs of columns of raw, (p + 1, K, p + 1, K), for a curvature of shape (n, K, K)."""
        p, k = self.shape[1], curvature.shape[1]
        result = np.empty((p + 1, k, p + 1, k))
        for i in range(k):
            for j in range(i + 1):
                result[:, i, :, j] = result[:, j, :, i] = self.gram(curvature[:, i, j], center)
        return result


class _Scaled:
    """Columns minus a center, times a scale, without forming them."""

    def __init__(self, stored: Matrix, center: Array, scale: Array) -> None:
        self.stored, self.center, self.scale, self.dtype = stored, center, scale, stored.dtype

    def dot(self, weights: Array) -> Array:
        return self.stored.centered_dot(self.scale * weights, self.center)

    def pull(self, g: Array) -> Array:
        return self.scale * self.stored.centered_pull(g, g.sum(axis=0), self.center)
