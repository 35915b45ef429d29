"""Each fault by itself is found, and nets that have none are in order."""

import math

import numpy as np
import pytest
from diagnoses import batch, he, net, only_finding

import mlp
from mlp import (
    SGD,
    BCELoss,
    Identity,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    Standardizer,
    diagnose,
    minibatches,
    train_step,
)
from mlp.checking.findings import shares
from mlp.datasets import load_auto_mpg, load_breast_cancer, load_digits

# ------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    ("activation", "cure"), [(Sigmoid, "Try ReLU in place of"), (ReLU, "Try He's")]
)
def test_vanishing(activation, cure):
    model = he(net([8] + [64] * 19 + [4], activation))
    if activation is ReLU:
        for layer in model[::2]:
            layer.weight.data[...] *= 0.5  # as Linear's own are, and 0.5¹⁹ = 2e−6
    sentence = only_finding(diagnose(model, MSELoss(), *batch()))
    assert sentence.startswith("Vanishing: ‖∂ℓ/∂y‖ is ")
    assert "at layer 38 (Linear) and " in sentence
    assert "at layer 0 (Linear), " in sentence
    assert cure in sentence


def test_the_ratio_is_that_of_the_table():
    chain = [Linear(1, 1, bias=False) for _ in range(3)]
    for scale, verdict in ((0.0317, None), (0.0315, "Vanishing"), (9.99, None)):
        for layer in chain:
            layer.weight.data[...] = scale
        d = diagnose(Sequential(*chain), MSELoss(), [[1.0]], [[0.0]])
        ratio = d.layers[0].gradient / d.layers[2].gradient
        assert ratio == pytest.approx(scale**2)
        assert [f.split(":")[0] for f in d.findings] == ([verdict] if verdict else [])
    chain[1].weight.data[...] = 10.1
    chain[2].weight.data[...] = 10.0
    sentence = only_finding(diagnose(Sequential(*chain), MSELoss(), [[1]], [[0]]))
    assert sentence.startswith("Exploding: ")
    assert "101 times as much" in sentence


@pytest.mark.parametrize("factor", [30, 1000])
def test_huge_initial_weights_explode(factor):
    model = he(net([8, 32, 32, 4]))
    for layer in model[::2]:
        layer.weight.data[...] *= factor
    sentence = only_finding(diagnose(model, MSELoss(), *batch()))
    assert sentence.startswith("Exploding: ")
    assert "smaller initial weights" in sentence


def test_weights_of_zero_send_nothing_down():
    model = net([8, 16, 16, 4], Sigmoid)
    model[2].weight.data[...] = 0
    sentence = only_finding(diagnose(model, MSELoss(), *batch()))
    assert sentence.startswith("Vanishing: ")
    assert "layer 2 (Linear) returns a gradient of 0" in sentence


def test_dead_units():
    model = net([8, 16, 16, 4])
    model[0].bias.data[...] = -100
    d = diagnose(model, MSELoss(), *batch())
    assert only_finding(d).startswith(
        "Dead: in layer 1 (ReLU), 100 % of the units are 0 in all 32 rows"
    )
    assert d.layers[1].dead == 1


def test_half_of_the_units_are_enough_and_half_of_the_rows_are_not():
    model = net([8, 16, 4])
    model[0].bias.data[...] = np.repeat([-100, 100], 8)
    assert only_finding(diagnose(model, MSELoss(), *batch())).startswith("Dead: ")
    model[0].bias.data[...] = [-100] * 7 + [100] * 9
    d = diagnose(model, MSELoss(), *batch())
    assert (d.layers[1].dead, d.ok) == (7 / 16, True)
    x, y = np.repeat([[1.0], [-1.0]], 8, axis=0), np.zeros((16, 2))
    model = Sequential(Linear(1, 2, bias=False), ReLU())
    model[0].weight.data[...] = [[1], [-1]]  # each is 0 in one half of the rows
    assert diagnose(model, MSELoss(), x, y).layers[1].dead == 0


@pytest.mark.parametrize(
    ("rows", "width", "dead", "ok"),
    [
        (31, 16, 8, True),
        (32, 16, 8, False),
        (2, 16, 16, False),
        (1, 32, 32, False),
    ],
)
def test_few_rows_do_not_show_that_a_unit_is_dead(rows, width, dead, ok):
    model = net([8, width, 4])
    model[0].bias.data[...] = [-100] * dead + [100] * (width - dead)
    d = diagnose(model, MSELoss(), *batch(rows))
    assert (d.layers[1].dead, d.ok) == (dead / width, ok)  # nor is it vanishing


