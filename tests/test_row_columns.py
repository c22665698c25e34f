"""What comes with each row besides y and a weight: an offset of raw, and the additional data of a loss."""

import re
import warnings

import glum
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn
import statsmodels.api as sm
from hostile import HostileRows
from scipy import sparse, stats
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor, QuantileRegressor
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version
from tables import REGRESSION, RULES

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import LOSSES, CustomLoss, Masked, check_loss
from sklearn_gd.metrics import explained_loss, loss_scorer, mean_loss, outlier_share, sample_losses
from sklearn_gd.models import MLP
from sklearn_gd.plotting import LossContributionDisplay, LossLandscapeDisplay
from sklearn_gd.rows import Batch, Stream, source, sources, stored, stored_sources
from sklearn_gd.solvers import SOLVERS, Need

N = 1500


@pytest.fixture(scope="module")
def rows():
    """X, a numeric y, an offset and a weight; several blocks, in Fortran order."""
    rng = np.random.RandomState(0)
    X = np.asfortranarray(rng.standard_normal((N, 5)) * [1.0, 5.0, 0.2, 1.0, 1.0] + [0.0, 3.0, 0.0, 0.0, 0.0])
    offset = 0.5 * rng.standard_normal(N)
    y = X @ [1.0, 0.2, 3.0, 0.0, -1.0] + rng.standard_t(4, size=N)
    return X, y, offset, rng.randint(0, 3, N).astype(float)


@pytest.fixture(scope="module")
def claims():
    """Counts of claims with an exposure."""
    rng = np.random.RandomState(1)
    X, exposure = rng.standard_normal((N, 4)), rng.uniform(0.05, 20.0, N)
    return X, rng.poisson(exposure * np.exp(X @ [0.3, -0.2, 0.0, 0.1] - 1.0)).astype(float), exposure


def _quietly(model, *data, **fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **fit)


def _coefficients(model):
    arrays = [model.coef_, model.intercept_] if hasattr(model, "coef_") else [*model.coefs_, *model.intercepts_]
    return np.concatenate([np.ravel(array) for array in arrays])


def _assert_same(there, here, tolerance=1e-7):
    expected, got = _coefficients(here), _coefficients(there)
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=tolerance * np.abs(expected).max())


def _late_costs(y_true, raw, data):
    return np.where(y_true > raw, data * (y_true - raw) ** 2, (y_true - raw) ** 2)


def _level(y_true, raw, data):
    return np.maximum(data * (y_true - raw), (data - 1.0) * (y_true - raw))


def _band(y_true, raw, data):
    return np.maximum(np.abs(y_true - raw) - data, 0.0)


def _edges(y_true, data):
    return y_true - data, y_true + data


def _tobit(y_true, raw, data):
    """Minus the log-likelihood of a normal y of scale 1 that is cut off from below where `data` is 1."""
    return np.where(data == 1, -stats.norm.logcdf(y_true - raw), 0.5 * (y_true - raw) ** 2)


TAKING = {"cost": _late_costs, "level": _level, "band": CustomLoss(_band, kinks=_edges), "tobit": _tobit}


def _data_for(name, y):
    rng = np.random.RandomState(3)
    values = {"cost": rng.uniform(0.5, 4.0, len(y)), "level": rng.choice([0.2, 0.5, 0.9], len(y))}
    values |= {"band": rng.uniform(0.1, 1.0, len(y)), "tobit": (y <= -1.0).astype(float)}
    return values[name]


# -- offset -----------------------------------------------------------------------------------------------------------


def test_an_exposure_beside_others(claims):
    """The coefficients of a weighted rate in scikit-learn, and of GLMs with an offset in statsmodels and glum."""
    X, y, exposure = claims
    model = GDRegressor("poisson", alpha=0.0, tol=1e-10).fit(X, y, offset=np.log(exposure))
    rate = PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1000).fit(X, y / exposure, sample_weight=exposure)
    _assert_same(model, rate, 1e-6)
    glm = sm.GLM(y, sm.add_constant(X), family=sm.families.Poisson(), offset=np.log(exposure)).fit(tol=1e-12)
    np.testing.assert_allclose([model.intercept_, *model.coef_], glm.params, rtol=0.0, atol=1e-8)
    other = glum.GeneralizedLinearRegressor(family="poisson", alpha=0.0, gradient_tol=1e-10)
    _assert_same(model, other.fit(X, y, offset=np.log(exposure)), 1e-6)
    np.testing.assert_allclose(model.predict(X, np.log(exposure)), model.predict(X) * exposure, rtol=1e-12)
    penalised = GDRegressor("poisson", alpha=0.1, tol=1e-10).fit(X, y, offset=np.log(exposure))
    other = glum.GeneralizedLinearRegressor(family="poisson", alpha=0.1, l1_ratio=0.0, gradient_tol=1e-10)
    _assert_same(penalised, other.fit(X, y, offset=np.log(exposure)), 1e-6)


