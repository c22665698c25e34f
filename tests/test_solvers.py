"""Every loss x penalty x solver: what is supported reaches the optimum, the rest refuses with a sentence."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from tables import CLASSIFICATION, DETERMINISTIC, REGRESSION, RULES, objective_of

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import LOSSES, CustomLoss, Huber, Quantile
from sklearn_gd.penalties import L2, Box, GroupLasso, NonNegative
from sklearn_gd.solvers import LBFGS, Auto, GradientDescent, Need, Newton, ProximalPoint, Reason, Solver, State, check_solver

PENALTIES = {
    "none": None,
    "l2": "l2",
    "l1": "l1",
    "elasticnet": "elasticnet",
    "nonnegative": "nonnegative",
    "group_lasso": GroupLasso([[0, 1, 2], [3, 4], [5, 6, 7, 8, 9]]),
    "box": Box(-0.1, 0.4),
    "l2 + nonnegative": L2() + NonNegative(),
}
SOLVER_OBJECTS = {
    "auto": "auto",
    **{name: solver() for name, solver in DETERMINISTIC.items()},
    "gd nesterov": GradientDescent(nesterov=True),
    "gd momentum": GradientDescent(momentum=0.8),
    "lbfgs memory": LBFGS(memory=3),
}


@pytest.mark.parametrize("name", [*SOLVER_OBJECTS, *RULES])
def test_contract(name):
    solver = RULES[name]() if name in RULES else Auto() if name == "auto" else SOLVER_OBJECTS[name]
    report = {entry["check_name"]: entry for entry in check_solver(solver, on_fail="raise")}
    skipped = {check for check, entry in report.items() if entry["status"] == "skipped"}
    assert skipped == ({"optimum"} if name in RULES else set())
    if name not in RULES:
        done, taken = report["optimum"]["message"].removeprefix("done with ").removesuffix(" problems").split(" of ")
        assert done == taken
        assert report["refusals"]["message"] == f"takes {taken} of 12 problems"


class Descent(Solver[State]):
    """A user's solver, as short as can be; its step suits the problems of `check_solver` with a smooth loss and penalty."""

    def __init__(self, rate=1.0):
        self.rate = rate

    def init(self, objective, params, plan, last=None):
        return State.at(objective.at(params))

    def step(self, objective, state):
        params = state.params - self.rate * state.gradient / objective.diagonal(state.params)
        return State.at(objective.at(params), iteration=state.iteration + 1)


class Hasty(Descent):
    def done(self, objective, state, tol):
        return Reason.CONVERGED if state.iteration >= 3 else None


class Writes(Descent):
    def step(self, objective, state):
        params = state.params
        params -= state.gradient / objective.diagonal(params)
        return State.at(objective.at(params), iteration=state.iteration + 1)


class WritesOnTheFirst(Descent):
    def init(self, objective, params, plan, last=None):
        params += 1.0
        return super().init(objective, params, plan)


class Miscounts(Descent):
    def step(self, objective, state):
        return replace(super().step(objective, state), iteration=state.iteration + 2)


class ForgetsToCount(Descent):
    def init(self, objective, params, plan, last=None):
        return State.at(objective.at(params), iteration=1)


class SameState(Descent):
    def step(self, objective, state):
        vars(state).update(vars(super().step(objective, state)))
        return state


class Remembers(Descent):
    def step(self, objective, state):
        self.rate = 0.9 * self.rate + 0.1
        return super().step(objective, state)


class Notes(Descent):
    def init(self, objective, params, plan, last=None):
        self.first = params
        return super().init(objective, params, plan)


class Overlooks(Descent):
    """The value without the penalty."""

    def step(self, objective, state):
        after = super().step(objective, state)
        return replace(after, value=after.value - objective.penalty_value(after.params))


class Stale(Descent):
    """The gradient of the last params."""

    def step(self, objective, state):
        return replace(super().step(objective, state), gradient=state.gradient)


class Flatters(Descent):
    def step(self, objective, state):
        after = super().step(objective, state)
        return replace(after, optimality=0.01 * after.optimality)


