"""Pictures show the numbers that the net gives, and change nothing else."""

import copy
import doctest
import subprocess
import sys

import numpy as np
import pytest

import mlp
from mlp import (
    Adam,
    BatchNorm1d,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    History,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    fit,
)
from mlp.datasets import make_moons, make_spirals

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from mlp.plotting import (
    activations,
    decision_boundary,
    loss_surface,
    network,
    weights,
)
from mlp.plotting.axes import COLOURS, MARKERS
from mlp.plotting.surface import directions, projected

MOONS, SPIRALS = make_moons(60, rng=0), make_spirals(60, rng=0)
LABELS = SPIRALS.y.argmax(axis=1)


def net(*widths, last=None):
    rng = np.random.default_rng(0)
    layers = []
    for n, m in zip(widths, widths[1:], strict=False):
        layers += [Linear(n, m, rng=rng), ReLU()]
    return Sequential(*layers[:-1], *([last] if last else []))


def trained(model, criterion, data, **options):
    optimizer = Adam(model.parameters(), lr=0.05)
    return fit(model, criterion, optimizer, data.x, data.y, epochs=5, rng=0, **options)


def state_of(model):
    return {
        "state": {k: v.copy() for k, v in model.state_dict().items()},
        "modes": [layer.training for layer in model.modules()],
        "generators": [g.bit_generator.state for _, g in model.named_generators()],
        "grads": [copy.copy(p.grad) for p in model.parameters()],
    }


def busy():
    """Return a net that draws, keeps statistics, and has gradients."""
    rng = np.random.default_rng(0)
    model = Sequential(
        Linear(2, 5, rng=rng), BatchNorm1d(5), ReLU(), Dropout(0.5, rng=1), Linear(5, 3)
    )
    trained(model, CrossEntropyLoss(), SPIRALS)
    return model


DRAW = {
    "decision_boundary": lambda m, **o: decision_boundary(m, SPIRALS.x, LABELS, **o),
    "loss_surface": lambda m, **o: loss_surface(
        *(m, CrossEntropyLoss(), SPIRALS.x, SPIRALS.y), points=3, **o
    ),
    "weights": lambda m, **o: weights(m[0], (1, 2), **o),
    "network": lambda m, **o: network(
        *(m, SPIRALS.x[0], SPIRALS.y[0], CrossEntropyLoss()), **o
    ),
}


@pytest.mark.parametrize("name", [*DRAW, "activations"])
def test_the_example_of_the_docstring_runs(name):
    text = getattr(mlp.plotting, name).__doc__
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert any(doctest.SKIP in line.options for line in example.examples)
    for line in example.examples:
        line.options.pop(doctest.SKIP, None)  # where there may be no matplotlib
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("name", DRAW)
def test_it_draws_on_the_axes_given_and_leaves_the_net_alone(name):
    model = busy()
    before = state_of(model)
    ax = Figure().subplots()
    assert DRAW[name](model, ax=ax) is ax
    assert ax.has_data()
    np.testing.assert_equal(state_of(model), before)


@pytest.mark.parametrize("name", DRAW)
def test_without_axes_it_makes_some_that_a_notebook_shows(name):
    ax = DRAW[name](busy())
    assert ax._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(TypeError, match=f"{name}: expected ax to be matplotlib Axes"):
        DRAW[name](busy(), ax="here")


def test_activations_take_and_return_several():
    model = busy()
    before = state_of(model)
    grid = activations(model, SPIRALS.x, SPIRALS.y, CrossEntropyLoss())
    assert grid.shape == (2, 5)
    assert grid._repr_png_().startswith(b"\x89PNG")
    np.testing.assert_equal(state_of(model), before)
    given = Figure().subplots(2, 5)
    assert activations(model, SPIRALS.x, ax=given)[1, 2] is given[1, 2]
    with pytest.raises(ValueError, match="expected ax to be 2 × 5 Axes, got 4"):
        activations(model, SPIRALS.x, ax=given[:, :2])


