"""Batches of rows, and their names in error messages."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Batch", "renamed"]


class Batch(NamedTuple):
    """A batch of rows of a stream.

    Attributes
    ----------
    X : ndarray, sparse matrix or frame of shape (n, p)
    y : array-like of shape (n,) or (n, K), or None
    sample_weight : array-like of shape (n,), or None
    name : str
        The name in error messages; by default "batch 1", and so on.
    first_row : int or None
        The number of the first row within the named source, if that contains more rows.
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    name: str = ""
    first_row: int | None = None

    @property
    def title(self) -> str:
        """The name in error messages, with the row numbers."""
        if self.first_row is None:
            return self.name
        n = getattr(self.X, "shape", (1,))[0]
        return f"{self.name}, rows {self.first_row} to {max(self.first_row, self.first_row + n - 1)}"


def renamed(error: Exception, title: str) -> Exception:
    """Return an error of the same type that names where it happened, unless it already does."""
    if getattr(error, "names_rows", False):
        return error
    kinds = (FileNotFoundError, PermissionError, OSError, MemoryError, ValueError, TypeError)
    kind = next((kind for kind in kinds if isinstance(error, kind)), RuntimeError)
    detail = str(error) if kind is not RuntimeError else f"{type(error).__name__}: {error}"
    result: Exception = kind(f"{title}: {detail}")
    result.names_rows = True  # type: ignore[attr-defined]
    return result
