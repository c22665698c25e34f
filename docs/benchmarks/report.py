"""From the stored results to the table and the pictures."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
from importlib import metadata
from pathlib import Path

from benchmark_utils import ROWS, TARGETS
from benchmark_utils.ladder import family

RESULTS = Path(__file__).resolve().parent / "results"
LEVELS = (1e-2, 1e-4, 1e-6)
OURS = "sklearn_gd"
PACKAGES = [
    "numpy",
    "scipy",
    "scikit-learn",
    "sklearn-gd",
    "benchopt",
    "cyanure",
    "celer",
    "skglm",
    "glum",
    "statsmodels",
    "numba",
]


def load(row: str) -> dict:
    """The stored results of a row, {} if there are none."""
    path = RESULTS / f"{row}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def save(row: str, stored: dict) -> None:
    """Keep the results of a row."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{row}.json").write_text(json.dumps(stored, indent=1) + "\n")


def machine(measured: bool) -> None:
    """Keep what the results were measured on."""
    if not measured:
        return
    import threadpoolctl

    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = lines[0].split(":")[1].strip() if lines else processor
    libraries = [
        f"{lib['internal_api']} {lib['version']} ({lib.get('architecture')})" for lib in threadpoolctl.threadpool_info()
    ]
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    about = {"processor": processor, "cores": os.cpu_count(), "threads": 1, "system": platform.platform(terse=True)}
    about |= {"python": platform.python_version(), "libraries": sorted(set(libraries)), "versions": versions}
    save("machine", about)


def lowest(entry: dict) -> float:
    """F*: the lowest value that any run of any solver reached."""
    values = [run[2] for solver in entry["solvers"].values() for run in solver["runs"]]
    return min((value for value in values if math.isfinite(value)), default=math.nan)


def suboptimality(entry: dict, value: float) -> float:
    """(F - F*) / (F0 - F*)."""
    best = lowest(entry)
    return (value - best) / max(entry["constant"] - best, 1e-300)


def seconds_to(entry: dict, solver: str, level: float) -> float:
    """The shortest fit of the solver that came within the level; inf where none did."""
    runs = entry["solvers"][solver]["runs"]
    return min((run[1] for run in runs if suboptimality(entry, run[2]) <= level), default=math.inf)


def is_ours(name: str, fast: bool = True) -> bool:
    """Whether a solver is ours, with numba or without."""
    return name.startswith(OURS) and f"fast={fast}" in name


def seconds_of_ours(entry: dict, level: float, fast: bool) -> float:
    """Our seconds, with numba or without, which is the same for dense data."""
    names = [name for name in entry["solvers"] if is_ours(name, fast)] or [name for name in entry["solvers"] if is_ours(name)]
    return min((seconds_to(entry, name, level) for name in names), default=math.inf)


def race(entry: dict, level: float, fast: bool = True) -> tuple[float, float, str]:
    """Our seconds, the fastest rival's, and its name."""
    ours = seconds_of_ours(entry, level, fast)
    times = [(seconds_to(entry, name, level), name) for name in entry["solvers"] if not name.startswith(OURS)]
    seconds, name = min(times, default=(math.inf, ""))
    return ours, seconds, short(name) if math.isfinite(seconds) else "none"


def short(name: str) -> str:
    """A solver's name without benchopt's punctuation."""
    head, _, tail = name.partition("[")
    options = [part.split("=") for part in tail.rstrip("]").split(",") if part]
    words = [value if key == "solver" else f"{key} {value}" for key, value in options]
    return " ".join([head, *words])


def at_least(entry: dict) -> float:
    """What the rivals would need at least where none arrived: their longest fit, or the limit; never for those that gave up."""
    bounds = [entry["limit"]]
    for name, solver in entry["solvers"].items():
        if family(name) != OURS and solver["ended"] == "time":
            bounds.append(max(run[1] for run in solver["runs"]))
    return min(bounds)


def ratio(entry: dict, level: float, fast: bool = True) -> tuple[float, str]:
    """Ours / fastest rival: a number to sort by and what to print."""
    ours, rival, _ = race(entry, level, fast)
    if math.isinf(ours):
        return math.inf, "not reached"
    if math.isinf(rival):
        bound = ours / at_least(entry)
        return bound, f"< {bound:.2g}"
    return ours / rival, f"{ours / rival:.2f}"


def doubts(row: str, name: str, entry: dict) -> str | None:
    """A remark where fewer than two unrelated solvers came within 1e-6 of F*."""
    families = {family(solver) for solver in entry["solvers"] if math.isfinite(seconds_to(entry, solver, 1e-6))}
    return None if len(families) > 1 else f"{row} {name}: only {', '.join(families) or 'nobody'} came within 1e-6 of F*"


