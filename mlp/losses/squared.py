"""MSELoss: the squared error, for regression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays
from mlp._shared.arrays import Array
from mlp._shared.sums import dot, times
from mlp.losses.reduced import _ReducedLoss, by_row


class MSELoss(_ReducedLoss):
    """ℓ = (1/M) Σ (ŷ − y)², over all entries; M = N·K for the mean.

    The squared error, the loss for regression. It is the negative logarithm
    of a Gaussian likelihood with fixed variance, up to constants. So the
    best prediction for an x is the mean of y at this x.

    Parameters
    ----------
    reduction : "mean", "sum" or "batchmean"
        M is the number of entries, N·K; 1; or the number of rows, N. With
        "sum" and one sample, ℓ = ‖ŷ − y‖². The gradient of a mean does not
        grow with N, so lr can stay when the batch size changes: see
        help(mlp.losses).

    Attributes
    ----------
    reduction : str
        As given.

    Raises
    ------
    ValueError
        If prediction and target differ in shape, as (N, 1) and (N,), which
        NumPy would broadcast to (N, N); if they are empty; if reduction is
        unknown.
    TypeError
        If one of them does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    prediction, target, and what backward returns : the same, any
        In the dtype of prediction if it is float64 or float32, else in
        float64; target is converted to it.
    weight : (N,), or None
        The weight of each row; Σ wₙ replaces N, see help(mlp.losses).

    Derivation
    ----------
        ℓ = (1/M) Σᵢ (ŷᵢ − yᵢ)²
        ∂ℓ/∂ŷᵢ = (2/M) (ŷᵢ − yᵢ)      other terms do not contain ŷᵢ
        ∂ℓ/∂ŷ = (2/M) (ŷ − y)ᵀ        a row in numerator layout; a batch has
                                      its samples in rows, so no transpose

    With weights of rows, each term has the factor wₙ, and Σ wₙ replaces N.

    Examples
    --------
    >>> from mlp import MSELoss
    >>> loss = MSELoss()
    >>> loss.forward([[3.0, 5.0]], [[1.0, 6.0]])     # (2² + 1²) / 2
    2.5
    >>> loss.backward()                              # 2/2 · (2, −1)
    array([[ 2., -1.]])
    >>> MSELoss("sum").forward([[3.0, 5.0]], [[1.0, 6.0]])
    5.0
    >>> loss.forward([[3.0], [5.0]], [[1.0], [6.0]], weight=[3, 1])
    3.25
    >>> loss.backward()              # 2/4 · (3·2, 1·(−1)), as 3 + 1 = 4
    array([[ 3. ],
           [-0.5]])

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, section 3.1.1.
    """

    _kept: Array | None = None

    def forward(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return (1/M) Σ w (prediction − target)², keep w ⊙ difference."""
        ŷ, y, w, divisor = self._operands(prediction, target, weight)
        d = np.asarray(ŷ - y)
        weighted = by_row(w, d)
        self._kept, self._divisor = weighted, divisor
        return dot(weighted, d) / divisor

    def backward(self) -> Array:
        """Return (2/M) w (prediction − target)."""
        if self._kept is None:
            raise arrays.no_forward(self, "loss = criterion.forward(…) (step 2)")
        gradient = np.asarray(times(2 / self._divisor, self._kept))
        self._kept = None
        return gradient
