"""
A million rows
==============

A million rows of twenty columns, fitted under three losses: how long it takes, how much memory, how close to the optimum; then
the same from an array on disk and from a stream of batches.
"""

# %%
# The data
# --------
# Made rows, in double precision: 160 MB. The labels follow a logistic model, the numbers have noise with long tails.
import numpy as np

rng = np.random.default_rng(0)
X = rng.standard_normal((1_000_000, 20))
signal = X @ rng.normal(scale=0.5, size=20)
label = signal + rng.logistic(size=len(X)) > 0
number = signal + rng.standard_t(2, size=len(X))
print(f"X has {X.nbytes / 1e6:.0f} MB")

# %%
# Time
# ----
# Estimators with their default settings, beside those of scikit-learn that minimise the same objective:
# :class:`~sklearn.linear_model.LogisticRegression` has C = 1 / (alpha * rows), and the stochastic ones the same alpha.
# ``n_jobs=2`` shares the rows between two threads. The pinball loss of scikit-learn,
# :class:`~sklearn.linear_model.QuantileRegressor`, is a linear program, which is out of reach with so many rows.
import time
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import Huber, LogLoss, Quantile

fits = {
    "log_loss": (GDClassifier("log_loss"), label),
    "log_loss, n_jobs=2": (GDClassifier("log_loss", n_jobs=2), label),
    "LogisticRegression": (LogisticRegression(C=1 / (1e-4 * len(X))), label),
    "SGDClassifier": (SGDClassifier("log_loss", alpha=1e-4, random_state=0), label),
    "huber": (GDRegressor("huber"), number),
    "huber, n_jobs=2": (GDRegressor("huber", n_jobs=2), number),
    "SGDRegressor, huber": (SGDRegressor("huber", epsilon=1.35, alpha=1e-4, random_state=0), number),
    "quantile 0.9": (GDRegressor(Quantile(0.9)), number),
    "quantile 0.9, n_jobs=2": (GDRegressor(Quantile(0.9), n_jobs=2), number),
}
seconds = {}
for name, (estimator, y) in fits.items():
    began = time.perf_counter()
    estimator.fit(X, y)
    seconds[name] = time.perf_counter() - began
    print(f"{name:22} {seconds[name]:5.2f} s")

# %%
# The same as a picture.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
colors = ["#0072B2" if isinstance(fits[name][0], (GDClassifier, GDRegressor)) else "#E69F00" for name in seconds]
bars = ax.barh(list(seconds), list(seconds.values()), color=colors)
ax.bar_label(bars, fmt="%.2f s", padding=3)
ax.invert_yaxis()
_ = ax.set(xlabel="time of a fit  (s)", xlim=(0, 1.15 * max(seconds.values())))

# %%
# How close to the optimum
# ------------------------
# The objective is the mean loss plus half of alpha times the squared length of the weights. ``optimality_`` is the certificate
# of a fit: 0 at the optimum, about 1 at the best constant prediction. The objectives of the others can be computed, and
# compared with the lowest.
from sklearn_gd.metrics import mean_loss

losses = {"log_loss": LogLoss(), "huber": Huber()}
for loss, names in {"log_loss": list(fits)[:4], "huber": list(fits)[4:7]}.items():
    objectives = {name: mean_loss(fits[name][0], X, fits[name][1], loss=losses[loss]) for name in names}
    objectives = {name: value + 0.5e-4 * np.sum(fits[name][0].coef_ ** 2) for name, value in objectives.items()}
    for name, value in objectives.items():
        certificate = getattr(fits[name][0], "optimality_", np.nan)
        print(
            f"{name:22} objective {value:.9f}, {value - min(objectives.values()):.1e} above the lowest; optimality_ {certificate:.0e}"
        )
