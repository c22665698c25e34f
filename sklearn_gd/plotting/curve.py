"""Plot of training curves: the objective at each iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..arrays import Array
from ..metrics.evaluation import unwrapped
from .style import COLORS, add_legend, axes_for, legend_label, named_estimators, styles

__all__ = ["LossCurveDisplay", "TrainingCurve"]

X_LABELS = {"iteration": "iteration", "seconds": "time  (s)"}
Y_LABELS = {"objective": "objective", "suboptimality": "objective - lowest objective"}


@dataclass(frozen=True, eq=False)
class TrainingCurve:
    """The recorded history of a fit.

    Attributes
    ----------
    iteration, seconds, objective : ndarray of shape (n_iterations,)
    validation_loss : ndarray or None
        The loss of the validation rows.
    best_iteration : int or None
        The best iteration, with early stopping.
    exact : bool, default=True
        Whether the objective is that of the parameters after each iteration, and not a mean over an epoch of mini-batches.
    """

    iteration: Array
    seconds: Array
    objective: Array
    validation_loss: Array | None
    best_iteration: int | None
    exact: bool = True


class LossCurveDisplay:
    r"""Plot of the objective and the validation loss of one or several fits against iterations or time.

    .. math:: F(params_t), \quad F(params_t) - \min F

    Use `from_estimator` to create the display.

    Parameters
    ----------
    curves : dict of str to TrainingCurve
        The curve of each fit, by name.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The objective of each fit, and its validation loss if available.

    See Also
    --------
    LossLandscapeDisplay : The path of a solver on a contour plot of the objective.

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2006, section 2.2 (rates of convergence).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.plotting import LossCurveDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> fits = {solver: GDRegressor("huber", solver=solver).fit(X, y) for solver in ("gd", "lbfgs", "newton")}
    >>> display = LossCurveDisplay.from_estimator(fits, y="suboptimality")  # doctest: +SKIP
    """

    ax_: Any
    figure_: Any
    lines_: list[Any]

    def __init__(self, curves: dict[str, TrainingCurve]) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, x: str = "iteration", y: str = "objective", lowest: float | None = None, ax: Any = None
    ) -> LossCurveDisplay:
        """Plot the training curves of fitted estimators.

        Parameters
        ----------
        estimator : estimator, or a list or dict of them
            Fitted GDRegressor or GDClassifier, or pipelines or searches that end in one. The keys of a dict are used as names.
        x : {"iteration", "seconds"}, default="iteration"
            Quantity on the horizontal axis.
        y : {"objective", "suboptimality"}, default="objective"
            Quantity on the vertical axis. "suboptimality" is the objective minus the lowest one, on a logarithmic axis.
        lowest : float or None, default=None
            The lowest objective, for "suboptimality". If None, the lowest of all curves. The curves are comparable only if the
            fits minimise the same objective.
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        NotFittedError
            If an estimator is not fitted.
        ValueError
            If an argument has an invalid value, or a fit has no history, as after partial_fit alone.
        """
        curves = {name: _curve(one) for name, one in named_estimators(estimator).items()}
        return cls(curves).plot(ax, x=x, y=y, lowest=lowest)

    def plot(
        self, ax: Any = None, *, x: str = "iteration", y: str = "objective", lowest: float | None = None
    ) -> LossCurveDisplay:
        """Plot the display.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
        x : {"iteration", "seconds"}, default="iteration"
        y : {"objective", "suboptimality"}, default="objective"
        lowest : float or None, default=None

        Returns
        -------
        LossCurveDisplay
        """
        for name, value, known in (("x", x, X_LABELS), ("y", y, Y_LABELS)):
            if value not in known:
                raise ValueError(f"{name}={value!r}: expected {' or '.join(map(repr, known))}.")
        self.figure_, (self.ax_,) = axes_for(ax, 1, 5.2, 3.6)
        self.lines_ = []
        if lowest is None:
            # The objective of an epoch of mini-batches is a mean over changing parameters, which may lie below the optimum.
            exact = [curve for curve in self.curves.values() if curve.exact] or list(self.curves.values())
            lowest = min(float(np.nanmin(curve.objective)) for curve in exact)
        if not np.isfinite(lowest):
            raise ValueError(f"lowest={lowest}: expected a finite number.")
        for (name, curve), look in zip(self.curves.items(), styles(len(self.curves)), strict=True):
            if y == "suboptimality":
                self._draw_gap(name, curve, x, lowest, look)
            else:
                self._draw(name, curve, x, look)
        watched = y == "objective" and any(curve.validation_loss is not None for curve in self.curves.values())
        label = "objective; validation loss" if watched else Y_LABELS[y]
        self.ax_.set(xlabel=X_LABELS[x], ylabel=label, yscale="log" if y == "suboptimality" else "linear")
        if x == "iteration":
            self.ax_.xaxis.get_major_locator().set_params(integer=True)
        if y == "objective":
            self.ax_.ticklabel_format(axis="y", useOffset=False)
        if len(self.lines_) > 1:
            add_legend(self.ax_, len(self.lines_))
        return self

    def _draw_gap(self, name: str, curve: TrainingCurve, x: str, lowest: float, look: dict[str, str]) -> None:
        """Draw how far the objective is above the lowest one, or above rounding, as zero has no logarithm."""
        gap = np.maximum(curve.objective - lowest, np.finfo(np.float64).eps * (abs(lowest) or 1.0))
        mark = "o" if len(gap) == 1 else ""
        self.lines_ += self.ax_.plot(getattr(curve, x), gap, marker=mark, label=legend_label(name or "training"), **look)

    def _draw(self, name: str, curve: TrainingCurve, x: str, look: dict[str, str]) -> None:
        """Draw the objective, the validation loss if there is one, and the best iteration."""
        places, values = getattr(curve, x), curve.objective
        before, mark = f"{name}: " if name else "", "o" if len(curve.iteration) == 1 else ""
        label = name if name and curve.validation_loss is None else f"{before}training"
        self.lines_ += self.ax_.plot(places, values, marker=mark, label=legend_label(label), **look)
        if curve.validation_loss is not None:
            values = curve.validation_loss
            watched = {"color": look["color"] if name else COLORS[1], "linestyle": "--"}
            self.lines_ += self.ax_.plot(places, values, label=legend_label(f"{before}validation"), **watched)
        if curve.best_iteration is not None:
            best = int(np.searchsorted(curve.iteration, curve.best_iteration))
            label = legend_label(f"{before}best iteration, {curve.best_iteration}")
            circle = {"marker": "o", "markersize": 8, "markerfacecolor": "none", "linestyle": "none"}
            self.ax_.plot(places[best], values[best], color=self.lines_[-1].get_color(), label=label, **circle)


def _curve(estimator: Any) -> TrainingCurve:
    fitted, _ = unwrapped(estimator)
    check_is_fitted(fitted)
    history = getattr(fitted, "history_", None)
    if history is None:
        raise ValueError("The estimator has no history_: expected one that fit has fitted, not partial_fit.")
    return TrainingCurve(
        history["iteration"],
        history["seconds"],
        history["objective"],
        history.get("validation_loss"),
        getattr(fitted, "best_iteration_", None),
        "optimality" in history,
    )
