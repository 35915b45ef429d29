"""A net, opened: how its layers are numbered, and what is refused."""

import operator

import numpy as np
import pytest
from derivations import net, texts
from small import Softplus
from strangers import Residual

from mlp import (
    SGD,
    BatchNorm1d,
    Dropout,
    Layer,
    LayerNorm,
    LeakyReLU,
    Linear,
    Loss,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    derive,
    trace,
)
from mlp.derivation import RULES
from mlp.derivation.net import check_each_row_alone, parameters_of


@pytest.mark.parametrize(
    ("model", "criterion", "options", "error", "sentence"),
    [
        (
            [Linear(1, 1), 3],
            MSELoss(),
            {},
            TypeError,
            r"layer 1 \(int\) to be of Layer",
        ),
        (3, MSELoss(), {}, TypeError, r"layer 0 \(int\) to be of Layer, got 3"),
        (Sequential(), MSELoss(), {}, ValueError, "at least one layer"),
        (
            Sequential(ReLU()),
            MSELoss(),
            {},
            ValueError,
            "at least one layer with weights",
        ),
        (
            Sequential(Linear(2, 3), ReLU(), Linear(4, 1)),
            MSELoss(),
            {},
            ValueError,
            r"layer 2 \(Linear\) to take the 3 features that layer 1 \(ReLU\) gives.*4",
        ),
        (
            Sequential(Linear(2, 3), Sequential(ReLU(), Linear(4, 1))),
            MSELoss(),
            {},
            ValueError,
            r"layer 1\.1 \(Linear\) to take the 3 features that layer 1\.0",
        ),
        (net(), MSELoss, {}, TypeError, "criterion to be of Loss"),
        (net(), ReLU(), {}, TypeError, "criterion to be of Loss"),
        (net(), None, {}, TypeError, "criterion to be of Loss"),
        (
            net(),
            MSELoss(),
            dict(optimizer=0.1),
            TypeError,
            "optimizer to be of Optimizer",
        ),
        (net(), MSELoss(), dict(layout="row"), ValueError, "layout to be one of"),
        (net(), MSELoss(), dict(nested=1), TypeError, "nested to be True or False"),
    ],
)
def test_what_is_no_net_is_refused_with_its_place(
    model, criterion, options, error, sentence
):
    with pytest.raises(error, match=f"derive: expected {sentence}"):
        derive(model, criterion, **options)


@pytest.mark.parametrize("call", ["evaluate", "check"])
@pytest.mark.parametrize(
    ("x", "y", "error", "sentence"),
    [
        ([1, 2], [1, 2], ValueError, r"x of shape \(3,\), one.*layer 0.*got \(2,\)"),
        ([[1, 2, 3]], [1, 2], ValueError, r"x of shape \(3,\).*got \(1, 3\)"),
        ([1, 2, 3], [1], ValueError, r"y of shape \(2,\).*layer 3.*got \(1,\)"),
        ([1, 2, 3], 1.0, ValueError, r"y of shape \(2,\).*got \(\)"),
        ("abc", [1, 2], TypeError, "x to hold real numbers"),
    ],
)
def test_a_data_point_of_the_wrong_length_is_refused(call, x, y, error, sentence):
    with pytest.raises(error, match=f"derive: expected {sentence}"):
        getattr(derive(net(), MSELoss()), call)(x, y)


@pytest.mark.parametrize(
    "model",
    [
        Residual(Linear(2, 2), ReLU()),
        Sequential(Linear(2, 2), Residual(Linear(2, 2))),
        Sequential(Linear(2, 2), Sequential(Residual(Linear(2, 2)))),
        [Linear(2, 2), Residual(Linear(2, 2))],
    ],
)
def test_what_is_not_its_layers_is_not_opened(model):
    optimizer = SGD(Linear(2, 2).parameters(), lr=0.1)
    for call in (
        lambda: derive(model, MSELoss()),
        lambda: trace(model, MSELoss(), optimizer, [[1, 2]], [[3, 4]]),
    ):
        with pytest.raises(NotImplementedError, match=r"\(Residual\), got none"):
            call()