class Climbs(Descent):
    def step(self, objective, state):
        params = state.params + 1e-5 * state.gradient
        return State.at(objective.at(params), iteration=state.iteration + 1)


class BeginsElsewhere(Descent):
    def init(self, objective, params, plan, last=None):
        return State.at(objective.at(params - 3.0))


class Accepts(Descent):
    def check(self, objective):
        pass


class Curt(Descent):
    def check(self, objective):
        if not objective.loss.smooth:
            raise ValueError("No.")
        super().check(objective)


class TakesAnyPenalty(Descent):
    needs = frozenset({Need.MINIMUM, Need.LINEAR, Need.SMOOTH_LOSS})

    def done(self, objective, state, tol):
        return Reason.CONVERGED if np.abs(state.gradient).max() <= tol else None


class Slow(Descent):
    default_max_iter = 3


class Trusting(Descent):
    """It takes any state for its own."""

    def init(self, objective, params, plan, last=None):
        return super().init(objective, params, plan) if last is None else last


class Hides(Descent):
    def __init__(self, rate=1.0):
        self.rate = 0.5 * rate


def test_a_short_solver_keeps_the_contract():
    report = {entry["check_name"]: entry["message"] for entry in check_solver(Descent(0.5), on_fail="raise")}
    assert report["refusals"] == "takes 5 of 12 problems"
    assert report["optimum"] == "done with 5 of 5 problems"


