"""A problem: data, loss and penalty, all that a solver has to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

CLASSIFICATION = ("log_loss", "hinge", "squared_hinge")


class Missing(Exception):
    """The data are not installed here; the message says what to install."""


@dataclass
class Problem:
    """Minimise mean loss(y, X w + b) + alpha * penalty(w).

    `parameter` is the loss's own: quantile's level, tweedie's power, epsilon. Classes are 0, 1, ... in y. Constants as in
    docs/losses.md; l2 is |w|^2 / 2, elasticnet l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2.
    """

    X: Any
    y: np.ndarray
    loss: str
    parameter: float | None = None
    penalty: str = "l2"
    l1_ratio: float = 0.0
    alpha: float = 1e-4
    fit_intercept: bool = True

    @property
    def n_classes(self) -> int:
        """How many classes y has; 0 for a regression."""
        return int(self.y.max()) + 1 if self.loss in CLASSIFICATION else 0


def largest_alpha(X: Any, y: np.ndarray, loss: str, l1_ratio: float, fit_intercept: bool) -> float:
    """The smallest alpha at which all weights are zero, for squared error and binary log loss."""
    constant = y.mean() if fit_intercept else 0.5 * (loss == "log_loss")
    return float(np.abs(X.T @ (y - constant)).max() / (len(y) * l1_ratio))
