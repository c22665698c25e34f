"""Line search along a direction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import EPS, Array
from ..objective.objective import Objective, Point
from .base import State

__all__ = ["descend", "search_line"]


def descend(objective: Objective, state: State, direction: Array, steepness: float) -> tuple[float, Point] | None:
    """Return the step t along a direction, and the point there, for a smooth F; None if there is none.

    The full step is tried first, with a full gradient: if it is accepted, one pass over the data suffices. Otherwise a line
    search follows.
    """
    slope = float(state.gradient @ direction)
    if not slope < 0:
        return None
    params = state.params + direction
    value, gradient = objective.value_and_gradient(params)
    t = 1.0
    if not _serves(state.value, slope, 1.0, value, float(gradient @ direction), steepness):
        t = search_line(objective.along(state.params, direction), state.value, slope, 1.0, steepness)
        if t == 0.0:
            return None
        if t != 1.0:
            params = state.params + t * direction
            value, gradient = objective.value_and_gradient(params)
    return t, Point(params, value, gradient, objective.optimality(params, gradient))


def _falls(value: float, slope: float, t: float, trial: float, trial_slope: float) -> bool:
    """Tell whether F decreases enough from 0 to t; if differences of F are lost in rounding, its slope decides."""
    if not (np.isfinite(trial) and np.isfinite(trial_slope)):
        return False
    noise = 64 * EPS * abs(value)
    return trial <= value + 1e-4 * t * slope or (abs(trial - value) <= noise and trial_slope <= 0.9998 * -slope)


def _serves(value: float, slope: float, t: float, trial: float, trial_slope: float, steepness: float) -> bool:
    return _falls(value, slope, t, trial, trial_slope) and abs(trial_slope) <= -steepness * slope


def search_line(
    line: Callable[[float], tuple[float, float]], value: float, slope: float, first: float, steepness: float
) -> float:
    """Return a step t > 0 with F(t) below F(0) and a slope of at most steepness times that at 0; 0 if there is none.

    The zero of the slope is bracketed and found by the secant method. If differences of F are lost in rounding, the slope
    decides.

    References
    ----------
    W. Hager and H. Zhang, A New Conjugate Gradient Method with Guaranteed Descent and an Efficient Line Search, 2005
    (the approximate Wolfe conditions).
    """
    low, slope_low, high, slope_high = 0.0, slope, np.inf, np.inf
    t, best, best_value = first, 0.0, value
    for _ in range(40):
        trial, trial_slope = line(t)
        if _serves(value, slope, t, trial, trial_slope, steepness):
            return t
        falls = _falls(value, slope, t, trial, trial_slope)
        if falls and trial < best_value:
            best, best_value = t, trial
        if not (np.isfinite(trial) and np.isfinite(trial_slope)):
            trial_slope = np.inf
        if falls and trial_slope < 0:
            low, slope_low = t, trial_slope
        else:
            # If the same end moves repeatedly because the slope is curved, the other end counts less (the Illinois rule).
            high, slope_high, slope_low = t, trial_slope, 0.5 * slope_low
        if not np.isfinite(high):
            # Far from the zero of the slope: extrapolate, by a factor of 2 to 10.
            guess = slope / (slope - slope_low) * t if slope_low > slope else np.inf
            t = float(np.clip(guess, 2.0 * t, 10.0 * t))
            continue
        width = high - low
        if width <= 1e-15 * high:
            break
        guess = low + width * slope_low / (slope_low - slope_high) if 0 < slope_high < np.inf else low + 0.2 * width
        t = float(np.clip(guess, low + 0.1 * width, high - 0.1 * width))
    return best
