"""Functions, entries, sums and equations: each looks and comes to what it says."""

import numpy as np
import pytest

from mlp import Buffer
from mlp.derivation import Apply, RowMeans, RowSums
from mlp.derivation.expressions import Number, Product, Symbol
from mlp.derivation.operations import (
    AtLeast,
    Becomes,
    Coordinate,
    Diagonal,
    Entry,
    Equal,
    IsPositive,
    IsSame,
    Kept,
    Named,
    Nothing,
    Positive,
    PowerOf,
    RowMean,
    RowSum,
    Same,
    Shape,
    SquaredNorm,
    SumOver,
    That,
    Transpose,
    Unit,
    Words,
)

x, y, z = Symbol("x"), Symbol("y"), Symbol("z", "1")
w, A = Symbol("W", above="(1)"), Symbol("A")
VALUES = {
    "x": np.array([[3.0], [-1.0], [0.0]]),
    "y": np.array([[0.5], [2.0], [4.0]]),
    "z₁": np.array([[1.0], [2.0], [8.0]]),
    "W⁽¹⁾": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    "A": np.array([[1.0, 2.0, 6.0], [5.0, 7.0, 9.0]]),
}


def log(a):
    return Apply("log", np.log, a)


def sigma(a):
    return Apply("σ", lambda a: 1 / (1 + np.exp(-a)), a)


@pytest.mark.parametrize(
    ("tree", "text", "value"),
    [
        (Transpose(w), "W⁽¹⁾ᵀ", [[1, 4], [2, 5], [3, 6]]),
        (Transpose(x**2), "(x²)ᵀ", [[9, 1, 0]]),
        (Product(Transpose(x), y), "xᵀy", [[-0.5]]),
        (log(y), "log y", [[np.log(0.5)], [np.log(2)], [np.log(4)]]),
        (log(Entry(y)), "log yᵢ", np.log([0.5, 2, 4])),
        (log(Entry(z)), "log((z₁)ᵢ)", np.log([1, 2, 8])),
        (log(y + 1), "log(y + 1)", np.log([[1.5], [3], [5]])),
        (sigma(Number(0)), "σ(0)", 0.5),
        (1 / sigma(Number(0)), "1/σ(0)", 2),
        (1 / log(Symbol("y")), "1/(log y)", 1 / np.log([[0.5], [2], [4]])),
        (AtLeast(x, 1), "max(x, 1)", [[3], [1], [1]]),
        (Positive(x), "(x)⁺", [[3], [0], [0]]),
        (1 / Positive(Number(2)), "1/(2)⁺", 0.5),
        (IsPositive(x), "[x > 0]", [[1], [0], [0]]),
        (SquaredNorm(x - y), "‖x − y‖²", 6.25 + 9 + 16),
        (Entry(x), "xᵢ", [3, -1, 0]),
        (Entry(z), "(z₁)ᵢ", [1, 2, 8]),
        (Entry(x + y), "(x + y)ᵢ", [3.5, 1, 4]),
        (Entry(x) * Entry(y), "xᵢyᵢ", [1.5, -2, 0]),
        (SumOver(Entry(x) * Entry(y)), "Σᵢ [xᵢyᵢ]", -0.5),
        (RowSum(A), "sum of the rows of A", [6, 9, 15]),
        (RowMean(A), "mean of the rows of A", [3, 4.5, 7.5]),
        (RowMeans(A), "the row means of A", [[3], [7]]),
        (RowSums(A), "the row sums of A", [[9], [21]]),
        (RowSums(A) * A, "(the row sums of A) ⊙ A", [[9, 18, 54], [105, 147, 189]]),
        (RowMeans(A + 1), "the row means of (A + 1)", [[4], [8]]),
        (PowerOf(Number(0.5), Number(3)), "0.5³", 0.125),
        (Diagonal(Entry(x), y), "xᵢ if i = j, else 0", np.diag([3, -1, 0])),
        (Diagonal(Number(2), y), "2 if i = j, else 0", 2 * np.eye(3)),
        (
            Diagonal(IsPositive(Entry(x)), y),
            "1 if i = j and xᵢ > 0, else 0",
            np.diag([1, 0, 0]),
        ),
        (Unit(x), "I", np.eye(3)),
        (Same(x), "the same", [[3], [-1], [0]]),
        (Equal(x, y), "x = y", [[0.5], [2], [4]]),
        (Becomes(Symbol("θ"), y), "θ ← y", [[0.5], [2], [4]]),
    ],
    ids=str,
)
def test_a_tree_looks_and_comes_to_what_it_says(tree, text, value):
    assert str(tree) == text
    found = tree.value(VALUES)
    assert np.shape(found) == np.shape(value)
    np.testing.assert_allclose(found, value, rtol=1e-15)


def test_the_entries_of_a_jacobian_are_those_of_all_i_and_j_at_once():
    i, j, same = Coordinate(x, "i"), Coordinate(z, "j"), IsSame(y)
    tree = i * same - i * j
    assert str(tree) == "xᵢ(1 if i = j, else 0) − xᵢ(z₁)ⱼ"
    assert str(Coordinate(w, "i")) == "(W⁽¹⁾)ᵢ"
    a, b = VALUES["x"].ravel(), VALUES["z₁"].ravel()
    np.testing.assert_array_equal(
        tree.value(VALUES)[:, :, 0], np.diag(a) - np.outer(a, b)
    )


@pytest.mark.parametrize("number", [Entry(x), Coordinate(x, "i"), IsSame(x)], ids=str)
def test_an_entry_is_a_number_by_which_an_array_is_multiplied(number):
    assert "⊙" not in str(number * A)
    assert "⊙" in str(x * A)


def test_a_letter_for_a_formula_is_printed_as_the_letter():
    p = Named("p", x + y, above="(2)")
    assert str(p * x) == "p⁽²⁾ ⊙ x"
    np.testing.assert_array_equal(p.value(VALUES), VALUES["x"] + VALUES["y"])


def test_what_a_layer_keeps_is_read_when_it_is_asked_for_in_float64():
    buffer = Buffer(np.array([1.0, 2.0], np.float32))
    kept = Kept("the running mean", buffer)
    buffer.data[...] = [0.1, 3.0]
    assert str(kept) == "the running mean"
    assert kept.value({}).dtype == np.float64
    np.testing.assert_array_equal(kept.value({}), np.float32([0.1, 3.0]))


def test_words_have_no_value_and_none_is_one():
    assert str(Words("see the batch")) == "see the batch"
    assert np.isnan(Words("see the batch").value(VALUES))
    assert (str(Nothing()), Nothing().value({})) == ("None", None)
    that = That(x, y)
    assert str(that) == "that, and y"
    assert [a.tolist() for a in that.value(VALUES)] == [
        VALUES["x"].tolist(),
        VALUES["y"].tolist(),
    ]


def test_the_left_side_of_an_equation_needs_no_value():
    assert Equal(Symbol("unknown"), Number(2)).value({}) == 2


def test_a_shape_is_in_letters_and_in_integers():
    shape = Shape((Symbol("n"), Symbol("h", "1")), (3, 4))
    assert (str(shape), shape.value) == ("n × h₁", (3, 4))
