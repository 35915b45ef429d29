"""Penalized: its value by its formula, its gradient by differences."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimating import quiet, rows

from mlp import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss, Parameter
from mlp.estimators import MLPClassifier
from mlp.estimators.penalty import Penalized


@pytest.mark.parametrize("criterion", [MSELoss(), BCEWithLogitsLoss()])
@pytest.mark.parametrize("weight", [None, np.array([0.5, 0.0, 3.0])])
def test_the_penalty_is_in_the_loss_and_in_the_gradient(criterion, weight):
    x, y = rows(3)
    model = MLPClassifier((3,), max_iter=1, random_state=0)
    model = quiet(model, x, [0, 1, 1]).model_
    loss = Penalized(criterion, [model[0].weight, model[2].weight], 0.7, 0.5)

    def value():
        return loss(model.forward(x), y[:, np.newaxis] / 2, weight)

    value()
    model.backward(loss.backward())
    n = 3 if weight is None else 3.5
    norms = sum((model[i].weight.data ** 2).sum() for i in (0, 2))
    plain = 0.5 * criterion(model.predict(x), y[:, np.newaxis] / 2, weight)
    assert value() == pytest.approx(plain + 0.7 / (2 * n) * norms)
    for p in model.parameters():
        for i in np.ndindex(p.data.shape):
            ends = []
            for sign in (1, -1):
                p.data[i] += sign * 1e-6
                ends.append(value())
                p.data[i] -= sign * 1e-6
            assert p.grad[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


def test_no_alpha_is_no_penalty_and_no_gradient_of_it():
    W, error = Parameter([[3.0]]), MSELoss()
    loss = Penalized(error, [W], 0.0)
    x, y = np.array([[7.0]]), np.array([[5.0]])
    assert loss(x, y) == error(x, y) == 4.0
    assert loss.backward().tolist() == [[4.0]] and W.grad is None


def test_the_penalty_adds_to_a_gradient_and_keeps_its_dtype():
    W = Parameter(np.float32([[3.0, -1.0]]))
    W.add_grad(np.float32([[1.0, 1.0]]))
    loss = Penalized(MSELoss(), [W], alpha=0.5, factor=2.0)
    ŷ, y = np.float32([[7.0], [1.0]]), np.float32([[5.0], [1.0]])
    assert loss(ŷ, y) == 2 * 2 + 0.5 / 4 * 10  # 2 · mean of 4 and 0; n = 2
    gradient = loss.backward()
    assert gradient.dtype == W.grad.dtype == np.float32
    assert gradient.tolist() == [[4.0], [0.0]]
    assert W.grad.tolist() == [[1.75, 0.75]]  # 1 + (0.5 / 2) W
    assert W.data.tolist() == [[3.0, -1.0]]


def test_the_targets_are_those_of_the_loss_inside():
    assert Penalized(CrossEntropyLoss(), [], 1.0).takes_labels
    assert not Penalized(MSELoss(), [], 1.0).takes_labels
