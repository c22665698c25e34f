"""check_penalty: the contract test for custom penalties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..arrays import Array
from ..contracts import Failure, Skip, checks_in, copies, demand, report
from .base import NoPenalty, Penalty
from .names import DefaultNames

__all__ = ["CHECKS", "Trial", "check_penalty"]

STEPS = (0.0, 0.03, 0.4, 3.0)


@dataclass
class Trial:
    """A penalty, the weights at which it is tested, and a random generator for more."""

    penalty: Penalty
    weights: Array
    rng: Any

    @cached_property
    def smooth(self) -> Penalty:
        """The part with a gradient."""
        return self.penalty.smooth_part

    @cached_property
    def prox(self) -> Penalty:
        """The part with a prox."""
        return self.penalty.prox_part

    def allowed(self, weights: Array) -> Array:
        """Return the weights, projected onto the constraints."""
        return self.prox.prox(weights, 0.0)

    def near(self, weights: Array, size: float) -> Array:
        """Return weights at a random distance, with some entries unchanged."""
        unit = size * max(float(np.abs(weights).max(initial=0.0)), 1.0)
        return weights + unit * self.rng.standard_normal(weights.shape) * (self.rng.random(weights.shape) < 0.6)


def _different(got: Array, expected: Array, slack: Array | float = 1e-9) -> Array:
    return ~(np.abs(got - expected) <= slack * (1.0 + np.abs(expected)))


def _same(value: float, expected: float) -> bool:
    """Tell whether two values are equal up to rounding; both may be inf."""
    return value == expected or abs(value - expected) <= 1e-9 * (1.0 + abs(expected))


def _at(weights: Array, bad: Array) -> str:
    j, k = np.argwhere(bad)[0]
    return f"weights[{j}, {k}]={weights[j, k]:.6g}"


def _likely(mistakes: dict[str, bool]) -> str:
    return next((f" (Likely mistake: {mistake}.)" for mistake, explains in mistakes.items() if explains), "")


def check_shapes(trial: Trial) -> str:
    """The value is a number, and the other results have the shape of the weights."""
    weights, penalty = trial.weights.copy(), trial.penalty
    defined = type(penalty).gradient is not Penalty.gradient and type(penalty).prox is Penalty.prox
    demand(not (defined and not penalty.smooth), "it has a gradient and no prox. (Likely mistake: smooth = True is missing.)")
    shape = np.shape(penalty.value(weights))
    demand(shape == (), f"value returned shape {shape}: expected one number. (Likely mistake: the sum is missing.)")
    results = {
        "gradient": trial.smooth.gradient(weights),
        "curvature": trial.smooth.curvature(weights),
        "prox": trial.prox.prox(weights, 0.3),
        "subgradient": trial.prox.subgradient(trial.allowed(weights), weights, 0.3),
    }
    for name, result in results.items():
        demand(np.shape(result) == weights.shape, f"{name} returned shape {np.shape(result)}: expected {weights.shape}.")
    return ""


def check_arguments(trial: Trial) -> str:
    """The weights are not modified; read-only arrays are accepted."""
    for writeable in (True, False):
        weights = trial.weights.copy()
        weights.flags.writeable = writeable
        trial.penalty.value(weights)
        trial.smooth.gradient(weights)
        trial.smooth.curvature(weights)
        trial.prox.subgradient(trial.prox.prox(weights, 0.4), weights, 0.4)
        demand(np.array_equal(weights, trial.weights), "the weights that it is given are written on.")
    return ""


def check_value(trial: Trial) -> str:
    """The value is finite within the constraints, never nan or -inf, and the sum of the values of the two parts."""
    for size in (0.0, 1e-300, 1.0, 1e6, 1e100):
        for weights in (size * trial.weights, trial.allowed(size * trial.weights)):
            value = trial.penalty.value(weights)
            demand(value > -np.inf, f"the value is {value} at weights of size {size:g}: expected a number, or inf.")
            parts = trial.smooth.value(weights) + trial.prox.value(weights)
            demand(
                _same(value, parts), f"the value is {value:.8g}, and that of smooth_part and prox_part together {parts:.8g}."
            )
    return ""


def check_gradient(trial: Trial) -> str:
    """The gradient is the derivative of the value."""
    if trial.smooth.absent:
        raise Skip("it has no smooth part")
    value = trial.smooth.value
    got, (expected, finer) = trial.smooth.gradient(trial.weights), _quotients(lambda w, e: value(w), trial.weights)
    bad = _different(got, expected, 1e-6) & ~_different(expected, finer, 1e-5)
    if not bad.any():
        demand(not _different(expected, finer, 1e-3).any(), "the value jumps, and it declares smooth = True.")
        return ""
    mistakes = {
        "the sign is reversed": -got,
        "a factor of 2 is missing": 2.0 * got,
        "a factor of 2 is too much": 0.5 * got,
    }
    likely = _likely({name: not _different(other, expected, 1e-5)[bad].any() for name, other in mistakes.items()})
    raise Failure(f"the gradient is {got[bad][0]:.8g} at {_at(trial.weights, bad)}: expected {expected[bad][0]:.8g}.{likely}")


def _quotients(function: Callable[[Array, Any], Any], weights: Array) -> tuple[Array, Array]:
    """Return difference quotients along each weight, and finer ones; the function also receives the index of the weight."""
    results = []
    for h in (1e-4, 3e-5):
        result = np.zeros_like(weights)
        for index in np.ndindex(weights.shape):
            step = np.zeros_like(weights)
            step[index] = h * (1.0 + abs(weights[index]))
            result[index] = (function(weights + step, index) - function(weights - step, index)) / (2.0 * step[index])
        results.append(result)
    return results[0], results[1]


def check_curvature(trial: Trial) -> str:
    """The curvature is the diagonal of the derivative of the gradient."""
    if trial.smooth.absent:
        raise Skip("it has no smooth part")
    got = trial.smooth.curvature(trial.weights)
    expected, finer = _quotients(lambda weights, index: trial.smooth.gradient(weights)[index], trial.weights)
    jumps = _different(finer, expected, 0.5)
    if jumps.any():
        raise Failure(f"the gradient jumps at {_at(trial.weights, jumps)}, and it declares smooth = True.")
    bad = _different(got, expected, 1e-5) & ~_different(expected, finer, 1e-4)
    if bad.any():
        likely = _likely(
            {
                "curvature is not defined, and zero": not got.any(),
                "the sign is reversed": not _different(-got, expected, 1e-4)[bad].any(),
                "it is multiplied by the weights": not _different(got, expected * trial.weights, 1e-4)[bad].any(),
            }
        )
        here = _at(trial.weights, bad)
        raise Failure(f"the curvature is {got[bad][0]:.8g} at {here}: expected {expected[bad][0]:.8g}.{likely}")
    return ""


def check_prox(trial: Trial) -> str:
    """The prox is the argmin of its definition and, with step 0, the projection: no other weights are lower."""
    if trial.prox.absent:
        raise Skip("it has no part with a prox")
    for step in STEPS:
        found = trial.prox.prox(trial.weights, step)
        value = trial.prox.value(found)
        likely = _likely({"with step=0 it does not project on the constraint": step == 0})
        demand(np.isfinite(value), f"prox with step={step:g} returned weights of value {value}: expected a finite one.{likely}")
        excess, here = _excess(trial, found, step), f"{np.array2string(found.ravel(), precision=4)}, with step={step:g},"
        if excess > 0:
            mistakes: dict[str, Callable[[float], float]] = {
                "the step is left out": lambda step: 1.0,
                "the step is multiplied in twice": lambda step: step**2,
                "the step divides where it should multiply": lambda step: 1.0 / step,
                "a factor of 2 is too much": lambda step: 2.0 * step,
                "a factor of 2 is missing": lambda step: 0.5 * step,
            }
            proxes = [(trial.prox.prox(trial.weights, s), s) for s in STEPS[1:]]
            likely = _likely({name: all(_excess(trial, u, f(s)) <= 0 for u, s in proxes) for name, f in mistakes.items()})
            raise Failure(f"prox returned {here} which is not the minimum: other weights are lower by {excess:.3g}.{likely}")
    return ""


def _excess(trial: Trial, found: Array, step: float) -> float:
    """Return by how much the function that prox minimises is lower near its result, beyond rounding; at most 0 if nowhere."""

    def cost(u: Array) -> float:
        value = trial.prox.value(u)
        return (step * value if np.isfinite(value) else np.inf) + 0.5 * float(np.sum((u - trial.weights) ** 2))

    lowest = cost(found)
    tries = [trial.near(found, size) for size in (1e-4, 1e-2, 1.0) for _ in range(40)]
    tries += [trial.allowed(u) for u in tries] + [trial.allowed(found + t * (trial.weights - found)) for t in (1e-3, 0.1, 1.0)]
    return float(max(lowest - cost(u) for u in tries)) - 1e-11 * (1.0 + lowest)


def check_subgradient(trial: Trial) -> str:
    """The subgradient is valid if the penalty is convex, and is the one nearest to -gradient, consistent with the prox."""
    if trial.prox.absent:
        raise Skip("it has no part with a prox")
    part, alpha, convex, cut = trial.prox, 0.6, True, ""
    for weights in (part.prox(trial.weights, 0.4), part.prox(np.zeros_like(trial.weights), 0.4)):
        gradient = 2.0 * trial.rng.standard_normal(weights.shape)
        slope, value = part.subgradient(weights, gradient, alpha), part.value(weights)
        for _ in range(100):
            other = trial.allowed(trial.near(weights, trial.rng.choice([1e-3, 1.0])))
            middle, end = part.value(0.5 * (weights + other)), part.value(other)
            convex = convex and middle <= 0.5 * (value + end) + 1e-9 * (1.0 + abs(value) + abs(end))
            rise, bound = alpha * (end - value), float(np.sum(slope * (other - weights)))
            if rise < bound - 1e-9 * (1.0 + abs(alpha * value) + float(np.abs(slope).sum())):
                cut = f"the subgradient promises a rise of {bound:.8g} at least, and alpha * value rises by {rise:.8g}."
        expected = Penalty.subgradient(part, weights, gradient, alpha)
        bad = _different(slope, expected, 1e-4)
        if bad.any():
            raise Failure(
                f"the subgradient is {slope[bad][0]:.6g} at {_at(weights, bad)} with gradient {gradient[bad][0]:.6g}: expected "
                f"{expected[bad][0]:.6g}, which the prox gives. (Likely mistake: alpha, or the sign of the gradient.)"
            )
    demand(not (convex and cut), cut)
    return "" if convex else "it is not convex"


def check_separable(trial: Trial) -> str:
    """The prox acts on each weight independently and takes one step per weight, if declared separable."""
    part = trial.prox
    if not part.separable or part.absent:
        raise Skip("it does not say that its prox acts on each weight alone")
    alone = trial.rng.random(trial.weights.shape) < 0.5
    for weights in (trial.weights, trial.near(trial.weights, 1.0)):
        changed = np.where(alone, weights, trial.near(weights, 1.0))
        bad = alone & _different(part.prox(changed, 0.4), part.prox(weights, 0.4))
        if bad.any():
            raise Failure(f"the prox at {_at(weights, bad)} changes with the other weights: declare separable = False.")
        steps = np.where(alone, 0.4, 0.03)
        expected = np.where(alone, part.prox(weights, 0.4), part.prox(weights, 0.03))
        bad = _different(part.prox(weights, steps), expected)
        if bad.any():
            raise Failure(f"the prox at {_at(weights, bad)} is another one when the step is an array: a step for each weight.")
    return ""


def check_selects(trial: Trial) -> str:
    """The prox sets small weights to exactly zero and changes nothing with step 0, if the penalty declares `selects`."""
    if not trial.prox.selects:
        raise Skip("it does not say that its prox sets weights to exactly zero")
    demand(trial.prox.separable, "it declares selects = True, which is of each weight by itself, and separable = False.")
    small = 1e-3 * (1.0 + np.abs(trial.weights))
    demand(not trial.prox.prox(small, 1.0).all(), "it declares selects = True, and its prox leaves no weight at exactly zero.")
    same = np.array_equal(trial.allowed(trial.weights), trial.weights)
    demand(same, "it declares selects = True, and its prox with step 0 moves weights: alpha = 0 would drop a constraint.")
    return ""


def check_kinks(trial: Trial) -> str:
    """The value is linear between the kinks, in each weight."""
    part = trial.prox
    kinks = part.kinks(trial.weights)
    known = part.kinks(np.zeros((1, 1))) is not None
    demand(known == (kinks is not None), "kinks is None for some shapes of weights, and not for all.")
    if kinks is None:
        raise Skip("it does not say that it is linear between kinks")
    fits = np.broadcast_shapes(kinks.shape[1:], trial.weights.shape) == trial.weights.shape
    demand(fits, f"kinks returned shape {kinks.shape}: expected (number, ...), to fit weights of shape {trial.weights.shape}.")
    kinks = np.broadcast_to(kinks, (len(kinks), *trial.weights.shape))
    demand(np.all(kinks[:-1] <= kinks[1:]), "kinks are not in ascending order.")
    beyond = np.full((1, *trial.weights.shape), np.inf)
    edges = np.clip(np.concatenate([-beyond, kinks, beyond]), -30.0, 30.0)
    for _ in range(300):
        low = trial.rng.randint(len(edges) - 1, size=(1, *trial.weights.shape))
        left, right = (np.take_along_axis(edges, place, axis=0)[0] for place in (low, low + 1))
        right = np.minimum(right, left + 3.0) if trial.rng.random() < 0.5 else right
        ends = left + (right - left) * np.sort(trial.rng.random((2, *left.shape)), axis=0)
        middle, value = part.value(ends.mean(axis=0)), 0.5 * (part.value(ends[0]) + part.value(ends[1]))
        if np.isfinite(value) and not abs(middle - value) <= 1e-9 * (1.0 + abs(value)):
            raise Failure(
                f"the value is {middle:.8g} halfway between weights with no kink between them, and the mean of theirs "
                f"{value:.8g}. (Likely mistake: a kink is missing, or the value is curved: return None.)"
            )
    return ""


def check_bounds(trial: Trial) -> str:
    """The penalty is an interval for each weight, if declared so: value 0, kinks at the ends, a prox that ignores the step."""
    part = trial.prox
    if not part.bounds:
        raise Skip("it does not say that it is an interval for each weight")
    inside = trial.allowed(trial.weights)
    says, value = "it declares bounds = True", part.value(inside)
    demand(value == 0.0, f"{says}, and its value is {value:g}: expected 0.")
    demand(np.array_equal(part.prox(trial.weights, 0.4), inside), f"{says}, and its prox depends on the step.")
    demand(part.separable and part.kinks(inside) is not None, f"{says}, and not separable = True, or it has no kinks.")
    return ""


def check_isotropic(trial: Trial) -> str:
    """The value depends only on the norm of each column of weights, if declared isotropic."""
    if not trial.penalty.isotropic:
        raise Skip("it does not say that it depends on the length of each column alone")
    turned = np.linalg.qr(trial.rng.standard_normal((len(trial.weights), len(trial.weights))))[0] @ trial.weights
    value, other = trial.penalty.value(trial.weights), trial.penalty.value(turned)
    demand(_same(other, value), f"it declares isotropic = True, and its value {value:.8g} is {other:.8g} after a rotation.")
    return ""


def check_features(trial: Trial) -> str:
    """The penalty of some features equals that of all with the others at zero, if it declares `falls_apart`."""
    if not trial.penalty.falls_apart:
        raise Skip("it does not say that some features have a penalty by themselves")
    features = np.arange(len(trial.weights))[::2]
    some = Trial(trial.penalty.for_features(features), trial.weights[features], trial.rng)
    weights = np.zeros_like(trial.weights)
    weights[features] = some.weights
    allowed = trial.allowed(weights)
    value, expected = some.penalty.value(allowed[features]), trial.penalty.value(allowed) - trial.penalty.value(0.0 * allowed)
    value -= some.penalty.value(0.0 * some.weights)
    demand(_same(value, expected), f"for_features has value {value:.8g}: expected {expected:.8g}.")
    for name, got, whole in (
        ("gradient", some.smooth.gradient(some.weights), trial.smooth.gradient(weights)),
        ("curvature", some.smooth.curvature(some.weights), trial.smooth.curvature(weights)),
        ("prox", some.prox.prox(some.weights, 0.4), trial.prox.prox(weights, 0.4)),
    ):
        demand(not _different(got, whole[features]).any(), f"for_features has another {name} than the whole penalty.")
    return ""


def check_copies(trial: Trial) -> str:
    """clone and pickle reproduce the penalty."""
    weights = trial.allowed(trial.weights)
    for name, again in copies(trial.penalty):
        demand(again.value(weights) == trial.penalty.value(weights), f"{name} gives another penalty.")
    return ""


CHECKS: dict[str, Callable[[Trial], str]] = checks_in(globals())


def check_penalty(
    penalty: Any,
    *,
    weights: Any = None,
    on_fail: str | None = None,
    random_state: int | np.random.RandomState | None = 0,
) -> list[dict[str, Any]]:
    """Check that a penalty satisfies the contract of `Penalty`.

    The derivatives are compared with finite differences of the values, the prox and the subgradient with other weights, and the
    declared attributes with the behaviour.

    Parameters
    ----------
    penalty : Penalty or None
        The penalty to check, as for ``penalty=``, except that names and dicts are not accepted. Features are named x0, x1, ...;
        to check a penalty keyed by other names, pass ``penalty.named(names)``.
    weights : array-like of shape (n_features, K), default=None
        Weights to test. If None, weights of order one are drawn, for a number of features that the penalty accepts.
    on_fail : {"raise", "warn"} or None, default=None
        Whether a failure also raises an error or a warning. If None, it only appears in the report.
    random_state : int, RandomState instance or None, default=0
        Controls the random weights.

    Returns
    -------
    list of dict
        One dict per check, with keys "penalty", "check_name", "status" ("passed", "failed" or "skipped") and "message": what
        was found, at which weights, and the likely mistake.

    Raises
    ------
    AssertionError
        At the first failure, with ``on_fail="raise"``.
    TypeError
        If `penalty` is not a Penalty object.

    See Also
    --------
    sklearn_gd.losses.check_loss : The counterpart for losses.

    References
    ----------
    N. Parikh and S. Boyd, Proximal Algorithms, 2014.

    Examples
    --------
    >>> from sklearn_gd.penalties import L1, check_penalty
    >>> class Wrong(L1):
    ...     def prox(self, weights, step):
    ...         return super().prox(weights, step**2)
    >>> [r["message"] for r in check_penalty(Wrong()) if r["check_name"] == "prox"][0][-50:]
    '(Likely mistake: the step is multiplied in twice.)'
    """
    resolved, rng = NoPenalty() if penalty is None else penalty, check_random_state(random_state)
    if not isinstance(resolved, Penalty):
        raise TypeError(f"check_penalty takes a Penalty object, or None; got {penalty!r}.")
    resolved.check_parameters()
    if weights is None:
        weights = rng.standard_normal((_n_features(resolved), 2))
        weights[::3, 1] = 0.0
    weights = np.asarray(weights, dtype=np.float64)
    resolved = resolved.named(DefaultNames(len(weights)))
    return report("penalty", resolved, CHECKS, Trial(resolved, weights, rng), on_fail)


def _n_features(penalty: Penalty) -> int:
    """Return a number of features that the penalty accepts, six if possible.

    Raises
    ------
    ValueError
        If there is none up to a thousand.
    """
    for n in (6, *range(1, 1001)):
        try:
            penalty.named(DefaultNames(n)).check_features(n)
        except ValueError as error:
            refusal = error
        else:
            return n
    raise ValueError(f"{refusal} Pass weights of a shape that fits.") from None