def test_a_binary_loss_with_an_offset(rows):
    X, y, offset, _ = rows
    model = GDClassifier(alpha=0.0, tol=1e-10).fit(X, y > 1.0, offset=offset)
    glm = sm.GLM((y > 1.0) * 1.0, sm.add_constant(X), family=sm.families.Binomial(), offset=offset).fit(tol=1e-12)
    np.testing.assert_allclose([*model.intercept_, *model.coef_[0]], glm.params, rtol=0.0, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(X, offset)[:, 1], glm.fittedvalues, atol=1e-7)
    np.testing.assert_array_equal(model.predict(X, offset), model.decision_function(X, offset) > 0)
    np.testing.assert_allclose(model.predict_log_proba(X, offset), np.log(model.predict_proba(X, offset)))


SHIFTED = [name for name in REGRESSION if not LOSSES[name]().positive_only and name != "absolute_percentage_error"]


@pytest.mark.parametrize("loss", SHIFTED)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_shifts(rows, loss, solver):
    """Under the identity link an offset is a shift of y: the same fit, whichever solver runs."""
    X, y, offset, weight = rows
    settings = {"solver": solver, "penalty": "l2", "alpha": 0.02, "tol": 1e-10, "random_state": 0}
    settings |= {"max_iter": 3} if solver in RULES else {"max_iter": 30} if solver == "gd" else {}
    try:
        here = _quietly(GDRegressor(loss, **settings), X, y - offset, weight)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            GDRegressor(loss, **settings).fit(X, y, weight, offset=offset)
        return
    there = _quietly(GDRegressor(loss, **settings), X, y, weight, offset=offset)
    convex = LOSSES[loss].convex
    _assert_same(there, here, 1e-6 if convex else 1e-4)
    np.testing.assert_allclose(there.predict(X, offset) - offset, here.predict(X), atol=1e-4)


def test_columns_of_an_offset(rows):
    X, y, offset, _ = rows
    Y, shift = np.column_stack([y, -y]), np.column_stack([offset, 2.0 * offset])
    _assert_same(GDRegressor(alpha=0.1).fit(X, Y, offset=shift), GDRegressor(alpha=0.1).fit(X, Y - shift))
    _assert_same(GDRegressor(alpha=0.1).fit(X, Y, offset=offset), GDRegressor(alpha=0.1).fit(X, Y - offset[:, None]))
    codes = np.digitize(y, [-1.0, 2.0])
    plain = GDClassifier(alpha=0.01, tol=1e-10).fit(X, codes)
    _assert_same(GDClassifier(alpha=0.01, tol=1e-10).fit(X, codes, offset=offset), plain)  # softmax does not see a common shift
    known = X @ plain.coef_.T
    rest = GDClassifier(alpha=0.0, tol=1e-10, penalty=None).fit(X, codes, offset=known)
    free = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(X, codes)
    gaps = (rest.coef_ + plain.coef_ - free.coef_) - (rest.coef_ + plain.coef_ - free.coef_).mean(axis=0)
    assert np.abs(gaps).max() < 1e-4
    assert rest.predict_proba(X, known).shape == rest.decision_function(X, offset=known).shape == (N, 3)


