"""check_loss: the contract test for custom losses, the counterpart of scikit-learn's check_estimator."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..arrays import Array, part_of
from ..contracts import report, run
from ..targets import Continuous, Labels
from .base import Loss
from .contract import CHECKS, Points
from .data import check_loss_data
from .table import get_loss

__all__ = ["check_bounded", "check_loss", "disagreement"]


def check_loss(
    loss: Any,
    *,
    y: Any = None,
    raw: Any = None,
    loss_data: Any = None,
    on_fail: str | None = None,
    random_state: int | np.random.RandomState | None = 0,
) -> list[dict[str, Any]]:
    """Check that a loss satisfies the contract of `Loss`.

    The derivatives are compared with finite differences of the values, the prox with neighbouring points, and the declared
    attributes with the behaviour. The raw predictions are random: small, large and extreme.

    Parameters
    ----------
    loss : str, Loss or callable
        The loss to check, as for ``loss=``.
    y : array-like of shape (n, K), or (n,) when rowwise, default=None
        Targets to test. If None, they are drawn from the domain.
    raw : array-like of shape (n, K), default=None
        Raw predictions to test. If None, they are drawn at random.
    loss_data : array-like of shape (n,) or (n, m), or frame, default=None
        The additional data of a loss that takes them, as for ``fit``; needs `y` as well.
    on_fail : {"raise", "warn"} or None, default=None
        Whether a failure also raises an error or a warning. If None, it only appears in the report.
    random_state : int, RandomState instance or None, default=0
        Controls the random points.

    Returns
    -------
    list of dict
        One dict per check, with keys "loss", "check_name", "status" ("passed", "failed" or "skipped") and "message": what was
        found, at which point, and the likely mistake.

    Raises
    ------
    AssertionError
        At the first failure, with ``on_fail="raise"``.

    See Also
    --------
    sklearn.utils.estimator_checks.check_estimator : The counterpart for estimators.

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2006, section 8.1.

    Examples
    --------
    >>> from sklearn_gd.losses import CustomLoss, check_loss
    >>> wrong = CustomLoss(lambda y, z: (y - z) ** 2, gradient=lambda y, z: 2 * (y - z))
    >>> [r["message"] for r in check_loss(wrong) if r["check_name"] == "gradient"][0][-22:]
    'the sign is reversed.)'
    """
    resolved = get_loss(loss)
    points = _draw(resolved, check_random_state(random_state))
    if y is not None:
        y = _seen(resolved, y)
        points = Points(resolved, y if resolved.rowwise or y.ndim == 2 else y[:, None], points.raw)
        points.raw = np.resize(points.raw, (len(points.y), points.raw.shape[1] if resolved.rowwise else points.y.shape[1]))
    elif loss_data is not None or resolved.takes_data:
        raise ValueError("y is None: expected y with one entry for each row of loss_data, for a loss that takes data.")
    if raw is not None:
        raw = np.asarray(raw, dtype=np.float64)
        points.raw = raw if raw.ndim == 2 else raw[:, None]
    points.loss_data = check_loss_data(loss_data, resolved, len(points.y))
    points.unbound = _observed(points)
    return report("loss", resolved, CHECKS, points, on_fail)


def _observed(points: Points) -> Loss:
    """Return the loss as a fit uses it, or as given if a fit refuses it."""
    try:
        with np.errstate(all="ignore"):
            return points.unbound.observe(points.y, 0.1 * points.raw, points.loss_data)
    except Exception:
        return points.unbound


def disagreement(points: Points) -> str:
    """Return what is wrong with the user's derivatives around some y and raw, as the loss sees them; else an empty string."""
    loss = points.loss
    for name in ("gradient", "curvature", "link") + (() if loss.derives_prox else ("prox",)):
        status, message = run(CHECKS[name], points)
        if status == "failed":
            return f"The derivatives of the loss {loss.name} are not those of its values: {message} Run check_loss on it."
    return ""


def _seen(loss: Loss, y: Any) -> Array:
    """Return y as float64, or as integers if the loss sees the codes of classes."""
    y = np.asarray(y, dtype=np.float64)
    codes = loss.rowwise and loss.task != "regression" and not loss.takes_shares and np.all(y == np.floor(y))
    return y.astype(np.intp) if codes else y


def _draw(loss: Loss, rng: Any) -> Points:
    n, y = 160, _targets(loss, rng, 160)
    columns = loss.n_raw(Continuous(np.zeros((1, 3))) if loss.task == "regression" else Labels(np.arange(3)))
    raw = 2.0 * rng.standard_normal((n, columns))
    raw[: n // 4] *= 1e-6
    raw[n // 4 : n // 2] *= 5.0
    # Columns of raw besides the first are often logarithms, of which 1000 is beyond any use.
    raw[n // 2 : 5 * n // 8] *= np.logspace(1.0, 1.0 if loss.rowwise and loss.single_output else 3.0, n // 8)[:, None]
    return Points(loss, y, raw)


def _targets(loss: Loss, rng: Any, n: int) -> Array:
    """Return targets for three columns, classes or labels, drawn from the domain of a loss."""
    if loss.takes_shares:
        return rng.dirichlet(np.ones(3), size=n)
    if loss.rowwise and loss.task != "regression":
        return _seen(loss, rng.randint(3, size=n))
    if loss.task == "classification":
        return rng.choice([-1.0, 1.0], size=(n, 3))
    numbers = 3.0 * rng.standard_normal((n, 3))
    domains = (numbers, np.abs(numbers) + 0.1, rng.uniform(0.05, 0.95, (n, 3)))
    y = next((each for each in domains if _accepts(loss, each)), numbers)
    return y[:, 0] if loss.rowwise else y


def _accepts(loss: Loss, y: Array) -> bool:
    try:
        loss.check_target(y)
    except ValueError:
        return False
    return True


def check_bounded(loss: Loss, y: Array, loss_data: Any = None) -> None:
    """Raise ValueError if the mean loss of y, or of one of two classes, is unbounded below in a constant raw prediction."""
    levels = np.unique(y)
    few = np.arange(len(y))[:: max(1, len(y) // 64)]
    groups = [(few, y[few])] if len(levels) > 2 else [(few[:1], np.full((1, y.shape[1]), level)) for level in levels]
    sizes = float(np.std(y) or np.abs(y).max() or 1.0) * 2.0 ** np.arange(40)
    for (rows, group), sign in product(groups, (1.0, -1.0)):
        raw = np.repeat(sign * sizes, len(group))[:, None] * np.ones(y.shape[1])
        bound = loss.for_rows(part_of(loss_data, np.tile(rows, len(sizes))))
        with np.errstate(all="ignore"):
            values = bound.value(np.tile(group, (len(sizes), 1)), raw).reshape(len(sizes), -1).mean(axis=1)
        finite = np.isfinite(values)
        drops = -np.diff(values[: len(values) if finite.all() else int(np.argmin(finite))])[-6:]
        # A function that is bounded below falls less and less; a logarithm falls by the same amount with every doubling.
        if np.any(values == -np.inf) or (len(drops) == 6 and np.all(drops > 0) and np.all(drops[1:] >= 0.99 * drops[:-1])):
            raise ValueError(
                f"The loss {loss.name} falls without bound as raw goes to {sign * np.inf:+}: it has no minimum. Likely "
                "mistakes: the sign is reversed, or it is for other values of y_true (for classes they are -1.0 and +1.0)."
            )
