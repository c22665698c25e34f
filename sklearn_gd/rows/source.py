"""The contract of a source, the user's data, and the source of rows in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from ..arrays import Array, part_of
from .base import ColumnMoments, Rows
from .batch import Batch
from .blocks import Mapper, MemoryRows, checked

__all__ = ["Data", "MemorySource", "Prepare", "Read", "Source"]


@dataclass(frozen=True, eq=False)
class Data:
    """Validated rows, or rows prepared for a fit.

    Attributes
    ----------
    X : array or sparse matrix of shape (n, p)
    y : array
        As its target reads it, or in the form that is stored with the rows.
    weight : ndarray of shape (n,)
    offset : ndarray of shape (n, 1) or (n, K), or None
    loss_data : ndarray of shape (n,) or (n, m), or None
        With columns by name, if it was a frame.
    """

    X: Any
    y: Any
    weight: Any
    offset: Array | None = None
    loss_data: Any = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y, self.weight))

    def __sizeof__(self) -> int:
        """Return the approximate size in bytes, which a scheduler uses to place the rows."""
        size = self.X.nnz * 12 if sparse.issparse(self.X) else self.X.nbytes
        return int(size + self.weight.nbytes)

    def some(self, rows: Any) -> Data:
        """Return some of the rows."""
        return Data(self.X[rows], self.y[rows], self.weight[rows], part_of(self.offset, rows), part_of(self.loss_data, rows))

    @property
    def used(self) -> Data:
        """The rows of positive weight."""
        return self if np.all(self.weight > 0) else self.some(self.weight > 0)

    @property
    def used_offset(self) -> Array | None:
        """The offset of the rows of positive weight, as `BlockRows` takes it."""
        return part_of(self.offset, self.weight > 0)


class Survey(Protocol):
    """The result of a first pass over rows; surveys of different rows can be added."""

    n_samples: int
    n_features: int
    dtype: Any

    def __add__(self, other: Any) -> Any:
        """Return the survey of both sets of rows."""


class Read(Protocol):
    """The function that validates and surveys rows."""

    def __call__(self, batch: Batch, natural: bool = False) -> tuple[Data, Any]:
        """Return the rows and their survey; with `natural`, X keeps its dtype."""


class Prepare(Protocol):
    """The function that converts what comes with X to the form that a fit needs."""

    @property
    def moments(self) -> ColumnMoments | None:
        """The moments of all rows, if they are known."""

    @property
    def n_raw(self) -> int:
        """The number of columns of raw."""

    def __call__(self, data: Data) -> Data:
        """Return the same rows with prepared y, weights and offset; X is not read."""


# A function from the index of a group of rows, and their number, to the rows that count.
Only = Callable[[int, int], Array]


Over = Callable[[Iterable[Any], "int | None"], Iterator[Any]]


def _plainly(batches: Iterable[Any], total: int | None) -> Iterator[Any]:
    return iter(batches)


class Source(ABC):
    """Base class of sources: the user's data.

    Attributes
    ----------
    data : Data or None
        All rows, once they are read, if they are in memory.
    over : callable
        Takes the batches of a pass and their number, None if unknown; returns an iterator over them, which may report each.
    """

    data: Data | None = None
    over: Over = staticmethod(_plainly)

    @abstractmethod
    def read(self, read: Read, verbose: int = 0) -> Any:
        """Read all rows once, and return the sum of the surveys."""

    @abstractmethod
    def rows(self, prepare: Prepare, mapper: Mapper) -> Rows:
        """Return the rows, once they are read."""

    def with_data(self, data: Data) -> Source:
        """Return the source of other validated rows, in memory."""
        result = copy(self)
        result.data = data
        return result

    def held_out(self, fraction: float, seed: int) -> tuple[Source, Source]:
        """Return the source of the training rows, and that of a random share of the rows."""
        train, out = copy(self), copy(self)
        train.only, out.only = partial(_kept, fraction, seed), partial(_drawn, fraction, seed)
        return train, out

    only: Only | None = None

    def known(self, rows: Any, prepare: Prepare) -> Any:
        """Return rows with the moments from the first pass, if all rows count."""
        if self.only is None and prepare.moments is not None:
            rows.moments = checked(prepare.moments)
        return rows

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 (most hold nothing)
        """Release resources that are held elsewhere."""


def _drawn(fraction: float, seed: int, number: int, n: int) -> Array:
    return np.random.RandomState([seed, number]).uniform(size=n) < fraction


def _kept(fraction: float, seed: int, number: int, n: int) -> Array:
    return ~_drawn(fraction, seed, number, n)


class MemorySource(Source):
    """The source of rows in memory."""

    def __init__(self, given: Batch) -> None:
        self.given = given

    def read(self, read: Read, verbose: int = 0) -> Any:
        self.data, survey = read(self.given)
        return survey

    def rows(self, prepare: Prepare, mapper: Mapper) -> Rows:
        assert self.data is not None
        data = prepare(self.data)
        return MemoryRows(
            data.X,
            data.y,
            data.weight,
            loss_data=data.loss_data,
            offset=data.used_offset,
            mapper=mapper,
            n_raw=prepare.n_raw,
        )
