"""Losses as objectives and metrics of CatBoost."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays import Array
from .derivatives import Facts, derivatives
from .encoding import Boosted, LossLike

__all__ = ["catboost_metric", "catboost_objective"]


def catboost_objective(loss: LossLike) -> _CatBoostObjective:
    """Return a smooth loss as a custom objective of CatBoost, ``CatBoostRegressor(loss_function=..., eval_metric=...)``.

    CatBoost asks for the derivatives of a few rows at a time, and for several classes of one row, which is slow: use its own
    objectives where it has them. Losses with kinks would need all rows at once, and are refused. A function of the user is not
    examined for kinks. The Hessian is that of `lightgbm_objective`, and for softmax the whole matrix.

    Parameters
    ----------
    loss : str, Loss or callable
        As for `lightgbm_objective`.

    Returns
    -------
    object
        With the methods that CatBoost calls, and ``start`` and ``inverse_link`` of `lightgbm_objective`.

    Raises
    ------
    ValueError
        If the loss has kinks, and as for `lightgbm_objective`.

    See Also
    --------
    catboost_metric : The same loss as a metric, which CatBoost needs beside a custom objective.

    Notes
    -----
    A complete example. For K > 2 classes, add ``classes_count=K`` and tile the start for the baseline:

    .. code-block:: python

        import numpy as np
        from catboost import CatBoostRegressor
        from sklearn.datasets import load_diabetes
        from sklearn_gd.interop import catboost_metric, catboost_objective

        X, y = load_diabetes(return_X_y=True)
        objective, metric = catboost_objective("gamma"), catboost_metric("gamma")
        start = objective.start(y)
        model = CatBoostRegressor(
            loss_function=objective, eval_metric=metric, iterations=20, verbose=0, allow_writing_files=False
        )
        model.fit(X, y, baseline=np.full(len(y), start))
        mean = objective.inverse_link(start + model.predict(X))

    References
    ----------
    L. Prokhorenkova et al., CatBoost: Unbiased Boosting with Categorical Features, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.interop import catboost_objective
    >>> print(catboost_objective("squared_error").calc_ders_range(np.array([1.0]), np.array([3.0]), None))
    [[ 2. -1.]]
    """
    return _CatBoostObjective(loss)


def catboost_metric(loss: LossLike) -> _CatBoostMetric:
    """Return the mean loss as a metric of CatBoost, ``CatBoostRegressor(eval_metric=...)``.

    Parameters
    ----------
    loss : str, Loss or callable
        As for `lightgbm_objective`; losses with kinks too.

    Returns
    -------
    object
        With the methods that CatBoost calls; lower is better.

    References
    ----------
    T. Gneiting, Making and Evaluating Point Forecasts, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.interop import catboost_metric
    >>> catboost_metric("absolute_error").evaluate([np.array([1.0, 4.0])], np.zeros(2), None)
    (5.0, 2.0)
    """
    return _CatBoostMetric(loss)


class _OfCatBoost(Boosted):
    no_jit = True  # CatBoost then does not try to compile the methods, and does not warn


class _CatBoostObjective(_OfCatBoost):
    made_by = "catboost_objective"

    def __init__(self, loss: LossLike) -> None:
        super().__init__(loss)
        if not self.loss.smooth:
            raise ValueError(f"loss={loss!r} has kinks: expected a smooth loss, or the objective of LightGBM or XGBoost.")

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Array:
        """Return the first and second derivative of minus the loss for some rows, (n, 2)."""
        found = self.evaluated(targets, approxes, weights)
        return -np.hstack(derivatives(found, Facts.unexamined(found.loss, found)))

    def calc_ders_multi(self, approxes: Any, target: float, weight: float) -> tuple[Array, Array]:
        """Return the derivatives of minus the loss for one row: (K,) and (K, K)."""
        found = self.evaluated([target], np.asarray(approxes)[None], [weight])
        loss, y, raw = found.loss, found.y, found.raw
        matrix = loss.curvature_matrix(y, raw)[0] if loss.rowwise else np.diag(loss.curvature_diagonal(y, raw)[0])
        values, vectors = np.linalg.eigh(matrix)
        return -weight * loss.gradient(y, raw)[0], -weight * (vectors * np.maximum(values, 0.0)) @ vectors.T


class _CatBoostMetric(_OfCatBoost):
    made_by = "catboost_metric"

    def is_max_optimal(self) -> bool:
        """Return False: lower is better."""
        return False

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """Return the weighted sum of the losses, and the sum of the weights."""
        found = self.evaluated(target, np.stack(approxes, axis=1), weight)
        total = float(found.weight.sum())
        return found.mean(found.losses) * total, total

    def get_final_error(self, error: float, weight: float) -> float:
        """Return the mean from both sums."""
        return error / weight