@pytest.mark.parametrize(
    ("solver", "check", "message"),
    [
        (Hasty(0.5), "optimum", "done overlooks the optimality"),
        (Writes(), "steps", "step writes on params of the state"),
        (WritesOnTheFirst(0.5), "init", "init writes on the params"),
        (Miscounts(0.5), "steps", "step adds 2 to iteration"),
        (ForgetsToCount(0.5), "init", "returned iteration=1: expected 0"),
        (SameState(0.5), "steps", "step returned the state that it was given"),
        (Remembers(0.5), "steps", "a second step from the same state leads elsewhere"),
        (Remembers(0.5), "parameters", "it writes on its own rate"),
        (Notes(0.5), "parameters", "it writes on its own first"),
        (Overlooks(0.5), "value", "the penalty is missing"),
        (Stale(0.5), "certificate", "the gradient is off by"),
        (Flatters(0.5), "certificate", "the optimality is"),
        (Climbs(), "descent", "a step up the gradient"),
        (BeginsElsewhere(0.5), "init", "init does not begin at them"),
        (Accepts(0.5), "refusals", "which does not meet its needs"),
        (Curt(0.5), "refusals", "expected a sentence with 'use solver=...' in it"),
        (TakesAnyPenalty(0.5), "optimum", "without Need.SMOOTH_PENALTY"),
        (Slow(0.5), "optimum", "it is done with none of the problems"),
        (Trusting(0.5), "resume", "returned iteration="),
        (Hides(), "copies", "clone"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Solver) else None,
)
def test_check_solver_finds_the_mistake(solver, check, message):
    report = {entry["check_name"]: entry for entry in check_solver(solver)}
    assert report[check]["status"] == "failed"
    assert message in report[check]["message"]


def test_check_solver_raises_or_warns():
    with pytest.raises(AssertionError, match="optimum: it is done with"):
        check_solver(Hasty(0.5), on_fail="raise")
    with pytest.warns(UserWarning, match="optimum: it is done with") as caught:
        check_solver(Hasty(0.5), on_fail="warn")
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.raises(ValueError, match="expected an integer >= 1"):
        check_solver(LBFGS(memory=0))
    with pytest.raises(TypeError, match="takes a Solver object"):
        check_solver(LBFGS)


@pytest.fixture(scope="module")
def problems(diabetes, wine):
    X, y = diabetes
    wine = wine[0][:, :10], wine[1]
    return {"regression": (X[:200], 1.0 + np.abs(y[:200]) / 100.0), "classification": wine}


def _make(loss, **params):
    return (GDRegressor if loss in REGRESSION else GDClassifier)(loss=loss, **params)


def _fit(model, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(X, y)
    assert model.converged_ == (not caught)
    return model


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", [*REGRESSION, *CLASSIFICATION])
def test_triples(problems, loss, penalty):
    """All solvers that take a loss and a penalty agree on the objective at its optimum."""
    X, y = problems[LOSSES[loss].task]
    alpha = 0.02
    reached = {}
    for name, solver in SOLVER_OBJECTS.items():
        model = _make(loss, penalty=PENALTIES[penalty], alpha=alpha, solver=solver)
        try:
            _fit(model, X, y)
        except ValueError as refusal:
            assert name != "auto"
            assert "use solver='auto'" in str(refusal)
            continue
        reached[name] = model
    auto = reached["auto"]
    constant = _fit(_make(loss, penalty=PENALTIES[penalty], alpha=alpha), 0.0 * X, y).loss_curve_[-1]
    best = min(min(model.loss_curve_) for model in reached.values())
    separable = penalty in ("none", "nonnegative") and LOSSES[loss].task == "classification"
    for name, model in reached.items():
        value = objective_of(model, X, y, alpha)
        np.testing.assert_allclose(value, min(model.loss_curve_), rtol=1e-6, atol=1e-9)  # the best iterate is kept
        assert value <= constant + 1e-9 * abs(constant)
        if model.converged_ and auto.loss_.convex:
            assert (value - best) / (constant - best) <= 1e-6, name
    assert auto.converged_ or separable
    kinked = not auto.loss_.smooth
    for name in ("lbfgs", "newton_cg", "row_space"):
        assert (name in reached) == (not kinked and penalty in ("none", "l2"))
    assert ("working_set" in reached) == (not kinked and penalty in ("l1", "elasticnet"))
    assert ("gd" in reached) == ("newton" in reached) == (not kinked)
    assert len(reached) >= 2


def test_refusals_name_the_remedy(problems):
    X, y = problems["regression"]
    for loss in ("absolute_error", Quantile(0.3)):
        for solver in ("newton", "lbfgs", "gd"):
            with pytest.raises(ValueError, match="has kinks, and .* needs a smooth loss: use solver='auto'"):
                GDRegressor(loss=loss, solver=solver).fit(X, y)
    with pytest.raises(ValueError, match="not smooth, and LBFGS needs a smooth penalty: use solver='auto' or penalty='l2'"):
        GDRegressor(penalty="l1", solver="lbfgs").fit(X, y)
    with pytest.raises(ValueError, match="rowwise and has no prox.*use solver='auto'"):
        GDClassifier(solver="proximal_point").fit(*problems["classification"])


@pytest.mark.parametrize(
    "solver",
    [LBFGS(memory=0), GradientDescent(learning_rate=-1), GradientDescent(momentum=1.0), ProximalPoint(shrink=2.0)],
)
def test_parameters_out_of_range(problems, solver):
    with pytest.raises(ValueError, match=f"{type(solver).__name__}.*expected"):
        GDRegressor(solver=solver).fit(*problems["regression"])


def test_unknown_solver(problems):
    with pytest.raises(
        ValueError,
        match="Did you mean 'gd'.*'auto', 'convex_concave', 'dual', 'dual_coordinate_descent', 'gd', 'interior_point'",
    ):
        GDRegressor(solver="gradient_descent").fit(*problems["regression"])
    with pytest.raises(TypeError, match="is a class: pass an object"):
        GDRegressor(solver=Newton).fit(*problems["regression"])


# -- plain descent, as in the tutorial --------------------------------------------------------------------------------


def _line(n=100):
    rng = np.random.RandomState(0)
    x = 2.0 * rng.rand(n, 1)
    return x, 3.0 * x[:, 0] + 4.0 + rng.randn(n)


def _by_hand(x, y, rate, epochs, momentum=0.0, nesterov=False, w=0.0, b=None):
    b = y.mean() if b is None else b
    v = np.zeros(2)
    for t in range(epochs):
        error = w * x[:, 0] + b - y
        g = np.array([np.mean(error * x[:, 0]), np.mean(error)])
        step = rate(t) if callable(rate) else rate
        v = momentum * v - step * g
        move = momentum * v - step * g if nesterov else v
        w, b = w + move[0], b + move[1]
    return w, b


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("momentum", [0.0, 0.7])
@pytest.mark.parametrize("rate", [0.1, lambda t: 0.3 / (1 + 0.1 * t)])
def test_a_number_is_taken_literally(rate, momentum, nesterov):
    x, y = _line()
    descent = GradientDescent(learning_rate=rate, momentum=momentum, nesterov=nesterov)
    with pytest.warns(ConvergenceWarning):
        model = GDRegressor(alpha=0.0, solver=descent, max_iter=37).fit(x, y)
    w, b = _by_hand(x, y, rate, 37, momentum, nesterov)
    np.testing.assert_allclose([model.coef_[0], model.intercept_], [w, b], rtol=1e-10)
    assert model.n_iter_ == len(model.loss_curve_) == 37


def test_the_tutorial_line_ends_without_a_warning():
    x, y = _line()
    model = GDRegressor(alpha=0.0, solver=GradientDescent(learning_rate=0.1), max_iter=2000).fit(x, y)
    np.testing.assert_allclose([model.intercept_, model.coef_[0]], np.polynomial.polynomial.polyfit(x[:, 0], y, 1), rtol=1e-4)


def test_random_start():
    from sklearn_gd.models import Linear

    x, y = _line()
    descent = GradientDescent(learning_rate=0.1)

    def fit(init, seed):
        with pytest.warns(ConvergenceWarning):
            return GDRegressor(alpha=0.0, model=Linear(init=init), solver=descent, max_iter=3, random_state=seed).fit(x, y)

    w, b = 0.01 * np.random.RandomState(5).standard_normal(2)
    expected = _by_hand(x, y, 0.1, 3, w=w, b=b)
    np.testing.assert_allclose([fit("normal", 5).coef_[0], fit("normal", 5).intercept_], expected)
    ruled = fit(lambda shape, rng: np.ones(shape), None)
    np.testing.assert_allclose([ruled.coef_[0], ruled.intercept_], _by_hand(x, y, 0.1, 3, w=1.0, b=1.0))


def test_divergence_is_caught():
    x, y = _line()
    with pytest.warns(
        ConvergenceWarning, match=r"diverged.*learning rate 5 is too large: learning_rate=0\.\d+ is safe"
    ) as caught:
        model = GDRegressor(alpha=0.0, solver=GradientDescent(learning_rate=5.0)).fit(x, y)
    assert model.stop_reason_ == "diverged"
    assert np.isfinite(model.coef_).all()
    assert np.mean((model.predict(x) - y) ** 2) <= y.var() * (1 + 1e-12)
    safe = float(str(caught[0].message).split("learning_rate=")[1].split()[0])
    again = GDRegressor(alpha=0.0, solver=GradientDescent(learning_rate=safe), max_iter=5000).fit(x, y)
    assert again.converged_


@pytest.mark.parametrize("loss", ["absolute_error", "hinge"])
def test_subgradient_descent_by_a_given_rate(problems, loss):
    X, y = problems[LOSSES[loss].task]
    descent = GradientDescent(learning_rate=lambda t: 0.3 / np.sqrt(1 + t))
    with pytest.warns(ConvergenceWarning):
        model = _make(loss, solver=descent, alpha=0.02).fit(X, y)
    best = _make(loss, alpha=0.02).fit(X, y).loss_curve_[-1]
    assert best <= min(model.loss_curve_) < 1.2 * best


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "newton", GradientDescent(momentum=0.5)])
def test_units_of_the_columns_do_no_harm(problems, solver):
    X, y = problems["regression"]
    scale = 10.0 ** np.linspace(-9, 9, X.shape[1])
    plain = GDRegressor(loss="log_cosh", alpha=0.0, solver=solver, max_iter=5000).fit(X, y)
    scaled = GDRegressor(loss="log_cosh", alpha=0.0, solver=solver, max_iter=5000).fit(X * scale, y)
    np.testing.assert_allclose(scaled.coef_ * scale, plain.coef_, rtol=1e-3, atol=1e-5)


