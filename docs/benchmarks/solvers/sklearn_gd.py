"""Ours."""

import contextlib
from unittest import mock

import numpy as np
import scipy.sparse as sp
from benchmark_utils.estimator_solver import EstimatorSolver

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import EpsilonInsensitive, Huber, Quantile, Tweedie
from sklearn_gd.penalties import ElasticNet
from sklearn_gd.solvers.fast import compiled

WITH_PARAMETER = {"quantile": Quantile, "tweedie": Tweedie, "huber": Huber, "epsilon_insensitive": EpsilonInsensitive}


def custom(y, z):
    """log(2 cosh(z - y)), as a user would write it: no derivatives."""
    return np.logaddexp(z - y, y - z)


@contextlib.contextmanager
def without_numba():
    """As if numba were not installed."""
    with mock.patch.object(compiled, "find_spec", return_value=None):
        compiled.has_compiler.cache_clear()
        yield
    compiled.has_compiler.cache_clear()


class Solver(EstimatorSolver):
    """GDRegressor and GDClassifier, with a ladder of tolerances and once with the default; with numba and without."""

    name = "sklearn_gd"
    parameters = {"stop": ["tol", "default"], "fast": [True, False]}

    @property
    def once(self):
        """The default fit is one fit."""
        return self.stop == "default"

    def refuses(self, problem):
        """Without numba, dense data, for which nothing is compiled."""
        return None if self.fast or sp.issparse(problem.X) else "the same as with numba"

    def warm_up(self):
        """One fit that is not timed: numba compiles for large sparse data only."""
        super().warm_up()
        if sp.issparse(self.X):
            self.fit(1e-4)

    def fit(self, tol):
        """Fit, with numba or without."""
        with contextlib.nullcontext() if self.fast else without_numba():
            super().fit(tol)

    def estimator(self, tol):
        """The estimator for the kind of target."""
        problem = self.problem
        loss = custom if problem.loss == "custom" else problem.loss
        if problem.parameter is not None:
            loss = WITH_PARAMETER[problem.loss](problem.parameter)
        penalty = ElasticNet(problem.l1_ratio) if problem.penalty == "elasticnet" else problem.penalty
        fixed = {"penalty": penalty, "alpha": problem.alpha, "fit_intercept": problem.fit_intercept}
        kind = GDClassifier if problem.n_classes else GDRegressor
        return kind(loss, **fixed) if self.once else kind(loss, tol=tol, **fixed)
