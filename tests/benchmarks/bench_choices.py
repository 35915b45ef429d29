"""The ways of writing a line that were tried, beside the one that is there.

A newcomer should learn that NumPy has several ways to say one thing, which differ
in what they cost to begin and in whether the processor's vector instructions are
used, and that only measuring tells. Section "choices" of the page that
bench_all.py writes.
"""

from __future__ import annotations

import math
import timeit
from typing import Any

import numpy as np
from turns import microseconds, table

SIZES = ((32, 16), (64, 128), (256, 1024))  # of the arrays: rows, columns
CHOICES = (  # what the line does, then ways to write it, the library's first
    ("x Wᵀ, 16 rows of W", "x.dot(w.T)", "x @ w.T", "np.matmul(x, w.T)"),
    ("gᵀ x, large: the second", "g.T.dot(x)", "g.T @ x"),
    ("1ᵀ g", "ones.dot(g)", "ones @ g", "g.sum(axis=0)"),
    (
        "max(0, x), large: the second",
        "np.maximum(x, zero)",
        "x.clip(zero, infinity)",
        "x.clip(0, inf)",
        "np.maximum(x, 0)",
        "x * (x > 0)",
    ),
    (
        "g ⊙ [y > 0]",
        "on = (y > zero).astype(y.dtype); on *= g",
        "on = (y > 0).astype(y.dtype); on *= g",
        "g * (y > 0)",
        "np.where(y > 0, g, 0)",
        "g * np.sign(y)",
    ),
    ("Σ d²", "float(np.vdot(d, d))", "float((d**2).sum())", "float((d * d).sum())"),
    ("θ − lr g", "θ -= lr0 * g", "θ -= lr * g", "θ[...] = θ - lr * g"),
    ("rows of x", "x.take(rows, axis=0)", "x[rows]", "np.take(x, rows, axis=0)"),
)


def namespace(rows: int, columns: int, dtype: str) -> dict[str, Any]:
    """Return what the names in the choices stand for."""
    rng = np.random.default_rng(0)
    x, g, θ = (rng.normal(size=(rows, columns)).astype(dtype) for _ in range(3))
    return {
        "np": np,
        "inf": math.inf,
        "x": x,
        "y": x.clip(0, math.inf),
        "d": x - g,
        "g": g,
        "θ": θ,
        "w": rng.normal(size=(16, columns)).astype(dtype),
        "ones": np.ones(rows, dtype),
        "lr": 1e-9,
        "lr0": np.array(1e-9, dtype),  # made once
        "zero": np.array(0, dtype),
        "infinity": np.array(math.inf, dtype),
        "rows": rng.permutation(rows),
    }


def seconds(statement: str, names: dict[str, Any]) -> float:
    """Return the least time of a statement."""
    timer = timeit.Timer(statement, "θ = given", globals=names | {"given": names["θ"]})
    loops, _ = timer.autorange()
    loops = max(1, loops // 4)
    return min(timer.repeat(9, loops)) / loops


def section(rounds: int) -> str:
    """Measure, and return the section's table in Markdown."""
    del rounds  # each figure is the least of nine
    cases = [(size, dtype) for size in SIZES for dtype in ("float64", "float32")]
    names = [namespace(*size, dtype) for size, dtype in cases]
    rows = []
    for what, *ways in CHOICES:
        for i, way in enumerate(ways):
            times = [microseconds(seconds(way, given)) for given in names]
            rows.append([what if i == 0 else "", f"`{way}`", *times])
    head = ["", "way", *(f"{n} × {m}, {dtype}" for (n, m), dtype in cases)]
    return (
        "Microseconds, the least of nine; of each group the first is in the "
        f"library:\n\n{table(head, rows)}"
    )
