"""Different penalties for different features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import Array
from .base import NoPenalty, Penalty
from .names import columns_of, not_named

__all__ = ["ByName"]


class ByName(Penalty):
    r"""Different penalties for different features, by their names.

    .. math:: R(w) = \sum_k R_k(w_{J_k})

    J_k are the features with key k. Features without a key are not penalised. ``penalty={"age": "l2", "postcode_*": "l1"}`` is
    short for a `ByName` of the penalties with these names.

    Parameters
    ----------
    penalties : dict of {str or int: Penalty}
        The penalties, keyed by feature names, shell-style patterns of them ("postcode_*"), or column numbers. A name or a
        number wins over a pattern; of several patterns, the first one wins. A parameter with one entry per feature, or with
        column numbers, counts the features of its key only.
    owners : ndarray of shape (n_features,), default=None
        For each feature, the position of its penalty in `penalties`, or -1 for none. If None, `named` finds it in the feature
        names.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.penalties import L1, L2, ByName
    >>> penalty = ByName({"age": L2(), "postcode_*": L1()}).named(["age", "postcode_1", "postcode_2"])
    >>> penalty.value(np.array([[2.0], [3.0], [-4.0]]))
    9.0

    References
    ----------
    N. Parikh and S. Boyd, Proximal Algorithms, 2014, section 2.1 (separable sums).
    """

    def __init__(self, penalties: Mapping[Any, Penalty], owners: Array | None = None) -> None:
        self.penalties = penalties
        self.owners = owners

    def check_parameters(self) -> None:
        for key, penalty in self.penalties.items():
            if not isinstance(penalty, Penalty):
                raise TypeError(f"ByName needs Penalty objects; got {penalty!r} for {key!r}.")
            penalty.check_parameters()

    def check_features(self, n_features: int) -> None:
        for penalty, mine in self._placed():
            penalty.check_features(int(np.count_nonzero(mine)))
        if len(self._owners) != n_features:
            raise ValueError(f"{self!r} has the names of {len(self._owners)} features: expected {n_features}.")

    @property
    def in_words(self) -> str:
        """The penalties by their keys."""
        return f"ByName({dict(self.penalties)!r})"

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return self.in_words

    def named(self, names: Sequence[str] | Array) -> Penalty:
        if self.owners is not None:
            return self
        penalties, owners = {}, np.full(len(names), -1)
        found = columns_of(list(self.penalties), names, "penalty={...}")
        for number, ((key, penalty), columns) in enumerate(zip(self.penalties.items(), found, strict=True)):
            owners[columns] = number
            penalties[key] = penalty.named([names[j] for j in columns])
        for number, penalty in enumerate(penalties.values()):
            if np.all(owners == number):  # on its own it may be isotropic
                return penalty
        return ByName(penalties, owners)

    @property
    def _owners(self) -> Array:
        if self.owners is None:
            raise not_named(repr(self))
        return self.owners

    def _placed(self) -> Iterator[tuple[Penalty, Array]]:
        """Yield each penalty and the mask of its features; those without one have no penalty."""
        for number, penalty in enumerate(self.penalties.values()):
            yield penalty, self._owners == number
        yield NoPenalty(), self._owners < 0

    def _joined(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """Return the results of a function of each penalty and the rows of the arrays for its features, in one array."""
        result = np.zeros_like(arrays[0])
        for penalty, mine in self._placed():
            result[mine] = function(penalty, *(array[mine] for array in arrays))
        return result

    def _each(self, change: Callable[[Penalty], Penalty]) -> ByName:
        return ByName({key: change(penalty) for key, penalty in self.penalties.items()}, self.owners)

    # -- what it declares ---------------------------------------------------------------------------------------------

    @property
    def _kinked(self) -> list[Penalty]:
        parts = [penalty.prox_part for penalty in self.penalties.values()]
        return [part for part in parts if not part.absent]

    @property
    def separable(self) -> bool:  # type: ignore[override]
        return all(part.separable for part in self._kinked)

    @property
    def selects(self) -> bool:  # type: ignore[override]
        return bool(self._kinked) and all(part.selects for part in self._kinked)

    @property
    def bounds(self) -> bool:  # type: ignore[override]
        return bool(self._kinked) and all(part.bounds for part in self._kinked)

    @property
    def falls_apart(self) -> bool:  # type: ignore[override]
        return all(penalty.falls_apart for penalty in self.penalties.values())

    @property
    def absent(self) -> bool:
        return all(penalty.absent for penalty in self.penalties.values())

    @property
    def smooth_part(self) -> Penalty:
        return self._each(lambda penalty: penalty.smooth_part)

    @property
    def prox_part(self) -> Penalty:
        return self._each(lambda penalty: penalty.prox_part)

    # -- what it does -------------------------------------------------------------------------------------------------

    def value(self, weights: Array) -> float:
        return float(sum(penalty.value(weights[mine]) for penalty, mine in self._placed()))

    def gradient(self, weights: Array) -> Array:
        return self._joined(lambda penalty, some: penalty.smooth_part.gradient(some), weights)

    def curvature(self, weights: Array) -> Array:
        return self._joined(lambda penalty, some: penalty.smooth_part.curvature(some), weights)

    def prox(self, weights: Array, step: float | Array) -> Array:
        if np.ndim(step) == 0:
            return self._joined(lambda penalty, some: penalty.prox_part.prox(some, step), weights)
        return self._joined(lambda penalty, some, own: penalty.prox_part.prox(some, own), weights, np.asarray(step))

    def subgradient(self, weights: Array, gradient: Array, alpha: float) -> Array:
        return self._joined(lambda penalty, *some: penalty.prox_part.subgradient(*some, alpha), weights, gradient)

    def kinks(self, weights: Array) -> Array | None:
        shape, found = weights.shape[1:], []
        for penalty, mine in self._placed():
            own = np.empty((0, 1, 1)) if penalty.absent else penalty.kinks(np.zeros((np.count_nonzero(mine), *shape)))
            if own is None:
                return None
            found.append((own, mine))
        # A feature with fewer kinks than another one has the remaining ones at infinity.
        result = np.full((max(len(own) for own, _ in found), len(self._owners), *shape), np.inf)
        for own, mine in found:
            result[: len(own), mine] = own
        return result

    def norms(self) -> list[tuple[Array, float]] | None:
        result = []
        for penalty, mine in self._placed():
            own = [] if penalty.absent else penalty.norms()
            if own is None:
                return None
            result += [(np.flatnonzero(mine)[group], strength) for group, strength in own]
        return result

    def for_features(self, features: Array) -> Penalty:
        owners, some = self._owners[features], {}
        for number, (key, penalty) in enumerate(self.penalties.items()):
            place = np.cumsum(self._owners == number) - 1
            some[key] = penalty.for_features(place[features[owners == number]])
        return ByName(some, owners)
