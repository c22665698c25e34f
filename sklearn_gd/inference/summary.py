"""Standard errors of the coefficients of a fitted linear model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.utils import Bunch

from ..arrays import Array
from ..metrics.evaluation import check_in_memory, evaluated, unwrapped
from ..rows.batch import Batch
from .checks import check_fit, check_request, check_size, cluster_codes
from .covariance import covariance_of, pushed
from .derivatives import Sample
from .likelihoods import likelihood_of
from .table import coefficients, names_of, outputs_of, with_frame

__all__ = ["summary"]


def summary(  # noqa: PLR0913 (the rows have up to six columns)
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None = None,
    *,
    offset: ArrayLike | None = None,
    loss_data: Any = None,
    clusters: ArrayLike | None = None,
    kind: str = "sandwich",
    coverage: float = 0.95,
    base: Any = None,
) -> Bunch:
    r"""Return standard errors, p-values and confidence intervals of the coefficients of a fitted linear model.

    With H the Hessian of the sum of losses and g_i the gradient of the loss of row i in raw, the sandwich covariance is

    .. math:: \frac{n}{n - p} \, H^{-1} \Big( \sum_i w_i^2 \, g_i^2 \, x_i x_i^\top \Big) H^{-1}

    It is valid for any smooth loss, and whether or not the model is right. Pass the same rows, weights, offset and data as to
    `fit`; use ``alpha=0.0`` there, because a penalty biases the coefficients.

    Parameters
    ----------
    estimator : estimator
        Fitted GDRegressor or GDClassifier, or a pipeline or search that ends in one. Transformers are taken as given: the
        errors refer to the transformed columns, and do not account for what a transformer or a search has learned from y.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
        Analytic weights: a row of weight w is one observation of precision w, as for the weights of a mean of w measurements.
        It counts once in n, and rows of weight 0 do not count. A row that stands for w equal observations (a frequency) must be
        repeated w times instead: the coefficients are the same, the standard errors are not. The weights of
        `GDClassifier(class_weight=...)` are applied.

    offset, loss_data : as for fit, default=None
    clusters : array-like of shape (n_samples,), default=None
        Labels of groups of rows that may depend on each other, such as the rows of one person. The gradients are added up
        within each of the G clusters, and the correction is G / (G - 1) (n - 1) / (n - p).
    kind : {"sandwich", "model"}, default="sandwich"
        "sandwich" is robust. "model" is the inverse Hessian, valid only if the distribution that belongs to the loss is right:
        for poisson, log_loss, and any custom loss, which must then be a negative log-likelihood. For squared_error, gamma,
        inverse_gaussian and tweedie it is the inverse of the expected Hessian, times the dispersion estimated by Pearson's
        chi-squared statistic over n - p. Other losses have no such distribution.
    coverage : float, default=0.95
        The coverage probability of the confidence intervals.
    base : label, default=None
        For a loss that is unchanged when a constant is added to all classes, such as softmax: the class with which the others
        are compared. If None, each class is compared with the mean of all of them.

    Returns
    -------
    Bunch
        names : list of str of length m
            The names of the features, and last "intercept" if there is one (see `coef_table`).
        outputs : list of length K
            The names of the columns of raw.
        estimate, standard_error, z, p_value, lower, upper : ndarray of shape (m,), or (K, m) for several columns of raw
            The coefficients in units of raw / feature, their standard errors, the ratio of the two, the two-sided p-value of
            the hypothesis that the coefficient is zero, and the limits of the confidence interval.
        covariance : ndarray of shape (K m, K m)
            The covariance of the coefficients, in the order of ``estimate.ravel()``.
        frame : DataFrame
            The same as a table, without the weights of columns of raw that do not depend on X. Only if pandas is installed.

    Raises
    ------
    TypeError
        If `estimator` is not of this kind.
    NotFittedError
        If it is not fitted.
    ValueError
        If the model has no standard errors: a network, a penalty with kinks or bounds, early stopping, separable classes, a
        loss with kinks other than quantile and absolute_error, fewer rows than parameters, or linearly dependent columns. The
        last are refused, unlike in statsmodels, whose pseudo-inverse gives errors of coefficients that the data do not
        determine.

    Warns
    -----
    ConvergenceWarning
        If the fit has not converged, or the coefficients do not minimise the objective on these rows.
    UserWarning
        If a penalty shrinks the coefficients. Its curvature is then part of the Hessian, and the standard errors are those
        about a biased mean.

    See Also
    --------
    coef_table : The coefficients alone.

    Notes
    -----
    p is the number of parameters that are estimated together: those of one column of raw, or for a loss that couples the
    columns, of all of them. The normal distribution is used, except for squared_error with kind="model": there Student's t
    distribution with n - p degrees of freedom is exact for normal errors.

    Under softmax only differences between classes are identified. The Hessian is inverted in a basis of these, which gives its
    pseudo-inverse; `base` gives the errors of another parametrisation, those of statsmodels' MNLogit if it is the first class.

    For quantile and absolute_error the Hessian is the density of the errors at zero, estimated by a kernel and taken to be the
    same for all rows, times the sum of w x x'. The bandwidth is Hall and Sheather's, and no correction is applied, as in
    statsmodels' QuantReg. HC1 of its OLS is the sandwich, too; HC1 of its other models lacks the factor n / (n - p).

    References
    ----------
    P. Huber, The Behavior of Maximum Likelihood Estimates under Nonstandard Conditions, 1967; H. White, A
    Heteroskedasticity-Consistent Covariance Matrix Estimator, 1980; J. MacKinnon and H. White, Some
    Heteroskedasticity-Consistent Covariance Matrix Estimators with Improved Finite Sample Properties, 1985 (the correction);
    K.-Y. Liang and S. Zeger, Longitudinal Data Analysis Using Generalized Linear Models, 1986 (clusters); R. Koenker, Quantile
    Regression, 2005.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.inference import summary
    >>> from sklearn_gd.losses import Huber
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> X = X[["age", "sex", "bmi", "bp"]]
    >>> result = summary(GDRegressor(Huber(delta=70.0), alpha=0.0).fit(X, y), X, y)
    >>> for name, estimate, error in zip(result.names[:4], result.estimate, result.standard_error):
    ...     print(f"{name}: {estimate:.2f} +- {error:.2f}")
    age: 0.13 +- 0.24
    sex: -13.36 +- 6.31
    bmi: 8.73 +- 0.89
    bp: 1.51 +- 0.26
    """
    check_in_memory(X)
    ours, seen = unwrapped(estimator, X)
    check_fit(ours)
    check_request(ours, kind, coverage, clusters)
    sample = Sample.of(ours, seen, evaluated(ours, Batch(seen, y, sample_weight, offset, loss_data)))
    check_size(sample)
    names, outputs = names_of(estimator), outputs_of(ours)
    contrasts = _contrasts(sample, outputs, base)
    covariance = covariance_of(sample, kind, cluster_codes(clusters, sample), names)
    shift = np.eye(len(names))
    shift[sample.model.n_features :, : sample.model.n_features] = -sample.model.center
    covariance = pushed(covariance, contrasts @ sample.basis, shift)
    freedom = sample.counts - sample.size if kind == "model" and likelihood_of(sample.loss) == "normal" else np.array([np.inf])
    reported = outputs if base is None else [output for output in outputs if output != base]
    table = _table(contrasts @ coefficients(ours), covariance, freedom, coverage, names, reported)
    if "frame" in table and not sample.free.all():
        table.frame = table.frame[sample.free.reshape(len(names), -1).T.ravel()]
    return table


def _contrasts(sample: Sample, outputs: list[Any], base: Any) -> Array:
    """Return the linear map from the columns of raw to what is reported of them."""
    k = len(outputs)
    if base is None:
        return np.eye(k) - 1.0 / k if sample.shift_invariant else np.eye(k)
    if not sample.shift_invariant:
        raise ValueError(f"base={base!r}: expected None, as the loss {sample.loss.name} determines every column of raw.")
    if base not in outputs:
        raise ValueError(f"base={base!r}: expected one of {outputs}.")
    place = outputs.index(base)
    differences = np.eye(k)
    differences[:, place] -= 1.0
    return np.delete(differences, place, axis=0)


def _table(estimate: Array, covariance: Array, freedom: Array, coverage: float, names: list[str], outputs: list[Any]) -> Bunch:
    """Return the result; the degrees of freedom are those of each row of the estimates, or the same for all."""
    error = np.sqrt(np.maximum(np.diagonal(covariance), 0.0)).reshape(estimate.shape)
    freedom = freedom[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = estimate / error
    finite = np.isfinite(freedom)
    tail = np.where(finite, student.sf(np.abs(z), freedom), norm.sf(np.abs(z)))
    reach = np.where(finite, student.ppf(0.5 + 0.5 * coverage, freedom), norm.ppf(0.5 + 0.5 * coverage)) * error
    columns = {
        "estimate": estimate,
        "standard_error": error,
        "z": z,
        "p_value": 2.0 * tail,
        "lower": estimate - reach,
        "upper": estimate + reach,
    }
    several = len(estimate) > 1
    table = Bunch(names=names, outputs=outputs, covariance=covariance, **(columns if several else _first(columns)))
    levels, titles = ([outputs, names], ["output", "name"]) if several else ([names], ["name"])
    return with_frame(table, {name: column.ravel() for name, column in columns.items()}, levels, titles)


def _first(columns: dict[str, Array]) -> dict[str, Array]:
    return {name: column[0] for name, column in columns.items()}
