"""Fashion-MNIST until 0.88 of the pictures held out are told right, in four libraries.

    .venv/bin/python tests/benchmarks/bench_all.py --data DIR fashion

Section "fashion" of the page that bench_all.py writes. A newcomer should learn what
the microseconds of a step come to: the same net, the same weights to begin with, the
same rows, batch and rate, each library in a process of its own, on one thread. Not
the test set, but 10,000 pictures of the training set are held out. DIR has the four
files of Debian's package dataset-fashion-mnist.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from contenders import Net, mlp_net, start, torch_net
from turns import ONE, PACKAGES, is_there, ratio, table

FOLDER: Path | None = None  # of the data, as bench_all.py is told
NET = Net((784, 256, 128, 10), 128, 390)
LR, TARGET, MOST_EPOCHS, SEEDS = 1e-3, 0.88, 12, 2
BETAS, EPS = (0.9, 0.999), 1e-8
Run = list[tuple[float, float]]  # of each epoch, the seconds up to it and its share


class Learner(ABC):
    """A net with ReLUs in one library, its cross-entropy and its Adam."""

    @abstractmethod
    def __init__(self, weights: list[Any], x: Any, labels: Any) -> None:
        """Build the net of these weights: W⁽¹⁾, b⁽¹⁾, W⁽²⁾, … with W of (out, in)."""

    @abstractmethod
    def epoch(self, orders: np.ndarray) -> None:
        """Take a step on each batch, the rows in this order."""

    @abstractmethod
    def classes(self, x: Any) -> Any:
        """Return the class that each row is taken for."""


class Mlp(Learner):
    """The library itself."""

    def __init__(self, weights: list[Any], x: Any, labels: Any) -> None:
        import mlp

        self.model = mlp_net(weights)
        self.criterion = mlp.CrossEntropyLoss()
        self.optimizer = mlp.Adam(self.model.parameters(), lr=LR)
        self.train_step, self.x, self.labels = mlp.train_step, x, labels

    def epoch(self, orders: np.ndarray) -> None:
        """Take a step on each batch."""
        for rows in orders:
            self.train_step(
                self.model,
                self.criterion,
                self.optimizer,
                self.x[rows],
                self.labels[rows],
            )

    def classes(self, x: Any) -> Any:
        """Return the class with the largest logit."""
        return self.model.predict(x).argmax(axis=1)


class PyTorch(Learner):
    """PyTorch, eager."""

    def __init__(self, weights: list[Any], x: Any, labels: Any) -> None:
        import torch

        self.model = torch_net(weights)
        self.criterion = torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LR)
        self.tensor, self.no_grad = torch.tensor, torch.no_grad
        self.x, self.labels = torch.tensor(x), torch.tensor(labels)

    def epoch(self, orders: np.ndarray) -> None:
        """Take a step on each batch."""
        for rows in self.tensor(orders):
            loss = self.criterion(self.model(self.x[rows]), self.labels[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()

    def classes(self, x: Any) -> Any:
        """Return the class with the largest logit."""
        with self.no_grad():
            return self.model(self.tensor(x)).argmax(dim=1).numpy()


class Jax(Learner):
    """JAX, the whole step under jit, Adam written out."""

    def __init__(self, weights: list[Any], x: Any, labels: Any) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_platforms", "cpu")
        tree_map, (beta1, beta2) = jax.tree.map, BETAS

        def forward(parameters: Any, x: Any) -> Any:
            *hidden, (w, b) = parameters
            for w_, b_ in hidden:
                x = jnp.maximum(x @ w_.T + b_, 0)
            return x @ w.T + b

        def loss(parameters: Any, x: Any, labels: Any) -> Any:
            log_p = jax.nn.log_softmax(forward(parameters, x))
            return -jnp.take_along_axis(log_p, labels[:, None], axis=1).mean()

        def train(state: Any, x: Any, labels: Any, rows: Any) -> Any:
            θ, m, v, t = state
            value, g = jax.value_and_grad(loss)(θ, x[rows], labels[rows])
            t = t + 1
            m = tree_map(lambda m, g: beta1 * m + (1 - beta1) * g, m, g)
            v = tree_map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)
            θ = tree_map(
                lambda θ, m, v: (
                    θ - LR * (m / (1 - beta1**t)) / (jnp.sqrt(v / (1 - beta2**t)) + EPS)
                ),
                θ,
                m,
                v,
            )
            return (θ, m, v, t), value

        self.train, self.forward = jax.jit(train, donate_argnums=0), jax.jit(forward)
        arrays = [jnp.asarray(w) for w in weights]
        θ = list(zip(arrays[::2], arrays[1::2], strict=True))
        zeros = [tree_map(jnp.zeros_like, θ) for _ in range(2)]
        self.state = (θ, *zeros, jnp.float32(0))
        self.x, self.labels = jnp.asarray(x), jnp.asarray(labels)

    def epoch(self, orders: np.ndarray) -> None:
        """Take a step on each batch, whose rows are gathered under jit."""
        for rows in orders:
            self.state, loss = self.train(self.state, self.x, self.labels, rows)
            float(loss)

    def classes(self, x: Any) -> Any:
        """Return the class with the largest logit."""
        return np.asarray(self.forward(self.state[0], x)).argmax(axis=1)


class ScikitLearn(Learner):
    """scikit-learn's MLPClassifier; it shuffles the rows itself."""

    def __init__(self, weights: list[Any], x: Any, labels: Any) -> None:
        from sklearn.neural_network import MLPClassifier

        self.model = MLPClassifier(
            hidden_layer_sizes=NET.widths[1:-1],
            alpha=0.0,
            batch_size=NET.batch_size,
            learning_rate_init=LR,
            random_state=0,
        )
        classes = np.arange(NET.widths[-1])
        first = slice(NET.batch_size)
        self.model.partial_fit(x[first], labels[first], classes=classes)
        del self.model._optimizer  # its moments; it is made anew at the next call
        for own, w in zip(self.model.coefs_, weights[::2], strict=True):
            own[...] = w.T
        for own, b in zip(self.model.intercepts_, weights[1::2], strict=True):
            own[...] = b
        self.x, self.labels = x, labels

    def epoch(self, orders: np.ndarray) -> None:
        """Take a step on each batch."""
        self.model.partial_fit(self.x, self.labels)

    def classes(self, x: Any) -> Any:
        """Return the class of the largest probability."""
        return self.model.predict(x)


