"""Parameter, and what Layer and Loss give to a reader's own classes."""

import copy
import dataclasses
import pickle
import warnings
from collections import OrderedDict, UserDict, UserList, defaultdict, deque
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

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


class Shift(Layer):
    """y = x + s, without super().__init__()."""

    def __init__(self, s=0.0):
        self.s = Parameter([s])

    def forward(self, x):
        return np.asarray(x) + self.s.data

    def backward(self, grad_output, *, needs_input_grad=True):
        self.s.add_grad([np.sum(grad_output)])
        return grad_output


# ----------------------------------------------------------------- Parameter


def test_parameter_copies_and_keeps_the_dtype():
    data = np.ones(3, np.float32)
    p = Parameter(data)
    data[...] = 7
    assert p.data.tolist() == [1, 1, 1]
    assert p.data.dtype == np.float32
    assert Parameter([1, 2]).data.dtype == np.float64
    assert Parameter(3).data.shape == ()


@pytest.mark.parametrize("wrong", [None, "a", [1j], [None], np.ones(2, np.float16)])
def test_parameter_refuses_what_it_cannot_learn(wrong):
    with pytest.raises(TypeError, match="Parameter: expected"):
        Parameter(wrong)


def test_parameter_of_another_byte_order_is_native():
    assert Parameter(np.ones(2, ">f4")).data.dtype == np.float32


def test_data_is_one_array_for_life():
    p = Parameter([1.0, 2.0])
    array = p.data
    p.data[...] = 5
    p.data += 1  # assigns p.data to itself
    assert p.data is array
    assert array.tolist() == [6, 6]
    with pytest.raises(AttributeError, match=r"write into it: p.data\[\.\.\.\] = "):
        p.data = np.zeros(2)


def test_grad_adds_up_in_a_new_array_each_time():
    p = Parameter([0.0, 0.0])
    assert p.grad is None
    first = np.array([1.0, 2.0])
    p.add_grad(first)
    assert p.grad is first
    p.add_grad([10.0, 20.0])
    assert first.tolist() == [1, 2]
    assert p.grad.tolist() == [11, 22]


def test_grad_may_be_assigned_and_takes_dtype_and_shape_of_data():
    p = Parameter(np.zeros(2, np.float32))
    p.grad = [1, 2]
    assert p.grad.dtype == np.float32
    p.grad *= 2
    assert p.grad.tolist() == [2, 4]
    p.grad = None
    assert p.grad is None


@pytest.mark.parametrize("assign", [Parameter.add_grad, Parameter.grad.fset])
def test_a_gradient_of_another_dtype_takes_that_of_data_and_drops_no_mask(assign):
    for dtype in (np.float64, np.longdouble, np.int8, bool, ">f4"):
        p = Parameter(np.zeros(2, np.float32))
        assign(p, np.array([0, 1], dtype))
        assert p.grad.dtype == np.float32
        assert p.grad.tolist() == [0, 1]
    with pytest.raises(TypeError, match="expected the gradient without a mask"):
        assign(p, np.ma.masked_array(np.ones(2, np.float32), mask=[True, False]))


@pytest.mark.parametrize("assign", [Parameter.add_grad, Parameter.grad.fset])
@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[:]])
def test_a_gradient_that_is_the_data_is_copied_before_the_step(assign, view):
    p = Parameter([1.0, 2.0])
    assign(p, view(p.data))
    gradient = p.grad
    SGD([p], lr=0.5).step()
    assert gradient.tolist() == [1, 2]


