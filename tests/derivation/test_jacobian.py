"""jacobian: against central differences, and without a trace."""

import numpy as np
import pytest
from derivations import LAYERS, made
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import random_net, seeds, sizes
from small import Own

from mlp import (
    SGD,
    Identity,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    jacobian,
    train_step,
)


@given(seeds, st.lists(sizes, min_size=2, max_size=4))
def test_jacobian_of_random_nets_against_central_differences(seed, widths):
    rng = np.random.default_rng(seed)
    model = random_net(rng, widths)
    x, h = rng.normal(size=widths[0]), 1e-6
    z = x[np.newaxis]
    for layer in model:
        assume(not isinstance(layer, ReLU) or np.all(np.abs(z) > 1e-4))
        z = layer.forward(z)
    columns = [
        (model.predict([x + h * e]) - model.predict([x - h * e]))[0] / (2 * h)
        for e in np.eye(widths[0])
    ]
    np.testing.assert_allclose(jacobian(model, x), np.transpose(columns), atol=1e-8)


def test_jacobian_takes_one_row_and_gives_out_by_in():
    layer = Linear(3, 2, rng=0)
    assert jacobian(layer, [[1.0, 2.0, 3.0]]).shape == (2, 3)
    assert np.array_equal(jacobian(layer, [1, 2, 3]), layer.weight.data)
    assert jacobian(Linear(3, 2, dtype=np.float32), [1, 2, 3]).dtype == np.float32


def test_transposed_jacobian_times_g_is_backward():
    rng = np.random.default_rng(0)
    model = random_net(rng, [4, 3, 5])
    x, g = rng.normal(size=4), rng.normal(size=5)
    model.forward([x])
    np.testing.assert_allclose(jacobian(model, x).T @ g, model.backward([g])[0])


def test_a_pending_backward_and_the_gradients_are_left_alone():
    model = Sequential(Linear(2, 2, rng=0), Sigmoid())
    model.forward([[1.0, 2.0]])
    jacobian(model, [5.0, 6.0])
    assert all(p.grad is None for p in model.parameters())
    assert model.backward([[1.0, 1.0]]).shape == (1, 2)


def test_jacobian_after_a_step_warns_of_no_stale_gradient():
    model = Sequential(Linear(2, 2, rng=0))
    optimizer = SGD(model.parameters(), lr=0.1)
    train_step(model, MSELoss(), optimizer, [[1.0, 2.0]], [[3.0, 4.0]])
    gradient = model[0].weight.grad
    jacobian(model, [5.0, 6.0])  # a warning would be an error
    assert model[0].weight.grad is gradient


@pytest.mark.parametrize(
    "x", [1.0, np.ones((2, 3)), np.ones((0, 3)), np.ones((1, 1, 3))]
)
def test_jacobian_is_of_one_sample(x):
    with pytest.raises(
        ValueError, match=r"jacobian: expected one sample.*take one row"
    ):
        jacobian(Linear(3, 2), x)


def test_jacobian_refuses():
    with pytest.raises(ValueError, match=r"Linear.forward: .*\(N, 3\), got \(1, 2\)"):
        jacobian(Linear(3, 2), [1.0, 2.0])
    with pytest.raises(TypeError, match="jacobian: expected x"):
        jacobian(Identity(), ["a"])
    with pytest.raises(TypeError, match="jacobian: expected a Layer"):
        jacobian(np.eye(2), [1.0, 2.0])


