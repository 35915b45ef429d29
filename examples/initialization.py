"""How large a weight is to begin with: variances through 20 layers.

mlp/initializers.py derives that a variance is multiplied by n v forward and by
m v backward at each layer, and half of that with a ReLU. Here that is measured,
layer by layer, at the start of nets that differ only in their initialization,
and what a few epochs of training make of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import common
import numpy as np

from mlp import (
    Adam,
    CrossEntropyLoss,
    Layer,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    minibatches,
)
from mlp.datasets import load_digits

DEPTH = 20
INITS = ("uniform", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal")
ACTIVATIONS: dict[str, type[Layer]] = {"ReLU": ReLU, "Tanh": Tanh}


def deep_net(init: str, activation: type[Layer], width: int, seed: int) -> Sequential:
    """Return DEPTH linear layers with an activation after each but the last."""
    rng = np.random.default_rng(seed)
    widths = [64, *[width] * (DEPTH - 1), 10]
    layers: list[Layer] = []
    for n, m in zip(widths, widths[1:], strict=False):
        layers += [Linear(n, m, rng=rng, init=init), activation()]
    return Sequential(*layers[:-1])


def variances(
    model: Sequential, x: common.Array, y: common.Array
) -> tuple[list[float], list[float]]:
    """Return E[z²] of each Linear's output z, and E[(∂ℓ/∂z)²], the first left."""
    criterion = CrossEntropyLoss()
    forward: list[float] = []
    for layer in model:
        x = layer.forward(x)
        if isinstance(layer, Linear):
            forward.append(float(np.mean(x * x)))
    criterion.forward(x, y)
    g = criterion.backward()
    backward: list[float] = []
    for layer in reversed(list(model)):
        if isinstance(layer, Linear):
            backward.insert(0, float(np.mean(g * g)))
        g = np.asarray(layer.backward(g))
    return forward, backward


def trained_loss(
    model: Sequential, x: common.Array, y: common.Array, args: argparse.Namespace
) -> tuple[float, float]:
    """Train the model in place; return the loss before and after."""
    criterion, rng = CrossEntropyLoss(), np.random.default_rng(args.seed)
    optimizer = Adam(model.parameters(), lr=args.lr)
    before = criterion.forward(model.predict(x), y)
    for _ in range(args.epochs):
        for x_batch, y_batch in minibatches(x, y, args.batch_size, rng=rng):
            prediction = model.forward(x_batch)  # 1. forward
            criterion.forward(prediction, y_batch)  # 2. loss
            optimizer.zero_grad()  # 3. zero the gradients
            model.backward(criterion.backward())  # 4. backward
            optimizer.step()  # 5. step
    return before, criterion.forward(model.predict(x), y)


def print_table(columns: list[list[float]]) -> None:
    """Print one row for each layer and one column for each initialization."""
    print(f"{'layer':>5}" + "".join(f"{name:>16}" for name in INITS))
    for k, row in enumerate(zip(*columns, strict=True), start=1):
        print(f"{k:>5}" + "".join(f"{value:>16.2e}" for value in row))


@common.script
def main(argv: Sequence[str] | None = None) -> None:
    """Measure both variances for each initialization, then train each net."""
    parser = common.make_parser(
        __doc__, epochs=2, lr=0.001, batch_size=32, hidden=64, most_hidden=1000
    )
    args = parser.parse_args(argv)
    data = load_digits()
    x, y = (data.x - data.x.mean()) / data.x.std(), data.y
    for name, activation in ACTIVATIONS.items():
        with common.errors_as_sentences(parser):
            pairs = [
                variances(deep_net(init, activation, args.hidden, args.seed), x, y)
                for init in INITS
            ]
        print(f"{name}: mean square of each Linear's output, forward")
        print_table([forward for forward, _ in pairs])
        print(f"\n{name}: mean square of ∂ℓ/∂z at that output, backward")
        print_table([backward for _, backward in pairs])
        print(f"\n{name}: cross-entropy before and after {args.epochs} epochs")
        for init in INITS:
            model = deep_net(init, activation, args.hidden, args.seed)
            with common.errors_as_sentences(parser):
                before, after = trained_loss(model, x, y, args)
            print(f"{init:>16}{before:>10.4f}  →{after:>8.4f}")
        print()
    share = y.mean(axis=0)
    always = -np.sum(share * np.log(share))
    print(f"each digit's share of the data as the answer to everything: {always:.4f}")


if __name__ == "__main__":
    main()
