"""What a step takes of memory, beyond what it cannot do without.

A newcomer should learn that training keeps the activations that backward needs,
one array a layer, and that all else is passing: a few arrays of the widest layer,
and pieces of the update. Section "memory" of the page that bench_all.py writes;
tests/test_memory.py holds the bound.
"""

from __future__ import annotations

import gc
import tracemalloc
from typing import NamedTuple

from contenders import DTYPES, NETS, Mlp, Net, made
from turns import table


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
    contender.step()
    contender.optimizer.zero_grad()  # so that all gradients are the step's own
    gc.collect()
    tracemalloc.start()
    contender.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size, batch = contender.x.itemsize, net.batch_size
    of = {
        "gradients": sum(p.data.nbytes for p in parameters),
        "one scratch": max(p.data.nbytes for p in parameters),
        "activations": size * batch * sum(net.widths[1:]),
        "four widest": 4 * size * batch * max(net.widths[1:]),
        "64 kB": 64 * 1024,
    }
    return Memory(peak, sum(of.values()), of)


def section(rounds: int) -> str:
    """Measure, and return the section's table in Markdown."""
    del rounds  # the same in each
    rows = []
    for net in NETS:
        for dtype in DTYPES:
            m = step_memory(net, dtype)
            parts = [f"{n / 1e3:,.0f}" for n in m.of.values()]
            measured = f"{m.peak / 1e3:,.0f}"
            rows.append([str(net), dtype, measured, f"{m.allowed / 1e3:,.0f}", *parts])
    head = ["net", "dtype", "peak", "allowed", *m.of]
    return (
        f"Kilobytes, with momentum, Nesterov and weight decay:\n\n{table(head, rows)}"
    )
