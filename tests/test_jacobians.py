"""jacobian: against central differences, and without a trace."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import random_net, seeds, sizes

from mlp import (
    SGD,
    Identity,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
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
