"""Losses for partly missing targets: missing entries of a table, and padded sequences."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import check_array

from ..arrays import Array, part_of
from ..targets import Sequences, Target
from .base import Loss
from .multiclass import MultinomialLogLoss, smoothed_entropy, softmax
from .table import get_loss
from .wrapped import Wrapped, delegates

__all__ = ["Masked", "SequenceLoss"]


@delegates("smooth", "convex", "probabilistic", "positive_only", "pieces", "foreign", "precision")
@delegates("has_gradient", "derives_curvature", "derives_prox", "online", "convergence_hint")
@delegates("fractions", "takes_shares", "likelihood")
class Masked(Wrapped):
    r"""A loss that ignores missing entries of y.

    Domain of y: that of the loss, or missing; for multi-output regression and indicator matrices.

    Link: that of the loss.

    Formula, with m = 1 where y is observed and 0 where it is missing:

    .. math:: F = \frac{\sum_i w_i \sum_k m_{ik} \, \ell(y_{ik}, raw_{ik})}{\sum_i w_i \sum_k m_{ik} / K} + \alpha R

    Relation: the loss itself if no entry is missing. A row with all entries missing has no influence, and `score` uses the
    observed entries only.

    Constants: those of the loss.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        An elementwise loss.
    missing : float, default=nan
        Value that marks a missing entry; NaN always does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.losses import Masked
    >>> X = np.arange(4.0).reshape(-1, 1)
    >>> y = np.column_stack([X[:, 0], 2.0 * X[:, 0]])
    >>> y[1, 0] = y[2, 1] = np.nan
    >>> GDRegressor(loss=Masked("squared_error"), alpha=0.0).fit(X, y).coef_.round(6)
    array([[1.],
           [2.]])

    References
    ----------
    R. Little and D. Rubin, Statistical Analysis with Missing Data, 2002 (the entries are missing at random).
    """

    def __init__(self, loss: str | Loss = "squared_error", missing: float = np.nan) -> None:
        self.loss = loss
        self.missing = missing

    @cached_property
    def inner(self) -> Loss:
        """The loss of the observed entries."""
        return get_loss(self.loss)

    @property
    def has_lines(self) -> bool:
        """False: a missing entry has zero loss and therefore no lines."""
        return False

    def check_parameters(self) -> None:
        if self.inner.rowwise:
            raise ValueError(f"Masked(loss={self.loss!r}): expected an elementwise loss; for sequences use SequenceLoss.")

    def set_params(self, **params: Any) -> Masked:
        """Set parameters, and discard what was resolved from the old ones."""
        self.__dict__.pop("inner", None)
        super().set_params(**params)
        return self

    def with_inner(self, inner: Loss) -> Masked:
        result = copy(self)
        result.__dict__["inner"] = inner
        return result

    def _filled(self, y: Array) -> tuple[Array, Array]:
        """Return y with missing entries replaced by 1, which is in every domain, and the mask of observed entries."""
        seen = ~np.isnan(y)
        return np.where(seen, y, 1.0), seen

    def saturated(self, y: Array, n_raw: int) -> Array:
        filled, seen = self._filled(y)
        columns = [self.inner.saturated(filled[:, k : k + 1], 1) for k in range(y.shape[1])]
        return (np.stack(columns, axis=1) * seen).sum(axis=1)

    def value(self, y: Array, raw: Array) -> Array:
        y, seen = self._filled(y)
        return np.where(seen, self.inner.value(y, raw), 0.0)

    def gradient(self, y: Array, raw: Array) -> Array:
        y, seen = self._filled(y)
        return np.where(seen, self.inner.gradient(y, raw), 0.0)

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        y, seen = self._filled(y)
        value, gradient = self.inner.value_and_gradient(y, raw)
        return np.where(seen, value, 0.0), np.where(seen, gradient, 0.0)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        y, seen = self._filled(y)
        return np.where(seen, self.inner.curvature_product(y, raw, v), 0.0)

    def prox(self, y: Array, v: Array, step: float) -> Array:
        y, seen = self._filled(y)
        return np.where(seen, self.inner.prox(y, v, step), v)

    def prox_product(self, y: Array, v: Array, step: float, direction: Array) -> Array:
        y, seen = self._filled(y)
        return np.where(seen, self.inner.prox_product(y, v, step, direction), direction)

    def mass(self, y: Array) -> Array:
        return np.asarray(np.mean(~np.isnan(y), axis=1))

    def read(self, y: Any) -> Array:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", ensure_all_finite="allow-nan", copy=True)
        y[y == self.missing] = np.nan
        return np.asarray(y)

    def check_target(self, y: Array) -> None:
        seen = y[~np.isnan(y)]
        if not seen.size:
            raise ValueError("y has no observed entry: expected at least one that is not missing.")
        self.inner.check_target(seen)

    def for_target(self, target: Target) -> Loss:
        if target.exclusive or self.inner.for_target(target).rowwise:
            raise ValueError("Masked needs numbers, or an indicator matrix, for y: leave out the rows whose label is missing.")
        inner = self.inner.for_target(target)
        return self if inner is self.inner else self.with_inner(inner)

    def observe(self, y: Array, raw: Array, loss_data: Any = None) -> Loss:
        seen = ~np.isnan(y)
        if not seen.any():
            return self
        data = part_of(loss_data, np.nonzero(seen)[0])
        return self.with_inner(self.inner.observe(y[seen][:, None], raw[seen][:, None], data))


class SequenceLoss(Loss):
    r"""Cross entropy at each step of a sequence of labels, as for text generation; padding is ignored.

    Domain of y: labels of shape (n_samples, n_steps), padded at the end with `padding`.

    Link: softmax over the classes at each step; predict_proba is of shape (n_samples, n_steps, n_classes).

    Formula, with m = 1 at a label and 0 at padding:

    .. math:: F = \frac{\sum_i w_i \sum_t m_{it} \, \ell(y_{it}, raw_{it})}{\sum_i w_i \sum_t m_{it}} + \alpha R

    for average="token". For average="sequence", the mean loss of each sequence has the same weight, whatever its length.

    Relation: `MultinomialLogLoss` at each step. Divided by log(2) it is in bits per token; its exponential is the perplexity.

    Constants: natural logarithm; log(K) at raw = 0.

    Parameters
    ----------
    padding : int or str, default=-1
        Value that fills the end of a shorter sequence.
    average : {"token", "sequence"}, default="token"
        The unit that is weighted equally.
    label_smoothing : float, default=0.0
        Share of each label that is spread uniformly over all classes, in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDClassifier
    >>> from sklearn_gd.losses import SequenceLoss
    >>> X = np.array([[0.0], [0.1], [1.0], [0.9]])
    >>> y = np.array([[0, 1], [0, -1], [1, 0], [1, 0]])
    >>> model = GDClassifier(loss=SequenceLoss(), alpha=0.01).fit(X, y)
    >>> model.predict([[0.05]]), model.predict_proba(X).shape
    (array([[0, 1]]), (4, 2, 2))

    References
    ----------
    C. Szegedy et al., Rethinking the Inception Architecture, 2016 (label smoothing).
    """

    task = "classification"
    rowwise = True
    probabilistic = True
    ranges = MultinomialLogLoss.ranges | {"average": ("'token' or 'sequence'", lambda value: value in ("token", "sequence"))}

    def __init__(self, padding: Any = -1, average: str = "token", label_smoothing: float = 0.0) -> None:
        self.padding = padding
        self.average = average
        self.label_smoothing = label_smoothing

    def target(self, y: Array, classes: Any = None) -> Sequences:
        return Sequences(y, self.padding, classes)

    def for_target(self, target: Target) -> Loss:
        result = copy(self)
        result.steps = target.n_steps  # type: ignore[attr-defined]
        return result

    def _tokens(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        """Return which steps have a label, (n, T), and the codes, (m,), and raw predictions, (m, K), of those steps."""
        seen = y.reshape(len(raw), self.steps) >= 0
        return seen, y.reshape(seen.shape)[seen], raw.reshape(*seen.shape, raw.shape[1] // self.steps)[seen]

    def _share(self, seen: Array) -> Array:
        """Return the weight of a step within its sequence, (n, 1)."""
        if self.average == "token":
            return np.ones((len(seen), 1))
        return 1.0 / np.maximum(seen.sum(axis=1, keepdims=True), 1)

    def value(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Array, raw: Array) -> Array:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        seen, codes, tokens = self._tokens(y, raw)
        values, slopes = MultinomialLogLoss(self.label_smoothing).value_and_gradient(codes, tokens)
        share = self._share(seen)
        value, gradient = np.zeros(seen.shape), np.zeros((*seen.shape, tokens.shape[1]))
        value[seen], gradient[seen] = values, slopes
        return (share * value).sum(axis=1), (share[:, :, None] * gradient).reshape(raw.shape)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        seen, codes, tokens = self._tokens(y, raw)
        result = np.zeros((*seen.shape, tokens.shape[1]))
        result[seen] = MultinomialLogLoss().curvature_product(codes, tokens, v.reshape(result.shape)[seen])
        return (self._share(seen)[:, :, None] * result).reshape(raw.shape)

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        seen, codes, tokens = self._tokens(y, raw)
        result = np.zeros((*seen.shape, tokens.shape[1]))
        result[seen] = MultinomialLogLoss().curvature_diagonal(codes, tokens)
        return (self._share(seen)[:, :, None] * result).reshape(raw.shape)

    def saturated(self, y: Array, n_raw: int) -> Array:
        seen = y.reshape(len(y), self.steps) >= 0
        least = smoothed_entropy(self.label_smoothing, n_raw // self.steps)
        return least * (self._share(seen) * seen).sum(axis=1)

    def inverse_link(self, raw: Array) -> Array:
        return softmax(raw.reshape(len(raw) * self.steps, -1)).reshape(raw.shape)

    def link(self, mean: Array) -> Array:
        return MultinomialLogLoss().link(mean.reshape(self.steps, -1)).ravel()

    def mass(self, y: Array) -> Array:
        seen = y.reshape(len(y), self.steps) >= 0
        return np.asarray(seen.sum(axis=1) if self.average == "token" else seen.any(axis=1), dtype=np.float64)
