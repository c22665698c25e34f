"""Early stopping: when the loss is good enough, or when held-out rows no longer improve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.model_selection import check_cv, train_test_split

from ..arrays import Array
from ..parts import Part
from ..solvers.base import State

__all__ = ["EarlyStopping", "Stopper"]

# Iterations without improvement after which a fit stops.
USUAL = 5


class EarlyStopping(Part):
    """A rule for when to stop a fit early.

    Parameters
    ----------
    validation_fraction : float or None, default=0.1
        Proportion of the rows to hold out. For classifiers, rows in memory are split by class (stratified). If None, no rows
        are held out, and the objective of the training rows is monitored instead. Not used if ``X_val`` is passed to ``fit``,
        or with `cv`.
    patience : int or None, default=None
        Number of consecutive iterations (epochs for a stochastic solver) without improvement after which the fit stops. If
        None, 5; with a `threshold`, no limit.
    min_delta : float, default=0
        Smallest decrease of the monitored loss that counts as an improvement, in units of the loss; with `scoring`, the
        smallest increase of the score.
    threshold : float or None, default=None
        Stop as soon as the loss is at or below this value. The loss is the validation loss or, without validation rows, the
        training objective.
    scoring : str, callable or None, default=None
        Scorer of the held-out rows to monitor instead of the loss, as in `sklearn.metrics.check_scoring`; larger is better.
    restore_best : bool, default=True
        Whether to return the parameters of the best iteration instead of the last.
    cv : int, splitter or None, default=None
        Cross-validation splitter whose first split determines the held-out rows, such as ``GroupShuffleSplit()`` with
        ``fit(..., groups=groups)``.

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
        """Return which of the given rows are for training and which are held out; None if none are held out.

        Raises
        ------
        ValueError
            If one of the two sets would be empty.
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
    """The watcher that applies an `EarlyStopping` rule and measures the validation rows.

    Parameters
    ----------
    rule : EarlyStopping or None
        If None, only measure.
    loss : callable or None
        Maps a state to its validation loss; None without validation rows.
    score : callable or None
        Maps a state to the score of the validation rows; None to monitor the loss.

    Attributes
    ----------
    measured : dict
        The latest measurements, by name.
    best : State or None
        The best state.
    least : float
        Its monitored loss, or minus its score.
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
        """Measure a state; return why to stop, or an empty string."""
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
