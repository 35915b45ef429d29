"""A step with one piece of the second half of the course, in three ways.

784-256-128-10 and 64-128-10 with cross-entropy and Adam, and the same net with
one thing different: an activation, a dropout or a normalisation behind each
hidden layer, another loss, another optimizer. By the library, by hand and by
PyTorch; all begin with the same weights. Started by turns.py as contenders.py is:

    python tests/benchmarks/pieces.py mlp "64-128-10, Dropout" float32
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from contenders import Contender, Net, answer, start

LR, DROPPED, SLOPE, EPS = 1e-3, 0.5, 0.01, 1e-5
ACTIVATIONS = ("Tanh", "LeakyReLU", "Softmax")
NORMS = ("BatchNorm1d", "LayerNorm")
OPTIMIZERS = ("Adam", "AdamW", "RMSprop")
PIECES = (*OPTIMIZERS, "BCEWithLogitsLoss", *ACTIVATIONS, "Dropout", *NORMS)
Backward = Callable[[Any], Any]  # from ∂ℓ/∂y to ∂ℓ/∂x


class Task(NamedTuple):
    """A net, and what of it is not cross-entropy, Adam and a ReLU."""

    net: Net
    piece: str

    def __str__(self) -> str:
        """Return both, as 64-128-10, Dropout."""
        return f"{self.net}, {self.piece}"

    def of(self, kinds: tuple[str, ...], otherwise: str) -> str:
        """Return the piece if it is one of these, else what is usual."""
        return self.piece if self.piece in kinds else otherwise


TASKS = tuple(
    Task(net, piece)
    for net in (Net((64, 128, 10), 64, 32), Net((784, 256, 128, 10), 64, 32))
    for piece in PIECES
)


class Piece(Contender):
    """A contender whose dropping of entries can be turned off.

    Masks are drawn in each library's own way, so the losses of the first steps
    are compared without them.
    """

    def __init__(self, task: Task, weights: list[Any], x: Any, y: Any) -> None:
        self.task = task
        super().__init__(task.net, weights, x, y)

    model: Any

    def drop(self, mode: bool) -> None:
        """Let entries be dropped, or not."""
        for layer in self.model:
            if type(layer).__name__ == "Dropout":
                layer.train(mode)

    def epoch(self) -> None:
        """Take as many steps as an epoch has."""
        for _ in range(self.net.batches):
            self.step()


class ByHand(Piece):
    """What one writes in plain NumPy, without a check."""

    def make(self, weights: list[Any]) -> None:
        """Keep the parameters, γ and β behind them, and the moments."""
        self.w, self.b = weights[::2], weights[1::2]
        self.dtype = weights[0].dtype
        hidden = self.b[:-1] if self.task.piece in NORMS else []
        self.γ = [np.ones_like(b) for b in hidden]
        self.β = [np.zeros_like(b) for b in hidden]
        self.parameters = [*self.w, *self.b, *self.γ, *self.β]
        self.m = [np.zeros_like(p) for p in self.parameters]
        self.v = [np.zeros_like(p) for p in self.parameters]
        self.running = [[np.zeros_like(b), np.ones_like(b)] for b in hidden]
        self.t, self.dropping = 0, True

    def drop(self, mode: bool) -> None:
        """Let entries be dropped, or not."""
        self.dropping = mode

    def activate(self, h: Any) -> tuple[Any, Backward]:
        """Return the activation of h, and its backward."""
        match self.task.piece:
            case "Tanh":
                y = np.tanh(h)
                return y, lambda g: g * (1 - y * y)
            case "LeakyReLU":
                slope = np.where(h > 0, 1, SLOPE).astype(self.dtype)
                return h * slope, lambda g: g * slope
            case "Softmax":
                e = np.exp(h - h.max(axis=1, keepdims=True))
                p = e / e.sum(axis=1, keepdims=True)
                return p, lambda g: p * (g - (g * p).sum(axis=1, keepdims=True))
            case _:
                return np.maximum(h, 0), lambda g: g * (h > 0)

    def normalize(self, i: int, h: Any, grads: dict[int, Any]) -> tuple[Any, Backward]:
        """Return γ x̂ + β, and its backward, which leaves their gradients."""
        by_column = self.task.piece == "BatchNorm1d"
        axis = 0 if by_column else 1
        γ, n = self.γ[i], h.shape[axis]
        mean = h.mean(axis=axis, keepdims=True)
        c = h - mean
        var = (c * c).mean(axis=axis, keepdims=True)
        s = 1 / np.sqrt(var + EPS)
        x_hat = s * c
        if by_column:
            running_mean, running_var = self.running[i]
            running_mean += 0.1 * (mean[0] - running_mean)
            running_var += 0.1 * (var[0] * n / (n - 1) - running_var)

        def backward(g: Any) -> Any:
            grads[id(γ)], grads[id(self.β[i])] = (g * x_hat).sum(axis=0), g.sum(axis=0)
            if by_column:
                return γ * s * (g - (grads[id(self.β[i])] + x_hat * grads[id(γ)]) / n)
            g = γ * g
            along = (g * x_hat).mean(axis=1, keepdims=True)
            return s * (g - g.mean(axis=1, keepdims=True) - x_hat * along)

        return γ * x_hat + self.β[i], backward

    def measure(self, z: Any) -> tuple[float, Any]:
        """Return the loss, and its gradient by z."""
        y = self.y_batch
        if self.task.piece == "BCEWithLogitsLoss":
            loss = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
            return float(loss.mean()), (1 / (1 + np.exp(-z)) - y) / z.size
        rows = np.arange(len(z))
        s = z - z.max(axis=1, keepdims=True)
        e = np.exp(s)
        total = e.sum(axis=1, keepdims=True)
        g = e / total
        g[rows, y] -= 1
        g /= len(z)
        return float((np.log(total)[:, 0] - s[rows, y]).mean()), g

    def update(self, p: Any, g: Any, m: Any, v: Any) -> None:
        """Step one parameter."""
        if self.task.piece == "RMSprop":
            v *= 0.99
            v += 0.01 * g * g
            p -= LR * g / (np.sqrt(v) + 1e-8)
            return
        if self.task.piece == "AdamW":
            p *= 1 - LR * 0.01
        m *= 0.9
        m += 0.1 * g
        v *= 0.999
        v += 0.001 * g * g
        m_hat, v_hat = m / (1 - 0.9**self.t), v / (1 - 0.999**self.t)
        p -= LR * m_hat / (np.sqrt(v_hat) + 1e-8)

    def step(self) -> float:
        """Take a step on the first batch."""
        grads: dict[int, Any] = {}
        h, back, inputs = self.x_batch, [], []
        for i, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            inputs.append(h)
            h = h @ w.T + b
            if i == len(self.w) - 1:
                break
            backwards = []
            if self.γ:
                h, backward = self.normalize(i, h, grads)
                backwards.append(backward)
            h, backward = self.activate(h)
            backwards.append(backward)
            if self.task.piece == "Dropout" and self.dropping:
                kept = self.rng.random(h.shape) < 1 - DROPPED
                mask = kept.astype(self.dtype) / (1 - DROPPED)
                h = h * mask
                backwards.append(lambda g, mask=mask: g * mask)
            back.append(backwards)
        loss, g = self.measure(h)
        for i in range(len(self.w) - 1, -1, -1):
            grads[id(self.w[i])] = g.T @ inputs[i]
            grads[id(self.b[i])] = g.sum(axis=0)
            if i:
                g = g @ self.w[i]
                for backward in reversed(back[i - 1]):
                    g = backward(g)
        self.t += 1
        for p, m, v in zip(self.parameters, self.m, self.v, strict=True):
            self.update(p, grads[id(p)], m, v)
        return loss


def net_of(library: Any, task: Task, dtype: Any) -> Any:
    """Return the net; mlp and torch.nn have the same names and arguments."""
    activation = task.of(ACTIVATIONS, "ReLU")
    no_axis = activation == "Softmax" and library.__name__ == "torch.nn"
    options = {"dim": -1} if no_axis else {}  # mlp's is over the last
    layers = []
    n, *hidden, k = task.net.widths
    for m in hidden:
        layers.append(library.Linear(n, m, dtype=dtype))
        if task.piece in NORMS:
            layers.append(getattr(library, task.piece)(m, dtype=dtype))
        layers.append(getattr(library, activation)(**options))
        if task.piece == "Dropout":
            layers.append(library.Dropout(DROPPED))
        n = m
    return library.Sequential(*layers, library.Linear(n, k, dtype=dtype))


class Mlp(Piece):
    """The library itself."""

    def make(self, weights: list[Any]) -> None:
        """Build the net."""
        import mlp

        self.model = net_of(mlp, self.task, weights[0].dtype)
        linear = [layer for layer in self.model if isinstance(layer, mlp.Linear)]
        for layer, w, b in zip(linear, weights[::2], weights[1::2], strict=True):
            layer.weight.data[...], layer.bias.data[...] = w, b
        loss = self.task.of(("BCEWithLogitsLoss",), "CrossEntropyLoss")
        self.criterion = getattr(mlp, loss)()
        optimizer = getattr(mlp, self.task.of(OPTIMIZERS, "Adam"))
        self.optimizer = optimizer(self.model.parameters(), lr=LR)
        self.train_step = mlp.train_step

    def step(self) -> float:
        """Take a step on the first batch."""
        return self.train_step(
            self.model, self.criterion, self.optimizer, self.x_batch, self.y_batch
        )


class PyTorch(Piece):
    """PyTorch, eager."""

    def make(self, weights: list[Any]) -> None:
        """Build the net."""
        import torch

        dtype = torch.tensor(weights[0]).dtype
        self.model = net_of(torch.nn, self.task, dtype)
        linear = [layer for layer in self.model if isinstance(layer, torch.nn.Linear)]
        with torch.no_grad():
            for layer, w, b in zip(linear, weights[::2], weights[1::2], strict=True):
                layer.weight.copy_(torch.tensor(w))
                layer.bias.copy_(torch.tensor(b))
        loss = self.task.of(("BCEWithLogitsLoss",), "CrossEntropyLoss")
        self.criterion = getattr(torch.nn, loss)()
        optimizer = getattr(torch.optim, self.task.of(OPTIMIZERS, "Adam"))
        self.optimizer = optimizer(self.model.parameters(), lr=LR)
        self.x_batch, self.y_batch = map(torch.tensor, (self.x_batch, self.y_batch))

    def step(self) -> float:
        """Take a step on the first batch."""
        loss = self.criterion(self.model(self.x_batch), self.y_batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.item())


CONTENDERS: dict[str, type[Piece]] = {"mlp": Mlp, "by hand": ByHand, "PyTorch": PyTorch}


def made(name: str, task: Task, dtype: str) -> Piece:
    """Return a contender, with the same weights and batch for all, not dropping."""
    rng, net = np.random.default_rng(0), task.net
    weights = start(net, dtype, rng)
    x = rng.normal(size=(net.batch_size, net.widths[0])).astype(dtype)
    y = rng.integers(0, net.widths[-1], net.batch_size)
    if task.piece == "BCEWithLogitsLoss":
        y = rng.integers(0, 2, (net.batch_size, net.widths[-1])).astype(dtype)
    contender = CONTENDERS[name](task, weights, x, y)
    contender.drop(False)
    return contender


def main() -> None:
    """Make the contender that the command line names, and let it answer."""
    name, task_name, dtype = sys.argv[1:]
    (task,) = (t for t in TASKS if str(t) == task_name)
    contender = made(name, task, dtype)
    answer(contender, before_timing=lambda: contender.drop(True))


if __name__ == "__main__":
    main()
