"""Targets: the interpretation of y as numbers, labels, indicators or sequences.

Only this folder and the estimators distinguish binary, multiclass, multilabel and multi-output problems.
"""

from .base import Encoding, Target
from .classes import Labels, Multilabel, Sequences
from .numbers import Continuous, Fractions
from .ordered import Ordered, SoftLabels

__all__ = [
    "Continuous",
    "Encoding",
    "Fractions",
    "Labels",
    "Multilabel",
    "Ordered",
    "Sequences",
    "SoftLabels",
    "Target",
]
