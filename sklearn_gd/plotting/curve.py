"""Plot of training curves: the objective at each iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..arrays import Array
from ..metrics.evaluation import unwrapped
from .style import COLORS, axes_for, named_estimators, styles

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
    """

    iteration: Array
    seconds: Array
    objective: Array
    validation_loss: Array | None
    best_iteration: int | None


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
            lowest = min(float(np.nanmin(curve.objective)) for curve in self.curves.values())
        for (name, curve), style in zip(self.curves.items(), styles(len(self.curves)), strict=True):
            self._draw(name, curve, x, lowest if y == "suboptimality" else None, style["color"])
        watched = y == "objective" and any(curve.validation_loss is not None for curve in self.curves.values())
        label = "objective; validation loss" if watched else Y_LABELS[y]
        self.ax_.set(xlabel=X_LABELS[x], ylabel=label, yscale="log" if y == "suboptimality" else "linear")
        if len(self.lines_) > 1:
            self.ax_.legend(fontsize="small", framealpha=0.6)
        return self

    def _draw(self, name: str, curve: TrainingCurve, x: str, lowest: float | None, color: str) -> None:
        places, mark = getattr(curve, x), "o" if len(curve.iteration) == 1 else ""
        if lowest is not None:
            least = np.finfo(np.float64).eps * (np.nanmax(curve.objective) - lowest)  # zero has no logarithm
            above = np.maximum(curve.objective - lowest, least)
            self.lines_ += self.ax_.plot(places, above, marker=mark, label=name or "training", color=color)
            return
        first = len(self.lines_)
        before = f"{name}: " if name else ""
        self.lines_ += self.ax_.plot(places, curve.objective, marker=mark, label=f"{before}training", color=color)
        values = curve.objective
        if curve.validation_loss is not None:
            values = curve.validation_loss
            self.lines_ += self.ax_.plot(places, values, "--", label=f"{before}validation", color=color if name else COLORS[1])
        elif name:
            self.lines_[first].set_label(name)
        if curve.best_iteration is not None:
            best = int(np.searchsorted(curve.iteration, curve.best_iteration))
            label = f"{before}best iteration, {curve.best_iteration}"
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
    )
