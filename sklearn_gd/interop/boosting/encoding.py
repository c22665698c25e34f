"""What a boosting library passes, as a loss sees it; the constant from which boosting starts, and the link.

A library holds y as it was given and raw as (n,) or (n, K), and knows neither the classes of y nor the link.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arrays import Array
from ...estimators.checks import check_weight
from ...estimators.classifier import GDClassifier
from ...estimators.regressor import GDRegressor
from ...losses import Loss, get_loss
from ...metrics.comparison import name_of
from ...metrics.evaluation import Evaluation
from ...targets import Continuous, Labels, Target

__all__ = ["Boosted", "LossLike", "arguments", "fitted", "passes_data"]

LossLike = str | Loss | Callable[[Any, Any], Any]


class Boosted:
    """Base class of objectives and metrics: a loss for y as a library holds it, and raw of shape (n,) or (n, K)."""

    made_by: str

    def __init__(self, loss: LossLike) -> None:
        self.loss = get_loss(loss)
        self.__name__ = name_of(loss)  # by which XGBoost calls a metric
        if self.loss.online:
            raise ValueError(f"loss={loss!r} has a trivial minimum at raw = 0: expected another one, such as 'hinge'.")
        if self.loss.n_weighted(2) < 2:
            raise ValueError(f"loss={loss!r} has a constant column of raw: expected one whose columns all depend on X.")
        if self.loss.takes_data:
            raise ValueError(
                f"The loss {self.loss.name} takes additional data of each row, which boosting libraries do not pass: expected "
                "a loss of y_true and raw alone."
            )

    def __repr__(self) -> str:
        return f"{self.made_by}({self.loss!r})"

    def start(self, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the best constant raw prediction: a float for one column of raw, else an array of shape (K,)."""
        constant = np.ravel(fitted(self.loss, np.asarray(y), sample_weight).intercept_)
        return constant if len(constant) > 1 else float(constant[0])

    def inverse_link(self, raw: ArrayLike) -> Array:
        """Return the means of y, or the probabilities of class 1 or of each class, for raw of shape (n,) or (n, K)."""
        columns = _columns(raw)
        target = self._target(np.zeros(0), columns.shape[1])
        loss = self.loss.for_target(target)
        mean = loss.inverse_link(columns)
        mean = target.proba(mean) if loss.probabilistic and columns.shape[1] > 1 else mean
        return mean if np.ndim(raw) > 1 else mean.reshape(np.shape(raw))

    def _target(self, y: Array, n_raw: int) -> Target:
        own = Labels(np.arange(max(n_raw, 2))) if self.loss.task == "classification" else Continuous(y)
        return self.loss.target(y) or own

    def evaluated(self, y_true: Any, y_pred: Any, weight: Any) -> Evaluation:
        """Return the loss in the form for y, y as it sees it, raw, (n, K), and the weights.

        Raises
        ------
        ValueError
            If y is outside the domain of the loss, or raw has another number of columns than it takes.
        """
        raw = _columns(y_pred)
        n, n_raw = raw.shape
        y = self.loss.read(np.asarray(y_true).reshape(n, -1))
        y = y[:, 0] if y.shape[1] == 1 else y
        target = self._target(y, n_raw)
        loss = self.loss.for_target(target)
        if loss.n_raw(target) != n_raw:
            hint = "" if loss.task else " For labels, say CustomLoss(..., task='classification')."
            raise ValueError(f"y_pred has {n_raw} columns: {loss.name} expected {loss.n_raw(target)} for this y_true.{hint}")
        target.check(y, "y_true")
        weight = check_weight(weight if np.size(weight) else None, raw, empty=True)
        encoded = target.encoded_for(loss).encode(target.prepare(y, loss.rowwise))
        if np.any(weight > 0):
            loss.check_target(encoded[weight > 0])
        return Evaluation(loss, target, encoded, raw, y, weight)


def fitted(loss: Loss, y: Array, weight: ArrayLike | None) -> Any:
    """Return an estimator without features, whose intercept is the best constant."""
    kind = GDClassifier if loss.task == "classification" else GDRegressor
    return kind(loss, alpha=0.0).fit(np.zeros((len(y), 1)), y, weight)


def passes_data(y_pred: Any) -> bool:
    """Tell whether the second argument is the data set that `lightgbm.train` and `xgboost.train` pass, as in f(raw, data)."""
    return hasattr(y_pred, "get_label")


def arguments(y_true: Any, y_pred: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return y, raw and the weights from the arguments of either interface of a library."""
    return (y_pred.get_label(), y_true, y_pred.get_weight()) if passes_data(y_pred) else (y_true, y_pred, weight)


def _columns(raw: Any) -> Array:
    array = np.asarray(raw, dtype=np.float64)
    return array.reshape(len(array), -1)
