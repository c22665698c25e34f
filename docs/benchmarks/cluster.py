"""What a cluster costs: `python docs/benchmarks/cluster.py`. Needs `pip install -e ".[dask]" dask-ml`.

1. The time of an evaluation on next to no rows, for 2, 4 and 8 workers, with links that sleep: beside a model of the cost.
2. Messages and bytes of whole fits.
3. Whole fits on two workers, beside the same in memory with two threads, and beside dask-ml's LogisticRegression.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
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
                there_s.append(1e-3 * milliseconds(lambda make=make, t=lazy[place]: quietly(make(n_jobs=2), lazy[0], t), 1))
                ratios.append(there_s[-1] / here_s[-1])
            middle = statistics.median
            print(f"| {name} | {middle(here_s):.2f} | {middle(there_s):.2f} | {middle(ratios):.2f} |", flush=True)


# Of dask-ml's solvers two have no penalty; the tolerance of one cannot be set, but the number of its rounds.
PLAIN = ("gradient_descent", "newton")
LADDERS = {
    "admm": [{"max_iter": rounds} for rounds in (25, 100, 400)],
    "newton": [{"tol": tol, "max_iter": 50} for tol in (1e-3, 1e-5, 1e-7, 1e-9)],
}
LADDER = [{"tol": tol, "max_iter": 1_000} for tol in (1e-3, 1e-5, 1e-7, 1e-9, 1e-11)]


def problem(n: int, p: int, plain: bool):
    """The estimator, the relative suboptimality of its coefficients, and dask-ml's C; there is no intercept."""
    X, y, _ = data(n, p, 8)
    signs, strength = 2.0 * y - 1.0, 0.0 if plain else 1e-4 * n

    def objective(coef):
        return np.logaddexp(0.0, -signs * (X @ np.ravel(coef))).sum() + 0.5 * strength * np.sum(np.ravel(coef) ** 2)

    make = partial(GDClassifier, alpha=strength / n, fit_intercept=False)
    best, zero = objective(quietly(make(tol=1e-12), X, y).coef_), objective(np.zeros(p))
    return make, lambda coef: (objective(coef) - best) / (zero - best), 1.0 / strength if strength else 1.0


def one_of_dask_ml(solver: str, n: int, p: int) -> None:
    """Print the time, and what it reached, for each setting until one comes to 1e-6."""
    from dask_ml.linear_model import LogisticRegression

    _, gap, C = problem(n, p, solver in PLAIN)
    with cluster(2) as here, Client(here):
        rows, lazy, _ = collections(n, p, 8)
        for settings in LADDERS.get(solver, LADDER):
            # By default it divides the columns by their standard deviations, under a penalty another problem.
            settings |= {} if solver in PLAIN else {"solver_kwargs": {"normalize": False}}
            model, began = LogisticRegression(solver=solver, fit_intercept=False, C=C, **settings), time.perf_counter()
            quietly(model, rows, lazy)
            took, reached = time.perf_counter() - began, gap(model.coef_)
            print(f"{took:.2f} {reached:.0e} {next(iter(settings.values())):g}", flush=True)
            if reached <= REACHED:
                break


def beside_dask_ml(n: int, p: int, patience: float) -> None:
    """Print the time to a relative suboptimality of 1e-6 of dask-ml's solvers, and ours."""
    print(f"\n{n:,} x {p}, {8e-6 * n * p:.0f} MB, no intercept\n")
    print("| solver | s | relative suboptimality | tolerance, or rounds | ours / it |\n" + "| --- " * 5 + "|")
    ours = {}
    with cluster(2) as here, Client(here):
        rows, lazy, _ = collections(n, p, 8)
        for plain in (False, True):
            make, gap, _ = problem(n, p, plain)
            model = quietly(make(), rows, lazy)
            ours[plain] = 1e-3 * milliseconds(lambda make=make: quietly(make(), rows, lazy), 3)
            name = f"ours, default{', no penalty' if plain else ''}"
            print(f"| {name} | {ours[plain]:.2f} | {gap(model.coef_):.0e} | 1e-07 | 1 |", flush=True)
    for solver in ("admm", "gradient_descent", "lbfgs", "newton", "proximal_grad"):
        command = [sys.executable, __file__, "--part", "one_of_dask_ml", "--solver", solver]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            try:
                out, error = child.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                child.kill()
                out, error = child.communicate()
        lines = [line.split() for line in out.splitlines() if line[:1].isdigit()]
        if not lines:
            failed = error.strip() and child.returncode > 0
            reason = error.strip().splitlines()[-1][:80] if failed else f"no fit in {patience:g} s"
            print(f"| {solver} | {reason} | | | |", flush=True)
            continue
        took, reached, tol = lines[-1]
        done = float(reached) <= REACHED
        ratio = f"{'' if done else '< '}{ours[solver in PLAIN] / float(took):.2f}"
        name = f"{solver}{', no penalty' if solver in PLAIN else ''}"
        print(f"| {name} | {took}{'' if done else ', not reached'} | {reached} | {tol} | {ratio} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--patience", type=float, default=120.0, help="seconds of a fit of dask-ml after which no finer one is tried"
    )
    parser.add_argument("--solver", help="of dask-ml, for the part one_of_dask_ml")
    parser.add_argument("--part", choices=["evaluations", "traffic", "memory", "dask_ml", "one_of_dask_ml"], nargs="*")
    arguments = parser.parse_args()
    parts = {
        "evaluations": lambda: evaluations(30 * arguments.repeat),
        "traffic": traffic,
        "memory": lambda: beside_memory(4_000_000, 50, arguments.repeat),
        "dask_ml": lambda: beside_dask_ml(400_000, 50, arguments.patience),
    }
    if arguments.part == ["one_of_dask_ml"]:
        one_of_dask_ml(arguments.solver, 400_000, 50)
    else:
        for name in arguments.part or parts:
            parts[name]()
