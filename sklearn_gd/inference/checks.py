"""What has no standard errors: refusals, and warnings about coefficients that are biased or not optimal."""

from __future__ import annotations

import warnings
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from ..arrays import Array
from ..estimators.base import GradientEstimator
from ..estimators.checks import check_rule
from ..penalties.scaled import Scaled
from ..solvers import Reason
from ..training.messages import warn
from .derivatives import Sample
from .likelihoods import likelihood_of
from .table import check_linear

__all__ = ["check_fit", "check_request", "check_size", "check_stationary", "cluster_codes"]

# A Newton step that is longer than this many standard errors means that the coefficients belong to other rows.
LONG_STEP = 0.1

# A step of this size relative to the parameters is due to rounding.
ROUNDING = 1e-9


def check_fit(ours: GradientEstimator) -> None:
    """Raise ValueError if the coefficients of a fit have no standard errors; warn if they are biased or not optimal."""
    check_linear(ours)
    if check_rule(ours.early_stopping) is not None:
        raise ValueError(
            f"early_stopping={ours.early_stopping!r}: expected False, as coefficients short of the optimum have no known error."
        )
    penalty = Scaled(ours.penalty_, ours.alpha)
    if not penalty.smooth:
        raise ValueError(
            f"penalty={ours.penalty!r}, alpha={ours.alpha!r}: expected alpha=0.0 without bounds, as coefficients at a kink or "
            "bound of the penalty have no normal distribution."
        )
    if not penalty.absent:
        message = f"alpha={ours.alpha!r}: the penalty biases the coefficients, which the standard errors do not show; "
        warnings.warn(message + "for inference, fit with alpha=0.0.", UserWarning, stacklevel=3)
    reason = vars(ours).get("stop_reason_", "partial_fit")
    if reason == Reason.NO_FINITE_OPTIMUM.value:
        raise ValueError("The fit has no finite optimum, and so no standard errors: expected classes that are not separable.")
    if not vars(ours).get("converged_", False):
        warn(f"The fit has not converged ({reason}): the standard errors are those of an optimum, not of these coefficients.")


def check_request(ours: GradientEstimator, kind: str, coverage: float, clusters: Any) -> None:
    """Raise ValueError for arguments that are out of range or do not go with the fit."""
    if kind not in ("sandwich", "model"):
        raise ValueError(f"kind={kind!r}: expected 'sandwich' or 'model'.")
    if not (isinstance(coverage, Real) and 0 < coverage < 1):
        raise ValueError(f"coverage={coverage!r}: expected a number between 0 and 1.")
    if kind == "sandwich":
        return
    if clusters is not None:
        raise ValueError("kind='model' with clusters: expected kind='sandwich', as a model takes the rows for independent.")
    if getattr(ours, "class_weight", None) is not None:
        raise ValueError(f"kind='model' with class_weight={ours.class_weight!r}: expected kind='sandwich', or None.")
    if not ours.loss_.smooth or likelihood_of(ours.loss_) is None:
        raise ValueError(f"kind='model' with the loss {ours.loss_.name}, no log-likelihood: expected kind='sandwich'.")


def check_size(sample: Sample) -> None:
    """Raise ValueError unless there are more rows than parameters."""
    if np.any(sample.counts <= sample.size):
        raise ValueError(
            f"X has {sample.counts.min()} rows of positive weight with a target, for {sample.size} parameters: expected more "
            "rows than parameters."
        )


def cluster_codes(clusters: Any, sample: Sample) -> Array | None:
    """Return the number of the cluster of each row of positive weight, (n,); None for None.

    Raises
    ------
    ValueError
        If they are not one label for each row, or fewer than two labels.
    """
    if clusters is None:
        return None
    labels, n = np.asarray(clusters), len(sample.rows.weight)
    labels = labels[:, 0] if labels.shape[1:] == (1,) else labels
    if labels.shape != (n,):
        raise ValueError(f"clusters has shape {labels.shape}: expected {(n,)}, one label for each row of X.")
    labels = labels[sample.used]
    if np.any(labels != labels):
        raise ValueError("clusters contains NaN: expected a label for each row.")
    try:
        values, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise ValueError(f"clusters holds labels of several kinds or missing ones ({error}): expected one kind.") from error
    if len(values) < 2:
        raise ValueError(f"clusters has one label only, {values[0]!r}: expected at least two clusters.")
    if len(values) <= sample.size:
        message = f"clusters has {len(values)} labels for {sample.size} parameters: the standard errors are far too small; "
        warnings.warn(message + "expected many more clusters than parameters.", UserWarning, stacklevel=3)
    return codes


def check_quantile(sample: Sample) -> None:
    """Warn if the coefficients of a quantile model do not minimise the objective on these rows.

    At a minimum the slopes of the rows off their quantile are balanced by those of the rows on it, which may have any slope
    between both sides.
    """
    on = sample.y == sample.raw
    slope, most = sample.loss.gradient(sample.y, sample.raw), max(sample.loss.quantile, 1.0 - sample.loss.quantile)
    off = np.where(on, 0.0, slope) * sample.weight[:, None]
    pull = sample.rows.reduce(partial(_pulled, sample.model), off)[0].reshape(sample.model.n_inputs, -1)
    penalty = sample.model.padded(sample.strength * sample.penalty.gradient(sample.weights)).reshape(pull.shape)
    few = np.flatnonzero(on.any(axis=1))
    room = most * np.abs(sample.inputs(sample.used[few])).T @ (sample.weight[few, None] * on[few])
    scale = np.sqrt(sample.weight @ sample.weight) * np.append(sample.rows.moments.spread(centered=True), 1.0)[: len(pull)]
    if np.any(np.abs(pull + penalty) > room + 1e-3 * scale[:, None]):
        warn(
            "The coefficients do not minimise the objective on these rows: expected the X, y, sample_weight, offset and "
            "loss_data of fit, and a solver that reaches the optimum."
        )


def _pulled(model: Any, block: Any, slopes: Array) -> tuple[Array]:
    return (model.pull(block.X, slopes),)


def check_stationary(sample: Sample, inverse: Array, error: Array) -> None:
    """Warn if the coefficients are not those of a minimum on these rows; the standard errors are (B, b)."""
    step = np.abs(np.einsum("bij,bj->bi", inverse, sample.gradient()))
    noise = ROUNDING * np.abs(sample.blocks(sample.params)).max(axis=1, keepdims=True)
    ratio = float(np.max(np.divide(step, error, out=np.zeros_like(step), where=step > np.maximum(noise, LONG_STEP * error))))
    if ratio > 0:
        warn(
            f"The coefficients do not minimise the objective on these rows, as a Newton step is {ratio:.2g} standard errors "
            "long: expected the X, y, sample_weight, offset and loss_data of fit, and a solver that reaches the optimum."
        )
