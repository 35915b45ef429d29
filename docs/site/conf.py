"""Sphinx's settings for the site; docs/make_site.py lays out the pages and runs it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the modules below, which lie beside it

import docstrings
import gallery
import mathml

import mlp

project = "mlp"
author = "the authors of mlp"
version = release = mlp.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
exclude_patterns = ["examples", "gallery/*.ipynb"]

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
suppress_warnings = [
    "config.cache",  # the gallery's settings hold functions, which no cache keeps
    "misc.highlighting_failure",  # what an example prints is not always Python
    "ref.python",  # lr is an attribute of several classes
]

html_theme = "furo"  # light and dark, at any width, with nothing from elsewhere
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"mlp {release}"
html_show_sphinx = html_show_copyright = False
html_math_renderer = "mathml"
pygments_dark_style = "native"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    # what needs data or MPI is shown, and not run
    "filename_pattern": r"/(?!fashion_mnist|parallel)\w+\.py$",
    "ignore_pattern": r"common\.py$",
    "within_subsection_order": "FileNameSortKey",
    "reset_argv": gallery.arguments,
    "image_scrapers": (gallery.pictures,),
    "reset_modules": (),
    "capture_repr": ("_repr_html_", "__repr__"),
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1e9,
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
}


def setup(app):
    """Have Sphinx know the formulas and the docstrings, and complete notebooks."""
    app.connect("builder-inited", gallery.complete_all, priority=900)  # made by then
    mathml.setup(app)
    docstrings.setup(app)
    return {"parallel_read_safe": True}
