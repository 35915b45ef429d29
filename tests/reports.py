"""What the tests of gradient checks share: batches, and what a report says."""

import numpy as np

from mlp import Linear


def batch(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def verdicts(report):
    return {row.name: row.verdict for row in report.rows}


def right_but(report, **wrong):
    """Assert that these gradients are wrong in this way, and no others."""
    expected = {name: wrong.get(name, "right") for name in verdicts(report)}
    assert verdicts(report) == expected
    assert set(wrong) <= set(expected)
    assert report.ok == all(v.startswith("right") for v in wrong.values())
    return report


def linear(backward, n=3, m=4, **more):
    """Return a Linear whose backward is given, as f(x, W, g) -> dW, db, dx."""

    class Wrong(Linear):
        def backward(self, grad_output, *, needs_input_grad=True):
            dw, db, dx = backward(self._x, self.weight.data, grad_output)
            self.weight.add_grad(dw)
            self.bias.add_grad(db)
            return dx

    return Wrong(n, m, rng=0, **more)


class Broken(Linear):
    """A Linear of which one thing is wrong at a time."""

    def __init__(self, fault):
        super().__init__(3, 4, rng=0)
        self.fault, self.total = fault, 0

    def forward(self, x):
        y = super().forward(x)
        if self.fault == "random":
            y = y * np.random.default_rng().random()
        if self.fault == "x":
            x *= 2
        return None if self.fault == "returns" else y

    def backward(self, grad_output, *, needs_input_grad=True):
        x, w, g = self._x, self.weight.data, grad_output
        if self.fault == "missing":
            return g @ w
        if self.fault == "asked" and not needs_input_grad:
            return None
        if self.fault == "twice":
            self.total = self.total + g.sum(0)
            self.bias.grad = self.total
        elif self.fault == "replaced":
            self.bias.grad = g.sum(0)
        else:
            self.bias.add_grad(g.sum(0))
        self.weight.add_grad(g.T @ x)
        dx = g @ (w.T if self.fault == "product" else w)
        if self.fault == "grad_output":
            g *= 2
        return dx
