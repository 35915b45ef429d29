"""Pieces of HTML for notebooks and pages, without script or network.

The style names only what is inside an element of class mlp-out, so that it
changes nothing else on a page. Its colours are those of the text around it,
which a dark theme has made light.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """<style>
.mlp-out { max-width: 100%; overflow-x: auto; line-height: 1.5; text-align: left }
.mlp-out table { border-collapse: collapse; margin: .5em 0; color: inherit }
.mlp-out table th, .mlp-out table td { padding: .3em 1.2em .3em 0;
  border: 0; border-bottom: 1px solid rgba(128, 128, 128, .4);
  text-align: left; vertical-align: baseline;
  font-variant-numeric: tabular-nums }
.mlp-out tr.mlp-wrong td { background: rgba(213, 94, 0, .2) }
.mlp-out p.mlp-wrong, .mlp-out p.mlp-right { padding: .2em .6em; margin: .4em 0;
  border-left: .3em solid #d55e00 }
.mlp-out p.mlp-right { border-color: #009e73 }
.mlp-out math { math-style: normal }
.mlp-out svg { width: 100%; max-width: 40em; height: auto; font: 12px sans-serif }
.mlp-page { font: 16px/1.5 serif; max-width: 70em; margin: 2em auto; padding: 0 1em }
.mlp-page h1, .mlp-page h2, .mlp-page th { font-family: sans-serif }
</style>"""


def fragment(*parts: str, name: str = "mlp-out") -> str:
    """Return parts of HTML as one element that brings its own style."""
    return "\n".join([f'<div class="{name}">{STYLE}', *parts, "</div>"])


def page(title: str, *parts: str) -> str:
    """Return a document of parts of HTML, which needs nothing beside it."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"></head><body>
{fragment(*parts, name="mlp-out mlp-page")}
</body></html>
"""


def paragraph(text: str, right: bool | None = None) -> str:
    """Return a paragraph, with a mark and a coloured edge if it is a verdict."""
    if right is None:
        return f"<p>{escape(text)}</p>"
    kind, mark = ("right", "✓") if right else ("wrong", "✗")
    return f'<p class="mlp-{kind}">{mark} {escape(text)}</p>'


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], wrong: Sequence[int] = ()
) -> str:
    """Return a table of cells of HTML, in which the rows in wrong stand out."""
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    lines = []
    for i, row in enumerate(rows):
        opening = '<tr class="mlp-wrong">' if i in wrong else "<tr>"
        lines.append(opening + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>")
    return "\n".join(
        [
            "<table>",
            *([f"<thead><tr>{head}</tr></thead>"] if columns else []),
            "<tbody>",
            *lines,
            "</tbody></table>",
        ]
    )
