"""Adam and its variants: the moving mean of the gradients over their root mean square."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays import Array
from .epoch import SHARE, Memory, Stochastic, inverse

__all__ = ["AMSGrad", "Adam", "AdamW", "Lion", "NAdam"]


class Adam(Stochastic):
    r"""Adam: the moving mean of the gradients divided by their moving root mean square, both bias-corrected.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad s \leftarrow \beta_2 s + (1 - \beta_2) g^2, \quad
              params \leftarrow params - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)}}

    Parameters
    ----------
    learning_rate, batch_size, average : as for `SGD`
        The learning rate of the paper is 0.001.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of the moving means of the gradients and of their squares.

    References
    ----------
    D. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, 2015. The epsilon is left out: a parameter with zero
    gradient does not move.

    Examples
    --------
    >>> from sklearn_gd.solvers import Adam
    >>> Adam(learning_rate=1e-3, batch_size=64)
    Adam(batch_size=64, learning_rate=0.001)
    """

    memory = 2
    relative_rate = 0.06
    ranges = Stochastic.ranges | {"beta_1": SHARE, "beta_2": SHARE}

    def __init__(
        self,
        learning_rate: Any = "auto",
        batch_size: int | str = "auto",
        average: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
    ) -> None:
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.average = average
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        mean, squares = moments
        mean *= self.beta_1
        mean += (1.0 - self.beta_1) * gradient
        squares *= self.beta_2
        new = gradient * gradient
        new *= 1.0 - self.beta_2
        squares += new
        metric = self._metric(squares, t)
        return metric * mean, metric, (mean, squares)

    def _metric(self, squares: Array, t: int) -> Array:
        """Return 1 / root mean square, with the bias corrections of both means."""
        return inverse(np.sqrt(squares), np.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t))


class AdamW(Adam):
    r"""Adam with decoupled weight decay: the smooth penalty is applied by its prox, not through the gradient.

    .. math:: params \leftarrow (params - \eta d) / (1 + \eta \alpha / \sqrt{s})

    This is the step for "l2": alpha is the weight decay, and there is no separate decay parameter. The prox uses the metric of
    the step, so the minimiser is the same as for Adam.

    Parameters
    ----------
    learning_rate, batch_size, average, beta_1, beta_2 : as for `Adam`

    References
    ----------
    I. Loshchilov and F. Hutter, Decoupled Weight Decay Regularization, 2019; Z. Zhuang et al., Understanding AdamW through
    Proximal Methods and Scale-Freeness, 2022.

    Examples
    --------
    >>> from sklearn_gd.solvers import AdamW
    >>> AdamW(learning_rate=1e-3)
    AdamW(learning_rate=0.001)
    """

    decoupled = True


class NAdam(Adam):
    r"""Adam with Nesterov's momentum: the mean of the gradients is taken one step ahead.

    .. math:: params \leftarrow params - \eta \frac{\beta_1 m / (1 - \beta_1^{t+1}) + (1 - \beta_1) g / (1 - \beta_1^t)}
              {\sqrt{s / (1 - \beta_2^t)}}

    Parameters
    ----------
    learning_rate, batch_size, average, beta_1, beta_2 : as for `Adam`

    References
    ----------
    T. Dozat, Incorporating Nesterov Momentum into Adam, 2016; here beta_1 is constant and does not vary with the step.

    Examples
    --------
    >>> from sklearn_gd.solvers import NAdam
    >>> NAdam(beta_1=0.8)
    NAdam(beta_1=0.8)
    """

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        _, _, kept = super().direction(gradient, moments, t)
        metric = self._metric(kept[1], t)
        later = self.beta_1 * (1.0 - self.beta_1**t) / (1.0 - self.beta_1 ** (t + 1))
        return metric * (later * kept[0] + (1.0 - self.beta_1) * gradient), metric, kept


class AMSGrad(Adam):
    r"""Adam with a denominator that never decreases: the largest mean square so far.

    .. math:: \hat s \leftarrow \max(\hat s, s), \qquad params \leftarrow params - \eta \, m / \sqrt{\hat s}

    Parameters
    ----------
    learning_rate, batch_size, average, beta_1, beta_2 : as for `Adam`

    References
    ----------
    S. Reddi, S. Kale and S. Kumar, On the Convergence of Adam and Beyond, 2018; with the bias corrections of Adam.

    Examples
    --------
    >>> from sklearn_gd.solvers import AMSGrad
    >>> AMSGrad()
    AMSGrad()
    """

    memory = 3

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        _, _, kept = super().direction(gradient, moments[:2], t)
        largest = np.maximum(moments[2], kept[1] / (1.0 - self.beta_2**t))
        metric = inverse(np.sqrt(largest), 1.0 / (1.0 - self.beta_1**t))
        return metric * kept[0], metric, (*kept, largest)


class Lion(Stochastic):
    r"""Lion: steps along the sign of a moving mean of the gradients.

    .. math:: params \leftarrow params - \eta \, sign(\beta_1 m + (1 - \beta_1) g), \quad
              m \leftarrow \beta_2 m + (1 - \beta_2) g

    Parameters
    ----------
    learning_rate, batch_size, average : as for `SGD`
    beta_1, beta_2 : float, default=0.9, 0.99
        Decay rates of the moving mean, in the direction and in the stored mean.

    References
    ----------
    X. Chen et al., Symbolic Discovery of Optimization Algorithms, 2023. The weight decay is the estimator's penalty.

    Examples
    --------
    >>> from sklearn_gd.solvers import Lion
    >>> Lion(beta_2=0.98)
    Lion(beta_2=0.98)
    """

    memory = 1
    trust = 0.5
    relative_rate = 0.006
    ranges = Stochastic.ranges | {"beta_1": SHARE, "beta_2": SHARE}

    def __init__(
        self,
        learning_rate: Any = "auto",
        batch_size: int | str = "auto",
        average: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
    ) -> None:
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.average = average
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        mean = self.beta_1 * moments[0] + (1.0 - self.beta_1) * gradient
        # The metric of the prox: the sign is the mean divided by its size, except for entries that are nearly zero.
        metric = inverse(np.maximum(np.abs(mean), np.sqrt(np.mean(mean * mean))))
        return np.sign(mean), metric, (self.beta_2 * moments[0] + (1.0 - self.beta_2) * gradient,)
