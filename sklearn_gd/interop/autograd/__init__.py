"""Losses written in PyTorch or JAX, with automatic derivatives, and the losses of this package as PyTorch functions."""

from __future__ import annotations

from .with_jax import JaxLoss
from .with_torch import TorchLoss, as_torch

__all__ = ["JaxLoss", "TorchLoss", "as_torch"]
