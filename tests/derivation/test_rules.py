"""The rules of the library: what they say, and far out."""

import copy

import library
import numpy as np
import pytest
from derivations import LAYERS, LOSSES, OPTIMIZERS

from mlp import (
    SGD,
    Adam,
    AdamW,
    BatchNorm1d,
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    Identity,
    Linear,
    MSELoss,
    Parameter,
    RMSprop,
    Sequential,
    Sigmoid,
    Softmax,
    derive,
    train_step,
)
from mlp.derivation import RULES, Elementwise
from mlp.derivation.expressions import Symbol
from mlp.derivation.figures import figure
from mlp.derivation.rules import LogOfRest, rule_of, step_rule
from mlp.derivation.tables import spelled


def test_the_logistic_function_of_the_rules_is_exact_far_out():
    σ = RULES[Sigmoid].output(Symbol("x"))
    assert σ.value({"x": -720.0}) == pytest.approx(np.exp(-720), rel=1e-14, abs=0)
    assert σ.value({"x": -1000.0}) == 0


def test_cross_entropy_ends_in_p_minus_y():
    d = derive(Linear(2, 3), CrossEntropyLoss())
    assert str(d.jacobians[-1].elements).endswith(" = (p − y)ᵀ")
    assert str(d.batch[0].formula) == "(1/N) (P − Y)"
    assert "p = softmax ŷ" in str(d)


@pytest.mark.parametrize("layer", [Dropout(0.4, rng=0), BatchNorm1d(3)], ids=repr)
def test_the_rule_of_a_layer_is_that_of_its_mode(layer):
    training = rule_of(layer)
    assert rule_of(layer.eval()) != training
    if isinstance(layer, Dropout):
        assert rule_of(layer) == RULES[Identity]
    else:
        assert (training.over, rule_of(layer).over) == ("rows", "nothing")
        assert rule_of(layer).mean is layer.running_mean
        assert rule_of(layer).var is layer.running_var


ELEMENTWISE = [
    name for name in LAYERS if isinstance(rule_of(library.layer(name)), Elementwise)
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_elementwise_rule_is_the_forward_and_the_backward_of_its_layer(name):
    rng = np.random.default_rng(0)
    layer, x, g = library.layer(name, 3, rng=rng), *rng.normal(size=(2, 4, 3))
    rule = rule_of(layer)
    values, letters = {"x": x}, [Symbol("x"), Symbol("y")]
    mask = [Symbol("m")] if rule.drawn else []
    if mask:
        values["m"] = rule.drawn(copy.deepcopy(layer), x)
    values["y"] = layer.forward(x)
    gradient = layer.backward(g)
    output = spelled(rule.output(letters[0], *mask))
    np.testing.assert_allclose(output.value(values), values["y"])
    for form in filter(None, (rule.slope, rule.batch_form)):
        slope = form(*letters, *mask).value(values)
        np.testing.assert_allclose(g * slope, gradient)


@pytest.mark.parametrize("make", [*LOSSES, BCELoss])
def test_the_rule_of_a_loss_agrees_with_it(make):
    model = Sequential(Linear(2, 3, rng=0), Sigmoid())
    assert derive(model, make()).check([0.5, -1], [0, 1, 0]) < 1e-10


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_the_rule_of_an_optimizer_agrees_with_it(make):
    model, y = Linear(2, 3, rng=0), [[0.0, 1.0, 0.0]]
    optimizer = make(model.parameters())
    train_step(model, MSELoss(), optimizer, [[0.5, -1.0]], y)  # slots that are not 0
    d = derive(model, MSELoss(), optimizer=optimizer)
    assert d.check([0.5, -1.0], y[0]) < 1e-10


@pytest.mark.parametrize("make", [BCEWithLogitsLoss, CrossEntropyLoss])
def test_a_loss_of_logits_is_exact_where_p_is_0_or_1(make):
    model, z, y = Linear(2, 2, bias=False), [800.0, -800.0], [0.0, 1.0]
    model.weight.data[...] = np.eye(2)
    value = derive(model, make("sum")).evaluate(z, y).forward[-1].output
    assert value == make("sum").forward([z], [y]) == 1600


def test_a_small_p_is_not_lost_in_the_log_of_the_rest():
    rest = LogOfRest(Symbol("p"))
    assert str(rest) == "log(1 − p)"
    assert [rest.value({"p": p}) for p in (1e-20, 1.0)] == [-1e-20, -np.inf]


def test_the_powers_of_a_large_softmax_are_of_differences():
    entry = RULES[Softmax].entry
    small = str(entry([figure(1), figure(2)], 0))
    assert small == "exp(1)/(exp(1) + exp(2))"
    large = entry([figure(800), figure(801)], 0)
    assert str(large) == "exp(800 − 801)/(exp(800 − 801) + exp(801 − 801))"
    assert large.value({}) == pytest.approx(1 / (1 + np.e))
    assert entry([figure(5)], 0).value({}) == 1


def test_a_bound_of_bce_is_written_where_it_is_active():
    term = RULES[BCELoss].term
    assert str(term(figure(0.5), figure(1))) == "1 · log(0.5) + (1 − 1) · log(1 − 0.5)"
    slope = RULES[BCELoss].entry(figure(0.5), figure(1), lambda k, e: e)
    assert str(slope) == "(0.5 − 1)/max(0.5 · (1 − 0.5), 1e−12)"
    bounded = term(figure(0), figure(1))
    assert str(bounded) == "1 · max(log(0), −100) + (1 − 1) · log(1 − 0)"
    assert bounded.value({}) == -100


def test_an_optimizer_has_the_rule_of_its_update():
    class Renamed(Adam):
        pass

    class Own(SGD):
        def update(self, parameter, gradient, state):
            parameter.data -= self.lr * np.sign(gradient)

    class Stepping(SGD):
        def step(self, rows=None):
            super().step()

    θ = [Parameter(np.ones(2))]
    assert step_rule(Renamed(θ)) is RULES[Adam]
    assert step_rule(AdamW(θ)) is RULES[AdamW]
    assert step_rule(Own(θ, 0.1)) is step_rule(Stepping(θ, 0.1)) is None
    assert rule_of(3) is None


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("make", [SGD, RMSprop])
def test_a_setting_of_0_has_no_line(make, momentum, decay):
    model, settings = Linear(2, 1, rng=0), (momentum, decay)
    optimizer = make(model.parameters(), lr=0.25, momentum=momentum, weight_decay=decay)
    step = derive(model, MSELoss(), optimizer=optimizer).steps[-1]
    text = "\n".join(map(str, step.equations))
    for letter, setting in zip(("0.9 · ", "0.1 · "), settings, strict=True):
        assert (letter in text) == (setting != 0)
    assert ("u(W⁽¹⁾)" in text) == (make is RMSprop and momentum != 0)
