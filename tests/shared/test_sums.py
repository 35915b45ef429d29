"""Long sums keep their digits, and an underflow stops nothing."""

import math
from fractions import Fraction

import numpy as np
import pytest

from mlp._shared import sums

SIZES = [1, 255, 257, 8_191, 8_193, 30_000]  # each way to add up, and its borders


@pytest.mark.parametrize("n", SIZES)
def test_a_dot_product_is_the_exact_one(n):
    a, b = np.random.default_rng(n).normal(size=(2, n))
    products = [Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)]
    size = float(sum(map(abs, products)))
    assert sums.dot(a, b) == pytest.approx(float(sum(products)), abs=1e-14 * size)
    assert sums.dot(a, a) == pytest.approx(math.fsum(a * a), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_difference_and_what_its_rounding_loses_are_exact(dtype):
    a, b = np.random.default_rng(0).normal(size=(2, 300)).astype(dtype)
    a[:100] *= 1e-6
    b[100:200] *= 1e-6
    rounded, lost = sums.difference(a, b)
    assert np.array_equal(rounded, a - b)
    for i in range(len(a)):
        both = Fraction(float(rounded[i])) + Fraction(float(lost[i]))
        assert both == Fraction(float(a[i])) - Fraction(float(b[i]))


@pytest.mark.parametrize("n", SIZES)
def test_the_sum_and_the_mean_of_rows_have_all_digits_of_float32(n):
    a = np.random.default_rng(n).uniform(1, 2, (n, 3)).astype(np.float32)
    exact = [math.fsum(column) for column in a.T.astype(float)]
    for found, right in (
        (sums.sum_of_rows(a), exact),
        (sums.mean_of_rows(a), np.divide(exact, n)),
    ):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, right, rtol=1e-6 if n < 257 else 2e-7)


@pytest.mark.parametrize("shape", [(3, 5), (300, 400), (2, 70_000), (70_000, 2)])
def test_a_product_is_numpys_whichever_call_makes_it(shape):
    a = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(sums.product(a, a.T[:, :2]), a @ a.T[:, :2], rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2048, 2049])  # both ways, and their border
def test_the_positive_part_is_the_entry_itself_or_zero(n, dtype):
    a = np.resize([np.nan, np.inf, -np.inf, -1.0, 0.5, 5e-324, -0.0], n).astype(dtype)
    with np.errstate(all="raise"):
        y = sums.positive_part(a)
    assert y.dtype == a.dtype
    assert y.tolist() == pytest.approx([0.0 if v <= 0 else v for v in a], nan_ok=True)
    assert y is not a
    assert isinstance(sums.positive_part(np.array(-1.0)), np.ndarray)


def test_the_norm_of_several_arrays_neither_overflows_nor_underflows():
    for scale in (1.0, 1e200, 1e-200):
        arrays = [scale * np.array([[2.0, -3.0]]), scale * np.array([6.0])]
        assert sums.norm(arrays) == pytest.approx(7 * scale, rel=1e-14)
    assert sums.norm([]) == sums.norm([np.zeros(3)]) == 0
    assert sums.norm([np.array([1.0, -np.inf])]) == np.inf


def test_the_logistic_function_is_that_of_the_definition():
    x = np.linspace(-30, 30, 61)
    np.testing.assert_allclose(sums.logistic(x), 1 / (1 + np.exp(-x)), rtol=1e-12)


@pytest.mark.parametrize(
    "made", [sums.ones(3, np.dtype(float)), sums.scalar(2.0, np.dtype(float))]
)
def test_what_is_kept_for_all_cannot_be_written_into(made):
    with pytest.raises(ValueError, match="read-only"):
        made[...] = 7.0


class Forms:
    """A method of each form that underflow_is_zero knows."""

    @sums.underflow_is_zero
    def alone(self):
        return np.exp(np.array([-1000.0]))

    @sums.underflow_is_zero
    def of_one(self, x):
        return np.exp(x)

    @sums.underflow_is_zero
    def of_a_loss(self, prediction, target, weight):
        return np.exp(prediction) + (0 if weight is None else weight)

    @sums.underflow_is_zero
    def backward(self, grad_output, *, needs_input_grad):
        return np.exp(grad_output) if needs_input_grad else None


def test_an_underflow_is_zero_in_each_form_and_an_overflow_is_an_error():
    forms, low, high = Forms(), np.array([-1000.0]), np.array([1000.0])
    with np.errstate(all="raise"):
        assert forms.alone() == forms.of_one(low) == forms.of_a_loss(low, low) == 0
        assert forms.of_a_loss(low, low, 2.0) == 2
        assert forms.backward(low) == 0  # for the gradient of the input, unless told
        assert forms.backward(low, needs_input_grad=False) is None
        assert sums.times(1e-200, np.array([1e-200, 3e200])).tolist() == [0, 3]
        for call in (forms.of_one, forms.backward, lambda x: forms.of_a_loss(x, x)):
            with pytest.raises(FloatingPointError, match="overflow"):
                call(high)
