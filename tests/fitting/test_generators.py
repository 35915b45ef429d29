"""The generators of layers come back, shared as they were."""

import copy

import numpy as np
import pytest
from lively import Noise, draws, net, same

from mlp import CheckpointError, Dropout, Linear, Sequential, load, save
from mlp.fitting import archive


@pytest.mark.parametrize("was_shared", [True, False])
@pytest.mark.parametrize("is_shared", [True, False])
def test_generators_are_shared_as_they_were(tmp_path, was_shared, is_shared):
    def make(shared, seed):
        rngs = [np.random.default_rng(seed + i * (not shared)) for i in range(2)]
        rngs = rngs[:1] * 2 if shared else rngs
        return Sequential(*(Dropout(0.5, rng=rng) for rng in rngs), Linear(9, 1))

    model, again, path = make(was_shared, 1), make(is_shared, 7), tmp_path / "run"
    model[0].rng.normal(size=3)
    save(path, model)
    load(path, again)
    assert (again[0].rng is again[1].rng) == was_shared
    x = np.ones((4, 9))
    for layer, other in [(0, 0), (1, 1), (0, 0)]:
        a, b = model[layer].forward(x), again[other].forward(x)
        np.testing.assert_array_equal(a, b)


def test_generators_that_cannot_be_shared_again_are_refused(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "run"
    save(path, Sequential(Noise(rng), Noise(rng)))
    model = Sequential(*(Noise(np.random.default_rng(i)) for i in (1, 2)))
    before = draws(model)
    with pytest.raises(CheckpointError, match="share their generators otherwise"):
        load(path, model)
    assert draws(model) == before


@pytest.mark.parametrize(
    "text",
    [b"{}", b"[]", b"1", b'{"3.rng": "no"}', b'{"3.rng": 0}', b"\xff", b"[" * 9000],
)
def test_a_text_of_generators_that_save_does_not_write_is_refused(tmp_path, text):
    path, pair = tmp_path / "run", net()
    save(path, *pair)
    with np.load(path) as file:
        arrays = dict(file) | {"generators": np.array(text)}
    with open(path, "wb") as file:
        archive.write(file, arrays)
    before = copy.deepcopy(pair)
    with pytest.raises(CheckpointError, match="generators|draw from"):
        load(path, *pair)
    assert same(pair, before)
