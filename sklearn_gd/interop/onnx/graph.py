"""The nodes of one estimator in an ONNX graph, and the tables of what can be expressed in ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...arrays import Array
from ..optional import library

__all__ = ["Graph", "found"]


class Graph:
    """The nodes of one estimator. A call adds a node and returns the name of its result, or of the first of several.

    The inputs of a node are names of results, numbers, or arrays. Floats take the dtype of the graph.

    Attributes
    ----------
    model : estimator
        The fitted estimator.
    target : Target
    n_raw : int
        Number of columns of raw.
    types : enum
        The element types of ONNX.
    number : int
        The element type of floats.
    precision : numpy.finfo
        That of floats.
    """

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        self.scope, self.operator, self.container = scope, operator, container
        self.model = operator.raw_operator
        self.target: Any = self.model._last_fit.target
        self.n_raw: int = self.model.loss_.n_raw(self.target)
        self.types = library("onnx").TensorProto
        double = isinstance(operator.inputs[0].type, library("skl2onnx.common.data_types").DoubleTensorType)
        self.number = self.types.DOUBLE if double else self.types.FLOAT
        self.precision = np.finfo(np.float64 if double else np.float32)

    def __call__(self, kind: str, *inputs: str | float | Array, n_results: int = 1, **attributes: Any) -> str:
        names = [value if isinstance(value, str) else self._constant(np.asarray(value)) for value in inputs]
        results: list[str] = [self.scope.get_unique_variable_name(kind.lower()) for _ in range(n_results)]
        self.container.add_node(kind, names, results, name=self.scope.get_unique_operator_name(kind), **attributes)
        return results[0]

    def _constant(self, values: Array) -> str:
        name: str = self.scope.get_unique_variable_name("constant")
        kind = {"f": self.number, "i": self.types.INT64, "O": self.types.STRING}[values.dtype.kind]
        content = [label.encode() for label in values] if values.dtype.kind == "O" else values.ravel()
        self.container.add_initializer(name, kind, list(values.shape), content)
        return name


def found(table: Mapping[Any, Any], key: Any, message: str) -> Any:
    """Return the entry of a table, by identity: a user's callable may not be hashable.

    Raises
    ------
    ValueError
        With the message, if there is none.
    """
    for known, entry in table.items():
        if known is key:
            return entry
    raise ValueError(message)
