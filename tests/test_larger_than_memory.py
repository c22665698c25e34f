"""Rows that are not in memory: arrays on disk, and streams."""

import gc
import os
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import larger_than_memory
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tables import CLASSIFICATION, DETERMINISTIC, REGRESSION, RULES

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import LOSSES, Masked, SequenceLoss
from sklearn_gd.models import MLP
from sklearn_gd.penalties import L2, GroupLasso, NonNegative
from sklearn_gd.rows import Batch, Stream, sources, stored, stored_sources
from sklearn_gd.solvers import GradientDescent, Need

N = 1200


def _kinked(y_true, raw):
    return np.where(y_true > raw, 3.0, 1.0) * np.abs(y_true - raw)


def _capped(y_true, raw):
    return np.minimum(np.abs(y_true - raw), 2.0)


def _curved(y_true, raw):
    return np.where(y_true > raw, 3.0, 1.0) * (y_true - raw) ** 2


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Temporary files go to a folder of the test, which is empty in the end."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    yield tmp_path
    assert not list((tmp_path / "temporary").iterdir())


@pytest.fixture(scope="module")
def problems():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((N, 6)) * [1.0, 10.0, 0.1, 1.0, 1.0, 1.0] + [0.0, 50.0, 0.0, 0.0, 0.0, 0.0]
    X[:, 5] = rng.randint(0, 4, N)
    y = X @ [1.0, 0.2, 3.0, 0.0, -1.0, 0.5] - 10.0 + rng.standard_t(3, size=N)
    return X, y, np.array(["low", "middle", "top"])[np.digitize(y, [-1.0, 2.0])], rng.randint(0, 3, N).astype(float)


def _target(loss, y, labels):
    if callable(loss):
        return y
    if LOSSES[loss].task == "classification":
        return labels
    return np.exp(0.2 * np.clip(y, -8.0, 8.0)) if LOSSES[loss]().positive_only or loss == "linex" else y


def _make(loss, **params):
    return (GDRegressor if callable(loss) or LOSSES[loss].task == "regression" else GDClassifier)(loss=loss, **params)


def _stream(*arrays, sizes=(100, 1, 250, 7), **settings):
    """A stream of uneven batches."""
    edges = np.minimum(np.cumsum([0, *np.resize(sizes, 1000)]), arrays[0].shape[0])

    def opened():
        for start, stop in pairwise(np.unique(edges)):
            yield tuple(array[start:stop] for array in arrays)

    return Stream(opened, **settings)


def _quietly(model, *data, **fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **fit)


def _coefficients(model):
    arrays = [model.coef_, model.intercept_] if hasattr(model, "coef_") else [*model.coefs_, *model.intercepts_]
    return np.concatenate([np.ravel(array) for array in arrays])


def _assert_same(here, there, tolerance=1e-7):
    expected, got = _coefficients(here), _coefficients(there)
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=tolerance * np.abs(expected).max())
    assert got.dtype == expected.dtype
    if hasattr(here, "classes_"):
        np.testing.assert_array_equal(there.classes_, here.classes_)


@pytest.fixture(params=["copy on disk", "read again", "mapped"])
def elsewhere(request, monkeypatch, folder):
    """From (X, y) and maybe weights to what `fit` takes, in each home of one machine, with blocks of a few rows."""
    monkeypatch.setattr(stored, "CHUNK", 500)
    monkeypatch.setattr(stored_sources, "CHUNK", 500)
    monkeypatch.setattr(stored, "SMALL", 100)
    monkeypatch.setattr(stored, "FEW", 8)
    monkeypatch.setattr(sources, "MAPPED", 0)
    if request.param != "mapped":
        return lambda *arrays: (_stream(*arrays, cache=request.param == "copy on disk"),)

    def mapped(X, *others):
        if sparse.issparse(X):
            pytest.skip("a sparse matrix is not one array on disk")
        file = np.memmap(folder / f"X{len(list(folder.iterdir()))}", X.dtype, "w+", shape=X.shape)
        file[:] = X
        return (file, *others)

    return mapped


