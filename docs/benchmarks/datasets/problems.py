"""Every problem of every row, by its full name "row.name"."""

from benchmark_utils import ROWS, problem, problems
from benchopt import BaseDataset


class Dataset(BaseDataset):
    """One of the problems that benchmark_utils/rows.py lists."""

    name = "data"
    parameters = {"problem": [f"{row}.{name}" for row in ROWS for name, _ in problems(row)]}

    def get_data(self):
        """Build it, or load it from disk."""
        return {"problem": problem(self.problem)}
