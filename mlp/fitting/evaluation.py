"""The validation loss and the metrics of an epoch."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array, RealArray
from mlp.core.loss import Loss, Reduction
from mlp.fitting.divergence import NotFinite
from mlp.sequential import Sequential

Metric: TypeAlias = Callable[[Array, RealArray], float | None]
Rows: TypeAlias = tuple[RealArray, ...]  # x, y and, if there are any, weights
_ROWS = 1024  # that an evaluation sends through the net at a time


def size_of(rows: Rows) -> float:
    """Return the number of rows, or the sum of their weights."""
    return len(rows[0]) if len(rows) == 2 else float(rows[2].sum(dtype=np.float64))


def mean_over_rows(criterion: Loss, losses: list[float], sizes: list[float]) -> float:
    """Return the mean over all rows, given the losses of batches.

    A loss that is a sum counts its rows by itself.
    """
    n = math.fsum(sizes)
    if Reduction.of(criterion).over == "nothing":
        sizes = [1] * len(losses)
    parts = [loss * (size / n) for loss, size in zip(losses, sizes, strict=True)]
    return math.fsum(parts)


class Evaluation:
    """The loss on validation rows; metrics on them or the training rows.

    Parameters
    ----------
    training : arrays x, y
        Which the metrics are measured on if there is no validation.
    validation : arrays x, y, and perhaps weights; or None
        Rows that are not trained on.
    metrics : dict of str to function
        Functions of prediction and target.
    """

    def __init__(
        self, training: Rows, validation: Rows | None, metrics: dict[str, Metric]
    ) -> None:
        self.has_validation = validation is not None
        self._rows = validation or training
        self.metrics = metrics
        self._prediction: Array | None = None

    def run(self, net: Sequential, criterion: Loss) -> float:
        """Return the validation loss; keep predictions for the metrics.

        Without validation the loss is 0. predict runs in evaluation mode.
        """
        x = self._rows[0]
        if not (self.has_validation or self.metrics):
            return 0.0
        losses, sizes, predictions = list[float](), list[float](), []
        for first in range(0, len(x), _ROWS):
            rows = tuple([array[first : first + _ROWS] for array in self._rows])
            prediction = net.predict(rows[0])
            if not arrays.all_finite([prediction]):
                raise NotFinite("prediction")
            if self.has_validation:
                loss = copy.copy(criterion)(prediction, *rows[1:])
                loss = numbers.real_number("fit", "the loss", loss)
                if not math.isfinite(loss):
                    raise NotFinite("loss")
                losses.append(loss)
                sizes.append(size_of(rows))
            if self.metrics:
                predictions.append(prediction)
        self._prediction = np.concatenate(predictions) if predictions else None
        return mean_over_rows(criterion, losses, sizes) if losses else 0.0

    def measure(self) -> dict[str, float]:
        """Return each metric of the predictions, which are not kept on."""
        prediction, self._prediction = self._prediction, None
        if prediction is None:
            return {}
        y = self._rows[1]
        return {
            name: _measured(f"metrics[{name!r}]", metric, prediction, y)
            for name, metric in self.metrics.items()
        }


def _measured(what: str, metric: Metric, prediction: Array, target: RealArray) -> float:
    """Return what a metric says; NaN, with a warning, where it has no value."""
    try:
        value = metric(prediction, target)
    except (ArithmeticError, ValueError) as error:
        warnings.warn(
            f"fit: expected {what} to have a value, got {type(error).__name__}: "
            f"{error}; the history has NaN for it",
            UserWarning,
            stacklevel=numbers.stacklevel_outside(),
        )
        value = None
    return math.nan if value is None else numbers.real_number("fit", what, value)
