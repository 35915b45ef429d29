"""Rules of a reader's own, of each kind."""

import library
import numpy as np
import pytest
from derivations import assert_reads_back
from small import Softplus

from mlp import (
    SGD,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Sequential,
    derive,
    trace,
)
from mlp.derivation import RULES, Apply, Elementwise, LossRule
from mlp.derivation.expressions import Number


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


def test_a_loss_without_a_reduction_is_a_mean_over_rows(monkeypatch):
    class Halves(Loss):
        def forward(self, prediction, target):
            self.d = np.asarray(prediction) - target
            return float(np.sum(self.d**2) / 2 / len(self.d))

        def backward(self):
            return self.d / len(self.d)

    right = RULES[MSELoss]
    rule = LossRule(
        lambda ŷ, y, scale: scale(0.5, (right.value(ŷ, y, lambda k, e: e))),
        lambda ŷ, y, scale, t: scale(1, t(ŷ - y)),
        lambda ŷ, y, scale: scale(1, ŷ - y),
        lambda ŷ, y: (ŷ - y) ** 2 / 2,
    )
    monkeypatch.setitem(RULES, Halves, rule)
    model = Linear(2, 3, rng=0)
    assert derive(model, Halves()).check([1, 2], [3, 4, 5]) <= 1e-10
    sgd = SGD(model.parameters(), 0.1)
    assert_reads_back(
        trace(model, Halves(), sgd, [[1, 2], [3, 4]], [[1, 2, 3], [4, 5, 6]])
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
@pytest.mark.parametrize("make", library.LOSSES)
def test_a_loss_is_its_sign_times_the_sum_of_its_terms(make, reduction):
    rng = np.random.default_rng(0)
    criterion, ŷ, y = make(reduction), rng.uniform(size=(2, 3)), np.eye(3)[[2, 0]]
    rule, total = RULES[make], 0.0
    for row, target in zip(ŷ, y, strict=True):
        numbers = [Number(entry) for entry in row]
        for i, t in enumerate(map(Number, target)):
            p = rule.inner(numbers, i) if rule.inner else numbers[i]
            total += rule.sign * rule.term(p, t).value({})
    divisor = criterion.reduction.divisor(ŷ.shape)
    assert total / divisor == pytest.approx(criterion.forward(ŷ, y))
