"""Pickling of what the user has written: functions without a module by value, and stand-ins where a module is missing."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from copy import deepcopy
from inspect import isabstract
from types import FunctionType
from typing import Any

from joblib import wrap_non_picklable_objects

from ..arrays import Array
from ..losses import Loss
from ..losses.missing import MissingLoss
from ..losses.wrapped import Wrapped
from ..parts import Part
from ..training.fit import Memory

__all__ = ["Missing", "Sealed", "is_foreign"]

# What these packages define can be imported wherever this one can.
AT_HOME = ("sklearn_gd", "sklearn", "numpy", "scipy", "builtins")
# What a prediction asks of a loss, besides its inverse link.
FACTS = ("task", "rowwise", "smooth", "convex", "probabilistic", "positive_only", "takes_data", "single_output")


def is_foreign(value: Any) -> bool:
    """Tell whether a value contains a function or an object that none of the packages at home defines."""
    if isinstance(value, Part):
        return _is_abroad(type(value)) or any(map(is_foreign, value.get_params(deep=False).values()))
    if isinstance(value, Memory):
        return is_foreign(value.key)
    if isinstance(value, Mapping):
        return any(map(is_foreign, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_foreign, value))
    return _is_abroad(value) if callable(value) else _is_abroad(type(value))


def _is_abroad(defined: Any) -> bool:
    module = getattr(defined, "__module__", None) or "builtins"
    nameless = isinstance(defined, FunctionType) and "<" in defined.__qualname__
    return nameless or module.partition(".")[0] not in AT_HOME


class Missing:
    """The stand-in for an object whose code is not there.

    Parameters
    ----------
    title : str
    reason : str
    """

    def __init__(self, title: str, reason: str = "") -> None:
        self.title, self.reason = title, reason

    def __getattr__(self, name: str) -> Any:
        title, reason = (self.__dict__.get(each, "") for each in ("title", "reason"))
        raise AttributeError(f"{name}: the code of {title} is not there ({reason}): make it importable under its name.")

    def __repr__(self) -> str:
        return f"<{self.title}, whose code is not there: {self.reason}>"

    def __call__(self, *arguments: Any) -> Any:
        raise ValueError(f"The code of {self.title} is not there ({self.reason}): make it importable under its name.")


class Sealed:
    """Values by name, pickled together by cloudpickle, which stores a function without an importable name by value.

    Where something that they refer to by name cannot be imported, they are replaced by stand-ins, which still predict.

    Parameters
    ----------
    values : dict
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (_by_value(self.values), {name: _stand_in(value) for name, value in self.values.items()})

    def __deepcopy__(self, memo: dict[int, Any]) -> Sealed:
        return Sealed(deepcopy(self.values, memo))


def _by_value(value: Any) -> bytes:
    """Return the pickle of a value by cloudpickle, which joblib brings along."""
    return pickle.dumps(wrap_non_picklable_objects(value, keep_wrapper=False))


def _opened(pickled: bytes, stand_ins: dict[str, Any]) -> Sealed:
    """Return the values, or their stand-ins."""
    try:
        return Sealed(pickle.loads(pickled))
    except Exception as error:  # whatever is missing
        reason = f"{type(error).__name__}: {error}"
        for stand_in in stand_ins.values():
            if isinstance(stand_in, (Missing, MissingLoss)):
                stand_in.reason = reason
        return Sealed(stand_ins)


def _stand_in(value: Any) -> Any:
    """Return what to use instead of a value whose code is not there."""
    if isinstance(value, dict):  # of the last fit: what predictions need
        kept = {name: part for name, part in value.items() if name != "memory"}
        return {name: _stand_in(part) if is_foreign(part) else part for name, part in kept.items()} | {"memory": None}
    if isinstance(value, Loss):
        facts = {name: getattr(value, name) for name in FACTS}
        return MissingLoss(value.name, predict_from=_link_alone(value), facts=facts)
    if callable(value) and not isinstance(value, Part):
        return MissingLoss(repr(getattr(value, "__name__", type(value).__name__)))
    return Missing(type(value).__name__)


def _link_alone(loss: Loss) -> Any:
    """Return the inverse link of a loss, or a loss of this package that has it; None for the identity."""
    if isinstance(loss, Wrapped):
        return _link_alone(loss.inner)
    kind, parameters = type(loss), loss.get_params(deep=False)
    if "inverse_link" in parameters:
        given = parameters["inverse_link"]
        return _Function(given) if is_foreign(given) else given
    for base in kind.__mro__:
        if not issubclass(base, Loss) or _is_abroad(base) or isabstract(base):
            continue
        if base.inverse_link is kind.inverse_link:
            alone: Any = object.__new__(base)
            vars(alone).update({name: value for name, value in vars(loss).items() if not is_foreign(value)})
            return alone
    if kind.inverse_link is Loss.inverse_link:
        return None
    return _Function(loss.inverse_link)


class _Function:
    """A function of the user's, pickled apart from the rest: it may be there where the rest is not."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, raw: Array) -> Any:
        return self.function(raw)

    def __reduce__(self) -> tuple[Any, ...]:
        return _function_from, (_by_value(self.function), getattr(self.function, "__name__", "inverse_link"))


def _function_from(pickled: bytes, title: str) -> Any:
    try:
        return _Function(pickle.loads(pickled))
    except Exception as error:  # whatever is missing
        return Missing(repr(title), f"{type(error).__name__}: {error}")
