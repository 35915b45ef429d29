"""The five steps: a published example by hand, and the usual mistakes."""

import numpy as np
import pytest
from oracles import random_net
from small import Double

from mlp import (
    SGD,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    StaleGradientWarning,
    minibatches,
    train_step,
)
from mlp.core.team import Team

# Mazur, "A Step by Step Backpropagation Example", 2015. The loss of the post,
# ½ Σ (yᵢ − ŷᵢ)², is the mean for two outputs.
X, Y = [[0.05, 0.10]], [[0.01, 0.99]]


def published_net():
    model = Sequential(Linear(2, 2), Sigmoid(), Linear(2, 2), Sigmoid())
    for p, value in zip(
        model.parameters(),
        ([[0.15, 0.20], [0.25, 0.30]], 0.35, [[0.40, 0.45], [0.50, 0.55]], 0.60),
        strict=True,
    ):
        p.data[...] = value
    return model


def digits(array, places):
    return [f"{value:.{places}f}" for value in np.ravel(array)]


def test_published_forward_pass_to_the_last_digit():
    model, loss = published_net(), MSELoss()
    assert digits(model[:2].forward(X), 9) == ["0.593269992", "0.596884378"]
    assert digits(model.forward(X), 8) == ["0.75136507", "0.77292847"]
    assert digits(model.forward(X)[0, 1], 9) == ["0.772928465"]
    assert digits(loss.forward(model.forward(X), Y), 9) == ["0.298371109"]


def test_published_step_to_the_last_digit():
    model = published_net()
    weights = [model[0].weight, model[2].weight]  # the post leaves the biases
    train_step(model, MSELoss(), SGD(weights, lr=0.5), X, Y)
    (w11, w12), (w21, w22) = weights[1].data
    assert digits(w11, 8) == ["0.35891648"]
    assert digits([w12, w21, w22], 9) == ["0.408666186", "0.511301270", "0.561370121"]
    (w11, w12), (w21, w22) = weights[0].data
    assert digits(w11, 9) == ["0.149780716"]
    assert digits([w12, w21, w22], 8) == ["0.19956143", "0.24975114", "0.29950229"]
    assert digits(MSELoss().forward(model.predict(X), Y), 5) == ["0.29103"]


def test_published_net_with_its_biases():
    model = published_net()
    train_step(model, MSELoss(), SGD(model.parameters(), lr=0.5), X, Y)
    assert digits(MSELoss().forward(model.predict(X), Y), 5) == ["0.28047"]


def loop(model, x, y, steps=1, skip=(), lr=0.1):
    """Run the five steps, spelled out, without those whose number is in skip."""
    criterion, optimizer = MSELoss(), SGD(model.parameters(), lr=lr, momentum=0.5)
    for _ in range(steps):
        prediction = model.forward(x)
        loss = criterion.forward(prediction, y)
        if 3 not in skip:
            optimizer.zero_grad()
        if 4 not in skip:
            model.backward(criterion.backward())
        if 5 not in skip:
            optimizer.step()
    return loss


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_train_step_is_the_five_steps(dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)).astype(dtype), rng.normal(size=(5, 2)).astype(dtype)
    one, other = (
        random_net(np.random.default_rng(1), [3, 4, 2], dtype=dtype) for _ in range(2)
    )
    criterion = MSELoss()
    optimizer = SGD(other.parameters(), lr=0.1, momentum=0.5)
    for _ in range(3):
        last = train_step(other, criterion, optimizer, x, y)
    assert last == loop(one, x, y, steps=3)
    assert type(last) is float
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert np.array_equal(p.data, q.data)
        assert p.data.dtype == p.grad.dtype == dtype


def test_train_step_asks_for_no_gradient_of_x():
    asked = []

    class Spy(Linear):
        def backward(self, grad_output, *, needs_input_grad=True):
            asked.append(needs_input_grad)
            return super().backward(grad_output)

    model = Spy(1, 1)
    train_step(model, MSELoss(), SGD(model.parameters(), lr=0.1), [[1.0]], [[2.0]])
    assert asked == [False]


