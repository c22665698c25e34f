"""Every penalty keeps its contract, and `check_penalty` finds those that do not."""

import numpy as np
import pytest
from tables import PENALTY_IDS, PENALTY_OBJECTS

from sklearn_gd import GDRegressor
from sklearn_gd.penalties import (
    L1,
    L2,
    PENALTIES,
    Box,
    ElasticNet,
    GroupLasso,
    NonNegative,
    NoPenalty,
    Penalty,
    check_penalty,
    get_penalty,
)

WEIGHTS = np.array([[0.7, -0.2], [0.05, 0.0], [-1.3, 2.0], [0.3, 0.3]])


@pytest.mark.parametrize("penalty", PENALTY_OBJECTS, ids=PENALTY_IDS)
def test_contract(penalty):
    report = check_penalty(penalty, on_fail="raise")
    status = {entry["check_name"]: entry["status"] for entry in report}
    assert set(status.values()) <= {"passed", "skipped"}
    whole = get_penalty(penalty)
    assert (status["gradient"] == "skipped") == (status["curvature"] == "skipped") == whole.smooth_part.absent
    assert (status["prox"] == "skipped") == (status["subgradient"] == "skipped") == whole.prox_part.absent
    # all that act on each weight alone are solved from piece to piece
    assert (status["kinks"] == "passed") == (status["separable"] == "passed")
    assert {entry["message"] for entry in report if entry["status"] == "passed"} == {""}


@pytest.mark.parametrize(
    "penalty",
    [
        L1() + NonNegative(),
        Box([-1.0, 0.0], 2.0) + L1([1.0, 2.0]) + L2(),
        GroupLasso([]),
        Box(5.0, 6.0),
        ElasticNet(1.0),
    ],
    ids=repr,
)
def test_contract_of_others(penalty):
    check_penalty(penalty, on_fail="raise")


def test_constraints_project_at_strength_zero():
    np.testing.assert_array_equal(NonNegative().prox(WEIGHTS, 0.0), np.maximum(WEIGHTS, 0.0))
    np.testing.assert_array_equal(L1().prox(WEIGHTS, 0.0), WEIGHTS)


class SmoothAbs(Penalty):
    smooth = True

    """A user's smooth penalty."""

    def value(self, weights):
        return float(np.sum(np.sqrt(weights**2 + 0.01)))

    def gradient(self, weights):
        return weights / np.sqrt(weights**2 + 0.01)

    def curvature(self, weights):
        return 0.01 / (weights**2 + 0.01) ** 1.5


class Cap(Penalty):
    """A user's constraint, by value and prox alone."""

    separable = True

    def value(self, weights):
        return 0.0 if np.all(weights <= 5.0) else np.inf

    def prox(self, weights, step):
        return np.minimum(weights, 5.0)


def test_contract_of_user_made_penalties():
    for penalty in (SmoothAbs(), Cap(), SmoothAbs() + Cap(), FirmThreshold(), Ball()):
        check_penalty(penalty, weights=10.0 * WEIGHTS, on_fail="raise")
    messages = {entry["check_name"]: entry["message"] for entry in check_penalty(FirmThreshold(), weights=3.0 * WEIGHTS)}
    assert messages["subgradient"] == "it is not convex"


class FirmThreshold(Penalty):
    """The minimax concave penalty, which is not convex: its prox does not shrink large weights. The step is below 4."""

    separable = True

    def value(self, weights):
        size = np.minimum(np.abs(weights), 4.0)
        return float(np.sum(size - size**2 / 8.0))

    def prox(self, weights, step):
        shrunk = np.sign(weights) * np.maximum(np.abs(weights) - step, 0.0) / (1.0 - step / 4.0)
        return np.where(np.abs(weights) <= 4.0, shrunk, weights)


class Ball(Penalty):
    """Columns of length one at most: a constraint that falls apart."""

    isotropic = True
    falls_apart = True

    def value(self, weights):
        return 0.0 if np.all(np.linalg.norm(weights, axis=0) <= 1.0 + 1e-12) else np.inf

    def prox(self, weights, step):
        return weights / np.maximum(np.linalg.norm(weights, axis=0), 1.0)

    def for_features(self, features):
        return self


