"""The value of each cell, at the parameters of now."""

import numpy as np
import pytest
from derivations import net

from mlp import (
    SGD,
    CrossEntropyLoss,
    LayerNorm,
    Linear,
    MSELoss,
    Sequential,
    Sigmoid,
    derive,
)


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


def test_a_letter_for_a_formula_has_its_value():
    model = Sequential(Linear(2, 3, rng=0), LayerNorm(3))
    d = derive(model, CrossEntropyLoss())
    columns = np.array([[0.5], [-1.0]]), np.array([[0.0], [1.0], [0.0]])
    values = d.values_at(*columns)
    p = np.exp(values["ŷ"]) / np.exp(values["ŷ"]).sum()
    np.testing.assert_allclose(values["p"], p)
    np.testing.assert_allclose(values["P"], p.T)
    np.testing.assert_allclose(values["μ⁽¹⁾"], [[values["z₁"].mean()]])
    names = [str(letter) for letter in d.letters()]
    assert len(names) == len(set(names))


def test_a_number_is_a_float_and_a_cell_has_the_shape_beside_it():
    values = derive(net(), MSELoss()).evaluate([1, 2, 3], [4, 5])
    assert type(values.forward[-1].output) is float
    assert values.forward[0].output.shape == (4,)
    for rows in values.gradients, values.jacobians, values.batch:
        for row in rows:
            assert row[1].shape == row.shape.value


def test_the_values_of_a_batch_are_those_of_its_rows():
    d, x = derive(net(Sigmoid), MSELoss()), np.array([[1.0, 2], [0, -1], [3, 0.5]])
    y = np.array([[1.0, 0], [0, 1]])
    whole = d.values_at(x, y)
    given = d.values_at(x, y, [whole[name].T for name in ("z₁", "z₂", "z₃", "ŷ")])
    for k in range(2):
        alone = d.values_at(x[:, k : k + 1], y[:, k : k + 1])
        for name in "z₁", "z₂", "z₃", "ŷ":
            np.testing.assert_allclose(whole[name][:, k : k + 1], alone[name])
            np.testing.assert_array_equal(given[name], whole[name])
