"""Random points: the letters have the net's own values, in both layouts."""

import numpy as np
import pytest
from homework import FORMULAS, NETS
from small import Own

from mlp import (
    BCELoss,
    CrossEntropyLoss,
    LeakyReLU,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
)
from mlp.derivation import RULES, Apply, Elementwise
from mlp.derivation.derivation import Derivation
from mlp.worksheets.points import Points, left_out, letters_of
from mlp.worksheets.values import FUNCTIONS, Point

ALL = FORMULAS | {
    name: (layers, loss()) for name, (layers, loss) in NETS.items() if name != "softmax"
}


def derived(layers, loss, layout="numerator"):
    model = Sequential(*layers)
    model.eval()
    return Derivation(model, loss, None, layout, None)


def points_of(name):
    layers, loss = ALL[name]
    return Points(derived(layers(), loss))


@pytest.mark.parametrize("name", ALL)
def test_letters_have_the_values_that_the_net_computes(name):
    for layout, at in points_of(name).at.items():
        for d, values in at:
            x, y = values["x"].T, values["y"].T
            prediction = d.model.forward(x)
            np.testing.assert_allclose(values["ŷ"], prediction.T, rtol=1e-12)
            loss = d.criterion.forward(prediction, y)
            assert values["ℓ"] == pytest.approx(loss, rel=1e-12)
            g = d.criterion.backward()
            laid = g if layout == "numerator" else g.T
            np.testing.assert_allclose(values["∂ℓ/∂ŷ"], laid, rtol=1e-9, atol=1e-12)
            d.model.zero_grad()
            d.model.backward(g)
            for letter, parameter in d.parameters:
                got, right = values[f"∂ℓ/∂{letter}"], parameter.grad
                if right.ndim == 2 and layout == "numerator":
                    right = right.T
                np.testing.assert_allclose(
                    np.reshape(got, right.shape), right, rtol=1e-9, atol=1e-12
                )


def test_the_derivative_by_the_input_of_a_linear_layer_is_its_weight():
    at = points_of("relu").at
    for d, values in at["numerator"]:
        assert np.array_equal(values["∂z₁/∂x"], d.model[0].weight.data)
        assert np.array_equal(values["∂z₃/∂z₂"], d.model[2].weight.data)
    for d, values in at["denominator"]:
        assert np.array_equal(values["∂z₁/∂x"], d.model[0].weight.data.T)


def test_both_layouts_have_the_same_points_of_which_there_are_three():
    points = points_of("relu")
    numerator, denominator = points.at.values()
    for letter in ("x", "y", "W⁽¹⁾", "b⁽²⁾", "z₁", "ŷ"):
        for (_, one), (_, other) in zip(numerator, denominator, strict=True):
            assert np.array_equal(one[letter], other[letter])
        first, second, third = (values[letter] for _, values in numerator)
        assert np.all(first != second) and np.all(second != third)


def test_the_net_keeps_its_numbers():
    layers, loss = NETS["modes"]
    d = derived(layers(), loss())
    before = d.model.state_dict()
    Points(d)
    for name, array in d.model.state_dict().items():
        assert np.array_equal(array, before[name])


def test_the_constants_of_a_normalisation_are_drawn_too():
    found = [d.model[1] for d, _ in points_of("modes").at["numerator"]]
    means, variances = (
        np.array([getattr(layer, name).data for layer in found])
        for name in ("running_mean", "running_var")
    )
    assert np.all((variances > 0.5) & (variances < 2)) and np.all(means != 0)


def test_a_point_at_which_the_loss_has_no_value_is_drawn_anew():
    points = Points(derived([Linear(2, 2)], BCELoss()))  # ŷ is within 0 and 1 by luck
    for _, values in points.at["numerator"]:
        assert np.all((values["ŷ"] > 0) & (values["ŷ"] < 1))
        assert np.isfinite(values["ℓ"])


def test_targets_of_classes_are_probabilities_and_others_are_not():
    of = [derived([Linear(2, 3)], loss) for loss in (CrossEntropyLoss(), MSELoss())]
    classes, numbers = (
        [values["y"] for _, values in Points(d).at["numerator"]] for d in of
    )
    assert np.allclose([y.sum() for y in classes], 1)
    assert not np.any(np.isclose([y.sum() for y in numbers], 1))
    assert np.all(np.array(classes) > 0)


def test_functions_of_the_net_come_with_their_slopes():
    d = derived([Linear(2, 2), LeakyReLU(0.3), Linear(2, 1), Sigmoid()], MSELoss())
    functions = Points(d).functions
    assert functions.keys() >= FUNCTIONS.keys() | {"f", "g", "leakyrelu", "sigmoid"}
    a, h = np.array([[-2.0], [0.5]]), 1e-6
    for name, layer in (("f", LeakyReLU(0.3)), ("leakyrelu", LeakyReLU(0.3)),
                        ("g", Sigmoid())):  # fmt: skip
        function, slope = functions[name]
        np.testing.assert_allclose(function(a), layer.forward(a), rtol=1e-14)
        steep = (function(a + h) - function(a - h)) / (2 * h)
        np.testing.assert_allclose(slope(a), steep, rtol=1e-8)
    several = Points(derived([Linear(2, 2), ReLU(), Linear(2, 2), ReLU(), Linear(2, 1)],
                             MSELoss())).functions  # fmt: skip
    assert {"f1", "f2", "relu"} <= several.keys() and "f" not in several


