"""Optimizers, initialisations and normalisations side by side on one net.

One net, six linear layers deep, reads the digits. In each row one choice
differs from the first row's, and all else is the same: the seed, the batches,
the number of epochs. Each optimizer has an lr that suits it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import common
import numpy as np

from mlp import (
    SGD,
    Adam,
    AdamW,
    BatchNorm1d,
    CrossEntropyLoss,
    Layer,
    LayerNorm,
    Linear,
    Optimizer,
    ReLU,
    RMSprop,
    Sequential,
    minibatches,
    train_test_split,
)
from mlp.datasets import load_digits

DEPTH = 6


class Choice(NamedTuple):
    """One row of the table: what the net and its optimizer are made of."""

    kind: str
    name: str
    optimizer: Callable[..., Optimizer] = Adam
    lr: float = 1.0  # times --lr
    init: str = "he_uniform"
    norm: Callable[[int], Layer] | None = None


CHOICES = (
    Choice("optimizer", "Adam"),
    Choice("optimizer", "SGD", SGD, lr=20),
    Choice("optimizer", "SGD, momentum", partial(SGD, momentum=0.9), lr=10),
    Choice("optimizer", "RMSprop", RMSprop, lr=0.3),
    Choice("optimizer", "AdamW", AdamW),
    Choice("init", "uniform", init="uniform"),
    Choice("init", "glorot_uniform", init="glorot_uniform"),
    Choice("init", "he_normal", init="he_normal"),
    Choice("norm", "BatchNorm1d", norm=BatchNorm1d),
    Choice("norm", "LayerNorm", norm=LayerNorm),
)


def make_net(choice: Choice, width: int, rng: np.random.Generator) -> Sequential:
    """Return DEPTH linear layers with a ReLU, and perhaps a norm, between them."""
    widths = [64, *[width] * (DEPTH - 1), 10]
    layers: list[Layer] = []
    for n, m in zip(widths, widths[1:], strict=False):
        if layers:
            layers += [choice.norm(n), ReLU()] if choice.norm else [ReLU()]
        layers.append(Linear(n, m, rng=rng, init=choice.init))
    return Sequential(*layers)


def train(
    model: Sequential,
    optimizer: Optimizer,
    x: common.Array,
    y: common.Array,
    args: argparse.Namespace,
) -> list[float]:
    """Train the model in place, and return the mean loss of each epoch."""
    criterion, rng = CrossEntropyLoss(), np.random.default_rng(args.seed)
    losses = []
    for _ in range(args.epochs):
        total = 0.0
        for x_batch, y_batch in minibatches(x, y, args.batch_size, rng=rng):
            prediction = model.forward(x_batch)  # 1. forward
            loss = criterion.forward(prediction, y_batch)  # 2. loss
            optimizer.zero_grad()  # 3. zero the gradients
            model.backward(criterion.backward())  # 4. backward
            optimizer.step()  # 5. step
            total += loss * len(x_batch)
        losses.append(total / len(x))
    return losses


def draw(curves: dict[Choice, list[float]], path: Path) -> None:
    """Save the loss by epoch, one plot for each kind of choice."""
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(choice.kind for choice in curves))
    figure = Figure(figsize=(12, 4), layout="constrained")
    plots: Any = figure.subplots(1, len(kinds), sharey=True)
    for axes, kind in zip(plots, kinds, strict=True):
        for choice, losses in curves.items():
            if choice.kind == kind or choice == CHOICES[0]:
                name = choice.name if choice != CHOICES[0] else "the first row"
                axes.semilogy(range(1, len(losses) + 1), losses, label=name)
        axes.set_title(kind)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    plots[0].set_ylabel("training cross-entropy")
    figure.savefig(path, dpi=120)


@common.script
def main(argv: Sequence[str] | None = None) -> None:
    """Train each choice, and print its losses and its held-out accuracy."""
    parser = common.make_parser(
        __doc__, epochs=20, lr=0.001, batch_size=32, hidden=64, most_hidden=1000
    )
    parser.add_argument(
        "--picture",
        metavar="FILE",
        type=common.picture,
        help="draw the losses by epoch, as .png, .pdf or .svg",
    )
    args = parser.parse_args(argv)
    data = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        data.x / 16, data.y, rng=np.random.default_rng(args.seed)
    )
    if args.batch_size == 1 or len(x_train) % args.batch_size == 1:
        parser.error(
            f"argument --batch-size: expected no batch of one row, which BatchNorm1d "
            f"refuses, got {args.batch_size} for {len(x_train)} rows"
        )
    common.print_data(data, len(x_train), len(x_test))
    print("the first row is the net that the others differ from: Adam, he_uniform,")
    print("no normalisation; cross-entropy is the mean over an epoch\n")
    heads = ("first epoch", "last epoch", "held out")
    print(f"{'':<10} {'':<15}" + "".join(f"{head:>12}" for head in heads))
    truth = y_test.argmax(axis=1)
    curves: dict[Choice, list[float]] = {}
    for choice in CHOICES:
        with common.errors_as_sentences(parser):
            model = make_net(choice, args.hidden, np.random.default_rng(args.seed))
            optimizer = choice.optimizer(model.parameters(), lr=args.lr * choice.lr)
            losses = curves[choice] = train(model, optimizer, x_train, y_train, args)
            right = np.mean(model.predict(x_test).argmax(axis=1) == truth)
        print(f"{choice.kind:<10} {choice.name:<15}", end="")
        print(f"{losses[0]:12.4f}{losses[-1]:12.4f}{right:12.3f}")
    if args.picture is not None:
        try:
            draw(curves, args.picture)
        except ImportError:
            parser.error("--picture needs matplotlib: pip install '.[plot]'")
        except OSError as error:
            parser.error(f"the picture cannot be saved: {error}")
        print(f"\nthe same as a picture: {args.picture}")


if __name__ == "__main__":
    main()
