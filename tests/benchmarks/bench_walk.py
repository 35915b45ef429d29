"""Where the time of a step goes, call by call.

A step has three prices: the arithmetic of its matrix products, the memory that
its element-wise passes go through, and Python, which takes about as long to begin
a call whatever the call does. Small nets pay for the third, wide ones for the
first.

The calls are those that the library makes, written out; a test runs them and
finds the parameters that train_step finds, to the last bit. Section "walk" of the
page that bench_all.py writes.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from contenders import DTYPES, LR, NETS, Mlp, Net, made
from turns import microseconds, table

from mlp._shared import arrays, sums
from mlp.losses import reduced

SHOWN = ("2-16-1", "64-128-10", "784-512-512-10")  # call by call
KINDS = ("product", "pass", "check")


class Call(NamedTuple):
    """A statement of the walk; what it is; its operations, or bytes moved."""

    statement: str
    kind: str
    amount: float = 0.0


def calls(net: Net, size: int) -> list[Call]:
    """Return the calls of a step in order; size is the bytes of a number."""
    batch, widths = net.batch_size, net.widths
    last = len(widths) - 1
    walk: list[Call] = []

    def product(statement: str, i: int) -> None:
        operations = 2.0 * batch * widths[i - 1] * widths[i]
        walk.append(Call(statement, "product", operations))

    def a_pass(statement: str, numbers: float) -> None:
        walk.append(Call(statement, "pass", numbers * size))

    def check(statement: str) -> None:
        walk.append(Call(statement, "check"))

    check("h0 = arrays.array('Sequential.forward', 'x', x)")
    for i in range(1, last + 1):
        entries, n = batch * widths[i], widths[i - 1]
        check(f"h{i - 1} = arrays.rows_of_width(linear{i}, h{i - 1}, {n}, W{i})")
        product(f"z{i} = h{i - 1}.dot(W{i}.T)", i)
        a_pass(f"z{i} += b{i}", 2 * entries)
        if i < last:
            check(f"z{i} = arrays.activation_input(relu{i}, z{i})")
            a_pass(f"h{i} = z{i}.clip(0, inf)", 2 * entries)
    entries = batch * widths[last]
    check(f"ŷ, y = reduced._prediction_and_target(loss, z{last}, y)")
    a_pass("d = ŷ - y", 3 * entries)
    a_pass("ℓ = sums.dot(d, d) / d.size", 2 * entries)
    a_pass("g = d * (2 / d.size)", 2 * entries)
    check("g = arrays.array('Sequential.backward', 'grad_output', g)")
    for i in range(last, 0, -1):
        entries = batch * widths[i]
        check(f"h{i - 1}, g = arrays.upstream(linear{i}, h{i - 1}, g, {widths[i]})")
        a_pass(f"gb{i} = sums.sum_of_rows(g)", entries)
        check(f"gb{i} = arrays.gradient(gb{i}, b{i}, '')")
        product(f"gW{i} = sums.product(g.T, h{i - 1})", i)
        check(f"gW{i} = arrays.gradient(gW{i}, W{i}, '')")
        if i > 1:
            product(f"g = g.dot(W{i})", i)
            entries = batch * widths[i - 1]
            check(f"h{i - 1}, g = arrays.upstream(relu{i - 1}, h{i - 1}, g)")
            a_pass(f"on = (h{i - 1} > 0).astype(g.dtype)", (2 + 2 / size) * entries)
            a_pass("on *= g; g = on", 3 * entries)
    for i in range(1, last + 1):
        weights = widths[i] * widths[i - 1]
        a_pass(f"step(W{i}, gW{i})", 5 * weights)
        a_pass(f"step(b{i}, gb{i})", 5 * widths[i])
    return walk


def namespace(contender: Mlp) -> dict[str, Any]:
    """Return what the names in the calls stand for."""
    import mlp

    optimizers = {
        id(p.data): (p, mlp.SGD([p], LR)) for p in contender.model.parameters()
    }

    def step(θ: Any, g: Any) -> None:
        p, optimizer = optimizers[id(θ)]
        p._grad = g
        optimizer.step()

    names: dict[str, Any] = {
        "arrays": arrays,
        "sums": sums,
        "reduced": reduced,
        "inf": math.inf,
        "loss": contender.criterion,
        "step": step,
        "x": contender.x_batch,
        "y": contender.y_batch,
        "clock": time.perf_counter,
    }
    weighted = [layer for layer in contender.model if hasattr(layer, "weight")]
    relu = [layer for layer in contender.model if not hasattr(layer, "weight")]
    for i, layer in enumerate(weighted, 1):
        names |= {f"linear{i}": layer, f"W{i}": layer.weight.data}
        names[f"b{i}"] = layer.bias.data
    return names | {f"relu{i}": layer for i, layer in enumerate(relu, 1)}


def compiled(walk: list[Call], names: dict[str, Any]) -> Callable[[], list[float]]:
    """Return a function of the calls, which returns when each began, and the end."""
    given = ", ".join(names)
    lines = [f"def make({given}):", " def walk(x=x, y=y):", "  t = [clock()]"]
    for call in walk:
        lines += [f"  {call.statement}", "  t.append(clock())"]
    lines += ["  return t", " return walk"]
    made_by: dict[str, Any] = {}
    exec("\n".join(lines), made_by)
    function: Callable[[], list[float]] = made_by["make"](**names)
    return function


def measure(
    net: Net, dtype: str, seconds: float
) -> tuple[list[Call], list[float], float]:
    """Return the calls, the median seconds of each, and of train_step in turn."""
    contender = made("mlp", net, dtype)
    assert isinstance(contender, Mlp)
    walk = calls(net, contender.x.itemsize)
    run = compiled(walk, namespace(contender))
    empty = compiled([Call("pass", "check")] * 50, namespace(contender))
    clock_price = statistics.median(b - a for a, b in pairs(empty()))
    each: list[list[float]] = []
    whole: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(whole) < 5:
        each.append([b - a for a, b in pairs(run())])
        begun = time.perf_counter()
        contender.step()
        whole.append(time.perf_counter() - begun)
    times = [statistics.median(t) for t in zip(*each, strict=True)]
    times = [max(0.0, t - clock_price) for t in times]
    return walk, times, statistics.median(whole)


def pairs(t: list[float]) -> list[tuple[float, float]]:
    """Return each number with the next."""
    return list(zip(t, t[1:], strict=False))


def section(rounds: int) -> str:
    """Measure, and return the section's tables in Markdown."""
    summary, walks = [], ""
    for net in NETS:
        for dtype in DTYPES:
            walk, times, whole = measure(net, dtype, seconds=0.2 * rounds)
            of = {
                kind: sum(t for c, t in zip(walk, times, strict=True) if c.kind == kind)
                for kind in KINDS
            }
            rest = max(0.0, whole - sum(of.values()))
            summary.append(
                [
                    str(net),
                    dtype,
                    microseconds(whole),
                    *(
                        f"{microseconds(t)} ({t / whole:.0%})"
                        for t in (*of.values(), rest)
                    ),
                ]
            )
            if str(net) in SHOWN and dtype == "float64":
                walks += call_by_call(net, dtype, walk, times, whole)
    head = ["net", "dtype", "step", "products", "passes", "checks", "rest of Python"]
    return f"Microseconds, medians:\n\n{table(head, summary)}{walks}"


def call_by_call(
    net: Net, dtype: str, walk: list[Call], times: list[float], whole: float
) -> str:
    """Return the table of a net, a row for each call."""
    rows = []
    for call, t in zip(walk, times, strict=True):
        rate = ""
        if call.amount and t:
            rate = f"{call.amount / t / 1e9:.1f} "
            rate += "GFLOP/s" if call.kind == "product" else "GB/s"
        statement = f"`{call.statement}`"
        rows.append([statement, call.kind, microseconds(t), f"{t / whole:.1%}", rate])
    head = ["call", "kind", "µs", "share", "rate"]
    return (
        f"\nA step of {net}, batch {net.batch_size}, {dtype}, lr {LR:g}: "
        f"{microseconds(whole)} µs.\n\n{table(head, rows)}"
    )
