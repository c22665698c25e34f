"""Plots of losses and of training. They need matplotlib: ``pip install ".[plot]"``."""

from __future__ import annotations

from .comparison import LossComparisonDisplay
from .contribution import LossContributionDisplay
from .curve import LossCurveDisplay, TrainingCurve
from .landscape import LandscapePath, LossLandscapeDisplay
from .loss import LossCurve, LossDisplay

__all__ = [
    "LandscapePath",
    "LossComparisonDisplay",
    "LossContributionDisplay",
    "LossCurve",
    "LossCurveDisplay",
    "LossDisplay",
    "LossLandscapeDisplay",
    "TrainingCurve",
]
