"""A tuning-free learning rate: the distance moved so far over the size of the directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...arrays import Array

__all__ = ["AutomaticRate"]

# The share of the last average direction that is kept: noise that differs from batch to batch cancels in it.
MEMORY = 0.9

# Gradients are clipped at this multiple of their usual size.
USUAL = 5.0


@dataclass
class AutomaticRate:
    r"""The automatic learning rate.

    .. math:: \eta_t = \min(\max_{i \le t} |u_i - u_0|, \; 4 d_t) \, / \, \sqrt{\sum_{i \le t} |\bar d_i|^2}

    u are the parameters in units of their own curvature, and \bar d is the moving average of the directions of a rule. d_t is
    the largest lower bound on the distance to the optimum that follows from convexity: the sum of eta <g, u_0 - u> over the
    norm of the sum of eta g.

    The distance-over-gradients rule is that of Ivgi et al., with two changes: the bound, which prevents rules with momentum
    from diverging, and the first step, a hundredth of the scale. Gradients are clipped at five times their usual norm.

    Attributes
    ----------
    origin : ndarray
        u_0.
    displacement : ndarray
        u - u_0 after the last step.
    average, sum : ndarray
        \bar d, and the sum of eta g.
    reach, bound, first : float
        The distance moved, the bound d_t, and the initial distance.
    squares : float
        The sum of the squares of the norms of \bar d.
    product : float
        The sum of eta <g, u_0 - u>.
    usual : float
        The usual norm of a gradient.
    clock : int
        Number of steps.

    References
    ----------
    M. Ivgi, O. Hinder and Y. Carmon, DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size Schedule, 2023; A. Defazio
    and K. Mishchenko, Learning-Rate-Free Learning by D-Adaptation, 2023.
    """

    origin: Array
    displacement: Array
    average: Array
    sum: Array
    reach: float = 0.0
    bound: float = 0.0
    first: float = 0.0
    squares: float = 0.0
    product: float = 0.0
    usual: float = 0.0
    clock: int = 0

    @classmethod
    def at(cls, origin: Array, first: float) -> AutomaticRate:
        """Return the rate before the first step, from an initial guess of the distance."""
        return cls(origin, 0.0 * origin, 0.0 * origin, 0.0 * origin, first=first, bound=first)

    def tamed(self, gradient: Array) -> Array:
        """Return the gradient, clipped at five times the usual norm, and record its norm."""
        self.clock += 1
        norm = float(np.sqrt(gradient @ gradient))
        if self.usual and norm > USUAL * self.usual:
            gradient = gradient * (USUAL * self.usual / norm)
            norm = USUAL * self.usual
        share = max(1.0 / self.clock, 0.02)
        self.usual = float(np.hypot(np.sqrt(1.0 - share) * self.usual, np.sqrt(share) * norm))
        return gradient

    def rate(self, direction: Array, decays: bool, trust: float) -> float:
        """Return the learning rate for a direction; with `decays`, the direction shrinks by itself and is not divided again.

        The rate uses the distance moved, up to `trust` times the proven distance.
        """
        if decays:
            # The number of parameters that have ever had a gradient: words that occur in no row do not count as dimensions.
            self.squares = float(max(np.count_nonzero(self.sum), np.count_nonzero(direction)))
        else:
            self.average *= MEMORY if self.clock > 1 else 0.0
            self.average += (1.0 - MEMORY if self.clock > 1 else 1.0) * direction
            self.squares += float(self.average @ self.average)
        return max(self.first, min(self.reach, trust * self.bound)) / float(np.sqrt(self.squares + 1e-300))

    def note(self, moved: Array, pull: Array) -> None:
        """Record a step by which u has moved, and its eta g, `pull`."""
        self.product -= float(pull @ self.displacement)
        self.sum += pull
        self.bound = max(self.bound, self.product / (float(np.sqrt(self.sum @ self.sum)) + 1e-300))
        self.displacement += moved
        self.reach = max(self.reach, float(np.sqrt(self.displacement @ self.displacement)))

    def resumed(self, point: Array) -> AutomaticRate:
        """Return the rate after a return to an earlier point."""
        fresh = AutomaticRate.at(self.origin, self.first)
        fresh.displacement = point - self.origin
        fresh.reach = fresh.bound = max(float(np.sqrt(fresh.displacement @ fresh.displacement)), self.first)
        fresh.squares, fresh.usual, fresh.clock = self.squares, self.usual, self.clock
        return fresh

    def moved(self, move: Callable[[Array], Array]) -> AutomaticRate:
        """Return the rate for more parameters than before; `move` extends each array."""
        origin, displacement, average, total = map(move, (self.origin, self.displacement, self.average, self.sum))
        return replace(self, origin=origin, displacement=displacement, average=average, sum=total)

    def rescaled(self, origin: Array, point: Array, ratio: Array) -> AutomaticRate:
        """Return the rate in units of the parameters that are `ratio` times as large; origin and point are in the new units."""
        size = np.exp(np.log(ratio).mean())
        return replace(
            self,
            origin=origin,
            displacement=point - origin,
            average=self.average * ratio,
            sum=self.sum * ratio,
            first=self.first / size,
            reach=self.reach / size,
            bound=self.bound / size,
            squares=self.squares * size**2,
            usual=self.usual * size,
        )