def test_a_forward_replaced_on_the_instance_is_not_opened():
    model = Sequential(Linear(2, 2), ReLU())
    d, own = derive(model, MSELoss()), model.forward
    assert d.check([1, 2], [3, 4]) < 1e-12
    model.forward = lambda x: np.asarray(x) + own(x)
    with pytest.raises(NotImplementedError, match=r"layer 0 \(Sequential\), got none"):
        derive(model, MSELoss())
    with pytest.raises(NotImplementedError, match=r"layer 0 \(Sequential\), got none"):
        d.check([1, 2], [3, 4])


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("layer", [Dropout(0.5, rng=3), BatchNorm1d(3)], ids=repr)
def test_a_derivation_is_of_the_mode_in_which_it_was_made(layer, mode):
    model = Sequential(Linear(2, 3), layer, LeakyReLU(), Linear(3, 1)).train(mode)
    d = derive(model, MSELoss())
    model.train(not mode)
    kind = type(layer).__name__
    for ask in d.check, d.evaluate:
        with pytest.raises(RuntimeError, match=f"the {kind} in the mode in which"):
            ask([1, 2], [1])
    assert derive(model, MSELoss()).check([1, 2], [1]) < 1e-10
    model.train(mode)
    assert d.check([1, 2], [1]) < 1e-10


def test_a_mode_that_changes_no_formula_may_change():
    model = Sequential(Linear(2, 3), LeakyReLU(), LayerNorm(3))
    d = derive(model, MSELoss())
    model.eval()
    assert d.check([1, 2], [1, 2, 3]) < 1e-10


def test_weights_that_two_places_share_are_refused():
    shared = Linear(2, 2)
    with pytest.raises(NotImplementedError, match="layer 0 .* and layer 2 .* share"):
        derive([shared, ReLU(), shared], MSELoss())


def test_a_residual_net_gets_one_sentence_with_the_callers_name():
    model = Residual(Linear(2, 2))
    sgd = SGD(model.parameters(), 0.1)
    with pytest.raises(NotImplementedError, match="^trace: .*forward or backward is"):
        trace(model, MSELoss(), sgd, [[1, 2]], [[3, 4]])
    with pytest.raises(ValueError, match="^trace: expected at least one layer with"):
        trace(Sequential(ReLU()), MSELoss(), sgd, [[1, 2]], [[3, 4]])


def test_hidden_widths_and_activations_are_numbered_where_there_are_several():
    rng = np.random.default_rng(0)
    model = Sequential(
        Linear(2, 3, rng=rng),
        ReLU(),
        Sequential(Linear(3, 4, rng=rng, bias=False), Sigmoid()),
        Linear(4, 5, rng=rng),
    )
    d = derive(model, MSELoss())
    assert [str(row.layer) for row in d.forward] == [
        "Linear₁", "f₁", "Linear₂", "f₂", "Linear₃", "Loss",
    ]  # fmt: skip
    assert [row[0] for row in texts(d.gradients)] == [
        "W⁽¹⁾", "b⁽¹⁾", "W⁽²⁾", "W⁽³⁾", "b⁽³⁾",
    ]  # fmt: skip
    assert [row[2] for row in texts(d.gradients)] == [
        "n × h₁", "1 × h₁", "h₁ × h₂", "h₂ × K", "1 × K",
    ]  # fmt: skip
    assert d.check([0.3, -0.7], [1, 2, 3, 4, 5]) < 1e-12


def test_a_layer_without_a_rule_is_named_and_told_how():
    with pytest.raises(NotImplementedError) as error:
        derive(Sequential(Linear(2, 2), Softplus()), MSELoss())
    for part in ("layer 1 (Softplus)", "RULES[Softplus] = Elementwise(", "Apply("):
        assert part in str(error.value)


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


def test_the_parameters_are_those_of_a_layer_or_of_a_list_of_layers():
    layers = [Linear(2, 3), ReLU(), Linear(3, 1)]
    expected = [*layers[0].parameters(), *layers[2].parameters()]
    for model in layers, Sequential(*layers):
        assert all(map(operator.is_, parameters_of(model), expected))
    assert all(map(operator.is_, parameters_of(layers[2]), expected[2:]))


def test_only_a_layer_that_couples_the_rows_is_no_net_of_one_sample():
    layer = BatchNorm1d(3)
    d = derive(Sequential(Linear(2, 3), layer), MSELoss())
    with pytest.raises(ValueError, match=r"got a BatchNorm1d in training mode"):
        check_each_row_alone("derive", d.places)
    layer.eval()
    check_each_row_alone("derive", d.places)
