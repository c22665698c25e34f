"""The public functions, and the converters that they register with skl2onnx."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from ...estimators.classifier import GDClassifier
from ...estimators.regressor import GDRegressor
from ..optional import library
from .graph import Graph
from .models import raw_of
from .outputs import labels_of, outputs_for

__all__ = ["register_onnx", "to_onnx"]

SWITCH = [True, False]
CLASSIFIER_OPTIONS = {"zipmap": [*SWITCH, "columns"], "nocl": SWITCH, "output_class_labels": SWITCH, "raw_scores": SWITCH}


def register_onnx() -> None:
    """Register `GDRegressor` and `GDClassifier` with skl2onnx, for direct calls of its functions; `to_onnx` does so itself.

    Then skl2onnx also converts pipelines, column transformers and meta-estimators that contain them. Further calls change
    nothing.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> from sklearn_gd.interop import register_onnx
    >>> register_onnx()  # doctest: +SKIP
    """
    register = library("skl2onnx").update_registered_converter
    register(GDRegressor, "SklearnGDRegressor", _set_types, _convert)
    register(GDClassifier, "SklearnGDClassifier", _set_types, _convert, options=CLASSIFIER_OPTIONS)


def to_onnx(model: Any, X: Any = None, **keywords: Any) -> Any:
    """Convert a fitted estimator, or a pipeline that contains one, to an ONNX model.

    The graph computes in float64 if X is of dtype float64, and in float32 otherwise. Its outputs are those of skl2onnx for the
    linear models of scikit-learn:

    - For a regressor, "variable", of shape (n_samples, n_outputs), also if there is only one output.
    - For a classifier, "label" and "probabilities", or by default, with the option ``zipmap=True``, "output_label" and
      "output_probability", a list of dicts. If the loss gives no probabilities, or with the option ``raw_scores=True``, the
      decision function takes their place; for two classes, its columns are -raw and raw.

    A CustomLoss can be converted if its `inverse_link` is None, numpy.exp or scipy.special.expit. The graph has no offset: its
    predictions are those of ``predict(X)``. The activation "gelu" is computed in float32 in either case.

    Parameters
    ----------
    model : estimator
        A fitted `GDRegressor` or `GDClassifier`, or another fitted estimator that contains them and that skl2onnx can convert.
    X : ndarray or DataFrame of shape (n_samples, n_features), default=None
        At least one row of input, which determines the type of the input of the graph: usually of dtype float32. A DataFrame
        gives one input for each column. A sparse matrix is not accepted, because ONNX has none: pass dense rows. If None,
        the keyword `initial_types` is required.
    **keywords
        Passed to skl2onnx.to_onnx, such as ``options={"zipmap": False}`` or ``target_opset``.

    Returns
    -------
    onnx.ModelProto
        The ONNX model; ``SerializeToString()`` returns the content of a file.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If the loss, the model or the labels cannot be expressed in ONNX.

    References
    ----------
    J. Bai et al., ONNX: Open Neural Network Exchange, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_gd import GDClassifier
    >>> from sklearn_gd.interop import to_onnx
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GDClassifier()).fit(X, y)
    >>> X = X.astype(np.float32)
    >>> exported = to_onnx(model, X, options={"zipmap": False})  # doctest: +SKIP
    >>> from onnxruntime import InferenceSession  # doctest: +SKIP
    >>> session = InferenceSession(exported.SerializeToString())  # doctest: +SKIP
    >>> label, probabilities = session.run(None, {"X": X})  # doctest: +SKIP
    """
    register_onnx()
    check_is_fitted(model)
    exported = library("skl2onnx").to_onnx(model, X, **keywords)
    double = library("onnx").TensorProto.DOUBLE
    if any(_dict_values(output.type).elem_type == double for output in exported.graph.output):
        raise ValueError("X is of dtype float64: expected float32 for dicts of probabilities, or options={'zipmap': False}.")
    return exported


def _dict_values(kind: Any) -> Any:
    """Return the type of the values in a list of dicts; an empty one for another type of output."""
    return kind.sequence_type.elem_type.map_type.value_type.tensor_type


def _set_types(operator: Any) -> None:
    """Set the types and shapes of the outputs."""
    types, utils = library("skl2onnx.common.data_types"), library("skl2onnx.common.utils")
    numeric = [types.BooleanTensorType, types.DoubleTensorType, types.FloatTensorType, types.Int64TensorType]
    utils.check_input_and_output_types(operator, good_input_types=numeric)
    model, first = operator.raw_operator, operator.inputs[0]
    target = model._last_fit.target
    kinds = [type(types.guess_tensor_type(first.type))]
    if target.classes is not None:
        kinds.insert(0, types.Int64TensorType if labels_of(operator).dtype.kind == "i" else types.StringTensorType)
    shapes = outputs_for(target).shapes(target, model.loss_)
    for output, kind, shape in zip(operator.outputs, kinds, shapes, strict=True):
        output.set_type(kind([first.get_first_dimension(), *shape]))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an estimator."""
    graph = Graph(scope, operator, container)
    columns = [graph("Cast", column.full_name, to=graph.number) for column in operator.inputs]
    X = columns[0] if len(columns) == 1 else graph("Concat", *columns, axis=1)
    results = outputs_for(graph.target).nodes(graph, graph.target, raw_of(graph, X))
    for result, output in zip(results, operator.outputs, strict=True):
        container.add_node("Identity", result, output.full_name, name=scope.get_unique_operator_name("Identity"))
