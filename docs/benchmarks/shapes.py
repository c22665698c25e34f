"""Shapes that once took minutes, or all memory: `python docs/benchmarks/shapes.py`. Needs `pip install -e ".[bench]"`.

Many classes beside LogisticRegression at tol=1e-6, mini-batches from a frame beside SGDRegressor, single hashed rows beside
SGDClassifier, and groups of one-hot columns beside celer. Fits take turns, in one thread.
"""

from __future__ import annotations

import os
import sys

THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA")
if any(os.environ.get(f"{name}_NUM_THREADS") != "1" for name in THREADS):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **{f"{name}_NUM_THREADS": "1" for name in THREADS}})

import statistics  # noqa: E402
import time  # noqa: E402
import tracemalloc  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from celer import GroupLasso as CelerGroupLasso  # noqa: E402
from scipy import sparse  # noqa: E402
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor  # noqa: E402

from sklearn_gd import GDClassifier, GDRegressor  # noqa: E402
from sklearn_gd.penalties import GroupLasso  # noqa: E402
from sklearn_gd.solvers import Adam  # noqa: E402


def classes(n, p, k):
    """Softmax of k classes that overlap; extra memory in units of n k numbers."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    y = (X @ rng.standard_normal((p, k)) + 2.0 * rng.gumbel(size=(n, k))).argmax(axis=1)
    ours = GDClassifier(alpha=1e-3)
    rival = LogisticRegression(C=1.0 / (1e-3 * n), tol=1e-6, max_iter=5000)
    return lambda: ours.fit(X, y), lambda: rival.fit(X, y), n * len(np.unique(y))


def frame(n, p):
    """One epoch of Adam from a frame, whose columns lie together; extra memory in units of X."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((n, p)), columns=[f"x{j}" for j in range(p)])
    y = X.to_numpy() @ rng.standard_normal(p) + rng.standard_normal(n)
    ours, rival = GDRegressor(solver=Adam(), max_iter=1, random_state=0), SGDRegressor(max_iter=1, tol=None, random_state=0)
    return lambda: ours.fit(X, y), lambda: rival.fit(X, y), n * p


def hashed(n, p):
    """n single rows of twenty hashed columns among p, by partial_fit; extra memory in units of the p weights."""
    rng = np.random.default_rng(0)
    rows = [sparse.csr_matrix((np.ones(20), (np.zeros(20, int), rng.integers(0, p, 20))), shape=(1, p)) for _ in range(n)]
    labels = [[int(label)] for label in rng.integers(0, 2, n)]

    def stream(make):
        model = make()
        for row, label in zip(rows, labels, strict=True):
            model.partial_fit(row, label, classes=[0, 1])

    return lambda: stream(lambda: GDClassifier(random_state=0)), lambda: stream(lambda: SGDClassifier(loss="log_loss")), p


def groups(n, p, size, alpha):
    """Group lasso on one-hot levels, in groups of equal size; extra memory in units of X."""
    rng = np.random.default_rng(0)
    X = np.hstack([np.eye(size)[rng.integers(0, size, n)] for _ in range(p // size)])
    y = X[:, :size] @ rng.standard_normal(size) + 0.5 * rng.standard_normal(n)
    parts = [list(range(start, start + size)) for start in range(0, p, size)]
    ours = GDRegressor(penalty=GroupLasso(parts), alpha=alpha)
    rival = CelerGroupLasso(groups=size, alpha=alpha * np.sqrt(size), tol=1e-8, fit_intercept=True, max_iter=1000)
    return lambda: ours.fit(X, y), lambda: rival.fit(X, y), n * p


CASES = {
    "300 classes, 2,000 x 20, beside LogisticRegression": (classes, (2_000, 20, 300), 3),
    "1,000 classes, 20,000 x 20, beside LogisticRegression": (classes, (20_000, 20, 1_000), 1),
    "one epoch of Adam, frame of 300,000 x 20, beside SGDRegressor": (frame, (300_000, 20), 5),
    "100 single rows of 2^20 hashed columns, beside SGDClassifier": (hashed, (100, 2**20), 3),
    "group lasso, one-hot 2,000 x 200, groups of 10, beside celer": (groups, (2_000, 200, 10, 1e-2), 7),
    "group lasso, one-hot 193 x 112, groups of 8, beside celer": (groups, (193, 112, 8, 1e-2), 7),
}


def seconds(fits, repeats):
    """The median seconds of each fit."""
    times = [[] for _ in fits]
    for _ in range(repeats):
        for fit, kept in zip(fits, times, strict=True):
            began = time.perf_counter()
            fit()
            kept.append(time.perf_counter() - began)
    return [statistics.median(kept) for kept in times]


def main():
    """Measure, print and keep the table."""
    lines = ["| shape | seconds | rival | ratio | extra memory |", "| --- | --- | --- | --- | --- |"]
    for title, (build, arguments, repeats) in CASES.items():
        ours, rival, unit = build(*arguments)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            own, theirs = seconds((ours, rival), repeats)
            tracemalloc.start()
            ours()
            peak = tracemalloc.get_traced_memory()[1] / 8.0 / unit
            tracemalloc.stop()
        lines.append(f"| {title} | {own:.3g} | {theirs:.3g} | {own / theirs:.2f} | {peak:.1f} |")
        print(lines[-1], flush=True)
    Path(__file__).with_name("results").joinpath("shapes.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
