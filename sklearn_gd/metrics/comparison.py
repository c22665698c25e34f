"""Comparison of losses: an estimator is fitted under each of them and evaluated by all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring, get_scorer
from sklearn.model_selection import check_cv, cross_validate

from ..arrays import Array
from ..estimators.base import GradientEstimator
from ..losses import CustomLoss, Loss
from ..rows.batch import Batch
from ..shown import called
from .evaluation import evaluated, unwrapped
from .frames import framed
from .scorer import loss_scorer

__all__ = ["compare_losses", "name_of", "named_losses", "outlier_share"]

# The share of the rows, those of the highest loss, that `outlier_share` considers.
WORST = 0.05


def named_losses(losses: Any) -> dict[str, Any]:
    """Return a dict of losses by name, from a mapping, a list of names, objects and functions, or one loss.

    Raises
    ------
    ValueError
        If there is no loss, or two have the same name.
    """
    if isinstance(losses, Mapping):
        names, some = [str(name) for name in losses], list(losses.values())
    else:
        alone = isinstance(losses, str | Loss) or callable(losses)
        if not (alone or np.iterable(losses)):
            raise TypeError(f"losses={losses!r}: expected a list or a dict of losses.")
        some = [losses] if alone else list(losses)
        names = [name_of(loss) for loss in some]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"losses has two of the name {twice!r}: expected different names, such as {{'first': ..., 'second': ...}}."
        )
    if not names:
        raise ValueError("losses is empty: expected at least one loss.")
    return dict(zip(names, some, strict=True))


def name_of(loss: Any) -> str:
    """Return the name of a loss: the given name, that of the function, or the class with all of its parameters."""
    if isinstance(loss, str):
        return loss
    if isinstance(loss, CustomLoss) or not isinstance(loss, Loss):
        return called(loss.get_params()["function"] if isinstance(loss, CustomLoss) else loss)
    parameters = ", ".join(f"{name}={value!r}" for name, value in loss.get_params(deep=False).items())
    return f"{type(loss).__name__}({parameters})"


def outlier_share(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None = None,
    *,
    offset: ArrayLike | None = None,
    loss_data: Any = None,
) -> float:
    r"""Return the share of the total gradient magnitude that comes from the 5% of samples with the largest loss.

    .. math:: \frac{\sum_{i \in worst} |\ell'(y_i, raw_i)|}{\sum_i |\ell'(y_i, raw_i)|}

    It measures the influence of outliers on a fit. Under absolute_error all samples have the same influence, and the share is
    about 0.05. Under squared_error it grows with the outliers.

    Parameters
    ----------
    estimator : estimator
        Fitted GDRegressor or GDClassifier, or a pipeline or search that ends in one.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
        Individual weights for each sample: the twentieth is one of the weight.
    offset, loss_data : as for fit, default=None

    Returns
    -------
    float
        Between 0 and 1; NaN if all gradients are zero.

    Raises
    ------
    TypeError
        If `estimator` is not of this kind.

    References
    ----------
    P. Huber and E. Ronchetti, Robust Statistics, 2009, section 1.4 (the influence of a sample).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.metrics import outlier_share
    >>> X = np.arange(40.0).reshape(-1, 1)
    >>> y = X[:, 0] + np.tile([1.0, -1.0], 20)
    >>> y[[7, 30]] = 500.0
    >>> for loss in ("squared_error", "huber"):
    ...     print(loss, round(outlier_share(GDRegressor(loss, alpha=0.0).fit(X, y), X, y), 2))
    squared_error 0.5
    huber 0.07
    """
    found = evaluated(estimator, Batch(X, y, sample_weight, offset, loss_data))
    order = np.argsort(-found.losses, kind="stable")
    weight, pull = found.weight[order], (found.weight * found.pull)[order]
    reached = np.cumsum(weight) / weight.sum()
    worst = np.concatenate([[True], reached[:-1] < WORST - 1e-12])
    return float(pull[worst].sum() / pull.sum()) if 0 < pull.sum() < np.inf else np.nan


def compare_losses(
    estimator: Any,
    X: Any,
    y: Any,
    losses: Any,
    *,
    explained: bool = False,
    scoring: Any = None,
    cv: Any = None,
    params: dict[str, Any] | None = None,
    n_jobs: int | None = None,
) -> Any:
    """Fit an estimator under each of several losses and evaluate every fit by all of them, on held-out rows.

    Values of different losses are not comparable. Compare the rows of the table within one column: that of the loss which
    matters for the task. The fit under that loss is often the best there, but not always: a smoother or more robust loss may
    generalise better.

    Parameters
    ----------
    estimator : estimator
        GDRegressor, GDClassifier, or a pipeline that contains one. It is cloned.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    losses : list, or dict of str to loss
        Names, objects or functions. In the table, a loss is called by its own name or by its key in the dict.
    explained : bool, default=False
        Whether the table has `explained_loss` instead of the mean loss. It is dimensionless, 1 is perfect and 0 no better than
        a constant, so columns can be compared as well.
    scoring : str, callable, list, dict or None, default=None
        Additional scikit-learn scores, as for `sklearn.model_selection.cross_validate`.
    cv : int, splitter or iterable, default=None
        As for `cross_validate`; every loss uses the same splits. With groups, pass
        ``list(GroupKFold().split(X, y, groups))``.
    params : dict, default=None
        Parameters that `cross_validate` passes on, such as sample_weight. Requires metadata routing, by which the scorers
        receive them too.
    n_jobs : int or None, default=None
        Number of folds to run in parallel, as for `cross_validate`.

    Returns
    -------
    DataFrame or Bunch
        One row for each loss that was fitted, named by the index. Columns: the held-out mean loss under each loss, named after
        the loss; the scores; "fit_time" in seconds; "outlier_share" of the training rows (see `outlier_share`). All values are
        means over the folds. Without pandas, a Bunch of arrays, with "fitted" as the index.

    Raises
    ------
    TypeError
        If the estimator contains no GDRegressor or GDClassifier.
    ValueError
        If two losses have the same name, a score has the name of a loss, or weights would not reach the scorers.

    See Also
    --------
    sklearn_gd.plotting.LossComparisonDisplay : Plot of the table.

    References
    ----------
    T. Gneiting, Making and Evaluating Point Forecasts, 2011.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.metrics import compare_losses
    >>> X, y = load_diabetes(return_X_y=True)
    >>> table = compare_losses(GDRegressor(), X, y, ["squared_error", "absolute_error"], scoring="r2", cv=3)
    >>> list(table)
    ['squared_error', 'absolute_error', 'r2', 'fit_time', 'outlier_share']
    """
    if params and set(params) != {"sample_weight"}:
        raise ValueError(f"params has {', '.join(params)}: expected sample_weight alone, by that name.")
    if params and not get_config()["enable_metadata_routing"]:
        raise ValueError(
            f"params has {', '.join(params)}, which would reach fit alone, and not the scorers: expected "
            "sklearn.set_config(enable_metadata_routing=True), and an estimator with set_fit_request."
        )
    named = named_losses(losses)
    key = _loss_parameter(estimator)
    scorers: dict[str, Any] = {name: loss_scorer(loss, explained=explained) for name, loss in named.items()}
    if params and "sample_weight" in params:
        scorers = {name: scorer.set_score_request(sample_weight=True) for name, scorer in scorers.items()}
    scores = _scorers(estimator, scoring)
    clash = next((name for name in [*scores, "fit_time", "outlier_share"] if name in scorers), None)
    if clash is not None:
        raise ValueError(f"scoring and losses both have the name {clash!r}: expected a dict of other names.")
    splits = list(check_cv(cv, y, classifier=is_classifier(estimator)).split(X, y))
    run = partial(cross_validate, X=X, y=y, cv=splits, n_jobs=n_jobs, params=params, return_estimator=True, error_score="raise")
    rows = []
    for loss in named.values():
        found = run(clone(estimator).set_params(**{key: loss}), scoring={**scorers, **scores})
        weights = (params or {}).get("sample_weight")
        shares = [_share(fitted, X, y, weights, train) for fitted, (train, _) in zip(found["estimator"], splits, strict=True)]
        row = {name: float(np.mean(found[f"test_{name}"])) for name in [*named, *scores]}
        row |= {} if explained else {name: -row[name] for name in named}
        row |= {"fit_time": float(np.mean(found["fit_time"])), "outlier_share": float(np.mean(shares))}
        rows.append(row)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return framed(columns, "fitted", np.array(list(named)))


def _loss_parameter(estimator: Any) -> str:
    """Return the name of the parameter that is the loss."""
    if isinstance(estimator, GradientEstimator):
        return "loss"
    held = [name for name, value in estimator.get_params().items() if isinstance(value, GradientEstimator)]
    if not held:
        raise TypeError(f"estimator is {type(estimator).__name__}: expected GDRegressor or GDClassifier, or what holds one.")
    return f"{held[0]}__loss"


def _scorers(estimator: Any, scoring: Any) -> dict[str, Any]:
    if scoring is None:
        return {}
    if isinstance(scoring, Mapping):
        return {name: check_scoring(estimator, scoring=score) for name, score in scoring.items()}
    if isinstance(scoring, str):
        return {scoring: get_scorer(scoring)}
    return {"score": scoring} if callable(scoring) else {name: get_scorer(name) for name in scoring}


def _share(estimator: Any, X: Any, y: Any, weight: Any, train: Array) -> float:
    try:
        unwrapped(estimator)
    except TypeError:  # a wrapper that transforms y
        return float(np.nan)
    return outlier_share(estimator, *(None if some is None else _rows(some, train) for some in (X, y, weight)))


def _rows(table: Any, rows: Array) -> Any:
    if hasattr(table, "iloc"):
        return table.iloc[rows]
    return table[rows] if hasattr(table, "shape") else np.asarray(table)[rows]
