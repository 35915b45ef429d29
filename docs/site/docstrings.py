"""Docstrings that are plain text, as reStructuredText for numpydoc.

Our docstrings have no markup: * and | are themselves, and a formula is a line
that is indented, under an empty line. numpydoc knows neither, nor the sections
Shapes and Derivation.
"""

from __future__ import annotations

import re

from numpydoc.docscrape import NumpyDocString
from numpydoc.docscrape_sphinx import SphinxDocString

OWN = ("Shapes", "Derivation")  # sections of ours, in the order of the page
LISTS = ("Parameters", "Attributes", "Returns", "Raises", "Warns")  # numpydoc's own
RULE = re.compile(r"-{3,}")  # under the name of a section
SPECIAL = re.compile(r"([\\*`|]|(?<=\w)_(?!\w))")


def setup(app):
    """Have numpydoc know the sections, and read what plain() has made."""
    NumpyDocString.sections = NumpyDocString.sections | {name: [] for name in OWN}
    written = SphinxDocString._str_section

    def with_ours(self, name):
        """Return a section; in front of the notes stand those of ours."""
        before = OWN if name == "Notes" else ()
        return [line for one in (*before, name) for line in written(self, one)]

    SphinxDocString._str_section = with_ours
    app.connect("autodoc-process-docstring", plain, priority=100)  # before numpydoc


def plain(app, what, name, obj, options, lines):
    """Escape what would be markup, and make literal what is a formula."""
    made: list[str] = []
    section, is_literal, is_doctest = "", False, False
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if RULE.fullmatch(below):
            section = line.strip()
        is_literal = is_literal and line[:1] in ("", " ")
        is_doctest = bool(line) and (is_doctest or line.lstrip().startswith(">>>"))
        if not is_literal and section not in LISTS and _begins_a_formula(made, line):
            made += ["::", ""]
            is_literal = True
        if section == "Shapes" and line != section and not RULE.fullmatch(line):
            made += ["::", ""] if line and RULE.fullmatch(made[-1]) else []
            line, is_literal = f"    {line}", True
        is_plain = is_literal or is_doctest or RULE.fullmatch(line)
        made.append(line if is_plain else SPECIAL.sub(r"\\\1", line))
    lines[:] = made


def _begins_a_formula(above, line):
    """Return whether an indented line follows a gap, and not another indented one."""
    text = next((other for other in reversed(above) if other), " ")
    is_apart = bool(above) and (not above[-1] or RULE.fullmatch(above[-1]) is not None)
    return line.startswith("    ") and is_apart and text[0] != " "
