"""Penalties that shrink weights towards zero."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array
from .base import NoPenalty, Penalty
from .names import columns_of, not_named, numbers

__all__ = ["L1", "L2", "ElasticNet", "GroupLasso"]


STRENGTHS = ("a number >= 0, or one for each feature", lambda value: _finite_and_not_negative(numbers(value)))


def _finite_and_not_negative(strengths: Array) -> bool:
    return bool(np.all((strengths >= 0) & np.isfinite(strengths)))


class _Weighted(Penalty):
    """Base class of penalties with one strength per feature."""

    ranges = {"weights": STRENGTHS}

    neutral = {"weights": 1.0}

    falls_apart = True

    def __init__(self, weights: ArrayLike | Mapping[Any, float] = 1.0) -> None:
        self.weights = weights

    def for_features(self, features: Array) -> Penalty:
        weights = np.asarray(self._given("weights"))
        return self if weights.size == 1 else type(self)(weights[features])


class L2(_Weighted):
    r"""Half the sum of squared weights: shrinks all weights.

    .. math:: R(w) = \tfrac12 \sum_j s_j w_j^2

    Parameters
    ----------
    weights : float, array-like of shape (n_features,) or dict, default=1.0
        The strengths s_j, at least 0, relative to alpha. A dict maps feature names, patterns of them or column numbers to
        strengths, as in ``{"age": 0.0, "postcode_*": 2.0}``; the other features have strength 1.

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

    smooth = True

    @property
    def isotropic(self) -> bool:  # type: ignore[override]
        return np.size(self._given("weights")) == 1

    def value(self, weights: Array) -> float:
        return 0.5 * float(np.sum(self._per_feature("weights", weights) * weights**2))

    def gradient(self, weights: Array) -> Array:
        return self._per_feature("weights", weights) * weights

    def curvature(self, weights: Array) -> Array:
        return self._per_feature("weights", weights) * np.ones_like(weights)


class L1(_Weighted):
    r"""The sum of absolute weights: sets some weights to exactly zero.

    .. math:: R(w) = \sum_j s_j |w_j|

    Parameters
    ----------
    weights : float, array-like of shape (n_features,) or dict, default=1.0
        The strengths s_j, at least 0, relative to alpha. A dict maps feature names, patterns of them or column numbers to
        strengths, as in ``{"age": 0.0, "postcode_*": 2.0}``; the other features have strength 1.

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
    selects = True

    def value(self, weights: Array) -> float:
        return float(np.sum(self._per_feature("weights", weights) * np.abs(weights)))

    def prox(self, weights: Array, step: float | Array) -> Array:
        return np.sign(weights) * np.maximum(np.abs(weights) - step * self._per_feature("weights", weights), 0.0)

    def kinks(self, weights: Array) -> Array:
        return np.zeros((1, 1, 1))

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        strength = alpha * self._per_feature("weights", weights)
        return np.where(weights == 0, np.clip(-gradient, -strength, strength), strength * np.sign(weights))


class ElasticNet(Penalty):
    r"""A mixture of `L1` and `L2`.

    .. math:: R(w) = \rho \sum_j |w_j| + \tfrac12 (1 - \rho) \sum_j w_j^2

    Parameters
    ----------
    l1_ratio : float, default=0.15
        The mixing parameter \rho, the share of L1, from 0 to 1.

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

    falls_apart = True

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

    def for_features(self, features: Array) -> Penalty:
        return self


class GroupLasso(Penalty):
    r"""The group lasso, the sum of the norms of groups of weights: selects or drops whole groups of features.

    .. math:: R(w) = \sum_g \sqrt{|g|} \; \|w_g\|_2

    With several outputs or classes, a group contains the weights of its features for all of them; \|g\| is its number of
    features.

    Parameters
    ----------
    groups : sequence of sequences of int or str
        The columns of each group: their numbers, feature names, or patterns of these ("region_*"). The groups must be disjoint;
        a column that has its name or number in one group is not in another one by a pattern, and of several patterns the first
        one wins. Features in no group are not penalised.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import GroupLasso
    >>> float(round(GroupLasso([[0, 1]]).value(np.array([[3.0], [4.0], [9.0]])), 4))
    7.0711
    >>> GroupLasso([["age", "bmi"], ["region_*"]]).named(["age", "bmi", "region_n", "region_s"])
    GroupLasso(groups=[[0, 1], [2, 3]])

    References
    ----------
    M. Yuan and Y. Lin, Model Selection and Estimation in Regression with Grouped Variables, 2006.
    """

    def __init__(self, groups: Sequence[Sequence[int | str]]) -> None:
        self.groups = groups

    def check_parameters(self) -> None:
        try:
            members = _members(self.groups)
        except TypeError:
            raise ValueError(
                f"GroupLasso(groups={self.groups!r}): expected a list of lists of column numbers or feature names."
            ) from None
        twice = next((member for member, count in Counter(members).items() if count > 1), None)
        if twice is not None:
            raise ValueError(f"GroupLasso(groups=...): column {twice!r} is in two groups; expected disjoint groups.")

    def named(self, names: Sequence[str] | Array) -> Penalty:
        members = _members(self.groups)
        if not any(isinstance(member, str) for member in members):
            return self
        columns = iter(columns_of(members, names, "GroupLasso(groups=...)"))
        return type(self)([[j for _ in group for j in next(columns)] for group in self.groups])

    def check_features(self, n_features: int) -> None:
        outside = [j for group in self._groups() for j in group if not 0 <= j < n_features]
        if outside:
            raise ValueError(f"GroupLasso(groups=...): there is no column {outside[0]}; X has n_features = {n_features}.")

    def _groups(self) -> list[list[Any]]:
        if any(isinstance(member, str) for group in self.groups for member in group):
            raise not_named(repr(self))
        return [list(group) for group in self.groups if len(group)]

    def norms(self) -> list[tuple[Array, float]]:
        return [(np.array(group), float(np.sqrt(len(group)))) for group in self._groups()]

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


def _members(groups: Any) -> list[int | str]:
    """Return the entries of all groups; TypeError if they are not lists of column numbers or names."""
    if any(isinstance(group, str) for group in groups):
        raise TypeError
    return [member if isinstance(member, str) else operator.index(member) for group in groups for member in group]
