"""Sphinx configuration. Tables, pictures of losses and penalties, and pages of benchmarks are made from the package itself."""

import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ["MPLBACKEND"] = "agg"

import generated  # noqa: E402

import sklearn_gd  # noqa: E402

generated.write(HERE / "_generated", HERE / "benchmarks" / "results")

project = "sklearn-gd"
author = "the sklearn-gd developers"
copyright = "2026, the sklearn-gd developers"
version = release = sklearn_gd.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = [
    "_build",
    "_generated/*",
    "benchmarks/*",
    "examples/*",
    "*/code/*",
    "sg_execution_times.rst",
    "gallery/sg_execution_times.rst",
]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"
default_role = "py:obj"
toc_object_entries_show_parents = "hide"

# The names that the pages refer to, without a download: see generated.inventories.
intersphinx_mapping = {
    name: (address, str(HERE / "_generated" / f"{name}.inv")) for name, (address, _) in generated.INVENTORIES.items()
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "generated.GalleryOrder",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("sklearn_gd",),
    "reference_url": {"sklearn_gd": None},
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_memory": False,
    "download_all_examples": False,
    "min_reported_time": 5,
    "capture_repr": ("_repr_html_", "__repr__"),
    "matplotlib_animations": False,
}
suppress_warnings = ["config.cache"]

html_theme = "pydata_sphinx_theme"
html_title = "sklearn-gd"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_prev_next": True,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "start": [], "benchmarks": [], "changelog": []}


def keep_initials(app, what, name, obj, options, lines):
    """Keep a line that begins with the initial of an author from becoming a list."""
    lines[:] = [re.sub(r"^(\s*[A-Z])\. ", r"\1\\. ", line) for line in lines]


def setup(app):
    """Connect what the pages need."""
    app.connect("autodoc-process-docstring", keep_initials)
