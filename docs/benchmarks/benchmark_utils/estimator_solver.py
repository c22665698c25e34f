"""What all solvers share: an estimator with `fit`, made anew for each tolerance, timed from outside."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from benchopt import BaseSolver
from sklearn.exceptions import ConvergenceWarning

from .ladder import Ladder, tell
from .problem import Problem


def columns_first(X: Any) -> Any:
    """X in the order that coordinate descent wants: Fortran order, or CSC."""
    return sp.csc_matrix(X) if sp.issparse(X) else np.asfortranarray(X)


def l1_ratio(problem: Problem) -> float:
    """The share of l1 in the penalty, whatever its name."""
    return {"l1": 1.0, "l2": 0.0}.get(problem.penalty, problem.l1_ratio)


class EstimatorSolver(BaseSolver):
    """A solver says what it `refuses`, how data are `converted` (not timed), and which `estimator` belongs to a tolerance."""

    sampling_strategy = "tolerance"
    stopping_criterion = Ladder()
    once = False  # True: the estimator has no tolerance

    def refuses(self, problem: Problem) -> str | None:
        """Why this solver cannot do the problem, or None."""
        raise NotImplementedError

    def estimator(self, tol: float) -> Any:
        """The unfitted estimator."""
        raise NotImplementedError

    def converted(self, X: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
        """X and y in the form that the rival likes best."""
        return X, y

    def skip(self, problem):
        """benchopt's question."""
        reason = self.refuses(problem)
        return reason is not None, reason

    def set_objective(self, problem):
        """Convert the data."""
        tell(event="prepare", solver=str(self))
        self.problem = problem
        self.X, self.y = self.converted(problem.X, problem.y)

    def warm_up(self):
        """Fit a few rows, so that imports and compilation are not timed."""
        X, y = self.X, self.y
        rows = np.linspace(0, len(y) - 1, min(len(y), 500)).astype(int)
        with contextlib.suppress(Exception):
            self.X, self.y = self.converted(self.problem.X[rows], self.problem.y[rows])
            self.fit(1e-4)
        self.X, self.y = X, y

    def pre_run_hook(self, stop_val):
        """Say that a fit begins."""
        tell(event="start", solver=str(self), tolerance=None if self.once else stop_val)

    def run(self, stop_val):
        """One whole fit; a failure is told."""
        try:
            self.fit(stop_val)
        except Exception as error:
            at = None if self.once else stop_val
            tell(event="failure", solver=str(self), tolerance=at, message=f"{type(error).__name__}: {error}")
            raise

    def fit(self, tol):
        """Fit without a word, but note whether it warned that it had not converged."""
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
            warnings.simplefilter("always")
            self.fitted = self.estimator(tol).fit(self.X, self.y)
        self.warned = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)

    def get_result(self):
        """The coefficients."""
        return {"coef": self.fitted.coef_, "intercept": self.fitted.intercept_, "warned": self.warned}
