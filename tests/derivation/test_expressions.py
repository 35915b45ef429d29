"""Trees are laid out and evaluated as they say."""

import numpy as np
from hypothesis import given
from oracles import seeds

from mlp.derivation.expressions import (
    Chain,
    Derivative,
    Hadamard,
    Number,
    Product,
    Quotient,
    Sum,
    Symbol,
)
from mlp.derivation.operations import Transpose


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
