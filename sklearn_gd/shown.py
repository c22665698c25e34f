"""The representation of estimators and their parts, as text and in a notebook."""

from __future__ import annotations

from functools import cache, partial
from importlib import metadata
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["Documented", "called", "shown"]


class Documented(BaseEstimator):
    """An estimator or part whose representation in a notebook links to its page of the API reference.

    The address of the documentation is that in the metadata of the package; without one, there is no link.
    """

    # The hooks of scikit-learn's representation in a notebook.
    _doc_link_module = __name__.partition(".")[0]

    @property
    def in_words(self) -> str:
        """A text shorter than the class name and parameters, if there is one."""
        return ""

    @property
    def _doc_link_template(self) -> str:
        address = _address()
        return f"{address.rstrip('/')}/api/generated/{{name}}.html" if address else ""

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        package, _, inner = type(self).__module__.partition(".")
        room = inner.partition(".")[0]
        public = package if room in ("estimators", "training") else f"{package}.{room}"
        return {"name": f"{public}.{type(self).__name__}"}

    def _get_params_html(self, deep: bool = True, doc_link: str = "") -> Any:
        return super(Documented, _by_words(self))._get_params_html(deep, doc_link)


@cache
def _address() -> str:
    """Return the address of the documentation; an empty string if there is none."""
    try:
        urls = metadata.metadata("sklearn-gd").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "")


class _Words:
    """A text that is shown in place of a value."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return self.words

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Words) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)


def called(function: Any) -> str:
    """Return the name of a function; for a `functools.partial`, with the arguments that it fixes."""
    if isinstance(function, partial):
        settled = [*map(repr, function.args), *(f"{name}={value!r}" for name, value in function.keywords.items())]
        return f"{called(function.func)}({', '.join(['...', *settled])})"
    return str(getattr(function, "__name__", type(function).__name__))


def shown(value: Any) -> Any:
    """Return what is shown for a parameter: a function, also within a part, by its name without an address."""
    if callable(value) and not isinstance(value, type | BaseEstimator):
        return _Words(called(value))
    if isinstance(value, Documented) and value.in_words:
        return _Words(value.in_words)
    return _by_words(value) if isinstance(value, Documented) else value


def _by_words(estimator: Any) -> Any:
    """Return an estimator with the same parameters, with functions replaced by their names."""
    result = object.__new__(type(estimator))
    result.__dict__.update(estimator.__dict__)
    result.__dict__.update({name: shown(value) for name, value in estimator.__dict__.items() if not name.endswith("_")})
    return result
