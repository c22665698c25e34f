"""A model of one's own: a low-rank map to several outputs, by two solvers, against least squares."""

from copy import copy

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from sklearn_gd import GDRegressor
from sklearn_gd.models import BoundModel, Model


# 1. The part: its parameters, and what predicts from the fitted attributes.
class LowRank(Model):
    """raw = (X U) V + b, U of shape (p, rank) and V of shape (rank, K)."""

    ranges = {"rank": ("an integer >= 1", lambda value: value >= 1 and int(value) == value)}

    def __init__(self, rank=1):
        self.rank = rank

    def bind(self, n_raw, fit_intercept, moments):
        return LowRankMap(len(moments.mean), self.rank, n_raw, fit_intercept)

    def start(self, bound, constant, random_state):
        """U is drawn and V is zero: the fit begins at the constant, and not at a saddle, as with both zero."""
        params = bound.at_constant(constant)
        bound.factors(params)[0][:] = random_state.standard_normal((bound.n_features, self.rank)) / np.sqrt(bound.n_features)
        return params

    def raw(self, X, fitted):
        return np.asarray(X @ fitted["U_"]) @ fitted["V_"] + fitted["intercept_"]


# 2. The map for given shapes: params are U, V and b, flat; V and b are in the unit of y that a fit measures.
class LowRankMap(BoundModel):
    def __init__(self, n_features, rank, n_raw, fit_intercept):
        self.n_features, self.rank, self.n_raw, self.fit_intercept = n_features, rank, n_raw, fit_intercept
        self.n_penalised = (n_features + n_raw) * rank
        self.size = self.n_penalised + n_raw * fit_intercept
        self.unit = np.ones(n_raw)

    def in_units(self, measured):
        unit, slope, has_unit = measured()
        result = copy(self)
        result.unit = np.where((unit > 0) & np.isfinite(unit), unit, 1.0)
        result.loss_slope = slope * result.unit.max() or 1.0
        result.loss_unit = result.loss_slope if has_unit else 1.0
        return result

    def factors(self, params):
        """Return views of U and V, and b."""
        U, V, b = np.split(params, [self.n_features * self.rank, self.n_penalised])
        return U.reshape(self.n_features, self.rank), V.reshape(self.rank, self.n_raw), b if self.fit_intercept else 0.0

    def forward(self, X, params, random_state=None):
        U, V, b = self.factors(params)
        hidden = X.dot(U)

        def pull_back(g):
            g = g * self.unit
            parts = [X.pull(g @ V.T), hidden.T @ g] + [g.sum(axis=0)] * self.fit_intercept
            return np.concatenate([part.ravel() for part in parts])

        return self.unit * (hidden @ V + b), pull_back

    def at_constant(self, constant):
        return np.concatenate([np.zeros(self.n_penalised), constant / self.unit if self.fit_intercept else []])

    def weights(self, params):
        return params[: self.n_penalised].reshape(-1, 1)

    def with_weights(self, params, weights):
        return np.concatenate([weights.ravel(), params[self.n_penalised :]])

    def padded(self, per_weight):
        return np.concatenate([per_weight.ravel(), np.zeros(self.size - self.n_penalised)])

    def attributes(self, params, dtype, shaped):
        U, V, b = self.factors(params)
        b = b + np.zeros(self.n_raw)
        return {"U_": U.astype(dtype), "V_": (V * self.unit).astype(dtype), "intercept_": (b * self.unit).astype(dtype)}

    def from_attributes(self, fitted):
        if np.shape(fitted.get("V_")) != (self.rank, self.n_raw) or len(fitted["U_"]) != self.n_features:
            return None
        inside = [fitted["U_"], fitted["V_"] / self.unit] + [fitted["intercept_"] / self.unit] * self.fit_intercept
        return np.concatenate([np.ravel(part) for part in inside]).astype(np.float64)


# 3. Fitted. At full rank it is least squares; below, the outputs share what the data say.
rng = np.random.RandomState(0)
X = StandardScaler().fit_transform(rng.standard_normal((200, 8)))
signal = X @ rng.standard_normal((8, 2)) @ rng.standard_normal((2, 5)) + [3.0, 0.0, 0.0, -1.0, 0.0]
y = signal + 2.0 * rng.standard_normal(signal.shape)
least_squares = LinearRegression().fit(X, y).predict(X)

# The best map of rank 2 is that of least squares, cut to its two largest singular values.
mean = y.mean(axis=0)
left, size, right = np.linalg.svd(least_squares - mean, full_matrices=False)
best = {5: least_squares, 2: mean + (left[:, :2] * size[:2]) @ right[:2]}

for solver, tol, near in [("lbfgs", 1e-9, 1e-6), ("adam", 1e-7, 0.05)]:
    for rank, expected in best.items():
        model = GDRegressor(model=LowRank(rank), solver=solver, alpha=0.0, tol=tol, random_state=0).fit(X, y)
        gap = np.linalg.norm(model.predict(X) - expected) / np.linalg.norm(expected - mean)
        error = np.mean((model.predict(X) - signal) ** 2)
        print(f"{solver:5}  rank {rank}: {gap:.1e} away from the best one, squared error {error:.2f}")
        assert gap < near
