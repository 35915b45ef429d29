"""What fit costs over the same loop written by hand, the two taken in turn.

Section "fit" of the page that bench_all.py writes. Each round runs a few epochs of
both, in an order that alternates, on nets that have seen the same batches. The figure
is the ratio of the means of the fastest quarter of the rounds, which what else the
machine does changes least.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from turns import table

from mlp import (
    SGD,
    BCELoss,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
    minibatches,
    train_step,
)

CASES = (  # widths, rows, batch size, dtype, epochs in a round
    ([30, 64, 1], 426, 32, np.float64, 30),
    ([30, 64, 1], 4096, 32, np.float64, 2),
    ([784, 256, 128, 10], 1024, 64, np.float64, 5),
    ([784, 256, 128, 10], 1024, 64, np.float32, 5),
)


def net(widths: list[int], dtype: type) -> Sequential:
    """Return a net with ReLUs, and a Sigmoid at the end."""
    rng = np.random.default_rng(0)
    layers = []
    for n, m in zip(widths, widths[1:], strict=False):
        layers += [Linear(n, m, rng=rng, dtype=dtype), ReLU()]
    return Sequential(*layers[:-1], Sigmoid())


def runs(
    widths: list[int], rows: int, batch_size: int, dtype: type, epochs: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a round of the loop by hand, and one of fit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, widths[0])).astype(dtype)
    y = (rng.uniform(size=(rows, widths[-1])) < 0.5).astype(dtype)
    criterion, hand_rng, fit_rng = BCELoss(), *map(np.random.default_rng, (1, 1))
    by_hand, by_fit = net(widths, dtype), net(widths, dtype)
    hand, fitted = (
        SGD(m.parameters(), lr=0.001, momentum=0.9) for m in (by_hand, by_fit)
    )

    def loop() -> None:
        for _ in range(epochs):
            for x_batch, y_batch in minibatches(x, y, batch_size, rng=hand_rng):
                train_step(by_hand, criterion, hand, x_batch, y_batch)

    def call() -> None:
        fit(
            by_fit,
            criterion,
            fitted,
            x,
            y,
            epochs=epochs,
            batch_size=batch_size,
            rng=fit_rng,
            progress=False,
        )

    return loop, call


def seconds(run: Callable[[], object]) -> float:
    """Return how long a run takes."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def section(rounds: int) -> str:
    """Measure, and return the section's table in Markdown."""
    rounds *= 10  # a round is short
    lines = []
    for case in CASES:
        loop, call = runs(*case)
        loop(), call()
        times: dict[Callable[[], object], list[float]] = {loop: [], call: []}
        for i in range(rounds):
            for run in (loop, call) if i % 2 else (call, loop):
                times[run].append(seconds(run))
        mean_of_call, mean_of_loop = (
            statistics.mean(sorted(times[run])[: -(-rounds // 4)])
            for run in (call, loop)
        )
        widths, rows, batch_size, dtype, epochs = case
        lines.append(
            [
                "-".join(map(str, widths)),
                dtype.__name__,
                batch_size,
                f"{epochs} × {rows}",
                f"{mean_of_loop / epochs * 1e3:.2f}",
                f"{mean_of_call / mean_of_loop:.3f}",
            ]
        )
    head = ["net", "dtype", "batch", "epochs × rows", "ms of an epoch by hand"]
    return f"{rounds} rounds.\n\n{table([*head, 'fit over by hand'], lines)}"