@pytest.mark.parametrize("scale", [1, 2])
def test_the_functions_in_the_formulas_of_a_reader_s_own_rule(monkeypatch, scale):
    def sin(x):
        return Apply("sin", np.sin, x if scale == 1 else scale * x)

    def slope(x, y):
        cos = Apply("cos", np.cos, x if scale == 1 else scale * x)
        return cos if scale == 1 else scale * cos

    monkeypatch.setitem(RULES, Own, Elementwise(sin, slope))
    layer = Own(lambda x: np.sin(scale * x), lambda x, y, g: g * np.cos(scale * x))
    functions = Points(
        derived([Linear(2, 2), layer, Linear(2, 1)], MSELoss())
    ).functions
    a = np.array([[-2.0], [0.5]])
    np.testing.assert_allclose(functions["own"][0](a), np.sin(scale * a))
    np.testing.assert_allclose(functions["own"][1](a), scale * np.cos(scale * a))
    np.testing.assert_allclose(functions["sin"][0](a), np.sin(a))  # of any argument
    np.testing.assert_allclose(functions["cos"][0](a), np.cos(a))
    assert functions["cos"][1] is None
    assert (functions["sin"][1] is None) is (scale == 2)


def test_what_is_drawn_or_mixes_entries_is_no_function_of_one_number():
    assert "softmax" in FUNCTIONS and "f" not in points_of("softmax").functions
    assert "g" not in points_of("softmax").functions


def test_outputs_have_the_names_that_books_give_them():
    assert points_of("relu").aliases == {
        "a1": "z₂", "h1": "z₂", "a2": "ŷ", "h2": "ŷ", "z4": "ŷ"
    }  # fmt: skip
    assert points_of("no bias").aliases == {"a1": "z₂", "h1": "z₂", "z3": "ŷ"}


def test_targets_are_the_values_of_a_cell_in_a_shape():
    points = points_of("relu")
    found = points.targets(
        lambda d: d.gradients[1].gradient, lambda d: d.gradients[1].shape.value
    )
    assert found["numerator"][0].array.shape == (1, 4)
    assert found["denominator"][0].array.shape == (4, 1)
    for one, other in zip(found["numerator"], found["denominator"], strict=True):
        np.testing.assert_allclose(one.array, other.array.T, rtol=1e-12)
        assert one.point.size == 0 and one.point.functions is points.functions
        assert one.point.aliases is points.aliases
    entries = points.targets(
        lambda d: d.jacobians[0].elements, lambda d: d.jacobians[0].shape.value, True
    )
    assert entries["numerator"][2].point.size == 4
    whole = points.targets(lambda d: d.forward[0].output)
    (_, values) = points.at["numerator"][0]
    assert np.array_equal(whole["numerator"][0].array, values["z₁"])


def test_letters_of_a_formula_are_those_that_stand_in_it():
    layers, loss = FORMULAS["relu"]
    d = derived(layers(), loss)
    assert [*letters_of(d.forward[2].output)] == ["W⁽²⁾", "W⁽¹⁾", "x", "b⁽¹⁾", "b⁽²⁾"]
    chain = ["x", "∂ℓ/∂ŷ", "∂ŷ/∂z₃", "W⁽²⁾", "∂z₂/∂z₁"]
    assert [*letters_of(d.gradients[0].gradient)] == chain


def test_each_square_jacobian_may_be_left_out_of_a_chain():
    layers, loss = FORMULAS["relu"]
    d = derived(layers(), loss)
    cell = d.gradients[0].gradient  # x · ∂ℓ/∂ŷ · ∂ŷ/∂z₃ · W⁽²⁾ · ∂z₂/∂z₁
    _, values = Points(d).at["numerator"][0]
    slips = left_out(cell, Point(values, FUNCTIONS, {}, 0))
    x, g, last, W2, slope = (
        values[a] for a in ("x", "∂ℓ/∂ŷ", "∂ŷ/∂z₃", "W⁽²⁾", "∂z₂/∂z₁")
    )
    assert [slip[:2] for slip in slips] == [
        ("slope left out", "∂ŷ/∂z₃ is left out"),
        ("slope left out", "∂z₂/∂z₁ is left out"),
    ]
    np.testing.assert_allclose(slips[0].array, x @ g @ W2 @ slope, rtol=1e-13)
    np.testing.assert_allclose(slips[1].array, x @ g @ last @ W2, rtol=1e-13)
    assert left_out(d.jacobians[-1].elements, Point(values, FUNCTIONS, {}, 0)) == []