def _with(base, **faults):
    return type("Faulty", (base,), faults)()


def _pairs(self):
    self.groups = [[0, 1]]


@pytest.mark.parametrize(
    ("penalty", "check", "message"),
    [
        (_with(SmoothAbs, smooth=False), "shapes", "smooth = True is missing"),
        (_with(L1, value=lambda self, w: np.abs(w)), "shapes", "the sum is missing"),
        (_with(L1, prox=lambda self, w, step: w[0]), "shapes", "prox returned shape (2,): expected (6, 2)"),
        (_with(L1, value=lambda self, w: float(np.sum(w * np.sign(w) / np.sign(w)))), "value", "the value is nan"),
        (_with(ElasticNet, value=lambda self, w: 0.0), "value", "smooth_part and prox_part together"),
        (_with(L2, gradient=lambda self, w: -w), "gradient", "the sign is reversed"),
        (_with(L2, gradient=lambda self, w: 2.0 * w), "gradient", "a factor of 2 is too much"),
        (_with(L2, gradient=lambda self, w: 0.5 * w), "gradient", "a factor of 2 is missing"),
        (_with(L1, smooth=True, gradient=lambda self, w: np.sign(w)), "curvature", "the gradient jumps"),
        (_with(SmoothAbs, curvature=Penalty.curvature), "curvature", "curvature is not defined, and zero"),
        (_with(L2, curvature=lambda self, w: w), "curvature", "it is multiplied by the weights"),
        (_with(L1, prox=lambda self, w, step: L1().prox(w, step**2)), "prox", "the step is multiplied in twice"),
        (_with(L1, prox=lambda self, w, step: L1().prox(w, 1.0 + 0.0 * step)), "prox", "the step is left out"),
        (_with(L1, prox=lambda self, w, step: L1().prox(w, 2.0 * step)), "prox", "a factor of 2 is too much"),
        (_with(Cap, value=lambda self, w: 0.0 if np.all(w <= 0.3) else np.inf), "prox", "does not project"),
        (_with(Cap, prox=lambda self, w, step: np.minimum(w, -1.0), value=lambda self, w: 0.0), "prox", "not the minimum"),
        (
            _with(L1, subgradient=lambda self, w, g, alpha: L1().subgradient(w, -g, alpha)),
            "subgradient",
            "or the sign",
        ),
        (_with(L1, subgradient=lambda self, w, g, alpha: L1().subgradient(w, g, 1.0)), "subgradient", "Likely mistake: alpha"),
        (
            _with(L1, prox=lambda self, w, step: L1().prox(w, 2.0 * step), subgradient=Penalty.subgradient),
            "subgradient",
            "promises a rise",
        ),
        (_with(GroupLasso, separable=True, __init__=_pairs), "separable", "changes with the other weights"),
        (_with(L1, prox=lambda self, w, step: L1().prox(w, np.max(step))), "separable", "when the step is an array"),
        (_with(L1, separable=False), "selects", "separable = False"),
        (_with(NonNegative, selects=True), "selects", "leaves no weight at exactly zero"),
        (_with(L1, prox=lambda self, w, step: np.maximum(w - step, 0.0)), "selects", "alpha = 0 would drop a constraint"),
        (_with(L1, kinks=lambda self, w: np.full((1, 1, 1), 0.5)), "kinks", "a kink is missing"),
        (_with(Box, kinks=lambda self, w: np.array([[[1.0]], [[0.0]]])), "kinks", "not in ascending order"),
        (_with(L1, kinks=lambda self, w: None if w.size == 1 else np.zeros((1, 1, 1))), "kinks", "for some shapes of weights"),
        (_with(L1, bounds=True), "bounds", "expected 0"),
        (_with(L2, isotropic=True, value=lambda self, w: float(np.sum(w**4))), "isotropic", "declares isotropic = True"),
        (_with(L1, for_features=lambda self, features: L1(2.0)), "features", "for_features has value"),
        (
            _with(L2, for_features=lambda self, features: _with(L2, curvature=lambda self, w: w)),
            "features",
            "another curvature",
        ),
        (_with(L1, prox=lambda self, w, step: np.maximum(np.abs(w, out=w) - step, 0.0)), "arguments", "written on"),
    ],
)
def test_check_penalty_finds_the_mistake(penalty, check, message):
    report = {entry["check_name"]: entry for entry in check_penalty(penalty)}
    assert report[check]["status"] == "failed"
    assert message in report[check]["message"]
    with pytest.raises(AssertionError):
        check_penalty(penalty, on_fail="raise")
    with pytest.warns(UserWarning) as caught:
        check_penalty(penalty, on_fail="warn")
    assert any(str(warning.message).startswith(check) for warning in caught)


