"""Small nets and the texts of a table, for the tests of derivation."""

import numpy as np

from mlp import Identity, Linear, ReLU, Sequential


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


def texts(rows):
    return [tuple(str(cell) for cell in row) for row in rows]
