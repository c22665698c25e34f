"""Penalties keyed by feature names: they fit as those written out by hand do, and name the feature that they do not find."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tables import CLASSIFICATION, DETERMINISTIC, REGRESSION

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.penalties import (
    L1,
    L2,
    Box,
    ByName,
    ElasticNet,
    GroupLasso,
    NonNegative,
    NoPenalty,
    Penalty,
    Signs,
    check_penalty,
    get_penalty,
)
from sklearn_gd.penalties.names import DefaultNames, columns_of

NAMES = load_diabetes().feature_names  # age sex bmi bp s1 ... s6
INF = np.inf


def _numbers(others, **known):
    """Return one number for each feature; a keyword such as s1_s2 is for both."""
    return np.array([next((number for key, number in known.items() if name in key.split("_")), others) for name in NAMES])


# Penalties by name, and the same ones with one number per feature.
PAIRS = {
    "weights": (L1({"age": 0, "s1": 3.0, "s[1-6]": 2.0}), L1(_numbers(1.0, age=0.0, s1=3.0, s2_s3_s4_s5_s6=2.0))),
    "sum": (
        L2({"s[1-6]": 0.5}) + L1({"b*": 0.0}) + Box(lower={"bp": 0.0}),
        L2(_numbers(1.0, s1_s2_s3_s4_s5_s6=0.5)) + L1(_numbers(1.0, bmi_bp=0.0)) + Box(_numbers(-INF, bp=0.0)),
    ),
    "box": (
        Box(lower={"bmi": -0.1, "s1": 0.0}, upper={"s[12]": 0.1}),
        Box(_numbers(-INF, bmi=-0.1, s1=0.0), _numbers(INF, s1_s2=0.1)),
    ),
    "signs": (
        Signs({"age": 1, "sex": 1, "s[1-6]": -1}),
        Box(_numbers(-INF, age_sex=0.0), _numbers(INF, s1_s2_s3_s4_s5_s6=0.0)),
    ),
    "groups": (GroupLasso([["age", "bmi"], [4, "s[23]"], ["s*"]]), GroupLasso([[0, 2], [4, 5, 6], [1, 7, 8, 9]])),
    "shrinkage": (
        {"age": "l2", "s[1-6]": "l1", "*": ElasticNet(0.4)},
        L2(_numbers(0.6, age=1.0, s1_s2_s3_s4_s5_s6=0.0)) + L1(_numbers(0.4, age=0.0, s1_s2_s3_s4_s5_s6=1.0)),
    ),
    "some": (
        {"age": L2({"age": 3.0}), "s[1-4]": L1({"s1": 2.0}) + L2(0.5)},
        L2(_numbers(0.0, age=3.0, s1_s2_s3_s4=0.5)) + L1(_numbers(0.0, s1=2.0, s2_s3_s4=1.0)),
    ),
    "bounds": (
        {"bmi": "nonnegative", "s[12]": Box(-0.1, [0.1, 0.2]), "age": None},
        Box(_numbers(-INF, bmi=0.0, s1_s2=-0.1), _numbers(INF, s1=0.1, s2=0.2)),
    ),
    "two with a prox": (
        {"bmi": NonNegative(), "s[1-6]": L1(), "*": L2()},
        L2(_numbers(1.0, bmi_s1_s2_s3_s4_s5_s6=0.0)) + L1(_numbers(0.0, s1_s2_s3_s4_s5_s6=1.0)) + Box(_numbers(-INF, bmi=0.0)),
    ),
    "groups of some": (
        {"s[1-6]": GroupLasso([["s1", 1], ["*"]]), "*": L2()},
        GroupLasso([[4, 5], [6, 7, 8, 9]]) + L2(_numbers(1.0, s1_s2_s3_s4_s5_s6=0.0)),
    ),
    "one for all": ({"*": L2(2.0)}, L2(2.0)),
}
PAIR_IDS = list(PAIRS)


@pytest.fixture(scope="module")
def frame():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return ((X - X.mean()) / X.std()).iloc[:300], y.iloc[:300] / 50.0


def _fitted(kind, loss, penalty, X, y, **settings):
    return kind(loss, penalty=penalty, alpha=0.05, **({"tol": 1e-9} | settings)).fit(X, y)


def _agree(model, expected, rtol=1e-7):
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=0, atol=rtol * np.abs(expected.coef_).max())


# -- the same fit as by hand ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIR_IDS)
@pytest.mark.parametrize("loss", REGRESSION)
def test_regression(frame, loss, pair):
    X, y = frame
    by_name, by_hand = PAIRS[pair]
    _agree(*(_fitted(GDRegressor, loss, penalty, X, y) for penalty in (by_name, by_hand)))


@pytest.mark.parametrize("pair", PAIR_IDS)
@pytest.mark.parametrize("loss", CLASSIFICATION)
def test_classification(frame, loss, pair):
    X, y = frame
    y = np.digitize(y, [2.0, 4.0]) if loss == "crammer_singer" or pair in ("shrinkage", "signs") else y > y.median()
    by_name, by_hand = PAIRS[pair]
    _agree(*(_fitted(GDClassifier, loss, penalty, X, y) for penalty in (by_name, by_hand)))


@pytest.mark.parametrize("pair", PAIR_IDS)
@pytest.mark.parametrize("solver", [*DETERMINISTIC, "sgd", "adam"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_solvers(frame, solver, pair):
    X, y = frame
    by_name, by_hand = (get_penalty(penalty).named(NAMES) for penalty in PAIRS[pair])
    for loss in ("squared_error", "quantile", "poisson"):
        settings = {"solver": solver, "max_iter": 50, "random_state": 0}
        try:
            expected = _fitted(GDRegressor, loss, by_hand, X, y, **settings)
        except ValueError:  # the solver does not take it
            with pytest.raises(ValueError, match=DETERMINISTIC[solver].__name__):
                _fitted(GDRegressor, loss, by_name, X, y, **settings)
        else:
            _agree(_fitted(GDRegressor, loss, by_name, X, y, **settings), expected)


def test_many_features_and_sparse_streams():
    rng = np.random.RandomState(0)
    X = sparse.random(150, 700, 0.05, "csr", random_state=rng)
    y = X[:, :5] @ [3.0, -2.0, 2.0, 1.0, -1.0] + 0.1 * rng.standard_normal(150)
    names = [f"{'word' if j % 3 else 'tag'}_{j}" for j in range(700)]
    by_name = get_penalty({"word_*": "l1", "tag_*": ElasticNet(0.5), "tag_0": "l2"}).named(names)
    kinks, slopes = np.where(np.arange(700) % 3, 1.0, 0.5), np.where(np.arange(700) % 3, 0.0, 0.5)
    kinks[0], slopes[0] = 0.0, 1.0
    by_hand = L1(kinks) + L2(slopes)
    for solver in ("auto", "working_set"):
        _agree(*(GDRegressor(penalty=each, alpha=1e-3, solver=solver).fit(X, y) for each in (by_name, by_hand)))
    streamed, expected = (GDRegressor(penalty=each, alpha=1e-3, solver="sgd", random_state=0) for each in (by_name, by_hand))
    for start in range(0, 150, 50):
        rows = slice(start, start + 50)
        _agree(streamed.partial_fit(X[rows], y[rows]), expected.partial_fit(X[rows], y[rows]))


def test_two_kinked_penalties_of_different_features(frame):
    """Their sum would be refused; the optimum satisfies the conditions of each on its own features."""
    X, y = frame
    model = _fitted(GDRegressor, "squared_error", {"s[1-6]": GroupLasso([[0, 1], ["*"]]), "*": L1()}, X, y)
    pull = X.to_numpy().T @ (y - model.predict(X)).to_numpy() / len(y)
    alone, group = model.coef_[:4], model.coef_[6:]
    np.testing.assert_allclose(pull[:4][alone != 0], 0.05 * np.sign(alone[alone != 0]), atol=1e-8)
    assert np.all(np.abs(pull[:4]) <= 0.05 + 1e-8)
    np.testing.assert_allclose(pull[6:], 0.05 * 2.0 * group / np.linalg.norm(group), atol=1e-8)


# -- the contract -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "penalty",
    [
        *(get_penalty(by_name).named(NAMES) for by_name, _ in PAIRS.values()),
        L1({"x0": 0.5, "x[12]": 2.0}) + Box(lower={"x0": 0.0}),
        ByName({"x0": L2(), "x1": L1()}) + NonNegative() + L2({"x2": 3.0}),
        ByName({"x[01]": GroupLasso([["x0", 1]]), "x2": L1()}),
        ByName({"x[0-2]": ByName({"x0": L1(), "x*": NonNegative()}), "*": NoPenalty()}),
        ByName({}),
    ],
    ids=repr,
)
def test_contract(penalty):
    check_penalty(penalty, on_fail="raise")


@pytest.mark.parametrize("pair", PAIR_IDS)
def test_values_and_copies(pair):
    by_name, by_hand = (get_penalty(penalty).named(NAMES) for penalty in PAIRS[pair])
    weights = np.random.RandomState(0).standard_normal((10, 2))
    assert by_name.value(weights) == pytest.approx(by_hand.value(weights))
    assert by_name.prox_part.bounds == by_hand.prox_part.bounds
    assert by_name.prox_part.separable == by_hand.prox_part.separable
    assert by_name.prox_part.selects == by_hand.prox_part.selects
    assert by_name.falls_apart == by_hand.falls_apart
    for again in (clone(by_name), pickle.loads(pickle.dumps(by_name)), by_name.named(["another"] * 10)):
        assert again.value(weights) == by_name.value(weights)


def test_what_is_not_keyed_is_unchanged():
    for penalty in (L1(), L2([1.0, 2.0]), Box(0.0), GroupLasso([[0, 1]]), NonNegative(), NoPenalty()):
        assert penalty.named(["a", "b"]) is penalty


def test_a_penalty_of_ones_own_has_names_by_one_line():
    class Towards(Penalty):
        smooth = True
        neutral = {"center": 0.0}

        def __init__(self, center):
            self.center = center

        def value(self, weights):
            return 0.5 * float(np.sum(self.gradient(weights) ** 2))

        def gradient(self, weights):
            return weights - np.reshape(self.center, (-1, 1))

        def curvature(self, weights):
            return np.ones_like(weights)

    np.testing.assert_array_equal(Towards({"b*": 2.0}).named(["a", "b1", "b2"]).center, [0.0, 2.0, 2.0])
    check_penalty(Towards({"x[34]": 2.0}), on_fail="raise")


# -- names ------------------------------------------------------------------------------------------------------------


def test_which_key_a_column_has():
    names = np.array(["age", "a[1]", "a_2", "b_2"], dtype=object)
    assert columns_of(["*_2", "a*", 0, "a[1]"], names, "x") == [[2, 3], [], [0], [1]]
    assert columns_of(["b*", "*2", "*"], names, "x") == [[3], [2], [0, 1]]
    assert columns_of(["twin"], ["twin", "other", "twin"], "x") == [[0, 2]]
    assert columns_of(["x1", "x?"], DefaultNames(3), "x") == [[1], [0, 2]]


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (L1({"agee": 2.0}), r"L1\(weights=...\): no feature is named 'agee', or matches it. Did you mean 'age'\? The features"),
        (
            Box(upper={"t*": 2.0}),
            r"Box\(upper=...\): no feature is named 't\*'.*are 'age', 'sex', 'bmi', 'bp', 's1' and 5 more",
        ),
        (Signs({10: 1}), r"Signs\(monotonic_cst=...\): no feature is named 10"),
        (GroupLasso([["age"], ["S1"]]), r"GroupLasso\(groups=...\): no feature is named 'S1'"),
        ({"s*": "l1", "bm": "l2"}, "penalty={...}: no feature is named 'bm', or matches it. Did you mean 'bmi'"),
        ({"s*": L1({"age": 2.0})}, "no feature is named 'age', or matches it. The features are 'sex', 's1'"),
        ({"age": "l1", 0: "l2"}, "penalty={...}: 'age' and 0 are the same column"),
        (GroupLasso([["age"], ["bmi", 0]]), "'age' and 0 are the same column"),
        (GroupLasso([["age"], ["age"]]), "column 'age' is in two groups"),
        (GroupLasso(["age", "sex"]), "a list of lists of column numbers or feature names"),
        (L1({"age": -1.0}), "a number >= 0"),
        (L2({"age": "strong"}), "a number >= 0"),
        (Signs({"age": 2}), "1, 0 or -1"),
        (Signs(1), "has 1 signs: expected 10"),
        (Signs([1, -1]), "has 2 signs: expected 10"),
        (Box(lower={"age": 1.0}, upper={"a*": 0.0}), "lower <= upper"),
        (Box(lower={"age": np.inf}), "lower <= upper"),
        ({"age": "l3"}, "Unknown penalty='l3'"),
        ({"age": L1([1.0, 2.0])}, "one for each of the 1 features"),
        ({"b*": GroupLasso([[0, 2]])}, "there is no column 2; X has n_features = 2"),
    ],
)
def test_bad_names_and_parameters(frame, penalty, message):
    with pytest.raises(ValueError, match=message):
        GDRegressor(penalty=penalty).fit(*frame)


@pytest.mark.parametrize("penalty", [{"age": 3.0}, {"age": L1}, ByName({"age": "l1"})])
def test_wrong_kinds(frame, penalty):
    with pytest.raises(TypeError, match="penalty|Penalty"):
        GDRegressor(penalty=penalty).fit(*frame)


@pytest.mark.parametrize(
    "penalty", [L1({"a": 1.0}), Box({"a": 0.0}), Signs({"a": 1}), GroupLasso([["a"]]), ByName({"a": L1()})]
)
def test_names_that_are_not_resolved(penalty):
    """Only the penalty that `named` returns has values."""
    with pytest.raises(ValueError, match=r"is keyed by feature names: call named\(names\)"):
        penalty.value(np.ones((2, 1)))
    with pytest.raises(ValueError, match="keyed by feature names"):
        penalty.check_features(2)
    assert np.isfinite(penalty.named(["a", "b"]).value(np.ones((2, 1))))
    with pytest.raises(ValueError, match=r"no feature is named 'a'.*pass penalty.named\(names\)"):
        check_penalty(penalty, weights=np.ones((2, 1)))


# -- in an estimator --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [{"bmi": 5.0, "s[1-6]": 2.0}])
def test_a_series_is_keyed_by_its_index(frame, numbers):
    """One number for each name, in any order: never taken for one number per feature."""
    for penalty in (lambda given: L1(given), lambda given: Box(upper=given), lambda given: {"age": L1(), "*": L2(given)}):
        one, two = (GDRegressor(penalty=penalty(given), alpha=0.1).fit(*frame) for given in (numbers, pd.Series(numbers)))
        np.testing.assert_array_equal(two.coef_, one.coef_)
    with pytest.raises(ValueError, match="no feature is named 'bim'"):
        GDRegressor(penalty=L1(pd.Series({"bim": 1.0}))).fit(*frame)


def test_arrays_have_the_names_of_scikit_learn(frame):
    X, y = frame
    by_number, by_default_name, by_name = (
        GDRegressor(penalty=L1({key: 5.0}), alpha=0.1).fit(rows, y)
        for key, rows in ((2, X.to_numpy()), ("x2", X.to_numpy()), ("bmi", X))
    )
    np.testing.assert_array_equal(by_number.coef_, by_name.coef_)
    np.testing.assert_array_equal(by_default_name.coef_, by_name.coef_)
    with pytest.raises(ValueError, match=r"named 'bmi'.*X came without feature names.*set_output\(transform='pandas'\)"):
        GDRegressor(penalty=L1({"bmi": 5.0})).fit(X.to_numpy(), y)


def test_the_parameter_stays_and_the_attribute_is_resolved(frame):
    X, y = frame
    penalty = {"age": "l2", "s?": L1({"s1": 2.0})}
    model = GDRegressor(penalty=penalty, warm_start=True).fit(X, y)
    assert model.get_params()["penalty"] is penalty
    assert model.penalty_.value(model.coef_[:, None]) == pytest.approx(
        0.5 * model.coef_[0] ** 2 + np.abs(model.coef_[4:]).sum() + np.abs(model.coef_[4])
    )
    assert repr(model.penalty_) == "ByName({'age': L2(), 's?': L1(weights=array([2., 1., 1., 1., 1., 1.]))})"
    assert model.fit(X, y).n_iter_ == 1
    again = pickle.loads(pickle.dumps(clone(model).fit(X, y)))
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-7)
    reordered = clone(model).fit(X[X.columns[::-1]], y)
    np.testing.assert_allclose(reordered.coef_[::-1], model.coef_, rtol=1e-6)


def test_search(frame):
    grid = {"penalty": [{"s[1-6]": "l1"}, L1({"age": 0.0}), Signs({"bmi": 1})]}
    assert len(GridSearchCV(GDRegressor(), grid, cv=2).fit(*frame).cv_results_["params"]) == 3
    searched = GridSearchCV(GDRegressor(penalty="l1"), {"penalty__weights": [{"age": 0.0}, {"s?": 3.0}]}, cv=2).fit(*frame)
    assert np.size(searched.best_estimator_.penalty_.weights) == 10


def test_partial_fit(frame):
    X, y = frame
    model = GDRegressor(penalty={"bmi": Box(upper=0.1), "*": "l1"}, alpha=1e-3, solver="sgd", random_state=0)
    for start in range(0, 300, 100):
        model.partial_fit(X.iloc[start : start + 100], y.iloc[start : start + 100])
    assert model.coef_[2] == 0.1
    with pytest.raises(ValueError, match="no feature is named 'age_'"):
        model.set_params(penalty={"age_": "l1"}).partial_fit(X, y)


def test_pipelines():
    rng = np.random.RandomState(0)
    table = pd.DataFrame({"age": rng.uniform(20, 80, 200), "region": rng.choice(list("nsew"), 200)})
    y = 0.1 * table["age"] + (table["region"] == "n") + rng.standard_normal(200)
    penalty = {"*region*": GroupLasso([["*_n", "*_s"], ["*"]]), "*age": None}

    def pipeline(**settings):
        columns = make_column_transformer(
            (StandardScaler(), ["age"]), (OneHotEncoder(**settings), ["region"]), sparse_threshold=1.0
        )
        return make_pipeline(columns, GDRegressor(penalty=penalty, alpha=0.01))

    with pytest.raises(ValueError, match="OneHotEncoder needs sparse_output=False"):
        pipeline().fit(table, y)
    model = pipeline(sparse_output=False).set_output(transform="pandas").fit(table, y)
    assert list(model[-1].feature_names_in_[:2]) == ["standardscaler__age", "onehotencoder__region_e"]
    kept = pipeline()
    names = kept[:-1].fit(table).get_feature_names_out()
    kept.set_params(gdregressor__penalty=get_penalty(penalty).named(names)).fit(table, y)
    np.testing.assert_allclose(kept[-1].coef_, model[-1].coef_, atol=1e-7)


def test_signs_are_monotonicity():
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = (X - X.mean()) / X.std()
    signs = {"alcohol": 1, "hue": -1, "ash": 0}
    model = GDClassifier(penalty=Signs(signs) + L2()).fit(X, y == 0)
    at = X.iloc[:20]
    for name, sign in signs.items():
        rise = model.predict_proba(at.assign(**{name: at[name] + 1.0}))[:, 1] - model.predict_proba(at)[:, 1]
        assert np.all(sign * rise >= 0)
    listed = GDClassifier(penalty=Signs([signs.get(name, 0) for name in X]) + L2()).fit(X, y == 0)
    np.testing.assert_array_equal(model.coef_, listed.coef_)


@pytest.mark.parametrize("penalty", [Signs({"age": 1}), L1({"age": 2.0}), Box({"age": 0.0}), {"age": "l1"}])
def test_networks_have_no_weights_of_a_feature(frame, penalty):
    with pytest.raises(ValueError, match=r"is for single features, and MLP has \d+ weights: use one penalty for all"):
        GDRegressor(penalty=penalty, model="mlp").fit(*frame)


def test_networks_take_no_sign_even_of_a_single_feature(frame):
    X, y = frame
    with pytest.raises(ValueError, match="is for single features"):
        GDRegressor(penalty=Signs({"age": 1}), model="mlp").fit(X[["age"]], y)