@pytest.mark.parametrize(("rows", "width"), [(3, 8), (1, 31), (31, 1), (1, 1)])
def test_all_dead_in_few_entries_is_said_to_be_too_few_to_judge(rows, width):
    model = net([8, width, 4])
    model[0].bias.data[...] = -100
    sentence = only_finding(diagnose(model, MSELoss(), *batch(rows)))
    assert sentence.startswith("Too few rows to judge: in layer 1 (ReLU), all units")
    assert f"in all {rows} rows" in sentence
    model[0].bias.data[0] = 100  # one unit is on
    assert diagnose(model, MSELoss(), *batch(rows)).ok


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_units_that_are_all_the_same(rows, dtype):
    rng = np.random.default_rng(0)
    model = Sequential(
        Linear(8, 16, rng=rng, dtype=dtype),
        Sigmoid(),
        Linear(16, 4, rng=rng, dtype=dtype),
    )
    x, y = batch(rows)
    model[0].weight.data[...] = rng.normal(size=8)  # each row
    model[0].bias.data[...] = 0.3
    # the second layer tells the units apart, and after one step they differ
    assert diagnose(model, MSELoss(), x, y).ok
    model[2].weight.data[...] = rng.normal(size=(4, 1))
    sentence = only_finding(diagnose(model, MSELoss(), x, y))
    assert sentence.startswith("Alike: in layer 0 (Linear), all units give the same")
    assert "a layer of 16 units does what one unit can" in sentence
    model[0].weight.data[3] *= 1.01
    assert diagnose(model, MSELoss(), x, y).ok


@pytest.mark.parametrize("rows", [1, 32])
def test_saturated_hidden_units(rows):
    model = net([8, 16, 16, 4], Sigmoid)
    model[0].bias.data[...] = np.repeat([50, -50], 8)
    d = diagnose(model, MSELoss(), *batch(rows))
    assert only_finding(d).startswith(
        "Saturated: in layer 1 (Sigmoid), 100 % of the outputs have a slope"
    )
    assert d.layers[1].saturated == 1
    model[0].bias.data[...] = [50] * 7 + [0] * 9
    assert diagnose(model, MSELoss(), *batch(rows)).ok


@pytest.mark.parametrize("tail", [(), (Identity(),)])
@pytest.mark.parametrize("criterion", [MSELoss(), BCELoss()])
def test_a_sure_output_is_at_fault_where_it_is_wrong(criterion, tail):
    model = Sequential(Linear(1, 1, bias=False), Sigmoid(), *tail)
    model[0].weight.data[...] = 50
    x = np.array([[1.0]] * 10 + [[-1.0]] * 10)
    right = (x > 0).astype(float)
    wrong = right.copy()
    wrong[:1] = 0  # one of 20
    assert diagnose(model, criterion, x, right).ok
    assert diagnose(model, criterion, x, wrong).ok
    wrong[:2] = 0
    sentence = only_finding(diagnose(model, criterion, x, wrong))
    assert "in layer 1 (Sigmoid), the output, 100 %" in sentence
    assert "10 % of these are on the wrong side" in sentence


class OfClass(Loss):
    """The sum of −ŷ at each row's class, a target of another shape."""

    def forward(self, prediction, target):
        self.shape, self.at = prediction.shape, (np.arange(len(target)), target)
        return -prediction[self.at].sum()

    def backward(self):
        g = np.zeros(self.shape)
        g[self.at] = -1
        return g


def test_who_is_right_is_asked_only_of_a_target_of_the_outputs_shape():
    model = Sequential(Linear(8, 4, rng=0), Sigmoid())
    model[0].bias.data[...] = 50
    d = diagnose(model, OfClass(), batch()[0], np.arange(32) % 4)
    assert (d.layers[1].saturated, d.ok) == (1, True)


def test_a_sure_output_does_not_hide_that_the_gradient_vanishes():
    model = Sequential(*he(net([8] + [16] * 19 + [4], Sigmoid)), Sigmoid())
    model[-2].bias.data[...] = 7
    d = diagnose(model, BCELoss(), batch()[0], np.ones((32, 4)) * 0.9)
    assert only_finding(d).startswith("Vanishing: ")
    assert "at layer 38 (Linear) and " in d.findings[0]


def test_saturation_explains_why_the_gradient_vanishes():
    model = net([8, 16, 16, 4], Sigmoid)
    model[2].bias.data[...] = 50
    d = diagnose(model, MSELoss(), *batch())
    assert d.layers[0].gradient < 1e-10 * d.layers[4].gradient
    assert only_finding(d).startswith("Saturated: in layer 3 (Sigmoid)")


