"""Plot of the contribution of each sample to the cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array
from ..metrics.comparison import name_of
from ..metrics.evaluation import evaluated, unwrapped
from ..metrics.frames import framed
from .style import COLORS, axes_for, neutral

__all__ = ["LossContributionDisplay"]


# The multiple of the mean above which the largest loss requires a logarithmic axis.
HEAVY = 50.0


class LossContributionDisplay:
    r"""Plot of the losses of all samples in descending order, and of their cumulative share of the cost.

    .. math:: \ell_{(1)} \ge \ell_{(2)} \ge \dots, \qquad \sum_{i \le k} w_i \ell_{(i)} \Big/ \sum_i w_i \ell_{(i)}

    Use `from_estimator` to create the display.

    Parameters
    ----------
    losses : ndarray of shape (n_samples,)
        The loss of each sample minus the smallest loss that it can have.
    weight : ndarray of shape (n_samples,)
        Sample weights.
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

    def __init__(self, losses: Array, weight: Array, worst: Any, share: float, name: str = "loss") -> None:
        self.losses, self.weight, self.worst_, self.share, self.name = losses, weight, worst, share, name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
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
        if not 0 < share < 1:
            raise ValueError(f"share={share!r}: expected a number between 0 and 1.")
        found = evaluated(estimator, X, y, sample_weight)
        losses = found.losses - found.least
        order = np.argsort(-losses, kind="stable")
        worst = order[:n_worst]
        cost = found.weight @ losses
        index = np.asarray(X.index)[worst] if hasattr(X, "index") else worst
        columns = {
            "loss": losses[worst],
            "share": found.weight[worst] * losses[worst] / cost if cost > 0 else np.zeros(len(worst)),
            "y_true": _listed(np.asarray(y)[worst]),
            "y_pred": _listed(np.asarray(estimator.predict(X))[worst]),
        }
        used = order[found.weight[order] > 0]
        name = name_of(unwrapped(estimator)[0].loss)
        return cls(losses[used], found.weight[used], framed(columns, "index", index), share, name).plot(ax)

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
        total = self.weight.sum()
        reached = np.concatenate([[0.0], np.cumsum(self.weight) / total])
        cost = self.weight * self.losses
        carried = np.concatenate([[0.0], np.cumsum(cost) / max(cost.sum(), np.finfo(np.float64).tiny)])
        self.worst_share_ = float(np.interp(self.share, reached, carried))
        percent = f"{100 * self.share:.3g} %"
        self.lines_ = left.plot(100 * reached[1:], self.losses, color=COLORS[0], drawstyle="steps-pre")
        mean = cost.sum() / total
        self.lines_.append(left.axhline(mean, color=COLORS[3], linestyle="--", label=f"mean = cost, {mean:.4g}"))
        left.axvspan(0, 100 * self.share, color=COLORS[1], alpha=0.3, label=f"worst {percent}", linewidth=0)
        heavy = self.losses.max(initial=0.0) > HEAVY * mean > 0
        scale = {"yscale": "log", "ylim": (1e-3 * mean, None)} if heavy else {}
        left.set(xlabel="samples, worst first  (%)", ylabel=f"{self.name}: loss of a sample", **scale)
        left.legend(fontsize="small", framealpha=0.6)
        self.lines_ += right.plot(100 * reached, 100 * carried, color=COLORS[0], label="samples")
        self.lines_ += right.plot([0, 100], [0, 100], ":", color=neutral(), alpha=0.6, label="if all cost alike")
        mark = {"marker": "o", "markersize": 7, "color": COLORS[1], "linestyle": "none"}
        label = f"worst {percent}: {100 * self.worst_share_:.3g} % of the cost"
        self.lines_ += right.plot([100 * self.share], [100 * self.worst_share_], label=label, **mark)
        right.set(xlabel="samples, worst first  (%)", ylabel="share of the cost  (%)")
        right.legend(fontsize="small", loc="lower right", framealpha=0.6)
        return self


def _listed(values: Array) -> Any:
    """Return per-sample values as a column; several values become a list."""
    return values if values.ndim == 1 else list(values.tolist())
