"""The loss of a model on a block of rows; only this is sent to the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array, part_of
from ..losses.base import Loss
from ..models.base import BoundModel, LinearBound
from ..rows.base import Block
from ..targets import Encoding

__all__ = ["MATRICES", "Summand", "weighted"]

# The maximum size of the (K, K) matrices of some rows.
MATRICES = 1 << 20


@dataclass(frozen=True)
class Summand:
    """loss(y, model(x)), whose weighted mean over the rows is the cost.

    Methods that take a block last are kernels, once the arguments before the block are bound by `functools.partial`. Sums are
    weighted and not yet divided.
    """

    model: BoundModel
    loss: Loss
    encoding: Encoding

    @property
    def linear(self) -> LinearBound:
        """The model, if it is linear."""
        assert isinstance(self.model, LinearBound), "what a solver needs is checked before it is asked"
        return self.model

    def loss_and_target(self, block: Block) -> tuple[Loss, Array]:
        """Return the loss bound to the additional data of a block, and y as the loss sees it."""
        return self.loss.for_rows(block.loss_data), self.encoding.encode(block.y)

    def target(self, block: Block) -> Array:
        """Return y as the loss sees it, with one column per column of raw, (n, K)."""
        return np.ones((len(block.weight), self.model.n_raw)) * self.encoding.encode(block.y)

    @staticmethod
    def shifted(block: Block, raw: Array) -> Array:
        """Return the raw of a block with its offset added."""
        return raw if block.offset is None else raw + block.offset

    def raw(self, params: Array, block: Block) -> Array:
        """Return raw, (n, K)."""
        return self.shifted(block, self.model.raw(block.X, params))

    def change(self, direction: Array, block: Block) -> Array:
        """Return the change of raw along a direction in params, (n, K), for a linear model: raw without the offset."""
        return self.linear.push_forward(block.X, direction)

    def totals(self, block: Block) -> tuple[Any, ...]:
        """Return the sums from which the mean of y is computed, the sum of weights, and that of the offset."""
        weight, offset = block.weight, np.zeros(self.model.n_raw)
        if block.offset is not None:
            offset += weight @ block.offset
        return *self.encoding.totals(block.y, weight), float(weight.sum()), offset

    def mass(self, block: Block) -> tuple[float]:
        """Return the denominator."""
        loss, y = self.loss_and_target(block)
        return (float(block.weight @ loss.mass(y)),)

    def value(self, params: Array, block: Block) -> tuple[float]:
        """Return the sum of losses."""
        return self.value_at_raw(block, self.model.raw(block.X, params))

    def value_at_raw(self, block: Block, raw: Array) -> tuple[float]:
        """Return the sum of losses from raw without its offset, (n, K)."""
        loss, y = self.loss_and_target(block)
        return (weighted(loss.value(y, self.shifted(block, raw)), block.weight),)

    def value_and_gradient(self, params: Array, block: Block) -> tuple[float, Array]:
        """Return the sum of losses and its flat gradient."""
        return self.drawn_value_and_gradient(params, None, block)

    def drawn_value_and_gradient(
        self, params: Array, random_state: np.random.RandomState | None, block: Block
    ) -> tuple[float, Array]:
        """Return the same, with a random state for the dropout of a network."""
        raw, pull_back = self.model.forward(block.X, params, random_state)
        loss, y = self.loss_and_target(block)
        value, slope = loss.value_and_gradient(y, self.shifted(block, raw))
        return weighted(value, block.weight), pull_back(block.weight[:, None] * slope)

    def gradient_of_slopes(self, block: Block, slopes: Array) -> tuple[Array]:
        """Return the flat gradient of the sum of slopes * raw, for a slope of each row, (n, K)."""
        return (self.linear.pull(block.X, block.weight[:, None] * slopes),)

    def slopes_at(self, constant: Array, block: Block) -> tuple[float, Array, _Norm, float]:
        """Return, for a constant raw, (K,), the sum of losses, the sums and norms of slopes in each column, and the weight."""
        loss, y = self.loss_and_target(block)
        raw = np.tile(constant, (len(block.weight), 1))
        value, slope = loss.value_and_gradient(y, self.shifted(block, raw))
        return weighted(value, block.weight), block.weight @ slope, _Norm.of(block.weight, slope), float(block.weight.sum())

    # -- curvature ----------------------------------------------------------------------------------------------------

    def hessian(self, params: Array, width: float, clipped: bool, block: Block) -> tuple[Array, float, float]:
        """Return the Hessian in the blocks of `LinearBound.gram`, and the sums over rows of its size and its square.

        For a rowwise loss, the matrices of a few rows at a time are computed. If `clipped`, the curvature of each row is at
        least zero.
        """
        if not self.loss.rowwise:
            return self._hessian(params, width, clipped, block)
        size = max(1, MATRICES // self.model.n_raw**2)
        first, *others = (self._hessian(params, width, clipped, part) for part in block.split(size))
        gram, sizes, squares = first
        for more in others:
            gram, sizes, squares = gram + more[0], sizes + more[1], squares + more[2]
        return gram, sizes, squares

    def _hessian(self, params: Array, width: float, clipped: bool, block: Block) -> tuple[Array, float, float]:
        flat = self.loss.quadratic and not self.loss.rowwise  # the curvature is the same at any raw
        raw = np.zeros((len(block.weight), self.model.n_raw)) if flat else self.raw(params, block)
        curvature = self.curvature(raw, width, block, clipped)
        size = block.weight * (np.einsum("nkk->n", curvature) if self.loss.rowwise else curvature.sum(axis=1))
        return *self.gram(block, curvature), float(size.sum()), float(size @ size)

    def gram(self, block: Block, curvature: Array) -> tuple[Array]:
        """Return the Hessian from a curvature of the loss of each row, (n, K), or (n, K, K) when coupled."""
        weight = block.weight.reshape((-1,) + (1,) * (curvature.ndim - 1))
        return (self.linear.gram(block.X, weight * curvature),)

    def uncoupled(self, params: Array, shared: bool, block: Block) -> tuple[Array]:
        """Return the Hessian without interactions between columns of raw, or for their mean curvature if `shared`."""
        curvature = self._diagonal(params, block)
        return self.gram(block, curvature.mean(axis=1, keepdims=True) if shared else curvature)

    def _diagonal(self, params: Array, block: Block) -> Array:
        loss, y = self.loss_and_target(block)
        return np.maximum(loss.curvature_diagonal(y, self.raw(params, block)), 0.0)

    def mean_curvature(self, params: Array, block: Block) -> tuple[Array]:
        """Return the sum of the curvature in each column of raw, (K,)."""
        return (block.weight @ self._diagonal(params, block),)

    def value_and_squares(self, params: Array, block: Block) -> tuple[float, Array]:
        """Return the sum of losses, and of the squares of the slopes in each column of raw."""
        loss, y = self.loss_and_target(block)
        value, slope = loss.value_and_gradient(y, self.raw(params, block))
        return weighted(value, block.weight), block.weight @ slope**2

    def curvature_state(self, params: Array, block: Block) -> Array:
        """Return what `product` needs for each row: the curvature, or the `curvature_state` of a rowwise loss."""
        raw = self.raw(params, block)
        if not self.loss.rowwise:
            return self.curvature(raw, 0.0, block)
        loss, y = self.loss_and_target(block)
        return loss.curvature_state(y, raw)

    def product(self, vector: Array, block: Block, state: Array) -> tuple[Array]:
        """Return the Hessian times a flat vector."""
        tangent, pull_back = self.model.forward(block.X, vector)
        if self.loss.rowwise:
            loss, y = self.loss_and_target(block)
            tangent = loss.curvature_times(y, state, tangent)
        else:
            tangent *= state
        return (pull_back(block.weight[:, None] * tangent),)

    def curvature(self, raw: Array, width: float, block: Block, clipped: bool = True) -> Array:
        """Return the second derivative of the loss, cut at zero if `clipped`: (n, K), or (n, K, K) when rowwise.

        With a width, in units of raw, it is the change of the slope between raw - width and raw + width, column by column. This
        detects peaked curvature near raw.
        """
        loss, y = self.loss_and_target(block)

        def change(direction: Array | float) -> Array:
            return (loss.gradient(y, raw + width * direction) - loss.gradient(y, raw - width * direction)) / (2.0 * width)

        if not loss.rowwise:
            second = change(1.0) if width else loss.curvature_product(y, raw, np.ones_like(raw))
            return np.maximum(second, 0.0) if clipped else second
        matrix = loss.curvature_matrix(y, raw)
        if width:
            flat = ~matrix.any(axis=(1, 2))
            y, raw, loss = y[flat], raw[flat], self.loss.for_rows(part_of(block.loss_data, flat))
            matrix[flat] = np.stack([change(e) for e in np.eye(raw.shape[1])], axis=2)
            matrix = 0.5 * (matrix + matrix.transpose(0, 2, 1))
        elif loss.convex or not clipped:
            return matrix
        return _positive_part(matrix)

    # -- along a direction --------------------------------------------------------------------------------------------

    def raw_and_change(self, params: Array, direction: Array, block: Block) -> tuple[Array, Array]:
        """Return raw, and its change along a direction in params, for a linear model."""
        return self.raw(params, block), self.change(direction, block)

    def along(self, t: float, block: Block, raw: Array, change: Array) -> tuple[float, float]:
        """Return the sum of losses at raw + t * change, and its slope in t."""
        loss, y = self.loss_and_target(block)
        value, slope = loss.value_and_gradient(y, raw + t * change)
        return weighted(value, block.weight), float(block.weight @ np.einsum("nk,nk->n", slope, change))


@dataclass(frozen=True)
class _Norm:
    """The norm of columns, to which more rows can be added; it avoids overflow of the squares of large numbers."""

    size: Array

    @classmethod
    def of(cls, weight: Array, slope: Array) -> _Norm:
        scale = np.abs(slope).max(initial=0.0) or 1.0
        return cls(scale * np.sqrt(weight @ (slope / scale) ** 2))

    def __add__(self, other: _Norm) -> _Norm:
        return _Norm(np.hypot(self.size, other.size))


def _positive_part(matrices: Array) -> Array:
    """Return symmetric matrices, (n, K, K), with their negative eigenvalues replaced by zero."""
    if matrices.shape[1] != 2:
        values, vectors = np.linalg.eigh(matrices)
        return (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
    middle = 0.5 * np.einsum("nkk->n", matrices)
    radius = np.hypot(0.5 * (matrices[:, 0, 0] - matrices[:, 1, 1]), matrices[:, 0, 1])
    low, high = middle - radius, middle + radius
    with np.errstate(all="ignore"):
        one = (matrices - low[:, None, None] * np.eye(2)) * (np.maximum(high, 0.0) / (2.0 * radius))[:, None, None]
    return np.where((low >= 0)[:, None, None], matrices, np.where((high > 0)[:, None, None], one, 0.0))


def weighted(value: Array, weight: Array) -> float:
    """Return the weighted sum of losses, (n,) or (n, K)."""
    return float(weight @ (value if value.ndim == 1 else value.sum(axis=1)))
