"""Losses of the margin y raw, with y = -1 or +1 and K columns one-vs-rest; and the multiclass hinge."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..targets import Target
from .base import Loss, overflow_to_inf
from .multiclass import one_hot

__all__ = ["CrammerSinger", "Hinge", "ModifiedHuber", "Perceptron", "SquaredHinge"]


class Hinge(Loss):
    r"""The hinge loss of the support vector machine: zero beyond a margin of 1, linear below it.

    Domain of y: -1 or +1 in each column.

    Link: none; the sign of raw is the decision. For probabilities, wrap the classifier in CalibratedClassifierCV.

    Formula:

    .. math:: \ell(y, raw) = \max(0, 1 - y \, raw)

    Relation: the loss of LinearSVC(loss="hinge") with C = 1 / (alpha * sum of weights), except that LinearSVC also penalises
    the intercept. `SquaredHinge` is its square, `CrammerSinger` its multiclass form.

    Constants: none.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Hinge
    >>> Hinge().value(np.ones((1, 3)), np.array([[-1.0, 0.5, 2.0]]))
    array([[2. , 0.5, 0. ]])

    References
    ----------
    C. Cortes and V. Vapnik, Support-Vector Networks, 1995.
    """

    task = "classification"
    smooth = False

    def lines(self, y: Array) -> tuple[Array, Array, Array]:
        return y[None], np.minimum(-y, 0.0)[None], np.maximum(-y, 0.0)[None]

    def value(self, y: Array, raw: Array) -> Array:
        return np.maximum(1.0 - y * raw, 0.0)

    def gradient(self, y: Array, raw: Array) -> Array:
        return np.where(y * raw < 1.0, -y, 0.0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.zeros_like(raw)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        margin = y * v
        return np.where(margin < 1.0, y * np.minimum(margin + step, 1.0), v)


class Perceptron(Loss):
    r"""The loss of Rosenblatt's perceptron: the violation of the decision boundary (for `SGD` only).

    Domain of y: -1 or +1 in each column.

    Link: none; the sign of raw is the decision.

    Formula:

    .. math:: \ell(y, raw) = \max(0, -y \, raw)

    Relation: `Hinge` without a margin. Its minimum at raw = 0 is trivial, so only the iterates of `SGD` are meaningful. On
    separable classes the fit ends once no sample is misclassified. ``learning_rate="auto"`` is 1, because the loss has no
    scale, and the last iterate is kept.

    Constants: none.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Perceptron
    >>> Perceptron().value(np.ones((1, 3)), np.array([[-1.0, 0.5, 2.0]]))
    array([[1., 0., 0.]])

    References
    ----------
    F. Rosenblatt, The Perceptron: A Probabilistic Model for Information Storage and Organization in the Brain, 1958.
    """

    task = "classification"
    smooth = False
    online = True

    def value(self, y: Array, raw: Array) -> Array:
        return np.maximum(-y * raw, 0.0)

    def gradient(self, y: Array, raw: Array) -> Array:
        return np.where(y * raw <= 0.0, -y, 0.0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.zeros_like(raw)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        margin = y * v
        return np.where(margin < 0.0, y * np.minimum(margin + step, 0.0), v)


def _squared_hinge_slope(y: float, raw: float, unused: float) -> tuple[float, float]:
    short = max(1.0 - y * raw, 0.0)
    return -2.0 * y * short, 2.0 if short > 0 else 0.0


class SquaredHinge(Loss):
    r"""The squared hinge: a smooth loss for support vector machines.

    Domain of y: -1 or +1 in each column.

    Link: none; the sign of raw is the decision.

    Formula:

    .. math:: \ell(y, raw) = \max(0, 1 - y \, raw)^2

    Relation: the default loss of LinearSVC, with C = 1 / (alpha * sum of weights). `ModifiedHuber` is linear below a margin of
    -1.

    Constants: without the factor 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import SquaredHinge
    >>> SquaredHinge().value(np.ones((1, 3)), np.array([[-1.0, 0.5, 2.0]]))
    array([[4.  , 0.25, 0.  ]])

    References
    ----------
    K.-W. Chang, C.-J. Hsieh and C.-J. Lin, Coordinate Descent Method for Large-scale L2-loss Linear SVM, 2008.
    """

    task = "classification"
    scalar_slope = _squared_hinge_slope, 0.0

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        return np.maximum(1.0 - y * raw, 0.0) ** 2

    def gradient(self, y: Array, raw: Array) -> Array:
        return -2.0 * y * np.maximum(1.0 - y * raw, 0.0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.where(y * raw < 1.0, 2.0 * v, 0.0)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        return v + y * np.maximum(1.0 - y * v, 0.0) * (2.0 * step / (1.0 + 2.0 * step))


class ModifiedHuber(Loss):
    r"""The squared hinge, linear below a margin of -1: robust to mislabelled samples, with class probabilities.

    Domain of y: -1 or +1 in each column.

    Link: (clip(raw, -1, 1) + 1) / 2 is the probability of the positive class.

    Formula, with m = y raw:

    .. math:: \ell(y, raw) = \max(0, 1 - m)^2 \text{ if } m \ge -1, \quad -4 m \text{ beyond}

    Relation: `SquaredHinge` above a margin of -1; the loss of the same name in SGDClassifier.

    Constants: without the factor 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import ModifiedHuber
    >>> ModifiedHuber().value(np.ones((1, 3)), np.array([[-3.0, 0.5, 2.0]]))
    array([[12.  ,  0.25,  0.  ]])

    References
    ----------
    T. Zhang, Solving Large Scale Linear Prediction Problems Using Stochastic Gradient Descent Algorithms, 2004.
    """

    task = "classification"
    probabilistic = True

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        margin = y * raw
        return np.where(margin >= -1.0, np.maximum(1.0 - margin, 0.0) ** 2, -4.0 * margin)

    def gradient(self, y: Array, raw: Array) -> Array:
        return -2.0 * y * np.clip(1.0 - y * raw, 0.0, 2.0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.where(np.abs(raw) < 1.0, 2.0 * v, 0.0)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        return v + y * np.minimum(np.maximum(1.0 - y * v, 0.0) * (2.0 * step / (1.0 + 2.0 * step)), 4.0 * step)

    def inverse_link(self, raw: Array) -> Array:
        return 0.5 * (np.clip(raw, -1.0, 1.0) + 1.0)

    def link(self, mean: Array) -> Array:
        return 2.0 * mean - 1.0


class CrammerSinger(Loss):
    r"""The multiclass hinge: the score of the true class must exceed every other score by a margin of 1.

    Domain of y: integer codes 0 ... K - 1; for two classes it is `Hinge` on the difference of the two scores.

    Link: none; the largest raw score is the decision. For probabilities, wrap the classifier in CalibratedClassifierCV.

    Formula:

    .. math:: \ell(y, raw) = \max_k (raw_k + [k \ne y]) - raw_y

    Relation: `Hinge` for K = 2; the loss of LinearSVC(multi_class="crammer_singer"), which also penalises the intercept.

    Constants: a margin of 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import CrammerSinger
    >>> CrammerSinger().value(np.array([0]), np.array([[1.0, 0.5, 3.0]]))
    array([3.])

    References
    ----------
    K. Crammer and Y. Singer, On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines, 2001; the prox by
    projection on the simplex: J. Duchi et al., Efficient Projections onto the l1-Ball, 2008.
    """

    task = "classification"
    rowwise = True
    shift_invariant = True
    smooth = False

    def value(self, y: Array, raw: Array) -> Array:
        own = np.take_along_axis(raw, y.astype(np.intp)[:, None], axis=1)
        return (raw - own + 1.0 - one_hot(y, raw.shape[1])).max(axis=1)

    def gradient(self, y: Array, raw: Array) -> Array:
        own = one_hot(y, raw.shape[1])
        return one_hot((raw + 1.0 - own).argmax(axis=1), raw.shape[1]) - own

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return np.zeros_like(raw)

    def for_target(self, target: Target) -> Loss:
        return self if target.exclusive else Hinge()

    def _projected(self, y: Array, v: Array, step: float) -> tuple[Array, Array]:
        """Return one_hot(y) and the projection of (v + step one_hot + margin) / step onto the simplex."""
        own = one_hot(y, v.shape[1])
        x = (v + 1.0 - own) / step + own
        x -= x.max(axis=1, keepdims=True)
        ordered = -np.sort(-x, axis=1)
        excess = (np.cumsum(ordered, axis=1) - 1.0) / np.arange(1, v.shape[1] + 1)
        count = (ordered > excess).sum(axis=1)
        threshold = np.take_along_axis(excess, count[:, None] - 1, axis=1)
        return own, np.maximum(x - threshold, 0.0)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        own, simplex = self._projected(y, v, step)
        return v - step * (simplex - own)

    def prox_product(self, y: Array, v: Array, step: float, direction: Array) -> Array:
        support = (self._projected(y, v, step)[1] > 0).astype(np.float64)
        inner = support * direction
        mean = inner.sum(axis=1, keepdims=True) / support.sum(axis=1, keepdims=True)
        return direction - (inner - support * mean)
