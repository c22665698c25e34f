"""GDRegressor: the scikit-learn face. No mathematics here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from ..arrays import Array
from ..losses import Loss
from ..models import Model
from ..penalties import Penalty
from ..solvers import Solver
from ..targets import Continuous
from ..training.callbacks import with_callbacks
from ..training.early_stopping import EarlyStopping
from .base import GradientEstimator, streams
from .checks import fact_of, read_numbers

__all__ = ["GDRegressor"]


class GDRegressor(MultiOutputMixin, RegressorMixin, GradientEstimator):
    r"""Regression under any loss, linear or by a network.

    .. math:: \min_{W, b} \; \frac{\sum_i w_i \, \ell(y_i, x_i W + b)}{\sum_i w_i} + \alpha R(W)

    Parameters
    ----------
    loss : str, Loss or callable, default="squared_error"
        A name in `sklearn_gd.losses.LOSSES`, a loss object such as ``Huber(delta=2.0)``, or a function ``f(y_true, raw)`` that
        returns the loss of each element.
    penalty : str, Penalty or None, default="l2"
        "l2", "l1", "elasticnet", "nonnegative", or an object such as ``ElasticNet(l1_ratio=0.5)`` or
        ``L2() + NonNegative()``.
    alpha : float, default=1e-4
        The strength of the penalty, at least 0. Ridge's alpha is this times the sum of the weights.
    fit_intercept : bool, default=True
        Whether to fit the intercept, which is never penalised.
    model : str or Model, default="linear"
        "linear", "mlp", or an object such as ``Linear(init="normal")``, which starts from random parameters, or
        ``MLP(hidden_layer_sizes=(50, 20))``, a network.
    solver : str or Solver, default="auto"
        "auto", a name in `sklearn_gd.solvers.SOLVERS`, or an object such as ``GradientDescent(learning_rate=0.1)``.
    max_iter : int or None, default=None
        The most iterations; None is the solver's own default.
    tol : float, default=1e-7
        The fit has converged when `optimality_` is below it. For a stochastic solver it means something else: the fit ends when
        the mean loss settled, that is, when each of five epochs gained less than this share of the objective of the best
        constant prediction.
    warm_start : bool, default=False
        Start from the coefficients of the last fit, unless the best constant prediction costs less.
    early_stopping : bool or EarlyStopping, default=False
        Whether to end before the optimum, by rows that are held out: True is ``EarlyStopping()``.
    n_jobs : int or None, default=None
        How many threads share the rows, with one BLAS thread each; None is one thread, and BLAS as it is set up. -1 is one for
        each processor. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        For what is random: the order of mini-batches, the first weights of a network, dropout, the rows held out.
    verbose : int, default=0
        Print every verbose-th iteration.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        The weights, in units of raw / feature.
    intercept_ : float or ndarray of shape (n_outputs,)
        The intercept, in units of raw.
    coefs_, intercepts_ : list of ndarray
        Instead of those, for a network: the weights of each layer, (fan_in, fan_out), and the intercepts.
    loss_, penalty_, solver_, model_ : objects
        The parts that were used.
    n_iter_ : int
        The number of iterations.
    loss_curve_ : list of float
        The objective after each iteration.
    history_ : dict of ndarray
        For each iteration "iteration", "objective", "step" (or learning rate), "seconds", with validation rows
        "validation_loss", and but for a stochastic solver "optimality" and "gradient_norm";
        ``pandas.DataFrame(model.history_)`` is a table.
    validation_loss_curve_ : list of float
        The loss of the validation rows after each iteration, if there are any; it has no penalty.
    best_iteration_ : int
        With early stopping, the iteration that did best.
    optimality_ : float
        The certificate, without units: 0 at an optimum, about 1 at the best constant prediction.
    converged_ : bool
        Whether `optimality_` came below tol; for a stochastic solver, only whether the mean loss settled, below that of the
        best constant prediction: how near an optimum is, `optimality_` tells.
    stop_reason_ : str
        Why the fit ended: "converged", for a stochastic solver "the mean loss settled", or what kept it from that.
    n_features_in_ : int
        The number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if X had string names.

    See Also
    --------
    GDClassifier : The same for classes.

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
        penalty: str | Penalty | None = "l2",
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
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> GDRegressor:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), Stream or Dask collection
            CSR, CSC or dense, float64 or float32; it is not copied. A large `np.memmap` is read a block at a time. A
            `sklearn_gd.rows.Stream` has y and sample_weight of its own. A Dask array or dataframe stays in the workers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets, in the domain of the loss.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, at least 0; a weight of k is k copies of the row.

        X_val, y_val, sample_weight_val : as X, y and sample_weight, default=None
            Validation rows, to watch and to stop early by, instead of a share of X.
        groups : array-like of shape (n_samples,), default=None
            For the splitter of ``EarlyStopping(cv=...)``.

        Returns
        -------
        self : GDRegressor
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val, groups)

    @available_if(streams)
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> GDRegressor:
        """Take mini-batch steps through some rows, once, and go on from there at the next call.

        `max_iter` is not used. A learning rate that is planned for a whole fit, such as "linear" or "cosine", stays at its
        height.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, at least 0; a batch whose weights are all zero changes nothing.

        Returns
        -------
        self : GDRegressor
        """
        return self._partial_fit(X, y, sample_weight)

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the coefficient of determination R^2, averaged over the outputs; of what is observed, if the loss masks.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        return self._score(X, y, sample_weight)

    def _read_y(self, y: Any) -> Array:
        return read_numbers(y)

    def _own_target(self, y: Any, classes: Any = None) -> Continuous:
        return Continuous(y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # scikit-learn's checks feed negative targets to whatever is tagged as multi-output.
        tags.target_tags.positive_only = fact_of(self.loss, "positive_only")
        tags.target_tags.multi_output = not tags.target_tags.positive_only
        return tags
