"""What all pictures share: matplotlib, which is an extra, the axes to draw in, and colours that everybody can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

__all__ = ["COLORS", "axes_for", "named_estimators", "neutral", "pyplot", "styles"]

# M. Okabe and K. Ito, Color Universal Design, 2008: their colours, less those that are too pale or too dark for either
# a white or a black background.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999")
# After all colours, the next line style.
DASHES = ("-", "--", ":", "-.")


def pyplot() -> Any:
    """Return matplotlib.pyplot.

    Raises
    ------
    ImportError
        Without matplotlib, saying how to get it.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            "sklearn_gd.plotting needs matplotlib, which is not installed: python -m pip install matplotlib."
        ) from error
    return plt


def styles(number: int) -> list[dict[str, str]]:
    """Return the colour and the line style of so many curves: different in both, where colours do not suffice."""
    colors, dashes = cycle(COLORS), np.repeat(DASHES, len(COLORS))
    return [{"color": next(colors), "linestyle": str(dashes[k % len(dashes)])} for k in range(number)]


def neutral() -> str:
    """Return the colour of text, for lines that belong to no curve: it suits the background."""
    return str(pyplot().rcParams["text.color"])


def axes_for(ax: Any, number: int, width: float, height: float) -> tuple[Any, Any]:
    """Return the figure and so many axes, in a row: those given, or new ones.

    Raises
    ------
    ValueError
        When another number was given.
    """
    if ax is None:
        figure, made = pyplot().subplots(1, number, figsize=(width, height), layout="constrained", squeeze=False)
        return figure, made[0]
    given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(given) != number:
        raise ValueError(f"ax has {len(given)} axes: expected {number}, as from plt.subplots(1, {number})[1].")
    return given[0].figure, given


def named_estimators(estimators: Any) -> dict[str, Any]:
    """Return estimators by their names: those of a mapping, or of a list, or of one, which has none."""
    if isinstance(estimators, Mapping):
        return {str(name): estimator for name, estimator in estimators.items()}
    if isinstance(estimators, Sequence) and not hasattr(estimators, "fit"):
        return {f"{k}: {type(estimator).__name__}": estimator for k, estimator in enumerate(estimators)}
    return {"": estimators}
