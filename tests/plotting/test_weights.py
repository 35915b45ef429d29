"""The weights of each unit, in the shape of the inputs."""

import numpy as np
import pytest
from plotted import net

from mlp import BatchNorm1d, Linear, ReLU

pytest.importorskip("matplotlib")

from mlp.plotting import weights


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