@pytest.mark.parametrize("assign", [Parameter.add_grad, Parameter.grad.fset])
def test_a_gradient_of_another_shape_is_refused_with_its_cure(assign):
    with pytest.raises(ValueError, match=r"shape \(2, 3\), got \(3, 2\); .*transposed"):
        assign(Parameter(np.zeros((2, 3))), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(8, 3\); sum it over"):
        assign(Parameter(np.zeros(3)), np.zeros((8, 3)))
    with pytest.raises(ValueError, match=r"got \(\); write grad.reshape\(\(1,\)\)$"):
        assign(Parameter([0.25]), np.float64(1.0))
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(1,\)$"):
        assign(Parameter(np.zeros(3)), np.zeros(1))
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(\)$"):
        assign(Parameter(np.zeros(3)), 1.0)
    with pytest.raises(TypeError, match="expected the gradient to hold real numbers"):
        assign(Parameter(np.zeros(3)), "abc")


def test_parameter_repr_copy_and_pickle():
    p = Parameter([1.0, 2.0])
    assert repr(p) == "Parameter(shape=(2,), dtype=float64, grad=None)"
    p.add_grad([3.0, 4.0])
    assert repr(p) == "Parameter(shape=(2,), dtype=float64, grad=set)"
    for other in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert other.grad.tolist() == [3, 4]
        other.data[...] = 0
        assert p.data.tolist() == [1, 2]


# ------------------------------------------------- a gradient that went stale


def stepped(p, gradient=(1.0,)):
    p.grad = gradient
    SGD([p], lr=0.1).step()
    return p


def test_backward_after_a_step_without_zero_grad_warns_and_adds_up():
    p = stepped(Parameter([0.0]))
    with pytest.warns(StaleGradientWarning, match=r"zero_grad\(\) \(step 3\)"):
        p.add_grad([10.0])
    assert p.grad.tolist() == [11]


def test_the_warning_names_the_line_of_the_loop():
    model, loss = Sequential(Linear(1, 1), ReLU(), Linear(1, 1)), MSELoss()
    optimizer = SGD(model.parameters(), lr=0.1)
    loss.forward(model.forward([[1.0]]), [[0.0]])
    model.backward(loss.backward())
    optimizer.step()
    loss.forward(model.forward([[1.0]]), [[0.0]])
    with pytest.warns(StaleGradientWarning) as caught:
        model.backward(loss.backward())
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize(
    "refresh",
    [
        lambda p: SGD([p], lr=0.1).zero_grad(),
        lambda p: Sequential(holding(p)).zero_grad(),
        lambda p: Parameter.grad.fset(p, None),
        lambda p: Parameter.grad.fset(p, [5.0]),
        lambda p: p.grad.fill(0),
    ],
)
def test_a_gradient_that_was_reset_in_any_way_is_fresh(refresh):
    p = stepped(Parameter([0.0]))
    refresh(p)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p.add_grad([1.0])


def holding(p):
    layer = Shift()
    layer.s = p
    return layer


def test_a_gradient_scaled_in_place_after_the_step_is_still_stale():
    p = stepped(Parameter([0.0]))
    p.grad *= 0.5
    with pytest.warns(StaleGradientWarning):
        p.add_grad([1.0])


def test_two_backwards_before_a_step_add_up_in_silence():
    p = Parameter([0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p.add_grad([1.0])
        p.add_grad([2.0])
    assert p.grad.tolist() == [3]


def test_the_second_backward_after_the_warning_is_silent():
    p = stepped(Parameter([0.0]))
    with pytest.warns(StaleGradientWarning):
        p.add_grad([1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p.add_grad([1.0])


# ---------------------------------------------------------- a reader's layer


class Pair(NamedTuple):
    layer: Layer
    number: int


class Nested(Layer):
    def __init__(self):
        self.b = Shift()
        self.name = "nested"
        self.a = Parameter([1.0])
        self.many = [Shift(), {"key": (Shift(), 3)}]
        self.again = self.b

    def forward(self, x):
        return self.many[0](self.b(x))

    def backward(self, grad_output, *, needs_input_grad=True):
        return self.b.backward(self.many[0].backward(grad_output))


def test_parameters_in_the_order_of_assignment_each_once():
    layer = Nested()
    expected = [layer.b.s, layer.a, layer.many[0].s, layer.many[1]["key"][0].s]
    assert [id(p) for p in layer.parameters()] == [id(p) for p in expected]


def test_a_layer_that_says_what_its_parameters_are_is_believed():
    class Frozen(Shift):
        def parameters(self):
            return []

    assert Sequential(Frozen(), Shift()).parameters()[0].data == 0.0
    assert len(Sequential(Frozen(), Shift()).parameters()) == 1


def test_layer_and_loss_have_to_have_forward_and_backward():
    class OnlyForward(Layer):
        def forward(self, x):
            return x

    with pytest.raises(TypeError, match="backward"):
        OnlyForward()
    with pytest.raises(TypeError, match="abstract"):
        Loss()


def test_a_copy_shares_parameters_and_no_memory_at_any_depth():
    layer = Nested()
    layer.others = OrderedDict(key=Pair(Shift(), 1))
    twin = copy.copy(layer)
    assert type(twin.others) is OrderedDict
    assert type(twin.others["key"]) is Pair
    assert twin.others["key"].layer is not layer.others["key"].layer
    assert [id(p) for p in twin.parameters()] == [id(p) for p in layer.parameters()]
    twin.b.remembered = 1
    twin.many[0].remembered = 1
    twin.many[1]["key"][0].remembered = 1
    assert "remembered" not in vars(layer.b)
    assert "remembered" not in vars(layer.many[0])
    assert "remembered" not in vars(layer.many[1]["key"][0])


class Ways(Layer):
    """y = x + s, run by way of whatever `reach` makes of a Shift."""

    __slots__ = ("slot", "__private")

    def __init__(self, reach):
        self.slot = Shift(1.0)
        self.__private = Shift(2.0)
        self.way = reach(self)

    def run(self, x):
        self.seen = x
        return x

    def forward(self, x):
        return self.slot(self.__private(x))

    def backward(self, grad_output):
        return grad_output


@dataclasses.dataclass
class Held:
    layer: Layer
    more: object = None


class Plain:
    def __init__(self, layer):
        self.many = [layer]


def object_array(layer):
    array = np.empty(1, object)
    array[0] = layer
    return array


REACHES = {  # how a layer is kept, and the path to it after "way"
    "deque": (lambda layer: deque([layer]), ".0"),
    "frozen mapping": (lambda layer: MappingProxyType({"k": layer}), ".k"),
    "user list": (lambda layer: UserList([layer]), ".0"),
    "user dict": (lambda layer: UserDict(k=layer), ".k"),
    "default dict": (lambda layer: defaultdict(list, k=[layer]), ".k.0"),
    "named tuple": (lambda layer: Pair(layer, 1), ".0"),
    "data class": (lambda layer: Held(layer), ".layer"),
    "data class in one": (lambda layer: Held(None, Held(layer)), ".more.layer"),
    "namespace": (lambda layer: SimpleNamespace(layer=layer), ".layer"),
    "own object": (lambda layer: Plain(layer), ".many.0"),
    "bound method": (lambda layer: layer.forward, ""),
    "partial": (lambda layer: partial(layer.forward), ".func"),
    "argument": (lambda layer: partial(print, layer, n=2), ".0"),
    "keyword": (lambda layer: partial(print, layer=layer), ".layer"),
    "closure": (lambda layer: lambda x: layer.forward(x), ".layer"),
    "default": (lambda layer: lambda x, run=layer: run(x), ".0"),
    "keyword default": (lambda layer: lambda *, run=layer: run, ".run"),
    "objects": (object_array, ".0"),
}


@pytest.mark.parametrize("name", REACHES)
def test_a_layer_is_found_named_and_copied_however_it_is_kept(name):
    keep, path = REACHES[name]
    layer = Ways(lambda _: keep(Shift(3.0)))
    names = ["slot.s", "_Ways__private.s", f"way{path}.s"]
    for one in (layer, copy.copy(layer), copy.deepcopy(layer)):
        named = dict(one.named_parameters())
        assert sorted(named) == sorted(names)
        assert {id(p) for p in one.parameters()} == set(map(id, named.values()))
    assert [p.data.item() for p in layer.parameters()] == [1.0, 2.0, 3.0]
    for twin, shares in ((copy.copy(layer), True), (copy.deepcopy(layer), False)):
        for p, q in zip(layer.parameters(), twin.parameters(), strict=True):
            assert (p is q) is shares
            assert p.data == q.data
        inside = dict(twin.members())
        for path, member in layer.members():
            assert inside[path] is not member  # a layer of the copy's own
            assert type(inside[path]) is Shift


SELF_REFERENCES = {
    "bound method": lambda self: self.run,
    "in a list": lambda self: [self.run],
    "partial": lambda self: partial(self.run),
    "closure": lambda self: lambda x: self.run(x),
    "default": lambda self: lambda x, layer=self: layer.run(x),
    "closure in a closure": lambda self: (lambda f: lambda x: f(x))(
        lambda x: self.run(x)
    ),
    "in a data class": lambda self: Held(self, self.run).more,
}


@pytest.mark.parametrize("name", SELF_REFERENCES)
@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy])
def test_what_refers_to_the_layer_itself_refers_to_the_copy_in_a_copy(name, twin):
    layer = Ways(SELF_REFERENCES[name])
    layer.run("mine")
    other = twin(layer)
    run = other.way[0] if isinstance(other.way, list) else other.way
    assert run("the copy's") == "the copy's"
    assert (layer.seen, other.seen) == ("mine", "the copy's")
    assert len(layer.parameters()) == len(dict(other.named_parameters())) == 2


def test_a_closure_that_calls_itself_or_has_no_value_yet_is_copied():
    def reach(self):
        def count(n):
            return n if n == 0 else count(n - 1) + len(self.run([1]))

        def use():
            return never

        if self is None:
            never = self
        self.use = use
        return count

    layer = Ways(reach)
    twin = copy.copy(layer)
    assert twin.way(3) == 3
    assert hasattr(twin, "seen")
    assert not hasattr(layer, "seen")
    assert twin.way is not layer.way


def test_methods_in_c_lead_to_the_container_of_the_copy():
    layer = Shift()
    layer.kept = []
    layer.keep = layer.kept.append
    twin = copy.copy(layer)
    twin.keep(1)
    assert (layer.kept, twin.kept) == ([], [1])


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize(
    "inside", [Shift, lambda: Parameter([1.0]), lambda: (Shift(),)]
)
def test_a_set_of_layers_is_refused_since_it_has_no_order(kind, inside):
    layer = Shift()
    layer.many = [kind([inside()])]
    for ask in (layer.parameters, lambda: list(layer.named_parameters())):
        with pytest.raises(TypeError, match=rf"{kind.__name__} 'many\.0'.*keep a list"):
            ask()
    layer.many = kind(["text"])
    assert len(layer.parameters()) == 1
    assert copy.copy(layer).many == layer.many


class Knows(Layer):
    """A layer that has a reference to the net that it is in."""

    def __init__(self):
        self.s = Parameter([2.0])

    def forward(self, x):
        self.rows = len(x)
        return x * self.s.data + self.net.bias.data

    def backward(self, grad_output):
        return grad_output * self.s.data


class Net(Layer):
    """A container of a reader's own."""

    def __init__(self, *layers):
        self.bias = Parameter([1.0])
        self.layers = list(layers)
        for layer in layers:
            layer.net = self

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad_output):
        return grad_output


class Biased(Sequential):
    def __init__(self, *layers):
        super().__init__(*layers)
        self.bias = Parameter([1.0])
        for layer in layers:
            layer.net = self


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (Net, ["bias", "layers.0.s", "layers.1.s"]),
        (Biased, ["0.s", "1.s", "bias"]),
    ],
)
def test_a_reference_back_to_the_net_ends(make, names):
    net = make(Knows(), Knows())
    x = np.array([[1.0], [2.0]])
    assert [name for name, _ in net.named_parameters()] == names
    assert len(net.parameters()) == 3
    for twin in (copy.copy(net), copy.deepcopy(net)):
        first = next(m for _, m in twin.members() if isinstance(m, Knows))
        assert first.net is twin
        assert twin.forward(x).tolist() == [[7.0], [11.0]]
    assert not hasattr(
        next(m for _, m in net.members() if isinstance(m, Knows)), "rows"
    )


