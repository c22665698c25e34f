"""The way to the compiled functions: numba is imported when the first of them is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

__all__ = ["compiled_slope", "has_compiler", "kernels"]


@cache
def has_compiler() -> bool:
    """Tell whether numba is installed."""
    return find_spec("numba") is not None


def kernels() -> Any:
    """Return the module of compiled functions."""
    return import_module("sklearn_gd.solvers.fast.kernels")


@cache
def compiled_slope(function: Callable[..., Any]) -> Any:
    """Return the compiled form of a `Loss.scalar_slope`."""
    return kernels().compiled(function)
