"""Shapes that a solver meets seldom: nothing to gain, groups of collinear columns, columns of extreme size."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sklearn_gd import GDClassifier


# -- nothing to gain --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tol", [1e-7, 1e-10])
@pytest.mark.parametrize("loss", ["log_loss", "focal", "hinge", "squared_hinge", "modified_huber", "crammer_singer"])
def test_a_constant_that_is_the_optimum_ends_the_fit(wine, loss, tol):
    """Several classes under a penalty that leaves no weight, with no gain to measure progress by."""
    rng = np.random.RandomState(1)
    problems = [load_iris(return_X_y=True), (wine[0][:, :5], wine[1]), (rng.randn(60, 3), np.arange(60) % 4)]
    for X, y in problems:
        model = GDClassifier(loss, penalty="l1", alpha=10.0, tol=tol, max_iter=40).fit(X, y)
        constant = GDClassifier(loss, alpha=0.0).fit(0.0 * X, y)
        assert model.converged_
        assert model.n_iter_ <= (40 if not model.loss_.smooth else 2)
        assert not model.coef_.any()
        np.testing.assert_allclose(model.loss_curve_[-1], constant.loss_curve_[-1], rtol=1e-9)


def test_many_classes_without_a_weight(digits):
    """The best constant prediction is the frequencies of the classes: F is their entropy."""
    X, y = digits
    share = np.bincount(y) / len(y)
    model = GDClassifier(penalty="l1", alpha=10.0).fit(X, y)
    assert model.n_iter_ <= 2
    np.testing.assert_allclose(model.loss_curve_[-1], -np.sum(share * np.log(share)), rtol=1e-12)


@pytest.mark.parametrize("alpha", [1e2, 1e10])
@pytest.mark.parametrize("loss", ["log_loss", "focal", "squared_hinge"])
def test_next_to_nothing_to_gain(wine, loss, alpha):
    X, y = wine
    model = GDClassifier(loss, alpha=alpha, tol=1e-10).fit(X, y)
    assert model.converged_
    assert model.n_iter_ <= 30


def test_a_gap_within_rounding_is_none():
    """The best constant for each column is -1, at a cost of twice the share of its class, and 2 in all."""
    rng = np.random.default_rng(2)
    model = GDClassifier("hinge", penalty="l1", alpha=10.0, tol=1e-10).fit(rng.standard_normal((60, 3)), rng.integers(0, 5, 60))
    assert model.converged_
    np.testing.assert_allclose(model.intercept_, -1.0, rtol=1e-9)
    np.testing.assert_allclose(model.loss_curve_[-1], 2.0, rtol=1e-12)
