"""Layers, losses and optimizers of a reader's own, written from mlp.core alone.

Nothing here is a class of the library's, changed: each is what somebody writes
who has read the contracts. test_strangers.py takes them through every tool.
"""

import numpy as np

from mlp import Buffer, Layer, Loss, Optimizer, Parameter, Sequential


class MyTanh(Layer):
    """y = tanh x, whose slope is 1 − y²."""

    keeps_shape = True

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad_output):
        return grad_output * (1 - self.y**2)


class Dense(Layer):
    """y = x W + b for a row x: two parameters, W of shape (in, out)."""

    def __init__(self, n, m, rng):
        self.W = Parameter(rng.normal(0, 1 / np.sqrt(n), (n, m)))
        self.b = Parameter(rng.normal(0, 0.1, m))

    def forward(self, x):
        self.x = x
        return x @ self.W.data + self.b.data

    def backward(self, grad_output):
        self.W.add_grad(self.x.T @ grad_output)
        self.b.add_grad(grad_output.sum(axis=0))
        return grad_output @ self.W.data.T


class MyDropout(Layer):
    """y = x ⊙ m / (1 − p), each mᵢ 0 with probability p; y = x in evaluation."""

    def __init__(self, p, rng):
        self.p, self.rng = p, rng

    def forward(self, x):
        self.scale = np.ones_like(x)
        if self.training:
            self.scale = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.scale

    def backward(self, grad_output):
        return grad_output * self.scale


class MyBatchNorm(Layer):
    """y = g (x − μ) / √(v + ε), by the batch's μ and v; in evaluation by running ones.

    With x̂ = y / g, s = 1 / √(v + ε) and ĝ = g ∂ℓ/∂y, ∂ℓ/∂x = s (ĝ − mean ĝ −
    x̂ mean(ĝ x̂)), the means over the rows; in evaluation s ĝ.
    """

    least_rows = 2

    def __init__(self, n):
        self.g = Parameter(np.ones(n))
        self.mean, self.var = Buffer(np.zeros(n)), Buffer(np.ones(n))

    def forward(self, x):
        mean, var = self.mean.data, self.var.data
        if self.training:
            mean, var = x.mean(axis=0), x.var(axis=0)
            self.mean.data[...] = 0.9 * self.mean.data + 0.1 * mean
            self.var.data[...] = 0.9 * self.var.data + 0.1 * var
        self.s = 1 / np.sqrt(var + 1e-5)
        self.x_hat = (x - mean) * self.s
        self.is_of_a_batch = self.training
        return self.g.data * self.x_hat

    def backward(self, grad_output):
        self.g.add_grad((grad_output * self.x_hat).sum(axis=0))
        g = grad_output * self.g.data
        if self.is_of_a_batch:
            g = g - g.mean(axis=0) - self.x_hat * (g * self.x_hat).mean(axis=0)
        return g * self.s


class Residual(Sequential):
    """y = x + f(x), where f is the layers inside: ∂y/∂x = 1 + ∂f/∂x."""

    def forward(self, x):
        return x + super().forward(x)

    def backward(self, grad_output):
        return grad_output + super().backward(grad_output)


class Halves(Sequential):
    """The layers given, in two Sequentials inside one."""

    def __init__(self, *layers):
        half = len(layers) // 2
        super().__init__(Sequential(*layers[:half]), Sequential(*layers[half:]))


class SoftmaxCrossEntropy(Loss):
    """ℓ = −mean over the rows of log pᵧ, p = softmax(z), y the row's label."""

    takes_labels = True

    def forward(self, prediction, target):
        z = prediction - prediction.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.p, self.rows = np.exp(log_p), (np.arange(len(z)), target)
        return float(-log_p[self.rows].mean())

    def backward(self):
        grad = self.p.copy()
        grad[self.rows] -= 1
        return grad / len(grad)


class LogCosh(Loss):
    """ℓ = Σ log cosh(ŷ − y) over the columns, its mean over the rows."""

    def forward(self, prediction, target):
        if prediction.shape != target.shape:
            raise ValueError(f"LogCosh: {prediction.shape} and {target.shape} differ")
        self.e = prediction - target
        return float(np.log(np.cosh(self.e)).sum() / len(self.e))

    def backward(self):
        return np.tanh(self.e) / len(self.e)


class MyAdam(Optimizer):
    """θ ← θ − lr m̂ / (√v̂ + ε), m and v the means of ∂ℓ/∂θ and of its square."""

    def __init__(self, parameters, lr=0.01, betas=(0.9, 0.99)):
        super().__init__(parameters, lr)
        self.betas = betas

    def update(self, parameter, gradient, state):
        b1, b2 = self.betas
        t = state["t"] = state.get("t", 0) + 1
        state["m"] = b1 * state.get("m", 0) + (1 - b1) * gradient
        state["v"] = b2 * state.get("v", 0) + (1 - b2) * gradient**2
        m, v = state["m"] / (1 - b1**t), state["v"] / (1 - b2**t)
        parameter.data -= self.lr * m / (np.sqrt(v) + 1e-8)


class Descent:
    """θ ← θ − lr ∂ℓ/∂θ, by a class that is no Optimizer."""

    def __init__(self, parameters, lr=0.05):
        self.parameters, self.lr = list(parameters), lr

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None

    def step(self):
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad
