"""Metrics based on losses, for samples, for estimators, and for the choice of a loss."""

from __future__ import annotations

from .comparison import compare_losses, outlier_share
from .losses import explained_loss, mean_loss, sample_losses
from .scorer import LossScorer, loss_scorer

__all__ = [
    "LossScorer",
    "compare_losses",
    "explained_loss",
    "loss_scorer",
    "mean_loss",
    "outlier_share",
    "sample_losses",
]
