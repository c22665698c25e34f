"""The contract of a model, and of the bound model for given shapes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ..arrays import Array
from ..parts import Part
from ..rows.base import ColumnMoments
from ..rows.matrices import Matrix

__all__ = ["BoundModel", "LinearBound", "Model"]

Line = Callable[[float], tuple[float, float]]


class Searched(Protocol):
    """An objective for a line search, by raw and its change or by gradients."""

    def along_raw(self, params: Array, direction: Array) -> Line:
        """Return the smooth part along the direction, for a model whose raw is linear in the params."""

    def along_params(self, params: Array, direction: Array) -> Line:
        """Return the smooth part along the direction, for any model."""


class Model(Part, ABC):
    """Base class of models: the configuration of a map from X to raw predictions, which `bind` creates.

    Attributes
    ----------
    n_init : int
        Number of initialisations.
    sparse_updates : bool
        Whether columns that have been zero in all rows so far have zero weights.
    """

    n_init: int = 1
    sparse_updates: bool = False

    @abstractmethod
    def bind(self, n_raw: int, fit_intercept: bool, moments: ColumnMoments) -> BoundModel:
        """Return the map for this number of columns of raw and for columns of X with these moments."""

    def bind_some(self, n_weighted: int, n_raw: int, fit_intercept: bool, moments: ColumnMoments) -> BoundModel:
        """Return the map of which only the first `n_weighted` columns of raw depend on X.

        Raises
        ------
        ValueError
            If the model has no such map.
        """
        if n_weighted != n_raw:
            raise ValueError(f"{type(self).__name__} needs a loss whose parameters all depend on X: use model='linear'.")
        return self.bind(n_raw, fit_intercept, moments)

    @abstractmethod
    def start(self, bound: Any, constant: Array, random_state: np.random.RandomState) -> Array:
        """Return the initial parameters; `constant` is the best intercept without features, shape (K,)."""

    @abstractmethod
    def raw(self, X: Any, fitted: Mapping[str, Any]) -> Array:
        """Return raw, (n, K), from the fitted attributes."""


class BoundModel(ABC):
    """A model for given shapes: a map from flat params and a matrix to raw, with its derivative.

    Its internal coordinates may differ from the original ones, those of the fitted attributes: columns may be centred or
    scaled.

    Attributes
    ----------
    n_features, n_raw, size, n_penalised : int
        Number of columns of X, of columns of raw, of params, and of features that the penalty sees.
    fit_intercept : bool
        Whether the model has an intercept.
    loss_unit : float
        The unit of F in which the penalty of the weights is measured.
    loss_slope : float
        The size of dF / draw at the start, in the model's unit of raw.
    has_gram : bool
        Whether raw is linear in the params and so has a Gram matrix; the model is then a `LinearBound`.
    has_dropout : bool
        Whether the model drops random units in a step.
    """

    n_features: int
    n_raw: int
    size: int
    n_penalised: int
    fit_intercept: bool
    loss_unit: float = 1.0
    loss_slope: float = 1.0
    has_gram: bool = False
    has_dropout: bool = False

    @abstractmethod
    def forward(
        self, X: Matrix, params: Array, random_state: np.random.RandomState | None = None
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return raw, (n, K), and the function that pulls a gradient in raw, (n, K), back to one in params.

        A random state is given in the steps of a stochastic solver: hidden units may then be dropped.
        """

    def raw(self, X: Matrix, params: Array) -> Array:
        """Return raw, (n, K)."""
        return self.forward(X, params)[0]

    @abstractmethod
    def at_constant(self, constant: Array) -> Array:
        """Return the flat params of a constant raw prediction, (K,), which is zero without an intercept."""

    @abstractmethod
    def weights(self, params: Array) -> Array:
        """Return the penalised part of the params, a view of shape (n_penalised, ...)."""

    @abstractmethod
    def with_weights(self, params: Array, weights: Array) -> Array:
        """Return the params with the weights replaced."""

    @abstractmethod
    def padded(self, per_weight: Array) -> Array:
        """Return per-weight numbers as a flat vector of params, with zeros for the intercepts."""

    def to_internal(self, params: Array) -> Array:
        """Return flat params in internal coordinates, from original ones."""
        return params

    def to_original(self, params: Array) -> Array:
        """Return flat params in original coordinates, from internal ones."""
        return params

    @abstractmethod
    def attributes(self, params: Array, dtype: Any, shaped: Callable[[Array], Any]) -> dict[str, Any]:
        """Return the fitted attributes in a dtype; `shaped` adapts arrays with an entry per column of raw to the shape of y."""

    @abstractmethod
    def from_attributes(self, fitted: Mapping[str, Any]) -> Array | None:
        """Return the params for fitted attributes; None if there are none of this shape."""

    def uncentered(self) -> BoundModel:
        """Return the map in original coordinates, if it has such a form."""
        return self

    def in_units(self, measured: Callable[[], tuple[Array, float, bool]]) -> BoundModel:
        """Return the map in the measured units (see `Network.in_units`); a linear map needs none."""
        return self

    def rebound(self, params: Array, drawn: Callable[[], Array], before: BoundModel) -> Array:
        """Return the params after the map is bound to more rows than `before`; some of them may be drawn at random."""
        return params

    def centered_gradient(self, gradient: Array, mean: Array) -> Array:
        """Return a copy of a gradient, converted to centred columns if there is an intercept."""
        return gradient.copy()

    def relative(self, gradient: Array, forces: Array | float, scale: Array) -> Array:
        """Return the size of a subgradient relative to the constant prediction: (n_features + 1, K), or flat.

        `forces` is the size of the penalty's own subgradient at each weight. `scale`, (n_features + 1, K), is the bound of the
        gradient of the mean loss of a linear model, whose last row is the root mean square of the slope of the loss.
        """
        return np.abs(gradient) / (float(np.hypot.reduce(scale[-1])) or 1.0)

    def typical(self) -> Array:
        """Return the typical size of each parameter at the start, as a flat vector."""
        return np.ones(self.size)

    def curvature_scale(self, curvature: Callable[[], Array], spread: Array, ridge: Callable[[], Array]) -> Array:
        """Return a positive estimate of the diagonal of the Hessian of F, as a flat vector.

        `curvature` returns the mean curvature of the loss in each column of raw, (K,), and `ridge` that of the penalty at each
        weight; they are only called if needed.
        """
        return self.loss_unit * self.typical() ** -2.0

    def along(self, objective: Searched, params: Array, direction: Array) -> Line:
        """Return the smooth part of an objective along a direction in params."""
        return objective.along_params(params, direction)


