"""What a check samples, and the faults that it finds besides wrong gradients."""

import re

import numpy as np
import pytest
from oracles import on_one_line
from reports import Broken, batch, linear, right_but, verdicts

from mlp import (
    Layer,
    Linear,
    MSELoss,
    Sequential,
    Sigmoid,
    check_gradients,
    check_layer,
)

# --------------------------------------------------------- what a layer gets wrong


def test_one_wrong_entry_of_many_is_found():
    def backward(x, w, g):
        dw = g.T @ x
        dw[61, 37] += 0.1
        return dw, g.sum(0), g @ w

    row = check_layer(linear(backward, 90, 80), batch(5, 90)).rows[0]
    assert row.verdict == "differs"
    assert "at [61, 37]" in row.sentence
    assert row.measured.endswith(" of 7200")
    assert 40 < int(row.measured.split()[0]) <= 51


def test_large_arrays_are_sampled_and_the_report_says_how_many():
    report = check_layer(Linear(20, 10), batch(3, 20))
    counts = {row.name: row.measured for row in report.rows}
    assert counts["bias"] == "all 10"
    assert counts["x"] == "all 60"
    assert re.fullmatch(r"(4\d|50) of 200", counts["weight"])
    assert "40 at random, the 10 with the largest gradient and 3 random" in on_one_line(
        report
    )
    assert "3 random" not in str(check_layer(Linear(2, 2), batch(3, 2)))


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


def test_a_gradient_that_is_added_in_place_is_right():
    class InPlace(Linear):
        def backward(self, grad_output, *, needs_input_grad=True):
            if self.bias.grad is None:
                self.bias.grad = np.zeros(self.out_features)
            self.bias.grad += grad_output.sum(axis=0)
            self.weight.add_grad(grad_output.T @ self._x)
            return grad_output @ self.weight.data

    right_but(check_layer(InPlace(3, 4), batch(5, 3)))


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


# ----------------------------------------------------------- what a loss gets wrong


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


def test_nan_in_y_or_from_a_forward_is_said_to_be_that():
    y = batch(5, 2)
    y[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"expected y to be finite, got 1 of 10"):
        check_gradients(Linear(3, 2), MSELoss(), batch(5, 3), y)

    class Overflowing(Layer):
        def forward(self, x):
            with np.errstate(all="ignore"):
                self.y = np.sinh(x) / np.cosh(x)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (1 - self.y**2)

    report = check_layer(Overflowing(), np.array([[1.0, 1000.0], [2.0, 0.5]]))
    assert not report.ok
    assert "forward gives NaN or infinity in 1 of the 4 entries" in on_one_line(report)
