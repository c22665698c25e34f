"""Compiled coordinate descent over the weights of sparse columns, for a penalty that selects features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...arrays import Array
from ...objective.objective import Objective
from ..kinked.rows import offset_of, targets_of, weights_of
from .compiled import MANY_ENTRIES, column_kernels, compiled_slope, has_compiler

__all__ = ["Coordinates", "Descent"]

# Entries of X that are visited in a second, operations of a product of matrices, and the least number of sweeps.
ENTRIES, OPERATIONS, SWEEPS = 3e8, 2e10, 20


class Descent(NamedTuple):
    """The result of coordinate descent: the params, the largest violation, and the predicted further decrease of F."""

    params: Array
    violation: float
    decrement: float


@dataclass(frozen=True, eq=False)
class Coordinates:
    """What coordinate descent reads: X in CSC, and y, the offset and the share of the weight of each row."""

    X: tuple[Array, Array, Array]
    y: Array
    offset: Array
    share: Array
    slope_at: Any
    constant: float

    @classmethod
    def of(cls, objective: Objective) -> Coordinates | None:
        """Return those of an objective; None if coordinate descent does not suit it, or if numba is not installed."""
        rows, loss = objective.rows, objective.loss
        large = rows.in_memory and rows.profile.gram_rate < 1e9 and rows.n_samples * rows.profile.entries >= MANY_ENTRIES
        if not (large and loss.convex and loss.scalar_slope is not None and _is_absolute(objective) and has_compiler()):
            return None
        function, constant = loss.scalar_slope
        X = objective.local.matrix.csr.astype(np.float64, copy=False).tocsc()
        X.sum_duplicates()  # the curvature of a column is a sum of squares of entries
        return cls(
            (X.data, X.indices.astype(np.int32, copy=False).view(np.uint32), X.indptr.astype(np.uint64)),
            targets_of(objective),
            offset_of(objective),
            weights_of(objective) / objective.total,
            compiled_slope(function),
            constant,
        )

    def descended(self, objective: Objective, params: Array, columns: Array, goal: float) -> Descent:
        """Minimise over some columns, to a violation of `goal`, but in about the time that Newton's method would take."""
        model, weights = objective.linear, objective.model.weights
        p, ones, zeros = model.n_features, np.ones_like(weights(params)), np.zeros_like(weights(params))
        threshold, ridge = objective.penalty.subgradient(ones, zeros), objective.penalty.curvature(ones)
        matrix = np.zeros((p + 1, model.n_raw))
        matrix[: model.n_inputs] = model.to_original(params).reshape(-1, model.n_raw)
        tilt = np.zeros_like(matrix)
        tilt[: model.n_inputs] = objective.remainder[1].reshape(-1, model.n_raw)
        ends = self.X[2]
        entries = float((ends[columns + 1] - ends[columns]).sum()) + len(self.share)
        newton = (entries / len(self.share)) ** 2 * len(self.share) / objective.rows.profile.gram_rate
        sweeps = SWEEPS + int((newton + len(columns) ** 3 / OPERATIONS) * ENTRIES / entries)
        violation = decrement = 0.0
        for k in range(model.n_raw):
            column = matrix[:, k].copy()
            found = column_kernels().descend(
                *self.X,
                columns,
                *(
                    np.ascontiguousarray(self.y[:, k]),
                    np.ascontiguousarray(self.offset[:, k % self.offset.shape[1]]),
                    self.share,
                ),
                *(self.slope_at, self.constant),
                *(np.ascontiguousarray(part[:, k]) for part in (threshold, ridge, tilt, objective.reference.scale)),
                *(model.fit_intercept, column, goal, sweeps),
            )
            matrix[:, k] = column
            violation, decrement = max(violation, found[0]), decrement + found[1]
        return Descent(model.to_internal(matrix[: model.n_inputs].ravel()), violation, decrement)


def _is_absolute(objective: Objective) -> bool:
    """Tell whether the penalty is the absolute value of each weight, times a strength, plus a parabola."""
    penalty, ones = objective.penalty, np.ones_like(objective.model.weights(np.zeros(objective.size)))
    kinks, smooth = penalty.prox_part.kinks(ones), penalty.smooth_part
    right, left = (penalty.subgradient(side, 0.0 * ones) for side in (ones, -ones))
    parabola = np.array_equal(smooth.gradient(2.0 * ones), 2.0 * smooth.curvature(ones))
    return penalty.separable and kinks is not None and not np.any(kinks) and np.array_equal(right, -left) and parabola
