"""The type of arrays, the precision of float64, and the entries of arrays that may be absent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPS", "Array", "in_columns", "part_of"]

Array = NDArray[Any]

EPS = float(np.finfo(np.float64).eps)


def part_of(array: Any, rows: Any) -> Any:
    """Return the entries of some rows; None for None."""
    return None if array is None else array[rows]


def in_columns(rows: Array, names: tuple[str, ...] | None) -> Array:
    """Return rows of a structured array with the columns in a given order; plain rows, if there are no names.

    Raises
    ------
    ValueError
        If the rows have other columns.
    """
    now = rows.dtype.names
    if (now is None) != (names is None) or set(now or ()) != set(names or ()):
        found, expected = (f"the columns {list(each)}" if each else "no columns by name" for each in (now, names))
        raise ValueError(f"loss_data has {found}: expected {expected}, as in the rows before.")
    return rows if now == names else rows[list(names or ())]
