"""How a derivation looks: text, Markdown, LaTeX, a page."""

import copy
import pickle
import re
import time
from collections import namedtuple

import numpy as np
import pytest
from derivations import deep, net
from oracles import page_of

from mlp import (
    BCELoss,
    Layer,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    derive,
)
from mlp.derivation import RULES, Apply, Elementwise
from mlp.derivation.expressions import Symbol
from mlp.derivation.operations import IsPositive, SquaredNorm, Transpose, Words
from mlp.derivation.rendering import (
    LATEX,
    MATHML,
    Table,
    for_a_notebook,
    to_html,
    to_latex,
    to_markdown,
    to_text,
)


@pytest.mark.parametrize("nested", [None, True])
@pytest.mark.parametrize("depth", [1, 2, 3, 12])
@pytest.mark.parametrize("make", [MSELoss, BCELoss])
def test_print_fits_100_columns(nested, depth, make):
    text = str(derive(deep(depth, activation=Sigmoid), make(), nested=nested))
    assert max(map(len, text.splitlines())) <= 100
    assert not any(line.endswith(" ") for line in text.splitlines())
    assert "Derivation of Linear₁ → " in text
    for part in ("Forward pass", "Gradients", "Jacobians", "Backward of a batch"):
        assert part in text


def test_markdown_has_latex_in_dollars():
    text = derive(net(), MSELoss("sum")).to_markdown()
    assert r"| ${\mathrm{Linear}}_ {1}$ |" in text
    assert r"${\left( {W}^{(1)} x + {b}^{(1)} \right)}^{+}$" in text
    assert r"\frac{\partial \ell}{\partial \hat{y}}" in text
    assert derive(net(), MSELoss())._repr_markdown_().startswith("## Derivation of")
    for line in text.splitlines():
        assert line.count("$") % 2 == 0
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4)
        for formula in re.findall(r"\$(.*?)\$", line):
            assert formula.isascii()
            assert formula.count("{") == formula.count("}")
            left, right = (
                re.findall(rf"\\{side}\b", formula) for side in ("left", "right")
            )
            assert len(left) == len(right)


def test_latex_is_a_fragment_of_tables():
    text = derive(net(Sigmoid, Sigmoid), BCELoss()).to_latex()
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 6
    assert r"\documentclass" not in text
    assert text.isascii()


def test_html_is_one_page_with_mathml_and_nothing_from_elsewhere():
    text = derive(net(Sigmoid, Sigmoid), BCELoss()).to_html()
    page = page_of(text)
    assert {"math", "mfrac", "msub", "msup", "table"} <= page.seen
    assert not {"script", "link", "img", "iframe"} & page.seen
    assert "http" not in text
    assert "url(" not in text
    text = derive(net(), MSELoss()).to_html()
    for sign in "<mo>&gt;</mo>", "<mn>2</mn>", "<mi>x</mi>":
        assert sign in text


@pytest.mark.parametrize(("activation", "make"), [(ReLU, MSELoss), (Sigmoid, BCELoss)])
def test_twenty_layers_are_quick_and_small(activation, make):
    model, criterion = deep(20, width=4, activation=activation), make()
    start = time.perf_counter()
    d = derive(model, criterion)
    assert time.perf_counter() - start < 1  # 50 ms are measured in benchmarks
    assert len(d.to_html().encode()) < 200_000


