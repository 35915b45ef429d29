"""What a check samples, what it adds to, and what it refuses."""

import re

import numpy as np
import pytest
from oracles import on_one_line
from reports import batch, linear, right_but, verdicts
from small import elementwise

from mlp import (
    Layer,
    Linear,
    Loss,
    MSELoss,
    Sigmoid,
    check_gradients,
    check_layer,
)


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


def test_a_gradient_that_is_added_in_place_is_right():
    class InPlace(Linear):
        def backward(self, grad_output, *, needs_input_grad=True):
            if self.bias.grad is None:
                self.bias.grad = np.zeros(self.out_features)
            self.bias.grad += grad_output.sum(axis=0)
            self.weight.add_grad(grad_output.T @ self._x)
            return grad_output @ self.weight.data

    right_but(check_layer(InPlace(3, 4), batch(5, 3)))


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


def test_a_loss_that_broadcasts():
    class Broadcast(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.mean(self.difference**2))

        def backward(self):
            return 2 * self.difference / self.difference.size

    report = check_gradients(Linear(3, 1), Broadcast(), batch(5, 3), batch(5))
    right_but(report, prediction="wrong shape")
    assert "did (N, 1) − (N,) broadcast to (N, N)?" in on_one_line(report)


def test_a_slope_as_small_as_what_differences_may_be_off():
    report = check_layer(Sigmoid(), np.full((2, 2), 37.0))
    assert verdicts(report) == {"x": "too flat to tell"}
    assert report.ok


@pytest.mark.parametrize(
    ("elsewhere", "verdict"),
    [(lambda x: x > 0, "right but for a kink"), (lambda x: np.nan * x, "differs")],
)
def test_a_kink_is_one_only_if_a_little_away_all_is_right(elsewhere, verdict):
    """At 0 these slopes lie between those of a ReLU, 0 and 1."""
    layer = elementwise(
        lambda x: np.maximum(x, 0),
        lambda x, y: np.where(x == 0, [0.2, 0.3, 0.1], elsewhere(x)),
    )
    assert verdicts(check_layer(layer, np.zeros((2, 3)))) == {"x": verdict}
