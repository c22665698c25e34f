"""Losses of classes for targets that are probabilities: fractions between 0 and 1, and soft labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from .multiclass import MultinomialLogLoss, softmax
from .wrapped import Wrapped, delegates

__all__ = ["Fractional", "Soft", "SoftLogLoss"]


@delegates("convex", "probabilistic", "likelihood")
class Fractional(Wrapped):
    r"""A binary loss for targets between 0 and 1, the expected loss of a label with this probability.

    Domain of y: numbers from 0 to 1.

    Link: that of the loss; the prediction is the mean of y.

    Formula:

    .. math:: \ell(y, raw) = y \, \ell(1, raw) + (1 - y) \, \ell(-1, raw)

    Relation: the form of `LogLoss`, `Exponential` and `Focal` in GDRegressor. For `LogLoss` it is the binomial quasi-likelihood
    of a share.

    Constants: those of the loss.

    Parameters
    ----------
    loss : Loss
        An elementwise smooth loss of labels.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> model = GDRegressor("log_loss", alpha=0.0).fit([[0.0], [0.0], [1.0]], [0.2, 0.4, 0.9])
    >>> model.predict([[0.0], [1.0]]).round(6)
    array([0.3, 0.9])

    References
    ----------
    L. Papke and J. Wooldridge, Econometric Methods for Fractional Response Variables, 1996.
    """

    takes_shares = True
    has_distribution = False
    has_interval = False

    def __init__(self, loss: Any) -> None:
        self.loss = loss

    def distribution(self, raw: Array) -> Any:
        """Raise ValueError: a share has no Bernoulli distribution."""
        raise ValueError(
            f"{self.name} in GDRegressor models the mean of a share and not its distribution: expected loss='beta', or for "
            "labels a GDClassifier."
        )

    def interval(self, raw: Array, coverage: float) -> Array:
        """Raise ValueError, as `distribution` does."""
        return self.distribution(raw)

    def _expected(self, function: Any, y: Array) -> Array:
        return y * function(np.ones_like(y)) + (1.0 - y) * function(-np.ones_like(y))

    def value(self, y: Array, raw: Array) -> Array:
        return self._expected(lambda label: self.inner.value(label, raw), y)

    def gradient(self, y: Array, raw: Array) -> Array:
        return self._expected(lambda label: self.inner.gradient(label, raw), y)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self._expected(lambda label: self.inner.curvature_product(label, raw, v), y)

    def saturated(self, y: Array, n_raw: int) -> Array:
        return self.value(y, self.link(y)).sum(axis=1)

    def check_target(self, y: Array) -> None:
        self._domain(np.all((y >= 0) & (y <= 1)), "0 <= y <= 1", y)


@delegates("convex", "probabilistic", "shift_invariant")
class Soft(Wrapped):
    r"""A multiclass loss for soft labels, the expected loss of a label with these probabilities.

    Domain of y: rows of K probabilities.

    Link: that of the loss.

    Formula:

    .. math:: \ell(y, raw) = \sum_k y_k \, \ell(k, raw)

    Relation: the form of the multiclass losses in GDClassifier for y of shape (n, K).

    Constants: those of the loss.

    Parameters
    ----------
    loss : Loss
        A rowwise loss of class codes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import MultinomialFocal, Soft
    >>> Soft(MultinomialFocal()).value(np.array([[0.5, 0.25, 0.25]]), np.zeros((1, 3))).round(4)
    array([0.4883])

    References
    ----------
    G. Hinton, O. Vinyals and J. Dean, Distilling the Knowledge in a Neural Network, 2015.
    """

    rowwise = True
    takes_shares = True

    def __init__(self, loss: Any) -> None:
        self.loss = loss

    @staticmethod
    def _expected(function: Any, y: Array) -> Array:
        each = (function(np.full(len(y), k)) for k in range(y.shape[1]))
        return np.sum(
            [(share if found.ndim == 1 else share[:, None]) * found for share, found in zip(y.T, each, strict=True)], axis=0
        )

    def value(self, y: Array, raw: Array) -> Array:
        return self._expected(lambda codes: self.inner.value(codes, raw), y)

    def gradient(self, y: Array, raw: Array) -> Array:
        return self._expected(lambda codes: self.inner.gradient(codes, raw), y)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self._expected(lambda codes: self.inner.curvature_product(codes, raw, v), y)

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        return self._expected(lambda codes: self.inner.curvature_diagonal(codes, raw), y)

    def saturated(self, y: Array, n_raw: int) -> Array:
        return self.value(y, self.link(y))


class SoftLogLoss(MultinomialLogLoss):
    r"""Softmax cross entropy for soft labels, the form of `MultinomialLogLoss` for y of shape (n, K).

    Domain of y: rows of K probabilities.

    Link: the logarithm, up to a constant; softmax(raw) gives the class probabilities.

    Formula, with q = (1 - \epsilon) y + \epsilon / K:

    .. math:: \ell(y, raw) = \log \sum_k \exp(raw_k) - \sum_k q_k \, raw_k

    Relation: `MultinomialLogLoss` for rows with a single 1.

    Constants: natural logarithm; log(K) at raw = 0; \epsilon is label_smoothing.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of each label that is spread uniformly over all classes, in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import SoftLogLoss
    >>> SoftLogLoss().value(np.array([[0.5, 0.5, 0.0]]), np.zeros((1, 3))).round(4)
    array([1.0986])

    References
    ----------
    G. Hinton, O. Vinyals and J. Dean, Distilling the Knowledge in a Neural Network, 2015.
    """

    takes_shares = True

    def _smoothed(self, y: Array) -> Array:
        return y if self.label_smoothing == 0 else (1.0 - self.label_smoothing) * y + self.label_smoothing / y.shape[1]

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        q, top = self._smoothed(y), raw.max(axis=1, keepdims=True)
        shifted = raw - top
        value = np.log(np.exp(shifted).sum(axis=1)) - np.einsum("nk,nk->n", q, shifted)
        return value, softmax(raw) - q

    def saturated(self, y: Array, n_raw: int) -> Array:
        return self.value(y, self.link(self._smoothed(y)))
