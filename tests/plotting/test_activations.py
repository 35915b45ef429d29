"""Histograms of what each layer passes on, and back."""

import numpy as np
import pytest
from plotted import MOONS, SPIRALS, busy, net, state_of

from mlp import CrossEntropyLoss, Linear, Sequential

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from mlp.plotting import activations


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
    with pytest.raises(ValueError, match="activations: expected a model with layers"):
        activations(Sequential(), [[1.0]])
