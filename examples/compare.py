"""Optimizers, initialisations and normalisations side by side on one net.

One net, six linear layers deep, reads the digits. In each row one choice
differs from the first row's, and all else is the same: the rows, the seeds,
the number of epochs. One lr for all would favour the choice that it suits, so
each row has the best of four: --lr times 0.3, 1, 3 and 10, ten times that for
SGD with momentum and thirty times for plain SGD. The best is the one of least
cross-entropy on validation rows, after training with the first seed. With it
the net is trained from further seeds, which draw the weights and the batches.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

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
from mlp.metrics import accuracy

DEPTH = 6
SEARCHED = (0.3, 1, 3, 10)  # times a choice's usual lr

Rows: TypeAlias = tuple[common.Array, common.Array]  # x and y


class Choice(NamedTuple):
    """One row of the table: what the net and its optimizer are made of."""

    kind: str
    name: str
    optimizer: Callable[..., Optimizer] = Adam
    usual: float = 1  # times --lr
    init: str = "he_uniform"
    norm: Callable[[int], Layer] | None = None


CHOICES = (
    Choice("optimizer", "Adam"),
    Choice("optimizer", "SGD", SGD, usual=30),
    Choice("optimizer", "SGD, momentum", partial(SGD, momentum=0.9), usual=10),
    Choice("optimizer", "RMSprop", RMSprop),
    Choice("optimizer", "AdamW", AdamW),
    Choice("init", "uniform", init="uniform"),
    Choice("init", "glorot_uniform", init="glorot_uniform"),
    Choice("init", "he_normal", init="he_normal"),
    Choice("norm", "BatchNorm1d", norm=BatchNorm1d),
    Choice("norm", "LayerNorm", norm=LayerNorm),
)


class Run(NamedTuple):
    """A trained net, and the mean loss of each epoch."""

    model: Sequential
    losses: list[float]


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
    choice: Choice, lr: float, seed: int, rows: Rows, args: argparse.Namespace
) -> Run:
    """Train a net of this choice; seed draws its weights and its batches."""
    rng = np.random.default_rng(seed)
    model, criterion = make_net(choice, args.hidden, rng), CrossEntropyLoss()
    optimizer = choice.optimizer(model.parameters(), lr)
    losses = []
    for _ in range(args.epochs):
        total = 0.0
        for x_batch, y_batch in minibatches(*rows, args.batch_size, rng=rng):
            prediction = model.forward(x_batch)  # 1. forward
            loss = criterion.forward(prediction, y_batch)  # 2. loss
            optimizer.zero_grad()  # 3. zero the gradients
            model.backward(criterion.backward())  # 4. backward
            optimizer.step()  # 5. step
            total += loss * len(x_batch)
        losses.append(total / len(rows[0]))
    return Run(model, losses)


def best_lr(
    choice: Choice, rows: Rows, validation: Rows, args: argparse.Namespace
) -> tuple[float, Run]:
    """Return the lr of least validation loss, and what came of it."""
    x, y = validation
    found: dict[float, tuple[float, Run]] = {}  # the validation loss of each lr
    for times in SEARCHED:
        lr = args.lr * choice.usual * times
        try:
            run = train(choice, lr, args.seed, rows, args)
            found[lr] = CrossEntropyLoss().forward(run.model.predict(x), y), run
        except (FloatingPointError, ValueError) as error:
            if not (found and common.is_divergence(error)):
                raise
    lr = min(found, key=lambda lr: found[lr][0])
    return lr, found[lr][1]


def draw(curves: dict[Choice, common.Array], path: Path) -> None:
    """Save the mean loss by epoch, one plot for each kind of choice."""
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(choice.kind for choice in curves))
    figure = Figure(figsize=(12, 4), layout="constrained")
    plots: Any = figure.subplots(1, len(kinds), sharey=True)
    for axes, kind in zip(plots, kinds, strict=True):
        for choice, losses in curves.items():
            epochs = range(1, len(losses) + 1)
            if choice == CHOICES[0]:
                axes.semilogy(epochs, losses, "k--", label="the first row", zorder=3)
            elif choice.kind == kind:
                axes.semilogy(epochs, losses, label=choice.name)
        axes.set_title(kind)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    plots[0].set_ylabel("training cross-entropy")
    figure.savefig(path, dpi=120)


@common.script
def main(argv: Sequence[str] | None = None) -> None:
    """Search and train for each choice; print its lr, losses and test accuracy."""
    parser = common.make_parser(
        __doc__, epochs=10, lr=0.001, batch_size=64, hidden=64, most_hidden=1000
    )
    parser.add_argument(
        "--seeds",
        type=common.whole_number(1, 1000),
        default=3,
        help="how many, from --seed on, each choice is trained with (default: 3)",
    )
    parser.add_argument(
        "--picture",
        metavar="FILE",
        type=common.picture,
        help="draw the losses by epoch, as .png, .pdf or .svg",
    )
    args = parser.parse_args(argv)
    if args.picture is not None:
        try:
            import matplotlib.figure  # noqa: F401  # said before half a minute's work
        except ImportError:
            parser.error("--picture needs matplotlib: pip install '.[plot]'")
    data, rng = load_digits(), np.random.default_rng(args.seed)
    x, x_test, y, y_test = train_test_split(data.x / 16, data.y, rng=rng)
    x, x_validation, y, y_validation = train_test_split(x, y, rng=rng)
    if args.batch_size == 1 or len(x) % args.batch_size == 1:
        parser.error(
            f"argument --batch-size: expected no batch of one row, which BatchNorm1d "
            f"refuses, got {args.batch_size} for {len(x)} rows"
        )
    common.print_data(data, len(x) + len(x_validation), len(x_test))
    print(f"{len(x_validation)} of the rows to train on are for the choice of lr")
    print("the first row is the net that the others differ from: Adam, he_uniform,")
    print(f"no normalisation; means over {args.seeds} seeds\n")
    heads = "lr", "first epoch", "last epoch", "test", "least", "greatest"
    print(f"{'':<10} {'':<15}" + "".join(f"{head:>12}" for head in heads).rstrip())
    curves: dict[Choice, common.Array] = {}
    for choice in CHOICES:
        with common.errors_as_sentences(parser):
            lr, first = best_lr(choice, (x, y), (x_validation, y_validation), args)
            more = range(args.seed + 1, args.seed + args.seeds)
            runs = [first, *(train(choice, lr, seed, (x, y), args) for seed in more)]
            right = [accuracy(run.model.predict(x_test), y_test) for run in runs]
        losses = curves[choice] = np.mean([run.losses for run in runs], axis=0)
        print(f"{choice.kind:<10} {choice.name:<15}{lr:12.4g}", end="")
        print(f"{losses[0]:12.4f}{losses[-1]:12.4f}{np.mean(right):12.3f}", end="")
        print(f"{min(right):12.3f}{max(right):12.3f}")
    if args.picture is not None:
        try:
            draw(curves, args.picture)
        except OSError as error:
            parser.error(f"the picture cannot be saved: {error}")
        print(f"\nthe same as a picture: {args.picture}")


if __name__ == "__main__":
    main()
