"""Tables in plain text: columns in line, long cells wrapped."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

WIDTH = 100  # columns of a terminal


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table within WIDTH columns, its head between two lines."""
    cells = [columns, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        widths[widths.index(max(widths))] -= 1
    rule = ["─" * width for width in widths]
    lines = []
    for row in (rule, cells[0], rule, *cells[1:]):
        wrapped = [textwrap.wrap(c, w) for c, w in zip(row, widths, strict=True)]
        for parts in zip_longest(*wrapped, fillvalue=""):
            padded = (p.ljust(w) for p, w in zip(parts, widths, strict=True))
            lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def paragraph(text: str) -> str:
    """Return the text in lines of at most WIDTH columns."""
    return textwrap.fill(text, WIDTH)
