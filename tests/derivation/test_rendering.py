"""How a derivation looks: text, Markdown, LaTeX, a page."""

import copy
import pickle
import re
import time

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
