"""Threads: no fit hangs, and the result has the same bits as that of one thread. Samples of the rows have several blocks."""

import json
import os
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest
from joblib import parallel_config
from scipy.sparse import csr_matrix
from sklearn.model_selection import GridSearchCV
from tables import DETERMINISTIC, RULES
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_gd import GDRegressor
from sklearn_gd.rows import blocks

SCRIPT = """
import sys, warnings
import numpy as np
from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.models import MLP
from sklearn_gd.rows import plain
plain.BLOCK = 1 << 17
warnings.simplefilter("ignore")
rng = np.random.RandomState(0)
X = rng.randn(20_000, 100)
y = X[:, :5].sum(axis=1) + rng.standard_t(2, size=len(X))

def capped(y_true, raw):
    return np.minimum(np.abs(y_true - raw), 3.0)

def settings(solver):
    kinked = ("dual", "interior_point", "proximal_point", "working_rows")
    loss = capped if solver == "convex_concave" else "absolute_error" if solver in kinked else "huber"
    penalty = "l1" if solver in ("working_set", "gd", "newton") else "l2"
    return {"loss": loss, "penalty": penalty, "solver": solver, "max_iter": 2, "random_state": 0, "alpha": 0.01}

for solver in sys.argv[1:]:
    n = 500 if solver == "row_space" else len(X)  # it holds the products of all pairs of rows
    fits = [GDRegressor(**settings(solver), n_jobs=jobs).fit(X[:n], y[:n]) for jobs in (1, 2)]
    assert np.array_equal(fits[0].coef_, fits[1].coef_), solver
    assert fits[0].optimality_ == fits[1].optimality_, solver
    print(solver)
"""

WHOLE = """
import numpy as np
from sklearn_gd import GDClassifier, GDRegressor
rng = np.random.RandomState(0)
X = rng.randn(20_000, 100)
y = X[:, :5].sum(axis=1) + rng.standard_t(2, size=len(X))
cases = [(GDClassifier(), y > 0), (GDClassifier("hinge"), y > 0), (GDRegressor("absolute_error"), y)]
for make, target in [*cases, (GDClassifier(), np.digitize(y, [-1, 1]))]:
    fits = [make.set_params(n_jobs=n).fit(X, target).coef_ for n in (1, 2)]
    assert np.array_equal(*fits), make
    print(make.solver_)
"""


def _run(script, *arguments):
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("solvers", [[*DETERMINISTIC], [*RULES, "auto"]], ids=["deterministic", "stochastic"])
def test_every_solver_shares_its_passes(solvers):
    assert _run(SCRIPT, *solvers) == solvers


def test_default_fits_do_not_hang():
    assert len(_run(WHOLE)) == 4


def test_every_pass_is_shared(monkeypatch):
    """A fit of threads reads no block in the caller's thread alone, where there are several."""
    from sklearn_gd.rows.blocks import MemoryRows

    caller, seen, original = threading.get_ident(), [], MemoryRows._run

    def spied(self, kernel, number, arrays):
        if len(self._groups) > 1 and number:
            seen.append(threading.get_ident() == caller)
        return original(self, kernel, number, arrays)

    monkeypatch.setattr(MemoryRows, "_run", spied)
    rng = np.random.RandomState(0)
    X = rng.randn(9000, 40)
    for loss, penalty in (("huber", "l2"), ("absolute_error", "l2"), ("absolute_error", "l1"), ("log_cosh", "l1")):
        seen.clear()
        GDRegressor(loss, penalty=penalty, alpha=0.01, n_jobs=2).fit(X, X[:, 0] + rng.standard_t(2, size=9000))
        assert seen
        assert not any(seen), (loss, penalty)


def _noting(path, y_true, raw):
    """Note in a file which threads there are, and how many the BLAS may take."""
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("sklearn_gd")]
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    with open(path, "a") as notes:
        notes.write(json.dumps({"process": os.getpid(), "pool": len(names), "blas": max(blas)}) + "\n")
    return 0.5 * (y_true - raw) ** 2


class _Notes:
    """The loss that notes, and what it has noted; the file goes with the loss, as processes may be older than the test."""

    def __init__(self, path):
        self.path, self.loss = path, partial(_noting, str(path))

    def __call__(self):
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@pytest.fixture
def notes(tmp_path):
    return _Notes(tmp_path / "notes")


def test_a_parallel_search_has_no_more_threads_than_jobs(notes):
    """One for each of the two processes, where n_jobs is None: neither a pool of ours nor the BLAS takes more."""
    X = np.random.RandomState(0).randn(6000, 40)
    GridSearchCV(GDRegressor(notes.loss), {"alpha": [1e-3, 1e-2]}, cv=3, n_jobs=2).fit(X, X[:, 0])
    seen = notes()
    assert {note["process"] for note in seen} - {os.getpid()}
    assert {note["pool"] for note in seen} == {0}
    assert max(note["blas"] for note in seen if note["process"] != os.getpid()) <= max(1, (os.cpu_count() or 1) // 2)


@pytest.mark.parametrize(("n_jobs", "pool"), [(None, 0), (1, 0), (2, 2)])
def test_as_many_threads_as_asked_for(notes, n_jobs, pool):
    X = np.random.RandomState(0).randn(6000, 40)
    GDRegressor(notes.loss, n_jobs=n_jobs).fit(X, X[:, 0])
    assert max(note["pool"] for note in notes()) == pool
    if pool:
        assert {note["blas"] for note in notes()[-3:]} == {1}


def test_a_joblib_context_sets_the_number_of_threads(notes):
    X = np.random.RandomState(0).randn(6000, 40)
    with parallel_config("threading", n_jobs=2):
        GDRegressor(notes.loss).fit(X, X[:, 0])
    assert max(note["pool"] for note in notes()) == 2


LARGE = np.broadcast_to(0.0, (50_000, 500))


def _blas_threads():
    """Those of NumPy's library, and of all."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    beside = os.path.dirname(np.__file__)
    own = [pool["num_threads"] for pool in pools if pool["filepath"].startswith(beside)]
    return (own or [pool["num_threads"] for pool in pools])[0], sorted(pool["num_threads"] for pool in pools)


@pytest.mark.parametrize(
    ("n_jobs", "X", "expected"),
    [
        (None, None, 1),
        (None, LARGE[:100], 1),
        (None, LARGE, 2),
        (1, LARGE, 1),
        (2, LARGE, 1),
        (None, csr_matrix((50_000, 500)), 1),
    ],
)
def test_blas_threads_of_a_fit(n_jobs, X, expected):
    with threadpool_limits(2, "blas"):
        with blocks.workers(n_jobs, X):
            numpy, pools = _blas_threads()
            assert numpy == expected
            assert pools == sorted([expected, *[1] * (len(pools) - 1)])  # those of another library would compete
        assert set(_blas_threads()[1]) == {2}


@pytest.mark.parametrize("X", [None, LARGE], ids=["one thread", "those of NumPy"])
def test_fits_at_the_same_time_share_the_limits(X):
    """The last one to leave restores the setting."""
    with threadpool_limits(2, "blas"):
        first, second = blocks.workers(None, X), blocks.workers(None)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert set(_blas_threads()[1]) == {1}
        second.__exit__(None, None, None)
        assert set(_blas_threads()[1]) == {2}
