"""What the losses have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array, floating, real_array, reshape_cure
from mlp._shared.numbers import FLOAT_DTYPES
from mlp._shared.sums import times
from mlp.core.loss import Loss, Reduction


def _prediction_and_target(
    loss: Loss, prediction: npt.ArrayLike, target: npt.ArrayLike
) -> tuple[Array, Array]:
    """Return the two arrays of a loss: one shape, one dtype, not empty.

    The dtype is the prediction's if that is float32 or float64, else
    float64. There are rows if the loss divides by their number.
    """
    if (
        type(prediction) is np.ndarray
        and type(target) is np.ndarray
        and prediction.dtype == target.dtype
        and prediction.dtype in FLOAT_DTYPES
        and prediction.shape == target.shape
        and prediction.ndim > 0
        and prediction.size > 0
    ):
        return prediction, target
    who = f"{type(loss).__name__}.forward"
    prediction = floating(who, "prediction", prediction)
    if prediction.dtype not in FLOAT_DTYPES:
        prediction = prediction.astype(np.float64)
    target = real_array(who, "target", target, prediction.dtype)
    if prediction.shape != target.shape:
        raise ValueError(
            f"{who}: expected prediction and target of one shape, got "
            f"{prediction.shape} and {target.shape}{reshape_cure(prediction, target)}"
        )
    if prediction.size == 0:
        raise ValueError(
            f"{who}: expected at least one entry, got shape {prediction.shape}: "
            f"an empty batch has no loss"
        )
    if prediction.ndim == 0 and Reduction.of(loss).over == "rows":
        raise ValueError(
            f"{who}: expected rows to divide by, as reduction is 'batchmean', got "
            f"a prediction of shape (); use 'mean' or 'sum'"
        )
    return prediction, target


class _ReducedLoss(Loss):
    """A sum over all entries, divided by what reduction says."""

    forward_keeps = ("_kept", "_divisor")
    over: ClassVar[dict[str, str]] = {
        "mean": "entries",
        "sum": "nothing",
        "batchmean": "rows",
    }

    def __init__(self, reduction: str = "mean") -> None:
        word = numbers.one_of(type(self).__name__, "reduction", reduction, self.over)
        self._reduction = Reduction(word, self.over[word])

    @property
    def reduction(self) -> Reduction:
        """What the sum is divided by: "mean", "sum" or "batchmean"."""
        return self._reduction

    def _operands(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None,
    ) -> tuple[Array, Array, Array | None, float]:
        """Return ŷ, y and w as _weights has it, checked, and the divisor M."""
        ŷ, y = _prediction_and_target(self, prediction, target)
        return ŷ, y, *self._weights(weight, ŷ)

    def _weights(
        self, weight: npt.ArrayLike | None, ŷ: Array
    ) -> tuple[Array | None, float]:
        """Return the weights as a column of ŷ's dtype, and M: N·K, N or 1.

        None without weights, and for a mean if all of them are alike.
        """
        if weight is None:
            return None, self._reduction.divisor(ŷ.shape)
        who = f"{type(self).__name__}.forward"
        w = arrays.row_weights(who, "weight", weight, ŷ, ŷ.dtype)
        if self._reduction.over != "nothing" and 0 < w.min() == w.max():
            return self._weights(None, ŷ)
        rows = float(w.sum(dtype=np.float64))
        column = w.reshape(-1, *[1] * (ŷ.ndim - 1))
        return column, self._reduction.divisor(ŷ.shape, rows) or 1

    def __repr__(self) -> str:
        """Return the call that makes such a loss."""
        return f"{type(self).__name__}(reduction={self.reduction!r})"


def by_row(w: Array | None, a: Array) -> Array:
    """Return w ⊙ a: each row of a times its weight; a, if there are none."""
    return a if w is None else times(w, a)


def check_logits(loss: Loss, z: Array) -> None:
    """Raise unless the logits are finite."""
    arrays.finite(
        f"{type(loss).__name__}.forward",
        "the logits",
        z,
        "the numbers became too large: try a smaller lr, or scale x",
    )
