"""Every penalty: its prox is the argmin, its derivatives are derivatives, its subgradient is one."""

import numpy as np
import pytest
from tables import PENALTY_IDS, PENALTY_OBJECTS

from sklearn_gd import GDRegressor
from sklearn_gd.penalties import L1, L2, PENALTIES, Box, ElasticNet, GroupLasso, NonNegative, NoPenalty, Penalty, get_penalty

WEIGHTS = np.array([[0.7, -0.2], [0.05, 0.0], [-1.3, 2.0], [0.3, 0.3]])


@pytest.mark.parametrize("penalty", PENALTY_OBJECTS, ids=PENALTY_IDS)
def test_prox_is_the_argmin(penalty):
    part = get_penalty(penalty).prox_part
    rng = np.random.RandomState(0)
    before = WEIGHTS.copy()
    for step in (0.01, 0.3, 2.0):
        u = part.prox(WEIGHTS, step)
        best = step * part.value(u) + 0.5 * np.sum((u - WEIGHTS) ** 2)
        assert np.isfinite(best)
        for size in (1e-4, 1e-2, 1.0):
            for _ in range(50):
                other = u + size * rng.standard_normal(u.shape) * (rng.random(u.shape) < 0.5)
                if np.isfinite(part.value(other)):
                    assert step * part.value(other) + 0.5 * np.sum((other - WEIGHTS) ** 2) >= best - 1e-12
    np.testing.assert_array_equal(WEIGHTS, before)


@pytest.mark.parametrize("penalty", PENALTY_OBJECTS, ids=PENALTY_IDS)
def test_smooth_part(penalty):
    part = get_penalty(penalty).smooth_part
    h = 1e-5
    for j, k in np.ndindex(WEIGHTS.shape):
        e = np.zeros_like(WEIGHTS)
        e[j, k] = h
        slope = (part.value(WEIGHTS + e) - part.value(WEIGHTS - e)) / (2 * h)
        np.testing.assert_allclose(np.broadcast_to(part.gradient(WEIGHTS), WEIGHTS.shape)[j, k], slope, atol=1e-8)
        bend = (part.gradient(WEIGHTS + e) - part.gradient(WEIGHTS - e))[j, k] / (2 * h)
        np.testing.assert_allclose(part.curvature(WEIGHTS)[j, k], bend, atol=1e-8)


@pytest.mark.parametrize("penalty", PENALTY_OBJECTS, ids=PENALTY_IDS)
def test_subgradient_supports_the_penalty_and_is_the_nearest(penalty):
    part = get_penalty(penalty).prox_part
    rng = np.random.RandomState(0)
    for weights in (part.prox(WEIGHTS, 0.4), part.prox(np.zeros_like(WEIGHTS), 0.4)):
        gradient = 2.0 * rng.standard_normal(weights.shape)
        alpha = 0.6
        s = part.subgradient(weights, gradient, alpha)
        for _ in range(200):
            other = part.prox(weights + rng.standard_normal(weights.shape) * rng.choice([1e-3, 1.0]), 1e-3)
            assert alpha * part.value(other) >= alpha * part.value(weights) + np.sum(s * (other - weights)) - 1e-10
        # the default, from the prox alone, finds the same
        np.testing.assert_allclose(Penalty.subgradient(part, weights, gradient, alpha), s, atol=1e-5)


@pytest.mark.parametrize("penalty", PENALTY_OBJECTS, ids=PENALTY_IDS)
def test_parts_add_up(penalty):
    whole = get_penalty(penalty)
    weights = whole.prox_part.prox(WEIGHTS, 0.0)
    total = whole.smooth_part.value(weights) + whole.prox_part.value(weights)
    np.testing.assert_allclose(whole.value(weights), total)


@pytest.mark.parametrize("penalty", PENALTY_OBJECTS, ids=PENALTY_IDS)
def test_linear_between_kinks(penalty):
    part = get_penalty(penalty).prox_part
    kinks = part.kinks(WEIGHTS)
    if kinks is None:
        assert part.absent or not part.separable
        return
    rng = np.random.RandomState(0)
    for _ in range(100):
        kink = np.broadcast_to(kinks[rng.randint(len(kinks))], WEIGHTS.shape)
        side = rng.choice([-1.0, 1.0], size=WEIGHTS.shape)
        values = [part.value(np.where(np.isfinite(kink), kink, WEIGHTS) + t * 1e-3 * side) for t in (0.0, 0.5, 1.0)]
        if np.all(np.isfinite(values)):
            np.testing.assert_allclose(values[1], 0.5 * (values[0] + values[2]), rtol=1e-12)


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
