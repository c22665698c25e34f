"""The coefficients of a fitted linear model, with their names."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from ..arrays import Array
from ..estimators.base import GradientEstimator
from ..metrics.evaluation import unwrapped

__all__ = ["check_linear", "coef_table", "coefficients", "names_of", "outputs_of", "with_frame"]


def coef_table(estimator: Any) -> Bunch:
    """Return the coefficients of a fitted linear model, with their names.

    Parameters
    ----------
    estimator : estimator
        Fitted GDRegressor or GDClassifier, or a pipeline or search that ends in one.

    Returns
    -------
    Bunch
        names : list of str of length m
            The names of the features, and last "intercept" if there is one. They are `feature_names_in_` of the estimator, or
            else the result of `get_feature_names_out` of the pipeline, or else "x0", "x1" and so on.
        outputs : list of length K
            The names of the columns: "coef" for a single one, else the classes, or "output 0", "output 1" and so on.
        coef : ndarray of shape (m, K)
            The coefficients, in units of raw / feature, and the intercept, in units of raw.
        frame : DataFrame
            The same as a table. Only if pandas is installed.

    Raises
    ------
    TypeError
        If `estimator` is not of this kind.
    NotFittedError
        If it is not fitted.
    ValueError
        If the model is not linear.

    See Also
    --------
    summary : Standard errors of the coefficients.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning, 2009, chapter 3.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.inference import coef_table
    >>> table = coef_table(GDRegressor(alpha=0.0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]))
    >>> table.names, table.coef.round(6).tolist()
    (['x0', 'intercept'], [[2.0], [1.0]])
    """
    ours, _ = unwrapped(estimator)
    check_linear(ours)
    table = Bunch(names=names_of(estimator), outputs=outputs_of(ours), coef=coefficients(ours).T)
    columns = {output: table.coef[:, k] for k, output in enumerate(table.outputs)}
    return with_frame(table, columns, [table.names], ["name"])


def check_linear(ours: GradientEstimator) -> None:
    """Raise NotFittedError or ValueError unless a fitted estimator has coefficients."""
    check_is_fitted(ours)
    if "coef_" not in vars(ours):
        raise ValueError(f"model={ours.model!r}: expected 'linear', as the weights of other models have no single meaning.")


def coefficients(ours: GradientEstimator) -> Array:
    """Return the coefficients, and last the intercept if there is one, (K, m)."""
    coef, intercept = np.atleast_2d(ours.coef_).astype(np.float64), np.reshape(ours.intercept_, (-1, 1))
    if not ours.fit_intercept:
        return coef
    more = len(intercept) - len(coef)  # columns of raw that do not depend on X
    return np.hstack([np.pad(coef, ((0, more), (0, 0))), intercept])


def outputs_of(ours: GradientEstimator) -> list[Any]:
    """Return the names of the columns of raw."""
    n_raw = len(coefficients(ours))
    classes = getattr(ours, "classes_", ())
    if n_raw == 1:
        return ["coef"]
    if (named := ours.loss_.raw_names(n_raw)) is not None:
        return list(named)
    return list(np.asarray(classes).tolist()) if len(classes) == n_raw else [f"output {k}" for k in range(n_raw)]


def names_of(estimator: Any) -> list[str]:
    """Return the names of the features, and last that of the intercept if there is one."""
    ours, _ = unwrapped(estimator)
    names = getattr(ours, "feature_names_in_", None)
    names = _names_through(estimator, None) if names is None else names
    if names is None or len(names) != ours.n_features_in_:
        names = [f"x{j}" for j in range(ours.n_features_in_)]
    return [str(name) for name in names] + ["intercept"] * bool(ours.fit_intercept)


def _names_through(estimator: Any, names: Any) -> Any:
    """Return the names of the features that a pipeline passes to its last step; None if one of its steps has none."""
    if hasattr(estimator, "best_estimator_"):
        return _names_through(estimator.best_estimator_, names)
    if not isinstance(estimator, Pipeline):
        return names
    try:
        before = estimator[:-1].get_feature_names_out(names) if len(estimator) > 1 else names
    except (AttributeError, ValueError):
        return None
    return _names_through(estimator[-1], before)


def with_frame(table: Bunch, columns: dict[Any, Array], levels: list[list[Any]], titles: list[str]) -> Bunch:
    """Return a table with a DataFrame of the given columns, if pandas is installed.

    The index is the product of the levels.
    """
    try:
        import pandas as pd
    except ImportError:
        return table
    several = len(levels) > 1
    index = pd.MultiIndex.from_product(levels, names=titles) if several else pd.Index(levels[0], name=titles[0])
    table.frame = pd.DataFrame(columns, index=index)
    return table
