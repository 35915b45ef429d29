"""Axes that are given are drawn on, others are made; colours that can be told apart."""

import numpy as np
import pytest

from mlp import Linear, ReLU, Sequential

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from mlp.plotting.axes import (
    COLOURS,
    MARKERS,
    as_numbers,
    axes_or_new,
    net_of,
    several_axes,
)


def test_axes_that_are_given_come_back():
    ax = Figure().subplots()
    assert axes_or_new("weights", ax) is ax
    for wrong in ("here", Figure(), [ax]):
        with pytest.raises(
            TypeError, match=rf"weights: .* Axes, got {type(wrong).__name__}; leave it"
        ):
            axes_or_new("weights", wrong)


def test_new_axes_are_of_the_size_asked_for_and_show_themselves():
    ax = axes_or_new("weights", None, 3, 2)
    assert ax.figure.get_size_inches().tolist() == [3, 2]
    assert ax._repr_png_()[:4] == b"\x89PNG"
    assert axes_or_new("weights", None).figure is not ax.figure
    with pytest.raises(TypeError, match="expected ax to be matplotlib Axes"):
        axes_or_new("weights", ax.figure)  # which has add_axes, and no plot


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (2, 1), (1, 1)])
def test_several_axes_are_a_grid(rows, columns):
    grid = several_axes("activations", None, rows, columns)
    assert grid.shape == (rows, columns)
    assert len({id(ax) for ax in grid.flat}) == rows * columns
    width, height = grid[0, 0].figure.get_size_inches()
    assert width > 2 * columns and height > 2 * rows  # so that each can be read
    assert grid._repr_png_()[:4] == b"\x89PNG"


def test_several_axes_are_taken_row_by_row_in_any_form():
    given = Figure().subplots(2, 3)
    for form in (given, given.ravel(), given.ravel().tolist(), given.tolist()):
        assert (several_axes("activations", form, 2, 3) == given).all()
    sentence = r"expected ax to be 2 × 3 Axes, got 2; figure.subplots\(2, 3\) makes"
    with pytest.raises(ValueError, match=sentence):
        several_axes("activations", given[:, 0], 2, 3)
    given[1, 2] = "here"
    with pytest.raises(TypeError, match="activations: expected ax to be matplotlib Ax"):
        several_axes("activations", given, 2, 3)


def test_a_layer_alone_is_a_net_of_one():
    net, layer = Sequential(ReLU()), Linear(2, 3)
    assert net_of("network", net) is net
    assert list(net_of("network", layer)) == [layer]
    with pytest.raises(TypeError, match="^network: expected model to be .*Layer"):
        net_of("network", [layer])


def luminance(colours):
    """Return the relative luminance of colours in sRGB, as WCAG 2.1 defines it."""
    linear = np.where(
        colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


def test_each_class_has_a_colour_and_a_marker_that_no_other_has():
    assert len(COLOURS) == len(set(MARKERS)) == len(MARKERS) == 10
    colours = as_numbers(COLOURS)
    assert colours.shape == (10, 3)
    apart = np.linalg.norm(colours[:, np.newaxis] - colours, axis=-1)
    assert apart[~np.eye(10, dtype=bool)].min() > 0.15
    assert luminance(colours).max() < 0.7  # so that it is seen on white
    np.testing.assert_array_equal(as_numbers(["#ff0080"]), [[1, 0, 128 / 255]])
