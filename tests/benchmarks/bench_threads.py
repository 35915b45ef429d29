"""What OPENBLAS_NUM_THREADS=1 does, on a machine at rest and on a busy one.

A newcomer should learn that a thread more is no gift: the two of a product wait
for each other, spinning, and where another program wants the core, both lose.
Section "threads" of the page that bench_all.py writes.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from contenders import NETS
from turns import ONE, microseconds, processes, ratio, table

SPIN = "while True: pass"


def section(rounds: int) -> str:
    """Measure, and return the section's table in Markdown."""
    rows = []
    for net in NETS[:-1]:
        with (
            processes(["mlp"], net, "float32") as (all_cores, _),
            processes(["mlp"], net, "float32", ONE) as (one_core, _),
            processes(["mlp"], net, "float32") as (all_again, _),
            processes(["mlp"], net, "float32", ONE) as (one_again, _),
        ):
            pair = (all_cores["mlp"], one_core["mlp"])
            alone: list[list[float]] = [[], []]
            beside: list[list[float]] = [[], []]
            twice: list[list[float]] = [[], []]
            for _ in range(rounds):
                for process, series in zip(pair, alone, strict=True):
                    series.append(process.turn("step"))
                with subprocess.Popen([sys.executable, "-c", SPIN]) as spinning:
                    for process, series in zip(pair, beside, strict=True):
                        series.append(process.turn("step"))
                    spinning.kill()
                time.sleep(0.1)
                both = (
                    (all_cores["mlp"], all_again["mlp"]),
                    (one_core["mlp"], one_again["mlp"]),
                )
                with ThreadPoolExecutor(2) as pool:
                    for two, series in zip(both, twice, strict=True):
                        turns = list(pool.map(lambda p: p.turn("step"), two))
                        series.append(statistics.mean(turns))
        rows.append(
            [
                str(net),
                *(
                    f"{microseconds(statistics.median(a))} → "
                    f"{microseconds(statistics.median(b))}, {ratio(b, a)}"
                    for a, b in (alone, beside, twice)
                ),
            ]
        )
    head = ["net", "alone", "beside one busy program", "two trainings at once"]
    return (
        f"Microseconds of a step in float32, as many threads as cores → one thread, "
        f"and the ratio of the second to the first, median (quartiles) of {rounds} "
        f"rounds:\n\n{table(head, rows)}"
    )
