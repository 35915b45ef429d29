"""Patience: when a run stops, and what it keeps."""

from __future__ import annotations

import math

from mlp._shared.arrays import RealArray
from mlp.core.layer import Layer
from mlp.fitting.rewind import put_back, state_arrays


class Patience:
    """Keeps the parameters and buffers of the lowest validation loss.

    Parameters
    ----------
    model : Layer
        What they are kept of.
    epochs : int
        After how many without a lower loss it is over.
    """

    def __init__(self, model: Layer, epochs: int) -> None:
        self._arrays, self._epochs = state_arrays(model), epochs
        self._best: list[RealArray] | None = None
        self._lowest, self._waited = math.inf, 0

    def see(self, loss: float) -> None:
        """Take note of the validation loss at the end of an epoch."""
        self._waited += 1
        if loss < self._lowest:
            self._lowest, self._waited = loss, 0
            self._best = [array.copy() for array in self._arrays]

    def is_over(self) -> bool:
        """Return whether the loss has not fallen for that long."""
        return self._waited >= self._epochs

    def put_back_the_best(self) -> None:
        """Write the best into the model, if an epoch was run."""
        if self._best is not None:
            put_back(self._arrays, self._best)

    def best(self, named: dict[str, RealArray]) -> dict[str, RealArray]:
        """Return the best by the names of the model's arrays."""
        kept = self._best or []
        by_id = dict(zip(map(id, self._arrays), kept, strict=True))
        return {name: by_id[id(array)] for name, array in named.items()}

    def go_on_from(
        self,
        best: dict[str, RealArray],
        named: dict[str, RealArray],
        lowest: float,
        waited: int,
    ) -> None:
        """Take over what best returned, the loss then, and the epochs since."""
        by_id = {id(array): best[name] for name, array in named.items()}
        self._best = [by_id[id(array)] for array in self._arrays]
        self._lowest, self._waited = lowest, waited
