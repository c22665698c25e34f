"""A quadratic plus a penalty with a prox, on small dense matrices: value, slope and minimisation steps."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ...arrays import EPS, Array
from ...objective.objective import Objective

__all__ = ["Quadratic"]


class Quadratic:
    def __init__(self, objective: Objective, hessian: Array, gradient: Array, start: Array) -> None:
        self.objective, self.hessian, self.gradient, self.start = objective, hessian, gradient, start
        self.n_blocks = len(hessian)
        diagonal = self._join(np.einsum("bii->bi", hessian).copy())
        largest = diagonal.max(initial=0.0) or 1.0
        self.diagonal = (
            np.maximum(diagonal, 1e-12 * largest)
            if np.all(diagonal > 0)
            else np.where(diagonal > 1e-12 * largest, diagonal, largest)
        )
        self.kinks = objective.penalty.prox_part.kinks(objective.model.weights(start))
        self.norms = objective.penalty.prox_part.norms()

    @cached_property
    def steps(self) -> Array:
        """The lengths of proximal gradient steps, one for each weight: all the same unless the penalty is separable."""
        scale = 1.0 / np.sqrt(self.diagonal) if self.objective.penalty.separable else np.ones_like(self.diagonal)
        top = max(_largest(h * s * s[:, None]) for h, s in zip(self.hessian, self._split(scale), strict=True))
        return scale**2 / (1.05 * max(top, 1e-300))

    @property
    def step(self) -> Array | float:
        """The step lengths in the form that `prox` takes."""
        return self.steps if self.objective.penalty.separable else float(self.steps[0])

    @cached_property
    def rows(self) -> Array:
        """The entries of a flat vector that belong to each block of the second derivative, (blocks, m)."""
        return self._split(np.arange(len(self.start)))

    def _split(self, vector: Array) -> Array:
        return self.objective.linear.blocks(vector, self.n_blocks)

    def _join(self, blocks: Array) -> Array:
        return self.objective.linear.unblocked(blocks)

    def slope(self, x: Array) -> Array:
        moved = self._split(x - self.start)
        return self.gradient + self._join((self.hessian @ moved[:, :, None])[:, :, 0])

    def value(self, x: Array) -> float:
        return self.value_at(x, self.slope(x))

    def value_at(self, x: Array, slope: Array) -> float:
        return 0.5 * float((x - self.start) @ (slope + self.gradient)) + self.objective.nonsmooth_value(x)

    def piece(self, x: Array, slope: Array) -> tuple[Array, Array, Array]:
        """Return the smallest subgradient of the sum, and the ends of each weight's piece, equal if a kink holds the weight."""
        assert self.kinks is not None
        total, model = self.objective.subgradient(x, slope), self.objective.model
        low, high = np.full((2, len(x)), np.inf) * [[-1.0], [1.0]]
        weights, leads = model.weights(x), -model.weights(total)
        low_, high_ = model.weights(low), model.weights(high)
        for kink in self.kinks:
            here = weights == kink
            np.maximum(low_, kink, out=low_, where=(weights > kink) | (here & (leads >= 0)))
            np.minimum(high_, kink, out=high_, where=(weights < kink) | (here & (leads <= 0)))
        return total, low, high

    def forward_backward(self, x: Array) -> Array:
        return self.objective.prox(x - self.steps * self.slope(x), self.step)

    def residual(self, x: Array) -> float:
        """Return the length of a proximal gradient step, relative to that of x and of the first one."""
        gap = np.abs(x - self.forward_backward(x)) * np.sqrt(self.diagonal)
        first = np.abs(self.steps * self.gradient) * np.sqrt(self.diagonal)
        size = max(first.max(initial=0.0), EPS * (np.abs(x) * np.sqrt(self.diagonal)).max(initial=0.0))
        return float(gap.max(initial=0.0) / size) if size > 0 else 0.0

    def accelerated(self, x: Array, value: float, steps: int) -> tuple[Array, float]:
        momentum, ahead = 1.0, x
        for _ in range(steps):
            new = self.forward_backward(ahead)
            new_value = self.value(new)
            if new_value > value:  # restart the momentum from the last good point
                new = self.forward_backward(x)
                new_value, momentum = self.value(new), 1.0
            following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            ahead = new + (momentum - 1.0) / following * (new - x)
            x, value, momentum = new, new_value, following
        return x, value

    def semismooth(self, x: Array) -> Array:
        """Return the proximal gradient step from the solution of the equation linearised at x."""
        v = x - self.steps * self.slope(x)
        z = self.objective.prox(v, self.step)
        residual = x - z
        if self.objective.penalty.separable:
            moved = self._separable_step(residual, self._prox_slopes(v, z))
        else:
            moved = self._coupled_step(residual, v, z)
        return self.forward_backward(x + moved)

    def _prox_slopes(self, v: Array, z: Array) -> Array:
        h = 1e-7 * np.maximum(np.abs(v), np.abs(self.steps * self.gradient).max(initial=0.0) + 1e-300)
        up, down = self.objective.prox(v + h, self.step), self.objective.prox(v - h, self.step)
        return np.clip((up - down) / (2 * h), 0.0, 1.0)

    def _separable_step(self, residual: Array, slopes: Array) -> Array:
        result = np.empty(self.hessian.shape[:2])
        parts = (self._split(a) for a in (residual, slopes, self.steps))
        for b, (r, p, t) in enumerate(zip(*parts, strict=True)):
            h, free = self.hessian[b], p > 1e-3
            moved = -r
            p, t = p[free], t[free]
            scale = np.sqrt(t)
            system = scale * h[np.ix_(free, free)] * scale[:, None]
            system[np.diag_indices_from(system)] += (1.0 - p) / p + 1e-13
            right = -r[free] / (p * t) - h[np.ix_(free, ~free)] @ moved[~free]
            moved[free] = scale * np.linalg.solve(system, scale * right) if free.any() else 0.0
            result[b] = moved
        return self._join(result)

    def _coupled_step(self, residual: Array, v: Array, z: Array) -> Array:
        size, t = len(v), float(self.steps[0])
        h = 1e-7 * max(np.abs(v).max(), 1e-300)
        slopes = np.stack([(self.objective.prox(v + h * e, t) - z) / h for e in np.eye(size)], axis=1)
        full = np.zeros((size, size))
        for b, rows in enumerate(self._split(np.arange(size))):
            full[np.ix_(rows, rows)] = self.hessian[b]
        system = np.eye(size) - slopes + t * slopes @ full
        return -np.linalg.lstsq(system, residual, rcond=1e-13)[0]


def _largest(matrix: Array) -> float:
    """Return the largest eigenvalue of a positive semidefinite matrix, to a few percent."""
    vector = np.random.RandomState(0).uniform(0.5, 1.0, len(matrix))
    size = 0.0
    for _ in range(30):
        image = matrix @ vector
        size = float(np.linalg.norm(image) / np.linalg.norm(vector))
        if not size > 0:
            break
        vector = image / size
    return size
