"""Support for scikit-learn's callbacks (version 1.9 and later), with one task per iteration of a fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..solvers.base import State

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """An empty class, before scikit-learn 1.9."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method unchanged."""
        return method


__all__ = ["CallbackSupportMixin", "Tasks", "has_callbacks", "with_callbacks"]


def has_callbacks(estimator: Any) -> bool:
    """Tell whether the estimator has callbacks; without them, a context per iteration would cost too much time."""
    return bool(getattr(estimator, "_skl_callbacks", ()))


class Tasks:
    """The watcher that reports each iteration, and each pass over a stream, to the callbacks of an estimator.

    Any callback may end the fit.

    Parameters
    ----------
    estimator : GDRegressor or GDClassifier
    X : any
        The training data, as given by the user.
    """

    def __init__(self, estimator: Any, X: Any) -> None:
        self.estimator, self.data = estimator, {"X": X, "y": None, "metadata": {"sample_weight": None}}
        self.context: Any = None
        self.fit_at: Callable[[State], Any] | None = None
        self.last: State | None = None
        self.stopped = False

    def show(self, X: Any, y: Any, weight: Any) -> None:
        """Pass validated rows to the callbacks from now on."""
        self.data = {"X": X, "y": y, "metadata": {"sample_weight": weight}}

    def begin(self, max_iter: int | None, fit_at: Callable[[State], Any] | None = None) -> Tasks:
        """Begin to report, once: `max_iter` iterations, None if unknown; `fit_at` maps a state to its fit."""
        self.fit_at = fit_at
        if self.context is None:
            self.context = self.estimator._init_callback_context(max_subtasks=max_iter)
            self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return self

    def over(self, batches: Iterable[Any], total: int | None) -> Iterator[Any]:
        """Iterate over the batches of a pass and report each; `total` is their number, None if unknown."""
        root = self.begin(None, self.fit_at).context
        task = root.subcontext(task_name="pass", max_subtasks=total)
        task.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        for batch in batches:
            yield batch
            part = task.subcontext(task_name="batch")
            part.call_on_fit_task_begin(estimator=self.estimator, **self.data)
            self._end(part, None)
        self._end(task, None)

    def __call__(self, state: State) -> str:
        """Report an iteration; return why to stop, or an empty string."""
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
        assert self.fit_at is not None
        fit = self.fit_at(state)
        return {**fit.public, "_last_fit": fit}
