"""Rows in the workers of a Dask cluster: they stay there, parameters go out, sums come back.

One task for each worker and evaluation runs where its partitions are. Whatever a worker has lost, Dask makes again from the
collection's graph.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from dask.base import compute
from dask.delayed import delayed
from distributed import Future, get_client, get_worker, wait
from scipy import sparse

from ..arrays import Array
from .base import Block, Profile
from .batch import Batch, renamed
from .blocks import Mapper, MemoryRows
from .listed import ListedRows
from .matrices import Dense, Sparse
from .parted import PartedRows, TreeSum
from .source import Data, Only, Prepare, Read, Source
from .stored_sources import StreamSource
from .stream import Stream, ahead

__all__ = ["DaskRows", "DaskSource", "lazily", "of_partitions", "source_of_collections"]


# Seconds to wait for an actor.
PATIENCE = 10.0


def client_here() -> Any:
    """Return the client of a cluster that is in use here; None without one."""
    try:
        return get_client()
    except ValueError:
        return None


def source_of_collections(X: Any, y: Any, weight: Any, suffix: str = "") -> Source:
    """Return the source for Dask collections: on a cluster, or else a stream of partitions, by Dask's own scheduler."""
    parts, client = partitions(X, y, weight, suffix), client_here()
    if client is not None:
        return DaskSource(client, parts)

    def opened() -> Iterator[Batch]:
        for number, part in enumerate(parts):
            try:
                found = compute(*part)  # type: ignore[no-untyped-call]
            except Exception as error:
                raise renamed(error, f"partition {number}") from error
            yield Batch(found[0], found[1], found[2], f"partition {number}")

    return StreamSource(Stream(ahead(opened)))


def partitions(X: Any, y: Any, weight: Any, suffix: str = "") -> list[tuple[Any, Any, Any]]:
    """Return the delayed parts of X, y and weights: some rows each.

    Raises
    ------
    ValueError
        When they are not cut into rows alike, and nothing tells how to.
    """
    if getattr(X, "ndim", 2) == 2 and hasattr(X, "rechunk") and X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    parts = np.ravel(X.to_delayed()).tolist()
    others = [_alike(given, X, len(parts), f"{name}{suffix}") for name, given in (("y", y), ("sample_weight", weight))]
    return list(zip(parts, *others, strict=True))


def _alike(given: Any, X: Any, n: int, name: str) -> list[Any]:
    """Return the delayed parts of what belongs to X."""
    if given is None:
        return [None] * n
    chunks = X.chunks[0] if hasattr(X, "chunks") else ()
    known = bool(chunks) and not np.any(np.isnan(chunks))
    if not hasattr(given, "__dask_graph__"):
        if not known:
            raise ValueError(
                f"{name} is {type(given).__name__}, and X has chunks of unknown sizes: expected a Dask collection."
            )
        values, ends = np.asarray(given), np.cumsum([0, *chunks])
        if len(values) != ends[-1]:
            raise ValueError(f"{name} has {len(values)} entries: expected {int(ends[-1])}, one for each row of X.")
        return [values[a:b] for a, b in pairwise(ends)]
    if hasattr(given, "rechunk"):
        if given.ndim == 2 and given.numblocks[1] > 1:
            given = given.rechunk({1: -1})
        if (
            known
            and not np.any(np.isnan(given.chunks[0]))
            and given.chunks[0] != chunks
            and sum(given.chunks[0]) == sum(chunks)
        ):
            given = given.rechunk({0: chunks})
    parts: list[Any] = np.ravel(given.to_delayed()).tolist()
    if len(parts) != n:
        raise ValueError(f"{name} has {len(parts)} partitions: expected {n}, as X has, of as many rows each.")
    return parts


class _Held:
    """What is kept in the workers for one fit: it is let go of at the end, however that comes."""

    def __init__(self, client: Any) -> None:
        self.client, self.futures, self.runners = client, weakref.WeakSet[Any](), dict[str, Any]()

    def submit(self, function: Callable[..., Any], *args: Any, **settings: Any) -> Any:
        """Return the future of a task."""
        future = self.client.submit(function, *args, pure=False, **settings)
        self.futures.add(future)
        return future

    def gathered(self, futures: Sequence[Any]) -> list[Any]:
        """Return here what tasks have found.

        Raises
        ------
        MemoryError
            When workers have died of a task again and again.
        """
        try:
            result: list[Any] = self.client.gather(list(futures))
        except Exception as error:
            raise (_short_of_memory("a pass over the rows", error) if _killed(error) else error) from error
        return result

    def runner(self, place: str) -> Any:
        """Return the actor that runs functions in a worker."""
        if place not in self.runners:
            future = self.submit(_Runner, actor=True, workers=[place])
            self.runners[place] = future, future.result(timeout=PATIENCE)
        return self.runners[place][1]

    def dismiss(self) -> None:
        """Let go of the actors, of which there may be more references than the futures here."""
        with suppress(Exception):  # the cluster may be gone
            self.client.cancel([future for future, _ in self.runners.values()], force=True)
        self.runners.clear()

    def close(self) -> None:
        """Let go of everything."""
        self.dismiss()
        for future in list(self.futures):
            with suppress(Exception):  # the cluster may be gone
                future.release()


