"""glum: generalised linear models in Cython."""

import scipy.sparse as sp
import tabmat
from benchmark_utils.estimator_solver import EstimatorSolver, columns_first, l1_ratio
from glum import GeneralizedLinearRegressor, TweedieDistribution

FAMILIES = {"log_loss": "binomial", "poisson": "poisson", "gamma": "gamma", "squared_error": "normal"}


class Solver(EstimatorSolver):
    """Its objective is half the deviance, so alpha is as is; columns are not rescaled."""

    name = "glum"
    parameters = {"solver": ["auto", "lbfgs"]}

    def refuses(self, problem):
        """Losses outside the family, several classes, and Hessians of more than 5,000 columns."""
        if problem.loss not in (*FAMILIES, "tweedie") or problem.n_classes > 2:
            return "no such family"
        if problem.loss == "squared_error" and problem.penalty == "l2":
            return "generalised models and l1 only"
        if self.solver == "lbfgs" and problem.penalty != "l2":
            return "no l1 with lbfgs"
        return "the Hessian is too large" if problem.X.shape[1] > 5_000 else None

    def converted(self, X, y):
        """tabmat's own matrices."""
        X = columns_first(X)
        return (tabmat.SparseMatrix(X) if sp.issparse(X) else tabmat.DenseMatrix(X)), y.astype(float)

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        family = TweedieDistribution(problem.parameter) if problem.loss == "tweedie" else FAMILIES[problem.loss]
        return GeneralizedLinearRegressor(
            alpha=problem.alpha,
            l1_ratio=l1_ratio(problem),
            fit_intercept=problem.fit_intercept,
            family=family,
            link="log" if problem.loss in ("tweedie", "gamma") else "auto",
            solver=self.solver,
            gradient_tol=tol,
            max_iter=10_000 if self.solver == "lbfgs" else 1_000,
        )
