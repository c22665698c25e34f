"""Where rows live, the matrices that hold them, and streams of them."""

from .batch import Batch
from .stream import Stream

__all__ = ["Batch", "Stream"]