def test_training_fits_a_curve():
    rng = np.random.default_rng(0)
    x = np.linspace(-2, 2, 64)[:, np.newaxis]
    y = np.sin(2 * x)
    model = Sequential(Linear(1, 32, rng=rng), ReLU(), Linear(32, 1, rng=rng))
    criterion, optimizer = MSELoss(), SGD(model.parameters(), lr=0.05, momentum=0.9)
    before = criterion.forward(model.predict(x), y)
    for _ in range(200):
        for x_batch, y_batch in minibatches(x, y, 16, rng=rng):
            train_step(model, criterion, optimizer, x_batch, y_batch)
    assert criterion.forward(model.predict(x), y) < 0.02 * before


# --------------------------------------- the mistakes that learners' loops make


def problem():
    rng = np.random.default_rng(0)
    return random_net(rng, [3, 4, 2]), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def test_zero_grad_forgotten():
    with pytest.warns(StaleGradientWarning, match=r"\(step 3\) before model.backward"):
        loop(*problem(), steps=2, skip={3})


def test_backward_forgotten():
    with pytest.raises(RuntimeError, match=r"\(step 4\) between zero_grad and step"):
        loop(*problem(), skip={4})


def test_backward_twice():
    model, x, y = problem()
    criterion = MSELoss()
    criterion.forward(model.forward(x), y)
    gradient = criterion.backward()
    model.backward(gradient)
    with pytest.raises(
        RuntimeError, match="each backward uses up one forward"
    ) as caught:
        model.backward(gradient)
    assert "write prediction = model.forward(x) (step 1)" in str(caught.value)
    with pytest.raises(
        RuntimeError, match=r"write loss = criterion.*\(step 2\) before"
    ):
        criterion.backward()


def test_backward_before_forward():
    model, x, y = problem()
    with pytest.raises(
        RuntimeError, match=r"write prediction = .*\(step 1\) before it"
    ):
        model.backward(y)
    with pytest.raises(RuntimeError, match=r"write loss = .*\(step 2\) before it"):
        MSELoss().backward()


def test_backward_twice_through_layers_of_ones_own():
    model, x = Sequential(Double(), Sequential(Double())), np.ones((2, 3))
    model.forward(x)
    assert np.array_equal(model.backward(x), 4 * x)
    with pytest.raises(
        RuntimeError, match="Sequential.backward: .*uses up one forward"
    ):
        model.backward(x)
    model.forward(x)
    model.predict(x)
    assert model.backward(x, needs_input_grad=False) is None


def test_zero_grad_between_backward_and_step():
    model, x, y = problem()
    criterion, optimizer = MSELoss(), SGD(model.parameters(), lr=0.1)
    criterion.forward(model.forward(x), y)
    model.backward(criterion.backward())
    optimizer.zero_grad()
    with pytest.raises(RuntimeError, match=r"\(step 4\) between zero_grad and step"):
        optimizer.step()


def test_zero_grad_between_step_and_forward_is_in_time():
    model, x, y = problem()
    criterion, optimizer = MSELoss(), SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        criterion.forward(model.forward(x), y)
        model.backward(criterion.backward())
        optimizer.step()


def test_labels_as_a_vector():
    model = Sequential(Linear(3, 1))
    with pytest.raises(ValueError, match=r"\(5, 1\) and \(5,\); write target.reshape"):
        loop(model, np.ones((5, 3)), np.ones(5))


def test_x_as_a_vector():
    with pytest.raises(ValueError, match=r"x.reshape\(-1, 1\) is 5 samples"):
        loop(Sequential(Linear(1, 1)), np.ones(5), np.ones((5, 1)))


def test_evaluation_between_forward_and_backward():
    model, x, y = problem()
    criterion = MSELoss()
    criterion.forward(model.forward(x), y)
    gradient = criterion.backward()
    model.predict(np.ones((9, 3)))
    model.backward(gradient)

    model.forward(x)
    model.forward(np.ones((9, 3)))
    with pytest.raises(ValueError, match=r"steps 1 and 4.*write model\.predict\(x\)"):
        model.backward(gradient)


@pytest.mark.parametrize(("weight", "rows"), [(None, 3), ([1.0, 0.5, 0.0], 1.5)])
def test_a_team_is_told_of_how_many_rows_the_gradient_is(weight, rows):
    told = []

    class Two(Team):
        size = 2

    class Told(SGD):
        def step(self, rows=None):
            told.append(rows)
            super().step()

    model = Linear(2, 1, rng=0)
    optimizer = Told(model.parameters(), lr=0.1)
    optimizer.team = Two()
    train_step(model, MSELoss(), optimizer, np.ones((3, 2)), np.ones((3, 1)), weight)
    assert told == [rows]
