"""Sources of data larger than memory: arrays on disk, and streams."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from ..arrays import Array, part_of
from .base import Profile, Rows
from .batch import Batch, renamed
from .blocks import BlockRows, Mapper
from .listed import PartsOfBatches, StreamRows
from .matrices import RowStore
from .plain import Dense, Sparse
from .source import Data, Prepare, Read, Source
from .stored import CHUNK, GrowingArray, MappedRows, StoredDense, StoredSparse
from .stream import Stream, named

__all__ = ["MappedSource", "StoredSource", "StreamSource", "sliceable"]


class StoredSource(Source):
    """A source that copies to disk what comes with X, and possibly X."""

    def __init__(self) -> None:
        self.kept = dict[str, GrowingArray]()

    def _prepared(self, prepare: Prepare) -> dict[str, Any]:
        """Return what comes with X as `BlockRows` takes it, on disk, by name; `used` is None if all rows count."""
        given = {name: column.array() for name, column in self.kept.items()}
        found = {name: GrowingArray() for name in given if name != "loss_data"} | {"used": GrowingArray()}
        some = False
        for number, (title, start, stop) in enumerate(self._lots()):
            part = {name: column[start:stop] for name, column in given.items()}
            weight = np.array(part.pop("weight"))
            if self.only is not None:
                weight *= self.only(number, len(weight))
            try:
                data = prepare(Data(None, weight=weight, **part))
            except ValueError as error:
                raise renamed(error, title) from error
            found["y"].append(data.y)
            found["weight"].append(data.weight)
            found["used"].append(start + np.flatnonzero(data.weight))
            offset = data.used_offset
            if offset is not None:
                found["offset"].append(offset)
            some = some or not np.all(data.weight)
        result = {name: column.array() for name, column in found.items()}
        return {"offset": None, "loss_data": given.get("loss_data"), **result, "used": result["used"] if some else None}

    @abstractmethod
    def _lots(self) -> Iterator[tuple[str, int, int]]:
        """Iterate over groups of rows: their name in error messages, and where they begin and end."""

    def _store(self, data: Data) -> None:
        columns = {"y": _storable(data.y), "weight": data.weight, "offset": data.offset, "loss_data": data.loss_data}
        there = {name for name, column in columns.items() if column is not None}
        for name in sorted(there ^ set(self.kept)) if self.kept else ():
            before, now = ("given", "None") if name in self.kept else ("None", "given")
            raise ValueError(f"{name} is {now}: expected it to be {before}, as in the rows before.")
        for name in there:
            self.kept.setdefault(name, GrowingArray()).append(columns[name])


def _storable(y: Any) -> Array:
    """Return validated y as an array with entries of a fixed size."""
    if sparse.issparse(y):
        return np.asarray(y.toarray())
    if y.dtype.kind != "O":
        return np.asarray(y)
    kinds = {type(value) for value in y.ravel().tolist()}
    if kinds != {str}:
        raise ValueError(
            f"y holds objects of the types {sorted(kind.__name__ for kind in kinds)}: expected numbers or strings."
        )
    return y.astype(str)


class MappedSource(StoredSource):
    """The source of an array on disk, mapped into memory."""

    def __init__(self, given: Batch) -> None:
        super().__init__()
        self.X, self.given = given.X.view(np.ndarray), given

    def read(self, read: Read, verbose: int = 0) -> Any:
        super().__init__()
        n = len(self.X)
        total: Any = None
        whole = {name: sliceable(each) for name, each in self.given.columns.items() if each is not None}
        for name, each in whole.items():
            if np.ndim(each) and len(each) != n:
                raise ValueError(f"{name} has {len(each)} entries: expected {n}, one for each row of X.")
        for title, start, stop in self._lots():
            part = slice(start, stop)
            try:
                some = {name: each[part] if np.ndim(each) else each for name, each in whole.items()}
                data, survey = read(Batch(self.X[part], **some), natural=True)
                total = survey if total is None else total + survey
                self._store(data)
            except ValueError as error:
                raise renamed(error, title) from error
        self.survey = total
        return total

    def _lots(self) -> Iterator[tuple[str, int, int]]:
        n, size = len(self.X), max(1, CHUNK // max(1, self.X.shape[1]))
        for start in range(0, n, size):
            stop = min(start + size, n)
            yield f"rows {start} to {stop - 1}", start, stop

    def rows(self, prepare: Prepare, mapper: Mapper) -> Rows:
        X = StoredDense(self.X, self.survey.dtype)
        return self.known(MappedRows(X, **self._prepared(prepare), mapper=mapper, n_raw=prepare.n_raw), prepare)


def sliceable(values: Any) -> Any:
    """Return per-row values as an array, or unchanged if they can be read in slices."""
    if hasattr(values, "reset_index"):
        return values.reset_index(drop=True)
    return values if hasattr(values, "columns") else np.asarray(values)


class StreamSource(StoredSource):
    """The source of batches, which are copied to disk or read again for each pass."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def read(self, read: Read, verbose: int = 0) -> Any:
        super().__init__()
        self._read, self.counts, self._parts = read, list[int](), list[GrowingArray]()
        self._titles, self._entries = list[str](), 0
        began = time.perf_counter()
        total: Any = None
        for batch in self.over(named(self.stream), None):
            data, survey = self._validated(batch)
            try:
                total = survey if total is None else total + survey
                self._store(data)
            except (ValueError, TypeError) as error:
                raise renamed(error, batch.title) from error
            self.counts.append(data.X.shape[0])
            self._titles.append(batch.title)
            self._sparse = sparse.issparse(data.X)
            self._entries += data.X.nnz if self._sparse else data.X.size
            if self.stream.cache:
                self._store_X(data.X)
        if total is None:
            raise ValueError("The stream has no batches: expected an iterator over at least one, new at each call.")
        if verbose:
            print(f"Read {sum(self.counts):,} rows in {len(self.counts)} batches, {time.perf_counter() - began:.1f} s.")
        self.survey = total
        return total

    def _lots(self) -> Iterator[tuple[str, int, int]]:
        ends = np.cumsum([0, *self.counts]).tolist()
        return ((title, *edges) for title, edges in zip(self._titles, pairwise(ends), strict=True))

    def _validated(self, batch: Batch) -> tuple[Data, Any]:
        try:
            if batch.X is None or not getattr(batch.X, "shape", (1,))[0]:
                raise ValueError("X has no rows: expected at least one in each batch.")
            return self._read(batch, natural=True)
        except (ValueError, TypeError) as error:
            row = _faulty_row(batch.X) if "NaN" in str(error) or "infinity" in str(error) else None
            title = batch.title if row is None else f"{batch.name}, row {(batch.first_row or 0) + row}"
            raise renamed(error, title) from error

    # -- X on disk ----------------------------------------------------------------------------------------------------

    def _store_X(self, X: Any) -> None:
        if not self._parts:
            self._parts = [GrowingArray() for _ in range(3 if sparse.issparse(X) else 1)]
            if sparse.issparse(X):
                self._parts[2].append(np.zeros(1, dtype=np.int64))
        if len(self._parts) == 1:
            self._parts[0].append(X.toarray() if sparse.issparse(X) else X)
            return
        X = sparse.csr_matrix(X)
        X.sum_duplicates()
        data, indices, indptr = self._parts
        indptr.append(X.indptr[1:].astype(np.int64) + data.n)
        data.append(X.data)
        indices.append(X.indices.astype(np.int32 if X.shape[1] < 2**31 else np.int64))

    def rows(self, prepare: Prepare, mapper: Mapper) -> Rows:
        columns = self._prepared(prepare)
        if not self._parts:
            return self.known(self._unstored(prepare, columns, mapper), prepare)
        arrays, dtype = [part.array() for part in self._parts], self.survey.dtype
        store: RowStore
        if len(arrays) == 1:
            store = StoredDense(arrays[0], dtype)
        else:
            store = StoredSparse(arrays[0], arrays[1], arrays[2], (sum(self.counts), self.survey.n_features), dtype)
        return self.known(MappedRows(store, **columns, mapper=mapper, n_raw=prepare.n_raw), prepare)

    # -- X from the batches -------------------------------------------------------------------------------------------

    def _unstored(self, prepare: Prepare, columns: dict[str, Any], mapper: Mapper) -> StreamRows:
        y, weight, loss_data = columns["y"], columns["weight"], columns["loss_data"]
        ends = np.cumsum([0, *self.counts])
        counts = [int(np.count_nonzero(weight[a:b])) for a, b in pairwise(ends)]
        offsets = np.cumsum([0, *counts])

        def parts() -> Iterator[BlockRows]:
            start, number = 0, -1
            for number, batch in enumerate(self.over(named(self.stream), len(self.counts))):
                data, _ = self._validated(batch)
                n = data.X.shape[0]
                if number >= len(self.counts) or n != self.counts[number]:
                    before = f"{self.counts[number]} rows" if number < len(self.counts) else "no such batch"
                    raise ValueError(
                        f"{batch.title}: it has {n} rows, where the first pass found {before}. "
                        "Expected the same batches at each call."
                    )
                X = data.X.astype(self.survey.dtype, copy=False)
                matrix = Sparse(sparse.csr_matrix(X)) if sparse.issparse(X) else Dense(np.ascontiguousarray(X))
                part, used = slice(start, start + n), slice(*offsets[number : number + 2])
                yield BlockRows(
                    matrix,
                    y[part],
                    weight[part],
                    loss_data=part_of(loss_data, part),
                    offset=part_of(columns["offset"], used),
                    mapper=mapper,
                    n_raw=prepare.n_raw,
                )
                start += n
            if number + 1 != len(self.counts):
                raise ValueError(
                    f"The stream ended after {number + 1} batches, where the first pass found {len(self.counts)}. "
                    "Expected the same batches at each call."
                )

        gram_rate = Sparse.gram_rate if self._sparse else Dense.gram_rate
        profile = Profile(self._entries / len(weight), gram_rate, samples=False)
        rows = StreamRows(PartsOfBatches(parts), counts, self.survey.n_features, self.survey.dtype, profile)
        rows.mapper = mapper
        return rows


def _faulty_row(X: Any) -> int | None:
    """Return the first row with an entry that is not finite; None if it cannot be determined."""
    try:
        if sparse.issparse(X):
            X = X.tocsr()
            bad = np.flatnonzero(~np.isfinite(X.data))
            return int(np.searchsorted(X.indptr, bad[0], side="right") - 1) if len(bad) else None
        bad = np.flatnonzero(~np.isfinite(np.asarray(X, dtype=np.float64)).all(axis=1))
        return int(bad[0]) if len(bad) else None
    except (TypeError, ValueError):
        return None
