"""Everything that the documentation shows runs: docstrings, the README, the examples, the tour, the tables."""

import doctest
import importlib
import inspect
import io
import pkgutil
import re
import runpy
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from tables import DETERMINISTIC

import sklearn_gd
from sklearn_gd import GDRegressor, metrics, plotting
from sklearn_gd.losses import LOSSES, CustomLoss, Huber, Masked, MultinomialFocal, MultinomialLogLoss, SequenceLoss
from sklearn_gd.metrics import explained_loss, mean_loss
from sklearn_gd.models import MLP
from sklearn_gd.penalties import PENALTIES, Box, ByName, GroupLasso, Signs
from sklearn_gd.solvers import SOLVERS, GradientDescent

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Pages that the build makes are not in every checkout.
WRITTEN = [
    ROOT / "README.md",
    *(path for path in sorted(DOCS.rglob("*.md")) if not re.search(r"_generated|measured/row_", str(path))),
]
# One starts a cluster, as the tests of one group do.
PAGES = [
    pytest.param(str(path.relative_to(ROOT)), marks=[pytest.mark.xdist_group("dask")] * (path.stem == "clusters"))
    for path in WRITTEN
    if re.search(r"```(python|pycon)\n", path.read_text())
]
SCRIPTS = [*sorted(DOCS.glob("examples/*.py")), *sorted(DOCS.glob("*/code/*.py"))]
MODULES = sorted(m.name for m in pkgutil.walk_packages(sklearn_gd.__path__, "sklearn_gd.") if "__main__" not in m.name)
LOSS_CLASSES = [*LOSSES.values(), MultinomialLogLoss, MultinomialFocal, Masked, SequenceLoss]
PARTS = [
    *LOSS_CLASSES,
    *PENALTIES.values(),
    GroupLasso,
    Box,
    Signs,
    ByName,
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
    for name in metrics.__all__:
        test_docstrings_are_whole(getattr(metrics, name))
    for name in plotting.__all__:
        if name.endswith("Display"):
            test_docstrings_are_whole(getattr(plotting, name))


@pytest.mark.parametrize("path", PAGES)
def test_pages_run(path, capsys):
    """The blocks of a page, one after the other: Python as it stands, and sessions with what they print."""
    blocks = re.findall(r"```(python|pycon)\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)
    names = {"__name__": "page"}
    for number, (kind, block) in enumerate(blocks):
        if kind == "python":
            exec(compile(block, path, "exec"), names)
            continue
        session = doctest.DocTestParser().get_doctest(block, names, f"{path}, block {number}", path, 0)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        report = io.StringIO()
        assert runner.run(session, out=report.write, clear_globs=False).failed == 0, report.getvalue()
        names = session.globs


def _steps(y_true, raw):
    return (np.abs(y_true - raw) > 10).astype(float)


def _averaged(y_true, raw):
    return (y_true - raw - np.mean(y_true - raw)) ** 2


MESSAGES = {
    "offset contains NaN or infinity": lambda X, y: GDRegressor("poisson").fit(X, y, offset=np.full(len(y), -np.inf)),
    "expected the data of each row that the loss": lambda X, y: GDRegressor(lambda y, raw, data: data * (y - raw) ** 2).fit(
        X, y
    ),
    "takes none: expected None, or a loss": lambda X, y: GDRegressor("huber").fit(X, y, loss_data=y),
    "expected one whose ends are among the levels fitted": lambda X, y: (
        GDRegressor("quantiles").fit(X, y).predict_interval(X, 0.8)
    ),
    "has no smallest loss": lambda X, y: explained_loss(GDRegressor("normal", alpha=0.0).fit(X, y), X, y),
    "no feature is named": lambda X, y: GDRegressor(penalty={"age": "l1"}).fit(X, y),
    "stopped after ... with optimality ..., above tol": lambda X, y: GDRegressor(solver=GradientDescent(), max_iter=2).fit(
        X, y
    ),
    "(diverged)": lambda X, y: GDRegressor(solver=GradientDescent(learning_rate=1e6)).fit(X, y),
    "falls without bound": lambda X, y: GDRegressor(lambda y, raw: -y * raw).fit(X, y),
    "expected a continuous function of raw": lambda X, y: GDRegressor(_steps).fit(X, y),
    "Return the loss of each sample, not their mean": lambda X, y: GDRegressor(lambda y, raw: np.mean((y - raw) ** 2)).fit(
        X, y
    ),
    "other values when other rows were left out": lambda X, y: GDRegressor(_averaged).fit(X, y),
    "gave two values for the same arguments": lambda X, y: GDRegressor(
        lambda y, raw: (y - raw) ** 2 * np.random.rand(*raw.shape)
    ).fit(X, y),
    "are not those of its values": lambda X, y: GDRegressor(
        CustomLoss(lambda y, raw: (y - raw) ** 2, gradient=lambda y, raw: y - raw)
    ).fit(X, y),
    "kinks whose place was not found": lambda X, y: GDRegressor(
        lambda y, raw: np.abs(np.sin(np.sqrt(np.abs(y))) * 10 - raw), max_iter=10
    ).fit(X, y),
    "Poisson needs y >= 0": lambda X, y: GDRegressor("poisson").fit(X, y - 200),
    "is a loss for classification": lambda X, y: GDRegressor("hinge").fit(X, y),
    "needs a smooth penalty": lambda X, y: GDRegressor(penalty="l1", solver="lbfgs").fit(X, y),
    "has no attribute 'partial_fit'": lambda X, y: GDRegressor(solver="newton").partial_fit(X, y),
    "Input X contains NaN": lambda X, y: GDRegressor().fit(np.full_like(X, np.nan), y),
    "Targets that are missing are passed over by loss=Masked(...)": lambda X, y: GDRegressor().fit(X, np.full_like(y, np.nan)),
    "could not convert string to float": lambda X, y: GDRegressor().fit(X.astype(str).astype(object) + "a", y),
    "is expecting 10 features as input": lambda X, y: GDRegressor().fit(X, y).predict(X[:, :3]),
    "Did you mean": lambda X, y: GDRegressor("hubber").fit(X, y),
    "is a class: pass an object": lambda X, y: GDRegressor(Huber).fit(X, y),
    "is not the inverse of its inverse_link": lambda X, y: mean_loss(
        GDRegressor().fit(X, y), X, y, loss=CustomLoss(lambda y, raw: (y - np.exp(raw)) ** 2, inverse_link=np.exp)
    ),
    "needs matplotlib, which is not installed": None,  # test_plotting.py
}


@pytest.mark.parametrize("words", MESSAGES)
def test_messages_are_those_of_their_page(words):
    page = (ROOT / "docs" / "guide" / "errors.md").read_text()
    assert set(re.findall(r'^\| "(.*?)" \|', page, re.MULTILINE)) == set(MESSAGES)
    provoke = MESSAGES[words]
    if provoke is not None:
        with pytest.raises(Exception, match=re.escape(words).replace(r"\.\.\.", ".*")):
            provoke(*load_diabetes(return_X_y=True))


def test_readme_lists_the_losses_and_the_commands():
    text = (ROOT / "README.md").read_text()
    for name in LOSSES:
        assert f"`{name}`" in text
    assert "python -m pip install . && python -m sklearn_gd" in text
    assert 'python -m pip install -e ".[test]" && python -m pytest' in text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_examples(path, capsys):
    plt.close("all")
    runpy.run_path(str(path), run_name="__main__")
    plt.close("all")
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
                expected |= {"interior_point", "working_rows"} if penalty in smooth | {"l1", "elasticnet"} else set()
                expected |= {"dual"} if penalty == "l2" else set()
            listed = kind().has_lines or kind().scalar_slope is not None
            coupled = name in ("log_loss", "focal", "ordinal_log_loss")
            expected |= {"dual_coordinate_descent"} if penalty == "l2" and listed and not coupled else set()
            expected |= {"proximal_point"} if kind().convex and not coupled else set()
            expected = set() if kind.online else expected
            assert found == expected, (name, penalty)
    table = tables.supported()
    assert set(tables.LETTERS) <= set(DETERMINISTIC)
    assert all((solver in table) == (solver not in tables.LETTERS) for solver in DETERMINISTIC)
    assert table.count("\n") == tables.losses().count("\n") == len(LOSSES) + 2
