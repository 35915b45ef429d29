"""diagnose: a step by hand, each fault by itself, and nets that have none."""

import copy
import math
import pickle

import numpy as np
import pytest
from oracles import frozen

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
    StaleGradientWarning,
    Standardizer,
    diagnose,
    minibatches,
    train_step,
)
from mlp.datasets import load_auto_mpg, load_breast_cancer, load_digits


def net(widths, activation=ReLU, dtype=np.float64):
    """Return Linear layers of these widths, an activation after all but the last."""
    rng, layers = np.random.default_rng(0), []
    for n, m in zip(widths, widths[1:], strict=False):
        layers += [Linear(n, m, rng=rng, dtype=dtype), activation()]
    return Sequential(*layers[:-1])


def he(model):
    """Return the model with He's initial weights and biases of 0."""
    rng = np.random.default_rng(0)
    for layer in model:
        if isinstance(layer, Linear):
            bound = math.sqrt(6 / layer.in_features)
            shape = layer.weight.data.shape
            layer.weight.data[...] = rng.uniform(-bound, bound, shape)
            layer.bias.data[...] = 0
    return model


def batch(rows=32, inputs=8, outputs=4):
    rng = np.random.default_rng(1)
    return rng.normal(size=(rows, inputs)), rng.uniform(size=(rows, outputs))


def only_finding(d):
    """Return the one finding of a diagnosis."""
    assert len(d.findings) == 1, d.findings
    assert not d.ok
    return d.findings[0]


def by_hand():
    model = Sequential(Linear(1, 2, bias=False), ReLU(), Linear(2, 1, bias=False))
    model[0].weight.data[...] = [[1], [-1]]
    model[2].weight.data[...] = [[2, 5]]
    return model, [[1.0], [3.0]], [[1.0], [2.0]]


def test_a_step_worked_by_hand():
    model, x, y = by_hand()
    d = diagnose(model, MSELoss(), x, y, optimizer=SGD(model.parameters(), lr=0.01))
    first, relu, last = d.layers
    # z₁ = (1, −1), (3, −3); z₂ = (1, 0), (3, 0); ŷ = 2, 6; ∂ℓ/∂ŷ = 1, 4
    assert first[:6] == ("layer 0 (Linear)", (2, 2), 0, math.sqrt(5), None, None)
    assert relu[:6] == ("layer 1 (ReLU)", (2, 2), 1, math.sqrt(1.5), 0.5, None)
    assert last[:6] == ("layer 2 (Linear)", (2, 1), 4, 2, None, None)
    # ∂ℓ/∂z₂ = (2, 5), (8, 20); ∂ℓ/∂z₁ = (2, 0), (8, 0)
    gradients = [math.sqrt(n) for n in (4 + 64, 4 + 25 + 64 + 400, 1 + 16)]
    assert [r.gradient for r in d.layers] == pytest.approx(gradients, rel=1e-14)
    # ∂ℓ/∂W⁽¹⁾ = (2·1 + 8·3, 0); ∂ℓ/∂W⁽²⁾ = (1·1 + 4·3, 0)
    assert [r.parameter_gradient for r in d.layers] == [26, None, 13]
    assert first.update == pytest.approx(0.26 / math.sqrt(2), rel=1e-12)
    assert relu.update is None
    assert last.update == pytest.approx(0.13 / math.sqrt(29), rel=1e-12)
    # after it W⁽¹⁾ = (0.74, −1), W⁽²⁾ = (1.87, 5), so ŷ = 0.74 · 1.87 x
    w = 0.74 * 1.87
    assert d.loss == 8.5
    assert d.loss_after == pytest.approx(((w - 1) ** 2 + (3 * w - 2) ** 2) / 2)
    assert d.ok


def test_saturated_is_a_slope_below_a_hundredth():
    x = np.log([[1, 9, 90, 110]])  # y = 1/2, 0.9, 90/91, 110/111; slopes 0.0109, 0.0089
    d = diagnose(Sigmoid(), MSELoss(), np.vstack([x, -x]), np.zeros((2, 4)))
    assert d.layers[0].saturated == 0.25
    assert d.layers[0].mean == pytest.approx(0.5)


def test_without_an_optimizer_there_is_no_step():
    model, x, y = by_hand()
    d = diagnose(model, MSELoss(), x, y)
    assert d.loss_after is None
    assert [r.update for r in d.layers] == [None] * 3
    assert "after" not in str(d)


def test_only_what_the_optimizer_holds_has_an_update():
    model, x, y = by_hand()
    d = diagnose(model, MSELoss(), x, y, optimizer=SGD([model[2].weight], lr=0.01))
    assert d.layers[0].update is None
    assert d.layers[2].update == pytest.approx(0.13 / math.sqrt(29), rel=1e-12)


