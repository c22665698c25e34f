"""Additional data of each row for a loss: validation, and columns by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from ..arrays import Array
from .base import Loss

__all__ = ["check_loss_data"]


def check_loss_data(loss_data: Any, loss: Loss, n_samples: int, name: str = "loss_data") -> Any:
    """Return the additional data of a loss as an array of shape (n,) or (n, m); a frame becomes a structured array.

    Raises
    ------
    ValueError
        If the loss takes data and they are None, or the reverse, or they are not one entry for each row.
    """
    if loss_data is None and loss.takes_data:
        raise ValueError(f"{name} is None: expected the data of each row that the loss {loss.name} takes.")
    if loss_data is None:
        return None
    if not loss.takes_data:
        raise ValueError(
            f"{name} is given, and the loss {loss.name} takes none: expected None, or a loss f(y_true, raw, data)."
        )
    if isinstance(loss_data, Mapping):
        raise ValueError(
            f"{name} is a {type(loss_data).__name__}: expected an array, or a frame such as pandas.DataFrame({name})."
        )
    if sparse.issparse(loss_data):
        raise ValueError(f"{name} is sparse: expected a dense array or a frame, such as {name}.toarray().")
    data = _by_name(loss_data) if hasattr(loss_data, "columns") else _plain(np.asarray(loss_data))
    if data.ndim not in (1, 2) or len(data) != n_samples:
        raise ValueError(f"{name} has shape {data.shape}: expected one entry or row of data for each of {n_samples} rows of X.")
    if data.dtype.hasobject:
        raise ValueError(f"{name} holds objects of several kinds: expected numbers or strings in each column.")
    return data


def _by_name(frame: Any) -> Array:
    """Return a frame as a structured array."""
    names = list(frame.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError(f"loss_data has the columns {names}: expected distinct strings, or an array instead of a frame.")
    columns = {name: _plain(np.asarray(frame[name])) for name in names}
    result = np.empty(len(frame), dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        result[name] = column
    return result


def _plain(values: Array) -> Array:
    """Return values with entries of a fixed size: numbers if they are, else strings."""
    if values.dtype.kind != "O":
        return values
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        return values.astype(str) if all(isinstance(value, str) for value in values.ravel()) else values
