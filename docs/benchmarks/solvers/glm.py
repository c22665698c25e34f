"""scikit-learn's generalised linear models."""

from benchmark_utils.estimator_solver import EstimatorSolver
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

FAMILIES = {"poisson": PoissonRegressor, "gamma": GammaRegressor, "tweedie": TweedieRegressor}


class Solver(EstimatorSolver):
    """PoissonRegressor, GammaRegressor, TweedieRegressor with a log link; alpha as is."""

    name = "sklearn GLM"
    parameters = {"solver": ["lbfgs", "newton-cholesky"]}

    def refuses(self, problem):
        """Other losses."""
        return None if problem.loss in FAMILIES else "poisson, gamma and tweedie only"

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        family = {"power": problem.parameter, "link": "log"} if problem.loss == "tweedie" else {}
        fixed = {"alpha": problem.alpha, "fit_intercept": problem.fit_intercept, "max_iter": 10_000}
        return FAMILIES[problem.loss](solver=self.solver, tol=tol, **fixed, **family)