LEARNERS: dict[str, type[Learner]] = {
    "mlp": Mlp,
    "PyTorch": PyTorch,
    "JAX": Jax,
    "scikit-learn": ScikitLearn,
}


def run(name: str, seed: int, folder: Path) -> Run:
    """Train until the share is reached; return seconds and share by epoch.

    The clock runs while the library trains, its compiling included, and stands
    while the pictures held out are looked at.
    """
    from mlp.datasets import load_idx

    x, y, *_ = load_idx(
        folder / "train-images-idx3-ubyte.gz",
        folder / "train-labels-idx1-ubyte.gz",
        dtype=np.float32,
    )
    x, labels = x / 255, y.argmax(axis=1)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    held_out, rest = order[:10_000], order[10_000:]
    x, x_out, labels, labels_out = x[rest], x[held_out], labels[rest], labels[held_out]
    rows = NET.batches * NET.batch_size  # whole batches, of the same shape for JAX
    weights = start(NET, "float32", rng)
    learner = LEARNERS[name](weights, x[:rows], labels[:rows])
    done: Run = []
    seconds = 0.0
    while len(done) < MOST_EPOCHS and (not done or done[-1][1] < TARGET):
        orders = rng.permutation(rows).reshape(NET.batches, NET.batch_size)
        begun = time.perf_counter()
        learner.epoch(orders)
        seconds += time.perf_counter() - begun
        done.append((seconds, float((learner.classes(x_out) == labels_out).mean())))
    return done


def section(rounds: int) -> str:
    """Measure, and return the section's table in Markdown."""
    if FOLDER is None:
        return "Left out: no folder with the data was named (`--data`).\n"
    seeds = range(min(rounds, SEEDS))
    names = [name for name in LEARNERS if is_there(PACKAGES.get(name, "numpy"))]
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for seed in seeds:
        for name in names[seed:] + names[:seed]:
            arguments = [sys.executable, __file__, name, str(seed), str(FOLDER)]
            done = subprocess.run(
                arguments, stdout=subprocess.PIPE, check=True, env=os.environ | ONE
            )
            runs[name].append(json.loads(done.stdout))
    seconds = {name: [r[-1][0] for r in of_one] for name, of_one in runs.items()}
    epoch = {n: [r[-1][0] / len(r) for r in of_one] for n, of_one in runs.items()}
    rows = [
        [
            name,
            " / ".join(f"{s:.1f}" for s in seconds[name]),
            " / ".join(str(len(r)) for r in of_one),
            " / ".join(f"{r[-1][1]:.4f}" for r in of_one),
            " / ".join(f"{s:.2f}" for s in epoch[name]),
            str(ratio(epoch["mlp"], epoch[name])),
        ]
        for name, of_one in runs.items()
    ]
    head = ["", "seconds", "epochs", "share held out", "seconds of an epoch"]
    missing = [name for name in LEARNERS if name not in names]
    left_out = f"Left out, as not installed: {', '.join(missing)}.\n\n"
    return (
        f"Until {TARGET} of 10,000 pictures held out are right; seeds "
        f"{', '.join(map(str, seeds))}:\n\n{left_out if missing else ''}"
        f"{table([*head, 'mlp over it, by epoch'], rows)}"
    )


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
