"""How far AllReduce scales, and a model of it; writes the figures of docs/parallel.md.

    .venv/bin/python tests/benchmarks/bench_parallel.py

It starts itself under mpiexec with one process and with as many as there are cores
(two at least), one BLAS thread each, about a minute in all. All figures of the page are
of one run. Run it on a machine with nothing else to do.
"""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "parallel.md"
NETS = ((64, 64, 10), (784, 128, 10), (784, 512, 10), (784, 1024, 1024, 10))
ROWS = 256  # of a batch: in strong scaling in all, in weak scaling a process
SIZES = [4 << k for k in range(0, 24, 2)]  # bytes of an all-reduce, up to 16 MiB
SECONDS = 1.0  # at least, for a figure
NETWORKS = ((1, 50e-6), (10, 20e-6), (100, 3e-6))  # Gbit/s, and the α assumed


class Timed:
    """A communicator that notes the seconds of each Allreduce."""

    def __init__(self, comm):
        self._comm, self.seconds = comm, []

    def __getattr__(self, name):
        return getattr(self._comm, name)

    def Allreduce(self, sent, received):
        begun = time.perf_counter()
        self._comm.Allreduce(sent, received)
        self.seconds.append(time.perf_counter() - begun)


def quartile(times):
    """Return the lower quartile, which other work on the machine moves least."""
    return statistics.quantiles(times, n=4)[0]


def seconds_of(call, comm):
    """Return the lower quartile of a call's seconds, all calling it as often."""
    for _ in range(3):
        call()
    comm.Barrier()
    begun = time.perf_counter()
    call()
    once = comm.bcast(time.perf_counter() - begun, root=0)
    times = []
    for _ in range(max(5, min(2000, int(SECONDS / once)))):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return quartile(times)


