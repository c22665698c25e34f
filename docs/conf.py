"""Sphinx configuration; the tables of the docs are printed from the package's own tables at build time."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import tables  # noqa: E402

import sklearn_gd  # noqa: E402

(HERE / "_generated").mkdir(exist_ok=True)
(HERE / "_generated" / "losses.md").write_text(tables.losses())
(HERE / "_generated" / "supported.md").write_text(tables.supported())

project = "sklearn-gd"
author = "the sklearn-gd developers"
copyright = "2026, the sklearn-gd developers"
version = release = sklearn_gd.__version__

templates_path = ["_templates"]
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc", "myst_parser"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "_generated", "benchmarks"]
myst_enable_extensions = ["deflist", "dollarmath"]
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"
html_theme = "pydata_sphinx_theme"
html_title = "sklearn-gd"
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
html_sidebars = {
    page: [] for page in ("index", "losses", "add_a_loss", "solvers", "benchmarks", "architecture", "CONTRIBUTING")
}
