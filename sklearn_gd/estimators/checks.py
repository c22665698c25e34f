"""Checks before a fit: declared properties of a loss, settings, sample weights, and offsets."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from ..arrays import Array
from ..losses import Loss, get_loss
from ..training.early_stopping import EarlyStopping

__all__ = ["check_offset", "check_rule", "check_scalars", "check_weight", "fact_of", "read_numbers"]


def fact_of(loss: Any, fact: str) -> bool:
    """Return a declared property of the given loss; False if it is not a loss."""
    try:
        return bool(getattr(loss if isinstance(loss, Loss) else get_loss(loss), fact))
    except (TypeError, ValueError):
        return False


SCALARS: dict[str, tuple[Any, Callable[[Any], bool], str]] = {
    "alpha": (numbers.Real, lambda v: 0 <= v < np.inf, "a number >= 0"),
    "tol": (numbers.Real, lambda v: 0 <= v < np.inf, "a number >= 0"),
    "max_iter": ((numbers.Integral, type(None)), lambda v: v is None or v >= 1, "an integer >= 1, or None"),
    "verbose": (numbers.Integral, lambda v: v >= 0, "an integer >= 0"),
    "n_jobs": ((numbers.Integral, type(None)), lambda v: v is None or v != 0, "an integer other than 0, or None"),
}


def check_scalars(estimator: Any) -> None:
    """Raise ValueError for the first setting outside its range."""
    for name, (kind, legal, expected) in SCALARS.items():
        value = getattr(estimator, name)
        if not isinstance(value, kind) or not legal(value):
            raise ValueError(f"{name}={value!r}: expected {expected}.")


def check_rule(early_stopping: Any) -> EarlyStopping | None:
    """Return the checked rule of early stopping, if any."""
    if isinstance(early_stopping, (bool, np.bool_)):
        return EarlyStopping() if early_stopping else None
    if not isinstance(early_stopping, EarlyStopping):
        raise TypeError(f"early_stopping={early_stopping!r}: expected True, False or an EarlyStopping(...).")
    rule: EarlyStopping = clone(early_stopping)
    rule.check_parameters()
    return rule


def read_numbers(y: Any) -> Array:
    """Return y of a regression as an array of numbers."""
    if not isinstance(y, np.ndarray):
        raise ValueError("y is sparse: expected a dense array, such as y.toarray().")
    return y.astype(np.float64) if y.dtype.kind == "O" else y


def check_weight(sample_weight: ArrayLike | None, X: Any, name: str = "sample_weight", empty: bool = False) -> Array:
    """Return the sample weights as float64, (n,); all may be zero only if `empty`.

    Raises
    ------
    ValueError
        If they are not finite, negative, all zero, or not one per row.
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
        raise ValueError(f"{name}.shape == {weight.shape}: expected {(n,)}, one weight for each row of X.")
    if not np.all(np.isfinite(weight)):
        raise ValueError(f"{name} contains NaN or infinity: expected finite numbers.")
    if np.any(weight < 0):
        raise ValueError(f"{name} has a negative entry, {weight.min():g}: expected numbers >= 0.")
    if not (empty or np.any(weight > 0)):
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def check_offset(offset: Any, n_samples: int, name: str = "offset") -> Array | None:
    """Return an offset as float64, (n, 1) or (n, K); None for None.

    Raises
    ------
    ValueError
        If it is not finite, or not one entry per row.
    """
    if offset is None:
        return None
    try:
        found = np.asarray(offset)
        if found.dtype.kind not in "fiubO":
            raise TypeError(f"dtype {found.dtype}")
        values = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not an array of real numbers ({error}): expected one for each row of X.") from error
    if values.ndim not in (1, 2) or len(values) != n_samples:
        raise ValueError(f"{name}.shape == {values.shape}: expected {(n_samples,)}, one entry for each row of X.")
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{name} contains NaN or infinity: expected finite numbers, such as the logarithm of an exposure > 0.")
    return values.reshape(n_samples, -1)
