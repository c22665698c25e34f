"""The cumulative logit loss for ordered classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.utils.multiclass import check_classification_targets

from ..arrays import Array
from ..targets import Ordered, Target
from .base import Loss, overflow_to_inf
from .distributions.base import LARGEST

__all__ = ["OrdinalLogLoss"]


class OrdinalLogLoss(Loss):
    r"""The loss of ordered classes with one set of coefficients, the proportional odds model.

    Domain of y: integer codes 0 ... K - 1, in order.

    Link: cumulative logit. raw has K - 1 columns, of which only the first one depends on X; the others are the logarithms of
    the distances between the thresholds, which keeps them in order: P(y > j) = \sigma(raw_0 - \sum_{i=1}^j \exp(raw_i)) for
    j = 0 ... K - 2, with \sigma(z) = 1 / (1 + \exp(-z)).

    Formula, with P(y > -1) = 1 and P(y > K - 1) = 0, for the class k:

    .. math:: \ell(k, raw) = -\log(P(y > k - 1) - P(y > k))

    Relation: `LogLoss` for K = 2. `MultinomialLogLoss` has coefficients for each class, and does not use their order.

    Constants: natural logarithm. The thresholds of P(y <= j) = \sigma(threshold_j - x coef) are
    ``np.cumsum([-intercept_[0], *np.exp(intercept_[1:])])``. Convex in the thresholds, but not in the logarithms of distances.

    Parameters
    ----------
    categories : sequence of labels, default=None
        All labels from the lowest to the highest. If None, they are sorted, so numbers need no categories.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDClassifier
    >>> from sklearn_gd.losses import OrdinalLogLoss
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]])
    >>> y = ["low", "low", "mid", "low", "high", "high"]
    >>> model = GDClassifier(OrdinalLogLoss(["low", "mid", "high"]), alpha=0.01).fit(X, y)
    >>> print(model.coef_.shape, model.predict([[0.0], [5.0]]))
    (1, 1) ['low' 'high']

    References
    ----------
    P. McCullagh, Regression Models for Ordinal Data, 1980.
    """

    task = "classification"
    rowwise = True
    probabilistic = True
    single_output = True
    likelihood = "exact"
    convex = False

    def __init__(self, categories: Any = None) -> None:
        self.categories = categories

    def check_parameters(self) -> None:
        if self.categories is not None and (np.ndim(self.categories) != 1 or len(set(self.categories)) != len(self.categories)):
            raise ValueError(f"OrdinalLogLoss(categories={self.categories!r}): expected a list of distinct labels, in order.")

    def read(self, y: Any) -> Any:
        """Return y as an array; a categorical whose order is not that of the loss is refused."""
        dtype = getattr(y, "dtype", None)
        if self.categories is None and getattr(dtype, "ordered", type(dtype).__name__ == "Enum"):
            stated = [label.item() if isinstance(label, np.generic) else label for label in dtype.categories]  # type: ignore[union-attr]
            if stated != sorted(stated):
                raise ValueError(
                    f"y is a categorical with the order {stated}, and labels are sorted: expected "
                    f"OrdinalLogLoss(categories={stated})."
                )
        return super().read(y)

    def target(self, y: Array, classes: Any = None) -> Target | None:
        if classes is None:
            check_classification_targets(np.ravel(y))
        return Ordered(np.ravel(y if classes is None else classes), self.categories)

    def n_raw(self, target: Target) -> int:
        assert target.classes is not None
        return len(target.classes) - 1

    def raw_names(self, n_raw: int) -> list[str]:
        return ["location", *(f"log gap {j}" for j in range(1, n_raw))]

    def n_weighted(self, n_raw: int) -> int:
        return 1

    def offset_of_raw(self, offset: Array, n_raw: int) -> Array:
        if offset.shape[1] != 1:
            raise ValueError(f"offset has {offset.shape[1]} columns: expected an array of shape (n_samples,).")
        return np.hstack([offset, np.zeros((len(offset), n_raw - 1))])

    @staticmethod
    def _steps(raw: Array) -> Array:
        """Return the distances between neighbouring thresholds, (n, K - 2)."""
        return np.exp(np.minimum(raw[:, 1:], LARGEST))

    def _logits(self, raw: Array) -> Array:
        """Return the logits of P(y > j) for j = -1 ... K - 1, which are infinite at both ends."""
        inside = np.hstack([raw[:, :1], raw[:, :1] - np.cumsum(self._steps(raw), axis=1)])
        return np.pad(inside, ((0, 0), (1, 1)), constant_values=(np.inf, -np.inf))

    def _around(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        """Return the logits u of P(y > y - 1) and l of P(y > y), and their difference, to full precision."""
        codes, rows = y.astype(np.intp), np.arange(len(raw))
        logits = self._logits(raw)
        gaps = np.pad(self._steps(raw), ((0, 0), (1, 1)), constant_values=np.inf)
        return logits[rows, codes], logits[rows, codes + 1], gaps[rows, codes]

    @overflow_to_inf
    def value(self, y: Array, raw: Array) -> Array:
        # sigma(u) - sigma(l) = sigma(u) sigma(-l) (1 - exp(l - u))
        upper, lower, gap = self._around(y, raw)
        with np.errstate(divide="ignore"):
            return np.logaddexp(0.0, -upper) + np.logaddexp(0.0, lower) - np.log(-np.expm1(-gap))

    def _jacobians(self, y: Array, raw: Array) -> tuple[Array, Array, Array]:
        """Return the derivatives with respect to raw of both logits and of the logarithm of their difference, (n, K - 1)."""
        codes, places = y.astype(np.intp)[:, None], np.arange(raw.shape[1])
        steps = np.hstack([np.ones((len(raw), 1)), -self._steps(raw)])
        upper, lower = steps * ((places < codes) & (codes > 0)), steps * ((places <= codes) & (codes < raw.shape[1]))
        return upper, lower, ((places == codes) & (codes > 0)).astype(np.float64)

    @staticmethod
    def _share(gap: Array) -> Array:
        """Return the derivative of log(1 - exp(-gap)) with respect to log(gap)."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.where(gap < LARGEST, gap / np.expm1(gap), 0.0)

    def gradient(self, y: Array, raw: Array) -> Array:
        upper, lower, gap = self._around(y, raw)
        of_upper, of_lower, of_gap = self._jacobians(y, raw)
        return expit(lower)[:, None] * of_lower - expit(-upper)[:, None] * of_upper - self._share(gap)[:, None] * of_gap

    def curvature_matrix(self, y: Array, raw: Array) -> Array:
        upper, lower, gap = self._around(y, raw)
        of_upper, of_lower, of_gap = self._jacobians(y, raw)
        up, down, share = expit(-upper), expit(lower), self._share(gap)
        finite = np.minimum(gap, LARGEST)  # where the share is zero
        bends = (up * expit(upper), of_upper), (down * expit(-lower), of_lower), (share * (finite + share - 1.0), of_gap)
        result = sum(np.einsum("n,nj,nk->njk", bend, slope, slope) for bend, slope in bends)
        # A step between thresholds is exponential in raw: its second derivative is its first one.
        np.einsum("nkk->nk", result)[:, 1:] += (down[:, None] * of_lower - up[:, None] * of_upper)[:, 1:]
        return np.asarray(result)

    def curvature_state(self, y: Array, raw: Array) -> Array:
        return self.curvature_matrix(y, raw)

    def curvature_times(self, y: Array, state: Array, v: Array) -> Array:
        return np.einsum("njk,nk->nj", state, v)

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        return self.curvature_times(y, self.curvature_matrix(y, raw), v)

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        return np.einsum("nkk->nk", self.curvature_matrix(y, raw))

    def inverse_link(self, raw: Array) -> Array:
        """Return the probability of each class, (n, K)."""
        exceeding = expit(self._logits(raw))
        return np.maximum(exceeding[:, :-1] - exceeding[:, 1:], 0.0)

    def link(self, mean: Array) -> Array:
        above = np.clip(np.cumsum(mean[..., :0:-1], axis=-1)[..., ::-1], 1e-300, None)
        below = np.clip(np.cumsum(mean, axis=-1)[..., :-1], 1e-300, None)
        logits = np.log(above) - np.log(below)
        return np.concatenate([logits[..., :1], np.log(np.maximum(-np.diff(logits, axis=-1), 1e-12))], axis=-1)

    def scores(self, raw: Array) -> Array:
        """Return the logarithm of the probability of each class, (n, K)."""
        with np.errstate(divide="ignore"):
            return np.log(self.inverse_link(raw))

    def for_target(self, target: Target) -> Loss:
        return self
