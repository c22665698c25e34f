"""The base class and contract of penalties, the absence of a penalty, and the sum of two penalties."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from ..arrays import Array
from ..parts import Part
from .names import by_feature, by_name, not_named

__all__ = ["NoPenalty", "Penalty"]


class Penalty(Part, ABC):
    """Base class of penalties: a smooth part, a part with a proximal operator, or both.

    For a penalty with kinks or constraints, a subclass defines `value` and `prox`. For a smooth penalty it sets
    ``smooth = True`` and defines `value`, `gradient` and `curvature`. ``a + b`` is the sum of two penalties. At most one of
    them may have a prox, except that bounds can be added to a separable penalty.

    Attributes
    ----------
    smooth : bool
        Whether the penalty has a gradient everywhere; otherwise it has a prox.
    separable : bool
        Whether `prox` acts on each weight independently. Only then may its step differ from weight to weight.
    selects : bool
        Whether `prox` sets individual weights to exactly zero.
    isotropic : bool
        Whether the penalty depends only on the norm of each column of weights.
    bounds : bool
        Whether the penalty only restricts each weight to an interval.
    falls_apart : bool
        Whether the penalty can be restricted to some of the features by `for_features`.
    neutral : dict of {str: float}
        The parameters that are one number, one number per feature, or a dict from feature names or patterns to numbers, each
        with its value for a feature that the dict leaves out.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import Penalty
    >>> class Cap(Penalty):
    ...     "Weights of one at most."
    ...
    ...     separable = True
    ...
    ...     def value(self, weights):
    ...         return 0.0 if np.all(weights <= 1) else np.inf
    ...
    ...     def prox(self, weights, step):
    ...         return np.minimum(weights, 1.0)
    >>> Cap().prox(np.array([[0.5], [2.0]]), step=0.1)
    array([[0.5],
           [1. ]])
    """

    smooth: bool = False
    separable: bool = False
    selects: bool = False
    isotropic: bool = False
    bounds: bool = False
    falls_apart: bool = False
    neutral: ClassVar[Mapping[str, float]] = {}

    @abstractmethod
    def value(self, weights: Array) -> float:
        """Return the penalty value of the weights, at strength one; inf outside a constraint."""

    def gradient(self, weights: Array) -> Array:
        """Return d value / d weights, in the shape of the weights."""
        raise NotImplementedError(f"{type(self).__name__} has no gradient, and declares smooth = True: define it.")

    def curvature(self, weights: Array) -> Array:
        """Return the diagonal of the second derivative, in the shape of the weights."""
        return np.zeros_like(weights)

    def prox(self, weights: Array, step: float | Array) -> Array:
        """Return the argmin over u of step * value(u) + sum((u - weights)^2) / 2.

        For a constraint this is the projection, even with step 0.
        """
        raise NotImplementedError(f"{type(self).__name__} has no prox: define it, or declare smooth = True with a gradient.")

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        """Return the element nearest to -gradient of the subdifferential of alpha * value at the weights."""
        step = 1e-6 * (np.abs(weights).max(initial=0.0) + 1e-12) / (np.abs(gradient).max(initial=0.0) + alpha + 1e-300)
        moved = weights - step * gradient
        return (moved - self.prox(moved, step * alpha)) / step

    def kinks(self, weights: Array) -> Array | None:
        """Return the kinks, (number, ...), of a value that is piecewise linear in each weight; None for other penalties.

        The kinks are in ascending order, and each entry broadcasts to the shape of the weights. A bound counts as a kink.
        """
        return None

    def norms(self) -> list[tuple[Array, float]] | None:
        """Return the groups, (features, strength), if the value is a sum of strength * norm over groups; None otherwise.

        The groups are disjoint. The norm is over the weights of the group's features for all columns of raw.
        """
        return None

    @property
    def smooth_part(self) -> Penalty:
        """The part with a gradient."""
        return self if self.smooth else NoPenalty()

    @property
    def prox_part(self) -> Penalty:
        """The part with a prox."""
        return NoPenalty() if self.smooth else self

    @property
    def absent(self) -> bool:
        """Whether the penalty is zero everywhere."""
        return False

    def named(self, names: Sequence[str] | Array) -> Penalty:
        """Return the penalty with parameters that are keyed by feature names resolved to the columns of X.

        Parameters
        ----------
        names : sequence of str of length n_features
            The names of the columns: `feature_names_in_`, or the result of `get_feature_names_out` of a pipeline.

        Returns
        -------
        Penalty
            Itself, if nothing is keyed by names.

        Raises
        ------
        ValueError
            If a key is neither a feature name nor a pattern that matches one.
        """
        found = {name: by_name(getattr(self, name)) for name in self.neutral}
        keyed = {name: given for name, given in found.items() if given is not None}
        if not keyed:
            return self
        numbers = {name: by_feature(given, names, self.neutral[name], self._title(name)) for name, given in keyed.items()}
        resolved: Penalty = clone(self).set_params(**numbers)
        resolved.check_parameters()
        return resolved

    def check_features(self, n_features: int) -> None:
        """Raise ValueError if a parameter does not match the number of features."""
        for name in self.neutral:
            size, expected = np.size(self._given(name)), f"one number, or one for each of the {n_features} features"
            if size not in (1, n_features):
                raise ValueError(f"{self._title(name)} has {size} entries: expected {expected}.")

    def for_features(self, features: Array) -> Penalty:
        """Return the penalty restricted to the features with the given indices, if the penalty `falls_apart`."""
        raise NotImplementedError(f"{type(self).__name__} has no penalty of some features by themselves.")

    def __add__(self, other: Penalty) -> Penalty:
        return _Sum(self, other)

    def _per_feature(self, name: str, weights: Array) -> Array:
        """Return the parameter `name`, a number or one number per feature, as a column."""
        return np.asarray(self._given(name), dtype=weights.dtype).reshape(-1, 1)

    def _given(self, name: str) -> ArrayLike:
        """Return the parameter `name`, which must not be keyed by feature names any more."""
        given: ArrayLike = getattr(self, name)
        if by_name(given) is not None:
            raise not_named(self._title(name))
        return given

    def _title(self, name: str) -> str:
        return f"{type(self).__name__}({name}=...)"


class NoPenalty(Penalty):
    """No penalty: the value is always 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import NoPenalty
    >>> NoPenalty().value(np.ones((2, 1)))
    0.0
    """

    separable = True
    absent = True
    isotropic = True
    falls_apart = True

    def value(self, weights: Array) -> float:
        return 0.0

    def gradient(self, weights: Array) -> Array:
        return np.zeros_like(weights)

    def prox(self, weights: Array, step: float | Array) -> Array:
        return weights

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        return np.zeros_like(weights)

    def for_features(self, features: Array) -> Penalty:
        return self


class _Sum(Penalty):
    def __init__(self, first: Penalty, second: Penalty) -> None:
        self.first = first
        self.second = second

    def check_parameters(self) -> None:
        for part in (self.first, self.second):
            if not isinstance(part, Penalty):
                raise TypeError(f"A sum of penalties needs Penalty objects; got {part!r}.")
            part.check_parameters()
        first, second = self.first.prox_part, self.second.prox_part
        bounded = (first.bounds and second.separable) or (second.bounds and first.separable)
        if not (first.absent or second.absent or bounded):
            raise ValueError(
                f"{self!r}: at most one of them may have kinks or constraints, but for bounds beside a penalty of each weight "
                "by itself, as the prox of other sums is not known; write one Penalty with the prox of both."
            )

    @property
    def in_words(self) -> str:
        """The sum as it was written."""
        return f"{self.first!r} + {self.second!r}"

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return self.in_words

    def check_features(self, n_features: int) -> None:
        self.first.check_features(n_features)
        self.second.check_features(n_features)

    def named(self, names: Sequence[str] | Array) -> Penalty:
        return type(self)(self.first.named(names), self.second.named(names))

    @property
    def falls_apart(self) -> bool:  # type: ignore[override]
        return self.first.falls_apart and self.second.falls_apart

    def for_features(self, features: Array) -> Penalty:
        return type(self)(self.first.for_features(features), self.second.for_features(features))

    @property
    def smooth_part(self) -> Penalty:
        parts = [part for part in (self.first.smooth_part, self.second.smooth_part) if not part.absent]
        return _SmoothSum(*parts) if len(parts) == 2 else (parts or [NoPenalty()])[0]

    @property
    def prox_part(self) -> Penalty:
        parts = [part for part in (self.first.prox_part, self.second.prox_part) if not part.absent]
        if len(parts) < 2:
            return (parts or [NoPenalty()])[0]
        return _Bounded(*sorted(parts, key=lambda part: part.bounds))

    def value(self, weights: Array) -> float:
        return self.first.value(weights) + self.second.value(weights)


class _Bounded(_Sum):
    """A separable penalty with bounds: its prox is that of the penalty, clipped to the bounds."""

    separable = True

    @property
    def prox_part(self) -> Penalty:
        return self

    def prox(self, weights: Array, step: float | Array) -> Array:
        return self.second.prox(self.first.prox(weights, step), step)

    def kinks(self, weights: Array) -> Array | None:
        first, second = self.first.kinks(weights), self.second.kinks(weights)
        if first is None or second is None:
            return None
        *bends, _ = np.broadcast_arrays(*first, *second, weights)
        return np.sort(np.stack(bends), axis=0)

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        first = self.first.subgradient(weights, gradient, alpha)
        return first + self.second.subgradient(weights, gradient + first, alpha)


class _SmoothSum(_Sum):
    smooth = True

    @property
    def smooth_part(self) -> Penalty:
        return self

    def gradient(self, weights: Array) -> Array:
        return self.first.gradient(weights) + self.second.gradient(weights)

    def curvature(self, weights: Array) -> Array:
        return self.first.curvature(weights) + self.second.curvature(weights)
