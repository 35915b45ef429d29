"""What is dead or saturated, of the library's layers and of a reader's own."""

import pickle

import numpy as np
import pytest
from small import elementwise

import mlp
from mlp import (
    Adam,
    BatchNorm1d,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    MSELoss,
    ReLU,
    RMSprop,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    diagnose,
)
from mlp.checking import flatness

X = np.random.default_rng(0).normal(size=(64, 4))
Y = np.random.default_rng(1).normal(size=(64, 3))


def softsign():
    return elementwise(lambda x: x / (1 + abs(x)), lambda x, y: (1 + abs(x)) ** -2.0)


def logistic():
    return elementwise(
        lambda x: 1 / (1 + np.exp(-x)), lambda x, y: 0.25 / np.cosh(x / 2) ** 2
    )


def between(layer, scale=1.0, shift=0.0):
    """Diagnose the layer between two Linears, its inputs scaled and shifted."""
    model = Sequential(Linear(4, 16, rng=0), layer, Linear(16, 3, rng=1))
    model[0].weight.data[...] *= scale
    model[0].bias.data[...] = shift
    return diagnose(model, MSELoss(), X, Y)


SQUASHING = {
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
    "own tanh": lambda: elementwise(np.tanh, lambda x, y: np.cosh(x) ** -2),
    "own logistic": logistic,
    "own softsign": softsign,
    "own hard tanh": lambda: elementwise(
        lambda x: x.clip(-1, 1), lambda x, y: abs(x) < 1.0
    ),
}


@pytest.mark.parametrize("kind", SQUASHING)
def test_a_layer_that_squashes_is_saturated_by_large_inputs_and_not_by_small(kind):
    assert between(SQUASHING[kind]()).ok
    d = between(SQUASHING[kind](), scale=1e2)
    assert d.layers[1].saturated > 0.5
    (finding,) = [f for f in d.findings if f.startswith("Saturated: in layer 1")]
    assert ("1 − y² below 0.04" in finding) == (kind == "Tanh")
    assert ("∂y/∂x below 1/25" in finding) == kind.startswith("own")


def test_the_bound_of_a_tanh_is_a_slope_of_a_25th():
    x = np.arctanh(np.sqrt(0.96) + np.array([[1e-6, -1e-6]]))
    assert diagnose(Tanh(), MSELoss(), x, x).layers[0].saturated == 0.5


def test_a_softmax_is_saturated_where_one_class_has_all():
    assert between(Softmax()).ok
    d = between(Softmax(), scale=1e3)
    assert d.layers[1].saturated > 0.9
    assert "1 − Σ y²" in d.findings[0]
    of_many = Sequential(Linear(4, 500, rng=0), Softmax(), Linear(500, 3, rng=1))
    assert diagnose(of_many, MSELoss(), X, Y).layers[1].saturated == 0


def test_a_softmax_of_two_is_saturated_where_a_sigmoid_is():
    z = np.linspace(-6, 6, 101)[:, np.newaxis]
    both = diagnose(Softmax(), MSELoss(), np.hstack([z, 0 * z]), np.ones((101, 2)))
    one = diagnose(Sigmoid(), MSELoss(), z, np.ones((101, 1)))
    assert both.layers[0].saturated == one.layers[0].saturated > 0


RELU = {
    "ReLU": ReLU,
    "LeakyReLU": LeakyReLU,
    "Identity": Identity,
    "own ReLU": lambda: elementwise(lambda x: np.maximum(x, 0), lambda x, y: x > 0),
    "own square": lambda: elementwise(lambda x: x**2, lambda x, y: 2 * x),
}


@pytest.mark.parametrize("kind", RELU)
@pytest.mark.parametrize("rows", [1, 3, 64])
def test_what_does_not_squash_is_not_saturated(kind, rows):
    model = Sequential(Linear(4, 16, rng=0), RELU[kind](), Linear(16, 3, rng=1))
    d = diagnose(model, MSELoss(), X[:rows], Y[:rows])
    assert not [f for f in d.findings if f.startswith(("Saturated", "Dead"))]


def test_a_readers_own_relu_that_is_off_everywhere_is_found():
    layer = elementwise(lambda x: np.maximum(x, 0), lambda x, y: x > 0)
    assert between(layer, shift=-100.0).layers[1].saturated == 1


def test_a_line_gives_a_readers_class_its_formula(monkeypatch):
    layer = softsign()
    slope = flatness.Slope(lambda y: (1 - abs(y)) ** 2, 1.0, "(1 − |y|)² below 0.04")
    monkeypatch.setitem(flatness.SATURATES, type(layer), slope)
    assert "(1 − |y|)² below 0.04" in between(layer, scale=1e3).findings[0]


