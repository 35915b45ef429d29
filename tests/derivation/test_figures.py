"""How numbers are written, and when an array is summed up."""

from itertools import pairwise

import numpy as np
import pytest
from derivations import assert_reads_back
from hypothesis import given
from hypothesis import strategies as st
from reading import read

from mlp import SGD, Linear, MSELoss, ReLU, Sequential, trace
from mlp.derivation import Apply
from mlp.derivation.expressions import Chain
from mlp.derivation.figures import Figures, figure, line, lines, rows_of, sum_of


def test_numbers_are_written_as_long_as_they_need():
    model = Sequential(Linear(2, 1, bias=False), ReLU())
    model[0].weight.data[...] = [[0.15, -0.2]]
    optimizer = SGD(model.parameters(), lr=0.5)
    text = str(trace(model, MSELoss("sum"), optimizer, [[0.05, 0.1]], [[1.0]]))
    assert "(z₁)₁ = 0.15 · 0.05 + (−0.20) · 0.10 = −0.0125" in text
    assert "ŷ₁ = (−0.0125)⁺ = 0" in text
    assert "ℓ = (0 − 1)² = 1" in text
    assert "(∂ℓ/∂z₁)₁ = (−2) · [−0.0125 > 0] = 0" in text
    assert "−0 " not in text


def test_very_large_and_small_numbers_have_an_exponent():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 2e9
    optimizer = SGD(model.parameters(), lr=1e-12)
    text = str(trace(model, MSELoss(), optimizer, [[3e-5]], [[0.0]]))
    assert "ŷ₁ = 2e+09 · 3e−05 = 60000" in text


def wide(inputs, outputs, rows, **options):
    model = Linear(inputs, outputs, rng=0, **options)
    x, y = np.ones((rows, inputs)), np.ones((rows, outputs))
    return str(trace(model, MSELoss(), SGD(model.parameters(), lr=0.1), x, y))


def test_what_is_too_long_is_summed_up_by_itself():
    assert "ŷ₁ = " in wide(6, 1, 1)
    assert "ŷ: 1 numbers" in wide(7, 1, 1)  # seven products in a sum
    assert "(∂ℓ/∂W⁽¹⁾)₁₁ = " in wide(1, 1, 6)
    assert "∂ℓ/∂W⁽¹⁾: 1 × 1 numbers" in wide(1, 1, 7)
    assert "ŷ₁₂ = " in wide(2, 12, 1)
    assert "(∂ℓ/∂W⁽¹⁾)₁,₁₂ = " in wide(1, 12, 1)
    assert "ŷ: 13 numbers" in wide(2, 13, 1)
    assert "W⁽¹⁾: 1 × 6" not in wide(6, 1, 1)


def test_several_rows_have_the_row_as_the_first_index():
    model = Sequential(Linear(1, 1, rng=0), Linear(1, 1, rng=0))
    t = trace(model, MSELoss(), SGD(model.parameters(), lr=0.1), [[1], [2]], [[3], [4]])
    text = str(t)
    assert "(z₁)₂₁ = " in text
    assert "ŷ₁₁ = " in text


def test_a_difference_of_numbers_that_are_nearly_the_same_is_written_out():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 1 / 3 + 1e-12
    t = trace(model, MSELoss(), SGD([model.weight], 0.1), [[1.0]], [[1 / 3]])
    assert_reads_back(t)
    assert "0.333333333334" in str(t)


