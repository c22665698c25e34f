"""The kinks of a loss and of an L1 penalty in one array of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...arrays import Array
from ...objective.objective import Objective
from ..smooth.metrics import Cholesky, Metric, Products, Woodbury
from .rows import gradient_with_slopes, lines_of, raw_of, weights_of

__all__ = ["KinkedRows"]

# A system of so many equations takes a second.
MOST = 3000


@dataclass(frozen=True, eq=False)
class KinkedRows:
    """The rows of an objective, in memory, followed by a row for each feature with an L1 penalty.

    The raw of such a row are the weights of its feature, and its loss is their penalty. A solver for losses with kinks thus
    takes the penalty for a part of the loss. Row arrays have n + q rows.

    Attributes
    ----------
    objective : Objective
        With the smooth part of the penalty only.
    features : ndarray of int of shape (q,)
    slopes : tuple of ndarray of shape (q, K)
        Those of the penalty, left and right of zero.
    """

    objective: Objective
    features: Array
    slopes: tuple[Array, Array]

    @classmethod
    def of(cls, objective: Objective) -> KinkedRows:
        """Return the rows of an objective."""
        model, penalty = objective.model, objective.penalty
        left, right = penalty.slopes_at_zero((model.n_features, model.n_raw))
        features = np.flatnonzero((left < right).any(axis=1))
        return cls(replace(objective, penalty=penalty.without_kinks()), features, (left[features], right[features]))

    @property
    def n_samples(self) -> int:
        """The number n of rows of the objective."""
        return self.objective.rows.n_samples

    @property
    def wide(self) -> bool:
        """Whether there are many columns for each row, all with an L1 penalty: systems of as many equations as rows suffice."""
        n, p = self.n_samples, self.objective.model.n_features
        dense = self.objective.rows.profile.gram_rate > 1e9
        return dense and 2 * n <= p == len(self.features) and n <= MOST

    def lines(self) -> tuple[Array, Array, Array]:
        """Return the kinks, (J, n + q, K), and the slopes left and right of them, which broadcast to the same shape."""
        kinks, *slopes = lines_of(self.objective)
        if not len(self.features):
            return kinks, slopes[0], slopes[1]
        # J equal kinks, each with its share; a row of mean weight has the n-th part of its loss in F.
        own = [np.broadcast_to(self.n_samples * slope / len(kinks), (len(kinks), *slope.shape)) for slope in self.slopes]
        left, right = (
            np.concatenate([np.broadcast_to(slope, kinks.shape), more], axis=1) for slope, more in zip(slopes, own, strict=True)
        )
        return np.concatenate([kinks, np.zeros_like(own[0])], axis=1), left, right

    def weight(self) -> Array:
        """Return the weight of each row, (n + q,)."""
        own = weights_of(self.objective)
        return np.append(own, np.full(len(self.features), self.objective.total / self.n_samples))

    def raw(self, params: Array) -> Array:
        """Return raw, (n + q, K)."""
        return self._joined(self.objective.rows.map(partial(self.objective.summand.raw, params)), params)

    def change(self, direction: Array) -> Array:
        """Return the change of raw along a direction in params, (n + q, K)."""
        return self._joined(raw_of(self.objective, direction), direction)

    def _joined(self, raw: Array, params: Array) -> Array:
        return np.concatenate([raw, self.objective.model.weights(params)[self.features]])

    def gradient_of_slopes(self, slopes: Array) -> Array:
        """Return the flat gradient of the mean of slopes * raw, from a slope for each row, (n + q, K)."""
        return self.objective.gradient_of_slopes(slopes[: self.n_samples]) + self._padded(slopes)

    def gradient(self, params: Array, slopes: Array) -> Array:
        """Return the flat gradient of F with these slopes, (n + q, K)."""
        return gradient_with_slopes(self.objective, params, slopes[: self.n_samples]) + self._padded(slopes)

    def metric(self, params: Array, curvature: Array) -> Metric:
        """Return the Hessian of F with the given curvature of each row, (n + q, K)."""
        objective, n, own = self.objective, self.n_samples, self._padded(curvature)
        ridge, rows = objective.ridge(params) + own, curvature[:n]
        if not self.wide:
            return Cholesky(objective, objective.hessian_of_curvature(params, rows, own), 1e-13, 0.0)

        def product(vector: Array) -> Array:
            return ridge * vector + objective.gradient_of_slopes(rows * raw_of(objective, vector))

        part = self.weight()[:n, None] / objective.total * rows
        preconditioner = Woodbury(objective, objective.model.weights(ridge), part)
        return Products(product, preconditioner, max_cg=10, accuracy=1e-10)

    def _padded(self, array: Array) -> Array:
        """Return the entries that belong to weights in their flat places, as parts of F."""
        model = self.objective.model
        weights = np.zeros((model.n_features, model.n_raw))
        weights[self.features] = array[self.n_samples :] / self.n_samples
        return model.padded(weights)
