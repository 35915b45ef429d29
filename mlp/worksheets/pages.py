"""A sheet in plain text, Markdown, LaTeX and HTML.

A page is a list of blocks; a block is made of cells, which are texts and
formulas. An item without an answer has room to write one.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.arrays import Array
from mlp._shared.printing import WIDTH, paragraph, printable
from mlp.derivation.expressions import Expr
from mlp.derivation.notation import Notation
from mlp.derivation.rendering import LATEX, MATHML, Cell, Latex, MathML
from mlp.worksheets.slips import DIGITS


class Matrix(Expr):
    """Numbers in rows, rounded to the digits of a sheet.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.worksheets.pages import Matrix
    >>> print(Matrix(np.array([[1.0, -0.5], [2 / 3, 0.0]])))
    [[1, -0.5], [0.6667, 0]]
    """

    def __init__(self, array: Array) -> None:
        super().__init__()
        self.array = np.asarray(array)

    def show(self, n: Notation) -> str:
        """Return a number, or rows of numbers between brackets."""
        rows = [[written(a) for a in row] for row in np.atleast_2d(self.array)]
        if not self.array.ndim:
            return n.token(rows[0][0])
        if isinstance(n, Latex):
            body = r" \\ ".join(" & ".join(row) for row in rows)
            return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
        if isinstance(n, MathML):
            cells = [[f"<mtd><mn>{a.replace('-', '−')}</mn></mtd>" for a in row]
                     for row in rows]  # fmt: skip
            body = "".join(f"<mtr>{''.join(row)}</mtr>" for row in cells)
            return n.fence("(", f"<mtable>{body}</mtable>", ")")
        inner = ", ".join(f"[{', '.join(row)}]" for row in rows)
        return f"[{inner}]" if self.array.ndim > 1 else inner


def written(number: float) -> str:
    """Return a number, rounded, without zeros at its end."""
    rounded = round(float(number), DIGITS) + 0.0
    return np.format_float_positional(rounded, trim="-")


class Heading(NamedTuple):
    """The heading of a section."""

    text: str


class Text(NamedTuple):
    """A paragraph."""

    cells: Sequence[Cell]


class Item(NamedTuple):
    """A question with its number; its answer, or the lines that it needs."""

    key: str
    cells: Sequence[Cell]
    answer: Sequence[Cell] | None
    room: int


Block = Heading | Text | Item
Blocks = Sequence[Block]


def _joined(cells: Sequence[Cell], text: Callable[[str], str], math: Any) -> str:
    return "".join(text(c) if isinstance(c, str) else math(c) for c in cells)


def to_text(title: Sequence[Cell], blocks: Blocks) -> str:
    """Return the page in plain Unicode, within 100 columns."""
    head = paragraph(_joined(title, str, str))
    parts = [f"{head}\n{printable('═') * max(map(len, head.splitlines()))}"]
    for block in blocks:
        if isinstance(block, Heading):
            heading = printable(block.text)
            parts.append(f"\n{heading}\n{printable('─') * len(heading)}")
        elif isinstance(block, Text):
            parts.append(paragraph(_joined(block.cells, str, str)))
        else:
            lines = [_hanging(block.key, _joined(block.cells, str, str))]
            if block.answer is None:
                lines += [f"{'':7}{'.' * (WIDTH - 7)}"] * block.room
            else:
                answer = _joined(block.answer, str, str)
                lines.append(_hanging("", printable("→ ") + answer))
            parts.append("\n".join(lines))
    return "\n".join(parts)


def _hanging(key: str, text: str) -> str:
    return textwrap.fill(
        printable(text), WIDTH, initial_indent=f"{key:<7}", subsequent_indent=" " * 7
    )


def _marked(text: str) -> str:
    """Return a text in which Markdown finds no mark of its own."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>#|~$" else c for c in text)


