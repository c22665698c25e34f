"""What a cluster costs: `python docs/benchmarks/cluster.py`. Needs `pip install -e ".[dask]" dask-ml`.

1. The time of an evaluation on next to no rows, for 2, 4 and 8 workers, with links that sleep: beside a model of the cost.
2. Messages and bytes of whole fits.
3. Whole fits on two workers, beside the same in memory with two threads, and beside dask-ml's LogisticRegression.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from functools import partial

import cloudpickle
import dask.array as da
import numpy as np
import one_thread  # noqa: F401  (sets one thread for all)
from dask import delayed
from dask.distributed import Client, LocalCluster, wait

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.estimators.reading import Preparation, Reader
from sklearn_gd.losses import get_loss
from sklearn_gd.rows import cluster as home
from sklearn_gd.rows.sources import source_of

REACHED = 1e-6  # relative suboptimality


def cluster(workers: int):
    """A cluster of processes on this machine."""
    return LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0", memory_limit=None, silence_logs=50)


def chunk(n: int, p: int, seed: int):
    """Gaussian columns of unequal sizes, a quarter of which matter; labels from a logistic model, and a heavy-tailed target."""
    rng = np.random.default_rng([seed, 1])
    X = rng.standard_normal((n, p)) * np.logspace(-0.5, 0.5, p)
    weights = np.random.default_rng(0).standard_normal(p) * (np.arange(p) % 4 == 0)
    labels = (rng.uniform(size=n) < 1.0 / (1.0 + np.exp(-X @ weights))).astype(int)
    return X, labels, X.sum(axis=1) + 3.0 * rng.standard_t(3, size=n)


def data(n: int, p: int, chunks: int):
    """The chunks of X, labels and targets, in memory."""
    return [np.concatenate(parts) for parts in zip(*(chunk(n // chunks, p, seed) for seed in range(chunks)), strict=True)]


def collections(n: int, p: int, chunks: int):
    """The same in the workers, which make them."""
    lots = [delayed(chunk, nout=3)(n // chunks, p, seed) for seed in range(chunks)]
    shapes = ((n // chunks, p), float), ((n // chunks,), int), ((n // chunks,), float)
    arrays = [
        da.concatenate([da.from_delayed(lot[place], *shape) for lot in lots]).persist() for place, shape in enumerate(shapes)
    ]
    wait(arrays)
    return arrays


def quietly(model, *given):
    """Fit, without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*given)


