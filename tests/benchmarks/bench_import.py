"""What `import mlp` costs beside `import numpy`, in fresh processes in turn.

Section "import" of the page that bench_all.py writes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from turns import ratio, table

STATEMENTS = (
    "import numpy",
    "import mlp",
    "from mlp import SGD, Identity, Linear, MSELoss, ReLU, Sequential, minibatches, "
    "train_step",
    "import mlp; [getattr(mlp, name) for name in mlp.__all__]",
)


def seconds(statement: str, environment: dict[str, str]) -> float:
    """Return how long a fresh interpreter takes with a statement, start and end."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    return time.perf_counter() - begun


def section(rounds: int) -> str:
    """Measure, and return the section's table in Markdown."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as for a user, from the 2nd on
    with tempfile.TemporaryDirectory() as cache:
        environment["PYTHONPYCACHEPREFIX"] = cache
        for statement in STATEMENTS:
            seconds(statement, environment)
        times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
        for _ in range(4 * rounds):
            for statement in STATEMENTS:
                times[statement].append(seconds(statement, environment))
    numpy = times[STATEMENTS[0]]
    rows = [
        [f"`{statement}`", f"{statistics.median(t) * 1e3:.0f}", str(ratio(t, numpy))]
        for statement, t in times.items()
    ]
    return (
        f"{4 * rounds} fresh processes each, in turn, the interpreter's start and end "
        f"included:\n\n{table(['', 'ms', 'over import numpy'], rows)}"
    )
