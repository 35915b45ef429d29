"""A state of a run that it can go back to."""

from __future__ import annotations

from typing import Any

STEPS_APART = 256  # are the states kept to rewind to, or the epochs, if longer


class Moment:
    """The parameters and the states of optimizer and generator, to be put back."""

    def __init__(self, run: Any) -> None:
        self.epoch = len(run.history.loss)
        self._data = [p.data.copy() for p in run.parameters]
        self._optimizer = run.optimizer.state_dict() | {"lr": run.lr}
        self._rng = run.rng.bit_generator.state

    def put_back(self, run: Any) -> None:
        """Make all three what they were."""
        for p, data in zip(run.parameters, self._data, strict=True):
            p.data[...] = data
        run.optimizer.load_state_dict(self._optimizer)
        run.rng.bit_generator.state = self._rng
