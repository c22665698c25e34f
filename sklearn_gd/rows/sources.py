"""The choice of a source for the user's data."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from .batch import Batch
from .source import MemorySource, Source
from .stored_sources import MappedSource, StreamSource
from .stream import Stream

__all__ = ["check_alone", "is_collection", "source_of", "with_dask"]

# A memory-mapped array of fewer bytes is treated as if it were in memory.
MAPPED = 1 << 26


def is_collection(X: Any) -> bool:
    """Tell whether X is a Dask collection."""
    return hasattr(X, "__dask_graph__")


def with_dask() -> Any:
    """Return the module that works on Dask collections."""
    try:
        return import_module(".dask", __package__)
    except ImportError as error:
        raise ImportError('Dask collections need dask and distributed: pip install "sklearn-gd[dask]".') from error


def check_alone(batch: Batch, suffix: str = "") -> None:
    """Raise ValueError if y, weights or other columns are given with a stream."""
    for name, given in batch.columns.items():
        if given is not None:
            raise ValueError(f"{name}{suffix} is given with X{suffix}, a Stream: expected None, as a stream has its own.")


def source_of(given: Batch, suffix: str = "") -> Source:
    """Return the source for the user's data; `suffix` is that of the names of the arguments.

    Raises
    ------
    ValueError
        If y or weights are given with a stream, which has its own.
    """
    X = given.X
    if isinstance(X, Stream):
        check_alone(given, suffix)
        return StreamSource(X)
    if is_collection(X):
        return with_dask().source_of_collections(given, suffix)
    if isinstance(X, np.memmap) and X.ndim == 2 and X.nbytes >= MAPPED and X.dtype.kind in "biuf" and not _is_joblibs(X):
        return MappedSource(given)
    return MemorySource(given)


def _is_joblibs(X: Any) -> bool:
    """Tell whether joblib has memory-mapped an array to share it with its workers."""
    return "joblib_memmapping_folder" in str(X.filename)
