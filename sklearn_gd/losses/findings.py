"""Properties of a custom loss, found from its values around the data: rounding, kinks, linearity between kinks.

A custom loss is examined once, on a few rows, before a fit; `Loss.observe` stores the findings.

References
----------
R. Stepleman and N. Winarsky, Adaptive Numerical Differentiation, 1979 (the step at which two quotients agree best); J. More and
S. Wild, Estimating Computational Noise, 2011 (noise from high differences).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np

from ..arrays import EPS, Array
from . import numeric
from .kinks import Elements, OfRows, kinks_of
from .numeric import Function, Spacing
from .piecewise import Piecewise

__all__ = ["Findings", "OfRows", "find", "rounding_of", "unit_of"]

# Elements in which kinks are searched for: each takes a few hundred values.
FEW = 8

# Elements that have to agree with what was found in those few.
MANY = 4096

# The share of the elements in which a kink must be found: it may be absent in others, such as rows with zero loss.
MOST = 0.6


@dataclass(frozen=True)
class Findings:
    """The findings: the spacing of differences, the relative error of slopes, and the kinks.

    `smooth` is also False if there are kinks that lie on no line and so are not known for all y.
    """

    spacing: Spacing
    precision: float
    pieces: Piecewise
    smooth: bool


def find(
    of_rows: OfRows,
    gradient: Function | None,
    y: Array,
    raw: Array,
    *,
    rowwise: bool,
    name: str,
    unit: float | Array | None = None,
) -> Findings:
    """Return the findings from the values of a loss around y and raw; `gradient` and the kinks are used if given.

    The unit of raw is `unit_of` y and raw, or `units_of` the loss if it is rowwise, if it is not given.

    Raises
    ------
    ValueError
        If two calls give different values, or if the loss jumps or has no slope at all.
    """
    rng = np.random.RandomState(0)
    value, _ = of_rows(slice(None))
    if unit is None:
        unit = units_of(value, y, raw) if rowwise else unit_of(y, raw)
    near = raw + 0.5 * unit * rng.uniform(-1.0, 1.0, raw.shape)
    first, again = value(y, near), value(y, near)
    if not np.array_equal(first, again, equal_nan=True):
        raise ValueError(
            f"The loss {name} gave two values for the same arguments: expected a function of y_true and raw alone."
        )
    if not np.any(np.isfinite(first)):
        raise ValueError(f"The loss {name} gave {first.flat[0]} at iteration 0: expected a finite number.")
    level, noise = rounding_of(value, y, near, unit)
    pieces, smooth = (Piecewise(), True) if rowwise else _pieces(of_rows, y, raw, float(unit), level, noise, name)
    reach = np.maximum(unit, np.maximum(np.abs(near).max(axis=0 if rowwise else None, initial=0.0), 1e-300))
    if pieces.piecewise_linear:
        return Findings(Spacing(unit=unit, reach=reach), 0.0, pieces, False)
    usual = Spacing(noise ** (1 / 3), noise ** (1 / 4), unit, reach)
    spacing, precision = _spacing(value, gradient, y, near, rowwise, pieces, usual)
    return Findings(spacing, precision, pieces, smooth)


def unit_of(y: Array, raw: Array) -> float:
    """Return the typical distance of raw from the region where an elementwise loss has curvature: the spread of y."""
    gap = np.abs(y - raw)
    return float(max(np.std(y), np.median(gap)) or np.abs(y).max(initial=0.0) or 1.0)


def units_of(value: Function, y: Array, raw: Array) -> Array:
    """Return the distance in each column of raw, (K,), over which the slope of a rowwise loss changes as much as its size.

    Second differences over it are half as large as first ones, for the median row. It is one for a column without curvature.
    """
    here, result = value(y, raw), np.ones(raw.shape[1])
    far = 1e3 * max(1.0, float(np.abs(raw).max(initial=0.0)), float(np.nanmax(np.abs(y), initial=0.0)))
    for k, step in enumerate(np.eye(raw.shape[1])):
        for size in far * 4.0 ** -np.arange(40):
            with np.errstate(all="ignore"):
                up, down = value(y, raw + size * step), value(y, raw - size * step)
                ratio = np.abs(up - 2.0 * here + down) / np.abs(up - down)
            ratio = np.where(np.isfinite(up) & np.isfinite(down), ratio, 1.0)
            known = ratio[~np.isnan(ratio)]
            if not len(known) or np.median(known) < 0.5:
                break
            result[k] = size
    return result


def rounding_of(value: Function, y: Array, raw: Array, unit: float | Array) -> tuple[float, float]:
    """Return the typical value, and the rounding error of the values relative to it."""
    level = float(np.median(np.abs(value(y, raw))))
    for size in 10.0 ** np.arange(-6, -1):
        table = np.stack([value(y, raw + size * i * unit) for i in range(7)])
        steps = np.diff(table, axis=0)[:, table[6] != table[0]]
        if np.count_nonzero(steps) > 0.8 * steps.size:  # otherwise the function rounds its arguments and is a staircase
            break
    rough = float(np.median(np.abs(np.diff(table, n=6, axis=0)))) / np.sqrt(924.0)
    noise = rough / level if level > 0 else 0.0
    return level, float(np.clip(noise, EPS, 1e-2)) if np.isfinite(noise) else EPS


def _spacing(
    value: Function,
    gradient: Function | None,
    y: Array,
    raw: Array,
    rowwise: bool,
    pieces: Piecewise,
    usual: Spacing,
) -> tuple[Spacing, float]:
    """Return the spacing at which two difference quotients agree best, and how well those of slopes agree."""
    units = np.broadcast_to(usual.unit, raw.shape)

    def slope(size: float) -> Array:
        spacing = replace(usual, slope=size)
        if gradient is not None:
            return units * numeric.curvature_from_gradient(gradient, y, raw, units, rowwise, spacing)
        return units * (numeric.gradient(value, y, raw, True, spacing) if rowwise else pieces.gradient(value, y, raw, spacing))

    def curvature(size: float) -> Array:
        spacing = replace(usual, curvature=size)
        return units * numeric.curvature_from_value(value, y, raw, units, rowwise, spacing)

    of_slope, error = _best(slope, usual.slope)
    if gradient is not None:
        return replace(usual, slope=of_slope), 0.0
    return replace(usual, slope=of_slope, curvature=_best(curvature, usual.curvature)[0]), error


def _best(quotient: Callable[[float], Array], usual: float) -> tuple[float, float]:
    """Return the size at which a quotient differs least from that at a quarter of the size, and the difference."""
    sizes = usual * 4.0 ** np.arange(1, -7, -1)
    quotients = [quotient(float(size)) for size in sizes]
    best, least, error = usual, np.inf, 0.0
    for size, (one, other) in zip(sizes, pairwise(quotients), strict=False):
        typical = np.abs(one).mean()
        relative = float(np.abs(one - other).mean() / typical) if typical > 0 else np.inf
        odd = relative + 1e-14 * abs(np.log(size / usual))
        if odd < least:
            best, least, error = float(size), odd, relative
    return best, error


def _pieces(
    of_rows: OfRows,
    y: Array,
    raw: Array,
    unit: float,
    level: float,
    noise: float,
    name: str,
) -> tuple[Piecewise, bool]:
    """Return the kinks, with the facts about the pieces between them, and whether there are none."""
    value, kinks = of_rows(slice(None))
    elements = Elements(of_rows, y, raw, _spread(y), unit, level, noise, name)
    if elements.flat():
        raise ValueError(f"The loss {name} has no slope around the data: it cannot be fitted by gradients.")
    if kinks is not None:
        found, smooth = Piecewise(located=kinks, unit=unit), False
    else:
        places = kinks_of(elements)
        lines = _through(elements.y, places, 1e-7 * unit)
        middle = float(np.median(elements.y))
        lines.sort(key=lambda line: line[0] + line[1] * middle)
        found = Piecewise(tuple(a for a, _ in lines), tuple(b for _, b in lines), unit=unit)
        smooth = sum(len(place) > 0 for place in places) < 2
    convex = elements.convex()
    if found.absent:
        return Piecewise(convex=convex, unit=unit), smooth
    between = convex or elements.convex(elements.kinks(found))
    found = _straight(of_rows, replace(found, convex=convex, convex_between=between), y, raw, noise)
    if not found.convex and kinks is None:
        jumps = _jumps_of_lines(found, value, y, Spacing(noise ** (1 / 3) * unit, noise ** (1 / 4) * unit, np.inf))
        least, most = (np.quantile(jumps, share, axis=(1, 2)) for share in (0.05, 0.95))
        mixed = np.any((least < -0.1 * np.abs(jumps).max()) & (most > 0.1 * np.abs(jumps).max()))
        rising = tuple(bool(rise) for rise in np.median(jumps, axis=(1, 2)) > 0)
        found = replace(found, rising=rising, convex_between=found.convex_between and not mixed)
    return found, False


def _jumps_of_lines(found: Piecewise, value: Function, y: Array, spacing: Spacing) -> Array:
    """Return the change of the slope at the kink on each line: (J, n, K), in the order of the lines, which may cross."""
    lines = np.stack([a + b * y for a, b in zip(found.offsets, found.ratios, strict=True)])
    jumps = np.broadcast_to(found.jumps(value, y, spacing)[1], lines.shape)
    return np.take_along_axis(jumps, lines.argsort(axis=0).argsort(axis=0), axis=0)


def _spread(y: Array) -> Array:
    """Return the flat indices of a few elements of y whose values are spread over its range."""
    values, places = np.unique(y, return_index=True)
    chosen = np.unique(np.linspace(0, len(values) - 1, FEW).round().astype(np.intp))
    return places[chosen]


def _through(y: Array, places: list[Array], slack: float) -> list[tuple[float, float]]:
    """Return the smallest set of lines offset + ratio * y through the kinks of most elements."""
    if len(set(y.tolist())) == 1:
        return [(float(place), 0.0) for place in places[0]]
    guesses = {(0.0, 1.0)}
    order = np.argsort([abs(len(p) - np.median([len(q) for q in places])) for p in places], kind="stable")
    for i, j in list(pairwise([*order, order[0]]))[:6]:
        if y[i] != y[j]:
            for one, other in product(places[i], places[j]):
                ratio = (other - one) / (y[j] - y[i])
                guesses |= {(float(one - ratio * y[i]), float(ratio)), (float(one - y[i]), 1.0), (float(one), 0.0)}
    left, found = [np.asarray(p) for p in places], []
    while guesses:
        # Among lines through equally many unexplained kinks, prefer y, a shift of y, or a constant.
        count, *_, offset, ratio = max((_on(y, left, *g, slack), g == (0.0, 1.0), g[1] in (0.0, 1.0), *g) for g in guesses)
        if count < max(2, MOST * len(y)):
            break
        found.append(_fitted(y, left, offset, ratio, slack))
        left = [p[np.abs(p - offset - ratio * t) > 10 * slack] for t, p in zip(y, left, strict=True)]
        guesses.discard((offset, ratio))
    return found


def _on(y: Array, places: list[Array], offset: float, ratio: float, slack: float) -> int:
    """Return the number of elements with a kink on a line."""
    return sum(bool(np.any(np.abs(p - offset - ratio * t) <= 10 * slack)) for t, p in zip(y, places, strict=True))


def _fitted(y: Array, places: list[Array], offset: float, ratio: float, slack: float) -> tuple[float, float]:
    """Return the line refined by all kinks on it."""
    near = [(t, p[np.abs(p - offset - ratio * t).argmin()]) for t, p in zip(y, places, strict=True) if len(p)]
    on = np.array([(t, k) for t, k in near if abs(k - offset - ratio * t) <= 10 * slack])
    middle, gaps = on.mean(axis=0), on - on.mean(axis=0)
    ratio = _tidy(float(gaps[:, 0] @ gaps[:, 1] / (gaps[:, 0] @ gaps[:, 0])), 1.0)
    return _tidy(float(middle[1] - ratio * middle[0]), 1e2 * slack), ratio


def _tidy(number: float, scale: float) -> float:
    """Return a round number if it differs from this one only by rounding."""
    if abs(number) <= 1e-9 * scale:
        return 0.0
    short = float(f"{number:.9g}")
    return short if abs(short - number) <= 1e-11 * max(abs(number), scale) else number


def _straight(of_rows: OfRows, found: Piecewise, y: Array, raw: Array, noise: float) -> Piecewise:
    """Return the pieces with a flag that tells whether they are linear: lines then reproduce the values of many elements."""
    rows = np.arange(len(y))[:: max(1, len(y) * y.shape[1] // MANY)]
    y, raw = y[rows], raw[rows]
    rng = np.random.RandomState(1)
    value, located = of_rows(rows)
    kinks, unit = replace(found, located=located).kinks(y), found.unit
    slopes = found.line_slopes(value, y, kinks)
    if not np.all(np.isfinite(slopes)):
        return found
    level = value(y, kinks[0])
    for size in (0.3, 3.0, 30.0):
        z = np.where(rng.rand(*y.shape) < 0.5, raw, y) + size * unit * rng.uniform(-1.0, 1.0, y.shape)
        ends = np.concatenate([kinks, np.full((1, *y.shape), np.inf)])
        expected = level + slopes[0] * np.minimum(z - kinks[0], 0.0)
        for j, slope in enumerate(slopes[1:]):
            expected = expected + slope * (np.clip(z, ends[j], ends[j + 1]) - ends[j])
        got = value(y, z)
        top = np.abs(slopes).max(axis=0) * (np.abs(y) + np.abs(z) + np.abs(kinks[0]))
        slack = 64 * noise * (np.abs(level) + np.abs(got) + top) + 1e-8 * np.abs(slopes).max() * unit
        if not np.all(np.abs(got - expected) <= slack):
            return found
    typical = np.median(slopes, axis=(1, 2))
    same = np.all(np.abs(slopes - typical[:, None, None]) <= max(1e-7, 64 * noise) * np.abs(typical).max())
    tidy = tuple(_tidy(float(slope), float(np.abs(typical).max())) for slope in typical)
    rises = bool(np.all(np.diff(slopes, axis=0) >= -1e-7 * np.abs(slopes).max()))
    return replace(found, piecewise_linear=True, convex=rises, convex_between=True, slopes=tidy if same else ())
