"""BCELoss: binary cross-entropy, for yes or no."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays
from mlp._shared.arrays import Array, count_and_place
from mlp._shared.sums import dot, underflow_is_zero
from mlp.losses.reduced import _ReducedLoss, by_row, check_logits


def _check_unit_interval(loss: object, name: str, values: Array, cure: str) -> None:
    """Raise unless every entry is in [0, 1]; NaN is not."""
    if values.min() >= 0 and values.max() <= 1:
        return
    wrong = ~((values >= 0) & (values <= 1))
    if name == "prediction" and np.isnan(values).any():
        cure = "the numbers became too large: try a smaller lr, or scale x"
    raise ValueError(
        f"{type(loss).__name__}.forward: expected {name} in [0, 1], got "
        f"{count_and_place(values, wrong)}; {cure}"
    )


class BCELoss(_ReducedLoss):
    """ℓ = −(1/M) Σ [y log ŷ + (1 − y) log(1 − ŷ)]; M = N·K for the mean.

    Binary cross-entropy: the loss of a classifier whose outputs ŷ are
    probabilities of "yes", independent of each other. It is the negative
    logarithm of the probability that the predictions give to the targets.

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
    weight : (N,), or None
        The weight of each row; Σ wₙ replaces N, see help(mlp.losses).

    Derivation
    ----------
        ℓ = −(1/M) Σᵢ [yᵢ log ŷᵢ + (1 − yᵢ) log(1 − ŷᵢ)]
        ∂ℓ/∂ŷᵢ = −(1/M) (yᵢ/ŷᵢ − (1 − yᵢ)/(1 − ŷᵢ))
               = (1/M) (ŷᵢ − yᵢ) / (ŷᵢ (1 − ŷᵢ))

    After a Sigmoid, whose derivative is ŷ (1 − ŷ), the denominator cancels,
    and (1/M) (ŷ − y) is left. So the gradient is large where ŷ is far from
    y. With the squared error it would be nearly 0 there.

    A logarithm of 0 is infinite, and so is its slope. As in PyTorch, each
    logarithm is bounded below by −100, and the last denominator by 10⁻¹².
    Where a bound is active, backward is not the derivative of what forward
    returned. For ŷ (1 − ŷ) < 10⁻¹² it is smaller, because its denominator
    is 10⁻¹². For ŷ < e⁻¹⁰⁰, where ℓ no longer changes, backward still has
    this value. The denominator does not cancel there either: after a
    Sigmoid the gradient becomes small, and it is 0 if ŷ is exactly 0 or 1
    (in float64 for an input above 37, in float32 above 17).

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
    >>> _ = loss.forward([[0.5], [0.25]], [[1.0], [0.0]], weight=[1, 3])
    >>> loss.backward()               # 1/4 · (1·(−2), 3·4/3), as 1 + 3 = 4
    array([[-0.5],
           [ 1. ]])
    >>> loss.forward([[0.0]], [[1.0]])           # −log 0, bounded
    100.0

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.2.
    The bounds: torch.nn.BCELoss.
    """

    _kept: tuple[Array, Array, Array | None] | None = None

    def forward(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return −(1/M) Σ w [y log ŷ + (1 − y) log(1 − ŷ)], and keep them."""
        ŷ, y, w, divisor = self._operands(prediction, target, weight)
        _check_unit_interval(
            self, "prediction", ŷ, "is a Sigmoid missing at the end of the net?"
        )
        _check_unit_interval(
            self, "target", y, "scale it, or turn labels into rows by mlp.one_hot"
        )
        self._kept, self._divisor = (ŷ, y, w), divisor
        # log 0 = −∞, which the bound catches; an underflow is right
        with np.errstate(divide="ignore", under="ignore"):
            log_yes = np.maximum(np.log(ŷ), -100)
            log_no = np.maximum(np.log1p(-ŷ), -100)
            total = dot(by_row(w, y), log_yes) + dot(by_row(w, 1 - y), log_no)
        return (0.0 - total) / divisor  # not −total, which could be −0.0

    @underflow_is_zero
    def backward(self) -> Array:
        """Return (1/M) w (ŷ − y) / max(ŷ (1 − ŷ), 10⁻¹²)."""
        if self._kept is None:
            raise arrays.no_forward(self, "loss = criterion.forward(…) (step 2)")
        ŷ, y, w = self._kept
        slope = by_row(w, ŷ - y) / np.maximum(ŷ * (1 - ŷ), 1e-12) / self._divisor
        self._kept = None
        return np.asarray(slope)