# -- the same as in memory --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [*REGRESSION, *CLASSIFICATION])
def test_every_loss(problems, elsewhere, loss):
    X, y, labels, weight = problems
    y = _target(loss, y, labels)
    for penalty, solver in (("l2", "auto"), ("l1", "auto"), ("l2", "lbfgs"), (L2() + NonNegative(), "proximal_point")):
        make = _make(loss, penalty=penalty, solver=solver, alpha=0.02, tol=1e-10)
        try:
            here = _quietly(clone(make), X, y, weight)
        except ValueError:  # this solver is not for that
            assert solver != "auto"
            continue
        there = _quietly(clone(make), *elsewhere(X, y, weight))
        start = max(here.loss_curve_[0], 1.0)
        assert there.loss_curve_[-1] == pytest.approx(here.loss_curve_[-1], abs=1e-8 * start)
        if type(there.solver_) is type(here.solver_) and LOSSES[loss]().convex:
            _assert_same(here, there)


@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_every_solver(problems, elsewhere, solver):
    X, y, labels, weight = problems
    done = 0
    for loss in ("squared_error", "huber", "quantile", "log_loss", "hinge", _capped):
        for penalty in ("l2", "l1", GroupLasso([[0, 1, 2], [3, 4]])):
            settings = {"solver": solver, "penalty": penalty, "alpha": 0.02, "tol": 1e-11}
            settings |= {"max_iter": 30} if solver == "gd" else {}  # far from the optimum, rounding decides when it restarts
            if loss is _capped and solver == "proximal_point" and penalty != "l2":
                continue  # not convex, by rounds that do not descend: rounding chooses the minimum
            data = X, _target(loss, y, labels == "top"), weight
            try:
                here = _quietly(_make(loss, **settings), *data)
            except ValueError:
                continue
            done += 1
            if Need.IN_MEMORY in DETERMINISTIC[solver]().needs:
                with pytest.raises(ValueError, match="rows are not in memory, and .* use solver='auto'"):
                    _make(loss, **settings).fit(*elsewhere(*data))
            else:
                _assert_same(here, _quietly(_make(loss, **settings), *elsewhere(*data)))
    assert done


@pytest.mark.parametrize("loss", [_kinked, _curved])
def test_a_loss_of_ones_own(problems, elsewhere, loss):
    X, y, _, weight = problems
    _assert_same(GDRegressor(loss, tol=1e-10).fit(X, y, weight), GDRegressor(loss, tol=1e-10).fit(*elsewhere(X, y, weight)))


def test_other_fits(problems, elsewhere):
    """Several outputs, missing entries, sequences, indicators, class weights, networks, warm starts."""
    X, y, labels, weight = problems
    several, steps = np.column_stack([y, -2.0 * y + X[:, 0]]), np.random.RandomState(0).randint(-1, 3, size=(N, 3))
    missing, indicators = several.copy(), np.column_stack([y > 0, X[:, 0] > y]).astype(int)
    missing[::3, 0] = np.nan
    tight = {"alpha": 0.05, "tol": 1e-10}
    cases = [
        (GDRegressor("huber", **tight), several),
        (GDRegressor(Masked("squared_error"), **tight), missing),
        (GDClassifier(SequenceLoss(), **tight, fit_intercept=False), steps),
        (GDClassifier(**tight), indicators),
        (GDClassifier(**tight, class_weight="balanced"), indicators),
        (GDClassifier(**tight, class_weight=[{0: 1.0, 1: 3.0}, {1: 0.5}]), indicators),
        (GDClassifier(**tight, class_weight="balanced"), labels),
        (GDClassifier(**tight, class_weight={"low": 0.0, "top": 2.0}), labels),
        (GDClassifier(**tight), labels.astype(object)),
        (GDClassifier(**tight), y > 0),
        (GDRegressor(model=MLP((4,)), solver="lbfgs", max_iter=5, random_state=0), y),
        (GDRegressor(fit_intercept=False, **tight), y),
    ]
    for make, target in cases:
        _assert_same(_quietly(clone(make), X, target, weight), _quietly(clone(make), *elsewhere(X, target, weight)))
    model = GDRegressor("poisson", warm_start=True).fit(*elsewhere(X, np.exp(y / 10.0)))
    before, n_iter = model.coef_, model.n_iter_
    model.fit(*elsewhere(X, np.exp(y / 10.0)))
    assert model.n_iter_ < n_iter
    np.testing.assert_allclose(model.coef_, before, rtol=1e-6)


