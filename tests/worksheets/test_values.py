"""What formulas are made of: arrays with indices, and the functions."""

import numpy as np
import pytest

from mlp import ReLU, Sigmoid, Softmax, Tanh
from mlp.worksheets.values import FUNCTIONS, Point, Value

MATRIX = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("data", "indices", "is_number", "size"),
    [
        (3.0, "", True, "a number"),
        ([[3.0]], "", True, "1 × 1"),
        ([[3.0]], "i", False, "1 × 1"),  # the one entry of a column, for each i
        ([1.0, 2.0], "", False, "2"),
        (MATRIX, "", False, "2 × 3"),
    ],
)
def test_a_value_says_what_it_is(data, indices, is_number, size):
    value = Value(np.array(data), frozenset(indices))
    assert (value.is_number, value.size) == (is_number, size)


@pytest.mark.parametrize(
    ("indices", "shape", "array"),
    [
        ("", (2, 3), MATRIX),
        ("i", (6, 1, 1), MATRIX.ravel()),
        ("j", (1, 6, 1), MATRIX.ravel()),
        ("ij", (2, 3, 1), MATRIX),
    ],
)
def test_entries_of_one_index_are_in_a_row_and_of_two_a_matrix(indices, shape, array):
    found = Value(MATRIX.reshape(shape), frozenset(indices)).array()
    assert found.tolist() == array.tolist()


@pytest.mark.parametrize("name", [n for n, pair in FUNCTIONS.items() if pair[1]])
def test_the_derivative_beside_a_function_is_its_slope(name):
    function, derivative = FUNCTIONS[name]
    a, h = np.array([[-1.5], [-0.25], [0.75], [2.0]]), 1e-6
    if name == "log":
        a = np.abs(a)
    slope = (function(a + h) - function(a - h)) / (2 * h)
    np.testing.assert_allclose(derivative(a), slope, rtol=1e-8, atol=1e-9)
    assert derivative(a).dtype == np.float64  # of which 1 can be taken away


@pytest.mark.parametrize(
    ("name", "layer"),
    [("σ", Sigmoid), ("tanh", Tanh), ("relu", ReLU), ("softmax", Softmax)],
)
@pytest.mark.parametrize("large", [[], [-1000.0, 1000.0]])
def test_functions_are_those_of_the_layers_at_any_number(name, layer, large):
    row = np.array([[-1.0, 0.0, 0.5, *large]])
    expected = layer().forward(row)
    with np.errstate(over="raise", invalid="raise"):
        np.testing.assert_allclose(FUNCTIONS[name][0](row), expected, rtol=1e-14)
        np.testing.assert_allclose(FUNCTIONS[name][0](row.T), expected.T, rtol=1e-14)


def test_the_slope_at_a_kink_is_that_of_the_layer():
    relu, g = ReLU(), np.ones((1, 1))
    relu.forward(np.zeros((1, 1)))
    assert FUNCTIONS["relu"][1](np.zeros((1, 1))) == relu.backward(g)


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [("log", np.e, 1.0), ("exp", 2.0, np.e**2), ("sqrt", 9.0, 3.0)],
)
def test_functions_of_a_number(name, at, value):
    assert FUNCTIONS[name][0](at) == pytest.approx(value, rel=1e-15)


def test_the_words_of_a_sheet_are_its_own_functions_that_are_longer_than_a_letter():
    own = dict.fromkeys(["sine", "arctan", "f", "f1"], FUNCTIONS["exp"])
    assert Point({}, FUNCTIONS | own, {}, 0).words == ("arctan", "sine")
    assert Point({}, FUNCTIONS, {}, 0).words == ()
