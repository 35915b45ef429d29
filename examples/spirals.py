"""Part three spirals: what one layer cannot do and a hidden layer can.

A linear softmax parts the plane by straight lines, and gets about half of the
points of three spirals right, at most. 100 ReLUs in between bend the lines.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import common
import numpy as np

from mlp import Adam, CrossEntropyLoss, Linear, ReLU, Sequential, minibatches
from mlp.datasets import make_spirals


def train(
    model: Sequential,
    x: common.Array,
    y: common.Array,
    args: argparse.Namespace,
    rng: np.random.Generator,
) -> None:
    """Train the model in place: five steps for each batch."""
    criterion = CrossEntropyLoss()
    optimizer = Adam(model.parameters(), lr=args.lr)
    for epoch in range(1, args.epochs + 1):
        total = 0.0
        for x_batch, y_batch in minibatches(x, y, args.batch_size, rng=rng):
            prediction = model.forward(x_batch)  # 1. forward
            loss = criterion.forward(prediction, y_batch)  # 2. loss
            optimizer.zero_grad()  # 3. zero the gradients
            model.backward(criterion.backward())  # 4. backward
            optimizer.step()  # 5. step
            total += loss * len(x_batch)
        common.print_epoch(epoch, args.epochs, "cross-entropy", total / len(x))


@common.script
def main(argv: Sequence[str] | None = None) -> None:
    """Draw the points, train both nets, and compare on points held out."""
    parser = common.make_parser(__doc__, epochs=100, lr=0.01, batch_size=32, hidden=100)
    args = parser.parse_args(argv)
    rng = np.random.default_rng(args.seed)
    data, test = make_spirals(300, rng=rng), make_spirals(300, rng=rng)
    common.print_data(data, len(data.x), len(test.x))

    with common.errors_as_sentences(parser):
        net = Sequential(
            Linear(2, args.hidden, rng=rng, init="he_uniform"),
            ReLU(),
            Linear(args.hidden, 3, rng=rng),
        )
        print(net.summary(), end="\n\n")
        start = time.perf_counter()
        train(net, data.x, data.y, args, rng)
        seconds = time.perf_counter() - start

        print("\nthe baseline, a linear softmax")
        linear = Sequential(Linear(2, 3, rng=rng))
        train(linear, data.x, data.y, args, rng)

        truth = test.y.argmax(axis=1)
        guess = net.predict(test.x).argmax(axis=1)
        by_lines = linear.predict(test.x).argmax(axis=1)
    print("\nheld out          accuracy")
    print(f"{f'2-{args.hidden}-3':<16}{np.mean(guess == truth):10.3f}")
    print(f"{'linear softmax':<16}{np.mean(by_lines == truth):10.3f}")
    print("\ntruth (rows) and what this net says (columns)")
    print(common.confusion_matrix(truth, guess, data.target_names))
    print(f"\ntrained in {seconds:.2f} s")


if __name__ == "__main__":
    main()
