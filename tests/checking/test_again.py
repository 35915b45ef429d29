"""Kinks, second points and second backwards."""

import numpy as np
import pytest
from oracles import on_one_line
from reports import Broken, batch, right_but, verdicts
from small import Own

from mlp import (
    BCELoss,
    Layer,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    check_gradients,
    check_layer,
)

# ------------------------------------------------------------------ kinks


@pytest.mark.parametrize(
    ("f", "slope", "ok"),
    [
        (np.abs, np.sign, True),
        (np.abs, lambda x: np.where(x >= 0, 1, -1), True),
        (np.abs, lambda x: np.where(x == 0, 1.5, np.sign(x)), False),
        (lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, 0.5, x > 0), True),
        (lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, -0.1, x > 0), False),
        (lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, 1.1, x > 0), False),
        (lambda x: np.maximum(x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1), True),
        (lambda x: 2 * x, lambda x: 2 * (x != 0), False),
        (lambda x: 2 * x, lambda x: 2 * (np.abs(x) > 1e-4), False),
        (lambda x: 2 * x, lambda x: np.where(x == 0, 3, 2), False),
        (np.exp, lambda x: np.exp(x) * (x != 0), False),
    ],
)
def test_a_kink_is_where_the_slopes_differ_and_what_is_given_lies_between(f, slope, ok):
    layer = Own(f, lambda x, y, g: g * slope(x))
    x = np.array([[0.0, 1.0, -1.0], [2.0, 1e-5, 3.0], [0.0, -2.0, 0.5]])
    assert check_layer(layer, x).ok == ok


def test_a_kink_that_is_a_tie():
    class Largest(Layer):
        def forward(self, x):
            self.is_largest = x == x.max(axis=1, keepdims=True)
            return x.max(axis=1, keepdims=True)

        def backward(self, grad_output):
            is_first = np.cumsum(self.is_largest, axis=1) == 1
            return grad_output * (self.is_largest & is_first)

    x = np.array([[3.0, 3.0, 1.0], [0.0, 2.0, -1.0]])
    right_but(check_layer(Largest(), x), x="right but for a kink")


def test_a_kink_hides_no_mistake_elsewhere():
    layer = Own(lambda x: np.maximum(x, 0), lambda x, y, g: g * (x > 0) * (1 + (x > 2)))
    assert not check_layer(layer, np.array([[0.0, 1.0, -1.0], [0.0, 2.5, 1.5]])).ok


@pytest.mark.parametrize("x", [1e-12, -1e-12, 1e-6, -1e-6, 2e-4, -2e-4])
def test_a_place_near_a_kink(x):
    assert check_layer(ReLU(), np.array([[x]])).ok
    assert check_layer(ReLU(), np.array([[x, 1.0], [-1.0, 2.0]])).ok


# -------------------------------------------------- a second point, and another g


class Copying(Linear):
    """A Linear in which something is kept that should not be, by its name."""

    def __init__(self, kept):
        super().__init__(3, 4, rng=0)
        self.kept, self.first = kept, None
        self.held = self.weight.data  # the array itself: it follows
        self.copied = self.weight.data.copy()

    def forward(self, x):
        if self.first is None:
            self.first = x, self.weight.data.T.copy()
        self.x = self.first[0] if self.kept == "x" else x
        w = self.copied if self.kept in ("forward", "both") else self.held
        return x @ (self.first[1] if self.kept == "first" else w.T) + self.bias.data

    def backward(self, grad_output):
        self.weight.add_grad(grad_output.T @ self.x)
        self.bias.add_grad(grad_output.sum(axis=0))
        w = self.copied if self.kept in ("backward", "both") else self.held
        return grad_output @ w


@pytest.mark.parametrize(
    ("kept", "wrong", "sentence"),
    [
        ("nothing", {}, ""),
        ("backward", {"x": "stale copy"}, "wrong once the parameters have changed"),
        ("x", {"weight": "stale copy"}, "wrong for another x"),
        (
            "forward",
            {"weight": "stale copy", "x": "stale copy"},
            "forward does not follow it",
        ),
        ("both", {"weight": "stale copy"}, "forward does not follow it"),
        (
            "first",
            {"weight": "stale copy", "x": "stale copy"},
            "forward does not follow it",
        ),
    ],
)
def test_a_copy_that_does_not_follow(kept, wrong, sentence):
    layer = Copying(kept)
    report = right_but(check_layer(layer, batch(5, 3)), **wrong)
    assert sentence in on_one_line(report)
    net = Sequential(Linear(2, 3), layer, Sigmoid())
    assert check_gradients(net, BCELoss(), batch(5, 2), np.ones((5, 4))).ok == report.ok


@pytest.mark.parametrize(
    ("h", "verdict"),
    [
        (lambda g: np.clip(g, -4, 4), "not linear"),
        (lambda g: np.clip(g, -1e5, 1e5), "not linear"),
        (lambda g: np.maximum(g, -50), "not linear"),
        (lambda g: g * (np.abs(g) > 1e-5), "not linear"),
        (lambda g: g * min(1, 100 / np.linalg.norm(g)), "not linear"),
        (lambda g: g.astype(np.float32), "right"),
    ],
)
def test_a_backward_is_linear_in_grad_output(h, verdict):
    layer = Own(np.tanh, lambda x, y, g: h(g) * (1 - y**2))
    assert verdicts(check_layer(layer, batch(5, 3))) == {"x": verdict}
    net = Sequential(Linear(3, 3, rng=0), layer)
    report = check_gradients(net, MSELoss(), batch(5, 3), batch(5, 3))
    assert verdicts(report)["1.x"] == verdict


def test_a_backward_adds_up_over_two_grad_outputs():
    """Of degree 1, right for each sign of g that was tried, and not a sum."""
    first = []

    def sorted_by(x, y, g):
        first.append(np.sign(g[0, 0]) * np.sign(g))
        return (
            g * (1 - y**2) * np.where(first[0] == np.sign(g[0, 0]) * np.sign(g), 1, 2)
        )

    report = check_layer(Own(np.tanh, sorted_by), batch(5, 3))
    assert verdicts(report) == {"x": "not linear"}
    assert "backward(g + h) is not backward(g) + backward(h)" in on_one_line(report)


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("none", {}),
        ("missing", {"weight": "missing", "bias": "missing"}),
        ("twice", {"bias": "added up over two backwards"}),
        ("replaced", {"bias": "replaced"}),
        (
            "asked",
            {"weight": "lost without grad_input", "bias": "lost without grad_input"},
        ),
    ],
)
def test_mistakes_that_a_second_backward_shows(fault, wrong):
    right_but(check_layer(Broken(fault), batch(5, 3)), **wrong)


def test_a_sum_that_was_begun_before_the_check():
    layer = Broken("twice")
    layer.forward(batch(5, 3))
    layer.backward(batch(5, 4))
    report = check_layer(layer, batch(5, 3))
    right_but(report, bias="added up over two backwards")


def test_a_parameter_that_nothing_depends_on_needs_no_gradient():
    class Spare(Linear):
        def __init__(self):
            super().__init__(3, 4, rng=0)
            self.spare = Parameter(np.ones(2))

    report = right_but(check_layer(Spare(), batch(5, 3)))
    assert report.rows[-2].name == "spare"
    assert report.rows[-2].analytic == report.rows[-2].numerical == 0
