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
from .solvers import RULES, SGD, AdaGrad, Adam, Plan, Stochastic, StochasticState, get_solver

__all__ = ["Streaming", "streams"]

# Rows that tell how far apart columns spread: a model that knows nothing else of them takes no step before.
SPREAD = 8

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


class Streaming(Fitting):
    """What the regressor and the classifier share of `partial_fit`."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: what steps go on from only after some, or with a warm start.

        The units of a network's weights are kept, as few rows do not tell them.
        """
        state: dict[str, Any] = super().__getstate__()
        if self.warm_start or hasattr(self, "t_"):
            return state
        spare = {"_state", "_stream"} if hasattr(self, "coef_") else {"_state"}
        return {name: value for name, value in state.items() if name not in spare}

    def _partial_fit(self, X: Any, y: Any, weight: Array, target: Any) -> None:
        """Take mini-batch steps through validated rows, not all of weight zero, and set the fitted attributes."""
        self._check_scalars()
        stream: Stream | None = getattr(self, "_stream", None)
        if stream is not None and not self._goes_on(stream):
            raise ValueError(
                f"partial_fit goes on with {', '.join(map(repr, stream.key))} (loss, model, fit_intercept); now they are "
                f"{', '.join(map(repr, self._key()))}: expected the same, or a clone to begin anew."
            )
        with np.errstate(all="ignore"), workers(self._jobs()) as mapper:
            loss: Loss = self.loss_ if stream else self._get_loss().for_target(target)
            exponent = stream.exponent if stream else int(np.frexp(weight.max())[1])
            data = Data(X, target.prepare(y, loss.rowwise), np.ldexp(weight, -exponent), mapper=mapper)
            encoded = target.encode(data.y[data.used], loss.rowwise)
            if not np.any(loss.mass(encoded) > 0):
                return  # nothing in it is observed
            loss.check_target(encoded)
            objective, solver, stream, state = self._streamed(data, target, loss, stream, exponent)
            waits = self.__sklearn_is_fitted__() and state.clock == 0 and stream.seen < SPREAD
            after = state if waits else solver.epoch(objective, state)
        if not (np.all(np.isfinite(after.params)) and np.isfinite(after.value)):
            warnings.warn(
                f"partial_fit diverged at step {after.clock}, and the parameters from before it are kept. What would help: "
                "learning_rate='auto', or a smaller one.",
                ConvergenceWarning,
                stacklevel=3,
            )
            after = state
        self._forget(*OF_A_FIT)
        self._state, self._stream, self._target = solver.kept(objective, after), stream, target
        self.loss_, self.penalty_, self.solver_, self.model_ = objective.loss, objective.penalty, solver, get_model(self.model)
        self.__dict__.update(self._fitted(objective, after.params, X.dtype))
        self.n_iter_, self.t_ = after.epochs, after.clock

    def _streamed(
        self, data: Data, target: Any, loss: Loss, stream: Stream | None, exponent: int
    ) -> tuple[Objective, Stochastic, Stream, StochasticState]:
        """Return the objective of a batch, in coordinates that rest upon the rows so far, the solver, the stream and its state.

        The coordinates are renewed whenever the number of rows has doubled.
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
        penalty.check_features(bound.n_penalised)
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

        last = self._last(objective)
        if last is not None and solver.suits(objective, last):
            state = solver.carried(objective, last, renew)
            state.plan = replace(state.plan, horizon=np.inf)
        else:
            known = objective.model.from_attributes(vars(self))
            state = solver.begin(objective, drawn() if known is None else known, Plan(int(rng.randint(2**31))))
        if renew and stream and not bound.linear:
            news = drawn()
            state.params, state.point = (bound.revived(params, news, stream.bound) for params in (state.params, state.point))
        return objective, solver, Stream(self._key(), exponent, moments, objective.model, rows, seen), state

    def _constant(self, objective: Objective) -> Array:
        """Return the constant raw prediction to begin with: the mean; zeros for classes, of which a batch may have one only."""
        mean = objective.loss.link(objective.mean_target()) if self._task == "regression" else np.zeros(objective.model.n_raw)
        return np.where(np.isfinite(mean), mean, 0.0)
