"""Rows with random access, read one block at a time and shared by threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import replace
from functools import cache, cached_property
from itertools import pairwise
from operator import iadd
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from scipy import sparse
from threadpoolctl import ThreadpoolController

from ..arrays import Array, part_of
from .base import Block, ColumnMoments, Kernel, LocalRows, Profile, Rows
from .composed import as_matrix
from .matrices import Matrix

__all__ = ["BlockRows", "Mapper", "MemoryRows", "added", "checked", "checked_moments", "drawn_places", "workers"]

Mapper = Callable[..., Iterable[Any]]

# The maximum size of a sample of rows that are not in memory.
LARGEST = 1 << 22
# The number of groups of blocks that are added one by one: enough to keep a few workers busy.
GROUPS = 16


# From this number of columns and entries on, several BLAS threads may gain more on products of blocks than they lose by waiting
# for each other. Below, two took as long as one on two free cores, and two to three times as long beside another process.
WIDE, MUCH = 500, 20_000_000


class _Limits:
    """Contexts with one thread for some BLAS libraries, which fits at the same time share; the last to leave restores all."""

    def __init__(self) -> None:
        self.lock, self.users, self.limits = Lock(), 0, ExitStack()

    @contextmanager
    def one_thread(self, libraries: ThreadpoolController) -> Iterator[None]:
        """Yield with one thread for each of these libraries."""
        with self.lock:
            if any(library.num_threads > 1 for library in libraries.lib_controllers):
                self.limits.enter_context(libraries.limit(limits=1))
            self.users += 1
        try:
            yield
        finally:
            with self.lock:
                self.users -= 1
                if not self.users:
                    self.limits.close()


@cache
def _libraries() -> ThreadpoolController:
    """Return the controller of the BLAS libraries that are loaded, which takes milliseconds to find."""
    return ThreadpoolController().select(user_api="blas")


@cache
def _others() -> ThreadpoolController:
    """Return the controller of the BLAS libraries beside that of NumPy; of none if there is one for all."""
    beside = str(Path(np.__file__).parent)  # wheels keep it in a folder numpy.libs
    paths = [library.filepath for library in _libraries().lib_controllers]
    shared = not any(path.startswith(beside) for path in paths)
    return _libraries().select(filepath=[path for path in paths if not (shared or path.startswith(beside))])


_limits = _Limits()


@contextmanager
def workers(n_jobs: int | None, X: Any = None) -> Iterator[Mapper]:
    """Yield the function that maps over groups of rows: in this thread, or in several with one BLAS thread each.

    Without n_jobs, NumPy's BLAS keeps its threads if the user's X is dense and very large. Those of another library, which is
    SciPy's in most installations, would compete with them for the processor.
    """
    count, shape = effective_n_jobs(n_jobs), tuple(getattr(X, "shape", ()))
    wide = len(shape) == 2 and shape[1] >= WIDE and shape[0] * shape[1] >= MUCH and not sparse.issparse(X)
    if count > 1:
        with _limits.one_thread(_libraries()), ThreadPoolExecutor(count, "sklearn_gd") as pool:
            yield pool.map
    else:
        with _limits.one_thread(_others() if n_jobs is None and wide else _libraries()):
            yield map


class BlockRows(Rows):
    """Rows with random access, read one block at a time; rows of weight zero are left out of every block.
    A row array is an ndarray with one entry per row in use.

    Parameters
    ----------
    X : ndarray, sparse matrix or RowStore of shape (n, p)
    y : ndarray of shape (n,) or (n, K)
    weight : ndarray of shape (n,)
    loss_data : ndarray or None, default=None
        Additional data for the loss, (n, ...).
    used : ndarray of int, optional
        The rows to read, in order; by default those of positive weight.
    offset : ndarray or None, default=None
        Offset added to raw of the rows in use.
    mapper : callable, default=map
        The function from `workers`.
    n_raw : int, default=1
        Number of columns of raw; with many columns, blocks have fewer rows.

    Attributes
    ----------
    most : int
        Maximum number of rows in a block.
    """

    most = 1 << 15

    def __init__(
        self,
        X: Any,
        y: Array,
        weight: Array,
        *,
        loss_data: Any = None,
        used: Array | None = None,
        offset: Array | None = None,
        mapper: Mapper = map,
        n_raw: int = 1,
    ) -> None:
        self.X: Any = as_matrix(X)
        self.y, self.weight, self.loss_data, self.mapper, self.n_raw = y, weight, loss_data, mapper, n_raw
        self.n_features, self.dtype = self.X.shape[1], self.X.dtype
        self._used = np.flatnonzero(weight) if used is None and not np.all(weight > 0) else used
        self.n_samples = len(weight) if self._used is None else len(self._used)
        self.profile = Profile(self.X.entries / max(1, len(weight)), self.X.gram_rate, self.X.samples)
        size = max(1, self.n_samples) if self.X.whole else min(self.X.block_size, self.most, max(64, (1 << 17) // n_raw))
        self._offset = offset
        self._divide(size)

    def _divide(self, size: int) -> None:
        """Divide the rows into blocks of this size."""
        self._size = size
        edges = [*range(0, self.n_samples, size), self.n_samples]
        self._parts = [slice(*ends) for ends in pairwise(edges)]
        self._groups = np.array_split(np.arange(len(self._parts)), max(1, min(GROUPS, len(self._parts))))
        # Taking scattered rows of an array copies them: this is done block by block, at each pass.
        lazy = self.X.copies_slices if self._used is None else self.X.copies_rows
        self._kept = None if lazy else [self._block(part) for part in self._parts]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to pickle, without the blocks, which would be copies."""
        return vars(self) | {"_kept": None if self._kept is None else (), "mapper": map}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state that `__getstate__` returned."""
        vars(self).update(state)
        if self._kept is not None:
            self._kept = [self._block(part) for part in self._parts]

    def __sizeof__(self) -> int:
        """Return the number of bytes, which a scheduler uses to place the rows."""
        return int(self.X.nbytes + self.y.nbytes + self.weight.nbytes)

    def _block(self, part: slice) -> Block:
        rows: Any = part if self._used is None else self._used[part]
        X = self.X if self._is_whole(part) else self.X.rows(rows)
        return Block(X, self.y[rows], self.weight[rows], part_of(self._offset, part), part_of(self.loss_data, rows))

    def _is_whole(self, part: slice) -> bool:
        return isinstance(self.X, Matrix) and self._used is None and part.stop - part.start == len(self.weight)

    def _run(self, kernel: Kernel, number: int, arrays: tuple[Array, ...]) -> Any:
        part = self._parts[number]
        block = self._block(part) if self._kept is None else self._kept[number]
        return kernel(block, *(array[part] for array in arrays))

    def blocks(self) -> Iterator[Block]:
        """Iterate over the blocks, always in the same order."""
        return (self._run(lambda block: block, number, ()) for number in range(len(self._parts)))

    def reduce(self, kernel: Kernel, *arrays: Array) -> tuple[Any, ...]:
        def total(numbers: Array) -> tuple[Any, ...]:
            with np.errstate(all="ignore"):  # a thread does not inherit it
                return added(self._run(kernel, number, arrays) for number in numbers)

        if len(self._parts) == 1:
            result: tuple[Any, ...] = self._run(kernel, 0, arrays)
            return result
        return added(self.mapper(total, self._groups))

    def reduce_large(self, kernel: Kernel, *arrays: Array) -> tuple[Any, ...]:
        if self.n_features <= self._size or len(self._parts) == 1:
            return self.reduce(kernel, *arrays)
        longer = object.__new__(type(self))
        vars(longer).update(vars(self))
        longer._divide(self.n_features)  # a sum is then no larger than a block
        return longer.reduce(kernel, *arrays)

    def map(self, kernel: Kernel, *arrays: Array) -> Any:
        first = self._run(kernel, 0, arrays)
        if len(self._parts) == 1:
            return first
        several = isinstance(first, tuple)
        wholes = [self._empty((self.n_samples, *part.shape[1:]), part.dtype) for part in (first if several else (first,))]

        def fill(numbers: Array) -> None:
            with np.errstate(all="ignore"):
                for number in numbers:
                    found = self._run(kernel, number, arrays) if number else first
                    for whole, part in zip(wholes, found if several else (found,), strict=True):
                        whole[self._parts[number]] = part

        for _ in self.mapper(fill, self._groups):
            pass
        return tuple(wholes) if several else wholes[0]

    def _empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return a new, uninitialised row array."""
        return np.empty(shape, dtype)

    def quantile(self, array: Array, q: float) -> float:
        return float(np.quantile(array, q))

    def _shuffled(self, random_state: np.random.RandomState, count: int) -> Iterable[Array]:
        """Return `count` arrays of places, of nearly equal length, that contain each row once."""
        return np.array_split(random_state.permutation(self.n_samples), count)

    def batches(self, size: int, seed: int | Sequence[int]) -> Iterator[Block]:
        for rows in self._shuffled(np.random.RandomState(seed), -(-self.n_samples // size)):
            numbers = rows if self._used is None else self._used[rows]
            y, weight = np.take(self.y, numbers, axis=0), np.take(self.weight, numbers)
            yield Block(self.X.rows(numbers), y, weight, part_of(self._offset, rows), part_of(self.loss_data, numbers))

    def sample(self, size: int) -> MemoryRows:
        return self.extracted(drawn_places(self.n_samples, size, self.profile.entries))

    def _numbers(self, places: Any) -> Any:
        """Return the indices of the rows in use at some places."""
        return places if self._used is None else self._used[places]

    def _of(self, X: Any, y: Array, weight: Array, loss_data: Any, rows: Any, used: Array | None = None) -> MemoryRows:
        """Return rows in memory of these arrays, for the rows in use at the places `rows`."""
        offset = part_of(self._offset, rows)
        return MemoryRows(X, y, weight, loss_data=loss_data, used=used, offset=offset, mapper=self.mapper, n_raw=self.n_raw)

    def take(self, mask: Array) -> MemoryRows:
        return self.extracted(np.flatnonzero(mask))

    def extracted(self, places: Any, dtype: Any = None) -> MemoryRows:
        """Return a copy of the rows in use at some places, optionally in another precision."""
        used = self._numbers(places)
        X = self.X.rows(used)
        X = X if dtype is None else X.astype(dtype)
        return self._of(X, self.y[used], self.weight[used], part_of(self.loss_data, used), places)

    def columns(self, features: Array) -> Any:
        return self._like(self.X.columns(features))

    def _like(self, X: Any) -> Any:
        """Return the same rows with another X."""
        return type(self)(
            X,
            self.y,
            self.weight,
            loss_data=self.loss_data,
            used=self._used,
            offset=self._offset,
            mapper=self.mapper,
            n_raw=self.n_raw,
        )

    def with_offset(self, offset: Array) -> Any:
        result = object.__new__(type(self))
        vars(result).update(vars(self), _offset=offset)
        if self._kept is not None:
            result._kept = [replace(block, offset=offset[part]) for block, part in zip(self._kept, self._parts, strict=True)]
        return result

    def without_features(self, distinct: Callable[[Array, Array], tuple[Array, Array]]) -> Any:
        if self._offset is not None or self.loss_data is not None:
            return self.columns(np.arange(0))
        used = slice(None) if self._used is None else self._used
        y, weight = distinct(self.y[used], self.weight[used])
        return type(self)(np.empty((len(weight), 0)), y, weight, mapper=self.mapper)

    @cached_property
    def moments(self) -> ColumnMoments:
        """The weighted moments of the columns, from one pass."""
        return checked_moments(self)


class MemoryRows(BlockRows, LocalRows):
    """Rows in memory."""

    def sample(self, size: int) -> MemoryRows:
        places = drawn_places(self.n_samples, size)
        return self._of(self.X, self.y, self.weight, self.loss_data, places, self._numbers(places))

    def copied(self, dtype: Any = None) -> MemoryRows:
        return self.extracted(slice(0, self.n_samples), dtype)

    def with_matrix(self, X: Any) -> MemoryRows:
        used = self._numbers(slice(0, self.n_samples))
        return self._of(X, self.y[used], self.weight[used], part_of(self.loss_data, used), slice(None))

    @property
    def matrix(self) -> Matrix:
        X: Matrix = self.X
        return X if self._used is None else X.rows(self._used)

    @property
    def rarest(self) -> int:
        return int(self.X.rarest)


def drawn_places(n_samples: int, size: int, entries: float = 0.0) -> Array:
    """Return the places of a sample, in order: one in each of `size` equal intervals of the rows.

    `entries` is the number of entries per row if the rows are not in memory: the sample is then no larger than fits there.
    """
    size = int(min(size, max(LARGEST / max(1.0, entries), 1.0))) if entries else size
    edges = np.linspace(0, n_samples, size + 1).astype(np.intp)
    return edges[:-1] + (np.random.RandomState(0).uniform(size=size) * np.diff(edges)).astype(np.intp)


def checked_moments(rows: Rows) -> ColumnMoments:
    """Return the weighted moments of the columns, from one pass.

    Raises
    ------
    ValueError
        If they overflow double precision.
    """
    return checked(rows.reduce(ColumnMoments.of)[0])


def checked(moments: ColumnMoments) -> ColumnMoments:
    """Return the moments, or raise ValueError if they are not finite."""
    if not np.all(np.isfinite(moments.centered)):
        raise ValueError("X has a column whose squares are too large for float64: expected numbers below 1e150 in magnitude.")
    return moments


def added(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the elementwise sum of tuples, added one by one."""
    parts = iter(parts)
    total = tuple(map(copy, next(parts)))  # the sums are formed in place
    for part in parts:
        total = tuple(map(iadd, total, part))
    return total
