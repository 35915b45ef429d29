"""DivergenceError: a number is no longer finite."""

from __future__ import annotations

from mlp.fitting.history import History


class DivergenceError(ArithmeticError):
    """A loss or a prediction in fit is NaN or infinite.

    Parameters, buffers, the optimizer's state and the generators of layers
    are as they were before the step that failed: the one whose loss was not
    finite, or the one that made a parameter infinite. If no step failed,
    they are those of the end of the epoch. The parameters are finite, and
    there are no gradients.

    Attributes
    ----------
    history : History
        Of the epochs before.
    epoch, batch : int
        Which step it was, both counted from 0; batch is None if it was no
        step but a prediction at the end of the epoch.
    lr : float
        The learning rate of that step.

    Examples
    --------
    >>> from mlp import SGD, DivergenceError, Linear, MSELoss, fit
    >>> model = Linear(1, 1, rng=0)
    >>> optimizer = SGD(model.parameters(), lr=1e200)
    >>> try:
    ...     fit(model, MSELoss(), optimizer, [[2.0]], [[3.0]], epochs=5)
    ... except DivergenceError as error:
    ...     print(error.epoch, error.batch, error.lr)
    1 0 1e+200
    """

    def __init__(
        self,
        message: str,
        history: History,
        epoch: int,
        batch: int | None,
        lr: float,
    ) -> None:
        super().__init__(message, history, epoch, batch, lr)  # for pickle
        self.history, self.epoch, self.batch, self.lr = history, epoch, batch, lr

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


class NotFinite(ArithmeticError):
    """A "prediction", "loss" or "parameter" is not finite; fit adds where."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def divergence(
    what: str, history: History, batch: int | None, lr: float, smaller: str
) -> DivergenceError:
    """Return the error of the epoch after those of a history.

    smaller is the call that makes the optimizer with a smaller lr.
    """
    epoch = len(history.loss)
    where = "at the end" if batch is None else f"in batch {batch}"
    return DivergenceError(
        f"fit: expected finite numbers, got a {what} that is not, {where} of epoch "
        f"{epoch}, counted from 0, at lr={lr:.3g}; try {smaller}, and x scaled by a "
        f"Standardizer, in a regression y too",
        history,
        epoch,
        batch,
        lr,
    )