def milliseconds(function, repeat: int) -> float:
    """The median time of a call."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)


# -- 1. an evaluation -------------------------------------------------------------------------------------------------


def _asleep(delay, block, size):
    """A kernel that returns `size` numbers after a delay."""
    time.sleep(delay)
    return (np.zeros(size),)


def _kernel(delay, size, block):
    return _asleep(delay, block, size)


def evaluations(repeat: int) -> None:
    """Print the time of an evaluation beside the model."""
    measured = {}
    for workers in (2, 4, 8):
        with cluster(workers) as here, Client(here):
            X, y, _ = collections(400 * workers, 10, workers)
            source = source_of(X, y, None)
            target = source.read(Reader(GDClassifier(), get_loss("log_loss"))).target
            rows = source.rows(Preparation(get_loss("log_loss").for_target(target), target), map)
            for delay in (0.0, 1.0, 10.0):
                for size in (50, 100_000):
                    kernel = partial(_kernel, 1e-3 * delay, size)
                    rows.reduce(kernel)
                    measured[workers, delay, size] = milliseconds(partial(rows.reduce, kernel), repeat)
            source.close()
    small, large = measured[2, 0.0, 50], measured[8, 0.0, 50]
    per_worker = (large - small) / 6.0
    fixed = small - 2.0 * per_worker
    per_number = (measured[2, 0.0, 100_000] - small) / (2 * 100_000)
    print(
        f"\nThe model: {fixed:.2f} ms + {per_worker:.2f} ms for each worker + {1e6 * per_number / 8:.1f} ms for each MB that "
        "comes back + what a link sleeps.\n"
    )
    print("| workers | a link sleeps | numbers that come back | measured, ms | model, ms |\n| --- | --- | --- | --- | --- |")
    for (workers, delay, size), found in measured.items():
        model = fixed + per_worker * workers + per_number * workers * size + delay
        print(f"| {workers} | {delay:g} ms | {size:,} | {found:.1f} | {model:.1f} |", flush=True)


# -- 2. messages and bytes --------------------------------------------------------------------------------------------


def traffic() -> None:
    """Print how many calls a fit makes, and what goes there and back."""
    cases = {
        "log_loss, 50 columns, newton": (GDClassifier(), 1),
        "log_loss, 50 columns, lbfgs": (GDClassifier(solver="lbfgs"), 1),
        "softmax, 50 columns, 10 classes": (GDClassifier(), 3),
        "squared_error, 50 columns": (GDRegressor(), 2),
        "quantile, 50 columns": (GDRegressor("quantile"), 2),
        "l1, log_loss": (GDClassifier(penalty="l1", alpha=1e-3), 1),
        "adam, 10 epochs": (GDClassifier(solver="adam", max_iter=10, random_state=0), 1),
    }
    original, counts = home.DaskRows._direct, {}

    def spied(self, functions, handles):
        found = original(self, functions, handles)
        counts["calls"] += 1
        counts["out"] += sum(len(cloudpickle.dumps(function)) for function in functions)
        counts["back"] += sum(len(cloudpickle.dumps(value)) for value in found)
        return found

    home.DaskRows._direct = spied
    print("\n| fit | iterations | calls of each worker | kB to a worker | kB from a worker |\n| --- | --- | --- | --- | --- |")
    with cluster(2) as here, Client(here):
        arrays = collections(40_000, 50, 4)
        arrays.append(da.digitize(arrays[0][:, 0] + arrays[0][:, 1], np.linspace(-1, 1, 9)))
        for name, (model, place) in cases.items():
            counts.update(calls=0, out=0, back=0)
            quietly(model, arrays[0], arrays[place])
            sizes = [f"{counts[way] / 2e3:,.0f}" for way in ("out", "back")]
            print(f"| {name} | {model.n_iter_} | {counts['calls']} | " + " | ".join(sizes) + " |", flush=True)
    home.DaskRows._direct = original


# -- 3. whole fits ----------------------------------------------------------------------------------------------------


def beside_memory(n: int, p: int, repeat: int) -> None:
    """Print whole fits on two workers beside two threads."""
    cases = {
        "log_loss": (GDClassifier, 1),
        "log_loss, lbfgs": (lambda **settings: GDClassifier(solver="lbfgs", **settings), 1),
        "huber": (lambda **settings: GDRegressor("huber", **settings), 2),
        "quantile": (lambda **settings: GDRegressor("quantile", **settings), 2),
    }
    whole = data(n, p, 8)
    print(f"\n{n:,} x {p}, {whole[0].nbytes / 1e6:.0f} MB\n")
    print("| fit | in memory, 2 threads, s | 2 workers, s | ratio |\n" + "| --- " * 4 + "|")
    with cluster(2) as here, Client(here):
        lazy = collections(n, p, 8)
        for name, (make, place) in cases.items():
            here_s, there_s, ratios = [], [], []
            for _ in range(repeat):
                here_s.append(1e-3 * milliseconds(lambda make=make, t=whole[place]: quietly(make(n_jobs=2), whole[0], t), 1))
                there_s.append(1e-3 * milliseconds(lambda make=make, t=lazy[place]: quietly(make(), lazy[0], t), 1))
                ratios.append(there_s[-1] / here_s[-1])
            middle = statistics.median
            print(f"| {name} | {middle(here_s):.2f} | {middle(there_s):.2f} | {middle(ratios):.2f} |", flush=True)


def beside_dask_ml(n: int, p: int, patience: float) -> None:
    """Print the time to a relative suboptimality of 1e-6 of dask-ml's solvers, without intercept, and ours."""
    from dask_ml.linear_model import LogisticRegression

    X, y, _ = data(n, p, 8)
    signs, strength = 2.0 * y - 1.0, 1e-4 * n

    def objective(coef):
        return np.logaddexp(0.0, -signs * (X @ np.ravel(coef))).sum() + 0.5 * strength * np.sum(np.ravel(coef) ** 2)

    def make(tol):
        return GDClassifier(alpha=1e-4, fit_intercept=False, tol=tol)

    best = objective(quietly(make(1e-12), X, y).coef_)
    start = objective(np.zeros(p))
    print(
        f"\n{n:,} x {p}, {X.nbytes / 1e6:.0f} MB\n\n| solver | s | relative suboptimality | tolerance | ours / it |\n"
        + "| --- " * 5
        + "|"
    )
    with cluster(2) as here, Client(here):
        rows, lazy, _ = collections(n, p, 8)
        quietly(make(1e-7), rows, lazy)
        ours = 1e-3 * milliseconds(lambda: quietly(make(1e-7), rows, lazy), 3)
        gap = (objective(quietly(make(1e-7), rows, lazy).coef_) - best) / (start - best)
        print(f"| ours, default | {ours:.2f} | {gap:.0e} | 1e-7 | 1 |", flush=True)
        for solver in ("admm", "gradient_descent", "lbfgs", "newton", "proximal_grad"):
            line = f"| {solver} | did not reach it | | | |"
            for tol in (1e-3, 1e-5, 1e-7, 1e-9, 1e-11):
                settings = {"tol": tol, "max_iter": 100 if solver == "newton" else 5_000, "penalty": "l2", "C": strength}
                model, began = LogisticRegression(solver=solver, fit_intercept=False, **settings), time.perf_counter()
                try:
                    quietly(model, rows, lazy)
                except Exception as error:
                    line = f"| {solver} | {type(error).__name__}: {str(error)[:60]} | | | |"
                    break
                took = time.perf_counter() - began
                gap = (objective(model.coef_) - best) / (start - best)
                line = f"| {solver} | {took:.1f}{'' if gap <= REACHED else ' (not reached)'} | {gap:.0e} | {tol:g} | "
                line += f"{ours / took:.2f} |" if gap <= REACHED else f"< {ours / took:.2f} |"
                if gap <= REACHED or took > patience:
                    break
            print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds of a fit of dask-ml after which no finer one is tried"
    )
    parser.add_argument("--part", choices=["evaluations", "traffic", "memory", "dask_ml"], nargs="*")
    arguments = parser.parse_args()
    parts = {
        "evaluations": lambda: evaluations(30 * arguments.repeat),
        "traffic": traffic,
        "memory": lambda: beside_memory(2_000_000, 50, arguments.repeat),
        "dask_ml": lambda: beside_dask_ml(400_000, 50, arguments.patience),
    }
    for name in arguments.part or parts:
        parts[name]()
