"""Plot of losses: value, gradient and curvature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..losses import Loss, get_loss
from ..metrics.comparison import named_losses
from ..targets import Continuous, Labels
from .style import MOST_INSIDE, add_legend, axes_for, legend_label, neutral, styles

__all__ = ["LossCurve", "LossDisplay"]

QUANTITIES = {"value": "loss", "gradient": "d loss / d raw", "curvature": "d² loss / d raw²"}
LABELS = {
    "raw": "raw prediction",
    "log": "raw prediction = log of the mean",
    "link": "raw prediction, on the scale of the link",
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
            scales = {name: _scale(loss) for name, loss in named.items()}
            linked = [name for name, scale in scales.items() if scale != "raw"]
            if linked and (len(set(scales.values())) > 1 or axis == "residual"):
                raise ValueError(
                    f"{linked[0]} has a link, so that raw is not in units of y: expected x='raw', and losses of one kind in a "
                    "picture."
                )
            axis = scales[linked[0]] if linked else axis
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
        taken = [y for y in (0.0, 1.0) if not any(_refusal(loss, y) for loss in named.values())]
        y_true = taken[0] if taken else 0.5
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


def _scale(loss: Loss) -> str:
    """Return what raw is: "raw" in units of y, the "log" of the mean, or on the scale of another "link"."""
    mean = loss.inverse_link(2.0 * _direction(loss)[None])[0, 0]
    return "raw" if np.isclose(mean, 2.0) else "log" if np.isclose(mean, np.exp(2.0)) else "link"


def _direction(loss: Loss) -> Array:
    """Return the direction of a picture in the columns of raw, (K,): the first of a rowwise loss, all of others."""
    n_raw = loss.n_raw(Continuous(np.zeros(1)))
    return np.eye(1, n_raw)[0] if loss.rowwise else np.ones(n_raw)


def _curve(loss: Loss, axis: str, y_true: float, span: tuple[float, float], labels: bool) -> LossCurve:
    """Return a loss along a line."""
    grid = np.linspace(*span, 601)
    if labels and loss.rowwise:
        target = Labels(np.arange(N_CLASSES))
        loss = loss.for_target(target)
        along = np.eye(1, loss.n_raw(target))[0]
        codes, raw = np.zeros(len(grid), dtype=np.intp), along * grid[:, None]
        return _evaluated(loss, codes, raw, along, grid, _jumps(loss, codes, raw, grid))
    along = np.ones(1) if labels else _direction(loss)
    raw = grid if labels or axis in ("log", "link") else y_true + (-grid if axis == "residual" else grid)
    y = np.full(len(raw), y_true) if loss.rowwise else np.full((len(raw), 1), y_true)
    points = raw[:, None] * along
    loss = _observed(loss, y, points, labels)
    if loss.pieces.absent and not loss.has_lines:
        places = _jumps(loss, y, points, raw)
    else:
        places = np.unique(loss.lines(y[:1])[0] if loss.pieces.absent else loss.pieces.kinks(y[:1]))
    places = places[(places > raw.min()) & (places < raw.max())]
    x = y_true - raw if axis == "residual" else raw
    order = np.argsort(x)
    return _evaluated(loss, y, points[order], along, x[order], y_true - places if axis == "residual" else places)


def _jumps(loss: Loss, y: Array, raw: Array, x: Array) -> Array:
    """Return where the slope of a loss with kinks jumps, as far as a grid shows."""
    if loss.smooth:
        return np.empty(0)
    slopes = loss.gradient(y, raw)[:, 0]
    places = x[1:][np.abs(np.diff(slopes)) > 0.2 * np.ptp(slopes)]
    return np.round(places, 12)


def _observed(loss: Loss, y: Array, raw: Array, labels: bool) -> Loss:
    """Return a custom loss with its kinks found from several targets."""
    if loss.rowwise:
        return loss.observe(y, raw)
    around = np.where(np.arange(len(y)) % 2, 1.0, -1.0)[:, None] if labels else y + 0.5 * (raw - raw.mean())[::-1]
    return loss.observe(around, raw)


def _evaluated(loss: Loss, y: Array, raw: Array, along: Array, x: Array, kinks: Array) -> LossCurve:
    """Return the curves, with a gap in those of slope and curvature at each kink, where they jump."""
    apart = np.abs(x[:, None] - kinks).min(axis=1, initial=np.inf) > 1e-9 * np.ptp(x)
    with np.errstate(all="ignore"):
        value, gradient = loss.value(y, raw), loss.gradient(y, raw) @ along
        curvature = loss.curvature_diagonal(y, raw) @ along
    value = value if value.ndim == 1 else value.sum(axis=1)
    kinks = np.sort(kinks)
    at_kinks, places = np.interp(kinks, x, value), np.searchsorted(x[apart], kinks)
    whole: list[tuple[Array, Any]] = [(x, kinks), (value, at_kinks), (gradient, np.nan), (curvature, np.nan)]
    x, value, gradient, curvature = (np.insert(curve[apart], places, at) for curve, at in whole)
    return LossCurve(x, value, gradient, curvature, kinks, at_kinks)
