"""Nets, rows and odd losses, for processes that train together."""

import numpy as np
from processes import run

from mlp import SGD, Adam, Linear, MSELoss, Sequential, Tanh

RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(23, 3)), RNG.normal(size=(23, 2)), RNG.uniform(size=23)
HELD = RNG.normal(size=(9, 3)), RNG.normal(size=(9, 2))
OPTIMIZERS = {
    "momentum": lambda parameters: SGD(parameters, lr=0.005, momentum=0.9),
    "adam": lambda parameters: Adam(parameters, lr=0.01),
}


def net(seed=0, dtype=np.float64, *between):
    rng = np.random.default_rng(seed)
    first = Linear(3, 5, rng=rng, dtype=dtype)
    return Sequential(first, Tanh(), *between, Linear(5, 2, rng=rng, dtype=dtype))


def far(model, other):
    """Return the largest relative difference of two nets' parameters."""
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    return max(np.abs(p.data / q.data - 1).max() for p, q in pairs)


def every(results):
    """Return the results of all processes; raise what one has raised."""
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def refused(job, kind, match, size=2):
    for error in run(size, job):
        assert isinstance(error, kind), error
        assert match in str(error)


class Odd(MSELoss):
    """A loss that does something in one process, once."""

    def __init__(self, does, at):
        super().__init__()
        self.does, self.left = does, at

    def forward(self, prediction, target, weight=None):
        self.left -= 1
        loss = super().forward(prediction, target, weight)
        return self.does(loss) if self.left == 0 else loss


def raising(error):
    def does(loss):
        raise error

    return does
