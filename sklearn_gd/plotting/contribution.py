"""Plot of the contribution of each sample to the cost."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ..arrays import Array
from ..losses import get_loss
from ..metrics.comparison import name_of
from ..metrics.evaluation import evaluated, unwrapped
from ..metrics.frames import framed
from ..parts import same
from ..rows.batch import Batch
from .style import COLORS, axes_for, legend_label, neutral

__all__ = ["LossContributionDisplay"]


# The multiple of the mean above which the largest loss requires a logarithmic axis.
HEAVY = 50.0


class LossContributionDisplay:
    r"""Plot of the losses of all samples in descending order, and of their cumulative share of the cost.

    .. math:: \ell_{(1)} \ge \ell_{(2)} \ge \dots, \qquad \sum_{i \le k} w_i \ell_{(i)} \Big/ \sum_i w_i \ell_{(i)}

    For a loss whose minimum is not zero, shares are of what is above the minimum.

    Use `from_estimator` to create the display.

    Parameters
    ----------
    losses : ndarray of shape (n_samples,)
        The loss of each sample, in the order of what it is above the least.
    least : ndarray of shape (n_samples,)
        The smallest loss that each sample can have, zero for most losses.
    weight : ndarray of shape (n_samples,)
        Sample weights.
    cost : float
        The mean loss.
    worst : Bunch or DataFrame
        The worst samples, as in `worst_`.
    share : float
        The share of samples that count as the worst ones, between 0 and 1.
    name : str
        Name of the loss.

    Attributes
    ----------
    worst_ : DataFrame, or without pandas a Bunch of arrays
        The samples with the highest loss, worst first, with columns "loss", "share" of the cost, "y_true" and "y_pred". The
        index is that of X or the row number ("index" in a Bunch).
    worst_share_ : float
        The share of the cost that is due to the worst samples.
    ax_ : ndarray of matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D

    See Also
    --------
    sklearn_gd.metrics.sample_losses : The loss of each sample.

    References
    ----------
    M. Lorenz, Methods of Measuring the Concentration of Wealth, 1905 (the curve of shares).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.plotting import LossContributionDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> display = LossContributionDisplay.from_estimator(GDRegressor().fit(X, y), X, y)  # doctest: +SKIP
    """

    ax_: Any
    figure_: Any
    lines_: list[Any]
    worst_share_: float

    def __init__(
        self, losses: Array, least: Array, weight: Array, cost: float, worst: Any, share: float, name: str = "loss"
    ) -> None:
        self.losses, self.least, self.weight, self.cost = losses, least, weight, cost
        self.worst_, self.share, self.name = worst, share, name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        loss_data: Any = None,
        loss: Any = None,
        share: float = 0.05,
        n_worst: int = 10,
        ax: Any = None,
    ) -> LossContributionDisplay:
        """Plot the contribution of each sample to the cost of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted GDRegressor or GDClassifier, or a pipeline or search that ends in one.
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        offset, loss_data : as for fit, default=None
        loss : str, Loss, callable or None, default=None
            The loss to evaluate, as for `sklearn_gd.metrics.sample_losses`. If None, that of the fit.
        share : float, default=0.05
            The share of the samples, those with the highest loss, to mark.
        n_worst : int, default=10
            Number of samples listed in `worst_`.
        ax : sequence of two matplotlib Axes, or None, default=None

        Returns
        -------
        LossContributionDisplay

        Raises
        ------
        TypeError
            If the estimator has no loss.
        ValueError
            If `share` is not between 0 and 1.
        """
        if not (np.ndim(share) == 0 and isinstance(share, Real) and 0 < share < 1):
            raise ValueError(f"share={share!r}: expected a number between 0 and 1.")
        if not (isinstance(n_worst, Integral) and n_worst >= 0):
            raise ValueError(f"n_worst={n_worst!r}: expected an integer >= 0.")
        found = evaluated(estimator, Batch(X, y, sample_weight, offset, loss_data), loss)
        used = np.flatnonzero(found.weight > 0)
        losses, weight, least = found.losses[used], found.weight[used], found.least[used]
        order = np.argsort(least - losses, kind="stable")
        excess = weight * (losses - least)
        worst = order[:n_worst]
        rows = used[worst]
        columns = {
            "loss": losses[worst],
            "share": excess[worst] / (excess.sum() or 1.0),
            "y_true": _listed(_of_rows(y, rows)),
            "y_pred": _listed(_of_rows(_predicted(estimator, X, offset), rows)),
        }
        index = np.asarray(X.index)[rows] if hasattr(X, "iloc") else rows
        name = _name(estimator) if loss is None else name_of(loss)
        cost, table = found.mean(found.losses), framed(columns, "index", index)
        return cls(losses[order], least[order], weight[order], cost, table, share, name).plot(ax)

    def plot(self, ax: Any = None) -> LossContributionDisplay:
        """Plot the display.

        Parameters
        ----------
        ax : sequence of two matplotlib Axes, or None, default=None

        Returns
        -------
        LossContributionDisplay
        """
        self.figure_, self.ax_ = axes_for(ax, 2, 9.0, 3.6)
        left, right = self.ax_
        reached = np.concatenate([[0.0], np.cumsum(self.weight) / self.weight.sum()])
        excess = self.weight * (self.losses - self.least)
        carried = np.concatenate([[0.0], np.cumsum(excess) / (excess.sum() or 1.0)])
        self.worst_share_ = float(np.interp(self.share, reached, carried))
        percent = f"{100 * self.share:.3g} %"
        shown = np.concatenate([self.losses[:1], self.losses])
        self.lines_ = left.plot(100 * reached, shown, color=COLORS[0], drawstyle="steps-pre")
        mean = self.cost
        self.lines_.append(left.axhline(mean, color=COLORS[3], linestyle="--", label=f"mean = cost, {mean:.4g}"))
        left.axvspan(0, 100 * self.share, color=COLORS[1], alpha=0.3, label=f"worst {percent}", linewidth=0)
        heavy = self.losses.max(initial=0.0) > HEAVY * mean > 0 and self.losses.min(initial=0.0) >= 0
        scale = {"yscale": "log", "ylim": (1e-3 * mean, None)} if heavy else {}
        left.set(xlabel="samples, worst first  (%)", ylabel=f"{legend_label(self.name)}: loss of a sample", **scale)
        left.legend(fontsize="small", framealpha=0.6)
        self.lines_ += right.plot(100 * reached, 100 * carried, color=COLORS[0], label="samples")
        self.lines_ += right.plot([0, 100], [0, 100], ":", color=neutral(), alpha=0.6, label="if all cost alike")
        mark = {"marker": "o", "markersize": 7, "color": COLORS[1], "linestyle": "none"}
        above = " above the least" if np.any(self.least) else ""
        label = f"worst {percent}: {100 * self.worst_share_:.3g} % of the cost{above}"
        self.lines_ += right.plot([100 * self.share], [100 * self.worst_share_], label=label, **mark)
        right.set(xlabel="samples, worst first  (%)", ylabel=f"share of the cost{above}  (%)")
        right.legend(fontsize="small", loc="lower right", framealpha=0.6)
        return self


def _of_rows(values: Any, rows: Array) -> Array:
    """Return the values of some rows; a single column is flat."""
    some = np.asarray(values[rows].toarray() if sparse.issparse(values) else np.asarray(values)[rows])
    return some[:, 0] if some.shape[1:] == (1,) else some


def _name(estimator: Any) -> str:
    """Return the name under which the loss of a fit was given, or if the parameter has changed since, that of the loss."""
    fitted, _ = unwrapped(estimator)
    given = get_loss(fitted.loss).for_target(fitted._last_fit.target)
    return name_of(fitted.loss if same(given, fitted.loss_) else fitted.loss_)


def _listed(values: Array) -> Any:
    """Return per-sample values as a column; several values become a list."""
    return values if values.ndim == 1 else list(values.tolist())


def _predicted(estimator: Any, X: Any, offset: Any) -> Any:
    """Return predictions; a pipeline would not pass an offset on."""
    if offset is None:
        return estimator.predict(X)
    ours, seen = unwrapped(estimator, X)
    return ours.predict(seen, offset)
