"""What watches a fit: printing, for now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .solvers.base import State

__all__ = ["Monitor"]


class Monitor:
    """Print the iteration, the objective, the optimality and the step length at every `every`-th iteration; 0 is silent.

    Examples
    --------
    >>> from sklearn_gd import GDRegressor
    >>> model = GDRegressor(verbose=1).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])  # doctest: +ELLIPSIS
    iteration      objective  optimality        step
            0 ...
            1 ...
    """

    def __init__(self, every: int) -> None:
        self.every = every

    def __call__(self, iteration: int, state: State, last: bool = False) -> None:
        """Take note of an iteration."""
        if not self.every or (iteration % self.every and not last):
            return
        if iteration == 0:
            print(f"{'iteration':>9}{'objective':>15}{'optimality':>12}{'step':>12}")
        print(f"{iteration:>9d}{state.value:>15.8g}{state.optimality:>12.2e}{state.step:>12.3g}")
