"""Losses as objectives and metrics of LightGBM."""

from __future__ import annotations

from typing import Any

from ...arrays import Array
from .derivatives import Objective
from .encoding import Boosted, LossLike, arguments

__all__ = ["lightgbm_metric", "lightgbm_objective"]


def lightgbm_objective(loss: LossLike) -> _LightGBMObjective:
    """Return a loss as a custom objective of LightGBM, ``LGBMRegressor(objective=...)`` or ``params={"objective": ...}``.

    It gives LightGBM the gradient of the loss and its Hessian, the diagonal of the second derivative in raw. The trees predict
    raw: the start, a constant, and the link are not part of a custom objective, and are applied by the caller as below.

    The Hessian is the curvature of the loss, as in the objectives of LightGBM. Where the curvature is zero or negative, as for
    losses with kinks or for outliers under "huber" and "cauchy", it is slope^2 / excess, where the excess of a row is its loss
    above the smallest possible one, plus 0.3 times the mean over the rows. For the absolute error a step then leads to y. For a
    loss with kinks, gradient and Hessian are also multiplied by one factor such that the mean Hessian is 1, as for the squared
    error, and no Hessian is below 0.03; min_child_weight and reg_lambda then have their usual scale. For softmax the Hessian is
    multiplied by K / (K - 1), as in LightGBM.

    Parameters
    ----------
    loss : str, Loss or callable
        A name in `sklearn_gd.losses.LOSSES`, an object, or a function ``f(y_true, raw)``, whose derivatives are computed by
        finite differences. For labels, pass the function as ``CustomLoss(f, task="classification")``: y_true is then -1 or +1.

    Returns
    -------
    callable
        ``f(y_true, raw, weight=None)``, or ``f(raw, dataset)`` in `lightgbm.train`: the weighted gradient and Hessian, in the
        shape of raw, (n,) or (n, K). It can be pickled, and has two methods:

        - ``start(y, sample_weight=None)``: the best constant raw, a float, or an array of shape (K,).
        - ``inverse_link(raw)``: the mean of y, or the probability of class 1 or of each class, in the shape of raw.

    Raises
    ------
    ValueError
        If `loss` is unknown, has a trivial minimum, as "perceptron", or a column of raw that does not depend on X, or takes
        additional data of each row; in use, if y is outside the domain of the loss, if its gradient overflows, or if its
        smallest value is not known, as for "normal".

    See Also
    --------
    lightgbm_metric : The same loss as a metric.

    Notes
    -----
    A complete example, for counts:

    .. code-block:: python

        import numpy as np
        from lightgbm import LGBMRegressor
        from sklearn.datasets import load_diabetes
        from sklearn_gd.interop import lightgbm_objective

        X, y = load_diabetes(return_X_y=True)
        objective = lightgbm_objective("poisson")
        start = objective.start(y)
        model = LGBMRegressor(objective=objective, n_estimators=50, verbose=-1)
        model.fit(X, y, init_score=np.full(len(y), start))
        mean = objective.inverse_link(start + model.predict(X))

    For K > 2 classes, ``init_score=np.tile(start, (len(y), 1))``. The labels of a classifier with a custom objective are
    ``model.classes_[(raw > 0).astype(int)]`` or ``model.classes_[raw.argmax(axis=1)]`` with ``raw = start +
    model.predict(X, raw_score=True)``.

    A regressor under a loss with K columns of raw, such as "negative_binomial", takes ``num_class=K, metric="none"``.

    References
    ----------
    J. Friedman, Greedy Function Approximation: A Gradient Boosting Machine, 2001; B. Polyak, Minimization of Unsmooth
    Functionals, 1969 (the step to where the tangent meets the smallest value).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.interop import lightgbm_objective
    >>> objective = lightgbm_objective("log_loss")
    >>> gradient, hessian = objective(np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    >>> print(gradient.round(3), hessian.round(3))
    [ 0.5   -0.119] [0.25  0.105]
    >>> print(objective.inverse_link([0.0, 2.0]).round(3))
    [0.5   0.881]
    """
    return _LightGBMObjective(loss)


def lightgbm_metric(loss: LossLike) -> _LightGBMMetric:
    """Return the mean loss as a metric of LightGBM: ``fit(..., eval_metric=...)``, ``lightgbm.train(..., feval=...)``.

    It reads raw predictions, which is what LightGBM passes under a custom objective. Under its own objectives LightGBM passes
    transformed predictions: the two agree where the link is the identity.

    With ``metric="none"`` LightGBM watches this metric alone. Otherwise its estimators add a metric of their own, which they
    compute from raw predictions as if they were means, and early stopping ends when either of the two no longer falls.

    Parameters
    ----------
    loss : str, Loss or callable
        As for `lightgbm_objective`.

    Returns
    -------
    callable
        ``f(y_true, raw, weight=None)``, or ``f(raw, dataset)``: the name of the loss, its weighted mean, and False, since lower
        is better.

    References
    ----------
    T. Gneiting, Making and Evaluating Point Forecasts, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.interop import lightgbm_metric
    >>> lightgbm_metric("absolute_error")(np.array([0.0, 0.0]), np.array([1.0, 4.0]), np.array([2.0, 1.0]))
    ('absolute_error', 2.0, False)
    """
    return _LightGBMMetric(loss)


class _LightGBMObjective(Objective):
    made_by = "lightgbm_objective"

    def __call__(self, y_true: Any, y_pred: Any, weight: Any = None) -> tuple[Array, Array]:
        return self.derivatives(y_true, y_pred, weight)

    def coupling(self, n_raw: int) -> float:
        return n_raw / (n_raw - 1.0)


class _LightGBMMetric(Boosted):
    made_by = "lightgbm_metric"

    def __call__(self, y_true: Any, y_pred: Any, weight: Any = None) -> tuple[str, float, bool]:
        found = self.evaluated(*arguments(y_true, y_pred, weight))
        return self.__name__, found.mean(found.losses), False
