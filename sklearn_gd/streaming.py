"""Rows that come a few at a time: `partial_fit`, for both estimators."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from .data import Data, Moments, workers
from .fitting import Fitting, Stream
from .losses import Loss
from .losses.numeric import Array
from .models import get_model
from .objective import Objective
from .penalties import get_penalty
from .solvers import RULES, AdaGrad, Adam, Plan, Stochastic, StochasticState, get_solver

__all__ = ["Streaming", "streams"]


def streams(estimator: Streaming) -> bool:
    """Tell whether the solver reads mini-batches; raise AttributeError, naming one that does, if not."""
    solver = estimator.solver
    if (isinstance(solver, str) and (solver == "auto" or solver in RULES)) or isinstance(solver, Stochastic):
        return True
    raise AttributeError(f"solver={solver!r} has no partial_fit: use a stochastic solver, such as solver='sgd'.")


def _automatic(objective: Objective) -> Stochastic:
    """Return the solver of a stream for "auto"."""
    return AdaGrad(average=True) if objective.model.linear else Adam()


class Streaming(Fitting):
    """What the regressor and the classifier share of `partial_fit`."""

    def _partial_fit(self, X: Any, y: Any, weight: Array) -> None:
        """Take mini-batch steps through validated rows, not all of weight zero, and set the fitted attributes."""
        with np.errstate(all="ignore"), workers(self._jobs()) as mapper:
            self._check_scalars()
            loss: Loss = self.loss_ if hasattr(self, "_stream") else self._get_loss().for_target(self._target)
            stream = getattr(self, "_stream", None)
            exponent = stream.exponent if stream else int(np.frexp(weight.max())[1])
            data = Data(X, self._target.prepare(y, loss.rowwise), np.ldexp(weight, -exponent), mapper=mapper)
            loss.check_target(self._target.encode(data.y[data.used], loss.rowwise))
            objective, solver, state = self._streamed(data, loss, exponent)
            after = solver.epoch(objective, state)
        if not np.all(np.isfinite(after.params)):
            warnings.warn(
                f"partial_fit diverged at step {after.clock}, and the parameters from before it are kept. What would help: "
                "learning_rate='auto', or a smaller one.",
                ConvergenceWarning,
                stacklevel=3,
            )
            after = state
        self._state = solver.kept(objective, after)
        self.loss_, self.penalty_, self.solver_, self.model_ = objective.loss, objective.penalty, solver, get_model(self.model)
        self.__dict__.update(self._fitted(objective, after.params, X.dtype))
        self.n_iter_, self.t_ = after.epochs, after.clock

    def _streamed(self, data: Data, loss: Loss, exponent: int) -> tuple[Objective, Stochastic, StochasticState]:
        """Return the objective of a batch, in coordinates that rest upon the rows so far, the solver, and its state.

        The coordinates are renewed whenever the number of rows has doubled.
        """
        penalty, model = get_penalty(self.penalty), get_model(self.model)
        stream: Stream | None = getattr(self, "_stream", None)
        seen = data.n_rows + (stream.seen if stream else 0)
        before = stream.moments if stream else Moments.none(data.n_features)
        own = data.moments
        data.moments = moments = before.merged(own.mean, own.centered, own.weight)
        if stream is None or seen >= 2 * stream.rows:
            rows, bound = seen, model.bind(self._target.n_raw(loss.rowwise), self.fit_intercept, moments, center=True)
        else:
            rows, bound = stream.rows, stream.bound
        penalty.check_features(len(bound.weights(np.zeros(bound.size))))
        objective = Objective(data, self._target, bound, loss, penalty, self.alpha)
        if not bound.linear:
            constant = self._constant(objective)
            objective.set_reference(constant)
            objective = objective.in_units_of_raw(constant) if rows == seen else objective
        solver: Any = get_solver(
            AdaGrad(average=True) if isinstance(self.solver, str) and self.solver == "auto" else self.solver, objective
        )
        if not solver.centers:
            objective = objective.uncentered()
        last, self._stream = self._last(solver), Stream(exponent, moments, objective.model, rows, seen)
        if last is not None and solver.suits(objective, last):
            state = solver.carried(objective, last, renew=rows == seen)
            return objective, solver, replace(state, plan=replace(state.plan, horizon=np.inf))
        seed = int(check_random_state(self.random_state).randint(2**31))
        return objective, solver, solver.begin(objective, self._first(objective), Plan(seed))

    def _first(self, objective: Objective) -> Array:
        """Return the params to begin with: those that are there, or no weights and the mean as the intercept."""
        bound = objective.model
        params = bound.from_attributes(vars(self))
        if params is not None:
            return np.asarray(params)
        return get_model(self.model).start(bound, self._constant(objective), check_random_state(self.random_state))

    def _constant(self, objective: Objective) -> Array:
        """Return the constant raw prediction to begin with: the mean; zeros for classes, of which a batch may have one only."""
        mean = objective.loss.link(objective.mean_target()) if self._task == "regression" else np.zeros(objective.model.n_raw)
        return np.where(np.isfinite(mean), mean, 0.0)