def test_beside_scikit_learn(elsewhere):
    """The coefficients of an estimator that nobody here wrote."""
    X, y = load_digits(return_X_y=True)
    reference = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-10, max_iter=10_000).fit(X / 16.0, y)
    model = GDClassifier(alpha=0.01, tol=1e-10).fit(*elsewhere(X / 16.0, y))
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-6)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, np.asarray])
def test_sparse_batches(problems, elsewhere, kind):
    _, y, labels, weight = problems
    X = sparse.random(N, 30, 0.1, format="csr", random_state=0)
    for make, target in ((GDClassifier(alpha=0.01, tol=1e-10), labels), (GDRegressor("quantile", tol=1e-10), y)):
        given = X.toarray() if kind is np.asarray else kind(X)
        _assert_same(clone(make).fit(X, target, weight), clone(make).fit(*elsewhere(given, target, weight)))
    mixed = Stream(lambda: iter([(X[:500], y[:500]), (X[500:].toarray(), y[500:])]))
    _assert_same(GDRegressor().fit(X, y), GDRegressor().fit(mixed))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "bool", "float16", "float32"])
def test_columns_of_any_kind_are_cast_by_blocks(problems, elsewhere, dtype):
    X, y, _, _ = problems
    X = (X > 0.5) if dtype == "bool" else X.clip(0, 100).astype(dtype)
    _assert_same(GDRegressor(tol=1e-10).fit(X, y), GDRegressor(tol=1e-10).fit(*elsewhere(X, y)), 1e-5)


def test_a_fortran_ordered_file(problems, folder, monkeypatch):
    monkeypatch.setattr(sources, "MAPPED", 0)
    X, y, _, _ = problems
    file = np.memmap(folder / "X", np.float32, "w+", shape=X.shape, order="F")
    file[:] = X
    _assert_same(GDRegressor().fit(np.asarray(file), y), GDRegressor().fit(file, y), 1e-5)


def test_kinds_of_number_that_change(problems):
    """What is stored holds all of them."""
    X, y, _, _ = problems
    whole = np.round(X).astype(int)
    lots = [(whole[:400].astype(np.int8), y[:400]), (whole[400:700], y[400:700]), (whole[700:] + 0.25, y[700:])]
    expected = GDRegressor().fit(np.concatenate([X for X, _ in lots]), y)
    for cache in (True, False):
        _assert_same(expected, GDRegressor().fit(Stream(lambda: iter(lots), cache=cache)))


@pytest.mark.parametrize("rule", RULES)
def test_stochastic_solvers(problems, elsewhere, rule):
    """The order is another one: what is learned is as good."""
    X, y, _, weight = problems
    X, y = StandardScaler().fit_transform(X), y / y.std()
    here = _quietly(GDRegressor(solver=rule, max_iter=10, random_state=0), X, y, weight)
    there = _quietly(GDRegressor(solver=rule, max_iter=10, random_state=0), *elsewhere(X, y, weight))
    assert r2_score(y, there.predict(X), sample_weight=weight) > r2_score(y, here.predict(X), sample_weight=weight) - 0.01
    again = _quietly(GDRegressor(solver=rule, max_iter=10, random_state=0), *elsewhere(X, y, weight))
    np.testing.assert_array_equal(there.coef_, again.coef_)


def test_mini_batches_have_each_row_once(monkeypatch):
    monkeypatch.setattr(stored, "CHUNK", 500)
    monkeypatch.setattr(stored, "RUN", 64)
    X = np.arange(3000.0).reshape(1000, 3)
    used = np.flatnonzero(np.arange(1000) % 5)
    rows = stored.MappedRows(stored.StoredDense(X, np.float64), X[:, :1], np.ones(1000), used=used)
    first, second = (list(rows.batches(32, seed)) for seed in (0, 1))
    for blocks in (first, second):
        assert {len(block.weight) for block in blocks} == {32}
        np.testing.assert_array_equal(np.sort(np.concatenate([block.y[:, 0] for block in blocks])), X[used, 0])
    order = np.concatenate([block.y[:, 0] for block in first])
    assert not np.array_equal(order, np.concatenate([block.y[:, 0] for block in second]))
    assert abs(np.corrcoef(np.arange(len(order)), order)[0, 1]) < 0.2


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    larger_than_memory.write(folder)
    yield folder
    for file in folder.iterdir():
        file.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA")