def test_the_velocity_counts():
    model, x, y = by_hand()
    optimizer = SGD(model.parameters(), lr=1e-4, momentum=0.9)
    train_step(model, MSELoss(), optimizer, x, y)
    before = model.state_dict()["0.weight"]
    d = diagnose(model, MSELoss(), x, y, optimizer=optimizer)
    train_step(model, MSELoss(), optimizer, x, y)
    step = np.linalg.norm(model[0].weight.data - before)
    assert d.layers[0].update == pytest.approx(step / np.linalg.norm(before))


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
    assert "layer 2 (Linear) sends down a gradient of 0" in sentence


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


# ------------------------------------------------------------ own classes


class Shift(Layer):
    """y = x + s, of another shape, and heedless of needs_input_grad."""

    def __init__(self):
        self.s = Parameter([2.0])

    def forward(self, x):
        x += 0  # in place, as nobody should
        return x[:, :, np.newaxis] + self.s.data

    def backward(self, grad_output, *, needs_input_grad=True):
        self.s.add_grad([grad_output.sum()])
        return grad_output[:, :, 0]


class Flat(Layer):
    def forward(self, x):
        return x.reshape(len(x), -1)

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output[:, :, np.newaxis]


class Absolute(Loss):
    def forward(self, prediction, target):
        self.difference = prediction - target
        return np.abs(self.difference).sum()

    def backward(self):
        return np.sign(self.difference)


class Adagrad:
    """An optimizer of a reader's own, which keeps the net and no list."""

    def __init__(self, model):
        self.model, self.squares = model, {}

    def step(self):
        for i, p in enumerate(self.model.parameters()):
            self.squares[i] = self.squares.get(i, 0) + p.grad**2
            p.data[...] -= 0.01 * p.grad / np.sqrt(self.squares[i] + 1e-12)


def test_a_readers_own_layer_loss_and_optimizer():
    model = Sequential(Shift(), Sequential(Flat(), Linear(8, 4, rng=0)))
    before = model.state_dict()
    optimizer = Adagrad(model)
    x, y = batch()
    d = diagnose(model, Absolute(), x, y, optimizer=optimizer)
    assert [r.name for r in d.layers] == [
        "layer 0 (Shift)",
        "layer 1.0 (Flat)",
        "layer 1.1 (Linear)",
    ]
    assert d.layers[0].shape == (32, 8, 1)
    assert d.layers[0].update == pytest.approx(0.005)
    assert isinstance(d.loss, float)
    assert d.ok
    assert optimizer.squares == {}
    assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())


class Leaky(ReLU):
    """ReLU with a slope of 0.1 below 0: never dead."""

    def forward(self, x):
        self.x = np.asarray(x)
        return np.where(self.x > 0, self.x, 0.1 * self.x)

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output * np.where(self.x > 0, 1, 0.1)


class Own(ReLU):
    pass


class Residual(Sequential):
    """y = x + f(x)."""

    def forward(self, x):
        return x + super().forward(x)

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output + super().backward(grad_output)


class FirstOnly(Sequential):
    """Leaves out all its layers but the first."""

    def forward(self, x):
        return self[0].forward(x)

    def backward(self, grad_output):
        return self[0].backward(grad_output)


def test_a_sequential_with_a_forward_of_its_own_is_one_layer():
    d = diagnose(FirstOnly(Linear(8, 4, rng=0), ReLU()), MSELoss(), *batch())
    assert [r.name for r in d.layers] == ["layer 0 (FirstOnly)"]
    assert d.ok


def test_subclasses_are_what_they_compute():
    x, y = batch()
    model = Sequential(Linear(8, 4, rng=0), Leaky())
    model[0].bias.data[...] = -100
    d = diagnose(model, MSELoss(), x, y)
    assert (d.layers[1].dead, d.ok) == (0, True)
    model = Sequential(model[0], Own())
    assert only_finding(diagnose(model, MSELoss(), x, y)).startswith("Dead: ")


def test_a_sequential_with_a_forward_of_its_own_runs_it():
    x, _ = batch()
    model = Sequential(Residual(Linear(8, 8, rng=0)), Linear(8, 4, rng=0))
    y = model.predict(x) - 1
    d = diagnose(model, MSELoss(), x, y)
    assert d.loss == pytest.approx(1)
    assert [r.name for r in d.layers] == ["layer 0 (Residual)", "layer 1 (Linear)"]


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
def test_activations_of_any_shape(shape):
    x = np.random.default_rng(0).normal(size=shape)
    model = Sequential(ReLU(), Sigmoid())
    d = diagnose(model, MSELoss(), x, np.zeros(shape))
    assert [r.shape for r in d.layers] == [shape, shape]
    dead = np.mean(np.all(x <= 0, axis=0)) if shape else float(x <= 0)
    assert d.layers[0].dead == dead
    assert d.ok


def test_a_single_layer_and_lists():
    d = diagnose(Linear(2, 1, dtype=np.float32), MSELoss(), [[1, 2]], [[3]])
    assert [r.name for r in d.layers] == ["layer 0 (Linear)"]


