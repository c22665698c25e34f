"""Dask collections as data: partitions that are read in place, and lazy predictions."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from dask.array import asarray, map_blocks
from dask.base import compute, is_dask_collection
from dask.delayed import delayed
from distributed import KilledWorker, get_client, wait
from scipy import sparse

from ..arrays import Array
from .base import Profile, Rows
from .batch import Batch, renamed
from .blocks import BlockRows, Mapper
from .cluster import DaskRows, Held, ShardRows, short_of_memory
from .matrices import RowStore
from .plain import Dense, Sparse
from .source import Data, Only, Prepare, Read, Source
from .stored import StoredDense
from .stored_sources import StreamSource, sliceable
from .stream import Stream, ahead

__all__ = ["DaskSource", "lazily", "of_partitions", "source_of_collections"]


def client_here() -> Any:
    """Return the client of the cluster in use; None without one."""
    try:
        return get_client()
    except ValueError:
        return None


def source_of_collections(given: Batch, suffix: str = "") -> Source:
    """Return the source for Dask collections: on a cluster if there is one, else a stream of partitions."""
    parts, client = partitions(given, suffix), client_here()
    if client is not None:
        return DaskSource(client, parts)

    def opened() -> Iterator[Batch]:
        for number, part in enumerate(parts):
            try:
                found = compute(*part)  # type: ignore[no-untyped-call]
            except Exception as error:
                raise renamed(error, f"partition {number}") from error
            if found[0].shape[0]:
                yield Batch(*found)._replace(name=f"partition {number}")

    return StreamSource(Stream(ahead(opened)))


def partitions(given: Batch, suffix: str = "") -> list[tuple[Any, ...]]:
    """Return the delayed parts of X and of what comes with it: some rows each.

    Raises
    ------
    ValueError
        If they are not partitioned by rows in the same way and cannot be aligned.
    """
    X = given.X
    if getattr(X, "ndim", 2) == 2 and hasattr(X, "rechunk") and X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    parts = _delayed(X)
    others = [_alike(column, X, len(parts), f"{name}{suffix}") for name, column in given.columns.items()]
    return list(zip(parts, *others, strict=True))


def _delayed(collection: Any) -> list[Any]:
    """Return the partitions of a collection; a frame is not optimised, which could partition X and y differently."""
    parts: list[Any] = np.ravel(collection.to_delayed(optimize_graph=not hasattr(collection, "divisions"))).tolist()
    return parts


def _alike(given: Any, X: Any, n: int, name: str) -> list[Any]:
    """Return the delayed parts of a collection that belongs to X."""
    if given is None:
        return [None] * n
    chunks = X.chunks[0] if hasattr(X, "chunks") else ()
    known = bool(chunks) and not np.any(np.isnan(chunks))
    if not hasattr(given, "__dask_graph__"):
        if not known:
            raise ValueError(
                f"{name} is {type(given).__name__}, and X has chunks of unknown sizes: expected a Dask collection."
            )
        values, ends = sliceable(given), np.cumsum([0, *chunks])
        if len(values) != ends[-1]:
            raise ValueError(f"{name} has {len(values)} entries: expected {int(ends[-1])}, one for each row of X.")
        return [values[a:b] for a, b in pairwise(ends)]
    if hasattr(given, "rechunk"):
        if given.ndim == 2 and given.numblocks[1] > 1:
            given = given.rechunk({1: -1})
        if known and sum(given.chunks[0]) == sum(chunks):  # never true for NaN
            given = given.rechunk({0: chunks})
    parts = _delayed(given)
    if len(parts) != n:
        raise ValueError(f"{name} has {len(parts)} partitions: expected {n}, as X has, of as many rows each.")
    return parts


class DaskSource(Source):
    """Dask collections, on a cluster."""

    def __init__(self, client: Any, parts: list[tuple[Any, ...]]) -> None:
        self.client, self.parts, self.held = client, parts, Held(client)

    def read(self, read: Read, verbose: int = 0) -> Any:
        began = time.perf_counter()
        task = delayed(partial(_read, read), name="read", pure=False)
        tasks = [task(f"partition {number}", *part) for number, part in enumerate(self.parts)]
        self.lots = self.client.compute(tasks)
        self.held.futures.update(self.lots)
        wait(self.lots)  # type: ignore[no-untyped-call]
        failed = [number for number, lot in enumerate(self.lots) if lot.status == "error"]
        if failed:
            raise _explained([(number, self.lots[number].exception()) for number in failed])
        total: Any = None
        for number, survey in enumerate(self.held.gathered([self.held.submit(_second, lot) for lot in self.lots])):
            try:
                total = survey if total is None else total if survey is None else total + survey
            except ValueError as error:
                raise renamed(error, f"partition {number}") from error
        if total is None:
            raise ValueError("X has no rows: all of its partitions are empty.")
        if verbose:
            print(f"Read {len(self.lots)} partitions, {time.perf_counter() - began:.1f} s.")
        self.survey = total
        return total

    def rows(self, prepare: Prepare, mapper: Mapper) -> Rows:
        numbers = self._together()
        prepared = partial(_prepared, prepare, self.only, self.survey.n_features, self.survey.dtype)
        shards = [self.held.submit(_shard, prepared, some, *(self.lots[i] for i in some)) for some in numbers]
        found = self.held.gathered([self.held.submit(_facts, shard) for shard in shards])
        if self.only is None:  # the shards hold the data that are needed
            for lot in self.lots:
                lot.release()
        facts = [fact for each in found for fact in each]
        counts = [0] * len(self.parts)
        for number, fact in zip((i for some in numbers for i in some), facts, strict=True):
            counts[number] = fact[0]
        entries = float(np.average([fact[1].entries for fact in facts], weights=[max(1, fact[0]) for fact in facts]))
        profile = Profile(entries, facts[0][1].gram_rate, False)
        rows = DaskRows(self.held, numbers, shards, counts, self.survey.n_features, self.survey.dtype, profile)
        rows.mapper = mapper
        return self.known(rows, prepare)

    def _together(self) -> list[list[int]]:
        """Return the indices of the partitions in each worker."""
        there: dict[str, list[int]] = {}
        where = self.client.who_has(self.lots)
        for number, lot in enumerate(self.lots):
            there.setdefault(min(where.get(lot.key, ()), default=""), []).append(number)
        return list(there.values())

    def close(self) -> None:
        self.lots = []
        self.held.close()


def _explained(failures: list[tuple[int, Any]]) -> Exception:
    """Return the error for partitions that could not be read; killed workers usually mean that memory was short."""
    others = [(number, error) for number, error in failures if not isinstance(error, KilledWorker)]
    if others:
        number, error = others[0]
        return renamed(error, f"partition {number}")
    numbers = ", ".join(str(number) for number, _ in failures)
    return short_of_memory(f"partition{'s' * (len(failures) > 1)} {numbers}", failures[0][1])


# -- what runs in the workers -----------------------------------------------------------------------------------------


def _read(read: Read, name: str, X: Any, *others: Any) -> tuple[Data | None, Any]:
    if not X.shape[0]:
        return None, None
    try:
        return read(Batch(X, *others), natural=True)
    except (ValueError, TypeError) as error:
        raise renamed(error, name) from error


def _second(pair: tuple[Any, Any]) -> Any:
    return pair[1]


def _prepared(
    prepare: Prepare, only: Only | None, n_features: int, dtype: Any, number: int, lot: tuple[Data | None, Any]
) -> BlockRows:
    data = lot[0]
    if data is None:
        return ShardRows(Dense(np.empty((0, n_features), dtype)), np.empty((0, prepare.n_raw)), np.empty(0))
    weight = data.weight if only is None else data.weight * only(number, len(data.weight))
    try:
        ready = prepare(replace(data, weight=weight))
    except ValueError as error:
        raise renamed(error, f"partition {number}") from error
    matrix: RowStore
    if sparse.issparse(data.X):
        X = sparse.csr_matrix(data.X).astype(dtype, copy=False)
        matrix = Sparse(sparse.csr_matrix(tuple(map(_aligned, (X.data, X.indices, X.indptr))), shape=X.shape))
    else:
        matrix = Dense(_aligned(data.X)) if data.X.dtype == dtype else StoredDense(data.X, dtype)
    y, weight, loss_data, offset = map(_aligned, (ready.y, ready.weight, ready.loss_data, ready.used_offset))
    return ShardRows(matrix, y, weight, loss_data=loss_data, offset=offset, n_raw=prepare.n_raw)


def _aligned(array: Any) -> Any:
    """Return an aligned array; an array from a message may be unaligned, which makes it 20 times as slow."""
    return None if array is None else np.require(array, requirements="A")


def _shard(prepared: Callable[..., BlockRows], numbers: list[int], *lots: Any) -> list[BlockRows]:
    return list(map(prepared, numbers, lots))


def _facts(shard: list[BlockRows]) -> list[tuple[int, Profile]]:
    return [(rows.n_samples, rows.profile) for rows in shard]


# -- predictions ------------------------------------------------------------------------------------------------------


def lazily(method: Callable[[Any, Any], Array], X: Any, offset: Any, n_features: int) -> Any:
    """Return the lazy array of the results of a method for each partition of X and of an offset, which may be None."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        single = getattr(X, "dtype", None) == np.float32
        meta = method(np.zeros((1, n_features), np.float32 if single else np.float64), None)[:0]
    method = partial(_of_rows, method, meta)
    others = () if offset is None else (_beside(X, offset),)
    if not hasattr(X, "chunks"):
        return X.map_partitions(method, *others, meta=meta)
    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    if meta.ndim == 1:
        return map_blocks(method, X, *others, dtype=meta.dtype, drop_axis=1, meta=meta)  # type: ignore[no-untyped-call]
    chunks = (X.chunks[0], *((size,) for size in meta.shape[1:]))
    shape = {"chunks": chunks, "new_axis": list(range(2, meta.ndim)) or None}
    return map_blocks(method, X, *others, dtype=meta.dtype, meta=meta, **shape)  # type: ignore[no-untyped-call]


def _beside(X: Any, offset: Any) -> Any:
    """Return an offset as a collection with the partitions of X."""
    if hasattr(X, "chunks"):
        offset = asarray(offset)  # type: ignore[no-untyped-call]
        offset = offset if offset.ndim == 2 else offset[:, None]
        return offset.rechunk({0: X.chunks[0], 1: -1})
    if is_dask_collection(offset):
        return offset
    raise ValueError(f"offset is {type(offset).__name__}, and X is a Dask dataframe: expected a column of it, or of its kind.")


def _of_rows(method: Callable[[Any, Any], Array], meta: Array, X: Any, offset: Any = None) -> Array:
    return method(X, offset) if X.shape[0] else meta


def of_partitions(function: Callable[[Batch], Any], given: Batch) -> list[Any]:
    """Return the results of a function for each partition to this process."""
    task = delayed(partial(_of_lot, function), pure=False)
    tasks = [task(f"partition {number}", *lot) for number, lot in enumerate(partitions(given))]
    return [found for found in compute(*tasks) if found is not None]  # type: ignore[no-untyped-call]


def _of_lot(function: Callable[[Batch], Any], name: str, X: Any, *others: Any) -> Any:
    return function(Batch(X, *others)._replace(name=name)) if X.shape[0] else None
