"""What a step changes, kept to go back to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mlp._shared.arrays import RealArray
from mlp.core.layer import Layer
from mlp.core.optimizer import Optimizer

STEPS_APART = 256  # are the states kept to rewind to, or the epochs, if longer


def state_arrays(model: Layer) -> list[RealArray]:
    """Return the arrays of the parameters, and of the buffers: not copied."""
    buffers = [buffer.data for _, buffer in model.named_buffers()]
    return [p.data for p in model.parameters()] + buffers


def put_back(arrays: list[RealArray], kept: list[RealArray]) -> None:
    """Write what was kept into the arrays."""
    for array, copy in zip(arrays, kept, strict=True):
        array[...] = copy


class Moment(NamedTuple):
    """A copy of all that State holds."""

    arrays: list[RealArray]
    optimizer: dict[str, Any]
    generators: list[Any]


class State:
    """Parameters, buffers, the optimizer's state and all generators of a run.

    The generators are that of the rows' order, and those of layers.
    """

    def __init__(
        self, model: Layer, optimizer: Optimizer, rng: np.random.Generator
    ) -> None:
        self._arrays, self._optimizer = state_arrays(model), optimizer
        own = [generator for _, generator in model.named_generators()]
        self._bits = [generator.bit_generator for generator in (rng, *own)]
        self.is_changed_by_forward = len(self._arrays) + len(own) > len(
            model.parameters()
        )

    def kept(self, lr: float) -> Moment:
        """Return a copy; lr is the optimizer's own, without a schedule."""
        return Moment(
            [array.copy() for array in self._arrays],
            self._optimizer.state_dict() | {"lr": lr},
            [bits.state for bits in self._bits],
        )

    def put_back(self, moment: Moment) -> None:
        """Make all of it what it was."""
        put_back(self._arrays, moment.arrays)
        self._optimizer.load_state_dict(moment.optimizer)
        for bits, state in zip(self._bits, moment.generators, strict=True):
            bits.state = state
