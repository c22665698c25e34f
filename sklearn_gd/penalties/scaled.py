"""A penalty multiplied by alpha, in the form that objectives and solvers use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..arrays import Array
from .base import NoPenalty, Penalty

__all__ = ["Scaled"]


@dataclass(frozen=True, eq=False)
class Scaled:
    """alpha * R: a smooth part with value, gradient and curvature, and the rest, which has a prox or is a constraint.

    Parameters
    ----------
    shape : Penalty
        R.
    alpha : float
        The strength, which constraints ignore.
    """

    shape: Penalty
    alpha: float

    @cached_property
    def smooth_part(self) -> Penalty:
        """The smooth part of R; none with alpha = 0."""
        return self.shape.smooth_part if self.alpha else NoPenalty()

    @cached_property
    def prox_part(self) -> Penalty:
        """The part of R that has a prox; with alpha = 0 a penalty that selects has no kink."""
        part = self.shape.prox_part
        return NoPenalty() if part.selects and not self.alpha else part

    @property
    def smooth(self) -> bool:
        """Whether there is no part with a prox."""
        return self.prox_part.absent

    @property
    def absent(self) -> bool:
        """Whether it is zero everywhere."""
        return self.smooth and self.smooth_part.absent

    @property
    def separable(self) -> bool:
        """Whether the prox acts on each weight independently."""
        return self.prox_part.separable

    @property
    def selects(self) -> bool:
        """Whether the prox sets individual weights to exactly zero."""
        return self.prox_part.selects

    @property
    def isotropic(self) -> bool:
        """Whether the penalty depends only on the norm of each column of weights."""
        return self.absent or self.shape.isotropic

    @property
    def piecewise_linear(self) -> bool:
        """Whether the part with a prox is piecewise linear in each weight."""
        return self.prox_part.kinks(np.zeros((1, 1))) is not None

    @property
    def absolute(self) -> bool:
        """Whether the part with a prox is linear in each weight on either side of zero, as the absolute value is."""
        kinks = self.prox_part.kinks(np.zeros((1, 1))) if self.selects and not self.prox_part.bounds else None
        return kinks is not None and bool(np.all((kinks == 0) | np.isinf(kinks)))

    @property
    def falls_apart(self) -> bool:
        """Whether the penalty can be restricted to some of the features."""
        return self.shape.falls_apart

    def value(self, weights: Array) -> float:
        """Return the value of the smooth part."""
        return self.alpha * self.smooth_part.value(weights)

    def gradient(self, weights: Array) -> Array:
        """Return the gradient of the smooth part."""
        return self.alpha * self.smooth_part.gradient(weights)

    def curvature(self, weights: Array) -> Array:
        """Return the diagonal of the second derivative of the smooth part."""
        return self.alpha * self.smooth_part.curvature(weights)

    def nonsmooth_value(self, weights: Array) -> float:
        """Return the value of the other part; inf outside a constraint."""
        value = self.prox_part.value(weights)
        return self.alpha * value if np.isfinite(value) else value

    def prox(self, weights: Array, step: float | Array) -> Array:
        """Return the argmin over u of step * nonsmooth_value(u) + sum((u - weights)^2) / 2."""
        return self.prox_part.prox(weights, self.alpha * step)

    def subgradient(self, weights: Array, gradient: Array) -> Array:
        """Return the element nearest to -gradient of the subdifferential of the part with a prox."""
        return self.prox_part.subgradient(weights, gradient, self.alpha)

    def slopes_at_zero(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return the slopes of the part with a prox to the left and to the right of zero, for weights of some shape."""
        zero, steep = np.zeros(shape), np.full(shape, np.inf)
        return self.subgradient(zero, steep), self.subgradient(zero, -steep)

    def without_kinks(self) -> Scaled:
        """Return the smooth part."""
        return replace(self, shape=self.smooth_part)

    def for_features(self, features: Array) -> Scaled:
        """Return the penalty restricted to the features with the given indices, if the penalty `falls_apart`."""
        return replace(self, shape=self.shape.for_features(features))
