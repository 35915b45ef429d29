"""What the tables are made of: shapes, factors and cells that say "the same"."""

import numpy as np
import pytest

from mlp import Linear, MSELoss, Sequential, Tanh, derive
from mlp.derivation import RULES, Apply, Elementwise
from mlp.derivation.expressions import Number, Symbol
from mlp.derivation.operations import Same
from mlp.derivation.tables import (
    LAYOUTS,
    ONE,
    ROWS,
    Width,
    is_one,
    over,
    shape_of,
    spelled,
)


def test_a_shape_has_letters_and_as_many_integers():
    shape = shape_of(ROWS, Width(Symbol("h", "2"), 5), ONE)
    assert (str(shape), shape.value) == ("N × h₂ × 1", (1, 5, 1))
    assert str(shape_of(ONE)) == "1"


@pytest.mark.parametrize(
    ("divisor", "k", "text", "value"),
    [
        (None, 1, "x", 6),
        (None, 2, "2x", 12),
        (Symbol("K"), 1, "(1/K) x", 1.5),
        (Symbol("K"), 0.5, "(0.5/K) x", 0.75),
    ],
)
def test_a_factor_of_1_is_left_out_and_a_divisor_is_not(divisor, k, text, value):
    found = over(divisor, k, Symbol("x"))
    assert (str(found), found.value({"x": 6, "K": 4})) == (text, value)


def test_only_the_number_1_is_the_slope_of_the_identity():
    x = Symbol("x")
    assert is_one(Number(1))
    assert not any(map(is_one, (Number(0.5), Number(-1), x, x**0)))


def test_the_same_is_spelled_out():
    x = Symbol("x")
    assert spelled(Same(x)) is spelled(x) is x


def test_each_layout_says_what_shape_a_gradient_has():
    assert {name: "".join(map(str, says)) for name, says in LAYOUTS.items()} == {
        "numerator": "In numerator layout: ∂ℓ/∂W has the shape of Wᵀ.",
        "denominator": "In denominator layout: ∂ℓ/∂W has the shape of W.",
    }


@pytest.mark.parametrize(("letters", "is_written_in_x"), [(44, True), (45, False)])
def test_a_cell_of_more_than_44_letters_begins_anew(
    letters, is_written_in_x, monkeypatch
):
    name = "f" * (letters - len("(W⁽¹⁾x + b⁽¹⁾)"))
    rule = Elementwise(lambda x: Apply(name, np.tanh, x), lambda x, y: 1 - y * y)
    monkeypatch.setitem(RULES, Tanh, rule)
    d = derive(Sequential(Linear(2, 1), Tanh()), MSELoss())
    inner = "(W⁽¹⁾x + b⁽¹⁾)" if is_written_in_x else " z₁"
    assert str(d.forward[1].output) == name + inner
