"""What is inside a layer: found, named and copied, however it is kept."""

import copy
import dataclasses
from collections import OrderedDict, UserDict, UserList, defaultdict, deque
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from small import Shift

from mlp import Layer, Parameter, ReLU, Sequential
from mlp._shared import walking


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


def test_a_slot_without_a_value_is_no_attribute():
    class Slots:
        __slots__ = ("a", "b", "__c")

        def __init__(self):
            self.a, self.__c = 1, 3

    assert walking.attributes(Slots()) == {"a": 1, "_Slots__c": 3}


def test_an_object_of_any_class_is_opened_but_none_inside_it():
    layer = Shift()
    layer.way = [Plain(Shift())]
    assert [name for name, _ in layer.named_parameters()] == ["s", "way.0.many.0.s"]
    layer.way = Plain(Plain(Shift()))
    assert [name for name, _ in layer.named_parameters()] == ["s"]


def test_a_layer_that_copies_itself_is_asked_to():
    class Marked(Shift):
        def __deepcopy__(self, memo):
            return Marked(9.0)

    layer = Shift()
    layer.inner = Marked(1.0)
    assert copy.deepcopy(layer).inner.s.data == 9
    assert copy.copy(layer).inner.s is layer.inner.s
