"""Scorers from losses, for cross-validation and searches."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import ArrayLike
from sklearn.utils.metadata_routing import UNUSED

from ..losses import get_loss
from ..shown import Documented
from .losses import explained_loss, mean_loss

__all__ = ["LossScorer", "loss_scorer"]


class LossScorer(Documented):
    """A scorer for a loss, to be passed as ``scoring=``; created by `loss_scorer`.

    Parameters
    ----------
    loss : str, Loss or callable
        The loss to score by.
    explained : bool, default=False
        Whether to score by `explained_loss` instead of minus the mean loss.

    References
    ----------
    scikit-learn's guide, section on callable scorers: a scorer is called with (estimator, X, y), and greater is better.

    Examples
    --------
    >>> from sklearn_gd.metrics import LossScorer
    >>> LossScorer("huber")
    LossScorer(loss='huber')
    """

    # The metadata that scikit-learn may route to a scorer are those of `score` but for the estimator.
    __metadata_request__score: ClassVar[dict[str, str]] = {"estimator": UNUSED}

    def __init__(self, loss: Any, explained: bool = False) -> None:
        self.loss = loss
        self.explained = explained

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None = None, **columns: Any) -> float:
        """Return minus the mean loss, or the explained loss."""
        return self.score(estimator, X, y, sample_weight, **columns)

    def score(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> float:
        """Return minus the mean loss, or the explained loss; greater is better.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator.
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        offset, loss_data : as for fit, default=None

        Returns
        -------
        float
        """
        columns = {"sample_weight": sample_weight, "offset": offset, "loss_data": loss_data, "loss": self.loss}
        return explained_loss(estimator, X, y, **columns) if self.explained else -mean_loss(estimator, X, y, **columns)


def loss_scorer(loss: Any, *, explained: bool = False) -> LossScorer:
    r"""Return a scorer for a loss, minus the mean loss, for `scoring=` in cross-validation and searches.
    .. math:: -\frac{\sum_i w_i \, \ell(y_i, raw_i)}{\sum_i w_i}

    It scores any scikit-learn regressor or classifier by the same loss, whatever loss it was fitted under. See `sample_losses`
    for how predictions are converted to raw. With metadata routing, use
    ``loss_scorer(...).set_score_request(sample_weight=True)`` to request weights, and likewise `offset` and `loss_data`.

    Parameters
    ----------
    loss : str, Loss or callable
        A name in `sklearn_gd.losses.LOSSES`, an object, or a function ``f(y_true, raw)``.
    explained : bool, default=False
        Whether to score by `explained_loss`, which is dimensionless, instead.

    Returns
    -------
    LossScorer
        A callable ``scorer(estimator, X, y, sample_weight=None)``; greater is better.

    Raises
    ------
    ValueError, TypeError
        If `loss` is not a loss.

    References
    ----------
    T. Gneiting, Making and Evaluating Point Forecasts, 2011: a forecast should be evaluated by the loss that it minimises.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.losses import Quantile
    >>> from sklearn_gd.metrics import loss_scorer
    >>> grid = {"loss": ["squared_error", "quantile", Quantile(0.9)]}
    >>> search = GridSearchCV(GDRegressor(), grid, scoring=loss_scorer(Quantile(0.9)), cv=3)
    >>> search.fit(*load_diabetes(return_X_y=True)).best_params_
    {'loss': Quantile(quantile=0.9)}
    """
    get_loss(loss)
    return LossScorer(loss, explained)