def test_a_tiny_gradient_is_not_0():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 0
    d = diagnose(model, MSELoss(), [[1.0]], [[1e-200]])  # whose square is 0
    assert d.layers[0].gradient == pytest.approx(2e-200, rel=1e-12, abs=0)


# ------------------------------------------------------- nothing is changed


def test_all_stays_as_it_was():
    model, criterion = net([8, 16, 4]), MSELoss()
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = batch()
    train_step(model, criterion, optimizer, x, y)
    prediction = model.forward(x)
    criterion.forward(prediction, y)
    state, velocity = model.state_dict(), optimizer.state_dict()
    gradients = [p.grad for p in model.parameters()]
    attributes = [set(vars(layer)) for layer in model]
    diagnose(model, criterion, frozen(x[:3]), frozen(y[:3]), optimizer=optimizer)
    assert [set(vars(layer)) for layer in model] == attributes
    assert all(np.array_equal(state[k], v) for k, v in model.state_dict().items())
    after = optimizer.state_dict()
    assert all(np.array_equal(velocity[k], v) for k, v in after.items())
    assert all(p.grad is g for p, g in zip(model.parameters(), gradients, strict=True))
    with pytest.warns(StaleGradientWarning):  # as without it
        assert model.backward(criterion.backward()).shape == (32, 8)


# ---------------------------------------------------------------- printing


def test_what_is_printed():
    model, x, y = by_hand()
    d = diagnose(model, MSELoss(), x, y, optimizer=SGD(model.parameters(), lr=0.01))
    rows = [line.split() for line in str(d).splitlines()]
    assert rows[4] == "layer 1 (ReLU) 1 1.22 50 % dead 22.2".split()
    assert rows[5] == "layer 2 (Linear) 4 2 4.12 13 0.0241".split()
    assert "loss 8.5, after the step 2.39\n\nNothing is out of the ordinary." in str(d)
    assert repr(d) == "<Diagnosis of 3 layers: 0 findings>"
    assert pickle.loads(pickle.dumps(d)).layers == d.layers
    assert str(copy.deepcopy(d)) == str(d)


def test_a_diagnosis_fits_100_columns():
    model = Sequential(Sequential(*net([8] * 13, Sigmoid)), Sigmoid(), Linear(8, 4))
    for layer in model[0]:
        if isinstance(layer, Linear):
            layer.bias.data[...] = -123.456
    model[2].weight.data[...] *= -1e-9
    optimizer = SGD(model.parameters(), lr=1e-9)
    d = diagnose(model, MSELoss(), *batch(), optimizer=optimizer)
    assert max(map(len, str(d).splitlines())) <= 100
    assert "(Sigmoid) and 9 more, 100 % of the outputs" in " ".join(d.findings)
    assert repr(d) == f"<Diagnosis of 25 layers: {len(d.findings)} findings>"


# ----------------------------------------------------------------- refused


class Elsewhere:
    """An optimizer whose parameters no copy would find."""

    def __init__(self, parameters):
        self.step = lambda: parameters


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (
            dict(model=[Linear(2, 1)]),
            TypeError,
            "diagnose: expected model to be of Lay",
        ),
        (dict(criterion=MSELoss), TypeError, "diagnose: expected criterion to be of L"),
        (dict(optimizer=0.1), TypeError, r"expected an optimizer with a step\(\)"),
        (
            dict(optimizer=SGD(Linear(2, 1).parameters(), lr=0.1)),
            ValueError,
            "diagnose: .* holds none of them",
        ),
        (dict(optimizer=Elsewhere([])), ValueError, "holds none of them"),
        (dict(optimizer=SGD), TypeError, "an optimizer with a step.*write SGD"),
        (dict(x=[[1.0]]), ValueError, r"Linear.forward: expected x of shape \(N, 2\)"),
        (dict(x="abc"), TypeError, "diagnose: expected x to hold real numbers"),
        (dict(y=[1.0]), ValueError, "MSELoss.forward: .*one shape"),
        (
            dict(x=np.ones((0, 2)), y=np.ones((0, 1))),
            ValueError,
            "expected x with some entries",
        ),
    ],
)
def test_what_cannot_be_diagnosed_is_refused(change, error, sentence):
    arguments = dict(model=Linear(2, 1), criterion=MSELoss(), x=[[1, 2]], y=[[1]])
    with pytest.raises(error, match=sentence):
        diagnose(**{**arguments, **change})


def test_lists_reach_a_loss_of_ones_own_as_arrays():
    class Absolute(Loss):
        def forward(self, prediction, target):
            self.sign = np.sign(prediction - target.reshape(prediction.shape))
            return float(np.abs(prediction - target).mean())

        def backward(self):
            return self.sign / self.sign.size

    assert diagnose(Linear(2, 1), Absolute(), [[1.0, 2.0]], [[3.0]]).loss >= 0


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
    assert "layer 1 (Turned) sends down a gradient of 0" in finding
    assert "flat at its inputs, which standardised x" in finding
    assert "Its weights" not in finding
