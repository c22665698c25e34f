"""A custom loss from a function of tensors, with derivatives by automatic differentiation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...arrays import Array
from ...losses import CustomLoss
from ...shown import called

__all__ = ["Differentiable", "DifferentiatedLoss", "converted", "total"]


@dataclass(frozen=True)
class Differentiable(ABC):
    """A function of tensors as a function of arrays, with its derivatives in float64.

    `data` are the additional data of the rows, if the function takes any.
    """

    function: Callable[..., Any]

    @property
    def __name__(self) -> str:
        return called(self.function)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """The function, whose signature is that of this one."""
        return self.function

    @abstractmethod
    def __call__(self, *arrays: Array) -> Array:
        """Return the values of the function."""

    @abstractmethod
    def gradient(self, y: Array, raw: Array, *data: Array) -> Array:
        """Return the derivative of the sum of the values in raw."""

    @abstractmethod
    def curvature_product(self, y: Array, raw: Array, v: Array, *data: Array) -> Array:
        """Return the second derivative of the sum of the values in raw, times v."""


class DifferentiatedLoss(CustomLoss):
    """A custom loss whose derivatives, unless given, are those of its function.

    The loss of a row depends on its own raw alone; the derivatives of the sum of all losses therefore hold those of each.

    Attributes
    ----------
    of_function, of_others : type
        What makes the function, and the other functions that are given, functions of arrays.
    """

    of_function: ClassVar[type[Differentiable]]
    of_others: ClassVar[type[Differentiable]]

    def _settle(self) -> None:
        others = dict.fromkeys(("gradient", "curvature", "prox", "inverse_link", "link"), self.of_others)
        for name, kind in {"function": self.of_function, **others}.items():
            given = self._given[name]
            if callable(given) and not isinstance(given, Differentiable):
                self._given[name] = kind(given)
        super()._settle()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {name: given.function if isinstance(given, Differentiable) else given for name, given in self._given.items()}

    @property
    def has_gradient(self) -> bool:
        return True

    @property
    def derives_curvature(self) -> bool:
        return False

    def gradient(self, y: Array, raw: Array) -> Array:
        if self._given["gradient"] is None:
            return self._given["function"].gradient(*self._with_data(y, raw))
        return super().gradient(y, raw)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        if self._given["curvature"] is None:
            return self._given["function"].curvature_product(*self._with_data(y, raw, v))
        return super().curvature_product(y, raw, v)


def total(function: Callable[..., Any], y: Any, data: tuple[Any, ...], raw: Any) -> Any:
    """Return the sum of the losses."""
    return function(y, raw, *data).sum()


def converted(array: Any, to_tensor: Callable[[Array], Any]) -> Any:
    """Return an array as a tensor of float64, or of int64 if it holds integers, such as codes of classes.

    A structured array, with the columns of a frame, becomes a dict of tensors.
    """
    array = np.asarray(array)
    if array.dtype.names is not None:
        return {name: converted(array[name], to_tensor) for name in array.dtype.names}
    return to_tensor(np.array(array, dtype=np.int64 if array.dtype.kind in "biu" else np.float64, order="C"))
