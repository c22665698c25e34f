"""Everything that the documentation shows runs: docstrings, the README, the examples, the tour, the tables."""

import doctest
import importlib
import inspect
import pkgutil
import re
import runpy
import sys
from pathlib import Path

import pytest
from tables import DETERMINISTIC

import sklearn_gd
from sklearn_gd.losses import LOSSES, Masked, MultinomialFocal, MultinomialLogLoss, SequenceLoss
from sklearn_gd.models import MLP
from sklearn_gd.penalties import PENALTIES, Box, GroupLasso
from sklearn_gd.solvers import SOLVERS

# It starts a cluster, as the tests of one group do.
PAGE_OF_CLUSTERS = pytest.param("docs/clusters.md", marks=pytest.mark.xdist_group("dask"))
ROOT = Path(__file__).parents[1]
MODULES = sorted(m.name for m in pkgutil.walk_packages(sklearn_gd.__path__, "sklearn_gd.") if "__main__" not in m.name)
LOSS_CLASSES = [*LOSSES.values(), MultinomialLogLoss, MultinomialFocal, Masked, SequenceLoss]
PARTS = [
    *LOSS_CLASSES,
    *PENALTIES.values(),
    GroupLasso,
    Box,
    *SOLVERS.values(),
    MLP,
    sklearn_gd.EarlyStopping,
    sklearn_gd.GDRegressor,
    sklearn_gd.GDClassifier,
]


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_run(module):
    results = doctest.testmod(importlib.import_module(module), raise_on_error=False)
    assert results.failed == 0


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_docstrings_are_whole(part):
    doc = inspect.getdoc(part)
    assert doc.splitlines()[0].endswith(".")
    assert ">>>" in doc
    assert "References\n----------" in doc
    for name in inspect.signature(part).parameters:
        assert re.search(rf"^(\w+, )*{name}(, \w+)* : ", doc, re.MULTILINE), name


@pytest.mark.parametrize("loss", LOSS_CLASSES, ids=lambda part: part.__name__)
def test_losses_have_their_five_blocks(loss):
    doc = inspect.getdoc(loss)
    places = [doc.index(f"\n{title}") for title in ("Domain of y:", "Link:", "Formula", "Relation:", "Constants:")]
    assert places == sorted(places)


def test_public_functions_have_examples():
    from sklearn_gd import losses, models, penalties, schedules, solvers

    for function in (losses.get_loss, penalties.get_penalty, models.get_model, schedules.get_schedule):
        assert ">>>" in inspect.getdoc(function)
    for function in (losses.check_loss, penalties.check_penalty, solvers.check_solver):
        test_docstrings_are_whole(function)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("path", ["README.md", "docs/training.md", "docs/larger_than_memory.md", PAGE_OF_CLUSTERS])
def test_pages_run(path, capsys):
    """The blocks of a page, one after the other."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)
    assert blocks
    names = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, path, "exec"), names)


def test_readme_lists_the_losses_and_the_commands():
    text = (ROOT / "README.md").read_text()
    for name in LOSSES:
        assert f"`{name}`" in text
    assert "python -m pip install . && python -m sklearn_gd" in text
    assert 'python -m pip install -e ".[test]" && python -m pytest' in text


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out


def test_tour(capsys):
    runpy.run_module("sklearn_gd", run_name="__main__")
    out = capsys.readouterr().out
    assert "Images by cross entropy" in out
    slope, intercept = re.search(r"gradient descent\s+(\S+)\s+(\S+)", out).groups()
    assert abs(float(slope) - 3) < 0.2
    assert abs(float(intercept) - 4) < 0.2


def test_tables(monkeypatch):
    """The printed table of what goes with what is what the tests of the solvers find."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    monkeypatch.delitem(sys.modules, "tables", raising=False)
    tables = importlib.import_module("tables")
    monkeypatch.delitem(sys.modules, "tables")
    smooth = {penalty for penalty, part in tables.PENALTY_OBJECTS.items() if part.prox_part.absent}
    assert smooth.isdisjoint({"l1", "elasticnet", "nonnegative", "GroupLasso", "Box"})
    for name, kind in LOSSES.items():
        for penalty, part in tables.PENALTY_OBJECTS.items():
            found = {solver for solver in tables.LETTERS if tables.takes(kind(), part, solver)}
            expected = {"gd", "newton"} if kind.smooth else set()
            expected |= {"lbfgs", "newton_cg"} if kind.smooth and penalty in smooth else set()
            expected |= {"row_space"} if kind.smooth and penalty in smooth and part.isotropic else set()
            expected |= {"working_set"} if kind.smooth and part.prox_part.selects else set()
            if kind().has_lines:
                expected |= {"interior_point", "working_rows"} if penalty in smooth else set()
                expected |= {"dual"} if penalty == "l2" else set()
            coupled = name in ("log_loss", "focal")
            expected |= {"proximal_point"} if kind().convex and not coupled else set()
            expected = set() if kind.online else expected
            assert found == expected, (name, penalty)
    table = tables.supported()
    assert set(tables.LETTERS) <= set(DETERMINISTIC)
    assert all((solver in table) == (solver not in tables.LETTERS) for solver in DETERMINISTIC)
    assert table.count("\n") == tables.losses().count("\n") == len(LOSSES) + 2
