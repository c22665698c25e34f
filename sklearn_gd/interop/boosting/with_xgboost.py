"""Losses as objectives and metrics of XGBoost."""

from __future__ import annotations

from typing import Any

from ...arrays import Array
from .derivatives import Objective
from .encoding import Boosted, LossLike, arguments, passes_data

__all__ = ["xgboost_metric", "xgboost_objective"]


def xgboost_objective(loss: LossLike) -> _XGBoostObjective:
    """Return a loss as a custom objective of XGBoost: ``XGBRegressor(objective=...)``, ``xgboost.train(..., obj=...)``.

    The gradient and the Hessian are those of `lightgbm_objective`, except that for softmax the Hessian is doubled, as in
    XGBoost.

    Parameters
    ----------
    loss : str, Loss or callable
        As for `lightgbm_objective`.

    Returns
    -------
    callable
        ``f(y_true, raw, sample_weight=None)``, or ``f(raw, dmatrix)`` in `xgboost.train`, with the methods ``start`` and
        ``inverse_link`` of `lightgbm_objective`.

    Raises
    ------
    ValueError
        As for `lightgbm_objective`.

    See Also
    --------
    xgboost_metric : The same loss as a metric.

    Notes
    -----
    A complete example. The margin is the same for any objective and any number of classes; ``predict_proba`` of a classifier
    applies a link of its own:

    .. code-block:: python

        import numpy as np
        from sklearn.datasets import load_wine
        from sklearn_gd.interop import xgboost_objective
        from xgboost import XGBClassifier

        X, y = load_wine(return_X_y=True)
        objective = xgboost_objective("focal")
        margin = np.tile(objective.start(y), (len(y), 1))
        model = XGBClassifier(objective=objective, n_estimators=20)
        model.fit(X, y, base_margin=margin)
        raw = model.predict(X, base_margin=margin, output_margin=True)
        probability = objective.inverse_link(raw)

    ``XGBRegressor(objective=objective, base_score=objective.start(y))`` needs no margin. A regressor under a loss with K
    columns of raw, such as "negative_binomial", takes ``num_class=K``, and a margin.

    References
    ----------
    T. Chen and C. Guestrin, XGBoost: A Scalable Tree Boosting System, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.interop import xgboost_objective
    >>> gradient, hessian = xgboost_objective("poisson")(np.array([1.0, 4.0]), np.array([0.0, 1.0]))
    >>> print(gradient.round(3), hessian.round(3))
    [ 0.    -1.282] [1.    2.718]
    """
    return _XGBoostObjective(loss)


def xgboost_metric(loss: LossLike) -> _XGBoostMetric:
    """Return the mean loss as a metric of XGBoost: ``XGBRegressor(eval_metric=...)``, ``xgboost.train(custom_metric=...)``.

    It reads raw predictions, which is what XGBoost passes under a custom objective; see `lightgbm_metric`.

    Parameters
    ----------
    loss : str, Loss or callable
        As for `lightgbm_objective`.

    Returns
    -------
    callable
        ``f(y_true, raw, sample_weight=None)``: the weighted mean of the loss, lower is better; ``f(raw, dmatrix)``: its name
        and the mean.

    References
    ----------
    T. Gneiting, Making and Evaluating Point Forecasts, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.interop import xgboost_metric
    >>> xgboost_metric("absolute_error")(np.array([0.0, 0.0]), np.array([1.0, 4.0]))
    2.5
    """
    return _XGBoostMetric(loss)


class _XGBoostObjective(Objective):
    made_by = "xgboost_objective"

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        return self.derivatives(y_true, y_pred, sample_weight)

    def coupling(self, n_raw: int) -> float:
        return 2.0


class _XGBoostMetric(Boosted):
    made_by = "xgboost_metric"

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        found = self.evaluated(*arguments(y_true, y_pred, sample_weight))
        mean = found.mean(found.losses)
        return (self.__name__, mean) if passes_data(y_pred) else mean  # xgboost.train expects the name as well
