"""The derivatives of the objective of a fitted linear model with respect to its parameters, summed over the rows.

The Hessian is computed in blocks, as by `LinearBound.gram`: B blocks of size b. The K columns of raw of an elementwise loss do
not interact, so B = K and b = m, the number of inputs; for a rowwise loss B = 1 and b = K m.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import null_space

from ..arrays import Array, part_of
from ..estimators.base import GradientEstimator
from ..estimators.class_weights import class_weighted
from ..estimators.reading import validated
from ..losses import Loss, Quantile
from ..metrics.evaluation import Evaluation
from ..models import Linear
from ..models.linear import LinearMap
from ..penalties.scaled import Scaled
from ..rows.base import Block
from ..rows.blocks import MemoryRows
from .table import coefficients

__all__ = ["Curvature", "Sample", "expected", "observed"]

# The loss bound to some rows, y and raw -> the second derivative in raw, (n, K), or (n, K, K) when rowwise.
Curvature = Callable[[Loss, Array, Array], Array]

# An error of this size relative to the mean is zero up to the precision of a solver.
INTERPOLATED = 1e-7

# How many numbers the scores of some rows have.
SCORES = 1 << 20


def observed(loss: Loss, y: Array, raw: Array) -> Array:
    """Return the second derivative of the loss."""
    return loss.curvature_matrix(y, raw) if loss.rowwise else loss.curvature_product(y, raw, np.ones_like(raw))


def expected(loss: Loss, y: Array, raw: Array) -> Array:
    """Return the expectation of the second derivative of a loss whose gradient is affine in y, at its predicted mean."""
    mean = loss.inverse_link(raw)
    return observed(loss, mean if loss.rowwise else np.where(np.isnan(y), np.nan, mean), raw)


def _is_invariant(loss: Loss, y: Array, raw: Array) -> bool:
    """Tell whether a custom rowwise loss is unchanged when a constant is added to all columns of raw."""
    if not (loss.foreign and loss.rowwise and raw.shape[1] > 1):
        return False
    value = loss.value(y, raw)
    return bool(np.allclose(loss.value(y, raw + max(1.0, float(np.ptp(raw)))), value, rtol=1e-9, atol=1e-9))


@dataclass(frozen=True)
class _Derivatives:
    """The kernels of sums over rows; raw is read in the coordinates of a basis, (K, K')."""

    loss: Loss
    model: LinearMap
    basis: Array

    def slopes(self, block: Block, raw: Array) -> Array:
        return block.weight[:, None] * (self.loss.for_rows(block.loss_data).gradient(block.y, raw) @ self.basis)

    def gradient(self, block: Block, raw: Array) -> tuple[Array]:
        return (self.model.pull(_exact(block.X), self.slopes(block, raw)),)

    def hessian(self, curvature: Curvature, block: Block, raw: Array) -> tuple[Array]:
        second = curvature(self.loss.for_rows(block.loss_data), block.y, raw)
        if self.loss.rowwise:
            second = self.basis.T @ second @ self.basis
        weight = block.weight.reshape((-1,) + (1,) * (second.ndim - 1))
        return (self.model.gram(_exact(block.X), weight * second),)

    def squares(self, block: Block, raw: Array) -> tuple[Array]:
        slopes = self.slopes(block, raw)
        return (self.model.gram(_exact(block.X), slopes[:, :, None] * slopes[:, None, :]),)


def _exact(X: Any) -> Any:
    """Return a matrix in double precision."""
    return X if X.dtype == np.float64 else X.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows of positive weight under a fitted linear model, whose parameters refer to centred columns.

    Attributes
    ----------
    loss : Loss
    X : ndarray or CSR matrix of shape (all rows, p)
    used : ndarray of int of shape (n,)
        The rows of positive weight.
    rows : MemoryRows
        These rows.
    y, raw, weight, offset, loss_data
        Of these rows; y as the loss sees it.
    basis : ndarray of shape (K, K')
        An orthonormal basis of the raw predictions that the loss distinguishes.
    model : LinearMap
        With K' columns of raw.
    penalty : Scaled
    params : ndarray of shape (m K',)
    """

    loss: Loss
    X: Any
    used: Array
    rows: MemoryRows
    y: Array
    raw: Array
    weight: Array
    offset: Array | None
    loss_data: Any
    basis: Array
    model: LinearMap
    penalty: Scaled
    params: Array

    @classmethod
    def of(cls, ours: GradientEstimator, X: Any, found: Evaluation) -> Sample:
        """Return the sample for validated rows, with the weights of the fit."""
        X, loss, last = validated(ours, X), found.loss, ours._last_fit
        X = X.tocsr() if sparse.issparse(X) else X
        weight = class_weighted(ours._shares(last.target, last.totals), last.target, found.given, found.weight)
        used, n_raw = np.flatnonzero(weight > 0), found.raw.shape[1]
        y = found.y if loss.rowwise else np.ones(found.raw.shape) * found.y
        data = part_of(found.loss_data, used)
        invariant = loss.shift_invariant or _is_invariant(loss.for_rows(data), y[used], found.raw[used])
        basis = null_space(np.ones((1, n_raw))) if invariant else np.eye(n_raw)
        rows = MemoryRows(X, y, weight, loss_data=found.loss_data, n_raw=n_raw)
        n_weighted = basis.shape[1] - n_raw + loss.n_weighted(n_raw)
        model = Linear().bind_some(n_weighted, basis.shape[1], bool(ours.fit_intercept), rows.moments)
        params = model.to_internal((coefficients(ours).T @ basis).ravel())
        return cls(
            loss=loss,
            X=X,
            used=used,
            rows=rows,
            y=y[used],
            raw=found.raw[used],
            weight=weight[used],
            offset=part_of(found.offset, used),
            loss_data=data,
            basis=basis,
            model=model,
            penalty=Scaled(ours.penalty_, ours.alpha),
            params=params,
        )

    @property
    def bound(self) -> Loss:
        """The loss bound to the data of the rows."""
        return self.loss.for_rows(self.loss_data)

    @property
    def shift_invariant(self) -> bool:
        """Whether the loss is unchanged when a constant is added to all columns of raw."""
        return self.basis.shape[1] < len(self.basis)

    def as_quantile(self, left: float, right: float) -> Sample:
        """Return the same rows under the quantile loss, for a loss that is a multiple of it, with slopes `left` and `right`.

        Where raw and y differ by rounding alone they become equal, so that the slope there does not depend on the rounding.
        """
        error, jump = np.abs(self.y - self.raw), right - left
        raw = np.where(error <= INTERPOLATED * error.mean(axis=0), self.y, self.raw)
        penalty = replace(self.penalty, alpha=self.penalty.alpha / jump)
        return replace(self, raw=raw, loss=Quantile(-left / jump), loss_data=None, penalty=penalty)

    @property
    def free(self) -> Array:
        """Which parameters of a block are estimated, (b,): the others are weights of columns of raw that do not depend on X."""
        free = np.ones((self.model.n_inputs, self.model.n_raw if self.loss.rowwise else 1), dtype=bool)
        free[: self.model.n_features, self.model.n_weighted :] = False
        return free.ravel()

    @property
    def size(self) -> int:
        """The number of parameters that are estimated together."""
        return int(np.count_nonzero(self.free))

    @property
    def counts(self) -> Array:
        """The number of rows of each block of parameters, (B,); missing targets do not count."""
        if self.loss.rowwise:
            return np.array([len(self.used)])
        return np.asarray(np.count_nonzero(~np.isnan(self.y), axis=0))

    @cached_property
    def strength(self) -> float:
        """The mass of the rows, by which the penalty is multiplied in a sum over them."""
        return float(self.weight @ self.bound.mass(self.y))

    @property
    def weights(self) -> Array:
        """The coefficients, (p, K); those of a shift-invariant loss sum to zero."""
        return self.model.weights(self.params) @ self.weighted_basis.T

    @property
    def weighted_basis(self) -> Array:
        """The basis of the columns of raw that depend on X."""
        n_fixed = self.model.n_raw - self.model.n_weighted
        return self.basis[: len(self.basis) - n_fixed, : self.model.n_weighted]

    @property
    def derivatives(self) -> _Derivatives:
        """The kernels."""
        return _Derivatives(self.loss, self.model, self.basis)

    def blocks(self, flat: Array) -> Array:
        """Return flat parameters, (m K',), in the blocks of the Hessian, (B, b)."""
        return self.model.blocks(flat, len(self.counts))

    def gradient(self) -> Array:
        """Return the gradient of the objective, (B, b)."""
        loss = self.rows.reduce(self.derivatives.gradient, self.raw)[0]
        penalty = self.strength * self.penalty.gradient(self.weights) @ self.weighted_basis
        return self.blocks(loss + self.model.padded(penalty))

    def hessian(self, curvature: Curvature) -> Array:
        """Return the Hessian of the objective, (B, b, b)."""
        result: Array = self.rows.reduce(partial(self.derivatives.hessian, curvature), self.raw)[0]
        ridge = np.zeros((self.model.n_inputs, self.model.n_raw, self.model.n_raw))
        bent = self.strength * self.penalty.curvature(self.weights)
        n, basis = self.model.n_weighted, self.weighted_basis
        ridge[: len(bent), :n, :n] = np.einsum("ka,jk,kb->jab", basis, bent, basis)
        for j, square in enumerate(ridge):  # in the order of the blocks
            if self.loss.rowwise:
                places = slice(j * len(square), (j + 1) * len(square))
                result[0, places, places] += square
            else:
                result[:, j, j] += np.diagonal(square)
        return result

    def squares(self, clusters: Array | None) -> Array:
        """Return the sum of the outer products of the scores of the rows, or of their sums in each cluster, (B, B, b, b).

        Clusters are consecutive integers, (n,).
        """
        if clusters is None:
            flat = self.rows.reduce(self.derivatives.squares, self.raw)[0]
        else:
            flat = self._squares_of(clusters)
        m, k = self.model.n_inputs, self.model.n_raw
        if self.loss.rowwise:
            return flat.reshape(1, 1, m * k, m * k)
        return flat.reshape(m, k, m, k).transpose(1, 3, 0, 2)

    def _squares_of(self, clusters: Array) -> Array:
        """Return the sum over clusters, in the order of flat parameters; the rows of a cluster may come in several parts."""
        slopes = self.weight[:, None] * (self.bound.gradient(self.y, self.raw) @ self.basis)
        order = np.argsort(clusters, kind="stable")
        result, held, last = np.zeros((self.model.size, self.model.size)), np.zeros(self.model.size), -1
        size = max(1, SCORES // self.model.size)
        for start in range(0, len(order), size):
            part = order[start : start + size]
            found, starts = np.unique(clusters[part], return_index=True)
            scores = self.inputs(self.used[part])[:, :, None] * slopes[part, None, :]
            sums = np.add.reduceat(scores.reshape(len(part), -1), starts, axis=0)
            if found[0] == last:
                sums[0] += held
            else:
                result += np.outer(held, held)
            result += sums[:-1].T @ sums[:-1]
            held, last = sums[-1], found[-1]
        return result + np.outer(held, held)

    def inputs(self, rows: Array) -> Array:
        """Return the centred columns of a few rows, and the column of ones if there is an intercept."""
        X = self.X[rows].toarray() if sparse.issparse(self.X) else self.X[rows]
        Z = X.astype(np.float64) - self.model.center
        return np.hstack([Z, np.ones((len(rows), self.model.n_inputs - self.model.n_features))])
