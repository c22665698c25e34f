"""The types that skops must trust to load fitted estimators: unlike pickle, it loads nothing else.

`SKOPS_TRUSTED` lists all of this package; what skops trusts itself, such as NumPy and scikit-learn, is not in it. Functions and
classes of your own, such as a custom loss, are added by name. `skops.io.get_untrusted_types` lists what a file contains.

Examples
--------
>>> from sklearn_gd.interop import SKOPS_TRUSTED
>>> "sklearn_gd.losses.regression.Huber" in SKOPS_TRUSTED
True
>>> import skops.io  # doctest: +SKIP
>>> skops.io.dump(model, "model.skops")  # doctest: +SKIP
>>> model = skops.io.load("model.skops", trusted=SKOPS_TRUSTED)  # doctest: +SKIP
>>> model = skops.io.load("own.skops", trusted=[*SKOPS_TRUSTED, "costs.late_costs_more"])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isabstract
from typing import Any

from ..estimators.base import GradientEstimator
from ..estimators.sealed import Sealed
from ..losses import custom
from ..losses.numeric import Spacing
from ..losses.piecewise import Piecewise
from ..models import BoundModel
from ..parts import Part
from ..rows.base import ColumnMoments
from ..solvers import Plan, State
from ..solvers.stochastic.automatic_rate import AutomaticRate
from ..training.fit import Memory
from .autograd.base import Differentiable

__all__ = ["SKOPS_TRUSTED"]

BASES: tuple[Any, ...] = (
    # The estimator and its parts; all that is listed in the tables is a part.
    GradientEstimator,
    Part,
    # How what the user has written is kept, and what was found of a custom loss.
    Sealed,
    Spacing,
    Piecewise,
    Differentiable,
    custom._linked,
    custom.CustomLoss._kinks,
    # What a later fit needs to continue.
    Memory,
    BoundModel,
    ColumnMoments,
    State,
    Plan,
    AutomaticRate,
)


def _with_subclasses(kind: Any) -> Iterator[Any]:
    yield kind
    for subclass in getattr(kind, "__subclasses__", tuple)():
        yield from _with_subclasses(subclass)


def _trusted() -> list[str]:
    """Return the names, without those of abstract classes and of classes that a user has derived."""
    package = __name__.partition(".")[0] + "."
    kinds = {kind for base in BASES for kind in _with_subclasses(base) if not isabstract(kind)}
    return sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith(package))


SKOPS_TRUSTED = _trusted()
