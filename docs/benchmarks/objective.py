"""The objective: mean loss + alpha * penalty, in plain NumPy formulas that share no code with any of the solvers."""

import numpy as np
from benchmark_utils import Problem
from benchopt import BaseObjective
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp


def _log_loss(y, z, _):
    if z.ndim == 1:
        return np.logaddexp(0.0, z) - y * z
    return logsumexp(z, axis=1) - z[np.arange(len(y)), y]


def _huber(y, z, delta):
    r = np.abs(y - z)
    return np.where(r <= delta, 0.5 * r**2, delta * (r - 0.5 * delta))


LOSSES = {
    "squared_error": lambda y, z, _: 0.5 * (y - z) ** 2,
    "log_loss": _log_loss,
    "hinge": lambda y, z, _: np.maximum(0.0, 1.0 - (2 * y - 1) * z),
    "squared_hinge": lambda y, z, _: np.maximum(0.0, 1.0 - (2 * y - 1) * z) ** 2,
    "epsilon_insensitive": lambda y, z, epsilon: np.maximum(0.0, np.abs(y - z) - epsilon),
    "quantile": lambda y, z, level: np.maximum(level * (y - z), (level - 1.0) * (y - z)),
    "absolute_error": lambda y, z, _: np.abs(y - z),
    "huber": _huber,
    "log_cosh": lambda y, z, _: np.logaddexp(z - y, y - z) - np.log(2.0),
    "custom": lambda y, z, _: np.logaddexp(z - y, y - z),
    "poisson": lambda y, z, _: np.exp(z) - y * z,
    "gamma": lambda y, z, _: z + y * np.exp(-z),
    "tweedie": lambda y, z, p: np.exp((2 - p) * z) / (2 - p) - y * np.exp((1 - p) * z) / (1 - p),
}


def penalty_value(problem: Problem, w: np.ndarray) -> float:
    """alpha * penalty(w)."""
    l1_ratio = {"l1": 1.0, "l2": 0.0}.get(problem.penalty, problem.l1_ratio)
    return problem.alpha * (l1_ratio * np.abs(w).sum() + 0.5 * (1.0 - l1_ratio) * np.square(w).sum())


def best_constant(problem: Problem) -> float:
    """The objective of the best constant prediction; of 0 where there is no intercept."""
    y, loss, n_classes = problem.y, problem.loss, problem.n_classes
    if n_classes > 2:
        constant = np.zeros(n_classes)
        if problem.fit_intercept:
            constant = np.log(np.bincount(y) / len(y))
        return float(LOSSES[loss](y, np.broadcast_to(constant, (len(y), n_classes)), None).mean())

    def value(z):
        return float(LOSSES[loss](y, np.full(len(y), float(z)), problem.parameter).mean())

    if not problem.fit_intercept:
        return value(0.0)
    if loss == "log_loss":
        return value(np.log(y.mean() / (1.0 - y.mean())))
    if loss in ("poisson", "gamma", "tweedie"):
        return value(np.log(y.mean()))
    if loss in ("quantile", "absolute_error"):
        return value(np.quantile(y, problem.parameter or 0.5))
    if loss == "squared_error":
        return value(y.mean())
    return float(minimize_scalar(value, bounds=np.quantile(y, [0.01, 0.99]), method="bounded", options={"xatol": 1e-9}).fun)


class Objective(BaseObjective):
    """F at the coefficients that a solver returned, and at the best constant."""

    name = "mean loss + alpha * penalty"
    min_benchopt_version = "1.9"

    def set_data(self, problem):
        """Take the problem and find F of the best constant."""
        self.problem = problem
        self.constant = best_constant(problem)

    def get_objective(self):
        """What solvers see."""
        return {"problem": self.problem}

    def evaluate_result(self, coef, intercept, warned):
        """F at these coefficients, of shape (p,) or (K, p)."""
        problem = self.problem
        coef = np.asarray(coef, dtype=float)
        if problem.n_classes <= 2:
            coef, intercept = coef.ravel(), np.asarray(intercept, dtype=float).ravel()[0]
        with np.errstate(all="ignore"):
            raw = problem.X @ coef.T + intercept
            value = LOSSES[problem.loss](problem.y, raw, problem.parameter).mean() + penalty_value(problem, coef)
        return {"value": float(value), "constant": self.constant, "warned": bool(warned)}

    def get_one_result(self):
        """Zeros, for benchopt's own tests."""
        shape = (self.problem.n_classes, self.problem.X.shape[1]) if self.problem.n_classes > 2 else self.problem.X.shape[1]
        return {"coef": np.zeros(shape), "intercept": 0.0, "warned": False}
