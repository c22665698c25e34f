"""From X to raw: the nodes of linear models and networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...models import MLP, Linear
from ...models.mlp import LEAK
from .graph import Graph, found

__all__ = ["ACTIVATIONS", "MODELS", "raw_of"]


def raw_of(graph: Graph, X: str) -> str:
    """Return raw for X.

    Raises
    ------
    ValueError
        If the model cannot be expressed in ONNX.
    """
    model = graph.model.model_
    raw: str = found(MODELS, type(model).raw, f"model={model!r}: expected Linear or MLP for export to ONNX.")(graph, X)
    return raw


def _linear(graph: Graph, X: str) -> str:
    coef = np.atleast_2d(graph.model.coef_)
    weights = np.pad(coef, ((0, graph.n_raw - len(coef)), (0, 0)))  # the last columns of raw may be constant
    return graph("Gemm", X, weights.T, np.ravel(graph.model.intercept_))


def _network(graph: Graph, X: str) -> str:
    fitted = graph.model
    activate = ACTIVATIONS[fitted.model_.activation]
    values = graph("Gemm", X, fitted.coefs_[0], fitted.intercepts_[0])
    for weights, intercept in zip(fitted.coefs_[1:], fitted.intercepts_[1:], strict=True):
        values = graph("Gemm", activate(graph, values), weights, intercept)
    return values


def _gelu(graph: Graph, z: str) -> str:
    # ONNX Runtime has the error function in single precision only.
    error = graph("Erf", graph("Cast", graph("Mul", z, np.sqrt(0.5)), to=graph.types.FLOAT))
    return graph("Mul", graph("Mul", z, 0.5), graph("Add", graph("Cast", error, to=graph.number), 1.0))


def _softplus(graph: Graph, z: str) -> str:
    decay = graph("Exp", graph("Neg", graph("Abs", z)))
    return graph("Add", graph("Max", z, 0.0), graph("Log", graph("Add", decay, 1.0)))


ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "identity": lambda graph, z: z,
    "relu": lambda graph, z: graph("Relu", z),
    "leaky_relu": lambda graph, z: graph("Max", z, graph("Mul", z, LEAK)),
    "tanh": lambda graph, z: graph("Tanh", z),
    "logistic": lambda graph, z: graph("Sigmoid", z),
    "gelu": _gelu,
    "softplus": _softplus,
}
# Keyed by the method that computes raw, so that a subclass that overrides it is not mistaken for its base.
MODELS: dict[Callable[..., Any], Callable[[Graph, str], str]] = {Linear.raw: _linear, MLP.raw: _network}