@pytest.mark.parametrize(
    ("layer", "targets", "middle"), [(Sigmoid, (0, 1), "1/2"), (Tanh, (-1, 1), "of 0")]
)
def test_a_sure_output_is_at_fault_where_it_is_wrong(layer, targets, middle):
    model = Sequential(Linear(4, 1, rng=0), layer())
    model[0].bias.data[...] = 50
    low, high = targets
    right, wrong = np.full((64, 1), high), np.full((64, 1), low)
    assert diagnose(model, MSELoss(), X, right).ok
    (finding,) = diagnose(model, MSELoss(), X, wrong).findings
    assert "the output, 100 % of the predictions" in finding
    assert middle in finding


def test_labels_are_targets_of_a_softmax_too():
    class OfProbabilities(CrossEntropyLoss):
        def forward(self, prediction, target):
            return super().forward(np.log(prediction + 1e-9), target)

    model = Sequential(Linear(4, 3, rng=0), Softmax())
    model[0].bias.data[...] = [50, 0, 0]
    right, wrong = np.zeros(64, int), np.ones(64, int)
    assert diagnose(model, OfProbabilities(), X, right).ok
    (finding,) = diagnose(model, OfProbabilities(), X, wrong).findings
    assert finding.startswith("Saturated: in layer 1 (Softmax), the output")


def test_the_cure_of_a_gradient_that_vanishes_is_that_of_the_class():
    for layer, cure in (
        (Sigmoid, "Try ReLU in place of Sigmoid"),
        (Tanh, "Try Glorot's initial weights"),
        (ReLU, "Try He's initial weights"),
    ):
        model = Sequential()
        for k in range(12):
            model = Sequential(*model, Linear(4, 4, rng=k), layer())
        for p in model.parameters():
            p.data[...] *= 0.1 if p.data.ndim == 2 else 0
        d = diagnose(model, MSELoss(), X, np.ones((64, 4)))
        assert [cure in f for f in d.findings if f.startswith("Vanishing")] == [True]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("optimizer", [Adam, RMSprop, mlp.SGD, None])
def test_a_net_with_modes_runs_as_it_is_and_stays_as_it_was(training, optimizer):
    rng = np.random.default_rng(0)
    model = Sequential(
        Linear(4, 8, rng=rng), BatchNorm1d(8), Tanh(), Dropout(0.5, rng=rng),
        Sequential(Linear(8, 8, rng=rng), LayerNorm(8), LeakyReLU()),
        Linear(8, 3, rng=rng),
    ).train(training)  # fmt: skip
    steps = optimizer and optimizer(model.parameters(), lr=1e-3)
    before = pickle.dumps((model, steps))
    first = diagnose(model, CrossEntropyLoss(), X, np.arange(64) % 3, optimizer=steps)
    again = diagnose(model, CrossEntropyLoss(), X, np.arange(64) % 3, optimizer=steps)
    assert pickle.dumps((model, steps)) == before
    assert str(first) == str(again)
    assert first.ok, str(first)
    dropped = first.layers[3].mean != first.layers[2].mean
    assert dropped == training


def test_a_view_of_a_parameter_follows_the_step_of_the_copy():
    class View(Linear):
        def __init__(self, *sizes):
            super().__init__(*sizes, rng=0)
            self.wT = self.weight.data.T

        def forward(self, x):
            return super().forward(x) * 0 + x @ self.wT + self.bias.data

    plain, viewing = Linear(4, 3, rng=0), View(4, 3)
    after = [
        diagnose(
            model, BCEWithLogitsLoss(), X, 0 * Y, optimizer=Adam(model.parameters())
        ).loss_after
        for model in (plain, viewing)
    ]
    assert after[0] == pytest.approx(after[1], rel=1e-12)


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_the_slope_of_a_stranger_is_compared_with_its_greatest(scale):
    class Scaled(mlp.Layer):
        def forward(self, x):
            self.y = np.tanh(x)
            return scale * self.y

        def backward(self, grad_output):
            return grad_output * scale * (1 - self.y**2)

    rng = np.random.default_rng(0)
    model = mlp.Sequential(mlp.Linear(3, 4, rng=0), Scaled(), mlp.Linear(4, 1, rng=0))
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))
    assert "Saturated" not in str(mlp.diagnose(model, mlp.MSELoss(), x, y))
    model[0].weight.data *= 1000
    assert "Saturated" in str(mlp.diagnose(model, mlp.MSELoss(), x, y))


def test_where_a_slope_is_infinite_no_other_is_called_flat():
    x = np.array([[0.0, 1.0], [4.0, 9.0]])
    with np.errstate(divide="ignore"):
        root = elementwise(
            lambda x: np.sqrt(abs(x)), lambda x, y: np.copysign(0.5, x) / y
        )
        assert flatness.Probe(root).flat(x, np.sqrt(x)).saturated is None
        assert flatness.Probe(root).flat(x + 1, np.sqrt(x + 1)).saturated == 0
