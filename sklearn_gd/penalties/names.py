"""Parameters keyed by feature names, patterns or column numbers, resolved to the columns of X."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array

__all__ = ["DefaultNames", "by_feature", "by_name", "columns_of", "not_named", "numbers"]

# How many feature names an error message lists.
SHOWN = 5

REMEDY = (
    " X came without feature names: pass a data frame whose column names are strings. In a pipeline, "
    "pipeline.set_output(transform='pandas') keeps the names, and OneHotEncoder needs sparse_output=False for it; for sparse "
    "columns, pass penalty.named(names) with the names of get_feature_names_out()."
)


class DefaultNames(Sequence[str]):
    """The names of columns without names, as `get_feature_names_out` of scikit-learn has them: x0, x1, ...

    They are made when they are read, because there may be a million columns and no penalty that reads them.
    """

    def __init__(self, n_features: int) -> None:
        self._columns = range(n_features)

    def __len__(self) -> int:
        return len(self._columns)

    def __getitem__(self, column: Any) -> Any:
        return f"x{self._columns[column]}"


def columns_of(keys: Sequence[Any], names: Sequence[str] | Array, argument: str) -> list[list[int]]:
    """Return the column numbers of each key: a feature name, a column number, or else a shell-style pattern.

    No column has two keys: a name or a number wins over a pattern, and of several patterns the first one wins.

    Raises
    ------
    ValueError
        If a key matches no column, or two names or numbers are the same column.
    """
    places: dict[Any, list[int]] = {j: [j] for j in range(len(names))}
    for j, name in enumerate(names):
        places.setdefault(str(name), []).append(j)
    exact, owner = [places.get(key, []) for key in keys], dict[int, Any]()
    for key, columns in zip(keys, exact, strict=True):
        for j in columns:
            if j in owner:
                raise ValueError(f"{argument}: {owner[j]!r} and {key!r} are the same column: expected each column once.")
            owner[j] = key
    return [columns or _matching(key, names, owner, argument) for key, columns in zip(keys, exact, strict=True)]


def _matching(pattern: Any, names: Sequence[str] | Array, owner: dict[int, Any], argument: str) -> list[int]:
    """Return the columns that match a pattern and have no key yet, and note it as their key."""
    matches = [j for j, name in enumerate(names) if isinstance(pattern, str) and fnmatchcase(str(name), pattern)]
    if not matches:
        raise ValueError(_unknown(pattern, names, argument))
    free = [j for j in matches if j not in owner]
    owner.update(dict.fromkeys(free, pattern))
    return free


def _unknown(key: Any, names: Sequence[str] | Array, argument: str) -> str:
    known = [str(name) for name in names]
    hint = "".join(f" Did you mean {near!r}?" for near in get_close_matches(str(key), known, 1))
    shown = ", ".join(map(repr, known[:SHOWN])) + (f" and {len(known) - SHOWN} more" if len(known) > SHOWN else "")
    remedy = REMEDY if isinstance(names, DefaultNames) else ""
    return f"{argument}: no feature is named {key!r}, or matches it.{hint} The features are {shown}.{remedy}"


def by_name(given: Any) -> Mapping[Any, Any] | None:
    """Return what is keyed by names, a dict or a pandas Series, as a mapping; None for anything else."""
    if isinstance(given, Mapping):
        return given
    return dict(given.items()) if hasattr(given, "items") and hasattr(given, "index") else None


def by_feature(given: Mapping[Any, float], names: Sequence[str] | Array, neutral: float, argument: str) -> Array:
    """Return one number per feature from numbers by name; `neutral` for a feature without one."""
    result = np.full(len(names), neutral, dtype=float)
    for columns, number in zip(columns_of(list(given), names, argument), given.values(), strict=True):
        result[columns] = number
    return result


def numbers(given: ArrayLike | Mapping[Any, float]) -> Array:
    """Return the numbers of a parameter that is a number, one number per feature, or numbers by name."""
    return np.asarray(list(given.values()) if isinstance(given, Mapping) else given, dtype=float)


def not_named(argument: str) -> ValueError:
    """Return the error for the use of a penalty before its feature names are resolved."""
    return ValueError(f"{argument} is keyed by feature names: call named(names) of the penalty first, as fit does.")
