"""Stochastic rules, from the gradient of a mini-batch to a direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import Array
from ...objective.objective import Objective
from ...rows.base import Block
from ..base import Need, Plan, State
from .epoch import SHARE, Memory, Stochastic, StochasticState, inverse

__all__ = ["SGD", "SVRG", "AdaDelta", "AdaGrad", "RMSprop"]


class SGD(Stochastic):
    r"""Stochastic gradient descent, plain, with momentum, or with Nesterov's momentum.

    .. math:: v \leftarrow m v + g, \qquad params \leftarrow params - \eta v

    Parameters
    ----------
    learning_rate : float, str, Schedule or callable, default="auto"
        A number, a name in `sklearn_gd.schedules.SCHEDULES`, a schedule, or a function of the step number. "auto" needs no
        tuning (see `sklearn_gd.solvers.stochastic.automatic_rate`).
    batch_size : int or "auto", default="auto"
        Number of rows in a mini-batch.
    momentum : float, default=0.0
        Momentum m, the share of the last direction that is kept, in [0, 1).
    nesterov : bool, default=False
        Whether to use Nesterov's momentum: the direction is g + m v.
    average : bool, default=False
        Whether to return a weighted average of the iterates, with larger weights for later ones, instead of the last iterate.

    References
    ----------
    H. Robbins and S. Monro, A Stochastic Approximation Method, 1951; B. Polyak and A. Juditsky, Acceleration of Stochastic
    Approximation by Averaging, 1992; O. Shamir and T. Zhang, Stochastic Gradient Descent for Non-smooth Optimization, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.solvers import SGD
    >>> X = np.linspace(0.0, 1.0, 100).reshape(-1, 1)
    >>> model = GDRegressor(alpha=0.0, solver=SGD(batch_size=10), tol=1e-4, random_state=0).fit(X, 3.0 * X[:, 0] + 4.0)
    >>> print(model.coef_.round(1), model.intercept_.round(1))
    [3.] 4.0
    """

    needs: frozenset[Need] = frozenset()
    relative_rate, scale_free = 1.5, False
    ranges = Stochastic.ranges | {"momentum": SHARE, "nesterov": ("True or False", lambda value: value in (True, False))}

    def __init__(
        self,
        learning_rate: Any = "auto",
        batch_size: int | str = "auto",
        momentum: float = 0.0,
        nesterov: bool = False,
        average: bool = False,
    ) -> None:
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.momentum = momentum
        self.nesterov = nesterov
        self.average = average

    memory = 1

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        if not self.momentum:
            return gradient, None, moments
        velocity = moments[0]
        velocity *= self.momentum
        velocity += gradient
        return (gradient + self.momentum * velocity if self.nesterov else velocity), None, moments


class _Rule(Stochastic):
    """Base class of rules without additional parameters."""

    def __init__(self, learning_rate: Any = "auto", batch_size: int | str = "auto", average: bool = False) -> None:
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.average = average


class AdaGrad(_Rule):
    r"""AdaGrad: the step of each weight is divided by the root of the sum of its squared gradients.

    .. math:: s \leftarrow s + g^2, \qquad params \leftarrow params - \eta g / \sqrt{s}

    Parameters
    ----------
    learning_rate, batch_size, average : as for `SGD`

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization, 2011.

    Examples
    --------
    >>> from sklearn_gd.solvers import AdaGrad
    >>> AdaGrad(learning_rate=0.1)
    AdaGrad(learning_rate=0.1)
    """

    memory, decays = 1, True
    relative_rate = 0.2

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        total = moments[0] + gradient * gradient
        metric = inverse(np.sqrt(total))
        return metric * gradient, metric, (total,)


class RMSprop(Stochastic):
    r"""RMSprop: the step of each weight is divided by the moving root mean square of its gradients.

    .. math:: s \leftarrow \rho s + (1 - \rho) g^2, \qquad params \leftarrow params - \eta g / \sqrt{s / (1 - \rho^t)}

    Parameters
    ----------
    learning_rate, batch_size, average : as for `SGD`
    rho : float, default=0.99
        Decay rate of the moving mean.

    References
    ----------
    T. Tieleman and G. Hinton, Lecture 6.5, RMSprop, 2012; with the bias correction of Adam.

    Examples
    --------
    >>> from sklearn_gd.solvers import RMSprop
    >>> RMSprop(rho=0.9)
    RMSprop(rho=0.9)
    """

    memory = 1
    relative_rate = 0.05
    ranges = Stochastic.ranges | {"rho": SHARE}

    def __init__(
        self, learning_rate: Any = "auto", batch_size: int | str = "auto", average: bool = False, rho: float = 0.99
    ) -> None:
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.average = average
        self.rho = rho

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        mean = self.rho * moments[0] + (1.0 - self.rho) * gradient * gradient
        metric = inverse(np.sqrt(mean / (1.0 - self.rho**t)))
        return metric * gradient, metric, (mean,)


class AdaDelta(Stochastic):
    r"""AdaDelta: steps scaled by the ratio of the moving root mean squares of the steps and of the gradients.

    .. math:: d = \frac{\sqrt{q + \epsilon}}{\sqrt{s + \epsilon}} g, \quad q \leftarrow \rho q + (1 - \rho) d^2

    Parameters
    ----------
    learning_rate, batch_size, average : as for `SGD`
        The learning rate of the paper is 1.0.
    rho : float, default=0.95
        Decay rate of the moving means.
    epsilon : float, default=1e-12
        Small constant that keeps the first steps from being zero.

    References
    ----------
    M. Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012.

    Examples
    --------
    >>> from sklearn_gd.solvers import AdaDelta
    >>> AdaDelta(learning_rate=1.0)
    AdaDelta(learning_rate=1.0)
    """

    memory = 2
    relative_rate = 1000.0  # epsilon is that small
    ranges = Stochastic.ranges | {"rho": SHARE, "epsilon": ("a number > 0", lambda value: 0 < value < np.inf)}

    def __init__(
        self,
        learning_rate: Any = "auto",
        batch_size: int | str = "auto",
        average: bool = False,
        rho: float = 0.95,
        epsilon: float = 1e-12,
    ) -> None:
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.average = average
        self.rho = rho
        self.epsilon = epsilon

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        slopes = self.rho * moments[0] + (1.0 - self.rho) * gradient * gradient
        metric = np.sqrt((moments[1] + self.epsilon) / (slopes + self.epsilon))
        move = metric * gradient
        return move, metric, (slopes, self.rho * moments[1] + (1.0 - self.rho) * move * move)


@dataclass(kw_only=True)
class SVRGState(StochasticState):
    """A state with the pivot, the point whose full gradient corrects those of the mini-batches, and that gradient."""

    pivot: Array
    full: Array


class SVRG(_Rule):
    r"""Stochastic variance-reduced gradients: each is corrected by its value at the start of the epoch.

    .. math:: params \leftarrow params - \eta (g_B(params) - g_B(pivot) + g(pivot))

    An epoch reads the rows three times.

    Parameters
    ----------
    learning_rate, batch_size, average : as for `SGD`

    References
    ----------
    R. Johnson and T. Zhang, Accelerating Stochastic Gradient Descent using Predictive Variance Reduction, 2013.

    Examples
    --------
    >>> from sklearn_gd.solvers import SVRG
    >>> SVRG(batch_size=32)
    SVRG(batch_size=32)
    """

    relative_rate, scale_free = 1.5, False

    def init(self, objective: Objective, params: Array, plan: Plan, last: State | None = None) -> StochasticState:
        state = super().init(objective, params, plan, last)
        return state if isinstance(state, SVRGState) else SVRGState(**vars(state), pivot=state.point, full=0.0 * params)

    def epoch(self, objective: Objective, state: StochasticState) -> StochasticState:
        assert isinstance(state, SVRGState)
        full = objective.value_and_gradient(state.point)[1]
        return super().epoch(objective, state.but(pivot=state.point, full=full))

    def gradient(self, objective: Objective, state: StochasticState, block: Block) -> tuple[float, Array]:
        assert isinstance(state, SVRGState)
        value, gradient = super().gradient(objective, state, block)
        before = objective.batch_value_and_gradient(state.pivot, block, state.weight / state.rows)[1]
        return value, gradient - objective.with_penalty(state.pivot, before) + state.full

    def direction(self, gradient: Array, moments: Memory, t: int) -> tuple[Array, Array | None, Memory]:
        return gradient, None, moments
