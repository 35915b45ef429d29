"""The layers: formula, derivative, edges, and what they refuse."""

import copy
import math
import tracemalloc
import warnings
from collections import deque

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import frozen, numerical_gradient, seeds, sizes

from mlp import Identity, Linear, ReLU, Sigmoid
from mlp._shared.sums import ones

ACTIVATIONS = [ReLU, Sigmoid, Identity]


def random(rng, *shape):
    return rng.normal(size=shape)


# ------------------------------------------------------------------ formulas


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


# ------------------------------------------------------------ initial values


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


# --------------------------------------------------------------------- dtype


def test_linear_in_float32_stays_float32():
    layer = Linear(3, 2, rng=0, dtype="float32")
    assert layer.forward(np.ones((4, 3))).dtype == np.float32  # from float64
    assert layer.backward(np.ones((4, 2))).dtype == np.float32
    assert {p.data.dtype for p in layer.parameters()} == {np.dtype(np.float32)}
    assert {p.grad.dtype for p in layer.parameters()} == {np.dtype(np.float32)}


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


def test_linear_takes_lists_integers_and_bools():
    layer = Linear(2, 1, bias=False)
    layer.weight.data[...] = [[2.0, 3.0]]
    assert layer.forward([[1, 1]]).tolist() == [[5.0]]
    assert layer.forward(np.array([[True, False]])).tolist() == [[2.0]]
    assert layer.forward(np.array([[1.0, 1.0]], ">f8")).tolist() == [[5.0]]


# ------------------------------------------------- batches, writes, memory


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


@pytest.mark.parametrize("make", [lambda: Linear(3, 3, rng=0), ReLU, Sigmoid, Identity])
def test_no_argument_is_written_to_and_no_output_later(make):
    rng = np.random.default_rng(1)
    layer = make()
    handed_out = []
    for _ in range(3):
        x, g = frozen(random(rng, 4, 3)), frozen(random(rng, 4, 3))
        handed_out += [layer.forward(x), layer.backward(g)]
        handed_out += [p.grad for p in layer.parameters()]
        for array in handed_out:
            frozen(array)


@pytest.mark.parametrize("make", [lambda: Linear(3, 3, rng=0), ReLU, Sigmoid, Identity])
@pytest.mark.parametrize(
    "laid_out",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    ],
)
def test_how_an_array_lies_in_memory_changes_no_number(make, laid_out):
    rng = np.random.default_rng(2)
    x, g = random(rng, 4, 3), random(rng, 4, 3)
    results = []
    for a, b in ((x, g), (laid_out(x), laid_out(g))):
        layer = make()
        results.append([layer.forward(a), layer.backward(b)])
        results[-1] += [p.grad for p in layer.parameters()]
    for result, expected in zip(*results, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-15)


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


# -------------------------------------------------------- wrong arguments


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


@pytest.mark.parametrize("make", [lambda: Linear(3, 3), ReLU, Sigmoid, Identity])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (1, 3), (3, 4), (4, 3, 1), (1, 4, 3)])
def test_backward_refuses_another_shape_and_loses_nothing(make, shape):
    layer = make()
    layer.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"grad_output of shape \(4, 3\).*predict"):
        layer.backward(np.ones(shape))
    assert layer.backward(np.ones((4, 3))).shape == (4, 3)


@pytest.mark.parametrize("make", [lambda: Linear(3, 3), ReLU, Sigmoid, Identity])
def test_backward_of_the_loss_itself_is_told_what_to_write(make):
    layer = make()
    layer.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"got \(\); .*criterion\.backward\(\)"):
        layer.backward(0.25)


@pytest.mark.parametrize("make", [lambda: Linear(3, 3), ReLU, Sigmoid, Identity])
def test_each_backward_uses_up_one_forward(make):
    layer = make()
    with pytest.raises(RuntimeError, match="uses up one forward"):
        layer.backward(np.ones((4, 3)))
    layer.forward(np.ones((4, 3)))
    layer.backward(np.ones((4, 3)))
    with pytest.raises(RuntimeError, match=r"uses up one forward.*step 1"):
        layer.backward(np.ones((4, 3)))


WRONG_TYPES = [
    None,
    "abc",
    [["a", "b", "c"]],
    np.ones((4, 3), complex),
    np.ones((4, 3), object),
    np.array(["2020-01-01"], "datetime64[D]"),
    np.ma.masked_array(np.ones((4, 3)), mask=True),
    object(),
    {1.0: 2.0},
]