def work():
    """Measure in this process of mpiexec, and print a line of JSON in process 0."""
    from mpi4py import MPI

    from mlp import SGD, CrossEntropyLoss, Linear, ReLU, Sequential, train_step
    from mlp.parallel import AllReduce

    comm = MPI.COMM_WORLD
    rng, found = np.random.default_rng(0), {"steps": [], "exchanges": []}
    for widths in NETS:
        layers = []
        for n, m in zip(widths, widths[1:], strict=False):
            layers += [Linear(n, m, rng=0, dtype=np.float32), ReLU()]
        model, timed = Sequential(*layers[:-1]), Timed(comm)
        optimizer = AllReduce(SGD(model.parameters(), lr=0.01, momentum=0.9), timed)
        criterion = CrossEntropyLoss()
        for rows in sorted({ROWS, ROWS // comm.size}):
            x = rng.normal(size=(rows, widths[0])).astype(np.float32)
            y = rng.integers(widths[-1], size=rows)
            timed.seconds.clear()
            step = seconds_of(
                partial(train_step, model, criterion, optimizer, x, y), comm
            )
            exchange = quartile(timed.seconds) if timed.seconds else 0.0
            n = sum(p.data.size for p in model.parameters())
            found["steps"].append((n, rows, step, exchange))
    for size in SIZES if comm.size > 1 else ():
        sent = np.ones(size // 4, np.float32)
        received = np.empty_like(sent)
        seconds = seconds_of(partial(comm.Allreduce, sent, received), comm)
        found["exchanges"].append((size, seconds))
    if comm.rank == 0:
        print(json.dumps(found))


def measured(processes):
    """Return what so many processes measure."""
    sys.path.insert(0, str(ROOT / "tests"))
    from processes import environment, mpiexec

    done = subprocess.run(
        [mpiexec(), "-n", str(processes), sys.executable, __file__, "--work"],
        env=environment(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)


def line_through(points):
    """Return a, b ≥ 0 of t = a + b·s with the least squares of relative errors."""
    s, t = np.array(points, float).T
    design = np.column_stack([np.ones_like(s), s]) / t[:, None]
    best = (math.inf, 0.0, 0.0)
    for kept in ([0, 1], [0], [1]):  # the bounds: one of the two may be 0
        found = np.zeros(2)
        found[kept] = np.linalg.lstsq(design[:, kept], np.ones_like(t))[0]
        off = float(((design @ found - 1) ** 2).sum())
        if (found >= 0).all() and off < best[0]:
            best = (off, float(found[0]), float(found[1]))
    return best[1:]


def exchange(n, processes, α, β):
    """Return the seconds of an all-reduce of n float32: the model of the page."""
    share = 2 * (processes - 1) / processes
    return 2 * math.ceil(math.log2(processes)) * α + share * 4 * n * β


def half(n, batch, fixed, each, α, β):
    """Return with how many processes the all-reduce takes half a step, at least."""
    for processes in range(2, batch + 1):
        compute = fixed + each * n * batch / processes
        if exchange(n, processes, α, β) >= compute:
            return str(processes)
    return f"> {batch}"


def table(head, rows):
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def figures():
    """Return the Markdown of all figures."""
    processes, load = max(2, os.cpu_count() or 2), os.getloadavg()[0]
    alone, together = measured(1), measured(processes)
    one = {(n, rows): step for n, rows, step, _ in alone["steps"]}
    many = {(n, rows): (step, wait) for n, rows, step, wait in together["steps"]}
    nets = sorted({n for n, _ in one})
    fixed, each = line_through([(n * r, t) for (n, r), t in one.items()])
    intercept, slope = line_through(together["exchanges"])
    α = intercept / (2 * math.ceil(math.log2(processes)))
    β = slope * processes / (2 * (processes - 1))
    text = [
        f"On {os.cpu_count()} cores, Python {sys.version.split()[0]}, NumPy "
        f"{np.__version__}; {processes} processes, float32, SGD with momentum. The "
        f"load average before the run was {load:.1f}; if it is above 0.5, other work "
        f"has slowed down the run.",
        "**Strong scaling** divides a batch of "
        f"{ROWS} rows among the processes; **weak scaling** gives {ROWS} rows to each. "
        f"A speed-up of {processes} would be perfect.",
    ]
    rows = []
    for name, n in zip(NETS, nets, strict=True):
        strong, wait = many[n, ROWS // processes]
        weak, weak_wait = many[n, ROWS]
        base = one[n, ROWS]
        rows.append(
            (
                "–".join(map(str, name)),
                f"{n:,}",
                f"{base * 1e3:.2f}",
                f"{base / strong:.2f}",
                f"{wait / strong:.0%}",
                f"{processes * base / weak:.2f}",
                f"{weak_wait / weak:.0%}",
            )
        )
    text.append(
        table(
            [
                "net",
                "parameters n",
                "one process, ms",
                "strong: speed-up",
                "in the all-reduce",
                "weak: speed-up",
                "in the all-reduce",
            ],
            rows,
        )
    )
    text.append(
        f"Fitted here: T₁ = {fixed * 1e6:.0f} µs + {each * 1e12:.1f} ps · n · rows; "
        f"α = {α * 1e6:.1f} µs, β = {β * 1e9:.3f} ns a byte "
        f"({8 / β / 1e9:.0f} Gbit/s, through memory). The model beside what was "
        f"measured, with {processes} processes:"
    )
    rows = [
        (
            f"{size:,}",
            f"{seconds * 1e6:.1f}",
            f"{exchange(size / 4, processes, α, β) * 1e6:.1f}",
        )
        for size, seconds in together["exchanges"]
    ]
    text.append(table(["bytes", "measured, µs", "model, µs"], rows))
    rows = []
    for n in nets:
        model = exchange(n, processes, α, β)
        compute = fixed + each * n * ROWS / processes
        strong, wait = many[n, ROWS // processes]
        rows.append(
            (f"{n:,}", f"{wait / strong:.0%}", f"{model / (model + compute):.0%}")
        )
    text.append(
        table(["parameters", "share measured (strong)", "share by the model"], rows)
    )
    for batch in (256, 4096):
        rows = [
            (
                f"{n:,}",
                *(half(n, batch, fixed, each, a, 8 / (g * 1e9)) for g, a in NETWORKS),
            )
            for n in (10**4, 10**5, 10**6, 10**7, 10**8)
        ]
        head = [f"parameters, batch of {batch}"] + [
            f"{g} Gbit/s, α = {a * 1e6:.0f} µs" for g, a in NETWORKS
        ]
        text += [
            f"By the model, with at least so many processes the all-reduce takes half "
            f"of a step or more, if they divide a batch of {batch} rows:",
            table(head, rows),
        ]
    return "\n\n".join(text)


def main():
    if "--work" in sys.argv:
        work()
        return
    page = PAGE.read_text(encoding="utf-8")
    new = f"<!-- figures -->\n\n{figures()}\n\n<!-- end of figures -->"
    page = re.sub(
        "<!-- figures -->.*<!-- end of figures -->", lambda _: new, page, flags=re.S
    )
    PAGE.write_text(page, encoding="utf-8")
    print(new)


if __name__ == "__main__":
    main()
