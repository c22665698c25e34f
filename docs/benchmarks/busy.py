"""Default fits on a busy machine: `python docs/benchmarks/busy.py`. Writes results/busy.md.

Each problem is fitted with the threads that a user has, quiet and beside one other process at work, in turns. The ratio of the
two medians says what a neighbour costs.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
import warnings
from contextlib import contextmanager

import numpy as np
from benchmark_utils import ROWS, Missing, problems
from report import RESULTS, save
from solvers.sklearn_gd import Solver

TURNS = 3


def work() -> None:
    """Multiply matrices for ever."""
    A = np.random.default_rng(0).standard_normal((300, 300))
    while True:
        A @ A


@contextmanager
def neighbour():
    """Another process at work."""
    other = multiprocessing.get_context("spawn").Process(target=work, daemon=True)
    other.start()
    time.sleep(1.0)
    yield
    other.kill()
    other.join()


def seconds(estimator, problem) -> float:
    """One fit."""
    began = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        estimator.fit(problem.X, problem.y)
    return time.perf_counter() - began


def measured(problem) -> tuple[float, float]:
    """The median seconds of a default fit, quiet and busy."""
    solver = Solver.__new__(Solver)
    solver.problem, solver.stop = problem, "default"
    estimator = solver.estimator(None)
    quiet, busy = [], []
    seconds(estimator, problem)
    for _ in range(TURNS):
        quiet.append(seconds(estimator, problem))
        with neighbour():
            busy.append(seconds(estimator, problem))
    return statistics.median(quiet), statistics.median(busy)


def main() -> None:
    """Measure the first problem of each row, and those on texts."""
    found, lines = {}, ["| problem | n, p | quiet | busy | ratio |", "| --- | --- | --- | --- | --- |"]
    for row in ROWS:
        for number, (name, build) in enumerate(problems(row)):
            if number and not name.endswith(("bible", "movielens_l1_100", "clarity_std")):
                continue
            try:
                problem = build()
            except Missing:
                continue
            quiet, busy = measured(problem)
            n, p = problem.X.shape
            found[f"{row} {name}"] = {"quiet": quiet, "busy": busy}
            lines.append(f"| {row} {name} | {n:,}, {p:,} | {quiet:.3g} s | {busy:.3g} s | {busy / quiet:.2f} |")
            print(lines[-1], flush=True)
    save("busy", found)
    (RESULTS / "busy.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
