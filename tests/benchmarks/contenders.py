"""The same training step in eight ways, each in a process of its own.

A newcomer should learn what a step is worth by seeing it done otherwise: as
the matrix products alone, as the script that one writes in an afternoon, and
by the libraries that are known for their speed. All begin with the same
weights and take the same steps, and `first_losses` lets that be checked.

Each hands over the loss of each step as a Python float, as train_step does; and
each has its data where it likes to have them, before the clock runs.

Started by turns.py, one process for one contender on one net:

    python tests/benchmarks/contenders.py mlp 30-64-1 float32

It answers each line on its standard input, "step" or "epoch", with the seconds
that one of them took.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

LR = 0.01
DTYPES = ("float64", "float32")
CHECKED_STEPS = 3  # whose losses are compared between contenders
CHUNK, CHUNKS = 0.01, 3  # seconds timed at a time, and how often in a turn


class Net(NamedTuple):
    """A net with ReLUs between its layers, and what it is trained on."""

    widths: tuple[int, ...]
    batch_size: int
    batches: int  # in an epoch

    def __str__(self) -> str:
        """Return its widths, as 30-64-1."""
        return "-".join(map(str, self.widths))


NETS = (
    Net((2, 16, 1), 32, 32),
    Net((30, 64, 1), 32, 32),
    Net((64, 128, 10), 64, 32),
    Net((784, 128, 10), 64, 32),
    Net((64, 64, 64, 64, 64, 64, 64, 10), 64, 32),
    Net((784, 512, 512, 10), 128, 16),
    Net((1024, 4096, 1024), 256, 4),
)


class Contender(ABC):
    """One way to train a net with squared error, its mean, and plain SGD.

    weights are W⁽¹⁾, b⁽¹⁾, W⁽²⁾, … with W of shape (out, in), x and y the
    rows of an epoch; a step is on the first batch of them.
    """

    def __init__(self, net: Net, weights: list[Any], x: Any, y: Any) -> None:
        self.net, self.batch_size = net, net.batch_size
        self.x, self.y = x, y
        self.x_batch, self.y_batch = x[: net.batch_size], y[: net.batch_size]
        self.rng = np.random.default_rng(1)
        self.make(weights)

    @abstractmethod
    def make(self, weights: list[Any]) -> None:
        """Build the net of these weights, which are the contender's own."""

    @abstractmethod
    def step(self) -> float:
        """Take a step on the first batch; return the loss before it."""

    def shuffled(self) -> Iterator[Any]:
        """Yield the row numbers of each batch, in an order drawn anew."""
        order = self.rng.permutation(len(self.x))
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]

    @abstractmethod
    def epoch(self) -> None:
        """Take a step on each batch, the rows shuffled anew."""

    def wait(self) -> None:  # noqa: B027  # nothing to wait for, unless it says so
        """Return when all that was begun is done."""


class Floor(Contender):
    """The matrix products of a step and nothing else, into ready buffers."""

    def make(self, weights: list[Any]) -> None:
        """Lay out a buffer for each product."""
        self.w = weights[::2]
        widths, dtype = self.net.widths, weights[0].dtype
        random = self.rng.normal(size=(self.batch_size, max(widths)))
        self.h = [
            np.ascontiguousarray(random[:, :width], dtype=dtype) for width in widths
        ]
        self.h[0] = self.x_batch
        self.g = [h.copy() for h in self.h]
        self.grads = [np.empty_like(w) for w in self.w]

    def step(self) -> float:
        """Run the 3 L − 1 products of L layers; there is no loss."""
        h, g, w = self.h, self.g, self.w
        for i in range(len(w)):
            np.matmul(h[i], w[i].T, out=h[i + 1])
        for i in range(len(w) - 1, -1, -1):
            np.matmul(g[i + 1].T, h[i], out=self.grads[i])
            if i:
                np.matmul(g[i + 1], w[i], out=g[i])
        return 0.0

    def epoch(self) -> None:
        """Run them for each batch; the rows are not shuffled."""
        for _ in range(self.net.batches):
            self.step()


class ByHand(Contender):
    """What one writes in plain NumPy, without a check."""

    def make(self, weights: list[Any]) -> None:
        """Keep the weights."""
        self.w, self.b = weights[::2], weights[1::2]

    def train(self, x: Any, y: Any) -> float:
        """Take one step."""
        w, b = self.w, self.b
        h = [x]
        for i in range(len(w) - 1):
            h.append(np.maximum(h[i] @ w[i].T + b[i], 0))
        prediction = h[-1] @ w[-1].T + b[-1]
        difference = prediction - y
        loss = float((difference**2).mean())
        g = 2 / difference.size * difference
        for i in range(len(w) - 1, -1, -1):
            grad_w, grad_b = g.T @ h[i], g.sum(axis=0)
            if i:
                g = (g @ w[i]) * (h[i] > 0)
            w[i] -= LR * grad_w
            b[i] -= LR * grad_b
        return loss

    def step(self) -> float:
        """Take a step on the first batch."""
        return self.train(self.x_batch, self.y_batch)

    def epoch(self) -> None:
        """Take a step on each batch."""
        for rows in self.shuffled():
            self.train(self.x[rows], self.y[rows])


