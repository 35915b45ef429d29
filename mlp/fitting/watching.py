"""A loss and an optimizer that fit gives to train_step.

A watched loss checks each prediction and each loss before the step. A
clipped optimizer bounds the gradients before it steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import numbers
from mlp._shared.arrays import Array
from mlp.core.layer import Layer
from mlp.core.loss import Loss, Reduction
from mlp.core.optimizer import Optimizer
from mlp.fitting.divergence import NotFinite
from mlp.optim.clipping import clip_grad_norm


class Watched(Loss):
    """A loss, with a check of each number before it is used."""

    def __init__(self, criterion: Loss) -> None:
        self.criterion = criterion
        self.reduction = Reduction.of(criterion)

    def forward(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return the loss; raise NotFinite if it, or ŷ, is not finite."""
        try:
            if weight is None:
                loss = self.criterion.forward(prediction, target)
            else:
                loss = self.criterion(prediction, target, weight)
        except ValueError as error:  # BCELoss's of NaN, or of a wrong target
            if np.isfinite(prediction).all():
                raise
            raise NotFinite("prediction") from error
        if type(loss) is not float:
            loss = numbers.real_number("fit", "the loss", loss)
        if not math.isfinite(loss):
            raise NotFinite("loss")
        ŷ: Any = prediction  # whose sum of squares is a faster test; it may overflow
        if not (math.isfinite(np.vdot(ŷ, ŷ)) or np.isfinite(ŷ).all()):
            raise NotFinite("prediction")
        return loss

    def backward(self) -> Array:
        """Return that of the loss."""
        return self.criterion.backward()


class Clipped:
    """An optimizer whose gradients are scaled to a norm before each step."""

    def __init__(self, optimizer: Optimizer, max_norm: float) -> None:
        self._optimizer, self._max_norm = optimizer, max_norm
        self.team = optimizer.team

    def begin(self, model: Layer, criterion: Loss) -> None:
        """Do what the optimizer does at the start."""
        self._optimizer.begin(model, criterion)

    def zero_grad(self) -> None:
        """Set the gradients to None."""
        self._optimizer.zero_grad()

    def step(self, rows: float | None = None) -> None:
        """Clip the gradients, of all processes if there are several, and step."""
        self._optimizer.combine(rows)
        clip_grad_norm(self._optimizer.parameters, self._max_norm)
        self._optimizer.inner.step()
