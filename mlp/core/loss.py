"""Loss: one number that says how wrong a prediction is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp.core.forward import _Forward


class Loss(_Forward, ABC):
    """ℓ(ŷ, y): one number that says how wrong a prediction ŷ of y is.

    A loss of your own writes forward, which returns ℓ as a float and keeps
    what backward needs, and backward, which returns the derivative of
    exactly that number: if forward divides by the number of entries, so
    does backward. It refuses a target of another shape, which NumPy would
    broadcast: (N, 1) − (N,) is (N, N). In the library's own losses and
    layers, each backward uses up one forward.

    Examples
    --------
    The sum of absolute differences, ℓ = Σ |ŷᵢ − yᵢ|, whose derivative is
    ∂ℓ/∂ŷᵢ = sign(ŷᵢ − yᵢ):

    >>> import numpy as np
    >>> from mlp import Loss
    >>> class AbsoluteLoss(Loss):
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

    @abstractmethod
    def forward(self, prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
        """Return ℓ(prediction, target), and keep what backward needs."""

    @abstractmethod
    def backward(self) -> Array:
        """Return ∂ℓ/∂ŷ at the last forward, in the shape of the prediction."""

    def __call__(self, prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
        """Return forward(prediction, target)."""
        return self.forward(prediction, target)
