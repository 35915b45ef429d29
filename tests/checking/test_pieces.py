"""A layer or a loss by itself: what it gives, what is wrong with it, how it grows."""

import numpy as np
import pytest
from oracles import on_one_line
from reports import Broken, batch, verdicts
from small import Own

from mlp import (
    Linear,
    Loss,
    MSELoss,
    Sequential,
    Sigmoid,
    check_gradients,
    check_layer,
)


@pytest.mark.parametrize(
    ("fault", "sentence", "rows"),
    [
        ("grad_output", "backward writes into grad_output", ["right"] * 3),
        ("x", "forward writes into x", ["factor 2", "right", "right"]),
        ("random", "forward gives two outputs for one input", []),
    ],
)
def test_faults_besides_the_gradients(fault, sentence, rows):
    report = check_layer(Broken(fault), batch(5, 3))
    assert not report.ok
    assert f"Broken: {sentence}" in on_one_line(report)
    assert list(verdicts(report).values()) == rows
    net = Sequential(Linear(2, 3), Broken(fault))
    report = check_gradients(net, MSELoss(), batch(5, 2), batch(5, 4))
    assert f"layer 1 (Broken): {sentence}" in on_one_line(report)
    assert "all of these" not in verdicts(report)


def test_a_backward_that_writes_into_what_forward_returned():
    class Worn(Sigmoid):
        def backward(self, grad_output, *, needs_input_grad=True):
            self._y *= 1 - self._y
            return grad_output * self._y

    report = check_layer(Worn(), batch(5, 3))
    assert "backward writes into the y that forward has handed out" in on_one_line(
        report
    )


def test_an_error_in_a_backward_comes_with_the_shapes():
    with pytest.raises(ValueError, match="mismatch") as caught:
        check_layer(Broken("product"), batch(5, 3))
    assert caught.value.__notes__ == [
        "in backward of Broken: grad_output (5, 4), weight (4, 3), bias (4,), x (5, 3)"
    ]


def test_a_forward_that_returns_nothing():
    with pytest.raises(
        TypeError, match=r"Broken\.forward: expected a result, got None"
    ):
        check_layer(Broken("returns"), batch(5, 3))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("prediction", "it writes into the prediction"),
        ("target", "it writes into the target"),
        ("total", "forward gives two outputs for one input"),
    ],
)
def test_faults_of_a_loss_besides_its_gradient(what, sentence):
    class Faulty(MSELoss):
        total = 0.0

        def forward(self, prediction, target):
            value = super().forward(prediction, target)
            if what == "prediction":
                prediction -= target
            if what == "target":
                target -= 1
            if what == "total":
                self.total = value = self.total + value
            return value

    report = check_gradients(Linear(3, 2), Faulty(), batch(5, 3), batch(5, 2))
    assert not report.ok
    assert f"Faulty: {sentence}" in on_one_line(report)


def test_a_loss_that_returns_no_number():
    class Entries(MSELoss):
        def forward(self, prediction, target):
            super().forward(prediction, target)
            return prediction - target

    with pytest.raises(
        TypeError, match=r"Entries.forward: expected one number, got an"
    ):
        check_gradients(Linear(3, 2), Entries(), batch(5, 3), batch(5, 2))


def test_a_loss_with_a_weight_for_each_row():
    weights = np.arange(1.0, 6.0)[:, np.newaxis]

    class Weighted(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.sum(weights * self.difference**2))

        def backward(self):
            return weights * self.difference

    report = check_gradients(Linear(3, 2), Weighted(), batch(5, 3), batch(5, 2))
    assert verdicts(report)["prediction"] == "factor 1/2"


@pytest.mark.parametrize("error", [AssertionError, RuntimeError, IndexError, None])
def test_a_layer_for_batches_of_one_size(error):
    mask = (batch(5, 3) > 0).astype(float)

    def f(x):
        if error and len(x) != 5:
            raise error("five rows")
        return mask * x**2

    for c, verdict in ((1, "factor 1/2"), (2, "right"), (2 / 5, "factor 1/N")):
        layer = Own(f, lambda x, y, g, c=c: c * g * mask * x)
        assert verdicts(check_layer(layer, batch(5, 3))) == {"x": verdict}


@pytest.mark.parametrize("error", [AssertionError, RuntimeError])
def test_an_error_of_a_loss_says_where_it_came_from(error):
    class Own(MSELoss):
        def forward(self, prediction, target):
            if np.any((prediction < 0) | (prediction > 1)):
                raise error("no probability")
            return super().forward(prediction, target)

    model = Sequential(Linear(1, 1, bias=False), Sigmoid())
    model[0].weight.data[...] = 40
    with pytest.raises(error, match="no probability") as caught:
        check_gradients(model, Own(), [[1.0], [0.01]], [[0.0], [1.0]])
    assert caught.value.__notes__[0] == "in forward of Own: prediction (2, 1)"
    assert "an input was moved by" in caught.value.__notes__[1]
