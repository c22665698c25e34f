"""The contract of a loss, and the Moreau envelope that makes a kinked one smooth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Array
from ..parts import Part
from . import numeric
from .findings import Findings, find
from .numeric import Spacing
from .piecewise import Piecewise

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
    spacing, pieces, slope_error : Spacing, Piecewise, float
        For derivatives that are not given in closed form: the spacing of differences, the kinks, and how exact slopes are. They
        are what `observe` found.
    doubt : str
        What a failure to converge may mean, if anything about the loss is doubtful.

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

    spacing: Spacing = Spacing()
    pieces: Piecewise = Piecewise()
    slope_error: float = 1e-6
    doubt: str = ""

    @abstractmethod
    def value(self, y: Array, raw: Array) -> Array:
        """Return the loss of each sample: (n, K), or (n,) when rowwise."""

    def gradient(self, y: Array, raw: Array) -> Array:
        """Return d value / d raw, shape (n, K); where the value has a kink, one of its slopes."""
        if self.rowwise:
            return numeric.gradient(self.value, y, raw, True, self.spacing)
        return self.pieces.gradient(self.value, y, raw, self.spacing)

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        """Return `value` and `gradient`, sharing the work of both."""
        return self.value(y, raw), self.gradient(y, raw)

    @property
    def has_gradient(self) -> bool:
        """Whether `gradient` is more than a difference of values."""
        return type(self).gradient is not Loss.gradient

    @property
    def precision(self) -> float:
        """How small a certificate can become: not smaller than the error of differences."""
        return 0.0 if self.has_gradient or not self.smooth else 10.0 * self.slope_error

    @property
    def derives_prox(self) -> bool:
        """Whether `prox` is derived from the values."""
        return type(self).prox is Loss.prox

    @property
    def derives_curvature(self) -> bool:
        """Whether `curvature_product` is derived from the gradient or the values."""
        return type(self).curvature_product is Loss.curvature_product

    @property
    def has_prox(self) -> bool:
        """Whether `prox` is known, or can be derived."""
        return not (self.rowwise and self.derives_prox)

    def lines(self, y: Array) -> tuple[Array, Array, Array]:
        """Return the kinks of a convex loss, and the slopes left and right of them, each to fit (J, n, K).

        The loss is the sum over j of max(left_j (raw - kink_j), right_j (raw - kink_j)) and a smooth function; for a loss that
        is `straight`, a constant for each row.
        """
        if not self.has_lines:
            raise ValueError(f"{self.name} is not convex, or its kinks are not known.")
        return self.pieces.lines(self.value, y, self.spacing)

    @property
    def has_lines(self) -> bool:
        """Whether it is convex and says where its kinks are."""
        return type(self).lines is not Loss.lines or (self.pieces.convex and not self.pieces.absent)

    @property
    def straight(self) -> bool:
        """Whether it is convex and piecewise linear, and says where."""
        return self.has_lines and (type(self).lines is not Loss.lines or self.pieces.straight)

    @property
    def name(self) -> str:
        """What messages call it."""
        return type(self).__name__

    @property
    def foreign(self) -> bool:
        """Whether it was written outside this package, whose own losses are tested once and for all."""
        return not type(self).__module__.startswith(__name__.partition(".")[0] + ".")

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        """Return (d2 value / d raw2) v, shape (n, K)."""
        if self.has_gradient:
            return numeric.curvature_from_gradient(self.gradient, y, raw, v, self.rowwise, self.spacing)
        if self.rowwise:
            return numeric.curvature_from_value(self.value, y, raw, v, True, self.spacing)
        return self.pieces.curvature(self.value, y, raw, self.spacing) * v

    def curvature(self, y: Array, raw: Array) -> Callable[[Array], Array]:
        """Return v -> `curvature_product` (y, raw, v), for many products at the same raw."""
        return partial(self.curvature_product, y, raw)

    def curvature_matrix(self, y: Array, raw: Array) -> Array:
        """Return d2 value / d raw2 of a rowwise loss, shape (n, K, K)."""
        product = self.curvature(y, raw)
        matrix = np.stack([product(np.broadcast_to(e, raw.shape)) for e in np.eye(raw.shape[1])], axis=2)
        return 0.5 * (matrix + matrix.transpose(0, 2, 1))

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        """Return the diagonal of d2 value / d raw2, (n, K)."""
        if self.rowwise:
            product = self.curvature(y, raw)
            return np.stack([product(np.broadcast_to(e, raw.shape))[:, k] for k, e in enumerate(np.eye(raw.shape[1]))], axis=1)
        return self.curvature_product(y, raw, np.ones_like(raw))

    def prox(self, y: Array, v: Array, step: float) -> Array:
        """Return argmin_z value(y, z) + (z - v)^2 / (2 step), shape (n, K)."""
        if self.has_gradient and self.pieces.absent:
            return numeric.prox(self.gradient, y, v, step)
        return self.pieces.prox(self.value, y, v, step, self.spacing)

    def prox_product(self, y: Array, v: Array, step: float, direction: Array) -> Array:
        """Return (d prox / d v) direction, shape (n, K).

        At a kink the proximal point stands still; on a smooth piece of curvature c it moves by 1 / (1 + step c).
        """
        if self.rowwise:
            return numeric.curvature_from_gradient(lambda y, x: self.prox(y, x, step), y, v, direction, True, self.spacing)
        if self.derives_prox and not self.pieces.absent:
            return self.pieces.prox_product(self.value, y, v, step, direction, self.spacing)
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
        """Return this loss with what only data can tell settled: of a loss of the user's own, its kinks and its rounding.

        Raises
        ------
        ValueError
            When it is not the same at two calls, jumps, or has no slope.
        """
        return self._found(self._find(y, raw)) if self.foreign else self

    def _find(self, y: Array, raw: Array, kinks: Any = None) -> Findings:
        given = self.gradient if self.has_gradient else None
        return find(self.value, given, y, raw, rowwise=self.rowwise, kinks=kinks, name=self.name)

    def _found(self, found: Findings) -> Loss:
        """Return this loss with what was found out about it."""
        result = copy(self)
        result.spacing, result.pieces, result.slope_error = found.spacing, found.pieces, found.precision
        result.smooth = self.smooth and found.smooth
        if found.pieces.absent and not found.smooth:
            result.doubt = "the loss has kinks whose place was not found: give them, CustomLoss(..., kinks=...)."
        result.convex = self.convex and found.pieces.convex
        return result

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

    ranges = {"step": ("a number > 0", lambda value: 0 < value < np.inf)}

    def __init__(self, loss: Any, step: float = 1.0) -> None:
        self.loss = loss
        self.step = step
        self.task, self.rowwise, self.convex = loss.task, loss.rowwise, loss.convex
        self.shift_invariant = loss.shift_invariant

    @property
    def name(self) -> str:
        return str(self.loss.name)

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
