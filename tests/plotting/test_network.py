"""A net drawn: a line for each weight, and the numbers of one sample."""

import numpy as np
import pytest
from plotted import net
from small import Own

from mlp import CrossEntropyLoss, Linear, MSELoss, ReLU, Sequential, Softmax

pytest.importorskip("matplotlib")

from mlp.plotting import network
from mlp.plotting.network import ANY, NEGATIVE, POSITIVE


def numbers_of(ax):
    texts = [text.get_text().replace("−", "-") for text in ax.texts]
    return [text for text in texts if text.replace(".", "").lstrip("-")[:1].isdigit()]


def lines_of(ax):
    """Return each line from a unit to a unit as ((x, x + 1), (from, to))."""
    return [
        (tuple(line.get_xdata()), tuple(line.get_ydata()))
        for line in ax.lines
        if len(line.get_xdata()) == 2
    ]


def test_the_numbers_are_those_of_forward_and_backward():
    model = net(2, 3, 2)
    x, y, criterion = np.array([[1.0, -2.0]]), [[1.0, 0.5]], MSELoss()
    shown = numbers_of(network(model, x, y, criterion))
    outputs = [x]
    for layer in model:
        outputs.append(layer.forward(outputs[-1]))
    criterion.forward(outputs[-1], y)
    gradients = [criterion.backward()]
    for layer in reversed(list(model)):
        gradients.insert(0, layer.backward(gradients[0]))
    expected = []
    for out, gradient in zip(outputs, gradients, strict=True):
        for pair in zip(out[0], gradient[0], strict=True):
            expected += [f"{number + 0.0:.3g}" for number in pair]
    assert shown == expected


def test_each_weight_is_a_line_and_an_activation_goes_straight():
    lines = lines_of(network(net(3, 4, 2)))
    assert len(lines) == 3 * 4 + 4 + 4 * 2
    assert all(end == start + 1 for (start, end), _ in lines)
    straight = [(low, high) for (x, _), (low, high) in lines if x == 1]
    assert all(low == high for low, high in straight)


def test_a_line_shows_the_sign_and_the_size_of_its_weight():
    layer = Linear(3, 1, bias=False)
    layer.weight.data[...] = [[2.0, -1.0, 0.0]]
    for scale in (1.0, 1e3):  # the largest weight of a layer is its widest line
        layer.weight.data *= scale
        lines = [line for line in network(layer).lines if len(line.get_xdata()) == 2]
        looks = [(line.get_color(), line.get_linestyle()) for line in lines]
        assert looks == [(POSITIVE, "-"), (NEGATIVE, "--"), (NEGATIVE, "--")]
        assert POSITIVE != NEGATIVE != ANY != POSITIVE
        widths = np.array([line.get_linewidth() for line in lines])
        assert 0 < widths[2] < 1 < 2 < widths[0] < 4
        assert widths[1] == pytest.approx((widths[0] + widths[2]) / 2)
    layer.weight.data[...] = 0.0  # nothing to compare with
    assert len(lines_of(network(layer))) == 3


@pytest.mark.parametrize(
    ("f", "backward", "expected"),
    [
        (lambda x: 2 * x, lambda g: 2 * g, 3),
        (
            lambda x: np.cumsum(x, axis=1),
            lambda g: np.cumsum(g[:, ::-1], 1)[:, ::-1],
            9,
        ),
        (lambda x: x.sum(axis=1, keepdims=True), lambda g: g @ np.ones((1, 3)), 3),
    ],
    ids=["by itself", "with those before", "all together"],
)
def test_a_layer_without_a_matrix_has_the_lines_of_its_jacobian(f, backward, expected):
    layer = Own(f, lambda x, y, g: backward(g))
    lines = lines_of(network(layer, [1.0, 2.0, 3.0]))
    assert len(lines) == expected


def test_without_a_loss_the_gradient_is_that_of_the_largest_output():
    layer = Linear(2, 3, bias=False)
    layer.weight.data[...] = [[1.0, 0.0], [4.0, 5.0], [2.0, 0.0]]
    ax = network(layer, [1.0, 0.5])
    outputs = [t for t in ax.texts if getattr(t, "xyann", (0, 0))[1] > 0]
    gradients = [t for t in ax.texts if getattr(t, "xyann", (0, 0))[1] < 0]
    assert [t.get_text() for t in outputs] == ["1", "0.5", "1", "6.5", "2"]
    assert [t.get_text() for t in gradients] == ["4", "5", "0", "1", "0"]
    assert {t.get_style() for t in gradients} == {"italic"}
    assert "gradient of the largest ŷ" in ax.get_title()


def test_a_softmax_takes_all_of_its_inputs():
    lines = lines_of(network(net(3, 2, last=Softmax())))
    assert sum(x == 1 for (x, _), _ in lines) == 2 * 2


def test_a_large_layer_is_cut_short():
    ax = network(net(64, 30, 10))
    assert sum(text.get_text() == "⋮" for text in ax.texts) == 4
    assert any("64 units" in text.get_text() for text in ax.texts)


def test_a_sample_of_any_form_will_do():
    model = net(2, 3)
    one = numbers_of(network(model, [1.0, 2.0]))
    assert numbers_of(network(model, [[1.0, 2.0]])) == one
    label = network(model, [1.0, 2.0], 2, CrossEntropyLoss())
    row = network(model, [1.0, 2.0], [0.0, 0.0, 1.0], CrossEntropyLoss())
    assert numbers_of(label) == numbers_of(row)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((net(2, 1), np.ones((3, 2))), r"expected one sample x, .* got \(3, 2\)"),
        ((net(2, 1), [np.nan, 1.0]), "x"),
        ((net(2, 1), [1.0, 2.0], [1.0]), "expected y and criterion together"),
        ((net(2, 1), None, [1.0], MSELoss()), "expected x with y, got None"),
        ((Sequential(ReLU()),), "expected a layer with in_features, got none"),
    ],
)
def test_what_is_no_sample_is_refused(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        network(*given)


@pytest.mark.parametrize(
    ("width", "criterion"), [(3, CrossEntropyLoss()), (2, MSELoss()), (1, MSELoss())]
)
def test_a_target_is_one_of_any_form_too(width, criterion):
    model = net(2, width)
    target = np.array([2]) if width == 3 else np.linspace(0.5, 1, width)
    forms = [target, target[np.newaxis], target.tolist()]
    forms += [target[0]] if target.size == 1 else []
    if width == 3:
        forms.append(np.eye(3)[2])
    drawn = [
        [t.get_text() for t in network(model, [1.0, 2.0], y, criterion).texts]
        for y in forms
    ]
    assert all(texts == drawn[0] for texts in drawn)
    other = network(model, [1.0, 2.0], target * 0, criterion)
    assert [t.get_text() for t in other.texts] != drawn[0]
