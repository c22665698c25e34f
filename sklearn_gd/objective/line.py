"""The objective along a line, for those who search on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Array

if TYPE_CHECKING:
    from .objective import Objective

__all__ = ["Line"]


class Line:
    """F's smooth part at params + t direction.

    Raw and its tangent are kept, so that a trial costs a pass over n rows, not over X.
    """

    def __init__(self, objective: Objective, params: Array, direction: Array) -> None:
        self.objective, self.params, self.direction = objective, params, direction
        self._kept = list(self._rows())

    def _rows(self) -> Iterator[tuple[Array, Array, Array, Array]]:
        of = self.objective
        for block in of.data.blocks():
            raw = of.shifted(block, of.model.push_forward(block.X, self.params, self.params))
            tangent = of.model.push_forward(block.X, self.params, self.direction)
            yield block.y, block.weight, raw, tangent

    def __call__(self, t: float) -> tuple[float, float]:
        """Return the value and the slope in t."""
        of = self.objective
        value = slope = 0.0
        for y, weight, raw, tangent in self._kept:
            losses, slopes = of.loss.value_and_gradient(of.target.encode(y, of.loss.rowwise), raw + t * tangent)
            value += of.cost(losses, weight)
            slope += float(weight @ np.einsum("nk,nk->n", slopes, tangent)) / of.total
        point = self.params + t * self.direction
        price = of.alpha * of.smooth_penalty.gradient(of.model.weights(point))
        slope += float(np.vdot(price, of.model.weights(self.direction))) + float(of.line[1] @ self.direction)
        return value + of.smooth_price(point), slope