def test_a_network_with_an_offset(rows):
    X, y, offset, _ = rows
    settings = {"model": MLP((8,)), "solver": "adam", "max_iter": 5, "random_state": 0}
    _assert_same(
        _quietly(GDRegressor(**settings), X, y, offset=offset), _quietly(GDRegressor(**settings), X, y - offset), 1e-10
    )


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (np.zeros(3), r"offset.shape == \(3,\): expected \(1500,\), one entry"),
        (np.full(N, np.nan), "offset contains NaN or infinity: expected finite numbers"),
        (np.log(np.zeros(N) + 1e-320) * np.inf, "offset contains NaN"),
        (np.zeros((N, 3)), r"offset has 3 columns: expected an array of shape \(n_samples,\)\."),
        (np.zeros((N, 2, 2)), "offset.shape == .*: expected"),
        ("exposure", "offset is not an array of real numbers .*: expected one for each row of X"),
        (pd.date_range("2020", periods=N), "offset is not an array of real numbers .dtype datetime64"),
        (np.full(N, 1j), "offset is not an array of real numbers"),
        (sparse.csr_matrix(np.ones((N, 1))), "offset is not an array of real numbers"),
    ],
)
def test_offsets_that_are_refused(rows, offset, message):
    X, y, good, _ = rows
    with pytest.raises(ValueError, match=message):
        GDRegressor().fit(X, y, offset=offset)
    model = GDRegressor().fit(X, y, offset=good)
    for method in (lambda: model.predict(X, offset), lambda: model.score(X, y, offset=offset)):
        with pytest.raises(ValueError, match=message):
            method()


def test_an_offset_of_own_columns_names_its_column(rows):
    """Raw may be a mean and a logarithm: one number for each row is not added to both."""
    X, y, offset, _ = rows

    def gaussian(y, raw):
        return raw[:, 1] + 0.5 * (y - raw[:, 0]) ** 2 * np.exp(-2.0 * raw[:, 1])

    loss = CustomLoss(gaussian, rowwise=True, n_raw=2, convex=False)
    with pytest.raises(ValueError, match=r"may mean different things: expected an array of shape \(n_samples, 2\)"):
        GDRegressor(loss, alpha=0.0).fit(X, y, offset=offset)
    shift = np.column_stack([offset, np.zeros(N)])
    own = GDRegressor(loss, alpha=0.0).fit(X, y, offset=shift)
    given = GDRegressor("normal", alpha=0.0).fit(X, y, offset=offset)
    np.testing.assert_allclose(own.coef_, given.coef_, atol=1e-4)
    np.testing.assert_allclose(own.predict(X, shift), given.predict(X, offset), atol=1e-3)


def test_validation_rows_need_their_offset(rows):
    X, y, offset, _ = rows
    with pytest.raises(ValueError, match="offset is given without offset_val: expected both"):
        GDRegressor(early_stopping=True).fit(X, y, offset=offset, X_val=X, y_val=y)
    GDRegressor(early_stopping=True).fit(X, y, offset=offset, X_val=X, y_val=y, offset_val=offset)


def test_partial_fit(rows):
    X, y, offset, weight = rows
    one, two = (GDRegressor("huber", solver="adam", random_state=0) for _ in range(2))
    for part in np.array_split(np.arange(N), 6):
        one.partial_fit(X[part], y[part], weight[part], offset=offset[part])
        two.partial_fit(X[part], y[part] - offset[part], weight[part])
    _assert_same(one, two, 1e-10)
    third = clone(two)
    for part in np.array_split(np.arange(N), 6):
        (batch,) = Stream(lambda part=part: [Batch(X[part], y[part], weight[part], offset[part])])
        third.partial_fit(batch.X, **batch.columns)
    _assert_same(third, two, 1e-12)


# -- data of the loss -------------------------------------------------------------------------------------------------


def test_a_cost_of_each_sample_is_a_weight(cancer):
    """Cost-sensitive classification: a cost on both sides of the margin is a sample weight."""
    X, y = cancer
    cost = np.random.RandomState(0).uniform(0.5, 5.0, len(y))

    def costly(y_true, raw, data):
        return data * np.logaddexp(0.0, -y_true * raw)

    model = GDClassifier(costly, alpha=0.01, tol=1e-10).fit(X, y, loss_data=cost / cost.mean())
    _assert_same(model, GDClassifier(alpha=0.01, tol=1e-10).fit(X, y, cost), 1e-5)
    per_row = sample_losses(model, X, y, loss_data=cost)
    assert mean_loss(model, X, y, loss_data=cost) == pytest.approx(per_row.mean())


