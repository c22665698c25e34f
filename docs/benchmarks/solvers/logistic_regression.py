"""scikit-learn's LogisticRegression, all its solvers."""

import scipy.sparse as sp
from benchmark_utils.estimator_solver import EstimatorSolver, l1_ratio
from sklearn.linear_model import LogisticRegression


class Solver(EstimatorSolver):
    """C is 1 / (alpha n). liblinear penalises the intercept, so it only runs without one."""

    name = "LogisticRegression"
    parameters = {"solver": ["lbfgs", "newton-cg", "newton-cholesky", "liblinear", "liblinear-dual", "sag", "saga"]}

    def refuses(self, problem):
        """Other losses; penalties that the solver lacks."""
        if problem.loss != "log_loss":
            return "log loss only"
        if self.solver.startswith("liblinear") and (problem.fit_intercept or problem.n_classes > 2):
            return "penalises the intercept, and has no softmax"
        allowed = {"l1": ("liblinear", "saga"), "elasticnet": ("saga",)}
        if problem.penalty != "l2" and self.solver not in allowed[problem.penalty]:
            return f"no {problem.penalty}"
        if self.solver == "newton-cholesky" and problem.X.shape[1] * max(1, problem.n_classes - 1) > 8000:
            return "the Hessian is too large"
        return None

    def converted(self, X, y):
        """CSR with sorted indices."""
        return (sp.csr_matrix(X) if sp.issparse(X) else X), y

    def estimator(self, tol):
        """One fit."""
        problem = self.problem
        return LogisticRegression(
            C=1.0 / (problem.alpha * len(self.y)),
            l1_ratio=l1_ratio(problem),
            fit_intercept=problem.fit_intercept,
            solver=self.solver.removesuffix("-dual"),
            dual=self.solver == "liblinear-dual",
            tol=tol,
            max_iter=1_000 if self.solver in ("sag", "saga") else 10_000,
            random_state=0,
        )
