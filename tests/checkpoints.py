"""Nets that are saved and loaded, for the tests of checkpoints."""

import numpy as np
import pytest

from mlp import (
    SGD,
    CheckpointError,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    load,
    train_step,
)
from mlp.fitting import archive as _archive


def net(seed=0, *, widths=(2, 3, 1), dtype=np.float64, **settings):
    """Return a net and its optimizer, after two steps."""
    rng = np.random.default_rng(seed)
    n, h, k = widths
    model = Sequential(
        Linear(n, h, rng=rng, dtype=dtype), ReLU(), Linear(h, k, rng=rng, dtype=dtype)
    )
    optimizer = SGD(model.parameters(), lr=0.1, **{"momentum": 0.9} | settings)
    steps(model, optimizer, rng, 2)
    return model, optimizer


def steps(model, optimizer, rng, n):
    for _ in range(n):
        x = rng.normal(size=(4, model[0].in_features))
        y = rng.normal(size=(4, model[-1].out_features))
        train_step(model, MSELoss(), optimizer, x, y)


def bits(model, optimizer=None):
    """Return all that a load might change, down to the last bit."""
    state = dict(model.state_dict())
    if optimizer is not None:
        state |= {f"optimizer.{k}": v for k, v in optimizer.state_dict().items()}
    return {
        name: (np.asarray(value).tobytes(), np.asarray(value).dtype)
        for name, value in state.items()
    }


def refused(path, model, optimizer=None, match=None):
    """Assert that a file is refused in one sentence, and changes nothing."""
    before, raw = bits(model, optimizer), path.read_bytes()
    with pytest.raises(CheckpointError, match=match) as caught:
        load(path, model, optimizer)
    assert str(caught.value).startswith("load: expected ")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert bits(model, optimizer) == before
    assert path.read_bytes() == raw


def arrays_of(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def forged(path, **changes):
    """Write a file of save's form anew with these members put in or, None, left out."""
    arrays = arrays_of(path) | {k.replace("__", "."): v for k, v in changes.items()}
    with open(path, "wb") as file:
        _archive.write(file, {k: v for k, v in arrays.items() if v is not None})
