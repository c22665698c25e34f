"""Validation and survey of the user's rows, a few at a time or all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import column_or_1d, validate_data

from ..arrays import Array
from ..losses import Loss
from ..losses.data import check_loss_data
from ..rows.base import Block, ColumnMoments
from ..rows.batch import Batch
from ..rows.plain import Dense, Sparse
from ..rows.source import Data
from ..targets import Target
from .checks import check_offset, check_weight
from .class_weights import class_totals, class_weighted

__all__ = ["NAMES", "Preparation", "Reader", "Survey", "twin", "validated"]

# The attributes about the columns of X.
NAMES = ("n_features_in_", "feature_names_in_")
FLOATS = [np.float64, np.float32]


def twin(estimator: Any) -> Any:
    """Return an estimator with the same parameters and attributes, which may be modified."""
    result = object.__new__(type(estimator))
    result.__dict__.update(estimator.__dict__)
    return result


def validated(estimator: Any, X: Any, reset: bool = False, natural: bool = False) -> Any:
    """Return X as an array or a sparse matrix of floats or, with `natural`, of numbers of any dtype.

    With `reset`, the number and the names of the columns are stored; otherwise they are checked.
    """
    dtype: Any = "numeric" if natural else FLOATS
    X = validate_data(estimator, X, accept_sparse=["csr", "csc"], dtype=dtype, reset=reset)
    return X if X.dtype.kind in "biuf" else X.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Survey:
    """The result of a first pass over rows; surveys of different rows can be added.

    Attributes
    ----------
    names : dict
        Number and names of the columns of X, by attribute name.
    dtype : numpy dtype
        The dtype of the model.
    n_samples : int
        Number of rows with positive weight.
    heaviest : float
        The largest weight.
    target : Target or None
        The target; None if no row has positive weight.
    totals : ndarray or float
        The weight of each class.
    moments : ColumnMoments, list or None
        The moments of the columns. With class weights, a list of the moments in the rows of each class, None for a class
        without rows. None if they were not requested.
    """

    names: dict[str, Any]
    dtype: Any
    n_samples: int
    heaviest: float
    target: Target | None
    totals: Any
    moments: Any = None

    @property
    def n_features(self) -> int:
        """The number of columns of X."""
        return int(self.names["n_features_in_"])

    def __add__(self, other: Survey) -> Survey:
        _check_names(self.names, other.names)
        dtype, n = np.result_type(self.dtype, other.dtype), self.n_samples + other.n_samples
        heaviest = max(self.heaviest, other.heaviest)
        if self.target is None or other.target is None:
            only = other if self.target is None else self
            return replace(only, names=self.names, dtype=dtype, n_samples=n, heaviest=heaviest)
        target = self.target.merged(other.target)
        totals = _counted(self, target) + _counted(other, target)
        moments = self.moments
        if isinstance(moments, list):
            moments = list(map(_both, _spread(self, target), _spread(other, target)))
        elif moments is not None:
            moments = moments + other.moments
        return Survey(self.names, dtype, n, heaviest, target, totals, moments)


def _check_names(names: dict[str, Any], others: dict[str, Any]) -> None:
    """Raise ValueError if the columns differ from those of earlier rows."""
    n, m = names["n_features_in_"], others["n_features_in_"]
    if n != m:
        raise ValueError(f"X has {m} features: expected {n}, as in the rows before.")
    before, now = (list(each.get("feature_names_in_", ())) for each in (names, others))
    if before != now:
        what = "the same columns in another order" if sorted(before) == sorted(now) else f"the columns {now}"
        raise ValueError(f"X has {what}: expected {before or 'columns without names'}, as in the rows before.")


def _counted(survey: Survey, target: Target) -> Any:
    """Return the weight of each class of a target that may have more of them."""
    if np.ndim(survey.totals) != 1:
        return survey.totals
    totals = np.zeros(len(target.classes))  # type: ignore[arg-type]
    totals[_places(survey, target)] = survey.totals
    return totals


def _spread(survey: Survey, target: Target) -> list[ColumnMoments | None]:
    """Return the moments for each class of a target that may have more of them."""
    spread: list[ColumnMoments | None] = [None] * len(target.classes)  # type: ignore[arg-type]
    for place, found in zip(_places(survey, target), survey.moments, strict=True):
        spread[place] = found
    return spread


def _places(survey: Survey, target: Target) -> Any:
    """Return the indices of the classes of a survey in a target that may have more classes."""
    assert survey.target is not None
    return target.codes(survey.target.classes)


def _both(one: ColumnMoments | None, two: ColumnMoments | None) -> ColumnMoments | None:
    """Return the moments of two sets of rows together."""
    return one + two if one and two else one or two


def class_moments(target: Target, X: Any, y: Any, weight: Array) -> list[ColumnMoments | None] | None:
    """Return the moments of the columns in the rows of each class; None for other targets."""
    codes = target.codes(y)
    if codes is None or codes.ndim == 2 or target.classes is None:
        return None
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(target.classes) + 1))
    return [moments_of(X, weight, order[start:stop]) for start, stop in pairwise(ends)]


def moments_of(X: Any, weight: Array, rows: Any) -> ColumnMoments | None:
    """Return the moments of the columns in the rows with the given indices; None if none of them has weight."""
    used = rows[weight[rows] > 0]
    if not len(used):
        return None
    some = X if len(used) == len(weight) else X[used]
    matrix = Sparse(sparse.csr_matrix(some)) if sparse.issparse(some) else Dense(some)
    with np.errstate(all="ignore"):
        found = ColumnMoments.of(Block(matrix, weight[used], weight[used]))[0]
    return found


@dataclass(frozen=True)
class Reader:
    """The function that validates rows for an estimator and surveys them.

    Attributes
    ----------
    estimator : GDRegressor or GDClassifier
    loss : Loss
    known : Target or None
        The target, if it is known; X must then have the columns that the estimator knows.
    dropped : ndarray or None
        Labels whose rows are ignored.
    suffix : str
        Suffix of the names of the arguments.
    """

    estimator: Any
    loss: Loss
    known: Target | None = None
    dropped: Any = None
    suffix: str = ""

    def __call__(self, batch: Batch, natural: bool = False) -> tuple[Data, Survey]:
        estimator, known = self.estimator, self.known
        if known is None:
            estimator = twin(estimator)
        data = read(estimator, self.loss, batch, reset=known is None, natural=natural, suffix=self.suffix)
        X, y, weight = data.X, data.y, data.weight
        dtype = X.dtype if X.dtype in FLOATS else np.dtype(np.float64)
        names = {name: vars(estimator)[name] for name in NAMES if name in vars(estimator)}
        if known is not None:
            y = known.flat(column_or_1d(y) if y.shape[1:] == (1,) else y)
            known.check(y, f"y{self.suffix}")
            return replace(data, y=y), Survey(names, dtype, int(np.count_nonzero(weight)), 0.0, known, 0.0)
        if self.dropped is not None:
            weight = np.where(np.isin(y.reshape(len(y), -1)[:, 0], self.dropped), 0.0, weight)
        seen = weight > 0
        target, totals = None, 0.0
        moments: Any = None
        if np.any(seen):
            target = estimator._target_of(self.loss, y if np.all(seen) else y[seen])
            y = target.flat(y)
            totals = class_totals(target, y, weight)
            if natural and getattr(estimator, "class_weight", None) is not None:
                moments = class_moments(target, X, y, weight)
            elif natural:
                moments = moments_of(X, weight, np.arange(len(weight)))
        n, heaviest = int(np.count_nonzero(seen)), float(weight.max())
        return replace(data, y=y, weight=weight), Survey(names, dtype, n, heaviest, target, totals, moments)


def read(estimator: Any, loss: Loss, batch: Batch, *, reset: bool = False, natural: bool = False, suffix: str = "") -> Data:
    """Return validated rows; missing entries of y, if the loss accepts them, are NaN."""
    X, y, weight = read_targets(estimator, loss, batch, reset=reset, natural=natural, suffix=suffix)
    offset = check_offset(batch.offset, len(weight), f"offset{suffix}")
    return Data(X, y, weight, offset, check_loss_data(batch.loss_data, loss, len(weight), f"loss_data{suffix}"))


def read_targets(
    estimator: Any,
    loss: Loss,
    batch: Batch,
    *,
    reset: bool = False,
    natural: bool = False,
    suffix: str = "",
    empty: bool = True,
) -> tuple[Any, Any, Array]:
    """Return validated X, y and weights; all weights may be zero only if `empty`."""
    if batch.y is None:
        raise ValueError(f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None.")
    X = validated(estimator, batch.X, reset, natural)
    y = estimator._read_y(loss.read(batch.y))
    check_consistent_length(X, y)
    y = column_or_1d(y, warn=True) if y.shape[1:] == (1,) and (loss.positive_only or loss.single_output) else y
    return X, y, check_weight(batch.sample_weight, X, f"sample_weight{suffix}", empty=empty)


@dataclass(frozen=True, eq=False)
class Preparation:
    """The function that converts validated rows to the form that a fit needs.

    Attributes
    ----------
    loss : Loss
        In the form for the target.
    target : Target
    shares : ndarray or None
        The weight of each class.
    exponent : int
        Weights are divided by this power of two.
    moments : ColumnMoments or None
        The moments of the columns in all rows, under the prepared weights; None if they are not known.
    whole : bool
        Whether all rows are passed at once.
    """

    loss: Loss
    target: Target
    shares: Any = None
    exponent: int = 0
    moments: ColumnMoments | None = None
    whole: bool = True

    @classmethod
    def after(cls, survey: Survey, loss: Loss, shares: Any) -> Preparation:
        """Return the preparation that follows from a survey and the class weights.

        Only the ratios of the weights matter; dividing them by a power of two leaves the ratios exact.
        """
        assert survey.target is not None
        most = 1.0 if shares is None else float(np.prod(np.max(shares, axis=-1)))
        exponent, moments = int(np.frexp(survey.heaviest * most)[1]), survey.moments
        if isinstance(moments, list) and np.ndim(shares) == 1:
            each = zip(moments, shares, strict=True)
            moments = reduce(add, (found.times(share) for found, share in each if found is not None))
        moments = moments and moments.times(float(np.ldexp(1.0, -exponent)))
        whole = survey.moments is None
        return cls(loss.for_target(survey.target), survey.target, shares, exponent, moments, whole)

    @property
    def n_raw(self) -> int:
        """The number of columns of raw."""
        return self.loss.n_raw(self.target)

    def weighted(self, data: Data) -> Data:
        """Return rows with the weights of their classes."""
        return replace(data, weight=class_weighted(self.shares, self.target, data.y, data.weight))

    def __call__(self, data: Data) -> Data:
        y = self.target.flat(data.y)
        weight = np.ldexp(class_weighted(self.shares, self.target, y, data.weight), -self.exponent)
        prepared = self.target.prepare(y, self.loss.rowwise)
        encoded = self.target.encoded_for(self.loss).encode(prepared[weight > 0])
        if len(encoded) and (self.whole or np.any(self.loss.mass(encoded) > 0)):  # some rows may have nothing observed
            self.loss.check_target(encoded)
        offset = data.offset if data.offset is None else self.loss.offset_of_raw(data.offset, self.n_raw)
        return replace(data, y=prepared, weight=weight, offset=offset)
