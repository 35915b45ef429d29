"""The initializers: their distributions, and what they do to a deep net."""

import math

import numpy as np
import pytest

from mlp import Linear, ReLU, Sequential, Tanh
from mlp.initializers import (
    INITIALIZERS,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    uniform,
    zeros,
)

VARIANCES = {  # of n = 300 inputs and m = 100 outputs
    "uniform": 1 / 900,
    "he_uniform": 2 / 300,
    "he_normal": 2 / 300,
    "glorot_uniform": 2 / 400,
    "glorot_normal": 2 / 400,
    "zeros": 0,
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_mean_and_variance(name):
    w = INITIALIZERS[name]((100, 300), np.random.default_rng(0))
    assert (w.shape, w.dtype) == ((100, 300), np.float64)
    v = VARIANCES[name]
    assert w.var() == pytest.approx(v, rel=0.03)  # its deviation is 1.4 % at most
    assert abs(w.mean()) <= 4 * math.sqrt(v / w.size)


@pytest.mark.parametrize(
    ("draw", "bound"),
    [
        (he_uniform, math.sqrt(6 / 300)),
        (glorot_uniform, math.sqrt(6 / 400)),
        (uniform, math.sqrt(1 / 300)),
    ],
)
def test_uniform_ones_fill_their_range(draw, bound):
    w = draw((100, 300), np.random.default_rng(0))
    assert 0.999 * bound < abs(w).max() <= bound
    assert np.mean(abs(w) < bound / 2) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("draw", [he_normal, glorot_normal])
def test_normal_ones_have_a_bell(draw):
    w = draw((100, 300), np.random.default_rng(0))
    assert np.mean(abs(w) < w.std()) == pytest.approx(0.6827, abs=0.01)
    assert np.mean(abs(w) < 2 * w.std()) == pytest.approx(0.9545, abs=0.01)


def test_zeros_draws_nothing():
    rng = np.random.default_rng(0)
    assert not zeros((2, 3), rng).any()
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_seed_gives_the_same_bits(name):
    one, other = (Linear(5, 4, rng=0, init=name) for _ in range(2))
    np.testing.assert_array_equal(one.weight.data, other.weight.data)


def test_uniform_is_linears_default():
    one, other = Linear(5, 4, rng=0), Linear(5, 4, rng=0, init="uniform")
    np.testing.assert_array_equal(one.weight.data, other.weight.data)
    np.testing.assert_array_equal(one.bias.data, other.bias.data)


def deep(init, activation):
    """Return how much signal and gradient grow over 20 layers of 200 units."""
    rng = np.random.default_rng(0)
    layers = []
    for _ in range(20):
        layers += [Linear(200, 200, rng=rng, init=init), activation()]
    x, g = rng.normal(size=(2, 100, 200))
    model = Sequential(*layers)
    if activation is Tanh:
        x /= 100  # where tanh is near the identity
    y = model.forward(x)
    return y.std() / x.std(), np.std(model.backward(g)) / g.std()


@pytest.mark.parametrize("name", ["he_uniform", "he_normal"])
def test_he_keeps_signal_and_gradient_through_20_relus(name):
    forward, backward = deep(name, ReLU)
    assert 0.3 < forward < 3
    assert 0.3 < backward < 3


@pytest.mark.parametrize("name", ["glorot_uniform", "glorot_normal"])
def test_glorot_keeps_signal_and_gradient_through_20_tanhs(name):
    forward, backward = deep(name, Tanh)
    assert 0.3 < forward < 3
    assert 0.3 < backward < 3


def test_the_default_lets_the_gradient_fade_by_the_root_of_3_a_tanh():
    _, backward = deep("uniform", Tanh)
    assert 3**-10 / 2 < backward < 3**-10 * 2


def test_glorot_under_relus_fades_by_the_root_of_2_a_layer():
    for ratio in deep("glorot_normal", ReLU):
        assert 2**-10 / 4 < ratio < 2**-10 * 4