def test_repr_copy_and_pickle():
    d = derive(net(), MSELoss())
    assert repr(d) == "<Derivation of Linear₁ → f → Linear₂ → g with MSELoss>"
    for other in (copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        assert str(other) == str(d)
        assert other.check([1, 2, 3], [4, 5]) < 1e-12


def test_names_of_ones_own_are_escaped_in_latex_and_markdown(monkeypatch):
    class My_Tanh(Layer):
        def forward(self, x):
            return np.tanh(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output

    rule = Elementwise(lambda x: Apply("my_tanh|", np.tanh, x), lambda x, y: 1 - y * y)
    monkeypatch.setitem(RULES, My_Tanh, rule)
    d = derive(Sequential(Linear(1, 1), My_Tanh()), MSELoss())
    for text in (d.to_latex(), d.to_markdown()):
        assert r"my\_tanh$\vert$" in text
    assert r"is My\_Tanh;" in d.to_latex()


x, W = Symbol("x"), Symbol("W", above="(1)")


@pytest.mark.parametrize(
    ("tree", "latex", "mathml"),
    [
        (
            Transpose(W),
            r"{{W}^{(1)}}^{\top}",
            "<msup><msup><mi>W</mi><mi>(1)</mi></msup><mi>T</mi></msup>",
        ),
        (
            (x + 1) / x,
            r"\frac{x + 1}{x}",
            "<mfrac><mrow><mi>x</mi><mo>+</mo><mn>1</mn></mrow>"
            "<mrow><mi>x</mi></mrow></mfrac>",
        ),
        (x**-1, r"{x}^{-1}", "<msup><mi>x</mi><mi>−1</mi></msup>"),
        (
            1e-7 * x,
            r"1 \cdot {10}^{-7} \cdot x",
            "<mn>1</mn><mo>·</mo><msup><mn>10</mn><mn>−7</mn></msup><mo>·</mo><mi>x</mi>",
        ),
        (
            SquaredNorm(x),
            r"{\left\lVert x \right\rVert}^{2}",
            "<msup><mrow><mo>‖</mo><mi>x</mi><mo>‖</mo></mrow><mi>2</mi></msup>",
        ),
        (
            IsPositive(Symbol("z", "1")),
            r"\left[ {z}_ {1} > 0 \right]",
            "<mrow><mo>[</mo><msub><mi>z</mi><mi>1</mi></msub><mo>&gt;</mo>"
            "<mn>0</mn><mo>]</mo></mrow>",
        ),
    ],
    ids=str,
)
def test_a_formula_in_latex_and_mathml(tree, latex, mathml):
    assert tree.layout(LATEX).replace(" ", "") == latex.replace(" ", "")
    assert tree.layout(MATHML) == mathml


Row = namedtuple("Row", "layer formula shape")


def table(count, formula=x):
    rows = [Row(Symbol("f", str(k)), formula, "1 < 2") for k in range(count)]
    return Table("Forward & back", ["Of ", x, ", a_b < c."], rows)


@pytest.mark.parametrize(
    ("count", "formula", "at_most"), [(25, x, 12), (7, Words("w" * 900), 3)]
)
def test_latex_has_a_column_for_each_field_and_pages_of_a_few_rows(
    count, formula, at_most
):
    text = to_latex([table(count, formula)])
    pages = text.split(r"\begin{tabular}")[1:]
    assert len(pages) == -(-count // at_most)
    rows = 0
    for page in pages:
        columns = re.match(r"{l\*{(\d+)}{p{0\.40\\linewidth}}}", page)[1]
        assert 1 + int(columns) == len(Row._fields)
        head, *body = re.findall(".*&.*", page)
        assert head.startswith("Layer & Formula & Shape ")
        assert all(line.count("&") == 2 for line in body)
        assert len(body) <= at_most
        rows += len(body)
    assert rows == count


def test_text_and_markdown_have_heading_remark_and_rows():
    text = to_text([table(1), table(2)])
    assert text.count("Forward & back\nOf x, a_b < c.\n") == 2
    assert text.count("f₀") == 2
    markdown = to_markdown([table(1)])
    assert markdown.startswith("### Forward & back\n\nOf $x$, a\\_b < c.\n\n")
    assert markdown.endswith("| --- | --- | --- |\n| ${f}_ {0}$ | $x$ | 1 < 2 |\n")


def test_html_has_headings_of_one_level_and_escapes_words():
    whole, part = to_html("a < b", [table(2)]), for_a_notebook("a < b", [table(2)])
    for text, level in (whole, 1), (part, 3):
        page_of(text)
        assert f"<h{level}>a &lt; b</h{level}>" in text
        assert f"<h{level + 1}>Forward &amp; back</h{level + 1}>" in text
        assert "<p>Of <math><mi>x</mi></math>, a_b &lt; c.</p>" in text
        assert text.count("1 &lt; 2") == 2
    assert whole.startswith("<!DOCTYPE html>")
    assert "<title>a &lt; b</title>" in whole
    assert "<html" not in part
