"""The weights of classes: of the rows of a fit, and of rows that come a few at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import type_of_target

from ..arrays import Array
from ..targets import Target
from .checks import check_weight

__all__ = ["class_totals", "class_weighted", "running_shares"]


def _balanced(totals: Array) -> Array:
    """Return the weight of each class under which all of those that occur weigh the same."""
    return np.divide(totals.sum(), np.count_nonzero(totals) * totals, out=np.zeros(len(totals)), where=totals > 0)


def _check_kind(class_weight: Any) -> None:
    """Raise ValueError unless it is a dict, or "balanced"."""
    if not isinstance(class_weight, Mapping) and not (isinstance(class_weight, str) and class_weight == "balanced"):
        raise ValueError(f"class_weight={class_weight!r}: expected a dict from classes to weights, 'balanced' or None.")


def class_weighted(class_weight: Any, target: Target, y: Any, weight: Array) -> Array:
    """Return the sample weights times those of the classes; "balanced" goes by the sample weights too.

    Raises
    ------
    ValueError
        For an unknown name, or a target that has neither one label a sample nor an indicator matrix.
    """
    if class_weight is None:
        return weight
    codes = target.codes(y)
    if codes is not None:
        _check_kind(class_weight)
    if codes is not None and isinstance(class_weight, str):
        return weight * _balanced(class_totals(target, y, weight))[codes]
    if codes is None and not type_of_target(y).startswith("multilabel"):
        raise ValueError(f"class_weight={class_weight!r}: expected None for sequences, and for labels that are missing.")
    return weight * compute_sample_weight(class_weight, y)


def class_totals(target: Target, y: Any, weight: Array) -> Any:
    """Return the weight of each class in some rows; 0 for a target that has more than one label a sample."""
    codes = target.codes(y)
    if codes is None or target.classes is None:
        return 0.0
    return np.bincount(codes, weights=weight, minlength=len(target.classes))


def running_shares(class_weight: Any, target: Any, y: Any, totals: Any) -> Array:
    """Return the weight of each row's class; "balanced" goes by the total weights of all rows so far.

    Raises
    ------
    ValueError
        For an unknown name, a weight that is negative or not finite, or a target that has more than one label a sample.
    """
    if class_weight is None:
        return np.ones(y.shape[0])
    codes = target.codes(y)
    if codes is None:
        raise ValueError(f"class_weight={class_weight!r}: expected None in partial_fit, but for one label a sample.")
    _check_kind(class_weight)
    if isinstance(class_weight, str):
        return _balanced(totals)[codes]
    weights = compute_class_weight(class_weight, classes=target.classes, y=target.classes)
    return check_weight(weights, weights, "class_weight")[codes]
