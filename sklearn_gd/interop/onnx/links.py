"""From raw to the mean or the probabilities: the nodes of the inverse links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

from ... import losses
from ...losses.wrapped import Wrapped
from .graph import Graph, found

__all__ = ["LINKS", "clipped", "mean_of"]


def mean_of(graph: Graph, raw: str) -> str:
    """Return the mean or the probabilities for raw.

    Raises
    ------
    ValueError
        If the inverse link cannot be expressed in ONNX.
    """
    return _linked(graph, graph.model.loss_, raw)


def _linked(graph: Graph, loss: Any, raw: str, inverse_link: Any = None) -> str:
    """Return the inverse link of raw: that of the loss, unless another function is given."""
    message = (
        f"The inverse_link of the loss {loss.name} cannot be expressed in ONNX: expected that of a loss of this package, or "
        "None, numpy.exp or scipy.special.expit."
    )
    return str(found(LINKS, inverse_link or type(loss).inverse_link, message)(graph, loss, raw))


def clipped(graph: Graph, values: str, low: float, high: float) -> str:
    """Return values clipped to an interval."""
    return graph("Max", graph("Min", values, high), low)


def _sigmoid(graph: Graph, raw: str) -> str:
    # ONNX Runtime approximates Sigmoid with an absolute error, but the ratios of one-vs-rest probabilities matter.
    return graph("Div", 1.0, graph("Add", graph("Exp", graph("Neg", raw)), 1.0))


def _focal(graph: Graph, loss: Any, raw: str) -> str:
    """Return the posterior for each column, as that of two classes with raw scores 0 and raw."""
    pairs = graph("MatMul", graph("Reshape", raw, np.array([-1, 1])), np.array([[0.0, 1.0]]))
    positive = graph("Gather", _posterior(graph, loss, pairs, 2), np.array([1]), axis=1)
    return graph("Reshape", positive, np.array([-1, graph.n_raw]))


def _posterior(graph: Graph, loss: Any, raw: str, n_classes: int) -> str:
    """Return h(p_k) / sum_j h(p_j), with p = softmax(raw) and h as in `Focal`."""
    gamma = float(loss.gamma)
    log_p = graph("LogSoftmax", raw, axis=1)
    p, minus_log_p = graph("Exp", log_p), graph("Neg", log_p)
    wrong = graph("MatMul", p, 1.0 - np.eye(n_classes))
    # -log(p) / (1 - p) tends to 1 as p tends to 1, where it cannot be computed.
    away = graph("Greater", wrong, float(np.sqrt(graph.precision.eps)))
    ratio = graph("Where", away, graph("Div", minus_log_p, wrong), 1.0)
    focus = graph("Mul", graph("Log", graph("Max", wrong, float(graph.precision.tiny))), gamma)
    bracket = graph("Log", graph("Add", graph("Mul", graph("Mul", p, ratio), gamma), 1.0))
    return graph("Softmax", graph("Sub", graph("Sub", log_p, focus), bracket), axis=1)


def _given(graph: Graph, loss: Any, raw: str) -> str:
    """Return the inverse link that the user has given; without one, raw."""
    inverse_link = loss.get_params()["inverse_link"]
    return raw if inverse_link is None else _linked(graph, loss, raw, inverse_link)


def _column(graph: Graph, raw: str, k: int) -> str:
    return graph("Gather", raw, np.array([k]), axis=1)


def _sorted(graph: Graph, loss: Any, raw: str) -> str:
    return graph("TopK", raw, np.array([graph.n_raw]), n_results=2, axis=1, largest=0, sorted=1)


def _log_normal(graph: Graph, loss: Any, raw: str) -> str:
    variance = graph("Exp", graph("Mul", _column(graph, raw, 1), 2.0))
    return graph("Exp", graph("Add", _column(graph, raw, 0), graph("Mul", variance, 0.5)))


def _zero_inflated(graph: Graph, loss: Any, raw: str) -> str:
    return graph("Div", graph("Exp", _column(graph, raw, 0)), graph("Add", graph("Exp", _column(graph, raw, 1)), 1.0))


def _ordinal(graph: Graph, loss: Any, raw: str) -> str:
    """Return sigma(u) sigma(-l) (1 - exp(l - u)), with the logits u of P(y > k - 1) and l of P(y > k).

    It is sigma(u) - sigma(l) without the loss of precision where both are near 1.
    """
    n_raw = graph.n_raw
    later, infinite = np.diag((np.arange(n_raw) > 0).astype(np.float64)), np.append(np.inf, np.zeros(n_raw))
    # The logits fall from raw_0 in steps of exp(raw_k); before the first one is exp(-inf) = 0.
    steps = graph("Exp", graph("Gemm", raw, later, -infinite[:-1]))
    logits = graph("Sub", _column(graph, raw, 0), graph("MatMul", steps, np.triu(np.ones((n_raw, n_raw)))))
    upper = graph("Gemm", logits, np.eye(n_raw, n_raw + 1, k=1), infinite)
    lower = graph("Gemm", logits, np.eye(n_raw, n_raw + 1), -infinite[::-1])
    between = graph("Sub", 1.0, graph("Exp", graph("Sub", lower, upper)))
    both = graph("Mul", _sigmoid(graph, upper), _sigmoid(graph, graph("Neg", lower)))
    return graph("Max", graph("Mul", both, between), 0.0)


def _softmax_of_steps(graph: Graph, loss: Any, raw: str) -> str:
    steps = graph("Reshape", raw, np.array([-1, graph.n_raw // loss.steps]))
    return graph("Reshape", graph("Softmax", steps, axis=1), np.array([-1, graph.n_raw]))


# Keyed by the function that computes the mean: a loss that inherits it is included, and one that overrides it is not.
LINKS: dict[Callable[..., Any], Callable[[Graph, Any, str], str]] = {
    losses.Loss.inverse_link: lambda graph, loss, raw: raw,
    losses.Poisson.inverse_link: lambda graph, loss, raw: graph("Exp", raw),
    losses.LogLoss.inverse_link: lambda graph, loss, raw: _sigmoid(graph, raw),
    losses.Exponential.inverse_link: lambda graph, loss, raw: _sigmoid(graph, graph("Mul", raw, 2.0)),
    losses.ModifiedHuber.inverse_link: lambda graph, loss, raw: clipped(
        graph, graph("Add", graph("Mul", raw, 0.5), 0.5), 0.0, 1.0
    ),
    losses.Focal.inverse_link: _focal,
    losses.MultinomialLogLoss.inverse_link: lambda graph, loss, raw: graph("Softmax", raw, axis=1),
    losses.MultinomialFocal.inverse_link: lambda graph, loss, raw: _posterior(graph, loss, raw, graph.n_raw),
    losses.SequenceLoss.inverse_link: _softmax_of_steps,
    losses.OrdinalLogLoss.inverse_link: _ordinal,
    losses.Quantiles.inverse_link: _sorted,
    losses.Normal.inverse_link: lambda graph, loss, raw: _column(graph, raw, 0),
    losses.StudentT.inverse_link: lambda graph, loss, raw: _column(graph, raw, 0),
    losses.LogNormal.inverse_link: _log_normal,
    losses.NegativeBinomial.inverse_link: lambda graph, loss, raw: graph("Exp", _column(graph, raw, 0)),
    losses.ZeroInflatedPoisson.inverse_link: _zero_inflated,
    losses.Beta.inverse_link: lambda graph, loss, raw: _sigmoid(graph, _column(graph, raw, 0)),
    Wrapped.inverse_link: lambda graph, loss, raw: _linked(graph, loss.inner, raw),
    losses.CustomLoss.inverse_link: _given,
    np.exp: lambda graph, loss, raw: graph("Exp", raw),
    expit: lambda graph, loss, raw: _sigmoid(graph, raw),
}
