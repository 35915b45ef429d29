"""A whole step, and a whole epoch, of seven nets beside all contenders.

Section "steps" of the page that bench_all.py writes.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence

from contenders import CONTENDERS, DTYPES, NETS, Net
from turns import LONG, ONE, SHORT, in_turn, microseconds, processes, ratio, table

ASKED = {  # mlp over the other, at most: the ratios that the library sets itself
    "2-16-1": {"floor": 3.2, "by hand": 1.1, "PyTorch": 0.15, "JAX": 0.5},
    "30-64-1": {"floor": 2.3, "by hand": 1.1, "PyTorch": 0.15, "JAX": 0.5},
    "64-128-10": {"floor": 1.9, "by hand": 1.0, "PyTorch": 0.2, "JAX": 0.7},
    "784-128-10": {"floor": 1.6, "by hand": 1.0, "PyTorch": 0.8, "JAX": 0.9},
    "64-64-64-64-64-64-64-10": {
        "floor": 1.6,
        "by hand": 1.0,
        "PyTorch": 0.35,
        "JAX": 0.9,
    },
    "784-512-512-10": {"floor": 1.15, "by hand": 1.0, "PyTorch": 0.95, "JAX": 0.95},
    "1024-4096-1024": {"floor": 1.15, "by hand": 1.0, "PyTorch": 1.0, "JAX": 1.05},
}
COMPILED = {("30-64-1", "float32"), ("784-128-10", "float32")}  # it takes a minute
Times = dict[tuple[str, str, str], dict[str, list[float]]]  # (net, dtype, what)


def measure(rounds: int, nets: Sequence[Net] = NETS) -> tuple[Times, dict[str, str]]:
    """Return the seconds of each contender, round by round; and who is missing."""
    times: Times = {}
    missing: dict[str, str] = {}
    for net in nets:
        for dtype in DTYPES:
            left_out = set() if (str(net), dtype) in COMPILED else {"torch.compile"}
            names = [name for name in CONTENDERS if name not in left_out]
            environment, times_over = way_of(net)
            with processes(names, net, dtype, environment) as (started, failed):
                missing |= failed
                for what in ("step", "epoch"):
                    seconds = in_turn(started, what, times_over * rounds)
                    times[str(net), dtype, what] = seconds
                    print(
                        f"{net} {dtype} {what}:",
                        *(
                            f"{name} {microseconds(statistics.median(s))}"
                            for name, s in seconds.items()
                        ),
                        file=sys.stderr,
                    )
    return times, missing


def is_small(net: Net) -> bool:
    """Return whether no layer is above 128 units, so that one thread is enough."""
    return max(net.widths) <= 128


def way_of(net: Net) -> tuple[dict[str, str], int]:
    """Return the environment of a net's turns, and their rounds for one asked for."""
    return (ONE, SHORT) if is_small(net) else ({}, LONG)


def section(rounds: int) -> str:
    """Measure, and return the section's tables in Markdown."""
    times, missing = measure(rounds)
    left_out = "".join(
        f"Left out: {name} ({reason}).\n\n" for name, reason in missing.items()
    )
    names = [name for name in CONTENDERS if any(name in s for s in times.values())]
    text = (
        f"{SHORT * rounds} rounds of the nets on one thread, {LONG * rounds} of the "
        f"others.\n\n{left_out}A step, mlp over the other, of what is asked; "
        f"**bold** is missed:\n\n"
    )
    text += table(
        ["net", "dtype", *(f"over {name}" for name in ASKED["2-16-1"])],
        [
            [net, dtype, *(verdict(net, name, times[net, dtype, "step"]) for name in a)]
            for net, a in ASKED.items()
            for dtype in DTYPES
        ],
    )
    for what in ("step", "epoch"):
        measured = {key[:2]: s for key, s in times.items() if key[2] == what}
        text += f"\nMicroseconds of one {what}, the median of the rounds:\n\n"
        text += table(
            ["net", "dtype", *names],
            [
                [*key, *(median(s, name) for name in names)]
                for key, s in measured.items()
            ],
        )
        text += f"\nOne {what}, mlp over the other, median (quartiles):\n\n"
        text += table(
            ["net", "dtype", *names[1:]],
            [
                [*key, *(over(s, name) for name in names[1:])]
                for key, s in measured.items()
            ],
        )
    return text


def median(seconds: dict[str, list[float]], name: str) -> str:
    """Return the median of one contender in microseconds."""
    return microseconds(statistics.median(seconds[name])) if name in seconds else "—"


def over(seconds: dict[str, list[float]], name: str) -> str:
    """Return the ratio of mlp to another."""
    return str(ratio(seconds["mlp"], seconds[name])) if name in seconds else "—"


def verdict(net: str, name: str, seconds: dict[str, list[float]]) -> str:
    """Return the ratio beside what was asked; bold if it is above."""
    asked = ASKED[net][name]
    if name not in seconds:
        return f"— of {asked:g}"
    median = ratio(seconds["mlp"], seconds[name]).median
    text = f"{median:.2f} of {asked:g}"
    return text if round(median, 2) <= asked else f"**{text}**"
