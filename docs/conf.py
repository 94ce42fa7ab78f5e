"""Sphinx configuration: sphinx-build -W -b html docs docs/_build/html."""

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "src"))

from raggedh5 import __version__  # noqa: E402 - the path comes first

project = "raggedh5"
author = "The raggedh5 developers"
copyright = author  # noqa: A001 - Sphinx's name
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"raggedh5 {release}"

myst_heading_anchors = 3
default_role = "code"
# `python -m bench.report` measures and writes this page; the others link to it all the same.
MEASURED = (HERE / "benchmarks.md").exists()
suppress_warnings = [] if MEASURED else ["myst.xref_missing"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "special-members": "__getitem__, __len__, __iter__"}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False

_LITERAL_OR_STAR = re.compile(r"(`+.*?`+)|\*(?=inner)")


def escape_stars(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the star of shapes, ``(rows, *inner)``, from starting emphasis."""
    lines[:] = [
        _LITERAL_OR_STAR.sub(lambda found: found[1] or r"\*", line)
        if not line.lstrip().startswith((">>>", "..."))
        else line
        for line in lines
    ]


def list_measured(app: Any, name: str, source: list[str]) -> None:
    """Leave the benchmarks out of the table of contents where they have not been measured."""
    if name == "index" and not MEASURED:
        source[0] = source[0].replace("\nbenchmarks\n", "\n")


def setup(app: Any) -> None:
    """Connect the above."""
    app.connect("autodoc-process-docstring", escape_stars)
    app.connect("source-read", list_measured)
