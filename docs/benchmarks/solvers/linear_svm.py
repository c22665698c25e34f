"""scikit-learn's LinearSVC and LinearSVR: liblinear."""

import numpy as np
import scipy.sparse as sp
from benchmark_utils.estimator_solver import EstimatorSolver
from sklearn.svm import LinearSVC, LinearSVR


class Solver(EstimatorSolver):
    """C is 1 / (alpha n). It penalises the intercept, so it only runs without one."""

    name = "LinearSVM"
    parameters = {"dual": [True, False]}

    def refuses(self, problem):
        """Other losses; the primal of losses that are not smooth."""
        if problem.loss not in ("hinge", "squared_hinge", "epsilon_insensitive") or problem.penalty != "l2":
            return "hinges and epsilon_insensitive with l2 only"
        if problem.fit_intercept:
            return "penalises the intercept"
        return None if self.dual or problem.loss == "squared_hinge" else "no primal of this loss"

    def converted(self, X, y):
        """C order or CSR."""
        return (sp.csr_matrix(X) if sp.issparse(X) else np.ascontiguousarray(X)), y

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        fixed = {"C": 1.0 / (problem.alpha * len(self.y)), "fit_intercept": False, "tol": tol, "max_iter": 10_000}
        fixed |= {"dual": self.dual, "random_state": 0}
        if problem.n_classes:
            return LinearSVC(loss=problem.loss, **fixed)
        return LinearSVR(epsilon=problem.parameter, **fixed)
