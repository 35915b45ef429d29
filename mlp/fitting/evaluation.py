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
Rows: TypeAlias = tuple[RealArray, RealArray]
_ROWS = 1024  # that an evaluation sends through the net at a time


def share(criterion: Loss, rows: int, n: int) -> float:
    """Return by what the loss of some of n rows enters the mean over all n.

    A loss that is a sum counts its rows by itself.
    """
    return (1 if Reduction.of(criterion).over == "nothing" else rows) / n


class Evaluation:
    """The loss on validation rows; metrics on them or the training rows.

    Parameters
    ----------
    training : pair of arrays
        Which the metrics are measured on if there is no validation.
    validation : pair of arrays or None
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

    def run(self, net: Sequential, criterion: Loss) -> tuple[float, Array]:
        """Return the validation loss, and predictions if there are metrics.

        Without validation the loss is 0. predict runs in evaluation mode.
        """
        x, y = self._rows
        if not (self.has_validation or self.metrics):
            return 0.0, x[:0]
        parts, predictions = list[float](), []
        for first in range(0, len(x), _ROWS):
            rows = slice(first, first + _ROWS)
            prediction = net.predict(x[rows])
            if not arrays.all_finite([prediction]):
                raise NotFinite("prediction")
            if self.has_validation:
                loss = copy.copy(criterion).forward(prediction, y[rows])
                loss = numbers.real_number("fit", "the loss", loss)
                if not math.isfinite(loss):
                    raise NotFinite("loss")
                parts.append(loss * share(criterion, len(y[rows]), len(y)))
            if self.metrics:
                predictions.append(prediction)
        return math.fsum(parts), np.concatenate(predictions or [x[:0]])

    def measure(self, prediction: Array) -> dict[str, float]:
        """Return each metric of the predictions."""
        _, y = self._rows
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
