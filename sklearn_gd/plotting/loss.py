"""Plot of losses: value, gradient and curvature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..losses import Loss, get_loss
from ..metrics.comparison import named_losses
from ..targets import Labels
from .style import MOST_INSIDE, add_legend, axes_for, legend_label, neutral, styles

__all__ = ["LossCurve", "LossDisplay"]

QUANTITIES = {"value": "loss", "gradient": "d loss / d raw", "curvature": "d² loss / d raw²"}
LABELS = {
    "raw": "raw prediction",
    "log": "raw prediction = log of the mean",
    "residual": "residual  y_true - raw",
    "margin": "margin  y_true · raw",
    "slice": "raw of the true class, the others at 0",
}
# The number of classes in the slice of a loss that couples them.
N_CLASSES = 3


@dataclass(frozen=True, eq=False)
class LossCurve:
    """A loss along a line of raw predictions.

    Attributes
    ----------
    x, value, gradient, curvature : ndarray of shape (n_points,)
        The curves; gradient and curvature are NaN at kinks, where they jump.
    kinks : ndarray
        The positions on x at which the slope jumps.
    kink_values : ndarray
        The loss at the kinks.
    """

    x: Array
    value: Array
    gradient: Array
    curvature: Array
    kinks: Array
    kink_values: Array


class LossDisplay:
    r"""Plot of the value, gradient and curvature of one or several losses, with kinks marked.

    .. math:: \ell(y, raw), \quad \partial \ell / \partial raw, \quad \partial^2 \ell / \partial raw^2

    Use `from_losses` to create the display.

    Parameters
    ----------
    curves : dict of str to LossCurve
        The curves of each loss, by name.
    x : {"raw", "log", "residual", "margin", "slice"}
        Quantity on the horizontal axis.
    y_true : float
        The target.

    Attributes
    ----------
    ax_ : matplotlib Axes, or ndarray of them
        One Axes per quantity.
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The curves, loss by loss within each quantity.

    See Also
    --------
    LossContributionDisplay : The contribution of each sample to the cost.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning, 2009, section 10.6 (losses drawn against
    residual and margin).

    Examples
    --------
    >>> from sklearn_gd.plotting import LossDisplay
    >>> display = LossDisplay.from_losses(["squared_error", "absolute_error", "huber"])  # doctest: +SKIP
    """

    ax_: Any
    figure_: Any
    lines_: list[Any]

    def __init__(self, curves: dict[str, LossCurve], x: str, y_true: float) -> None:
        self.curves, self.x, self.y_true = curves, x, y_true

    @classmethod
    def from_losses(
        cls,
        losses: Any,
        *,
        x: str = "auto",
        y_true: float | None = None,
        span: tuple[float, float] = (-3.0, 3.0),
        quantities: Sequence[str] = ("value", "gradient", "curvature"),
        ax: Any = None,
    ) -> LossDisplay:
        """Plot losses.

        Parameters
        ----------
        losses : str, Loss, callable, or a list or dict of them
            Names, objects or functions ``f(y_true, raw)``. A loss that couples the classes, such as ``MultinomialLogLoss()``,
            is plotted for three classes, along the raw prediction of the true class; "log_loss" is its form for two classes.
        x : {"auto", "raw", "residual", "margin"}, default="auto"
            Quantity on the horizontal axis. "margin" is y_true times raw, for classification; y_true is then 1. "auto" means
            "margin" for classification losses, else "raw".
        y_true : float or None, default=None
            The target. If None, 0, or 1 if 0 is outside the domain of a loss.
        span : (float, float), default=(-3.0, 3.0)
            Plotted range in units of raw, relative to y_true, or to 0 if raw is a logarithm or a margin.
        quantities : sequence of {"value", "gradient", "curvature"}
            The quantities to plot, each in its own Axes.
        ax : matplotlib Axes, sequence of them, or None, default=None
            The Axes to plot in, one per quantity. If None, new ones are created.

        Returns
        -------
        LossDisplay

        Raises
        ------
        ValueError
            If regression and classification losses are mixed, or losses whose raw is in units of y and in its logarithm, or
            an argument has an invalid value.
        """
        if x not in ("auto", "raw", "residual", "margin"):
            raise ValueError(f"x={x!r}: expected 'auto', 'raw', 'residual' or 'margin'.")
        _known(quantities)
        if not (np.shape(span) == (2,) and np.all(np.isfinite(span)) and span[0] < span[1]):
            raise ValueError(f"span={span!r}: expected two numbers, the lower one first.")
        if y_true is not None and not (np.ndim(y_true) == 0 and np.isfinite(y_true)):
            raise ValueError(f"y_true={y_true!r}: expected a finite number.")
        named = {name: get_loss(loss) for name, loss in named_losses(losses).items()}
        tasks = {loss.task for loss in named.values()} - {None}
        if len(tasks) > 1:
            raise ValueError("losses are of regression and of classification: expected one of them in a picture.")
        labels = "classification" in tasks or x == "margin"
        if labels and x in ("raw", "residual") and "classification" in tasks:
            raise ValueError(f"x={x!r}: expected 'margin' for losses of classification.")
        if labels:
            axis, target = "slice" if all(loss.rowwise for loss in named.values()) else "margin", 1.0
        else:
            axis, target = "raw" if x == "auto" else x, _target(named, y_true)
            linked = [name for name, loss in named.items() if _logarithmic(loss)]
            if linked and (len(linked) < len(named) or axis == "residual"):
                raise ValueError(
                    f"raw is the logarithm of the mean under {linked[0]}, and not in units of y: expected x='raw', and losses "
                    "of one kind in a picture."
                )
            axis = "log" if linked else axis
        curves = {name: _curve(loss, axis, target, span, labels) for name, loss in named.items()}
        return cls(curves, axis, target).plot(ax, quantities=quantities)

    def plot(self, ax: Any = None, *, quantities: Sequence[str] = ("value", "gradient", "curvature")) -> LossDisplay:
        """Plot the display.

        Parameters
        ----------
        ax : matplotlib Axes, sequence of them, or None, default=None
            The Axes to plot in, one per quantity.
        quantities : sequence of {"value", "gradient", "curvature"}

        Returns
        -------
        LossDisplay
        """
        _known(quantities)
        self.figure_, axes = axes_for(ax, len(quantities), 3.6 * len(quantities) + 0.6, 3.2)
        self.ax_, self.lines_ = axes if len(axes) > 1 else axes[0], []
        for axis, quantity in zip(axes, quantities, strict=True):
            for (name, curve), style in zip(self.curves.items(), styles(len(self.curves)), strict=True):
                (line,) = axis.plot(curve.x, getattr(curve, quantity), label=legend_label(name), linewidth=1.8, **style)
                self.lines_.append(line)
                if quantity == "value":
                    axis.plot(curve.kinks, curve.kink_values, "o", markersize=5, color=style["color"])
            self._frame(axis, quantity)
        if len(self.curves) > 1 or next(iter(self.curves)):
            add_legend(axes[-1 if len(self.curves) > MOST_INSIDE else 0], len(self.curves))
        return self

    def _frame(self, axis: Any, quantity: str) -> None:
        finite = np.concatenate([np.ravel(getattr(curve, quantity)) for curve in self.curves.values()])
        finite = finite[np.isfinite(finite)]
        if len(finite):
            low, high = np.quantile(finite, [0.03 if quantity == "gradient" else 0.0, 0.97])
            margin = 0.06 * (high - low) or 1.0
            axis.set_ylim(min(low, 0.0) - margin, high + margin)
        axis.axhline(0.0, color=neutral(), linewidth=0.6, alpha=0.5)
        axis.axvline(self.y_true if self.x == "raw" else 0.0, color=neutral(), linewidth=0.6, alpha=0.5)
        known = f"  (y_true = {self.y_true:g})" if self.x in ("raw", "log") else ""
        axis.set(xlabel=LABELS[self.x] + known, ylabel=QUANTITIES[quantity])


def _known(quantities: Sequence[str]) -> None:
    unknown = [quantity for quantity in quantities if quantity not in QUANTITIES]
    if unknown or not quantities or isinstance(quantities, str):
        raise ValueError(f"quantities={quantities!r}: expected some of {list(QUANTITIES)}.")


def _target(named: dict[str, Loss], y_true: float | None) -> float:
    """Return the target, checked, or the first that is in the domain of all losses."""
    if y_true is None:
        y_true = 1.0 if any(_refusal(loss, 0.0) for loss in named.values()) else 0.0
    refusal = next(filter(None, (_refusal(loss, y_true) for loss in named.values())), None)
    if refusal is not None:
        raise refusal
    return float(y_true)


def _refusal(loss: Loss, y_true: float) -> ValueError | None:
    """Return the error that a loss raises for this target, if any."""
    try:
        loss.check_target(np.array([[y_true]]))
        loss.check_mean(np.array([y_true]))
    except ValueError as error:
        return error
    return None


def _logarithmic(loss: Loss) -> bool:
    """Tell whether raw is not in the unit of y."""
    return not np.allclose(loss.inverse_link(np.array([[2.0]])), 2.0)


def _curve(loss: Loss, axis: str, y_true: float, span: tuple[float, float], labels: bool) -> LossCurve:
    """Return a loss along a line."""
    grid = np.linspace(*span, 601)
    if labels and loss.rowwise:
        loss = loss.for_target(Labels(np.arange(N_CLASSES)))
        codes, raw = np.zeros(len(grid), dtype=np.intp), np.eye(1, N_CLASSES) * grid[:, None]
        return _evaluated(loss, codes, raw, grid, _jumps(loss, codes, raw, grid))
    raw = grid if labels or _logarithmic(loss) else y_true + (-grid if axis == "residual" else grid)
    y = np.full((len(raw), 1), y_true)
    loss = _observed(loss, y, raw[:, None], labels)
    if loss.pieces.absent and not loss.has_lines:
        places = _jumps(loss, y, raw[:, None], raw)
    else:
        places = np.unique(loss.lines(y[:1])[0] if loss.pieces.absent else loss.pieces.kinks(y[:1]))
    places = places[(places > raw.min()) & (places < raw.max())]
    x = y_true - raw if axis == "residual" else raw
    order = np.argsort(x)
    return _evaluated(loss, y, raw[order][:, None], x[order], y_true - places if axis == "residual" else places)


def _jumps(loss: Loss, y: Array, raw: Array, x: Array) -> Array:
    """Return where the slope of a loss with kinks jumps, as far as a grid shows."""
    if loss.smooth:
        return np.empty(0)
    slopes = loss.gradient(y, raw)[:, 0]
    places = x[1:][np.abs(np.diff(slopes)) > 0.2 * np.ptp(slopes)]
    return np.round(places, 12)


def _observed(loss: Loss, y: Array, raw: Array, labels: bool) -> Loss:
    """Return a custom loss with its kinks found from several targets."""
    around = np.where(np.arange(len(y)) % 2, 1.0, -1.0)[:, None] if labels else y + 0.5 * (raw - raw.mean())[::-1]
    return loss.observe(around, raw)


def _evaluated(loss: Loss, y: Array, raw: Array, x: Array, kinks: Array) -> LossCurve:
    """Return the curves, with a gap in those of slope and curvature at each kink, where they jump."""
    apart = np.abs(x[:, None] - kinks).min(axis=1, initial=np.inf) > 1e-9 * np.ptp(x)
    with np.errstate(all="ignore"):
        value, gradient = loss.value(y, raw), loss.gradient(y, raw)[:, 0]
        curvature = loss.curvature_diagonal(y, raw)[:, 0]
    value = value if value.ndim == 1 else value[:, 0]
    kinks = np.sort(kinks)
    at_kinks, places = np.interp(kinks, x, value), np.searchsorted(x[apart], kinks)
    whole: list[tuple[Array, Any]] = [(x, kinks), (value, at_kinks), (gradient, np.nan), (curvature, np.nan)]
    x, value, gradient, curvature = (np.insert(curve[apart], places, at) for curve, at in whole)
    return LossCurve(x, value, gradient, curvature, kinks, at_kinks)
