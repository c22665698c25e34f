"""Descent against the closed form: default fits beside LinearRegression, in turns. Writes results/closed_form.md."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.linear_model import LinearRegression
from threadpoolctl import threadpool_limits

from sklearn_gd import GDRegressor
from sklearn_gd.solvers import GradientDescent

SHAPES = [(1_000, 10), (100_000, 10), (1_000_000, 10), (10_000, 100), (100_000, 100), (10_000, 1_000), (2_000, 5_000)]
ROUNDS = 5


def made(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows around a plane."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n, p))
    return X, X @ rng.standard_normal(p) + rng.standard_normal(n)


def times(fits: dict, X, y) -> dict[str, float]:
    """Return the median time of each fit, in seconds; they take turns."""
    found: dict[str, list[float]] = {name: [] for name in fits}
    for _ in range(ROUNDS):
        for name, estimator in fits.items():
            start = time.perf_counter()
            estimator.fit(X, y)
            found[name].append(time.perf_counter() - start)
    return {name: float(np.median(seconds)) for name, seconds in found.items()}


def main() -> None:
    """Measure, and write the table."""
    lines = [
        "| n, p | LinearRegression | default, `newton` | `lbfgs` | plain descent | default / closed form |",
        "| --- " * 6 + "|",
    ]
    with threadpool_limits(1):
        for n, p in SHAPES:
            X, y = made(n, p)
            solver = "auto" if n > p else "lbfgs"
            fits = {
                "closed": LinearRegression(),
                "ours": GDRegressor(penalty=None, alpha=0.0, solver=solver),
                "lbfgs": GDRegressor(penalty=None, alpha=0.0, solver="lbfgs"),
                "descent": GDRegressor(penalty=None, alpha=0.0, solver=GradientDescent()),
            }
            found = times(fits, X, y)
            shown = [f"{1000 * found[name]:.3g} ms" for name in ("closed", "ours", "lbfgs", "descent")]
            lines.append(f"| {n:,}, {p:,} | {' | '.join(shown)} | {found['ours'] / found['closed']:.2f} |")
            print(lines[-1], flush=True)
        X = sparse.random(200_000, 20_000, density=1e-3, format="csr", random_state=np.random.default_rng(0))
        y = X @ np.random.RandomState(1).standard_normal(20_000) + np.random.RandomState(2).standard_normal(200_000)
        fits = {"closed": LinearRegression(), "ours": GDRegressor(alpha=1e-6), "lbfgs": GDRegressor(alpha=1e-6, solver="lbfgs")}
        found = times(fits, X, y)
        shown = [f"{1000 * found[name]:.3g} ms" for name in ("closed", "ours", "lbfgs")]
        lines.append(f"| 200,000, 20,000, sparse | {' | '.join(shown)} | | {found['ours'] / found['closed']:.2f} |")
    (Path(__file__).parent / "results" / "closed_form.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
