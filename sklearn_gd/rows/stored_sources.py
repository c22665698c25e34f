"""Sources of data larger than memory: arrays on disk, and streams."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from ..arrays import Array
from .base import Profile, Rows
from .batch import Batch, renamed
from .blocks import BlockRows, Mapper
from .listed import PartsOfBatches, StreamRows
from .matrices import RowStore
from .plain import Dense, Sparse
from .source import Data, Prepare, Read, Source
from .stored import CHUNK, GrowingArray, MappedRows, StoredDense, StoredSparse
from .stream import Stream, named

__all__ = ["MappedSource", "StoredSource", "StreamSource"]


class StoredSource(Source):
    """A source that copies y and weights to disk, and possibly X."""

    def __init__(self) -> None:
        self.y, self.weight = GrowingArray(), GrowingArray()

    def _targets(self, prepare: Prepare) -> tuple[Array, Array, Array | None]:
        """Return prepared y, the weights, and the indices of the rows that count, None for all, on disk."""
        given, weights = self.y.array(), self.weight.array()
        y, weight, used, some = GrowingArray(), GrowingArray(), GrowingArray(), False
        for number, (title, start, stop) in enumerate(self._lots()):
            part = slice(start, stop)
            masked = np.array(weights[part])
            if self.only is not None:
                masked *= self.only(number, len(masked))
            try:
                prepared = prepare(given[part], masked)
            except ValueError as error:
                raise renamed(error, title) from error
            y.append(prepared[0])
            weight.append(prepared[1])
            used.append(start + np.flatnonzero(prepared[1]))
            some = some or not np.all(prepared[1])
        return y.array(), weight.array(), used.array() if some else None

    @abstractmethod
    def _lots(self) -> Iterator[tuple[str, int, int]]:
        """Iterate over groups of rows: their name in error messages, and where they begin and end."""

    def _store(self, data: Data) -> None:
        self.y.append(_storable(data.y))
        self.weight.append(data.weight)


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

    def __init__(self, X: Any, y: Any, weight: Any) -> None:
        super().__init__()
        self.X, self.given = X.view(np.ndarray), (y, weight)

    def read(self, read: Read, verbose: int = 0) -> Any:
        super().__init__()
        y, weight = self.given
        n = len(self.X)
        total: Any = None
        whole = tuple(None if each is None else _sliceable(each) for each in (y, weight))
        for each, name in zip(whole, ("y", "sample_weight"), strict=True):
            if each is not None and each.ndim and len(each) != n:
                raise ValueError(f"{name} has {len(each)} entries: expected {n}, one for each row of X.")
        for title, start, stop in self._lots():
            part = slice(start, stop)
            try:
                some_y, some_weight = (each[part] if each is not None and each.ndim else each for each in whole)
                data, survey = read(self.X[part], some_y, some_weight, natural=True)
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
        y, weight, used = self._targets(prepare)
        X = StoredDense(self.X, self.survey.dtype)
        return self.known(MappedRows(X, y, weight, used=used, mapper=mapper, n_raw=prepare.n_raw), prepare)


def _sliceable(values: Any) -> Any:
    """Return per-row values as an array, or unchanged if they can be read in slices."""
    return values.reset_index(drop=True) if hasattr(values, "reset_index") else np.asarray(values)


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
            return self._read(batch.X, batch.y, batch.sample_weight, natural=True)
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
        y, weight, used = self._targets(prepare)
        if not self._parts:
            return self.known(self._unstored(prepare, y, weight, mapper), prepare)
        arrays, dtype = [part.array() for part in self._parts], self.survey.dtype
        store: RowStore
        if len(arrays) == 1:
            store = StoredDense(arrays[0], dtype)
        else:
            store = StoredSparse(arrays[0], arrays[1], arrays[2], (len(weight), self.survey.n_features), dtype)
        return self.known(MappedRows(store, y, weight, used=used, mapper=mapper, n_raw=prepare.n_raw), prepare)

    # -- X from the batches -------------------------------------------------------------------------------------------

    def _unstored(self, prepare: Prepare, y: Array, weight: Array, mapper: Mapper) -> StreamRows:
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
                part = slice(start, start + n)
                yield BlockRows(matrix, y[part], weight[part], mapper=mapper, n_raw=prepare.n_raw)
                start += n
            if number + 1 != len(self.counts):
                raise ValueError(
                    f"The stream ended after {number + 1} batches, where the first pass found {len(self.counts)}. "
                    "Expected the same batches at each call."
                )

        ends = np.cumsum([0, *self.counts])
        counts = [int(np.count_nonzero(weight[a:b])) for a, b in pairwise(ends)]
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
