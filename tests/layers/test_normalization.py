"""BatchNorm1d and LayerNorm: by hand, their statistics, and what they refuse."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import numerical_gradient, seeds

from mlp import BatchNorm1d, LayerNorm, Linear, Sequential


def buffers(layer):
    return {name: b.data.copy() for name, b in layer.named_buffers()}


# --------------------------------------------------------------- BatchNorm1d


def test_batch_norm_by_hand():
    layer = BatchNorm1d(2, eps=1.0, momentum=0.25)
    layer.weight.data[...] = [2.0, 3.0]
    layer.bias.data[...] = [1.0, -1.0]
    # columns 0, 2, 4: mean 2, variance 8/3; 7, 7, 7: mean 7, variance 0
    y = layer.forward([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]])
    s = (8 / 3 + 1) ** -0.5
    expected = [[1 - 4 * s, -1], [1, -1], [1 + 4 * s, -1]]
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    # unbiased variances 4 and 0; 3/4 of the old and 1/4 of the new
    assert layer.running_mean.data.tolist() == [0.5, 1.75]
    assert layer.running_var.data.tolist() == [1.75, 0.75]
    assert layer.num_batches_tracked.data == 1
    y = layer.eval().forward([[0.5, 1.75], [0.5 + 2.75**0.5, 1.75]])
    np.testing.assert_allclose(y, [[1, -1], [3, -1]], rtol=1e-14)


@given(seeds, st.integers(2, 8), st.floats(0.1, 100), st.floats(-50, 50))
def test_columns_come_out_with_mean_bias_and_deviation_weight(seed, rows, scale, shift):
    rng = np.random.default_rng(seed)
    layer = BatchNorm1d(3, eps=1e-300)
    layer.weight.data[...], layer.bias.data[...] = rng.normal(size=(2, 3))
    x = rng.normal(size=(rows, 3))
    y = layer.forward(x)
    np.testing.assert_allclose(y.mean(axis=0), layer.bias.data, atol=1e-8)
    np.testing.assert_allclose(y.std(axis=0), abs(layer.weight.data), atol=1e-8)
    moved = layer.forward(scale * x + shift)
    np.testing.assert_allclose(moved, y, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("rows", [2, 7, 300])
def test_the_gradient_is_orthogonal_to_what_changes_nothing(rows):
    rng = np.random.default_rng(rows)
    layer = BatchNorm1d(3, eps=1e-300)
    x, g = rng.normal(size=(2, rows, 3))
    x_hat = layer.forward(x)
    grad_input = layer.backward(g)
    np.testing.assert_allclose(grad_input.sum(axis=0), 0, atol=1e-11)
    np.testing.assert_allclose((grad_input * x_hat).sum(axis=0), 0, atol=1e-11)


def test_rows_depend_on_each_other_in_training_alone():
    rng = np.random.default_rng(0)
    x, layer = rng.normal(size=(4, 3)), BatchNorm1d(3)
    g = np.zeros((4, 3))
    g[0] = 1, -2, 3
    layer.forward(x)
    assert np.all(layer.backward(g)[1:] != 0)
    layer.eval().forward(x)
    assert not layer.backward(g)[1:].any()


def test_backward_is_by_the_mode_of_its_forward():
    x, g = np.random.default_rng(0).normal(size=(2, 4, 3))
    layer, twin = BatchNorm1d(3), BatchNorm1d(3)
    layer.forward(x)
    twin.forward(x)
    np.testing.assert_array_equal(layer.eval().backward(g), twin.backward(g))


def test_running_statistics_are_those_of_the_data_in_the_end():
    rng = np.random.default_rng(0)
    data = rng.normal([1.0, -20.0], [0.5, 3.0], (4000, 2))
    layer = BatchNorm1d(2, momentum=0.01)
    for _ in range(10):
        for batch in np.split(rng.permutation(data), 100):
            layer.forward(batch)
    np.testing.assert_allclose(layer.running_mean.data, data.mean(axis=0), atol=0.2)
    np.testing.assert_allclose(layer.running_var.data, data.var(axis=0), rtol=0.1)
    assert layer.num_batches_tracked.data == 1000


def test_evaluation_changes_no_buffer():
    layer = BatchNorm1d(3)
    layer.forward(np.random.default_rng(0).normal(size=(5, 3)))
    before = buffers(layer)
    layer.eval().forward(np.full((1, 3), 1e6))
    for name, data in buffers(layer).items():
        np.testing.assert_array_equal(data, before[name])


@pytest.mark.parametrize("momentum", [0, 1])
def test_momentum_of_0_keeps_and_of_1_replaces(momentum):
    layer = BatchNorm1d(2, momentum=momentum)
    layer.forward([[1.0, 10.0], [3.0, 50.0]])
    mean, var = layer.running_mean.data, layer.running_var.data
    assert mean.tolist() == [[0, 0], [2, 30]][momentum]
    assert var.tolist() == [[1, 1], [2, 800]][momentum]


def test_a_refused_batch_changes_no_buffer():
    layer = BatchNorm1d(3)
    before = buffers(layer)
    for wrong in (np.ones((1, 3)), np.ones((4, 2)), np.ones(3), np.ones((2, 3, 4))):
        with pytest.raises(ValueError, match=r"BatchNorm1d\.forward: expected"):
            layer.forward(wrong)
    for name, data in buffers(layer).items():
        np.testing.assert_array_equal(data, before[name])


@pytest.mark.parametrize("rows", [0, 1])
def test_one_row_has_no_variance(rows):
    with pytest.raises(ValueError, match=rf"at least 2 rows in training, got {rows}: "):
        BatchNorm1d(3).forward(np.ones((rows, 3)))
    assert BatchNorm1d(3).eval().forward(np.ones((rows, 3))).shape == (rows, 3)


def test_a_column_far_from_0_keeps_its_digits():
    x = 1e8 + np.array([[0.0], [1.0], [2.0], [3.0]])
    y = BatchNorm1d(1, eps=1e-12).forward(x)
    np.testing.assert_allclose(y.ravel(), [-3, -1, 1, 3] / np.sqrt(5), rtol=1e-7)


def test_buffers_are_in_the_state_and_no_parameters():
    layer = BatchNorm1d(2)
    assert list(layer.state_dict()) == [
        *("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    ]
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    layer.forward([[1.0, 2.0], [3.0, 5.0]])
    twin = BatchNorm1d(2)
    twin.load_state_dict(layer.state_dict())
    x = [[0.5, 0.25]]
    np.testing.assert_array_equal(twin.eval().forward(x), layer.eval().forward(x))
    shallow = copy.copy(layer).train()
    shallow.forward([[9.0, 9.0], [8.0, 8.0]])
    assert layer.num_batches_tracked.data == 1
    assert shallow.weight is layer.weight


# ----------------------------------------------------------------- LayerNorm


def test_layer_norm_by_hand():
    layer = LayerNorm(2, eps=3.0)
    layer.weight.data[...] = [2.0, 5.0]
    layer.bias.data[...] = [1.0, -1.0]
    # means 2 and 5, variances 1 and 1, so s = 1/2
    assert layer.forward([[1.0, 3.0], [6.0, 4.0]]).tolist() == [[0, 1.5], [2, -3.5]]
    layer.backward([[1.0, 10.0], [3.0, 4.0]])
    assert layer.weight.grad.tolist() == [1.0, 3.0]  # −1/2 + 3/2, 10/2 − 4/2
    assert layer.bias.grad.tolist() == [4.0, 14.0]


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 1, 3, 4)])
def test_layer_norm_of_any_leading_axes(shape):
    rng = np.random.default_rng(0)
    layer = LayerNorm(4)
    layer.weight.data[...], layer.bias.data[...] = rng.normal(size=(2, 4))
    x, upstream = rng.normal(size=(2, *shape))

    def value():
        return float(np.sum(layer.forward(x) * upstream))

    expected = [numerical_gradient(value, p.data) for p in layer.parameters()]
    expected_input = numerical_gradient(value, x)
    rows = [layer.forward(row) for row in x.reshape(-1, 4)]
    y = layer.forward(x)
    np.testing.assert_allclose(y.reshape(-1, 4), rows, rtol=1e-13)
    np.testing.assert_allclose(layer.backward(upstream), expected_input, atol=3e-8)
    for p, gradient in zip(layer.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, gradient, atol=3e-8)


def test_layer_norm_is_the_same_in_both_modes():
    x = np.random.default_rng(0).normal(size=(5, 3))
    layer = LayerNorm(3)
    trained = layer.forward(x)
    np.testing.assert_array_equal(layer.eval().forward(x), trained)
    assert not list(layer.named_buffers())


@pytest.mark.parametrize("shape", [(), (2,), (4, 1), (3, 4)])
def test_layer_norm_refuses_another_width(shape):
    with pytest.raises(ValueError, match=r"LayerNorm\.forward: .* \(…, 3\), got"):
        LayerNorm(3).forward(np.ones(shape))


# ---------------------------------------------------------- wrong arguments


@pytest.mark.parametrize("make", [BatchNorm1d, LayerNorm])
@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        (dict(eps=0), ValueError, "eps above 0"),
        (dict(eps=-1e-5), ValueError, "eps above 0"),
        (dict(eps=np.nan), ValueError, "eps above 0"),
        (dict(eps="small"), TypeError, "eps to be a number"),
        (dict(dtype=np.float16), TypeError, "float64 or float32"),
    ],
)
def test_settings_out_of_range_are_refused(make, settings, error, sentence):
    with pytest.raises(error, match=f"{make.__name__}: expected .*{sentence}"):
        make(3, **settings)


@pytest.mark.parametrize("momentum", [-0.1, 1.1, np.nan, np.inf])
def test_momentum_is_a_share(momentum):
    with pytest.raises(ValueError, match="momentum of at least 0 and at most 1"):
        BatchNorm1d(3, momentum=momentum)


@pytest.mark.parametrize("make", [BatchNorm1d, LayerNorm])
@pytest.mark.parametrize("width", [0, -1, 2.0, "3", True, (3,), None])
def test_the_width_is_an_int_of_at_least_1(make, width):
    with pytest.raises((ValueError, TypeError), match=f"{make.__name__}: expected n"):
        make(width)


def test_a_net_with_both_trains_in_float32():
    model = Sequential(
        Linear(3, 4, rng=0, dtype=np.float32),
        BatchNorm1d(4, dtype=np.float32),
        LayerNorm(4, dtype=np.float32),
    )
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    assert model.forward(x).dtype == np.float32
    assert model.backward(np.ones((6, 4), np.float32)).dtype == np.float32
