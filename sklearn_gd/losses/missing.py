"""The stand-in for a loss whose code is not there: predictions need its link alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import Array
from .base import Loss

__all__ = ["MissingLoss"]


class MissingLoss(Loss):
    """A loss whose code cannot be imported, as in another process: it predicts, and whatever else it is asked for is refused.

    Parameters
    ----------
    title : str
        The name of the loss.
    reason : str
        Why it is missing.
    predict_from : callable, optional
        The inverse link, from raw to predictions. If None, the identity.
    facts : dict, optional
        What the loss declares, by attribute name.
    """

    def __init__(
        self,
        title: str,
        reason: str = "",
        predict_from: Callable[[Array], Any] | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.title = title
        self.reason = reason
        self.predict_from = predict_from
        self.facts = facts
        self.__dict__.update(facts or {})

    @property
    def name(self) -> str:
        return self.title

    def check_parameters(self) -> None:
        raise ValueError(
            f"The code of the loss {self.title} is not there ({self.reason}): predictions do not need it, and everything else "
            "does. Make it importable under its name, or set loss=... anew."
        )

    def value(self, y: Array, raw: Array) -> Array:
        self.check_parameters()
        return np.empty(0)

    def inverse_link(self, raw: Array) -> Array:
        if self.predict_from is None:
            return raw
        return np.asarray(self.predict_from(raw), dtype=np.float64).reshape(len(raw), -1)
