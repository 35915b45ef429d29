"""Penalized: a loss plus a penalty on large weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp._shared.sums import dot, times
from mlp.core.loss import Loss
from mlp.core.parameter import Parameter


class Penalized(Loss):
    """ℓ = c L(ŷ, y) + α/(2n) Σ ‖W‖², over the weights W, not the biases.

    scikit-learn's nets minimize this loss on a batch of n rows.

    Parameters
    ----------
    criterion : Loss
        The loss L, a mean over rows.
    weights : sequence of Parameter
        The weight matrices W.
    alpha : float
        α, at least 0.
    factor : float
        c: ½ for a squared error, otherwise 1.

    Derivation
    ----------
    n is the number of rows, or the sum of their weights. ℓ depends on W in
    two ways: through ŷ, where the backward of the layers gives the
    gradient, and through the second term:

        ∂ℓ/∂ŷ = c ∂L/∂ŷ                    backward returns this
        ∂/∂W α/(2n) ‖W‖² = (α/n) W         backward adds this to W.grad

    n counts the rows of the batch, not all rows: if the batches are half as
    large, the penalty is twice as large. This is scikit-learn's definition.

    Examples
    --------
    ½ · 2² from the error, plus 0.5/2 · 3² from the weight:

    >>> import numpy as np
    >>> from mlp import MSELoss, Parameter
    >>> from mlp.estimators.penalty import Penalized
    >>> W = Parameter([[3.0]])
    >>> loss = Penalized(MSELoss(), [W], alpha=0.5, factor=0.5)
    >>> loss.forward(np.array([[7.0]]), np.array([[5.0]]))
    4.25
    >>> loss.backward(), W.grad
    (array([[2.]]), array([[1.5]]))
    """

    forward_keeps = ("_n",)
    _n: float

    def __init__(
        self,
        criterion: Loss,
        weights: Sequence[Parameter],
        alpha: float,
        factor: float = 1.0,
    ) -> None:
        self.criterion, self.weights = criterion, weights
        self.alpha, self.factor = alpha, factor
        self.takes_labels = criterion.takes_labels

    def forward(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return ℓ, and keep n."""
        rows: Any = prediction if weight is None else weight
        self._n = len(rows) if weight is None else float(rows.sum())
        loss = self.factor * self.criterion(prediction, target, weight)
        if self.alpha:
            squares = sum(dot(W.data, W.data) for W in self.weights)
            loss += self.alpha / (2 * self._n) * squares
        return loss

    def backward(self) -> Array:
        """Return c ∂L/∂ŷ, and add (α/n) W to each W.grad."""
        if self.alpha:
            for W in self.weights:
                W.add_grad(times(self.alpha / self._n, W.data))
        gradient = self.criterion.backward()
        return gradient if self.factor == 1 else times(self.factor, gradient)
