"""Metrics: approximations of the Hessian with which linear systems can be solved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from ...arrays import Array
from ...objective.objective import Objective

__all__ = ["Cholesky", "Diagonal", "Inverse", "Metric", "Products", "Woodbury", "positive_definite"]

# A common change so small beside the others is noise of products in single precision.
NOISE = 1e-6


class Metric(Protocol):
    """A symmetric positive definite approximation of the Hessian."""

    def solve(self, vector: Array) -> Array:
        """Return the inverse of the metric times a flat vector."""


@dataclass
class Diagonal:
    """A diagonal metric."""

    entries: Array

    def solve(self, vector: Array) -> Array:
        return vector / self.entries


class Cholesky:
    """Cholesky factors of a scaled Hessian, with a ridge on its diagonal, block by block.

    The ridge of a column with almost no curvature (all rows on a linear piece of the loss) is relative to the curvature that
    its norm allows. A rare level that a subsample misses gets a `share` of that curvature itself.

    Parameters
    ----------
    objective : Objective
    hessian : ndarray of shape (blocks, m, m)
        In the blocks of `LinearBound.gram`; a single block of size n_inputs is used for all columns of raw.
    ridge : float
        Relative to the diagonal.
    share : float
        The smallest curvature of a column, relative to the largest that its norm allows.
    noise : float
        The size of a typical curvature that may be due to rounding, relative to that of a loss whose slope is its size.
    """

    def __init__(self, objective: Objective, hessian: Array, ridge: float, share: float, noise: float = 0.0) -> None:
        model, reference, self.n_blocks = objective.linear, objective.reference, len(hessian)
        squares = np.full((model.n_inputs, model.size // model.n_inputs), 1.0)
        squares[: model.n_features] = (reference.spread**2)[:, None]
        size = model.blocks(squares.ravel(), model.size // hessian.shape[1])[: self.n_blocks]
        diagonal = np.einsum("bii->bi", hessian).copy()
        ratio = np.divide(diagonal, size, out=np.zeros_like(size), where=size > 0)
        # Columns of raw may have different units: their curvatures are compared relative to the squares of their slopes.
        slopes = np.where(reference.slopes > 0, reference.slopes, 1.0)
        units = model.blocks((np.ones_like(squares) * slopes**2).ravel(), model.size // hessian.shape[1])[: self.n_blocks]
        ratio /= units
        median = np.sort(ratio, axis=None)[ratio.size // 2] or ratio.max()
        typical = 1.0 / max(abs(reference.value), 1e-300)
        if not median > noise * typical:  # no row has curvature: proceed as if all had
            median, share = typical, 1.0
        density = median * units
        diagonal = np.maximum(diagonal, share * density * size)
        floor = np.maximum(diagonal, 1e-8 * density * size)
        self.scale = 1.0 / np.sqrt(np.where(floor > 0, floor, 1.0))
        self.damped = hessian.copy()
        np.einsum("bii->bi", self.damped)[:] = diagonal + ridge * np.where(floor > 0, floor, 1.0)
        self._ridge = ridge

    @cached_property
    def _factors(self) -> list[Array]:
        return [self._factor(h, s, self._ridge) for h, s in zip(self.damped, self.scale, strict=True)]

    @staticmethod
    def _factor(damped: Array, scale: Array, ridge: float) -> Array:
        scaled = damped * scale
        scaled *= scale[:, None]
        diagonal = np.diagonal(scaled).copy()
        extra = 0.0
        while True:
            np.fill_diagonal(scaled, diagonal + extra)
            factor, failed = dpotrf(scaled, lower=1)
            if not failed or not np.all(np.isfinite(diagonal)):
                return factor
            extra = max(10.0 * extra, ridge)

    def inverses(self) -> Array:
        """Return the damped inverses of the blocks, (blocks, m, m)."""
        lower = np.tril(np.stack([dpotri(factor, lower=1)[0] for factor in self._factors]))
        result = lower + np.tril(lower, -1).transpose(0, 2, 1)
        result *= self.scale[:, None, :] * self.scale[:, :, None]
        return result

    def product(self, vector: Array) -> Array:
        """Return the damped second derivative times a flat vector."""
        m = self.damped.shape[1]
        columns = vector.reshape(m, len(self.damped), -1)
        return np.einsum("bij,jbk->ibk", self.damped, columns).ravel()

    def solve(self, vector: Array) -> Array:
        """Return the damped inverse times a flat vector."""
        blocks, m = self.scale.shape
        columns = vector.reshape(m, blocks, -1) * self.scale.T[:, :, None]
        solved = [dpotrs(factor, columns[:, b], lower=1)[0] for b, factor in enumerate(self._factors)]
        return (np.stack(solved, axis=1) * self.scale.T[:, :, None]).ravel()


class Inverse:
    """Explicit inverses of blocks, for many products of few digits.

    They are faster than triangular solves, and need no BLAS but NumPy's: SciPy brings another one, and the threads of two that
    take turns wait for each other.

    Parameters
    ----------
    blocks : ndarray of shape (n_blocks, m, m)
        A single block is used for all columns of raw.
    shift : ndarray of shape (m, 1) or None, default=None
        The curvature along a common change of the columns of raw of a group, if the loss does not see such a change and its
        blocks would misjudge it. Zero where the gradient is zero as well.
    groups : int, default=1
        Number of groups of consecutive columns of raw.
    """

    def __init__(self, blocks: Array, shift: Array | None = None, groups: int = 1) -> None:
        self.blocks, self.shift, self.groups = blocks, shift, groups

    def solve(self, vector: Array) -> Array:
        columns = vector.reshape(self.blocks.shape[1], -1)
        if self.shift is None:
            return self._solved(columns).ravel()
        common = self._common(columns)
        result = self._solved(columns - common)
        result -= self._common(result)
        seen = np.abs(common) > NOISE * np.abs(columns).max(axis=1, keepdims=True)
        result += np.divide(common, self.shift, out=np.zeros_like(common), where=seen & (self.shift > 0))
        return result.ravel()

    def _solved(self, columns: Array) -> Array:
        n_blocks, m = self.blocks.shape[:2]
        solved = self.blocks @ columns.reshape(m, n_blocks, -1).transpose(1, 0, 2)
        return np.ascontiguousarray(solved.transpose(1, 0, 2)).reshape(m, -1)

    def _common(self, columns: Array) -> Array:
        """Return the mean over each group, in the shape of the columns, (m, K)."""
        means = columns.reshape(len(columns), self.groups, -1).mean(axis=2)
        return np.repeat(means, columns.shape[1] // self.groups, axis=1)


@dataclass
class Products:
    """A metric that is only available through its products with vectors.

    Attributes
    ----------
    product : callable
        The product with a flat vector.
    preconditioner : Metric
    max_cg : int
        Maximum number of products for one solution.
    accuracy : float
        The size of the residual at which it ends, in the norm of the preconditioner, relative to that of the vector.
    """

    product: Callable[[Array], Array]
    preconditioner: Metric
    max_cg: int
    accuracy: float = 0.1

    def solve(self, vector: Array) -> Array:
        """Return an approximation to the inverse times a vector, by preconditioned conjugate gradients."""
        x, residual = np.zeros_like(vector), vector.copy()
        z = self.preconditioner.solve(residual)
        direction, size = z, float(residual @ z)
        goal = self.accuracy**2 * size
        for _ in range(self.max_cg):
            if size <= goal:
                break
            image = self.product(direction)
            curvature = float(direction @ image)
            if curvature <= 0:
                break
            x += size / curvature * direction
            residual -= size / curvature * image
            z = self.preconditioner.solve(residual)
            size, before = float(residual @ z), size
            direction = z + size / before * direction
        return x if np.any(x) else z


class Woodbury:
    r"""The Hessian of a loss on more columns than rows plus a positive diagonal, by systems of as many equations as rows.

    .. math:: (D + Z' C Z)^{-1} = D^{-1} - D^{-1} Z' R (I + R Z D^{-1} Z' R)^{-1} R Z D^{-1}, \qquad R = C^{1/2}

    The intercept, which has no diagonal, is eliminated. Small entries of D are raised: the difference would lose their digits.

    Parameters
    ----------
    objective : Objective
        With a linear model, in memory.
    diagonal : ndarray of shape (p, K)
        D.
    curvature : ndarray of shape (n, K)
        C, the curvature of each row, as a part of F.

    References
    ----------
    M. Woodbury, Inverting Modified Matrices, 1950.
    """

    def __init__(self, objective: Objective, diagonal: Array, curvature: Array) -> None:
        self.model, self.X, self.root = objective.linear, objective.local.matrix, np.sqrt(curvature)
        largest = np.outer(objective.reference.spread**2, curvature.sum(axis=0))
        self.diagonal = np.maximum(diagonal, 1e-10 * largest)
        self.factors, self.unit = [], np.empty_like(curvature)
        for k, root in enumerate(self.root.T):
            system = self.X.products(self.model.center, 1.0 / np.sqrt(self.diagonal[:, k]))
            system *= root * root[:, None]
            system[np.diag_indices_from(system)] += 1.0
            self.factors.append(dpotrf(system.T, lower=1)[0])
            self.unit[:, k] = dpotrs(self.factors[k], root, lower=1)[0]

    def solve(self, vector: Array) -> Array:
        model, weights = self.model, self.model.weights(vector)
        raw = self.root * model.push_forward(self.X, model.padded(weights / self.diagonal))
        inner = np.stack([dpotrs(factor, raw[:, k], lower=1)[0] for k, factor in enumerate(self.factors)], axis=1)
        result = vector.copy()
        if model.fit_intercept:
            intercept = result[-model.n_raw :]
            intercept -= np.einsum("nk,nk->k", self.root, inner)
            intercept /= np.einsum("nk,nk->k", self.root, self.unit)
            inner += self.unit * intercept
        rest = weights - model.weights(model.pull(self.X, self.root * inner))
        return model.with_weights(result, rest / self.diagonal)


def positive_definite(blocks: Array) -> bool:
    """Tell whether no block, (b, m, m), has a negative eigenvalue, up to rounding."""
    for block in blocks:
        diagonal = np.diagonal(block)
        used = np.flatnonzero(np.abs(block).any(axis=0))
        if not np.all(diagonal[used] > 0):
            return False
        scale = 1.0 / np.sqrt(diagonal[used])
        if dpotrf(block[np.ix_(used, used)] * scale * scale[:, None] + 1e-10 * np.eye(len(used)), lower=1)[1]:
            return False
    return True