def test_descent_is_monotone(problems):
    X, y = problems["regression"]
    for solver in ("gd", "lbfgs", "newton", GradientDescent(momentum=0.5)):
        for loss in ("cauchy", "huber", "inverse_gaussian"):
            curve = np.array(_make(loss, solver=solver, max_iter=10_000).fit(X, y).loss_curve_)
            assert np.all(np.diff(curve) <= 1e-12 * np.abs(curve[:-1]))


# -- hard cases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 1e-4])
@pytest.mark.parametrize("scale", [1e3, 1e6])
def test_huber_far_from_its_scale(diabetes, alpha, scale):
    """delta = 1.35 beside targets in the millions: almost the absolute error."""
    X, y = diabetes
    huber = GDRegressor(loss=Huber(1.35), alpha=alpha).fit(X, y * scale)
    absolute = GDRegressor(loss="absolute_error", alpha=alpha / 1.35).fit(X, y * scale)
    assert huber.converged_
    np.testing.assert_allclose(huber.loss_curve_[-1] / 1.35, absolute.loss_curve_[-1], rtol=1e-3)


def absolute(y, raw):
    return np.abs(y - raw)


def test_the_first_custom_loss_that_everybody_tries(diabetes):
    X, y = diabetes
    for loss in (absolute, CustomLoss(absolute, smooth=False), lambda y, z: np.abs(y - z)):
        model = GDRegressor(loss=loss, alpha=0.01).fit(X, y)
        truth = GDRegressor(loss="absolute_error", alpha=0.01).fit(X, y)
        np.testing.assert_allclose(model.loss_curve_[-1], truth.loss_curve_[-1], rtol=1e-6)
        assert model.converged_


