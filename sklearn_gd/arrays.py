"""The type of arrays, and the precision of float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPS", "Array"]

Array = NDArray[Any]

EPS = float(np.finfo(np.float64).eps)
