"""The base class of minus log-likelihoods with two parameters: raw has a column for each.

The first column gives the location, the second one the spread or the share of zeros.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from ...arrays import Array
from ...targets import Target
from ..base import Loss, overflow_to_inf

__all__ = ["LARGEST", "Distribution"]

# The largest size of the logarithm of a spread: beyond it, its exponential or that of its square overflows.
LARGEST = 300.0


class Distribution(Loss):
    """Base class of minus log-likelihoods, with raw of shape (n, 2) for y of shape (n,).

    Parameters
    ----------
    constant : bool, default=False
        Whether the second parameter is the same for all samples. If False, it depends on X as the first one does.
    """

    task = "regression"
    rowwise = True
    convex = False
    single_output = True
    parameters: tuple[str, str]
    likelihood = "exact"
    ranges = {"constant": ("True or False", lambda value: isinstance(value, (bool, np.bool_)))}

    def __init__(self, constant: bool = False) -> None:
        self.constant = constant

    @abstractmethod
    def distribution(self, raw: Array) -> Any:
        """Return the distribution of y for raw, (n, 2), a frozen distribution of `scipy.stats` with n entries."""

    @abstractmethod
    def _slopes(self, y: Array, raw: Array) -> tuple[Array, Array]:
        """Return the slopes in both columns."""

    @abstractmethod
    def _bends(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        """Return the second derivative in the first column, the mixed one, and that in the second column."""

    @abstractmethod
    def _moments(self, mean: float, variance: float) -> tuple[float, float]:
        """Return the constant raw for a mean and a variance of y."""

    def n_raw(self, target: Target) -> int:
        return 2

    def raw_names(self, n_raw: int) -> list[str]:
        return list(self.parameters)

    def n_weighted(self, n_raw: int) -> int:
        return 1 if self.constant else n_raw

    def offset_of_raw(self, offset: Array, n_raw: int) -> Array:
        return super().offset_of_raw(offset, n_raw) if offset.shape[1] != 1 else np.hstack([offset, np.zeros_like(offset)])

    def first_raw(self, y: Array, weight: Array) -> Array:
        mean = float(weight @ y / weight.sum())
        return np.array(self._moments(mean, float(weight @ (y - mean) ** 2 / weight.sum())))

    @overflow_to_inf
    def gradient(self, y: Array, raw: Array) -> Array:
        return np.stack(self._slopes(y, raw), axis=1)

    @overflow_to_inf
    def curvature_matrix(self, y: Array, raw: Array) -> Array:
        first, mixed, second = self._bends(y, raw)
        return np.stack([first, mixed, mixed, second], axis=1).reshape(-1, 2, 2)

    def curvature_state(self, y: Array, raw: Array) -> Array:
        return self.curvature_matrix(y, raw)

    def curvature_times(self, y: Array, state: Array, v: Array) -> Array:
        return np.einsum("njk,nk->nj", state, v)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self.curvature_times(y, self.curvature_matrix(y, raw), v)

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        return np.einsum("nkk->nk", self.curvature_matrix(y, raw))

    def inverse_link(self, raw: Array) -> Array:
        """Return the mean of y, (n, 1)."""
        return np.asarray(self.distribution(raw).mean())[:, None]

    def link(self, mean: Array) -> Array:
        return np.zeros(2)

    def saturated(self, y: Array, n_raw: int) -> Array:
        """Raise ValueError for a density, which a spread of zero makes infinitely high at y."""
        raise ValueError(f"{self.name} has no smallest loss, as a spread of zero has an infinite likelihood: use mean_loss.")