def test_the_loss_at_its_minimum_is_no_fault():
    model = net([8, 16, 4])
    x, _ = batch()
    optimizer = SGD(model.parameters(), lr=0.01)
    y = model.predict(x)
    for target in (y, y + 1e-9):
        d = diagnose(model, MSELoss(), x, target, optimizer=optimizer)
        assert d.layers[0].gradient < 1e-8
        assert d.ok


@pytest.mark.parametrize(("lr", "fault"), [(1000, "large"), (1e-9, "small")])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_steps_out_of_proportion(lr, fault, dtype):
    model = net([8, 16, 4], dtype=dtype)
    optimizer = SGD(model.parameters(), lr=lr)
    sentence = only_finding(diagnose(model, MSELoss(), *batch(), optimizer=optimizer))
    assert sentence.startswith(
        f"Update too {fault}: in layer 0 (Linear), layer 2 (Linear), ‖Δθ‖"
    )


def test_a_step_that_moves_nothing_is_asked_what_it_writes_into():
    class Idle(SGD):
        def step(self):
            pass

    model = net([8, 16, 4])
    for kind, asked in ((Idle, True), (SGD, False)):
        optimizer = kind(model.parameters(), lr=1e-9)
        d = diagnose(model, MSELoss(), *batch(), optimizer=optimizer)
        assert ("writes into p.data" in only_finding(d)) == asked


def test_a_long_step_that_helps_is_not_too_large():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 0.1
    optimizer = SGD(model.parameters(), lr=0.5)  # to the minimum at once
    d = diagnose(model, MSELoss(), [[1.0]], [[5.0]], optimizer=optimizer)
    assert d.layers[0].update == pytest.approx(49)
    assert d.loss_after < d.loss
    assert d.ok
    optimizer.lr = 1.01  # beyond it, and up on the other side
    d = diagnose(model, MSELoss(), [[1.0]], [[5.0]], optimizer=optimizer)
    assert only_finding(d).startswith("Update too large: ")


def test_a_short_step_is_too_small_only_where_there_is_a_gradient():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 1.0
    for residual, lr, ok in [
        (1.0, 0.4e-6, False),  # ‖∂ℓ/∂θ‖ = 2, ‖Δθ‖ = 0.8e−6
        (1.0, 0.6e-6, True),
        (0.4e-4, 1e-3, True),  # ‖∂ℓ/∂θ‖ = 0.8e−4
        (0.6e-4, 1e-3, False),
    ]:
        optimizer = SGD(model.parameters(), lr=lr)
        y = [[1.0 - residual]]
        d = diagnose(model, MSELoss(), [[1.0]], y, optimizer=optimizer)
        assert d.ok is ok


def test_parameters_of_zero_have_no_ratio():
    model = Linear(2, 1)
    model.weight.data[...], model.bias.data[...] = 0, 0
    optimizer = SGD(model.parameters(), lr=0.1)
    d = diagnose(model, MSELoss(), [[1.0, 2.0]], [[3.0]], optimizer=optimizer)
    assert (d.layers[0].update, d.ok) == (None, True)


class Broken(Layer):
    """The identity, but for one number that is not finite."""

    def __init__(self, where):
        self.where, self.s = where, Parameter([1.0])

    def forward(self, x):
        y = np.array(x)
        if self.where == "output":
            y[0, 0] = np.inf
        return y

    def backward(self, grad_output, *, needs_input_grad=True):
        self.s.add_grad([np.nan if self.where == "parameter" else 1.0])
        g = np.array(grad_output)
        if self.where == "input gradient":
            g[0, 0] = np.nan
        return g


class BrokenLoss(MSELoss):
    def __init__(self, where):
        super().__init__()
        self.where = where

    def forward(self, prediction, target):
        loss = super().forward(prediction, target)
        return np.nan if self.where == "loss" else loss

    def backward(self):
        g = super().backward()
        return g * np.inf if self.where == "loss's gradient" else g


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("output", "the output of layer 1 (Broken), though"),
        ("loss", "the loss, though"),
        ("loss's gradient", "that the loss's backward returns to layer 2 (Linear)"),
        (
            "input gradient",
            "that layer 1 (Broken)'s backward returns to layer 0 (Linear)",
        ),
        ("parameter", "the gradient of the parameters of layer 1 (Broken)"),
    ],
)
def test_the_first_place_that_is_not_finite(where, sentence):
    model = Sequential(Linear(8, 8, rng=0), Broken(where), Linear(8, 4, rng=0))
    optimizer = SGD(model.parameters(), lr=0.1)
    d = diagnose(model, BrokenLoss(where), *batch(), optimizer=optimizer)
    assert only_finding(d).startswith("Not finite: ")
    assert sentence in d.findings[0]
    assert str(d)


