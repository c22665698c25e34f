"""Evaluation of an estimator's predictions under a loss, for each sample and on average."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ..arrays import Array
from ..estimators.base import GradientEstimator
from ..estimators.checks import check_offset, check_weight, read_numbers
from ..estimators.reading import read_targets, twin
from ..losses import Loss, get_loss
from ..losses.data import check_loss_data
from ..parts import same
from ..rows.batch import Batch
from ..rows.sources import is_collection
from ..rows.stream import Stream
from ..targets import Continuous, Labels, Target

__all__ = ["Evaluation", "check_in_memory", "evaluated", "unwrapped"]

# Probabilities of 0 and 1 are clipped to the nearest numbers between them, as in `sklearn.metrics.log_loss`.
LEAST_PROBABILITY = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A loss, its target, and the raw predictions for some samples.

    Attributes
    ----------
    loss : Loss
        In the form for the target.
    target : Target
    y : ndarray
        As the loss sees it.
    raw : ndarray of shape (n, K)
    given : Any
        y as it was given.
    weight : ndarray of shape (n,)
    offset : ndarray of shape (n, 1) or (n, K), or None
        Contained in raw.
    loss_data : ndarray or None
    """

    loss: Loss
    target: Target
    y: Array
    raw: Array
    given: Any
    weight: Array
    offset: Array | None = None
    loss_data: Any = None

    @cached_property
    def bound(self) -> Loss:
        """The loss bound to the data of the samples."""
        return self.loss.for_rows(self.loss_data)

    @cached_property
    def losses(self) -> Array:
        """The loss of each sample, (n,); infinite if no raw prediction corresponds to the prediction."""
        lost = np.asarray(np.isnan(self.raw).any(axis=1))
        with np.errstate(all="ignore"):
            value = self.bound.value(self.y, np.where(lost[:, None], 0.0, self.raw))
        return np.where(lost, np.inf, value if value.ndim == 1 else value.sum(axis=1))

    @cached_property
    def least(self) -> Array:
        """The smallest loss that a prediction can have for each sample, (n,)."""
        with np.errstate(all="ignore"):
            loss = self.loss.observe(self.y, np.nan_to_num(self.raw), self.loss_data)
            return loss.for_rows(self.loss_data).saturated(self.y, self.raw.shape[1])

    @property
    def pull(self) -> Array:
        """The influence of each sample on its raw prediction: the norm of the gradient of its loss, (n,)."""
        with np.errstate(all="ignore"):
            return np.asarray(np.linalg.norm(self.bound.gradient(self.y, self.raw), axis=1))

    def mean(self, values: Array) -> float:
        """Return the mean of per-sample values as in a fit: weighted, over the observed entries."""
        used = self.weight > 0
        weight = self.weight[used]
        return float(weight @ values[used] / (weight @ self.bound.mass(self.y)[used]))


