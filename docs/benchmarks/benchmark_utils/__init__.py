"""What the benchmark's parts share: `problems(row)` lists the data, `Problem` is one of them."""

from .problem import Missing, Problem
from .rows import ROWS, TARGETS, problem, problems

__all__ = ["ROWS", "TARGETS", "Missing", "Problem", "problem", "problems"]