@pytest.mark.parametrize(
    ("top", "is_summed_up"), [(Linear(1, 3, bias=False), False), (Linear(1, 2), True)]
)
def test_sixty_parameters_are_written_out_and_one_more_is_summed_up(top, is_summed_up):
    below = [Linear(n, m) for n, m in pairwise([3, 3, 3, 3, 4, 1])]  # 57
    model, y = Sequential(*below, top), np.zeros((1, len(top.weight.data)))
    optimizer = SGD(model.parameters(), lr=0.1)
    text = str(trace(model, MSELoss(), optimizer, [[1, 2, 3]], y))
    assert sum(p.data.size for p in model.parameters()) == 60 + is_summed_up
    assert ("numbers, mean" in text) is is_summed_up


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        ([0.15, -0.2], ["0.15", "−0.20"]),
        ([0.0, 0.5, -0.0], ["0.0", "0.5", "0.0"]),
        ([2.0, -3.0], ["2", "−3"]),
        ([1 / 3, 2.0], ["0.333333333", "2.000000000"]),
        ([0.05, 1 / 3], ["0.05", "0.333333333"]),
        ([0.05, 0.25], ["0.05", "0.25"]),
        ([2e9, 3e-5], ["2e+09", "3e−05"]),
        ([np.inf, -np.inf, np.nan, 0.5], ["inf", "−inf", "nan", "0.5"]),
        (np.array([7], np.int64), ["7"]),
    ],
    ids=str,
)
def test_an_array_is_written_with_the_decimals_that_tell_its_entries(array, texts):
    figures = Figures(array)
    assert [str(figures[k]) for k in range(len(texts))] == texts


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_figure_is_short_and_exact_when_all_digits_are_asked_for(number):
    one = figure(number)
    assert float(one.exact) == number == one.value({})
    assert len(one.exact) < 30
    assert len(str(one)) <= 20
    assert read(str(one)) == pytest.approx(number, rel=1e-8, abs=0)


@given(
    st.floats(-1e3, 1e3),
    st.sampled_from([0, 1e-15, 1e-12, 1e-6, 0.1, 3]),
    st.booleans(),
)
def test_a_line_can_be_worked_out_as_it_stands(a, apart, is_relative):
    b = a * (1 + apart) if is_relative else a + apart
    difference = figure(a) - figure(b)
    one = line("d", difference**2 / figure(3), figure((a - b) ** 2 / 3))
    assert read(str(one.formula)) == pytest.approx((a - b) ** 2 / 3, rel=1e-6, abs=0)


def test_a_line_writes_no_more_digits_than_it_needs():
    third = 1 / 3
    assert str(line("a", figure(third) + 1, figure(third + 1))) == (
        "a = 0.333333333 + 1 = 1.333333333"
    )
    assert str(line("a", figure(0.5), figure(0.5))) == "a = 0.5"
    with np.errstate(all="ignore"):
        log = Apply("log", np.log, figure(-third))
    assert "(−0.333333333)" in str(line("a", log, figure(np.nan)))  # NaN either way


def test_one_term_is_no_sum():
    a, b = figure(2), figure(3)
    assert str(Chain(sum_of([a]), b)) == "2 · 3"
    assert str(Chain(sum_of([a, b]), b)) == "(2 + 3) · 3"


def test_the_entries_of_an_array_are_named_by_their_place():
    array = np.arange(24.0).reshape(2, 12)

    def entries(name, array, rows):
        if rows:
            found = rows_of(name, array, lambda k, i: figure(array[k, i]), 1, 99)
        else:
            found = lines(name, array, lambda *k: figure(array[k]), 1, 99)
        return [str(one).split(" = ") for one in found]

    assert entries("a", array, rows=False)[0] == ["(a)₁₁", "0"]
    assert entries("a", array, rows=False)[-1] == ["(a)₂,₁₂", "23"]
    assert entries("ŷ", array[:, :2], rows=True)[2:] == [["ŷ₂₁", "12"], ["ŷ₂₂", "13"]]
    assert entries("z₁", array[1:, :2], rows=True) == [["(z₁)₁", "12"], ["(z₁)₂", "13"]]


@pytest.mark.parametrize(("terms", "limit"), [(1, 5), (7, 6)])
def test_an_array_that_is_too_large_is_one_line(terms, limit):
    array = np.array([[1.0, 2.0, 6.0], [-4.0, 0.0, 4.0]])
    found = lines("W", array, lambda *k: figure(array[k]), terms, limit)
    assert [*found] == ["W: 2 × 3 numbers, mean 1.5, from −4 to 6"]
    assert len([*lines("W", array, lambda *k: figure(array[k]), 6, 6)]) == 6
