"""The contract of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Array
from ..parts import Part

if TYPE_CHECKING:
    from ..rows.memory import Moments

__all__ = ["Model"]


class Model(Part, ABC):
    """The kind of function that makes raw predictions from X: configuration, of which `bind` makes the map itself.

    Attributes
    ----------
    n_init : int
        How many times to begin anew.
    """

    n_init: int = 1

    @abstractmethod
    def bind(self, n_raw: int, fit_intercept: bool, moments: Moments, center: bool) -> Any:
        """Return the map for this number of outputs and for columns with these moments: a `LinearMap` or a `Network`."""

    @abstractmethod
    def start(self, bound: Any, constant: Array, random_state: np.random.RandomState) -> Array:
        """Return the first parameters; `constant` is the best intercept without features, shape (K,)."""

    @abstractmethod
    def raw(self, X: Any, fitted: Mapping[str, Any]) -> Array:
        """Return raw, (n, K), from the fitted attributes."""
