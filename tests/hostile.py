"""A home of rows that gives nothing but what `Rows` promises, as one on disk or on other machines would."""

import pickle

import numpy as np

from sklearn_gd.rows.base import Block, Rows
from sklearn_gd.rows.blocks import MemoryRows


class FarArray:
    """One entry for each row, somewhere else: it has no arithmetic, no length, no index."""

    __slots__ = ("_parts",)

    def __init__(self, parts):
        self._parts = parts


class HostileRows(Rows):
    """Rows in blocks of uneven size. Every kernel is pickled and unpickled before each block."""

    __slots__ = ("_edges", "_rows", "dtype", "n_features", "n_samples", "profile")

    def __init__(self, *args, **kwargs):
        self._rows = args[0] if isinstance(args[0], MemoryRows) else MemoryRows(*args, **kwargs)
        rows = self._rows
        self.n_samples, self.n_features, self.dtype, self.profile = rows.n_samples, rows.n_features, rows.dtype, rows.profile
        sizes = np.cumsum(np.resize([1, 7, 40, 3, 2000], 1000))
        self._edges = np.unique(np.minimum([0, *sizes, rows.n_samples], rows.n_samples))

    def _blocks(self):
        rows, X = self._rows, self._rows.matrix
        used = rows._numbers(slice(0, rows.n_samples))
        y, weight = rows.y[used], rows.weight[used]
        data = None if rows.loss_data is None else rows.loss_data[used]
        for start, stop in zip(self._edges, self._edges[1:], strict=False):
            part = slice(start, stop)
            offset = None if rows._offset is None else rows._offset[part]
            yield Block(X.rows(part), y[part], weight[part], offset, None if data is None else data[part])

    def _run(self, kernel, arrays):
        arrays = [array._parts for array in arrays]  # nothing but a FarArray has parts
        for number, block in enumerate(self._blocks()):
            yield pickle.loads(pickle.dumps(kernel))(block, *(parts[number] for parts in arrays))

    @property
    def moments(self):
        return self._rows.moments

    def reduce(self, kernel, *arrays):
        total = None
        for found in self._run(kernel, arrays):
            total = found if total is None else tuple(a + b for a, b in zip(total, found, strict=True))
        return total

    def map(self, kernel, *arrays):
        found = list(self._run(kernel, arrays))
        for block, part in zip(self._blocks(), found, strict=True):
            assert all(len(array) == len(block.weight) for array in (part if isinstance(part, tuple) else (part,)))
        if isinstance(found[0], tuple):
            return tuple(FarArray(list(parts)) for parts in zip(*found, strict=True))
        return FarArray(found)

    @staticmethod
    def _here(array):
        return np.concatenate(array._parts)

    def quantile(self, array, q):
        return self._rows.quantile(self._here(array), q)

    def batches(self, size, seed):
        return self._rows.batches(size, seed)

    def sample(self, size):
        return self._rows.sample(size)

    def take(self, mask):
        return self._rows.take(self._here(mask))

    def columns(self, features):
        return HostileRows(self._rows.columns(features))

    def with_offset(self, offset):
        return HostileRows(self._rows.with_offset(self._here(offset)))