def to_markdown(title: Sequence[Cell], blocks: Blocks) -> str:
    """Return the page in Markdown, with LaTeX between dollars."""

    def cells(of: Sequence[Cell]) -> str:
        return _joined(of, _marked, lambda c: f"${c.layout(LATEX).strip()}$")

    parts = [f"# {cells(title)}"]
    for block in blocks:
        if isinstance(block, Heading):
            parts.append(f"## {_marked(block.text)}")
        elif isinstance(block, Text):
            parts.append(cells(block.cells))
        else:
            parts.append(f"**{block.key}** {cells(block.cells)}")
            if block.answer is None:
                parts.append("<br>\n" * block.room)
            else:
                parts.append(f"> {cells(block.answer)}")
    return "\n\n".join(parts) + "\n"


_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "×": r"$\times$",
    "·": r"$\cdot$", "…": r"\dots{}", "−": r"$-$", "→": r"$\to$",
    '"': r"\textquotedbl{}",
}  # fmt: skip


def _escaped(text: str) -> str:
    """Return a text for LaTeX; a letter that pdfTeX has no font for is "?"."""
    return "".join(
        _SPECIAL.get(c)
        or (f"\\{c}" if c in "&%$#_{}" else c if ord(c) < 0x180 else "?")
        for c in text
    )


_DOCUMENT = r"""\documentclass[a4paper,11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2.2cm]{geometry}
\usepackage{amsmath}
\setcounter{MaxMatrixCols}{50}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
\sloppy
\begin{document}
\section*{TITLE}
BODY
\end{document}
"""


def to_latex(title: Sequence[Cell], blocks: Blocks) -> str:
    """Return the page as a document that needs amsmath, with room to write."""

    def cells(of: Sequence[Cell]) -> str:
        return _joined(of, _escaped, lambda c: f"${c.layout(LATEX).strip()}$")

    parts = []
    for block in blocks:
        if isinstance(block, Heading):
            parts.append(rf"\subsection*{{{_escaped(block.text)}}}")
        elif isinstance(block, Text):
            parts.append(cells(block.cells))
        else:
            lines = [
                r"\begin{samepage}",
                rf"\textbf{{{block.key}}}\quad {cells(block.cells)}",
                "",
            ]
            if block.answer is None:
                lines.append(rf"\vspace{{{9 * block.room}mm}}")
            else:
                lines.append(rf"\hspace*{{2em}}{cells(block.answer)}")
            parts.append("\n".join([*lines, "", r"\end{samepage}"]))
    body = "\n\n".join(parts)
    return _DOCUMENT.replace("TITLE", cells(title)).replace("BODY", body)


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>TEXT</title><style>
body { font: 16px/1.5 serif; margin: 2em auto; max-width: 50em; padding: 0 1em }
h1, h2, b { font-family: sans-serif } math { math-style: normal }
.item { break-inside: avoid; margin: 1em 0; overflow-x: auto }
.item > b { display: inline-block; min-width: 3em }
.room { border-bottom: 1px dotted #999; height: 2.2em; margin-left: 3em }
.answer { background: #eef6ee; margin: .3em 0 0 3em; padding: .3em .6em }
</style></head><body><h1>TITLE</h1>
BODY
</body></html>
"""


def to_html(title: Sequence[Cell], blocks: Blocks) -> str:
    """Return the page in HTML with MathML: no script, no network."""

    def cells(of: Sequence[Cell]) -> str:
        return _joined(of, escape, lambda c: f"<math>{c.layout(MATHML)}</math>")

    parts = []
    for block in blocks:
        if isinstance(block, Heading):
            parts.append(f"<h2>{escape(block.text)}</h2>")
        elif isinstance(block, Text):
            parts.append(f"<p>{cells(block.cells)}</p>")
        else:
            parts.append(f'<div class="item"><b>{block.key}</b> {cells(block.cells)}')
            if block.answer is None:
                parts.append('<div class="room"></div>' * block.room + "</div>")
            else:
                answer = cells(block.answer)
                parts.append(f'<div class="answer">{answer}</div></div>')
    text = escape(_joined(title, str, str))
    page = _PAGE.replace("TEXT", text).replace("TITLE", cells(title))
    return page.replace("BODY", "\n".join(parts))
