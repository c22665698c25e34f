"""Losses written in JAX."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from ...arrays import Array
from ..optional import library
from .base import Differentiable, DifferentiatedLoss, converted, total

__all__ = ["JaxLoss"]


class _OfJax(Differentiable):
    def __call__(self, *arrays: Array) -> Array:
        return _run(self.function, *arrays)

    def gradient(self, y: Array, raw: Array, *data: Array) -> Array:
        return _run(partial(_compiled()[1], self.function), y, raw, *data)

    def curvature_product(self, y: Array, raw: Array, v: Array, *data: Array) -> Array:
        return _run(partial(_compiled()[2], self.function), y, raw, v, *data)


class _CompiledOfJax(_OfJax):
    def __call__(self, *arrays: Array) -> Array:
        return _run(partial(_compiled()[0], self.function), *arrays)


def _run(function: Callable[..., Any], *arrays: Array) -> Array:
    jax = library("jax")
    with jax.enable_x64(True):
        return np.array(function(*(converted(array, jax.numpy.asarray) for array in arrays)))


@cache
def _compiled() -> tuple[Any, ...]:
    """Return the value, the gradient and the curvature product of a function, compiled once for each function and shape."""
    jax = library("jax")

    def value(function: Callable[..., Any], y: Any, raw: Any, *data: Any) -> Any:
        return function(y, raw, *data)

    def gradient(function: Callable[..., Any], y: Any, raw: Any, *data: Any) -> Any:
        return jax.grad(partial(total, function, y, data))(raw)

    def curvature_product(function: Callable[..., Any], y: Any, raw: Any, v: Any, *data: Any) -> Any:
        return jax.jvp(jax.grad(partial(total, function, y, data)), (raw,), (v,))[1]

    return tuple(jax.jit(derivative, static_argnums=0) for derivative in (value, gradient, curvature_product))


class JaxLoss(DifferentiatedLoss):
    r"""A loss from a JAX function ``f(y_true, raw)``; JAX computes its gradient and its curvature.

    Domain of y: any number (regression), -1.0 or +1.0 in each column (classification), integer codes (rowwise).

    Link: identity, unless `inverse_link` is given.

    Formula:

    .. math:: \ell(y, raw) = function(y, raw)

    Relation: `CustomLoss` takes a function of NumPy arrays; `TorchLoss` a function of PyTorch tensors.

    Constants: those of the function; alpha is relative to them.

    All functions but `kinks` are of JAX arrays, and see 64-bit numbers whatever the configuration of JAX, which stays.
    `function` is compiled here, once for each shape of its arguments. Pass it without ``jax.jit``: a compiled function is
    compiled anew in each fit, and cannot be pickled. It needs JAX: ``pip install "sklearn-gd[jax]"``.

    Parameters
    ----------
    function : callable
        ``function(y_true, raw)``, vectorised: takes arrays of shape (n, K) and returns the loss of each element, in the same
        shape. When rowwise, y_true is (n,), raw is (n, K), and the result is (n,). With a third argument without a default,
        ``function(y_true, raw, data)``, it takes the additional data of each row, as in `CustomLoss`; those of a frame are a
        dict of columns.
    gradient : callable, optional
        ``gradient(y_true, raw)``, the derivative d function / d raw, in the shape of raw. If None, that of JAX.
    curvature : callable, optional
        ``curvature(y_true, raw)``, the second derivative, in the shape of raw. For a rowwise loss,
        ``curvature(y_true, raw, v)``: the second derivative times v. If None, that of JAX.
    prox : callable, optional
        ``prox(y_true, v, step)``, argmin_z function(y_true, z) + (z - v)^2 / (2 step). If None, it is found numerically.
    inverse_link : callable, optional
        ``inverse_link(raw)``, the prediction for raw: a mean or a probability.
    link : callable, optional
        ``link(mean)``, the inverse of `inverse_link`. It is used for the initial intercept, to find kinks, and by
        `sklearn_gd.metrics`, as in `CustomLoss`.
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
        Number K of columns of raw, if y does not determine it, as in `CustomLoss`.
    kinks : callable, optional
        ``kinks(y_true)``, the raw predictions at which the slope jumps, as in `CustomLoss`: a function of NumPy arrays.

    Raises
    ------
    ImportError
        In use, if JAX is not installed.
    ValueError
        In use, if a function returns complex numbers or an unexpected shape.

    Examples
    --------
    >>> import jax.numpy as jnp  # doctest: +SKIP
    >>> import numpy as np
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.interop import JaxLoss
    >>> def late_costs_more(y_true, raw):
    ...     late = y_true - raw
    ...     return jnp.exp(late) - late
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> y = 2.0 * X[:, 0] + np.tile([1.0, -1.0], 10)
    >>> model = GDRegressor(loss=JaxLoss(late_costs_more), alpha=0.0).fit(X, y)  # doctest: +SKIP
    >>> print(model.coef_.round(2), model.intercept_.round(2))  # doctest: +SKIP
    [1.99] 0.54

    References
    ----------
    J. Bradbury et al., JAX: composable transformations of Python+NumPy programs, 2018; A. Griewank and A. Walther, Evaluating
    Derivatives, 2008, chapter 5 (products with second derivatives).
    """

    of_function, of_others = _CompiledOfJax, _OfJax
