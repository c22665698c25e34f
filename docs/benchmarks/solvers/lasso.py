"""scikit-learn's Lasso and ElasticNet."""

import scipy.sparse as sp
from benchmark_utils.estimator_solver import EstimatorSolver, columns_first
from sklearn.linear_model import ElasticNet, Lasso


class Solver(EstimatorSolver):
    """Coordinate descent, on the data or on their Gram matrix."""

    name = "sklearn Lasso"
    parameters = {"precompute": [False, True]}

    def refuses(self, problem):
        """Other losses and penalties; Gram matrices where they do not pay."""
        if problem.loss != "squared_error" or problem.penalty == "l2":
            return "squared error with l1 only"
        n, p = problem.X.shape
        return "no Gram matrix of sparse or wide data" if self.precompute and (sp.issparse(problem.X) or p > n) else None

    def converted(self, X, y):
        """Fortran order or CSC."""
        return columns_first(X), y

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        fixed = {"fit_intercept": problem.fit_intercept, "precompute": self.precompute, "tol": tol, "max_iter": 10_000}
        if problem.penalty == "l1":
            return Lasso(problem.alpha, **fixed)
        return ElasticNet(problem.alpha, l1_ratio=problem.l1_ratio, **fixed)
