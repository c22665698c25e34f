"""The report of a fitted estimator: what was minimised, whether that succeeded, and the largest coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..shown import shown

__all__ = ["report"]


def report(estimator: Any, n_largest: int) -> str:
    """Return the lines about a fitted estimator."""
    fitted = vars(estimator)
    lines = [f"{type(estimator).__name__} under {shown(estimator.loss_)!r}, by {shown(estimator.solver_)!r}"]
    if "stop_reason_" in fitted:
        ended = "" if fitted["converged_"] else "no optimum: "
        lines.append(f"{ended}{fitted['stop_reason_']}, optimality {fitted['optimality_']:.1e}, {fitted['n_iter_']} iterations")
    if estimator._last_fit.split is not None:
        cost, penalty = estimator._last_fit.split
        lines.append(f"objective {cost + penalty:.6g} = cost {cost:.6g} + penalty {penalty:.6g}")
    if "coef_" in fitted:
        lines += _coefficients(estimator, n_largest)
    else:
        sizes = [len(fitted["coefs_"][0]), *(weights.shape[1] for weights in fitted["coefs_"])]
        lines.append(f"a network of layers {' - '.join(map(str, sizes))}, {sum(w.size for w in fitted['coefs_']):,} weights")
    return "\n".join(lines)


def _coefficients(estimator: Any, n_largest: int) -> list[str]:
    coef: Array = np.atleast_2d(estimator.coef_)
    names = [str(name) for name in getattr(estimator, "feature_names_in_", [f"x{j}" for j in range(coef.shape[1])])]
    size = np.abs(coef).max(axis=0)
    largest = [int(j) for j in np.argsort(-size, kind="stable")[:n_largest] if size[j] > 0]
    used = np.count_nonzero(size)
    lines = [f"{used} of {coef.shape[1]} coefficients are not zero" + ("; the largest:" if len(largest) < used else ":")]
    shown: list[tuple[str, Any]] = [
        *((names[j], coef[:, j]) for j in largest),
        ("intercept", np.atleast_1d(estimator.intercept_)),
    ]
    width, column, n_raw = max(len(name) for name, _ in shown), 12, np.size(estimator.intercept_)
    if n_raw > 1:
        labels = getattr(estimator, "classes_", ())
        others = labels if len(labels) == n_raw else [f"output {k}" for k in range(n_raw)]
        heads = [str(head) for head in estimator.loss_.raw_names(n_raw) or others]
        column = max(column, *map(len, heads))
        lines.append(f"  {'':{width}}  " + "  ".join(f"{head:>{column}}" for head in heads))
    return lines + [f"  {name:{width}}  " + "  ".join(f"{value:{column}.6g}" for value in values) for name, values in shown]
