"""GDRegressor: the scikit-learn estimator for regression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from ..arrays import Array
from ..losses import Loss
from ..models import Model
from ..penalties import Penalty
from ..rows.batch import Batch
from ..solvers import Solver
from ..targets import Continuous, Fractions
from ..training.callbacks import with_callbacks
from ..training.early_stopping import EarlyStopping
from .base import GradientEstimator, streams
from .checks import fact_of, read_numbers

__all__ = ["GDRegressor"]


def _has_interval(estimator: GDRegressor) -> bool:
    if fact_of(estimator.loss, "has_interval"):
        return True
    raise AttributeError(f"loss={estimator.loss!r} gives no intervals: use Quantiles(...), or a distribution such as Normal().")


class GDRegressor(MultiOutputMixin, RegressorMixin, GradientEstimator):
    r"""Linear or neural-network regression under any loss.

    .. math:: \min_{W, b} \; \frac{\sum_i w_i \, \ell(y_i, x_i W + b)}{\sum_i w_i} + \alpha R(W)

    Parameters
    ----------
    loss : str, Loss or callable, default="squared_error"
        A name in `sklearn_gd.losses.LOSSES`, a loss object such as ``Huber(delta=2.0)``, or a function ``f(y_true, raw)`` that
        returns the loss of each element.
    penalty : str, Penalty, dict or None, default="l2"
        "l2", "l1", "elasticnet", "nonnegative", or an object such as ``ElasticNet(l1_ratio=0.5)`` or
        ``L2() + NonNegative()``. A dict maps feature names, or patterns of them, to penalties:
        ``{"age": "l2", "postcode_*": "l1"}``.
    alpha : float, default=1e-4
        Strength of the penalty, at least 0. Ridge's alpha is this times the sum of the weights.
    fit_intercept : bool, default=True
        Whether to fit an intercept. The intercept is never penalised.
    model : str or Model, default="linear"
        "linear", "mlp", or a model object. ``Linear(init="normal")`` starts from random parameters;
        ``MLP(hidden_layer_sizes=(50, 20))`` is a neural network.
    solver : str or Solver, default="auto"
        "auto", a name in `sklearn_gd.solvers.SOLVERS`, or an object such as ``GradientDescent(learning_rate=0.1)``.
    max_iter : int or None, default=None
        Maximum number of iterations. If None, the default of the solver.
    tol : float, default=1e-7
        Tolerance for the stopping criterion: the fit has converged when `optimality_` is below `tol`. A stochastic solver
        stops when the mean loss has settled: each of five epochs lowered it by less than `tol` times the objective of the best
        constant prediction.
    warm_start : bool, default=False
        If True, start from the solution of the previous fit, unless the best constant prediction has a lower objective.
    early_stopping : bool or EarlyStopping, default=False
        Whether to hold out validation rows and stop when their loss no longer improves. True means ``EarlyStopping()``.
    n_jobs : int or None, default=None
        Number of threads that share the rows, each with one BLAS thread. None means one thread, and one BLAS thread unless X
        is dense with at least 500 columns and 20 million entries; -1 means all processors. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Controls the order of mini-batches, the initial parameters of a network, dropout, and the rows held out. Pass an int for
        reproducible results.
    verbose : int, default=0
        Print every `verbose`-th iteration; 0 is silent.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients, in units of raw / feature.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercept, in units of raw.
    coefs_, intercepts_ : list of ndarray
        For a network, instead of `coef_` and `intercept_`: the weights of each layer, (fan_in, fan_out), and its intercepts.
    loss_, penalty_, solver_, model_ : objects
        The loss, penalty, solver and model that were used.
    n_iter_ : int
        Number of iterations run.
    loss_curve_ : list of float
        Objective after each iteration.
    history_ : dict of ndarray
        One entry per iteration under "iteration", "objective", "step" (step length or learning rate) and "seconds". With
        validation rows also "validation_loss"; except for a stochastic solver also "optimality" and "gradient_norm".
        ``pandas.DataFrame(model.history_)`` makes a table of it.
    validation_loss_curve_ : list of float
        Mean loss of the validation rows after each iteration, without the penalty. Only set if there are validation rows.
    best_iteration_ : int
        The best iteration. Only set with early stopping.
    optimality_ : float
        The certificate, dimensionless: 0 at an optimum, about 1 at the best constant prediction.
    converged_ : bool
        Whether `optimality_` fell below `tol`. For a stochastic solver, whether the mean loss settled below that of the best
        constant prediction; `optimality_` then tells how close the fit is to an optimum.
    stop_reason_ : str
        Why the fit ended: "converged", "the mean loss settled" (stochastic solvers), or what prevented convergence.
    t_ : int
        Number of mini-batch steps taken so far. Only set by `partial_fit`.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of features seen during fit. Defined only when X has feature names that are all strings.

    See Also
    --------
    GDClassifier : Classification under any loss.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning, 2009, chapters 3 and 10.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> X = np.arange(10.0).reshape(-1, 1)
    >>> y = 3.0 * X[:, 0] + 4.0
    >>> y[9] = 1000.0
    >>> model = GDRegressor(loss="absolute_error", alpha=0.0).fit(X, y)
    >>> print(model.coef_.round(3), model.intercept_.round(3))
    [3.] 4.0
    """

    _task, _other = "regression", "GDClassifier"

    def __init__(
        self,
        loss: str | Loss | Callable[..., Any] = "squared_error",
        *,
        penalty: str | Penalty | Mapping[Any, Any] | None = "l2",
        alpha: float = 1e-4,
        fit_intercept: bool = True,
        model: str | Model = "linear",
        solver: str | Solver[Any] = "auto",
        max_iter: int | None = None,
        tol: float = 1e-7,
        warm_start: bool = False,
        early_stopping: bool | EarlyStopping = False,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.model = model
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        loss_data: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
        offset_val: ArrayLike | None = None,
        loss_data_val: Any = None,
        groups: ArrayLike | None = None,
    ) -> GDRegressor:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), Stream or Dask collection
            Training data: CSR, CSC or dense, float64 or float32; it is not copied. A large `np.memmap` is read one block at a
            time. A `sklearn_gd.rows.Stream` carries its own y and sample_weight. A Dask array or dataframe stays in the
            workers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets, in the domain of the loss.
        sample_weight : array-like of shape (n_samples,), default=None
            Individual weights for each sample, at least 0. A weight of k is equivalent to k copies of the row.

        offset : array-like of shape (n_samples,) or (n_samples, K), default=None
            Added to raw and not penalised, such as the logarithm of an exposure under a log link. One column is added to every
            column of raw; for a loss of a mean and a spread, to the first.
        loss_data : array-like of shape (n_samples,) or (n_samples, m), or frame, default=None
            Additional data of each row for a loss that takes them, ``f(y_true, raw, data)``: a cost, a censoring flag, a level.
        X_val, y_val, sample_weight_val, offset_val, loss_data_val : as X, y and so on, default=None
            Validation rows, used for monitoring and early stopping instead of a share of X.
        groups : array-like of shape (n_samples,), default=None
            Group labels for the splitter of ``EarlyStopping(cv=...)``.

        Returns
        -------
        self : GDRegressor
        """
        validated = Batch(X_val, y_val, sample_weight_val, offset_val, loss_data_val)
        return self._fit(Batch(X, y, sample_weight, offset, loss_data), validated, groups)

    @available_if(streams)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> GDRegressor:
        """Take one pass of mini-batch steps through the given rows; the next call continues from there.

        `max_iter` is not used. A learning rate schedule that is planned for a whole fit, such as "linear" or "cosine", stays at
        its maximum.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            Individual weights for each sample, at least 0. A batch whose weights are all zero changes nothing.

        offset, loss_data : as for fit, default=None

        Returns
        -------
        self : GDRegressor
        """
        return self._partial_fit(Batch(X, y, sample_weight, offset, loss_data))

    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> float:
        """Return the coefficient of determination R^2, averaged over the outputs.

        Missing targets, which a masking loss accepts, are left out.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        offset : array-like of shape (n_samples,) or (n_samples, K), default=None
            As for `predict`.
        loss_data : as for fit, default=None
            Has no influence on the score; it is accepted so that it can be routed as to `fit`.

        Returns
        -------
        float
        """
        return self._score(Batch(X, y, sample_weight, offset, loss_data))

    def _read_y(self, y: Any) -> Array:
        return read_numbers(y)

    @available_if(_has_interval)
    def predict_interval(self, X: Any, coverage: float = 0.9, offset: ArrayLike | None = None) -> Array:
        """Return central prediction intervals, of the quantiles or of the distribution that the loss models.

        The coverage holds on average over the data if the model is right; calibrate it on held-out rows, by conformal
        prediction, if it must hold.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        coverage : float, default=0.9
            The probability that y is in its interval, between 0 and 1. For `Quantiles`, both (1 - coverage) / 2 and
            (1 + coverage) / 2 must be among its levels.
        offset : array-like of shape (n_samples,) or (n_samples, K), default=None
            As for `predict`.

        Returns
        -------
        ndarray of shape (n_samples, 2), or (n_samples, n_outputs, 2)
            The lower and the upper end, in units of y.

        Raises
        ------
        ValueError
            If `coverage` is not between 0 and 1, or its quantiles were not fitted.
        """
        if not (np.ndim(coverage) == 0 and isinstance(coverage, Real) and 0 < coverage < 1):
            raise ValueError(f"coverage={coverage!r}: expected a number between 0 and 1.")
        return self.loss_.interval(self._flat_raw(X, offset), float(coverage))

    def _own_target(self, loss: Loss, y: Any, classes: Any = None) -> Continuous:
        return Fractions(y) if loss.fractions else Continuous(y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # scikit-learn's checks feed negative targets to whatever is tagged as multi-output.
        tags.target_tags.positive_only = fact_of(self.loss, "positive_only")
        tags.target_tags.multi_output = not (tags.target_tags.positive_only or fact_of(self.loss, "single_output"))
        return tags
