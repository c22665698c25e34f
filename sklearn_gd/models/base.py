"""The contract of a model, and of what it becomes when the shapes are known."""

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
    """An objective that is searched along a direction, by raw and its change or by gradients."""

    def along_raw(self, params: Array, direction: Array) -> Line:
        """Return its smooth part for a model whose raw is linear in the params."""

    def along_params(self, params: Array, direction: Array) -> Line:
        """Return its smooth part for any model."""


class Model(Part, ABC):
    """The kind of function that makes raw predictions from X: configuration, of which `bind` makes the map itself.

    Attributes
    ----------
    n_init : int
        How many times to begin anew.
    sparse_updates : bool
        Whether the weights of a column that has been zero in all rows are zero.
    """

    n_init: int = 1
    sparse_updates: bool = False

    @abstractmethod
    def bind(self, n_raw: int, fit_intercept: bool, moments: ColumnMoments) -> BoundModel:
        """Return the map for this number of outputs and for columns with these moments."""

    @abstractmethod
    def start(self, bound: Any, constant: Array, random_state: np.random.RandomState) -> Array:
        """Return the first parameters; `constant` is the best intercept without features, shape (K,)."""

    @abstractmethod
    def raw(self, X: Any, fitted: Mapping[str, Any]) -> Array:
        """Return raw, (n, K), from the fitted attributes."""


class BoundModel(ABC):
    """A model for given shapes: a map from flat params and a matrix to raw, and back.

    Its internal coordinates may differ from those of the fitted attributes, the original ones: columns are centred or scaled.

    Attributes
    ----------
    n_features, n_raw, size, n_penalised : int
        The columns of X, those of raw, the number of params, and of the features that a penalty sees.
    fit_intercept : bool
    loss_unit : float
        The unit of F in which the penalty of the weights is measured.
    loss_slope : float
        The size of dF / draw at the start, in the model's unit of raw.
    has_gram : bool
        Whether raw is linear in the params, and so has a Gram matrix: it is a `LinearBound`.
    has_dropout : bool
        Whether a step draws which units it leaves out.
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

        With a random state this is one step of many: hidden units may be dropped.
        """

    def raw(self, X: Matrix, params: Array) -> Array:
        """Return raw, (n, K)."""
        return self.forward(X, params)[0]

    @abstractmethod
    def at_constant(self, constant: Array) -> Array:
        """Return the params of a constant raw prediction, (K,), flat; without an intercept it is zero."""

    @abstractmethod
    def weights(self, params: Array) -> Array:
        """Return the penalised part, a view of shape (n_penalised, ...)."""

    @abstractmethod
    def with_weights(self, params: Array, weights: Array) -> Array:
        """Return params with other weights."""

    @abstractmethod
    def padded(self, per_weight: Array) -> Array:
        """Return a number for each weight as a flat vector with zeros for the intercepts."""

    def to_internal(self, params: Array) -> Array:
        """Return flat params in internal coordinates, from original ones."""
        return params

    def to_original(self, params: Array) -> Array:
        """Return flat params in original coordinates, from internal ones."""
        return params

    @abstractmethod
    def attributes(self, params: Array, dtype: Any, shaped: Callable[[Array], Any]) -> dict[str, Any]:
        """Return the fitted attributes, of a dtype; `shaped` puts what has an entry for each column of raw into y's shape."""

    @abstractmethod
    def from_attributes(self, fitted: Mapping[str, Any]) -> Array | None:
        """Return the params of fitted attributes; None if there are none of this shape."""

    def uncentered(self) -> BoundModel:
        """Return the map in terms of the fitted attributes themselves, where it has such a form."""
        return self

    def in_units(self, measured: Callable[[], tuple[Array, float, bool]]) -> BoundModel:
        """Return the map in the units that are measured: see `Network.in_units`. A linear map needs none."""
        return self

    def rebound(self, params: Array, drawn: Callable[[], Array], before: BoundModel) -> Array:
        """Return params of a map bound anew, to more rows than `before`, which may draw some of them."""
        return params

    def centered_gradient(self, gradient: Array, mean: Array) -> Array:
        """Return a gradient as it is for columns centred at their mean, where there is an intercept: a copy."""
        return gradient.copy()

    def relative(self, gradient: Array, forces: Array, spread: Array, slopes: Array) -> Array:
        """Return the size of a subgradient relative to what it is at the constant prediction: (n_features + 1, K), or flat.

        `forces` is that of the penalty's own subgradient at each weight, `spread` the standard deviation of each column,
        `slopes` the root mean square of the loss's slope in each column of raw: the size by default.
        """
        return np.abs(gradient) / (float(np.hypot.reduce(slopes)) or 1.0)

    def typical(self) -> Array:
        """Return the typical size of each parameter at the start, flat."""
        return np.ones(self.size)

    def curvature_scale(self, curvature: Callable[[], Array], spread: Array, ridge: Callable[[], Array]) -> Array:
        """Return an estimate of the diagonal of F's second derivative, flat and positive.

        It may ask for the mean curvature of the loss in each column of raw, (K,), and the penalty's at each weight.
        """
        return self.loss_unit * self.typical() ** -2.0

    def along(self, objective: Searched, params: Array, direction: Array) -> Line:
        """Return an objective's smooth part along a direction in params."""
        return objective.along_params(params, direction)


class LinearBound(BoundModel):
    """A model whose raw is linear in the params.

    Attributes
    ----------
    n_inputs : int
        The features, and the intercept.
    center : ndarray of shape (n_features,)
        What is taken from the columns.
    """

    has_gram = True
    n_inputs: int
    center: Array

    @abstractmethod
    def push_forward(self, X: Matrix, direction: Array) -> Array:
        """Return the change of raw along a direction in params: (n, K)."""

    @abstractmethod
    def pull(self, X: Matrix, g: Array) -> Array:
        """Return the gradient of the sum of g * raw, flat."""

    @abstractmethod
    def gram(self, X: Matrix, curvature: Array) -> Array:
        """Return the sum over rows of J' C J, shape (blocks, m, m).

        For a curvature of shape (n, K), the diagonal of C, the K columns of params do not interact: K blocks of n_inputs. For
        one of shape (n, K, K) there is a single block of size n_inputs * K, in the order of params.
        """

    @abstractmethod
    def blocks(self, vector: Array, n_blocks: int) -> Array:
        """Return a flat vector in the layout of the blocks of `gram`: (blocks, m)."""

    @abstractmethod
    def unblocked(self, blocks: Array) -> Array:
        """Return the flat vector of `blocks`."""

    @abstractmethod
    def restricted(self, features: Array) -> LinearBound:
        """Return the map of some features alone, given by their numbers."""

    @abstractmethod
    def among(self, places: Array, n_features: int) -> LinearBound:
        """Return the map of more features, at some places of which are these; the others have been zero."""

    @abstractmethod
    def narrowed(self, params: Array, features: Array) -> Array:
        """Return the params of some features, and the intercept, flat."""

    @abstractmethod
    def widened(self, params: Array, features: Array) -> Array:
        """Return params that are zero but for those of some features, and the intercept, flat."""

    def along(self, objective: Searched, params: Array, direction: Array) -> Line:
        return objective.along_raw(params, direction)
