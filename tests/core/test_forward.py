"""What layers and losses share: calls, reprs, copies, pickles, needs_input_grad."""

import copy
import pickle

import numpy as np
import pytest
from small import Shift

from mlp import (
    SGD,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    StaleGradientWarning,
    check_gradients,
    check_layer,
    diagnose,
    fit,
    jacobian,
    train_step,
)
from mlp.core.forward import takes_keyword


def test_layer_and_loss_have_to_have_forward_and_backward():
    class OnlyForward(Layer):
        def forward(self, x):
            return x

    with pytest.raises(TypeError, match="backward"):
        OnlyForward()
    with pytest.raises(TypeError, match="abstract"):
        Loss()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_leaves_out_what_forward_keeps_and_nothing_else(protocol):
    class_of = {Slotted: ("kept", "held"), Named: ("kept",)}
    for kind, names in class_of.items():
        layer = kind()
        layer.forward(np.ones(3))
        twin = pickle.loads(pickle.dumps(layer, protocol))
        assert twin.s.data == layer.s.data
        assert twin.scale == 3.0
        assert not any(hasattr(twin, name) for name in names)
        assert copy.deepcopy(layer).kept.tolist() == [1, 1, 1]


class Named(Shift):
    forward_keeps = ("kept",)

    def __init__(self):
        super().__init__(1.0)
        self.scale = 3.0

    def forward(self, x):
        self.kept = x
        return super().forward(x)


class Slotted(Named):
    __slots__ = ("held", "kept")
    forward_keeps = ("kept", "held")

    def forward(self, x):
        self.held = x
        return super().forward(x)


class Held(Shift):
    __slots__ = ("value",)


def test_own_layers_and_losses_have_a_repr_and_can_be_called():
    class Half(Loss):
        def forward(self, prediction, target):
            return 0.5

        def backward(self):
            return np.zeros(1)

    assert repr(Shift()) == "Shift()"
    assert Shift(2.0)([1.0]).tolist() == [3.0]
    assert repr(Half()) == "Half()"
    assert Half()([1.0], [1.0]) == 0.5


class Doubled(Layer):
    def forward(self, x):
        return 2 * np.asarray(x)

    def backward(self, grad_output):
        return 2 * np.asarray(grad_output)


class Quadrupled(Doubled):
    def forward(self, x):
        return 2 * super().forward(x)

    def backward(self, grad_output):
        return 2 * super().backward(grad_output)


class Mixin:
    def backward(self, grad_output):
        return 2 * np.asarray(grad_output)


class Mixed(Mixin, Doubled):
    pass


SHORT = [
    Doubled,
    Quadrupled,
    Mixed,
]


@pytest.mark.parametrize("made", SHORT)
def test_a_backward_without_needs_input_grad_takes_it(made):
    layer = made()
    assert layer.backward([3.0], needs_input_grad=False) == layer.backward([3.0])
    assert layer.backward([3.0]) == layer.forward([3.0])


@pytest.mark.parametrize("made", SHORT)
def test_no_tool_needs_a_backward_with_needs_input_grad(made):
    rng = np.random.default_rng(0)
    x, y, criterion = rng.normal(size=(4, 2)), rng.normal(size=(4, 3)), MSELoss()
    for first in (made(), Sequential(made()), Sequential(Sequential(made()))):
        model = Sequential(first, Linear(2, 3, rng=0))
        optimizer = SGD(model.parameters(), lr=0.01)
        assert check_layer(first, x).ok
        assert check_gradients(model, criterion, x, y).ok
        assert len(diagnose(model, criterion, x, y, optimizer=optimizer).layers) == 2
        before = train_step(model, criterion, optimizer, x, y)
        assert fit(model, criterion, optimizer, x, y, epochs=1).loss[0] < before
        factor = first.forward([1.0])[0]
        assert np.array_equal(jacobian(first, x[0]), factor * np.eye(2))


def test_a_mixin_still_leaves_a_layer_without_a_forward_abstract():
    class Half(Mixin, Layer):
        pass

    with pytest.raises(TypeError, match="abstract method '?forward"):
        Half()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_a_net_and_its_optimizer_stays_together(protocol):
    model = Sequential(Linear(2, 2, rng=0), ReLU(), Sequential(Linear(2, 1, rng=1)))
    criterion = MSELoss()
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = np.ones((50, 2)), np.zeros((50, 1))
    before = len(pickle.dumps((model, criterion, optimizer), protocol))
    criterion.forward(model.forward(x), y)
    assert len(pickle.dumps((model, criterion, optimizer), protocol)) == before
    model.backward(criterion.backward())
    optimizer.step()
    other, loss, steps = pickle.loads(
        pickle.dumps((model, criterion, optimizer), protocol)
    )
    assert all(map(steps.holds, other.parameters()))
    np.testing.assert_array_equal(other.predict(x), model.predict(x))
    with pytest.raises(RuntimeError, match="uses up one forward"):
        other.backward(np.ones((50, 1)))
    loss.forward(other.forward(x), y)
    with pytest.warns(StaleGradientWarning):
        other.backward(loss.backward())


def test_a_pickle_made_before_has_its_attributes_taken_over():
    p = Parameter.__new__(Parameter)
    p.__setstate__((None, {"_data": np.ones(2), "_grad": None, "_stale": False}))
    assert p.data.tolist() == [1, 1]
    assert p.grad is None


def test_a_pickle_brings_back_what_is_in_slots():
    layer = Slotted()
    layer.kept, layer.held = 1, 2  # which forward keeps, and a pickle does not
    layer.more = 3
    again = pickle.loads(pickle.dumps(layer))
    assert not hasattr(again, "kept") and not hasattr(again, "held")
    assert again.more == 3 and again.s.data.tolist() == layer.s.data.tolist()
    layer = Held()
    layer.value = 4
    assert pickle.loads(pickle.dumps(layer)).value == 4


def test_a_keyword_is_taken_by_its_name_or_among_any():
    assert takes_keyword(lambda x, weight: 0, "weight")
    assert takes_keyword(lambda x, **options: 0, "weight")
    assert not takes_keyword(lambda x, *more: 0, "weight")
    assert not takes_keyword(lambda: 0, "weight")
