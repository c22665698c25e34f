"""statsmodels' QuantReg: iteratively reweighted least squares."""

import numpy as np
from benchmark_utils.estimator_solver import EstimatorSolver
from statsmodels.regression.quantile_regression import QuantReg


class Weighted:
    """QuantReg behind scikit-learn's `fit`."""

    def __init__(self, level, fit_intercept, tol):
        self.level, self.fit_intercept, self.tol = level, fit_intercept, tol

    def fit(self, X, y):
        """Fit; the last column is the intercept's."""
        w = np.asarray(QuantReg(y, X).fit(q=self.level, vcov="iid", p_tol=self.tol, max_iter=10_000).params)
        self.coef_, self.intercept_ = (w[:-1], w[-1]) if self.fit_intercept else (w, 0.0)
        return self


class Solver(EstimatorSolver):
    """Quantiles and the median, without penalty."""

    name = "statsmodels QuantReg"

    def refuses(self, problem):
        """Other losses."""
        return (
            None if problem.loss in ("quantile", "absolute_error") and problem.alpha == 0 else "quantiles without penalty only"
        )

    def converted(self, X, y):
        """With a column of ones."""
        return (np.column_stack([X, np.ones(len(y))]) if self.problem.fit_intercept else X), y

    def estimator(self, tol):
        """One fit."""
        return Weighted(self.problem.parameter or 0.5, self.problem.fit_intercept, tol)
