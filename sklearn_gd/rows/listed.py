"""Rows in parts that are read in this process one after another: a list, or the batches of a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .base import Block
from .blocks import BlockRows
from .parted import Extract, PartedRows, joined

__all__ = ["ListedRows", "PartsOfBatches", "StreamRows"]

# How many numbers of the rows are shuffled at a time.
BUFFER = 1 << 22


class ListedRows(PartedRows):
    """Rows in parts that can be iterated over; a handle is an iterable with one entry per part."""

    def _values(self, function: Callable[..., Any], *handles: Any) -> Iterable[Any]:
        return _Lazy(function, handles)

    def _kept(self, function: Callable[..., Any], *handles: Any) -> Any:
        return list(_Lazy(function, handles))

    def _spread(self, values: Sequence[Any]) -> Any:
        return values

    def batches(self, size: int, seed: int | Sequence[int]) -> Iterator[Block]:
        """Iterate over all rows once: as many batches as fit in a buffer are shuffled together and dealt out."""
        random_state, pool = np.random.RandomState(seed), list[Extract]()
        room = max(size, int(BUFFER // max(1.0, self.profile.entries)))
        for rows, more in _with_more(self.parts):
            if rows.n_samples:
                pool.append(Extract.of(rows, slice(0, rows.n_samples)))
            n = sum(len(extract.weight) for extract in pool)
            if n and (n >= room or not more):
                mixed, pool = joined(pool), []
                for places in np.array_split(random_state.permutation(n), -(-n // size)):
                    yield mixed.permuted(places).block()


class StreamRows(ListedRows):
    """The rows of a stream, read again for each pass, with row arrays in memory; its parts are `PartsOfBatches`."""

    def _derived(self, function: Callable[..., Any], *handles: Any) -> Any:
        return _Lazy(function, handles)


class _Lazy:
    """A handle to the results of a function for each part, computed again each time it is read."""

    def __init__(self, function: Callable[..., Any], handles: tuple[Iterable[Any], ...]) -> None:
        self.function, self.handles = function, handles

    def __iter__(self) -> Iterator[Any]:
        return (self.function(*items) for items in zip(*self.handles, strict=True))


class PartsOfBatches:
    """The handle to the rows of each batch, which are read again each time."""

    def __init__(self, opened: Callable[[], Iterator[BlockRows]]) -> None:
        self.opened = opened

    def __iter__(self) -> Iterator[BlockRows]:
        return self.opened()


def _with_more(items: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Iterate over items, each with a flag that tells whether there are more."""
    some = iter(items)
    item = next(some, None)
    while item is not None:
        after = next(some, None)
        yield item, after is not None
        item = after