def test_a_kink_missed_is_never_called_converged(diabetes):
    X, y = diabetes
    with pytest.warns(ConvergenceWarning, match="smooth=False"):
        model = GDRegressor(loss=CustomLoss(absolute, smooth=True), alpha=0.01, solver="newton").fit(X, y)
    assert not model.converged_


def test_custom_smooth_loss_has_second_order_speed(diabetes):
    X, y = diabetes
    derived = GDRegressor(loss=lambda y, z: np.logaddexp(z - y, y - z) - np.log(2), alpha=0.1).fit(X, y / 50)
    closed = GDRegressor(loss="log_cosh", alpha=0.1).fit(X, y / 50)
    np.testing.assert_allclose(derived.coef_, closed.coef_, rtol=1e-5, atol=1e-7)
    assert derived.n_iter_ <= closed.n_iter_ + 3


def softmax_loss(y, raw):
    return np.log(np.exp(raw).sum(axis=1)) - raw[np.arange(len(y)), y.astype(int)]


def test_custom_rowwise_loss(wine):
    X, y = wine
    model = GDClassifier(loss=CustomLoss(softmax_loss, rowwise=True), alpha=0.01).fit(X, y)
    np.testing.assert_allclose(model.coef_, GDClassifier(alpha=0.01).fit(X, y).coef_, rtol=1e-4, atol=1e-6)


def test_separable_classes_without_penalty():
    rng = np.random.RandomState(0)
    X = np.r_[rng.randn(50, 3) - 4, rng.randn(50, 3) + 4]
    y = np.repeat(["no", "yes"], 50)
    for loss in ("log_loss", "exponential"):
        for solver in ("auto", "lbfgs", "gd"):
            with pytest.warns(ConvergenceWarning, match="no finite optimum"):
                model = GDClassifier(loss=loss, alpha=0.0, solver=solver).fit(X, y)
            assert model.stop_reason_ == "no finite optimum"
            assert model.score(X, y) == 1.0
    for loss in ("hinge", "squared_hinge", "modified_huber"):
        model = GDClassifier(loss=loss, alpha=0.0).fit(X, y)
        assert model.converged_
        assert model.score(X, y) == 1.0


