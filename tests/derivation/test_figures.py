"""How numbers are written, and when an array is summed up."""

import numpy as np
from derivations import assert_reads_back

from mlp import SGD, Linear, MSELoss, ReLU, Sequential, trace


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
