"""Patience: when fit stops early, and what it keeps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mlp._shared import numbers
from mlp._shared.arrays import RealArray
from mlp.core.layer import Layer
from mlp.fitting.history import History
from mlp.fitting.rewind import put_back, state_arrays


@dataclass(frozen=True)
class Patience:
    """Which value fit watches, and when it stops.

    fit(…, patience=30) is fit(…, patience=Patience(30)).

    Parameters
    ----------
    epochs : int
        Stop after so many epochs without a better value.
    watch : str
        "validation_loss"; "loss", that of the training rows; or the name of
        a metric, where a larger value is better.
    least : float
        A value counts as better if it is better by more than this.
    keeps_best : bool
        Whether the model gets the parameters and buffers of the best value
        at the end, or keeps the last.

    Examples
    --------
    Stop when the training loss has fallen by less than 0.001 for 3 epochs:

    >>> from mlp import SGD, Linear, MSELoss, fit
    >>> from mlp.fitting.patience import Patience
    >>> model = Linear(1, 1, rng=0)
    >>> optimizer = SGD(model.parameters(), lr=0.1)
    >>> patience = Patience(3, watch="loss", least=0.001, keeps_best=False)
    >>> training = model, MSELoss(), optimizer, [[1.0]], [[2.0]]
    >>> history = fit(*training, epochs=99, patience=patience)
    >>> len(history.loss), history.stopped
    (12, 'patience')
    """

    epochs: int
    watch: str = "validation_loss"
    least: float = 0.0
    keeps_best: bool = True

    def __post_init__(self) -> None:
        """Check the settings."""
        numbers.positive_int("Patience", "epochs", self.epochs)
        numbers.instance("Patience", "watch", self.watch, str)
        numbers.number("Patience", "least", self.least, least=0)
        numbers.flag("Patience", "keeps_best", self.keeps_best)

    @property
    def is_of_a_loss(self) -> bool:
        """Whether less is better."""
        return self.watch in ("loss", "validation_loss")

    def values(self, history: History) -> list[float]:
        """Return what is watched, an epoch each."""
        watched = vars(history) if self.is_of_a_loss else history.metrics
        values: list[float] = watched[self.watch]
        return values


class Waiting:
    """What patience has seen of a run so far.

    Parameters
    ----------
    patience : Patience
        What it waits for.
    model : Layer
        What the best parameters and buffers are kept of.
    """

    def __init__(self, patience: Patience, model: Layer) -> None:
        self.patience, self._arrays = patience, state_arrays(model)
        self._best: list[RealArray] | None = None
        self._lowest, self._waited = math.inf, 0

    def see(self, history: History) -> None:
        """Take note of the last epoch."""
        is_best = self._note(self.patience.values(history)[-1])
        if is_best and self.patience.keeps_best:
            self._best = [array.copy() for array in self._arrays]

    def _note(self, value: float) -> bool:
        """Count the epoch; return whether its value is the best so far."""
        self._waited += 1
        value = value if self.patience.is_of_a_loss else -value
        if value < self._lowest - self.patience.least:
            self._waited = 0
        is_best = value < self._lowest
        if is_best:
            self._lowest = value
        return is_best

    def is_over(self) -> bool:
        """Return whether the value has not been better for that long."""
        return self._waited >= self.patience.epochs

    def put_back_the_best(self) -> None:
        """Write the best into the model, if they were kept."""
        if self._best is not None:
            put_back(self._arrays, self._best)

    def best(self, named: dict[str, RealArray]) -> dict[str, RealArray]:
        """Return the best by the names of the model's arrays; {} if not kept."""
        if not self.patience.keeps_best:
            return {}
        kept = self._best or []
        by_id = dict(zip(map(id, self._arrays), kept, strict=True))
        return {name: by_id[id(array)] for name, array in named.items()}

    def kept(self) -> tuple[Any, ...]:
        """Return the best, its loss, and the epochs since."""
        return self._best, self._lowest, self._waited

    def take_over(self, kept: tuple[Any, ...]) -> None:
        """Take over what kept returned."""
        self._best, self._lowest, self._waited = kept

    def go_on_from(
        self, best: dict[str, RealArray], named: dict[str, RealArray], history: History
    ) -> None:
        """Take over what best returned, and the epochs before."""
        for value in self.patience.values(history):
            self._note(value)
        if self.patience.keeps_best:
            by_id = {id(array): best[name] for name, array in named.items()}
            self._best = [by_id[id(array)] for array in self._arrays]
