"""Losses whose raw prediction is a transformed class probability; y is -1 or +1, and K columns are one-vs-rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import expit, logit

from ..arrays import Array
from ..targets import Target
from .base import Loss, overflow_to_inf
from .multiclass import MultinomialFocal, MultinomialLogLoss, root, smoothed_entropy
from .shares import Fractional, Soft, SoftLogLoss

__all__ = ["Exponential", "Focal", "LogLoss"]


def _softplus_and_expit(x: Array) -> tuple[Array, Array]:
    """Return log(1 + exp(x)) and 1 / (1 + exp(-x)) from one exponential."""
    decay = np.exp(-np.abs(x))
    return np.maximum(x, 0.0) + np.log1p(decay), np.where(x >= 0, 1.0, decay) / (1.0 + decay)


def _logistic_slope(y: float, raw: float, smoothing: float) -> tuple[float, float]:
    decay = math.exp(-abs(raw))
    wrong = (decay if y * raw > 0 else 1.0) / (1.0 + decay)
    return y * (0.5 * smoothing - wrong), decay / (1.0 + decay) ** 2


def _logit(probability: Array) -> Array:
    return np.log(np.maximum(probability, 1e-30)) - np.log(np.maximum(1.0 - probability, 1e-30))


class LogLoss(Loss):
    r"""The logistic loss or cross entropy: estimates class probabilities.

    Domain of y: -1 or +1 in each column; with more than two exclusive classes it becomes `MultinomialLogLoss` (softmax). In
    GDRegressor, numbers from 0 to 1 (`Fractional`); in GDClassifier also soft labels, (n, K) (`SoftLogLoss`).

    Link: logit; expit(raw) is the probability of the positive class.

    Formula:

    .. math:: \ell(y, raw) = \log(1 + \exp(-y \, raw)) + \tfrac12 \epsilon \, y \, raw

    Relation: the loss of LogisticRegression with C = 1 / (alpha * sum of weights). `Exponential` and `Focal` with gamma = 0
    estimate the same probabilities.

    Constants: natural logarithm; log(2) at raw = 0; \epsilon is label_smoothing.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of each label that is spread uniformly over all classes, in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import LogLoss
    >>> LogLoss().value(np.array([[1.0, -1.0]]), np.array([[0.0, 2.0]])).round(4)
    array([[0.6931, 2.1269]])

    References
    ----------
    D. R. Cox, The Regression Analysis of Binary Sequences, 1958; C. Szegedy et al., Rethinking the Inception Architecture,
    2016 (label smoothing).
    """

    task = "classification"
    probabilistic = True
    fractions = True
    ranges = {"label_smoothing": ("a number from 0 to below 1", lambda value: 0 <= value < 1)}

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    @property
    def likelihood(self) -> str | None:  # type: ignore[override]
        return None if self.label_smoothing else "exact"

    @property
    def scalar_slope(self) -> Any:  # type: ignore[override]
        return _logistic_slope, self.label_smoothing

    def value(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        margin, half = y * raw, 0.5 * self.label_smoothing
        softplus, wrong = _softplus_and_expit(-margin)
        return softplus + half * margin, y * (half - wrong)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        decay = np.exp(-np.abs(raw))
        return decay / (1.0 + decay) ** 2 * v

    def inverse_link(self, raw: Array) -> Array:
        return expit(raw)

    def link(self, mean: Array) -> Array:
        return _logit(mean)

    def saturated(self, y: Array, n_raw: int) -> Array:
        return smoothed_entropy(self.label_smoothing, 2) * np.full(len(y), y.shape[1])

    def for_target(self, target: Target) -> Loss:
        if target.exclusive and not self.foreign:
            return (SoftLogLoss if target.shares else MultinomialLogLoss)(self.label_smoothing)
        return Fractional(self) if target.shares else self


class Exponential(Loss):
    r"""The exponential loss, as in AdaBoost.

    Domain of y: -1 or +1 in each column.

    Link: half the logit; expit(2 raw) is the probability of the positive class.

    Formula:

    .. math:: \ell(y, raw) = \exp(-y \, raw)

    Relation: grows much faster than `LogLoss` for misclassified samples, so outliers dominate.

    Constants: none; 1 at raw = 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Exponential
    >>> Exponential().value(np.ones((1, 2)), np.array([[0.0, -1.0]])).round(4)
    array([[1.    , 2.7183]])

    References
    ----------
    J. Friedman, T. Hastie and R. Tibshirani, Additive Logistic Regression, 2000.
    """

    task = "classification"
    probabilistic = True
    fractions = True

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        return np.exp(-y * raw)

    @overflow_to_inf
    def gradient(self, y: Array, raw: Array) -> Array:
        return -y * np.exp(-y * raw)

    @overflow_to_inf
    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        value = np.exp(-y * raw)
        return value, -y * value

    @overflow_to_inf
    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.exp(-y * raw) * v

    def inverse_link(self, raw: Array) -> Array:
        return expit(2.0 * raw)

    def link(self, mean: Array) -> Array:
        return 0.5 * _logit(mean)

    def for_target(self, target: Target) -> Loss:
        return Fractional(self) if target.shares else self


class Focal(Loss):
    r"""Cross entropy that gives less weight to well-classified samples, for imbalanced classes (not convex).

    Domain of y: -1 or +1 in each column; with more than two exclusive classes it becomes `MultinomialFocal`.

    Link: the class posterior for which the loss is proper, not expit(raw). With p = expit(raw) it is
    h(p) / (h(p) + h(1 - p)), where h(p) = p / ((1 - p)^g - g (1 - p)^(g - 1) p log p).

    Formula, with p the sigmoid of y raw:

    .. math:: \ell(y, raw) = -(1 - p)^\gamma \log p

    Relation: `LogLoss` at gamma = 0.

    Constants: no class weights inside the loss; use class_weight.

    Parameters
    ----------
    gamma : float, default=2.0
        Focusing parameter, at least 0. A larger value gives less weight to well-classified samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Focal
    >>> Focal().value(np.ones((1, 2)), np.array([[0.0, 3.0]])).round(5)
    array([[1.7329e-01, 1.1000e-04]])

    References
    ----------
    T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017; N. Charoenphakdee et al., On Focal Loss for Class-Posterior
    Probability Estimation, 2021 (the link).
    """

    task = "classification"
    convex = False
    probabilistic = True
    fractions = True
    ranges = {"gamma": ("a number >= 0", lambda value: 0 <= value < np.inf)}

    def __init__(self, gamma: float = 2.0) -> None:
        self.gamma = gamma

    def value(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        softplus, wrong = _softplus_and_expit(-y * raw)
        right = expit(y * raw)
        power = wrong**self.gamma
        return power * softplus, -y * power * (self.gamma * right * softplus + wrong)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        softplus, wrong = _softplus_and_expit(-y * raw)
        right, g = expit(y * raw), self.gamma
        bracket = g * g * right * softplus - g * wrong * softplus + (2.0 * g + 1.0) * wrong
        return wrong**g * right * bracket * v

    def inverse_link(self, raw: Array) -> Array:
        return expit(self._log_h(raw) - self._log_h(-raw))

    def _log_h(self, raw: Array) -> Array:
        """Return log h(p) at p = expit(raw), up to a term that is the same for p and 1 - p."""
        minus_log_p, wrong = _softplus_and_expit(-raw)
        ratio = np.divide(minus_log_p, wrong, out=np.ones_like(wrong), where=wrong > 0)
        minus_log_q = _softplus_and_expit(raw)[0]
        return -minus_log_p + self.gamma * minus_log_q - np.log1p(self.gamma * expit(raw) * ratio)

    def link(self, mean: Array) -> Array:
        target = logit(np.clip(mean, 1e-12, 1.0 - 1e-12))
        far = np.full_like(target, 60.0)
        return root(lambda raw: self._log_h(raw) - self._log_h(-raw) - target, -far, far)

    def for_target(self, target: Target) -> Loss:
        if target.exclusive and not self.foreign:
            codes = MultinomialFocal(self.gamma)
            return Soft(codes) if target.shares else codes
        return Fractional(self) if target.shares else self
