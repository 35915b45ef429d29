"""What is measured of a layer while it runs."""

import math

import numpy as np
import pytest
from small import Shift

from mlp import Linear, MSELoss, ReLU, Sequential, Sigmoid, diagnose
from mlp.checking.watching import Watch, are_alike, is_finite, norm


def test_what_a_layer_gives_and_gets_is_measured_as_its_net_calls_it():
    layer = ReLU()
    watch = Watch("layer 1 (ReLU)", layer)
    assert (watch.ran, watch.gradient) == (False, None)
    assert not (watch.has_like_units or watch.has_like_gradients)
    assert all(watch.finite.values())
    y = Sequential(layer).forward([[3.0, -1.0], [0.0, -2.0]])
    g = layer.backward(np.array([[3.0, 5.0], [4.0, 5.0]]))
    assert (y.tolist(), g.tolist()) == ([[3, 0], [0, 0]], [[3, 0], [0, 0]])
    assert watch.ran
    record = watch.record()
    assert record[:4] == ("layer 1 (ReLU)", (2, 2), 0.75, math.sqrt(27 / 16))
    assert record.dead == 0.5  # the second of two units
    assert record.saturated is None
    assert record.gradient == pytest.approx(math.sqrt(75))
    assert (record.parameter_gradient, record.update) == (None, None)
    assert watch.kind == "ReLU"


def test_an_output_without_entries_has_no_mean():
    watch = Watch("", layer := ReLU())
    layer.forward(np.ones((0, 3)))
    assert (watch.ran, watch.shape) == (True, (0, 3))
    assert math.isnan(watch.mean)
    assert watch.dead is None


def test_of_a_layer_that_writes_into_its_input_the_input_is_kept():
    class InPlace(ReLU):
        def forward(self, x):
            y = super().forward(x)
            x *= 0
            return y

        def backward(self, grad_output, *, needs_input_grad=True):
            return super().backward(grad_output)

    seen = []
    watch = Watch("", layer := InPlace())
    watch.probe.flat = lambda x, y: seen.append(x.tolist()) or watch.flat
    layer.forward(np.array([[1.0, 2.0]]))
    assert seen == [[[1, 2]]]


def test_a_layer_that_is_no_longer_watched_runs_as_before():
    """As an optimizer does, whose step runs the net again."""
    watch = Watch("", layer := Sigmoid())
    layer.forward(np.full((2, 3), 50.0))
    layer.backward(np.ones((2, 3)))
    before = watch.record(), watch.finite.copy(), watch.output.tolist()
    watch.stop()
    assert layer.forward(np.zeros((1, 1))) == 0.5
    assert layer.backward([[8.0]]) == 2
    layer.forward([[np.nan]])
    layer.backward([[np.nan]])
    assert (watch.record(), watch.finite, watch.output.tolist()) == before


def test_a_step_is_measured_on_what_is_held():
    layer = Linear(2, 1)
    watch = Watch("", layer)
    weight, bias = watch.parameters
    weight.data[...], bias.data[...] = [[3.0, 4.0]], [12.0]
    before = [p.data.copy() for p in watch.parameters]
    weight.grad, bias.grad = np.array([[6e-4, 0.0]]), np.array([8e-4])
    weight.data += [[0.3, 0.4]]
    bias.data -= 1.2
    for held, update, is_lively in (
        ([weight, bias], 0.1, False),  # 1e−3 of 13
        ([weight], 0.1, True),  # 6e−4 of 5
        ([bias], 0.1, False),  # 8e−4 of 12
    ):
        watch.measure(before, set(map(id, held)))
        assert watch.update == pytest.approx(update)
        assert watch.parameter_gradient == pytest.approx(1e-3)
        assert watch.is_lively == is_lively
    weight.grad = None  # a backward that leaves it out
    watch.measure(before, {id(weight), id(bias)})
    assert (watch.parameter_gradient, watch.is_lively) == (8e-4, False)


def test_of_parameters_of_0_or_that_no_one_holds_there_is_no_update():
    for s, is_held in ((0.0, True), (1.0, False)):
        watch = Watch("", Shift(s))
        (p,) = watch.parameters
        p.data += 1
        watch.measure([np.array([s])], {id(p)} if is_held else set())
        assert (watch.update, watch.parameter_gradient) == (None, None)


