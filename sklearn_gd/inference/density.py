"""The density of the errors of a quantile regression at zero.

References
----------
R. Koenker, Quantile Regression, 2005, section 3.4; P. Hall and S. Sheather, On the Distribution of a Studentized Quantile,
1988 (the bandwidth); J. Powell, Estimation of Monotonic Regression Models under Quantile Restrictions, 1991 (the kernel).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from ..arrays import Array

__all__ = ["density_at_zero"]

# The interquartile range of the standard normal distribution, rounded as in Silverman's rule.
NORMAL_RANGE = 1.34


def hall_sheather(n_samples: int, q: float) -> float:
    """Return the bandwidth, in units of probability, for intervals of coverage 0.95 about the quantile q."""
    z = norm.ppf(q)
    shape = 1.5 * norm.pdf(z) ** 2 / (2.0 * z**2 + 1.0)
    return float((norm.ppf(0.975) ** 2 * shape / n_samples) ** (1 / 3))


def density_at_zero(error: Array, y: Array, weight: Array, q: float) -> float:
    """Return the weighted kernel estimate of the density of errors y - raw at zero, by the Epanechnikov kernel.

    Parameters
    ----------
    error, y, weight : ndarray of shape (n,)
    q : float
        The quantile that raw estimates.

    Raises
    ------
    ValueError
        If no error is near zero, or half of them are equal.
    """
    width = hall_sheather(len(error), q)
    low, high = np.quantile(error, [0.25, 0.75])
    spread = min(float(np.std(y)), float(high - low) / NORMAL_RANGE)
    reach = spread * float(norm.ppf(min(q + width, 1.0)) - norm.ppf(max(q - width, 0.0)))
    if not 0 < reach < np.inf:
        raise ValueError(
            f"The density of y at its conditional quantile {q:g} cannot be estimated from {len(error)} rows whose errors have "
            f"an interquartile range of {high - low:.3g}: expected more rows, or errors that differ."
        )
    t = error / reach
    density = float(weight @ (0.75 * np.maximum(1.0 - t**2, 0.0)) / (reach * weight.sum()))
    if density == 0:
        raise ValueError(f"No row is within {reach:.3g} of its conditional quantile {q:g}: expected some, for a density there.")
    return density
