"""Run the benchmark: `python docs/benchmarks/run.py`. Needs `pip install -e ".[bench]"`.

Each problem has a process of its own, in which benchopt runs every solver over its ladder of tolerances. This process watches
the clock: a fit that takes longer than --max-seconds is ended, noted, and the next solver has its turn.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# One thread for all alike: the libraries look at these when they are imported.
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR", "VECLIB_MAXIMUM")
if any(os.environ.get(f"{name}_NUM_THREADS") != "1" for name in THREADS):
    one = {f"{name}_NUM_THREADS": "1" for name in THREADS}
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **one})

import defaults  # noqa: E402
import report  # noqa: E402
from benchmark_utils import ROWS, TARGETS, Missing, problems  # noqa: E402
from benchmark_utils.ladder import family, tell  # noqa: E402

HERE = Path(__file__).resolve().parent
PREPARE = 120.0  # seconds allowed to load, convert and compile


def work(name: str, only_ours: bool, skip: set[str]) -> None:
    """Inside the problem's process: benchopt runs ours, then the rivals, but for those in skip."""
    from benchopt import run_benchmark
    from benchopt.benchmark import Benchmark, _list_parametrized_classes

    solvers = _list_parametrized_classes(*Benchmark(HERE).check_solver_patterns(None))
    found = []
    for solver, installed in solvers:
        if installed:
            found.append(str(solver))
        else:
            tell(event="failure", solver=str(solver), message="not installed")
    ours = [solver for solver in found if solver.startswith("sklearn_gd") and solver not in skip]
    rivals = [solver for solver in found if not solver.startswith("sklearn_gd") and solver not in skip]
    for group in (ours, [] if only_ours else rivals):
        if group:
            output = os.path.join(tempfile.gettempdir(), f"benchmark-{os.getpid()}.parquet")
            fixed = {"plot_result": False, "no_cache": True, "show_progress": False, "max_runs": 1000}
            with contextlib.suppress(RuntimeError):  # every solver that is left refuses the problem
                run_benchmark(HERE, solver_names=group, dataset_names=[f"data[problem={name}]"], output_file=output, **fixed)


def watch(name: str, arguments: argparse.Namespace, best: dict[str, float]) -> list[dict]:
    """The events of one problem; solvers that take too long are ended. `best` holds what each family is known to reach."""
    events: list[dict] = []
    skip: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        path, log = Path(folder) / "events.jsonl", Path(folder) / "log.txt"
        path.touch()
        environment = {**os.environ, "BENCHMARK_EVENTS": str(path), "BENCHMARK_SECONDS": str(arguments.max_seconds)}
        environment["BENCHMARK_BEST"] = json.dumps(best)
        while True:
            command = [sys.executable, str(HERE / "run.py"), "--work", name, "--skip", json.dumps(sorted(skip))]
            with log.open("w") as output:
                process = subprocess.Popen(
                    command + ["--ours"] * arguments.ours, env=environment, stdout=output, stderr=subprocess.STDOUT
                )
                late = follow(process, path, arguments.max_seconds)
            events = [json.loads(line) for line in path.read_text().splitlines()]
            reached = [event for event in events if event["event"] == "run" and math.isfinite(event["value"])]
            for event in reached:
                best[family(event["solver"])] = min(best.get(family(event["solver"]), math.inf), event["value"])
            environment["BENCHMARK_BEST"] = json.dumps(best)
            if late is None or late["solver"] == "all":
                events += [late] * (late is not None)
                if process.returncode and not reached:
                    events.append({"event": "failure", "solver": "all", "message": log.read_text()[-500:]})
                return events
            skip |= {event["solver"] for event in events}
            with path.open("a") as file:
                file.write(json.dumps(late) + "\n")