def test_a_penalty_that_no_number_of_features_fits():
    def never(self, n_features):
        raise ValueError("Never fits.")

    with pytest.raises(ValueError, match="Never fits. Pass weights of a shape that fits."):
        check_penalty(_with(L1, check_features=never))
    with pytest.raises(TypeError, match="takes a Penalty object"):
        check_penalty(L1)


@pytest.mark.parametrize("solver", ["auto", "gd"])
def test_user_made_penalties(diabetes, solver):
    X, y = diabetes
    smooth = GDRegressor(penalty=SmoothAbs(), alpha=3.0, solver=solver).fit(X, y)
    residual = y - smooth.predict(X)
    slope = -X.T @ residual / len(y) + 3.0 * SmoothAbs().gradient(smooth.coef_)
    assert np.abs(slope).max() < 1e-3 * y.std()
    capped = GDRegressor(penalty=Cap(), solver=solver).fit(X, y)
    boxed = GDRegressor(penalty=Box(upper=5.0), solver=solver).fit(X, y)
    np.testing.assert_allclose(capped.coef_, boxed.coef_, rtol=1e-4, atol=1e-4)
    assert capped.coef_.max() == 5.0


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        ("l3", "Unknown penalty='l3'"),
        ("lasso", "Did you mean 'l1'"),
        (ElasticNet(1.5), "a number from 0 to 1"),
        (L1(weights=[1.0, -1.0]), "a number >= 0"),
        (L2(weights=[1.0, 2.0]), "one for each of the 10 features"),
        (GroupLasso([[0, 1], [1, 2]]), "column 1 is in two groups"),
        (GroupLasso([[0, 99]]), "there is no column 99"),
        (GroupLasso([0, 1]), "a list of lists"),
        (Box(1.0, 0.0), "lower <= upper"),
        (L1() + GroupLasso([[0, 1]]), "at most one"),
    ],
)
def test_bad_penalties(diabetes, penalty, message):
    with pytest.raises(ValueError, match=message):
        GDRegressor(penalty=penalty).fit(*diabetes)


@pytest.mark.parametrize("penalty", [L2, 3.0, L2() + 3.0])
def test_wrong_kinds(diabetes, penalty):
    with pytest.raises(TypeError, match="penalt|L2"):
        GDRegressor(penalty=penalty).fit(*diabetes)


def test_table():
    assert all(isinstance(penalty(), Penalty) for penalty in PENALTIES.values())
    assert get_penalty(None).value(WEIGHTS) == NoPenalty().value(WEIGHTS) == 0.0


def test_lasso_with_weights_that_may_not_be_negative():
    from sklearn.linear_model import ElasticNet as TheirElasticNet
    from sklearn.linear_model import Lasso

    rng = np.random.RandomState(0)
    X = rng.randn(80, 8)
    y = X @ [1.0, -1.0, 0.5, 0.0, 2.0, -0.3, 0.0, 0.1] + 0.3 * rng.randn(80)
    ours = GDRegressor(penalty=L1() + NonNegative(), alpha=0.05).fit(X, y)
    theirs = Lasso(alpha=0.05, positive=True, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)
    mixture = GDRegressor(penalty=ElasticNet(0.5) + NonNegative(), alpha=0.1).fit(X, y)
    theirs = TheirElasticNet(alpha=0.1, l1_ratio=0.5, positive=True, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(mixture.coef_, theirs.coef_, atol=1e-8)
    assert GDRegressor(penalty=Box(-0.2, 0.3) + L1(), alpha=0.0).fit(X, y).coef_.max() == 0.3
    assert repr(L1() + NonNegative()) == "L1() + NonNegative()"
