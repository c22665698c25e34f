"""
A million rows
==============

A million rows of twenty columns, fitted under three losses: how long it takes, how much memory, how close to the optimum; then
the same from an array on disk and from a stream of batches.
"""

# %%
# The data
# --------
# Made rows, in double precision. The labels follow a logistic model; the numbers have noise with long tails.
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
# ``n_jobs=2`` shares the rows between two threads; on a machine with one free processor it gains nothing.
import time
from sklearn.linear_model import (
    LogisticRegression,
    QuantileRegressor,
    SGDClassifier,
    SGDRegressor,
)
from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import Quantile

fits = {
    "log_loss": (GDClassifier("log_loss"), label),
    "log_loss, n_jobs=2": (GDClassifier("log_loss", n_jobs=2), label),
    "LogisticRegression": (LogisticRegression(C=1 / (1e-4 * len(X))), label),
    "SGDClassifier, log_loss": (SGDClassifier("log_loss", random_state=0), label),
    "huber": (GDRegressor("huber"), number),
    "SGDRegressor, huber": (SGDRegressor("huber", epsilon=1.35, random_state=0), number),
    "quantile 0.9": (GDRegressor(Quantile(0.9)), number),
}
seconds = {}
for name, (estimator, y) in fits.items():
    began = time.perf_counter()
    estimator.fit(X, y)
    seconds[name] = time.perf_counter() - began

# %%
# This package in blue, scikit-learn in orange. :class:`~sklearn.linear_model.QuantileRegressor` minimises the same pinball loss
# by a linear program, whose time grows faster than the number of rows: here on the first few thousand.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ours = [type(estimator).__name__.startswith("GD") for estimator, _ in fits.values()]
colors = np.where(ours, "#0072B2", "#E69F00")
bars = ax.barh(list(seconds), list(seconds.values()), color=colors)
ax.bar_label(bars, fmt="%.2f s", padding=3)
ax.invert_yaxis()
_ = ax.set(xlabel="time of a fit  (s)", xlim=(0, 1.15 * max(seconds.values())))

for n_rows in (1000, 2000, 3000):
    began = time.perf_counter()
    QuantileRegressor(quantile=0.9, alpha=0.0).fit(X[:n_rows], number[:n_rows])
    print(f"QuantileRegressor, {n_rows} rows: {time.perf_counter() - began:.2f} s")

# %%
# How close to the optimum
# ------------------------
# The objective is the mean loss plus half of alpha times the squared length of the weights; it can be computed for any
# estimator. ``optimality_`` is the certificate of a fit: 0 at the optimum, about 1 at the best constant prediction. The weights
# of a stochastic fit depend on the order of the rows.
from sklearn_gd.metrics import mean_loss

names = list(fits)
for loss, some in (
    ("log_loss", names[:4]),
    ("huber", names[4:6]),
    (Quantile(0.9), names[6:]),
):
    objectives = {}
    for name in some:
        estimator, y = fits[name]
        penalty = 0.5e-4 * np.sum(estimator.coef_**2)
        objectives[name] = mean_loss(estimator, X, y, loss=loss) + penalty
    for name, value in objectives.items():
        above = value - min(objectives.values())
        certificate = getattr(fits[name][0], "optimality_", np.nan)
        print(
            f"{name:23} {value:.8f}, {above:.0e} above the lowest, optimality_ {certificate:.0e}"
        )

# %%
# Memory
# ------
# X is not copied. The peak of what a fit allocates, as tracemalloc counts it:
import tracemalloc


def peak(estimator, *rows):
    tracemalloc.start()
    estimator.fit(*rows)
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size / X.nbytes


for estimator in (GDClassifier(), LogisticRegression(C=1 / (1e-4 * len(X)))):
    print(f"{type(estimator).__name__:19} {100 * peak(estimator, X, label):.0f} % of X")

# %%
# From an array on disk, and from a stream
# ----------------------------------------
# A large :class:`numpy.memmap` is read a block at a time. A :class:`~sklearn_gd.rows.Stream` takes a function that opens an
# iterator over batches, from files, a database or a simulation: see the page on data larger than memory. The first pass writes
# a compact copy to the folder for temporary files. The optimum is the same.
import tempfile
from pathlib import Path
from sklearn_gd.rows import Stream


def open_batches():
    for start in range(0, len(X), 100_000):
        yield X[start : start + 100_000], label[start : start + 100_000]


in_memory = fits["log_loss"][0]
with tempfile.TemporaryDirectory() as folder:
    np.save(Path(folder) / "X.npy", X)
    on_disk = np.load(Path(folder) / "X.npy", mmap_mode="r")
    for name, rows in (("memmap", (on_disk, label)), ("stream", (Stream(open_batches),))):
        model = GDClassifier()
        began = time.perf_counter()
        share = peak(model, *rows)
        seconds = time.perf_counter() - began
        difference = np.max(np.abs(model.coef_ - in_memory.coef_))
        print(f"{name}: {seconds:.2f} s, {100 * share:.0f} % of X in memory", end=", ")
        print(f"largest difference of a weight {difference:.0e}")
    del on_disk
