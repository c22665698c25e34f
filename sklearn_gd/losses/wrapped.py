"""Losses that wrap another loss: its Moreau envelope, which is smooth, and the loss without its kinks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from copy import copy
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

from ..arrays import Array
from ..targets import Target
from .base import Loss

__all__ = ["Convexified", "Moreau", "Remainder", "Wrapped", "delegates"]

WrappedType = TypeVar("WrappedType", bound="Wrapped")
WithoutType = TypeVar("WithoutType", bound="_Without")


def delegates(*facts: str) -> Callable[[Any], Any]:
    """Take some attributes of a wrapper from the loss that it wraps."""

    def decorate(kind: Any) -> Any:
        for fact in facts:
            setattr(kind, fact, property(attrgetter(f"inner.{fact}")))
        return kind

    return decorate


@delegates("task", "name", "spacing", "slope_error", "takes_data", "single_output")
@delegates("has_distribution", "has_interval", "first_raw")
class Wrapped(Loss):
    """A loss that wraps another, `inner`, and shares its targets and predictions."""

    loss: Any

    @property
    def inner(self) -> Loss:
        """The wrapped loss."""
        return self.loss

    def with_inner(self: WrappedType, inner: Loss) -> WrappedType:
        """Return the same wrapper around another loss."""
        result = copy(self)
        result.loss = inner
        return result

    def inverse_link(self, raw: Array) -> Array:
        return self.inner.inverse_link(raw)

    def link(self, mean: Array) -> Array:
        return self.inner.link(mean)

    def scores(self, raw: Array) -> Array:
        return self.inner.scores(raw)

    def distribution(self, raw: Array) -> Any:
        return self.inner.distribution(raw)

    def interval(self, raw: Array, coverage: float) -> Array:
        return self.inner.interval(raw, coverage)

    def raw_names(self, n_raw: int) -> list[str] | None:
        return self.inner.raw_names(n_raw)

    def n_weighted(self, n_raw: int) -> int:
        return self.inner.n_weighted(n_raw)

    def saturated(self, y: Array, n_raw: int) -> Array:
        return self.inner.saturated(y, n_raw)

    def mass(self, y: Array) -> Array:
        return self.inner.mass(y)

    def read(self, y: Any) -> Any:
        return self.inner.read(y)

    def target(self, y: Array, classes: Any = None) -> Target | None:
        return self.inner.target(y, classes)

    def n_raw(self, target: Target) -> int:
        return self.inner.n_raw(target)

    def check_target(self, y: Array) -> None:
        self.inner.check_target(y)

    def check_mean(self, mean: Array) -> None:
        self.inner.check_mean(mean)

    def for_rows(self, loss_data: Any) -> Loss:
        inner = self.inner.for_rows(loss_data)
        return self if inner is self.inner else self.with_inner(inner)

    def offset_of_raw(self, offset: Array, n_raw: int) -> Array:
        return self.inner.offset_of_raw(offset, n_raw)


@delegates("rowwise", "convex", "shift_invariant")
class Moreau(Wrapped):
    r"""The Moreau envelope of a loss: a smooth function with the same minimisers.

    .. math:: e(y, v) = \min_z \; loss(y, z) + (z - v)^2 / (2 step)

    Its gradient is (v - prox(v)) / step, a subgradient of the loss at the proximal point.

    Parameters
    ----------
    loss : Loss
        Any loss with a prox.
    step : float
        Width of the smoothing, in units of raw^2 / loss.

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


class _Without(Wrapped):
    """A loss minus some of its hinges: its values, slopes and curvature."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def with_inner(self: WithoutType, inner: Loss) -> WithoutType:
        return type(self)(inner)

    @abstractmethod
    def hinges(self, y: Array) -> tuple[Array, Array, Array]:
        """Return the kinks of the subtracted part and the slopes left and right of them, each broadcastable to (J, n, K)."""

    def value(self, y: Array, raw: Array) -> Array:
        kinks, left, right = self.hinges(y)
        rise = np.where(raw > kinks, right, left) * (raw - kinks)
        return self.loss.value(y, raw) - rise.sum(axis=0)

    def gradient(self, y: Array, raw: Array) -> Array:
        kinks, left, right = self.hinges(y)
        return self.loss.gradient(y, raw) - np.where(raw > kinks, right, left).sum(axis=0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self.loss.curvature_product(y, raw, v)


class Remainder(_Without):
    """The smooth part of a convex loss: the loss minus its `lines`."""

    def hinges(self, y: Array) -> tuple[Array, Array, Array]:
        return self.loss.lines(y)


class Convexified(_Without):
    """A loss without the kinks at which its slope falls; convex if the loss is convex between its kinks."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss)
        self.pieces = loss.pieces.rising_only()
        self.smooth = self.pieces.absent

    def hinges(self, y: Array) -> tuple[Array, Array, Array]:
        kinks, jumps = self.loss.pieces.jumps(self.loss.value, y, self.loss.spacing)
        return kinks, np.zeros_like(jumps), np.minimum(jumps, 0.0)
