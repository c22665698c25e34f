"""The type of arrays, the precision of float64, and the entries of arrays that may be absent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPS", "Array", "part_of"]

Array = NDArray[Any]

EPS = float(np.finfo(np.float64).eps)


def part_of(array: Any, rows: Any) -> Any:
    """Return the entries of some rows; None for None."""
    return None if array is None else array[rows]
