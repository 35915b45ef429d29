"""Nets and batches to diagnose."""

import math

import numpy as np

from mlp import Layer, Linear, ReLU, Sequential


def net(widths, activation=ReLU, dtype=np.float64):
    """Return Linear layers of these widths, an activation after all but the last."""
    rng, layers = np.random.default_rng(0), []
    for n, m in zip(widths, widths[1:], strict=False):
        layers += [Linear(n, m, rng=rng, dtype=dtype), activation()]
    return Sequential(*layers[:-1])


def he(model):
    """Return the model with He's initial weights and biases of 0."""
    rng = np.random.default_rng(0)
    for layer in model:
        if isinstance(layer, Linear):
            bound = math.sqrt(6 / layer.in_features)
            shape = layer.weight.data.shape
            layer.weight.data[...] = rng.uniform(-bound, bound, shape)
            layer.bias.data[...] = 0
    return model


def batch(rows=32, inputs=8, outputs=4):
    rng = np.random.default_rng(1)
    return rng.normal(size=(rows, inputs)), rng.uniform(size=(rows, outputs))


def only_finding(d):
    """Return the one finding of a diagnosis."""
    assert len(d.findings) == 1, d.findings
    assert not d.ok
    return d.findings[0]


def by_hand():
    model = Sequential(Linear(1, 2, bias=False), ReLU(), Linear(2, 1, bias=False))
    model[0].weight.data[...] = [[1], [-1]]
    model[2].weight.data[...] = [[2, 5]]
    return model, [[1.0], [3.0]], [[1.0], [2.0]]


class Flat(Layer):
    def forward(self, x):
        return x.reshape(len(x), -1)

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output[:, :, np.newaxis]
