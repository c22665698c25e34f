"""The function that a fit minimises, with the operations that solvers need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..arrays import EPS, Array
from ..losses.base import Loss
from ..losses.wrapped import Moreau
from ..models.base import BoundModel, Line, LinearBound
from ..penalties.scaled import Scaled
from ..rows.base import Block, LocalRows, RowArray, Rows
from .certificate import Reference
from .summand import Summand

__all__ = ["Objective", "Point"]


@dataclass
class Point:
    """The objective evaluated at some params.

    Attributes
    ----------
    params : ndarray, flat
    value : float
        F.
    gradient : ndarray, flat
        The gradient of the smooth part of F.
    optimality : float
        The certificate: 0 at an optimum, about 1 at the constant prediction, whatever the units.
    """

    params: Array
    value: float
    gradient: Array
    optimality: float


@dataclass(frozen=True, eq=False)
class Objective:
    r"""The objective F of a model's parameters on data.

    .. math:: F(params) = \frac{\sum_i w_i \, \ell(y_i, raw_i)}{\sum_i w_i \, mass_i} + \alpha R(weights)

    F = smooth + nonsmooth: the smooth part is the loss and the smooth penalties; the other part has a prox. An objective is
    immutable: for other rows, features or losses, create another one.

    Attributes
    ----------
    rows : Rows
    summand : Summand
        The loss of the model on a row.
    penalty : Scaled
        alpha * R, in the model's unit of loss.
    total : float
        The denominator.
    reference : Reference
        The scale set by the best constant prediction.
    remainder : tuple of float and ndarray
        The mean loss of rows that are left out, as a linear function of params: a constant, and its flat gradient.
    """

    rows: Rows
    summand: Summand
    penalty: Scaled
    total: float
    reference: Reference
    remainder: tuple[float, Array]

    @classmethod
    def on(cls, rows: Rows, summand: Summand, penalty: Scaled, reference: Reference, total: float | None = None) -> Objective:
        """Return the objective of rows on their own; the total is computed if it is not given."""
        total = rows.reduce(summand.mass)[0] if total is None else total
        scaled = Scaled(penalty.shape, penalty.alpha * summand.model.loss_unit)
        return cls(rows, summand, scaled, total, reference, (0.0, np.zeros(summand.model.size)))

    @property
    def model(self) -> BoundModel:
        """The bound model."""
        return self.summand.model

    @property
    def linear(self) -> LinearBound:
        """The bound model, for a solver that needs a linear one (`Need.LINEAR`)."""
        return self.summand.linear

    @property
    def local(self) -> LocalRows:
        """The rows, for a solver that needs them in memory (`Need.IN_MEMORY`)."""
        assert isinstance(self.rows, LocalRows), "what a solver needs is checked before it is asked"
        return self.rows

    @property
    def loss(self) -> Loss:
        """The loss."""
        return self.summand.loss

    @property
    def size(self) -> int:
        """Number of params."""
        return self.model.size

    # -- values and derivatives ---------------------------------------------------------------------------------------

    def value(self, params: Array) -> float:
        """Return F."""
        return self._mean(partial(self.summand.value, params)) + self.penalty_value(params)

    def value_at_raw(self, params: Array, raw: RowArray) -> float:
        """Return F from params and the raw of every row without its offset, (n, K)."""
        return self._mean(self.summand.value_at_raw, raw) + self.penalty_value(params)

    def _mean(self, kernel: Callable[..., tuple[float]], *arrays: RowArray) -> float:
        return float(self.rows.reduce(kernel, *arrays)[0]) / self.total

    def smooth_penalty_value(self, params: Array) -> float:
        """Return the smooth part of the penalty plus the mean loss of rows that are left out."""
        level, slope = self.remainder
        value = level + float(slope @ params)
        return value if self.penalty.absent else value + self.penalty.value(self.model.weights(params))

    def nonsmooth_value(self, params: Array) -> float:
        """Return the value of the nonsmooth part of the penalty, or of a constraint."""
        return 0.0 if self.penalty.smooth else self.penalty.nonsmooth_value(self.model.weights(params))

    def penalty_value(self, params: Array) -> float:
        """Return all of F except for the mean loss of its rows."""
        return self.smooth_penalty_value(params) + self.nonsmooth_value(params)

    def value_and_gradient(self, params: Array) -> tuple[float, Array]:
        """Return the smooth part of F and its flat gradient."""
        value, gradient = self.rows.reduce(partial(self.summand.value_and_gradient, params))
        return value / self.total + self.smooth_penalty_value(params), self.with_penalty(params, gradient / self.total)

    def with_penalty(self, params: Array, gradient: Array) -> Array:
        """Return the gradient of the smooth part of F from that of the mean loss, in its place."""
        gradient += self.remainder[1]
        if not self.penalty.smooth_part.absent:
            weights = self.model.weights(gradient)
            weights += self.penalty.gradient(self.model.weights(params))
        return gradient

    def at(self, params: Array) -> Point:
        """Return F at params, with its gradient and the certificate."""
        value, gradient = self.value_and_gradient(params)
        return Point(params, value + self.nonsmooth_value(params), gradient, self.optimality(params, gradient))

    def at_slopes(self, params: Array, value: float, gradient: Array, gap: float) -> Point:
        """Return a point for a loss with kinks, from a gradient by subgradients and the gap of F above their lines."""
        optimality = max(self.optimality(params, gradient), self.reference.shortfall(gap, value))
        return Point(params, value, gradient, optimality)

    def batch_value_and_gradient(
        self, params: Array, block: Block, mean_weight: float, random_state: np.random.RandomState | None = None
    ) -> tuple[float, Array]:
        """Return the mean loss of a mini-batch and its flat gradient; both are unbiased.

        The random state is for the dropout of a network.
        """
        value, gradient = self.summand.drawn_value_and_gradient(params, random_state, block)
        scale = 1.0 / (len(block.weight) * mean_weight)
        gradient *= scale
        return scale * value, gradient

    def gradient_of_slopes(self, slopes: RowArray) -> Array:
        """Return the flat gradient of the mean of slopes * raw, from a slope for each row, (n, K)."""
        return np.asarray(self.rows.reduce(self.summand.gradient_of_slopes, slopes)[0] / self.total)

    # -- curvature ----------------------------------------------------------------------------------------------------

    def hessian(self, params: Array, width: float = 0.0, clipped: bool = True) -> tuple[Array, float]:
        """Return the Hessian of the smooth part of F in the blocks of `LinearBound.gram`, and its effective number of rows.

        The number is that of rows with equal curvature: (sum c)^2 / sum c^2. If `clipped`, negative curvature of the loss is
        replaced by zero, so the result is positive semidefinite. The width is that of `Summand.curvature`.
        """
        gram, size, squares = self.rows.reduce_large(partial(self.summand.hessian, params, width, clipped))
        return self._with_ridge(params, gram), size * size / squares if squares > 0 else 0.0

    def uncoupled(self, params: Array, shared: bool) -> Array:
        """Return the `hessian` without interactions between columns of raw, (K, m, m), or for their mean, (1, m, m)."""
        return self._with_ridge(params, self.rows.reduce_large(partial(self.summand.uncoupled, params, shared))[0])

    def hessian_of_curvature(self, params: Array, curvature: RowArray, more: Array | float = 0.0) -> Array:
        """Return the `hessian` with the given curvature of the loss of each row, (n, K), and more on its flat diagonal."""
        return self._with_ridge(params, self.rows.reduce_large(self.summand.gram, curvature)[0], more)

    def _with_ridge(self, params: Array, gram: Array, more: Array | float = 0.0) -> Array:
        total, model = gram / self.total, self.linear
        ridges = model.blocks(self.ridge(params) + more, self.size // total.shape[1])
        diagonal = np.einsum("bii->bi", total)
        diagonal += ridges if len(ridges) == len(total) else ridges.mean(axis=0)
        return total

    def ridge(self, params: Array) -> Array:
        """Return the flat diagonal of the Hessian of the smooth penalty."""
        return self.model.padded(self.penalty.curvature(self.model.weights(params)))

    def second_derivative(self, params: Array) -> Callable[[Array], Array]:
        """Return the function that multiplies the Hessian of the smooth part of F by a flat vector.

        What it needs for each row is stored, so a product takes one pass over X.
        """
        state, ridge = self.rows.map(partial(self.summand.curvature_state, params)), self.ridge(params)

        def product(vector: Array) -> Array:
            return np.asarray(self.rows.reduce(partial(self.summand.product, vector), state)[0] / self.total + ridge * vector)

        return product

    def mean_curvature(self, params: Array) -> Array:
        """Return the second derivative of the loss in each column of raw, averaged over the rows: (K,), positive."""
        mean = self.rows.reduce(partial(self.summand.mean_curvature, params))[0] / self.total
        if not self.loss.convex:  # curvature cut at zero is not informative: use the slopes
            value, squares = self.rows.reduce(partial(self.summand.value_and_squares, params))
            density = squares / max(abs(value), EPS * self.total)
            mean = np.where(mean > 0.01 * density, mean, density)
        mean = np.maximum(mean, 1e-3 * mean.max(initial=0.0))
        usable = np.all(np.isfinite(mean)) and mean.max(initial=0.0) > 0
        return mean if usable else np.ones_like(mean)

    def diagonal(self, params: Array, mean_curvature: Array | None = None) -> Array:
        """Return a positive estimate of the flat diagonal of the Hessian, in units of F / params^2."""
        return self.model.curvature_scale(
            lambda: self.mean_curvature(params) if mean_curvature is None else mean_curvature,
            self.reference.spread,
            lambda: self.penalty.curvature(self.model.weights(params)),
        )

    # -- the penalty's prox -------------------------------------------------------------------------------------------

    def prox(self, params: Array, step: float | Array) -> Array:
        """Return argmin_u rest(u) + |u - params|^2 / (2 step); step is a number, or flat when the penalty is separable."""
        if self.penalty.smooth:
            return params
        steps = step if np.ndim(step) == 0 else self.model.weights(np.asarray(step))
        return self.model.with_weights(params, self.penalty.prox(self.model.weights(params), steps))

    def shrunk(self, params: Array, widths: Array) -> tuple[Array, Array]:
        """Return the result of the prox of the smooth penalty, and the widths for another prox after it.

        The penalty is approximated by a parabola, which is exact for l2; the two then give the prox of the sum.
        """
        widths = widths / (1.0 + widths * self.ridge(params))
        return params - widths * self.model.padded(self.penalty.gradient(self.model.weights(params))), widths

    # -- along a direction --------------------------------------------------------------------------------------------

    def along(self, params: Array, direction: Array) -> Line:
        """Return the smooth part of F on the line params + t direction, and its slope, as a function of t."""
        return self.model.along(self, params, direction)

    def along_params(self, params: Array, direction: Array) -> Line:
        """Return the same function, computed by a gradient at each t."""

        def line(t: float) -> tuple[float, float]:
            value, gradient = self.value_and_gradient(params + t * direction)
            return value, float(gradient @ direction)

        return line

    def along_raw(self, params: Array, direction: Array) -> Line:
        """Return the same function for a linear model: raw and its change are stored, so a trial needs no pass over X."""
        kept = self.rows.map(partial(self.summand.raw_and_change, params, direction))
        weights, tilt = self.model.weights, float(self.remainder[1] @ direction)

        def line(t: float) -> tuple[float, float]:
            value, slope = self.rows.reduce(partial(self.summand.along, t), *kept)
            point = params + t * direction
            push = float(np.vdot(self.penalty.gradient(weights(point)), weights(direction))) + tilt
            return value / self.total + self.smooth_penalty_value(point), slope / self.total + push

        return line

    # -- other objectives ---------------------------------------------------------------------------------------------

    def smoothed(self, step: float, multiplier: RowArray) -> Objective:
        """Return the objective with the Moreau envelope at raw + step * multiplier: a round of the proximal point method."""
        rows = self.rows.with_offset(self.rows.map(partial(_offset, step), multiplier))
        return replace(self.with_loss(Moreau(self.loss, step)), rows=rows)

    def sample(self, size: int) -> Objective:
        """Return the objective on about `size` rows, spread over the data; itself if that is at least half of the rows."""
        if 2 * size >= self.rows.n_samples:
            return self
        return self.over(self.rows.sample(size))

    def over(self, rows: Rows) -> Objective:
        """Return the objective on other rows on their own."""
        total = rows.columns(np.arange(0)).reduce(self.summand.mass)[0]  # without reading X
        return replace(self, rows=rows, total=total)

    def restricted(self, features: Array) -> Objective:
        """Return the objective for the features with the given indices; the others are fixed at zero."""
        model = self.linear
        return replace(
            self,
            rows=self.rows.columns(features),
            summand=replace(self.summand, model=model.restricted(features)),
            penalty=self.penalty.for_features(features),
            reference=self.reference.among(features),
            remainder=(self.remainder[0], model.narrowed(self.remainder[1], features)),
        )

    def with_loss(self, loss: Loss) -> Objective:
        """Return the objective under another loss."""
        return self if loss is self.loss else replace(self, summand=replace(self.summand, loss=loss))

    def with_model(self, model: BoundModel) -> Objective:
        """Return the objective with its model in other coordinates."""
        if model is self.model:
            return self
        penalty = Scaled(self.penalty.shape, self.penalty.alpha / self.model.loss_unit * model.loss_unit)
        return replace(self, summand=replace(self.summand, model=model), penalty=penalty)

    # -- the certificate ----------------------------------------------------------------------------------------------

    def subgradient(self, params: Array, gradient: Array) -> Array:
        """Return the flat smallest subgradient of F from the gradient of its smooth part."""
        if self.penalty.smooth:
            return gradient
        weights = self.model.weights
        return gradient + self.model.padded(self.penalty.subgradient(weights(params), weights(gradient)))

    def optimality(self, params: Array, gradient: Array) -> float:
        """Return the certificate: 0 at an optimum, about 1 at the constant prediction, whatever the units."""
        worst = float(self.violations(params, gradient).max(initial=0.0))
        return worst if np.isfinite(worst) else np.inf

    def violations(self, params: Array, gradient: Array) -> Array:
        """Return the size of the smallest subgradient of F relative to its size at the constant prediction.

        For a linear model it has shape (n_features + 1, K) and uses the Cauchy-Schwarz bound of each column, centred if there
        is an intercept.
        """
        centered, penalty = self.model.centered_gradient(gradient, self.reference.mean), self.penalty
        if penalty.absent:
            return self.model.relative(centered, 0.0, self.reference.scale)
        weights, inside = self.model.weights(params), self.model.weights(centered)
        kink = penalty.subgradient(weights, inside)
        inside += kink
        return self.model.relative(centered, np.abs(penalty.gradient(weights) + kink), self.reference.scale)


def _offset(step: float, block: Block, multiplier: Array) -> Array:
    """Return the offset of a block with step * multiplier added to it: a kernel."""
    return step * multiplier if block.offset is None else step * multiplier + block.offset