class BCEWithLogitsLoss(_ReducedLoss):
    """ℓ = −(1/M) Σ [y log σ(z) + (1 − y) log(1 − σ(z))], from the logits z.

    Sigmoid and BCELoss in one formula. The logarithm and the exponential
    cancel, so ℓ and its gradient are exact for every finite z and need no
    bounds. The last layer of the net is then a Linear, without a Sigmoid. A
    logit z is the logarithm of the odds, and the probability is σ(z).

    Parameters
    ----------
    reduction : "mean", "sum" or "batchmean"
        M is the number of entries, N·K; 1; or the number of rows, N.

    Attributes
    ----------
    reduction : Reduction
        As given.

    Raises
    ------
    ValueError
        If a logit is NaN or infinite, or a target outside [0, 1]; if they
        differ in shape; if they are empty; if reduction is unknown.
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
    With (z)⁺ = max(0, z), and 1 − σ(z) = σ(−z):

        −log σ(z)       = log(1 + e⁻ᶻ) = (−z)⁺ + log(1 + e^(−|z|))
        −log(1 − σ(z))  = log(1 + eᶻ)  = (z)⁺ + log(1 + e^(−|z|))
        ℓ = (1/M) Σᵢ [yᵢ (−zᵢ)⁺ + (1 − yᵢ) (zᵢ)⁺ + log(1 + e^(−|zᵢ|))]

    No term is negative, so no digits are lost in the sum. From
    d/dz log(1 + e⁻ᶻ) = −σ(−z) and d/dz log(1 + eᶻ) = σ(z) follows

        ∂ℓ/∂zᵢ = (1/M) ((1 − yᵢ) σ(zᵢ) − yᵢ σ(−zᵢ)) = (1/M) (σ(zᵢ) − yᵢ)

    BCELoss after a Sigmoid gives the same gradient where no bound is
    active. backward runs the first form: for y = 1 and z = 40 it is
    −σ(−40) = −4.2e−18, but σ(40) − 1 rounds to 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import BCELoss, BCEWithLogitsLoss, Sigmoid
    >>> z, y = np.array([[2.0, -1.0]]), np.array([[1.0, 0.25]])
    >>> loss, sigmoid, bce = BCEWithLogitsLoss(), Sigmoid(), BCELoss()
    >>> value = loss.forward(z, y)
    >>> np.isclose(value, bce.forward(sigmoid.forward(z), y), rtol=1e-14)
    np.True_
    >>> gradient = sigmoid.backward(bce.backward())
    >>> np.allclose(loss.backward(), gradient, rtol=1e-14)
    True
    >>> loss.forward([[-1e300]], [[1.0]])
    1e+300
    >>> _ = loss.forward([[0.0], [0.0]], [[1.0], [0.0]], weight=[1, 3])
    >>> loss.backward()             # 1/4 · (1·(−1/2), 3·1/2), as 1 + 3 = 4
    array([[-0.125],
           [ 0.375]])

    References
    ----------
    torch.nn.BCEWithLogitsLoss.
    """

    _kept: tuple[Array, Array, Array, Array | None] | None = None

    @underflow_is_zero
    def forward(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return (1/M) Σ w [y (−z)⁺ + (1 − y) (z)⁺ + log(1 + e^(−|z|))]."""
        z, y, w, divisor = self._operands(prediction, target, weight)
        check_logits(self, z)
        _check_unit_interval(
            self, "target", y, "scale it, or use 0 for no and 1 for yes"
        )
        e = np.exp(-np.abs(z))
        self._kept, self._divisor = (z, e, y, w), divisor
        terms = y * np.maximum(-z, 0) + (1 - y) * np.maximum(z, 0) + np.log1p(e)
        return float(np.sum(by_row(w, terms), dtype=np.float64)) / divisor

    @underflow_is_zero
    def backward(self) -> Array:
        """Return (1/M) w ((1 − y) σ(z) − y σ(−z))."""
        if self._kept is None:
            raise arrays.no_forward(self, "loss = criterion.forward(…) (step 2)")
        z, e, y, w = self._kept
        # σ(|z|) = 1/(1 + e) and σ(−|z|) = e/(1 + e), with e = e^(−|z|)
        yes, no = np.where(z < 0, e, 1), np.where(z < 0, 1, e)
        gradient = ((1 - y) * yes - y * no) / (1 + e)
        slope = np.asarray(by_row(w, gradient) / self._divisor)
        self._kept = None
        return slope
