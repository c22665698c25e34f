"""Common parts of all plots: the import of matplotlib, the Axes, and a colour-blind safe palette."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

__all__ = ["COLORS", "add_legend", "axes_for", "legend_label", "named_estimators", "neutral", "pyplot", "styles"]

# The palette of M. Okabe and K. Ito, Color Universal Design, 2008, without the colours that are too pale or too dark for
# either a white or a black background.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999")
# A longer name is cut, and a longer legend stands beside the Axes.
LONGEST, MOST_INSIDE = 40, 8
# After all colours, the next line style.
DASHES = ("-", "--", ":", "-.")


def pyplot() -> Any:
    """Return matplotlib.pyplot.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the message tells how to install it.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            "sklearn_gd.plotting needs matplotlib, which is not installed: python -m pip install matplotlib."
        ) from error
    return plt


def styles(number: int) -> list[dict[str, str]]:
    """Return colours and line styles for a number of curves; the line style changes when the colours are exhausted."""
    colors, dashes = cycle(COLORS), np.repeat(DASHES, len(COLORS))
    return [{"color": next(colors), "linestyle": str(dashes[k % len(dashes)])} for k in range(number)]


def neutral() -> str:
    """Return the text colour, which fits the background, for lines that belong to no curve."""
    return str(pyplot().rcParams["text.color"])


def axes_for(ax: Any, number: int, width: float, height: float) -> tuple[Any, Any]:
    """Return the figure and a number of Axes in a row: those given, or new ones.

    Raises
    ------
    ValueError
        If a different number of Axes was given.
    """
    if ax is None:
        figure, made = pyplot().subplots(1, number, figsize=(width, height), layout="constrained", squeeze=False)
        return figure, made[0]
    given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if not all(hasattr(one, "plot") and hasattr(one, "figure") for one in given):
        raise TypeError(f"ax={ax!r}: expected matplotlib Axes.")
    if len(given) != number:
        raise ValueError(f"ax has {len(given)} axes: expected {number}, as from plt.subplots(1, {number})[1].")
    return given[0].figure, given


def legend_label(name: str) -> str:
    """Return a name as matplotlib shows it: not as mathematics, not hidden by a leading underscore, and not too long."""
    text = name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
    return f"{' ' * text.startswith('_')}{text}".replace("$", r"\$")


def add_legend(ax: Any, number: int, **settings: Any) -> None:
    """Add a legend: beside the Axes, if it has so many entries that it would hide the curves."""
    if number > MOST_INSIDE:
        settings |= {"loc": "center left", "bbox_to_anchor": (1.01, 0.5), "ncols": 1 + number // 20}
    ax.legend(fontsize="small", framealpha=0.6, **settings)


def named_estimators(estimators: Any) -> dict[str, Any]:
    """Return a dict of estimators by name, from a mapping, a list, or a single estimator, which has no name."""
    if isinstance(estimators, Mapping | Sequence) and not len(estimators):
        raise ValueError("estimator is empty: expected at least one.")
    if isinstance(estimators, Mapping):
        return {str(name): estimator for name, estimator in estimators.items()}
    if isinstance(estimators, Sequence) and not hasattr(estimators, "fit"):
        return {f"{k}: {type(estimator).__name__}": estimator for k, estimator in enumerate(estimators)}
    return {"": estimators}
