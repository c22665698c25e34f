"""Class weights, for the rows of one fit and for rows that arrive a few at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import compute_class_weight

from ..arrays import Array
from ..targets import Target
from .checks import check_weight

__all__ = ["class_shares", "class_totals", "class_weighted"]


def _balanced(totals: Array) -> Array:
    """Return the weights under which all classes that occur have the same total; for each label, its two classes."""
    occurring = np.count_nonzero(totals, axis=-1, keepdims=True)
    total = totals.sum(axis=-1, keepdims=True)
    return np.divide(total, occurring * totals, out=np.zeros(totals.shape), where=totals > 0)


def class_totals(target: Target, y: Any, weight: Array) -> Any:
    """Return the weight of each class in some rows, (C,), or of 0 and 1 in each column of an indicator matrix, (L, 2).

    It is 0 for any other target with more than one label per sample.
    """
    codes = target.codes(y)
    if codes is None or target.classes is None:
        return 0.0
    if codes.ndim == 1:
        return np.bincount(codes, weights=weight, minlength=len(target.classes))
    ones = weight @ codes
    return np.stack([weight.sum() - ones, ones], axis=1)


def class_shares(class_weight: Any, target: Target, totals: Any) -> Any:
    """Return the factor on the weights of the rows of each class, in the shape of their totals; None for no change.

    "balanced" uses the total weights.

    Raises
    ------
    ValueError
        For an unknown name, a weight that is negative or not finite, or a target that has no totals.
    """
    if class_weight is None:
        return None
    if np.ndim(totals) == 0:
        raise ValueError(
            f"class_weight={class_weight!r}: expected None for sequences, soft labels, and labels that are missing."
        )
    if isinstance(class_weight, str):
        if class_weight == "balanced":
            return _balanced(totals)
    elif np.ndim(totals) == 2 and isinstance(class_weight, (list, tuple)) and len(class_weight) == len(totals):
        return np.stack([_given(each, np.arange(2)) for each in class_weight])
    elif np.ndim(totals) == 1 and isinstance(class_weight, Mapping):
        return _given(class_weight, target.classes)
    expected = "a dict from classes to weights" if np.ndim(totals) == 1 else f"a list of {len(totals)} dicts"
    raise ValueError(f"class_weight={class_weight!r}: expected {expected}, 'balanced' or None.")


def _given(class_weight: Any, classes: Any) -> Array:
    """Return the weight of each class from a dict; classes that are not in it have weight 1."""
    weights = compute_class_weight(class_weight, classes=classes, y=classes)
    return check_weight(weights, weights, "class_weight")


def class_weighted(shares: Any, target: Target, y: Any, weight: Array) -> Array:
    """Return the weights of the rows times those of their classes."""
    if shares is None:
        return weight
    codes: Any = target.codes(y)
    if codes.ndim == 1:
        return np.asarray(weight * shares[codes])
    return np.asarray(weight * np.prod(np.take_along_axis(shares, codes.T, axis=1), axis=0))
