"""CrossEntropyLoss: cross-entropy, for K classes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays
from mlp._shared.arrays import Array
from mlp._shared.numbers import FLOAT_DTYPES
from mlp._shared.sums import difference, dot, underflow_is_zero
from mlp.core.loss import Loss
from mlp.losses.reduced import _ReducedLoss, by_row, check_logits


class CrossEntropyLoss(_ReducedLoss):
    """ℓ = −(1/N) Σₙ Σₖ yₙₖ log pₙₖ, with p = softmax(z) of the logits z.

    The loss of a classifier with K classes. The last layer of the net is a
    Linear with K outputs, without a Softmax: the loss takes the logits.

    Parameters
    ----------
    reduction : "mean", "sum" or "batchmean"
        "mean" and "batchmean" divide by N, the number of rows; "sum" by 1.

    Attributes
    ----------
    reduction : Reduction
        As given.

    Raises
    ------
    ValueError
        If a logit is NaN or infinite; if a label is not one of 0, …, K − 1,
        or a row has no label; if a row of targets has a negative entry or
        does not sum to 1; if shapes do not fit, or are empty; if reduction
        is unknown.
    TypeError
        If prediction or target does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    prediction, and what backward returns : (N, K)
        Logits, any finite numbers. In the dtype of prediction if it is
        float64 or float32, else in float64.
    target : (N,) or (N, K)
        One class label for each row, an integer from 0 to K − 1; or rows of
        probabilities, for example one-hot rows.
    weight : (N,), or None
        The weight of each row; Σ wₙ replaces N, see help(mlp.losses).

    Derivation
    ----------
    One sample. Let m = maxₖ zₖ, sₖ = zₖ − m ≤ 0 and L = log Σⱼ e^(sⱼ):

        pₖ = e^(zₖ) / Σⱼ e^(zⱼ) = e^(sₖ) / Σⱼ e^(sⱼ)   since e⁻ᵐ cancels
        −log pₖ = L − sₖ                              log-sum-exp
        ℓ = Σₖ yₖ (L − sₖ)

    No e^(sⱼ) overflows, and one of them is 1, so L = log(1 + the others) is
    at least 0, and is exact also when the others are small. The rounding
    error r of s is corrected, with e^(s + r) = e^s (1 + r). As Σₖ yₖ = 1,

        ∂L/∂zⱼ = pⱼ                                   of the log-sum-exp
        ∂ℓ/∂zⱼ = Σₖ yₖ (pⱼ − [k = j]) = pⱼ − yⱼ

    The row p − y is 0 where the prediction is equal to the target. A batch
    divides it by N. For the largest logit pⱼ = 1 − Σₖ≠ⱼ pₖ is near 1;
    backward subtracts 1 from pⱼ and from yⱼ first, so that a small
    difference of the two keeps its digits.

    Examples
    --------
    If three classes are equally likely, ℓ = log 3:

    >>> import numpy as np
    >>> from mlp import CrossEntropyLoss
    >>> loss = CrossEntropyLoss()
    >>> value = loss.forward([[5.0, 5.0, 5.0]], [2])
    >>> np.isclose(value, np.log(3), rtol=1e-15)
    np.True_
    >>> np.allclose(loss.backward(), [[1/3, 1/3, 1/3 - 1]], rtol=1e-15)
    True
    >>> loss.forward([[0.0, 1e300]], [0])
    1e+300
    >>> loss.backward()
    array([[-1.,  1.]])

    Rows with weights, as for a rare class. The gradient is p − y, that is
    (−1/2, 1/2) and (1/2, −1/2), times wₙ/Σw:

    >>> _ = loss.forward(np.zeros((2, 2)), [0, 1], weight=[1, 3])
    >>> loss.backward()
    array([[-0.125,  0.125],
           [ 0.375, -0.375]])

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.4.
    torch.nn.CrossEntropyLoss.
    """

    takes_labels = True
    over: ClassVar[dict[str, str]] = {
        "mean": "rows",
        "batchmean": "rows",
        "sum": "nothing",
    }
    _kept: tuple[Array, Array, Array | None] | None = None

    @underflow_is_zero
    def forward(
        self,
        prediction: npt.ArrayLike,
        target: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return (1/M) Σ w y (L − s), and keep what p − y is made of."""
        z, y = _logits_and_rows(self, prediction, target)
        w, divisor = self._weights(weight, z)
        rows, top = np.arange(len(z)), z.argmax(axis=1)
        s, lost = difference(z, z[rows, top][:, np.newaxis])
        e = np.exp(s) * (1 + lost)
        e[rows, top] = 0  # their e⁰ = 1 stands in log(1 + …) and in 1 + …
        others = e.sum(axis=1, keepdims=True)
        value = dot(by_row(w, y), np.log1p(others) - lost - s)
        e[rows, top] = -others[:, 0]
        p = e / (1 + others)
        y[rows, top] -= 1
        self._kept, self._divisor = (p, y, w), divisor
        return value / divisor

    @underflow_is_zero
    def backward(self) -> Array:
        """Return (1/M) w (p − y)."""
        if self._kept is None:
            raise arrays.no_forward(self, "loss = criterion.forward(…) (step 2)")
        p, y, w = self._kept
        gradient = np.asarray(by_row(w, p - y) / self._divisor)
        self._kept = None
        return gradient


