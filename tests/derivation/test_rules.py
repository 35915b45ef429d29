"""Rules of a reader's own, and what is said where one is missing."""

import numpy as np
import pytest
from derivations import net
from small import Softplus

from mlp import Layer, Linear, Loss, MSELoss, Parameter, Sequential, Sigmoid, derive
from mlp.derivation import RULES, Apply, Elementwise
from mlp.derivation.expressions import Number, Symbol


def test_the_logistic_function_of_the_rules_is_exact_far_out():
    σ = RULES[Sigmoid].output(Symbol("x"))
    assert σ.value({"x": -720.0}) == pytest.approx(np.exp(-720), rel=1e-14, abs=0)
    assert σ.value({"x": -1000.0}) == 0


def test_names_of_ones_own_are_escaped_in_latex_and_markdown(monkeypatch):
    class My_Tanh(Layer):
        def forward(self, x):
            return np.tanh(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output

    rule = Elementwise(lambda x: Apply("my_tanh|", np.tanh, x), lambda x, y: 1 - y * y)
    monkeypatch.setitem(RULES, My_Tanh, rule)
    d = derive(Sequential(Linear(1, 1), My_Tanh()), MSELoss())
    for text in (d.to_latex(), d.to_markdown()):
        assert r"my\_tanh$\vert$" in text
    assert r"is My\_Tanh;" in d.to_latex()


def test_a_slope_may_be_a_number(monkeypatch):
    class Half(Layer):
        def forward(self, x):
            return np.asarray(x) / 2

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output / 2

    rule = Elementwise(lambda x: x / 2, lambda x, y: Number(0.5))
    monkeypatch.setitem(RULES, Half, rule)
    assert (
        derive(Sequential(Linear(2, 3), Half()), MSELoss()).check([1, 2], [3, 4, 5])
        < 1e-12
    )


def test_a_layer_without_a_rule_is_named_and_told_how():
    with pytest.raises(NotImplementedError) as error:
        derive(Sequential(Linear(2, 2), Softplus()), MSELoss())
    for part in ("layer 1 (Softplus)", "RULES[Softplus] = Elementwise(", "Apply("):
        assert part in str(error.value)


def test_a_rule_of_ones_own_is_one_line(monkeypatch):
    monkeypatch.setitem(RULES, Softplus, None)  # to be taken back after the test
    RULES[Softplus] = Elementwise(
        lambda x: Apply("softplus", lambda a: np.log1p(np.exp(a)), x),
        lambda x, y: 1 - Apply("exp", np.exp, -y),
    )  # noqa: E501 - one line, as promised
    d = derive(Sequential(Linear(2, 2, rng=0), Softplus()), MSELoss())
    assert str(d.forward[1].output) == "softplus(W⁽¹⁾x + b⁽¹⁾)"
    assert str(d.jacobians[0].elements) == "1 − exp(−ŷᵢ) if i = j, else 0"
    assert d.check([0.5, -2.0], [1.0, 0.0]) < 1e-10


def test_a_loss_without_a_rule_is_named():
    class Huber(Loss):
        def forward(self, prediction, target):
            return 0.0

        def backward(self):
            return np.zeros(1)

    with pytest.raises(
        NotImplementedError, match=r"the loss Huber.*RULES\[Huber\] = LossRule"
    ):
        derive(net(), Huber())


class Softmax(Layer):
    def forward(self, x):
        e = np.exp(x)
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output


class Scaled(Softmax):
    def __init__(self):
        self.weight = Parameter([1.0])


def test_the_advice_for_a_layer_without_a_rule_is_right():
    with pytest.raises(NotImplementedError) as error:
        derive(Sequential(Linear(2, 2), Softmax()), MSELoss())
    for part in ("if it works element by element", "mixes the features", "cannot be"):
        assert part in str(error.value)
    with pytest.raises(NotImplementedError) as error:
        derive(Sequential(Linear(2, 2), Scaled()), MSELoss())
    assert "if it computes W x + b and nothing else" in str(error.value)
    assert "Elementwise" not in str(error.value)


def test_a_rule_of_the_wrong_sort_is_named(monkeypatch):
    monkeypatch.setitem(RULES, Softmax, RULES[MSELoss])
    with pytest.raises(NotImplementedError, match="got a LossRule"):
        derive(Sequential(Linear(2, 2), Softmax()), MSELoss())