MIXES = {
    "mean": (lambda x: x - x.mean(0), lambda x, y, g: g - g.mean(0)),
    "only forward": (lambda x: x - x.mean(0), lambda x, y, g: g),
    "only backward": (lambda x: x, lambda x, y, g: g - g.mean(0)),
    "sum of rows": (lambda x: x + x.sum(0), lambda x, y, g: g + g.sum(0)),
    "running sum": (
        lambda x: np.cumsum(x, 0),
        lambda x, y, g: np.cumsum(g[::-1], 0)[::-1],
    ),
    "number of rows": (lambda x: x / len(x), lambda x, y, g: g / len(x)),
    "rows in backward": (lambda x: x, lambda x, y, g: g / len(x)),
    "largest of rows": (lambda x: x - x.max(0), lambda x, y, g: g),
    "smallest of rows": (lambda x: x - x.min(0), lambda x, y, g: g),
    "reversed": (lambda x: x[::-1], lambda x, y, g: g[::-1]),
    "by place": (
        lambda x: x * np.arange(len(x))[:, None],
        lambda x, y, g: g * np.arange(len(x))[:, None],
    ),
    "norm of g": (lambda x: x, lambda x, y, g: g / np.sqrt((g**2).sum())),
}


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("x", [[0.5, -1.0, 2.0, 0.0], [0.0, 0.0, 0.0], [3.0]])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_layer_that_mixes_the_rows_is_refused(mix, x, dtype):
    layer = Own(*MIXES[mix])
    with pytest.raises(ValueError, match="treats each row of a batch by itself.*Own"):
        jacobian(layer, np.array(x, dtype))


@given(seeds, st.lists(sizes, min_size=2, max_size=4), st.booleans())
def test_no_net_of_layers_that_keep_rows_apart_is_refused(seed, widths, single):
    rng = np.random.default_rng(seed)
    model = random_net(rng, widths, dtype=np.float32 if single else np.float64)
    for scale in (1e-6, 1.0, 1e6):
        jacobian(model, scale * rng.normal(size=widths[0]))


@pytest.mark.parametrize("largest", [5, 30, 36, 40, 100, 800])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_softmax_near_0_and_1_keeps_its_rows_apart(largest, dtype):
    x = np.array([largest, 0.0, 0.5], dtype)
    y = Softmax()(x)
    exact = np.diag(y) - np.outer(y, y)
    found = jacobian(Softmax(), x)
    np.testing.assert_allclose(found, exact, atol=4 * np.finfo(dtype).eps)
    jacobian(Sequential(Softmax(), Linear(3, 2, rng=0, dtype=dtype)), x)


def test_a_layer_that_mixes_features_has_a_jacobian():
    softmax = Own(
        lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True),
        lambda x, y, g: (
            (p := np.exp(x) / np.exp(x).sum(1, keepdims=True))
            * (g - (g * p).sum(1, keepdims=True))
        ),
    )
    y = np.array([0.2, 0.3, 0.5])
    np.testing.assert_allclose(
        jacobian(softmax, np.log(y)), np.diag(y) - np.outer(y, y), atol=1e-12
    )


def test_a_domain_that_ends_is_not_left():
    log = Own(np.log, lambda x, y, g: g / x)
    with np.errstate(all="raise"):
        np.testing.assert_allclose(jacobian(log, [1e-3, 2.0]), np.diag([1e3, 0.5]))


def test_a_layer_that_refuses_other_rows_is_measured_where_it_can_be():
    def root(x):
        if np.any(x > 1):
            raise ValueError("expected at most 1")
        return np.sqrt(1 - x)

    layer = Own(root, lambda x, y, g: -g / 2 / np.sqrt(1 - x))
    np.testing.assert_allclose(jacobian(layer, [0.91, 0]), np.diag([-1 / 0.6, -0.5]))


@pytest.mark.parametrize(
    ("f", "shape"), [(lambda x: x.sum(1), r"1,"), (lambda x: np.vstack([x, x]), "2, 2")]
)
def test_an_output_that_is_no_row_is_named(f, shape):
    with pytest.raises(ValueError, match=rf"one row, \(1, out\), got \({shape}\)"):
        jacobian(Own(f, lambda x, y, g: g), [1.0, 2.0])


@pytest.mark.parametrize("name", LAYERS)
def test_the_jacobian_of_any_layer_is_that_of_its_backward(name):
    model = made(np.random.default_rng(0), [3, 3], [name])
    if name == "BatchNorm1d":
        with pytest.raises(ValueError, match=r"BatchNorm1d.*in training mode"):
            jacobian(model, [1, 2, 3])
        model.eval()
    x, h = np.array([0.3, -0.7, 1.1]), 1e-6
    model.eval() if name != "Dropout" else None
    found = jacobian(model, x)
    state = [(g, g.bit_generator.state) for _, g in model.named_generators()]

    def f(x):
        for g, s in state:
            g.bit_generator.state = s
        return model.forward([x])[0]

    numerical = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(found, np.transpose(numerical), atol=1e-8)
