"""scikit-learn's SGDClassifier and SGDRegressor."""

from benchmark_utils.estimator_solver import EstimatorSolver
from sklearn.linear_model import SGDClassifier, SGDRegressor

LOSSES = ("hinge", "squared_hinge", "log_loss", "huber", "epsilon_insensitive")


class Solver(EstimatorSolver):
    """Their alpha is alpha; epsilon is huber's delta."""

    name = "SGD"
    parameters = {"average": [False, True]}

    def refuses(self, problem):
        """Losses and penalties that it has otherwise, or not at all."""
        if problem.loss not in LOSSES or problem.n_classes > 2 or problem.penalty != "l2":
            return "huber, hinges and binary log loss with l2 only"
        return None

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        fixed = {"alpha": problem.alpha, "fit_intercept": problem.fit_intercept, "tol": tol, "max_iter": 1_000}
        fixed |= {"random_state": 0, "average": self.average}
        if problem.parameter is not None:
            fixed["epsilon"] = problem.parameter
        return (SGDClassifier if problem.n_classes else SGDRegressor)(problem.loss, **fixed)
