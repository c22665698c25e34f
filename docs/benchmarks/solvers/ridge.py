"""scikit-learn's Ridge, all its solvers."""

import scipy.sparse as sp
from benchmark_utils.estimator_solver import EstimatorSolver
from sklearn.linear_model import Ridge


class Solver(EstimatorSolver):
    """Ridge's alpha is alpha n."""

    name = "Ridge"
    parameters = {"solver": ["cholesky", "svd", "sparse_cg", "lsqr", "sag", "saga"]}

    @property
    def once(self):
        """The direct solvers have no tolerance."""
        return self.solver in ("cholesky", "svd")

    def refuses(self, problem):
        """Other losses and penalties; sparse data (saga has no intercept there)."""
        if problem.loss != "squared_error" or problem.penalty != "l2":
            return "squared error with l2 only"
        return "no sparse data" if sp.issparse(problem.X) and self.solver in ("cholesky", "svd", "saga") else None

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        limit = {"sag": 1_000, "saga": 1_000}.get(self.solver, 10_000)
        fixed = {"fit_intercept": problem.fit_intercept, "max_iter": limit, "random_state": 0}
        return Ridge(problem.alpha * len(self.y), solver=self.solver, tol=tol, **fixed)
