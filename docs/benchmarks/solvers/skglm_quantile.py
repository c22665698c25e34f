"""skglm's two quantile regressions: PDCD_WS (primal-dual) and SmoothQuantileRegressor."""

import numpy as np
from benchmark_utils.estimator_solver import EstimatorSolver, columns_first
from skglm.experimental.pdcd_ws import PDCD_WS
from skglm.experimental.quantile_huber import SmoothQuantileRegressor
from skglm.experimental.quantile_regression import Pinball
from skglm.penalties import L1
from skglm.utils.jit_compilation import compiled_clone


class PrimalDual:
    """PDCD_WS without penalty, its intercept a column of ones."""

    def __init__(self, level, fit_intercept, tol):
        self.level, self.fit_intercept, self.tol = level, fit_intercept, tol

    def fit(self, X, y):
        """Solve; the dual starts where the sign of y puts it, as in skglm's own example."""
        start = np.sign(y) / 2 + (self.level - 0.5)
        solver = PDCD_WS(max_iter=10_000, tol=self.tol, p0=X.shape[1], dual_init=start)
        w = solver.solve(X, y, compiled_clone(Pinball(self.level)), compiled_clone(L1(0.0)))[0]
        self.coef_, self.intercept_ = (w[:-1], w[-1]) if self.fit_intercept else (w, 0.0)
        return self


class Solver(EstimatorSolver):
    """Quantiles and the median, without penalty."""

    name = "skglm quantile"
    parameters = {"solver": ["PDCD_WS", "smooth"]}

    def refuses(self, problem):
        """Other losses."""
        return (
            None if problem.loss in ("quantile", "absolute_error") and problem.alpha == 0 else "quantiles without penalty only"
        )

    def converted(self, X, y):
        """Fortran order; PDCD_WS gets the ones here."""
        if self.solver == "PDCD_WS" and self.problem.fit_intercept:
            X = np.column_stack([X, np.ones(len(y))])
        return columns_first(X), y

    def estimator(self, tol):
        """One fit; the smoothing ends at the tolerance."""
        level, fit_intercept = self.problem.parameter or 0.5, self.problem.fit_intercept
        if self.solver == "PDCD_WS":
            return PrimalDual(level, fit_intercept, tol)
        scale = float(np.std(self.y))
        widths = {"delta_init": scale, "delta_final": scale * min(tol, 0.5), "n_deltas": 10}
        return SmoothQuantileRegressor(level, alpha=0.0, tol=tol, max_iter=10_000, fit_intercept=fit_intercept, **widths)
