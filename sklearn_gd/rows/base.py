"""The contract of a home of rows, and the blocks that it provides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import EPS, Array, part_of
from .matrices import Matrix

__all__ = ["Block", "ColumnMoments", "Kernel", "LocalRows", "Profile", "RowArray", "Rows"]

# A function of a block, and of the block's parts of row arrays. It can be pickled, holds no rows, writes nothing outside
# itself and starts no reduction: it may run in another thread, another process, or on another machine.
Kernel = Callable[..., Any]

# One entry per row, stored where the rows are: only `Rows` can read it.
RowArray = Any


@dataclass(frozen=True, eq=False)
class Block:
    """A block of rows: X (n, p), prepared y, weight (n,), an offset of raw, (n, K), and additional data for the loss."""

    X: Matrix
    y: Array
    weight: Array
    offset: Array | None = None
    loss_data: Any = None

    def split(self, size: int) -> Iterator[Block]:
        """Iterate over the rows in blocks of at most `size` rows."""
        n = len(self.weight)
        for part in (slice(start, min(start + size, n)) for start in range(0, n, size)):
            yield Block(
                self.X.rows(part), self.y[part], self.weight[part], part_of(self.offset, part), part_of(self.loss_data, part)
            )


@dataclass(frozen=True, eq=False)
class ColumnMoments:
    """Weighted moments of columns, (p,) each; those of different rows can be added.

    Attributes
    ----------
    mean : ndarray of shape (p,)
    centered, second : ndarray of shape (p,)
        The weighted sums of squares about the mean, and about zero.
    weight : float
        The sum of weights.
    """

    mean: Array
    centered: Array
    second: Array
    weight: float

    @classmethod
    def of(cls, block: Block) -> tuple[ColumnMoments]:
        """Return the moments of a block: a kernel."""
        mean, centered = block.X.moments(block.weight)
        weight = float(block.weight.sum())
        return (cls(mean, centered, centered + weight * mean**2, weight),)

    def __add__(self, other: ColumnMoments) -> ColumnMoments:
        total = self.weight + other.weight
        share = other.weight / total
        gap = other.mean - self.mean
        mean = self.mean + share * gap
        centered = self.centered + other.centered + self.weight * share * gap**2
        return ColumnMoments(mean, centered, centered + total * mean**2, total)

    def times(self, factor: float) -> ColumnMoments:
        """Return the moments under weights multiplied by a factor."""
        return ColumnMoments(self.mean, factor * self.centered, factor * self.second, factor * self.weight)

    def among(self, places: Array, n_features: int) -> ColumnMoments:
        """Return the moments of `n_features` columns, with the current ones at `places`; the others have been zero."""
        mean, centered, second = np.zeros((3, n_features))
        mean[places], centered[places], second[places] = self.mean, self.centered, self.second
        return replace(self, mean=mean, centered=centered, second=second)

    def spread(self, centered: bool) -> Array:
        """Return the standard deviation of each column, about zero unless `centered`; 0 if it is only rounding noise."""
        squares = self.centered if centered else self.second
        return np.sqrt(np.where(squares > (64 * EPS) ** 2 * self.second, squares, 0.0) / self.weight)


@dataclass(frozen=True)
class Profile:
    """The cost of passes over the rows.

    Attributes
    ----------
    entries : float
        Number of entries per row that a product reads.
    gram_rate : float
        Products of two entries per second for a Gram matrix, on an ordinary core.
    samples : bool
        Whether a pass over a tenth of the rows takes a tenth of the time.
    """

    entries: float
    gram_rate: float
    samples: bool


class Rows(ABC):
    """Base class of a home of rows; code outside `sklearn_gd.rows` never indexes single rows.

    Attributes
    ----------
    n_samples, n_features : int
        Number of rows and columns. Rows of weight zero are not counted and never read.
    dtype : numpy dtype
        The dtype of X.
    profile : Profile
        The cost of passes over the rows.
    in_memory : bool
        Whether the rows are `LocalRows`, for solvers that need all rows in memory (`Need.IN_MEMORY`).
    """

    n_samples: int
    n_features: int
    dtype: Any
    profile: Profile
    in_memory: bool = False

    @property
    @abstractmethod
    def moments(self) -> ColumnMoments:
        """The weighted moments of the columns."""

    @abstractmethod
    def reduce(self, kernel: Kernel, *arrays: RowArray) -> tuple[Any, ...]:
        """Return the sums over blocks of the tuples that a kernel returns for a block and its parts of the arrays.

        Blocks are added in a fixed order, so the result is bitwise identical for any number of workers.
        """

    def reduce_large(self, kernel: Kernel, *arrays: RowArray) -> tuple[Any, ...]:
        """Return the same sums as `reduce`; with many columns, over longer blocks, as for sums of all pairs of columns."""
        return self.reduce(kernel, *arrays)

    @abstractmethod
    def map(self, kernel: Kernel, *arrays: RowArray) -> Any:
        """Return the row arrays that a kernel returns for each block and its parts of the arrays: one, or a tuple."""

    @abstractmethod
    def quantile(self, array: RowArray, q: float) -> float:
        """Return a quantile of all entries of an array; for very many entries, within a thousandth of q."""

    @abstractmethod
    def batches(self, size: int, seed: int | Sequence[int]) -> Iterator[Block]:
        """Iterate over all rows once, in a random order, in blocks of at most `size` rows and nearly equal length."""

    @abstractmethod
    def sample(self, size: int) -> LocalRows:
        """Return a sample of about `size` rows in memory, spread over the data; it is the same at every call."""

    @abstractmethod
    def take(self, mask: RowArray) -> LocalRows:
        """Return the few rows selected by a mask, in memory."""

    @abstractmethod
    def columns(self, features: Array) -> Rows:
        """Return the rows restricted to the columns with the given indices."""

    @abstractmethod
    def with_offset(self, offset: RowArray) -> Rows:
        """Return the same rows with a different offset of raw, (n, K)."""

    def each(self, walk: Callable[[Rows, Any], Any], value: Any) -> list[Any]:
        """Return the result of walk(rows, value) at each place where rows are stored.

        There is one place, unless the rows are on several machines. The value and the results can be pickled.
        """
        return [walk(self, value)]

    def without_features(self, distinct: Callable[[Array, Array], tuple[Array, Array]]) -> Rows:
        """Return the same rows without columns, for a constant model.

        A home that holds y may merge equal rows by distinct(y, weight).
        """
        return self.columns(np.arange(0))


class LocalRows(Rows):
    """Rows in memory, whose row arrays are ndarrays.

    Attributes
    ----------
    matrix : Matrix
        X of all rows.
    rarest : int
        The smallest number of rows, over the columns, that differ from the most common value of their column.
    """

    in_memory = True

    @property
    @abstractmethod
    def matrix(self) -> Matrix:
        """X of all rows."""

    @property
    @abstractmethod
    def rarest(self) -> int:
        """The smallest number of rows, over the columns, that differ from the most common value of their column."""

    @abstractmethod
    def with_matrix(self, X: Any) -> LocalRows:
        """Return the rows with different columns, (n_samples, q)."""

    @abstractmethod
    def copied(self, dtype: Any = None) -> LocalRows:
        """Return a copy of the rows, optionally in another precision, for repeated reading."""
