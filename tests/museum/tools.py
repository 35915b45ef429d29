"""What every exhibit may use; docs/bug_museum.md opens with it."""

import textwrap
import warnings

import numpy as np

from mlp import SGD, Layer, Linear, MSELoss, Parameter, Sequential, Sigmoid

x = np.random.default_rng(0).normal(size=(5, 3))  # a batch to try things on
y = np.random.default_rng(1).normal(size=(5, 2))


class Dense(Layer):
    """y = x Wᵀ + b; an exhibit writes the backward."""

    def __init__(self, n=3, m=4):
        rng = np.random.default_rng(0)
        self.weight = Parameter(rng.normal(size=(m, n)))
        self.bias = Parameter(rng.normal(size=m))

    def forward(self, x):
        self.x = x
        return x @ self.weight.data.T + self.bias.data


class Scaled(Layer):
    """y = γ x̂ + β, a batch normalisation in training."""

    def __init__(self):
        self.weight, self.bias = Parameter([1.0, 2.0, 3.0]), Parameter(np.zeros(3))

    def forward(self, x):
        self.s = 1 / np.sqrt(x.var(axis=0) + 1e-5)
        self.x_hat = (x - x.mean(axis=0)) * self.s
        return self.weight.data * self.x_hat + self.bias.data

    def backward(self, grad_output, *, needs_input_grad=True):
        self.weight.add_grad((grad_output * self.x_hat).sum(axis=0))
        self.bias.add_grad(grad_output.sum(axis=0))
        g = self.weight.data * grad_output
        along = self.x_hat * (g * self.x_hat).mean(axis=0)
        return self.s * (g - g.mean(axis=0) - along)


class Optimizer:
    """What steps parameters; an exhibit writes the step."""

    def __init__(self, parameters, lr, momentum=0.0):
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.velocity = [np.zeros_like(p.data) for p in parameters]

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None


class Moments(Optimizer):
    """What Adam keeps, for each parameter; an exhibit writes the step."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.t = 0
        self.m = [np.zeros_like(p.data) for p in parameters]
        self.v = [np.zeros_like(p.data) for p in parameters]


def ready():
    """Return all that a training loop needs."""
    rng = np.random.default_rng(0)
    model = Sequential(Linear(3, 4, rng=rng), Sigmoid(), Linear(4, 2, rng=rng))
    return model, MSELoss(), SGD(model.parameters(), lr=0.1), x, y


def wrong_in(report):
    """Print what is wrong in a report of gradients, without table and figures."""
    for row in report.rows:
        if not row.ok and row.sentence:
            sentence = row.sentence.partition("; the worst:")[0]
            show(f"{row.name}: {row.verdict}; {sentence}")
    for fault in report.faults:
        show(fault)


def said(run, *given):
    """Print the error that run raises, or the first warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            run(*given)
        except Exception as error:
            show(f"{type(error).__name__}: {error}")
    for warning in caught[:1]:
        show(f"{warning.category.__name__}: {warning.message}")


def walk(kind):
    """Print where an optimizer goes from 1 along a gradient of 1."""
    p, way = Parameter([1.0]), []
    optimizer = kind([p], lr=0.1, momentum=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        p.add_grad([1.0])
        optimizer.step()
        way.append(f"{p.data[0]:.4f}")
    show(f"{kind.__name__}: 1 → {' → '.join(way)}")


def first_steps(kind, *gradients):
    """Print how far an optimizer moves 1 along each gradient, in units of lr."""
    parameters = [Parameter([1.0]) for _ in gradients]
    optimizer = kind(parameters, lr=0.1)
    for p, gradient in zip(parameters, gradients, strict=True):
        p.grad = [gradient]
    optimizer.step()
    steps = ", ".join(f"{(1 - p.data[0]) / 0.1:.2f} lr" for p in parameters)
    show(f"{kind.__name__}'s first step: {steps}")


def show(text):
    """Print a text in lines of 88 columns."""
    print(textwrap.fill(text, 88))