def line(row: str, name: str, entry: dict) -> str:
    """A problem in one line, for the terminal."""
    if not any(solver["runs"] for solver in entry["solvers"].values()):
        return f"{row} {name}: no run"
    parts = [f"{row} {name}:"]
    for level in LEVELS:
        ours, rival, who = race(entry, level)
        parts.append(f"{level:.0e} {ours:.3g} s / {rival:.3g} s {who} = {ratio(entry, level)[1]};")
    seconds, reached, warned = default_fit(entry)
    return " ".join([*parts, f"default {seconds:.3g} s, {reached:.1e}{', warned' if warned else ''}"])


def default_fit(entry: dict) -> tuple[float, float, bool]:
    """Our fit with the default tol: seconds, relative suboptimality, whether it warned."""
    solvers = entry["solvers"].items()
    runs = [run for name, solver in solvers if is_ours(name) and "stop=default" in name for run in solver["runs"]]
    return (runs[0][1], suboptimality(entry, runs[0][2]), runs[0][3]) if runs else (math.nan, math.nan, False)


def _summary(row: str, stored: dict) -> str:
    cells, middle = [], math.inf
    for level in LEVELS:
        ratios = {name: ratio(entry, level) for name, entry in stored.items()}
        middle = statistics.median(value for value, _ in ratios.values())
        worst = max(ratios, key=lambda name: ratios[name][0])
        fastest = [race(entry, level)[2] for entry in stored.values()]
        common = max(sorted(set(fastest)), key=fastest.count)
        bounded = any(text.startswith("<") and value >= middle for value, text in ratios.values())
        shown = "not reached" if math.isinf(middle) else f"{'≤ ' if bounded else ''}{middle:.2f}"
        cells.append(f"{shown} (worst {ratios[worst][1]}, {worst}; fastest {common})")
    met = "yes" if middle <= TARGETS[row] else "no"
    differs = any(is_ours(solver, fast=False) for entry in stored.values() for solver in entry["solvers"])
    plain = statistics.median(ratio(entry, LEVELS[-1], fast=False)[0] for entry in stored.values())
    cells.append(f"{plain:.2f}" if differs else "")
    return f"| {row} | {len(stored)} | {' | '.join(cells)} | {TARGETS[row]:g} | {met} |"


