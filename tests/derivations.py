"""Nets of every kind of layer, and the texts of a table or a trace."""

import re
from functools import partial

import library
import numpy as np
from reading import FUNCTIONS, read

from mlp import (
    BCELoss,
    Identity,
    Linear,
    ReLU,
    Sequential,
)
from mlp.derivation import Apply
from mlp.derivation.expressions import Expr

LAYERS = [name for name in library.LAYERS if name != "Linear"]
LOSSES = [kind for kind in library.LOSSES if kind is not BCELoss]  # which take any ŷ
OPTIMIZERS = [
    partial(kind, lr=0.1, **arguments)
    for kind in library.OPTIMIZERS
    for arguments in ({}, library.settings(kind))
]


def net(f=ReLU, g=Identity, n=3, h=4, k=2, **options):
    rng = np.random.default_rng(0)
    return Sequential(
        Linear(n, h, rng=rng, **options), f(), Linear(h, k, rng=rng, **options), g()
    )


def deep(depth, width=2, activation=ReLU):
    rng = np.random.default_rng(0)
    layers = []
    for _ in range(depth):
        layers += [Linear(width, width, rng=rng), activation()]
    return Sequential(*layers)


def made(rng, widths, names, training=True):
    """Return a Linear before each of these layers, and one with 3 outputs above."""
    layers = []
    for n, m, name in zip(widths, widths[1:], names, strict=False):
        layers += [Linear(n, m, rng=rng), library.layer(name, m, rng=rng)]
    model = Sequential(*layers, Linear(widths[-1], 3, rng=rng))
    for p in model.parameters():
        p.data += rng.normal(size=p.data.shape)
    model.forward(rng.normal(size=(7, widths[0])))  # running means that are not 0
    return model.train(training)


def call(name):
    """Return a function of an expression, or of an array."""

    def function(x):
        if isinstance(x, Expr):
            return Apply(name, FUNCTIONS[name], x)
        with np.errstate(over="ignore"):
            return FUNCTIONS[name](x)

    return function


def texts(rows):
    return [tuple(str(cell) for cell in row) for row in rows]


def printed_lines(t):
    """Return each equation of a printed trace, its wrapped lines joined."""
    text = re.sub(r"\n {9,}", " ", str(t))
    return [line.strip() for line in text.splitlines() if line.startswith("   ")]


def assert_reads_back(t):
    """Return how many formulas a trace has, each of them read and worked out."""
    count = 0
    for line in printed_lines(t):
        if "numbers, mean" in line or line.endswith("← None"):
            continue
        _, *sides = line.split(" = ")
        claimed = read(sides[-1])
        for side in sides[:-1]:
            found = read(side)
            assert abs(found - claimed) <= 2e-7 * abs(claimed) + 1e-15, line
            count += 1
    return count
