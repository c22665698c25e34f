"""The base class of the two estimators: from the user's input to one fit, and from that to raw predictions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce
from numbers import Integral
from operator import add
from traceback import clear_frames
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .. import targets
from ..arrays import Array
from ..losses import Loss, get_loss
from ..losses.data import check_loss_data
from ..models import get_model
from ..penalties import get_penalty
from ..rows.batch import Batch, renamed
from ..rows.blocks import workers
from ..rows.source import Source
from ..rows.sources import check_alone, is_collection, source_of, with_dask
from ..rows.stream import Stream, named
from ..solvers import get_solver
from ..targets import Target
from ..training.callbacks import CallbackSupportMixin, Tasks, has_callbacks
from ..training.fit import Fit, Trace, run
from ..training.messages import warn
from ..training.problem import Parts
from ..training.problem import prepare as prepare_problem
from ..training.resume import resume
from .checks import check_offset, check_rule, check_scalars, fact_of
from .class_weights import class_totals, class_weighted
from .named_parts import NamedParts
from .reading import NAMES, Preparation, Reader, Survey, read, read_targets, twin, validated
from .report import report
from .sealed import Sealed, is_foreign
from .validation import check_validation, held_out, read_validation, watching

__all__ = ["GradientEstimator", "streams"]


def streams(estimator: GradientEstimator) -> bool:
    """Tell whether the solver takes mini-batches; if not, raise an AttributeError that names one that does."""
    try:
        if get_solver(estimator.solver).takes_batches:
            return True
    except (TypeError, ValueError):  # fit tells what is wrong with it
        pass
    raise AttributeError(f"solver={estimator.solver!r} has no partial_fit: use a stochastic solver, such as solver='sgd'.")


def _models_distribution(estimator: GradientEstimator) -> bool:
    if fact_of(estimator.loss, "has_distribution"):
        return True
    raise AttributeError(
        f"loss={estimator.loss!r} does not model the distribution of y: use a distribution such as loss='normal', or 'poisson'."
    )


class GradientEstimator(CallbackSupportMixin, NamedParts):
    """The base class of `GDRegressor` and `GDClassifier`."""

    _task: str
    _other: str
    # Records the iterates of the next fit, if set.
    _trace: Trace | None = None

    # -- what a user gives --------------------------------------------------------------------------------------------

    def _parts(self) -> Parts:
        """Return the resolved parts and the checked settings."""
        loss = get_loss(self.loss)
        if loss.task not in (None, self._task) and not (loss.fractions and self._task == "regression"):
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

    def _read_y(self, y: Any) -> Any:
        """Return y in the form that this kind of estimator takes."""
        return y

    @abstractmethod
    def _own_target(self, loss: Loss, y: Any, classes: Any = None) -> Target:
        """Return the target that this kind of estimator makes of y."""

    def _target_of(self, loss: Loss, y: Any, classes: Any = None) -> Target:
        """Return the target that the loss makes of y, or else this kind of estimator."""
        if loss.single_output and np.ndim(y) == 2 and np.shape(y)[1] != 1:
            raise ValueError(f"y has {np.shape(y)[1]} columns: expected one for {loss.name}; fit one model for each.")
        return loss.target(y, classes) or self._own_target(loss, y, classes)

    def _shares(self, target: Target, totals: Any) -> Any:
        """Return the factor on the weights of the rows of each class, in the shape of their totals."""
        return None

    # -- fitting ------------------------------------------------------------------------------------------------------

    def _fit(self, given: Batch, validated: Batch, groups: ArrayLike | None) -> Any:
        parts = self._parts()
        with ExitStack() as opened:
            source = opened.enter_context(source_of(given))
            mapper = opened.enter_context(workers(self.n_jobs, given.X))
            tasks = Tasks(self, given.X) if has_callbacks(self) else None
            source.over = tasks.over if tasks else source.over
            survey, shares = self._surveyed(parts, source)
            target = survey.target
            prepare = Preparation.after(survey, parts.loss, shares)
            validation = None
            if any(each is not None for each in validated[:5]):
                check_validation(validated, given.offset is not None)
                validation = opened.enter_context(source_of(validated, "_val"))
                read_validation(self, parts.loss, survey, validation)
            elif parts.early_stopping is not None:
                source, validation = held_out(self, parts, target, source, prepare, groups)
            # A trial step may overflow: its value is then inf or nan, and the step is rejected.
            with np.errstate(all="ignore"):
                rows = source.rows(prepare, mapper)
                if not rows.n_samples:
                    raise ValueError(f"early_stopping={self.early_stopping!r} leaves no row of positive weight to train on.")
                watchers = watching(self, parts, prepare, validation, mapper)
                watchers.trace = self._trace
                if tasks:
                    if source.data is not None:
                        tasks.show(*prepare.weighted(source.data))
                    watchers.tasks = tasks.begin
                last = self._last if self.warm_start else None
                problem = prepare_problem(parts.named(survey.names), rows, target, prepare.exponent)
                fit = run(problem, watchers, survey.dtype, last)
        return self._publish(replace(fit, public=survey.names | fit.public, totals=survey.totals))

    def _surveyed(self, parts: Parts, source: Source) -> tuple[Any, Any]:
        """Return the survey of the rows, and the weights of their classes."""
        reader = Reader(self, parts.loss)
        survey = source.read(reader, parts.verbose)
        self._check_survey(survey)
        shares = self._shares(survey.target, survey.totals)
        if np.ndim(shares) == 1 and not np.all(shares > 0):  # classes without weight do not count
            survey = source.read(replace(reader, dropped=survey.target.classes[shares == 0]))
            self._check_survey(survey)
            shares = shares[shares > 0]
        return survey, shares

    def _check_survey(self, survey: Survey) -> None:
        """Raise ValueError if the rows do not suffice for a fit."""
        if survey.target is None:
            raise ValueError("Sample weights must contain at least one non-zero number.")

    @property
    def _last(self) -> Fit | None:
        """The last fit, with the current values of the attributes, some of which the user may have set."""
        fit: Fit | None = self.__dict__.get("_last_fit")
        now = self.__dict__
        return fit and replace(fit, public={name: now[name] for name in fit.public if name in now})

    def _publish(self, fit: Fit) -> Any:
        """Set all fitted attributes at once; then raise or warn of whatever ended the fit."""
        for name in self._last.public if self._last else ():
            self.__dict__.pop(name, None)
        self.__dict__.update(fit.public, _last_fit=replace(fit, interrupt=None))
        if fit.interrupt is not None:
            clear_frames(fit.interrupt.__traceback__)  # which hold the rows
            raise fit.interrupt
        if fit.notice:
            warn(fit.notice, UserWarning)
        if fit.complaint:
            warn(fit.complaint)
        return self

    def _partial_fit(self, batch: Batch, classes: Any = None) -> Any:
        parts, X = self._parts(), batch.X
        if isinstance(X, Stream) or is_collection(X):
            raise ValueError(f"X is a {type(X).__name__}: expected a batch, as for batch in stream; fit takes all of it.")
        if parts.early_stopping is not None:
            raise ValueError(f"early_stopping={self.early_stopping!r}: expected False in partial_fit, which holds out no rows.")
        last, first = self._last, not self.__sklearn_is_fitted__()
        seen = twin(self)
        data = read(seen, parts.loss, batch, reset=first)
        target = self._streamed_target(parts.loss, data.y, classes)
        y = target.flat(data.y)
        target.check(y, "y")
        found = class_totals(target, y, data.weight)
        totals = found if last is None else last.totals + found
        data = replace(data, y=y, weight=class_weighted(self._shares(target, totals), target, y, data.weight))
        with np.errstate(all="ignore"), workers(self.n_jobs, X) as mapper:
            fit = resume(last, parts.named(vars(seen)), data, target, mapper)
        if fit is None and last is not None:
            return self
        if fit is None:  # no row has weight: only the classes are known
            fit = Fit(target, {} if target.classes is None else {"classes_": target.classes})
        kept = {name: vars(seen)[name] for name in NAMES if name in vars(seen)}
        return self._publish(replace(fit, public=kept | fit.public, totals=totals))

    def _streamed_target(self, loss: Loss, y: Any, classes: Any) -> Target:
        """Return the target of a batch of `partial_fit`."""
        return self._last.target if self._last else self._target_of(loss, y, classes)

    # -- pickling -----------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled of the last fit: the target, as plain values, and the names of the attributes it has set.

        The state of the solver is kept only after `partial_fit` or with ``warm_start=True``. Otherwise the pickle of a linear
        model contains no type of this package except the estimator and its parts. The units of a network's weights are always
        kept, because a few rows do not determine them. What contains functions or classes of the user's is `Sealed`.
        """
        state = self._state()
        foreign = {name: value for name, value in state.items() if is_foreign(value)}
        if not foreign:
            return state
        return {name: value for name, value in state.items() if name not in foreign} | {"_sealed": Sealed(foreign)}

    def _state(self) -> dict[str, Any]:
        """Return what is pickled."""
        state: dict[str, Any] = dict(super().__getstate__())
        fit = self._last
        if fit is None:
            return state
        memory = fit.memory
        if memory is not None and not (self.warm_start or "t_" in fit.public):
            memory = None if memory.bound.has_gram else replace(memory, state=None)
        target: Any = fit.target  # a custom target is pickled as it is
        if type(target).__module__.startswith(f"{targets.__name__}."):
            target = type(target).__name__, dict(vars(target))
        return state | {"_last_fit": {"target": target, "public": list(fit.public), "totals": fit.totals, "memory": memory}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state that `__getstate__` returned."""
        sealed = state.get("_sealed")
        if sealed is not None:
            state = {name: value for name, value in state.items() if name != "_sealed"} | sealed.values
        super().__setstate__(state)
        kept = state.get("_last_fit")
        if kept is not None:
            target = kept["target"]
            if isinstance(target, tuple):
                name, facts = target
                target = getattr(targets, name).__new__(getattr(targets, name))
                vars(target).update(facts)
            public = {name: state[name] for name in kept["public"] if name in state}
            self._last_fit = Fit(target, public, kept["memory"], kept["totals"])

    # -- predicting ---------------------------------------------------------------------------------------------------

    def _raw(self, X: Any, offset: Any) -> Array:
        """Return the raw predictions, (n, K)."""
        check_is_fitted(self)
        raw = self.model_.raw(validated(self, X), vars(self))
        shift = check_offset(offset, len(raw))
        return raw if shift is None else raw + self.loss_.offset_of_raw(shift, raw.shape[1])

    def _each(self, method: Callable[[Any, Any], Any], X: Any, offset: Any) -> Any:
        """Apply a method to X: a stream gives an iterator over the result of each batch, a Dask collection a lazy result."""
        check_is_fitted(self)
        if isinstance(X, Stream):
            check_alone(Batch(X, offset=offset))
            return self._of_batches(method, X)
        return with_dask().lazily(method, X, offset, self.n_features_in_) if is_collection(X) else method(X, offset)

    @staticmethod
    def _of_batches(method: Callable[[Any, Any], Any], stream: Stream) -> Iterator[Any]:
        for batch in named(stream):
            try:
                yield method(batch.X, batch.offset)
            except ValueError as error:
                raise renamed(error, batch.title) from error

    def predict(self, X: Any, offset: ArrayLike | None = None) -> Any:
        """Predict the target of each sample.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), Stream or Dask collection
        offset : array-like of shape (n_samples,) or (n_samples, K), default=None
            Added to raw, as in `fit`. None means 0: for the logarithm of an exposure, the prediction for an exposure of one.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            For regression, the inverse link of the raw prediction, in units of y. For classification, a label, or for
            multilabel targets an indicator matrix. For a stream, an iterator over the predictions of each batch; for a Dask
            collection, a lazy array with the same chunks.
        """
        return self._each(self._predict, X, offset)

    def _predict(self, X: Any, offset: Any) -> Any:
        raw = self._raw(X, offset)
        return self._last_fit.target.decode(self.loss_.scores(raw), self.loss_.inverse_link(raw))

    @available_if(_models_distribution)
    def predict_distribution(self, X: Any, offset: ArrayLike | None = None) -> Any:
        """Return the conditional distribution of the target of each sample.

        Available for losses that model a distribution: `Normal`, `NegativeBinomial`, "poisson", and for probabilities
        "log_loss" and others, which give the Bernoulli distribution of the positive class or of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, K), default=None
            As for `predict`.

        Returns
        -------
        frozen distribution of scipy.stats
            With an entry for each sample, or of shape (n_samples, n_outputs): ``.mean()``, ``.std()``, ``.cdf(y)``,
            ``.ppf(q)``, ``.rvs()``.
        """
        return self.loss_.distribution(self._flat_raw(X, offset))

    def _flat_raw(self, X: Any, offset: Any) -> Array:
        """Return raw, without the axis of columns if there is one column, and its loss acts on each element."""
        raw = self._raw(X, offset)
        return raw[:, 0] if raw.shape[1] == 1 and not self.loss_.rowwise else raw

    def _score(self, given: Batch) -> float:
        check_is_fitted(self)
        target = self._last_fit.target
        if isinstance(given.X, Stream):
            check_alone(given)
            return target.scored(reduce(add, map(self._tally, named(given.X))))
        if is_collection(given.X):
            return target.scored(reduce(add, with_dask().of_partitions(self._tally, given)))
        return target.score(*self._scored(given))

    def _tally(self, batch: Batch) -> Any:
        return self._last_fit.target.tally(*self._scored(batch))

    def _scored(self, batch: Batch) -> tuple[Any, Any, Array]:
        """Return validated y, predictions, and weights."""
        try:
            predicted = self._predict(batch.X, batch.offset)
            _, y, weight = read_targets(self, self.loss_, batch, empty=bool(batch.name))
            if batch.loss_data is not None:
                check_loss_data(batch.loss_data, self.loss_, len(weight))
            return y, predicted, weight
        except ValueError as error:
            raise (renamed(error, batch.title) if batch.name else error) from error

    def report(self, n_largest: int = 10) -> str:
        """Return a short report of the fit: the certificate, the objective and the largest coefficients.

        The cost is the weighted mean loss of the training rows.

        Parameters
        ----------
        n_largest : int, default=10
            Number of coefficients to list, in decreasing order of absolute value. They are comparable only if the columns have
            the same scale.

        Returns
        -------
        str
            The lines of the report, to be printed.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        if not (isinstance(n_largest, Integral) and n_largest >= 0):
            raise ValueError(f"n_largest={n_largest!r}: expected an integer >= 0.")
        return report(self, int(n_largest))

    def __sklearn_is_fitted__(self) -> bool:
        return self._last is not None and "loss_" in self._last.public

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
