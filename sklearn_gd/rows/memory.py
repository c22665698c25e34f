"""Where rows live: in memory, behind `blocks` and `reduce`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from threadpoolctl import threadpool_limits

from ..arrays import EPS, Array
from .composed import as_matrix
from .matrices import Dense, Matrix

__all__ = ["Block", "Data", "Mapper", "Moments", "workers"]

Mapper = Callable[..., Iterable[Any]]

# How many groups of blocks are added up one by one: enough to keep a few workers busy.
GROUPS = 16


@dataclass(frozen=True)
class Block:
    """Some rows: X (n, p), prepared y, weight (n,), and which rows of the data they are."""

    X: Matrix
    y: Array
    weight: Array
    rows: Any

    def split(self, size: int) -> Iterator[Block]:
        """Iterate over its rows in blocks of at most `size`."""
        n = len(self.weight)
        if size >= n:
            yield self
            return
        numbers = np.arange(self.rows.start, self.rows.stop) if isinstance(self.rows, slice) else self.rows
        for part in (slice(start, min(start + size, n)) for start in range(0, n, size)):
            yield Block(self.X.rows(part), self.y[part], self.weight[part], numbers[part])


@dataclass(frozen=True)
class Moments:
    """Weighted moments of the columns: mean, centred sum of squares, and sum of squares, each (p,); and the sum of weights."""

    mean: Array
    centered: Array
    raw: Array
    weight: float

    @classmethod
    def none(cls, n_features: int) -> Moments:
        """Return the moments of no rows."""
        return cls(np.zeros(n_features), np.zeros(n_features), np.zeros(n_features), 0.0)

    def merged(self, mean: Array, centered: Array, weight: float) -> Moments:
        """Return the moments of these rows and of more, whose weight is not zero."""
        total = self.weight + weight
        share = weight / total
        gap = mean - self.mean
        mean = self.mean + share * gap
        centered = self.centered + centered + self.weight * share * gap**2
        return Moments(mean, centered, centered + total * mean**2, total)

    def among(self, places: Array, n_features: int) -> Moments:
        """Return the moments of more columns, at some places of which are these; the others have been zero."""
        mean, centered, raw = np.zeros((3, n_features))
        mean[places], centered[places], raw[places] = self.mean, self.centered, self.raw
        return Moments(mean, centered, raw, self.weight)

    def norms(self, centered: bool) -> Array:
        """Return the norm of each column, about its mean if `centered`; 0 where it is only rounding noise."""
        squares = self.centered if centered else self.raw
        return np.sqrt(np.where(squares > (64 * EPS) ** 2 * self.raw, squares, 0.0))


@contextmanager
def workers(n_jobs: int | None) -> Iterator[Mapper]:
    """Give the function that maps over groups of rows: in this thread, or in several with one BLAS thread each."""
    count = effective_n_jobs(n_jobs)
    if count == 1:
        yield map
    else:
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(count) as pool:
            yield pool.map


class Data:
    """Rows in memory, read a block at a time. Rows of weight zero are left out of every block.

    Parameters
    ----------
    X : ndarray, sparse matrix or Matrix of shape (n, p)
    y : ndarray of shape (n,) or (n, K)
    weight : ndarray of shape (n,)
    used : ndarray of int, optional
        The only rows to read, in order; by default those of positive weight.
    mapper : callable, default=map
        What `workers` gives.
    n_raw : int, default=1
        How many columns raw will have: blocks hold fewer rows where they are many.
    """

    def __init__(
        self, X: Any, y: Array, weight: Array, used: Array | None = None, mapper: Mapper = map, n_raw: int = 1
    ) -> None:
        self.X, self.y, self.weight, self.mapper, self.n_raw = as_matrix(X), y, weight, mapper, n_raw
        self.n_features = X.shape[1]
        self.dtype = X.dtype
        self._used = np.flatnonzero(weight) if used is None and not np.all(weight > 0) else used
        self.n_rows = len(weight) if self._used is None else len(self._used)
        size = max(1, self.n_rows) if self.X.whole else min(self.X.block_size, max(64, (1 << 17) // n_raw))
        self._starts = np.append(np.arange(0, self.n_rows, size), self.n_rows)
        count = len(self._starts) - 1
        self._groups = np.array_split(np.arange(count), min(GROUPS, count))
        # To take scattered rows of an array is to copy them: that is done block by block, again and again.
        scattered = self._used is not None and isinstance(self.X, Dense)
        self._kept = None if scattered else [self._block(i) for i in range(len(self._starts) - 1)]

    def _block(self, number: int) -> Block:
        start, stop = self._starts[number : number + 2]
        rows: Any = slice(start, stop) if self._used is None else self._used[start:stop]
        whole = self._used is None and stop - start == len(self.weight)
        return Block(self.X if whole else self.X.rows(rows), self.y[rows], self.weight[rows], rows)

    def blocks(self) -> Iterator[Block]:
        """Iterate over the blocks, in the same order every time."""
        return self._some(range(len(self._starts) - 1))

    def _some(self, numbers: Iterable[int]) -> Iterator[Block]:
        return (self._block(i) if self._kept is None else self._kept[i] for i in numbers)

    def reduce(self, function: Callable[[Block], tuple[Any, ...]]) -> tuple[Any, ...]:
        """Return the sums, over the blocks, of the numbers or arrays that function(block) returns.

        The blocks are added up in groups, the same whatever the number of workers: so is the result.
        """

        def total(numbers: Array) -> tuple[Any, ...]:
            with np.errstate(all="ignore"):  # a thread does not inherit it
                return _added(map(function, self._some(numbers)))

        if len(self._groups) == 1:
            return function(next(self.blocks()))
        return _added(self.mapper(total, self._groups))

    def sample(self, size: int) -> Data:
        """Return about `size` of the rows, one at random from each of as many stretches: the same ones every time."""
        used = np.arange(len(self.weight)) if self._used is None else self._used
        edges = np.linspace(0, len(used), size + 1).astype(np.intp)
        drawn = edges[:-1] + (np.random.RandomState(0).uniform(size=size) * np.diff(edges)).astype(np.intp)
        return Data(self.X, self.y, self.weight, used[drawn], self.mapper, self.n_raw)

    def batches(self, size: int, random_state: np.random.RandomState) -> Iterator[Block]:
        """Iterate over all rows once, in a random order, in blocks of at most `size` rows and nearly equal length."""
        used = np.arange(len(self.weight)) if self._used is None else self._used
        for rows in np.array_split(random_state.permutation(used), -(-self.n_rows // size)):
            yield Block(self.X.rows(rows), np.take(self.y, rows, axis=0), np.take(self.weight, rows), rows)

    def copied(self, rows: Any, dtype: Any = None) -> Data:
        """Return some rows by themselves, maybe in another precision."""
        X = self.X.rows(rows)
        X = X if dtype is None else X.astype(dtype)
        return Data(X, self.y[rows], self.weight[rows], mapper=self.mapper, n_raw=self.n_raw)

    @property
    def used(self) -> Any:
        """The numbers of the rows in use."""
        return slice(0, len(self.weight)) if self._used is None else self._used

    def restricted(self, features: Array) -> Data:
        """Return some columns of the rows, given by their numbers."""
        result = Data(self.X.columns(features), self.y, self.weight, self._used, self.mapper, self.n_raw)
        moments = self.moments
        result.moments = Moments(moments.mean[features], moments.centered[features], moments.raw[features], moments.weight)
        return result

    def without_features(self, distinct: Callable[[Array, Array], tuple[Array, Array]]) -> Data:
        """Return the same rows with no columns, taken together as `distinct` does."""
        y, weight = distinct(self.y[self.used], self.weight[self.used])
        return Data(np.empty((len(weight), 0)), y, weight, mapper=self.mapper)

    @cached_property
    def moments(self) -> Moments:
        """The weighted moments of the columns, from one pass."""
        moments = Moments.none(self.n_features)
        for block in self.blocks():
            moments = moments.merged(*block.X.moments(block.weight), float(block.weight.sum()))
        if not np.all(np.isfinite(moments.centered)):
            raise ValueError(
                "X has a column whose squares are too large for float64: expected numbers below 1e150 in magnitude."
            )
        return moments


def _added(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    total: tuple[Any, ...] | None = None
    for part in parts:
        total = part if total is None else tuple(a + b for a, b in zip(total, part, strict=True))
    assert total is not None, "validated data have rows"
    return total
