"""Dropout: set random entries to 0 in training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp._shared.numbers import Rng
from mlp.core import Layer


class Dropout(Layer):
    """y = m ⊙ x / (1 − p), where each mᵢ is 0 with probability p, else 1.

    In training each forward draws m again, and an entry with mᵢ = 0 is
    dropped. So no unit can depend on a single other unit. In evaluation
    mode, and so in predict, y = x.

    Parameters
    ----------
    p : float
        The probability that an entry is dropped, in [0, 1).
    rng : int, np.random.Generator or None
        Draws the masks m. Give all layers of a net the same Generator. A
        checkpoint saves its state.

    Attributes
    ----------
    p : float
        As given.
    rng : np.random.Generator
        As given, or made from it.

    Raises
    ------
    ValueError
        If p is not in [0, 1); if grad_output does not have the shape of the
        last output.
    TypeError
        If x or grad_output does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    x, y, grad_output, grad_input : the same, any
        In the dtype of x if it is floating, else in float64.

    Derivation
    ----------
    Why 1 / (1 − p): over the draws of m, with E[mᵢ] = 1 − p,

        E[yᵢ] = (1 − p) xᵢ / (1 − p) + p · 0 = xᵢ

    so the input of the next layer has the same mean in training and in
    evaluation, and evaluation needs no factor. For one draw, m is constant:

        ∂yᵢ/∂xⱼ = mᵢ / (1 − p) if i = j, else 0     a diagonal Jacobian
        grad_input = grad_output ⊙ m / (1 − p)      the mask of this forward

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Dropout
    >>> layer = Dropout(0.75, rng=0)
    >>> y = layer.forward(np.ones(10_000))
    >>> np.unique(y), bool(abs(y.mean() - 1) < 0.05)  # 0, or 1 / (1 − 3/4)
    (array([0., 4.]), True)
    >>> np.array_equal(layer.backward(np.ones(10_000)), y)
    True
    >>> layer.eval().forward([1.0, 2.0])
    array([1., 2.])

    References
    ----------
    Srivastava et al., Dropout: a simple way to prevent neural networks from
    overfitting, JMLR 15, 2014; there the factor is in evaluation.
    """

    keeps_shape = True
    forward_keeps = ("_mask",)
    _mask: Array | None = None

    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        self.p = numbers.number("Dropout", "p", p, least=0, below=1)
        self.rng = numbers.generator("Dropout", rng)

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return m ⊙ x / (1 − p), and keep m / (1 − p); in evaluation, x."""
        x = arrays.activation_input(self, x)
        if self.training and self.p > 0:
            kept = self.rng.random(x.shape) < 1 - self.p
            self._mask = kept * x.dtype.type(1 / (1 - self.p))
        else:
            self._mask = np.ones_like(x)
        return np.asarray(x * self._mask)

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output ⊙ m / (1 − p)."""
        mask, grad_output = arrays.upstream(self, self._mask, grad_output)
        self._mask = None
        return np.asarray(grad_output * mask)

    def __repr__(self) -> str:
        """Return the call that makes such a layer, without its rng."""
        return f"Dropout(p={self.p})"