def test_no_pyplot_no_display_and_no_setting_is_touched():
    code = (
        "import sys, matplotlib, numpy as np\n"
        "def settings():  # to ask for the backend would choose one\n"
        "    rc = matplotlib.rcParams\n"
        "    return {key: rc[key] for key in rc if key != 'backend'}\n"
        "before = settings()\n"
        "from mlp import Linear, MSELoss\n"
        "from mlp import plotting as p\n"
        "m, x = Linear(2, 1, rng=0), np.eye(2)\n"
        "p.decision_boundary(m, x, [0, 1]); p.weights(m, (1, 2)); p.network(m)\n"
        "p.activations(m, x); p.loss_surface(m, MSELoss(), x, x[:, :1], points=3)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert settings() == before\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# ---------------------------------------------------------------- decision boundary


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
    ax = decision_boundary(net(2, 4, 3), SPIRALS.x, words)
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


# --------------------------------------------------------------------- loss surface


def test_the_surface_is_the_loss_of_moved_parameters():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 2.0
    ax = loss_surface(model, MSELoss(), [[1.0]], [[5.0]], points=3, span=1.0)
    contours = ax.collections[0]
    # δ, η are ±2, so the weight is 2 ± 2a ± 2b, from −2 to 6 in steps of 2
    assert contours.zmax == pytest.approx((-2 - 5) ** 2)
    assert contours.zmin == pytest.approx((4 - 5) ** 2)


def test_directions_have_the_norms_of_the_rows():
    model = net(3, 5, 2)
    rng = np.random.default_rng(0)
    for d, p in zip(
        directions(model.parameters(), rng), model.parameters(), strict=True
    ):
        if p.data.ndim == 1:
            assert not d.any()
        else:
            ours, theirs = (np.linalg.norm(a, axis=1) for a in (d, p.data))
            np.testing.assert_allclose(ours, theirs)


def test_a_path_in_the_plane_is_found_again_and_one_across_it_is_not():
    rng = np.random.default_rng(0)
    δ, η = ([rng.normal(size=(4, 3)), np.zeros(4)] for _ in range(2))
    flat = [np.concatenate([part.ravel() for part in one]) for one in (δ, η)]
    moves = np.array([[0.5, 0.25], [-1.0, 2.0]]) @ flat
    at, share = projected(moves, δ, η)
    np.testing.assert_allclose(at, [[0.5, 0.25], [-1.0, 2.0]])
    assert share == pytest.approx(1)
    across = rng.normal(size=16)
    across -= np.linalg.lstsq(np.transpose(flat), across, rcond=None)[0] @ flat
    at, share = projected(across[np.newaxis], δ, η)
    np.testing.assert_allclose(at, 0, atol=1e-12)
    assert share < 1e-12


def test_a_history_that_kept_parameters_is_a_path():
    model = net(2, 4, 1)
    history = trained(model, BCEWithLogitsLoss(), MOONS, on_epoch=History.keep)
    ax = loss_surface(
        *(model, BCEWithLogitsLoss(), MOONS.x, MOONS.y), history=history, points=3
    )
    path = next(line for line in ax.lines if line.get_label() == "path")
    assert len(path.get_xdata()) == 5
    # the last epoch's parameters are the model's
    np.testing.assert_allclose(path.get_xydata()[-1], 0, atol=1e-12)
    assert "% of the path lies in this plane" in ax.get_title()


def test_a_history_without_parameters_or_of_another_net_is_refused():
    model, criterion = net(2, 4, 1), BCEWithLogitsLoss()
    given = model, criterion, MOONS.x, MOONS.y
    with pytest.raises(ValueError, match=r"give fit on_epoch=History\.keep"):
        loss_surface(*given, history=History(loss=[1.0]))
    other = trained(net(2, 5, 1), criterion, MOONS, on_epoch=History.keep)
    with pytest.raises(ValueError, match="expected a history of this model"):
        loss_surface(*given, history=other)


# ---------------------------------------------------------- activations and weights


def test_a_histogram_holds_every_entry_of_its_layer():
    model = net(2, 6, 3)
    grid = activations(model, SPIRALS.x, SPIRALS.y, CrossEntropyLoss())
    outputs = [SPIRALS.x]
    for layer in model:
        outputs.append(layer.forward(outputs[-1]))
    criterion = CrossEntropyLoss()
    criterion.forward(outputs[-1], SPIRALS.y)
    top = criterion.backward()
    for column, out in enumerate(outputs[1:]):
        for row in range(2):
            heights = [bar.get_height() for bar in grid[row, column].patches]
            assert sum(heights) == out.size
        mean = grid[0, column].get_xlabel().split(" ±")[0]
        assert float(mean) == pytest.approx(out.mean(), rel=0.06)
    spread = float(grid[1, -1].get_xlabel().split("± ")[1])
    assert spread == pytest.approx(top.std(), rel=0.06)


def test_activations_want_target_and_loss_together():
    with pytest.raises(ValueError, match="expected y and criterion together"):
        activations(net(2, 1), MOONS.x, MOONS.y)


def test_a_units_weights_stand_in_the_shape_of_the_input():
    layer = Linear(6, 3, rng=0)
    ax = weights(layer, (2, 3))
    image = ax.get_images()[0]
    mosaic = np.ma.filled(image.get_array(), np.nan)
    tiles = [mosaic[i : i + 2, j : j + 3] for i in (0, 3) for j in (0, 4)]
    for row, tile in zip(layer.weight.data, tiles, strict=False):
        np.testing.assert_array_equal(tile, row.reshape(2, 3))
    low, high = image.get_clim()
    assert -low == high == np.abs(layer.weight.data).max()


@pytest.mark.parametrize(
    ("layer", "shape", "error", "sentence"),
    [
        (Linear(6, 3), (2, 2), ValueError, "shape of 6 entries, .* got 2 × 2 = 4"),
        (Linear(6, 3), 6, ValueError, r"expected shape to be \(height, width\), got 6"),
        (Linear(6, 3), (6, 0), ValueError, r"\(height, width\)"),
        (ReLU(), (2, 3), TypeError, "expected a layer with a weight .* got ReLU"),
        (net(6, 3, 1), (2, 3), TypeError, r"of a net take one layer, model\[0\]"),
        (BatchNorm1d(6), (2, 3), TypeError, "got BatchNorm1d"),
    ],
)
def test_weights_of_what_has_none_are_refused(layer, shape, error, sentence):
    with pytest.raises(error, match=sentence):
        weights(layer, shape)


# -------------------------------------------------------------------------- network


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
    straight = [(low, high) for (x, _), (low, high) in lines if x == 1]
    assert all(low == high for low, high in straight)


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


def test_names_are_text_for_matplotlib():
    names = ["_low", r"$\up$"]
    ax = decision_boundary(net(2, 2), MOONS.x, MOONS.y, classes=names)
    ax.figure.draw_without_rendering()
    shown = [text.get_text().strip() for text in ax.get_legend().get_texts()]
    assert shown == ["_low", r"\$\up\$"]


def test_the_surface_is_drawn_where_the_loss_is_finite():
    model = net(2, 3, 1)
    with np.errstate(all="raise"):
        ax = loss_surface(*(model, MSELoss(), MOONS.x, MOONS.y), span=1e100, points=6)
    ax.figure.draw_without_rendering()
    with pytest.raises(ValueError, match="loss_surface: expected points of at least 2"):
        loss_surface(model, MSELoss(), MOONS.x, MOONS.y, points=1)


def test_histograms_of_huge_numbers_say_mean_and_deviation():
    model = Linear(1, 1)
    model.weight.data[:], model.bias.data[:] = 1e300, 0.0
    grid = activations(model, [[1.0], [3.0]])
    assert grid[0, 0].get_xlabel() == "2e+300 ± 1e+300"
    with pytest.raises(ValueError, match="activations: expected a model with layers"):
        activations(Sequential(), [[1.0]])
