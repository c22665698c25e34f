"""What the two estimators share: from what a user gives to one fit, and from that to raw predictions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from .. import targets
from ..arrays import Array
from ..losses import Loss, get_loss
from ..models import get_model
from ..objective.objective import Objective
from ..penalties import NoPenalty, get_penalty
from ..penalties.scaled import Scaled
from ..rows.memory import Mapper, MemoryRows, workers
from ..solvers import State, get_solver
from ..targets import Target
from ..training.callbacks import CallbackSupportMixin, Tasks, has_callbacks
from ..training.early_stopping import Stopper
from ..training.fit import Fit, Watching, run
from ..training.messages import warn
from ..training.problem import Parts, prepare
from ..training.resume import resume
from .checks import check_rule, check_scalars, check_weight
from .named_parts import NamedParts

__all__ = ["GradientEstimator", "streams"]


# What X says of its columns.
NAMES = ("n_features_in_", "feature_names_in_")


def streams(estimator: GradientEstimator) -> bool:
    """Tell whether the solver reads mini-batches; raise AttributeError, naming one that does, if not."""
    try:
        if get_solver(estimator.solver).takes_batches:
            return True
    except (TypeError, ValueError):  # fit tells what is wrong with it
        pass
    raise AttributeError(f"solver={estimator.solver!r} has no partial_fit: use a stochastic solver, such as solver='sgd'.")


@dataclass(frozen=True)
class Data:
    """Validated rows: X (n, p), y as its target reads it, weight (n,)."""

    X: Any
    y: Any
    weight: Array

    @property
    def used(self) -> Data:
        """The rows of positive weight."""
        if np.all(self.weight > 0):
            return self
        rows = self.weight > 0
        return Data(self.X[rows], self.y[rows], self.weight[rows])


def _validated(estimator: Any, X: Any, reset: bool = False) -> Any:
    """Return X as an array or a sparse matrix of floats; with `reset`, note how many columns it has, and their names."""
    return validate_data(estimator, X, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32], reset=reset)


def _twin(estimator: Any) -> Any:
    """Return an estimator with the same parameters and attributes, to be written on."""
    twin = object.__new__(type(estimator))
    twin.__dict__.update(estimator.__dict__)
    return twin


@dataclass
class _Names:
    """What X says of its columns, by the names of attributes: for the end of a fit."""

    public: dict[str, Any] = field(default_factory=dict)

    def noted(self, estimator: Any, X: Any) -> Any:
        """Return validated X."""
        seen = _twin(estimator)
        X = _validated(seen, X, reset=True)
        self.public = {name: vars(seen)[name] for name in NAMES if name in vars(seen)}
        return X


class GradientEstimator(CallbackSupportMixin, NamedParts):
    """What the regressor and the classifier share."""

    _task: str
    _other: str

    # -- what a user gives --------------------------------------------------------------------------------------------

    def _parts(self) -> Parts:
        """Return the resolved parts and the checked settings."""
        loss = get_loss(self.loss)
        if loss.task not in (None, self._task):
            raise ValueError(f"{loss!r} is a loss for {loss.task}: use {self._other}, not {type(self).__name__}.")
        check_scalars(self)
        return Parts(
            loss=loss,
            penalty=get_penalty(self.penalty),
            model=get_model(self.model),
            solver=get_solver(self.solver),
            alpha=self.alpha,
            fit_intercept=bool(self.fit_intercept),
            max_iter=self.max_iter,
            tol=self.tol,
            warm_start=bool(self.warm_start),
            early_stopping=check_rule(self.early_stopping),
            random_state=self.random_state,
            verbose=self.verbose,
        )

    def _read(self, loss: Loss, X: Any, y: Any, names: _Names | None = None) -> tuple[Any, Any]:
        """Return validated X and y; what is missing in y, if the loss takes that, is NaN.

        The names of the columns are noted in `names`, or if that is None checked.
        """
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        X = _validated(self, X) if names is None else names.noted(self, X)
        y = self._read_y(loss.read(y))
        check_consistent_length(X, y)
        return X, column_or_1d(y, warn=True) if y.shape[1:] == (1,) and loss.positive_only else y

    def _read_y(self, y: Any) -> Any:
        """Return y as the kind of estimator takes it."""
        return y

    @abstractmethod
    def _own_target(self, y: Any, classes: Any = None) -> Target:
        """Return what y means to this kind of estimator."""

    def _target_of(self, loss: Loss, y: Any, classes: Any = None) -> Target:
        """Return what y means to the loss, or else to this kind of estimator."""
        return loss.target(y, classes) or self._own_target(y, classes)

    def _weighted(self, target: Target, y: Any, weight: Array) -> Array:
        """Return the weights of rows with those of their classes."""
        return weight

    def _totals(self, target: Target, y: Any, weight: Array) -> Any:
        """Return the weight of each class."""
        return 0.0

    # -- fitting ------------------------------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        X_val: Any,
        y_val: Any,
        sample_weight_val: ArrayLike | None,
        groups: ArrayLike | None,
    ) -> Any:
        parts = self._parts()
        X, y = self._read(parts.loss, X, y, names := _Names())
        plain = Data(X, y, check_weight(sample_weight, X))
        target = self._target_of(parts.loss, y if np.all(plain.weight > 0) else y[plain.weight > 0])
        y = target.flat(y)
        data = Data(X, y, check_weight(self._weighted(target, y, plain.weight), X, "class_weight"))
        if np.any((data.weight > 0) != (plain.weight > 0)):  # classes without weight are none
            target = self._target_of(parts.loss, y[data.weight > 0])
        validation = None
        if sample_weight_val is not None and X_val is None:
            raise ValueError("sample_weight_val is given without X_val: expected the rows that they are for, or neither.")
        if X_val is not None or y_val is not None:
            validation = self._validation(parts.loss, names, target, X_val, y_val, sample_weight_val)
        if parts.early_stopping is not None and validation is None:
            data, validation = self._held_out(parts, target, data, groups)
        # A trial step may overflow: its value is then inf or nan, and the step is refused.
        with np.errstate(all="ignore"), workers(self.n_jobs) as mapper:
            fit = self._solved(parts, target, data, validation, mapper)
        totals = self._totals(target, y, plain.weight * (data.weight > 0))
        return self._publish(replace(fit, public=names.public | fit.public, totals=totals))

    def _validation(self, loss: Loss, names: _Names, target: Target, X: Any, y: Any, sample_weight: Any) -> Data:
        """Return validated validation rows."""
        if X is None or y is None:
            missing = "X_val" if X is None else "y_val"
            raise ValueError(f"{missing} is None: expected both X_val and y_val, or neither.")
        as_fitted = _twin(self)
        as_fitted.__dict__.pop("feature_names_in_", None)
        as_fitted.__dict__.update(names.public)
        X, y = as_fitted._read(loss, X, y)
        y = target.flat(column_or_1d(y) if y.shape[1:] == (1,) else y)
        target.check(y, "y_val")
        return Data(X, y, self._weighted(target, y, check_weight(sample_weight, X, "sample_weight_val")))

    def _held_out(self, parts: Parts, target: Target, data: Data, groups: Any) -> tuple[Data, Data | None]:
        """Return the rows to train on, X not being copied, and those that are held out."""
        assert parts.early_stopping is not None
        if groups is not None:
            check_consistent_length(groups, data.X)
        rows = np.flatnonzero(data.weight)
        try:
            split = parts.early_stopping.split(data.X, data.y, rows, target.stratified, groups, self.random_state)
        except ValueError as error:
            raise ValueError(f"early_stopping={self.early_stopping!r} cannot hold out rows: {error}") from error
        if split is None:
            return data, None
        train, out = split
        weight = data.weight * np.bincount(train, minlength=len(data.weight))
        return replace(data, weight=weight), Data(data.X[out], data.y[out], data.weight[out])

    def _solved(self, parts: Parts, target: Target, data: Data, validation: Data | None, mapper: Mapper) -> Fit:
        """Return the fit of validated rows."""
        loss = parts.loss.for_target(target)
        # Only the ratios of the weights matter; scaled by a power of two, they are the same to the last digit.
        exponent = int(np.frexp(data.weight.max())[1])
        y, weight = target.prepare(data.y, loss.rowwise), np.ldexp(data.weight, -exponent)
        rows = MemoryRows(data.X, y, weight, mapper=mapper, n_raw=loss.n_raw(target))
        encoding = target.encoded_for(loss)
        loss.check_target(encoding.encode(y[weight > 0]))
        watching = self._watching(parts, target, validation)
        if has_callbacks(self):
            watching.tasks = lambda ahead, fit_at: Tasks(self, data.X, data.y, data.weight, ahead, fit_at)
        last = self._last if self.warm_start else None
        return run(prepare(parts, rows, target, exponent), watching, data.X.dtype, last)

    def _watching(self, parts: Parts, target: Target, validation: Data | None) -> Watching:
        """Return who watches the validation rows, or the training objective."""
        rule = parts.early_stopping
        if validation is None:
            return Watching(lambda objective, fit_at: Stopper(rule)) if rule else Watching()
        scorer = check_scoring(self, scoring=rule.scoring) if rule and rule.scoring is not None else None
        used = validation.used
        weights = {} if np.ptp(used.weight) == 0 else {"sample_weight": used.weight}

        def stopper(objective: Objective, fit_at: Callable[[State], Fit]) -> Stopper:
            y = target.prepare(validation.y, objective.loss.rowwise)
            objective.loss.check_target(objective.summand.encoding.encode(y))
            rows = MemoryRows(validation.X, y, validation.weight, n_raw=objective.model.n_raw)
            unseen = Objective.on(rows, objective.summand, Scaled(NoPenalty(), 0.0), objective.reference)

            def score(state: State) -> float:
                assert scorer is not None
                fitted = _twin(self)._publish(fit_at(state))
                fitted.__dict__.pop("feature_names_in_", None)  # the validated rows have no names
                value = float(scorer(fitted, used.X, used.y, **weights))
                if not np.isfinite(value):
                    given = self.early_stopping.scoring
                    raise ValueError(f"scoring={given!r} gave {value} for the held-out rows: expected a finite number.")
                return value

            return Stopper(rule, lambda state: unseen.value(state.params), score if scorer else None)

        return Watching(stopper)

    @property
    def _last(self) -> Fit | None:
        """The last fit, with the attributes as they are now: a user may have set some."""
        fit: Fit | None = self.__dict__.get("_last_fit")
        now = self.__dict__
        return fit and replace(fit, public={name: now[name] for name in fit.public if name in now})

    def _publish(self, fit: Fit) -> Any:
        """Set the fitted attributes, all at once; then raise or warn of what has ended the fit."""
        for name in self._last.public if self._last else ():
            self.__dict__.pop(name, None)
        self.__dict__.update(fit.public, _last_fit=fit)
        if fit.interrupt is not None:
            raise fit.interrupt
        if fit.complaint:
            warn(fit.complaint)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None, classes: Any = None) -> Any:
        parts = self._parts()
        if parts.early_stopping is not None:
            raise ValueError(f"early_stopping={self.early_stopping!r}: expected False in partial_fit, which holds out no rows.")
        last = self._last
        names = None if self.__sklearn_is_fitted__() else _Names()
        X, y = self._read(parts.loss, X, y, names)
        weight = check_weight(sample_weight, X, empty=True)
        target = self._streamed_target(parts.loss, y, classes)
        y = target.flat(y)
        target.check(y, "y")
        totals = (last.totals if last else 0.0) + self._totals(target, y, weight)
        data = Data(X, y, self._weighted_so_far(target, y, weight, totals))
        with np.errstate(all="ignore"), workers(self.n_jobs) as mapper:
            fit = resume(last, parts, data.X, data.y, data.weight, target, mapper)
        if fit is None and last is not None:
            return self
        if fit is None:  # nothing in it counts, but that its classes are known
            fit = Fit(target, {} if target.classes is None else {"classes_": target.classes})
        kept = names.public if names else {name: vars(self)[name] for name in NAMES if name in vars(self)}
        return self._publish(replace(fit, public=kept | fit.public, totals=totals))

    def _streamed_target(self, loss: Loss, y: Any, classes: Any) -> Target:
        """Return what y of a stream means."""
        return self._last.target if self._last else self._target_of(loss, y, classes)

    def _weighted_so_far(self, target: Target, y: Any, weight: Array, totals: Any) -> Array:
        """Return the weights of rows of a stream with those of their classes."""
        return weight

    # -- pickling -----------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: of the last fit, what y means, in plain terms, and which attributes it has set.

        What steps go on from is kept only after some, or with a warm start: no type of this package is in the pickle of a
        linear model but the estimator and its parts. The units of a network's weights are kept, as few rows do not tell them.
        """
        state: dict[str, Any] = dict(super().__getstate__())
        fit = self._last
        if fit is None:
            return state
        memory = fit.memory
        if memory is not None and not (self.warm_start or "t_" in fit.public):
            memory = None if memory.bound.has_gram else replace(memory, state=None)
        target: Any = fit.target  # one of the user's own goes as it is
        if type(target).__module__ == targets.__name__:
            target = type(target).__name__, dict(vars(target))
        return state | {"_last_fit": {"target": target, "public": list(fit.public), "totals": fit.totals, "memory": memory}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what `__getstate__` has returned."""
        super().__setstate__(state)
        kept = state.get("_last_fit")
        if kept is not None:
            target = kept["target"]
            if not isinstance(target, Target):
                name, facts = target
                target = getattr(targets, name).__new__(getattr(targets, name))
                vars(target).update(facts)
            public = {name: state[name] for name in kept["public"] if name in state}
            self._last_fit = Fit(target, public, kept["memory"], kept["totals"])

    # -- predicting ---------------------------------------------------------------------------------------------------

    def _raw(self, X: Any) -> Array:
        """Return the raw predictions, (n, K)."""
        check_is_fitted(self)
        return self.model_.raw(_validated(self, X), vars(self))

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
        return self._last_fit.target.decode(raw, self.loss_.inverse_link(raw))

    def _score(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> float:
        predicted = self.predict(X)
        X, y = self._read(self.loss_, X, y)
        return self._last_fit.target.score(y, predicted, check_weight(sample_weight, X))

    def __sklearn_is_fitted__(self) -> bool:
        return self._last is not None and "loss_" in self._last.public

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