def test_a_level_of_each_row(rows):
    """A quantile per row: two halves at two levels, with coefficients of their own, are two quantile regressions."""
    X, y, _, _ = rows
    half = np.arange(N) < N // 2
    blocks = np.hstack([X * half[:, None], X * ~half[:, None], half[:, None]])
    level = np.where(half, 0.2, 0.7)
    model = GDRegressor(_level, alpha=0.0).fit(blocks, y, loss_data=level)
    assert model.converged_
    for part, at, coef in ((half, 0.2, model.coef_[:5]), (~half, 0.7, model.coef_[5:10])):
        single = QuantileRegressor(quantile=at, alpha=0.0).fit(X[part], y[part])
        np.testing.assert_allclose(coef, single.coef_, atol=1e-6)


def test_tobit_is_the_likelihood(rows):
    """A censored regression maximises its likelihood, as a general optimiser finds it."""
    X, y, _, _ = rows
    low = np.maximum(y, -1.0)
    cut = (low == -1.0).astype(float)
    model = GDRegressor(_tobit, alpha=0.0, tol=1e-9).fit(X, low, loss_data=cut)

    def cost(params):
        return _tobit(low, X @ params[1:] + params[0], cut).mean()

    best = minimize(cost, np.r_[model.intercept_, model.coef_] + 0.1, method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose([model.intercept_, *model.coef_], best.x, atol=1e-5)
    assert np.abs(GDRegressor(alpha=0.0).fit(X, low).coef_ - model.coef_).max() > 0.05  # ignoring the censoring is another fit


@pytest.mark.parametrize("name", TAKING)
def test_frames_columns_and_solvers(rows, name):
    """A frame by name, an array with columns, an array: the same fit; and each solver that takes the loss agrees."""
    X, y, _, weight = rows
    y = np.maximum(y, -1.0) if name == "tobit" else y
    data, loss = _data_for(name, y), TAKING[name]
    make = GDRegressor(loss, alpha=0.01, tol=1e-9)
    model = clone(make).fit(X, y, weight, loss_data=data)
    assert model.converged_
    _assert_same(clone(make).fit(X, y, weight, loss_data=data[:, None]), model, 1e-10)
    function = loss if callable(loss) else _band
    kinks = {} if callable(loss) else {"kinks": lambda y, data: _edges(y, data["a b"])}
    named = CustomLoss(lambda y_true, raw, data: function(y_true, raw, data["a b"]), **kinks)
    frame = pd.DataFrame({"note": ["x"] * N, "a b": data}, index=np.arange(N)[::-1])
    _assert_same(clone(make).set_params(loss=named).fit(X, y, weight, loss_data=frame), model, 1e-10)
    agree = 0
    for solver in SOLVERS:
        if solver in RULES or solver in ("auto", "gd"):
            continue
        other = clone(make).set_params(solver=solver)
        try:
            _quietly(other, X, y, weight, loss_data=data)
        except ValueError:
            continue
        agree += 1
        ours, best = (mean_loss(m, X, y, weight, loss_data=data) + 0.005 * np.sum(m.coef_**2) for m in (other, model))
        assert abs(ours - best) <= 1e-6 * best, solver
    assert agree >= 2


def test_data_are_asked_for_and_refused(rows):
    X, y, _, _ = rows
    for bad, message in (
        (None, "loss_data is None: expected the data of each row that the loss '_level' takes"),
        (np.zeros(7), r"loss_data has shape \(7,\): expected one entry"),
        (np.array([object()] * N), "loss_data holds objects of several kinds"),
    ):
        with pytest.raises(ValueError, match=message):
            GDRegressor(_level).fit(X, y, loss_data=bad)
    with pytest.raises(ValueError, match="loss_data is given, and the loss Huber takes none"):
        GDRegressor("huber").fit(X, y, loss_data=y)
    with pytest.raises(ValueError, match="loss_data_val is None"):
        GDRegressor(_level).fit(X, y, loss_data=np.full(N, 0.5), X_val=X, y_val=y)
    with pytest.raises(ValueError, match="offset_val is given without X_val"):
        GDRegressor().fit(X, y, offset_val=y)
    model = GDRegressor(_late_costs).fit(X, y, loss_data=np.ones(N))
    assert model.score(X, y) == model.score(X, y, loss_data=np.ones(N))
    with pytest.raises(ValueError, match="loss_data is None"):
        mean_loss(model, X, y)


def test_columns_of_the_data_by_name(rows):
    X, y, _, _ = rows
    frame = pd.DataFrame({"price": np.linspace(1.0, 2.0, N), "other": 1.0})

    def priced(y_true, raw, data):
        return data["price"] * (y_true - raw) ** 2

    for bad, message in (
        (frame[["other"]], r"loss 'priced': loss_data has no field of name price; its columns are \['other'\]"),
        (pd.concat([frame, frame], axis=1), r"columns \['price', 'other', 'price', 'other'\]: expected distinct strings"),
        (frame.set_axis([0, 1], axis=1), r"columns \[0, 1\]: expected distinct strings, or an array"),
        (
            frame.assign(price=frame.price.where(frame.price > 1.1)),
            "gave nan at iteration 0: .* loss_data without NaN in the columns it reads",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            GDRegressor(priced).fit(X, y, loss_data=bad)
    whole = GDRegressor(priced, tol=1e-10).fit(X, y, loss_data=frame)
    half = slice(0, 700), slice(700, N)
    for cache in (True, False):
        parts = [
            Batch(X[rows], y[rows], loss_data=frame[rows][list(names)])
            for rows, names in zip(half, (frame, frame.columns[::-1]), strict=True)
        ]
        _assert_same(GDRegressor(priced, tol=1e-10).fit(Stream(lambda parts=parts: parts, cache=cache)), whole)
        parts[1] = Batch(X[half[1]], y[half[1]], loss_data=frame[half[1]].to_numpy())
        with pytest.raises(ValueError, match=r"batch 2: loss_data has no columns by name: expected the columns \['price'"):
            GDRegressor(priced).fit(Stream(lambda parts=parts: parts, cache=cache))


def _tolerance(y, raw, data):
    return np.maximum(np.abs(y - raw) - data, 0.0)


def _share(y, raw, data):
    return np.maximum(np.abs(y - raw) - data * np.abs(y), 0.0)


def _capacity(y, raw, data):
    sold = np.minimum(y, data)
    return 3.0 * np.maximum(sold - raw, 0.0) + np.maximum(raw - sold, 0.0)


def _with_a_fixed_kink(y, raw, data):
    return np.maximum(np.abs(y - raw) - data, 0.0) + 0.5 * np.maximum(raw - 0.7, 0.0)


def _curved_outside(y, raw, data):
    return np.maximum(np.abs(y - raw) - data, 0.0) ** 2 + np.maximum(raw - data, 0.0)


def _margin(y, raw, data):
    return np.maximum(data - y * raw, 0.0)


@pytest.mark.parametrize("home", ["memory", "frame", "stream"])
@pytest.mark.parametrize(
    ("function", "kinks"),
    [
        (_tolerance, lambda y, data: [y - data, y + data]),
        (_share, lambda y, data: [y * (1.0 - data), y * (1.0 + data)]),
        (_capacity, lambda y, data: [np.minimum(y, data)]),
        (_with_a_fixed_kink, lambda y, data: [y - data, y + data, 0.7]),
        (_curved_outside, lambda y, data: [data]),
        (_margin, lambda y, data: [y * data]),
    ],
)
def test_kinks_over_the_data_are_found(rows, function, kinks, home):
    """As good, and as fast, as with the kinks told: a solver for kinks that are known is used."""
    X, y, _, _ = rows
    data = np.random.RandomState(0).uniform(0.2, 1.0, N)
    kind, y = (GDClassifier, y > 0) if function is _margin else (GDRegressor, y)
    told = kind(CustomLoss(function, kinks=kinks), alpha=0.01).fit(X, y, loss_data=data)
    given = {"other": np.array(["a"] * N), "limit": data} if home == "frame" else {}
    named = CustomLoss(lambda y, raw, frame: function(y, raw, frame["limit"])) if given else function
    columns = pd.DataFrame(given) if given else data
    batches = (Stream(lambda: [Batch(X, y, loss_data=columns)]),) if home == "stream" else (X, y)
    model = kind(named, alpha=0.01).fit(*batches, **({} if home == "stream" else {"loss_data": columns}))
    assert model.converged_
    assert home == "stream" or type(model.solver_) is type(told.solver_)
    one, two = (mean_loss(each, X, y, loss_data=part) for each, part in ((told, data), (model, columns)))
    assert two == pytest.approx(one, rel=1e-6)
    np.testing.assert_allclose(model.coef_, told.coef_, atol=1e-3)


def test_a_third_argument_with_a_default_is_none_of_the_data(rows):
    X, y, _, _ = rows

    def capped(y_true, raw, most=2.0):
        return np.minimum((y_true - raw) ** 2, most)

    assert not CustomLoss(capped).takes_data
    assert GDRegressor(capped).fit(X, y).score(X, y) > 0.5


def test_masked_and_several_outputs(rows):
    X, y, _, _ = rows
    data = _data_for("cost", y)
    Y = np.column_stack([y, -y])
    Y[::3, 0] = np.nan
    model = GDRegressor(Masked(CustomLoss(_late_costs)), alpha=0.0, tol=1e-9).fit(X, Y, loss_data=data)
    for k, coef in enumerate(model.coef_):
        seen = ~np.isnan(Y[:, k])
        single = GDRegressor(_late_costs, alpha=0.0, tol=1e-9).fit(X[seen], Y[seen, k], loss_data=data[seen])
        np.testing.assert_allclose(coef, single.coef_, atol=1e-6)


@pytest.mark.parametrize("name", TAKING)
def test_check_loss_takes_data(rows, name):
    _, y, _, _ = rows
    y = np.maximum(y, -1.0) if name == "tobit" else y
    report = check_loss(TAKING[name], y=y[:200], loss_data=_data_for(name, y)[:200])
    assert {entry["status"] for entry in report} <= {"passed", "skipped"}, report
    with pytest.raises(ValueError, match="y is None: expected y with one entry for each row of loss_data"):
        check_loss(TAKING[name])


def test_a_wrong_derivative_with_data_is_found(rows):
    X, y, _, _ = rows
    wrong = CustomLoss(_late_costs, gradient=lambda y, raw, data: 2.0 * (y - raw))
    with pytest.raises(ValueError, match="the gradient is"):
        GDRegressor(wrong).fit(X, y, loss_data=_data_for("cost", y))


# -- every home of rows -----------------------------------------------------------------------------------------------


def _named_cost(y_true, raw, data):
    return _late_costs(y_true, raw, data["a"])


def _named_band(y_true, raw, data):
    return _band(y_true, raw, data["a"])


def _named_edges(y_true, data):
    return _edges(y_true, data["a"])


NAMED = {"cost": _named_cost, "band": CustomLoss(_named_band, kinks=_named_edges)}


@pytest.fixture(params=["hostile", "copy on disk", "read again", "mapped"])
def elsewhere(request, monkeypatch, tmp_path):
    """From a batch to the arguments of a fit, for rows that live elsewhere from then on, in blocks of a few rows."""
    home = request.param

    def there(batch):
        for module, name, size in ((stored, "CHUNK", 700), (stored_sources, "CHUNK", 700), (stored, "SMALL", 100)):
            monkeypatch.setattr(module, name, size)
        if home == "hostile":
            monkeypatch.setattr(source, "MemoryRows", HostileRows)
            return (batch.X,), batch.columns
        if home == "mapped":
            monkeypatch.setattr(sources, "MAPPED", 0)
            file = np.memmap(tmp_path / "X", batch.X.dtype, "w+", shape=batch.X.shape)
            file[:] = batch.X
            return (file,), batch.columns
        return (Stream(lambda: _batches(batch), cache=home == "copy on disk"),), {}

    return there


def _batches(batch):
    for start in range(0, N, 130):
        part = slice(start, start + 130)
        yield Batch(batch.X[part], **{name: None if c is None else c[part] for name, c in batch.columns.items()})


@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error", *TAKING])
def test_the_same_fit_elsewhere(rows, elsewhere, loss):
    X, y, offset, weight = rows
    y = np.maximum(y, -1.0) if loss == "tobit" else y
    data = _data_for(loss, y) if loss in TAKING else None
    batch = Batch(X, y, weight, offset, pd.DataFrame({"a": data}) if loss in NAMED else data)
    function = NAMED.get(loss, TAKING.get(loss, loss))
    solvers = [name for name in ("auto", "lbfgs", "newton", "newton_cg", "proximal_point") if _takes(function, name, batch)]
    make = GDRegressor(function, alpha=0.01, tol=1e-10)
    fits = {name: _quietly(clone(make).set_params(solver=name), X, **batch.columns) for name in solvers}
    arguments, columns = elsewhere(batch)
    for name, here in fits.items():
        there = _quietly(clone(make).set_params(solver=name), *arguments, **columns)
        if here.converged_:
            assert there.converged_
            _assert_same(there, here, 1e-6)
    assert len(fits) >= 2


def _takes(function, solver, batch):
    try:
        _quietly(GDRegressor(function, solver=solver, max_iter=1, alpha=0.01), batch.X, **batch.columns)
    except ValueError:
        return False
    return Need.IN_MEMORY not in SOLVERS[solver]().needs


def test_predictions_and_scores_of_a_stream(rows):
    X, y, offset, weight = rows
    batch = Batch(X, y, weight, offset)
    model = GDRegressor().fit(X, y, weight, offset=offset)
    stream = Stream(lambda: _batches(batch))
    np.testing.assert_allclose(np.concatenate(list(model.predict(stream))), model.predict(X, offset))
    assert model.score(stream) == pytest.approx(model.score(X, y, weight, offset=offset))
    with pytest.raises(ValueError, match="offset is given with X, a Stream: expected None"):
        model.predict(stream, offset=offset)

    def forgetful():
        yield from ((b if number else b._replace(offset=None)) for number, b in enumerate(_batches(batch)))

    with pytest.raises(ValueError, match="batch 2: offset is given: expected it to be None, as in the rows before"):
        GDRegressor().fit(Stream(forgetful))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_columns_of_files(rows, tmp_path, kind):
    X, y, offset, _ = rows
    data = _data_for("cost", y)
    frame = pd.DataFrame(X, columns=list("abcde")).assign(y=y, shift=offset, late=data)
    for number, part in enumerate(np.array_split(np.arange(N), 3)):
        some = frame.iloc[part]
        some.to_parquet(tmp_path / f"{number}.{kind}", index=False) if kind == "parquet" else some.to_csv(
            tmp_path / f"{number}.{kind}", index=False
        )
    opened = {"parquet": Stream.from_parquet, "csv": Stream.from_csv}[kind]
    plain = opened(tmp_path, target="y", offset="shift", loss_data="late")
    here = GDRegressor(_late_costs, tol=1e-9).fit(frame[list("abcde")], y, offset=offset, loss_data=data)
    _assert_same(GDRegressor(_late_costs, tol=1e-9).fit(plain), here, 1e-6)
    named = opened(tmp_path, target="y", offset="shift", loss_data=["late"])
    loss = CustomLoss(lambda y_true, raw, data: _late_costs(y_true, raw, data["late"]))
    _assert_same(GDRegressor(loss, tol=1e-9).fit(named), here, 1e-6)
    with pytest.raises(ValueError, match="loss_data names 'nothing', which is no column of"):
        opened(tmp_path, target="y", loss_data="nothing")


# -- scikit-learn's tools ---------------------------------------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_metadata_routing(routing, claims):
    """Each fold gets the exposure of its own rows, in the fit, the prediction and the score."""
    X, y, exposure = claims
    offset = np.log(exposure)
    model = GDRegressor("poisson").set_fit_request(offset=True).set_score_request(offset=True).set_predict_request(offset=True)
    pipeline = make_pipeline(StandardScaler(), model)
    scorer = loss_scorer("poisson").set_score_request(offset=True)
    settings = {"cv": 3, "params": {"offset": offset}}
    found = cross_validate(pipeline, X, y, scoring=scorer, **settings, return_estimator=True, return_indices=True)
    default = cross_validate(pipeline, X, y, **settings)["test_score"]
    for fold, (train, test) in enumerate(zip(found["indices"]["train"], found["indices"]["test"], strict=True)):
        scaler = StandardScaler().fit(X[train])
        alone = GDRegressor("poisson").fit(scaler.transform(X[train]), y[train], offset=offset[train])
        _assert_same(found["estimator"][fold][-1], alone, 1e-12)
        part = scaler.transform(X[test]), y[test]
        assert found["test_score"][fold] == pytest.approx(-mean_loss(alone, *part, offset=offset[test]))
        if parse_version(sklearn.__version__) >= parse_version("1.8"):  # before, the score of a pipeline gets no metadata
            assert default[fold] == pytest.approx(alone.score(*part, offset=offset[test]))
    fitted = pipeline.fit(X, y, offset=offset)
    np.testing.assert_allclose(fitted.predict(X, offset=offset), fitted.predict(X, offset=0.0 * offset) * exposure)
    search = GridSearchCV(pipeline, {"gdregressor__alpha": [1e-4, 10.0]}, scoring=scorer, error_score="raise")
    search.fit(X, y, offset=offset)
    assert search.best_params_ == {"gdregressor__alpha": 1e-4}


def test_a_scorer_with_data_and_offset(routing, rows):
    X, y, offset, _ = rows
    data = _data_for("cost", y)
    scorer = loss_scorer(_late_costs).set_score_request(offset=True, loss_data=True)
    model = GDRegressor(_late_costs).set_fit_request(offset=True, loss_data=True)
    params = {"offset": offset, "loss_data": data}
    found = cross_validate(model, X, y, cv=3, scoring=scorer, params=params, return_estimator=True, return_indices=True)
    for fold, test in enumerate(found["indices"]["test"]):
        part = {name: column[test] for name, column in params.items()}
        assert found["test_score"][fold] == -mean_loss(found["estimator"][fold], X[test], y[test], **part)


def test_early_stopping_with_an_offset(rows):
    X, y, offset, _ = rows
    part = slice(0, 1000), slice(1000, N)
    here, there = (GDRegressor("huber", early_stopping=EarlyStopping(), max_iter=20, solver="lbfgs") for _ in range(2))
    _quietly(here, X[part[0]], y[part[0]] - offset[part[0]], X_val=X[part[1]], y_val=y[part[1]] - offset[part[1]])
    columns = {"offset": offset[part[0]], "offset_val": offset[part[1]]}
    _quietly(there, X[part[0]], y[part[0]], X_val=X[part[1]], y_val=y[part[1]], **columns)
    np.testing.assert_allclose(there.validation_loss_curve_, here.validation_loss_curve_, rtol=1e-6)
    drawn = [
        _quietly(GDRegressor("huber", early_stopping=True, random_state=0), X, target, **shift)
        for target, shift in ((y - offset, {}), (y, {"offset": offset}))
    ]
    _assert_same(*drawn)
    with pytest.raises(ValueError, match="takes no offset and no loss_data: expected None"):
        GDRegressor(early_stopping=EarlyStopping(scoring="r2")).fit(X, y, offset=offset)


def test_metrics_with_an_offset(claims):
    """D^2 against the best constant rate, as the deviances of statsmodels give it."""
    X, y, exposure = claims
    model = GDRegressor("poisson", alpha=0.0, tol=1e-10).fit(X, y, offset=np.log(exposure))
    glm = sm.GLM(y, sm.add_constant(X), family=sm.families.Poisson(), offset=np.log(exposure)).fit()
    assert explained_loss(model, X, y, offset=np.log(exposure)) == pytest.approx(1 - glm.deviance / glm.null_deviance, abs=1e-8)
    with pytest.raises(ValueError, match="offset is given, and PoissonRegressor takes none"):
        mean_loss(PoissonRegressor().fit(X, y), X, y, offset=np.log(exposure), loss="poisson")


def test_pictures_and_shares_with_an_offset(rows):
    """They are those of the shifted target."""
    X, y, offset, _ = rows
    there, here = GDRegressor("huber").fit(X, y, offset=offset), GDRegressor("huber").fit(X, y - offset)
    assert outlier_share(there, X, y, offset=offset) == pytest.approx(outlier_share(here, X, y - offset), rel=1e-5)
    drawn = LossContributionDisplay.from_estimator(there, X, y, offset=offset)
    expected = LossContributionDisplay.from_estimator(here, X, y - offset)
    np.testing.assert_allclose(drawn.losses, expected.losses, atol=1e-6)
    np.testing.assert_allclose(drawn.worst_["y_pred"], expected.worst_["y_pred"] + offset[drawn.worst_.index], atol=1e-5)
    map_of = [
        LossLandscapeDisplay.from_estimator(GDRegressor("huber"), X, target, **shift)
        for target, shift in ((y, {"offset": offset}), (y - offset, {}))
    ]
    np.testing.assert_allclose(map_of[0].values, map_of[1].values, rtol=1e-5)
    data = _data_for("cost", y)
    costly = GDRegressor(_late_costs).fit(X, y, loss_data=data)
    assert LossContributionDisplay.from_estimator(costly, X, y, loss_data=data).cost == mean_loss(costly, X, y, loss_data=data)
    plt.close("all")
