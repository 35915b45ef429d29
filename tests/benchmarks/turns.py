"""Contenders in turn: one process each, one at a time, and what is read off them.

A newcomer should learn how to compare two programs on a machine that has other
things to do: not by the fastest run of each, but in turn, round after round, and
by the ratios within a round, which what slows the machine for a while changes
little.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
PAUSE = 0.3  # seconds: threads of OpenBLAS spin on for about 0.1 after a product
ONE = {  # the environment in which each library has one thread, which needs no pause
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}
SHORT, LONG = 8, 2  # rounds of turns without and with a pause, for one asked for
PACKAGES = {  # what a contender needs, by the name of its module
    "PyTorch": "torch",
    "torch.compile": "torch",
    "JAX": "jax",
    "JAX, loss unread": "jax",
    "scikit-learn": "sklearn",
}
VERSIONS = ("numpy", "torch", "jax", "scikit-learn")


class Process:
    """A contender at work in a process of its own, until it is closed."""

    def __init__(
        self,
        name: str,
        net: object,
        dtype: str,
        environment: dict[str, str],
        script: str = "contenders.py",
    ) -> None:
        self._pause = 0.0 if environment == ONE else PAUSE
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), name, str(net), dtype],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | environment,
        )
        first = self._read()
        self.first_losses = [float(loss) for loss in json.loads(first)]
        self._read()  # that it is ready

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            errors = self._errors.read().strip()
            self.close()
            raise RuntimeError(errors)
        return line

    def turn(self, what: str) -> float:
        """Return the seconds of a step or an epoch, after a pause."""
        time.sleep(self._pause)
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def is_there(package: str) -> bool:
    """Return whether a package is installed."""
    return importlib.util.find_spec(package) is not None


@contextlib.contextmanager
def processes(
    names: Sequence[str],
    net: object,
    dtype: str,
    environment: dict[str, str] | None = None,
    script: str = "contenders.py",
) -> Iterator[tuple[dict[str, Process], dict[str, str]]]:
    """Yield a process for each contender, and why some could not be started.

    Those that are there have been found to take the same steps.
    """
    started: dict[str, Process] = {}
    failed: dict[str, str] = {}
    try:
        for name in names:
            if not is_there(PACKAGES.get(name, "numpy")):
                failed[name] = "not installed"
                continue
            try:
                started[name] = Process(name, net, dtype, environment or {}, script)
            except RuntimeError as error:
                failed[name] = (str(error).splitlines() or ["it ended"])[-1]
        expect_the_same_steps(started, dtype)
        yield started, failed
    finally:
        for process in started.values():
            process.close()


def expect_the_same_steps(started: dict[str, Process], dtype: str) -> None:
    """Raise unless the first losses of all that compute one are alike."""
    tolerance = 1e-9 if dtype == "float64" else 1e-5
    expected = started["mlp"].first_losses if "mlp" in started else []
    for name, process in started.items():
        if name == "floor":
            continue
        for ours, theirs in zip(expected, process.first_losses, strict=True):
            if not math.isclose(ours, theirs, rel_tol=tolerance):
                raise RuntimeError(
                    f"{name}: expected the losses {expected} of mlp, got "
                    f"{process.first_losses}; it trains another net"
                )


def in_turn(
    started: dict[str, Process], what: str, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of each process in each round, in an order that rotates."""
    names = list(started)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            seconds[name].append(started[name].turn(what))
    return seconds


class Ratio(NamedTuple):
    """Of two series, taken round by round."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the median and, behind it, the quartiles."""
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


def ratio(a: Sequence[float], b: Sequence[float]) -> Ratio:
    """Return median and quartiles of a over b, round by round."""
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    if len(ratios) == 1:
        return Ratio(ratios[0], ratios[0], ratios[0])
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(median, low, high)


def microseconds(seconds: float) -> str:
    """Return a time with three digits."""
    value = seconds * 1e6
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown, all columns but the first to the right."""
    lines = [columns, ["---", *("---:" for _ in columns[1:])], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def machine() -> str:
    """Return a sentence on the processor, the system and the versions."""
    import mlp

    found = [f"mlp {mlp.__version__}", f"Python {platform.python_version()}"]
    for package in VERSIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{package} {metadata.version(package)}")
    number = os.environ.get("OPENBLAS_NUM_THREADS")
    threads = f"{number} thread" if number else "as many threads as cores"
    return (
        f"{processor()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}; "
        f"{', '.join(found)}; OpenBLAS {blas_version()} with {threads}."
    )


def processor() -> str:
    """Return what the system calls the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def blas_version() -> str:
    """Return the version of the BLAS that NumPy was built with."""
    import numpy as np

    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return str(built["version"])
