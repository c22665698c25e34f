"""The names of losses, and `get_loss`, which resolves what the user passed as ``loss=``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..parts import Table
from .absolute import AbsoluteError, AbsolutePercentageError, EpsilonInsensitive, Quantile, SquaredEpsilonInsensitive
from .base import Loss
from .classification import Exponential, Focal, LogLoss
from .custom import CustomLoss
from .deviances import Gamma, InverseGaussian, Poisson, Tweedie
from .distributions import Beta, LogNormal, NegativeBinomial, Normal, StudentT, ZeroInflatedPoisson
from .margins import CrammerSinger, Hinge, ModifiedHuber, Perceptron, SquaredHinge
from .ordinal import OrdinalLogLoss
from .quantiles import Quantiles
from .regression import Cauchy, Expectile, Huber, Linex, LogCosh, SquaredError

__all__ = ["LOSSES", "get_loss"]

LOSSES: Table[Loss] = Table(
    "loss",
    Loss,
    {
        "squared_error": SquaredError,
        "absolute_error": AbsoluteError,
        "huber": Huber,
        "quantile": Quantile,
        "expectile": Expectile,
        "log_cosh": LogCosh,
        "cauchy": Cauchy,
        "epsilon_insensitive": EpsilonInsensitive,
        "squared_epsilon_insensitive": SquaredEpsilonInsensitive,
        "linex": Linex,
        "absolute_percentage_error": AbsolutePercentageError,
        "quantiles": Quantiles,
        "normal": Normal,
        "student_t": StudentT,
        "log_normal": LogNormal,
        "beta": Beta,
        "negative_binomial": NegativeBinomial,
        "zero_inflated_poisson": ZeroInflatedPoisson,
        "poisson": Poisson,
        "gamma": Gamma,
        "inverse_gaussian": InverseGaussian,
        "tweedie": Tweedie,
        "log_loss": LogLoss,
        "hinge": Hinge,
        "squared_hinge": SquaredHinge,
        "modified_huber": ModifiedHuber,
        "exponential": Exponential,
        "focal": Focal,
        "crammer_singer": CrammerSinger,
        "ordinal_log_loss": OrdinalLogLoss,
        "perceptron": Perceptron,
    },
    {
        "mse": "squared_error",
        "l2": "squared_error",
        "ls": "squared_error",
        "mean_squared_error": "squared_error",
        "mae": "absolute_error",
        "l1": "absolute_error",
        "lad": "absolute_error",
        "mean_absolute_error": "absolute_error",
        "mape": "absolute_percentage_error",
        "mean_absolute_percentage_error": "absolute_percentage_error",
        "pinball": "quantile",
        "median": "absolute_error",
        "logcosh": "log_cosh",
        "log": "log_loss",
        "logistic": "log_loss",
        "cross_entropy": "log_loss",
        "crossentropy": "log_loss",
        "binary_crossentropy": "log_loss",
        "categorical_crossentropy": "log_loss",
        "softmax": "log_loss",
        "deviance": "log_loss",
        "svm": "hinge",
        "focal_loss": "focal",
    },
)


def get_loss(loss: str | Loss | Callable[[Any, Any], Any]) -> Loss:
    """Return a fresh, checked loss for a name, a Loss object, or a function ``f(y_true, raw)``.

    Raises
    ------
    ValueError
        For an unknown name (with the known ones and the nearest), or a parameter out of range.
    TypeError
        For anything else.

    Examples
    --------
    >>> from sklearn_gd.losses import get_loss
    >>> get_loss("huber")
    Huber()
    """
    if callable(loss) and not isinstance(loss, (type, Loss)):
        loss = CustomLoss(loss)
    return LOSSES.resolve(loss)
