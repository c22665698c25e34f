"""What each home of rows costs on one machine: `python docs/benchmarks/homes.py`. Needs `pip install -e ".[arrow]"`.

The same fit on rows in memory, on a mapped file, and on streams, with and without a copy on disk; and what two threads bring.
Each figure is the median of `--repeat` runs, and of the ratios to rows in memory within a run, one after the other.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import one_thread  # noqa: F401  (sets one thread for all)
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.rows import Stream, sources

MODELS = {
    "squared_error": lambda **settings: GDRegressor(**settings),
    "log_loss": lambda **settings: GDClassifier(**settings),
    "quantile": lambda **settings: GDRegressor("quantile", **settings),
    "lbfgs, log_loss": lambda **settings: GDClassifier(solver="lbfgs", **settings),
    "sgd, 5 epochs": lambda **settings: GDClassifier(solver="sgd", max_iter=5, random_state=0, **settings),
}
BATCH = 65_536


def data(n: int, p: int):
    """Gaussian columns, and a noisy linear target."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    y = X @ rng.standard_normal(p) / np.sqrt(p) + rng.standard_normal(n)
    return X, y


def homes(X, y, folder: Path) -> dict:
    """From a name to what `fit` takes."""
    sources.MAPPED = 0
    file = np.memmap(folder / "X", X.dtype, "w+", shape=X.shape)
    file[:] = X
    table = pa.table({**{f"x{j}": X[:, j] for j in range(X.shape[1])}, "y": y})
    pq.write_table(table, folder / "rows.parquet", row_group_size=BATCH)

    def batches():
        for start in range(0, len(y), BATCH):
            yield file[start : start + BATCH], y[start : start + BATCH]

    return {
        "in memory": (X, y),
        "mapped file": (file, y),
        "stream, copied to disk": (Stream(batches),),
        "stream, read again": (Stream(batches, cache=False),),
        "Parquet, copied to disk": (Stream.from_parquet(folder / "rows.parquet", target="y"),),
        "Parquet, read again": (Stream.from_parquet(folder / "rows.parquet", target="y", cache=False),),
    }


def seconds(make, *given) -> float:
    """The time of a fit."""
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make().fit(*given)
    return time.perf_counter() - began


def compare_homes(n: int, p: int, repeat: int) -> None:
    """Print the table of homes."""
    X, y = data(n, p)
    print(f"\n{n:,} x {p}, {X.nbytes / 1e6:.0f} MB; seconds (times in memory)\n")
    with tempfile.TemporaryDirectory() as folder:
        names = None
        for name, make in MODELS.items():
            given = homes(X, y if name in ("squared_error", "quantile") else (y > 0).astype(int), Path(folder))
            if names is None:
                names = list(given)
                print("| fit | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
            runs = [{home: seconds(make, *what) for home, what in given.items()} for _ in range(repeat)]
            cells = []
            for home in given:
                ratio = statistics.median(one[home] / one["in memory"] for one in runs)
                cells.append(f"{statistics.median(one[home] for one in runs):.2f} ({ratio:.2f})")
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def compare_threads(repeat: int) -> None:
    """Print the table of threads."""
    X, y = data(1_000_000, 50)
    rng = np.random.default_rng(1)
    n, entries = 400_000, 30
    S = sp.csr_matrix(
        (rng.standard_normal(n * entries), rng.integers(0, 2_000, n * entries), np.arange(0, n * entries + 1, entries)),
        shape=(n, 2_000),
    )
    S.sum_duplicates()
    t = S @ rng.standard_normal(2_000) + rng.standard_normal(S.shape[0])
    cases = {
        "dense 1,000,000 x 50, log_loss": (GDClassifier, X, y > 0),
        "dense 1,000,000 x 50, huber": (lambda **settings: GDRegressor("huber", **settings), X, y),
        "dense 1,000,000 x 50, log_loss, lbfgs": (lambda **settings: GDClassifier(solver="lbfgs", **settings), X, y > 0),
        "sparse 400,000 x 2,000, log_loss, lbfgs": (lambda **settings: GDClassifier(solver="lbfgs", **settings), S, t > 0),
        "sparse 400,000 x 2,000, log_loss": (GDClassifier, S, t > 0),
        "sparse 400,000 x 2,000, huber, newton_cg": (lambda **s: GDRegressor("huber", solver="newton_cg", **s), S, t),
    }
    print("\n| fit | one thread | two | speed-up |\n| --- | --- | --- | --- |")
    for name, (make, rows, target) in cases.items():
        one, two, ups = [], [], []
        for _ in range(repeat):
            one.append(seconds(lambda make=make: make(n_jobs=1), rows, target))
            two.append(seconds(lambda make=make: make(n_jobs=2), rows, target))
            ups.append(one[-1] / two[-1])
        print(
            f"| {name} | {statistics.median(one):.2f} | {statistics.median(two):.2f} | {statistics.median(ups):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--part", choices=["homes", "threads"])
    arguments = parser.parse_args()
    if arguments.part != "threads":
        compare_homes(arguments.rows, arguments.columns, arguments.repeat)
    if arguments.part != "homes":
        compare_threads(arguments.repeat)