def unwrapped(estimator: Any, X: Any = None) -> tuple[GradientEstimator, Any]:
    """Return the estimator of this package at the end of a pipeline or a search, and X as it sees it.

    Raises
    ------
    TypeError
        If there is none.
    """
    if isinstance(estimator, GradientEstimator):
        return estimator, X
    if hasattr(estimator, "best_estimator_"):
        return unwrapped(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        before, last = estimator[:-1], estimator[-1]
        return unwrapped(last, X if X is None or not len(before) else before.transform(X))
    raise TypeError(
        f"estimator is {type(estimator).__name__}: expected a fitted GDRegressor or GDClassifier, or a pipeline or a search "
        "that ends in one."
    )


def check_in_memory(X: Any) -> None:
    """Raise TypeError for a stream or a Dask collection."""
    if isinstance(X, Stream) or is_collection(X):
        raise TypeError(f"X is a {type(X).__name__}: expected rows in memory, such as a batch of it.")


def evaluated(estimator: Any, given: Batch, loss: Any = None) -> Evaluation:
    """Return the evaluation of a fitted estimator under its own loss or another one.

    Another loss converts the predictions of any scikit-learn estimator to raw predictions by its link. If the loss or the
    estimator has no probabilities, the decision function is used as raw.

    Parameters
    ----------
    estimator : estimator
    given : Batch
        X, y and so on as for fit.
    loss : str, Loss, callable or None

    Raises
    ------
    TypeError
        If `loss` is None and the estimator has no loss.
    ValueError
        If the loss cannot be evaluated on the predictions.
    """
    X, y = given.X, given.y
    check_in_memory(X)
    ours, theirs = None, None if loss is None else get_loss(loss)
    try:
        ours, seen = unwrapped(estimator, X)
    except TypeError:
        if theirs is None:
            raise
    if theirs is not None and theirs.task not in (None, "classification" if is_classifier(estimator) else "regression"):
        raise ValueError(f"loss={loss!r} is a loss for {theirs.task}: the estimator is {type(estimator).__name__}.")
    if ours is not None and (theirs is None or _has(ours, theirs)):
        check_is_fitted(ours)
        target, kept = ours._last_fit.target, ours.loss_
        _, y, _ = read_targets(twin(ours), kept, Batch(seen, y))
        y = target.flat(column_or_1d(y) if np.shape(y)[1:] == (1,) else y)
        target.check(y, "y")
        return _evaluation(kept, target, y, ours._raw(seen, given.offset), given)
    assert theirs is not None
    read_by = _classified if is_classifier(estimator) else _regressed
    return _evaluation(*read_by(_Predictor(estimator, ours, seen if ours else X, given.offset), theirs, y), given)


class _Predictor:
    """An estimator and X, on which its methods are called; only one of this package takes an offset."""

    def __init__(self, estimator: Any, ours: GradientEstimator | None, X: Any, offset: Any) -> None:
        if ours is None and offset is not None:
            raise ValueError(f"offset is given, and {type(estimator).__name__} takes none: expected None.")
        self.estimator, self.X, self.offsets = ours or estimator, X, () if ours is None else (offset,)

    def __call__(self, method: str) -> Array:
        return np.asarray(getattr(self.estimator, method)(self.X, *self.offsets), dtype=np.float64)


def _has(estimator: GradientEstimator, loss: Loss) -> bool:
    """Tell whether an estimator was fitted under this loss."""
    last = estimator._last
    return last is not None and same(loss.for_target(last.target), estimator.loss_)


def _evaluation(loss: Loss, target: Target, y: Any, raw: Array, given: Batch) -> Evaluation:
    encoded, weight = target.encoded_for(loss).encode(target.prepare(y, loss.rowwise)), check_weight(given.sample_weight, raw)
    loss.check_target(encoded[weight > 0])
    offset = check_offset(given.offset, len(raw))
    offset = offset if offset is None else loss.offset_of_raw(offset, raw.shape[1])
    return Evaluation(loss, target, encoded, raw, y, weight, offset, check_loss_data(given.loss_data, loss, len(raw)))


def _regressed(predictor: _Predictor, loss: Loss, y: Any) -> tuple[Loss, Target, Any, Array]:
    """Return the loss, the target, y, and the raw predictions that correspond to those of any regressor."""
    y = read_numbers(loss.read(y))
    predicted = predictor("predict")
    check_consistent_length(y, predicted)
    predicted = predicted.reshape(len(predicted), -1)
    if predicted.shape[1] != y.reshape(len(y), -1).shape[1]:
        raise ValueError(f"y has shape {np.shape(y)}, and the predictions {predicted.shape}: expected as many outputs.")
    target = Continuous(y)
    n_raw = loss.n_raw(target)
    if n_raw != predicted.shape[1]:
        name = type(predictor.estimator).__name__
        raise ValueError(
            f"The loss {loss.name} has {n_raw} columns of raw, which the predictions of {name} do not determine: expected an "
            "estimator that was fitted under it."
        )
    y = target.flat(y)
    return loss, target, y, _raw_of(loss, predicted)


def _classified(predictor: _Predictor, loss: Loss, y: Any) -> tuple[Loss, Target, Any, Array]:
    """Return the same for any classifier."""
    estimator = predictor.estimator
    target = Labels(np.asarray(estimator.classes_))
    if np.ndim(y) > 1 and np.shape(y)[1:] != (1,):
        raise ValueError(f"y has shape {np.shape(y)}: expected one label for each sample, (n_samples,), for another loss.")
    loss, y = loss.for_target(target), column_or_1d(y)
    check_consistent_length(predictor.X, y)
    target.check(y, "y")
    n_raw = loss.n_raw(target)
    if loss.probabilistic and hasattr(estimator, "predict_proba"):
        proba = np.clip(predictor("predict_proba"), LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
        return loss, target, y, _raw_of(loss, proba[:, 1:] if n_raw == 1 else proba)
    if not hasattr(estimator, "decision_function"):
        raise ValueError(
            f"The loss {loss.name} has no probabilities, and {type(estimator).__name__} has no decision_function: expected an "
            "estimator that has one, or with predict_proba a loss of probabilities."
        )
    scores = predictor("decision_function")
    scores = scores.reshape(len(scores), -1)
    if scores.shape[1] != (len(target.classes) if target.exclusive else 1):
        raise ValueError(
            f"decision_function has {scores.shape[1]} columns for {len(target.classes)} classes: expected one for each class, "
            "as with decision_function_shape='ovr'."
        )
    return loss, target, y, np.hstack([-0.5 * scores, 0.5 * scores]) if n_raw > scores.shape[1] else scores


def _raw_of(loss: Loss, predicted: Array) -> Array:
    """Return the raw predictions for means or probabilities; NaN where there is none, as for a negative count."""
    with np.errstate(all="ignore"):
        raw = np.asarray(loss.link(predicted), dtype=np.float64)
        close = np.isclose(loss.inverse_link(raw), predicted, rtol=1e-6, atol=1e-12)
    if loss.foreign and not np.all(close):
        raise ValueError(
            f"The link of the loss {loss.name} is not the inverse of its inverse_link, so that it cannot read predictions: "
            "expected CustomLoss(..., link=...)."
        )
    return np.where(close.all(axis=1, keepdims=True), raw, np.nan)
