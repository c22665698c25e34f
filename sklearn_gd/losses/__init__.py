"""Loss functions. `LOSSES` maps the names that ``loss=`` takes to the classes."""

from __future__ import annotations

from .absolute import AbsoluteError, AbsolutePercentageError, EpsilonInsensitive, Quantile, SquaredEpsilonInsensitive
from .base import Loss
from .checks import check_loss
from .classification import Exponential, Focal, LogLoss
from .custom import CustomLoss
from .deviances import Gamma, InverseGaussian, Poisson, Tweedie
from .margins import CrammerSinger, Hinge, ModifiedHuber, Perceptron, SquaredHinge
from .masked import Masked, SequenceLoss
from .multiclass import MultinomialFocal, MultinomialLogLoss
from .regression import Cauchy, Expectile, Huber, Linex, LogCosh, SquaredError
from .table import LOSSES, get_loss
from .wrapped import Moreau

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "AbsolutePercentageError",
    "Cauchy",
    "CrammerSinger",
    "CustomLoss",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Focal",
    "Gamma",
    "Hinge",
    "Huber",
    "InverseGaussian",
    "Linex",
    "LogCosh",
    "LogLoss",
    "Loss",
    "Masked",
    "ModifiedHuber",
    "Moreau",
    "MultinomialFocal",
    "MultinomialLogLoss",
    "Perceptron",
    "Poisson",
    "Quantile",
    "SequenceLoss",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "Tweedie",
    "check_loss",
    "get_loss",
]
