"""Penalties of one's own: one that draws weights to given values, and a constraint; checked, and fitted."""

import numpy as np
from sklearn.isotonic import isotonic_regression

from sklearn_gd import GDRegressor
from sklearn_gd.penalties import L2, Penalty, check_penalty


# 1. A smooth penalty: value, gradient and curvature. It draws the weights to last year's.
class Towards(Penalty):
    smooth = True

    def __init__(self, center):
        self.center = center

    def value(self, weights):
        return 0.5 * float(np.sum(self.gradient(weights) ** 2))

    def gradient(self, weights):
        return weights - np.reshape(self.center, (-1, 1))

    def curvature(self, weights):
        return np.ones_like(weights)

    def check_features(self, n_features):
        if len(self.center) != n_features:
            raise ValueError(f"Towards has {len(self.center)} values: expected one for each of the {n_features} features.")


# 2. A constraint: value and prox. The weights may not fall from one feature to the next.
class Monotone(Penalty):
    def value(self, weights):
        return 0.0 if np.all(np.diff(weights, axis=0) >= 0.0) else np.inf

    def prox(self, weights, step):
        return np.column_stack([isotonic_regression(column) for column in weights.T])


# 3. Checked: derivatives against differences of the value, the prox against other weights.
for penalty in (Towards([1.0, 2.0, 3.0]), Monotone(), L2() + Monotone()):
    for entry in check_penalty(penalty, on_fail="raise"):
        print(f"{type(penalty).__name__:8} {entry['check_name']:12} {entry['status']:8} {entry['message']}")

# 4. Claims by risk class. There are few policies in class 3: by themselves they say that it is cheaper than class 2.
rng = np.random.RandomState(4)
risk = np.repeat(np.arange(6), [90, 90, 90, 3, 90, 90])
X, y = np.eye(6)[risk], 0.3 * risk + 0.8 * rng.standard_normal(len(risk))
last_year = [0.0, 0.3, 0.6, 0.9, 1.2, 1.5]
for name, penalty in {"none": None, "last year's": Towards(last_year), "monotone": Monotone()}.items():
    model = GDRegressor("huber", penalty=penalty, alpha=0.1).fit(X, y)
    print(f"{name:12}", (model.coef_ - model.coef_[0]).round(2))
