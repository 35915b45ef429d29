"""Numbers that can be done on paper, the same for good."""

import numpy as np
import pytest
from homework import NETS, gradients, made

from mlp import ReLU, Sigmoid, Softmax, Tanh


def is_small(array):
    return bool(np.all(2 * array == np.round(2 * array)) and np.all(abs(array) <= 4))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_numbers_are_small_and_none_is_degenerate(name, seed):
    sheet = made(name, seed=seed, questions="numbers")
    for array in (sheet.x, sheet.y, *sheet.model.state_dict().values()):
        assert is_small(array)
    assert np.all(sheet.x != 0)
    z = sheet.x
    for layer in sheet.model:
        z = layer.forward(z)
        if isinstance(layer, ReLU):
            assert np.all(np.any(z > 0, axis=0)) and np.all(np.any(z > 0, axis=1))
            assert np.any(z == 0) or name == "deep"
        if isinstance(layer, Sigmoid):
            assert np.all(z * (1 - z) > 0.04)
        if isinstance(layer, Tanh):
            assert np.all(1 - z**2 > 0.04)
        if isinstance(layer, Softmax):
            assert np.all((z > 0) & (z < 0.98))
    assert all(np.all(g != 0) for g in gradients(sheet).values())


def test_the_same_seed_gives_the_same_sheet_for_good():
    sheet = made("homework", seed=7)
    assert sheet.version == 1  # with another version, these numbers may be others
    assert sheet.x.tolist() == X7
    assert sheet.model[0].weight.data.tolist() == W7
    assert str(sheet) == str(made("homework", seed=7))
    assert not np.array_equal(sheet.x, made("homework", seed=8).x)


X7 = [[-1.0, -2.0, -2.0], [1.5, -1.0, 0.5]]


W7 = [[-2.0, -1.5, 1.5], [-1.5, -0.5, 2.0], [-1.5, 0.5, -1.0], [1.0, 1.0, 1.5]]
