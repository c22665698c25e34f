"""A solver of one's own: gradient descent whose step is measured by the last move; checked, and compared."""

from dataclasses import dataclass

from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from sklearn_gd import GDRegressor
from sklearn_gd.arrays import Array
from sklearn_gd.solvers import LBFGS, GradientDescent, Need, Solver, State, check_solver


# 1. What a step needs from the one before goes into the state.
@dataclass(kw_only=True)
class Measured(State):
    """A state with the unit of each parameter."""

    unit: Array


# 2. The state at the first parameters, and the state one step later.
class BarzilaiBorwein(Solver[Measured]):
    needs = frozenset({Need.MINIMUM, Need.SMOOTH_LOSS, Need.SMOOTH_PENALTY})

    def init(self, objective, params, plan, last=None):
        return Measured.at(objective.at(params), step=1.0, unit=1.0 / objective.diagonal(params))

    def step(self, objective, state):
        move = -state.step * state.unit * state.gradient
        point = objective.at(state.params + move)
        bend = move @ (point.gradient - state.gradient)
        step = move @ (move / state.unit) / bend if bend > 0.0 else state.step
        return Measured.at(point, iteration=state.iteration + 1, step=step, unit=state.unit)


# 3. Checked: on small problems, against the objective, and against the optimum that other solvers find.
for entry in check_solver(BarzilaiBorwein(), on_fail="raise"):
    print(f"{entry['check_name']:12} {entry['status']:8} {entry['message']}")

# 4. Compared.
X, y = load_diabetes(return_X_y=True)
for solver in (BarzilaiBorwein(), GradientDescent(), LBFGS()):
    model = GDRegressor("huber", alpha=0.01, solver=solver).fit(scale(X), y / y.std())
    print(f"{type(solver).__name__:16} {model.n_iter_:4} iterations, F = {model.loss_curve_[-1]:.8f}, {model.stop_reason_}")
