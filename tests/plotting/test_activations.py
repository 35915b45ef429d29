"""Histograms of what each layer passes on, and back."""

import numpy as np
import pytest
from plotted import MOONS, SPIRALS, busy, net, state_of

from mlp import CrossEntropyLoss, Linear, Sequential

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from mlp.plotting import activations
from mlp.plotting.activations import passed


def test_each_column_bears_the_name_of_its_layer():
    grid = activations(net(2, 3, 1), MOONS.x)
    titles = [ax.get_title() for ax in grid[0]]
    assert titles == ["layer 0 (Linear)", "layer 1 (ReLU)", "layer 2 (Linear)"]
    assert [ax.get_ylabel() for ax in grid[:, 0]] == ["output", "gradient"]


def test_without_a_loss_the_gradient_at_the_top_is_normal():
    model = net(2, 3)
    top = np.random.default_rng(0).standard_normal((len(MOONS.x), 3))
    names, outputs, gradients = passed(
        model, MOONS.x, None, None, lambda out: np.full(out.shape, 2.0)
    )
    assert (names, len(outputs)) == (["layer 0 (Linear)"], 2)
    np.testing.assert_array_equal(gradients[1], np.full((len(MOONS.x), 3), 2.0))
    np.testing.assert_allclose(gradients[0], gradients[1] @ model[0].weight.data)
    shown = activations(model, MOONS.x)[1, 0].get_xlabel()
    assert shown == f"{top.mean():.2g} ± {top.std():.2g}"


def test_a_gradient_has_the_dtype_of_the_output_that_it_is_by():
    model = Sequential(Linear(2, 2, rng=0, dtype=np.float32))
    x = MOONS.x.astype(np.float32)
    *_, gradients = passed(model, x, None, None, lambda out: np.ones(out.shape))
    assert [g.dtype for g in gradients] == [np.float32] * 2


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


def test_histograms_of_huge_numbers_say_mean_and_deviation():
    model = Linear(1, 1)
    model.weight.data[:], model.bias.data[:] = 1e300, 0.0
    grid = activations(model, [[1.0], [3.0]])
    assert grid[0, 0].get_xlabel() == "2e+300 ± 1e+300"
    assert activations(model, [[0.0], [2.0]])[0, 0].get_xlabel() == "1e+300 ± 1e+300"
    model.weight.data[:] = np.inf
    assert activations(model, [[1.0]])[0, 0].get_xlabel() == "nothing finite"
    model.weight.data[:] = 0.0
    assert activations(model, [[1.0]])[0, 0].get_xlabel() == "0 ± 0"
    small = Linear(1, 1, bias=False, dtype=np.float32)
    small.weight.data[:] = 3e38  # the range of a histogram is beyond that of float32
    drawn = activations(small, np.array([[1.0], [-1.0]], np.float32))[0, 0]
    assert drawn.get_xlabel() == "0 ± 3e+38"
    with pytest.raises(ValueError, match="activations: expected a model with layers"):
        activations(Sequential(), [[1.0]])
