"""What a step takes of memory, beyond what it cannot do without.

A newcomer should learn that training keeps the activations that backward needs,
one array a layer, and that all else is passing: a few arrays of the widest layer,
and pieces of the update. Section "memory" of the page that bench_all.py writes;
tests/test_memory.py holds the bound.
"""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any, NamedTuple

import pieces
from contenders import DTYPES, NETS, Contender, Mlp, Net, made
from turns import table

PARTS = ("gradients", "one scratch", "activations", "four widest", "64 kB")


class Memory(NamedTuple):
    """Bytes of a step: its peak beyond what is there before, and the bound."""

    peak: int
    allowed: int
    of: dict[str, int]


def step_memory(net: Net, dtype: str, momentum: float = 0.9) -> Memory:
    """Return the peak of a step by tracemalloc, and what it may be.

    Parameters, velocities and the batch are there before; the last step's
    gradients are not. The step may add its gradients, one scratch of the largest
    weight's size, the activations that backward needs, four arrays of the widest
    layer and 64 kB.
    """
    import mlp

    contender = made("mlp", net, dtype)
    assert isinstance(contender, Mlp)
    parameters = contender.model.parameters()
    contender.optimizer = mlp.SGD(
        parameters, 0.01, momentum, weight_decay=1e-4, nesterov=momentum > 0
    )
    return measured(contender, contender.optimizer, net)


def piece_memory(task: pieces.Task, dtype: str) -> Memory:
    """Return the peak of a step of such a net, and what it may be.

    The bound is step_memory's and what the piece must keep for backward: a mask
    of each dropout, x̂ of each normalisation. The moments of Adam, which two arrays
    of each parameter hold, are there before, as the velocities of SGD are.
    """
    contender = pieces.made("mlp", task, dtype)
    assert isinstance(contender, pieces.Mlp)
    contender.drop(True)
    memory = measured(contender, contender.optimizer, task.net)
    one = contender.x.itemsize * task.net.batch_size * sum(task.net.widths[1:-1])
    kept = one if task.piece in ("Dropout", *pieces.NORMS) else 0
    return Memory(memory.peak, memory.allowed + kept, memory.of | {"kept": kept})


def measured(contender: Contender, optimizer: Any, net: Net) -> Memory:
    """Return the peak of a contender's step, and the bound of a net without pieces."""
    contender.step()
    optimizer.zero_grad()  # so that all gradients are the step's own
    gc.collect()
    tracemalloc.start()
    contender.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sizes = [p.data.nbytes for p in optimizer.parameters]
    size, batch = contender.x.itemsize, net.batch_size
    parts = (
        sum(sizes),
        max(sizes),
        size * batch * sum(net.widths[1:]),
        4 * size * batch * max(net.widths[1:]),
        64 * 1024,
    )
    of = dict(zip(PARTS, parts, strict=True))
    return Memory(peak, sum(of.values()), of)


def section(rounds: int) -> str:
    """Measure, and return the section's tables in Markdown."""
    del rounds  # the same in each
    plain = [
        row(str(net), dtype, step_memory(net, dtype))
        for net in NETS
        for dtype in DTYPES
    ]
    others = [
        row(str(task), dtype, piece_memory(task, dtype))
        for task in pieces.TASKS
        for dtype in DTYPES
    ]
    head = ["net", "dtype", "peak", "allowed", *PARTS]
    return (
        f"Kilobytes, with momentum, Nesterov and weight decay:\n\n"
        f"{table(head, plain)}\nWith cross-entropy, Adam and one piece more:\n\n"
        f"{table([*head, 'kept'], others)}"
    )


def row(name: str, dtype: str, memory: Memory) -> list[str]:
    """Return a row of a table, in kilobytes."""
    parts = (memory.peak, memory.allowed, *memory.of.values())
    return [name, dtype, *(f"{n / 1e3:,.0f}" for n in parts)]
