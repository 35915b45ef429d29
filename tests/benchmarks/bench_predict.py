"""predict on 60,000 rows of 784, beside PyTorch under no_grad.

Section "predict" of the page that bench_all.py writes.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
from turns import PAUSE, ratio, table

ROWS, WIDTHS = 60_000, (784, 256, 128, 10)
BATCH_SIZES = (256, 1024, 4096, None)


def data() -> Any:
    """Return the rows, in float32."""
    return np.random.default_rng(0).normal(size=(ROWS, WIDTHS[0])).astype(np.float32)


def net() -> Any:
    """Return the net, with ReLUs between its layers."""
    import mlp

    rng = np.random.default_rng(0)
    layers: list[Any] = []
    for n, m in zip(WIDTHS, WIDTHS[1:], strict=False):
        layers += [mlp.Linear(n, m, rng=rng, dtype=np.float32), mlp.ReLU()]
    return mlp.Sequential(*layers[:-1])


def peak(batch_size: int | None) -> int:
    """Return the bytes that predict takes beyond what it returns, at its peak."""
    model, x = net(), data()
    tracemalloc.start()
    result = model.predict(x, batch_size)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most - int(result.nbytes)


def serve(library: str) -> None:
    """Answer each line on standard input, a batch size, with predict's seconds."""
    x = data()
    if library == "mlp":
        predict = net().predict
    else:
        import torch

        layers: list[Any] = []
        for n, m in zip(WIDTHS, WIDTHS[1:], strict=False):
            layers += [torch.nn.Linear(n, m), torch.nn.ReLU()]
        model, x = torch.nn.Sequential(*layers[:-1]), torch.tensor(x)

        def predict(x: Any, batch_size: int | None) -> Any:
            with torch.no_grad():
                if batch_size is None:
                    return model(x)
                return torch.cat([model(rows) for rows in x.split(batch_size)])

    for line in sys.stdin:
        batch_size = None if line.strip() == "None" else int(line)
        predict(x, batch_size)
        begun = time.perf_counter()
        for _ in range(2):
            predict(x, batch_size)
        print((time.perf_counter() - begun) / 2, flush=True)


def section(rounds: int) -> str:
    """Measure, and return the section's table in Markdown."""
    libraries = ["mlp"] + ["torch"] * (importlib.util.find_spec("torch") is not None)
    started = {
        library: subprocess.Popen(
            [sys.executable, str(Path(__file__)), library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for library in libraries
    }
    times: dict[tuple[str, int | None], list[float]] = {
        (library, size): [] for library in libraries for size in BATCH_SIZES
    }
    for _ in range(rounds):
        for (library, size), series in times.items():
            time.sleep(PAUSE)
            process = started[library]
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{size}\n")
            process.stdin.flush()
            series.append(float(process.stdout.readline()))
    for process in started.values():
        process.kill()
        process.communicate()
    rows = []
    for size in BATCH_SIZES:
        ours = times["mlp", size]
        row = [str(size), f"{statistics.median(ours) * 1e3:.0f}"]
        row.append(f"{peak(size) / 1e6:.1f}")
        if "torch" in libraries:
            theirs = times["torch", size]
            all_sizes = [times["torch", other] for other in BATCH_SIZES]
            best = [min(in_round) for in_round in zip(*all_sizes, strict=True)]
            over = [ratio(ours, theirs), ratio(ours, best)]
            row += [f"{statistics.median(theirs) * 1e3:.0f}", *map(str, over)]
        rows.append(row)
    head = ["batch_size", "mlp, ms", "mlp, peak beyond the result, MB"]
    if "torch" in libraries:
        head += ["PyTorch, ms", "mlp over it", "mlp over PyTorch's best"]
    else:
        head[0] += " (left out: PyTorch, not installed)"
    return f"{rounds} rounds.\n\n{table(head, rows)}"


if __name__ == "__main__":
    serve(sys.argv[1])