@pytest.mark.parametrize("case", larger_than_memory.CASES)
def test_files_three_times_as_large_as_memory(large, case):
    run = [sys.executable, larger_than_memory.__file__, case, str(large)]
    result = subprocess.run(run, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.startswith("sklearn_gd.rows.stored fitted")


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA")
def test_the_limit_is_one(large):
    run = [sys.executable, larger_than_memory.__file__, "in memory", str(large)]
    result = subprocess.run(run, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert "MemoryError" in result.stderr


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"age": rng.normal(40, 9, N), "visits": rng.integers(0, 9, N), "city": rng.choice(["A", "B", "C"], N)})
    table["weight"], table["note"] = rng.uniform(size=N), "unused"
    table["spent"] = 0.1 * table.age + (table.city == "B") + 0.3 * table.visits + rng.normal(size=N)
    return table


COLUMNS = ["age", "visits", "city"]


@pytest.fixture(params=["parquet", "csv"])
def files(request, folder, shop):
    """A folder of three files, and the function that streams them."""
    (folder / "shop").mkdir()
    for number, start in enumerate(range(0, N, N // 3)):
        part, path = shop[start : start + N // 3], folder / "shop" / f"{number}.{request.param}"
        part.to_parquet(path) if request.param == "parquet" else part.to_csv(path, index=False)
    reader = getattr(Stream, f"from_{request.param}")

    def opened(**settings):
        return reader(folder / "shop", **{"target": "spent", "columns": COLUMNS, "batch_rows": 150} | settings)

    opened.folder, opened.kind = folder / "shop", request.param
    return opened


@pytest.mark.parametrize("cache", [True, False])
def test_from_files_with_one_hot_columns(files, shop, cache):
    columns = make_column_transformer((StandardScaler(), ["age", "visits"]), (OneHotEncoder(), ["city"])).fit(shop)
    X = columns.transform(shop)
    reference = GDRegressor().fit(X, shop.spent, shop.weight)
    stream = files(weight="weight", cache=cache).map(columns)
    model = GDRegressor().fit(stream)
    _assert_same(reference, model)
    assert model.score(stream) == pytest.approx(reference.score(X, shop.spent, shop.weight), abs=1e-12)
    np.testing.assert_allclose(np.concatenate(list(model.predict(stream))), reference.predict(X), rtol=1e-9)
    assert max(len(X) for X, _, _ in stream) == 150


def test_names_of_columns(files, shop):
    numbers = files(columns=["age", "visits"])
    model = GDRegressor().fit(numbers)
    assert model.feature_names_in_.tolist() == ["age", "visits"]
    _assert_same(GDRegressor().fit(shop[["age", "visits"]], shop.spent), model)
    with pytest.raises(ValueError, match="rows 0 to 149: The feature names should match"):
        list(model.predict(files(columns=["visits", "age"])))
    only = next(iter(files(target=None, columns=["age"])))
    assert only[1] is None
    assert only[0].columns.tolist() == ["age"]
    everything = next(iter(files(columns=None)))[0]
    assert everything.columns.tolist() == ["age", "visits", "city", "weight", "note"]
    two = GDRegressor().fit(files(target=["spent", "weight"], columns=["age"]))
    assert two.coef_.shape == (2, 1)


def test_files_that_are_not_right(files, shop):
    for settings, message in (
        ({"target": "spend"}, "target names 'spend', which is no column of .*0.*: expected one of"),
        ({"weight": "w"}, "weight names 'w', which is no column"),
        ({"columns": ["age", "agee"]}, "columns names 'agee', which is no column"),
        ({"batch_rows": 0}, "batch_rows=0: expected an integer from 1"),
        ({"batch_rows": 1.5}, "batch_rows=1.5: expected an integer from 1"),
        ({"columns": "age"}, "columns='age': expected a list of at least one name"),
        ({"columns": []}, r"columns=\[\]: expected a list of at least one name"),
    ):
        with pytest.raises(ValueError, match=message):
            files(**settings)
    reader = getattr(Stream, f"from_{files.kind}")
    with pytest.raises(ValueError, match="paths is empty: expected at least one"):
        reader([])
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        reader(files.folder / "nowhere")
    with pytest.raises(ValueError, match=f"holds no file \\*.{files.kind}"):
        reader(files.folder.parent / "temporary")
    path, part = files.folder / f"1.{files.kind}", shop[N // 3 : 2 * N // 3].copy()

    def written(frame):
        frame.to_parquet(path) if files.kind == "parquet" else frame.to_csv(path, index=False)

    columns = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough").fit(shop[COLUMNS])
    part.iloc[200, 2] = "Z"
    written(part)
    with pytest.raises(ValueError, match=f"1.{files.kind}, rows 150 to 299: Found unknown categories \\['Z'\\]"):
        GDRegressor().fit(files().map(columns))
    part.iloc[200, 0] = np.nan
    written(part)
    with pytest.raises(ValueError, match=f"1.{files.kind}, row 200: Input X contains NaN"):
        GDRegressor().fit(files(columns=["age", "visits"]))
    written(part.drop(columns="age"))
    with pytest.raises(ValueError, match=f"1.{files.kind}: there is no column 'age'"):
        GDRegressor().fit(files(columns=["age", "visits"]))
    written(shop[N // 3 : 2 * N // 3][shop.columns[::-1]])  # by name, the order of the columns does not matter
    _assert_same(GDRegressor().fit(shop[["age"]], shop.spent), GDRegressor().fit(files(columns=["age"])))


@pytest.mark.parametrize("cache", [True, False])
def test_a_file_that_vanishes_between_passes(files, cache):
    model, opened, last = GDRegressor("huber"), [], files.folder / f"2.{files.kind}"

    def seen(X):
        opened.append(len(X))
        if sum(opened) == N:  # the first pass has come to its end
            last.unlink()
        return X[["age", "visits"]]

    if cache:
        assert model.fit(files().map(seen)).converged_
        return
    with pytest.raises(FileNotFoundError, match=f"2.{files.kind}: it does not exist any more"):
        model.fit(files(cache=False).map(seen))
    assert set(vars(model)) == set(model.get_params(deep=False))  # nothing half-fitted is left


# -- what is not right with a stream ----------------------------------------------------------------------------------

FRAME = pd.DataFrame(np.random.RandomState(0).randn(10, 3), columns=list("abc"))
TEN, FEW = FRAME.to_numpy(), np.arange(10.0)
HOLES = np.where(np.arange(30).reshape(10, 3) == 13, np.nan, TEN)


def _raises_at_the_second():
    yield TEN, FEW
    raise KeyError("row 7")


@pytest.mark.parametrize(
    ("model", "batches", "message"),
    [
        (GDRegressor(), [(TEN, FEW), (TEN[:, :2], FEW)], "batch 2: X has 2 features: expected 3"),
        (GDRegressor(), [(TEN, FEW), (HOLES, FEW)], "batch 2, row 4: Input X contains NaN"),
        (GDRegressor(), [(TEN, FEW), (sparse.csr_matrix(HOLES), FEW)], "batch 2, row 4: Input X contains NaN"),
        (GDRegressor(), [(TEN, FEW), (TEN, HOLES[:, 1])], "batch 2: Input y contains NaN"),
        (GDRegressor(), [(TEN, FEW), (TEN[:0], FEW[:0])], "batch 2: X has no rows"),
        (GDRegressor(), [(TEN, FEW), (TEN, FEW[:3])], "batch 2: .*inconsistent numbers of samples"),
        (GDRegressor(), [(TEN, FEW), (TEN, None)], "batch 2: .*requires y to be passed"),
        (GDRegressor(), [(TEN, FEW), (TEN, np.tile(FEW[:, None], 2))], r"batch 2: y has 2 output\(s\): expected 1"),
        (GDRegressor(), [(TEN, FEW), (TEN, FEW, -FEW)], "batch 2: sample_weight has a negative entry"),
        (GDRegressor(), [(TEN, FEW, 0.0 * FEW)], "Sample weights must contain at least one non-zero number"),
        (GDRegressor(), [], "The stream has no batches"),
        (GDRegressor(), [(FRAME, FEW), (FRAME[["b", "a", "c"]], FEW)], "batch 2: X has the same columns in another order"),
        (GDRegressor(), [(TEN, FEW), (FRAME, FEW)], "batch 2: X has the columns .*: expected columns without names"),
        (
            GDRegressor(),
            [(TEN, FEW), Batch(HOLES, FEW, name="monday.bin", first_row=90)],
            "monday.bin, row 94: Input X contains NaN",
        ),
        (GDRegressor("poisson"), [(TEN, FEW), (TEN, FEW - 5.0)], "batch 2: Poisson needs y >= 0"),
        (GDClassifier(), [(TEN, FEW > 3), (TEN, np.full(10, "a"))], "batch 2: y has labels such as 'a': expected .* False"),
        (GDClassifier(), [(TEN, FEW > 99), (TEN, FEW > 99)], "y has one class only, False"),
        (GDClassifier(), [(TEN, FEW > 3), (TEN, FEW + 0.5)], "batch 2: Unknown label type: continuous"),
        (GDClassifier(), [(TEN, np.eye(10)[:, :2]), (TEN, np.eye(10)[:, :3])], "batch 2: y has 3 columns: expected 2"),
        (
            GDClassifier(SequenceLoss()),
            [(TEN, np.eye(10, 2, dtype=int)), (TEN, np.eye(10, dtype=int))],
            "batch 2: y has 10 steps",
        ),
    ],
)
def test_errors_name_the_batch(model, batches, message):
    for cache in (True, False):
        with pytest.raises(ValueError, match=message):
            model.fit(Stream(lambda: iter(batches), cache=cache))
    assert set(vars(model)) == set(model.get_params(deep=False))


def test_other_errors():
    model, stream = GDRegressor(solver="adam", max_iter=1), _stream(TEN, FEW)
    with pytest.raises(RuntimeError, match="batch 2: KeyError: 'row 7'"):
        model.fit(Stream(_raises_at_the_second))
    with pytest.raises(TypeError, match="open_batches is tuple: expected a function"):
        Stream((TEN, FEW))
    with pytest.raises(TypeError, match=r"open_batches\(\) returned int: expected an iterator"):
        model.fit(Stream(lambda: 5))
    for given, message in (((TEN, FEW, FEW, FEW), "a tuple of 4"), ([TEN, FEW], "a list of 2"), ({"X": TEN}, "a dict of 1")):
        with pytest.raises(TypeError, match=f"batch 1 is {message}: expected a tuple"):
            model.fit(Stream(lambda: iter([given])))  # noqa: B023
    with pytest.raises(TypeError, match="transform='log': expected a function of X"):
        stream.map("log")
    for arguments, message in (
        ({"y": FEW}, "y is given with X, a Stream: expected None"),
        ({"sample_weight": FEW}, "sample_weight is given with X, a Stream"),
        ({"X_val": stream, "y_val": FEW}, "y_val is given with X_val, a Stream"),
        ({"X_val": TEN}, "y_val is None"),
        ({"groups": FEW}, None),
    ):
        if message:
            with pytest.raises(ValueError, match=message):
                model.fit(stream, **arguments)
    with pytest.raises(ValueError, match="X is a Stream: expected a batch"):
        model.partial_fit(stream, None)
    for rule, message in (
        (EarlyStopping(cv=3), "cv=3 needs rows in memory"),
        (EarlyStopping(scoring="r2"), "scoring='r2' needs"),
    ):
        with pytest.raises(ValueError, match=message):
            GDRegressor(early_stopping=rule).fit(stream)
    with pytest.raises(ValueError, match="scoring='r2' needs validation rows in memory"):
        GDRegressor(early_stopping=EarlyStopping(scoring="r2")).fit(stream, X_val=stream)


def test_batches_that_are_others_at_the_second_call():
    lots, calls = [(TEN, FEW), (TEN, FEW)], []

    def once():
        calls.append(1)
        return iter(lots if len(calls) == 1 else lots[: 2 - len(calls) // 2])

    with pytest.raises(ValueError, match="ended after . batch"):
        GDRegressor("huber").fit(Stream(once, cache=False))
    generator = iter(lots)
    with pytest.raises(ValueError, match="The stream ended after 0 batches, where the first pass found 2"):
        GDRegressor("huber").fit(Stream(lambda: generator, cache=False))
    generator = iter(lots)
    assert GDRegressor("huber").fit(Stream(lambda: generator)).converged_  # the copy on disk needs one call
    grown = iter([lots, lots, [(TEN, FEW), (TEN[:4], FEW[:4])], *[lots] * 9])
    with pytest.raises(ValueError, match="batch 2: it has 4 rows, where the first pass found 10 rows"):
        GDRegressor("huber").fit(Stream(lambda: iter(next(grown)), cache=False))


# -- the rest of an estimator's life ----------------------------------------------------------------------------------


def test_scores_and_predictions(problems):
    X, y, labels, weight = problems
    indicators, steps = np.column_stack([y > 0, X[:, 0] > 0]).astype(int), np.digitize(X[:, :3], [0.0])
    for model, target in (
        (GDRegressor(), y),
        (GDRegressor(), np.column_stack([y, X[:, 0] + y])),
        (GDClassifier(), labels),
        (GDClassifier(), indicators),
        (GDClassifier(SequenceLoss()), steps),
    ):
        model.fit(X, target)
        stream = _stream(X, target, weight)
        assert model.score(stream) == pytest.approx(model.score(X, target, weight), abs=1e-12)
        for name in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
            if hasattr(model, name):
                batches, expected = list(getattr(model, name)(stream)), getattr(model, name)(X)
                assert len(batches[0]) == 100
                got = np.concatenate(batches)
                assert np.all(got == expected) if expected.dtype.kind == "U" else np.allclose(got, expected, rtol=1e-9)
    with pytest.raises(ValueError, match="batch 3: .*features"):
        list(model.predict(_stream(X).map(lambda X: X[:, : 6 - (len(X) == 250)])))


def test_a_stream_is_scored_by_its_own(problems):
    X, y, _, weight = problems
    model = GDRegressor().fit(X, y)
    for given in ({"y": y}, {"sample_weight": weight}):
        with pytest.raises(ValueError, match="is given with X, a Stream: expected None"):
            model.score(_stream(X, y), **given)


def test_nothing_left_to_train_on(problems, elsewhere):
    X, y, _, _ = problems
    weight = np.r_[1.0, np.zeros(N - 1)]
    with pytest.raises(ValueError, match="early_stopping=True (leaves|holds out) no row of positive weight"):
        GDRegressor(early_stopping=True, random_state=0).fit(*elsewhere(X, y, weight))


def test_batches_without_anything_observed(problems, elsewhere):
    X, y, _, _ = problems
    missing = y.copy()
    missing[:400] = np.nan
    _assert_same(GDRegressor(Masked("huber")).fit(X, missing), GDRegressor(Masked("huber")).fit(*elsewhere(X, missing)))
    with pytest.raises(ValueError, match="y has no observed entry"):
        GDRegressor(Masked("huber")).fit(*elsewhere(X, np.full(N, np.nan)))


@pytest.mark.skipif(sys.platform != "linux", reason="a list of open files")
def test_an_interrupt_lets_go_of_the_copy(problems, monkeypatch):
    X, y, _, _ = problems
    steps, before, step = [], len(os.listdir("/proc/self/fd")), GradientDescent.step

    def interrupted(self, objective, state):
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return step(self, objective, state)

    monkeypatch.setattr(GradientDescent, "step", interrupted)
    model = GDRegressor("huber", solver="gd", tol=0.0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(_stream(X, y))
    gc.collect()
    assert model.stop_reason_ == "interrupted"
    assert len(os.listdir("/proc/self/fd")) <= before


def test_what_joblib_has_mapped_is_in_memory(problems, folder, monkeypatch):
    monkeypatch.setattr(sources, "MAPPED", 0)
    X, y, _, _ = problems
    (folder / "joblib_memmapping_folder_1").mkdir()
    file = np.memmap(folder / "joblib_memmapping_folder_1" / "X", X.dtype, "w+", shape=X.shape)
    file[:] = X
    assert GDRegressor("quantile", solver="interior_point").fit(file, y).converged_


def test_r2_is_scikit_learns(problems):
    _, y, _, weight = problems
    predicted = y + np.random.RandomState(0).standard_normal(N)
    target = GDRegressor().fit(y[:, None], y)._last_fit.target
    for truth, guess in ((y, predicted), (y + 1e6, predicted + 1e6), (0.0 * y, predicted), (0.0 * y, 0.0 * y), (y, y)):
        parts = [target.tally(truth[i : i + 37], guess[i : i + 37], weight[i : i + 37]) for i in range(0, N, 37)]
        expected = r2_score(truth, guess, sample_weight=weight)
        assert target.scored(sum(parts[1:], start=parts[0])) == pytest.approx(expected, abs=1e-9)
        assert target.score(truth, guess, weight) == pytest.approx(expected, abs=1e-12)


def test_partial_fit_takes_whatever_a_batch_is(problems):
    X, _, labels, weight = problems
    X = StandardScaler().fit_transform(X)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    for given in (X, frame, sparse.csr_matrix(X), X.astype(np.float32)):
        model = GDClassifier(solver="sgd", random_state=0)
        rows = _stream(given.tocsr() if sparse.issparse(given) else given, labels, weight)
        if given is frame:
            rows = Stream(lambda: ((frame[i : i + 99], labels[i : i + 99], weight[i : i + 99]) for i in range(0, N, 99)))
        for X_batch, y_batch, weight_batch in rows:
            model.partial_fit(X_batch, y_batch, classes=["low", "middle", "top"], sample_weight=weight_batch)
        assert model.score(given, labels) > 0.65


def test_early_stopping(problems, elsewhere):
    X, y, labels, _ = problems
    train, out = slice(0, 900), slice(900, N)
    rule = EarlyStopping(patience=2)
    make = GDClassifier(solver="gd", early_stopping=rule, max_iter=40)
    here = _quietly(clone(make), X[train], labels[train], X_val=X[out], y_val=labels[out])
    given = elsewhere(X[out], labels[out])
    validation = {"X_val": given[0]} | ({"y_val": given[1]} if given[1:] else {})
    there = _quietly(clone(make), *elsewhere(X[train], labels[train]), **validation)
    _assert_same(here, there)
    np.testing.assert_allclose(there.validation_loss_curve_, here.validation_loss_curve_, rtol=1e-9)
    held = _quietly(GDRegressor(solver="gd", early_stopping=True, random_state=0), *elsewhere(X, y))
    assert held.best_iteration_ > 0
    assert held.validation_loss_curve_[-1] < held.validation_loss_curve_[0]
    full = GDRegressor().fit(X, y)
    assert held.score(X, y) > full.score(X, y) - 0.05
    assert not np.array_equal(held.coef_, full.coef_)


def test_watching_a_stream(problems, capsys):
    X, y, _, _ = problems
    GDRegressor(verbose=1).fit(_stream(X, y))
    printed = capsys.readouterr().out
    assert printed.startswith(f"Read {N:,} rows in ")
    assert "objective" in printed


def test_callbacks_see_the_passes(problems):
    callback = pytest.importorskip("sklearn.callback", reason="from scikit-learn 1.9 on")
    if not hasattr(callback, "with_callbacks"):
        pytest.skip("from scikit-learn 1.9 on")
    X, y, _, _ = problems
    seen = []

    class Recorder:
        def setup(self, estimator, context):
            seen.append(("setup", context.max_subtasks))

        def on_fit_task_begin(self, estimator, context, **data):
            pass

        def on_fit_task_end(self, estimator, context, **data):
            seen.append((context.task_name, context.max_subtasks))

        def teardown(self, estimator, context):
            pass

    for cache in (True, False):
        seen.clear()
        GDRegressor("huber").set_callbacks(Recorder()).fit(_stream(X, y, sizes=(400,), cache=cache))
        passes = [total for name, total in seen if name == "pass"]
        assert passes[0] is None  # how many batches there are is not known
        assert passes[1:] == ([] if cache else [3] * (len(passes) - 1))
        assert (len(passes) > 1) != cache
        assert sum(name == "batch" for name, _ in seen) == 3 * len(passes)
        assert sum(name == "iteration" for name, _ in seen) >= 1


def test_no_file_is_left_open(problems):
    X, y, _, _ = problems
    here = Path("/proc/self/fd")
    if not here.exists():
        pytest.skip("no list of open files")
    gc.collect()
    before = len(list(here.iterdir()))
    for _ in range(3):
        GDRegressor("quantile").fit(_stream(X, y))
        with pytest.raises(ValueError, match="batch 2"):
            GDRegressor().fit(_stream(np.where(np.arange(N)[:, None] == 100, np.nan, X), y))
    gc.collect()
    assert len(list(here.iterdir())) <= before


def test_joblibs_mapped_arrays_are_read_as_in_memory(problems, folder):
    """A small mapped array keeps every solver."""
    X, y, _, _ = problems
    file = np.memmap(folder / "X", X.dtype, "w+", shape=X.shape)
    file[:] = X
    assert GDRegressor("quantile", solver="interior_point").fit(file, y).converged_


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes, load_wine])
def test_real_tables(load, elsewhere):
    X, y = load(return_X_y=True)
    make = GDRegressor("huber") if load is load_diabetes else GDClassifier()
    _assert_same(_quietly(clone(make), X, y), _quietly(clone(make), *elsewhere(X, y)), 1e-6)
