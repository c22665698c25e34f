"""Losses and models of this package in other libraries, each of which is imported only where it is used.

- Gradient boosting under any loss: objectives and metrics of LightGBM, XGBoost and CatBoost.
- Losses written in PyTorch or JAX (`TorchLoss`, `JaxLoss`), and the losses of this package in PyTorch (`as_torch`).
- Fitted estimators as ONNX models (`to_onnx`), and files of skops (`SKOPS_TRUSTED`).
"""

from __future__ import annotations

from .autograd import JaxLoss, TorchLoss, as_torch
from .boosting import (
    catboost_metric,
    catboost_objective,
    lightgbm_metric,
    lightgbm_objective,
    xgboost_metric,
    xgboost_objective,
)
from .onnx import register_onnx, to_onnx
from .trusted import SKOPS_TRUSTED

__all__ = [
    "SKOPS_TRUSTED",
    "JaxLoss",
    "TorchLoss",
    "as_torch",
    "catboost_metric",
    "catboost_objective",
    "lightgbm_metric",
    "lightgbm_objective",
    "register_onnx",
    "to_onnx",
    "xgboost_metric",
    "xgboost_objective",
]
