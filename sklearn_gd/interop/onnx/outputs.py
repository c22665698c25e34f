"""From raw and the mean to the outputs: the predictions, labels, probabilities and scores of each kind of target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import Array
from ...losses import Loss
from ...targets import Continuous, Fractions, Labels, Multilabel, Ordered, Sequences, SoftLabels, Target
from ..optional import library
from .graph import Graph, found
from .links import clipped, mean_of

__all__ = ["OUTPUTS", "Outputs", "labels_of", "outputs_for"]

# From raw to the scores of two classes: both rows for two columns of raw, the last row for one.
TWO_CLASSES = np.array([[1.0, -1.0], [-1.0, 1.0]])


@dataclass(frozen=True)
class Outputs:
    """The outputs for a kind of target.

    Attributes
    ----------
    shapes : callable
        ``shapes(target, loss)``: the shape of each output, without the axis of samples.
    nodes : callable
        ``nodes(graph, target, raw)``: the names of the results.
    """

    shapes: Callable[[Any, Loss], list[tuple[int, ...]]]
    nodes: Callable[[Graph, Any, str], list[str]]


def outputs_for(target: Target) -> Outputs:
    """Return the outputs for a target.

    Raises
    ------
    ValueError
        If it is none of this package.
    """
    expected = ", ".join(kind.__name__ for kind in OUTPUTS)
    outputs: Outputs = found(OUTPUTS, type(target), f"y is {type(target).__name__}: expected {expected} for export to ONNX.")
    return outputs


def labels_of(operator: Any) -> Array:
    """Return the class labels as int64, or as strings of dtype object.

    Raises
    ------
    ValueError
        If they are neither integers nor strings.
    """
    utils = library("skl2onnx.common.utils_classifier")
    classes = np.asarray(utils.get_label_classes(operator.scope_inst, operator.raw_operator))
    if classes.dtype.kind in "OU" and all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    if classes.dtype.kind in "biuf" and np.array_equal(classes, classes.astype(np.int64)):
        return classes.astype(np.int64)
    raise ValueError(f"classes_={classes.tolist()}: expected strings or integers for export to ONNX.")


def _label(graph: Graph, scores: str, axis: int) -> str:
    """Return the labels with the highest scores."""
    return graph("Gather", labels_of(graph.operator), graph("ArgMax", scores, axis=axis, keepdims=0))


def _confidence(graph: Graph, raw: str, scores: str, proba: Callable[[str], str]) -> str:
    """Return the second output of a classifier: its probabilities, or the scores if it has none or they are asked for."""
    only_scores = graph.container.get_options(graph.model, {"raw_scores": False})["raw_scores"]
    return scores if only_scores or not hasattr(graph.model, "predict_proba") else proba(mean_of(graph, raw))


def _numbers(graph: Graph, target: Any, raw: str) -> list[str]:
    columns, predicted = _columns(target, graph.model.loss_)
    mean = mean_of(graph, raw)
    return [mean if predicted == columns else graph("Gather", mean, np.arange(predicted), axis=1)]


def _columns(target: Any, loss: Loss) -> tuple[int, int]:
    """Return the number of columns of the inverse link, and of the prediction, its first columns."""
    raw = np.zeros((1, loss.n_raw(target)))
    mean = loss.inverse_link(raw)
    return mean.shape[1], np.size(target.decode(raw, mean))


def _labels(graph: Graph, target: Any, raw: str) -> list[str]:
    return _of_classes(graph, target, raw, raw, graph.n_raw)


def _ordered(graph: Graph, target: Any, raw: str) -> list[str]:
    return _of_classes(graph, target, raw, graph("Log", mean_of(graph, raw)), len(target.classes))


def _of_classes(graph: Graph, target: Any, raw: str, scores: str, n_columns: int) -> list[str]:
    """Return the label and its confidence, for scores with a column for each class, or one column for two classes."""
    scores = scores if target.exclusive else graph("MatMul", scores, TWO_CLASSES[-n_columns:])
    confidence = _confidence(graph, raw, scores, lambda mean: _shares(graph, mean, n_columns))
    return [_label(graph, scores, axis=1), confidence]


def _shares(graph: Graph, mean: str, n_columns: int) -> str:
    """Return the probabilities of exclusive classes, uniform where all are zero."""
    if n_columns == 1:
        return graph("Gemm", mean, np.array([[-1.0, 1.0]]), np.array([1.0, 0.0]))
    total = graph("MatMul", mean, np.ones((n_columns, 1)))
    return graph("Where", graph("Greater", total, 0.0), graph("Div", mean, total), 1.0 / n_columns)


def _indicators(graph: Graph, target: Any, raw: str) -> list[str]:
    label, eps = graph("Cast", graph("Greater", raw, 0.0), to=graph.types.INT64), float(graph.precision.eps)
    return [label, _confidence(graph, raw, raw, lambda mean: clipped(graph, mean, eps, 1.0 - eps))]


def _sequences(graph: Graph, target: Any, raw: str) -> list[str]:
    if graph.scope.get_options(graph.model, {"zipmap": True})["zipmap"]:
        raise ValueError("The option zipmap is on: expected options={'zipmap': False} for sequences of labels.")
    shape = np.array([-1, target.n_steps, len(target.classes)])
    scores = graph("Reshape", raw, shape)
    return [_label(graph, scores, axis=2), _confidence(graph, raw, scores, lambda mean: graph("Reshape", mean, shape))]


NUMBERS = Outputs(lambda y, loss: [_columns(y, loss)[1:]], _numbers)
LABELS = Outputs(lambda y, loss: [(), (len(y.classes),)], _labels)
OUTPUTS: dict[type[Target], Outputs] = {
    Continuous: NUMBERS,
    Fractions: NUMBERS,
    Labels: LABELS,
    SoftLabels: LABELS,
    Ordered: Outputs(LABELS.shapes, _ordered),
    Multilabel: Outputs(lambda y, loss: [(len(y.classes),)] * 2, _indicators),
    Sequences: Outputs(lambda y, loss: [(y.n_steps,), (y.n_steps, len(y.classes))], _sequences),
}
