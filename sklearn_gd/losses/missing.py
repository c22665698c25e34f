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
    predict_from : callable or Loss, optional
        The inverse link, from raw to predictions, or a loss of this package that predicts in the same way. If None, the
        identity.
    facts : dict, optional
        What the loss declares, by attribute name.
    """

    def __init__(
        self,
        title: str,
        reason: str = "",
        predict_from: Callable[[Array], Any] | Loss | None = None,
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

    @property
    def _alike(self) -> Loss | None:
        return self.predict_from if isinstance(self.predict_from, Loss) else None

    @property
    def has_distribution(self) -> bool:
        """Whether the loss that predicts in the same way has a distribution."""
        return self._alike is not None and self._alike.has_distribution

    @property
    def has_interval(self) -> bool:
        """Whether the loss that predicts in the same way has intervals."""
        return self._alike is not None and self._alike.has_interval

    def distribution(self, raw: Array) -> Any:
        return self._alike.distribution(raw) if self._alike else super().distribution(raw)

    def interval(self, raw: Array, coverage: float) -> Array:
        return self._alike.interval(raw, coverage) if self._alike else super().interval(raw, coverage)

    def scores(self, raw: Array) -> Array:
        return self._alike.scores(raw) if self._alike else raw

    def inverse_link(self, raw: Array) -> Array:
        if self.predict_from is None:
            return raw
        if self._alike is not None:
            return self._alike.inverse_link(raw)
        return np.asarray(self.predict_from(raw), dtype=np.float64).reshape(len(raw), -1)
