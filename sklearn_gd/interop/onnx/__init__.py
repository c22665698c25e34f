"""Export of fitted estimators to ONNX, by converters for skl2onnx.

A conversion follows the steps of a prediction, each with a table of what can be expressed in ONNX: `MODELS` for X to raw,
`LINKS` for raw to the mean or the probabilities, and `OUTPUTS` for both to the outputs.
"""

from __future__ import annotations

from .export import register_onnx, to_onnx

__all__ = ["register_onnx", "to_onnx"]
