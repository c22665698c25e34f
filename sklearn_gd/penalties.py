"""Penalties: the price of large weights. `PENALTIES` maps the names that ``penalty=`` takes to the classes.

A penalty is a shape; its strength is the estimator's alpha. It sees ``weights`` of shape (n_features, K), never the intercept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .losses.numeric import Array
from .parts import Part, resolve

__all__ = ["L1", "L2", "PENALTIES", "Box", "ElasticNet", "GroupLasso", "NoPenalty", "NonNegative", "Penalty", "get_penalty"]


class Penalty(Part, ABC):
    """The price of weights: a smooth part, a part with a proximal operator, or both.

    Subclass it with `value`, `gradient` and `curvature` for a smooth penalty, or with `value` and `prox` for one with kinks
    or constraints. ``a + b`` is the sum of two penalties, at most one of which may have a prox.

    Attributes
    ----------
    separable : bool
        Whether `prox` acts on each weight alone; only then may its step differ from weight to weight.

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

    separable: bool = False

    @abstractmethod
    def value(self, weights: Array) -> float:
        """Return the penalty of the weights, at strength one; inf outside a constraint."""

    def gradient(self, weights: Array) -> Array:
        """Return d value / d weights, of the same shape."""
        return np.zeros_like(weights)

    def curvature(self, weights: Array) -> Array:
        """Return the diagonal of the second derivative, of the same shape."""
        return np.zeros_like(weights)

    def prox(self, weights: Array, step: float | Array) -> Array:
        """Return argmin_u step value(u) + |u - weights|^2 / 2; a constraint projects even with step 0."""
        return weights

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        """Return the element nearest to -gradient of the subdifferential of alpha * value at the weights."""
        step = 1e-6 * (np.abs(weights).max(initial=0.0) + 1e-12) / (np.abs(gradient).max(initial=0.0) + alpha + 1e-300)
        moved = weights - step * gradient
        return (moved - self.prox(moved, step * alpha)) / step

    @property
    def smooth_part(self) -> Penalty:
        """The part that has a gradient."""
        return self if type(self).gradient is not Penalty.gradient else NoPenalty()

    @property
    def prox_part(self) -> Penalty:
        """The part that has a prox."""
        return self if type(self).prox is not Penalty.prox else NoPenalty()

    @property
    def absent(self) -> bool:
        """Whether it is zero everywhere."""
        return False

    def check_features(self, n_features: int) -> None:
        """Raise ValueError when a parameter does not fit the number of features."""

    def __add__(self, other: Penalty) -> Penalty:
        return _Sum(self, other)

    def _per_feature(self, name: str, weights: Array) -> Array:
        """Return the parameter `name`, a number or one number per feature, as a column."""
        return np.asarray(getattr(self, name), dtype=weights.dtype).reshape(-1, 1)

    def _check_per_feature(self, name: str, n_features: int) -> None:
        size = np.size(getattr(self, name))
        if size not in (1, n_features):
            raise ValueError(
                f"{type(self).__name__}({name}=...) has {size} entries: expected one number, or one for each of the "
                f"{n_features} features."
            )


STRENGTHS = ("a number >= 0, or one for each feature", lambda value: bool(np.all(np.asarray(value, dtype=float) >= 0)))


class NoPenalty(Penalty):
    """No penalty: its value is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import NoPenalty
    >>> NoPenalty().value(np.ones((2, 1)))
    0.0
    """

    separable = True
    absent = True

    def value(self, weights: Array) -> float:
        return 0.0

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        return np.zeros_like(weights)


class L2(Penalty):
    r"""Half the sum of squares: shrinks all weights.

    .. math:: R(w) = \tfrac12 \sum_j s_j w_j^2

    Parameters
    ----------
    weights : float or array-like of shape (n_features,), default=1.0
        The strengths s_j, at least 0, relative to alpha.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import L2
    >>> L2().value(np.array([[3.0], [4.0]]))
    12.5

    References
    ----------
    A. Hoerl and R. Kennard, Ridge Regression, 1970.
    """

    ranges = {"weights": STRENGTHS}

    def __init__(self, weights: ArrayLike = 1.0) -> None:
        self.weights = weights

    def value(self, weights: Array) -> float:
        return 0.5 * float(np.sum(self._per_feature("weights", weights) * weights**2))

    def gradient(self, weights: Array) -> Array:
        return self._per_feature("weights", weights) * weights

    def curvature(self, weights: Array) -> Array:
        return self._per_feature("weights", weights) * np.ones_like(weights)

    def check_features(self, n_features: int) -> None:
        self._check_per_feature("weights", n_features)