def follow(process: subprocess.Popen, path: Path, limit: float) -> dict | None:
    """Wait for the process; end it when a fit is late, and return that failure."""
    began, last, seen = time.monotonic(), None, path.stat().st_size
    while process.poll() is None:
        time.sleep(0.05)
        size = path.stat().st_size
        if size != seen:
            last = json.loads(path.read_text().splitlines()[-1])
            began, seen = time.monotonic(), size
        fitting = last is not None and last["event"] == "start"
        waited = time.monotonic() - began
        if waited > (limit if fitting else PREPARE):
            process.kill()
            process.wait()
            late = last or {"solver": "all"}
            what = f"more than {limit:g} s" if fitting else f"more than {PREPARE:g} s to prepare"
            return {"event": "failure", "solver": late["solver"], "tolerance": late.get("tolerance"), "message": what}
    if process.returncode and process.returncode < 0 and last is not None:
        message = f"the process died (signal {-process.returncode})"
        return {"event": "failure", "solver": last["solver"], "tolerance": last.get("tolerance"), "message": message}
    return None


def summary(events: list[dict]) -> dict:
    """Events as what is stored: per solver its runs [tolerance, seconds, objective, warned] and its failures."""
    solvers: dict[str, dict] = {}
    constant = None
    for event in events:
        if event["event"] in ("prepare", "start"):
            continue
        entry = solvers.setdefault(event["solver"], {"repeats": {}, "failures": [], "ended": "failure"})
        if event["event"] == "failure":
            at = event.get("tolerance")
            entry["failures"].append(event["message"] + (f" at tolerance {at:g}" if at else ""))
        elif event["event"] == "end":
            entry["ended"] = event["reason"]
        elif event["event"] == "run":
            constant = event["constant"]
            entry["repeats"].setdefault(event["tolerance"], []).append(event)
    for entry in solvers.values():
        entry["runs"] = [
            [tolerance, statistics.median(run["seconds"] for run in runs), runs[-1]["value"], runs[-1]["warned"]]
            for tolerance, runs in entry.pop("repeats").items()
        ]
    return {"constant": constant, "solvers": solvers}


def run_row(row: str, arguments: argparse.Namespace) -> None:
    """Run a row's problems and keep the results; with --ours those of rivals stay."""
    stored = report.load(row)
    for name, build in problems(row):
        if arguments.problem and name not in arguments.problem:
            continue
        try:
            shape = list(build().X.shape)
        except Missing as missing:
            print(f"{row} {name}: left out, {missing}", flush=True)
            continue
        began = time.monotonic()
        old = stored[name]["solvers"] if arguments.ours and name in stored else {}
        kept = {solver: result for solver, result in old.items() if family(solver) != report.OURS}
        best = {family(solver): run[2] for solver, result in kept.items() for run in result["runs"] if math.isfinite(run[2])}
        new = summary(watch(f"{row}.{name}", arguments, best)) | {"shape": shape, "limit": arguments.max_seconds}
        if kept:
            new["solvers"] = kept | new["solvers"]
            new["constant"] = new["constant"] or stored[name]["constant"]
        stored[name] = new
        report.save(row, stored)
        print(report.line(row, name, new), f"[{time.monotonic() - began:.0f} s]", flush=True)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", nargs="+", choices=[*TARGETS], default=[*TARGETS], help="only these rows")
    parser.add_argument("--problem", nargs="+", default=[], help="only these problems of the row")
    parser.add_argument("--ours", action="store_true", help="only sklearn_gd; the stored times of rivals are kept")
    parser.add_argument("--max-seconds", type=float, default=20.0, help="the limit of a single fit")
    parser.add_argument("--report", action="store_true", help="only the table and the pictures, from stored results")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--skip", default="[]", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return work(arguments.work, arguments.ours, set(json.loads(arguments.skip)))
    for row in [] if arguments.report else arguments.row:
        if row in ROWS:
            run_row(row, arguments)
        else:
            defaults.run(row)
    report.machine(measured=not arguments.report)
    report.table()
    report.pictures(arguments.row)


if __name__ == "__main__":
    main()
