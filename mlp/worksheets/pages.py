"""A sheet in plain text, Markdown, LaTeX and HTML.

A page is a list of blocks. A block has cells, which are texts and formulas.
A question without its answer leaves room to write one.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from mlp._shared import html
from mlp._shared.arrays import Array
from mlp._shared.printing import WIDTH, paragraph, printable
from mlp.derivation.expressions import Expr
from mlp.derivation.notation import Notation
from mlp.derivation.rendering import LATEX, Cell, Latex, MathML, in_html
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
        self.array = array

    def show(self, n: Notation) -> str:
        """Return a number, or rows of numbers in brackets."""
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
    """Return a number as text, rounded, without zeros at its end."""
    rounded = round(float(number), DIGITS) + 0.0
    return np.format_float_positional(rounded, trim="-")


class Heading(NamedTuple):
    """The heading of a section."""

    text: str


class Text(NamedTuple):
    """A paragraph."""

    cells: Sequence[Cell]


class Item(NamedTuple):
    """A question with its number, and its answer or lines to write one."""

    key: str
    cells: Sequence[Cell]
    answer: Sequence[Cell] | None
    room: int


Block = Heading | Text | Item
Blocks = Sequence[Block]


class _Form(NamedTuple):
    """How a format writes each cell, and each block of written cells."""

    cell: Callable[[Cell], str]
    heading: Callable[[str], str]
    text: Callable[[str], str]
    item: Callable[[str, str, str], str]  # for the key, the cells, and the text below
    answer: Callable[[str], str]
    room: Callable[[int], str]

    def cells(self, cells: Sequence[Cell]) -> str:
        return "".join(map(self.cell, cells))

    def parts(self, blocks: Blocks) -> Iterator[str]:
        for block in blocks:
            match block:
                case Heading(text):
                    yield self.heading(self.cell(text))
                case Text(cells):
                    yield self.text(self.cells(cells))
                case Item(key, cells, answer, room):
                    below = self.room(room)
                    if answer is not None:
                        below = self.answer(self.cells(answer))
                    yield self.item(key, self.cells(cells), below)


def _underlined(text: str, line: str) -> str:
    head = paragraph(text)
    return f"{head}\n{printable(line) * max(map(len, head.splitlines()))}"


def _hanging(key: str, text: str) -> str:
    return textwrap.fill(
        printable(text), WIDTH, initial_indent=f"{key:<7}", subsequent_indent=" " * 7
    )


_TEXT = _Form(
    cell=str,
    heading=lambda heading: f"\n{_underlined(heading, '─')}",
    text=paragraph,
    item=lambda key, question, below: f"{_hanging(key, question)}\n{below}",
    answer=lambda answer: _hanging("", f"→ {answer}"),
    room=lambda lines: "\n".join([f"{'':7}{'.' * (WIDTH - 7)}"] * lines),
)


def to_text(title: Sequence[Cell], blocks: Blocks) -> str:
    """Return the page as Unicode text of at most 100 columns."""
    head = _underlined(_TEXT.cells(title), "═")
    return "\n".join([head, *_TEXT.parts(blocks)])


def _in_latex(cell: Cell, escaped: Callable[[str], str]) -> str:
    """Return escaped words, or a formula between dollar signs."""
    if isinstance(cell, str):
        return escaped(cell)
    return f"${cell.layout(LATEX).strip()}$"


def _marked(text: str) -> str:
    """Return a text in which Markdown's special characters are escaped."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>#|~$" else c for c in text)


_MARKDOWN = _Form(
    cell=partial(_in_latex, escaped=_marked),
    heading="## {}".format,
    text=str,
    item="**{}** {}\n\n{}".format,
    answer="> {}".format,
    room=lambda lines: "<br>\n" * lines,
)


def to_markdown(title: Sequence[Cell], blocks: Blocks) -> str:
    """Return the page in Markdown, with LaTeX between dollar signs."""
    head = f"# {_MARKDOWN.cells(title)}"
    return "\n\n".join([head, *_MARKDOWN.parts(blocks)]) + "\n"


_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "×": r"$\times$",
    "·": r"$\cdot$", "…": r"\dots{}", "−": r"$-$", "→": r"$\to$",
    '"': r"\textquotedbl{}",
}  # fmt: skip


def _escaped(text: str) -> str:
    """Return an escaped text for LaTeX; "?" replaces what pdfTeX cannot print."""
    return "".join(
        _SPECIAL.get(c)
        or (f"\\{c}" if c in "&%$#_{}" else c if ord(c) < 0x180 else "?")
        for c in text
    )


_LATEX = _Form(
    cell=partial(_in_latex, escaped=_escaped),
    heading=r"\subsection*{{{}}}".format,
    text=str,
    item=r"""\begin{{samepage}}
\textbf{{{}}}\quad {}

{}

\end{{samepage}}""".format,
    answer=r"\hspace*{{2em}}{}".format,
    room=lambda lines: rf"\vspace{{{9 * lines}mm}}",
)
_PREAMBLE = r"""\documentclass[a4paper,11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2.2cm]{geometry}
\usepackage{amsmath}
\setcounter{MaxMatrixCols}{50}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt}
\sloppy
\begin{document}
"""


def to_latex(title: Sequence[Cell], blocks: Blocks) -> str:
    """Return the page as a LaTeX document that needs amsmath."""
    head = rf"{_PREAMBLE}\section*{{{_LATEX.cells(title)}}}"
    body = "\n\n".join(_LATEX.parts(blocks))
    return f"{head}\n{body}\n\\end{{document}}\n"


_HTML = _Form(
    cell=in_html,
    heading="<h2>{}</h2>".format,
    text="<p>{}</p>".format,
    item='<div class="item"><b>{}</b> {}\n{}</div>'.format,
    answer='<div class="answer">{}</div>'.format,
    room=lambda lines: '<div class="room"></div>' * lines,
)
_STYLE = """<style>
.mlp-page { max-width: 50em }
.item { break-inside: avoid; margin: 1em 0; overflow-x: auto }
.item > b { display: inline-block; font-family: sans-serif; min-width: 3em }
.room { border-bottom: 1px dotted #999; height: 2.2em; margin-left: 3em }
.answer { background: rgba(0, 158, 115, .1); margin: .3em 0 0 3em; padding: .3em .6em }
</style>"""


def to_html(title: Sequence[Cell], blocks: Blocks) -> str:
    """Return the page in HTML with MathML; it needs no script or network."""
    head = f"<h1>{_HTML.cells(title)}</h1>"
    return html.page(_TEXT.cells(title), _STYLE, head, *_HTML.parts(blocks))
