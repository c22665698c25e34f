"""Streams and batches of rows, the homes of rows, and the matrices that hold them."""

from .batch import Batch
from .stream import Stream

__all__ = ["Batch", "Stream"]
