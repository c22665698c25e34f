"""The checks that `check_loss` runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ..arrays import EPS, Array, part_of
from ..contracts import Failure, Skip, checks_in, copies, demand, run
from . import numeric
from .base import Loss
from .findings import find, rounding_of, unit_of
from .numeric import Function, Spacing

__all__ = ["CHECKS", "Points"]


@dataclass
class Points:
    """A loss and the points at which it is tested: y and raw as the loss sees them, and its data."""

    unbound: Loss
    y: Array
    raw: Array
    loss_data: Any = None

    @property
    def loss(self) -> Loss:
        """The loss bound to the data."""
        return self.unbound.for_rows(self.loss_data)

    def rows(self, keep: Array) -> Points:
        return Points(self.unbound, self.y[keep], self.raw[keep], part_of(self.loss_data, keep))

    def where(self, bad: Array) -> str:
        """Describe the first bad point: a row of a rowwise loss, an element of others."""
        if bad.shape == self.y.shape == self.raw.shape:
            i = tuple(np.argwhere(bad)[0])
            return f"y={self.y[i]:.6g}, raw={self.raw[i]:.6g}"
        row = int(np.argmax(bad.reshape(len(self.y), -1).any(axis=1)))
        return f"y={np.array2string(self.y[row], precision=4)}, raw={np.array2string(self.raw[row], precision=6)}"


def check_shapes(points: Points) -> str:
    """The value, gradient and curvature have the shapes and the dtype of the contract."""
    loss, y, raw = points.loss, points.y, points.raw
    expected = {
        "value": (loss.value(y, raw), raw.shape[:1] if loss.rowwise else raw.shape),
        "gradient": (loss.gradient(y, raw), raw.shape),
        "curvature_product": (loss.curvature_product(y, raw, np.ones_like(raw)), raw.shape),
    }
    prediction = np.asarray(loss.inverse_link(raw))
    columns = raw.shape if not (loss.single_output or loss.rowwise) else (len(raw), prediction.shape[-1])
    expected["inverse_link"] = prediction, columns
    for name, (result, shape) in expected.items():
        demand(np.shape(result) == shape, f"{name} returned shape {np.shape(result)}: expected {shape}.")
        dtype = np.asarray(result).dtype
        demand(dtype.kind == "f", f"{name} returned dtype {dtype}: expected floats.")
    value, slope = loss.value_and_gradient(y, raw)
    same = np.allclose(value, loss.value(y, raw), rtol=1e-10, equal_nan=True)
    demand(same, "value_and_gradient has another value.")
    same = np.allclose(slope, loss.gradient(y, raw), rtol=1e-10, equal_nan=True)
    demand(same, "value_and_gradient has another gradient.")
    return ""


def check_slope(points: Points) -> str:
    """The loss gives the same values at each call, has a slope, and does not jump."""
    points.unbound.observe(points.y, 0.1 * points.raw, points.loss_data)
    return ""


def check_finite(points: Points) -> str:
    """The value is real and finite at moderate raw predictions, and never nan or -inf at extreme ones."""
    loss = points.loss
    near = points.rows(np.abs(points.raw).max(axis=1) <= 50.0)
    value = np.asarray(near.loss.value(near.y, near.raw))
    bad = ~np.isfinite(value)
    if bad.any():
        raise Failure(f"the value is {value[bad][0]} at {near.where(bad)}: expected a finite number.")
    for size in (0.0, 1e-300, 50.0, 1e3, 1e10, 1e100):
        for sign in (1.0, -1.0):
            shares = np.where(np.arange(points.raw.shape[1]) % 2, 0.3, 1.0)
            extreme = replace(points, raw=shares * np.full_like(points.raw, sign * size))
            value = np.asarray(loss.value(extreme.y, extreme.raw))
            slope = np.asarray(loss.gradient(extreme.y, extreme.raw))
            known = np.isfinite(value)[:, None] if loss.rowwise else np.isfinite(value)
            for name, bad in (("value", np.isnan(value) | (value == -np.inf)), ("gradient", np.isnan(slope) & known)):
                if bad.any():
                    kind = "nan or -inf" if name == "value" else "nan"
                    raise Failure(f"the {name} is {kind} at {extreme.where(bad)}: expected a number, or inf if too large.")
    return ""


def check_warnings(points: Points) -> str:
    """There are no warnings at extreme raw predictions."""
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        for size in (1e3, -1e3):
            points.loss.value_and_gradient(points.y, np.full_like(points.raw, size))
    found = str(caught[0].message) if caught else ""
    demand(not caught, f"raw = +-1000 gave the warning {found!r}: where a value is too large, return inf quietly.")
    return ""


def _compare(points: Points, name: str, got: Array, expected: Array, slack: Array, mistakes: dict[str, Array]) -> None:
    usable = np.isfinite(expected) & np.isfinite(slack)
    bad = usable & ~(np.abs(got - expected) <= slack)
    if not bad.any():
        return
    position = tuple(np.argwhere(bad)[0])
    typical = float(np.median(np.abs(expected[usable])))
    hints = [
        hint
        for hint, other in mistakes.items()
        if np.all(np.abs(other - expected)[usable] <= 1e-3 * (1e-3 * typical + np.abs(expected)[usable]) + 10 * slack[usable])
    ]
    likely = f" (Likely mistake: {hints[0]}.)" if hints else ""
    raise Failure(
        f"the {name} is {got[position]:.8g} at {points.where(bad)}: expected {expected[position]:.8g}, the difference "
        f"quotient.{likely}"
    )


def check_gradient(points: Points) -> str:
    """The gradient is the derivative of the value."""
    loss, y, raw = points.loss, points.y, points.raw
    if not loss.has_gradient:
        return "the gradient is derived numerically"
    expected, finer = _twice(loss.spacing, lambda spacing: numeric.gradient(loss.value, y, raw, loss.rowwise, spacing))
    value = np.abs(np.asarray(loss.value(y, raw)))
    value = value[:, None] if loss.rowwise else value
    typical = _typical(expected)
    slack = 1e-6 * (1e-3 * typical + np.abs(expected)) + 10 * np.abs(expected - finer)
    with np.errstate(all="ignore"):
        level, noise = rounding_of(loss.value, y, raw, loss.spacing.unit if loss.rowwise else unit_of(y, raw))
    rounding = np.maximum(EPS * value, noise * level if np.isfinite(level) else 0.0)
    slack = slack + 1e2 * rounding / loss.spacing.at(raw, loss.spacing.slope)
    got = loss.gradient(y, raw)
    # At a kink the slopes on the two sides differ, and any slope between them is valid; a rowwise loss has more than two sides.
    beside = 4.0 * loss.spacing.at(raw, loss.spacing.slope) * np.cos(np.arange(raw.shape[1]))
    left, right = (numeric.gradient(loss.value, y, raw + move, loss.rowwise, loss.spacing) for move in (-beside, beside))
    low, high, some = np.minimum(left, right), np.maximum(left, right), 1e-3 * (typical + np.abs(finer))
    between = loss.rowwise | ((got >= low - some) & (got <= high + some))
    slack = np.where((high - low > some) & between, np.inf, slack)
    mistakes = {
        "the sign is reversed": -got,
        "a factor of 2 is missing": 2 * got,
        "a factor of 2 is too much": 0.5 * got,
    }
    if not loss.rowwise:
        mistakes["the arguments are in the other order; it is (y_true, raw)"] = loss.gradient(raw, y)
    _compare(points, "gradient", got, expected, slack, mistakes)
    return ""


def _twice(spacing: Spacing, derivative: Callable[[Spacing], Array]) -> tuple[Array, Array]:
    """Return a difference quotient and a finer one."""
    return derivative(spacing), derivative(replace(spacing, slope=0.3 * spacing.slope, curvature=0.3 * spacing.curvature))


def _typical(numbers: Array) -> float:
    """Return the typical size of the finite ones."""
    known = np.abs(numbers[np.isfinite(numbers)])
    return float(np.median(known)) if known.size else 1.0


def check_curvature(points: Points) -> str:
    """The curvature is the derivative of the gradient."""
    loss, y, raw = points.loss, points.y, points.raw
    if loss.derives_curvature:
        raise Skip("the curvature is derived numerically")
    v = np.cos(np.arange(raw.size)).reshape(raw.shape)

    def quotient(spacing: Spacing) -> Array:
        if loss.has_gradient:
            return numeric.curvature_from_gradient(loss.gradient, y, raw, v, loss.rowwise, spacing)
        return numeric.curvature_from_value(loss.value, y, raw, v, loss.rowwise, spacing)

    expected, finer = _twice(loss.spacing, quotient)
    typical, gap = _typical(expected), np.abs(expected - finer)
    slack = (1e-5 if loss.has_gradient else 1e-3) * (1e-3 * typical + np.abs(expected)) + 10 * gap
    slack = np.where(gap > 1e-2 * (typical + np.abs(finer)), np.inf, slack)
    slack = slack + 1e2 * EPS * np.abs(loss.gradient(y, raw)) / loss.spacing.at(raw, loss.spacing.slope)
    got = loss.curvature_product(y, raw, v)
    mistakes = {
        "the sign is reversed": -got,
        "a factor of 2 is missing": 2 * got,
        "a factor of 2 is too much": 0.5 * got,
        "the product with v is missing": got * v,
    }
    _compare(points, "curvature", got, expected, slack, mistakes)
    return ""


def check_prox(points: Points) -> str:
    """The prox is the argmin of its definition: no neighbouring point is lower."""
    loss, y = points.loss, points.y
    if not loss.convex:
        raise Skip("the loss is not convex")
    if not loss.has_prox:
        raise Skip("the prox of a rowwise loss cannot be derived; one without kinks needs none")
    for check, fault in ((check_finite, "the values, which are not finite"), (check_gradient, "the gradient, which is wrong")):
        if loss.derives_prox and run(check, points)[0] == "failed":
            raise Skip(f"it is derived from {fault}")
    points = points.rows(np.abs(points.raw).max(axis=1) <= 50.0)
    loss, y = points.loss, points.y
    rng = np.random.RandomState(0)
    unit = loss.pieces.unit
    typical = _typical(loss.gradient(y, points.raw)) or 1.0
    for share in (0.03, 0.7, 20.0):
        step = share * unit / typical

        def cost(z: Array, step: float = step) -> Array:
            distance = (z - points.raw) ** 2 / (2 * step)
            value = loss.value(y, z)
            return value + distance.sum(axis=1) if loss.rowwise else value + distance

        z = loss.prox(y, points.raw, step)
        demand(np.shape(z) == points.raw.shape, f"prox returned shape {np.shape(z)}: expected {points.raw.shape}.")
        lowest = cost(z)
        for size in (1e-3, 1e-1, 1.0):
            other = cost(z + size * unit * rng.standard_normal(z.shape))
            bad = other < lowest - 1e-7 * (typical * unit + np.abs(lowest)) * size
            if bad.any():
                raise Failure(
                    f"prox with step={step:g} is not the minimum at {points.where(bad)}: {other[bad][0]:.8g} nearby is below "
                    f"{lowest[bad][0]:.8g}. (Likely mistake: the step is left out, or divides where it should multiply.)"
                )
    return ""


def check_lines(points: Points) -> str:
    """The lines of a piecewise-linear loss add up to the value, up to a constant for each row."""
    loss, y, raw = points.loss, points.y, points.raw
    if not loss.piecewise_linear:
        raise Skip("the loss does not say that it is piecewise linear")
    kinks, left, right = np.broadcast_arrays(*loss.lines(y))
    demand(kinks.shape[1:] == raw.shape, f"lines returned shape {kinks.shape}: expected (J, n, K) with (n, K) = {raw.shape}.")
    demand(np.all(left < right), "lines returned a slope on the left that is not below that on the right.")

    def rise(z: Array) -> Array:
        return np.maximum(left * (z - kinks), right * (z - kinks)).sum(axis=0)

    got, expected = rise(raw) - rise(kinks[0]), loss.value(y, raw) - loss.value(y, kinks[0])
    bad = np.abs(got - expected) > 1e-9 * (1.0 + np.abs(expected) + np.abs(raw) + np.abs(kinks).max(axis=0))
    if bad.any():
        raise Failure(
            f"the lines rise by {got[bad][0]:.8g} from the first kink to {points.where(bad)}, the value by "
            f"{expected[bad][0]:.8g}. (Likely mistake: the slopes are those of -raw.)"
        )
    return ""


def check_convexity(points: Points) -> str:
    """The value is convex in raw, if declared so."""
    loss, y, raw = points.loss, points.y, points.raw
    rng = np.random.RandomState(0)
    convex, worst = True, ""
    for size in (0.1, 1.0, 10.0):
        other = raw + size * rng.standard_normal(raw.shape)
        ends = 0.5 * (loss.value(y, raw) + loss.value(y, other))
        excess = loss.value(y, 0.5 * (raw + other)) - ends
        bad = np.isfinite(ends) & (excess > 1e-8 * (1e-3 + np.abs(ends)))
        if bad.any():
            convex, worst = False, points.where(bad)
    demand(convex or not loss.convex, f"the loss declares convex=True, and is not convex near {worst}.")
    return f"convex={loss.convex}; looks {'convex' if convex else 'not convex'}"


def check_smoothness(points: Points) -> str:
    """The value has no kinks, if declared smooth."""
    loss = points.loss
    if loss.rowwise:
        raise Skip("kinks are looked for in elementwise losses only")

    def of_rows(rows: Any) -> tuple[Function, None]:
        return points.unbound.for_rows(part_of(points.loss_data, rows)).value, None

    found = find(of_rows, None, points.y, 0.1 * points.raw, rowwise=False, name=loss.name)
    kinks = not found.smooth
    demand(not (kinks and loss.smooth), "the loss declares smooth=True, and its slope jumps: declare smooth=False.")
    return f"smooth={loss.smooth}; looks {'kinked' if kinks else 'smooth'}"


def check_rows(points: Points) -> str:
    """The rows are independent: the weights and the blocks of a fit rely on it."""
    loss = points.loss
    third = np.arange(len(points.y)) % 3 == 0
    for name, keep in product(("value", "gradient"), (third, ~third)):
        part = points.rows(keep)
        whole = np.asarray(getattr(loss, name)(points.y, points.raw))[keep]
        alone = np.asarray(getattr(part.loss, name)(part.y, part.raw))
        demand(
            np.allclose(whole, alone, rtol=1e-10, atol=1e-12, equal_nan=True),
            f"the {name} of some rows depends on the other rows. (Likely mistake: a mean or a maximum over the samples.)",
        )
    return ""


def check_arguments(points: Points) -> str:
    """The arguments are not modified; read-only arrays are accepted."""
    y, raw = points.y.copy(), points.raw.copy()
    y.flags.writeable = raw.flags.writeable = False
    points.loss.value_and_gradient(y, raw)
    points.loss.curvature_product(y, raw, raw)
    return ""


def check_link(points: Points) -> str:
    """The link is the inverse of the inverse link; probabilities are between 0 and 1."""
    loss = points.loss
    prediction = np.asarray(loss.inverse_link(np.clip(points.raw, -3.0, 3.0)))
    demand(np.all(np.isfinite(prediction)), "inverse_link gives numbers that are not finite for raw between -3 and 3.")
    if loss.probabilistic:
        demand(np.all((prediction >= 0) & (prediction <= 1)), "inverse_link gives probabilities outside 0 and 1.")
    if loss.rowwise and loss.probabilistic:
        ones = np.allclose(prediction.sum(axis=1), 1.0)
        demand(ones, "inverse_link gives rows of probabilities that do not sum to 1.")
    inner = np.all((prediction > 1e-6) & (prediction < 1 - 1e-6), axis=1) if loss.probabilistic else slice(None)
    means = prediction[inner]
    if not len(means):
        return ""
    again = loss.inverse_link(np.stack([np.atleast_1d(loss.link(mean)) for mean in means]))  # a fit asks for that of one mean
    if again.shape != means.shape or not np.allclose(again, means, rtol=1e-6, atol=1e-9):
        return "link is not the inverse of inverse_link: it is only where the intercept starts"
    return ""


def check_copies(points: Points) -> str:
    """clone and pickle reproduce the loss."""
    value = points.loss.value(points.y, points.raw)
    for name, copied in copies(points.unbound):
        again = copied.for_rows(points.loss_data)
        demand(np.array_equal(again.value(points.y, points.raw), value, equal_nan=True), f"{name} gives another loss.")
    return ""


CHECKS: dict[str, Callable[[Points], str]] = checks_in(globals())
