"""The picture of a comparison of losses: a table in colours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..metrics.comparison import compare_losses, named_losses
from .style import axes_for, pyplot

__all__ = ["LossComparisonDisplay"]

# How many times the best of a column is drawn in the darkest colour.
FARTHEST = 1.5


class LossComparisonDisplay:
    r"""The picture of `sklearn_gd.metrics.compare_losses`: which loss to fit under, for the loss that matters.

    A row for each loss that was fitted, a column for each that judges. A cell has the held-out mean loss; its colour says how
    far that is above the best of the column. Read down the column of the loss that the task is about.

    .. math:: \frac{value - best}{|best|}

    With `explained`, a cell has the explained loss, which is best where it is highest, and its colour the difference to that.

    Make one by `from_estimator`, or by `from_table`.

    Parameters
    ----------
    names : list of str
        The losses.
    values : ndarray of shape (n_losses, n_losses)
        The held-out mean losses, or the explained ones: those of a fit in a row.
    explained : bool, default=False
        Whether they are explained losses.

    Attributes
    ----------
    table_ : DataFrame or Bunch
        All of what `compare_losses` returns, if there is more.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    im_ : matplotlib AxesImage
    text_ : ndarray of matplotlib Text
        What stands in the cells.

    See Also
    --------
    sklearn_gd.metrics.compare_losses : The numbers, with scores, times, and the influence of outliers.

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
        """Fit an estimator under each loss, and draw the comparison.

        Parameters
        ----------
        estimator : estimator
            GDRegressor, GDClassifier, or a pipeline that holds one.
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        losses : list, or dict of str to loss
        explained, cv, scoring
            As for `compare_losses`; scores are in `table_`.
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossComparisonDisplay
        """
        table = compare_losses(estimator, X, y, losses, explained=explained, cv=cv, scoring=scoring)
        return cls.from_table(table, losses, explained=explained, ax=ax)

    @classmethod
    def from_table(cls, table: Any, losses: Any, *, explained: bool = False, ax: Any = None) -> LossComparisonDisplay:
        """Draw a table of `compare_losses`.

        Parameters
        ----------
        table : DataFrame or Bunch
            What `compare_losses` has returned.
        losses : list, or dict of str to loss
            The losses that were given to it.
        explained : bool, default=False
            Whether it was asked for explained losses.
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossComparisonDisplay
        """
        names = list(named_losses(losses))
        display = cls(names, np.column_stack([np.asarray(table[name]) for name in names]), explained)
        display.table_ = table
        return display.plot(ax)

    def plot(self, ax: Any = None) -> LossComparisonDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None

        Returns
        -------
        LossComparisonDisplay
        """
        number = len(self.names)
        self.figure_, (self.ax_,) = axes_for(ax, 1, 2.6 + 0.95 * number, 1.6 + 0.5 * number)
        best = self.values.max(axis=0) if self.explained else self.values.min(axis=0)
        with np.errstate(all="ignore"):
            excess = np.abs(self.values - best) / (1.0 if self.explained else np.abs(best))
        excess = np.nan_to_num(excess, nan=0.0, posinf=1e9)
        self.im_ = self.ax_.imshow(100 * excess, cmap="cividis_r", vmin=0.0, vmax=100 * (FARTHEST - 1.0), aspect="auto")
        bar = self.figure_.colorbar(self.im_, ax=self.ax_, extend="max" if excess.max() > FARTHEST - 1.0 else "neither")
        bar.set_label(f"from the best of the column  ({'% of the cost of a constant' if self.explained else '%'})")
        self.text_ = np.empty((number, number), dtype=object)
        for row in range(number):
            for column in range(number):
                dark = excess[row, column] > 0.5 * (FARTHEST - 1.0)
                weight = "bold" if self.values[row, column] == best[column] else "normal"
                style = {"ha": "center", "va": "center", "color": "white" if dark else "black", "fontweight": weight}
                self.text_[row, column] = self.ax_.text(column, row, f"{self.values[row, column]:.4g}", **style)
        self.ax_.set(xlabel="judged by", ylabel="fitted under", xticks=range(number), yticks=range(number))
        self.ax_.set_yticklabels(self.names)
        pyplot().setp(self.ax_.set_xticklabels(self.names), rotation=30, ha="right", rotation_mode="anchor")
        return self
