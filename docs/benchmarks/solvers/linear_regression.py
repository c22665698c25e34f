"""scikit-learn's LinearRegression."""

from benchmark_utils.estimator_solver import EstimatorSolver
from sklearn.linear_model import LinearRegression


class Solver(EstimatorSolver):
    """Plain least squares by LAPACK; it has no tolerance for dense data."""

    name = "LinearRegression"
    once = True

    def refuses(self, problem):
        """Anything penalised."""
        return None if problem.loss == "squared_error" and problem.alpha == 0 else "squared error without penalty only"

    def estimator(self, tol):
        """One fit."""
        return LinearRegression(fit_intercept=self.problem.fit_intercept)
