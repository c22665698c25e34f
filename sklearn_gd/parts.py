"""What losses, penalties, models, solvers share: parameters, their ranges, and the way from a name to an object."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from sklearn.base import BaseEstimator, clone

__all__ = ["Part", "resolve", "same"]


class Part(BaseEstimator):
    """A pluggable part of an estimator: configuration only, never written on by ``fit``.

    ``ranges`` maps a parameter to the sentence and the test that a legal value meets. It is checked in ``fit``, not in
    ``__init__``, so that ``clone``, ``set_params`` and a grid search can pass through any state in between.
    """

    ranges: ClassVar[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {}

    def check_parameters(self) -> None:
        """Raise ValueError for the first parameter outside its declared range."""
        for name, (expected, test) in self.ranges.items():
            value = getattr(self, name)
            try:
                legal = bool(test(value))
            except (TypeError, ValueError):
                legal = False
            if not legal:
                raise ValueError(f"{type(self).__name__}({name}={value!r}): expected {expected}.")


def same(first: Any, second: Any) -> bool:
    """Tell whether two parts are of a kind with the same parameters, also after one of them was pickled."""
    if isinstance(first, Part) and isinstance(second, Part):
        ours, theirs = first.get_params(deep=False), second.get_params(deep=False)
        return type(first) is type(second) and all(same(ours[name], theirs[name]) for name in ours)
    return first is second or (callable(first) and first == second) or repr(first) == repr(second)


PartType = TypeVar("PartType", bound=Part)


def resolve(
    given: Any,
    table: Mapping[str, type[PartType]],
    base: Any,
    argument: str,
    aliases: Mapping[str, str],
    also: Sequence[str] = (),
) -> PartType:
    """Return a fresh, checked part for a name, or for an object of the right kind.

    Raises
    ------
    ValueError
        For an unknown name (the message lists the known ones, those in `also` too, and suggests the nearest), or a
        parameter out of range.
    TypeError
        For an object that is neither a name nor an instance of `base`.
    """
    part: PartType
    if isinstance(given, str):
        if given not in table:
            known = ", ".join(repr(name) for name in [*also, *table])
            near = aliases.get(given.lower()) or next(iter(difflib.get_close_matches(given.lower(), table, 1)), None)
            hint = f" Did you mean {near!r}?" if near else ""
            raise ValueError(f"Unknown {argument}={given!r}.{hint} The known names are {known}.")
        part = table[given]()
    elif inspect.isclass(given) and issubclass(given, base):
        raise TypeError(f"{argument}={given.__name__} is a class: pass an object, {argument}={given.__name__}().")
    elif isinstance(given, base):
        part = clone(given)
    else:
        raise TypeError(f"{argument} must be a name or a {base.__name__}; got {given!r} ({type(given).__name__}).")
    part.check_parameters()
    return part
