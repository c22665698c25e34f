"""What is checked before a fit: the facts of a loss, and sample weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array
from ..losses import get_loss

__all__ = ["check_weight", "peek"]


def peek(loss: Any, fact: str) -> bool:
    """Return a declared fact of what was given as a loss; False when it is not a loss at all."""
    try:
        return bool(getattr(get_loss(loss), fact))
    except (TypeError, ValueError):
        return False


def check_weight(sample_weight: ArrayLike | None, X: Any, name: str = "sample_weight", empty: bool = False) -> Array:
    """Return the sample weights as float64, (n,); all may be zero only if `empty`.

    Raises
    ------
    ValueError
        When they are not finite, negative, all zero, or not one for each row.
    """
    n = X.shape[0]
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.ndim == 0:
        weight = np.full(n, float(weight))
    if weight.ndim != 1:
        raise ValueError(f"Sample weights must be 1D array or scalar; got {weight.ndim}D.")
    if weight.shape != (n,):
        raise ValueError(f"sample_weight.shape == {weight.shape}: expected {(n,)}, one weight for each row of X.")
    if not np.all(np.isfinite(weight)):
        raise ValueError(f"{name} contains NaN or infinity: expected finite numbers.")
    if np.any(weight < 0):
        raise ValueError(f"{name} has a negative entry, {weight.min():g}: expected numbers >= 0.")
    if not (empty or np.any(weight > 0)):
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight
