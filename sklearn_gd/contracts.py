"""Tools for the contract tests of custom parts: failures of checks, and the report."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

__all__ = ["Failure", "Skip", "checks_in", "copies", "demand", "report", "run"]


class Failure(AssertionError):
    """A check that failed."""


class Skip(Exception):
    """A check that does not apply."""


def demand(condition: Any, message: str) -> None:
    """Raise `Failure` with the message unless the condition holds."""
    if not condition:
        raise Failure(message)


def checks_in(namespace: Mapping[str, Any]) -> dict[str, Callable[[Any], str]]:
    """Return the checks that a module defines, in order: its functions ``check_<name>``, by name.

    Each takes the subject of the check. It returns its finding, raises `Skip`, or raises `Failure` with a message.
    """
    return {
        name.removeprefix("check_"): function
        for name, function in namespace.items()
        if name.startswith("check_") and function.__module__ == namespace["__name__"]
    }


def run(check: Callable[[Any], str], subject: Any) -> tuple[str, str]:
    """Return "passed", "failed" or "skipped", and the message."""
    try:
        with np.errstate(all="ignore"):
            return "passed", check(subject)
    except Failure as failure:
        return "failed", str(failure)
    except Skip as reason:
        return "skipped", str(reason)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"


def report(
    kind: str, part: Any, checks: Mapping[str, Callable[[Any], str]], subject: Any, on_fail: str | None
) -> list[dict[str, Any]]:
    """Return one dict per check; if the first check fails, the others, which depend on it, are skipped.

    Raises
    ------
    AssertionError
        At the first failure, with ``on_fail="raise"``.
    """
    entries: list[dict[str, Any]] = []
    for name, check in checks.items():
        if entries and entries[0]["status"] == "failed":
            status, message = "skipped", f"it rests upon the check {entries[0]['check_name']!r}, which failed"
        else:
            status, message = run(check, subject)
        entries.append({kind: part, "check_name": name, "status": status, "message": message})
        if status == "failed" and on_fail == "raise":
            raise Failure(f"{name}: {message}")
        if status == "failed" and on_fail == "warn":
            warnings.warn(f"{name}: {message}", UserWarning, stacklevel=3)
    return entries


def copies(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield the clone of a part and its copy by pickle, with their names.

    Raises
    ------
    Skip
        If it cannot be pickled.
    """
    yield "clone", clone(part)
    try:
        pickled = pickle.dumps(part)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise Skip(f"it cannot be pickled ({error}): define it at the top level of a module") from None
    yield "pickle", pickle.loads(pickled)
