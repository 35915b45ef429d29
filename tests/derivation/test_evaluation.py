"""The value of each cell, at the parameters of now."""

import numpy as np
import pytest
from derivations import net

from mlp import SGD, MSELoss, derive


def test_evaluate_gives_the_numbers_of_every_table():
    model, x, y = net(), [0.5, -1.0, 2.0], [1.0, 0.0]
    optimizer = SGD(model.parameters(), lr=0.5)
    d = derive(model, MSELoss("sum"), optimizer=optimizer)
    values = d.evaluate(x, y)
    output = model.forward([x])[0]
    np.testing.assert_allclose(values.forward[0].input, x)
    np.testing.assert_allclose(values.forward[3].output, output)
    np.testing.assert_allclose(values.forward[4].input, [output, y])
    assert values.forward[4].output == pytest.approx(np.sum((output - y) ** 2))
    loss = MSELoss("sum")
    loss.forward([output], [y])
    model.backward(loss.backward())
    for row, p in zip(values.gradients, model.parameters(), strict=True):
        assert row.gradient.shape == row.shape.value
        np.testing.assert_allclose(row.gradient.T.reshape(p.data.shape), p.grad)
    np.testing.assert_allclose(values.jacobians[1].elements, np.eye(2))
    np.testing.assert_allclose(values.jacobians[2].elements, [2 * (output - y)])
    optimizer.step()
    np.testing.assert_allclose(values.steps[4].equations[0], model[0].weight.data)
    np.testing.assert_allclose(values.steps[1].equations, [values.forward[4].output])


def test_evaluate_follows_the_parameters_and_changes_nothing():
    model = net()
    optimizer = SGD(model.parameters(), lr=0.5, momentum=0.5)
    d = derive(model, MSELoss(), optimizer=optimizer)
    before = d.evaluate([1, 2, 3], [4, 5]).forward[-1].output
    state = model.state_dict()
    d.check([1, 2, 3], [4, 5])
    assert all(np.array_equal(state[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert "velocity.0" not in optimizer.state_dict()
    model[0].weight.data += 1
    assert d.evaluate([1, 2, 3], [4, 5]).forward[-1].output != before
    assert d.check([1, 2, 3], [4, 5]) < 1e-12


def test_evaluation_is_in_float64():
    d = derive(net(dtype=np.float32), MSELoss())
    values = d.evaluate([1, 2, 3], [4, 5])
    assert values.forward[0].output.dtype == np.float64
    assert values.gradients[0].gradient.dtype == np.float64
    assert values.steps[2].equations == [None] * 4