@pytest.mark.parametrize("make", [lambda: Linear(3, 3), ReLU, Sigmoid, Identity])
@pytest.mark.parametrize("wrong", WRONG_TYPES)
def test_what_is_not_real_numbers_is_a_type_error(make, wrong):
    layer = make()
    with pytest.raises(TypeError, match=r"\.forward: expected x"):
        layer.forward(wrong)
    layer.forward(np.ones((4, 3)))
    with pytest.raises(TypeError, match=r"\.backward: expected grad_output"):
        layer.backward(wrong)


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


# ------------------------------------------------------------ repr and copies


def test_repr_reads_as_in_pytorch():
    assert repr(Linear(3, 2)) == "Linear(in_features=3, out_features=2, bias=True)"
    assert repr(Linear(3, 2, bias=False, dtype=np.float32)) == (
        "Linear(in_features=3, out_features=2, bias=False, dtype=float32)"
    )
    assert [repr(layer()) for layer in ACTIVATIONS] == [
        "ReLU()",
        "Sigmoid()",
        "Identity()",
    ]


@pytest.mark.parametrize("make", [lambda: Linear(3, 3), ReLU, Sigmoid, Identity])
def test_a_copy_in_the_middle_of_a_step_goes_on_alone(make):
    layer = make()
    x, g = np.full((2, 3), 0.5), np.full((2, 3), 2.0)
    layer.forward(x)
    other = copy.deepcopy(layer)
    np.testing.assert_array_equal(other.backward(g), layer.backward(g))
    for p, q in zip(layer.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.grad, q.grad)
        q.data += 1
        assert not np.any(p.data == q.data)


def test_call_is_forward():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ReLU()([-1.0, 1.0]).tolist() == [0.0, 1.0]


# ------------------------------------------------------------ many and tiny numbers


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [Linear, ReLU, Sigmoid, Identity])
def test_an_underflow_in_a_layer_stops_nothing(make, dtype):
    tiny = np.finfo(dtype).tiny
    x = np.array([[-1000.0, tiny], [3 * tiny, 80.0]], dtype)
    layer = make(2, 2, dtype=dtype) if make is Linear else make()
    for p in layer.parameters():
        p.data[...] = 3 * tiny

    def results():
        for p in layer.parameters():
            p.grad = None
        y = layer.forward(x)
        grad_input = layer.backward(np.full((2, 2), 5 * tiny))
        return [y, grad_input, *(p.grad for p in layer.parameters())]

    expected = results()
    with np.errstate(all="raise"):
        for got, wanted in zip(results(), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


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


# ------------------------------------------------------------- kinds of arrays


def test_masks_in_lists_are_not_lost():
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    for x in ([masked], [[masked]], (masked, [1.0, 2.0]), [1.0, np.ma.masked]):
        with pytest.raises(TypeError, match="without a mask, got .* in a list"):
            ReLU().forward(x)
    with pytest.raises(TypeError, match="without a mask"):
        ReLU().forward(deque([masked]))


def test_subclasses_of_ndarray_go_in_and_plain_arrays_come_out(tmp_path):
    memory = np.memmap(tmp_path / "x", np.float64, "w+", shape=(2, 2))
    memory[...] = [[1.0, 2.0], [3.0, 4.0]]
    for x in (np.array(memory).view(np.matrix), memory):
        for layer in (Linear(2, 2, rng=0), ReLU(), Sigmoid()):
            y = layer.forward(x)
            assert type(y) is np.ndarray
            np.testing.assert_array_equal(y, layer.forward(np.asarray(x)))
            assert type(layer.backward(x)) is np.ndarray


def test_columns_of_a_table_are_numbers_if_each_is():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "a": [1.5, 2.5, 3.5],
            "b": [True, False, True],
            "c": pd.array([1, 2, 3], dtype="Int64"),
            "d": pd.array([False, False, True], dtype="boolean"),
        }
    )
    assert ReLU().forward(frame).tolist() == [
        [1.5, 1, 1, 0],
        [2.5, 0, 2, 0],
        [3.5, 1, 3, 1],
    ]
    assert ReLU().forward(frame["d"]).tolist() == [0, 0, 1]
    frame["text"] = ["x", "y", "z"]
    frame["when"] = pd.to_datetime(["2020", "2021", "2022"])
    frame["gaps"] = pd.array([True, None, True], dtype="boolean")
    with pytest.raises(TypeError, match=r"column 'text' of x .*mlp\.one_hot"):
        ReLU().forward(frame)
    with pytest.raises(TypeError, match=r"column 'when' of x to hold real numbers"):
        ReLU().forward(frame[["b", "when"]])
    with pytest.raises(ValueError, match=r"column 'gaps' of x .*got 1 of 3.*row 1;"):
        ReLU().forward(frame[["c", "gaps"]])


def test_text_labels_are_told_of_one_hot():
    with pytest.raises(TypeError, match=r"<U3; mlp\.one_hot turns labels into rows"):
        ReLU().forward(["cat", "dog"])
