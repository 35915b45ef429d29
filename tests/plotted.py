"""Nets and points in the plane, for the tests of pictures."""

import copy

import numpy as np

from mlp import (
    Adam,
    BatchNorm1d,
    CrossEntropyLoss,
    Dropout,
    Linear,
    ReLU,
    Sequential,
    fit,
)
from mlp.datasets import make_moons, make_spirals

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
