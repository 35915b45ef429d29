"""The five steps, and what an optimizer does in the fifth."""

import numpy as np
import pytest
from derivations import OPTIMIZERS, net

from mlp import (
    SGD,
    Adam,
    BatchNorm1d,
    Identity,
    Linear,
    MSELoss,
    Optimizer,
    Sequential,
    Tanh,
    derive,
    train_step,
)
from mlp.derivation import RULES, StepRule


def test_the_five_steps():
    d = derive(Sequential(Linear(2, 1), Identity()), MSELoss())
    assert [(s.number, s.name, [str(q) for q in s.equations]) for s in d.steps] == [
        (1, "forward", ["z₁ = W⁽¹⁾x + b⁽¹⁾", "ŷ = z₁"]),
        (2, "loss", ["ℓ = (1/K) ‖ŷ − y‖²"]),
        (3, "zero the gradients", ["W⁽¹⁾.grad ← None", "b⁽¹⁾.grad ← None"]),
        (
            4,
            "backward",
            [
                "∂ℓ/∂ŷ = (2/K) (ŷ − y)ᵀ",
                "∂ℓ/∂z₁ = ∂ℓ/∂ŷ · ∂ŷ/∂z₁",
                "∂ℓ/∂W⁽¹⁾ = x · ∂ℓ/∂z₁",
                "∂ℓ/∂b⁽¹⁾ = ∂ℓ/∂z₁",
            ],
        ),
        (
            5,
            "step",
            [
                "W⁽¹⁾ ← W⁽¹⁾ − lr · (∂ℓ/∂W⁽¹⁾)ᵀ",
                "b⁽¹⁾ ← b⁽¹⁾ − lr · (∂ℓ/∂b⁽¹⁾)ᵀ",
            ],
        ),
    ]


def test_step_five_is_the_optimizers_own():
    model = Sequential(Linear(2, 1, bias=False))
    sgd = SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
    d = derive(model, MSELoss(), optimizer=sgd, layout="denominator")
    assert [str(equation) for equation in d.steps[4].equations] == [
        "v(W⁽¹⁾) ← 0.9 · v(W⁽¹⁾) + ∂ℓ/∂W⁽¹⁾ + 0.01 · W⁽¹⁾",
        "W⁽¹⁾ ← W⁽¹⁾ − 0.1 · (∂ℓ/∂W⁽¹⁾ + 0.01 · W⁽¹⁾ + 0.9 · v(W⁽¹⁾))",
    ]


def test_an_optimizer_of_some_parameters_steps_those():
    model = net()
    d = derive(model, MSELoss(), optimizer=SGD([model[2].weight], lr=0.5))
    assert [str(q) for q in d.steps[4].equations] == ["W⁽²⁾ ← W⁽²⁾ − 0.5 · (∂ℓ/∂W⁽²⁾)ᵀ"]
    assert d.check([0.5, -1.0, 2.0], [0.0, 1.0]) < 1e-12


def test_momentum_in_progress_is_part_of_step_five():
    model = net()
    optimizer = SGD(model.parameters(), lr=0.5, momentum=0.5)
    for p in model.parameters():
        p.grad = np.ones(p.data.shape)
    optimizer.step()
    assert (
        derive(model, MSELoss(), optimizer=optimizer).check([1, 2, 3], [4, 5]) < 1e-12
    )


def test_step_five_without_an_optimizer_is_worth_nan():
    values = derive(net(), MSELoss()).evaluate([1, 2, 3], [4, 5])
    assert all(np.isnan(value).all() for value in values.steps[4].equations)


def test_an_optimizer_of_another_net_is_refused():
    with pytest.raises(ValueError, match=r"holds none of them; write SGD\(model"):
        derive(net(), MSELoss(), optimizer=SGD(net().parameters(), lr=0.1))


def test_an_optimizer_without_a_rule_is_named_in_step_five():
    class Own(SGD):
        def update(self, parameter, gradient, state):
            parameter.data -= self.lr * np.sign(gradient)

    model = net()
    d = derive(model, MSELoss(), optimizer=Own(model.parameters(), lr=0.1))
    line = "W⁽¹⁾ ← what Own.update makes of it; RULES has no Own"
    assert str(d.steps[4].equations[0]) == line
    assert d.check([0.5, -1.0, 2.0], [0.0, 1.0]) < 1e-12


def test_a_small_learning_rate_is_written_out():
    model = net()
    d = derive(model, MSELoss(), optimizer=SGD(model.parameters(), lr=1e-5))
    assert "− 0.00001 · " in str(d.steps[4].equations[0])
    assert "e-05" not in d.to_latex()


def test_a_new_value_is_an_assignment_and_a_letter_of_the_rule_an_equation():
    model = Linear(2, 1, bias=False)
    adam = Adam(model.parameters(), 0.5, (0.5, 0.25), eps=1.0)
    d = derive(model, MSELoss(), optimizer=adam, layout="denominator")
    assert [str(equation) for equation in d.steps[4].equations] == [
        "t(W⁽¹⁾) ← t(W⁽¹⁾) + 1",
        "m(W⁽¹⁾) ← 0.5 · m(W⁽¹⁾) + (1 − 0.5) · ∂ℓ/∂W⁽¹⁾",
        "v(W⁽¹⁾) ← 0.25 · v(W⁽¹⁾) + (1 − 0.25) · (∂ℓ/∂W⁽¹⁾)²",
        "m̂(W⁽¹⁾) = m(W⁽¹⁾)/(1 − 0.5^(t(W⁽¹⁾)))",
        "v̂(W⁽¹⁾) = v(W⁽¹⁾)/(1 − 0.25^(t(W⁽¹⁾)))",
        "W⁽¹⁾ ← W⁽¹⁾ − 0.5 · (m̂(W⁽¹⁾)/((v̂(W⁽¹⁾))^(0.5) + 1))",
    ]


def test_a_count_is_a_number_and_another_slot_an_array(monkeypatch):
    class Own(Optimizer):
        counts = ("steps",)

        def update(self, parameter, gradient, state):
            t = state["steps"] = state.get("steps", 0) + 1
            a = state.get("sum", np.zeros_like(gradient)) + gradient
            state["sum"] = a
            parameter.data -= self.lr * (t * a * gradient)

    def equations(o, θ, g, t, a):
        t = yield "steps", t + 1
        a = yield "sum", a + g
        yield "θ", θ - o.lr * (t * a * g)

    monkeypatch.setitem(RULES, Own, StepRule(equations, {"steps": "t", "sum": "a"}))
    model = net()
    own = Own(model.parameters(), lr=0.5)
    train_step(model, MSELoss(), own, [[1.0, 2.0, 3.0]], [[4.0, 5.0]])
    d = derive(model, MSELoss(), optimizer=own, layout="denominator")
    text = "W⁽¹⁾ ← W⁽¹⁾ − 0.5((t(W⁽¹⁾)a(W⁽¹⁾)) ⊙ ∂ℓ/∂W⁽¹⁾)"
    assert str(d.steps[4].equations[2]) == text
    assert d.check([1, -2, 3], [4, 5]) < 1e-10


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_the_gradient_of_a_batch_is_stepped_where_its_samples_are_coupled(make):
    model = Sequential(Linear(2, 3, rng=0), BatchNorm1d(3), Tanh(), Linear(3, 1, rng=1))
    d = derive(model, MSELoss(), optimizer=make(model.parameters()))
    assert "W⁽¹⁾.grad" in str(d.steps[4].equations)
    assert d.check([1, 2], [3]) < 1e-10
