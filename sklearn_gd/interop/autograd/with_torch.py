"""Losses written in PyTorch, and the losses of this package as functions of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from ...arrays import Array
from ...losses import Loss, get_loss
from ..optional import library
from .base import Differentiable, DifferentiatedLoss, converted, total

__all__ = ["TorchLoss", "as_torch"]


# -- from PyTorch -----------------------------------------------------------------------------------------------------


class _OfTorch(Differentiable):
    def __call__(self, *arrays: Array) -> Array:
        with library("torch").no_grad():
            return np.asarray(self.function(*map(_tensor, arrays)))

    def gradient(self, y: Array, raw: Array, *data: Array) -> Array:
        return np.asarray(library("torch").autograd.functional.vjp(self._total(y, *data), _tensor(raw))[1])

    def curvature_product(self, y: Array, raw: Array, v: Array, *data: Array) -> Array:
        return np.asarray(library("torch").autograd.functional.vhp(self._total(y, *data), _tensor(raw), _tensor(v))[1])

    def _total(self, y: Array, *data: Array) -> Callable[[Any], Any]:
        """Return the sum of the losses as a function of raw."""
        return partial(total, self.function, _tensor(y), tuple(map(_tensor, data)))


def _tensor(array: Array) -> Any:
    return converted(array, library("torch").from_numpy)


class TorchLoss(DifferentiatedLoss):
    r"""A loss from a PyTorch function ``f(y_true, raw)``; PyTorch computes its gradient and its curvature.

    Domain of y: any number (regression), -1.0 or +1.0 in each column (classification), integer codes (rowwise).

    Link: identity, unless `inverse_link` is given.

    Formula:

    .. math:: \ell(y, raw) = function(y, raw)

    Relation: `CustomLoss` takes a function of NumPy arrays; `JaxLoss` a function of JAX arrays. `as_torch` is the other way.

    Constants: those of the function; alpha is relative to them.

    All functions but `kinks` are of tensors, and see 64-bit numbers on the CPU. It needs PyTorch:
    ``pip install "sklearn-gd[torch]"``.

    Parameters
    ----------
    function : callable
        ``function(y_true, raw)``, vectorised: takes tensors of shape (n, K) and returns the loss of each element, in the same
        shape. When rowwise, y_true is (n,), raw is (n, K), and the result is (n,). With a third argument without a default,
        ``function(y_true, raw, data)``, it takes the additional data of each row, as in `CustomLoss`; those of a frame are a
        dict of columns. A loss of ``torch.nn.functional`` returns that of each element with ``reduction="none"``.
    gradient : callable, optional
        ``gradient(y_true, raw)``, the derivative d function / d raw, in the shape of raw. If None, that of PyTorch.
    curvature : callable, optional
        ``curvature(y_true, raw)``, the second derivative, in the shape of raw. For a rowwise loss,
        ``curvature(y_true, raw, v)``: the second derivative times v. If None, that of PyTorch.
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
        In use, if PyTorch is not installed.
    ValueError
        In use, if a function returns complex numbers or an unexpected shape.

    Examples
    --------
    >>> import numpy as np
    >>> import torch  # doctest: +SKIP
    >>> from sklearn_gd import GDRegressor
    >>> from sklearn_gd.interop import TorchLoss
    >>> def late_costs_more(y_true, raw):
    ...     late = y_true - raw
    ...     return torch.exp(late) - late
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> y = 2.0 * X[:, 0] + np.tile([1.0, -1.0], 10)
    >>> model = GDRegressor(loss=TorchLoss(late_costs_more), alpha=0.0).fit(X, y)  # doctest: +SKIP
    >>> print(model.coef_.round(2), model.intercept_.round(2))  # doctest: +SKIP
    [1.99] 0.54

    References
    ----------
    A. Paszke et al., PyTorch: An Imperative Style, High-Performance Deep Learning Library, 2019; B. Pearlmutter, Fast Exact
    Multiplication by the Hessian, 1994.
    """

    of_function = of_others = _OfTorch


# -- to PyTorch -------------------------------------------------------------------------------------------------------


def as_torch(loss: str | Loss | Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    r"""Return a loss of this package as a PyTorch function ``f(y_true, raw)``, to train any PyTorch model under it.

    .. math:: \ell(y, raw), \quad \frac{\partial \ell}{\partial raw}, \quad \frac{\partial^2 \ell}{\partial raw^2} v

    The value, its backward pass and the backward pass of that one are `value`, `gradient` and `curvature_product` of the loss,
    computed by NumPy in float64. y_true is a constant to them. A loss that takes additional data of each row is bound to those
    of the batch first, ``as_torch(loss.for_rows(data))``.

    Parameters
    ----------
    loss : str, Loss or callable
        A name, a loss, or a function of NumPy arrays ``f(y_true, raw)``, whose derivatives are then numerical.

    Returns
    -------
    callable
        For an elementwise loss, it takes y_true and raw of the same shape and returns the loss of each element; y_true is -1 or
        +1 for classification. For a rowwise loss, such as `MultinomialLogLoss`, y_true holds n codes, raw is of shape (n, K),
        and the loss of each row is returned. It has the dtype and the device of raw, and is differentiable twice.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        In use, if raw is no floating-point tensor.
    ValueError
        If the loss is unknown; in use, if y_true is outside the domain of the loss, or its shape is not that of raw.

    See Also
    --------
    TorchLoss : The other way: a PyTorch function as a loss of this package.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> from sklearn_gd.interop import as_torch
    >>> from sklearn_gd.losses import Quantile
    >>> criterion = as_torch(Quantile(0.8))  # doctest: +SKIP
    >>> raw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)  # doctest: +SKIP
    >>> criterion(torch.tensor([2.0, 2.5, 1.0]), raw).sum().backward()  # doctest: +SKIP
    >>> raw.grad  # doctest: +SKIP
    tensor([-0.8000, -0.8000,  0.2000])

    References
    ----------
    A. Paszke et al., PyTorch: An Imperative Style, High-Performance Deep Learning Library, 2019.
    """
    library("torch")
    checked = get_loss(loss)
    # A loss that has seen a target or data, such as `loss_` of a fitted model, knows more than its copy.
    return _Criterion(loss if isinstance(loss, Loss) else checked)


@dataclass(frozen=True)
class _Criterion:
    """A loss as a function of tensors."""

    loss: Loss

    def __call__(self, y_true: Any, raw: Any) -> Any:
        torch = library("torch")
        if not (torch.is_tensor(raw) and raw.is_floating_point()):
            raise TypeError(f"raw={raw!r}: expected a tensor of floating-point numbers.")
        y_true = torch.as_tensor(y_true, device="cpu")
        if self.loss.rowwise:
            return _value().apply(self.loss, y_true, raw)
        if y_true.shape != raw.shape:
            raise ValueError(f"y_true has shape {tuple(y_true.shape)}: expected that of raw, {tuple(raw.shape)}.")
        columns = raw.reshape(-1, raw.shape[-1] if raw.ndim > 1 else 1)
        return _value().apply(self.loss, y_true.double().reshape(columns.shape), columns).reshape(raw.shape)


@cache
def _value() -> Any:
    """Return the value of a loss as a function of (loss, y, raw) that is differentiable twice in raw."""
    function: Any = library("torch").autograd.Function

    class OfLoss(function):
        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.loss, *tensors = inputs
            ctx.save_for_backward(*tensors)

    class Value(OfLoss):
        @staticmethod
        def forward(loss: Loss, y: Any, raw: Any) -> Any:
            _check(loss, _array(y), raw.shape)
            return _like(raw, loss.value(_array(y), _array(raw)))

        @staticmethod
        def backward(ctx: Any, weight: Any) -> Any:
            weight = weight[:, None] if ctx.loss.rowwise else weight
            return None, None, weight * Gradient.apply(ctx.loss, *ctx.saved_tensors)

    class Gradient(OfLoss):
        @staticmethod
        def forward(loss: Loss, y: Any, raw: Any) -> Any:
            return _like(raw, loss.gradient(_array(y), _array(raw)))

        @staticmethod
        def backward(ctx: Any, v: Any) -> Any:
            return None, None, CurvatureProduct.apply(ctx.loss, *ctx.saved_tensors, v)

    class CurvatureProduct(OfLoss):
        @staticmethod
        def forward(loss: Loss, y: Any, raw: Any, v: Any) -> Any:
            return _like(raw, loss.curvature_product(_array(y), _array(raw), _array(v)))

        @staticmethod
        def backward(ctx: Any, *_: Any) -> Any:
            raise NotImplementedError(f"{ctx.loss.name} in PyTorch has two derivatives: expected no third one.")

    return Value


def _check(loss: Loss, y: Array, shape: tuple[int, ...]) -> None:
    """Raise ValueError if y is outside the domain of a loss with raw of this shape."""
    if loss.rowwise and (len(shape) != 2 or len(y) != shape[0]):
        raise ValueError(f"raw has shape {tuple(shape)}: expected ({len(y)}, K), K numbers for each row of y_true.")
    loss.check_target(y)
    if loss.task == "classification" and not loss.rowwise:
        _check_classes(loss, y, (np.abs(y) == 1) | np.isnan(y), "-1 or +1")
    elif loss.task == "classification" and y.ndim == 1:
        last = loss.inverse_link(np.zeros((1, shape[1]))).shape[1] - 1
        _check_classes(loss, y, (y >= 0) & (y <= last), f"codes from 0 to {last}")


def _check_classes(loss: Loss, y: Array, legal: Array, expected: str) -> None:
    if not legal.all():
        raise ValueError(f"y_true holds {y[~legal][0]:g}: {loss.name} expects {expected}.")


def _array(tensor: Any) -> Array:
    tensor = tensor.detach().cpu()
    return np.asarray(tensor.double() if tensor.is_floating_point() else tensor)


def _like(tensor: Any, array: Array) -> Any:
    """Return an array as a tensor of the dtype and on the device of another."""
    return _tensor(array).to(tensor.dtype).to(tensor.device)
