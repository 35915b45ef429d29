"""Tables in LaTeX, MathML and plain text.

Latex and MathML are two more notations: each formula of expressions.py can
be written in any of them. This module does not depend on nets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Any, NamedTuple, TypeAlias

from mlp._shared import html
from mlp._shared.printing import paragraph, text_table
from mlp.derivation.expressions import Expr
from mlp.derivation.notation import Notation
from mlp.derivation.operations import Shape

Cell: TypeAlias = Expr | Shape | str


def _signed(exponent: str, minus: str) -> str:
    """Return −07 as −7, and +09 as 9."""
    return str(int(exponent.replace("−", "-"))).replace("-", minus)


class Latex(Notation):
    r"""LaTeX with amsmath, in commands that KaTeX and MathJax also know."""

    inline_fractions = False
    commands = {
        "·": r"\cdot", "⊙": r"\odot", "×": r"\times", "−": "-", "∂": r"\partial",
        "Σ": r"\sum", "←": r"\leftarrow", "ℓ": r"\ell", "σ": r"\sigma", "T": r"\top",
        "ŷ": r"\hat{y}", "Ŷ": r"\hat{Y}", "": r"\thinspace", "|": r"\vert",
        "x̂": r"\hat{x}", "X̂": r"\hat{X}", "Ĝ": r"\hat{G}", "m̂": r"\hat{m}",
        "v̂": r"\hat{v}", "β": r"\beta", "γ": r"\gamma", "μ": r"\mu",
    }  # fmt: skip

    def token(self, text: str) -> str:
        """Return the command of a letter or an operator."""
        text = text.strip()
        if len(text) > 1 and text[0].isalpha() and text not in self.commands:
            return rf"\mathrm{{{text}}}".replace("_", r"\_")
        return f" {self.commands.get(text, text)} "

    def words(self, text: str) -> str:
        """Return upright text."""
        return rf"\text{{{text}}}".replace("_", r"\_").replace("|", r"$\vert$")

    def number(self, digits: str, exponent: str) -> str:
        r"""Return the digits, or digits \cdot 10^{exponent}."""
        if exponent:
            return rf" {digits} \cdot {{10}}^{{{_signed(exponent, '-')}}} "
        return f" {digits} "

    def row(self, *parts: str) -> str:
        """Return the parts joined, with single spaces."""
        return re.sub(" +", " ", "".join(parts)).strip()

    def fence(self, left: str, inner: str, right: str) -> str:
        """Return brackets that grow with what is between."""
        left, right = (r"\lVert", r"\rVert") if left == "‖" else (left, right)
        return rf"\left{left} {inner} \right{right}"

    def index(self, base: str, below: str) -> str:
        """Return base_{i}."""
        return f"{{{base.strip()}}}_ {{{below}}}"  # or Markdown takes it for emphasis

    def power(self, base: str, above: str) -> str:
        """Return base^{2}."""
        above = self.commands.get(above, above.replace("−", "-"))
        return f"{{{base.strip()}}}^{{{above}}}"

    def fraction(self, above: str, below: str) -> str:
        r"""Return \frac."""
        return rf"\frac{{{above}}}{{{below}}}"


class MathML(Notation):
    """MathML Core, which browsers show without a script."""

    inline_fractions = False
    digit_first = re.compile("(<m(row|sup|sub)>)*<mn>")

    def token(self, text: str) -> str:
        """Return an operator, a number, a letter or a space."""
        text = text.strip()
        if not text:
            return '<mspace width="0.2em"/>'
        tag = "mn" if text[0].isdigit() else "mi" if text.isalpha() else "mo"
        return f"<{tag}>{escape(text)}</{tag}>"

    def number(self, digits: str, exponent: str) -> str:
        """Return the digits, or digits · 10 to the exponent."""
        number = f"<mn>{digits}</mn>"
        if not exponent:
            return number
        power = f"<msup><mn>10</mn><mn>{_signed(exponent, '−')}</mn></msup>"
        return f"{number}<mo>·</mo>{power}"

    def words(self, text: str) -> str:
        """Return upright text that keeps its spaces."""
        return f"<mtext>{escape(text).replace(' ', '&#160;')}</mtext>"

    def fence(self, left: str, inner: str, right: str) -> str:
        """Return brackets that grow with what is between."""
        return f"<mrow><mo>{left}</mo>{inner}<mo>{right}</mo></mrow>"

    def index(self, base: str, below: str) -> str:
        """Return base with an index."""
        return f"<msub>{base}<mi>{below}</mi></msub>"

    def power(self, base: str, above: str) -> str:
        """Return base with a power."""
        return f"<msup>{base}<mi>{above}</mi></msup>"

    def fraction(self, above: str, below: str) -> str:
        """Return above over below."""
        return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"


LATEX, MATHML = Latex(), MathML()


class Table(NamedTuple):
    """A heading, a remark below it, and rows: named tuples of one class."""

    heading: str
    remark: Sequence[Cell]
    rows: Sequence[Any]

    @property
    def columns(self) -> list[str]:
        """The names of the columns, which are the names of the fields."""
        return [name.capitalize() for name in self.rows[0]._fields]


def to_text(tables: Sequence[Table]) -> str:
    """Return the tables in plain Unicode, within 100 columns."""
    parts = []
    for table in tables:
        remark = paragraph("".join(map(str, table.remark)))
        rows = [[str(cell) for cell in row] for row in table.rows]
        parts.append(f"{table.heading}\n{remark}\n{text_table(table.columns, rows)}")
    return "\n\n".join(parts)


def _in_latex(part: Cell, opening: str = "$") -> str:
    if isinstance(part, str):
        return part.replace("_", r"\_")
    return f"{opening}{part.layout(LATEX).strip()}$"


def to_markdown(tables: Sequence[Table]) -> str:
    """Return the tables in Markdown, with LaTeX in the cells."""
    parts = []
    for table in tables:
        rows = [table.columns, ["---"] * len(table.columns), *table.rows]
        lines = ["| " + " | ".join(map(_in_latex, row)) + " |" for row in rows]
        remark = "".join(map(_in_latex, table.remark))
        parts.append("\n".join([f"### {table.heading}", "", remark, "", *lines]))
    return "\n\n".join(parts) + "\n"


def to_latex(tables: Sequence[Table]) -> str:
    """Return the tables in LaTeX, as a part of a document with amsmath."""
    cell = partial(_in_latex, opening=r"$\displaystyle ")
    parts = []
    for table in tables:
        head, *rows = (
            " & ".join(map(cell, row)) for row in [table.columns, *table.rows]
        )
        n, long = len(table.columns) - 1, len(max(rows, key=len)) > 900
        spec = rf"l*{{{n}}}{{p{{{0.8 / n:.2f}\linewidth}}}}"
        parts += [rf"\subsection*{{{table.heading}}}", "".join(map(cell, table.remark))]
        for k in range(0, len(rows), size := 3 if long else 12):  # each fits a page
            parts += [
                rf"\par\noindent\begin{{tabular}}{{{spec}}}",
                head + r" \\ \hline \rule{0pt}{16pt}%",
                " \\\\[6pt]\n".join(rows[k : k + size]) + "\n\\end{tabular}\n",
            ]
    return "\n".join(parts)


def in_html(part: Cell) -> str:
    """Return words as HTML, or a formula in MathML."""
    if isinstance(part, str):
        return escape(part)
    return f"<math>{part.layout(MATHML)}</math>"


def sections(title: str, tables: Sequence[Table], level: int) -> list[str]:
    """Return a heading of this level, and a section for each table."""
    parts = [f"<h{level}>{escape(title)}</h{level}>"]
    for table in tables:
        heading = f"<h{level + 1}>{escape(table.heading)}</h{level + 1}>"
        parts += [
            f"<section>{heading}",
            f"<p>{''.join(map(in_html, table.remark))}</p>",
            html.table(table.columns, [list(map(in_html, row)) for row in table.rows]),
            "</section>",
        ]
    return parts


def for_a_notebook(title: str, tables: Sequence[Table]) -> str:
    """Return the tables as an HTML element, for an existing page."""
    return html.fragment(*sections(title, tables, level=3))


def to_html(title: str, tables: Sequence[Table]) -> str:
    """Return the tables as a web page, with MathML in the cells."""
    return html.page(title, *sections(title, tables, level=1))
