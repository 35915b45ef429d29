"""Dropout: its masks, its two modes, its Generator, and what it refuses."""

import copy

import numpy as np
import pytest

from mlp import Dropout, Linear, Sequential


def test_each_entry_is_0_or_scaled_and_backward_takes_the_same_mask():
    layer = Dropout(0.75, rng=0)
    x, g = np.random.default_rng(1).normal(size=(2, 50, 40))
    y = layer.forward(x)
    kept = y != 0
    np.testing.assert_array_equal(y[kept], 4 * x[kept])
    assert abs(kept.mean() - 0.25) < 4 * (0.25 * 0.75 / 2000) ** 0.5
    np.testing.assert_array_equal(layer.backward(g), np.where(kept, 4 * g, 0))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_mean_over_the_draws_is_x(p):
    layer, x = Dropout(p, rng=3), np.array([[1.0, -2.0, 5.0]])
    mean = np.mean([layer.forward(x) for _ in range(20_000)], axis=0)
    deviation = np.abs(x) * (p / (1 - p) / 20_000) ** 0.5
    assert np.all(np.abs(mean - x) < 4 * deviation)


def test_masks_are_drawn_anew_and_from_the_generator_given():
    layer, twin = Dropout(0.5, rng=7), Dropout(0.5, rng=np.random.default_rng(7))
    x = np.ones((4, 50))
    first, second = layer.forward(x), layer.forward(x)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(twin.forward(x), first)
    np.testing.assert_array_equal(twin.forward(x), second)


def test_layers_of_one_generator_have_different_masks():
    rng, x = np.random.default_rng(0), np.ones((4, 50))
    one, other = Dropout(rng=rng), Dropout(rng=rng)
    assert one.rng is other.rng is rng
    assert not np.array_equal(one.forward(x), other.forward(x))
    model = Sequential(one, Linear(50, 1, rng=0), other)
    assert [found for _, found in model.named_generators()] == [rng]


def test_evaluation_is_the_identity_and_draws_nothing():
    layer = Dropout(0.9, rng=0).eval()
    before = layer.rng.bit_generator.state
    x = np.random.default_rng(1).normal(size=(3, 4))
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(2 * x), 2 * x)
    np.testing.assert_array_equal(Sequential(Dropout(0.9)).predict(x), x)
    assert layer.rng.bit_generator.state == before


def test_backward_is_by_the_mode_of_its_forward():
    layer, x = Dropout(0.5, rng=0), np.ones((4, 50))
    y = layer.forward(x)
    layer.eval()
    np.testing.assert_array_equal(layer.backward(x), y)


def test_a_deep_copy_draws_the_same_masks_on_its_own():
    layer, x = Dropout(0.5, rng=0), np.ones((4, 50))
    twin = copy.deepcopy(layer)
    first = layer.forward(x)
    np.testing.assert_array_equal(twin.forward(x), first)


def test_p_of_0_keeps_all():
    x = np.ones((3, 4))
    np.testing.assert_array_equal(Dropout(0.0).forward(x), x)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3, 4)])
def test_any_shape_and_floating_dtype(dtype, shape):
    layer = Dropout(0.5, rng=0)
    y = layer.forward(np.ones(shape, dtype))
    grad_input = layer.backward(np.ones(shape))
    for array in (y, grad_input):
        assert type(array) is np.ndarray
        assert (array.dtype, array.shape) == (dtype, shape)


@pytest.mark.parametrize("p", [1.0, 1, -0.1, 1.5, np.nan, np.inf])
def test_p_is_a_probability_below_1(p):
    with pytest.raises(ValueError, match="Dropout: expected p of at least 0 and below"):
        Dropout(p)


@pytest.mark.parametrize("p", ["0.5", None, True, [0.5]])
def test_p_is_a_number(p):
    with pytest.raises(TypeError, match="Dropout: expected p to be a number"):
        Dropout(p)


def test_rng_is_checked():
    with pytest.raises(TypeError, match="Dropout: expected rng to be an int"):
        Dropout(rng=0.5)
