"""The function that a fit minimises, and everything that solvers may ask of it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

import numpy as np

from ..arrays import EPS, Array
from ..losses.base import Loss, Moreau
from ..models import LinearMap
from ..penalties import NoPenalty, Penalty
from ..rows.memory import Block, Data
from ..targets import Target
from .certificate import Certified
from .line import Line

__all__ = ["Objective"]

# How many numbers the (K, K) matrices of some rows may take.
MATRICES = 1 << 20


class Objective(Certified):
    r"""The cost of a model's parameters on data.

    .. math:: F(params) = \frac{\sum_i w_i \, \ell(y_i, raw_i)}{\sum_i w_i \, mass_i} + \alpha R(weights)

    F = smooth + rest: the smooth part is the loss and the smooth penalties, the rest is what has a prox.

    Parameters
    ----------
    data : Data
    target : Target
    model : LinearMap or Network
        A bound model. Only solvers for linear models ask for more than the two share.
    loss : Loss
    penalty : Penalty
    alpha : float
        The strength of the penalty, in the model's unit of loss.
    offset : ndarray of shape (n, K), optional
        Added to raw, row by row.
    """

    def __init__(
        self,
        data: Data,
        target: Target,
        model: Any,
        loss: Loss,
        penalty: Penalty,
        alpha: float,
        offset: Array | None = None,
    ) -> None:
        self.data, self.target, self.model, self.loss = data, target, model, loss
        self.alpha, self.offset = alpha * model.loss_unit, offset
        self._take(penalty)
        self.size = model.size
        self.column_norms = data.moments.norms(model.fit_intercept)
        # The mean loss of rows that are left out, as a function of params: a number, and its gradient.
        self.line = 0.0, np.zeros(model.size)
        self.total = self._mass()

    def _take(self, penalty: Penalty) -> None:
        """Note the penalty and its parts; a kink that costs nothing is none."""
        self.penalty, self.smooth_penalty, self.prox_penalty = penalty, penalty.smooth_part, penalty.prox_part
        if self.prox_penalty.selects and not self.alpha:
            self.prox_penalty = NoPenalty()
        self.separable = self.prox_penalty.separable

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _mass(self) -> float:
        """Return the sum of weight times mass of the rows: the denominator."""
        return float(self.data.reduce(lambda block: (block.weight @ self.loss.mass(self.encoded(block)),))[0])

    def encoded(self, block: Block) -> Array:
        """Return y of a block as the loss sees it."""
        return self.target.encode(block.y, self.loss.rowwise)

    def shifted(self, block: Block, raw: Array) -> Array:
        """Return raw of a block with its offset."""
        return raw if self.offset is None else raw + self.offset[block.rows]

    def cost(self, value: Array, weight: Array) -> float:
        """Return the block's share of the weighted mean."""
        return float(weight @ (value if value.ndim == 1 else value.sum(axis=1))) / self.total

    @property
    def unpenalised(self) -> bool:
        """Whether F is the loss alone."""
        return self.prox_penalty.absent and (self.smooth_penalty.absent or not self.alpha)

    # -- values and derivatives ---------------------------------------------------------------------------------------

    def value(self, params: Array) -> float:
        """Return F."""

        def part(block: Block) -> tuple[float]:
            raw = self.shifted(block, self.model.raw(block.X, params))
            return (self.cost(self.loss.value(self.encoded(block), raw), block.weight),)

        return self.data.reduce(part)[0] + self.price(params)

    def smooth_price(self, params: Array) -> float:
        """Return the smooth part of the penalty, times alpha, and the mean loss of rows that are left out."""
        level, tilt = self.line
        price = self.alpha * self.smooth_penalty.value(self.model.weights(params)) if self.alpha else 0.0
        return price + level + float(tilt @ params)

    def price(self, params: Array) -> float:
        """Return the whole penalty, times alpha."""
        return self.smooth_price(params) + self.rest(params)

    def rest(self, params: Array) -> float:
        """Return the penalty that is not smooth, or a constraint."""
        price = self.prox_penalty.value(self.model.weights(params))
        return self.alpha * price if np.isfinite(price) else price

    def value_and_gradient(self, params: Array) -> tuple[float, Array]:
        """Return the smooth part of F and its gradient, flat."""

        def part(block: Block) -> tuple[float, Array]:
            raw, pull_back = self.model.forward(block.X, params)
            value, slope = self.loss.value_and_gradient(self.encoded(block), self.shifted(block, raw))
            return self.cost(value, block.weight), pull_back(block.weight[:, None] * slope)

        value, gradient = self.data.reduce(part)
        return value + self.smooth_price(params), self.with_penalty(params, gradient / self.total)

    def batch_value_and_gradient(
        self, params: Array, block: Block, mean_weight: float, random_state: np.random.RandomState | None = None
    ) -> tuple[float, Array]:
        """Return the mean loss of a mini-batch, and its gradient, flat; both unbiased.

        The random state is for what a network does at random.
        """
        raw, pull_back = self.model.forward(block.X, params, random_state)
        value, slope = self.loss.value_and_gradient(self.encoded(block), self.shifted(block, raw))
        scale = 1.0 / (len(block.weight) * mean_weight)
        mean = scale * float(block.weight @ (value if value.ndim == 1 else value.sum(axis=1)))
        return mean, pull_back((scale * block.weight)[:, None] * slope)

    def with_penalty(self, params: Array, gradient: Array) -> Array:
        """Return the gradient of F's smooth part from that of the mean loss."""
        result = gradient + self.line[1]
        if not (self.smooth_penalty.absent or self.alpha == 0):
            weights = self.model.weights(result)
            weights += self.alpha * self.smooth_penalty.gradient(self.model.weights(params))
        return np.asarray(result)

    def hessian(self, params: Array, width: float = 0.0) -> tuple[Array, float]:
        """Return the second derivative of F's smooth part in the blocks of `LinearMap.gram`, and on how many rows it rests.

        The number is that of as many rows of equal curvature: (sum c)^2 / sum c^2.

        Negative curvature of the loss is replaced by zero, so that the second derivative is positive semidefinite. With a
        width, in units of raw, the curvature is the change of the slope between raw - width and raw + width, column by column:
        it sees a sharp bend that is not at raw itself.
        """

        sizes = np.zeros(2)

        def curvature(block: Block) -> Array:
            raw = self.shifted(block, self.model.raw(block.X, params))
            bend = self._curvature(self.encoded(block), raw, width)
            size = block.weight * (np.einsum("nkk->n", bend) if self.loss.rowwise else bend.sum(axis=1))
            sizes[:] += size.sum(), size @ size
            return bend

        hessian = self.curved(params, curvature, max(1, MATRICES // self.model.n_raw**2) if self.loss.rowwise else None)
        return hessian, sizes[0] ** 2 / sizes[1] if sizes[1] > 0 else 0.0

    def uncoupled(self, params: Array, shared: bool) -> Array:
        """Return the `hessian` of columns of raw that do not interact, (K, m, m), or of their mean curvature, (1, m, m)."""

        def curvature(block: Block) -> Array:
            raw = self.shifted(block, self.model.raw(block.X, params))
            bend = np.maximum(self.loss.curvature_diagonal(self.encoded(block), raw), 0.0)
            return bend.mean(axis=1, keepdims=True) if shared else bend

        return self.curved(params, curvature)

    def curved(self, params: Array, curvature: Callable[[Block], Array], rows: int | None = None) -> Array:
        """Return the second derivative of F's smooth part from the curvature of the loss: (n, K), or (n, K, K) when coupled.

        The curvature is asked for so many rows at once.
        """

        def gram(block: Block) -> Array:
            bend = curvature(block)
            weight = block.weight.reshape((-1,) + (1,) * (bend.ndim - 1))
            return np.asarray(self.model.gram(block.X, params, weight * bend))

        def part(block: Block) -> tuple[Array]:
            first, *others = [block] if rows is None else block.split(rows)
            return (sum(map(gram, others), gram(first)),)

        total: Array = self.data.reduce(part)[0] / self.total
        ridge = self.model.padded(self.alpha * self.smooth_penalty.curvature(self.model.weights(params)))
        size = total.shape[1]
        ridges = self.model.blocks(ridge, self.size // size)
        diagonal = np.einsum("bii->bi", total)
        diagonal += ridges if len(ridges) == len(total) else ridges.mean(axis=0)
        return total

    def second_derivative(self, params: Array) -> Callable[[Array], Array]:
        """Return the function that multiplies the second derivative of F's smooth part by a flat vector.

        What it needs of each row is kept, so that a product takes one pass over X.
        """
        kept = []
        for block in self.data.blocks():
            y = self.encoded(block)
            raw = self.shifted(block, self.model.raw(block.X, params))
            bend = self.loss.curvature(y, raw) if self.loss.rowwise else partial(np.multiply, self._curvature(y, raw))
            kept.append((block, bend))
        ridge = self.model.padded(self.alpha * self.smooth_penalty.curvature(self.model.weights(params)))

        def product(vector: Array) -> Array:
            total = np.zeros_like(vector)
            for block, bend in kept:
                tangent, pull_back = self.model.forward(block.X, vector)
                total += pull_back(block.weight[:, None] * bend(tangent))
            return total / self.total + ridge * vector

        return product

    def _curvature(self, y: Array, raw: Array, width: float = 0.0) -> Array:
        """Return the second derivative of the loss, cut at zero: (n, K), or (n, K, K) when rowwise."""

        def change(way: Array | float) -> Array:
            return (self.loss.gradient(y, raw + width * way) - self.loss.gradient(y, raw - width * way)) / (2.0 * width)

        if not self.loss.rowwise:
            return np.maximum(change(1.0) if width else self.loss.curvature_product(y, raw, np.ones_like(raw)), 0.0)
        matrix = self.loss.curvature_matrix(y, raw)
        if width:
            flat = ~matrix.any(axis=(1, 2))
            y, raw = y[flat], raw[flat]
            matrix[flat] = np.stack([change(e) for e in np.eye(raw.shape[1])], axis=2)
            matrix = 0.5 * (matrix + matrix.transpose(0, 2, 1))
        elif self.loss.convex:
            return matrix
        values, vectors = np.linalg.eigh(matrix)
        return (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)

    def mean_curvature(self, params: Array) -> Array:
        """Return the second derivative of the loss in each column of raw, averaged over the rows: (K,), positive."""

        def part(block: Block) -> tuple[Array]:
            raw = self.shifted(block, self.model.raw(block.X, params))
            curvature = np.maximum(self.loss.curvature_diagonal(self.encoded(block), raw), 0.0)
            return (block.weight @ curvature,)

        def usual(block: Block) -> tuple[float, Array]:
            raw = self.shifted(block, self.model.raw(block.X, params))
            value, slope = self.loss.value_and_gradient(self.encoded(block), raw)
            return self.cost(value, block.weight), block.weight @ slope**2

        mean = self.data.reduce(part)[0] / self.total
        if not self.loss.convex:  # where it is cut at zero it says nothing, and the slopes have to do
            value, squares = self.data.reduce(usual)
            density = squares / self.total / max(abs(value), EPS)
            mean = np.where(mean > 0.01 * density, mean, density)
        mean = np.maximum(mean, 1e-3 * mean.max(initial=0.0))
        usable = np.all(np.isfinite(mean)) and mean.max(initial=0.0) > 0
        return mean if usable else np.ones_like(mean)

    def diagonal(self, params: Array, mean_curvature: Array | None = None) -> Array:
        """Return an estimate of the diagonal of the second derivative, flat: positive, in units of F / params^2.

        It takes the curvature of the loss, averaged over the rows, times the mean square of each column. The parameters of a
        network have units of their own.
        """
        if not self.model.linear:
            return self.model.loss_unit * self.model.typical() ** -2.0
        matrix = np.empty((self.model.n_rows, self.model.n_raw))
        matrix[:] = self.mean_curvature(params) if mean_curvature is None else mean_curvature
        matrix[: self.model.n_features] *= (self.column_norms**2 / self.data.moments.weight)[:, None]
        matrix[: self.model.n_features] += self.alpha * self.smooth_penalty.curvature(self.model.weights(params))
        floor = np.where(matrix > 0, matrix, np.inf).min(initial=np.inf)
        return np.where(matrix > 0, matrix, floor if np.isfinite(floor) else 1.0).ravel()

    def prox(self, params: Array, step: float | Array) -> Array:
        """Return argmin_u rest(u) + |u - params|^2 / (2 step); step is a number, or flat when the penalty is separable."""
        if self.prox_penalty.absent:
            return params
        strength = self.alpha * (step if np.ndim(step) == 0 else self.model.weights(np.asarray(step)))
        return self.model.with_weights(params, self.prox_penalty.prox(self.model.weights(params), strength))

    def shrunk(self, params: Array, widths: Array) -> tuple[Array, Array]:
        """Return where the prox of the smooth penalty would lead, and the widths that are left for another prox after it.

        The penalty is taken for a parabola, which l2 is: then the two make the prox of the sum.
        """
        weights = self.model.weights(params)
        bend = self.model.padded(self.alpha * self.smooth_penalty.curvature(weights))
        widths = widths / (1.0 + widths * bend)
        return params - widths * self.model.padded(self.alpha * self.smooth_penalty.gradient(weights)), widths

    def along(self, params: Array, direction: Array) -> Callable[[float], tuple[float, float]]:
        """Return F's smooth part on the line params + t direction, and its slope, as a function of t."""
        if self.model.linear:
            return Line(self, params, direction)

        def line(t: float) -> tuple[float, float]:
            value, gradient = self.value_and_gradient(params + t * direction)
            return value, float(gradient @ direction)

        return line

    # -- kinked losses ------------------------------------------------------------------------------------------------

    def smoothed(self, step: float, multiplier: Array) -> Objective:
        """Return the objective of the Moreau envelope at raw + step * multiplier: a round of the proximal point method."""
        result = copy(self)
        result.loss, result.offset = Moreau(self.loss, step), step * multiplier
        return result

    # -- the start and the certificate --------------------------------------------------------------------------------

    def without_features(self) -> Objective:
        """Return the same objective for a model with an intercept alone."""
        bare = LinearMap(0, self.model.n_raw, fit_intercept=True)
        rows = self.data.without_features(self.target.distinct)
        return Objective(rows, self.target, bare, self.loss, NoPenalty(), 0.0)

    def sample(self, size: int) -> Objective:
        """Return the same objective on about `size` rows, spread over the data; itself when that is half of them or more."""
        if 2 * size >= self.data.n_rows:
            return self
        result = copy(self)
        result.data = self.data.sample(size)
        result.total = result._mass()
        return result

    def copied(self, dtype: Any = None) -> Objective:
        """Return the same objective with its rows by themselves, maybe in another precision: for those read again and again."""
        rows, result = self.data.used, copy(self)
        result.data = self.data.copied(rows, dtype)
        result.offset = None if self.offset is None else self.offset[rows]
        return result

    def restricted(self, features: Array) -> Objective:
        """Return the objective of some features, given by their numbers; the others are held at zero."""
        result = copy(self)
        result.data, result.model = self.data.restricted(features), self.model.restricted(features)
        penalty = self.penalty.for_features(features)
        assert penalty is not None, "checked by the solver"
        result._take(penalty)
        result.column_norms, result.size = self.column_norms[features], result.model.size
        result.line = self.line[0], self.model.narrowed(self.line[1], features)
        return result

    def uncentered(self) -> Objective:
        """Return the same objective in terms of coef_ and intercept_ themselves."""
        result = copy(self)
        result.model = self.model.uncentered()
        return result

    def in_units_of_raw(self, constant: Array) -> Objective:
        """Return the same objective with a network's outputs in the unit of raw that the loss has at a constant prediction.

        That is the step of Newton's method for a usual row: for the squared error, the standard deviation of y. For a loss
        with kinks it is Polyak's. For classes it is one.
        """
        bare, size = self.without_features(), self._reference[1] / np.sqrt(self.total)
        if not self.target.has_unit:
            unit = np.ones(self.model.n_raw)
        elif self.loss.smooth:
            unit = size / bare.mean_curvature(constant)
        else:
            cost = np.zeros(self.model.n_raw)
            for block in bare.data.blocks():
                values = self.loss.value(bare.encoded(block), bare.model.raw(block.X, constant))
                cost = cost + block.weight @ values
            unit = np.abs(cost) / self.total / np.maximum(size, 1e-300)
        model = self.model.in_units(unit * np.ones(self.model.n_raw), self.slope_size, priced=self.target.has_unit)
        result = Objective(self.data, self.target, model, self.loss, self.penalty, self.alpha)
        result.take_reference(self)
        return result

    def mean_target(self) -> Array:
        """Return the weighted mean of y, or the class frequencies, as `Loss.link` takes them."""
        return self.target.mean(self.data.y[self.data.used], self.data.weight[self.data.used], self.loss.rowwise)
