"""Rows that come a few at a time: `partial_fit`, for both estimators."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from .. import targets
from ..arrays import Array
from ..losses import Loss
from ..models import get_model
from ..objective.objective import Objective
from ..penalties import get_penalty
from ..rows.composed import as_matrix
from ..rows.matrices import Sparse
from ..rows.memory import Data, Moments, workers
from ..solvers import RULES, SGD, AdaGrad, Adam, Plan, State, Stochastic, StochasticState, get_solver
from ..training.first_look import SOME, examined
from ..training.messages import warn
from .base import Fitting, Stream

__all__ = ["Streaming", "streams"]

# Rows that tell how far apart columns spread: a model that knows nothing else of them takes no step before.
SPREAD = 30

# What is of a whole fit only.
OF_A_FIT = (
    "loss_curve_",
    "validation_loss_curve_",
    "history_",
    "best_iteration_",
    "optimality_",
    "converged_",
    "stop_reason_",
)


def streams(estimator: Streaming) -> bool:
    """Tell whether the solver reads mini-batches; raise AttributeError, naming one that does, if not."""
    solver = estimator.solver
    if (isinstance(solver, str) and (solver == "auto" or solver in RULES)) or isinstance(solver, Stochastic):
        return True
    raise AttributeError(f"solver={solver!r} has no partial_fit: use a stochastic solver, such as solver='sgd'.")


def _automatic(objective: Objective) -> Stochastic:
    """Return the solver of a stream for "auto"."""
    if objective.loss.online:
        return SGD()
    return AdaGrad(average=True) if objective.model.linear else Adam()


def _widened(stream: Stream, last: State | None, features: Array) -> tuple[Stream, State | None]:
    """Return a stream and its state with more columns in use; the stream is to be bound anew."""
    places = np.searchsorted(features, np.asarray(stream.features))
    bound, moments = stream.bound.among(places, len(features)), stream.moments.among(places, len(features))
    if isinstance(last, StochasticState):
        last = last.widened(partial(bound.widened, features=places))
    return replace(stream, bound=bound, moments=moments, features=features, rows=0), last


class Streaming(Fitting):
    """What the regressor and the classifier share of `partial_fit`."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: what steps go on from only after some, or with a warm start.

        The units of a network's weights are kept, as few rows do not tell them. What y means is kept in plain terms: no type of
        this package is in the pickle of a linear model but the estimator and its parts.
        """
        state: dict[str, Any] = dict(super().__getstate__())
        if "_target" in state:
            state["_target"] = type(state["_target"]).__name__, dict(vars(state["_target"]))
        if self.warm_start or hasattr(self, "t_"):
            return state
        spare = {"_state", "_stream"} if hasattr(self, "coef_") else {"_state"}
        return {name: value for name, value in state.items() if name not in spare}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what `__getstate__` has returned."""
        super().__setstate__(state)
        if "_target" in state:
            name, facts = state["_target"]
            self._target = getattr(targets, name).__new__(getattr(targets, name))
            vars(self._target).update(facts)

    def _partial_fit(self, X: Any, y: Any, weight: Array, target: Any) -> None:
        """Take mini-batch steps through validated rows, not all of weight zero, and set the fitted attributes."""
        self._check_scalars()
        if self._rule() is not None:
            raise ValueError(f"early_stopping={self.early_stopping!r}: expected False in partial_fit, which holds out no rows.")
        stream: Stream | None = getattr(self, "_stream", None)
        if stream is not None and not self._goes_on(stream):
            raise ValueError(
                f"partial_fit goes on with {', '.join(map(repr, stream.key))} (loss, model, fit_intercept); now they are "
                f"{', '.join(map(repr, self._key()))}: expected the same, or a clone to begin anew."
            )
        matrix, features, last = as_matrix(X), self._in_use(X, stream), getattr(self, "_state", None)
        if features is not None:
            if isinstance(matrix, Sparse):
                matrix = matrix.narrowed(features)
            elif len(features) < matrix.shape[1]:
                matrix = matrix.columns(features)
            if stream is not None and stream.features is not features:
                stream, last = _widened(stream, last, features)
        with np.errstate(all="ignore"), workers(self._jobs()) as mapper:
            loss: Loss = self.loss_ if stream else self._get_loss().for_target(target)
            exponent = stream.exponent if stream else int(np.frexp(weight.max())[1])
            data = Data(matrix, target.prepare(y, loss.rowwise), np.ldexp(weight, -exponent), mapper=mapper)
            encoded = target.encode(data.y[data.used], loss.rowwise)
            if not np.any(loss.mass(encoded) > 0):
                return  # nothing in it is observed
            loss.check_target(encoded)
            if stream is None and np.ptp(encoded) > 0:  # one value of y does not tell how kinks depend on it
                some = encoded[:SOME]
                loss = examined(loss, some, np.zeros((len(some), target.n_raw(loss.rowwise))), bool(self.fit_intercept))
            objective, solver, stream, state = self._streamed(data, target, loss, exponent, stream, features, last)
            waits = self.__sklearn_is_fitted__() and state.clock == 0 and stream.seen < SPREAD
            after = state if waits else solver.epoch(objective, state)
        if not (np.all(np.isfinite(after.params)) and np.isfinite(after.value)):
            warn(
                f"partial_fit diverged at step {after.clock}, and the parameters from before it are kept. What would help: "
                "learning_rate='auto', or a smaller one."
            )
            after = state
        self._forget(*OF_A_FIT)
        self._state, self._stream, self._target = solver.kept(objective, after), stream, target
        self.loss_, self.penalty_ = objective.loss, get_penalty(self.penalty)
        self.solver_, self.model_ = solver, get_model(self.model)
        self.__dict__.update(self._fitted(objective, after.params, X.dtype))
        if features is not None:
            narrow = self.__dict__["coef_"]
            self.coef_ = np.zeros((*narrow.shape[:-1], X.shape[1]), dtype=narrow.dtype)
            self.coef_[..., features] = narrow
        self.n_iter_, self.t_ = after.epochs, after.clock

    def _in_use(self, X: Any, stream: Stream | None) -> Array | None:
        """Return the columns in use, in order; None for all.

        The weight of a column that has been zero in all rows is zero: it need not be kept, moved, and counted.
        """
        if stream is not None and stream.features is None:
            return None
        one_by_one = get_penalty(self.penalty).for_features(np.arange(1)) is not None
        if not (sparse.issparse(X) and one_by_one and get_model(self.model).init == "zeros"):
            return None if stream is None else np.arange(X.shape[1])
        if stream is not None and stream.features is not None:
            known = stream.features
        else:
            known = np.flatnonzero(np.any(np.atleast_2d(self.coef_), axis=0)) if self.__sklearn_is_fitted__() else np.arange(0)
        new = np.setdiff1d(Sparse(X).stored(), known, assume_unique=True)
        return np.insert(known, np.searchsorted(known, new), new) if len(new) else known

    def _streamed(
        self,
        data: Data,
        target: Any,
        loss: Loss,
        exponent: int,
        stream: Stream | None,
        features: Array | None,
        last: State | None,
    ) -> tuple[Objective, Stochastic, Stream, StochasticState]:
        """Return the objective of a batch, in coordinates that rest upon the rows so far, the solver, the stream and its state.

        The coordinates are renewed whenever the number of rows has doubled, or a column has come into use.
        """
        penalty, model, rng = get_penalty(self.penalty), get_model(self.model), check_random_state(self.random_state)
        seen, own = data.n_rows + (stream.seen if stream else 0), data.moments
        before = stream.moments if stream else Moments.none(data.n_features)
        data.moments = moments = before.merged(own.mean, own.centered, own.weight)
        rows, bound = (stream.rows, stream.bound) if stream else (0, None)
        renew = seen >= 2 * rows
        if renew:
            rows, bound = seen, model.bind(target.n_raw(loss.rowwise), self.fit_intercept, moments, center=True)
        assert bound is not None
        penalty.check_features(bound.n_penalised if features is None else self.n_features_in_)
        if features is not None and len(features) < self.n_features_in_:
            part = penalty.for_features(features)
            assert part is not None, "checked for the columns in use"
            penalty = part
        objective = Objective(data, target, bound, loss, penalty, self.alpha)
        if renew and not bound.linear:
            constant = self._constant(objective)
            objective.set_reference(constant)
            objective = objective.in_units_of_raw(constant)
        automatic = isinstance(self.solver, str) and self.solver == "auto"
        solver: Any = get_solver(_automatic(objective) if automatic else self.solver, objective)
        if not solver.centers:
            objective = objective.uncentered()

        def drawn() -> Array:
            return model.start(objective.model, self._constant(objective), rng)

        if last is not None and solver.suits(objective, last):
            state = solver.carried(objective, last, renew)
            state.plan = replace(state.plan, horizon=np.inf)
        else:
            known = objective.model.from_attributes(self._fitted_of(features))
            state = solver.begin(objective, drawn() if known is None else known, Plan(int(rng.randint(2**31))))
        if renew and stream and not bound.linear:
            news = drawn()
            state.params, state.point = (bound.revived(params, news, stream.bound) for params in (state.params, state.point))
        return objective, solver, Stream(self._key(), exponent, moments, objective.model, rows, seen, features), state

    def _fitted_of(self, features: Array | None) -> dict[str, Any]:
        """Return the attributes of a fit before, of some columns."""
        if features is None or not hasattr(self, "coef_"):
            return dict(vars(self))
        return {"coef_": np.atleast_2d(self.coef_)[:, features], "intercept_": self.intercept_}

    def _constant(self, objective: Objective) -> Array:
        """Return the constant raw prediction to begin with.

        That of the mean; zeros for classes, of which a batch may have one only, and for a mean of 0: a batch without an event.
        """
        if self._task != "regression":
            return np.zeros(objective.model.n_raw)
        mean = objective.mean_target()
        raw = objective.loss.link(mean)
        return np.where((mean != 0) & np.isfinite(raw), raw, 0.0)
