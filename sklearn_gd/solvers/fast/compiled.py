"""The way to the compiled functions: numba is imported when the first of them is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

__all__ = ["MANY_ENTRIES", "column_kernels", "compiled_slope", "has_compiler", "row_kernels"]


# Loading the compiled functions takes half a second: they are for data with at least so many entries.
MANY_ENTRIES = 200_000


@cache
def has_compiler() -> bool:
    """Tell whether numba is installed."""
    return find_spec("numba") is not None


def row_kernels() -> Any:
    """Return the compiled functions of rows."""
    return import_module("sklearn_gd.solvers.fast.row_kernels")


def column_kernels() -> Any:
    """Return the compiled functions of columns."""
    return import_module("sklearn_gd.solvers.fast.column_kernels")


@cache
def compiled_slope(function: Callable[..., Any]) -> Any:
    """Return the compiled form of a `Loss.scalar_slope`."""
    return import_module("sklearn_gd.solvers.fast.signatures").compiled(function)
