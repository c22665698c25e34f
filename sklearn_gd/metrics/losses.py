"""Loss metrics of a fitted estimator: per sample, on average, and relative to the best constant prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array, part_of
from ..models import Linear
from ..penalties import NoPenalty
from ..rows.batch import Batch
from ..rows.blocks import MemoryRows
from ..solvers.auto import Auto
from ..training.fit import Watching, run
from ..training.problem import Parts, prepare
from .evaluation import Evaluation, evaluated

__all__ = ["explained_loss", "mean_loss", "sample_losses"]


def sample_losses(
    estimator: Any, X: Any, y: Any, *, offset: ArrayLike | None = None, loss_data: Any = None, loss: Any = None
) -> Array:
    r"""Return the loss of each sample.

    .. math:: \ell(y_i, raw_i)

    Parameters
    ----------
    estimator : estimator
        Fitted estimator: GDRegressor or GDClassifier, or a pipeline or search that ends in one. With `loss`, any scikit-learn
        regressor or classifier.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    offset, loss_data : as for fit, default=None
        Only an estimator of this package takes an offset.
    loss : str, Loss, callable or None, default=None
        The loss to evaluate. If None, the loss that the estimator was fitted under. Another loss converts predictions to raw by
        its link: a regression loss uses `predict`, a probabilistic loss `predict_proba`. Any other classification loss uses
        `decision_function` as raw.

    Returns
    -------
    ndarray of shape (n_samples,)
        In the unit of the loss, summed over outputs. Infinite for predictions that the loss does not allow, such as a negative
        mean for a loss of counts.

    Raises
    ------
    TypeError
        If `loss` is None and the estimator has no loss.
    ValueError
        If y is outside the domain of the loss, or the loss cannot be evaluated on the predictions.

    See Also
    --------
    mean_loss : The mean over the samples, which a fit minimises.

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
    return evaluated(estimator, Batch(X, y, None, offset, loss_data), loss).losses


def mean_loss(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None = None,
    *,
    offset: ArrayLike | None = None,
    loss_data: Any = None,
    loss: Any = None,
) -> float:
    r"""Return the cost, the weighted mean of the loss over the samples, without the penalty.

    .. math:: \frac{\sum_i w_i \, \ell(y_i, raw_i)}{\sum_i w_i}

    Parameters
    ----------
    estimator : estimator
        As for `sample_losses`.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
        Individual weights for each sample, at least 0. The `class_weight` of an estimator is not applied.
    offset, loss_data : as for `sample_losses`
    loss : str, Loss, callable or None, default=None
        As for `sample_losses`.

    Returns
    -------
    float
        In the unit of the loss; lower is better. For a masking loss, the mean over the observed entries.

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
    found = evaluated(estimator, Batch(X, y, sample_weight, offset, loss_data), loss)
    return found.mean(found.losses)


def explained_loss(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None = None,
    *,
    offset: ArrayLike | None = None,
    loss_data: Any = None,
    loss: Any = None,
) -> float:
    r"""Return D^2 for any loss: the relative reduction of the cost over the best constant prediction.

    .. math:: 1 - \frac{cost - cost_{saturated}}{cost_{constant} - cost_{saturated}}

    cost_constant is the cost of the best constant prediction for these rows, beside their offset. cost_saturated is the
    smallest cost that any prediction can have, zero for most losses. The best score is 1; 0 is no better than a constant, and
    negative is worse. Costs of several outputs are added up before they are divided. For one output it equals R^2 for
    squared_error, `sklearn.metrics.d2_absolute_error_score` for absolute_error, `d2_pinball_score` for quantile,
    `d2_tweedie_score` for poisson, gamma and tweedie, and `d2_log_loss_score` for log_loss.

    Parameters
    ----------
    estimator : estimator
        As for `sample_losses`.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
        Individual weights for each sample, at least 0.
    offset, loss_data : as for `sample_losses`
    loss : str, Loss, callable or None, default=None
        As for `sample_losses`.

    Returns
    -------
    float
        Dimensionless. If a constant is perfect: 1.0 for a perfect estimator, else 0.0, as for R^2 in scikit-learn.

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
    found = evaluated(estimator, Batch(X, y, sample_weight, offset, loss_data), loss)
    cost, least = found.mean(found.losses), found.mean(found.least)
    constant = _constant_cost(found) - least
    if constant <= 1e-12 * abs(least):
        return float(cost - least <= 1e-12 * abs(cost))
    return 1.0 - (cost - least) / constant


def _constant_cost(found: Evaluation) -> float:
    """Return the cost of the best constant prediction of the same rows."""
    used = found.weight > 0
    y, loss = found.y[used], found.loss
    alike = found.offset is None and found.loss_data is None and np.all(y == y[:1])
    if loss.online or alike:  # one target is predicted as well as it can be
        return found.mean(found.least)
    prepared = found.target.prepare(found.given, loss.rowwise)[used]
    parts = Parts(
        loss=loss,
        penalty=NoPenalty(),
        model=Linear(),
        solver=Auto(),
        alpha=0.0,
        fit_intercept=True,
        max_iter=None,
        tol=1e-7,
        warm_start=False,
        early_stopping=None,
        random_state=0,
        verbose=0,
    )
    encoding = found.target.encoded_for(loss)
    offset, data = part_of(found.offset, used), part_of(found.loss_data, used)
    rows = MemoryRows(np.empty((len(prepared), 0)), prepared, found.weight[used], loss_data=data, offset=offset)
    with np.errstate(all="ignore"):
        problem = prepare(parts, rows.without_features(encoding.distinct), found.target)
        best = run(problem, Watching(), np.float64)
        params = problem.objective.model.from_attributes(best.public)
        assert params is not None
        return problem.objective.value(params)