@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error"])
def test_more_columns_than_rows(loss):
    rng = np.random.RandomState(0)
    X, y = rng.randn(30, 100), rng.randn(30)
    assert GDRegressor(loss=loss, alpha=0.0).fit(X, y).score(X, y) > 1 - 1e-8
    for penalty in ("l2", "l1"):
        assert GDRegressor(loss=loss, alpha=0.05, penalty=penalty).fit(X, y).converged_
    sparse_model = GDRegressor(loss=loss, alpha=0.1, penalty="l1").fit(X, y)
    assert 0 < np.count_nonzero(sparse_model.coef_) <= 30


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_very_wide(loss, penalty):
    rng = np.random.RandomState(0)
    X = rng.randn(60, 4000)
    y = X[:, :5].sum(axis=1) + 0.1 * rng.randn(60)
    model = GDRegressor(loss=loss, alpha=0.1, penalty=penalty).fit(X, y)
    assert model.converged_


def test_scales_side_by_side(diabetes):
    X, y = diabetes
    scale = np.r_[1e-12, 1e12, np.ones(X.shape[1] - 2)]
    stamp = 1.7e12 + np.random.RandomState(0).randint(0, 86_400_000, len(X))
    for loss in ("squared_error", "huber", "absolute_error", "poisson"):
        plain = GDRegressor(loss=loss, alpha=0.0).fit(X, y)
        scaled = GDRegressor(loss=loss, alpha=0.0).fit(X * scale, y)
        np.testing.assert_allclose(scaled.coef_ * scale, plain.coef_, rtol=1e-4, atol=1e-6)
        stamped = GDRegressor(loss=loss, alpha=0.0).fit(np.c_[X, stamp], y)
        centred = GDRegressor(loss=loss, alpha=0.0).fit(np.c_[X, (stamp - stamp.mean()) / stamp.std()], y)
        np.testing.assert_allclose(
            stamped.predict(np.c_[X, stamp]), centred.predict(np.c_[X, (stamp - stamp.mean()) / stamp.std()]), rtol=1e-4
        )


def test_constant_columns_and_targets(diabetes):
    X, y = diabetes
    with_constant = np.c_[X, np.full(len(X), 0.1), np.full(len(X), 1e9)]
    for loss in ("squared_error", "absolute_error", "huber"):
        plain = GDRegressor(loss=loss, alpha=0.01).fit(X, y)
        model = GDRegressor(loss=loss, alpha=0.01).fit(with_constant, y)
        np.testing.assert_allclose(model.coef_, np.r_[plain.coef_, 0, 0], rtol=1e-4, atol=1e-6)
        flat = GDRegressor(loss=loss).fit(X, np.full(len(X), 7.0))
        np.testing.assert_allclose(flat.predict(X), 7.0)
        assert flat.converged_
    with pytest.raises(ValueError, match="not all zero"):
        GDRegressor(loss="poisson").fit(X, np.zeros(len(X)))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "poisson"])
def test_float32(diabetes, loss):
    X, y = diabetes
    double = GDRegressor(loss=loss, alpha=0.01).fit(X, y)
    single = GDRegressor(loss=loss, alpha=0.01).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == single.predict(X.astype(np.float32)).dtype == np.float32
    assert single.converged_
    np.testing.assert_allclose(single.coef_, double.coef_, rtol=2e-3, atol=1e-2 * np.abs(double.coef_).max())


def test_equal_rows():
    n = 1_000_000
    for loss in ("squared_error", "absolute_error"):
        model = GDRegressor(loss=loss).fit(np.ones((n, 2)), np.full(n, 3.0))
        np.testing.assert_allclose(model.predict(np.ones((1, 2))), 3.0)


class Interrupting:
    """A loss that is interrupted at its n-th call."""

    def __init__(self, n):
        self.n = n

    def __call__(self, y, raw):
        self.n -= 1
        if self.n == 0:
            raise KeyboardInterrupt
        return (y - raw) ** 4


def test_ctrl_c_keeps_the_best_iterate(diabetes):
    X, y = diabetes
    model = GDRegressor(loss=CustomLoss(Interrupting(600), smooth=True), alpha=0.0, solver="gd", tol=0.0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y / 100)
    assert model.stop_reason_ == "interrupted"
    assert not model.converged_
    assert np.isfinite(model.predict(X)).all()


