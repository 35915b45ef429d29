"""Formulas as MathML, which a browser lays out by itself: no script, no network."""

from __future__ import annotations

from docutils import nodes
from latex2mathml.converter import convert


def setup(app):
    """Register the renderer that conf.py names."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))


def inline(writer, node):
    """Write a formula in a line of text."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block(writer, node):
    """Write a formula that stands alone; a wide one can be scrolled."""
    formula = convert(node.astext(), display="block")
    writer.body.append(f'<div class="math" style="overflow-x: auto">{formula}</div>')
    raise nodes.SkipNode
