"""What y means. Nothing but this folder and the estimators knows of binary, multiclass, multilabel or multi-output."""

from .base import Encoding, Target
from .classes import Labels, Multilabel, Sequences
from .numbers import Continuous

__all__ = ["Continuous", "Encoding", "Labels", "Multilabel", "Sequences", "Target"]
