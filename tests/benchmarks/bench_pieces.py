"""A step with each piece of the second half of the course, by hand and in PyTorch.

Section "pieces" of the page that bench_all.py writes.
"""

from __future__ import annotations

import statistics

from bench_steps import way_of
from pieces import CONTENDERS, TASKS
from turns import LONG, SHORT, in_turn, microseconds, processes, ratio, table

ASKED = {"by hand": 1.15, "PyTorch": 0.8}  # the second of one task only
ASKED_OF = "784-256-128-10, Adam"


def section(rounds: int) -> str:
    """Measure, and return the section's table in Markdown."""
    rows = []
    missing: dict[str, str] = {}
    for task in TASKS:
        environment, times_over = way_of(task.net)
        running = processes(
            list(CONTENDERS), task, "float32", environment, script="pieces.py"
        )
        with running as (started, failed):
            missing |= failed
            seconds = in_turn(started, "step", times_over * rounds)
        times = [
            microseconds(statistics.median(seconds[name])) if name in seconds else "—"
            for name in CONTENDERS
        ]
        ratios = [verdict(str(task), name, seconds) for name in ASKED]
        rows.append([task.net, task.piece, *times, *ratios])
    left_out = "".join(f"Left out: {n} ({why}).\n\n" for n, why in missing.items())
    head = ["net", "piece", *CONTENDERS, *(f"over {name}" for name in ASKED)]
    return (
        f"{SHORT * rounds} rounds of the net on one thread, {LONG * rounds} of the "
        f"other.\n\n{left_out}Microseconds of a step in float32, and mlp "
        f"over the other, median (quartiles), of what is asked; **bold** is missed:\n\n"
        f"{table(head, rows)}"
    )


def verdict(task: str, name: str, seconds: dict[str, list[float]]) -> str:
    """Return the ratio, and what is asked of it if anything; bold if it is above."""
    if name not in seconds:
        return "—"
    found = ratio(seconds["mlp"], seconds[name])
    if name == "PyTorch" and task != ASKED_OF:
        return str(found)
    text = f"{found} of {ASKED[name]:g}"
    return text if round(found.median, 2) <= ASKED[name] else f"**{text}**"
