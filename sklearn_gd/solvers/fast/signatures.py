"""The types of compiled functions, and the compilation of a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.core.errors import NumbaError

__all__ = ["CSR", "MATRIX", "PAIR", "SLOPE", "VECTOR", "compiled", "read"]


def read(entries: Any, ndim: int = 1) -> Any:
    """Return the type of an array that is not written on; a user's may be read-only."""
    return types.Array(entries, ndim, "C", readonly=True)


# A function of y, raw and a constant that returns the slope and the curvature of a loss. Because the types are given, the
# compiled functions are kept on disk for the next process.
PAIR: Any = types.UniTuple(types.float64, 2)  # type: ignore[no-untyped-call]
SLOPE: Any = PAIR(types.float64, types.float64, types.float64)

VECTOR, MATRIX = read(types.float64), read(types.float64, 2)

# Entries, indices and ends of rows, or of columns. The integers are unsigned: numba then need not ask whether an index counts
# from the end.
CSR = VECTOR, read(types.uint32), read(types.uint64)


def compiled(function: Callable[..., Any]) -> Any:
    """Return the compiled form of a function of y, raw and a constant; one that calls a user's is not kept on disk.

    Raises
    ------
    ValueError
        If it calls a function that does not take numbers.
    """
    try:
        return numba.njit([SLOPE], cache=function.__closure__ is None, nogil=True)(function)
    except NumbaError as error:
        raise ValueError(
            "numba cannot call the gradient or the curvature of the loss with numbers: expected functions of arrays and "
            "numbers alike, as numba.vectorize makes them."
        ) from error
