"""What the two estimators share: from validated data to fitted attributes, and from those to raw predictions."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from ..arrays import Array
from ..losses import Loss, Masked, get_loss
from ..models import get_model
from ..objective.objective import Objective
from ..parts import same
from ..penalties import NoPenalty, get_penalty
from ..rows.memory import Data, Mapper, Moments, workers
from ..solvers import Plan, Result, Solver, State, best_constant, finished, get_solver, minimize, ready, second_try
from ..targets import Target
from ..training.callbacks import CallbackSupportMixin, Tasks, has_callbacks
from ..training.early_stopping import EarlyStopping, Stopper
from ..training.first_look import check_end, first_constant, observed, starts
from ..training.messages import complaint, warn
from ..training.monitor import Monitor
from .named_parts import NamedParts

__all__ = ["Fitting", "Held", "Stream"]


@dataclass(frozen=True)
class Stream:
    """What ``partial_fit`` knows of the rows so far.

    Attributes
    ----------
    key : tuple
        The loss, the model and the intercept.
    exponent : int
        Weights are divided by this power of two.
    moments : Moments
        The moments of the columns.
    bound : LinearMap or Network
        The model, bound to the first `rows` rows.
    rows, seen : int
        The number of rows that the model is bound to, and of all.
    features : ndarray of int, or None
        The columns in use, in order: of sparse rows, those that have held an entry. None for all.
    """

    key: tuple[Any, ...]
    exponent: int
    moments: Moments
    bound: Any
    rows: int
    seen: int
    features: Array | None = None


@dataclass(frozen=True)
class Held:
    """Validated rows that are held out: X (n, p), y as it was given, weight (n,)."""

    X: Any
    y: Any
    weight: Array


class Fitting(CallbackSupportMixin, NamedParts):
    """What the regressor and the classifier share."""

    _task: str
    _other: str
    _target: Any

    # -- fitting ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Leave the estimator exactly as it was when something is raised."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def _fit(
        self, X: Any, y: Any, target: Target, weight: Array, held: Held | None = None, groups: Any = None
    ) -> KeyboardInterrupt | str:
        """Minimise the objective and set the fitted attributes, for validated data; return what is to be told of it."""
        rule = self._rule()
        if rule is not None and held is None:
            rows = np.flatnonzero(weight)
            if groups is not None:
                check_consistent_length(groups, X)
            try:
                split = rule.split(X, y, rows, target.stratified, groups, self.random_state)
            except ValueError as error:
                raise ValueError(f"early_stopping={self.early_stopping!r} cannot hold out rows: {error}") from error
            if split is not None:
                train, out = split
                held = Held(X[out], y[out], weight[out])
                weight = weight * np.bincount(train, minlength=len(weight))  # X itself is not copied
        # A trial step may overflow: its value is then inf or nan, and the step is refused.
        with np.errstate(all="ignore"), workers(self._jobs()) as mapper:
            objective, result = self._solve(X, y, target, weight, mapper, rule, held)
        return self._set_result(objective, result, X.dtype)

    def _rule(self) -> EarlyStopping | None:
        """Return the checked rule of early stopping, if any."""
        if isinstance(self.early_stopping, (bool, np.bool_)):
            return EarlyStopping() if self.early_stopping else None
        if not isinstance(self.early_stopping, EarlyStopping):
            raise TypeError(f"early_stopping={self.early_stopping!r}: expected True, False or an EarlyStopping(...).")
        rule: EarlyStopping = clone(self.early_stopping)
        rule.check_parameters()
        return rule

    def _checked(self, X: Any, y: Any, reset: bool = True, **settings: Any) -> tuple[Any, Any]:
        """Return validated X and y; what is missing in y, if the loss takes that, is NaN."""
        accepted = {"accept_sparse": ["csr", "csc"], "dtype": [np.float64, np.float32], "reset": reset}
        loss = self._get_loss()
        if not (loss.masks or loss.sequences):
            try:
                checked: tuple[Any, Any] = validate_data(self, X, y, multi_output=True, **accepted, **settings)
            except ValueError as error:
                if "Input y contains NaN" not in str(error):
                    raise
                raise ValueError(f"{error} Targets that are missing are passed over by loss=Masked(...).") from error
            if self._task == "regression" and issparse(checked[1]):
                raise ValueError("y is sparse: expected a dense array, such as y.toarray().")
            return checked
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        X = validate_data(self, X, **accepted)
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y", ensure_all_finite="allow-nan" if loss.masks else True)
        check_consistent_length(X, y)
        if isinstance(loss, Masked):
            y = y.astype(np.float64)
            y[y == loss.missing] = np.nan
        return X, y

    def _validation(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return validated validation rows."""
        if X is None or y is None:
            missing = "X_val" if X is None else "y_val"
            raise ValueError(f"{missing} is None: expected both X_val and y_val, or neither.")
        X, y = self._checked(X, y, reset=False)
        return X, column_or_1d(y) if y.shape[1:] == (1,) else y

    def _jobs(self) -> int | None:
        if not isinstance(self.n_jobs, (numbers.Integral, type(None))) or self.n_jobs == 0:
            raise ValueError(f"n_jobs={self.n_jobs!r}: expected an integer other than 0, or None.")
        return None if self.n_jobs is None else int(self.n_jobs)

    def _solve(
        self, X: Any, y: Any, target: Target, weight: Array, mapper: Mapper, rule: EarlyStopping | None, held: Held | None
    ) -> tuple[Objective, Result]:
        self._check_scalars()
        loss, penalty, model = self._get_loss().for_target(target), get_penalty(self.penalty), get_model(self.model)
        # Only the ratios of the weights matter; scaled by a power of two, they are the same to the last digit.
        exponent = int(np.frexp(weight.max())[1])
        n_raw = target.n_raw(loss.rowwise)
        data = Data(X, target.prepare(y, loss.rowwise), np.ldexp(weight, -exponent), mapper=mapper, n_raw=n_raw)
        loss.check_target(target.encode(data.y[data.used], loss.rowwise))

        bound = model.bind(n_raw, self.fit_intercept, data.moments, center=True)
        penalty.check_features(bound.n_penalised)
        objective = Objective(data, target, bound, loss, penalty, self.alpha)
        mean = objective.mean_target()
        loss.check_mean(mean)
        constant = first_constant(objective) if loss.foreign else loss.link(mean)
        objective = observed(objective, constant)
        if self.fit_intercept and not loss.online:
            constant = best_constant(objective, constant)
        else:
            constant = np.zeros(bound.n_raw)
            objective.set_reference(constant)
        if not bound.linear:
            objective = objective.in_units_of_raw(constant)
        solver = get_solver(self.solver, objective)
        if not solver.centers:
            objective = objective.uncentered()
        budget = self.max_iter or solver.default_max_iter
        self._target = target
        self.loss_, self.penalty_, self.solver_, self.model_ = objective.loss, penalty, solver, model

        def snapshot(state: State) -> dict[str, Any]:
            return self._fitted(objective, finished(objective, solver, state).params, X.dtype)

        fits = max(1, model.n_init)
        length = None if self.solver == "auto" else fits * budget
        tasks = Tasks(self, X, y, weight, length, snapshot) if has_callbacks(self) else None
        rng = check_random_state(self.random_state)
        attempts: list[tuple[Result, Monitor, Stopper | None]] = []
        for start in fits * starts(objective, constant):
            attempts.append(self._attempt(objective, start, rule, held, snapshot, tasks, budget, rng))
            if attempts[-1][0].interrupt is not None or (tasks is not None and tasks.stopped):
                break
        interrupt = attempts[-1][0].interrupt
        result, monitor, stopper = min(attempts, key=lambda one: one[2].least if rule and one[2] else one[0].state.value)
        result.interrupt = interrupt
        if tasks is not None:
            tasks.close()
        restored = self._take_best(result, stopper, monitor)
        if not solver.certifies:
            _, gradient = objective.value_and_gradient(result.state.params)
            result.state.optimality = objective.optimality(result.state.params, gradient)
        result.state = finished(objective, solver, result.state)
        if result.converged and (found := check_end(objective, result.state.params)):
            result.converged, result.reason, result.state.hint = False, "wrong derivatives", found
        ongoing = result.last is not None and (result.converged or result.reason == "max_iter reached") and not restored
        self._state = solver.kept(objective, result.last if ongoing else result.state)
        self._stream = Stream(self._key(), exponent, data.moments, objective.model, data.n_rows, data.n_rows)
        return objective, result

    def _attempt(
        self,
        objective: Objective,
        constant: Array,
        rule: EarlyStopping | None,
        held: Held | None,
        snapshot: Callable[[State], dict[str, Any]],
        tasks: Tasks | None,
        budget: int,
        random_state: np.random.RandomState,
    ) -> tuple[Result, Monitor, Stopper | None]:
        """Return one fit from one start, and who has watched it."""
        solver, automatic = self.solver_, isinstance(self.solver, str) and self.solver == "auto"
        stopper = self._stopper(objective, rule, held, snapshot)
        monitor = Monitor(self.verbose, [watcher for watcher in (stopper, tasks) if watcher is not None], solver.certifies)
        first = self._start(objective, constant, random_state)
        last = self._last(objective) if self.warm_start else None
        start = solver.begin(objective, first, Plan(int(random_state.randint(2**31)), budget), last)
        if automatic and not self.warm_start:
            start = ready(objective, solver, first)
        result = self._minimize(objective, solver, start, budget, monitor)
        spare = second_try(objective, solver, result) if automatic else None
        left = spare.default_max_iter if spare and self.max_iter is None else budget - result.n_iter
        if spare is not None and left > 0:
            self.solver_, before = spare, result
            again = spare.init(objective, before.state.params)
            again.iteration = before.n_iter
            result = self._minimize(objective, spare, again, before.n_iter + left, monitor)
            result.curve = before.curve + result.curve
        return result, monitor, stopper

    def _key(self) -> tuple[Any, ...]:
        """Return what must be the same for a fit to go on from another: the loss, the model, and fit_intercept."""
        return get_loss(self.loss), get_model(self.model), bool(self.fit_intercept)

    def _goes_on(self, stream: Stream) -> bool:
        """Tell whether what must be the same is so."""
        return all(same(now, then) for now, then in zip(self._key(), stream.key, strict=True))

    def _last(self, objective: Objective) -> State | None:
        """Return what the last fit has kept, if it was of the same kind and shape."""
        stream: Stream | None = getattr(self, "_stream", None)
        shape = objective.model.n_features, objective.model.n_raw
        if stream is None or not self._goes_on(stream) or (stream.bound.n_features, stream.bound.n_raw) != shape:
            return None
        return getattr(self, "_state", None)

    def _minimize(
        self, objective: Objective, solver: Solver[Any], start: Array | State, max_iter: int, monitor: Monitor
    ) -> Result:
        tol = max(self.tol, 64 * float(np.finfo(objective.data.dtype).eps))
        result = minimize(objective, solver, start, tol=tol, max_iter=max_iter, watch=monitor)
        monitor.print_last()
        return result

    def _stopper(
        self,
        objective: Objective,
        rule: EarlyStopping | None,
        held: Held | None,
        snapshot: Callable[[State], dict[str, Any]],
    ) -> Stopper | None:
        """Return what watches the validation rows, or the training objective; None when nothing is to be watched."""
        if held is None:
            return Stopper(rule) if rule else None
        y = self._target.prepare(held.y, objective.loss.rowwise)
        objective.loss.check_target(self._target.encode(y, objective.loss.rowwise))
        data = Data(held.X, y, held.weight)
        validation = Objective(data, self._target, objective.model, objective.loss, NoPenalty(), 0.0)
        score = None
        if rule and rule.scoring is not None:
            scorer, used = check_scoring(self, scoring=rule.scoring), held.weight > 0
            rows = Held(held.X[used], held.y[used], held.weight[used])
            weights = {} if np.ptp(rows.weight) == 0 else {"sample_weight": rows.weight}

            def score(state: State) -> float:
                fitted = copy(self)
                fitted.__dict__.update(snapshot(state))
                fitted._forget("feature_names_in_")  # the validated rows have no names
                value = float(scorer(fitted, rows.X, rows.y, **weights))
                if not np.isfinite(value):
                    raise ValueError(f"scoring={rule.scoring!r} gave {value} for the held-out rows: expected a finite number.")
                return value

        return Stopper(rule, lambda state: validation.value(state.params), score)

    def _take_best(self, result: Result, stopper: Stopper | None, monitor: Monitor) -> bool:
        """Note the history, and return to the iteration that early stopping found best; tell whether that was done."""
        self.history_ = monitor.history
        self._forget("validation_loss_curve_", "best_iteration_")
        if "validation_loss" in self.history_:
            self.validation_loss_curve_ = self.history_["validation_loss"].tolist()
        if stopper is not None and stopper.rule is not None and stopper.best is not None:
            self.best_iteration_ = stopper.best.iteration
            if stopper.rule.restore_best:
                result.asked = result.asked or result.converged
                result.converged, result.state = result.converged and stopper.best is result.state, stopper.best
                return True
        return False

    def _check_scalars(self) -> None:
        checks: dict[str, tuple[Any, Callable[[Any], bool], str]] = {
            "alpha": (numbers.Real, lambda v: 0 <= v < np.inf, "a number >= 0"),
            "tol": (numbers.Real, lambda v: 0 <= v < np.inf, "a number >= 0"),
            "max_iter": ((numbers.Integral, type(None)), lambda v: v is None or v >= 1, "an integer >= 1, or None"),
            "verbose": (numbers.Integral, lambda v: v >= 0, "an integer >= 0"),
        }
        for name, (kind, legal, expected) in checks.items():
            value = getattr(self, name)
            if not isinstance(value, kind) or not legal(value):
                raise ValueError(f"{name}={value!r}: expected {expected}.")

    def _get_loss(self) -> Loss:
        loss = get_loss(self.loss)
        if loss.task not in (None, self._task):
            raise ValueError(f"{loss!r} is a loss for {loss.task}: use {self._other}, not {type(self).__name__}.")
        return loss

    def _start(self, objective: Objective, constant: Array, random_state: np.random.RandomState) -> Array:
        bound = objective.model
        params: Array | None = bound.from_attributes(vars(self)) if self.warm_start else None
        if params is not None and np.isfinite(objective.value(objective.prox(params, 0.0))):
            return params  # on other data, it may be out of range
        return self.model_.start(bound, constant, random_state)

    def _forget(self, *names: str) -> None:
        """Delete attributes that no longer hold."""
        for name in names:
            self.__dict__.pop(name, None)

    def _fitted(self, objective: Objective, params: Array, dtype: Any) -> dict[str, Any]:
        """Return the fitted attributes of params."""
        attributes = objective.model.attributes(params)
        if not objective.model.linear:
            return {name: [array.astype(dtype) for array in arrays] for name, arrays in attributes.items()}
        return {name: self._shaped(value.astype(dtype)) for name, value in attributes.items()}

    def _set_result(self, objective: Objective, result: Result, dtype: Any) -> KeyboardInterrupt | str:
        self._forget("coef_", "intercept_", "coefs_", "intercepts_", "t_")
        self.__dict__.update(self._fitted(objective, result.state.params, dtype))
        self.n_iter_ = max(1, result.n_iter)
        self.loss_curve_ = result.curve
        self.converged_, self.stop_reason_ = result.converged, result.reason
        self.optimality_ = result.state.optimality
        if result.interrupt is not None:
            return result.interrupt
        automatic = isinstance(self.solver, str) and self.solver == "auto"
        fine = result.converged or result.asked
        return "" if fine else complaint(objective, result, self.solver_, self.tol, automatic)

    @staticmethod
    def _tell(news: KeyboardInterrupt | str) -> None:
        """Raise or warn of what has ended a fit, when its attributes are set."""
        if isinstance(news, KeyboardInterrupt):
            raise news
        if news:
            warn(news)

    def _shaped(self, value: Array) -> Any:
        """Return a fitted (K, p) or (K,) array in scikit-learn's shape."""
        return value

    # -- predicting ---------------------------------------------------------------------------------------------------

    def _raw(self, X: Any) -> Array:
        """Return the raw predictions, (n, K)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32], reset=False)
        return self.model_.raw(X, vars(self))

    def predict(self, X: Any) -> Any:
        """Predict the target of each sample.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            For regression the mean that the loss stands for, in units of y; for classification a label, or for multilabel
            targets an indicator matrix.
        """
        raw = self._raw(X)
        return self._target.decode(raw, self.loss_.inverse_link(raw))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coef_") or hasattr(self, "coefs_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
