"""The ladder of tolerances, told to whoever waits for it: every run is written to a file as soon as it is over."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from benchopt.stopping_criterion import StoppingCriterion

TOLERANCES = [10.0**-k for k in range(1, 13)]
REPEATS, SHORT = 3, 1.0  # a fit shorter than SHORT seconds is repeated
ENOUGH = 1e-8  # relative suboptimality at which a ladder ends


def family(solver: str) -> str:
    """The name of a solver without its parameters."""
    return solver.split("[")[0]


def tell(**event: Any) -> None:
    """Append an event to the file that the environment names."""
    path = os.environ.get("BENCHMARK_EVENTS")
    if path:
        with open(path, "a") as file:
            file.write(json.dumps(event) + "\n")


class Ladder(StoppingCriterion):
    """Fit with finer and finer tolerances.

    It ends when the fits took longer than the limit, three tolerances in a row brought nothing, or the lowest value that an
    unrelated solver reached is met to 1e-8 relative. A finer ladder would not change the score.
    """

    def __init__(self, strategy="tolerance", key_to_monitor=None, minimize=True):
        super().__init__(strategy=strategy, key_to_monitor=key_to_monitor, minimize=minimize)
        self.limit = float(os.environ.get("BENCHMARK_SECONDS", "20"))
        self.lowest, self.idle, self.repeat, self.total = math.inf, 0, 1, 0.0

    def init_stop_val(self):
        """The first tolerance."""
        return TOLERANCES[0]

    def should_stop(self, stop_val, objective_list):
        """Record the last run and choose the next tolerance: (stop, status, tolerance)."""
        run = objective_list[-1]
        seconds, value, constant = run["time"], run["objective_value"], run["objective_constant"]
        told = {"seconds": seconds, "value": value, "constant": constant, "warned": run["objective_warned"]}
        tell(event="run", solver=str(self.solver), tolerance=None if self.solver.once else stop_val, **told)
        self.total += seconds
        if seconds < SHORT and self.repeat < REPEATS:
            self.repeat += 1
            return False, "running", stop_val
        self.repeat = 1
        best = json.loads(os.environ.get("BENCHMARK_BEST", "{}"))
        mine = family(str(self.solver))
        others = min((reached for name, reached in best.items() if name != mine), default=-math.inf)
        scale = constant - min(self.lowest, value, *best.values())
        gained = value < self.lowest - 1e-9 * scale
        self.lowest = min(self.lowest, value)
        self.idle = 0 if gained or stop_val > 1e-4 else self.idle + 1
        if math.isfinite(self.lowest):
            os.environ["BENCHMARK_BEST"] = json.dumps(best | {mine: min(best.get(mine, math.inf), self.lowest)})
        reason = None
        if value - others <= ENOUGH * scale:
            reason = "optimum"
        elif self.idle == 3 or self.solver.once or stop_val <= TOLERANCES[-1]:
            reason = "no progress"
        elif self.total > self.limit:
            reason = "time"
        if reason:
            tell(event="end", solver=str(self.solver), reason=reason)
            return True, "done", stop_val
        return False, "running", TOLERANCES[TOLERANCES.index(stop_val) + 1]