class DaskSource(Source):
    """Dask collections, on a cluster."""

    def __init__(self, client: Any, parts: list[tuple[Any, Any, Any]]) -> None:
        self.client, self.parts, self.held = client, parts, _Held(client)

    def read(self, read: Read, verbose: int = 0) -> Any:
        tasks = [delayed(_read, pure=False)(read, f"partition {i}", *part) for i, part in enumerate(self.parts)]
        self.lots = self.client.compute(tasks)
        self.held.futures.update(self.lots)
        wait(self.lots)  # type: ignore[no-untyped-call]
        failed = [number for number, lot in enumerate(self.lots) if lot.status != "finished"]
        if failed:
            raise _explained([(number, self.lots[number].exception()) for number in failed])
        surveys = self.held.gathered([self.held.submit(_second, lot) for lot in self.lots])
        total = surveys[0]
        for number, survey in enumerate(surveys[1:], 1):
            try:
                total = total + survey
            except ValueError as error:
                raise renamed(error, f"partition {number}") from error
        self.survey = total
        return total

    def rows(self, prepare: Prepare, mapper: Mapper) -> DaskRows:
        numbers = self._together()
        prepared = partial(_prepared, prepare, self.only, self.survey.dtype)
        shards = [self.held.submit(_shard, prepared, some, *(self.lots[i] for i in some)) for some in numbers]
        found = self.held.gathered([self.held.submit(_facts, shard) for shard in shards])
        if self.only is None:  # the shards hold what is needed of them
            for lot in self.lots:
                lot.release()
        facts = [fact for each in found for fact in each]
        counts = [0] * len(self.parts)
        for number, fact in zip((i for some in numbers for i in some), facts, strict=True):
            counts[number] = fact[0]
        entries = float(np.average([fact[1].entries for fact in facts], weights=[max(1, fact[0]) for fact in facts]))
        profile = Profile(entries, facts[0][1].gram_rate, False)
        return DaskRows(self.held, numbers, shards, counts, self.survey.n_features, self.survey.dtype, profile)

    def _together(self) -> list[list[int]]:
        """Return the numbers of the partitions in each worker."""
        there: dict[str, list[int]] = {}
        where = self.client.who_has(self.lots)
        for number, lot in enumerate(self.lots):
            there.setdefault(min(where.get(lot.key, ()), default=""), []).append(number)
        return list(there.values())

    def close(self) -> None:
        self.lots = []
        self.held.close()


def _explained(failures: list[tuple[int, Any]]) -> Exception:
    """Return the error of partitions that could not be read; that workers died means most often that memory was short."""
    others = [(number, error) for number, error in failures if not _killed(error)]
    if others:
        number, error = others[0]
        return renamed(error, f"partition {number}")
    numbers = ", ".join(str(number) for number, _ in failures)
    return _short_of_memory(f"partition{'s' * (len(failures) > 1)} {numbers}", failures[0][1])


def _killed(error: Any) -> bool:
    """Tell whether workers have died of a task."""
    return type(error).__name__ == "KilledWorker"


def _short_of_memory(title: str, error: Any) -> MemoryError:
    return MemoryError(
        f"{title}: workers died of it, {error.last_worker.address} last. Most likely it does not fit in their memory: expected "
        "smaller partitions, or more memory for each worker."
    )


class _Item(NamedTuple):
    """One of the values that each part of a shard has."""

    future: Any
    number: int


