"""Rows in parts, each with its own home: batches of a stream, or partitions on other machines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from ..arrays import Array, part_of
from .base import Block, ColumnMoments, Kernel, Profile, RowArray, Rows
from .blocks import BlockRows, Mapper, MemoryRows, added, checked_moments, drawn_places
from .plain import Dense, Sparse

__all__ = ["Extract", "PartedRows", "TreeSum", "joined", "merged_quantile", "summary"]

# The number of quantiles that represent the distribution of many numbers.
LEVELS = 4097


class TreeSum:
    """The sum over n parts, added up in a binary tree: it is bitwise identical in whatever order the parts arrive.

    Parameters
    ----------
    n : int
        Number of parts.

    Attributes
    ----------
    nodes : dict from (int, int) to tuple
        The partial sums so far of 2^level parts, by level and place.
    """

    def __init__(self, n: int) -> None:
        self.widths, self.nodes = [n], dict[tuple[int, int], Any]()
        while self.widths[-1] > 1:
            self.widths.append(-(-self.widths[-1] // 2))

    def add(self, node: tuple[int, int], value: Any) -> None:
        """Add the value of a part, whose node is (0, index), or the sum of a node of another tree."""
        level, place = node
        while level + 1 < len(self.widths):
            if place ^ 1 < self.widths[level]:
                if (level, place ^ 1) not in self.nodes:
                    break
                other = self.nodes.pop((level, place ^ 1))
                value = _sum(other, value) if place % 2 else _sum(value, other)
            level, place = level + 1, place // 2
        self.nodes[level, place] = value

    @property
    def total(self) -> Any:
        """The sum, once all parts have been added."""
        (value,) = self.nodes.values()
        return value


def _sum(one: Any, two: Any) -> Any:
    """Return the elementwise sum of two tuples; None counts as zero."""
    if one is None or two is None:
        return two if one is None else one
    return added((one, two))


@dataclass(frozen=True, eq=False)
class Extract:
    """A copy of some rows: X as an array or in CSR, and the data of each row."""

    X: Any
    y: Array
    weight: Array
    loss_data: Any = None
    offset: Array | None = None

    @classmethod
    def of(cls, rows: BlockRows, places: Any) -> Extract:
        """Return copies of the rows at some places."""
        part = rows.extracted(places)
        return cls(part.X.X, part.y, part.weight, part.loss_data, part._offset)

    def permuted(self, order: Array) -> Extract:
        """Return the rows, or some of them, in another order."""
        return Extract(
            self.X[order], self.y[order], self.weight[order], part_of(self.loss_data, order), part_of(self.offset, order)
        )

    def block(self) -> Block:
        """Return the rows as a block."""
        X = Sparse(self.X) if sparse.issparse(self.X) else Dense(self.X)
        return Block(X, self.y, self.weight, self.offset, self.loss_data)

    def in_memory(self, mapper: Mapper) -> MemoryRows:
        """Return the rows as a home in memory."""
        return MemoryRows(self.X, self.y, self.weight, loss_data=self.loss_data, offset=self.offset, mapper=mapper)


def joined(extracts: Iterable[Extract]) -> Extract:
    """Return the rows of several extracts together."""
    some = list(extracts)
    if len(some) == 1:
        return some[0]

    def stacked(name: str) -> Any:
        parts = [getattr(extract, name) for extract in some]
        return None if parts[0] is None else np.concatenate(parts)

    parts = [extract.X for extract in some]
    X = sparse.vstack(parts, format="csr") if sparse.issparse(parts[0]) else np.concatenate(parts)
    return Extract(X, *map(stacked, ("y", "weight", "loss_data", "offset")))


class PartedRows(Rows):
    """Rows in parts.

    A handle refers to one object per part, stored where the part is: the `BlockRows` themselves, or row arrays.

    Parameters
    ----------
    parts : handle
        The rows of each part. For a part without rows, the other handles hold None.
    counts : sequence of int
        Number of rows of each part.
    n_features : int
    dtype : numpy dtype
    profile : Profile
    """

    def __init__(self, parts: Any, counts: Sequence[int], n_features: int, dtype: Any, profile: Profile) -> None:
        self.parts, self.counts, self.n_features, self.dtype, self.profile = parts, counts, n_features, dtype, profile
        self.mapper: Mapper = map  # for rows that are copied to this process
        self.n_samples = int(sum(counts))

    # -- what a home does ---------------------------------------------------------------------------------------------

    @abstractmethod
    def _values(self, function: Callable[..., Any], *handles: Any) -> Iterable[Any]:
        """Return the results of a function for each part of some handles to this process, in order."""

    @abstractmethod
    def _kept(self, function: Callable[..., Any], *handles: Any) -> Any:
        """Return a handle to the results of a function for each part of some handles."""

    def _derived(self, function: Callable[..., Any], *handles: Any) -> Any:
        """Return a handle to the rows that a function makes of each part; they may be computed again each time."""
        return self._kept(function, *handles)

    def _total(self, function: Callable[..., Any], *handles: Any) -> Any:
        """Return the sum of the results of a function for each part to this process."""
        tree = TreeSum(len(self.counts))
        for number, value in enumerate(self._values(function, *handles)):
            tree.add((0, number), value)
        return tree.total

    # -- the contract -------------------------------------------------------------------------------------------------

    def _like(self, parts: Any, **changes: Any) -> Any:
        """Return the same kind of rows with other parts."""
        result = copy(self)
        result.__dict__.pop("moments", None)
        vars(result).update(parts=parts, **changes)
        return result

    @cached_property
    def moments(self) -> ColumnMoments:
        return checked_moments(self)

    def reduce(self, kernel: Kernel, *arrays: RowArray) -> tuple[Any, ...]:
        result: tuple[Any, ...] = self._total(partial(_reduced, kernel), self.parts, *arrays)
        return result

    def map(self, kernel: Kernel, *arrays: RowArray) -> Any:
        found = self._kept(partial(_mapped, kernel), self.parts, *arrays)
        width = max(self._values(_width, found))
        return tuple(self._item(i, found) for i in range(width)) if width else found

    def _item(self, number: int, found: Any) -> Any:
        """Return a handle to one of the values of each part."""
        return self._kept(partial(_picked, number), found)

    def quantile(self, array: RowArray, q: float) -> float:
        return merged_quantile([found for found in self._values(_summary, array) if found is not None], q)

    def _extracted(self, function: Callable[..., Any], *handles: Any) -> Extract:
        return joined(extract for extract in self._values(function, *handles) if extract is not None)

    def _at(self, places: Array) -> Extract:
        """Return copies of the rows at some places, in order."""
        edges = np.cumsum([0, *self.counts])
        ends = np.searchsorted(places, edges)
        drawn = [places[a:b] - edge for (a, b), edge in zip(pairwise(ends), edges[:-1], strict=True)]
        return self._extracted(_at_places, self.parts, self._spread(drawn))

    def sample(self, size: int) -> MemoryRows:
        return self._at(drawn_places(self.n_samples, size, self.profile.entries)).in_memory(self.mapper)

    @abstractmethod
    def _spread(self, values: Sequence[Any]) -> Any:
        """Return a handle to small values, one per part."""

    def take(self, mask: RowArray) -> MemoryRows:
        return self._extracted(_of_mask, self.parts, mask).in_memory(self.mapper)

    def columns(self, features: Array) -> Any:
        share = len(features) / max(1, self.n_features)
        profile = replace(self.profile, entries=self.profile.entries * share)
        return self._like(self._derived(partial(_columns, features), self.parts), n_features=len(features), profile=profile)

    def without_features(self, distinct: Callable[[Array, Array], tuple[Array, Array]]) -> Any:
        parts = self._kept(partial(_alone, distinct), self.parts)
        counts = list(self._values(_n_samples, parts))
        profile = replace(self.profile, entries=0.0)
        return self._like(parts, counts=counts, n_samples=sum(counts), n_features=0, profile=profile)

    def with_offset(self, offset: RowArray) -> Any:
        return self._like(self._derived(_with_offset, self.parts, offset))


def summary(values: Array) -> tuple[Array, int]:
    """Return quantiles that represent many numbers, or the sorted numbers themselves if they are few, and their count."""
    values = np.sort(values, axis=None)
    places = np.linspace(0, len(values) - 1, min(len(values), LEVELS)).round().astype(np.intp)
    return values[places], len(values)


def merged_quantile(summaries: Iterable[tuple[Array, int]], q: float) -> float:
    """Return a quantile of all summarised numbers."""
    some = list(summaries)
    values = np.concatenate([part for part, _ in some])
    weight = np.concatenate([np.full(len(part), count / len(part)) for part, count in some])
    order = np.argsort(values, kind="stable")
    middles = np.cumsum(weight[order]) - 0.5 * weight[order]
    return float(np.interp(q * middles[-1] + (1.0 - q) * middles[0], middles, values[order]))


# -- what is done with a part -----------------------------------------------------------------------------------------


def _reduced(kernel: Kernel, rows: BlockRows, *arrays: Any) -> Any:
    with np.errstate(all="ignore"):
        return rows.reduce(kernel, *arrays) if rows.n_samples else None


def _mapped(kernel: Kernel, rows: BlockRows, *arrays: Any) -> Any:
    with np.errstate(all="ignore"):
        return rows.map(kernel, *arrays) if rows.n_samples else None


def _width(found: Any) -> int:
    return len(found) if isinstance(found, tuple) else 0


def _picked(number: int, found: Any) -> Any:
    return None if found is None else found[number]


def _summary(values: Any) -> Any:
    return None if values is None else summary(values)


def _at_places(rows: BlockRows, places: Array) -> Extract | None:
    return Extract.of(rows, places) if len(places) else None


def _of_mask(rows: BlockRows, mask: Any) -> Extract | None:
    return None if mask is None or not mask.any() else Extract.of(rows, np.flatnonzero(mask))


def _columns(features: Array, rows: BlockRows) -> Any:
    return rows.columns(features)


def _with_offset(rows: BlockRows, offset: Any) -> Any:
    return rows if offset is None else rows.with_offset(offset)


def _alone(distinct: Callable[[Array, Array], tuple[Array, Array]], rows: BlockRows) -> Any:
    return rows.without_features(distinct) if rows.n_samples else rows


def _n_samples(rows: BlockRows) -> int:
    return rows.n_samples
