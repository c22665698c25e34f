"""Seconds and memory of fits as the data grow: `python docs/benchmarks/scale.py`.

Each fit has a fresh process. Its extra memory is the peak that tracemalloc sees while a second, identical fit runs: everything
that NumPy and SciPy allocate beyond X and y (not the few megabytes of buffers inside the BLAS).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tracemalloc
import warnings

import numpy as np
import run  # noqa: F401  (sets one thread for all)
import scipy.sparse as sp
from report import RESULTS

from sklearn_gd import GDClassifier, GDRegressor
from sklearn_gd.losses import Quantile

CASES = {
    "squared_error": GDRegressor(),
    "log_loss": GDClassifier(),
    "quantile 0.9": GDRegressor(loss=Quantile(0.9)),
    "log_loss, sparse": GDClassifier(),
}
ROWS = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000]
COLUMNS = [10, 30, 100, 300, 1_000, 3_000]
PATIENCE = 120.0  # seconds, for both fits of a case


def data(case: str, n: int, p: int):
    """Gaussian columns, or a sparse matrix of 1,000 columns or p with 30 entries a row; a noisy linear target."""
    rng = np.random.default_rng(0)
    if case.endswith("sparse"):
        p = 1_000 if p == 30 else p
        entries = min(p, 30)
        index = rng.integers(0, p, n * entries)
        X = sp.csr_matrix((rng.standard_normal(n * entries), index, np.arange(0, n * entries + 1, entries)), shape=(n, p))
        X.sum_duplicates()
    else:
        X = rng.standard_normal((n, p))
    y = X @ rng.standard_normal(p) / np.sqrt(p) + rng.standard_normal(n)
    return X, (y > 0).astype(int) if case.startswith("log_loss") else y


def bytes_of(X) -> int:
    """The size of the matrix."""
    return X.nbytes if isinstance(X, np.ndarray) else X.data.nbytes + X.indices.nbytes + X.indptr.nbytes


def measure(case: str, n: int, p: int) -> dict:
    """One fit timed, one traced."""
    X, y = data(case, n, p)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CASES[case].fit(X[:500], y[:500])
        caught.clear()
        began = time.perf_counter()
        CASES[case].fit(X, y)
        seconds = time.perf_counter() - began
        tracemalloc.start()
        CASES[case].fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    found = {"case": case, "n": n, "p": X.shape[1], "seconds": seconds, "warned": bool(caught)}
    return found | {"extra_bytes": peak, "X_bytes": bytes_of(X)}


def everything() -> dict[str, list[dict]]:
    """Over n at 30 columns, over p at 20,000 rows; a case ends at its first fit that takes too long."""
    found: dict[str, list[dict]] = {"n": [], "p": []}
    for axis, grid in (("n", [(n, 30) for n in ROWS]), ("p", [(20_000, p) for p in COLUMNS])):
        for case in CASES:
            for n, p in grid:
                command = [sys.executable, __file__, "--one", case, str(n), str(p)]
                try:
                    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
                except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
                    print(f"{case} {n} x {p}: {type(error).__name__} {str(error.stderr or '')[-300:]}", flush=True)
                    break
                found[axis].append(json.loads(done.stdout.splitlines()[-1]) | {"asked": [n, p]})
                last = found[axis][-1]
                print(
                    f"{case} {n} x {p}: {last['seconds']:.3g} s, {last['extra_bytes'] / last['X_bytes']:.2f} of X", flush=True
                )
    return found


def picture(found: dict[str, list[dict]]) -> None:
    """Seconds against n and p, extra memory over X against n."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4))
    panels = [("n", 0, "rows, at 30 columns (sparse: 1,000)"), ("p", 1, "columns, at 20,000 rows"), ("n", 0, "rows")]
    for index, (axis, (key, place, label)) in enumerate(zip(axes, panels, strict=True)):
        for case in CASES:
            points = [fit for fit in found[key] if fit["case"] == case]
            x = [fit["asked"][place] for fit in points]
            y = [fit["extra_bytes"] / fit["X_bytes"] if index == 2 else fit["seconds"] for fit in points]
            axis.plot(x, y, "o-", label=case)
        axis.set(
            xscale="log",
            yscale="log",
            xlabel=label,
            ylabel="peak extra memory / X" if index == 2 else "seconds of a default fit",
        )
        axis.grid(alpha=0.25)
    linear = np.array([1e4, 3e6])
    axes[0].plot(linear, 2e-6 * linear, "k:", linewidth=1, label="proportional to n")
    axes[2].axhline(0.2, color="k", linestyle=":", linewidth=1)
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "scale.png", dpi=110)


def main() -> None:
    """Measure all, or one in a process of its own; --report draws what is stored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--report", action="store_true", help="only the picture")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one[0], int(arguments.one[1]), int(arguments.one[2]))))
        return
    path = RESULTS / "scale.json"
    found = json.loads(path.read_text()) if arguments.report else everything()
    path.write_text(json.dumps(found, indent=1) + "\n")
    picture(found)


if __name__ == "__main__":
    main()