class LinearBound(BoundModel):
    """A bound model whose raw is linear in the params.

    Attributes
    ----------
    n_inputs : int
        Number of features, plus one for the intercept if there is one.
    center : ndarray of shape (n_features,)
        Subtracted from the columns.
    """

    has_gram = True
    n_inputs: int
    center: Array

    @abstractmethod
    def push_forward(self, X: Matrix, direction: Array) -> Array:
        """Return the change of raw, (n, K), along a direction in params."""

    @abstractmethod
    def pull(self, X: Matrix, g: Array) -> Array:
        """Return the gradient of the sum of g * raw, as a flat vector."""

    @abstractmethod
    def gram(self, X: Matrix, curvature: Array) -> Array:
        """Return the sum over rows of J' C J, shape (blocks, m, m).

        A curvature of shape (n, K) is the diagonal of C; the K columns of params do not interact and give K blocks of size
        n_inputs. A curvature of shape (n, K, K) gives a single block of size n_inputs * K, in the order of params.
        """

    @abstractmethod
    def blocks(self, vector: Array, n_blocks: int) -> Array:
        """Return a flat vector in the layout of the blocks of `gram`, (blocks, m)."""

    @abstractmethod
    def unblocked(self, blocks: Array) -> Array:
        """Return the flat vector for blocks: the inverse of `blocks`."""

    @abstractmethod
    def restricted(self, features: Array) -> LinearBound:
        """Return the map restricted to the features with the given indices."""

    @abstractmethod
    def among(self, places: Array, n_features: int) -> LinearBound:
        """Return the map of `n_features` features, with the current ones at `places`; the others have been zero."""

    @abstractmethod
    def narrowed(self, params: Array, features: Array) -> Array:
        """Return the flat params of some features and the intercept."""

    @abstractmethod
    def widened(self, params: Array, features: Array) -> Array:
        """Return the flat params of all features, zero except for some features and the intercept."""

    def along(self, objective: Searched, params: Array, direction: Array) -> Line:
        return objective.along_raw(params, direction)
