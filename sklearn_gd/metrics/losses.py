"""Loss and cost of a fitted estimator: of each sample, their mean, and how much of it a constant would save."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier

from ..arrays import Array
from ..estimators.classifier import GDClassifier
from ..estimators.regressor import GDRegressor
from .evaluation import Evaluation, evaluated

__all__ = ["explained_loss", "mean_loss", "sample_losses"]


def sample_losses(estimator: Any, X: Any, y: Any, *, loss: Any = None) -> Array:
    r"""Return the loss of each sample.

    .. math:: \ell(y_i, raw_i)

    Parameters
    ----------
    estimator : estimator
        Fitted: GDRegressor or GDClassifier, a pipeline or a search that ends in one; with `loss`, any regressor or classifier
        of scikit-learn.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    loss : str, Loss, callable or None, default=None
        The loss to judge by; None is the one that the estimator was fitted under. Another loss reads the predictions through
        its link: a regression loss those of `predict`, a loss of probabilities those of `predict_proba`. Any other
        classification loss takes `decision_function` for raw.

    Returns
    -------
    ndarray of shape (n_samples,)
        In the unit of the loss, summed over outputs; infinite where the loss has no such prediction, as a loss of counts
        has no negative mean.

    Raises
    ------
    TypeError
        When the estimator has no loss, and none is given.
    ValueError
        When y is outside the domain of the loss, or the loss cannot read the predictions.

    See Also
    --------
    mean_loss : Their mean, which a fit minimises.

    References
    ----------
    V. Vapnik, Statistical Learning Theory, 1998, chapter 1 (loss and risk).

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.metrics import sample_losses
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 10.0]
    >>> model = GDRegressor("absolute_error", alpha=0.0).fit(X, y)
    >>> print(sample_losses(model, X, y).round(6))
    [0. 0. 0. 0. 6.]
    """
    return evaluated(estimator, X, y, loss=loss).losses


def mean_loss(estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, loss: Any = None) -> float:
    r"""Return the cost: the weighted mean of the loss of each sample. It has no penalty.

    .. math:: \frac{\sum_i w_i \, \ell(y_i, raw_i)}{\sum_i w_i}

    Parameters
    ----------
    estimator : estimator
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
        Weights, at least 0. The `class_weight` of an estimator is not applied.
    loss : str, Loss, callable or None, default=None
        As for `sample_losses`, which has all that estimator, X and y may be.

    Returns
    -------
    float
        In the unit of the loss: lower is better. For a loss that masks, the mean over what is observed.

    Raises
    ------
    TypeError, ValueError
        As `sample_losses`.

    References
    ----------
    V. Vapnik, Statistical Learning Theory, 1998, chapter 1 (loss and risk).

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.metrics import mean_loss
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 10.0]
    >>> model = GDRegressor("absolute_error", alpha=0.0).fit(X, y)
    >>> round(mean_loss(model, X, y), 6), round(mean_loss(model, X, y, loss="squared_error"), 6)
    (1.2, 3.6)
    """
    found = evaluated(estimator, X, y, sample_weight, loss)
    return found.mean(found.losses)


def explained_loss(estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, loss: Any = None) -> float:
    r"""Return the share of the cost of the best constant prediction that an estimator saves: D^2 for any loss.

    .. math:: 1 - \frac{cost - cost_{saturated}}{cost_{constant} - cost_{saturated}}

    cost_constant is that of the best constant prediction for these rows, and cost_saturated the least that any prediction can
    have, zero for most losses. 1 is perfect, 0 no better than a constant, and below 0 worse. It is R^2 for squared_error,
    `sklearn.metrics.d2_absolute_error_score` for absolute_error, `d2_pinball_score` for quantile, `d2_tweedie_score` for
    poisson, gamma and tweedie, `d2_log_loss_score` for log_loss.

    Parameters
    ----------
    estimator : estimator
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
        Weights, at least 0.
    loss : str, Loss, callable or None, default=None
        As for `sample_losses`, which has all that estimator, X and y may be.

    Returns
    -------
    float
        Without a unit. Where a constant is perfect: 1.0 for a perfect estimator, else 0.0, as for R^2 in scikit-learn.

    Raises
    ------
    TypeError, ValueError
        As `sample_losses`.

    References
    ----------
    T. Hastie, R. Tibshirani and M. Wainwright, Statistical Learning with Sparsity, 2015, section 3.1 (D^2).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.metrics import explained_loss
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GDRegressor(alpha=0.0).fit(X, y)
    >>> round(explained_loss(model, X, y), 6) == round(model.score(X, y), 6)
    True
    """
    found = evaluated(estimator, X, y, sample_weight, loss)
    cost, least = found.mean(found.losses), found.mean(found.least)
    constant = _constant_cost(found, is_classifier(estimator)) - least
    if constant <= 1e-12 * abs(least):
        return float(cost - least <= 1e-12 * abs(cost))
    return 1.0 - (cost - least) / constant


def _constant_cost(found: Evaluation, labels: bool) -> float:
    """Return the cost of the best constant prediction of the same rows."""
    used, y = found.weight > 0, np.asarray(found.given)
    if labels and found.target.exclusive | (y.ndim == 1) and len(np.unique(y[used])) == 1:
        return found.mean(found.least)  # one label is predicted without loss
    kind = GDClassifier if labels else GDRegressor
    nothing, weight = np.zeros((int(used.sum()), 1)), found.weight[used]
    constant = kind(found.loss, penalty=None, alpha=0.0).fit(nothing, y[used], weight)
    return mean_loss(constant, nothing, y[used], weight)
