"""Tables: data frames if pandas is installed, else Bunches of arrays."""

from __future__ import annotations

from typing import Any

from sklearn.utils import Bunch

from ..arrays import Array

__all__ = ["framed"]


def framed(columns: dict[str, Any], name: str, index: Array) -> Any:
    """Return columns as a DataFrame with a named index or, without pandas, as a Bunch with the index under that name."""
    try:
        import pandas as pd
    except ImportError:
        return Bunch(**{name: index}, **columns)
    return pd.DataFrame(columns, index=pd.Index(index, name=name))
