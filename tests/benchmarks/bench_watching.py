"""What watching the loop's order costs in a step.

A newcomer should learn that a check in an inner loop is paid for at each
turn, so it is made of the cheapest statements there are, and its price is
known: this script times each of them by itself, less what an empty loop
takes, and adds them up for a net.

    .venv/bin/python tests/benchmarks/bench_watching.py
"""

from __future__ import annotations

import timeit

from mlp import Layer, Linear, ReLU, Sequential

NETS = ((2, 16, 1), (30, 64, 1), (784, 128, 10), (64,) * 7 + (10,))
LOOPS, ROUNDS = 200_000, 7

# each statement, where it stands, and how often it runs in a step of a net with
# so many layers and parameters
STATEMENTS = (
    ("o.flag = False", "Sequential.forward, begun", lambda n, p: 1),
    ("o.flag = True", "Sequential.forward, done", lambda n, p: 1),
    ("o.flag is False", "Sequential.backward", lambda n, p: 1),
    ("if o.flag: o.flag = False", "Sequential.backward, done", lambda n, p: 1),
    ("o.kept is None", "backward of a layer or the loss", lambda n, p: n + 1),
    ("o.kept = None", "backward of a layer or the loss, after", lambda n, p: n + 1),
    ("o.grad is not o.kept", "Parameter.grad, zeroed", lambda n, p: p),
    ("o.stale = False", "Parameter.grad, zeroed", lambda n, p: p),
    ("o.stale = done = True", "SGD.step", lambda n, p: p),
    ("not done", "SGD.step, last", lambda n, p: 1),
)


def nanoseconds(statement: str) -> float:
    """Return the least time of a statement, less that of none."""

    def least(code: str) -> float:
        setup = "o, done = Watched(), True"  # so that both are local to the loop
        names = {"Watched": Watched}
        return min(
            timeit.repeat(code, setup, number=LOOPS, repeat=ROUNDS, globals=names)
        )

    return max(0.0, least(statement) - least("pass")) / LOOPS * 1e9


class Watched:
    """What a layer, a loss or a parameter keeps."""

    def __init__(self) -> None:
        self.flag, self.kept, self.grad, self.stale = True, 1.0, None, False


def layers_of(widths: tuple[int, ...]) -> list[Layer]:
    """Return Linear layers of these widths, with a ReLU between two."""
    layers: list[Layer] = []
    for n, m in zip(widths, widths[1:], strict=False):
        layers += [Linear(n, m), ReLU()]
    return layers[:-1]


def main() -> None:
    """Print the time of each statement, and the sum for each net."""
    times = [nanoseconds(statement) for statement, _, _ in STATEMENTS]
    for (statement, where, _), time in zip(STATEMENTS, times, strict=True):
        print(f"{time:6.1f} ns  {statement:26}  {where}")
    for widths in NETS:
        model = Sequential(*layers_of(widths))
        n, p = len(model), len(model.parameters())
        counts = [often(n, p) for _, _, often in STATEMENTS]
        total = sum(map(float.__mul__, times, map(float, counts)))
        name = "-".join(map(str, widths))
        print(f"{total / 1000:6.2f} µs a step of {name}, {sum(counts)} statements")


if __name__ == "__main__":
    main()
