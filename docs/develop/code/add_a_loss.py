"""A loss of one's own, in a pipeline, searched and checked."""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_gd import GDRegressor
from sklearn_gd.losses import CustomLoss, check_loss


# 1. A function of the target and the raw prediction: the loss of each element.
def promise(y_true, raw):
    late = y_true - raw
    capped = 30.0 * np.tanh(np.maximum(late, 0.0) / 30.0)
    return 0.5 * np.minimum(late, 0.0) ** 2 / 30.0 + 5.0 * 0.5 * capped**2 / 30.0


X, y = load_diabetes(return_X_y=True)
quick = GDRegressor(loss=CustomLoss(promise, convex=False)).fit(X, y)


# 2. The same with its derivative, when speed matters.
def promise_gradient(y_true, raw):
    late = y_true - raw
    t = np.tanh(np.maximum(late, 0.0) / 30.0)
    return -np.minimum(late, 0.0) / 30.0 - 5.0 * t * (1.0 - t**2)


loss = CustomLoss(promise, gradient=promise_gradient, convex=False)

# 3. Checked: against differences of the values, at easy and at extreme points.
for entry in check_loss(loss, on_fail="raise"):
    print(f"{entry['check_name']:12} {entry['status']:8} {entry['message']}")

# 4. In a pipeline, searched beside the built-in losses.
pipeline = make_pipeline(StandardScaler(), GDRegressor())
grid = {"gdregressor__loss": ["squared_error", "quantile", loss], "gdregressor__alpha": [1e-4, 1e-2]}


def scorer(estimator, X, y):
    return -promise(y, estimator.predict(X)).mean()


search = GridSearchCV(pipeline, grid, scoring=scorer, cv=5).fit(X, y)
print("best:", search.best_params_)
