"""GDClassifier: the scikit-learn estimator for classification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ..arrays import Array
from ..losses import Loss
from ..models import Model
from ..penalties import Penalty
from ..rows.batch import Batch
from ..solvers import Solver
from ..targets import Labels, Multilabel, SoftLabels, Target
from ..training.callbacks import with_callbacks
from ..training.early_stopping import EarlyStopping
from .base import GradientEstimator, streams
from .checks import fact_of
from .class_weights import class_shares
from .reading import Survey

__all__ = ["GDClassifier"]


def _probabilistic(estimator: GDClassifier) -> bool:
    if fact_of(estimator.loss, "probabilistic"):
        return True
    raise AttributeError(
        f"loss={estimator.loss!r} gives no probabilities: use loss='log_loss', or wrap the classifier in "
        "sklearn.calibration.CalibratedClassifierCV."
    )


class GDClassifier(ClassifierMixin, GradientEstimator):
    r"""Linear or neural-network classification under any loss.

    .. math:: \min_{W, b} \; \frac{\sum_i w_i \, \ell(y_i, x_i W + b)}{\sum_i w_i} + \alpha R(W)

    Two classes need one column of W. With more classes, the columns are coupled if the loss is rowwise ("log_loss", "focal" and
    "crammer_singer" then take their multiclass form) and one-vs-rest otherwise. A multilabel target has one column per label.

    Parameters
    ----------
    loss : str, Loss or callable, default="log_loss"
        A name in `sklearn_gd.losses.LOSSES`, a loss object such as ``Focal(gamma=1.0)``, or a function ``f(y_true, raw)`` that
        returns the loss of each element, where y_true is -1.0 or +1.0.
    penalty : str, Penalty, dict or None, default="l2"
        "l2", "l1", "elasticnet", "nonnegative", or an object such as ``ElasticNet(l1_ratio=0.5)`` or
        ``L2() + NonNegative()``. A dict maps feature names, or patterns of them, to penalties:
        ``{"age": "l2", "postcode_*": "l1"}``.
    alpha : float, default=1e-4
        Strength of the penalty, at least 0. LogisticRegression's C is 1 / (alpha * sum of weights).
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
    class_weight : dict, "balanced" or None, default=None
        Weight of each class. "balanced" gives all classes the same total weight.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients, in units of raw / feature.
    intercept_ : ndarray of shape (1,) or (n_classes,)
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
    GDRegressor : Regression under any loss.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning, 2009, chapters 4, 10 and 12.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_gd import GDClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GDClassifier(loss="squared_hinge", alpha=0.01)).fit(X, y)
    >>> bool(model.score(X, y) > 0.98)
    True
    """

    _task, _other = "classification", "GDRegressor"

    def __init__(
        self,
        loss: str | Loss | Callable[..., Any] = "log_loss",
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
        class_weight: dict[Any, float] | str | None = None,
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
        self.class_weight = class_weight

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
    ) -> GDClassifier:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), Stream or Dask collection
            Training data: CSR, CSC or dense, float64 or float32; it is not copied. A large `np.memmap` is read one block at a
            time. A `sklearn_gd.rows.Stream` carries its own y and sample_weight. A Dask array or dataframe stays in the
            workers.
        y : array-like of shape (n_samples,), or indicator matrix of shape (n_samples, n_labels)
            The labels, of any kind; or soft labels, the probability of each class, (n_samples, n_classes).
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
        self : GDClassifier
        """
        validated = Batch(X_val, y_val, sample_weight_val, offset_val, loss_data_val)
        return self._fit(Batch(X, y, sample_weight, offset, loss_data), validated, groups)

    @available_if(streams)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> GDClassifier:
        """Take one pass of mini-batch steps through the given rows; the next call continues from there.

        `max_iter` is not used. A learning rate schedule that is planned for a whole fit, such as "linear" or "cosine", stays at
        its maximum. ``class_weight="balanced"`` uses the total weight of each class over all rows seen so far.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or indicator matrix of shape (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            All labels that can occur in any call. Required at the first call, unless y is an indicator matrix.
        sample_weight : array-like of shape (n_samples,), default=None
            Individual weights for each sample, at least 0. A batch whose weights are all zero changes nothing.

        offset, loss_data : as for fit, default=None

        Returns
        -------
        self : GDClassifier
        """
        return self._partial_fit(Batch(X, y, sample_weight, offset, loss_data), classes)

    def _own_target(self, loss: Loss, y: Any, classes: Any = None) -> Target:
        kind = _kind_of(y)
        if kind == "soft labels":
            return SoftLabels(y)
        if kind.startswith("multilabel"):
            labels = Multilabel(y)
            labels.check(y, "y")
            return labels
        return Labels(column_or_1d(y) if classes is None else np.asarray(classes))

    def _check_survey(self, survey: Survey) -> None:
        super()._check_survey(survey)
        _check_classes(survey.target, "y")

    def _streamed_target(self, loss: Loss, y: Any, classes: Any) -> Target:
        if classes is not None and np.ndim(classes) != 1:
            raise ValueError(f"classes={classes!r}: expected a list of all labels that will ever come.")
        known = self._last.target if self._last else None
        if known is None:
            if classes is None and _kind_of(y) in ("binary", "multiclass"):
                raise ValueError("classes=None: expected all labels that will ever come, at the first call of partial_fit.")
            target = self._target_of(loss, y, classes)
            _check_classes(target, "y" if classes is None else "classes")
            return target
        before = np.asarray(known.classes).tolist()
        if classes is not None and np.asarray(self._target_of(loss, y, classes).classes).tolist() != before:
            given = np.asarray(classes).tolist()
            raise ValueError(f"classes={given} differ from those of an earlier call, {before}.")
        return known

    def _shares(self, target: Target, totals: Any) -> Any:
        return class_shares(self.class_weight, target, totals)

    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> float:
        """Return the accuracy: the share of samples with the right label.

        For an indicator matrix, all labels of a sample must be right. Missing labels, which a masking loss accepts, are
        ignored. For sequences it is the share of right labels among those that are not padding.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or as for fit
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

    def decision_function(self, X: Any, offset: ArrayLike | None = None) -> Array:
        """Return the confidence scores of the samples; with two classes, positive means ``classes_[1]``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, K), default=None
            Added to raw, as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
        """
        return self._each(self._decision, X, offset)

    def _decision(self, X: Any, offset: Any) -> Array:
        return self._last_fit.target.decision(self.loss_.scores(self._raw(X, offset)))

    @available_if(_probabilistic)
    def predict_proba(self, X: Any, offset: ArrayLike | None = None) -> Array:
        """Return the probability of each class, computed by the inverse link of the loss.

        One-vs-rest probabilities are divided by their sum. If all of them are zero, they become uniform.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, K), default=None
            Added to raw, as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; for multilabel targets, the probability of each label.
        """
        return self._each(self._proba, X, offset)

    def _proba(self, X: Any, offset: Any) -> Array:
        raw = self._raw(X, offset)
        return self._last_fit.target.proba(self.loss_.inverse_link(raw))

    @available_if(_probabilistic)
    def predict_log_proba(self, X: Any, offset: ArrayLike | None = None) -> Array:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, K), default=None
            Added to raw, as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._each(self._log_proba, X, offset)

    def _log_proba(self, X: Any, offset: Any) -> Array:
        with np.errstate(divide="ignore"):
            return np.log(self._proba(X, offset))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = not fact_of(self.loss, "single_output")
        return tags


def _check_classes(target: Any, name: str) -> None:
    """Raise ValueError when a target has fewer than two labels."""
    if target.classes is not None and len(target.classes) < 2:
        only = ", ".join(map(str, target.classes))
        found = f"one class only, {only}" if only else "no class"
        raise ValueError(f"{name} has {found}: expected at least two classes among the rows of positive weight.")


def _kind_of(y: Any) -> str:
    """Return the result of scikit-learn's `type_of_target` for the observed entries, or "soft labels" for probabilities.

    Raises
    ------
    ValueError
        If y is neither one label per sample nor an indicator matrix.
    """
    # Integers in one column are labels; the target finds out which ones occur.
    if y.ndim == 1 and y.dtype.kind in "iub":
        return "multiclass"
    missing = y.dtype.kind == "f" and not sparse.issparse(y) and bool(np.isnan(y).any())
    kind = str(type_of_target(np.where(np.isnan(y), 0.0, y) if missing else y))
    if kind in ("binary", "multiclass", "multilabel-indicator"):
        return kind
    if kind == "continuous-multioutput" and not missing:
        return "soft labels"
    if not missing:
        check_classification_targets(y)
    raise ValueError(
        f"y has shape {y.shape}: expected one label for each sample, an indicator matrix of 0 and 1, or the probabilities of "
        "classes."
    )
