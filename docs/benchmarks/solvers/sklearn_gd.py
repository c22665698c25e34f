"""Ours."""

import numpy as np
from benchmark_utils.estimator_solver import EstimatorSolver

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import EpsilonInsensitive, Huber, Quantile, Tweedie
from sklearn_gd.penalties import ElasticNet

WITH_PARAMETER = {"quantile": Quantile, "tweedie": Tweedie, "huber": Huber, "epsilon_insensitive": EpsilonInsensitive}


def custom(y, z):
    """log(2 cosh(z - y)), as a user would write it: no derivatives."""
    return np.logaddexp(z - y, y - z)


class Solver(EstimatorSolver):
    """GDRegressor and GDClassifier, with a ladder of tolerances and once with the default."""

    name = "sklearn_gd"
    parameters = {"stop": ["tol", "default"]}

    @property
    def once(self):
        """The default fit is one fit."""
        return self.stop == "default"

    def refuses(self, problem):
        """Nothing."""
        return None

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
