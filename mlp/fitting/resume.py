"""The checkpoint of a run of fit, and how it goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlp._shared.arrays import Array
from mlp.fitting import checkpoint
from mlp.fitting.checkpoint import CheckpointError
from mlp.fitting.run import Run

_SERIES = ("loss", "lr", "seconds", "validation_loss", "metric_values")


def write(path: str | os.PathLike[str], run: Run) -> None:
    """Write all that the next epoch depends on, and what fit is to return."""
    history = run.history
    by_epoch = zip(*history.metrics.values(), strict=True)
    progress: dict[str, Any] = {
        "epoch": len(history.loss),
        "criterion": type(run.criterion).__name__,
        "generator": run.rng,
        "loss": history.loss,
        "validation_loss": history.validation_loss,
        "lr": history.lr,
        "seconds": history.seconds,
        "metric_names": list(history.metrics),
        "metric_values": [value for values in by_epoch for value in values],
    }
    if run.patience is not None:
        best = run.patience.best(run.net.state_arrays())
        progress |= {"best": best} if best else {}
    checkpoint.save(path, run.net, run.optimizer, **progress)


def go_on(path: str | os.PathLike[str], run: Run) -> None:
    """Take over what write wrote, if there is a file; all of it or nothing.

    lr and the other settings of the optimizer stay those of this call.
    """
    if not os.path.isfile(path):  # nor is there a run in a device or a pipe
        return
    loaded = checkpoint.read(path, run.net, run.optimizer)
    progress = loaded.progress
    best = progress.pop("best", {})
    _expect_this_run(os.fspath(path), run, progress, best)
    checkpoint.take_over(path, loaded, run.optimizer.settings())
    run.rng.bit_generator.state = progress["generator"].bit_generator.state
    history, names = run.history, progress["metric_names"]
    history.loss, history.lr = progress["loss"], progress["lr"]
    history.validation_loss = progress["validation_loss"]
    history.seconds = progress["seconds"]
    for i, name in enumerate(names):
        history.metrics[name] = progress["metric_values"][i :: len(names)]
    if run.patience is not None:
        run.patience.go_on_from(best, run.net.state_arrays(), history)
    run.begin_here()


def _expect_this_run(
    path: str, run: Run, progress: dict[str, Any], best: dict[str, Array]
) -> None:
    """Raise unless the progress is that of a run of fit like this one."""
    epochs = progress.get("epoch", 0)
    own_criterion = type(run.criterion).__name__
    criterion = progress.pop("criterion", own_criterion)  # older files have none
    kinds: dict[str, type] = dict.fromkeys((*_SERIES, "metric_names"), list)
    kinds |= {"epoch": int, "generator": np.random.Generator}
    if {name: type(value) for name, value in progress.items()} != kinds or {
        type(number) for name in _SERIES for number in progress[name]
    } != {float}:
        raise CheckpointError(
            f"fit: expected {path} to be a checkpoint that fit wrote, got one with "
            f"the progress {list(progress)}; give a path of its own"
        )
    names, bits = progress["metric_names"], progress["generator"].bit_generator
    metrics = run.evaluation.metrics
    lengths = (1, 1, 1, int(run.evaluation.has_validation), len(metrics))
    keeps_best = run.patience is not None and run.patience.patience.keeps_best
    kept = run.net.state_arrays() if keeps_best else {}
    is_like_this = (
        [len(progress[name]) for name in _SERIES] == [epochs * n for n in lengths]
        and sorted(map(str, names)) == sorted(metrics)
        and _shapes(best) == _shapes(kept)
        and criterion == own_criterion
        and type(bits) is type(run.rng.bit_generator)
    )
    if not is_like_this:
        raise CheckpointError(
            f"fit: expected {path} to be of a run with this call's criterion, "
            f"{own_criterion}, validation, patience, metrics and kind of "
            f"generator, got one of {criterion} "
            f"{_with(progress['validation_loss'])} validation, {_with(best)} "
            f"patience, with the metrics {names} and {type(bits).__name__}; give "
            f"a path of its own"
        )


def _shapes(arrays: Mapping[str, Array]) -> dict[str, tuple[Any, ...]]:
    return {name: (a.shape, a.dtype) for name, a in arrays.items()}


def _with(something: object) -> str:
    return "with" if something else "without"
