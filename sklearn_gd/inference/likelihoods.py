"""Which losses are likelihoods, and which have a Hessian that a density at their kinks determines."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..losses import Loss

__all__ = ["likelihood_of", "pinball"]


def likelihood_of(loss: Loss) -> str | None:
    """Return the fact `likelihood` of a loss; a custom loss is taken to be a negative log-likelihood."""
    return "exact" if loss.foreign else loss.likelihood


def pinball(loss: Loss, y: Array) -> tuple[float, float] | None:
    """Return the slopes to the left and right of y of a loss that is linear on both sides; None for any other loss.

    The slopes must be the same for all rows.
    """
    if loss.smooth or loss.rowwise or not loss.piecewise_linear:
        return None
    kinks, left, right = loss.lines(y)
    sides = float(np.mean(left)), float(np.mean(right))
    jump = sides[1] - sides[0]
    one = len(kinks) == 1 and np.allclose(kinks[0], y, rtol=1e-9, atol=1e-9 * float(np.abs(y).max(initial=0.0)))
    return sides if one and max(np.ptp(left), np.ptp(right)) <= 1e-6 * jump else None
