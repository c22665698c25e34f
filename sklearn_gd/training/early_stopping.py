"""Ending a fit before its optimum: at a loss that is good enough, or when held-out rows gain nothing more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.model_selection import check_cv, train_test_split

from ..arrays import Array
from ..parts import Part
from ..solvers.base import State

__all__ = ["EarlyStopping", "Stopper"]

# Iterations without a gain that end a fit.
USUAL = 5


class EarlyStopping(Part):
    """When to end a fit.

    Parameters
    ----------
    validation_fraction : float or None, default=0.1
        The share of the rows to hold out, for classifiers stratified by class. None holds out none: the objective of the
        training rows is watched. Not used when ``fit`` is given ``X_val``, or with `cv`.
    patience : int or None, default=None
        How many iterations (epochs, for a stochastic solver) in a row may gain nothing. None is 5, or as many as it takes when
        there is a threshold to wait for.
    min_delta : float, default=0
        The fall of the watched loss that counts as a gain, in units of the loss.
    threshold : float or None, default=None
        End as soon as the loss is not above this: the validation loss, or without validation rows the training objective.
    scoring : str, callable or None, default=None
        A scorer of held-out rows to watch instead of the loss, as `sklearn.metrics.check_scoring` takes it; larger is better.
    restore_best : bool, default=True
        Return the parameters of the best iteration, not of the last.
    cv : int, splitter or None, default=None
        Whose first split says which rows are held out, such as ``GroupShuffleSplit()`` with ``fit(..., groups=groups)``.

    References
    ----------
    L. Prechelt, Early Stopping - But When?, 1998.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_gd import EarlyStopping, GDRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GDRegressor(solver="gd", early_stopping=EarlyStopping(patience=3), random_state=0).fit(X, y)
    >>> model.stop_reason_
    'the validation loss gained nothing in 3 iterations'
    """

    ranges = {
        "validation_fraction": ("a number between 0 and 1, or None", lambda value: value is None or 0 < value < 1),
        "patience": ("an integer >= 1, or None", lambda value: value is None or (value >= 1 and int(value) == value)),
        "min_delta": ("a number >= 0", lambda value: 0 <= value < np.inf),
        "threshold": ("a number, or None", lambda value: value is None or bool(np.isfinite(value))),
        "restore_best": ("True or False", lambda value: value in (True, False)),
    }

    def __init__(
        self,
        validation_fraction: float | None = 0.1,
        patience: int | None = None,
        min_delta: float = 0.0,
        threshold: float | None = None,
        scoring: str | Callable[..., float] | None = None,
        restore_best: bool = True,
        cv: Any = None,
    ) -> None:
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.min_delta = min_delta
        self.threshold = threshold
        self.scoring = scoring
        self.restore_best = restore_best
        self.cv = cv

    def split(self, X: Any, y: Any, rows: Array, classes: bool, groups: Any, random_state: Any) -> tuple[Array, Array] | None:
        """Return which of the given rows are for training and which are held out; None when none are.

        Raises
        ------
        ValueError
            When no row would be left for one of the two.
        """
        if self.cv is not None:
            groups = None if groups is None else np.asarray(groups)[rows]
            train, held = next(check_cv(self.cv, y[rows], classifier=classes).split(X[rows], y[rows], groups))
            return rows[train], rows[held]
        if self.validation_fraction is None:
            return None
        train, held = train_test_split(
            rows, test_size=self.validation_fraction, stratify=y[rows] if classes else None, random_state=random_state
        )
        return train, held


class Stopper:
    """The watcher of an `EarlyStopping`, and of validation rows.

    Parameters
    ----------
    rule : EarlyStopping or None
        None only measures.
    loss : callable or None
        From a state to its validation loss; None without validation rows.
    score : callable or None
        From a state to the score of the validation rows; None to watch the loss.

    Attributes
    ----------
    measured : dict
        What was measured last.
    best : State or None
        The state that did best.
    least : float
        What it did: the loss watched, or minus the score.
    """

    def __init__(
        self,
        rule: EarlyStopping | None,
        loss: Callable[[State], float] | None = None,
        score: Callable[[State], float] | None = None,
    ) -> None:
        self.rule, self.loss, self.score = rule, loss, score
        self.measured: dict[str, float] = {}
        self.best: State | None = None
        self.least, self._gained = np.inf, 0

    def __call__(self, state: State) -> str:
        """Measure a state, and return why to stop, or an empty string."""
        if self.loss:
            self.measured = {"validation_loss": self.loss(state)}
        if self.score:
            self.measured["validation_score"] = self.score(state)
        loss = self.measured.get("validation_loss", state.value)
        watched = -self.measured["validation_score"] if self.score else loss
        if self.best is None or watched < self.least - (self.rule.min_delta if self.rule else 0.0):
            self.best, self.least, self._gained = state, watched, state.iteration
        if self.rule is None:
            return ""
        name = "score" if self.score else "loss"
        if self.rule.threshold is not None and loss <= self.rule.threshold:
            self.best = state
            return f"the {'validation loss' if self.loss else 'objective'} reached the threshold {self.rule.threshold:g}"
        patience = self.rule.patience or (USUAL if self.rule.threshold is None else np.inf)
        if state.iteration - self._gained >= patience:
            watched_name = f"validation {name}" if self.loss else "objective"
            return f"the {watched_name} gained nothing in {patience} iterations"
        return ""
