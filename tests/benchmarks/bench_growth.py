"""How a step's time and memory grow with batch, width and depth.

A newcomer should learn to foresee what a larger net costs: in theory a step is
linear in the rows of the batch and in the number of weights, so it goes with the
square of the width. Where a line is flatter than that, it is Python that is paid.
Section "growth" of the page that bench_all.py writes, and its picture; then the
time of what is given more: epochs, rows, layers, 1, 10 and 100 times as many.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_memory import step_memory
from contenders import Net, Stopwatch, made
from turns import table

from mlp import (
    SGD,
    History,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    check_gradients,
    derive,
    fit,
    save,
    trace,
)
from mlp.data import read_csv

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


TIMES = (1, 10, 100)  # the size


def net_of(depth: int, width: int) -> tuple[Sequential, SGD]:
    """Return a net of so many layers of one width, and its optimizer."""
    layers = []
    for i in range(depth):
        layers += [Linear(width, width, rng=i), ReLU()]
    model = Sequential(*layers[:-1])
    return model, SGD(model.parameters(), lr=1e-3)


def calls(folder: Path) -> dict[str, tuple[int, Callable[[int], Callable[[], object]]]]:
    """Return for each tool the size 1, and what makes its call of a size."""
    criterion = MSELoss()

    def rows(n: int, width: int = 2) -> tuple[Any, Any]:
        rng = np.random.default_rng(0)
        return rng.normal(size=(n, width)), rng.normal(size=(n, width))

    def fitting(epochs: int) -> Callable[[], object]:
        (model, optimizer), (x, y) = net_of(2, 2), rows(4)
        settings: Any = {"validation": (x, y), "patience": epochs, "progress": False}
        return lambda: fit(model, criterion, optimizer, x, y, epochs=epochs, **settings)

    def history(epochs: int) -> Callable[[], object]:
        losses = [1 / (1 + epoch) for epoch in range(epochs)]
        return lambda: str(History(loss=losses, validation_loss=losses))

    def table_file(n: int) -> Callable[[], object]:
        path = folder / f"{n}.csv"
        np.savetxt(path, rows(n, 4)[0], delimiter=",", header="a,b,c,d", comments="")
        return lambda: read_csv(path, "d")

    def saving(depth: int) -> Callable[[], object]:
        model, optimizer = net_of(depth, 8)
        return lambda: save(folder / "run", model, optimizer)

    def deriving(depth: int) -> Callable[[], object]:
        model, _ = net_of(depth, 2)
        return lambda: str(derive(model, criterion))

    def tracing(n: int) -> Callable[[], object]:
        (model, optimizer), (x, y) = net_of(2, 2), rows(n)
        return lambda: str(trace(model, criterion, optimizer, x, y))

    def checking(depth: int) -> Callable[[], object]:
        (model, _), (x, y) = net_of(depth, 2), rows(3)
        return lambda: check_gradients(model, criterion, x, y)

    return {
        "fit with patience, epochs": (100, fitting),
        "print(History), epochs": (1000, history),
        "read_csv, rows": (100, table_file),
        "save, layers": (2, saving),
        "derive, layers": (1, deriving),
        "trace, rows": (10, tracing),
        "check_gradients, layers": (1, checking),
    }


def growth_of_tools(rounds: int) -> str:
    """Return the table of the time at 1, 10 and 100 times the size."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (size, make) in calls(Path(folder)).items():
            milliseconds = []
            for times in TIMES:
                call = make(size * times)
                milliseconds.append(1e3 * statistics.median(seconds(call, rounds)))
            sizes = " / ".join(f"{size * times:,}" for times in TIMES)
            shown = [f"{value:,.3g}" for value in milliseconds]
            upper = exponent(list(TIMES[-2:]), milliseconds[-2:])
            lines.append([f"{name}: {sizes}", *shown, f"{upper:.2f}"])
    head = ["milliseconds", *(f"{times} ×" for times in TIMES), "exponent, 10 to 100 ×"]
    return table(head, lines)


def seconds(call: Callable[[], object], rounds: int) -> list[float]:
    """Return the seconds of a call, in some rounds, fewer if it is slow."""
    taken: list[float] = []
    while len(taken) < rounds and sum(taken) < 5:
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return taken


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
    return f"{drawn}{table(head, rows)}\n{growth_of_tools(rounds)}"


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