def test_numbers_given_that_are_not_finite():
    (x, y), model = batch(), net([8, 4])
    x[3, 1] = np.nan
    d = diagnose(model, MSELoss(), x, y)
    assert only_finding(d).startswith("Not finite: 1 of the 256 entries of x")
    y[3, :2] = np.inf
    d = diagnose(model, MSELoss(), batch()[0], y)
    assert only_finding(d).startswith("Not finite: 2 of the 128 entries of y")
    model[0].weight.data[0, 0] = np.nan
    d = diagnose(model, MSELoss(), *batch())
    assert "the parameters of layer 0 (Linear), before this step" in only_finding(d)


def test_overflow_is_told_and_not_warned_of():
    model = net([8, 16, 16, 4], dtype=np.float32)
    for layer in model[::2]:
        layer.weight.data[...] *= np.float32(1e15)
    d = diagnose(model, MSELoss(), *batch())
    assert "the output of layer 4 (Linear), though" in only_finding(d)
    model = Sequential(*net([8, 4]), Sigmoid())
    optimizer = SGD(model.parameters(), lr=1e308)
    d = diagnose(model, BCELoss("sum"), *batch(), optimizer=optimizer)
    assert "the parameters of layer 0 (Linear) after the step" in only_finding(d)
    assert math.isnan(d.loss_after)


def test_bce_says_itself_what_it_refuses():
    model = Sequential(Linear(8, 4, rng=0), Sigmoid())
    model[0].weight.data[0, 0] = np.nan
    with pytest.raises(ValueError, match="BCELoss.forward: expected prediction"):
        diagnose(model, BCELoss(), *batch())


# ---------------------------------------------------------- no false alarm


def mpg():
    data = load_auto_mpg()
    x, y = (Standardizer().fit(a).transform(a) for a in (data.x, data.y))
    return x, y, (ReLU(), Identity()), MSELoss(), 0.01, 40


def cancer():
    data = load_breast_cancer()
    x = Standardizer().fit(data.x).transform(data.x)
    return x, data.y, (ReLU(), Sigmoid()), BCELoss(), 0.02, 30


def digits():
    data = load_digits()
    return data.x / 16, data.y, (ReLU(), Sigmoid()), BCELoss(), 0.5, 10


@pytest.mark.parametrize("data", [mpg, cancer, digits])
def test_nets_of_the_examples_have_nothing_wrong_at_any_time(data):
    x, y, (hidden, last), criterion, lr, epochs = data()
    rng = np.random.default_rng(0)
    n, k = x.shape[1], y.shape[1]
    model = Sequential(Linear(n, 32, rng=rng), hidden, Linear(32, k, rng=rng), last)
    optimizer = SGD(model.parameters(), lr=lr, momentum=0.9)
    for _ in range(epochs):
        for rows in (1, 8, 32, len(x)):
            part = x[:rows], y[:rows]
            d = diagnose(model, criterion, *part, optimizer=optimizer)
            assert d.ok, str(d)
        for part in minibatches(x, y, 32, rng=rng):
            train_step(model, criterion, optimizer, *part)


@pytest.mark.parametrize("depth", [2, 5, 20])
def test_he_initial_weights_are_in_order_at_any_depth(depth):
    model = he(net([8] + [64] * (depth - 1) + [4]))
    optimizer = SGD(model.parameters(), lr=0.01)
    assert diagnose(model, MSELoss(), *batch(), optimizer=optimizer).ok


def test_a_flat_layer_of_ones_own_is_not_told_of_its_weights():
    class Turned(Layer):  # no entry of y is of the same entry of x alone
        def forward(self, x):
            self.y = np.tanh(x)
            return self.y[:, ::-1]

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output[:, ::-1] * (1 - self.y**2)

    rng = np.random.default_rng(0)
    model = Sequential(Linear(2, 3, rng=rng), Turned(), Linear(3, 1, rng=rng))
    x, y = 1e6 * rng.normal(size=(40, 2)), rng.normal(size=(40, 1))
    (finding,) = diagnose(model, MSELoss(), x, y).findings
    assert "layer 1 (Turned) returns a gradient of 0" in finding
    assert "flat at its inputs, which standardised x" in finding
    assert "Its weights" not in finding


def test_shares_are_one_number_or_two():
    assert shares([0.5, 0.5]) == "50 %"
    assert shares([0.5, 0.25, 0.3]) == "25 to 50 %"


def test_a_gradient_explodes_in_two_layers_too():
    model = mlp.Sequential(mlp.Linear(2, 2, rng=0), mlp.Linear(2, 2, rng=0))
    model[1].weight.data[...] = [[0.0, 1e6], [1e6, 0.0]]
    x = np.random.default_rng(0).normal(size=(4, 2))
    assert "Exploding: " in str(mlp.diagnose(model, mlp.MSELoss(), x, x))
