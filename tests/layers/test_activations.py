"""The activations: formula, derivative, far out, and what they refuse."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import numerical_gradient

from mlp import Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh

ACTIVATIONS = [ReLU, LeakyReLU, Sigmoid, Tanh, Identity]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@given(x=hnp.arrays(float, hnp.array_shapes(min_dims=0), elements=st.floats(-9, 9)))
def test_activation_gradient_against_central_differences(activation, x):
    assume(np.all(np.abs(x) > 1e-4))  # away from the kink of ReLU
    layer = activation()
    upstream = np.random.default_rng(x.size).normal(size=x.shape)

    def value():
        return float(np.sum(layer.forward(x) * upstream))

    expected = numerical_gradient(value, x)
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(upstream), expected, atol=1e-8)


@given(st.floats(-40, 40))
def test_sigmoid_of_minus_x_is_one_minus_sigmoid(x):
    layer = Sigmoid()
    assert layer.forward(-x) == pytest.approx(1 - layer.forward(x), abs=3e-16, rel=0)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (-40, 4.248354255291589e-18),  # e⁻⁴⁰ / (1 + e⁻⁴⁰)
        (-709, math.exp(-709)),
        (-720, math.exp(-720)),  # a subnormal number
        (-746, 0.0),
        (-1e308, 0.0),
        (-math.inf, 0.0),
        (0, 0.5),
        (40, 1.0),
        (1e308, 1.0),
        (math.inf, 1.0),
    ],
)
def test_sigmoid_far_out_is_exact_and_silent(x, y):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert Sigmoid().forward(float(x)) == pytest.approx(y, rel=1e-15, abs=0)


def test_sigmoid_is_within_four_ulp_of_the_exact_value():
    x = np.concatenate([np.linspace(-700, 40, 7401), -np.logspace(-300, 2, 303)])
    with np.errstate(over="ignore"):
        exact = (1 / (1 + np.exp(-x.astype(np.longdouble)))).astype(float)
    assert np.all(np.abs(Sigmoid().forward(x) - exact) <= 4 * np.spacing(exact))


def test_sigmoid_backward_is_from_the_stored_output_at_its_ends():
    layer = Sigmoid()
    layer.forward([-1000.0, -40.0, 0.0, 1000.0])
    gradient = layer.backward([1.0, 2.0, 3.0, 4.0])
    assert gradient.tolist() == [0.0, 2 * 4.248354255291589e-18, 0.75, 0.0]


def test_relu_has_derivative_zero_at_zero():
    layer = ReLU()
    assert layer.forward([-0.0, 0.0, 5e-324]).tolist() == [0.0, 0.0, 5e-324]
    assert layer.backward([7.0, 7.0, 7.0]).tolist() == [0.0, 0.0, 7.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_relu_passes_any_number_above_zero_and_none_below(dtype):
    layer, limits = ReLU(), np.finfo(dtype)
    x = np.array([limits.tiny, 0.5, 1, 1.5, limits.max, np.inf], dtype)
    upstream = np.arange(1, 7).astype(dtype)
    assert np.array_equal(layer.forward(x), x)
    assert np.array_equal(layer.backward(upstream), upstream)
    assert not layer.forward(-x).any()
    assert not layer.backward(upstream).any()
    assert np.isnan(layer.forward(np.array(np.nan, dtype)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_comes_out_as_nan(activation):
    assert np.isnan(activation().forward([np.nan, 1.0])).tolist() == [True, False]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3, 4)])
def test_activation_keeps_a_floating_dtype_and_any_shape(activation, dtype, shape):
    layer = activation()
    y = layer.forward(np.ones(shape, dtype))
    grad_input = layer.backward(np.ones(shape))
    for array in (y, grad_input):
        assert type(array) is np.ndarray
        assert array.dtype == dtype
        assert array.shape == shape


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("x", [[1, 2], [True, False], 3, np.array([1], np.uint8)])
def test_activation_takes_integers_as_float64(activation, x):
    assert activation().forward(x).dtype == np.float64


def test_call_is_forward():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ReLU()([-1.0, 1.0]).tolist() == [0.0, 1.0]


# ----------------------------------------------------------------------- Tanh


def test_tanh_is_a_sigmoid_moved_and_stretched():
    x = np.linspace(-20, 20, 801)
    expected = 2 * Sigmoid().forward(2 * x) - 1
    np.testing.assert_allclose(Tanh().forward(x), expected, atol=5e-16)


def test_tanh_far_out_is_1_without_a_slope():
    layer = Tanh()
    y = layer.forward([-1e308, -1000.0, 0.0, 1000.0, np.inf])
    assert y.tolist() == [-1, -1, 0, 1, 1]
    assert layer.backward([1.0, 2.0, 3.0, 4.0, 5.0]).tolist() == [0, 0, 3, 0, 0]


# ------------------------------------------------------------------ LeakyReLU


@pytest.mark.parametrize("slope", [0.01, 0.0, 1.0, -0.5, 2.0])
def test_leaky_relu_has_its_slope_at_0_and_below(slope):
    layer = LeakyReLU(slope)
    assert layer.forward([-2.0, 0.0, 3.0]).tolist() == [-2 * slope, 0, 3]
    assert layer.backward([5.0, 6.0, 7.0]).tolist() == [5 * slope, 6 * slope, 7]


def test_leaky_relu_is_0_01_and_shows_its_slope():
    assert LeakyReLU().negative_slope == 0.01
    assert repr(LeakyReLU(np.float32(0.5))) == "LeakyReLU(negative_slope=0.5)"


@pytest.mark.parametrize("slope", [np.nan, np.inf, -np.inf])
def test_a_slope_is_finite(slope):
    with pytest.raises(ValueError, match="LeakyReLU: expected negative_slope .*finite"):
        LeakyReLU(slope)


@pytest.mark.parametrize("slope", ["0.1", None, True, [0.1]])
def test_a_slope_is_a_number(slope):
    with pytest.raises(TypeError, match="LeakyReLU: expected negative_slope to be a n"):
        LeakyReLU(slope)


# -------------------------------------------------------------------- Softmax


@given(
    hnp.arrays(
        float,
        hnp.array_shapes(max_dims=3, max_side=5),
        elements=st.floats(-50, 50),
    ),
    st.floats(-1e3, 1e3),
)
def test_softmax_is_a_distribution_that_a_shift_does_not_change(x, shift):
    layer = Softmax()
    y = layer.forward(x)
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(layer.forward(x + shift), y, rtol=1e-10)
    k = x.shape[-1]
    for row, z in zip(y.reshape(-1, k), x.reshape(-1, k), strict=True):
        i, j = int(z.argmax()), int(z.argmin())
        assert row[i] / row[j] == pytest.approx(math.exp(z[i] - z[j]), rel=1e-12)


def test_softmax_backward_is_the_row_times_the_jacobian():
    rng = np.random.default_rng(0)
    layer, x, g = Softmax(), *rng.normal(size=(2, 2, 3, 4))
    y = layer.forward(x)
    grad_input = layer.backward(g)
    for place in np.ndindex(2, 3):
        jacobian = np.diag(y[place]) - np.outer(y[place], y[place])
        np.testing.assert_allclose(grad_input[place], g[place] @ jacobian, rtol=1e-13)


@pytest.mark.parametrize(("dtype", "m"), [(np.float32, 3e38), (np.float64, 1.7e308)])
def test_softmax_far_out_is_exact_and_silent(dtype, m):
    layer = Softmax()
    with np.errstate(all="raise"):
        y = layer.forward(np.array([[m, -m, 0], [-m, -m, -m], [m, m, -m]], dtype))
        np.testing.assert_array_equal(
            y, np.array([[1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0]], dtype)
        )
        grad_input = layer.backward(np.array([[1, 2, 3], [6, 0, 0], [1, 3, 9]]))
    expected = [[0, 0, 0], [4 / 3, -2 / 3, -2 / 3], [-0.5, 0.5, 0]]
    np.testing.assert_allclose(grad_input, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(3,), (0, 2), (2, 3, 4)])
def test_softmax_keeps_a_floating_dtype(dtype, shape):
    layer = Softmax()
    y = layer.forward(np.ones(shape, dtype))
    grad_input = layer.backward(np.ones(shape))
    for array in (y, grad_input):
        assert type(array) is np.ndarray
        assert (array.dtype, array.shape) == (dtype, shape)


@pytest.mark.parametrize("x", [1.0, np.empty((3, 0)), np.empty(0)])
def test_softmax_wants_entries_along_the_last_axis(x):
    with pytest.raises(ValueError, match=r"Softmax\.forward: expected x of shape \(…,"):
        Softmax().forward(x)
