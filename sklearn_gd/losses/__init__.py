"""Loss functions. `LOSSES` maps the names that ``loss=`` takes to the classes."""

from __future__ import annotations

from .absolute import AbsoluteError, AbsolutePercentageError, EpsilonInsensitive, Quantile, SquaredEpsilonInsensitive
from .base import Loss
from .checks import check_loss
from .classification import Exponential, Focal, LogLoss
from .custom import CustomLoss
from .deviances import Gamma, InverseGaussian, Poisson, Tweedie
from .distributions import Beta, Distribution, LogNormal, NegativeBinomial, Normal, StudentT, ZeroInflatedPoisson
from .margins import CrammerSinger, Hinge, ModifiedHuber, Perceptron, SquaredHinge
from .masked import Masked, SequenceLoss
from .multiclass import MultinomialFocal, MultinomialLogLoss
from .ordinal import OrdinalLogLoss
from .quantiles import Quantiles
from .regression import Cauchy, Expectile, Huber, Linex, LogCosh, SquaredError
from .shares import Fractional, Soft, SoftLogLoss
from .table import LOSSES, get_loss
from .wrapped import Moreau

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "AbsolutePercentageError",
    "Beta",
    "Cauchy",
    "CrammerSinger",
    "CustomLoss",
    "Distribution",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Focal",
    "Fractional",
    "Gamma",
    "Hinge",
    "Huber",
    "InverseGaussian",
    "Linex",
    "LogCosh",
    "LogLoss",
    "LogNormal",
    "Loss",
    "Masked",
    "ModifiedHuber",
    "Moreau",
    "MultinomialFocal",
    "MultinomialLogLoss",
    "NegativeBinomial",
    "Normal",
    "OrdinalLogLoss",
    "Perceptron",
    "Poisson",
    "Quantile",
    "Quantiles",
    "SequenceLoss",
    "Soft",
    "SoftLogLoss",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "StudentT",
    "Tweedie",
    "ZeroInflatedPoisson",
    "check_loss",
    "get_loss",
]
