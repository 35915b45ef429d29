"""Tell benign from malignant biopsies: two classes, Sigmoid and cross-entropy.

A net with one hidden layer against Linear + Sigmoid alone, which is logistic
regression. On this table the two come out alike: its classes can be parted by
a plane, nearly, and a hidden layer has little to add. That is worth knowing
before one trusts a deeper net.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import common
import numpy as np

from mlp import (
    SGD,
    BCELoss,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Standardizer,
    minibatches,
    train_test_split,
)
from mlp.datasets import load_breast_cancer


def train(
    model: Sequential,
    x: common.Array,
    y: common.Array,
    args: argparse.Namespace,
    rng: np.random.Generator,
) -> None:
    """Train the model in place: five steps for each batch."""
    criterion = BCELoss()
    optimizer = SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=0.01)
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
    """Load, split, scale, train both nets, and compare on the rows held out."""
    parser = common.make_parser(
        __doc__, epochs=50, lr=0.02, batch_size=32, hidden=16, own_table=True
    )
    args = parser.parse_args(argv)
    data = common.load(parser, args, load_breast_cancer)
    (target,) = data.target_names
    for row, value in enumerate(data.y[:, 0], start=2):  # the names are row 1
        if value not in (0, 1):
            parser.error(
                f"{data.source}, row {row}, column {target!r}: expected 0 or 1, got "
                f"{value:g}"
            )
    rng = np.random.default_rng(args.seed)
    x_train, x_test, y_train, y_test = train_test_split(data.x, data.y, rng=rng)
    common.print_data(data, len(x_train), len(x_test))

    with common.errors_as_sentences(parser):
        scale = Standardizer().fit(x_train)
        x_train, x_test = scale.transform(x_train), scale.transform(x_test)
        features = x_train.shape[1]
        net = Sequential(
            Linear(features, args.hidden, rng=rng),
            ReLU(),
            Linear(args.hidden, 1, rng=rng),
            Sigmoid(),
        )
        print(net.summary(), end="\n\n")
        start = time.perf_counter()
        train(net, x_train, y_train, args, rng)
        seconds = time.perf_counter() - start

        print("\nthe baseline, Linear + Sigmoid alone")
        baseline = Sequential(Linear(features, 1, rng=rng), Sigmoid())
        train(baseline, x_train, y_train, args, rng)

        truth = y_test[:, 0]
        guess = net.predict(x_test)[:, 0] > 0.5
        baseline_guess = baseline.predict(x_test)[:, 0] > 0.5
    print("\nheld out          accuracy")
    print(f"{'this net':<16}{np.mean(guess == truth):10.3f}")
    print(f"{'Linear + Sigmoid':<16}{np.mean(baseline_guess == truth):10.3f}")
    print("\ntruth (rows) and what this net says (columns)")
    print(common.confusion_matrix(truth, guess, (f"{target} = 0", f"{target} = 1")))
    print(f"\ntrained in {seconds:.2f} s")


if __name__ == "__main__":
    main()
