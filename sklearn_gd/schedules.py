"""Learning rate schedules: functions from the step number, counted from 0, to the learning rate.

Wherever a solver takes a learning rate as a number, it also takes a function of the step number. `SCHEDULES` maps the names
that ``learning_rate=`` of a stochastic solver takes to the classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .parts import Part, Table

__all__ = [
    "SCHEDULES",
    "Adaptive",
    "Constant",
    "Cosine",
    "ExponentialDecay",
    "InvScaling",
    "LinearDecay",
    "OneCycle",
    "Optimal",
    "Schedule",
    "Step",
    "get_schedule",
]

RATE = ("'auto' or a number > 0", lambda value: value == "auto" or 0 < value < np.inf)
POSITIVE = ("a number > 0", lambda value: 0 < value < np.inf)
SHARE = ("a number from 0 to 1", lambda value: 0 <= value <= 1)


class Schedule(Part):
    r"""Base class of learning rate schedules: a rate times a shape that depends on the step number.

    .. math:: \eta_t = rate \cdot shape(t, T)

    t is the step number and T the total number of steps. A step is a mini-batch for a stochastic solver and an iteration for
    gradient descent; T is infinite in ``partial_fit``. With ``rate="auto"``, the shape multiplies the solver's automatic
    learning rate.

    Attributes
    ----------
    cut : float
        Factor applied to the rate after `patience` consecutive epochs without a decrease of the mean loss.
    patience : int
        Number of epochs without a decrease before the rate is cut.

    Examples
    --------
    >>> from sklearn_gd.schedules import Schedule
    >>> class Halving(Schedule):
    ...     def __init__(self, rate=1.0):
    ...         self.rate = rate
    ...
    ...     def shape(self, t, total):
    ...         return 0.5**t
    >>> Halving(rate=4.0).at(2, 100)
    1.0
    """

    ranges = {"rate": RATE}
    rate: float | str = "auto"
    cut: float = 1.0
    patience: int = 1 << 62

    def shape(self, t: int, total: float) -> float:
        """Return the factor at step t, counted from 0, out of `total` steps, which may be infinite."""
        return 1.0

    @property
    def automatic(self) -> bool:
        """Whether the shape multiplies a rate that the solver chooses."""
        return isinstance(self.rate, str)

    @property
    def planned(self) -> bool:
        """Whether the rate of a step depends on the total number of steps."""
        return self.shape(500, 1000.0) != self.shape(500, np.inf)

    def at(self, t: int, total: float = np.inf) -> float:
        """Return the learning rate of step t or, with ``rate="auto"``, its factor."""
        shape = self.shape(t, total)
        return shape if isinstance(self.rate, str) else self.rate * shape


class _Rated(Schedule):
    def __init__(self, rate: float | str = "auto") -> None:
        self.rate = rate


class Constant(_Rated):
    """A constant learning rate.

    Parameters
    ----------
    rate : float or "auto", default="auto"

    Examples
    --------
    >>> from sklearn_gd.schedules import Constant
    >>> Constant(0.1).at(7)
    0.1
    """


class LinearDecay(_Rated):
    """A rate that decays linearly to zero over the whole fit and is halved after an epoch without improvement.

    Parameters
    ----------
    rate : float or "auto", default="auto"

    References
    ----------
    A. Defazio et al., When, Why and How Much? Adaptive Learning Rate Scheduling by Refinement, 2023.

    Examples
    --------
    >>> from sklearn_gd.schedules import LinearDecay
    >>> LinearDecay(0.1).at(5, total=10)
    0.05
    """

    cut, patience = 0.5, 1

    def shape(self, t: int, total: float) -> float:
        return max(1.0 - t / total, 0.0)


class InvScaling(Schedule):
    r"""A rate that decays as an inverse power of the step number.

    .. math:: \eta_t = rate / (t + 1)^{power}

    Parameters
    ----------
    rate : float or "auto", default="auto"
    power : float, default=0.25
        Exponent. The default of scikit-learn's SGDRegressor is 0.25; the theory for convex losses suggests 0.5.

    Examples
    --------
    >>> from sklearn_gd.schedules import InvScaling
    >>> InvScaling(0.1, power=0.5).at(3)
    0.05
    """

    ranges = {"rate": RATE, "power": POSITIVE}

    def __init__(self, rate: float | str = "auto", power: float = 0.25) -> None:
        self.rate = rate
        self.power = power

    def shape(self, t: int, total: float) -> float:
        return float((t + 1.0) ** -self.power)


class Optimal(Schedule):
    r"""The best asymptotic rate for a strongly convex F.

    .. math:: \eta_t = rate / (1 + decay \cdot t)

    Parameters
    ----------
    rate : float or "auto", default="auto"
    decay : float, default=1e-4
        Decay per step. Bottou's choice is the rate times the strength of the l2 penalty.

    References
    ----------
    L. Bottou, Stochastic Gradient Descent Tricks, 2012.

    Examples
    --------
    >>> from sklearn_gd.schedules import Optimal
    >>> Optimal(0.1, decay=1.0).at(1)
    0.05
    """

    ranges = {"rate": RATE, "decay": POSITIVE}

    def __init__(self, rate: float | str = "auto", decay: float = 1e-4) -> None:
        self.rate = rate
        self.decay = decay

    def shape(self, t: int, total: float) -> float:
        return 1.0 / (1.0 + self.decay * t)


class ExponentialDecay(Schedule):
    r"""A rate that is multiplied by the same factor at every step.

    .. math:: \eta_t = rate \cdot factor^t

    Parameters
    ----------
    rate : float or "auto", default="auto"
    factor : float, default=0.999

    Examples
    --------
    >>> from sklearn_gd.schedules import ExponentialDecay
    >>> ExponentialDecay(1.0, factor=0.5).at(2)
    0.25
    """

    ranges = {"rate": RATE, "factor": SHARE}

    def __init__(self, rate: float | str = "auto", factor: float = 0.999) -> None:
        self.rate = rate
        self.factor = factor

    def shape(self, t: int, total: float) -> float:
        return float(self.factor**t)


class Step(Schedule):
    r"""A rate that is multiplied by a factor after a fixed number of steps.

    .. math:: \eta_t = rate \cdot factor^{\lfloor t / every \rfloor}

    Parameters
    ----------
    rate : float or "auto", default="auto"
    factor : float, default=0.5
    every : int, default=1000

    Examples
    --------
    >>> from sklearn_gd.schedules import Step
    >>> Step(1.0, every=10).at(25)
    0.25
    """

    ranges = {"rate": RATE, "factor": SHARE, "every": ("an integer >= 1", lambda value: value >= 1)}

    def __init__(self, rate: float | str = "auto", factor: float = 0.5, every: int = 1000) -> None:
        self.rate = rate
        self.factor = factor
        self.every = every

    def shape(self, t: int, total: float) -> float:
        return float(self.factor ** (t // self.every))


class Cosine(Schedule):
    r"""Cosine annealing from the rate to zero after a warm-up, optionally with restarts.

    .. math:: \eta_t = rate \cdot (1 + \cos(\pi s)) / 2

    s is the completed share of the current half period of the cosine. In ``partial_fit``, where the number of steps is not
    known, the rate stays at its maximum.

    Parameters
    ----------
    rate : float or "auto", default="auto"
    warmup : float, default=0.0
        Share of the steps over which the rate rises from zero.
    restarts : int, default=0
        Number of restarts.

    References
    ----------
    I. Loshchilov and F. Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017.

    Examples
    --------
    >>> from sklearn_gd.schedules import Cosine
    >>> round(Cosine(0.1).at(50, total=100), 12), Cosine(0.1, warmup=0.1).at(4, total=100)
    (0.05, 0.05)
    """

    ranges = {"rate": RATE, "warmup": SHARE, "restarts": ("an integer >= 0", lambda value: value >= 0)}

    def __init__(self, rate: float | str = "auto", warmup: float = 0.0, restarts: int = 0) -> None:
        self.rate = rate
        self.warmup = warmup
        self.restarts = restarts

    def shape(self, t: int, total: float) -> float:
        if not np.isfinite(total):
            return 1.0
        rise = self.warmup * total
        if t < rise:
            return (t + 1.0) / rise if rise > 1 else 1.0
        share = (t - rise) / (total - rise) * (self.restarts + 1)
        return float(0.5 * (1.0 + np.cos(np.pi * (share % 1.0))))


class OneCycle(Schedule):
    """The one-cycle policy: one rise to the maximum rate and one decay to nearly zero, both along a cosine.

    Parameters
    ----------
    rate : float or "auto", default="auto"
        Maximum rate.
    peak : float, default=0.3
        Share of the steps after which the maximum is reached.

    References
    ----------
    L. Smith and N. Topin, Super-Convergence, 2019; the rise begins at a twenty-fifth of the rate.

    Examples
    --------
    >>> from sklearn_gd.schedules import OneCycle
    >>> OneCycle(0.1).at(30, total=100)
    0.1
    """

    ranges = {"rate": RATE, "peak": SHARE}

    def __init__(self, rate: float | str = "auto", peak: float = 0.3) -> None:
        self.rate = rate
        self.peak = peak

    def shape(self, t: int, total: float) -> float:
        if not np.isfinite(total):
            return 1.0
        top = self.peak * total
        if t < top:
            return float(1.0 - 0.96 * 0.5 * (1.0 + np.cos(np.pi * t / top)))
        return float(0.5 * (1.0 + np.cos(np.pi * (t - top) / max(total - top, 1e-300))))


class Adaptive(Schedule):
    """A constant rate that is multiplied by `cut` when the mean loss stops decreasing.

    Parameters
    ----------
    rate : float or "auto", default="auto"
    cut : float, default=0.2
        Factor applied to the rate.
    patience : int, default=2
        Number of consecutive epochs without a decrease of the mean loss before the rate is cut.

    Examples
    --------
    >>> from sklearn_gd.schedules import Adaptive
    >>> Adaptive(0.1)
    Adaptive(rate=0.1)
    """

    ranges = {"rate": RATE, "cut": SHARE, "patience": ("an integer >= 1", lambda value: value >= 1)}

    def __init__(self, rate: float | str = "auto", cut: float = 0.2, patience: int = 2) -> None:
        self.rate = rate
        self.cut = cut
        self.patience = patience


class _Function(Schedule):
    """A user's function of the step number."""

    rate = 1.0

    def __init__(self, function: Callable[[int], float]) -> None:
        self.function = function

    def check_parameters(self) -> None:
        """Do nothing: any function is accepted."""

    def shape(self, t: int, total: float) -> float:
        return float(self.function(t))


