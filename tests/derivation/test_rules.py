"""The rules of the library: what they say, and far out."""

import numpy as np
import pytest
from derivations import OPTIMIZERS

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
    LayerNorm,
    LeakyReLU,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    derive,
)
from mlp.derivation import RULES
from mlp.derivation.expressions import Symbol
from mlp.derivation.figures import figure
from mlp.derivation.rules import LogOfRest, rule_of, step_rule


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


@pytest.mark.parametrize(
    ("layer", "loss", "make"),
    [
        (ReLU(), MSELoss(), OPTIMIZERS[0]),
        (LeakyReLU(0.3), BCEWithLogitsLoss(), OPTIMIZERS[1]),
        (Tanh(), CrossEntropyLoss(), OPTIMIZERS[2]),
        (Softmax(), BCELoss(), OPTIMIZERS[3]),
        (Dropout(0.4, rng=0), MSELoss("sum"), OPTIMIZERS[4]),
        (BatchNorm1d(3), CrossEntropyLoss("sum"), OPTIMIZERS[5]),
        (LayerNorm(3), BCEWithLogitsLoss("batchmean"), OPTIMIZERS[0]),
        (BatchNorm1d(3).eval(), BCELoss("sum"), OPTIMIZERS[1]),
    ],
)
def test_a_rule_and_its_class_agree(layer, loss, make):
    model = Sequential(Linear(2, 3, rng=0), layer, Linear(3, 3, rng=1), Sigmoid())
    model.forward([[1.0, 2.0], [3.0, -4.0]])  # running means that are not 0
    optimizer = make(model.parameters())
    assert derive(model, loss, optimizer=optimizer).check([0.5, -1], [0, 1, 0]) < 1e-10


def test_a_loss_of_logits_is_exact_where_p_is_0_or_1():
    for make, z, y in (
        (BCEWithLogitsLoss, [800.0, -800.0], [0.0, 1.0]),
        (CrossEntropyLoss, [800.0, -800.0], [0.0, 1.0]),
    ):
        model = Linear(2, 2, bias=False)
        model.weight.data[...] = np.eye(2)
        value = derive(model, make("sum")).evaluate(z, y).forward[-1].output
        assert value == make("sum").forward([z], [y])
    with np.errstate(all="ignore"):
        rest = LogOfRest(Symbol("p"))
    assert str(rest) == "log(1 − p)"
    assert rest.value({"p": 1e-20}) == -1e-20
    assert rest.value({"p": 1.0}) == -np.inf


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