def test_a_reference_back_to_a_sequential_is_no_part_of_the_layer():
    net = Biased(Knows(), Knows())
    assert net[0].parameters() == [net[0].s]
    assert [name for name, _ in net[0].named_parameters()] == ["s"]
    assert len(net[:2].parameters()) == 2  # each layer is in the slice once
    assert net.predict([[1.0]]).tolist() == [[7.0]]
    net[0].net = Sequential(Sequential(*net), ReLU())
    assert net[0].parameters() == [net[0].s]


def test_a_parameters_of_ones_own_may_ask_super_in_a_net_that_is_referred_to():
    class Frozen(Net):
        def parameters(self):
            return super().parameters()[1:]

    net = Frozen(Knows())
    assert net.parameters() == [net.layers[0].s]


class Growing:
    """Adds to a layer's attributes whenever its class is asked for.

    As a forward in another thread may at any time.
    """

    def __init__(self, layer):
        self.layer = layer

    @property
    def __class__(self):
        grown = f"grown{len(vars(self.layer))}"
        vars(self.layer)[grown] = self.layer.many[grown] = self.layer.few
        self.layer.few.append(0)
        return Growing


def test_a_forward_in_another_thread_disturbs_no_look_at_a_layer():
    layer = Shift()
    layer.many, layer.few = {}, []
    layer.growing = Growing(layer)
    layer.many["growing"] = layer.growing
    layer.few.append(layer.growing)
    before = len(vars(layer))
    assert layer.parameters() == [layer.s]
    assert [name for name, _ in layer.named_parameters()] == ["s"]
    assert copy.copy(layer).s is layer.s
    assert len(vars(layer)) > before  # so it did grow meanwhile


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
