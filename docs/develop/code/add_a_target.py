"""A target of one's own: numbers of which some are only known to be at least so large."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from sklearn_gd import GDRegressor
from sklearn_gd.losses import Loss
from sklearn_gd.targets import Encoding, Target


# 1. What y means: its checks, the columns of raw, what predict and score return.
class Censored(Target):
    """Two columns: the value, and 1 where the true one is at least that."""

    has_unit = True

    def check(self, y, name):
        if y.ndim != 2 or y.shape[1] != 2 or not np.all(np.isin(y[:, 1], (0, 1))):
            raise ValueError(f"{name} has shape {y.shape}: expected two columns, a number, and 1 where it is censored, else 0.")

    def n_raw(self, rowwise):
        return 1

    def prepare(self, y, rowwise):
        return np.asarray(y, dtype=np.float64)

    def encoded_for(self, loss):
        return CensoredEncoding(n_raw=1)

    def decode(self, raw, mean):
        return mean[:, 0]

    def score(self, y, predicted, weight):
        """Return R^2 of the values that are known."""
        known = y[:, 1] == 0
        return r2_score(y[known, 0], predicted[known], sample_weight=weight[known])

    def shaped(self, value):
        return value[0]


# 2. A block of y as the loss sees it, and the sums of which its mean is made: of what is known.
@dataclass(frozen=True)
class CensoredEncoding(Encoding):
    def encode(self, y):
        return y

    def totals(self, y, weight):
        known = weight * (y[:, 1] == 0)
        return np.atleast_1d(known @ y[:, 0]), np.atleast_1d(known.sum())


# 3. The loss, which names its target. It is rowwise: the two columns of y belong to one of raw.
class Tobit(Loss):
    """Minus the log likelihood of a normal distribution of known scale about raw, as far as raw matters."""

    task = "regression"
    rowwise = True
    ranges = {"scale": ("a number > 0", lambda value: value > 0)}

    def __init__(self, scale=1.0):
        self.scale = scale

    def target(self, y, classes=None):
        target = Censored()
        target.check(y, "y")
        return target

    def value(self, y, raw):
        z = (raw[:, 0] - y[:, 0]) / self.scale
        return np.where(y[:, 1] == 1, -log_ndtr(z), 0.5 * z**2)

    def gradient(self, y, raw):
        z = (raw[:, 0] - y[:, 0]) / self.scale
        hazard = np.exp(-0.5 * z**2 - log_ndtr(z)) / np.sqrt(2.0 * np.pi)
        return (np.where(y[:, 1] == 1, -hazard, z) / self.scale)[:, None]


# 4. Fitted: the logarithms of lifetimes, of which those that outlast the study are censored.
rng = np.random.RandomState(0)
X = rng.standard_normal((2000, 3))
life = X @ [1.0, -0.5, 0.2] + 2.0 + 0.7 * rng.standard_normal(2000)
end = rng.uniform(0.0, 4.0, 2000)
y = np.column_stack([np.minimum(life, end), life > end])

model = GDRegressor(loss=Tobit(scale=0.7), alpha=0.0).fit(X, y)
print("all lifetimes known: ", LinearRegression().fit(X, life).coef_.round(2))
print("censored, Tobit:     ", model.coef_.round(2), model.solver_)
print("censored, taken as is", LinearRegression().fit(X, y[:, 0]).coef_.round(2))
print(f"predictions of shape {model.predict(X).shape}, R^2 of what is known {model.score(X, y):.2f}")
assert np.abs(model.coef_ - [1.0, -0.5, 0.2]).max() < 0.06

# Where nothing is censored it is least squares.
known = np.column_stack([life, np.zeros(2000)])
model.fit(X, known)
assert np.allclose(model.coef_, LinearRegression().fit(X, life).coef_)