@pytest.mark.parametrize("wrong", ["θ", "∂ℓ/∂θ", "Δθ", "output", "gradient", None])
def test_what_is_not_finite_is_noted_where_it_is(wrong):
    bad = dict.fromkeys(("θ", "∂ℓ/∂θ", "Δθ", "output", "gradient"), 1.0)
    bad[wrong] = np.inf
    watch = Watch("", layer := Shift(0.0))
    with np.errstate(invalid="ignore"):  # as diagnose has it
        layer.forward([[1.0, bad["output"]]])
    layer.backward([[1.0, bad["gradient"]]])
    (p,) = watch.parameters
    p.grad, p.data[...] = np.array([bad["∂ℓ/∂θ"]]), bad["Δθ"]
    watch.measure([np.array([bad["θ"]])], {id(p)})
    assert watch.finite == {name: name != wrong for name in watch.finite}


@pytest.mark.parametrize(
    ("layer", "x", "blocks"),
    [
        (ReLU, [[-1.0, -2.0]], True),
        (ReLU, [[-1.0, 2.0]], False),  # half of it is dead
        (Sigmoid, [[50.0, 0.0]], True),  # half of it is saturated
        (Sigmoid, [[50.0, 0.0, 0.0]], False),
    ],
)
def test_what_is_dead_or_half_saturated_stops_the_gradient(layer, x, blocks):
    watch = Watch("", one := layer())
    one.forward(np.array(x))
    assert watch.blocks == blocks


@pytest.mark.parametrize(
    ("array", "alike"),
    [
        ([[1.0, 1.0], [5.0, 5.0]], True),
        ([[1.0, 1.0], [5.0, 5.1]], False),
        ([[1.0, 1.0], [5.0, 5 + 1e-13]], True),  # by rounding
        ([[1.0, 1.0], [5.0, 5 + 1e-12]], False),
        ([[0.0, 0.0], [0.0, 0.0]], False),  # nothing has come through
        ([[1.0], [5.0]], False),
        (np.full((2, 1, 3), 4.0), True),
        ([1.0, 1.0], False),
        ([[1, 1], [5, 5]], False),  # no gradient goes through whole numbers
        (np.ones((0, 2)), False),
    ],
)
def test_columns_are_alike_if_they_are_equal_but_for_rounding(array, alike):
    assert are_alike(np.array(array)) == alike


def test_a_rounding_is_that_of_the_dtype():
    nearly = np.array([[5.0, 5 + 1e-5]])
    assert are_alike(nearly.astype(np.float32))
    assert not are_alike(nearly)


def test_units_and_gradients_that_are_alike_are_noted():
    watch = Watch("", layer := Shift())
    layer.forward(np.array([[2.0, 2.0]]))
    layer.backward(np.array([[1.0, 2.0]]))
    assert (watch.has_like_units, watch.has_like_gradients) == (True, False)
    layer.forward(np.array([[2.0, 3.0]]))
    layer.backward(np.array([[1.0, 1.0]]))
    assert (watch.has_like_units, watch.has_like_gradients) == (False, True)


def test_arrays_are_finite_if_each_entry_is():
    one, wrong = np.ones(3), np.array([1.0, np.nan])
    assert is_finite() and is_finite(one, one)
    assert not is_finite(one, wrong) and not is_finite(wrong, one)


def test_a_norm_neither_underflows_nor_overflows():
    for scale in (1.0, 1e-200, 1e200):
        arrays = [scale * np.array([[2.0], [3.0]]), scale * np.array(6.0)]
        assert norm(arrays) == pytest.approx(7 * scale)
    assert norm([]) == norm([np.zeros(3)]) == 0
    assert norm([np.ones(2), np.array([-np.inf])]) == math.inf
    assert math.isnan(norm([np.array([np.nan])]))
    single = np.full(3, 2e38, np.float32)  # whose squares float32 does not hold
    assert norm([single]) == pytest.approx(math.sqrt(3) * 2e38)


def test_a_tiny_gradient_is_not_0():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 0
    d = diagnose(model, MSELoss(), [[1.0]], [[1e-200]])  # whose square is 0
    assert d.layers[0].gradient == pytest.approx(2e-200, rel=1e-12, abs=0)


def test_the_spread_of_large_float32_is_that_of_the_numbers():
    watch = Watch("", layer := Shift())
    layer.forward(np.array([[3e38, -3e38]], np.float32))
    assert watch.spread == pytest.approx(3e38)  # whose square no float32 holds
