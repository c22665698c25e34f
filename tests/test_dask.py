"""Rows in the workers of a Dask cluster, and Dask collections without one."""

import _thread
import os
import signal
import threading
import time
import warnings
from copy import deepcopy
from itertools import pairwise

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.distributed import Client, LocalCluster
from dask_ml.wrappers import Incremental, ParallelPostFit
from joblib import parallel_backend
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from tables import CLASSIFICATION, DETERMINISTIC, REGRESSION, RULES

from sklearn_gd import EarlyStopping, GDClassifier, GDRegressor
from sklearn_gd.losses import LOSSES
from sklearn_gd.penalties import L2, NonNegative
from sklearn_gd.rows import cluster as home
from sklearn_gd.rows import dask as collections
from sklearn_gd.rows import source
from sklearn_gd.rows.blocks import MemoryRows
from sklearn_gd.rows.listed import ListedRows
from sklearn_gd.solvers import Need

pytestmark = pytest.mark.xdist_group("dask")  # one cluster for all

N, CHUNK = 1200, 170


def _curved(y_true, raw):
    return np.where(y_true > raw, 3.0, 1.0) * (y_true - raw) ** 2


def _kinked(y_true, raw):
    return np.where(y_true > raw, 3.0, 1.0) * np.abs(y_true - raw)


def _capped(y_true, raw):
    return np.minimum(np.abs(y_true - raw), 2.0)


def _slow(y_true, raw):
    time.sleep(0.005)
    return _curved(y_true, raw)


def _cluster(n, **settings):
    return LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=":0", silence_logs=50, **settings)


@pytest.fixture(scope="module")
def client():
    with _cluster(2) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture
def clean(client):
    """No task, and so no data, stays on the cluster."""
    yield client
    _assert_clean(client)


def _assert_clean(client):
    deadline = time.time() + 10.0
    while time.time() < deadline:
        tasks = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
        kept = client.run(lambda dask_worker: [*dask_worker.data, *dask_worker.state.actors])
        if not tasks and not any(kept.values()):
            return
        time.sleep(0.05)
    raise AssertionError((tasks, kept))


@pytest.fixture(scope="module")
def problems():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((N, 6)) * [1.0, 10.0, 0.1, 1.0, 1.0, 1.0] + [0.0, 50.0, 0.0, 0.0, 0.0, 0.0]
    y = X @ [1.0, 0.2, 3.0, 0.0, -1.0, 0.5] - 10.0 + rng.standard_t(3, size=N)
    return X, y, np.array(["low", "middle", "top"])[np.digitize(y, [-1.0, 2.0])], rng.randint(0, 3, N).astype(float)


def _lazy(array, chunk=CHUNK):
    if sparse.issparse(array):
        starts = range(0, array.shape[0], chunk)
        parts = [dask.delayed(array[start : start + chunk]) for start in starts]
        shapes = [(min(chunk, array.shape[0] - start), array.shape[1]) for start in starts]
        return da.concatenate([da.from_delayed(*pair, dtype=float) for pair in zip(parts, shapes, strict=True)])
    return da.from_array(array, chunks=(chunk, *array.shape[1:]))


def _target(loss, y, labels):
    if callable(loss) or LOSSES[loss].task == "regression":
        return (
            np.exp(0.2 * np.clip(y, -8.0, 8.0))
            if (not callable(loss) and LOSSES[loss]().positive_only) or loss == "linex"
            else y
        )
    return labels


def _make(loss, **params):
    return (GDRegressor if callable(loss) or LOSSES[loss].task == "regression" else GDClassifier)(loss=loss, **params)


def _quietly(model, *data, **fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **fit)


def _assert_same(here, there, tolerance=1e-7):
    for name in ("coef_", "intercept_"):
        expected, got = getattr(here, name), getattr(there, name)
        np.testing.assert_allclose(
            got, expected, rtol=0.0, atol=tolerance * max(np.abs(here.coef_).max(), np.abs(expected).max())
        )
        assert np.asarray(got).dtype == np.asarray(expected).dtype


