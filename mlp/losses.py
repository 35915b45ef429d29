"""The losses: MSELoss for regression and BCELoss for yes or no.

A newcomer should learn that a loss is where the chain rule starts: forward
turns a batch of predictions into one number, and backward is the derivative
of exactly that number, its mean included. What the number is divided by
looks like bookkeeping and sets the scale of every step; the note below says
how.

Reductions, for a prediction of N rows and K columns:

    "mean"       divides the sum by N·K, the number of entries; the default
    "batchmean"  divides it by N, the number of rows
    "sum"        divides it by 1

Why a mean puts lr and batch size on speaking terms: the gradient of a sum
over N samples is the sum of N gradients, so it grows with N; a step of
lr·gradient that was right for 32 samples is twice too long for 64, and lr
has to be found anew for each batch size. The gradient of the mean over N
samples is an estimate of one and the same thing, the gradient over all the
data, whatever N is: a larger batch makes it less noisy, not longer. Hence

    sum = N·K·mean,   so lr for the sum = lr for the mean / (N·K)

and a weight decay, which is no mean, must be N·K times larger for the sum
to weigh the same beside it. The price: the last, smaller batch of an epoch
takes as long a step as a full one, so each of its rows weighs more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlp import _checks
from mlp._checks import Array
from mlp._numbers import dot, underflow_is_zero
from mlp.core import Loss

_REDUCTIONS = ("mean", "sum", "batchmean")


class _ReducedLoss(Loss):
    """A sum over all entries, divided by what reduction says."""

    forward_keeps = ("_kept", "_divisor")

    def __init__(self, reduction: str = "mean") -> None:
        name = type(self).__name__
        self._reduction = _checks.one_of(name, "reduction", reduction, _REDUCTIONS)

    @property
    def reduction(self) -> str:
        """What the sum is divided by: "mean", "sum" or "batchmean"."""
        return self._reduction

    def _operands(
        self, prediction: npt.ArrayLike, target: npt.ArrayLike
    ) -> tuple[Array, Array, int]:
        """Return the checked arrays, and the divisor: N·K, N or 1."""
        per_row = self._reduction == "batchmean"
        ŷ, y = _checks.prediction_and_target(self, prediction, target, per_row)
        if self._reduction == "mean":
            return ŷ, y, ŷ.size
        return ŷ, y, len(ŷ) if per_row else 1

    def __repr__(self) -> str:
        """Return the call that makes such a loss."""
        return f"{type(self).__name__}(reduction={self.reduction!r})"


class MSELoss(_ReducedLoss):
    """ℓ = (1/M) Σ (ŷ − y)², over all entries; M = N·K for the mean.

    The squared error: the loss of a regression. It is the negative
    logarithm of a Gaussian likelihood with fixed variance, up to constants,
    so its best prediction is the mean of y at this x.

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

    Derivation
    ----------
        ℓ = (1/M) Σᵢ (ŷᵢ − yᵢ)²
        ∂ℓ/∂ŷᵢ = (2/M) (ŷᵢ − yᵢ)      the other terms do not hold ŷᵢ
        ∂ℓ/∂ŷ = (2/M) (ŷ − y)ᵀ        a row in numerator layout; a batch has
                                      its samples in rows, so no transpose

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

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, section 3.1.1.
    """

    _kept: Array | None = None

    @underflow_is_zero
    def forward(self, prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
        """Return (1/M) Σ (prediction − target)², and keep the difference."""
        ŷ, y, divisor = self._operands(prediction, target)
        d = np.asarray(ŷ - y)
        self._kept, self._divisor = d, divisor
        return dot(d, d) / divisor

    @underflow_is_zero
    def backward(self) -> Array:
        """Return (2/M) (prediction − target)."""
        if self._kept is None:
            raise _checks.no_forward(self, "loss = criterion.forward(…) (step 2)")
        gradient = np.asarray(self._kept * (2 / self._divisor))
        self._kept = None
        return gradient


class BCELoss(_ReducedLoss):
    """ℓ = −(1/M) Σ [y log ŷ + (1 − y) log(1 − ŷ)]; M = N·K for the mean.

    Binary cross-entropy: the loss of a classifier whose outputs ŷ are
    probabilities of a yes, each on its own. It is the negative logarithm of
    the probability that the predictions give to what happened.

    Parameters
    ----------
    reduction : "mean", "sum" or "batchmean"
        M is the number of entries, N·K; 1; or the number of rows, N. The
        gradient of a mean does not grow with N, so lr can stay when the
        batch size changes: see help(mlp.losses).

    Attributes
    ----------
    reduction : str
        As given.

    Raises
    ------
    ValueError
        If a prediction or a target is outside [0, 1], or NaN; if they
        differ in shape, as (N, 1) and (N,); if they are empty; if reduction
        is unknown.
    TypeError
        If one of them does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    prediction, target, and what backward returns : the same, any
        In the dtype of prediction if it is float64 or float32, else in
        float64; target is converted to it.

    Derivation
    ----------
        ℓ = −(1/M) Σᵢ [yᵢ log ŷᵢ + (1 − yᵢ) log(1 − ŷᵢ)]
        ∂ℓ/∂ŷᵢ = −(1/M) (yᵢ/ŷᵢ − (1 − yᵢ)/(1 − ŷᵢ))
               = (1/M) (ŷᵢ − yᵢ) / (ŷᵢ (1 − ŷᵢ))

    After a Sigmoid, whose derivative is ŷ (1 − ŷ), the denominator cancels
    and what is left is (1/M) (ŷ − y): a confident mistake is corrected at
    full strength, where the squared error would have it stand still.

    A logarithm of 0 is infinite, and so is the slope there. As in PyTorch,
    each logarithm is bounded below by −100, and the last denominator by
    10⁻¹². Where a bound is active, backward is not the derivative of what
    forward returned: for ŷ (1 − ŷ) < 10⁻¹² the slope is the smaller one
    with 10⁻¹² below, and for ŷ < e⁻¹⁰⁰, where ℓ no longer changes, there is
    still that slope. Nor does the denominator cancel there: what comes
    through a Sigmoid fades, to 0 once ŷ is 0 or 1 exactly (in float64 for
    an input above 37, in float32 above 17).

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import BCELoss
    >>> loss = BCELoss()
    >>> value = loss.forward([[0.5, 0.25]], [[1.0, 0.0]])
    >>> np.isclose(value, -(np.log(0.5) + np.log(0.75)) / 2, rtol=1e-15)
    np.True_
    >>> loss.backward()               # 1/2 · (−0.5/0.25, 0.25/0.1875)
    array([[-1.        ,  0.66666667]])
    >>> loss.forward([[0.0]], [[1.0]])           # −log 0, bounded
    100.0

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.2.
    The bounds: torch.nn.BCELoss.
    """

    _kept: tuple[Array, Array] | None = None

    def forward(self, prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
        """Return −(1/M) Σ [y log ŷ + (1 − y) log(1 − ŷ)], and keep both."""
        ŷ, y, divisor = self._operands(prediction, target)
        _checks.in_unit_interval(
            self, "prediction", ŷ, "is a Sigmoid missing at the end of the net?"
        )
        _checks.in_unit_interval(
            self, "target", y, "scale it, or turn labels into rows by mlp.one_hot"
        )
        self._kept, self._divisor = (ŷ, y), divisor
        # log 0 = −∞, which the bound catches; an underflow is right
        with np.errstate(divide="ignore", under="ignore"):
            log_yes = np.maximum(np.log(ŷ), -100)
            log_no = np.maximum(np.log1p(-ŷ), -100)
            total = dot(y, log_yes) + dot(1 - y, log_no)
        return (0.0 - total) / divisor  # not −total, which could be −0.0

    @underflow_is_zero
    def backward(self) -> Array:
        """Return (1/M) (ŷ − y) / max(ŷ (1 − ŷ), 10⁻¹²)."""
        if self._kept is None:
            raise _checks.no_forward(self, "loss = criterion.forward(…) (step 2)")
        ŷ, y = self._kept
        slope = (ŷ - y) / np.maximum(ŷ * (1 - ŷ), 1e-12) / self._divisor
        self._kept = None
        return np.asarray(slope)