class Spoilt:
    """A loss that is nan from its n-th call on."""

    def __init__(self, n):
        self.n = n

    def __call__(self, y, raw):
        self.n -= 1
        return (y - raw) ** 2 if self.n > 0 else np.full_like(raw, np.nan)


def test_nan_at_some_iterate(diabetes):
    X, y = diabetes
    loss = CustomLoss(Spoilt(600), smooth=True)
    with pytest.warns(ConvergenceWarning, match="Spoilt.* became nan at iteration"):
        model = GDRegressor(loss=loss, alpha=0.0, solver=GradientDescent(learning_rate=1e-3)).fit(X, y)
    assert np.isfinite(model.coef_).all()
    with pytest.raises(ValueError, match="gave nan at iteration 0"):
        GDRegressor(loss=CustomLoss(Spoilt(0), smooth=True)).fit(X, y)


def test_warm_start(diabetes):
    X, y = diabetes
    model = GDRegressor(loss="huber", alpha=0.1, solver="lbfgs", warm_start=True).fit(X, y)
    first = model.n_iter_
    model.set_params(alpha=0.11).fit(X, y)
    assert model.n_iter_ < first
    cold = GDRegressor(loss="huber", alpha=0.11).fit(X, y)
    np.testing.assert_allclose(model.coef_, cold.coef_, rtol=1e-3, atol=1e-3)


def test_verbose(capsys, diabetes):
    with pytest.warns(ConvergenceWarning):
        GDRegressor(solver=GradientDescent(learning_rate=1e-3), max_iter=250, verbose=100).fit(*diabetes)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["iteration", "objective", "optimality", "step"]
    assert [int(line.split()[0]) for line in lines[1:]] == [0, 100, 200, 250]


def test_bounds_that_exclude_the_constant(problems):
    """The optimum then lies above the best constant prediction, and is found all the same."""
    X, y = problems["regression"]
    for loss in ("absolute_error", "squared_error", "huber"):
        model = GDRegressor(loss=loss, penalty=Box(1.0, 2.0), fit_intercept=False).fit(X * np.r_[30.0, np.ones(9)], y)
        assert model.converged_
        assert model.coef_.min() == 1.0


def test_max_iter_holds_for_both_tries(diabetes):
    with pytest.warns(ConvergenceWarning):
        model = GDRegressor(loss=Huber(1e-4), alpha=0.0, max_iter=3).fit(diabetes[0], diabetes[1] * 1000)
    assert model.n_iter_ == 3


def test_a_part_of_the_parameters_without_optimum(wine):
    """Separable by one label, or by one column: no finite optimum, whatever the other labels and columns say."""
    X, y = wine
    rng = np.random.RandomState(0)
    noise = (rng.rand(len(y)) > 0.5).astype(int)
    with pytest.warns(ConvergenceWarning, match="no finite optimum"):
        GDClassifier(alpha=0.0).fit(X[:, :2], np.c_[X[:, 0] > 0, noise].astype(int))
    dummy = (rng.rand(len(y)) < 0.2).astype(float)
    with pytest.warns(ConvergenceWarning, match="no finite optimum"):
        GDRegressor(loss="poisson", alpha=0.0).fit(np.c_[X, dummy], np.where(dummy > 0, 0, rng.poisson(3, len(y))))
    assert GDClassifier(alpha=0.0).fit(X[:, :2], noise).converged_


