"""Plot of a comparison of losses, as a heatmap."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..metrics.comparison import compare_losses, named_losses
from .style import axes_for, legend_label, pyplot

__all__ = ["LossComparisonDisplay"]

# The multiple of the best value of a column that gets the darkest colour.
FARTHEST = 1.5


class LossComparisonDisplay:
    r"""Heatmap of the table of `sklearn_gd.metrics.compare_losses`.

    There is one row for each loss that was fitted and one column for each loss that was evaluated. A cell contains the held-out
    mean loss; its colour shows how far the value is above the best of the column. Compare the rows within the column of the
    loss that matters for the task.

    .. math:: \frac{value - best}{|best|}

    With `explained`, a cell contains the explained loss. The highest is best, and the colour shows the difference from it.

    Use `from_estimator` or `from_table` to create the display.

    Parameters
    ----------
    names : list of str
        Names of the losses.
    values : ndarray of shape (n_losses, n_losses)
        The held-out mean losses or explained losses, one row per fit.
    explained : bool, default=False
        Whether `values` are explained losses.

    Attributes
    ----------
    table_ : DataFrame or Bunch
        The full table that `compare_losses` returned, if available.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    im_ : matplotlib AxesImage
    text_ : ndarray of matplotlib Text
        The text of the cells.

    See Also
    --------
    sklearn_gd.metrics.compare_losses : The table, with scores, times, and the influence of outliers.

    References
    ----------
    T. Gneiting, Making and Evaluating Point Forecasts, 2011.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.plotting import LossComparisonDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> losses = ["squared_error", "absolute_error", "huber"]
    >>> display = LossComparisonDisplay.from_estimator(GDRegressor(), X, y, losses)  # doctest: +SKIP
    """

    table_: Any = None
    ax_: Any
    figure_: Any
    im_: Any
    text_: Array

    def __init__(self, names: list[str], values: Array, explained: bool = False) -> None:
        self.names, self.values, self.explained = names, values, explained

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        losses: Any,
        *,
        explained: bool = False,
        cv: Any = None,
        scoring: Any = None,
        ax: Any = None,
    ) -> LossComparisonDisplay:
        """Fit an estimator under each loss and plot the comparison.

        Parameters
        ----------
        estimator : estimator
            GDRegressor, GDClassifier, or a pipeline that contains one.
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        losses : list, or dict of str to loss
        explained, cv, scoring
            As for `compare_losses`. The scores are in `table_`.
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossComparisonDisplay
        """
        table = compare_losses(estimator, X, y, losses, explained=explained, cv=cv, scoring=scoring)
        return cls.from_table(table, losses, explained=explained, ax=ax)

    @classmethod
    def from_table(cls, table: Any, losses: Any, *, explained: bool = False, ax: Any = None) -> LossComparisonDisplay:
        """Plot a table returned by `compare_losses`.

        Parameters
        ----------
        table : DataFrame or Bunch
            The table.
        losses : list, or dict of str to loss
            The losses that were passed to `compare_losses`.
        explained : bool, default=False
            Whether the table contains explained losses.
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossComparisonDisplay
        """
        names = list(named_losses(losses))
        fitted = [str(name) for name in (table.index if hasattr(table, "index") and hasattr(table, "loc") else table["fitted"])]
        missing = [name for name in names if name not in fitted or name not in table]
        if missing:
            raise ValueError(f"losses has {missing[0]!r}, which the table has not: expected some of {fitted}.")
        rows = [fitted.index(name) for name in names]
        display = cls(names, np.column_stack([np.asarray(table[name])[rows] for name in names]), explained)
        display.table_ = table
        return display.plot(ax)

    def plot(self, ax: Any = None) -> LossComparisonDisplay:
        """Plot the display.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossComparisonDisplay
        """
        number = len(self.names)
        self.figure_, (self.ax_,) = axes_for(ax, 1, 2.6 + 0.95 * number, 1.6 + 0.5 * number)
        best = np.nanmax(self.values, axis=0) if self.explained else np.nanmin(self.values, axis=0)
        with np.errstate(all="ignore"):
            excess = np.abs(self.values - best) / (1.0 if self.explained else np.abs(best))
        excess = np.where(np.isnan(self.values), np.nan, np.nan_to_num(excess, nan=0.0, posinf=1e9))
        self.im_ = self.ax_.imshow(100 * excess, cmap="cividis_r", vmin=0.0, vmax=100 * (FARTHEST - 1.0), aspect="auto")
        bar = self.figure_.colorbar(self.im_, ax=self.ax_, extend="max" if np.nanmax(excess) > FARTHEST - 1.0 else "neither")
        bar.set_label(f"from the best of the column  ({'% of the cost of a constant' if self.explained else '%'})")
        self.text_ = np.empty((number, number), dtype=object)
        for row in range(number):
            for column in range(number):
                dark = excess[row, column] > 0.5 * (FARTHEST - 1.0)
                weight = "bold" if self.values[row, column] == best[column] else "normal"
                style = {"ha": "center", "va": "center", "color": "white" if dark else "black", "fontweight": weight}
                self.text_[row, column] = self.ax_.text(column, row, f"{self.values[row, column]:.4g}", **style)
        self.ax_.set(xlabel="judged by", ylabel="fitted under", xticks=range(number), yticks=range(number))
        names = [legend_label(name).strip() for name in self.names]
        self.ax_.set_yticklabels(names)
        pyplot().setp(self.ax_.set_xticklabels(names), rotation=30, ha="right", rotation_mode="anchor")
        return self
