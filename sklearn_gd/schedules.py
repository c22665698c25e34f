"""Schedules: the step number, from 0, to the learning rate. Wherever a learning rate is a number, it may be a function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["Schedule", "get_schedule"]

Schedule = Callable[[int], float]


def get_schedule(learning_rate: float | Schedule) -> Schedule:
    """Return the schedule of a constant learning rate, or the function itself.

    Raises
    ------
    ValueError
        For anything but a number > 0 or a function of the step number.

    Examples
    --------
    >>> from sklearn_gd.schedules import get_schedule
    >>> get_schedule(0.1)(7), get_schedule(lambda t: 1.0 / (1 + t))(7)
    (0.1, 0.125)
    """
    if callable(learning_rate):
        return learning_rate
    try:
        rate = float(learning_rate)
    except (TypeError, ValueError):
        rate = np.nan
    if not 0 < rate < np.inf:
        raise ValueError(f"learning_rate={learning_rate!r}: expected 'auto', a number > 0, or a function of the step number.")
    return lambda step: rate
