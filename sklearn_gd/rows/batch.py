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
    offset : array-like of shape (n,) or (n, K), or None
        Added to raw.
    loss_data : array-like of shape (n,) or (n, m), frame, or None
        The additional data of the loss.
    name : str
        The name in error messages; by default "batch 1", and so on.
    first_row : int or None
        The number of the first row within the named source, if that contains more rows.

    Examples
    --------
    A batch of a stream with the logarithm of an exposure:

    >>> import numpy as np
    >>> from sklearn_gd.rows import Batch
    >>> batch = Batch(np.ones((2, 1)), np.array([0.0, 3.0]), offset=np.log([0.5, 2.0]))
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    offset: Any = None
    loss_data: Any = None
    name: str = ""
    first_row: int | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """What comes with X, by name: y, weights, offset and the data of the loss."""
        return {name: getattr(self, name) for name in ("y", "sample_weight", "offset", "loss_data")}

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
