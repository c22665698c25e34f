"""The contract of a loss, and the Moreau envelope that makes a kinked one smooth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..parts import Part
from . import numeric
from .numeric import Array

if TYPE_CHECKING:
    from ..targets import Target

__all__ = ["Loss", "Moreau", "overflow_to_inf"]

# Where the true value exceeds the dtype the answer is inf, and that is no reason for a warning.
overflow_to_inf = np.errstate(over="ignore", under="ignore")


class Loss(Part, ABC):
    """How bad the raw prediction ``raw`` is for the target ``y``, sample by sample.

    Subclass it with `value` alone, and everything else is derived numerically; override what is known in closed form.
    The *cost* that a fit minimises is the weighted mean of the loss over the samples.

    Shapes: an elementwise loss sees ``y`` and ``raw`` of shape (n, K) and returns (n, K); its K columns are summed. For
    classification y is then -1.0 or +1.0 (K columns are one-vs-rest). A rowwise loss sees integer codes ``y`` of shape (n,)
    and ``raw`` of shape (n, K), and its value is (n,).

    Attributes
    ----------
    task : {"regression", "classification"} or None
        The estimator that it serves; None serves both.
    rowwise : bool
        Whether the columns of raw are coupled, as in softmax.
    smooth : bool
        False: the value has kinks, `gradient` is one subgradient, and solvers use `prox`.
    convex : bool
        Whether the value is convex in raw.
    quadratic : bool
        Whether its second derivative in raw is the same number everywhere: one step of Newton's method is exact.
    probabilistic : bool
        Whether `inverse_link` gives class probabilities.
    positive_only : bool
        Whether y must be positive (the tag that scikit-learn's checks read).
    shift_invariant : bool
        Whether a number added to all columns of raw changes nothing, as in softmax.
    masks : bool
        Whether entries of y may be missing.
    sequences : bool
        Whether y is a sequence of labels for each sample.
    online : bool
        Whether only the path of `SGD` means something, and the minimum does not.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Loss
    >>> class Cubic(Loss):
    ...     task = "regression"
    ...
    ...     def value(self, y, raw):
    ...         return np.abs(y - raw) ** 3
    >>> loss = Cubic()
    >>> loss.gradient(np.array([[1.0]]), np.array([[3.0]])).round(6)
    array([[12.]])
    """

    task: str | None = None
    rowwise: bool = False
    smooth: bool = True
    convex: bool = True
    quadratic: bool = False
    probabilistic: bool = False
    positive_only: bool = False
    shift_invariant: bool = False
    masks: bool = False
    sequences: bool = False
    online: bool = False

    @abstractmethod
    def value(self, y: Array, raw: Array) -> Array:
        """Return the loss of each sample: (n, K), or (n,) when rowwise."""

    def gradient(self, y: Array, raw: Array) -> Array:
        """Return d value / d raw, shape (n, K); where the value has a kink, one of its slopes."""
        return numeric.gradient(self.value, y, raw, self.rowwise)

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        """Return `value` and `gradient`, sharing the work of both."""
        return self.value(y, raw), self.gradient(y, raw)

    @property
    def has_gradient(self) -> bool:
        """Whether `gradient` is more than a difference of values."""
        return type(self).gradient is not Loss.gradient

    @property
    def precision(self) -> float:
        """How small a certificate can become: a difference of values is exact to about 1e-5 where the curvature jumps."""
        return 0.0 if self.has_gradient or not self.smooth else 1e-5

    @property
    def has_prox(self) -> bool:
        """Whether `prox` is known, or can be derived."""
        return not self.rowwise or type(self).prox is not Loss.prox

    def lines(self, y: Array) -> tuple[Array, Array, Array]:
        """Return the kinks of a loss made of straight lines, and the slopes left and right of them, each to fit (J, n, K).

        The loss is then the sum over j of max(left_j (raw - kink_j), right_j (raw - kink_j)), exactly.
        """
        raise ValueError(f"{self!r} is not made of straight lines.")

    @property
    def has_lines(self) -> bool:
        """Whether it is made of straight lines, and says which."""
        return type(self).lines is not Loss.lines

    @property
    def doubt(self) -> str:
        """What a failure to converge may mean, for the warning; empty when nothing about the loss is uncertain."""
        return "" if self.has_gradient or not self.smooth else "if the loss has kinks, say so: smooth=False."

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        """Return (d2 value / d raw2) v, shape (n, K)."""
        if self.has_gradient:
            return numeric.curvature_from_gradient(self.gradient, y, raw, v, self.rowwise)
        return numeric.curvature_from_value(self.value, y, raw, v, self.rowwise)

    def curvature_matrix(self, y: Array, raw: Array) -> Array:
        """Return d2 value / d raw2 of a rowwise loss, shape (n, K, K)."""
        columns = [self.curvature_product(y, raw, np.broadcast_to(e, raw.shape)) for e in np.eye(raw.shape[1])]
        matrix = np.stack(columns, axis=2)
        return 0.5 * (matrix + matrix.transpose(0, 2, 1))

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        """Return the diagonal of d2 value / d raw2, (n, K)."""
        if self.rowwise:
            return np.einsum("nkk->nk", self.curvature_matrix(y, raw))
        return self.curvature_product(y, raw, np.ones_like(raw))

    def prox(self, y: Array, v: Array, step: float) -> Array:
        """Return argmin_z value(y, z) + (z - v)^2 / (2 step), shape (n, K)."""
        return numeric.prox(self.value, self.gradient if self.has_gradient else None, y, v, step)

    def prox_product(self, y: Array, v: Array, step: float, direction: Array) -> Array:
        """Return (d prox / d v) direction, shape (n, K).

        At a kink the proximal point stands still; on a smooth piece of curvature c it moves by 1 / (1 + step c).
        """
        if self.rowwise:
            return numeric.curvature_from_gradient(lambda y, x: self.prox(y, x, step), y, v, direction, True)
        z = self.prox(y, v, step)
        pull = (v - z) / step
        slope = self.gradient(y, z)
        kink = np.abs(slope - pull) > 1e-6 * np.max(np.abs(slope), initial=0.0)
        curvature = np.maximum(self.curvature_product(y, z, np.ones_like(z)), 0.0)
        return np.where(kink, 0.0, direction / (1.0 + step * curvature))

    def inverse_link(self, raw: Array) -> Array:
        """Return the prediction that raw stands for: the mean of y, or the probability of a class; raw's shape."""
        return raw

    def link(self, mean: Array) -> Array:
        """Return the raw prediction of a mean, or of class frequencies: the inverse of `inverse_link`."""
        return mean

    def check_target(self, y: Array) -> None:
        """Raise ValueError, naming the domain, when an entry of y is outside it."""

    def check_mean(self, mean: Array) -> None:
        """Raise ValueError when the mean of all targets, as `link` takes it, is not one that a model can have."""

    def mass(self, y: Array) -> Array:
        """Return what each row counts for in the denominator of the mean, shape (n,)."""
        return np.ones(len(y))

    def for_target(self, target: Target) -> Loss:
        """Return the form of this loss for a kind of target: itself, unless it has several."""
        return self

    def observe(self, y: Array, raw: Array) -> Loss:
        """Return this loss with what only data can tell settled: itself, unless something is open."""
        return self

    def _domain(self, legal: bool | np.bool_, domain: str, y: Array) -> None:
        if not legal:
            raise ValueError(f"{type(self).__name__} needs {domain}; got y with values from {np.min(y):g} to {np.max(y):g}.")


class Moreau(Loss):
    r"""The Moreau envelope of a loss: the same minimisers, no kinks.

    .. math:: e(y, v) = \min_z \; loss(y, z) + (z - v)^2 / (2 step)

    Its gradient is (v - prox(v)) / step, a subgradient of the loss at the proximal point.

    Parameters
    ----------
    loss : Loss
        Any loss with a prox.
    step : float
        The width of the smoothing, in units of raw^2 / loss.

    References
    ----------
    N. Parikh and S. Boyd, Proximal Algorithms, 2014, section 3.1.

    Examples
    --------
    The envelope of the absolute error is Huber's loss:

    >>> import numpy as np
    >>> from sklearn_gd.losses import AbsoluteError, Huber, Moreau
    >>> y, raw = np.zeros((3, 1)), np.array([[0.5], [1.0], [4.0]])
    >>> np.allclose(Moreau(AbsoluteError(), step=1.0).value(y, raw), Huber(delta=1.0).value(y, raw))
    True
    """

    def __init__(self, loss: Any, step: float = 1.0) -> None:
        self.loss = loss
        self.step = step
        self.task, self.rowwise, self.convex = loss.task, loss.rowwise, loss.convex
        self.shift_invariant = loss.shift_invariant

    def value(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Array, raw: Array) -> Array:
        return (raw - self.loss.prox(y, raw, self.step)) / self.step

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        z = self.loss.prox(y, raw, self.step)
        slope = (raw - z) / self.step
        distance = 0.5 * self.step * slope**2
        return self.loss.value(y, z) + (distance.sum(axis=1) if self.rowwise else distance), slope

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return (v - self.loss.prox_product(y, raw, self.step, v)) / self.step

    def inverse_link(self, raw: Array) -> Array:
        return self.loss.inverse_link(raw)

    def link(self, mean: Array) -> Array:
        return self.loss.link(mean)

    def mass(self, y: Array) -> Array:
        return self.loss.mass(y)
