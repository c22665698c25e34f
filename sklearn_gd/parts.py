"""The base class of losses, penalties, models and solvers, with parameter ranges, and tables from names to objects."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from sklearn.base import clone

from .shown import Documented

__all__ = ["Part", "Table", "same"]


class Part(Documented):
    """A pluggable part of an estimator: configuration only, never modified by ``fit``.

    ``ranges`` maps a parameter to a description and a test of legal values. They are checked in ``fit``, not in ``__init__``:
    ``clone``, ``set_params`` and a grid search may pass through invalid states in between.
    """

    ranges: ClassVar[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {}

    def check_parameters(self) -> None:
        """Raise ValueError for the first parameter outside its range."""
        for name, (expected, test) in self.ranges.items():
            value = getattr(self, name)
            try:
                legal = bool(test(value))
            except (TypeError, ValueError):
                legal = False
            if not legal:
                raise ValueError(f"{type(self).__name__}({name}={value!r}): expected {expected}.")


def same(first: Any, second: Any) -> bool:
    """Tell whether two parts have the same class and parameters, even after one of them was pickled."""
    if isinstance(first, Part) and isinstance(second, Part):
        ours, theirs = first.get_params(deep=False), second.get_params(deep=False)
        return type(first) is type(second) and all(same(ours[name], theirs[name]) for name in ours)
    return first is second or (callable(first) and first == second) or repr(first) == repr(second)


PartType = TypeVar("PartType", bound=Part)


class Table(dict[str, type[PartType]]):
    """The names of a kind of part, and the function from a name or an object to a part.

    Parameters
    ----------
    argument : str
        Name of the parameter of the estimators.
    base : type
        The base class of the parts.
    names : mapping of str to type
    aliases : mapping of str to str
        Common other names, for the error message.
    also : sequence of str, default=()
        Other values that the parameter accepts.
    """

    def __init__(
        self,
        argument: str,
        base: Any,
        names: Mapping[str, type[PartType]],
        aliases: Mapping[str, str],
        also: Sequence[str] = (),
    ) -> None:
        super().__init__(names)
        self.argument, self.base, self.aliases, self.also = argument, base, aliases, also

    def resolve(self, given: Any) -> PartType:
        """Return a fresh, checked part for a name, or for an object of the right kind.

        Raises
        ------
        ValueError
            For an unknown name (the message lists the known ones and suggests the nearest), or a parameter out of range.
        TypeError
            For an object that is neither a name nor a part of this kind.
        """
        argument, part = self.argument, given
        if isinstance(given, str):
            if given not in self:
                known = ", ".join(repr(name) for name in [*self.also, *self])
                near = self.aliases.get(given.lower()) or next(iter(difflib.get_close_matches(given.lower(), self, 1)), None)
                hint = f" Did you mean {near!r}?" if near else ""
                raise ValueError(f"Unknown {argument}={given!r}.{hint} The known names are {known}.")
            part = self[given]()
        elif inspect.isclass(given) and issubclass(given, self.base):
            raise TypeError(f"{argument}={given.__name__} is a class: pass an object, {argument}={given.__name__}().")
        elif isinstance(given, self.base):
            part = clone(given)
        else:
            raise TypeError(f"{argument} must be a name or a {self.base.__name__}; got {given!r} ({type(given).__name__}).")
        part.check_parameters()
        return part
