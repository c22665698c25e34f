"""skglm: working sets and Anderson acceleration, compiled by numba."""

from benchmark_utils.estimator_solver import EstimatorSolver, columns_first
from skglm import ElasticNet, GeneralizedLinearEstimator, Lasso, SparseLogisticRegression
from skglm.datafits import Huber
from skglm.penalties import L1_plus_L2
from skglm.solvers import AndersonCD


class Solver(EstimatorSolver):
    """Lasso, ElasticNet, SparseLogisticRegression, and Huber's loss with l2."""

    name = "skglm"

    def refuses(self, problem):
        """Everything else."""
        if problem.loss == "huber" or (problem.loss in ("squared_error", "log_loss") and problem.penalty != "l2"):
            return None
        return "huber, and squared error or log loss with l1 only"

    def converted(self, X, y):
        """Fortran order or CSC."""
        return columns_first(X), y

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        fixed = {"tol": tol, "max_iter": 1_000, "fit_intercept": problem.fit_intercept}
        if problem.loss == "huber":
            return GeneralizedLinearEstimator(Huber(problem.parameter), L1_plus_L2(problem.alpha, 0.0), AndersonCD(**fixed))
        if problem.loss == "log_loss":
            return SparseLogisticRegression(
                problem.alpha, l1_ratio=1.0 if problem.penalty == "l1" else problem.l1_ratio, **fixed
            )
        if problem.penalty == "l1":
            return Lasso(problem.alpha, **fixed)
        return ElasticNet(problem.alpha, l1_ratio=problem.l1_ratio, **fixed)
