"""scikit-learn's QuantileRegressor: a linear programme for HiGHS."""

from benchmark_utils.estimator_solver import EstimatorSolver
from sklearn.linear_model import QuantileRegressor


class Solver(EstimatorSolver):
    """Exact, so it has no tolerance; only up to 65,000 rows, for its memory."""

    name = "QuantileRegressor"
    parameters = {"solver": ["highs", "highs-ipm"]}
    once = True

    def refuses(self, problem):
        """Other losses, and many rows."""
        if problem.loss not in ("quantile", "absolute_error") or problem.alpha != 0:
            return "quantiles without penalty only"
        return "too many rows" if len(problem.y) > 65_000 else None

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        level = problem.parameter or 0.5
        return QuantileRegressor(quantile=level, alpha=0.0, fit_intercept=problem.fit_intercept, solver=self.solver)
