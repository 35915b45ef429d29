"""Linear: formula, derivative, initial values, edges, and what it refuses."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import numerical_gradient, seeds, sizes

from mlp import Linear, Sigmoid
from mlp._shared.sums import ones
from mlp.initializers import INITIALIZERS


def random(rng, *shape):
    return rng.normal(size=shape)


def test_linear_of_two_rows_by_hand():
    layer = Linear(3, 2)
    layer.weight.data[...] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    layer.bias.data[...] = [0.5, -0.5]
    y = layer.forward([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]])
    assert y.tolist() == [[-1.5, -2.5], [4.5, 12.5]]
    grad_input = layer.backward([[1.0, 2.0], [-3.0, 0.5]])
    assert grad_input.tolist() == [[9.0, 12.0, 15.0], [-1.0, -3.5, -6.0]]
    assert layer.weight.grad.tolist() == [[-5.0, -3.0, -1.0], [3.0, 0.5, -2.0]]
    assert layer.bias.grad.tolist() == [-2.0, 2.5]


@given(seeds, st.integers(0, 6), sizes, sizes, st.booleans())
def test_linear_gradients_against_central_differences(seed, rows, n, m, bias):
    rng = np.random.default_rng(seed)
    layer = Linear(n, m, bias=bias, rng=rng)
    x, upstream = random(rng, rows, n), random(rng, rows, m)

    def value():
        return float(np.sum(layer.forward(x) * upstream))

    expected = [numerical_gradient(value, p.data) for p in layer.parameters()]
    expected_input = numerical_gradient(value, x)
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(upstream), expected_input, atol=1e-8)
    for p, gradient in zip(layer.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, gradient, atol=1e-8)


def test_linear_draws_weight_then_bias_from_the_documented_range():
    layer = Linear(4, 1000, rng=7)
    rng = np.random.default_rng(7)
    assert np.array_equal(layer.weight.data, rng.uniform(-0.5, 0.5, (1000, 4)))
    assert np.array_equal(layer.bias.data, rng.uniform(-0.5, 0.5, 1000))


def test_same_seed_same_bits_and_zero_is_a_seed():
    assert np.array_equal(
        Linear(3, 2, rng=0).weight.data, Linear(3, 2, rng=0).weight.data
    )
    assert not np.array_equal(Linear(3, 2).weight.data, Linear(3, 2).weight.data)
    rng = np.random.default_rng(0)
    first, second = Linear(3, 2, rng=rng), Linear(3, 2, rng=rng)
    assert not np.array_equal(first.weight.data, second.weight.data)


def test_the_global_random_state_is_left_alone():
    np.random.seed(5)  # noqa: NPY002 - the state that must not be touched
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the same
    Linear(3, 2)
    Linear(3, 2, rng=1)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002 - the same


@pytest.mark.parametrize("bias", [True, False])
def test_its_settings_make_it_again(bias):
    layer = Linear(3, 2, bias=bias, dtype=np.float32)
    again = Linear(**layer.settings())
    assert repr(again) == repr(layer)
    assert again.state_dict().keys() == layer.state_dict().keys()


def test_linear_in_float32_stays_float32():
    layer = Linear(3, 2, rng=0, dtype="float32")
    assert layer.forward(np.ones((4, 3))).dtype == np.float32  # from float64
    assert layer.backward(np.ones((4, 2))).dtype == np.float32
    assert {p.data.dtype for p in layer.parameters()} == {np.dtype(np.float32)}
    assert {p.grad.dtype for p in layer.parameters()} == {np.dtype(np.float32)}


def test_linear_takes_lists_integers_and_bools():
    layer = Linear(2, 1, bias=False)
    layer.weight.data[...] = [[2.0, 3.0]]
    assert layer.forward([[1, 1]]).tolist() == [[5.0]]
    assert layer.forward(np.array([[True, False]])).tolist() == [[2.0]]
    assert layer.forward(np.array([[1.0, 1.0]], ">f8")).tolist() == [[5.0]]


@given(seeds, st.integers(1, 6), st.integers(1, 6), sizes, sizes)
def test_a_batch_is_the_concatenation_of_its_parts(seed, rows, more, n, m):
    rng = np.random.default_rng(seed)
    layer = Linear(n, m, rng=rng)
    a, b = random(rng, rows, n), random(rng, more, n)
    ga, gb = random(rng, rows, m), random(rng, more, m)

    whole = layer.forward(np.concatenate([a, b]))
    grad_input = layer.backward(np.concatenate([ga, gb]))
    whole_grads = [p.grad for p in layer.parameters()]
    for p in layer.parameters():
        p.grad = None
    parts, grad_parts = [], []
    for x, g in ((a, ga), (b, gb)):
        parts.append(layer.forward(x))
        grad_parts.append(layer.backward(g))

    np.testing.assert_allclose(whole, np.concatenate(parts), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        grad_input, np.concatenate(grad_parts), rtol=1e-12, atol=1e-14
    )
    for p, gradient in zip(layer.parameters(), whole_grads, strict=True):
        np.testing.assert_allclose(p.grad, gradient, rtol=1e-12, atol=1e-13)


def test_batches_of_many_sizes_leave_nothing_behind():
    layer = Linear(1, 1, rng=0)
    tracemalloc.start()
    try:
        for n in range(10_000, 10_050):  # 80 kB each
            layer.forward(np.ones((n, 1)))
            layer.backward(np.ones((n, 1)))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 10 * 80_000


def test_nobody_can_write_into_the_row_of_ones_that_layers_share():
    with pytest.raises(ValueError, match="read-only"):
        ones(3, np.dtype(np.float64))[0] = 2.0


def test_an_empty_batch_passes_through():
    layer = Linear(3, 2)
    assert layer.forward(np.empty((0, 3))).shape == (0, 2)
    assert layer.backward(np.empty((0, 2))).shape == (0, 3)
    assert not layer.weight.grad.any()
    assert not layer.bias.grad.any()


def test_linear_without_need_of_the_input_gradient_returns_none():
    layer = Linear(3, 2, rng=0)
    layer.forward(np.ones((4, 3)))
    assert layer.backward(np.ones((4, 2)), needs_input_grad=False) is None
    assert layer.weight.grad.shape == (2, 3)


def test_backward_lets_go_of_what_forward_kept():
    layer = Linear(3, 2)
    layer.forward(np.ones((4, 3)))
    layer.backward(np.ones((4, 2)))
    assert not any(isinstance(value, np.ndarray) for value in vars(layer).values())


@pytest.mark.parametrize("shape", [(5, 4), (3, 5), (2, 3, 3), (4, 2)])
def test_linear_refuses_another_width(shape):
    with pytest.raises(
        ValueError, match=r"Linear.forward: expected x of shape \(N, 3\)"
    ):
        Linear(3, 4).forward(np.ones(shape))


def test_linear_error_is_the_one_in_the_design():
    with pytest.raises(ValueError) as error:
        Linear(3, 2).forward(np.ones((5, 4)))
    assert str(error.value) == "Linear.forward: expected x of shape (N, 3), got (5, 4)"


def test_linear_shows_both_reshapes_of_one_dimension():
    with pytest.raises(ValueError, match=r"reshape\(1, -1\).*\(1, 3\).*\(3, 1\)"):
        Linear(3, 2).forward(np.ones(3))
    with pytest.raises(ValueError, match=r"got \(\)"):
        Linear(3, 2).forward(1.0)


def test_an_array_assigned_as_the_weight_is_refused():
    layer = Linear(2, 2)
    layer.weight = np.eye(2)
    with pytest.raises(TypeError, match=r"write layer\.weight\.data\[\.\.\.\] = value"):
        layer.forward([[1.0, 2.0]])


def test_ragged_rows_are_named():
    with pytest.raises(ValueError, match=r"Linear\.forward.*ragged"):
        Linear(2, 1).forward([[1.0, 2.0], [3.0]])


def test_a_number_beyond_float32_is_refused_not_made_infinite():
    with pytest.raises(ValueError, match=r"range of float32, got 1e\+300"):
        Linear(1, 1, dtype=np.float32).forward([[1e300]])


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (dict(in_features=0), ValueError, "in_features of at least 1, got 0"),
        (dict(in_features=-3), ValueError, "in_features of at least 1"),
        (dict(out_features=0), ValueError, "out_features of at least 1"),
        (dict(in_features=2.0), TypeError, "in_features to be an int, got 2.0"),
        (dict(in_features=True), TypeError, "in_features to be an int"),
        (dict(in_features=int), TypeError, "in_features to be an int"),
        (dict(in_features=np.array([2])), TypeError, "in_features to be an int"),
        (dict(out_features="2"), TypeError, "out_features to be an int"),
        (dict(bias=0), TypeError, "bias to be True or False"),
        (dict(bias=None), TypeError, "bias to be True or False"),
        (dict(bias=np.zeros(2)), TypeError, "bias to be True or False"),
        (dict(dtype=np.float16), TypeError, "float64 or float32"),
        (dict(dtype=int), TypeError, "float64 or float32"),
        (dict(dtype="complex"), TypeError, "float64 or float32"),
        (dict(dtype="nonsense"), TypeError, "float64 or float32"),
        (dict(dtype="2f4,("), TypeError, "float64 or float32"),
        (dict(dtype={"names": ["a"]}), TypeError, "float64 or float32"),
        (dict(rng=-1), ValueError, "a seed of at least 0"),
        (dict(rng=0.5), TypeError, "rng to be an int"),
        (dict(rng="0"), TypeError, "rng to be an int"),
        (dict(rng=True), TypeError, "rng to be an int"),
        (dict(rng=np.random), TypeError, "rng to be an int"),
    ],
)
def test_linear_refuses_at_construction(arguments, error, sentence):
    with pytest.raises(error, match=f"Linear: expected .*{sentence}"):
        Linear(**{"in_features": 2, "out_features": 2, **arguments})


@pytest.mark.parametrize("rows", [257, 10_000, 2 * 10**7])
def test_the_bias_gradient_of_many_rows_has_all_its_digits(rows):
    layer = Linear(1, 1, dtype=np.float32)
    g = np.full((rows, 1), 0.1, np.float32)  # whose roundings all go one way
    layer.forward(np.ones((rows, 1), np.float32))
    layer.backward(g, needs_input_grad=False)
    assert abs(layer.bias.grad.item() / (rows * float(g[0, 0])) - 1) < 1e-7


@pytest.mark.parametrize("rows", [1, 256, 257, 3000])
def test_the_bias_gradient_sums_each_column(rows):
    layer = Linear(1, 5)
    g = np.random.default_rng(rows).normal(size=(rows, 5))
    layer.forward(np.ones((rows, 1)))
    layer.backward(g)
    expected = [math.fsum(column.tolist()) for column in g.T]
    np.testing.assert_allclose(layer.bias.grad, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("rows", [3, 300])
@pytest.mark.parametrize("width", [2, 300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_that_underflows_stops_nothing(rows, width, dtype):
    layer = Linear(width, width, dtype=dtype)
    least = np.finfo(dtype).smallest_normal
    layer.weight.data[...] = 1e-3
    layer.forward(np.full((rows, width), 1e-3, dtype))
    g = np.zeros((rows, width), dtype)
    g[0], g[1] = least * dtype(1.7), -least * dtype(1.3)
    with np.errstate(all="raise"):
        grad_input = layer.backward(g)
    assert np.all(np.abs(grad_input) <= width * least)
    np.testing.assert_allclose(layer.bias.grad, 0.4 * least, rtol=1e-6)


def test_only_underflow_is_right():
    layer = Linear(1, 1)
    layer.weight.data[...] = 1e300
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="overflow"):
        Sigmoid().forward(layer.forward([[1e300]]) + 1e308 * np.float64(1e300))


def test_a_tiny_number_becomes_0_in_float32():
    layer = Linear(1, 1, bias=False, dtype=np.float32)
    with np.errstate(all="raise"):
        assert layer.forward([[1e-50]]) == 0
    with pytest.raises(ValueError, match="range of float32, got 1e"):
        layer.forward([[1e50]])


# ------------------------------------------------------------------------ init


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "uniform"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_init_by_name_draws_the_weight_and_leaves_the_bias_0(name, dtype):
    layer = Linear(4, 3, rng=7, init=name, dtype=dtype)
    expected = INITIALIZERS[name]((3, 4), np.random.default_rng(7)).astype(dtype)
    np.testing.assert_array_equal(layer.weight.data, expected, strict=True)
    np.testing.assert_array_equal(layer.bias.data, np.zeros(3, dtype), strict=True)


def test_an_init_of_ones_own_gets_the_shape_and_the_generator():
    rng, seen = np.random.default_rng(0), []

    def init(shape, given):
        seen.append((shape, given))
        return np.arange(6).reshape(shape)  # integers will do

    layer = Linear(3, 2, rng=rng, init=init)
    assert seen == [((2, 3), rng)]
    assert layer.weight.data.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert layer.bias.data.tolist() == [0, 0]


def test_what_init_returns_is_copied():
    weight = np.ones((2, 3))
    Linear(3, 2, init=lambda shape, rng: weight).weight.data[...] = 5
    assert np.all(weight == 1)


@pytest.mark.parametrize(
    ("init", "error", "sentence"),
    [
        ("xavier", ValueError, "init to be one of 'uniform', 'he_uniform'.*'xavier'"),
        (None, ValueError, "init to be one of"),
        (1.0, ValueError, "init to be one of"),
        (lambda s, rng: np.ones(s[::-1]), ValueError, r"shape \(2, 3\).*got \(3, 2\)"),
        (lambda s, rng: 0.5, ValueError, r"shape \(2, 3\).*got \(\)"),
        (lambda s, rng: np.full(s, np.nan), ValueError, "finite, got 6 of 6"),
        (lambda s, rng: np.full(s, np.inf), ValueError, "finite, got 6 of 6"),
        (lambda s, rng: None, TypeError, "what init returns to hold real numbers"),
        (lambda s, rng: [["a"] * 3] * 2, TypeError, "what init returns to hold real"),
    ],
)
def test_an_init_that_makes_no_weight_is_refused(init, error, sentence):
    with pytest.raises(error, match=f"Linear: expected .*{sentence}"):
        Linear(3, 2, init=init)


def test_an_init_beyond_float32_is_refused():
    with pytest.raises(ValueError, match="range of float32"):
        Linear(3, 2, init=lambda s, rng: np.full(s, 1e300), dtype=np.float32)