def _details(row: str, stored: dict) -> list[str]:
    lines = [
        f"\n### {row}\n",
        "| data | n, p | ours | without numba | fastest rival | ratio | default fit |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, entry in stored.items():
        ours, rival, who = zip(*[race(entry, level) for level in LEVELS], strict=True)
        seconds, reached, warned = default_fit(entry)
        default = f"{seconds:.3g} s, {reached:.0e}{', warned' if warned else ''}"
        rivals = ", ".join(f"{time:.3g} ({by})" if math.isfinite(time) else "-" for time, by in zip(rival, who, strict=True))
        mine = ", ".join(f"{time:.3g}" if math.isfinite(time) else "-" for time in ours)
        ratios = ", ".join(ratio(entry, level)[1] for level in LEVELS)
        has_plain = any(is_ours(solver, fast=False) for solver in entry["solvers"])
        slow = [seconds_of_ours(entry, level, False) for level in LEVELS] if has_plain else []
        plain = ", ".join(f"{time:.3g}" if math.isfinite(time) else "-" for time in slow)
        n, p = entry["shape"]
        lines.append(f"| {name} | {n:,}, {p:,} | {mine} | {plain} | {rivals} | {ratios} | {default} |")
    return lines


def _failures(row: str, stored: dict) -> list[str]:
    lines = []
    for name, entry in stored.items():
        for solver, result in entry["solvers"].items():
            lines += [f"- {row} {name}, {short(solver)}: {' '.join(text.split())[:300]}" for text in result["failures"]]
            close = min((suboptimality(entry, run[2]) for run in result["runs"] if math.isfinite(run[2])), default=math.inf)
            if close > 1e-6 and not (solver.startswith(OURS) and "stop=default" in solver):
                reached = "no finite value" if math.isinf(close) else f"came no closer than {close:.0e} relative"
                ended = {"time": " in the time allowed", "no progress": ", whatever the tolerance"}.get(result["ended"], "")
                lines.append(f"- {row} {name}, {short(solver)}: {reached}{ended}")
    return lines


def _fits(row: str, stored: dict) -> list[str]:
    """The rows that compare single default fits: {problem: {"ours": s, "rivals": {name: s}}}."""
    lines = [f"\n### {row}\n", "| data | ours | rival | ratio |", "| --- | --- | --- | --- |"]
    for name, entry in stored.items():
        rival = min(entry["rivals"], key=entry["rivals"].get)
        theirs = entry["rivals"][rival]
        lines.append(f"| {name} | {entry['ours']:.3g} s | {theirs:.3g} s ({rival}) | {entry['ours'] / theirs:.2f} |")
    return lines


def _fits_summary(row: str, stored: dict) -> str:
    ratios = {name: entry["ours"] / min(entry["rivals"].values()) for name, entry in stored.items()}
    worst, middle = max(ratios, key=ratios.get), statistics.median(ratios.values())
    cell = f"{middle:.2f} (worst {ratios[worst]:.2f}, {worst})"
    return f"| {row} | {len(stored)} | | | {cell} | | {TARGETS[row]:g} | {'yes' if middle <= TARGETS[row] else 'no'} |"


def table() -> None:
    """Write results/table.md from all stored rows, and print it."""
    top = ["Ours / fastest rival in seconds, median over the data sets of a row.\n"]
    top.append("| row | sets | to 1e-2 | to 1e-4 | to 1e-6 | without numba | target | met |")
    top.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    head = "\nSeconds to be within 1e-2, 1e-4, 1e-6, with and without numba, which is for sparse data; the default fit."
    details, failures, remarks = [head], ["\n### Failures\n"], []
    for row in TARGETS:
        stored = load(row)
        if row not in ROWS and stored:
            top.append(_fits_summary(row, stored))
            details += _fits(row, stored)
            continue
        stored = {name: entry for name, entry in stored.items() if any(s["runs"] for s in entry["solvers"].values())}
        if stored:
            top.append(_summary(row, stored))
            details += _details(row, stored)
            failures += _failures(row, stored)
            remarks += [f"- {remark}" for name, entry in stored.items() if (remark := doubts(row, name, entry))]
    lines = [*top, *details, *failures, *(["\n### Optima of doubt\n", *remarks] if remarks else [])]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def pictures(rows: list[str]) -> None:
    """A picture per row: seconds against relative suboptimality, a panel per problem."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    for row in rows:
        stored = load(row)
        if row not in ROWS or not stored:
            continue
        names = sorted({solver for entry in stored.values() for solver, result in entry["solvers"].items() if result["runs"]})
        rivals = [name for name in names if not name.startswith(OURS)]
        styles = dict(zip(rivals, _styles(len(rivals)), strict=True))
        width = min(4, len(stored))
        height = math.ceil(len(stored) / width)
        figure, axes = plt.subplots(height, width, figsize=(3.6 * width, 3.0 * height + 1), squeeze=False)
        for axis in axes.flat[len(stored) :]:
            axis.set_visible(False)
        for axis, (name, entry) in zip(axes.flat, stored.items(), strict=False):
            for solver, result in entry["solvers"].items():
                runs = [(s, max(suboptimality(entry, v), 1e-10)) for _, s, v, _ in result["runs"] if math.isfinite(v)]
                if runs:
                    _curve(axis, runs, solver, styles.get(solver))
            axis.set(xscale="log", yscale="log", title=name, ylim=(3e-11, 5))
            axis.xaxis.set_minor_formatter("")
            low, high = axis.get_xlim()
            axis.set_xlim(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)))
            axis.axhline(1e-6, color="0.7", linewidth=0.8, zorder=0)
            axis.grid(alpha=0.25)
        for axis in axes[:, 0]:
            axis.set_ylabel("relative suboptimality")
        for axis in axes[-1]:
            axis.set_xlabel("seconds of a whole fit")
        handles = {label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
        figure.legend(handles.values(), handles.keys(), loc="lower center", ncols=4, frameon=False)
        figure.tight_layout(rect=(0, 0.02 + 0.25 * math.ceil(len(handles) / 4) / (3.0 * height + 1), 1, 1))
        figure.savefig(RESULTS / f"{row}.png", dpi=110)
        plt.close(figure)


def _styles(count: int) -> list[dict]:
    """Colours and markers of the rivals; red is ours."""
    colours = ["C0", "C1", "C2", "C4", "C5", "C7", "C8", "C9", "navy", "darkgreen", "goldenrod"]
    return [{"color": colours[i % len(colours)], "marker": "osv^D<>P"[i % 8]} for i in range(count)]


def _curve(axis, runs: list[tuple[float, float]], solver: str, style: dict | None) -> None:
    if style is None:
        fast = is_ours(solver)
        colour, label = ("crimson", "sklearn_gd") if fast else ("lightcoral", "sklearn_gd without numba")
        if "stop=default" in solver:
            axis.plot(*zip(*runs, strict=True), "*", color=colour, markersize=13, zorder=6, label=f"{label}, default tol")
        else:
            axis.plot(*zip(*runs, strict=True), "o-", color=colour, linewidth=2.5, markersize=5, zorder=5, label=label)
        return
    axis.plot(*zip(*runs, strict=True), "-", linewidth=1.1, markersize=3.5, alpha=0.85, label=short(solver), **style)
