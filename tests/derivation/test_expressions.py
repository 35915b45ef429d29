"""Trees are laid out and evaluated as they say."""

import numpy as np
import pytest
from derivations import call
from hypothesis import given
from oracles import seeds

from mlp.derivation.expressions import (
    Chain,
    Derivative,
    Hadamard,
    Number,
    Of,
    Product,
    Quotient,
    Scalar,
    Sum,
    Symbol,
)
from mlp.derivation.operations import Entry, Transpose


def test_parentheses_go_where_they_are_needed():
    a, b, c = map(Symbol, "abc")
    for tree, text in (
        (Product(a, Sum(b, c)), "a(b + c)"),
        (Transpose(Product(a, b)), "(ab)ᵀ"),
        (Transpose(Derivative(a, b)), "(∂a/∂b)ᵀ"),
        (a - (b - c), "a − (b − c)"),
        (a + (b - c), "a + b − c"),
        (-(a + b), "−(a + b)"),
        (Quotient(a + b, Product(b, c)), "(a + b)/(bc)"),
        (Chain(Number(0.1), a + b), "0.1 · (a + b)"),
        (1 - a, "1 − a"),
        (Symbol("A") * (1 - a), "A ⊙ (1 − a)"),
        (Chain(Quotient(a, b), c, Quotient(b, c)), "a/b · c · (b/c)"),
        (Number(2) ** 2, "2²"),
        (Number(1e-7) ** 2, "(1e−07)²"),
        (Number(-2) ** 2, "(−2)²"),
        (Scalar("K") * a, "Ka"),
        (Product(Of("v", a), Of(".grad", b)), "v(a)b.grad"),
        (Of("v", Of(".grad", b)) ** 2, "(v(b.grad))²"),
        (Symbol("W", "1", "(2)") ** 2, "(W₁⁽²⁾)²"),
    ):
        assert str(tree) == repr(tree) == text


@given(seeds)
def test_a_tree_is_worth_what_it_says(seed):
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=(3, 3)) for name in "abc"}
    a, b, c = values.values()
    A, B, C = map(Symbol, "abc")
    for tree, value in (
        (Product(A, B + C), a @ (b + c)),
        (Transpose(Chain(A, B)) - C, (a @ b).T - c),
        (Hadamard(A, -B), -a * b),
        (Product(Quotient(Number(2), Number(4)), A), a / 2),
    ):
        np.testing.assert_allclose(tree.value(values), value, atol=1e-12)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (lambda x, y: y * y, "ŷᵢ²"),
        (lambda x, y: y * y * y, "ŷᵢ³"),
        (lambda x, y: 1 - y**2, "1 − ŷᵢ²"),
        (lambda x, y: (x**2) ** 3, "(xᵢ²)³"),
        (lambda x, y: (-x) ** 2, "(−xᵢ)²"),
        (lambda x, y: -(x**2), "−xᵢ²"),
        (lambda x, y: x**-1, "xᵢ⁻¹"),
        (lambda x, y: x**0.5, "xᵢ^(0.5)"),
        (lambda x, y: x / (y / x), "xᵢ/(ŷᵢ/xᵢ)"),
        (lambda x, y: x / y / x, "(xᵢ/ŷᵢ)/xᵢ"),
        (lambda x, y: 1 / (1 + x), "1/(1 + xᵢ)"),
        (lambda x, y: x * 3, "xᵢ · 3"),
        (lambda x, y: 2 * (3 * x), "2 · 3xᵢ"),
        (lambda x, y: -2 * x, "(−2)xᵢ"),
        (lambda x, y: x + -2, "xᵢ − 2"),
        (lambda x, y: x - -2, "xᵢ − (−2)"),
        (lambda x, y: 1e-7 * x, "1e−07 · xᵢ"),
        (lambda x, y: x / 1e-7, "xᵢ/(1e−07)"),
        (lambda x, y: call("log")(x) * y, "(log xᵢ)ŷᵢ"),
        (lambda x, y: call("log")(x) ** 2, "(log xᵢ)²"),
        (lambda x, y: y * call("tanh")(x + 1) * y, "ŷᵢ tanh(xᵢ + 1)ŷᵢ"),
        (lambda x, y: call("exp")(call("σ")(x)), "exp(σ(xᵢ))"),
    ],
)
def test_how_a_formula_looks(formula, text):
    assert str(formula(Entry(Symbol("x")), Entry(Symbol("ŷ")))) == text


def test_between_arrays_the_operators_mean_entry_by_entry():
    x, y = Symbol("x"), Symbol("y")
    assert str(x * y) == "x ⊙ y"
    assert str(x * (y * 2)) == "x ⊙ (y · 2)"
    assert str(2 * x * y) == "(2x) ⊙ y"
    assert str((x * y) ** 2) == "(x ⊙ y)²"


def test_a_letter_has_the_value_that_its_name_is_given():
    W = Symbol("W", above="(1)")
    values = {"W⁽¹⁾": 3.0, "v(W⁽¹⁾)": 4.0, "W⁽¹⁾.grad": 5.0, "∂ℓ/∂W⁽¹⁾": 6.0}
    letters = W, Of("v", W), Of(".grad", W), Derivative(Scalar("ℓ"), W)
    assert [letter.value(values) for letter in letters] == [3, 4, 5, 6]
