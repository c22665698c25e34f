"""The base class and contract of losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from scipy import stats
from sklearn.utils import check_array

from ..arrays import Array, part_of
from ..parts import Part
from ..targets import Target
from . import numeric
from .findings import Findings, OfRows, find
from .numeric import Function, Spacing
from .piecewise import Piecewise

__all__ = ["Loss", "overflow_to_inf"]

# Where the true value overflows the dtype, the result is inf, without a warning.
overflow_to_inf = np.errstate(over="ignore", under="ignore")


class Loss(Part, ABC):
    """Base class of losses: the loss of a raw prediction ``raw`` for a target ``y``, sample by sample.

    A subclass must define `value`; everything else is then derived numerically. Override what is known in closed form. The
    *cost* that a fit minimises is the weighted mean of the loss over the samples.

    Shapes: an elementwise loss takes ``y`` and ``raw`` of shape (n, K) and returns (n, K); its K columns are summed. For
    classification, y is then -1.0 or +1.0, and the K columns are one-vs-rest. A rowwise loss takes integer codes ``y`` of shape
    (n,) and ``raw`` of shape (n, K), and its value has shape (n,).

    Attributes
    ----------
    task : {"regression", "classification"} or None
        The task that the loss is for; None means both.
    rowwise : bool
        Whether the columns of raw are coupled, as in softmax.
    smooth : bool
        Whether the value has no kinks. If False, `gradient` is a subgradient, and solvers use `prox`.
    convex : bool
        Whether the value is convex in raw.
    quadratic : bool
        Whether the second derivative in raw is the same constant everywhere, such that one step of Newton's method is exact.
    probabilistic : bool
        Whether `inverse_link` gives class probabilities.
    positive_only : bool
        Whether y must be positive (read by scikit-learn's estimator checks).
    shift_invariant : bool
        Whether the loss is unchanged when a constant is added to all columns of raw, as in softmax.
    steps : int
        Number of groups of consecutive columns of raw, each a softmax of its own, as for the steps of a sequence.
    fractions : bool
        Whether a loss of labels also takes their probabilities, such as shares between 0 and 1 in GDRegressor.
    takes_shares : bool
        Whether y holds probabilities of labels.
    location_scale : bool
        Whether the first column of raw is in units of y, the second is the logarithm of its scale, and the loss has no unit.
    likelihood : {"exact", "quasi", "normal"} or None
        "exact" for a negative log-likelihood, up to terms free of raw; "quasi" for one up to an unknown dispersion, whose
        gradient is affine in y, and "normal" for that of the normal distribution; None for any other loss.
    single_output : bool
        Whether y must have one column.
    online : bool
        Whether only the iterates of `SGD` are meaningful and the minimiser is not, as for `Perceptron`.
    scalar_slope : (callable, float) or None
        ``(f, c)`` such that ``f(y, raw, c)`` returns the slope and the curvature of the loss of one sample, all plain numbers;
        numba compiles the function. A subclass that overrides a method does not inherit it.
    first_raw : callable or None
        ``first_raw(y, weight)`` returns a constant raw to start from, (K,), for some y and weights; None for the `link` of the
        mean.
    spacing, pieces, slope_error : Spacing, Piecewise, float
        Set by `observe`, for derivatives that are not given in closed form: the spacing of finite differences, the kinks, and
        the relative error of slopes.
    convergence_hint : str
        What may have caused a failure to converge, if anything about the loss is doubtful.
    unbounded_hint : str
        When the loss has no finite optimum, and what would help.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd.losses import Loss
    >>> class Cubic(Loss):
    ...     task = "regression"
    ...
    ...     def value(self, y, raw):
    ...         return np.abs(y - raw) ** 3
    >>> loss = Cubic()
    >>> loss.gradient(np.array([[1.0]]), np.array([[3.0]])).round(6)
    array([[12.]])
    """

    task: str | None = None
    rowwise: bool = False
    smooth: bool = True
    convex: bool = True
    quadratic: bool = False
    probabilistic: bool = False
    positive_only: bool = False
    shift_invariant: bool = False
    steps: int = 1
    fractions: bool = False
    takes_shares: bool = False
    single_output: bool = False
    location_scale: bool = False
    likelihood: str | None = None
    online: bool = False

    scalar_slope: tuple[Callable[[float, float, float], tuple[float, float]], float] | None = None
    first_raw: Callable[[Array, Array], Array] | None = None

    spacing: Spacing = Spacing()
    pieces: Piecewise = Piecewise()
    slope_error: float = 1e-6
    convergence_hint: str = ""
    unbounded_hint: str = "as it does when classes are separable. What would help: a penalty, with alpha > 0."

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not {"value", "gradient", "value_and_gradient", "curvature_product", "for_rows"}.isdisjoint(vars(cls)):
            cls.scalar_slope = vars(cls).get("scalar_slope")

    @abstractmethod
    def value(self, y: Array, raw: Array) -> Array:
        """Return the loss of each sample, of shape (n, K), or (n,) when rowwise."""

    def gradient(self, y: Array, raw: Array) -> Array:
        """Return d value / d raw, of shape (n, K); at a kink, a subgradient."""
        if self.rowwise:
            return numeric.gradient(self.value, y, raw, True, self.spacing)
        return self.pieces.gradient(self.value, y, raw, self.spacing)

    def value_and_gradient(self, y: Array, raw: Array) -> tuple[Array, Array]:
        """Return `value` and `gradient`, sharing common computations."""
        return self.value(y, raw), self.gradient(y, raw)

    @property
    def has_gradient(self) -> bool:
        """Whether `gradient` is given in closed form, not by finite differences of the values."""
        return type(self).gradient is not Loss.gradient

    @property
    def precision(self) -> float:
        """The smallest certificate that can be reached, limited by the error of finite differences."""
        return 0.0 if self.has_gradient or not self.smooth else 10.0 * self.slope_error

    @property
    def given_kinks(self) -> Callable[[Array], Any] | None:
        """The function from y to the kinks, if the user gives one."""
        return None

    @property
    def derives_prox(self) -> bool:
        """Whether `prox` is derived from the values."""
        return type(self).prox is Loss.prox

    @property
    def derives_curvature(self) -> bool:
        """Whether `curvature_product` is derived from the gradient or the values."""
        return type(self).curvature_product is Loss.curvature_product

    @property
    def has_prox(self) -> bool:
        """Whether `prox` is known or can be derived."""
        return not (self.rowwise and self.derives_prox)

    def lines(self, y: Array) -> tuple[Array, Array, Array]:
        """Return the kinks of a convex loss and the slopes left and right of them, each broadcastable to (J, n, K).

        The loss is the sum over j of max(left_j (raw - kink_j), right_j (raw - kink_j)) plus a smooth function. If the loss is
        `piecewise_linear`, this function is a constant for each row.
        """
        if not self.has_lines:
            raise ValueError(f"{self.name} is not convex, or its kinks are not known.")
        return self.pieces.lines(self.value, y, self.spacing)

    @property
    def has_lines(self) -> bool:
        """Whether the loss is convex with known kinks."""
        return type(self).lines is not Loss.lines or (self.pieces.convex and not self.pieces.absent)

    @property
    def piecewise_linear(self) -> bool:
        """Whether the loss is convex and piecewise linear with known kinks."""
        return self.has_lines and (type(self).lines is not Loss.lines or self.pieces.piecewise_linear)

    @property
    def name(self) -> str:
        """The name of the loss in messages."""
        return type(self).__name__

    @property
    def foreign(self) -> bool:
        """Whether the loss is defined outside this package; the package's own losses are not examined before a fit."""
        return not type(self).__module__.startswith(__name__.partition(".")[0] + ".")

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        """Return (d2 value / d raw2) v, shape (n, K)."""
        if self.has_gradient:
            return numeric.curvature_from_gradient(self.gradient, y, raw, v, self.rowwise, self.spacing)
        if self.rowwise:
            return numeric.curvature_from_value(self.value, y, raw, v, True, self.spacing)
        return self.pieces.curvature(self.value, y, raw, self.spacing) * v

    def curvature_state(self, y: Array, raw: Array) -> Array:
        """Return what `curvature_times` needs for each row, to compute many products at the same raw."""
        return raw

    def curvature_times(self, y: Array, state: Array, v: Array) -> Array:
        """Return `curvature_product` (y, raw, v) from the `curvature_state` of raw."""
        return self.curvature_product(y, state, v)

    def curvature_matrix(self, y: Array, raw: Array) -> Array:
        """Return d2 value / d raw2 of a rowwise loss, shape (n, K, K)."""
        state = self.curvature_state(y, raw)
        columns = [self.curvature_times(y, state, np.broadcast_to(e, raw.shape)) for e in np.eye(raw.shape[1])]
        matrix = np.stack(columns, axis=2)
        return 0.5 * (matrix + matrix.transpose(0, 2, 1))

    def curvature_diagonal(self, y: Array, raw: Array) -> Array:
        """Return the diagonal of d2 value / d raw2, (n, K)."""
        if self.rowwise:
            state, unit = self.curvature_state(y, raw), np.eye(raw.shape[1])
            columns = [self.curvature_times(y, state, np.broadcast_to(e, raw.shape))[:, k] for k, e in enumerate(unit)]
            return np.stack(columns, axis=1)
        return self.curvature_product(y, raw, np.ones_like(raw))

    def prox(self, y: Array, v: Array, step: float) -> Array:
        """Return argmin_z value(y, z) + (z - v)^2 / (2 step), shape (n, K)."""
        if self.has_gradient and self.pieces.absent:
            return numeric.prox(self.gradient, y, v, step)
        return self.pieces.prox(self.value, y, v, step, self.spacing)

    def prox_product(self, y: Array, v: Array, step: float, direction: Array) -> Array:
        """Return (d prox / d v) direction, shape (n, K).

        At a kink the derivative is 0; on a smooth piece of curvature c it is 1 / (1 + step c).
        """
        if self.rowwise:
            return numeric.curvature_from_gradient(lambda y, x: self.prox(y, x, step), y, v, direction, True, self.spacing)
        if self.derives_prox and not self.pieces.absent:
            return self.pieces.prox_product(self.value, y, v, step, direction, self.spacing)
        z = self.prox(y, v, step)
        pull = (v - z) / step
        slope = self.gradient(y, z)
        kink = np.abs(slope - pull) > 1e-6 * np.max(np.abs(slope), initial=0.0)
        curvature = np.maximum(self.curvature_product(y, z, np.ones_like(z)), 0.0)
        return np.where(kink, 0.0, direction / (1.0 + step * curvature))

    def inverse_link(self, raw: Array) -> Array:
        """Return the prediction for raw, of the same shape: the mean of y or the probability of a class."""
        return raw

    def scores(self, raw: Array) -> Array:
        """Return the confidence score of each class for raw: raw itself, unless its columns are something else."""
        return raw

    @property
    def has_distribution(self) -> bool:
        """Whether raw determines the distribution of y, for `distribution`."""
        return type(self).distribution is not Loss.distribution or (self.probabilistic and not self.rowwise)

    def distribution(self, raw: Array) -> Any:
        """Return the distribution of y for raw, a frozen distribution of `scipy.stats`; Bernoulli for probabilities."""
        if not self.has_distribution:
            raise ValueError(f"The loss {self.name} does not model the distribution of y: use Normal or another distribution.")
        return stats.bernoulli(self.inverse_link(raw))

    @property
    def has_interval(self) -> bool:
        """Whether raw determines prediction intervals, for `interval`."""
        return self.has_distribution

    def interval(self, raw: Array, coverage: float) -> Array:
        """Return the ends of the central prediction interval with some coverage, with a last axis of length two."""
        return np.stack(self.distribution(raw).interval(coverage), axis=-1)

    def link(self, mean: Array) -> Array:
        """Return the raw prediction, (K,), for a mean or for class frequencies: the inverse of `inverse_link`.

        If raw has more columns than y, return one number per column of raw; if a loss does not, the fit starts at zero.
        """
        return mean

    def saturated(self, y: Array, n_raw: int) -> Array:
        """Return the smallest loss that a prediction with K = `n_raw` columns can have for each sample, (n,).

        It is the loss of the saturated model, which fits each sample separately: zero for most losses. For an elementwise
        custom loss it is found numerically; for a rowwise one it is assumed to be zero.
        """
        if self.rowwise or (self.task == "classification" and not self.foreign):
            return np.zeros(len(y))
        raw = np.broadcast_to(np.asarray(self.link(y), dtype=np.float64), y.shape)
        if not self.foreign:
            return self.value(y, raw).sum(axis=1)
        raw, least = np.where(np.isfinite(raw), raw, 0.0), np.full(y.shape, np.inf)
        size = max(1.0, float(np.abs(y).max(initial=0.0)))
        # A target may be a stationary point that is no minimum: begin beside it as well.
        with np.errstate(all="ignore"):
            for begin in raw + size * np.array([0.0, 0.01, -0.01, 0.3, -0.3, 2.0, -2.0])[:, None, None]:
                at = begin
                for step in size * 10.0 ** np.arange(-2.0, 13.0, 2.0):
                    at = self.prox(y, at, step)
                    least = np.fmin(least, np.fmin(self.value(y, begin), self.value(y, at)))
        return least.sum(axis=1)

    def check_target(self, y: Array) -> None:
        """Raise a ValueError that names the domain if an entry of y is outside it."""

    def check_mean(self, mean: Array) -> None:
        """Raise ValueError if no finite raw prediction has this mean of all targets, in the form that `link` takes."""

    def mass(self, y: Array) -> Array:
        """Return the mass of each row, its share in the denominator of the mean, shape (n,)."""
        return np.ones(len(y))

    def read(self, y: Any) -> Any:
        """Return the user's y as a validated array, with NaN for missing entries if the loss accepts them.

        Raises
        ------
        ValueError
            If an entry is infinite, or is missing and the loss does not accept missing entries.
        """
        if isinstance(y, np.ndarray) and y.dtype.kind in "iubf" and y.ndim in (1, 2) and y.size and np.isfinite(y.sum()):
            return y  # check_array would take longer
        try:
            return check_array(y, ensure_2d=False, dtype=None, input_name="y", accept_sparse="csr")
        except ValueError as error:
            if "Input y contains NaN" not in str(error):
                raise
            raise ValueError(f"{error} Targets that are missing are passed over by loss=Masked(...).") from error

    def target(self, y: Array, classes: Any = None) -> Target | None:
        """Return the target that this loss makes of y, as returned by `read`; None leaves the choice to the estimator.

        `classes` are all labels that may occur, if they are given.
        """
        return None

    def n_raw(self, target: Target) -> int:
        """Return the number of columns of raw for a target: by default one per output or class."""
        return target.n_raw(self.rowwise)

    @property
    def _own_columns(self) -> bool:
        """Whether the loss determines the number of columns of raw."""
        return type(self).n_raw is not Loss.n_raw

    def n_weighted(self, n_raw: int) -> int:
        """Return how many columns of raw, the first ones, depend on X; the others have only an intercept."""
        return n_raw

    def raw_names(self, n_raw: int) -> list[str] | None:
        """Return the names of the columns of raw, if they are neither outputs nor classes."""
        return None

    def for_target(self, target: Target) -> Loss:
        """Return the form of this loss for a target: the loss itself, unless it has several forms."""
        return self

    @property
    def takes_data(self) -> bool:
        """Whether the loss needs additional data of each row, ``fit(..., loss_data=...)``."""
        return type(self).for_rows is not Loss.for_rows

    def for_rows(self, loss_data: Any) -> Loss:
        """Return the loss bound to the additional data of some rows; its methods are then called with exactly these rows.

        `loss_data` is an array of shape (n,) or (n, m), or for a frame a structured array of shape (n,), whose columns are
        read by name: ``loss_data["cost"]``. A loss that needs no data returns itself.
        """
        return self

    def offset_of_raw(self, offset: Array, n_raw: int) -> Array:
        """Return the offset of raw, (n, 1) or (n, K), for a given one, (n, c): one column is added to every column of raw.

        Raises
        ------
        ValueError
            If it has another number of columns, or one column where those of raw mean different things.
        """
        if self.rowwise and self._own_columns and n_raw > 1 and offset.shape[1] == 1:
            raise ValueError(
                f"offset has one column, and raw of the loss {self.name} has {n_raw}, which may mean different things: "
                f"expected an array of shape (n_samples, {n_raw}), with zeros where nothing is added."
            )
        if offset.shape[1] not in (1, n_raw):
            expected = "(n_samples,)" if n_raw == 1 else f"(n_samples,), or (n_samples, {n_raw}), one for each column of raw"
            raise ValueError(f"offset has {offset.shape[1]} columns: expected an array of shape {expected}.")
        return offset

    def observe(self, y: Array, raw: Array, loss_data: Any = None) -> Loss:
        """Return this loss with what was learned from the data: the kinks and the rounding error of a custom loss.

        Raises
        ------
        ValueError
            If two calls give different values, or if the loss jumps or has no slope.
        """
        return self._found(self._find(y, raw, loss_data)) if self.foreign else self

    def _find(self, y: Array, raw: Array, loss_data: Any) -> Findings:
        bound = self.for_rows(loss_data)
        given = bound.gradient if self.has_gradient else None
        return find(self._of_rows(loss_data), given, y, raw, rowwise=self.rowwise, name=self.name, unit=self._unit(y, raw))

    def _unit(self, y: Array, raw: Array) -> float | None:
        """Return the unit of raw around some targets; None if raw is in units of y."""
        return None

    def _of_rows(self, loss_data: Any) -> OfRows:
        """Return the function from the indices of some rows to the values, and the given kinks if any, of these rows."""

        def of_rows(rows: Any) -> tuple[Function, Any]:
            bound = self.for_rows(part_of(loss_data, rows))
            return bound.value, bound.given_kinks

        return of_rows

    def _found(self, found: Findings) -> Loss:
        """Return a copy of this loss with the findings stored."""
        result = copy(self)
        result.spacing, result.pieces, result.slope_error = found.spacing, found.pieces, found.precision
        result.smooth = self.smooth and found.smooth
        if found.pieces.absent and not found.smooth:
            result.convergence_hint = "the loss has kinks whose place was not found: give them, CustomLoss(..., kinks=...)."
        if not isinstance(getattr(type(self), "convex", None), property):  # which a subclass computes
            result.convex = self.convex and found.pieces.convex
        return result

    def _domain(self, legal: bool | np.bool_, domain: str, y: Array) -> None:
        if not legal:
            raise ValueError(f"{self.name} needs {domain}; got y with values from {np.min(y):g} to {np.max(y):g}.")
