"""Losses of softmax probabilities: y holds integer codes of shape (n,), raw is (n, K), the value (n,)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit, xlogy

from ..arrays import Array
from .base import Loss

__all__ = ["MultinomialFocal", "MultinomialLogLoss"]


def one_hot(y: Array, n_columns: int) -> Array:
    """Return the (n, n_columns) indicator of the integer codes y."""
    return (y.astype(np.intp)[:, None] == np.arange(n_columns)).astype(np.float64)


def softmax(raw: Array) -> Array:
    """Return the probabilities of the columns.

    NumPy is slow at reducing over few columns; they are handled one by one, or by a matrix product.
    """
    top = raw[:, 0].copy()
    for column in raw.T[1:]:
        np.maximum(top, column, out=top)
    p: Array = np.exp(raw - top[:, None])
    p /= (p @ np.ones(raw.shape[1]))[:, None]
    return p


class _Softmax:
    """p = softmax(raw), with -log p and 1 - p of the true class to full relative precision."""

    def __init__(self, y: Array, raw: Array) -> None:
        rows, codes, top = np.arange(len(raw)), y.astype(np.intp), raw.argmax(axis=1)
        shifted = raw - raw[rows, top][:, None]
        self.p = np.exp(shifted)
        self.p[rows, top] = 0.0
        ones = np.ones(raw.shape[1])
        rest = self.p @ ones
        self.p[rows, top] = 1.0
        self.p /= (1.0 + rest)[:, None]
        self.minus_log_p = np.log1p(rest) - shifted[rows, codes]
        self.residual = self.p.copy()  # p - one hot, without the cancellation
        self.residual[rows, codes] = 0.0
        self.wrong = self.residual @ ones
        self.residual[rows, codes] = -self.wrong
        self.right = self.p[rows, codes]


class MultinomialLogLoss(Loss):
    r"""Softmax cross entropy, the form of `LogLoss` for more than two exclusive classes.

    Domain of y: integer codes 0 ... K - 1.

    Link: the logarithm, up to a constant; softmax(raw) gives the class probabilities.

    Formula:

    .. math:: \ell(y, raw) = \log \sum_k \exp(raw_k) - (1 - \epsilon) \, raw_y - \frac{\epsilon}{K} \sum_k raw_k

    Relation: `LogLoss` for K = 2, with raw = raw_1 - raw_0; the multinomial loss of LogisticRegression.

    Constants: natural logarithm; log(K) at raw = 0; \epsilon is label_smoothing.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of each label that is spread uniformly over all classes, in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import MultinomialLogLoss
    >>> MultinomialLogLoss().value(np.array([2]), np.zeros((1, 3))).round(4)
    array([1.0986])

    References
    ----------
    D. Boehning, Multinomial Logistic Regression Algorithm, 1992.
    """

    task = "classification"
    rowwise = True
    shift_invariant = True
    probabilistic = True
    ranges = {"label_smoothing": ("a number from 0 to below 1", lambda value: 0 <= value < 1)}

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    @property
    def likelihood(self) -> str | None:  # type: ignore[override]
        return None if self.label_smoothing else "exact"

    def value(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        soft = _Softmax(y, raw)
        if self.label_smoothing == 0:
            return soft.minus_log_p, soft.residual
        own = np.take_along_axis(raw, y.astype(np.intp)[:, None], axis=1)
        value = soft.minus_log_p + self.label_smoothing * (own - raw).mean(axis=1)
        spread = one_hot(y, raw.shape[1]) - 1.0 / raw.shape[1]
        return value, soft.residual + self.label_smoothing * spread

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self.curvature_times(y, softmax(raw), v)

    def curvature_state(self, y: Array, raw: Array) -> Array:
        return softmax(raw)

    def curvature_times(self, y: Array, state: Array, v: Array) -> Array:
        change = state * v
        change -= state * (change @ np.ones(state.shape[1]))[:, None]
        return change

    def curvature_matrix(self, y: Array, raw: Array) -> Array:
        p = softmax(raw)
        result = -p[:, :, None] * p[:, None, :]
        np.einsum("nkk->nk", result)[:] += p
        return result

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        p = softmax(raw)
        return p * (1.0 - p)

    def inverse_link(self, raw: Array) -> Array:
        return softmax(raw)

    def link(self, mean: Array) -> Array:
        raw = np.log(np.maximum(mean, np.finfo(np.float64).tiny))
        return raw - raw.mean(axis=-1, keepdims=True)

    def saturated(self, y: Array, n_raw: int) -> Array:
        return np.full(len(y), smoothed_entropy(self.label_smoothing, n_raw))


def smoothed_entropy(label_smoothing: float, n_classes: int) -> float:
    """Return the entropy of a smoothed label, the lower bound of its cross entropy."""
    other = label_smoothing / n_classes
    own = 1.0 - (n_classes - 1) * other
    return float(-xlogy(own, own) - (n_classes - 1) * xlogy(other, other))


class MultinomialFocal(Loss):
    r"""The softmax focal loss, the form of `Focal` for more than two exclusive classes (not convex).

    Domain of y: integer codes 0 ... K - 1.

    Link: the class posterior for which the loss is proper: h(p_k) / sum_j h(p_j) with p = softmax(raw) and h as in `Focal`.

    Formula, with p = softmax(raw):

    .. math:: \ell(y, raw) = -(1 - p_y)^\gamma \log p_y

    Relation: `MultinomialLogLoss` at gamma = 0; `Focal` for K = 2, with raw = raw_1 - raw_0.

    Constants: no class weights inside the loss; use class_weight.

    Parameters
    ----------
    gamma : float, default=2.0
        Focusing parameter, at least 0. A larger value gives less weight to well-classified samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import MultinomialFocal
    >>> MultinomialFocal().value(np.array([2]), np.zeros((1, 3))).round(4)
    array([0.4883])

    References
    ----------
    T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017; N. Charoenphakdee et al., On Focal Loss for Class-Posterior
    Probability Estimation, 2021 (the link).
    """

    task = "classification"
    rowwise = True
    shift_invariant = True
    convex = False
    probabilistic = True
    ranges = {"gamma": ("a number >= 0", lambda value: 0 <= value < np.inf)}

    def __init__(self, gamma: float = 2.0) -> None:
        self.gamma = gamma

    def value(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        soft = _Softmax(y, raw)
        return soft.wrong**self.gamma * soft.minus_log_p, self._slope(soft)[:, None] * soft.residual

    def _slope(self, soft: _Softmax) -> Array:
        """Return A with gradient = A (p - one_hot)."""
        return soft.wrong**self.gamma * (self.gamma * _ratio(soft) * soft.right + 1.0)

    def _slope_change(self, soft: _Softmax) -> Array:
        """Return B with curvature = A (diag(p) - p p') + B r r', r being p - one_hot."""
        g = self.gamma
        safe = np.where(soft.wrong > 0, soft.wrong, 1.0)
        change = g * safe ** (g - 1.0) * ((g - 1.0) * _ratio(soft) * soft.right + 2.0 - soft.minus_log_p)
        return np.where(soft.wrong > 0, change * soft.right, 0.0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        soft = _Softmax(y, raw)
        slope, change = self._slope(soft)[:, None], self._slope_change(soft)
        along = (soft.residual * v).sum(axis=1)
        inner = soft.p * (v - (soft.p * v).sum(axis=1, keepdims=True))
        return slope * inner + (change * along)[:, None] * soft.residual

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        soft = _Softmax(y, raw)
        return self._slope(soft)[:, None] * soft.p * (1.0 - soft.p) + self._slope_change(soft)[:, None] * soft.residual**2

    def inverse_link(self, raw: Array) -> Array:
        log_h = np.empty_like(raw, dtype=np.float64)
        for k in range(raw.shape[1]):
            soft = _Softmax(np.full(len(raw), k), raw)
            log_q = np.log(np.maximum(soft.wrong, np.finfo(np.float64).tiny))
            log_h[:, k] = -soft.minus_log_p - self.gamma * log_q - np.log1p(self.gamma * soft.right * _ratio(soft))
        return softmax(log_h)

    def link(self, mean: Array) -> Array:
        return focal_link(mean, self.gamma)


def _ratio(soft: _Softmax) -> Array:
    """Return -log(p) / (1 - p) of the true class, 1 in the limit p = 1."""
    return np.divide(soft.minus_log_p, soft.wrong, out=np.ones_like(soft.wrong), where=soft.wrong > 0)


def focal_link(mean: Array, gamma: float) -> Array:
    """Return the raw scores whose focal posterior is `mean`; the last axis is that of the classes.

    Since h is increasing, h(p_k) = c mean_k determines p for every c, and the sum of p determines c.
    """
    mean = np.clip(mean, 1e-12, None) / np.clip(mean, 1e-12, None).sum(axis=-1, keepdims=True)

    def log_h(logit_p: Array) -> Array:
        log_p, log_q = -np.logaddexp(0.0, -logit_p), -np.logaddexp(0.0, logit_p)
        return log_p - gamma * log_q - np.log1p(-gamma * np.exp(log_p) * log_p / np.exp(log_q))

    def logits(log_c: Array) -> Array:
        target = log_mean + log_c
        return root(lambda logit_p: log_h(logit_p) - target, np.full_like(mean, low), np.full_like(mean, high))

    def log_sum(log_c: Array) -> Array:
        return np.asarray(np.log(expit(logits(log_c)).sum(axis=-1, keepdims=True)))

    low, high, log_mean = np.array(-100.0), np.array(36.0), np.log(mean)
    least = log_h(low) - log_mean.min(axis=-1, keepdims=True)
    most = log_h(high) - log_mean.max(axis=-1, keepdims=True)
    log_p = -np.logaddexp(0.0, -logits(root(log_sum, least, most)))
    return np.asarray(log_p - log_p.mean(axis=-1, keepdims=True))


def root(function: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Return the root of each of several increasing functions, between `low` and `high`, by the Illinois algorithm.

    References
    ----------
    Dowell, Jarratt (1971). A modified regula falsi method for computing the root of an equation. BIT 11, 168-174.
    """
    f_low, f_high, last = function(low), function(high), np.zeros_like(low)
    middle, found = low, np.zeros(low.shape, dtype=bool)
    for _ in range(100):
        with np.errstate(all="ignore"):  # of those that are found
            secant = np.clip(low - f_low * (high - low) / (f_high - f_low), low, high)
        middle = np.where(found, middle, secant)
        f = function(middle)
        found = np.abs(f) <= 1e-14 * np.maximum(np.abs(middle), 1.0)
        if found.all():
            break
        below, again = f < 0, np.where(np.sign(f) == last, 0.5, 1.0)  # an end that stays twice is pulled
        low, f_low = np.where(below, middle, low), np.where(below, f, again * f_low)
        high, f_high = np.where(below, high, middle), np.where(below, again * f_high, f)
        last = np.sign(f)
    return middle
