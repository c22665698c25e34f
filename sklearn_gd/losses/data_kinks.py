"""Kinks of a custom loss that depend on the additional data of the rows, such as a tolerance or a cap for each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from .numeric import Function
from .piecewise import Piecewise

__all__ = ["DataKinks", "kinks_over_data"]

# Where a loss may have a kink, from y and a column of the data.
FORMS: dict[str, Callable[[Array, Array], Array]] = {
    "d": lambda y, d: np.broadcast_to(d, y.shape),
    "-d": lambda y, d: np.broadcast_to(-d, y.shape),
    "y + d": lambda y, d: y + d,
    "y - d": lambda y, d: y - d,
    "y d": lambda y, d: y * d,
    "y (1 + d)": lambda y, d: y * (1.0 + d),
    "y (1 - d)": lambda y, d: y * (1.0 - d),
}

# The number of columns of data that are tried, the share of rows that must have a kink, and its height in typical slopes.
COLUMNS, SHARE, HEIGHT = 20, 0.05, 1e-3


@dataclass(frozen=True)
class DataKinks:
    """The function from y and the data of the rows to the kinks.

    Attributes
    ----------
    places : tuple of (form, column)
        The column is a name or a number.
    lines : tuple of (offset, ratio)
        Kinks offset + ratio y.
    """

    places: tuple[tuple[str, Any], ...]
    lines: tuple[tuple[float, float], ...]

    def __call__(self, y: Array, data: Array) -> list[Array]:
        columns = _columns(data)
        return [*(FORMS[form](y, columns[column]) for form, column in self.places), *(a + b * y for a, b in self.lines)]

    def __repr__(self) -> str:
        shown = [form.replace("d", f"data[{column!r}]") for form, column in self.places]
        return f"<kinks at {', '.join([*shown, *(f'{a:g} + {b:g} y' for a, b in self.lines)])}>"


def _columns(data: Array) -> dict[Any, Array]:
    """Return the numerical columns of the data of a bound loss, (n, 1) each, by name or number."""
    if data.dtype.names is None:
        return {j: data[:, [j]].astype(np.float64) for j in range(data.shape[1])} if data.dtype.kind in "fiub" else {}
    return {name: data[name].astype(np.float64) for name in data.dtype.names if data.dtype[name].kind in "fiub"}


def kinks_over_data(value: Function, y: Array, data: Array, known: Piecewise) -> DataKinks | None:
    """Return the kinks of a loss bound to data, with the known ones and that at y; None if no data determine any."""
    lines = set(zip(known.offsets, known.ratios, strict=True))
    with np.errstate(all="ignore"):
        found = [
            (form, column)
            for column, d in list(_columns(data).items())[:COLUMNS]
            for form, place in FORMS.items()
            if _kinked(value, y, place(y, d), known.unit) and not any(np.allclose(place(y, d), a + b * y) for a, b in lines)
        ]
        if found and _kinked(value, y, y, known.unit):
            lines.add((0.0, 1.0))
    return DataKinks(tuple(found), tuple(sorted(lines))) if found else None


def _kinked(value: Function, y: Array, place: Array, unit: float) -> bool:
    """Tell whether the slope jumps at a place in some rows: on both sides of it the slopes differ, however near they are."""
    here, jumps = value(y, place), []
    typical = np.abs(value(y, place + unit) - here).mean() + np.abs(value(y, place - unit) - here).mean()
    for size in (1e-4 * unit, 1e-6 * unit):
        jumps.append(np.abs(value(y, place + size) - 2.0 * here + value(y, place - size)) / size)
    jump = np.minimum(*jumps)
    return bool(np.mean(np.isfinite(jump) & (jump > HEIGHT * typical / unit)) > SHARE)
