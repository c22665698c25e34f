"""
Gradient descent on a line, step by step
========================================

Linear regression on y = 3x + 4 + noise, by the six steps that every tutorial on gradient descent has: initialise the
parameters, predict, compute the loss, compute the gradient, update ``params - learning_rate * gradient``, and repeat until
the loss is low enough or the epochs are spent.
"""

# %%
# The data: two hundred points around a line.
import matplotlib.pyplot as plt
import numpy as np

rng = np.random.RandomState(0)
x = 2.0 * rng.rand(200, 1)
y = 3.0 * x[:, 0] + 4.0 + 0.5 * rng.randn(200)

# %%
# By hand
# -------
# The six steps in NumPy. The loss of one sample is half the squared error; the *cost* is its mean over the samples,
# and that is what descends.
slope, intercept = 0.01 * rng.randn(2)  # 1. initialise
path = [(slope, intercept)]
for epoch in range(301):
    predicted = slope * x[:, 0] + intercept  # 2. predict
    error = predicted - y
    cost = 0.5 * np.mean(error**2)  # 3. compute the loss
    slope_gradient, intercept_gradient = (
        np.mean(error * x[:, 0]),
        np.mean(error),
    )  # 4. gradient
    if epoch % 100 == 0:
        print(f"epoch {epoch:3}: cost {cost:.4f}, y = {slope:.3f} x + {intercept:.3f}")
    slope -= 0.1 * slope_gradient  # 5. update
    intercept -= 0.1 * intercept_gradient
    path.append((slope, intercept))  # 6. repeat

# %%
# With an estimator
# -----------------
# The same loop, from another random start: a constant learning rate, and the cost printed every hundred epochs.
# ``alpha=0.0`` leaves the penalty out, and :class:`~sklearn_gd.EarlyStopping` without held-out rows ends the fit when the
# cost has reached a threshold.
from sklearn_gd import EarlyStopping, GDRegressor
from sklearn_gd.models import Linear
from sklearn_gd.solvers import GradientDescent

model = GDRegressor(
    alpha=0.0,
    model=Linear(init="normal"),
    solver=GradientDescent(learning_rate=0.1),
    early_stopping=EarlyStopping(validation_fraction=None, threshold=0.1142),
    max_iter=1000,
    verbose=100,
    random_state=0,
)
model.fit(x, y)
print(f"\n{model.stop_reason_} after {model.n_iter_} epochs")
print(f"y = {model.coef_[0]:.3f} x + {model.intercept_:.3f}")

# %%
# The line after 1, 10, 100 and all epochs.
figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
ax.plot(x[:, 0], y, ".", color="#999999", markersize=4, label="data")
ends = np.array([0.0, 2.0])
colors = {1: "#56B4E9", 10: "#E69F00", 100: "#D55E00", len(path) - 1: "#0072B2"}
for epoch, color in colors.items():
    slope, intercept = path[epoch]
    ax.plot(ends, slope * ends + intercept, color=color, label=f"epoch {epoch}")
ax.set(xlabel="x", ylabel="y")
_ = ax.legend(fontsize="small")

# %%
# Where it goes
# -------------
# A map of the cost over the two parameters, and the path on it. The first steps go straight down into the valley;
# then the valley floor is nearly flat, and most of the epochs are spent along it. That is what *slow convergence*
# looks like.
from sklearn_gd.plotting import LossCurveDisplay, LossLandscapeDisplay

descent = GDRegressor(
    alpha=0.0,
    solver=GradientDescent(learning_rate=0.1),
    model=Linear(init="normal"),
    random_state=0,
    max_iter=3000,
)
_ = LossLandscapeDisplay.from_estimator(descent, x, y)

# %%
# Three ways out: momentum, a solver that looks at curvature, or none at all, as least squares has a closed form.
from sklearn.linear_model import LinearRegression

fits = {
    "gradient descent": descent.fit(x, y),
    "with momentum": GDRegressor(
        alpha=0.0, solver=GradientDescent(learning_rate=0.1, momentum=0.8), max_iter=3000
    ).fit(x, y),
    "newton": GDRegressor(alpha=0.0, solver="newton").fit(x, y),
}
closed = LinearRegression().fit(x, y)
print(f"{'closed form':18} y = {closed.coef_[0]:.6f} x + {closed.intercept_:.6f}")
for name, fitted in fits.items():
    print(
        f"{name:18} y = {fitted.coef_[0]:.6f} x + {fitted.intercept_:.6f} after {fitted.n_iter_} iterations"
    )

display = LossCurveDisplay.from_estimator(fits, y="suboptimality")
_ = display.ax_.set_xlim(0, 150)
