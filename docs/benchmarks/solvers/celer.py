"""celer: working sets and dual extrapolation, in Cython."""

from benchmark_utils.estimator_solver import EstimatorSolver, columns_first
from celer import ElasticNet, Lasso, LogisticRegression


class Solver(EstimatorSolver):
    """Lasso, ElasticNet, and l1 LogisticRegression without intercept (C is 1 / (alpha n))."""

    name = "celer"

    def refuses(self, problem):
        """l2, and what its logistic regression lacks."""
        if problem.loss not in ("squared_error", "log_loss") or problem.penalty == "l2":
            return "l1 only"
        if problem.loss == "log_loss" and (problem.fit_intercept or problem.penalty != "l1"):
            return "logistic regression only with l1 and without intercept"
        return None

    def converted(self, X, y):
        """Fortran order or CSC."""
        return columns_first(X), y

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        fixed = {"tol": tol, "max_iter": 10_000, "fit_intercept": problem.fit_intercept}
        if problem.loss == "log_loss":
            return LogisticRegression(1.0 / (problem.alpha * len(self.y)), **fixed)
        if problem.penalty == "l1":
            return Lasso(problem.alpha, **fixed)
        return ElasticNet(problem.alpha, l1_ratio=problem.l1_ratio, **fixed)
