"""Small things of a reader's own, for many tests: layers, a loss, an optimizer.

What implements the contracts in full, and meets every tool, is in strangers.py.
"""

import numpy as np

from mlp import Layer, Linear, Loss, Optimizer, Parameter, ReLU, Sequential, Sigmoid


def small_net(rng=0, dtype=np.float64):
    """Return 3-4r-2s."""
    rng = np.random.default_rng(rng)
    return Sequential(
        Linear(3, 4, rng=rng, dtype=dtype),
        ReLU(),
        Linear(4, 2, rng=rng, dtype=dtype),
        Sigmoid(),
    )


class Averaging(Layer):
    """A layer with layers inside, and a memory of its own in a list."""

    def __init__(self):
        self.branches = [Linear(3, 3, rng=0), Sequential(Linear(3, 3, rng=1), ReLU())]
        self.seen = []

    def forward(self, x):
        self.seen.append(len(x))
        return sum(branch.forward(x) for branch in self.branches) / 2

    def backward(self, grad_output, *, needs_input_grad=True):
        half = np.asarray(grad_output) / 2
        return sum(branch.backward(half) for branch in self.branches)


class Shift(Layer):
    """y = x + s, without super().__init__()."""

    def __init__(self, s=0.0):
        self.s = Parameter([s])

    def forward(self, x):
        return np.asarray(x) + self.s.data

    def backward(self, grad_output, *, needs_input_grad=True):
        self.s.add_grad([np.sum(grad_output)])
        return grad_output


class Double(Layer):
    """y = 2 x, without any check."""

    def forward(self, x):
        return 2 * x

    def backward(self, grad_output, *, needs_input_grad=True):
        return 2 * grad_output


class Softplus(Layer):
    """y = log(1 + eˣ), without settings."""

    def forward(self, x):
        self.x = np.asarray(x)
        return np.logaddexp(0, x)

    def backward(self, grad_output):
        return grad_output / (1 + np.exp(-self.x))


class Own(Layer):
    """A layer y = f(x), whose backward is given as backward(x, y, g)."""

    def __init__(self, f, backward):
        self.f, self.gradient = f, backward

    def forward(self, x):
        self.x = np.asarray(x)
        self.y = self.f(self.x)
        return self.y

    def backward(self, grad_output):
        return self.gradient(self.x, self.y, np.asarray(grad_output))


def elementwise(f, slope):
    """Return a layer y = f(x), whose slope is given as slope(x, y)."""
    return Own(f, lambda x, y, g: g * slope(x, y))


class Absolute(Loss):
    """ℓ = Σ |ŷ − y| over the columns, its mean over the rows."""

    def forward(self, prediction, target):
        self.e = prediction - target
        return float(np.abs(self.e).sum() / len(self.e))

    def backward(self):
        return np.sign(self.e) / len(self.e)


class Signs(Optimizer):
    """θ ← θ − lr sign ∂ℓ/∂θ."""

    def update(self, parameter, gradient, state):
        parameter.data -= self.lr * np.sign(gradient)
