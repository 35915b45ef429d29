"""What a net answers in the plane: shades, a line between classes, the points."""

import numpy as np
import pytest
from plotted import LABELS, MOONS, SPIRALS, net, trained
from small import Own

from mlp import BCEWithLogitsLoss, Linear, MSELoss, ReLU, Sequential, Sigmoid, Softmax

pytest.importorskip("matplotlib")

from mlp.plotting import decision_boundary
from mlp.plotting.axes import COLOURS, MARKERS
from mlp.plotting.boundary import probabilities


def shades(ax):
    image = ax.get_images()[0]
    left, right, bottom, top = image.get_extent()
    array = np.asarray(image.get_array())
    n = len(array)
    return np.linspace(left, right, n), np.linspace(bottom, top, n), array


@pytest.mark.parametrize("last", [None, Softmax()])
def test_a_shade_mixes_the_colours_by_the_probabilities(last):
    from matplotlib.colors import to_rgb

    model = net(2, 8, 3, last=last)
    ax = decision_boundary(model, SPIRALS.x, SPIRALS.y, points=7)
    across, up, array = shades(ax)
    out = model.predict([[across[2], up[5]]])[0]
    p = np.exp(out) / np.exp(out).sum() if last is None else out
    mixed = sum(
        share * np.array(to_rgb(c)) for share, c in zip(p, COLOURS, strict=False)
    )
    np.testing.assert_allclose(array[5, 2], 1 - 0.75 * (1 - mixed), rtol=1e-9)


@pytest.mark.parametrize(("last", "middle"), [(None, 0.0), (Sigmoid(), 0.5)])
def test_the_line_runs_where_the_two_classes_are_equal(last, middle):
    model = net(2, 8, 1, last=last)
    trained(model, MSELoss() if last else BCEWithLogitsLoss(), MOONS)
    ax = decision_boundary(model, MOONS.x, MOONS.y, points=120)
    lines = [c for c in ax.collections if type(c).__name__ == "QuadContourSet"]
    (line,) = lines
    points = np.vstack([path.vertices for path in line.get_paths()])
    assert len(points) > 20
    np.testing.assert_allclose(model.predict(points), middle, atol=0.02)


def test_classes_have_a_marker_and_a_colour_each():
    assert len(set(COLOURS)) == len(set(MARKERS)) == len(MARKERS) == 10
    ax = decision_boundary(net(2, 4, 3), SPIRALS.x, LABELS, classes=["a", "b", "c"])
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["a", "b", "c"]
    clouds = [c for c in ax.collections if type(c).__name__ == "PathCollection"]
    shapes = {tuple(c.get_paths()[0].vertices.ravel()) for c in clouds}
    colours = {tuple(c.get_facecolor()[0]) for c in clouds}
    assert len(shapes) == len(colours) == 3
    for this, cloud in enumerate(clouds):
        np.testing.assert_array_equal(cloud.get_offsets(), SPIRALS.x[LABELS == this])


def test_text_labels_name_the_classes():
    words = np.array(["ant", "bee", "cow"])[LABELS]
    for y in (words, words.tolist(), words[:, np.newaxis]):
        ax = decision_boundary(net(2, 4, 3), SPIRALS.x, y, points=2)
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert texts == ["ant", "bee", "cow"]


def test_a_model_that_gives_one_answer_everywhere_has_no_line():
    model = net(2, 4, 1)
    for p in model.parameters():
        p.data[...] = 0
    ax = decision_boundary(model, MOONS.x, MOONS.y, points=5)
    _, _, array = shades(ax)
    assert np.ptp(array.reshape(-1, 3), axis=0).max() == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": np.ones((60, 3))}, r"expected x of shape \(N, 2\), .* got \(60, 3\)"),
        ({"x": np.ones((0, 2))}, r"got \(0, 2\)"),
        ({"x": np.full((60, 2), np.nan)}, "expected .*x.* finite|NaN"),
        ({"y": LABELS + 1}, "expected y to be a class from 0 to 2 .* from 1 to 3"),
        ({"y": LABELS[:5]}, "for each of the 60 rows of x, .* got 5"),
        ({"classes": ["a"]}, "expected 3 classes, one for each output, got 1"),
        ({"model": net(2, 4, 11)}, "expected at most 10 classes, .* got 11"),
        ({"points": 0}, "points"),
    ],
)
def test_wrong_input_is_a_sentence(change, sentence):
    given = {"model": net(2, 4, 3), "x": SPIRALS.x, "y": LABELS} | change
    with pytest.raises(ValueError, match=sentence):
        decision_boundary(**given)


def test_names_are_text_for_matplotlib():
    names = ["_low", r"$\up$"]
    ax = decision_boundary(net(2, 2), MOONS.x, MOONS.y, classes=names)
    ax.figure.draw_without_rendering()
    shown = [text.get_text().strip() for text in ax.get_legend().get_texts()]
    assert shown == ["_low", r"\$\up\$"]


def test_the_picture_reaches_a_tenth_beyond_the_points():
    x = [[0.0, -10.0], [2.0, 10.0], [1.0, 5.0]]
    ax = decision_boundary(net(2, 2), x, [0, 1, 0], points=2)
    np.testing.assert_allclose([ax.get_xlim(), ax.get_ylim()], [[-0.2, 2.2], [-12, 12]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x₁", "x₂")
    ax = decision_boundary(net(2, 2), [[3.0, 3.0]], [1], points=2)  # no extent at all
    np.testing.assert_allclose([ax.get_xlim(), ax.get_ylim()], [[2.9, 3.1]] * 2)


# ----------------------------------------------------------------- probabilities


def giving(outputs, *layers):
    """Return a net whose Linear gives these outputs for any x, and more layers."""
    linear = Linear(2, len(outputs))
    linear.weight.data[...], linear.bias.data[...] = 0.0, outputs
    return Sequential(linear, *layers)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (giving([0.5]), [1 / (1 + np.exp(0.5)), 1 / (1 + np.exp(-0.5))]),  # logits
        (giving([1000.0, 0.0, 1000.0]), [0.5, 0.0, 0.5]),
        (giving([0.25, 0.25]), [0.5, 0.5]),
        (giving([0.0], Sigmoid()), [0.5, 0.5]),  # a probability, not a logit of 0.5
        (giving([0.0, np.log(3)], Softmax()), [0.25, 0.75]),
        (giving([0.0, np.log(3)], Sigmoid()), [0.4, 0.6]),  # of 0.5 and 0.75
        (giving([-1.0, -2.0], ReLU()), [0.5, 0.5]),  # of 0 and 0: nothing is known
        (giving([0.0, np.log(9)], ReLU()), [0.1, 0.9]),  # log 9 is no probability
    ],
)
def test_outputs_are_logits_or_probabilities(model, expected):
    p = probabilities(model, np.ones((4, 2)))
    np.testing.assert_allclose(p, [expected] * 4, rtol=1e-12)


def test_a_model_that_gives_no_rows_is_refused():
    model = Sequential(Own(lambda x: x[:, 0], lambda x, y, g: g))
    with pytest.raises(ValueError, match=r"expected a model that gives rows, got .*4"):
        probabilities(model, np.ones((4, 2)))