class L1(Penalty):
    r"""The sum of absolute values: sets weights to exactly zero.

    .. math:: R(w) = \sum_j s_j |w_j|

    Parameters
    ----------
    weights : float or array-like of shape (n_features,), default=1.0
        The strengths s_j, at least 0, relative to alpha.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import L1
    >>> L1().prox(np.array([[3.0], [-0.5]]), step=1.0)
    array([[ 2.],
           [-0.]])

    References
    ----------
    R. Tibshirani, Regression Shrinkage and Selection via the Lasso, 1996.
    """

    separable = True
    ranges = {"weights": STRENGTHS}

    def __init__(self, weights: ArrayLike = 1.0) -> None:
        self.weights = weights

    def value(self, weights: Array) -> float:
        return float(np.sum(self._per_feature("weights", weights) * np.abs(weights)))

    def prox(self, weights: Array, step: float | Array) -> Array:
        return np.sign(weights) * np.maximum(np.abs(weights) - step * self._per_feature("weights", weights), 0.0)

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        strength = alpha * self._per_feature("weights", weights)
        return np.where(weights == 0, np.clip(-gradient, -strength, strength), strength * np.sign(weights))

    def check_features(self, n_features: int) -> None:
        self._check_per_feature("weights", n_features)


class ElasticNet(Penalty):
    r"""A mixture of `L1` and `L2`.

    .. math:: R(w) = \rho \sum_j |w_j| + \tfrac12 (1 - \rho) \sum_j w_j^2

    Parameters
    ----------
    l1_ratio : float, default=0.15
        The share \rho of L1, from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import ElasticNet
    >>> ElasticNet(l1_ratio=0.5).value(np.array([[2.0]]))
    2.0

    References
    ----------
    H. Zou and T. Hastie, Regularization and Variable Selection via the Elastic Net, 2005.
    """

    ranges = {"l1_ratio": ("a number from 0 to 1", lambda value: 0 <= value <= 1)}

    def __init__(self, l1_ratio: float = 0.15) -> None:
        self.l1_ratio = l1_ratio

    @property
    def smooth_part(self) -> Penalty:
        return L2(1.0 - self.l1_ratio) if self.l1_ratio < 1 else NoPenalty()

    @property
    def prox_part(self) -> Penalty:
        return L1(self.l1_ratio) if self.l1_ratio > 0 else NoPenalty()

    def value(self, weights: Array) -> float:
        return self.smooth_part.value(weights) + self.prox_part.value(weights)


class GroupLasso(Penalty):
    r"""The sum of the norms of groups of weights: a group enters the model whole or not at all.

    .. math:: R(w) = \sum_g \sqrt{|g|} \; \|w_g\|_2

    With several outputs or classes, a group holds its features' weights for all of them; \|g\| counts its features.

    Parameters
    ----------
    groups : sequence of sequences of int
        The columns of each group. Groups are disjoint; features in no group are free.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import GroupLasso
    >>> float(round(GroupLasso([[0, 1]]).value(np.array([[3.0], [4.0], [9.0]])), 4))
    7.0711

    References
    ----------
    M. Yuan and Y. Lin, Model Selection and Estimation in Regression with Grouped Variables, 2006.
    """

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        self.groups = groups

    def check_parameters(self) -> None:
        try:
            members = [int(j) for group in self.groups for j in group]
        except (TypeError, ValueError):
            raise ValueError(f"GroupLasso(groups={self.groups!r}): expected a list of lists of column numbers.") from None
        twice = sorted({j for j in members if members.count(j) > 1})
        if twice:
            raise ValueError(f"GroupLasso(groups=...): column {twice[0]} is in two groups; expected disjoint groups.")

    def check_features(self, n_features: int) -> None:
        outside = [j for group in self.groups for j in group if not 0 <= j < n_features]
        if outside:
            raise ValueError(f"GroupLasso(groups=...): there is no column {outside[0]}; X has n_features = {n_features}.")

    def _groups(self) -> list[list[int]]:
        return [list(group) for group in self.groups if len(group)]

    def value(self, weights: Array) -> float:
        return float(sum(np.sqrt(len(group)) * np.linalg.norm(weights[group]) for group in self._groups()))

    def prox(self, weights: Array, step: float | Array) -> Array:
        result = weights.copy()
        for group in self._groups():
            norm = np.linalg.norm(weights[group])
            result[group] *= max(1.0 - step * np.sqrt(len(group)) / norm, 0.0) if norm > 0 else 0.0
        return result

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        result = np.zeros_like(weights)
        for group in self._groups():
            strength, norm = alpha * np.sqrt(len(group)), np.linalg.norm(weights[group])
            if norm > 0:
                result[group] = strength * weights[group] / norm
            else:
                result[group] = -gradient[group] / max(np.linalg.norm(gradient[group]) / max(strength, 1e-300), 1.0)
        return result


