"""The multi-layer perceptron, with forward and back propagation. `ACTIVATIONS` maps names to activation functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import erf, expit

from ..arrays import Array
from ..rows.base import ColumnMoments
from ..rows.matrices import Matrix
from .base import BoundModel, Model

__all__ = ["ACTIVATIONS", "MLP", "Network"]

LEAK = 0.01

# Factor on the initial weights of the last layer: the fit starts near the best constant prediction.
LAST = 0.1


def _gelu_slope(z: Array, a: Array) -> Array:
    return 0.5 * (1.0 + erf(z / np.sqrt(2.0))) + z * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


# Each activation is a function of z and its derivative as a function of z and the value a.
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    "identity": (lambda z: z, lambda z, a: np.ones_like(z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: z > 0),
    "leaky_relu": (lambda z: np.maximum(z, LEAK * z), lambda z, a: np.where(z > 0, 1, LEAK).astype(z.dtype)),
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
    "logistic": (expit, lambda z, a: a * (1 - a)),
    "gelu": (lambda z: (0.5 * z * (1.0 + erf(z / np.sqrt(2.0)))).astype(z.dtype), _gelu_slope),
    "softplus": (lambda z: np.logaddexp(z, 0).astype(z.dtype), lambda z, a: expit(z)),
}

# The variance of the initial weights is He's gain / fan_in for these relu-like activations, and Glorot's for the others.
HALVES = ("relu", "leaky_relu", "gelu", "softplus")


class MLP(Model):
    r"""A multi-layer perceptron.

    .. math:: a_0 = x, \qquad a_l = f(a_{l-1} W_l + b_l), \qquad raw = a_{L-1} W_L + b_L

    X and y need no scaling: internally, the columns of X are standardised (without a copy, and sparse columns stay sparse), and
    raw is in units of the spread of y. The penalty acts on the weights of the scaled problem, so `alpha` depends neither on the
    units of X nor, in regression, on the unit of y. `coefs_` and `intercepts_` are those for the original X and y.

    With ``solver="auto"``, `LBFGS` is used for up to 2,000 rows if the loss and the penalty are smooth and there is no dropout,
    and `Adam` otherwise.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(100,)
        Number of units in each hidden layer.
    activation : {"identity", "relu", "leaky_relu", "tanh", "logistic", "gelu", "softplus"}, default="relu"
        Activation function f of the hidden layers.
    init : {"auto", "he", "glorot"} or callable, default="auto"
        Initialisation of the weights. "auto" means "he" for relu-like activations and "glorot" for the others. A function
        ``init(shape, random_state)`` is called for each layer. Intercepts start at zero, and those of the last layer at the
        best constant prediction.
    dropout : float, default=0.0
        Share of hidden units that are dropped at random in each step of a stochastic solver; the others are scaled up.
    n_init : int, default=1
        Number of fits from different random initial weights. The fit with the lowest objective is kept; with early stopping,
        the fit with the lowest validation loss.

    References
    ----------
    D. Rumelhart, G. Hinton and R. Williams, Learning representations by back-propagating errors, 1986; X. Glorot and Y. Bengio,
    Understanding the difficulty of training deep feedforward neural networks, 2010; K. He et al., Delving Deep into
    Rectifiers, 2015; N. Srivastava et al., Dropout, 2014; D. Hendrycks and K. Gimpel, Gaussian Error Linear Units, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.models import MLP
    >>> X = np.linspace(-2.0, 2.0, 200).reshape(-1, 1)
    >>> y = np.abs(X[:, 0])
    >>> model = GDRegressor(loss="huber", alpha=0.0, model=MLP((20,)), tol=1e-4, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.99)
    True
    """

    ranges = {
        "hidden_layer_sizes": (
            "an integer >= 1, or a tuple of them",
            lambda value: all(size >= 1 and int(size) == size for size in np.atleast_1d(value)),
        ),
        "activation": (f"one of {', '.join(map(repr, ACTIVATIONS))}", lambda value: value in ACTIVATIONS),
        "init": ("'auto', 'he', 'glorot' or a function", lambda value: callable(value) or value in ("auto", "he", "glorot")),
        "dropout": ("a number from 0 to below 1", lambda value: 0 <= value < 1),
        "n_init": ("an integer >= 1", lambda value: value >= 1 and int(value) == value),
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        init: str | Callable[..., Any] = "auto",
        dropout: float = 0.0,
        n_init: int = 1,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.dropout = dropout
        self.n_init = n_init

    def bind(self, n_raw: int, fit_intercept: bool, moments: ColumnMoments) -> Network:
        hidden = [int(size) for size in np.atleast_1d(self.hidden_layer_sizes)]
        sizes = [len(moments.mean), *hidden, n_raw]
        spread = moments.spread(centered=fit_intercept)
        middle = moments.mean if fit_intercept else np.zeros(sizes[0])
        return Network(sizes, self.activation, float(self.dropout), fit_intercept, middle, spread)

    def start(self, bound: Network, constant: Array, random_state: np.random.RandomState) -> Array:
        params = bound.at_constant(constant)
        weights, _ = bound.layers(params)
        for matrix in weights:
            matrix[:] = self._drawn(matrix.shape, random_state)
        weights[0][bound.flat] = 0.0
        weights[-1][:] *= LAST
        return params

    def _drawn(self, shape: tuple[int, ...], random_state: np.random.RandomState) -> Array:
        """Return the initial weights of a layer."""
        if callable(self.init):
            drawn = np.asarray(self.init(shape, random_state), dtype=np.float64)
            if drawn.shape != shape or not np.all(np.isfinite(drawn)):
                raise ValueError(f"MLP(init=...) returned shape {drawn.shape}: expected finite numbers of shape {shape}.")
            return drawn
        he = self.init == "he" or (self.init == "auto" and self.activation in HALVES)
        variance = 2.0 / shape[0] if he else 2.0 / (shape[0] + shape[1])
        return random_state.uniform(-1.0, 1.0, size=shape) * np.sqrt(3.0 * variance)

    def raw(self, X: Any, fitted: Mapping[str, Any]) -> Array:
        activate = ACTIVATIONS[self.activation][0]
        layers = list(zip(fitted["coefs_"], fitted["intercepts_"], strict=True))
        values = np.asarray(X @ layers[0][0]) + layers[0][1]
        for weights, intercept in layers[1:]:
            values = activate(values) @ weights + intercept
        return values


class Network(BoundModel):
    """A bound `MLP`: the flat params are the weights of all layers, then all intercepts, for scaled columns.

    Parameters
    ----------
    sizes : list of int
        Number of units in each layer, from the columns of X to those of raw.
    activation : str
    dropout : float
    fit_intercept : bool
    center, spread : ndarray of shape (n_features,)
        Subtracted from the columns, and divisor of the columns. A column with zero spread is left out, and its weights do not
        change.
    """

    def __init__(
        self, sizes: list[int], activation: str, dropout: float, fit_intercept: bool, center: Array, spread: Array
    ) -> None:
        self.sizes, self.activation, self.dropout, self.fit_intercept = sizes, activation, dropout, fit_intercept
        self.n_features, self.n_raw = sizes[0], sizes[-1]
        self.center, self.unit, self.loss_slope, self.loss_unit = center, np.ones(self.n_raw), 1.0, 1.0
        self.flat = spread == 0
        self.scale = np.divide(1.0, spread, out=np.zeros_like(center), where=~self.flat)[:, None]
        self.has_dropout = dropout > 0
        self.shapes = list(pairwise(sizes))
        self.n_penalised = sum(a * b for a, b in self.shapes)
        self.size = self.n_penalised + fit_intercept * sum(sizes[1:])

    def at_constant(self, constant: Array) -> Array:
        params = np.zeros(self.size)
        if self.fit_intercept:
            params[-self.n_raw :] = constant / self.unit
        return params

    def typical(self) -> Array:
        result = np.empty(self.size)
        for parameters, (fan_in, _) in zip(zip(*self.layers(result), strict=True), self.shapes, strict=True):
            for array in parameters:
                array[:] = np.sqrt(2.0 / fan_in)
        return result

    def rebound(self, params: Array, drawn: Callable[[], Array], before: BoundModel) -> Array:
        """Return params with drawn weights for columns that only now have a spread and have no weights from an earlier fit."""
        assert isinstance(before, Network)
        params = params.copy()
        first = self.layers(params)[0][0]
        new = before.flat & ~self.flat & ~first.any(axis=1)
        first[new] = self.layers(drawn())[0][0][new]
        return params

    def in_units(self, measured: Callable[[], tuple[Array, float, bool]]) -> Network:
        """Return the network with the measured unit of raw, slope of the loss, and unit of the loss.

        The last layer is in the unit of raw, (K,). The slope is the size of dF / draw at the start. If y has a unit, the
        penalty value, which is dimensionless, is multiplied by the unit of the loss, slope times unit.
        """
        unit, slope, has_unit = measured()
        result = copy(self)
        result.unit = np.where((unit > 0) & np.isfinite(unit), unit, 1.0)
        result.loss_slope = slope * float(result.unit.max()) or 1.0
        result.loss_unit = result.loss_slope if has_unit else 1.0
        return result

    def layers(self, params: Array) -> tuple[list[Array], list[Array]]:
        """Return views of the weights and the intercepts of each layer; without intercepts, zeros."""
        weights, start = [], 0
        for a, b in self.shapes:
            weights.append(params[start : start + a * b].reshape(a, b))
            start += a * b
        if not self.fit_intercept:
            return weights, [np.zeros(b) for _, b in self.shapes]
        edges = np.cumsum(self.sizes[1:])[:-1]
        return weights, np.split(params[start:], edges)

    def weights(self, params: Array) -> Array:
        return params[: self.n_penalised].reshape(-1, 1)

    def with_weights(self, params: Array, weights: Array) -> Array:
        return np.concatenate([weights.ravel(), params[self.n_penalised :]])

    def padded(self, per_weight: Array) -> Array:
        return np.concatenate([per_weight.ravel(), np.zeros(self.size - self.n_penalised)])

    def forward(
        self, X: Matrix, params: Array, random_state: np.random.RandomState | None = None
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return raw, (n, K), and the function that pulls a gradient in raw, (n, K), back to one in params.

        A random state is given in the steps of a stochastic solver: hidden units are dropped, in single precision.
        """
        activate, slope = ACTIVATIONS[self.activation]
        weights, intercepts = self.layers(params)
        columns = X.scaled(self.center, self.scale, np.float64 if random_state is None else np.float32)
        dtype = columns.dtype
        z = (columns.dot(weights[0]) + intercepts[0]).astype(dtype, copy=False)
        later = [matrix.astype(dtype, copy=False) for matrix in weights[1:]]
        inputs, slopes = [], []
        for matrix, intercept in zip(later, intercepts[1:], strict=True):
            a = activate(z)
            derivative = slope(z, a)
            if random_state is not None and self.dropout:
                kept = ((random_state.random_sample(z.shape) >= self.dropout) / (1.0 - self.dropout)).astype(dtype)
                a, derivative = a * kept, derivative * kept
            inputs.append(a)
            slopes.append(derivative)
            z = a @ matrix
            z += intercept.astype(dtype, copy=False)

        def pull(g: Array) -> Array:
            result = np.empty(self.size)
            into, below = self.layers(result)
            delta = (g * self.unit).astype(dtype, copy=False)
            for i in range(len(later) - 1, -1, -1):
                into[i + 1][:] = inputs[i].T @ delta
                below[i + 1][:] = delta.sum(axis=0)
                delta = delta @ later[i].T
                delta *= slopes[i]
            into[0][:], below[0][:] = columns.pull(delta), delta.sum(axis=0)
            return result

        return self.unit * z, pull

    def to_internal(self, params: Array) -> Array:
        """Return params for the original X and y, converted to the scaled ones."""
        params = np.array(params, dtype=np.float64)
        weights, intercepts = self.layers(params)
        intercepts[0][:] += self.center @ weights[0]
        weights[0][:] /= np.where(self.flat[:, None], 1.0, self.scale)
        weights[-1][:] /= self.unit
        intercepts[-1][:] /= self.unit
        return params

    def to_original(self, params: Array) -> Array:
        """Return params for the scaled X and y, converted to the original ones."""
        params = np.array(params, dtype=np.float64)
        weights, intercepts = self.layers(params)
        weights[0][:] *= np.where(self.flat[:, None], 1.0, self.scale)
        intercepts[0][:] -= self.center @ weights[0]
        weights[-1][:] *= self.unit
        intercepts[-1][:] *= self.unit
        return params

    def relative(self, gradient: Array, forces: Array | float, scale: Array) -> Array:
        return np.abs(gradient) / self.loss_slope

    def attributes(self, params: Array, dtype: Any, shaped: Callable[[Array], Any]) -> dict[str, Any]:
        """Return coefs_, one array (fan_in, fan_out) per layer, and intercepts_."""
        layers = zip(("coefs_", "intercepts_"), self.layers(self.to_original(params)), strict=True)
        return {name: [array.astype(dtype) for array in arrays] for name, arrays in layers}

    def from_attributes(self, fitted: Mapping[str, Any]) -> Array | None:
        weights = fitted.get("coefs_", [])
        if [np.shape(matrix) for matrix in weights] != self.shapes:
            return None
        parts = [*weights, *(fitted["intercepts_"] if self.fit_intercept else [])]
        return self.to_internal(np.concatenate([np.ravel(part) for part in parts]))
