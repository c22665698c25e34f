"""cyanure: accelerated variance reduction and quasi-Newton methods in C++."""

import numpy as np
from benchmark_utils.estimator_solver import EstimatorSolver
from cyanure.estimators import Classifier, Regression

LOSSES = {"log_loss": "logistic", "squared_hinge": "sqhinge", "squared_error": "square"}


class Solver(EstimatorSolver):
    """Its squared hinge has a half, so lambda is alpha / 2 there; else lambda is alpha."""

    name = "cyanure"

    def refuses(self, problem):
        """Other losses."""
        if problem.loss not in LOSSES:
            return "log loss, squared hinge and squared error only"
        return "needs a penalty" if problem.alpha == 0 else None

    def converted(self, X, y):
        """Labels -1 and +1 for two classes."""
        return X, (2.0 * y - 1.0 if self.problem.n_classes == 2 else y.astype(float if self.problem.n_classes == 0 else int))

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        alpha = problem.alpha * (0.5 if problem.loss == "squared_hinge" else 1.0)
        fixed = {"penalty": problem.penalty, "lambda_1": alpha, "fit_intercept": problem.fit_intercept, "tol": tol}
        if problem.penalty == "elasticnet":
            fixed |= {"lambda_1": alpha * problem.l1_ratio, "lambda_2": alpha * (1.0 - problem.l1_ratio)}
        fixed |= {"max_iter": 10_000, "verbose": False, "n_threads": 1}
        if problem.n_classes == 0:
            return Regression(**fixed)
        return Classifier(loss="multiclass-logistic" if problem.n_classes > 2 else LOSSES[problem.loss], **fixed)

    def get_result(self):
        """Without an intercept it has no number there; coef_ may have a column per class."""
        coef, problem = np.asarray(self.fitted.coef_), self.problem
        if problem.n_classes > 2 and coef.shape[0] != problem.n_classes:
            coef = coef.T
        return {"coef": coef, "intercept": self.fitted.intercept_ if problem.fit_intercept else 0.0, "warned": self.warned}