def mlp_net(weights: list[Any]) -> Any:
    """Return mlp's net of these weights and biases, with ReLU between its layers."""
    import mlp

    layers: list[Any] = []
    for w in weights[::2]:
        layers += [mlp.Linear(w.shape[1], w.shape[0], dtype=w.dtype), mlp.ReLU()]
    net = mlp.Sequential(*layers[:-1])
    for p, w in zip(net.parameters(), weights, strict=True):
        p.data[...] = w
    return net


def torch_net(weights: list[Any]) -> Any:
    """Return PyTorch's net of these weights and biases, with ReLU between layers."""
    import torch

    layers: list[Any] = []
    for w in weights[::2]:
        dtype = torch.tensor(w).dtype
        layers += [torch.nn.Linear(*w.shape[::-1], dtype=dtype), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for p, w in zip(net.parameters(), weights, strict=True):
            p.copy_(torch.tensor(w))
    return net


class Mlp(Contender):
    """The library itself."""

    def make(self, weights: list[Any]) -> None:
        """Build the net."""
        import mlp

        self.model = mlp_net(weights)
        self.criterion = mlp.MSELoss()
        self.optimizer = mlp.SGD(self.model.parameters(), lr=LR)
        self.train_step, self.minibatches = mlp.train_step, mlp.minibatches

    def step(self) -> float:
        """Take a step on the first batch."""
        return self.train_step(
            self.model, self.criterion, self.optimizer, self.x_batch, self.y_batch
        )

    def epoch(self) -> None:
        """Take a step on each batch."""
        for x, y in self.minibatches(self.x, self.y, self.batch_size, rng=self.rng):
            self.train_step(self.model, self.criterion, self.optimizer, x, y)


class PyTorch(Contender):
    """PyTorch, eager."""

    def make(self, weights: list[Any]) -> None:
        """Build the net."""
        import torch

        self.model = torch_net(weights)
        self.criterion = torch.nn.MSELoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LR)
        self.x, self.y, self.x_batch, self.y_batch = map(
            torch.tensor, (self.x, self.y, self.x_batch, self.y_batch)
        )
        self.permutation = torch.randperm
        self.loss, self.update = self.forward, self.optimizer.step

    def forward(self, x: Any, y: Any) -> Any:
        """Return the loss."""
        return self.criterion(self.model(x), y)

    def train(self, x: Any, y: Any) -> float:
        """Take one step."""
        loss = self.loss(x, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.update()
        return loss.item()

    def step(self) -> float:
        """Take a step on the first batch."""
        return self.train(self.x_batch, self.y_batch)

    def shuffled(self) -> Iterator[Any]:
        """Yield the row numbers of each batch; faster than a DataLoader."""
        return iter(self.permutation(len(self.x)).split(self.batch_size))

    def epoch(self) -> None:
        """Take a step on each batch."""
        for rows in self.shuffled():
            self.train(self.x[rows], self.y[rows])


class Compiled(PyTorch):
    """PyTorch, forward, backward and step under torch.compile."""

    def make(self, weights: list[Any]) -> None:
        """Build the net, and compile it."""
        import torch

        super().make(weights)
        self.loss = torch.compile(self.forward)
        self.update = torch.compile(self.optimizer.step)


class Jax(Contender):
    """JAX, the whole step under jit, the weights' memory given to it."""

    def make(self, weights: list[Any]) -> None:
        """Compile the step."""
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", weights[0].dtype == np.float64)

        def loss(parameters: Any, x: Any, y: Any) -> Any:
            *hidden, (w, b) = parameters
            for w_, b_ in hidden:
                x = jnp.maximum(x @ w_.T + b_, 0)
            return jnp.mean((x @ w.T + b - y) ** 2)

        def train(parameters: Any, x: Any, y: Any) -> Any:
            value, grads = jax.value_and_grad(loss)(parameters, x, y)
            return jax.tree.map(lambda p, g: p - LR * g, parameters, grads), value

        def train_rows(parameters: Any, x: Any, y: Any, rows: Any) -> Any:
            return train(parameters, x[rows], y[rows])

        self.train = jax.jit(train, donate_argnums=0)
        self.train_rows = jax.jit(train_rows, donate_argnums=0)
        arrays = [jnp.asarray(w) for w in weights]
        self.parameters = list(zip(arrays[::2], arrays[1::2], strict=True))
        self.x, self.y, self.x_batch, self.y_batch = map(
            jnp.asarray, (self.x, self.y, self.x_batch, self.y_batch)
        )
        self.ready = jax.block_until_ready

    def step(self) -> float:
        """Take a step on the first batch."""
        self.parameters, loss = self.train(self.parameters, self.x_batch, self.y_batch)
        return self.read(loss)

    def epoch(self) -> None:
        """Take a step on each batch, whose rows are gathered under jit."""
        for rows in self.shuffled():
            self.parameters, loss = self.train_rows(
                self.parameters, self.x, self.y, rows
            )
            self.read(loss)

    def read(self, loss: Any) -> Any:
        """Return the loss as a float, for which the step has to be done."""
        return float(loss)


class JaxUnread(Jax):
    """JAX, where nobody reads a loss: a step is begun before the last is done."""

    def read(self, loss: Any) -> Any:
        """Return the loss as it is, on its way."""
        return loss

    def wait(self) -> None:
        """Return when all steps are done."""
        self.ready(self.parameters)


class ScikitLearn(Contender):
    """scikit-learn's MLPRegressor, by partial_fit.

    Its gradient is that of half the squared error, summed over the outputs
    and averaged over the rows; lr makes up for both.
    """

    def make(self, weights: list[Any]) -> None:
        """Build the net, and let it see the rows once."""
        from sklearn.neural_network import MLPRegressor

        outputs = self.net.widths[-1]
        if outputs == 1:
            self.y, self.y_batch = self.y.ravel(), self.y_batch.ravel()
        self.model = MLPRegressor(
            hidden_layer_sizes=self.net.widths[1:-1],
            solver="sgd",
            alpha=0.0,
            momentum=0.0,
            nesterovs_momentum=False,
            batch_size=self.batch_size,
            learning_rate_init=2 * LR / outputs,
            random_state=0,
        )
        self.model.partial_fit(self.x_batch, self.y_batch)
        for own, w in zip(self.model.coefs_, weights[::2], strict=True):
            own[...] = w.T
        for own, b in zip(self.model.intercepts_, weights[1::2], strict=True):
            own[...] = b

    def step(self) -> float:
        """Take a step on the first batch; its loss is half of ours."""
        self.model.partial_fit(self.x_batch, self.y_batch)
        return float(2 * self.model.loss_)

    def epoch(self) -> None:
        """Take a step on each batch; it shuffles the rows itself."""
        self.model.partial_fit(self.x, self.y)


CONTENDERS: dict[str, type[Contender]] = {
    "mlp": Mlp,
    "floor": Floor,
    "by hand": ByHand,
    "PyTorch": PyTorch,
    "torch.compile": Compiled,
    "JAX": Jax,
    "JAX, loss unread": JaxUnread,
    "scikit-learn": ScikitLearn,
}


def start(net: Net, dtype: str, rng: np.random.Generator) -> list[Any]:
    """Return W⁽¹⁾, b⁽¹⁾, W⁽²⁾, … to begin with, as Linear draws them."""
    weights: list[Any] = []
    for n, m in zip(net.widths, net.widths[1:], strict=False):
        bound = 1 / np.sqrt(n)
        weights.append(rng.uniform(-bound, bound, (m, n)).astype(dtype))
        weights.append(rng.uniform(-bound, bound, m).astype(dtype))
    return weights


def made(name: str, net: Net, dtype: str) -> Contender:
    """Return a contender, with the same weights and rows for all."""
    rng = np.random.default_rng(0)
    weights = start(net, dtype, rng)
    rows = net.batch_size * net.batches
    x = rng.normal(size=(rows, net.widths[0])).astype(dtype)
    y = rng.normal(size=(rows, net.widths[-1])).astype(dtype)
    return CONTENDERS[name](net, weights, x, y)


def first_losses(contender: Contender) -> list[float]:
    """Return the losses of the first steps, which all but the floor share."""
    return [float(contender.step()) for _ in range(CHECKED_STEPS)]


class Stopwatch:
    """Times a function by chunks of so many calls that the clock does not matter."""

    def __init__(self, run: Callable[[], Any], wait: Callable[[], None]) -> None:
        self.run, self.wait, self.calls = run, wait, 1
        while self.chunk() < CHUNK / 2 and self.calls < 2**20:  # a warm-up as well
            self.calls *= 2

    def chunk(self) -> float:
        """Return the seconds of a chunk."""
        run = self.run
        begun = time.perf_counter()
        for _ in range(self.calls):
            run()
        self.wait()
        return time.perf_counter() - begun

    def turn(self) -> float:
        """Return the seconds of a call: the median of a few chunks after one."""
        chunks = CHUNKS if self.chunk() < 3 * CHUNK else 1  # a long one is enough
        return statistics.median(self.chunk() for _ in range(chunks)) / self.calls


def answer(
    contender: Contender, before_timing: Callable[[], None] = lambda: None
) -> None:
    """Say a contender's first losses, then answer each line of standard input."""
    print(json.dumps(first_losses(contender)), flush=True)
    before_timing()
    watches = {
        what: Stopwatch(run, contender.wait)
        for what, run in (("step", contender.step), ("epoch", contender.epoch))
    }
    print("ready", flush=True)
    for line in sys.stdin:
        print(watches[line.strip()].turn(), flush=True)


def main() -> None:
    """Make the contender that the command line names, and let it answer."""
    name, net_name, dtype = sys.argv[1:]
    (net,) = (n for n in NETS if str(n) == net_name)
    answer(made(name, net, dtype))


if __name__ == "__main__":
    main()
