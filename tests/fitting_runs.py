"""A small run of fit, for the tests of fitting."""

import numpy as np

from mlp import SGD, Linear, MSELoss, ReLU, Sequential, fit

ROWS = 23  # with batches of 5 the last one has 3


def problem(seed=0, dtype=np.float64, **settings):
    """Return a small net, an optimizer, x and y."""
    rng = np.random.default_rng(seed)
    model = Sequential(
        Linear(3, 6, rng=rng, dtype=dtype), ReLU(), Linear(6, 2, rng=rng, dtype=dtype)
    )
    optimizer = SGD(model.parameters(), **{"lr": 0.05, "momentum": 0.9} | settings)
    x, y = rng.normal(size=(ROWS, 3)), rng.normal(size=(ROWS, 2))
    return model, optimizer, x.astype(dtype), y.astype(dtype)


def overfitting():
    """Return what learns noise by heart, and so gets worse on other noise."""
    model, optimizer, x, y = problem(lr=0.1)
    rng = np.random.default_rng(7)
    return model, optimizer, x, y, (rng.normal(size=(9, 3)), rng.normal(size=(9, 2)))


def run(model, optimizer, x, y, criterion=None, **settings):
    criterion = MSELoss() if criterion is None else criterion
    defaults = {"epochs": 3, "batch_size": 5, "rng": 1}
    return fit(model, criterion, optimizer, x, y, **defaults | settings)


def data(model):
    return [p.data.copy() for p in model.parameters()]


def same(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))