# -- the same as in memory --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_every_solver(problems, clean, solver):
    X, y, labels, weight = problems
    done = 0
    for loss, penalty in (("huber", "l1"), ("quantile", "l2"), ("log_loss", "l2"), ("hinge", "l1"), (_capped, "l2")):
        settings = {"solver": solver, "penalty": penalty, "alpha": 0.02, "tol": 1e-11}
        settings |= {"max_iter": 10} if solver == "gd" else {}  # far from the optimum, rounding decides when it restarts
        data = X, _target(loss, y, labels == "top"), weight
        try:
            here = _quietly(_make(loss, **settings), *data)
        except ValueError:
            continue
        done += 1
        if Need.IN_MEMORY in DETERMINISTIC[solver]().needs:
            with pytest.raises(ValueError, match="rows are not in memory, and .* use solver='auto'"):
                _make(loss, **settings).fit(*map(_lazy, data))
        else:
            _assert_same(here, _quietly(_make(loss, **settings), *map(_lazy, data)))
    assert done


@pytest.mark.parametrize("loss", [*REGRESSION, *CLASSIFICATION, _kinked, _curved])
def test_every_loss(problems, clean, loss):
    X, y, labels, weight = problems
    data = X, _target(loss, y, labels), weight
    make = _make(loss, alpha=0.02, tol=1e-10)
    here, there = _quietly(clone(make), *data), _quietly(clone(make), *map(_lazy, data))
    assert there.loss_curve_[-1] == pytest.approx(here.loss_curve_[-1], abs=1e-8 * max(here.loss_curve_[0], 1.0))
    if type(there.solver_) is type(here.solver_) and there.loss_.convex:
        _assert_same(here, there)


def test_other_fits(problems, clean):
    """Several outputs, indicators, class weights, sparse chunks, no intercept, constraints."""
    X, y, labels, weight = problems
    S = sparse.random(N, 30, 0.1, format="csr", random_state=0)
    tight = {"alpha": 0.05, "tol": 1e-10}
    for make, rows, target in (
        (GDRegressor("huber", **tight), X, np.column_stack([y, X[:, 0] - y])),
        (GDClassifier(**tight, class_weight="balanced"), X, np.column_stack([y > 0, X[:, 0] > y]).astype(int)),
        (GDClassifier(**tight, class_weight={"low": 0.0, "top": 2.0}), X, labels),
        (GDClassifier(**tight), S, labels),
        (GDRegressor("quantile", **tight), S, y),
        (GDRegressor(fit_intercept=False, penalty=L2() + NonNegative(), **tight), X, y),
        (GDRegressor(**tight), X.astype(np.float32), y),
        (GDRegressor(**tight), np.round(X).astype(np.int16), y),
    ):
        tolerance = 1e-5 if rows.dtype == np.float32 else 1e-7
        _assert_same(
            _quietly(clone(make), rows, target, weight), clone(make).fit(*map(_lazy, (rows, target, weight))), tolerance
        )


def test_beside_scikit_learn(clean):
    """The coefficients of an estimator that nobody here wrote."""
    X, y = load_digits(return_X_y=True)
    reference = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-10, max_iter=10_000).fit(X / 16.0, y)
    model = GDClassifier(alpha=0.01, tol=1e-10).fit(_lazy(X / 16.0), _lazy(y))
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-6)


