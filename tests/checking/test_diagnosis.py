"""diagnose: a step by hand, classes of a reader's own, printing, refusals."""

import copy
import math
import pickle

import numpy as np
import pytest
from diagnoses import Flat, batch, by_hand, net, only_finding
from oracles import frozen
from small import Absolute
from strangers import Residual

import mlp
from mlp import (
    SGD,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    StaleGradientWarning,
    diagnose,
    train_step,
)


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


def test_what_is_found_is_shown_and_not_that_nothing_is():
    model = mlp.Sequential(mlp.Linear(3, 4, rng=0), mlp.ReLU(), mlp.Linear(4, 2, rng=0))
    model[0].bias.data[...] = -100
    x = np.random.default_rng(0).normal(size=(8, 3))
    found = mlp.diagnose(model, mlp.MSELoss(), x, np.ones((8, 2)))
    for text in (str(found), found._repr_html_()):
        assert "Dead: in layer 1 (ReLU)" in text
        assert "Nothing is out of the ordinary" not in text
    model[0].bias.data[...] = 0
    right = mlp.diagnose(model, mlp.MSELoss(), x, x[:, :2])
    for text in (str(right), right._repr_html_()):
        assert "Nothing is out of the ordinary" in text


def test_labels_may_be_a_list():
    model = mlp.Sequential(mlp.Linear(3, 4, rng=0), mlp.Tanh(), mlp.Linear(4, 2, rng=0))
    x = np.random.default_rng(0).normal(size=(6, 3))
    labels = [0, 1, 1, 0, 1, 0]
    of_a_list, of_an_array = (
        str(mlp.diagnose(model, mlp.CrossEntropyLoss(), x, y))
        for y in (labels, np.array(labels))
    )
    assert of_a_list == of_an_array
