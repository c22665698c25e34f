"""The linear model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..arrays import Array
from ..rows.base import ColumnMoments
from ..rows.matrices import Matrix
from .base import LinearBound, Model

__all__ = ["Linear", "LinearMap"]


class Linear(Model):
    r"""A linear model.

    .. math:: raw = X W + b

    Parameters
    ----------
    init : {"zeros", "normal"} or callable, default="zeros"
        The initial parameters. "zeros": zero weights and the best intercept for them. "normal": independent normal draws with
        mean 0 and standard deviation 0.01. A function ``init(shape, random_state)`` must return an array of shape
        (n_features + 1, K), with the intercept in the last row; without an intercept, there is no such row.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.models import Linear
    >>> GDRegressor(model=Linear(init="normal"), random_state=0).fit([[0.0], [1.0]], [1.0, 3.0]).predict([[2.0]]).round(2)
    array([5.])
    """

    ranges = {"init": ("'zeros', 'normal' or a function", lambda value: callable(value) or value in ("zeros", "normal"))}

    def __init__(self, init: str | Callable[..., Any] = "zeros") -> None:
        self.init = init

    @property
    def sparse_updates(self) -> bool:  # type: ignore[override]
        """Whether columns that have been zero in all rows so far have zero weights."""
        return isinstance(self.init, str) and self.init == "zeros"

    def bind(self, n_raw: int, fit_intercept: bool, moments: ColumnMoments) -> LinearMap:
        """Return the map for this number of columns of raw and for columns of X with these moments.

        If there is an intercept, the columns are centred; the intercept absorbs the shift.
        """
        return self.bind_some(n_raw, n_raw, fit_intercept, moments)

    def bind_some(self, n_weighted: int, n_raw: int, fit_intercept: bool, moments: ColumnMoments) -> LinearMap:
        if n_weighted != n_raw and not fit_intercept:
            raise ValueError("fit_intercept=False: expected True for a loss with parameters that do not depend on X.")
        center, constant = (moments.mean, moments.spread(centered=True) == 0) if fit_intercept else (None, None)
        return LinearMap(len(moments.mean), n_raw, fit_intercept, center, constant, n_weighted)

    def start(self, bound: LinearMap, constant: Array, random_state: np.random.RandomState) -> Array:
        shape = (bound.n_inputs, bound.n_raw)
        if callable(self.init):
            drawn = np.array(self.init(shape, random_state), dtype=np.float64)
            if drawn.shape != shape or not np.all(np.isfinite(drawn)):
                raise ValueError(f"Linear(init=...) returned shape {drawn.shape}: expected finite numbers of shape {shape}.")
            return bound.to_internal(drawn)
        if self.init == "normal":
            return bound.to_internal(0.01 * random_state.standard_normal(shape))
        return bound.at_constant(constant)

    def raw(self, X: Any, fitted: Mapping[str, Any]) -> Array:
        raw, intercept = np.asarray(X @ np.atleast_2d(fitted["coef_"]).T), np.atleast_1d(fitted["intercept_"])
        more = len(intercept) - raw.shape[1]
        return (np.pad(raw, ((0, 0), (0, more))) if more > 0 else raw) + intercept


class LinearMap(LinearBound):
    """raw = (X - center) W + b, with params of shape (n_features + 1, K) in C order and b in the last row, if there is one.

    Centring only changes the meaning of b. It makes the columns orthogonal to the intercept, without a copy of X, and so keeps
    the problem well conditioned for columns such as timestamps in milliseconds. A constant column becomes zero and has no
    gradient. Only the first `n_weighted` columns of raw depend on X; the weights of the others are zero, without a gradient,
    and no part of `weights`.
    """

    def __init__(
        self,
        n_features: int,
        n_raw: int,
        fit_intercept: bool,
        center: Array | None = None,
        constant: Array | None = None,
        n_weighted: int | None = None,
    ) -> None:
        self.n_weighted = n_raw if n_weighted is None else n_weighted
        self.n_features, self.n_raw, self.fit_intercept = n_features, n_raw, fit_intercept
        self.center = np.zeros(n_features) if center is None else center
        self.constant = np.zeros(n_features, dtype=bool) if constant is None else constant
        self.shifts, self.n_penalised = center is not None and fit_intercept, n_features
        self.n_inputs = n_features + int(fit_intercept)
        self.size = self.n_inputs * n_raw

    def at_constant(self, constant: Array) -> Array:
        params = np.zeros((self.n_inputs, self.n_raw))
        params[self.n_features :] = constant
        return params.ravel()

    def uncentered(self) -> LinearMap:
        return LinearMap(self.n_features, self.n_raw, self.fit_intercept, n_weighted=self.n_weighted)

    def weights(self, params: Array) -> Array:
        return params.reshape(self.n_inputs, self.n_raw)[: self.n_features, : self.n_weighted]

    def with_weights(self, params: Array, weights: Array) -> Array:
        result = np.array(params, dtype=np.float64)
        self.weights(result)[:] = weights
        return result

    def padded(self, per_weight: Array) -> Array:
        return self.with_weights(np.zeros(self.size), per_weight)

    def restricted(self, features: Array) -> LinearMap:
        facts = self.center[features], self.constant[features], self.n_weighted
        return LinearMap(len(features), self.n_raw, self.fit_intercept, *facts)

    def among(self, places: Array, n_features: int) -> LinearMap:
        center, constant = np.zeros(n_features), np.ones(n_features, dtype=bool)
        center[places], constant[places] = self.center, self.constant
        facts = center if self.shifts else None, constant, self.n_weighted
        return LinearMap(n_features, self.n_raw, self.fit_intercept, *facts)

    def _rows_of(self, features: Array) -> Array:
        return np.append(features, self.n_features) if self.fit_intercept else features

    def narrowed(self, params: Array, features: Array) -> Array:
        return params.reshape(self.n_inputs, self.n_raw)[self._rows_of(features)].ravel()

    def widened(self, params: Array, features: Array) -> Array:
        result = np.zeros((self.n_inputs, self.n_raw))
        result[self._rows_of(features)] = params.reshape(-1, self.n_raw)
        return result.ravel()

    def to_internal(self, params: Array) -> Array:
        """Return the flat params with b converted from uncentred to centred columns."""
        return self._shifted(params, self.center)

    def to_original(self, params: Array) -> Array:
        """Return the flat params with b converted from centred to uncentred columns."""
        return self._shifted(params, -self.center)

    def _shifted(self, params: Array, center: Array) -> Array:
        matrix = np.array(params, dtype=np.float64).reshape(self.n_inputs, self.n_raw)
        if self.fit_intercept:
            matrix[-1] += center @ matrix[:-1]
        return matrix.ravel()

    def attributes(self, params: Array, dtype: Any, shaped: Callable[[Array], Any]) -> dict[str, Any]:
        """Return coef_, (K, n_features), and intercept_, (K,), in the shape of y."""
        matrix = self.to_original(params).reshape(self.n_inputs, self.n_raw).astype(dtype)
        intercept = matrix[-1] if self.fit_intercept else np.zeros(self.n_raw, dtype)
        coef = matrix[: self.n_features, : self.n_weighted].T
        return {"coef_": shaped(coef.copy()), "intercept_": shaped(intercept.copy())}

    def from_attributes(self, fitted: Mapping[str, Any]) -> Array | None:
        coef = np.atleast_2d(fitted.get("coef_", np.empty((0, 0))))
        if coef.shape != (self.n_weighted, self.n_features) or np.size(fitted["intercept_"]) != self.n_raw:
            return None
        matrix = np.zeros((self.n_inputs, self.n_raw))
        matrix[: self.n_features, : self.n_weighted] = coef.T
        matrix[self.n_features :] = fitted["intercept_"]
        return self.to_internal(matrix)

    def raw(self, X: Matrix, params: Array) -> Array:
        return self.push_forward(X, params)

    def forward(
        self, X: Matrix, params: Array, random_state: np.random.RandomState | None = None
    ) -> tuple[Array, Callable[[Array], Array]]:
        return self.raw(X, params), partial(self.pull, X)

    def pull(self, X: Matrix, g: Array) -> Array:
        result = np.empty((self.n_inputs, self.n_raw))
        weights = result[: self.n_features]
        if self.fit_intercept:
            result[-1] = g.sum(axis=0)
        if self.shifts:
            weights[:] = X.centered_pull(g, result[-1], self.center)
            weights[self.constant] = 0.0
        else:
            weights[:] = X.pull(g)
        weights[:, self.n_weighted :] = 0.0
        return result.ravel()

    def push_forward(self, X: Matrix, direction: Array) -> Array:
        matrix = direction.reshape(self.n_inputs, self.n_raw)
        weights = matrix[: self.n_features]
        raw = X.centered_dot(weights, self.center) if self.shifts else X.dot(weights)
        if self.fit_intercept:
            raw += matrix[-1]
        return raw

    def gram(self, X: Matrix, curvature: Array) -> Array:
        m, k, constant = self.n_inputs, self.n_raw, np.flatnonzero(self.constant)
        if curvature.ndim == 2:
            grams = X.grams(curvature, self.center)
            grams[:, constant] = grams[:, :, constant] = 0.0
            grams[self.n_weighted :, :-1] = grams[self.n_weighted :, :, :-1] = 0.0
            return grams[:, :m, :m]
        result = X.coupled_gram(curvature, self.center)
        result[constant] = result[:, :, constant] = 0.0
        result[:-1, self.n_weighted :] = result[:, :, :-1, self.n_weighted :] = 0.0
        return result[:m, :, :m].reshape(1, m * k, m * k)

    def blocks(self, vector: Array, n_blocks: int) -> Array:
        return vector.reshape(-1, n_blocks).T

    def unblocked(self, blocks: Array) -> Array:
        return blocks.T.ravel()

    def centered_gradient(self, gradient: Array, mean: Array) -> Array:
        matrix = gradient.reshape(self.n_inputs, self.n_raw).copy()
        if self.fit_intercept and mean is not self.center:
            matrix[:-1] -= (mean - self.center)[:, None] * matrix[-1]
        return matrix.ravel()

    def relative(self, gradient: Array, forces: Array | float, scale: Array) -> Array:
        size, bound = np.abs(gradient).reshape(self.n_inputs, self.n_raw), scale[: self.n_inputs].copy()
        bound[: self.n_features, : self.n_weighted] += forces
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio: Array = size / bound
        ratio[size == 0] = 0.0
        return ratio

    def curvature_scale(self, curvature: Callable[[], Array], spread: Array, ridge: Callable[[], Array]) -> Array:
        """Return the mean curvature of the loss times the mean square of each column, plus the curvature of the penalty."""
        matrix = np.empty((self.n_inputs, self.n_raw))
        matrix[:] = curvature()
        matrix[: self.n_features] *= (spread**2)[:, None]
        matrix[: self.n_features, : self.n_weighted] += ridge()
        floor = np.where(matrix > 0, matrix, np.inf).min(initial=np.inf)
        return np.where(matrix > 0, matrix, floor if np.isfinite(floor) else 1.0).ravel()