class Box(Penalty):
    r"""Bounds on the weights; alpha plays no part.

    .. math:: R(w) = 0 \text{ if } lower \le w \le upper, \quad \infty \text{ otherwise}

    Parameters
    ----------
    lower, upper : float or array-like of shape (n_features,), default=-inf and inf
        The bounds, in the units of the weights.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import Box
    >>> Box(lower=0, upper=1).prox(np.array([[-1.0], [0.5], [3.0]]), step=0.0)
    array([[0. ],
           [0.5],
           [1. ]])

    References
    ----------
    D. Bertsekas, Projected Newton Methods for Optimization Problems with Simple Constraints, 1982.
    """

    separable = True

    def __init__(self, lower: ArrayLike = -np.inf, upper: ArrayLike = np.inf) -> None:
        self.lower = lower
        self.upper = upper

    def check_parameters(self) -> None:
        try:
            ordered = bool(np.all(np.asarray(self.lower, dtype=float) <= np.asarray(self.upper, dtype=float)))
        except (TypeError, ValueError):
            ordered = False
        if not ordered:
            raise ValueError(f"{self!r}: expected numbers with lower <= upper.")

    def check_features(self, n_features: int) -> None:
        self._check_per_feature("lower", n_features)
        self._check_per_feature("upper", n_features)

    def _bounds(self, weights: Array) -> tuple[Array, Array]:
        return self._per_feature("lower", weights), self._per_feature("upper", weights)

    def value(self, weights: Array) -> float:
        low, high = self._bounds(weights)
        return 0.0 if np.all((low <= weights) & (weights <= high)) else np.inf

    def prox(self, weights: Array, step: float | Array) -> Array:
        return np.clip(weights, *self._bounds(weights))

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        low, high = self._bounds(weights)
        return np.where(weights <= low, np.minimum(-gradient, 0.0), 0.0) + np.where(
            weights >= high, np.maximum(-gradient, 0.0), 0.0
        )


class NonNegative(Box):
    """Weights that may not be negative: `Box` with lower = 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import NonNegative
    >>> NonNegative().prox(np.array([[-1.0], [0.5]]), step=0.0)
    array([[0. ],
           [0.5]])

    References
    ----------
    C. Lawson and R. Hanson, Solving Least Squares Problems, 1974, chapter 23.
    """

    lower = 0.0
    upper = np.inf

    def __init__(self) -> None:
        pass


class _Sum(Penalty):
    def __init__(self, first: Penalty, second: Penalty) -> None:
        self.first = first
        self.second = second

    def check_parameters(self) -> None:
        for part in (self.first, self.second):
            if not isinstance(part, Penalty):
                raise TypeError(f"A sum of penalties needs Penalty objects; got {part!r}.")
            part.check_parameters()
        if not (self.first.prox_part.absent or self.second.prox_part.absent):
            raise ValueError(
                f"{self.first!r} + {self.second!r}: at most one of them may have kinks or constraints, as the prox of a sum "
                "is not known; write one Penalty with the prox of both."
            )

    def check_features(self, n_features: int) -> None:
        self.first.check_features(n_features)
        self.second.check_features(n_features)

    @property
    def smooth_part(self) -> Penalty:
        parts = [part for part in (self.first.smooth_part, self.second.smooth_part) if not part.absent]
        return _SmoothSum(*parts) if len(parts) == 2 else (parts or [NoPenalty()])[0]

    @property
    def prox_part(self) -> Penalty:
        first = self.first.prox_part
        return self.second.prox_part if first.absent else first

    def value(self, weights: Array) -> float:
        return self.first.value(weights) + self.second.value(weights)


class _SmoothSum(_Sum):
    @property
    def smooth_part(self) -> Penalty:
        return self

    def gradient(self, weights: Array) -> Array:
        return self.first.gradient(weights) + self.second.gradient(weights)

    def curvature(self, weights: Array) -> Array:
        return self.first.curvature(weights) + self.second.curvature(weights)


PENALTIES: dict[str, type[Penalty]] = {
    "l2": L2,
    "l1": L1,
    "elasticnet": ElasticNet,
    "nonnegative": NonNegative,
}  # GroupLasso and Box need arguments: they are passed as objects.

ALIASES = {
    "ridge": "l2",
    "lasso": "l1",
    "elastic_net": "elasticnet",
    "elastic-net": "elasticnet",
    "enet": "elasticnet",
    "positive": "nonnegative",
    "non_negative": "nonnegative",
}


def get_penalty(penalty: str | Penalty | None) -> Penalty:
    """Return a fresh, checked penalty for a name, a Penalty object, or None.

    Raises
    ------
    ValueError
        For an unknown name (with the known ones and the nearest), or a parameter out of range.
    TypeError
        For anything else.

    Examples
    --------
    >>> from sklearn_gd.penalties import get_penalty
    >>> get_penalty("l1")
    L1()
    """
    given: Any = NoPenalty() if penalty is None else penalty
    return resolve(given, PENALTIES, Penalty, "penalty", ALIASES)
