"""Where rows live: what a home of rows promises, and what it hands out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import EPS, Array
from .matrices import Matrix

__all__ = ["Block", "ColumnMoments", "Kernel", "LocalRows", "Profile", "RowArray", "Rows"]

# A function of a block, and of the block's parts of row arrays. It can be pickled, holds no rows, writes nothing outside
# itself and starts no reduction: it may run in another thread, another process, or on another machine.
Kernel = Callable[..., Any]

# One entry for each row, kept where the rows are: only `Rows` can read it.
RowArray = Any


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows: X (n, p), prepared y, weight (n,), what is added to raw, (n, K), and the loss's own columns."""

    X: Matrix
    y: Array
    weight: Array
    offset: Array | None = None
    loss_data: Any = None

    def split(self, size: int) -> Iterator[Block]:
        """Iterate over its rows in blocks of at most `size`."""
        n = len(self.weight)
        for part in (slice(start, min(start + size, n)) for start in range(0, n, size)):
            yield Block(
                self.X.rows(part), self.y[part], self.weight[part], part_of(self.offset, part), part_of(self.loss_data, part)
            )


def part_of(array: Any, rows: Any) -> Any:
    """Return the entries of some rows; None of None."""
    return None if array is None else array[rows]


@dataclass(frozen=True, eq=False)
class ColumnMoments:
    """Weighted moments of columns, (p,) each; those of more rows are added to them.

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
        """Return the moments under weights that are so many times as large."""
        return ColumnMoments(self.mean, factor * self.centered, factor * self.second, factor * self.weight)

    def among(self, places: Array, n_features: int) -> ColumnMoments:
        """Return the moments of more columns, at some places of which are these; the others have been zero."""
        mean, centered, second = np.zeros((3, n_features))
        mean[places], centered[places], second[places] = self.mean, self.centered, self.second
        return replace(self, mean=mean, centered=centered, second=second)

    def spread(self, centered: bool) -> Array:
        """Return the standard deviation of each column, about zero unless `centered`; 0 where it is only rounding noise."""
        squares = self.centered if centered else self.second
        return np.sqrt(np.where(squares > (64 * EPS) ** 2 * self.second, squares, 0.0) / self.weight)


@dataclass(frozen=True)
class Profile:
    """What passes over the rows cost.

    Attributes
    ----------
    entries : float
        How many numbers of a row a product reads.
    gram_rate : float
        How many products of two entries a Gram matrix takes per second, on an ordinary core.
    samples : bool
        Whether a tenth of the rows takes a tenth of the time.
    """

    entries: float
    gram_rate: float
    samples: bool


class Rows(ABC):
    """A home of rows. Nothing outside `sklearn_gd.rows` asks for a row by its number.

    Attributes
    ----------
    n_samples, n_features : int
        Rows of weight zero are not counted, and never read.
    dtype : numpy dtype
    profile : Profile
    in_memory : bool
        Whether they are `LocalRows`, for solvers that hold all rows at once (`Need.IN_MEMORY`).
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
        """Return the sums over blocks of what a kernel returns, a tuple, for a block and its parts of the arrays.

        Blocks are added up in a fixed order: the result has the same bits for any number of workers.
        """

    @abstractmethod
    def map(self, kernel: Kernel, *arrays: RowArray) -> Any:
        """Return what a kernel returns of each block and its parts of the arrays: an entry for each row, or a tuple."""

    @abstractmethod
    def quantile(self, array: RowArray, q: float) -> float:
        """Return a quantile of all entries of an array; of very many, within a thousandth of q."""

    @abstractmethod
    def batches(self, size: int, seed: int | Sequence[int]) -> Iterator[Block]:
        """Iterate over all rows once, in a random order, in blocks of at most `size` rows and nearly equal length."""

    @abstractmethod
    def sample(self, size: int) -> LocalRows:
        """Return about `size` of the rows, in memory, spread over the data: the same ones every time."""

    @abstractmethod
    def take(self, mask: RowArray) -> LocalRows:
        """Return the rows of a mask, which are few, in memory."""

    @abstractmethod
    def columns(self, features: Array) -> Rows:
        """Return some columns of the rows, given by their numbers."""

    @abstractmethod
    def with_offset(self, offset: RowArray) -> Rows:
        """Return the same rows with another offset, (n, K)."""

    def each(self, walk: Callable[[Rows, Any], Any], value: Any) -> list[Any]:
        """Return what walk(rows, value) makes of a value in each place where rows are.

        That is one place, unless they are on several machines. What goes there and back can be pickled.
        """
        return [walk(self, value)]

    def without_features(self, distinct: Callable[[Array, Array], tuple[Array, Array]]) -> Rows:
        """Return the same rows with no columns, for a model that is a constant.

        A home that holds y may take equal rows together, as distinct(y, weight) does.
        """
        return self.columns(np.arange(0))


class LocalRows(Rows):
    """Rows in memory, whose row arrays are ndarrays.

    Attributes
    ----------
    matrix : Matrix
        X of all rows.
    rarest : int
        In how many rows a column differs from the value that it mostly holds, at the least.
    """

    in_memory = True

    @property
    @abstractmethod
    def matrix(self) -> Matrix:
        """X of all rows."""

    @property
    @abstractmethod
    def rarest(self) -> int:
        """In how many rows a column differs from the value that it mostly holds, at the least."""

    @abstractmethod
    def with_matrix(self, X: Any) -> LocalRows:
        """Return the rows with other columns, (n_samples, q)."""

    @abstractmethod
    def copied(self, dtype: Any = None) -> LocalRows:
        """Return the rows by themselves, maybe in another precision: for those read again and again."""