class DaskRows(PartedRows):
    """Rows in the workers of a cluster. A handle has a future for each shard: the partitions of one worker.

    A pass is a direct call of each worker, which has the shard. Where that does not work, as a worker has died, has moved its
    data or has not yet got them, the same is done by tasks of the scheduler: it makes again what is missing.

    Parameters
    ----------
    held : _Held
    numbers : list of list of int
        The numbers of the partitions of each shard.
    parts, counts, n_features, dtype, profile
        As for `PartedRows`.
    """

    def __init__(self, held: _Held, numbers: list[list[int]], parts: Any, counts: Sequence[int], *facts: Any) -> None:
        super().__init__(parts, counts, *facts)
        self.held, self.numbers = held, numbers
        self.places = [""] * len(parts)
        self._locate()

    def _locate(self) -> None:
        """Find out where the shards are."""
        where = self.held.client.who_has(self.parts)
        self.places[:] = [min(where.get(shard.key, ()), default="") for shard in self.parts]

    # -- evaluations --------------------------------------------------------------------------------------------------

    def _kept(self, function: Callable[..., Any], *handles: Any) -> Any:
        return self._tasks([partial(_over, function)] * len(self.parts), handles)

    def _tasks(self, functions: list[Callable[..., Any]], handles: tuple[Any, ...]) -> list[Any]:
        """Return the futures of a function of each shard."""
        return [
            self.held.submit(_called, function, *_plain(values))
            for function, values in zip(functions, zip(*handles, strict=True), strict=True)
        ]

    def _now(self, functions: list[Callable[..., Any]], *handles: Any) -> list[Any]:
        """Return here what a function makes of each shard."""
        try:
            return self._direct(functions, handles)
        except Exception:  # whatever it was, the scheduler knows better
            self.held.dismiss()
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
        """Iterate over all rows, which come here a mini-batch at a time: `each` leaves them where they are."""
        order = np.random.RandomState(seed).permutation(self.n_samples)
        for places in np.array_split(order, -(-self.n_samples // size)):
            yield self._at(np.sort(places)).block()


# -- what runs in the workers -----------------------------------------------------------------------------------------


def _read(read: Read, name: str, X: Any, y: Any, weight: Any) -> tuple[Data, Any]:
    try:
        return read(X, y, weight)
    except (ValueError, TypeError) as error:
        raise renamed(error, name) from error


def _second(pair: tuple[Any, Any]) -> Any:
    return pair[1]


def _prepared(prepare: Prepare, only: Only | None, dtype: Any, number: int, lot: tuple[Data, Any]) -> MemoryRows:
    data = lot[0]
    weight = data.weight if only is None else data.weight * only(number, len(data.weight))
    y, weight = prepare(data.y, weight)
    X = data.X.astype(dtype, copy=False)
    matrix = Sparse(sparse.csr_matrix(X)) if sparse.issparse(X) else Dense(X)
    return MemoryRows(matrix, y, weight, n_raw=prepare.n_raw)


def _shard(prepared: Callable[..., MemoryRows], numbers: list[int], *lots: Any) -> list[MemoryRows]:
    return list(map(prepared, numbers, lots))


def _facts(shard: list[MemoryRows]) -> list[tuple[int, Profile]]:
    return [(rows.n_samples, rows.profile) for rows in shard]


class _Key(NamedTuple):
    """What stands for the data of a worker."""

    key: Any


class _Runner:
    """The actor that runs functions of the data of its worker."""

    def run(self, function: Callable[..., Any], items: tuple[Any, ...], *values: Any) -> Any:
        """Return what a function makes of some data; KeyError if they are not here."""
        data = get_worker().data
        return _called(function, items, *(data[value.key] if isinstance(value, _Key) else value for value in values))


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return which item of each value is meant, None for the whole, and the values."""
    items = tuple(value.number if isinstance(value, _Item) else None for value in values)
    return [items, *(value.future if isinstance(value, _Item) else value for value in values)]


def _called(function: Callable[..., Any], items: tuple[Any, ...], *values: Any) -> Any:
    lists = [
        value if item is None else [None if part is None else part[item] for part in value]
        for item, value in zip(items, values, strict=True)
    ]
    return function(*lists)


def _over(function: Callable[..., Any], *lists: Any) -> list[Any]:
    """Return what a function makes of each part of a shard, in as many threads as the worker has."""
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


def _walked(walk: Callable[..., Any], value: Any, settings: tuple[Any, ...], shard: list[MemoryRows]) -> Any:
    counts = [rows.n_samples for rows in shard]
    with np.errstate(all="ignore"):
        return walk(ListedRows(shard, counts, *settings), value)


# -- predictions ------------------------------------------------------------------------------------------------------


def lazily(method: Callable[[Any], Array], X: Any, n_features: int) -> Any:
    """Return the lazy array of what a method makes of each partition of X."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        meta = method(np.zeros((1, n_features)))[:0]
    if not hasattr(X, "chunks"):
        return X.map_partitions(method, meta=meta)
    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    if meta.ndim == 1:
        return X.map_blocks(method, dtype=meta.dtype, drop_axis=1, meta=meta)
    chunks = (X.chunks[0], *((size,) for size in meta.shape[1:]))
    new_axis = list(range(2, meta.ndim)) or None
    return X.map_blocks(method, dtype=meta.dtype, chunks=chunks, new_axis=new_axis, meta=meta)


def of_partitions(function: Callable[[Batch], Any], X: Any, y: Any, weight: Any) -> list[Any]:
    """Return here what a function makes of each partition."""
    lots = enumerate(partitions(X, y, weight))
    tasks = [delayed(_of_lot, pure=False)(function, f"partition {number}", *lot) for number, lot in lots]
    return list(compute(*tasks))  # type: ignore[no-untyped-call]


def _of_lot(function: Callable[[Batch], Any], name: str, X: Any, y: Any, weight: Any) -> Any:
    return function(Batch(X, y, weight, name))
