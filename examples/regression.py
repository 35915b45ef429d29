"""Predict the miles per gallon of a car: regression with the squared error.

A net with one hidden layer of ReLUs against ordinary least squares, which is
the same net without it, solved exactly. What the hidden layer adds is what is
curved: a heavy car loses more by its first horsepower than by its hundredth.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import common
import numpy as np

from mlp import (
    SGD,
    Identity,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Standardizer,
    minibatches,
    train_test_split,
)
from mlp.datasets import load_auto_mpg


def train(
    model: Sequential,
    x: common.Array,
    y: common.Array,
    args: argparse.Namespace,
    rng: np.random.Generator,
) -> None:
    """Train the model in place: five steps for each batch."""
    criterion = MSELoss()
    optimizer = SGD(model.parameters(), lr=args.lr, momentum=0.9)
    for epoch in range(1, args.epochs + 1):
        total = 0.0
        for x_batch, y_batch in minibatches(x, y, args.batch_size, rng=rng):
            prediction = model.forward(x_batch)  # 1. forward
            loss = criterion.forward(prediction, y_batch)  # 2. loss
            optimizer.zero_grad()  # 3. zero the gradients
            model.backward(criterion.backward())  # 4. backward
            optimizer.step()  # 5. step
            total += loss * len(x_batch)
        common.print_epoch(epoch, args.epochs, "mean squared error", total / len(x))


def least_squares(
    x_train: common.Array, y_train: common.Array, x_test: common.Array
) -> common.Array:
    """Return the predictions of the best linear function of the features."""

    def with_ones(x: common.Array) -> common.Array:
        return np.column_stack([x, np.ones(len(x))])

    weights, *_ = np.linalg.lstsq(with_ones(x_train), y_train)
    return np.asarray(with_ones(x_test) @ weights)


def r_squared(prediction: common.Array, y: common.Array) -> float:
    """Return the share of y's variance that the prediction accounts for."""
    return float(1 - np.sum((y - prediction) ** 2) / np.sum((y - y.mean()) ** 2))


@common.script
def main(argv: Sequence[str] | None = None) -> None:
    """Load, split, scale, train, and compare on the rows held out."""
    parser = common.make_parser(
        __doc__, epochs=100, lr=0.01, batch_size=32, hidden=32, own_table=True
    )
    args = parser.parse_args(argv)
    data = common.load(parser, args, load_auto_mpg)
    rng = np.random.default_rng(args.seed)
    x_train, x_test, y_train, y_test = train_test_split(data.x, data.y, rng=rng)
    for part, y in (("training", y_train), ("held-out", y_test)):
        if np.all(y == y[0]):
            parser.error(
                f"{data.source}, column {data.target_names[0]!r}: expected a target "
                f"that varies, got {y[0, 0]:g} in all {len(y)} {part} rows"
            )
    common.print_data(data, len(x_train), len(x_test))

    with common.errors_as_sentences(parser):
        scale_x, scale_y = Standardizer().fit(x_train), Standardizer().fit(y_train)
        x, y = scale_x.transform(x_train), scale_y.transform(y_train)
        model = Sequential(
            Linear(x.shape[1], args.hidden, rng=rng),
            ReLU(),
            Linear(args.hidden, 1, rng=rng),
            Identity(),
        )
        print(model.summary(), end="\n\n")
        start = time.perf_counter()
        train(model, x, y, args, rng)
        seconds = time.perf_counter() - start

        x = scale_x.transform(x_test)
        by_net = scale_y.inverse_transform(model.predict(x))
        by_line = least_squares(scale_x.transform(x_train), y_train, x)
        errors = [
            (name, r_squared(p, y_test), np.sqrt(np.mean((p - y_test) ** 2)))
            for name, p in (("this net", by_net), ("least squares", by_line))
        ]
    print()
    print(f"held out          R²      root mean squared error ({data.target_names[0]})")
    for name, r2, error in errors:
        print(f"{name:<16}{r2:6.3f}  {error:10.3f}")
    print(f"\ntrained in {seconds:.2f} s")


if __name__ == "__main__":
    main()
