"""Custom losses from a user's function."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import lru_cache, partial
from inspect import Parameter, signature
from numbers import Integral
from typing import Any

import numpy as np

from ..arrays import Array, part_of
from ..shown import shown
from ..targets import Continuous, Target
from .base import Loss
from .data_kinks import kinks_over_data
from .findings import Findings, find, unit_of
from .numeric import Function
from .piecewise import Piecewise

__all__ = ["CustomLoss"]

FUNCTIONS = ("function", "gradient", "curvature", "prox", "inverse_link", "link", "kinks")

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class CustomLoss(Loss):
    r"""A custom loss from a function ``f(y_true, raw)``; derivatives that are not given are computed numerically.

    Domain of y: any number (regression), -1.0 or +1.0 in each column (classification), integer codes (rowwise).

    Link: identity, unless `inverse_link` is given.

    Formula:

    .. math:: \ell(y, raw) = function(y, raw)

    Relation: a plain function passed as ``loss=`` is wrapped as CustomLoss(function).

    Constants: those of the function; alpha is relative to them.

    Parameters
    ----------
    function : callable
        ``function(y_true, raw)``, vectorised: takes arrays of shape (n, K) and returns the loss of each element, in the same
        shape. When rowwise, y_true is (n,), raw is (n, K), and the result is (n,). With a third argument without a default,
        ``function(y_true, raw, data)``, it takes the additional data of each row, ``fit(..., loss_data=...)``: an array of
        shape (n, 1) or (n, m), or if `loss_data` was a frame its columns by name, ``data["cost"]``, (n, 1) each. When rowwise,
        one column of data is (n,). `gradient`, `curvature`, `prox` and `kinks` then take the data as their last argument as
        well.
    gradient : callable, optional
        ``gradient(y_true, raw)``, the derivative d function / d raw, in the shape of raw.
    curvature : callable, optional
        ``curvature(y_true, raw)``, the second derivative, in the shape of raw. For a rowwise loss,
        ``curvature(y_true, raw, v)``: the second derivative times v. If `gradient` and `curvature` are functions of numba that
        take arrays and numbers alike (``numba.vectorize``), the compiled solvers for large sparse data use them.
    prox : callable, optional
        ``prox(y_true, v, step)``, argmin_z function(y_true, z) + (z - v)^2 / (2 step).
    inverse_link : callable, optional
        ``inverse_link(raw)``, the prediction for raw: a mean or a probability.
    link : callable, optional
        ``link(mean)``, the inverse of `inverse_link`. It is used for the initial intercept, to find kinks, and by
        `sklearn_gd.metrics` to turn the predictions of other estimators into raw predictions.
    task : {"regression", "classification"} or None, default=None
        The task that the loss is for; None means both.
    rowwise : bool, default=False
        Whether the function couples the columns of raw.
    smooth : bool or None, default=None
        Whether the loss has no kinks. If None, kinks are searched for around the data.
    convex : bool or None, default=None
        Whether the loss is convex in raw. If None, convexity is tested around the data.
    probabilistic : bool, default=False
        Whether inverse_link gives class probabilities.
    n_raw : int, optional
        Number K of columns of raw, if y does not determine it: two for a mean and a spread. Needs ``rowwise=True``, and is for
        regression; y_true is (n,), or (n, m) with m outputs. Without an `inverse_link`, which may then return any number of
        columns, the first column of raw is the prediction, or the first m.
    kinks : callable, optional
        ``kinks(y_true)``, the raw predictions at which the slope jumps: a sequence of arrays of y_true's shape, or of numbers.
        Not needed if each kink is a constant plus a multiple of y_true, or of ``link(y_true)`` for a convex loss with `link`
        and `inverse_link`: such kinks are found automatically.

    Raises
    ------
    ValueError
        In use, if a function returns complex numbers or an unexpected shape.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.losses import CustomLoss
    >>> def late_costs_more(y_true, raw):
    ...     error = y_true - raw
    ...     return np.where(error > 0, 3.0, 1.0) * error**2
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> y = 2.0 * X[:, 0] + np.tile([1.0, -1.0], 10)
    >>> model = GDRegressor(loss=CustomLoss(late_costs_more), alpha=0.0).fit(X, y)
    >>> print(model.coef_.round(1), model.intercept_.round(1))
    [2.] 0.6

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2006, section 8.1 (numerical derivatives).
    """

    takes_data: bool = False
    _data: Any = None

    def __init__(
        self,
        function: Callable[..., Any],
        gradient: Callable[..., Any] | None = None,
        curvature: Callable[..., Any] | None = None,
        prox: Callable[..., Any] | None = None,
        inverse_link: Callable[..., Any] | None = None,
        link: Callable[..., Any] | None = None,
        task: str | None = None,
        rowwise: bool = False,
        smooth: bool | None = None,
        convex: bool | None = None,
        probabilistic: bool = False,
        kinks: Callable[..., Any] | None = None,
        n_raw: int | None = None,
    ) -> None:
        # `gradient`, `prox`, ... are methods of every loss, so the user's arguments are kept in a separate dict.
        self._given: dict[str, Any] = {
            "function": function,
            "gradient": gradient,
            "curvature": curvature,
            "prox": prox,
            "inverse_link": inverse_link,
            "link": link,
            "task": task,
            "rowwise": rowwise,
            "smooth": smooth,
            "convex": convex,
            "probabilistic": probabilistic,
            "kinks": kinks,
            "n_raw": n_raw,
        }
        self._settle()

    def _settle(self) -> None:
        self.task, self.rowwise, self.probabilistic = (self._given[name] for name in ("task", "rowwise", "probabilistic"))
        self.convex = self._given["convex"] is not False
        self.smooth = self._given["smooth"] is not False and self._given["kinks"] is None
        if self._given.get("n_raw") is not None:
            self.task = self.task or "regression"
        self.takes_data, self._data = _takes_three(self._given["function"]), None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor arguments."""
        return dict(self._given)

    def set_params(self, **params: Any) -> CustomLoss:
        """Replace constructor arguments."""
        unknown = sorted(set(params) - set(self._given))
        if unknown:
            raise ValueError(f"{type(self).__name__} has no parameter {unknown[0]!r}; it has {', '.join(self._given)}.")
        self._given.update(params)
        self._settle()
        return self

    def check_parameters(self) -> None:
        for name in FUNCTIONS:
            given = self._given[name]
            if not (callable(given) or (given is None and name != "function")):
                raise TypeError(f"{type(self).__name__}({name}={given!r}): expected a function.")
        if self.task not in (None, "regression", "classification"):
            raise ValueError(f"{type(self).__name__}(task={self.task!r}): expected 'regression', 'classification' or None.")
        n_raw = self._given.get("n_raw")
        if n_raw is not None and not (isinstance(n_raw, Integral) and int(n_raw) >= 1):
            raise ValueError(f"{type(self).__name__}(n_raw={n_raw!r}): expected an integer >= 1, or None.")
        if n_raw is not None and not (self.rowwise and self.task == "regression"):
            raise ValueError(f"{type(self).__name__}(n_raw={n_raw!r}): expected rowwise=True, and regression.")
        if self.probabilistic and self._given["inverse_link"] is None:
            raise ValueError(
                f"{type(self).__name__}(probabilistic=True): expected the inverse_link that gives the probabilities."
            )

    @property
    def name(self) -> str:
        """The name of the function, for messages."""
        return repr(getattr(self._given["function"], "__name__", type(self._given["function"]).__name__))

    def for_rows(self, loss_data: Any) -> Loss:
        if not self.takes_data:
            return self
        result = copy(self)
        result._data = loss_data if loss_data is None or self.rowwise or loss_data.ndim == 2 else loss_data[:, None]
        if self.pieces.located is not None and self._given["kinks"] is not None:
            result.pieces = replace(self.pieces, located=result._kinks)
        return result

    def target(self, y: Array, classes: Any = None) -> Target | None:
        several = self._given.get("n_raw") is not None and self._given["inverse_link"] is not None
        return Continuous(y, scored=0) if several else None

    def n_raw(self, target: Target) -> int:
        return self._given.get("n_raw") or super().n_raw(target)

    @property
    def _own_columns(self) -> bool:
        return self._given.get("n_raw") is not None

    def _with_data(self, *arguments: Any) -> tuple[Any, ...]:
        """Return arguments of a function of the user's, the data last if there are any."""
        return arguments if self._data is None else (*arguments, self._data)

    def _call(self, which: str, shape: tuple[int, ...], *arguments: Any) -> Array:
        result = self._result(which, *arguments)
        if result.shape != shape:
            what = "one number" if result.shape == () else f"an array of shape {result.shape}"
            hint = " Return the loss of each sample, not their mean." if result.shape == () else ""
            raise ValueError(
                f"The {which} of the loss {self.name} returned {what}: expected shape {shape}, that of its argument"
                f"{' without the columns' if len(shape) == 1 else ''}.{hint}"
            )
        return result

    def _result(self, which: str, *arguments: Any) -> Array:
        """Return the result of a function of the user's for read-only arguments, as float64."""
        views = [argument.view() if isinstance(argument, np.ndarray) else argument for argument in arguments]
        for view in views:
            if isinstance(view, np.ndarray):
                view.flags.writeable = False  # a function that works in place gets numpy's own error, not a wrong model
        try:
            result = np.asarray(self._given[which](*views))
        except ValueError as error:
            if str(error).startswith("no field of name"):
                names = None if self._data is None else list(self._data.dtype.names)
                raise ValueError(
                    f"The {which} of the loss {self.name}: loss_data has {error}; its columns are {names}."
                ) from error
            raise
        if result.dtype.kind not in "fiub":
            raise ValueError(f"The {which} of the loss {self.name} returned dtype {result.dtype}: expected real numbers.")
        return result.astype(np.float64, copy=False)

    @property
    def in_words(self) -> str:
        """How it was made, with functions by their names."""
        usual = {name: parameter.default for name, parameter in signature(CustomLoss).parameters.items()}
        given = {name: shown(value) for name, value in self._given.items() if value != usual[name]}
        words = [repr(given.pop("function")), *(f"{name}={value!r}" for name, value in given.items())]
        return f"{type(self).__name__}({', '.join(words)})"

    def value(self, y: Array, raw: Array) -> Array:
        return self._call("function", raw.shape[:1] if self.rowwise else raw.shape, *self._with_data(y, raw))

    @property
    def foreign(self) -> bool:
        return True

    @property
    def derives_curvature(self) -> bool:
        return self._given["curvature"] is None

    @property
    def derives_prox(self) -> bool:
        return self._given["prox"] is None

    @property
    def has_gradient(self) -> bool:
        return self._given["gradient"] is not None

    def gradient(self, y: Array, raw: Array) -> Array:
        return self._call("gradient", raw.shape, *self._with_data(y, raw)) if self.has_gradient else super().gradient(y, raw)

    @property
    def scalar_slope(self) -> Any:  # type: ignore[override]
        derivatives = self._given["gradient"], self._given["curvature"]
        compiled = all(type(function).__module__.startswith("numba.") for function in derivatives)
        simple = self.convex and self.smooth and not (self.rowwise or self.takes_data)
        return (_slope_and_curvature(*derivatives), 0.0) if compiled and simple else None

    def curvature_product(self, y: Array, raw: Array, v: Array) -> Array:
        if self._given["curvature"] is None:
            return super().curvature_product(y, raw, v)
        if self.rowwise:
            return self._call("curvature", raw.shape, *self._with_data(y, raw, v))
        return self._call("curvature", raw.shape, *self._with_data(y, raw)) * v

    def prox(self, y: Array, v: Array, step: float) -> Array:
        if self._given["prox"] is None:
            return super().prox(y, v, step)
        return self._call("prox", v.shape, *self._with_data(y, v, step))

    def inverse_link(self, raw: Array) -> Array:
        if self._given["inverse_link"] is None:
            return raw
        if self._given.get("n_raw") is None:
            return self._call("inverse_link", raw.shape, raw)
        return self._result("inverse_link", raw).reshape(len(raw), -1)

    def link(self, mean: Array) -> Array:
        if self._given["link"] is not None:
            return self._call("link", mean.shape, mean)
        return mean if self._given["inverse_link"] is None else np.zeros_like(mean)

    @property
    def given_kinks(self) -> Callable[[Array], Any] | None:
        return None if self._given["kinks"] is None else self._kinks

    def observe(self, y: Array, raw: Array, loss_data: Any = None) -> Loss:
        found = self._find(y, raw, loss_data)
        if self.takes_data and not self.rowwise and self._given["kinks"] is None:
            bound: Any = self.for_rows(loss_data)
            kinks = kinks_over_data(bound.value, y, bound._data, found.pieces)
            if kinks is not None:
                located = copy(self)
                located._given = self._given | {"kinks": kinks}
                return located.observe(y, raw, loss_data)
        result = self._found(found)
        # The user's declaration takes precedence over what was found.
        if self._given["convex"] and not result.convex:
            result.convex, result.pieces = True, replace(result.pieces, convex=True)
            result.convergence_hint = "the loss is not convex: say convex=False, or leave convex to None."
        if self._given["smooth"] and not result.smooth:
            result.smooth, result.pieces = True, Piecewise(convex=result.convex)
            result.convergence_hint = "the loss has kinks: say smooth=False, or leave smooth to None."
        return result

    def _find(self, y: Array, raw: Array, loss_data: Any) -> Findings:
        return self._find_by_link(y, raw, loss_data) or super()._find(y, raw, loss_data)

    def _unit(self, y: Array, raw: Array) -> float | None:
        if self._given["link"] is None or self.rowwise:
            return None
        with np.errstate(all="ignore"):
            place = self.link(y)
        finite = np.isfinite(place)
        return unit_of(place[finite][:, None], raw[finite][:, None]) if finite.any() else None

    def _find_by_link(self, y: Array, raw: Array, loss_data: Any) -> Findings | None:
        """Return the findings with targets replaced by their link, in units of raw; None if that locates no kinks."""
        link, inverse = self._given["link"], self._given["inverse_link"]
        if link is None or inverse is None or self.rowwise or self._given["kinks"] is not None:
            return None
        with np.errstate(all="ignore"):
            place = self.link(y)
        if not np.all(np.isfinite(place)):
            return None
        bound = self.for_rows(loss_data)
        gradient = (lambda at, raw: bound.gradient(self.inverse_link(at), raw)) if self.has_gradient else None

        def of_rows(rows: Any) -> tuple[Function, None]:
            loss = self.for_rows(part_of(loss_data, rows))
            return lambda at, raw: loss.value(self.inverse_link(at), raw), None

        try:
            found = find(of_rows, gradient, place, raw, rowwise=False, name=self.name)
        except ValueError:  # use y itself instead
            return None
        pieces = found.pieces
        if pieces.absent or not pieces.convex:
            return None
        located = partial(_linked, link, pieces.offsets, pieces.ratios)
        return replace(found, pieces=replace(pieces, offsets=(), ratios=(), located=located))

    def _kinks(self, y: Array) -> list[Array]:
        """Return the user's kinks, each in the shape of y."""
        try:
            places = self._given["kinks"](*self._with_data(y))
            return [np.broadcast_to(np.asarray(place, dtype=np.float64), y.shape) for place in places]
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"The kinks of the loss {self.name}: expected a sequence of arrays of y_true's shape, {y.shape}, or of "
                f"numbers. ({error})"
            ) from error


@lru_cache
def _slope_and_curvature(gradient: Callable[..., Any], curvature: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `Loss.scalar_slope` of two functions that numba has compiled: the same one each time, as it is compiled too."""

    def slope_and_curvature(y: float, raw: float, constant: float) -> tuple[float, float]:
        return gradient(y, raw), curvature(y, raw)

    return slope_and_curvature


def _takes_three(function: Any) -> bool:
    """Tell whether the third argument of a function has no default."""
    try:
        parameters = list(signature(function).parameters.values())
    except (TypeError, ValueError):  # a compiled function
        return False
    return any(third.default is third.empty and third.kind in _POSITIONAL for third in parameters[2:3])


def _linked(link: Callable[[Array], Array], offsets: tuple[float, ...], ratios: tuple[float, ...], y: Array) -> list[Array]:
    """Return the kinks that lie on lines over the link of y."""
    place = link(y)
    return [a + b * place for a, b in zip(offsets, ratios, strict=True)]
