"""A loss without some of its kinks: what is left when they are treated by themselves."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ..arrays import Array
from .base import Loss

__all__ = ["Convexified", "Remainder"]


class _Without(Loss):
    """A loss less some of its hinges: its values, slopes and curvature."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.task, self.spacing, self.slope_error = loss.task, loss.spacing, loss.slope_error

    @abstractmethod
    def hinges(self, y: Array) -> tuple[Array, Array, Array]:
        """Return the kinks, and the slopes left and right of them, of what is taken away: each to fit (J, n, K)."""

    def value(self, y: Array, raw: Array) -> Array:
        kinks, left, right = self.hinges(y)
        rise = np.where(raw > kinks, right, left) * (raw - kinks)
        return self.loss.value(y, raw) - rise.sum(axis=0)

    def gradient(self, y: Array, raw: Array) -> Array:
        kinks, left, right = self.hinges(y)
        return self.loss.gradient(y, raw) - np.where(raw > kinks, right, left).sum(axis=0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self.loss.curvature_product(y, raw, v)

    def mass(self, y: Array) -> Array:
        return self.loss.mass(y)

    @property
    def name(self) -> str:
        return self.loss.name


class Remainder(_Without):
    """The smooth part of a convex loss, which its `lines` leave."""

    def hinges(self, y: Array) -> tuple[Array, Array, Array]:
        return self.loss.lines(y)


class Convexified(_Without):
    """A loss without the kinks at which its slope falls: convex, where it is so between its kinks."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss)
        self.pieces = loss.pieces.rising_only()
        self.smooth = self.pieces.absent

    def hinges(self, y: Array) -> tuple[Array, Array, Array]:
        kinks, jumps = self.loss.pieces.jumps(self.loss.value, y, self.loss.spacing)
        return kinks, np.zeros_like(jumps), np.minimum(jumps, 0.0)
