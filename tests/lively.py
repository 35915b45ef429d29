"""A net that draws and counts, and each optimizer, for the tests of fitting."""

from functools import partial

import library
import numpy as np

from mlp import (
    BatchNorm1d,
    Buffer,
    Dropout,
    Layer,
    Linear,
    MSELoss,
    Optimizer,
    ReLU,
    Sequential,
    fit,
)


class Own(Optimizer):
    """Keeps an array, a number, a vector of another shape, and a text."""

    def __init__(self, parameters, lr, keep=0.5, rule="signs"):
        super().__init__(parameters, lr)
        self.keep, self.rule, self.seen = keep, rule, 0

    def update(self, parameter, gradient, state):
        self.seen += 1
        state["n"] = state.get("n", 0) + 1
        mean = self.keep * state.get("mean", gradient) + gradient
        state["mean"] = mean
        state["last"] = np.array([state["n"], mean.sum(), 3.0])
        parameter.data -= self.lr / state["n"] * (mean + 0.001 * state["last"][1])


class Noise(Layer):
    """Draws in training, counts its rows, keeps a running minimum from inf on."""

    def __init__(self, rng):
        self.inside = [rng]
        self.rows, self.least = Buffer(0), Buffer(np.inf)

    def forward(self, x):
        if not self.training:
            return x
        self.rows.data += len(x)
        np.minimum(self.least.data, x.min(), out=self.least.data)
        return x + 0.01 * self.inside[0].normal(size=x.shape)

    def backward(self, grad_output):
        return grad_output


MAKERS = {
    kind.__name__: partial(kind, lr=0.02, **library.settings(kind))
    for kind in library.OPTIMIZERS
} | {"own": lambda p: Own(p, lr=0.02)}


def net(seed=0, maker="Adam", k=2):
    """Return a net that draws and counts, two layers from one generator."""
    rng, shared = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    model = Sequential(
        Linear(3, 8, rng=rng),
        BatchNorm1d(8),
        ReLU(),
        Dropout(0.4, rng=shared),
        Sequential(Linear(8, 6, rng=rng), Dropout(0.2, rng=shared)),
        Noise(np.random.default_rng(seed + 2)),
        Linear(6, k, rng=rng),
    )
    return model, MAKERS[maker](model.parameters())


def rows(n=31, k=2, seed=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.normal(size=(n, k))


def draws(model):
    return [g.bit_generator.state for _, g in model.named_generators()]


def same(one, other):
    """Return whether two nets with optimizers are the same to the last bit."""
    (a, s), (b, t) = one, other
    states = [m.state_dict() | o.state_dict() for m, o in ((a, s), (b, t))]
    arrays = [{k: np.asarray(v).tobytes() for k, v in d.items()} for d in states]
    return arrays[0] == arrays[1] and draws(a) == draws(b)


def run(pair, criterion=None, k=2, **settings):
    model, optimizer = pair
    settings = {"epochs": 4, "batch_size": 8, "rng": 3} | settings
    return fit(model, criterion or MSELoss(), optimizer, *rows(k=k), **settings)
