"""Rows in the workers of a Dask cluster: the rows stay there, parameters are sent out, and sums come back.

A pass is one call of each worker. If a worker loses data, Dask recomputes them from the graph of the collection.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from distributed import Future, KilledWorker, get_worker, wait

from .base import Block
from .blocks import BlockRows
from .listed import ListedRows
from .parted import PartedRows, TreeSum

__all__ = ["DaskRows", "Held", "short_of_memory"]

# Seconds to wait for an actor.
PATIENCE = 10.0
# After this number of consecutive failures, no more direct calls are tried: the workers may not be reachable from here.
TRIES = 5


class Held:
    """The data held in the workers for one fit; they are released at the end of the fit, even after an error."""

    def __init__(self, client: Any) -> None:
        self.client, self.futures, self.runners = client, weakref.WeakSet[Any](), dict[str, Any]()
        self.failures = 0

    def submit(self, function: Callable[..., Any], *args: Any, **settings: Any) -> Any:
        """Return the future of a task."""
        future = self.client.submit(function, *args, pure=False, **settings)
        self.futures.add(future)
        return future

    def gathered(self, futures: Sequence[Any]) -> list[Any]:
        """Return the results of tasks to this process.

        Raises
        ------
        MemoryError
            If a task has repeatedly killed workers.
        """
        try:
            result: list[Any] = self.client.gather(list(futures))
        except KilledWorker as error:
            raise short_of_memory("a pass over the rows", error) from error
        return result

    def runner(self, place: str) -> Any:
        """Return the actor that runs functions in a worker."""
        if place not in self.runners:
            future = self.submit(_Runner, actor=True, workers=[place])
            self.runners[place] = future, future.result(timeout=PATIENCE)
        return self.runners[place][1]

    def dismiss(self) -> None:
        """Release the actors, to which there may be more references than the futures here."""
        with suppress(Exception):  # the cluster may be gone
            self.client.cancel([future for future, _ in self.runners.values()], force=True)
        self.runners.clear()

    def close(self) -> None:
        """Release everything."""
        self.dismiss()
        for future in list(self.futures):
            with suppress(Exception):  # the cluster may be gone
                future.release()


def short_of_memory(title: str, error: Any) -> MemoryError:
    """Return the error for a task that has repeatedly killed workers, usually because memory was short."""
    return MemoryError(
        f"{title}: workers died of it, {error.last_worker.address} last. Most likely it does not fit in their memory: expected "
        "smaller partitions, or more memory for each worker."
    )


class _Item(NamedTuple):
    """One of the values that each part of a shard has."""

    future: Any
    number: int


class ShardRows(BlockRows):
    """Rows of a partition, in blocks small enough for their memory not to be returned to the system each time.

    Dask's workers return all memory above 64 kB at its end, which takes longer than filling it.
    """

    most = 1 << 12


class DaskRows(PartedRows):
    """Rows in the workers of a cluster. A handle has a future for each shard: the partitions of one worker.

    A pass is a direct call of each worker that has a shard. This fails if a worker has died, has moved its data or has not yet
    received them. The same work is then submitted as tasks to the scheduler, which recomputes missing data.

    Parameters
    ----------
    held : Held
    numbers : list of list of int
        The indices of the partitions of each shard.
    parts, counts, n_features, dtype, profile
        As for `PartedRows`.
    """

    def __init__(self, held: Held, numbers: list[list[int]], parts: Any, counts: Sequence[int], *facts: Any) -> None:
        super().__init__(parts, counts, *facts)
        self.held, self.numbers = held, numbers
        self.places = [""] * len(parts)
        self._locate()

    def _locate(self) -> None:
        """Determine the workers that have the shards."""
        where = self.held.client.who_has(self.parts)
        self.places[:] = [min(where.get(shard.key, ()), default="") for shard in self.parts]

    # -- evaluations --------------------------------------------------------------------------------------------------

    def _kept(self, function: Callable[..., Any], *handles: Any) -> Any:
        return self._tasks([partial(_over, function)] * len(self.parts), handles)

    def _tasks(self, functions: list[Callable[..., Any]], handles: tuple[Any, ...]) -> list[Any]:
        """Return the futures of a function applied to each shard."""
        return [
            self.held.submit(_called, function, *_plain(values))
            for function, values in zip(functions, zip(*handles, strict=True), strict=True)
        ]

    def _now(self, functions: list[Callable[..., Any]], *handles: Any) -> list[Any]:
        """Return the results of a function for each shard to this process."""
        if self.held.failures < TRIES:
            try:
                found = self._direct(functions, handles)
            except Exception:  # whatever failed, fall back to tasks of the scheduler
                self.held.failures += 1
                self.held.dismiss()
            else:
                self.held.failures = 0
                return found
        found = self.held.gathered(self._tasks(functions, handles))
        self._locate()
        return found

    def _direct(self, functions: list[Callable[..., Any]], handles: tuple[Any, ...]) -> list[Any]:
        calls = []
        for place, function, values in zip(self.places, functions, zip(*handles, strict=True), strict=True):
            items, *plain = _plain(values)
            for value in plain:
                if isinstance(value, Future) and value.status == "pending":
                    wait([value])  # type: ignore[no-untyped-call]
            keys = [_Key(value.key) if isinstance(value, Future) else value for value in plain]
            calls.append(self.held.runner(place).run(function, items, *keys))
        return [call.result() for call in calls]

    def _item(self, number: int, found: Any) -> Any:
        return [_Item(future, number) for future in found]

    def _values(self, function: Callable[..., Any], *handles: Any) -> Iterable[Any]:
        found = self._now([partial(_over, function)] * len(self.parts), *handles)
        values: dict[int, Any] = {}
        for some, each in zip(self.numbers, found, strict=True):
            values.update(zip(some, each, strict=True))
        return [values[number] for number in range(len(values))]

    def _total(self, function: Callable[..., Any], *handles: Any) -> Any:
        tree = TreeSum(len(self.counts))
        for nodes in self._now([partial(_summed, function, len(self.counts), some) for some in self.numbers], *handles):
            for node, value in nodes.items():
                tree.add(node, value)
        return tree.total

    def _spread(self, values: Sequence[Any]) -> Any:
        return [[values[number] for number in some] for some in self.numbers]

    def each(self, walk: Callable[..., Any], value: Any) -> list[Any]:
        settings = self.n_features, self.dtype, self.profile
        return self._now([partial(_walked, walk, value, settings)] * len(self.parts), self.parts)

    def batches(self, size: int, seed: int | Sequence[int]) -> Iterator[Block]:
        """Iterate over all rows, which are sent here one mini-batch at a time; `each` leaves them in the workers."""
        order = np.random.RandomState(seed).permutation(self.n_samples)
        for places in np.array_split(order, -(-self.n_samples // size)):
            yield self._at(np.sort(places)).block()


# -- what runs in the workers -----------------------------------------------------------------------------------------


class _Key(NamedTuple):
    """A reference to data of a worker."""

    key: Any


class _Runner:
    """The actor that runs functions on the data of its worker."""

    def run(self, function: Callable[..., Any], items: tuple[Any, ...], *values: Any) -> Any:
        """Return the result of a function for some data; raise KeyError if they are not in this worker."""
        data = get_worker().data
        return _called(function, items, *(data[value.key] if isinstance(value, _Key) else value for value in values))


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return the index of the item of each value, None for the whole value, and the values."""
    items = tuple(value.number if isinstance(value, _Item) else None for value in values)
    return [items, *(value.future if isinstance(value, _Item) else value for value in values)]


def _called(function: Callable[..., Any], items: tuple[Any, ...], *values: Any) -> Any:
    lists = [
        value if item is None else [None if part is None else part[item] for part in value]
        for item, value in zip(items, values, strict=True)
    ]
    return function(*lists)


def _over(function: Callable[..., Any], *lists: Any) -> list[Any]:
    """Return the results of a function for each part of a shard, in as many threads as the worker has."""
    threads = min(_threads(), len(lists[0]))
    if threads == 1:
        return list(map(function, *lists))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, *lists))


def _threads() -> int:
    try:
        return int(get_worker().state.nthreads)
    except (ValueError, AttributeError):
        return 1


def _summed(function: Callable[..., Any], n: int, numbers: list[int], *lists: Any) -> dict[tuple[int, int], Any]:
    tree = TreeSum(n)
    for number, value in zip(numbers, _over(function, *lists), strict=True):
        tree.add((0, number), value)
    return tree.nodes


def _walked(walk: Callable[..., Any], value: Any, settings: tuple[Any, ...], shard: list[BlockRows]) -> Any:
    counts = [rows.n_samples for rows in shard]
    with np.errstate(all="ignore"):
        return walk(ListedRows(shard, counts, *settings), value)
