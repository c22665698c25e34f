"""scikit-learn's own callbacks (from 1.9 on; before, there are none): a task for each iteration of a fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..solvers.base import State

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing, before scikit-learn 1.9."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Tasks", "has_callbacks", "with_callbacks"]


def has_callbacks(estimator: Any) -> bool:
    """Tell whether the estimator was given callbacks: a context for each iteration costs too much without."""
    return bool(getattr(estimator, "_skl_callbacks", ()))


class Tasks:
    """The watcher that reports each iteration to the callbacks of an estimator; any of them may end the fit.

    Parameters
    ----------
    estimator : GDRegressor or GDClassifier
    X, y, weight : ndarray
        The training data.
    max_iter : int or None
        The number of iterations to come; None if unknown.
    fit_at : callable
        From a state to the fit that it stands for.
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, weight: Any, max_iter: int | None, fit_at: Callable[[State], Any]
    ) -> None:
        self.estimator, self.fit_at = estimator, fit_at
        self.data = {"X": X, "y": y, "metadata": {"sample_weight": weight}}
        self.context = estimator._init_callback_context(max_subtasks=max_iter)
        self.context.call_on_fit_task_begin(estimator=estimator, **self.data)
        self.last: State | None = None
        self.stopped = False

    def __call__(self, state: State) -> str:
        """Report an iteration, and return why to stop, or an empty string."""
        first, self.last = self.last is None or state.iteration == 0, state
        if first:
            return ""
        task = self.context.subcontext(task_name="iteration")
        task.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        self.stopped = self._end(task, state)
        return "a callback asked for it" if self.stopped else ""

    def close(self) -> None:
        """Report the end of the fit."""
        self._end(self.context, self.last)

    def _end(self, task: Any, state: State | None) -> bool:
        attributes = (lambda: self._attributes(state)) if state is not None else None
        return bool(task.call_on_fit_task_end(estimator=self.estimator, **self.data, reconstruction_attributes=attributes))

    def _attributes(self, state: State) -> dict[str, Any]:
        """Return the attributes of an estimator that was fitted up to a state."""
        fit = self.fit_at(state)
        return {**fit.public, "_last_fit": fit}
