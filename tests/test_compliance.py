"""scikit-learn's own checks, on every loss name, solver and penalty, with no expected failure."""

import warnings

import pytest
import scipy
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version
from tables import CLASSIFICATION, REGRESSION

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import Huber, Quantile
from sklearn_gd.penalties import L2, Box, GroupLasso
from sklearn_gd.solvers import GradientDescent

# First-order solvers may end before tol on the data of some checks; what they return must pass all the same.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [
    GDRegressor(),
    GDClassifier(),
    *(GDRegressor(loss=name) for name in REGRESSION),
    *(GDClassifier(loss=name) for name in CLASSIFICATION),
    GDRegressor(loss=Huber(0.5)),
    GDRegressor(loss=Quantile(0.8)),
    *(make(solver="newton") for make in (GDRegressor, GDClassifier)),
    # Weights equal repeated rows to 1e-7 at the optimum: its steps, which depend on the last digit, are asked to go there.
    *(make(solver="lbfgs", tol=1e-13) for make in (GDRegressor, GDClassifier)),
    *(make(solver="gd") for make in (GDRegressor, GDClassifier)),
    *(make(solver=GradientDescent(0.05)) for make in (GDRegressor, GDClassifier)),
    GDRegressor(loss="huber", solver="proximal_point"),
    GDClassifier(loss="hinge", solver="proximal_point"),
    *(make(penalty=penalty) for make in (GDRegressor, GDClassifier) for penalty in (None, "l1", "elasticnet")),
    GDRegressor(penalty="nonnegative"),  # no classifier: check_classifiers_train wants a score that the bounds forbid
    *(make(penalty=Box(-1, 1)) for make in (GDRegressor, GDClassifier)),
    GDRegressor(penalty=GroupLasso([[0, 1]])),
    # Alone it leaves columns free, and on separable classes no finite optimum.
    GDClassifier(penalty=L2() + GroupLasso([[0, 1]])),
    GDRegressor(loss="huber", fit_intercept=False),
    GDClassifier(class_weight="balanced"),
]


@parametrize_with_checks(ESTIMATORS)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("make", [GDRegressor, GDClassifier])
@pytest.mark.parametrize("check", ["check_dataframe_column_names_consistency", "check_inplace_ensure_writeable"])
def test_checks_left_out(check, make):
    getattr(estimator_checks, check)(make.__name__, make())


def test_class_weight_balanced():
    estimator_checks.check_class_weight_balanced_linear_classifier("GDClassifier", GDClassifier())


@pytest.mark.skipif(parse_version(scipy.__version__) < parse_version("1.14"), reason="SciPy dispatches arrays from 1.14 on")
@pytest.mark.parametrize("make", [GDRegressor, GDClassifier])
def test_array_api_input(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator_checks.check_array_api_input_and_values(make.__name__, make(), array_namespace="numpy")
