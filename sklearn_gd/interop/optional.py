"""The import of optional libraries."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["library"]

# The extras whose name is not that of the library.
EXTRAS = {"skl2onnx": "onnx"}


def library(name: str) -> Any:
    """Return an optional library, or a module of one.

    Raises
    ------
    ImportError
        If it is not installed; the message tells how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        top = name.partition(".")[0]
        extra = EXTRAS.get(top, top)
        raise ImportError(f'sklearn_gd.interop needs {top}: pip install "sklearn-gd[{extra}]".') from error
