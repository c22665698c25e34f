"""scipy.optimize.minimize: L-BFGS-B with the analytic gradient, as a user would write it."""

import numpy as np
from benchmark_utils.estimator_solver import EstimatorSolver
from scipy.optimize import minimize


def huber(r, delta):
    """Loss and derivative in the residual r = raw - y."""
    inside = np.clip(r, -delta, delta)
    return inside * (r - 0.5 * inside), inside


def log_cosh(r, _):
    """log(2 cosh r), the constant of no consequence."""
    return np.logaddexp(r, -r), np.tanh(r)


LOSSES = {"huber": huber, "log_cosh": log_cosh, "custom": log_cosh}


class Minimize:
    """A linear model fitted by L-BFGS-B."""

    def __init__(self, problem, tol):
        self.problem, self.tol = problem, tol

    def fit(self, X, y):
        """Minimise from zero."""
        alpha, loss, parameter = self.problem.alpha, LOSSES[self.problem.loss], self.problem.parameter

        def value_and_gradient(params):
            w = params[:-1]
            value, slope = loss(X @ w + params[-1] - y, parameter)
            slope /= len(y)
            return value.mean() + 0.5 * alpha * w @ w, np.append(X.T @ slope + alpha * w, slope.sum())

        options = {"maxiter": 10_000, "maxfun": 20_000}
        start = np.zeros(X.shape[1] + 1)
        done = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", tol=self.tol, options=options)
        self.coef_, self.intercept_ = done.x[:-1], done.x[-1]
        return self


class Solver(EstimatorSolver):
    """huber, log_cosh and the user's own function, with l2 and an intercept."""

    name = "scipy minimize"

    def refuses(self, problem):
        """Other losses."""
        return None if problem.loss in LOSSES else "huber, log_cosh and the custom loss only"

    def estimator(self, tol):
        """One fit."""
        return Minimize(self.problem, tol)
