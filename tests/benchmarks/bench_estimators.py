"""mlp.estimators beside scikit-learn's nets, on scikit-learn's data.

    .venv/bin/python tests/benchmarks/bench_estimators.py --rounds 5

Section "estimators" of the page that bench_all.py writes; alone it is printed. Both
have the same settings, scikit-learn's own defaults, and the same five folds. In each
round they are fitted in turn, fold by fold, with other seeds, on one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from turns import ratio, table

FOLDS = 5
SOLVERS: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
}


def data_sets() -> dict[str, Callable[[], Any]]:
    """Return what loads each data set; the last one is there once downloaded."""
    from sklearn import datasets

    def california() -> Any:
        return datasets.fetch_california_housing(download_if_missing=False)

    return {
        "breast cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
        "iris": datasets.load_iris,
        "digits": datasets.load_digits,
        "diabetes": datasets.load_diabetes,
        "California housing": california,
    }


def fitted(net: Any, rows: tuple[Any, ...]) -> dict[str, float]:
    """Return the score on the test rows, the seconds of fit, and the epochs."""
    x, x_test, y, y_test = rows
    begun = time.perf_counter()
    net.fit(x, y)
    seconds = time.perf_counter() - begun
    return {
        "score": net.score(x_test, y_test),
        "loss": net.loss_,
        "s": seconds,
        "epochs": net.n_iter_,
    }


def folds(data: Any, is_regression: bool) -> list[tuple[Any, ...]]:
    """Return the rows of each fold, scaled by its training rows."""
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    kind = KFold if is_regression else StratifiedKFold
    made = []
    for train, test in kind(FOLDS, shuffle=True, random_state=0).split(
        data.data, data.target
    ):
        scale = StandardScaler().fit(data.data[train])
        y, y_test = data.target[train], data.target[test]
        if is_regression:
            mean, std = y.mean(), y.std()
            y, y_test = (y - mean) / std, (y_test - mean) / std
        x, x_test = scale.transform(data.data[train]), scale.transform(data.data[test])
        made.append((x, x_test, y, y_test))
    return made


def measured(rounds: int) -> dict[str, Any]:
    """Return, for each data set and solver, each fit of both, round by round."""
    from sklearn import neural_network

    from mlp import estimators

    warnings.simplefilter("ignore")  # of max_iter, which some runs reach
    results: dict[str, Any] = {}
    for name, load in data_sets().items():
        try:
            data = load()
        except OSError:
            continue
        is_regression = "target_names" not in data or name.startswith("California")
        kind = "MLPRegressor" if is_regression else "MLPClassifier"
        both = [getattr(module, kind) for module in (estimators, neural_network)]
        rows = folds(data, is_regression)
        for solver, settings in SOLVERS.items():
            runs: list[list[dict[str, float]]] = [[], []]
            for seed in range(rounds * FOLDS):
                order = (0, 1) if seed % 2 else (1, 0)
                for i in order:
                    net = both[i](random_state=seed, **settings)
                    runs[i].append(fitted(net, rows[seed % FOLDS]))
            results[f"{name}, {solver}"] = runs
    return results


def row(name: str, runs: list[list[dict[str, float]]]) -> list[str]:
    """Return a row of the table."""
    means, by_fold, seconds, epochs = [], [], [], []
    for of_one in runs:
        scores = np.array([run["score"] for run in of_one]).reshape(-1, FOLDS)
        by_fold.append(scores.mean(axis=0))  # over the seeds
        means.append(by_fold[-1].mean())
        times = np.array([run["s"] for run in of_one]).reshape(-1, FOLDS)
        counts = np.array([run["epochs"] for run in of_one]).reshape(-1, FOLDS)
        seconds.append(times.sum(axis=1))
        epochs.append(counts.sum(axis=1))
    losses = [statistics.mean(run["loss"] for run in of_one) for of_one in runs]
    error = statistics.stdev(by_fold[1].tolist()) / math.sqrt(FOLDS)
    per_epoch = [s / n for s, n in zip(seconds, epochs, strict=True)]
    return [
        name,
        f"{means[0]:.4f}",
        f"{means[1]:.4f}",
        f"{means[0] - means[1]:+.4f}",
        f"{error:.4f}",
        f"{losses[0]:.4f}",
        f"{losses[1]:.4f}",
        f"{epochs[0].mean() / FOLDS:.0f}",
        f"{epochs[1].mean() / FOLDS:.0f}",
        str(ratio(per_epoch[0].tolist(), per_epoch[1].tolist())),
        str(ratio(seconds[0].tolist(), seconds[1].tolist())),
    ]


def section(rounds: int) -> str:
    """Measure in a process with one thread, and return the table in Markdown."""
    done = subprocess.run(
        [sys.executable, __file__, "--rounds", str(min(rounds, 5)), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    results = json.loads(done.stdout)
    columns = ["data, solver", "mlp", "scikit-learn", "difference", "standard error"]
    columns += [
        "loss",
        "theirs",
        "epochs",
        "theirs",
        "time of an epoch over theirs",
        "of a fit",
    ]
    text = table(columns, [row(name, runs) for name, runs in results.items()])
    left_out = [n for n in data_sets() if not any(k.startswith(n) for k in results)]
    if left_out:
        text += f"\nLeft out, as not downloaded here: {', '.join(left_out)}.\n"
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="the numbers themselves")
    arguments = parser.parse_args()
    if arguments.json:
        print(json.dumps(measured(arguments.rounds)))
    else:
        print(section(arguments.rounds))
