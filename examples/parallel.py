"""One training run on several processes, by MPI: one added line.

Start two processes:

    OMP_NUM_THREADS=1 mpiexec -n 2 python examples/parallel.py

Each has the whole net and its part of every batch. The result is that of one
process, whatever the number: docs/parallel.md derives it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import common
import numpy as np

from mlp import (
    Adam,
    CrossEntropyLoss,
    Linear,
    Optimizer,
    ReLU,
    Sequential,
    minibatches,
    train_step,
    train_test_split,
)
from mlp.datasets import load_digits
from mlp.metrics import accuracy
from mlp.parallel import AllReduce


@common.script
def main(argv: Sequence[str] | None = None) -> None:
    """Train on the digits, and print what process 0 has found."""
    parser = common.make_parser(__doc__, epochs=20, lr=0.001, batch_size=64, hidden=64)
    args = parser.parse_args(argv)
    data, rng = load_digits(), np.random.default_rng(args.seed)
    x_train, x_test, y_train, y_test = train_test_split(data.x / 16, data.y, rng=rng)
    model = Sequential(
        Linear(64, args.hidden, rng=rng), ReLU(), Linear(args.hidden, 10, rng=rng)
    )
    criterion = CrossEntropyLoss()
    optimizer: Optimizer = Adam(model.parameters(), lr=args.lr)
    with common.errors_as_sentences(parser):
        optimizer = AllReduce(optimizer)  # the added line
    shard = optimizer.team.rank, optimizer.team.size
    begun = time.perf_counter()
    for _ in range(args.epochs):
        for x_batch, y_batch in minibatches(
            x_train, y_train, args.batch_size, rng=rng, shard=shard
        ):
            train_step(model, criterion, optimizer, x_batch, y_batch)
    if shard[0] == 0:
        seconds = time.perf_counter() - begun
        prediction = model.predict(x_test)
        print(f"processes           {shard[1]}")
        print(f"held-out accuracy   {accuracy(prediction, y_test):.4f}")
        print(f"held-out loss       {criterion(prediction, y_test):.10f}")
        print(f"trained in {seconds:.2f} s")


if __name__ == "__main__":
    main()
