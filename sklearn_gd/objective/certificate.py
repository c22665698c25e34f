"""How far an objective is from its optimum: the scale that the best constant prediction sets, and what is left of the slope."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ..arrays import EPS, Array
from ..losses.base import Loss
from ..penalties import Penalty
from ..rows.memory import Block, Data
from ..targets import Target

__all__ = ["Certified"]


class Certified(ABC):
    """The part of an `Objective` that says how good params are."""

    data: Data
    target: Target
    model: Any
    loss: Loss
    alpha: float
    smooth_penalty: Penalty
    prox_penalty: Penalty
    column_norms: Array
    total: float
    constant: Array
    _reference: tuple[float, Array, float]

    @abstractmethod
    def encoded(self, block: Block) -> Array:
        """Return y of a block as the loss sees it."""

    @abstractmethod
    def cost(self, value: Array, weight: Array) -> float:
        """Return the block's share of the weighted mean."""

    def set_reference(self, constant: Array) -> float:
        """Note a constant prediction, (K,): the best one, or zeros without intercept. It sets the scale of `optimality`.

        Where the loss is not convex it may be flat there; the slopes at zero then count as well. Where it fits all rows, those
        at a distance give the scale: bounds may keep a fit away from it.

        Returns its own certificate: how far it is from the best one.
        """
        value, slope, norms = self._constant(constant)
        size = abs(value)
        scale = norms if self.loss.convex else np.maximum(norms, self._constant(np.zeros_like(constant))[2])
        if not scale.any():
            size, _, scale = self._constant(constant + np.maximum(np.abs(constant), 1.0))
        # A label that no row has is fitted by its intercept alone, and has no slope to compare with but that of the others.
        self.constant, self._reference = constant, (value, np.maximum(scale, 1e-12 * scale.max()), abs(size))
        return float(np.divide(np.abs(slope), norms, out=np.zeros_like(slope), where=norms > 0).max() / np.sqrt(self.total))

    def flat_at(self, constant: Array) -> bool:
        """Tell whether the slopes at a constant prediction are small beside those at zero."""
        here, zero = (self._constant(point)[2] for point in (constant, np.zeros_like(constant)))
        return bool(np.hypot.reduce(here) < 0.1 * np.hypot.reduce(zero))

    def _constant(self, constant: Array) -> tuple[float, Array, Array]:
        """Return the mean loss of a constant prediction, and the sum and the norm of the slopes of the rows in each column."""
        value, slope, norms = 0.0, np.zeros_like(constant), np.zeros_like(constant)
        for block in self.data.without_features(self.target.distinct).blocks():
            values, slopes = self.loss.value_and_gradient(self.encoded(block), np.tile(constant, (len(block.weight), 1)))
            scale = np.abs(slopes).max() or 1.0
            value += self.cost(values, block.weight)
            slope = slope + block.weight @ slopes
            norms = np.hypot(norms, scale * np.sqrt(block.weight @ (slopes / scale) ** 2))
        return value, slope, norms

    def take_reference(self, other: Certified) -> None:
        """Note the constant prediction of the same rows under another name."""
        self.constant, self._reference = other.constant, other._reference

    @property
    def reference_value(self) -> float:
        """F0: the objective of the best constant prediction."""
        return self._reference[0]

    def gain(self, value: float) -> float:
        """Return the distance of a value of F from F0, above its rounding: the scale of what is left to gain.

        Bounds that exclude zero weights can put the optimum above F0.
        """
        return max(abs(self.reference_value - value), 16 * self.rounding(value), 1e-300)

    def rounding(self, value: float) -> float:
        """Return how exact a value of F is."""
        return EPS * max(abs(value), self._reference[2])

    def shortfall(self, gap: float, value: float) -> float:
        """Return the gap between a value of F and a lower bound of it, as a share of the gain; 0 within its rounding."""
        return gap / self.gain(value) if gap > 64 * self.rounding(value) else 0.0

    @property
    def slope_size(self) -> float:
        """The root mean square of the loss's slope at the best constant prediction."""
        return float(np.hypot.reduce(self._reference[1]) / np.sqrt(self.total))

    def subgradient(self, params: Array, gradient: Array) -> Array:
        """Return the smallest subgradient of F, flat, from the gradient of its smooth part."""
        if self.prox_penalty.absent:
            return gradient
        weights = self.model.weights
        return gradient + self.model.padded(self.prox_penalty.subgradient(weights(params), weights(gradient), self.alpha))

    def optimality(self, params: Array, gradient: Array) -> float:
        """Return the certificate: 0 at an optimum, about 1 at the constant prediction, whatever the units."""
        if not self.model.linear:
            kink = self.subgradient(params, gradient)
            return float(np.abs(kink).max(initial=0.0) / self.model.slope)
        worst = float(self._ratios(params, gradient).max(initial=0.0))
        return worst if np.isfinite(worst) else np.inf

    def violations(self, params: Array, gradient: Array) -> Array:
        """Return the certificate of each feature, and of the intercept: (n_features + 1,)."""
        return self._ratios(params, gradient).max(axis=1)

    def _ratios(self, params: Array, gradient: Array) -> Array:
        """Return the subgradient of F relative to its Cauchy-Schwarz bound at the constant prediction: (n_features + 1, K).

        The columns are centred where there is an intercept.
        """
        model, slope_norms = self.model, self._reference[1]
        price = self.alpha * self.smooth_penalty.gradient(model.weights(params))
        price = np.broadcast_to(price, model.weights(params).shape)
        matrix = gradient.reshape(model.n_rows, model.n_raw).copy()
        p = model.n_features
        off = self.data.moments.mean - model.center
        if model.fit_intercept and off.any():
            matrix[:p] -= np.outer(off, matrix[p])
        kink = self.prox_penalty.subgradient(model.weights(params), matrix[:p], self.alpha)
        matrix[:p] += kink
        norms = np.append(self.column_norms, np.sqrt(self.total))[: model.n_rows]
        bound = np.outer(norms, slope_norms) / self.total
        bound[:p] += np.abs(price + kink)
        matrix[:p][self.column_norms == 0] = 0.0  # a constant column: only rounding noise, and no use
        excess = np.abs(matrix)
        ratio = np.divide(excess, bound, out=np.full_like(excess, np.inf), where=bound > 0)
        ratio[excess == 0] = 0.0
        return ratio
