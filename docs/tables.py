"""The tables of the documentation, from what the parts declare. ``python docs/tables.py`` prints them."""

import inspect

import numpy as np

from sklearn_gd.losses import LOSSES
from sklearn_gd.models import Linear
from sklearn_gd.objective.certificate import Reference
from sklearn_gd.objective.objective import Objective
from sklearn_gd.objective.summand import Summand
from sklearn_gd.penalties import PENALTIES, Box, GroupLasso, NoPenalty
from sklearn_gd.penalties.scaled import Scaled
from sklearn_gd.rows.blocks import MemoryRows
from sklearn_gd.solvers import SOLVERS, get_solver
from sklearn_gd.targets import Continuous, Labels

PENALTY_OBJECTS = {
    "None": NoPenalty(),
    **{name: penalty() for name, penalty in PENALTIES.items()},
    "GroupLasso": GroupLasso([[0]]),
    "Box": Box(0, 1),
}


LETTERS = {
    "convex_concave": "x",
    "dual": "d",
    "dual_coordinate_descent": "k",
    "gd": "g",
    "interior_point": "i",
    "lbfgs": "l",
    "newton": "n",
    "newton_cg": "c",
    "proximal_point": "p",
    "row_space": "r",
    "working_rows": "o",
    "working_set": "w",
}

# A solver without a letter is called by its name.
SHOWN = [*LETTERS, *(name for name, kind in SOLVERS.items() if not (name in LETTERS or kind.takes_batches))]


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _block(docstring, title):
    """Return the paragraph of a loss's docstring that begins with a title."""
    for paragraph in docstring.split("\n\n"):
        if paragraph.startswith(title):
            return " ".join(paragraph.removeprefix(title).lstrip(":").split()).rstrip(".")
    raise KeyError(title)


def losses():
    """Return the table of losses, in Markdown."""
    lines = [_row(["`loss=`", "class", "for", "domain of y", "kinks", "convex"]), _row(["---"] * 6)]
    for name, kind in LOSSES.items():
        loss, doc = kind(), inspect.getdoc(kind)
        parameters = ", ".join(f"{key}={value}" for key, value in loss.get_params().items())
        domain = _block(doc, "Domain of y").split(";")[0]
        yes = {True: "yes", False: "no"}
        cells = [f"`{name}`", f"`{kind.__name__}({parameters})`", loss.task, domain, yes[not loss.smooth], yes[loss.convex]]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _objective(loss, penalty):
    X = np.arange(12.0).reshape(6, 2)
    y = np.array([0, 1, 2, 0, 1, 2]) if loss.task == "classification" else np.arange(1.0, 7.0) / 10.0
    target = Labels(y) if loss.task == "classification" else Continuous(y)
    loss = loss.for_target(target)
    rows = MemoryRows(X, target.prepare(y, loss.rowwise), np.ones(6))
    model = Linear().bind_some(loss.n_weighted(loss.n_raw(target)), loss.n_raw(target), True, rows.moments)
    columns = Reference.of_columns(rows.moments, True, model.n_raw)
    return Objective.on(rows, Summand(model, loss, target.encoded_for(loss)), Scaled(penalty, 1.0), columns)


def takes(loss, penalty, solver):
    """Tell whether a solver takes a loss (for three classes) and a penalty."""
    try:
        get_solver(solver).check(_objective(loss, penalty))
    except ValueError:
        return False
    return True


def supported():
    """Return the table of supported loss x penalty x solver, in Markdown: the letters of the solvers in each cell."""
    lines = [_row(["loss", *PENALTY_OBJECTS]), _row(["---"] * (1 + len(PENALTY_OBJECTS)))]
    for name, kind in LOSSES.items():
        cells = []
        for penalty in PENALTY_OBJECTS.values():
            assert takes(kind(), penalty, "auto"), (name, penalty)
            cells.append("".join(LETTERS.get(solver, f" {solver}") for solver in SHOWN if takes(kind(), penalty, solver)))
        lines.append(_row([f"`{name}`", *cells]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(losses())
    print(supported())