def _logits_and_rows(
    loss: Loss, prediction: npt.ArrayLike, target: npt.ArrayLike
) -> tuple[Array, Array]:
    """Return logits of shape (N, K), and the targets as new rows of that shape."""
    who = f"{type(loss).__name__}.forward"
    z = arrays.floating(who, "prediction", prediction)
    z = z if z.dtype in FLOAT_DTYPES else z.astype(np.float64)
    if z.ndim != 2 or z.size == 0:
        raise ValueError(
            f"{who}: expected prediction of shape (N, K), a logit for each class, got "
            f"{z.shape}"
        )
    check_logits(loss, z)
    given = arrays.real_array(who, "target", target)
    if given.shape == z.shape:
        y = np.array(arrays.real_array(who, "target", given, z.dtype))
        _check_probabilities(who, y, given.dtype)
        return z, y
    if given.shape != (len(z),):
        raise ValueError(
            f"{who}: expected target of shape ({len(z)},), a label a row, or "
            f"{z.shape}, probabilities, got {given.shape}"
        )
    n, k = z.shape
    is_whole = given.dtype.kind in "iu" or (given == np.floor(given)).all()
    if not (is_whole and given.min() >= 0 and given.max() < k):
        right = (given >= 0) & (given < k) & (given == np.floor(given))
        i = int(right.argmin())
        raise ValueError(
            f"{who}: expected labels to be whole numbers from 0 to {k - 1}, got "
            f"{given[i]} in row {i}; mlp.one_hot makes rows of other labels"
        )
    y = np.zeros(z.shape, z.dtype)
    y[np.arange(n), given.astype(np.intp)] = 1
    return z, y


def _check_probabilities(who: str, y: Array, dtype: np.dtype[Any]) -> None:
    """Raise unless each row is at least 0 and sums to 1, up to rounding."""
    eps = np.finfo(np.float16 if dtype == np.float16 else np.float32).eps
    total = y.sum(axis=1, dtype=np.float64)
    off = np.abs(total - 1)
    if not (y.min() >= 0 and off.max() <= 4 * y.shape[1] * eps):
        right = (y >= 0).all(axis=1) & (off <= 4 * y.shape[1] * eps)
        i = int(right.argmin())
        raise ValueError(
            f"{who}: expected each row of target to be at least 0 and to sum to 1, got "
            f"{y[i]} in row {i}, of sum {total[i]:.6g}; divide each row by its sum"
        )
