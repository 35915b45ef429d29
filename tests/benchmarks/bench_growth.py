"""How a step's time and memory grow with batch, width and depth.

A newcomer should learn to foresee what a larger net costs: in theory a step is
linear in the rows of the batch and in the number of weights, so it goes with the
square of the width. Where a line is flatter than that, it is Python that is paid.
Section "growth" of the page that bench_all.py writes, and its picture.
"""

from __future__ import annotations

import math
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_memory import step_memory
from contenders import Net, Stopwatch, made
from turns import table

PICTURE = Path(__file__).parents[2] / "docs" / "benchmarks_growth.svg"
WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
BATCHES = (1, 4, 16, 64, 256, 1024, 4096)
DEPTHS = (1, 2, 4, 8, 16, 32)
SERIES: dict[str, dict[int, Net]] = {
    "batch": {n: Net((256, 256, 256, 10), n, 1) for n in BATCHES},
    "width": {n: Net((n, n, n, n), 128, 1) for n in WIDTHS},
    "depth": {n: Net((128,) * (n + 1), 128, 1) for n in DEPTHS},
}
THEORY = {"batch": (1, 1), "width": (2, 2), "depth": (1, 1)}  # of time and memory


def measure(rounds: int) -> dict[str, list[tuple[int, float, int]]]:
    """Return for each series size, median seconds and bytes of a step."""
    result: dict[str, list[tuple[int, float, int]]] = {}
    for series, nets in SERIES.items():
        watches = {}
        for size, net in nets.items():
            contender = made("mlp", net, "float32")
            watches[size] = Stopwatch(contender.step, contender.wait)
        times: dict[int, list[float]] = {size: [] for size in nets}
        for _ in range(rounds):
            for size, watch in watches.items():
                time.sleep(0.1)
                times[size].append(watch.turn())
        result[series] = [
            (size, statistics.median(times[size]), step_memory(net, "float32", 0).peak)
            for size, net in nets.items()
        ]
    return result


def exponent(sizes: list[int], values: list[float]) -> float:
    """Return the slope of the line through the points of a log-log plot."""
    slope, _ = np.polyfit(np.log(sizes), np.log(values), 1)
    return float(slope)


def section(rounds: int) -> str:
    """Measure, draw, and return the section's table in Markdown."""
    measured = measure(rounds)
    rows = []
    for series, points in measured.items():
        sizes, seconds, peaks = map(list, zip(*points, strict=True))
        half = len(sizes) // 2
        for what, values, theory in zip(
            ("time", "peak memory"), (seconds, peaks), THEORY[series], strict=True
        ):
            rows.append(
                [
                    f"{what} by {series}",
                    f"{sizes[0]:,} to {sizes[-1]:,}",
                    f"{exponent(sizes[:half], values[:half]):.2f}",
                    f"{exponent(sizes[-half:], values[-half:]):.2f}",
                    theory,
                ]
            )
    drawn = draw(measured)
    head = ["", "range", "exponent, lower half", "exponent, upper half", "in theory"]
    return f"{drawn}{table(head, rows)}"


def draw(measured: dict[str, list[tuple[int, float, int]]]) -> str:
    """Draw the picture, and return the line of Markdown that shows it."""
    try:
        import matplotlib
    except ImportError:
        return "Left out: the picture (matplotlib is not installed).\n\n"
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "mlp"})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(10, 5.6), layout="constrained")
    for column, (series, points) in zip(axes.T, measured.items(), strict=True):
        sizes, seconds, peaks = zip(*points, strict=True)
        for axis, values, unit, theory in zip(
            column,
            (seconds, peaks),
            (("milliseconds of a step", 1e3), ("MB at the peak", 1e-6)),
            THEORY[series],
            strict=True,
        ):
            label, factor = unit
            plot(axis, sizes, [v * factor for v in values], theory)
            axis.set_xlabel(series)
            axis.set_ylabel(label)
    axes[0, 1].legend(loc="lower right", fontsize="small")
    figure.savefig(PICTURE, metadata={"Date": None})
    plt.close(figure)
    return (
        f"![Six log-log plots: time and memory of a step by batch, width and depth, "
        f"each beside a line of the slope in theory]({PICTURE.name})\n\n"
    )


def plot(axis: Any, sizes: Any, values: list[float], theory: int) -> None:
    """Draw one series, and through its last point the line of theory."""
    axis.loglog(sizes, values, "o-", label="measured")
    line = [values[-1] * (size / sizes[-1]) ** theory for size in sizes]
    axis.loglog(sizes, line, "--", color="grey", label="theory, from the last point")
    low = math.floor(math.log10(min(values)))
    axis.set_ylim(10**low, max(values) * 2)
    axis.grid(alpha=0.3)