def test_warm_start_out_of_range(problems):
    X, y = problems["regression"]
    model = GDRegressor(loss="poisson", warm_start=True).fit(X, y).fit(1e4 * X, y)
    assert model.converged_


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", "quantile", "log_cosh", "poisson", "squared_hinge"]
)
def test_the_last_step_spoils_nothing(loss, seed):
    """Without a penalty the solution of least norm is returned only where rounding lets it be one."""
    r = np.random.default_rng(seed)
    X = r.poisson(2.0, (12, 14)) * 10.0 ** r.uniform(-8, 8, 14)
    y = 700 * np.abs(r.standard_normal(12)) if loss in REGRESSION else r.random(12) > 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = _make(loss, penalty=None, alpha=0.0).fit(X, y)
    raw = (X @ np.ravel(model.coef_) + model.intercept_)[:, None]
    target = y[:, None] if loss in REGRESSION else 2.0 * y[:, None] - 1.0
    values = model.loss_.value(target, raw)
    scale = model.loss_.value(target, np.full_like(raw, model.loss_.link(np.array([y.mean()]))[0])).mean()
    assert abs(values.mean() - model.loss_curve_[-1]) <= 1e-6 * abs(scale)


@pytest.mark.parametrize("columns", [3, 40])
def test_the_solution_of_least_norm(columns):
    """Duplicated columns, and more columns than rows: as numpy's pinv has it."""
    r = np.random.default_rng(0)
    X = r.standard_normal((20, columns))
    X = np.hstack([X, X[:, :2]])
    y = r.standard_normal(20)
    model = GDRegressor(alpha=0.0).fit(X, y)
    best = np.linalg.pinv(X - X.mean(axis=0)) @ (y - y.mean())
    np.testing.assert_allclose(model.coef_, best, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "loss", "X", "y"),
    [
        (GDRegressor, "epsilon_insensitive", np.arange(5.0)[:, None], [0.0, 0.05, 0.1, 0.15, 0.2]),
        (GDClassifier, "hinge", np.arange(3.0)[:, None], [[1, 0], [1, 0], [1, 0]]),
        (GDClassifier, "hinge", np.zeros((2, 1)), [[0, 0], [0, 0]]),
        (GDRegressor, "absolute_error", np.arange(4.0)[:, None], [2.0, 2.0, 2.0, 2.0]),
        (GDRegressor, "squared_epsilon_insensitive", np.arange(4.0)[:, None], [2.0, 2.0, 2.1, 2.0]),
    ],
)
@pytest.mark.parametrize("solver", ["auto", "interior_point", "proximal_point", "working_rows", "newton"])
def test_a_loss_of_exactly_zero(make, loss, X, y, solver):
    model = make(loss, solver=solver)
    try:
        model.fit(X, y)
    except ValueError as refusal:
        assert "use solver='auto'" in str(refusal)
        return
    assert model.converged_
    assert model.loss_curve_[-1] <= 1e-12


@pytest.mark.parametrize(
    ("loss", "best"), [("squared_error", 28.0 / 9.0), ("absolute_error", 2.0), ("log_cosh", None), ("linex", None)]
)
def test_bounds_keep_a_fit_from_a_constant_that_fits(loss, best):
    """y is constant, so that the best constant gives no scale; the weight must be two."""
    X, y = np.array([[1.0], [-1.0], [2.0]]), np.zeros(3)
    model = GDRegressor(loss, penalty=Box(lower=2.0), alpha=0.0).fit(X, y)
    assert model.converged_
    assert model.coef_[0] == 2.0
    grid = np.linspace(-4.0, 1.0, 500_001)
    value = sum(model.loss_.value(np.zeros((len(grid), 1)), (2.0 * x + grid)[:, None])[:, 0] for x in X[:, 0]) / 3.0
    np.testing.assert_allclose(model.loss_curve_[-1], value.min(), rtol=1e-6)
    if best is not None:
        np.testing.assert_allclose(model.loss_curve_[-1], best)


def test_threads_on_many_rows_change_nothing():
    """Samples of several blocks: a reduction within a reduction hung here for ever."""
    r = np.random.default_rng(0)
    X, y = r.standard_normal((20_000, 100)), r.integers(0, 2, 20_000)
    one, two = (GDClassifier(n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.coef_, two.coef_)


def test_linear_exponential_loss_far_from_its_scale(diabetes):
    """The mean of y costs more than a number can hold: the fit begins where it does not."""
    X, y = diabetes
    model = GDRegressor("linex", alpha=1e-3).fit(X, 30.0 * y)
    assert model.converged_
    assert np.isfinite(model.loss_curve_[-1])
