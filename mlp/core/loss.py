"""Loss: one number that says how wrong a prediction is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp.core.forward import _Forward, takes_keyword


class Reduction(str):
    """What a loss divides its sum by: a word, and the number it stands for.

    fit uses it to weight the batches of an epoch, derive and trace use it
    to write the factor.

    Parameters
    ----------
    word : str
        "mean", "batchmean" or "sum". The object is equal to this str.
    over : "entries", "rows" or "nothing"
        The sum is divided by the number of these.

    Examples
    --------
    >>> from mlp import MSELoss
    >>> mean = MSELoss().reduction
    >>> mean == "mean", mean.over, mean.divisor((32, 10))
    (True, 'entries', 320)
    >>> MSELoss("batchmean").reduction.divisor((32, 10))
    32
    """

    over: str

    def __new__(cls, word: str, over: str) -> Self:
        """Return the word, with what it divides by."""
        reduction = super().__new__(cls, word)
        reduction.over = over
        return reduction

    def __reduce__(self) -> tuple[type[Reduction], tuple[str, str]]:
        """Return what makes a copy, for pickle and copy."""
        return Reduction, (str(self), self.over)

    def divisor(self, shape: tuple[int, ...], rows: float | None = None) -> float:
        """Return what the sum is divided by, for a prediction of this shape.

        rows is the sum of the weights, if the rows have weights.
        """
        if rows is not None:
            shape = shape[1:]
            return {"entries": rows * math.prod(shape), "rows": rows}.get(self.over, 1)
        if self.over == "entries":
            return math.prod(shape)
        return shape[0] if self.over == "rows" and shape else 1

    @staticmethod
    def of(loss: object) -> Reduction:
        """Return the reduction of a loss; without one, a mean over rows.

        A loss of your own may say "sum" by a plain str; every other word
        counts as a mean over rows.
        """
        reduction = getattr(loss, "reduction", "mean")
        if isinstance(reduction, Reduction):
            return reduction
        return Reduction(str(reduction), "nothing" if reduction == "sum" else "rows")


class Loss(_Forward, ABC):
    """ℓ(ŷ, y): one number that says how wrong a prediction ŷ of y is.

    To write a loss of your own, write forward and backward. forward returns
    ℓ as a float and keeps what backward needs. backward returns the
    derivative of exactly that number: if forward divides by the number of
    entries, so does backward. forward should refuse a target of another
    shape, because NumPy would broadcast it: (N, 1) − (N,) is (N, N). In the
    library's own losses and layers, each backward needs a new forward.

    Attributes
    ----------
    reduction : Reduction or str
        What the sum is divided by. A loss without this attribute counts as
        a mean over rows. Set reduction = "sum" in a loss that is a sum.
    takes_labels : bool
        Whether a target may have shape (N,), one class label for each row,
        instead of the prediction's shape.
    takes_weight : bool
        Whether forward has an argument weight, as in the library's losses:
        None, or a number of at least 0 for each row, shape (N,).

    Examples
    --------
    The sum of absolute differences, ℓ = Σ |ŷᵢ − yᵢ|, whose derivative is
    ∂ℓ/∂ŷᵢ = sign(ŷᵢ − yᵢ):

    >>> import numpy as np
    >>> from mlp import Loss
    >>> class AbsoluteLoss(Loss):
    ...     reduction = "sum"
    ...     def forward(self, prediction, target):
    ...         if prediction.shape != target.shape:
    ...             raise ValueError(f"{prediction.shape}, {target.shape}")
    ...         self.difference = prediction - target
    ...         return float(np.abs(self.difference).sum())
    ...     def backward(self):
    ...         return np.sign(self.difference)
    >>> loss = AbsoluteLoss()
    >>> loss.forward(np.array([[1.0, 5.0]]), np.array([[3.0, 4.5]]))
    2.5
    >>> loss.backward()
    array([[-1.,  1.]])
    """

    takes_labels: bool = False
    takes_weight: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Note whether forward takes the weights of rows."""
        super().__init_subclass__(**kwargs)
        cls.takes_weight = takes_keyword(cls.forward, "weight")

    @abstractmethod
    def forward(self, prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
        """Return ℓ(prediction, target), and keep what backward needs."""

    @abstractmethod
    def backward(self) -> Array:
        """Return ∂ℓ/∂ŷ at the last forward, in the shape of the prediction."""

    def __call__(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return forward(prediction, target), with weight if it is given."""
        if weight is None:
            return self.forward(prediction, target)
        self.expect_takes_weight()
        forward: Any = self.forward
        loss: float = forward(prediction, target, weight=weight)
        return loss

    def expect_takes_weight(self) -> None:
        """Raise unless forward takes the weights of rows."""
        if not self.takes_weight:
            raise TypeError(
                f"{type(self).__name__}.forward: expected an argument weight, as rows "
                f"have weights, got a forward without; write forward(self, prediction, "
                f"target, weight=None), and multiply the term of row n by weight[n]"
            )