@pytest.fixture
def alone(monkeypatch):
    """No cluster, though there may be one."""
    monkeypatch.setattr(collections, "client_here", lambda: None)
    with dask.config.set(scheduler="threads"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Running on a single-machine scheduler when a distributed client is active")
        yield


@pytest.mark.parametrize("place", ["clean", "alone"])
def test_collections_of_any_make(problems, request, place):
    """Data frames, chunks of columns, chunks that differ, y in memory; on a cluster or by Dask's own scheduler."""
    request.getfixturevalue(place)
    X, y, _, weight = problems
    labels = np.digitize(y, [-1.0, 2.0])
    expected = GDClassifier().fit(X, labels, weight)
    frame = dd.from_pandas(pd.DataFrame(X, columns=list("abcdef")).assign(label=labels, weight=weight), npartitions=5)
    model = GDClassifier().fit(frame[list("abcdef")], frame["label"], frame["weight"])
    _assert_same(expected, model)
    assert model.feature_names_in_.tolist() == list("abcdef")
    rows = _lazy(X)
    for given in (
        (rows.rechunk((CHUNK, 2)), _lazy(labels), _lazy(weight)),
        (rows, _lazy(labels, 300), weight),
        (rows, labels, weight.tolist()),
        (frame[list("abcdef")].to_dask_array(), frame["label"].to_dask_array(), frame["weight"]),
    ):
        _assert_same(expected, GDClassifier().fit(*given))


@pytest.mark.parametrize("place", ["clean", "alone"])
def test_unknown_chunks_some_of_them_empty(problems, request, place):
    request.getfixturevalue(place)
    X, y, _, _ = problems
    used = X[:, 0] > 0.0
    used[CHUNK : 2 * CHUNK] = False
    given = _lazy(X)[_lazy(used)], _lazy(y)[_lazy(used)]
    for make in (GDRegressor("huber"), GDRegressor("quantile"), GDRegressor(solver="sgd", max_iter=2, random_state=0)):
        model, expected = _quietly(clone(make), *given), _quietly(clone(make), X[used], y[used])
        if "solver" not in repr(make):
            _assert_same(expected, model)
        np.testing.assert_allclose(model.predict(given[0]).compute(), model.predict(X[used]))
        assert model.score(*given) == pytest.approx(model.score(X[used], y[used]), abs=1e-12)
    nobody = _lazy(np.zeros(N, dtype=bool))
    with pytest.raises(ValueError, match="no rows|no batches"):
        GDRegressor().fit(_lazy(X)[nobody], _lazy(y)[nobody])


def test_a_pass_is_one_call_of_each_worker(problems, clean, monkeypatch):
    """The scheduler has no tasks of passes, but for what is kept of each row."""
    X, _, labels, _ = problems
    calls, submitted = [], []
    direct, submit = home.DaskRows._direct, home.Held.submit

    def counted(self, functions, handles):
        calls.append(len(functions))
        return direct(self, functions, handles)

    def noted(self, function, *args, **settings):
        submitted.append(function)
        return submit(self, function, *args, **settings)

    monkeypatch.setattr(home.DaskRows, "_direct", counted)
    monkeypatch.setattr(home.Held, "submit", noted)
    GDClassifier().fit(_lazy(X), _lazy(labels))
    assert len(calls) >= 10
    assert set(calls) == {2}
    assert sum(function is home._called for function in submitted) == 2  # y alone, for the constant


def test_workers_that_cannot_be_called_directly(problems, clean, monkeypatch):
    """All goes by tasks, and after a few tries nothing else is tried."""
    X, _, labels, _ = problems
    tried = []

    def refused(self, place):
        tried.append(place)
        raise OSError("a firewall")

    monkeypatch.setattr(home.Held, "runner", refused)
    _assert_same(GDClassifier().fit(X, labels), GDClassifier().fit(_lazy(X), _lazy(labels)))
    assert len(tried) == home.TRIES


def test_without_a_cluster(problems, alone):
    X, y, labels, weight = problems
    for make, target in ((GDClassifier(class_weight="balanced"), labels), (GDRegressor("quantile"), y)):
        _assert_same(clone(make).fit(X, target, weight), clone(make).fit(*map(_lazy, (X, target, weight))))
    holes = _lazy(np.where(np.arange(N)[:, None] == 400, np.nan, X))
    with pytest.raises(ValueError, match="partition 2, row 60: Input X contains NaN"):
        GDRegressor().fit(holes, _lazy(y))


def test_early_stopping_on_a_validation_set(problems, clean):
    X, _, labels, _ = problems
    train, out = slice(0, 900), slice(900, N)
    make = GDClassifier(solver="gd", early_stopping=EarlyStopping(patience=2), max_iter=15)
    here = _quietly(clone(make), X[train], labels[train], X_val=X[out], y_val=labels[out])
    there = _quietly(clone(make), *map(_lazy, (X[train], labels[train])), X_val=_lazy(X[out]), y_val=_lazy(labels[out]))
    _assert_same(here, there)
    np.testing.assert_allclose(there.validation_loss_curve_, here.validation_loss_curve_, rtol=1e-9)
    held = _quietly(GDClassifier(early_stopping=True, random_state=0), _lazy(X), _lazy(labels))
    assert held.validation_loss_curve_[-1] < held.validation_loss_curve_[0]
    assert held.score(X, labels) > here.score(X, labels) - 0.05


@pytest.mark.parametrize("rule", RULES)
def test_stochastic_solvers_average_what_each_worker_learns(problems, clean, monkeypatch, rule):
    X, y, _, weight = problems
    weight = weight + 0.5  # no row is left out
    shards = []

    class Spied(home.DaskRows):
        def each(self, walk, value):
            shards[:] = self.numbers
            return super().each(walk, value)

    class Apart(MemoryRows):
        """Rows in memory, walked through as those of the workers are."""

        def each(self, walk, value):
            ends = np.append(np.arange(0, N, CHUNK), N)
            parts = [self.extracted(slice(*some)) for some in pairwise(ends)]
            facts = self.n_features, self.dtype, self.profile
            return [
                walk(ListedRows(some, [rows.n_samples for rows in some], *facts), deepcopy(value))
                for some in ([parts[number] for number in numbers] for numbers in shards)
            ]

    monkeypatch.setattr(collections, "DaskRows", Spied)
    monkeypatch.setattr(source, "MemoryRows", Apart)
    make = GDRegressor(solver=rule, max_iter=5, random_state=0)
    there = _quietly(clone(make), *map(_lazy, (X, y, weight)))
    assert len(shards) == 2
    here = _quietly(clone(make), X, y, weight)
    np.testing.assert_allclose(there.loss_curve_, here.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(there.coef_, here.coef_, rtol=1e-7)


# -- predictions ------------------------------------------------------------------------------------------------------


def test_predictions_are_lazy_and_keep_the_chunks(problems, clean):
    X, y, labels, weight = problems
    frame = dd.from_pandas(pd.DataFrame(X, columns=list("abcdef")), npartitions=4)
    for model, target in (
        (GDRegressor(), y),
        (GDRegressor(), np.column_stack([y, -y])),
        (GDClassifier(), labels),
        (GDClassifier(), labels == "top"),
        (GDClassifier(), labels.astype(object)),
    ):
        model.fit(pd.DataFrame(X, columns=list("abcdef")), target)
        for name in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
            if hasattr(model, name):
                method, expected = getattr(model, name), getattr(model, name)(frame.compute())
                for given in (frame, frame.to_dask_array(lengths=True)):
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", UserWarning)  # that an array has no names of columns
                        got = method(given)
                        assert isinstance(got, da.Array)
                        assert got.numblocks[0] == 4
                        assert got.dtype == expected.dtype
                        assert given is frame or (got.chunks[0] == given.chunks[0] and got.shape == expected.shape)
                        values = got.compute()
                    floats = expected.dtype.kind == "f"
                    assert np.allclose(values, expected, rtol=1e-9) if floats else np.all(values == expected)
        lots = _lazy(np.asarray(target)), _lazy(weight)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            assert model.score(_lazy(X), *lots) == pytest.approx(model.score(frame.compute(), target, weight), abs=1e-12)
    single = _lazy(X.astype(np.float32))
    lazy = GDRegressor().fit(single, _lazy(y)).predict(single)
    assert lazy.dtype == lazy.compute().dtype == np.float32
    with pytest.raises(ValueError, match="X is a Array: expected a batch"):
        GDRegressor(solver="sgd").partial_fit(_lazy(X), _lazy(y))


# -- faults -----------------------------------------------------------------------------------------------------------


def test_errors_name_the_partition(problems, clean):
    X, y, labels, weight = problems
    holes, negative = np.where(np.arange(N)[:, None] == 400, np.nan, X), np.where(np.arange(N) == 400, -1.0, weight)

    def burns(block, block_info=None):
        if block_info[0]["chunk-location"][0] == 3:
            raise OSError("disk on fire")
        return block

    burning = _lazy(X).map_blocks(burns, dtype=float, meta=np.empty((0, 0)))
    for model, data, message in (
        (GDRegressor(), (_lazy(holes), _lazy(y)), "partition 2: Input X contains NaN"),
        (GDRegressor(), (_lazy(X), _lazy(y), _lazy(negative)), "partition 2: sample_weight has a negative entry"),
        (GDRegressor(), (burning, _lazy(y)), "partition 3: disk on fire"),
        (GDRegressor(), (_lazy(X), _lazy(y)[:-5]), "partition 7: .*inconsistent numbers of samples"),
        (GDRegressor(), (_lazy(X), _lazy(y)[:500]), "y has 3 partitions: expected 8"),
        (GDRegressor(), (_lazy(X), y[:-1]), "y has 1199 entries: expected 1200"),
        (GDRegressor(), (_lazy(X)[_lazy(y) > 0], y), "y is ndarray, and X has chunks of unknown sizes"),
        (GDRegressor(), (_lazy(X), None), "partition \\d: .*requires y to be passed"),
        (GDRegressor(), (_lazy(X), _lazy(y), _lazy(0.0 * weight)), "Sample weights must contain at least one non-zero number"),
        (GDRegressor("poisson"), (_lazy(X), _lazy(y)), "partition \\d: Poisson needs y >= 0"),
        (GDClassifier(), (_lazy(X), _lazy(labels[:1].repeat(N))), "y has one class only, "),
        (GDRegressor(early_stopping=EarlyStopping(cv=3)), (_lazy(X), _lazy(y)), "cv=3 needs rows in memory"),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            model.fit(*data)
        assert set(vars(model)) == set(model.get_params(deep=False))
        _assert_clean(clean)


def test_a_loss_that_fails_in_the_middle_leaves_nothing(problems, clean):
    X, y, _, _ = problems
    calls = []

    def fails(y_true, raw):
        calls.append(1)
        if len(calls) > 40:
            raise RuntimeError("out of luck")
        return _curved(y_true, raw)

    with pytest.raises(RuntimeError, match="out of luck"):
        GDRegressor(fails).fit(_lazy(X), _lazy(y))


def test_an_interrupt_leaves_nothing(problems, clean):
    X, y, _, _ = problems
    model = GDRegressor(_slow, solver="gd", tol=0.0, max_iter=10_000)
    timer = threading.Timer(3.0, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(_lazy(X), _lazy(y))
    timer.join()
    assert model.coef_.shape == (6,)  # the best iterate


def test_a_worker_that_dies(problems):
    """The rows are made anew from the graph of the collection."""
    X, y, _, _ = problems
    expected = GDRegressor(_curved, tol=1e-10).fit(X, y)
    with _cluster(2) as cluster, Client(cluster) as client:
        started = list(client.run(os.getpid).values())
        killed = threading.Timer(1.5, os.kill, (started[0], signal.SIGKILL))
        killed.start()
        model = GDRegressor(_slow, tol=1e-10).fit(_lazy(X), _lazy(y))
        killed.join()
        client.wait_for_workers(2)
        assert set(client.run(os.getpid).values()) != set(started)
        _assert_same(expected, model, 1e-10)
        _assert_clean(client)


def test_a_cluster_that_shrinks_and_grows(problems):
    X, y, _, _ = problems
    expected = GDRegressor(_curved, tol=1e-10).fit(X, y)
    with _cluster(2) as cluster, Client(cluster) as client:
        timers = [threading.Timer(1.0, cluster.scale, (1,)), threading.Timer(3.0, cluster.scale, (3,))]
        for timer in timers:
            timer.start()
        began = time.time()
        while time.time() < began + 4.0:
            _assert_same(expected, GDRegressor(_slow, tol=1e-10).fit(_lazy(X), _lazy(y)), 1e-10)
        for timer in timers:
            timer.join()
        _assert_clean(client)


def test_a_worker_without_memory(problems):
    X, y, _, _ = problems

    def greedy(block, block_info=None):
        if block_info[0]["chunk-location"][0] == 3:
            held = [np.ones(2**21) for _ in range(100)]  # 1.6 GB
            time.sleep(5.0)
            return block + 0.0 * held[0][0]
        return block

    rows = _lazy(X).map_blocks(greedy, dtype=float, meta=np.empty((0, 0)))
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        _cluster(1, memory_limit="600MB") as cluster,
        Client(cluster) as client,
    ):
        with pytest.raises(MemoryError, match="partitions? .*3.*: workers died of it, tcp.* expected smaller partitions"):
            GDRegressor().fit(rows, _lazy(y))
        client.wait_for_workers(1)
        _assert_clean(client)
        assert GDRegressor().fit(_lazy(X), _lazy(y)).converged_


# -- beside Dask's own tools ------------------------------------------------------------------------------------------


def test_a_search_over_the_cluster(problems, clean):
    X, _, labels, _ = problems
    search = GridSearchCV(GDClassifier(), {"alpha": [1e-4, 1e-2]}, cv=3)
    with parallel_backend("dask"):
        there = clone(search).fit(X, labels)
    here = search.fit(X, labels)
    np.testing.assert_allclose(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])


def test_dask_ml(problems, client):
    X, _, labels, _ = problems
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Incremental(GDClassifier(solver="sgd", random_state=0), random_state=0)
        model.fit(_lazy(X), _lazy(labels), classes=["low", "middle", "top"])
        assert model.score(X, labels) > 0.6
        wrapped = ParallelPostFit(GDClassifier()).fit(X, labels)
        np.testing.assert_array_equal(wrapped.predict(_lazy(X)).compute(), wrapped.predict(X))
        np.testing.assert_allclose(wrapped.predict_proba(_lazy(X)).compute(), wrapped.predict_proba(X))


# -- an offset, and data of the loss ----------------------------------------------------------------------------------


def _costly(y_true, raw, data):
    return np.where(y_true > raw, data["late"] * (y_true - raw) ** 2, (y_true - raw) ** 2)


@pytest.mark.parametrize("cluster", [True, False])
def test_an_offset_and_data_of_the_loss(problems, request, cluster):
    """Arrays and frames, lazy or in memory, on a cluster or by Dask's own scheduler; predictions and scores as well."""
    request.getfixturevalue("clean" if cluster else "alone")
    X, y, _, weight = problems
    offset, late = 0.1 * y[::-1], np.random.RandomState(1).uniform(0.5, 3.0, N)
    frame = pd.DataFrame({"late": late, "note": "a"})
    here = GDRegressor(_costly, tol=1e-9).fit(X, y, weight, offset=offset, loss_data=frame)
    lazy = dd.from_pandas(frame, chunksize=CHUNK)
    for data, shift in ((lazy, _lazy(offset)), (frame, offset)):
        there = GDRegressor(_costly, tol=1e-9).fit(_lazy(X), _lazy(y), _lazy(weight), offset=shift, loss_data=data)
        _assert_same(here, there, 1e-6)
        np.testing.assert_allclose(there.predict(_lazy(X), shift).compute(), here.predict(X, offset), atol=1e-5)
    score = there.score(_lazy(X), _lazy(y), _lazy(weight), offset=_lazy(offset))
    assert score == pytest.approx(here.score(X, y, weight, offset=offset), abs=1e-6)
    table = dd.from_pandas(pd.DataFrame(X, columns=list("abcdef")).assign(shift=offset), chunksize=CHUNK)
    model = GDRegressor().fit(pd.DataFrame(X, columns=list("abcdef")), y, offset=offset)
    found = model.predict(table[list("abcdef")], table["shift"]).compute()
    np.testing.assert_allclose(found, model.predict(pd.DataFrame(X, columns=list("abcdef")), offset))
    with pytest.raises(ValueError, match="offset is ndarray, and X is a Dask dataframe: expected a column of it"):
        model.predict(table[list("abcdef")], offset)
