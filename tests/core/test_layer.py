"""Layer: its parameters, modes, generators, and what it saves and takes over."""

import numpy as np
import pytest
from small import Averaging, Shift, small_net

from mlp import Dropout, Linear, Parameter, ReLU, Sequential


def test_a_layer_that_says_what_its_parameters_are_is_believed():
    class Frozen(Shift):
        def parameters(self):
            return []

    assert Sequential(Frozen(), Shift()).parameters()[0].data == 0.0
    assert len(Sequential(Frozen(), Shift()).parameters()) == 1


def test_a_layer_trains_until_it_is_told_not_to():
    net = Sequential(Shift(), Sequential(Shift()))
    for call, training in ((lambda: net, True), (net.eval, False), (net.train, True)):
        assert call() is net
        assert [layer.training for layer in net.modules()] == [training] * 4
    with pytest.raises(TypeError, match=r"Shift\.train: expected mode to be True or F"):
        Shift().train(0)


def test_a_generator_that_two_layers_draw_from_is_named_once():
    rng = np.random.default_rng(0)
    net = Sequential(Dropout(0.5, rng=rng), Dropout(0.5, rng=rng), Dropout(0.5, rng=1))
    assert [*net.named_generators()] == [("0.rng", rng), ("2.rng", net[2].rng)]


def test_the_settings_of_an_init_that_takes_any_are_refused():
    class Many(Shift):
        def __init__(self, first, *others):
            super().__init__(first)

    with pytest.raises(TypeError, match=r"Many\.settings: expected arguments with na"):
        Many(1.0, 2.0).settings()
    assert Shift().settings().keys() == {"s"}


def test_zero_grad_is_for_each_parameter():
    net = Sequential(Shift(), Shift())
    net.backward(net.forward([[1.0]]))
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_a_state_dict_is_a_copy_and_is_taken_over():
    net, other = Sequential(Shift(2.0), ReLU()), Sequential(Shift(), ReLU())
    state = net.state_dict()
    net[0].s.data[...] = 3.0
    assert state["0.s"].tolist() == [2.0]
    other.load_state_dict(state)
    assert other[0].s.data.tolist() == [2.0]


def test_a_parameter_that_has_no_name_has_no_place_in_a_state_dict():
    class Hidden(Shift):
        def parameters(self):
            return [self.s, Parameter([1.0])]

    with pytest.raises(RuntimeError, match="only parameters.. knows.*make it an attr"):
        Hidden().state_dict()


def test_loading_two_live_arrays_swapped_swaps_them():
    model = Sequential(Linear(1, 1, rng=0), Linear(1, 1, rng=1))
    state = model.state_dict()
    live = {
        name: model[1 - int(name[0])].weight.data for name in ("0.weight", "1.weight")
    }
    model.load_state_dict({**state, **live})
    assert model[0].weight.data == state["1.weight"]
    assert model[1].weight.data == state["0.weight"]


def test_state_dict_has_pytorchs_names_and_copies():
    model = small_net()
    state = model.state_dict()
    assert list(state) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    state["0.weight"][...] = 7
    assert not np.any(model[0].weight.data == 7)


def test_state_travels_to_another_net_of_either_dtype():
    source, target = small_net(0), small_net(1, np.float32)
    array = target[0].weight.data
    target.load_state_dict(source.state_dict())
    assert target[0].weight.data is array
    assert array.dtype == np.float32
    x = np.ones((2, 3))
    np.testing.assert_allclose(target.predict(x), source.predict(x), rtol=1e-5)


def test_state_of_a_readers_layer_has_the_path_of_its_attributes():
    assert list(Sequential(ReLU(), Averaging()).state_dict()) == [
        "1.branches.0.weight",
        "1.branches.0.bias",
        "1.branches.1.0.weight",
        "1.branches.1.0.bias",
    ]


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (lambda d: d.pop("2.bias"), ValueError, r"lacks \['2.bias'\]"),
        (lambda d: d.update({"4.bias": [1]}), ValueError, r"has \['4.bias'\] besides"),
        (
            lambda d: d.update({"2.bias": [1.0]}),
            ValueError,
            r"shape \(2,\), got \(1,\)",
        ),
        (
            lambda d: d.update({"2.weight": d["2.weight"].T}),
            ValueError,
            r"got \(4, 2\)",
        ),
        (
            lambda d: d.update({"2.bias": ["a", "b"]}),
            TypeError,
            "'2.bias' to hold real",
        ),
    ],
)
def test_a_wrong_state_changes_nothing(change, error, sentence):
    model, state = small_net(0), small_net(1).state_dict()
    before = model.state_dict()
    change(state)
    with pytest.raises(error, match=f"Sequential.load_state_dict: .*{sentence}"):
        model.load_state_dict(state)
    after = model.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("wrong", [None, [1], "abc", 3])
def test_a_state_is_a_mapping(wrong):
    with pytest.raises(TypeError, match=r"expected a mapping.*state_dict\(\)"):
        small_net().load_state_dict(wrong)
