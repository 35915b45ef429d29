"""A student's classes: what is refused, and what a wrapper makes of the rest."""

import numpy as np
import pytest
from submissions import classes

import mlp
from mlp.worksheets import contracts

RIGHT = classes()
X, G = (np.random.default_rng(0).normal(size=(5, n)) for n in (3, 4))


class Double:
    """y = 2 x, without anything of mlp."""

    def __init__(self, *arguments, rng=None):
        self.got = arguments, rng

    def forward(self, x):
        return 2 * x

    def backward(self, grad_output):
        return 2 * grad_output


def test_a_class_gets_the_optional_arguments_that_it_takes():
    assert contracts.instance_of(Double, 3, 4, rng=0, lr=1).got == ((3, 4), 0)
    assert type(contracts.instance_of(RIGHT["ReLU"], rng=0)) is RIGHT["ReLU"]


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (Double(), "expected a class, got a Double"),
        (np.dot, "expected a class, got a "),
        (type("None", (), {}), "expected a method forward, got none"),
        (
            type("Half", (), {"forward": Double.forward}),
            "expected a method backward, got none; write def backward(self)",
        ),
        (type("Data", (Double,), {"forward": 3}), "expected a method forward"),
    ],
)
def test_what_cannot_be_run_is_refused(cls, said):
    with pytest.raises(contracts.Refused) as refused:
        contracts.instance_of(cls)
    assert said in str(refused.value)


def test_an_optimizer_needs_no_forward():
    made = contracts.instance_of(RIGHT["SGD"], [], 0.1, momentum=0.9)
    assert (made.parameters, made.lr) == ([], 0.1)


def holder(**attributes):
    return type("Linear", (), attributes)()


@pytest.mark.parametrize("cls", [mlp.Parameter, contracts.Plain, RIGHT["Parameter"]])
def test_a_parameter_may_be_of_any_class(cls):
    weight = cls(np.ones((2, 3)))
    assert contracts.parameter(holder(weight=weight), "weight", (2, 3)) is weight


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({}, "self.weight with .data and .grad, got NoneType; write self.weight = Par"),
        ({"weight": np.ones((2, 3))}, "with .data and .grad, got ndarray"),
        ({"weight": holder(grad=None)}, "with .data and .grad, got Linear"),
        (
            {"weight": holder(data=[[1.0] * 3] * 2, grad=None)},
            "weight.data to be a float64 array, got list",
        ),
        (
            {"weight": holder(data=np.ones((2, 3), np.float32), grad=None)},
            "weight.data to be a float64 array, got float32",
        ),
        (
            {"weight": mlp.Parameter(np.ones((3, 2)))},
            "weight.data of shape (2, 3), got (3, 2)",
        ),
    ],
)
def test_what_is_no_parameter_is_refused(attributes, said):
    with pytest.raises(contracts.Refused) as refused:
        contracts.parameter(holder(**attributes), "weight", (2, 3))
    assert said in str(refused.value)


def test_a_plain_parameter_has_data_of_its_own():
    data = np.array([1, 2])
    plain = contracts.Plain(data)
    plain.data[0] = 0.5
    assert data[0] == 1 and plain.data.tolist() == [0.5, 2] and plain.grad is None


def wrapped(cls):
    """Return a student's layer with 3 inputs and 4 outputs, wrapped, and the faults."""
    layer, faults = cls(3, 4, rng=0), {}
    parameters = {"weight": layer.weight, "bias": layer.bias}
    return layer, contracts.as_layer(layer, parameters, faults), faults


@pytest.mark.parametrize("cls", [RIGHT["Linear"], mlp.Linear])  # grad is 0, or None
def test_a_wrapped_layer_is_measured_at_its_own_parameters(cls):
    inner, layer, faults = wrapped(cls)
    before = inner.weight.data.copy()
    layer.weight.data[...] += 1
    assert np.array_equal(inner.weight.data, before)
    w, b = layer.weight.data, layer.bias.data
    for times in (1, 2):  # the gradients add up, as those of a Layer do
        assert np.allclose(layer.forward(X), X @ w.T + b)
        assert np.allclose(layer.backward(G), G @ w)
        assert np.allclose(layer.weight.grad, times * G.T @ X)
        assert np.allclose(layer.bias.grad, times * G.sum(axis=0))
    assert faults == {} and type(layer).__name__ == "Linear"
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_a_gradient_without_meaning_is_a_sentence_and_counts_as_0():
    class Wrong(RIGHT["Linear"]):
        def backward(self, grad_output):
            self.weight.grad = self.x.T @ grad_output
            self.bias.grad = None

    _, layer, faults = wrapped(Wrong)
    layer.forward(X)
    assert np.array_equal(layer.backward(G), np.zeros((5, 3)))
    assert np.array_equal(layer.weight.grad, np.zeros((4, 3)))
    assert np.array_equal(layer.bias.grad, np.zeros(4))
    assert faults == {
        "weight": "transposed: expected weight.grad of shape (4, 3), got ndarray "
        "(3, 4)",
        "bias": "expected bias.grad of shape (4,), got None",
        "x": "expected ∂ℓ/∂x of shape (5, 3), got None",
    }


@pytest.mark.parametrize(
    ("given", "shape", "got"),
    [
        ([1.0, 2.0], (2,), "list (2,)"),
        (2.0, (), "float ()"),
        (np.ones((1, 2)), (2,), "ndarray (1, 2)"),
        ("text", (2,), "str ()"),
    ],
)
def test_what_is_no_gradient_has_its_type_and_shape_named(given, shape, got):
    faults = {}
    assert np.array_equal(contracts.usable("x", given, shape, faults), np.zeros(shape))
    assert faults == {"x": f"expected ∂ℓ/∂x of shape {shape}, got {got}"}


def test_a_gradient_that_can_be_used_is_given_back():
    faults = {}
    assert contracts.usable("x", G, (5, 4), faults) is G
    assert contracts.usable("x", np.float64(2), (), faults) == 2
    assert faults == {}


def test_a_wrapped_loss_is_the_students():
    loss = contracts.as_loss(RIGHT["CrossEntropyLoss"]())
    ours, labels = mlp.CrossEntropyLoss(), np.array([2, 0, 1, 1, 2])
    assert np.isclose(loss.forward(X, labels), ours.forward(X, labels))
    assert np.allclose(loss.backward(), ours.backward())
    assert loss.takes_labels and type(loss).__name__ == "CrossEntropyLoss"