SCHEDULES: Table[Schedule] = Table(
    "learning_rate",
    Schedule,
    {
        "constant": Constant,
        "linear": LinearDecay,
        "invscaling": InvScaling,
        "optimal": Optimal,
        "exponential": ExponentialDecay,
        "step": Step,
        "cosine": Cosine,
        "one_cycle": OneCycle,
        "adaptive": Adaptive,
    },
    {},
    also=["auto"],
)


def get_schedule(learning_rate: Any) -> Schedule:
    """Return the schedule for "auto", a number, a name, a Schedule, or a function of the step number.

    Raises
    ------
    ValueError
        For an unknown name, a number that is not positive, or a parameter out of range.
    TypeError
        For anything else.

    Examples
    --------
    >>> from sklearn_gd.schedules import get_schedule
    >>> get_schedule(0.1).at(7), get_schedule(lambda t: 1.0 / (1 + t)).at(7)
    (0.1, 0.125)
    """
    if isinstance(learning_rate, str) and learning_rate == "auto":
        return LinearDecay()
    if isinstance(learning_rate, (int, float, np.number)) and not isinstance(learning_rate, bool):
        if not 0 < learning_rate < np.inf:
            raise ValueError(f"learning_rate={learning_rate!r}: expected a number > 0.")
        return Constant(float(learning_rate))
    if callable(learning_rate) and not isinstance(learning_rate, type):
        return _Function(learning_rate)
    return SCHEDULES.resolve(learning_rate)
