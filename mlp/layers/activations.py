"""The activations: functions applied to each entry.

Without one between them, two Linear layers are one Linear layer.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays
from mlp._shared.arrays import Array, floating
from mlp._shared.sums import underflow_is_zero
from mlp.core.layer import Layer


def _activation_input(layer: object, x: npt.ArrayLike) -> Array:
    """Return the x of an activation's forward: any shape, a floating dtype."""
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return x
    return floating(f"{type(layer).__name__}.forward", "x", x)


class ReLU(Layer):
    """y = max(0, x), element by element: the rectified linear unit.

    The hidden activation to begin with: where a unit is on, its derivative
    is 1, so the gradient passes through any number of such layers without
    shrinking. A unit that is off for every sample learns nothing.

    Raises
    ------
    ValueError
        If grad_output does not have the shape of the last output.
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
        ∂yᵢ/∂xⱼ = 1 if i = j and xᵢ > 0, else 0     a diagonal Jacobian
        grad_input = grad_output ⊙ [y > 0]          as y > 0 where x > 0

    [y > 0] is 1 where y > 0, else 0, and ⊙ the product entry by entry.

    At xᵢ = 0 there is a kink: any slope from 0 to 1 is a subgradient there,
    and this layer takes 0, as PyTorch does.

    Examples
    --------
    >>> from mlp import ReLU
    >>> layer = ReLU()
    >>> layer.forward([-2.0, 0.0, 3.0])
    array([0., 0., 3.])
    >>> layer.backward([5.0, 6.0, 7.0])
    array([0., 0., 7.])

    References
    ----------
    Nair and Hinton, Rectified linear units improve restricted Boltzmann
    machines, ICML 2010. Glorot, Bordes and Bengio, Deep sparse rectifier
    neural networks, AISTATS 2011, section 3.
    """

    keeps_shape = True
    forward_keeps = ("_y",)
    _y: Array | None = None

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = max(0, x), and keep y."""
        x = _activation_input(self, x)
        # as np.maximum(x, 0), which NumPy runs without vector instructions
        self._y = np.asarray(x.clip(0, math.inf))
        return self._y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output ⊙ [y > 0]."""
        y, grad_output = arrays.upstream(self, self._y, grad_output)
        self._y = None
        grad_input = (y > 0).astype(y.dtype)  # as numbers, which multiply faster
        grad_input *= grad_output
        return np.asarray(grad_input)


class Sigmoid(Layer):
    """y = σ(x) = 1 / (1 + e⁻ˣ), element by element.

    Turns any number into one between 0 and 1, which BCELoss reads as the
    probability of a yes: the output layer of a classifier. As a hidden
    layer it costs gradient: σ' is at most 1/4, at x = 0, and nearly 0 where
    |x| is large, so each such layer shrinks what passes back through it.

    Raises
    ------
    ValueError
        If grad_output does not have the shape of the last output.
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
        σ'(x) = e⁻ˣ / (1 + e⁻ˣ)² = σ(x) (1 − σ(x))   from the output alone
        ∂yᵢ/∂xⱼ = yᵢ (1 − yᵢ) if i = j, else 0       a diagonal Jacobian,
        grad_input = grad_output ⊙ y ⊙ (1 − y)       so never formed

    In float64 e⁻ˣ overflows for x below −709, in float32 below −88. With
    numerator and denominator multiplied by eˣ it is σ(x) = eˣ / (1 + eˣ),
    which does not, and loses no digit where y is small. The form for x ≥ 0
    and that for x < 0, in one line:

        y = exp(min(x, 0)) / (1 + exp(−|x|))

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Sigmoid
    >>> layer = Sigmoid()
    >>> layer.forward([0.0, np.log(3), -1000.0])   # 1/(1+1), 1/(1+1/3), 0
    array([0.5 , 0.75, 0.  ])
    >>> layer.backward([1.0, 1.0, 1.0])            # 1/2·1/2, 3/4·1/4, 0
    array([0.25  , 0.1875, 0.    ])

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, sections 4.2 and
    4.3.2. Hochreiter, The vanishing gradient problem during learning
    recurrent neural nets, 1998, for what 1/4 does to a deep net.
    """

    keeps_shape = True
    forward_keeps = ("_y",)
    _y: Array | None = None

    @underflow_is_zero
    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = σ(x), and keep y."""
        x = _activation_input(self, x)
        self._y = np.asarray(np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))))
        return self._y

    @underflow_is_zero
    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output ⊙ y ⊙ (1 − y)."""
        y, grad_output = arrays.upstream(self, self._y, grad_output)
        grad_input = np.asarray(grad_output * y * (1 - y))
        self._y = None
        return grad_input


class Identity(Layer):
    """y = x: the output layer of a regression, and of no effect.

    It is here so that a net for regression can be written like one for
    classification, Linear → f → Linear → g, with g the identity.

    Raises
    ------
    ValueError
        If grad_output does not have the shape of the last output.
    TypeError
        If x or grad_output does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    x, y, grad_output, grad_input : the same, any
        In the dtype of x if it is floating, else in float64. y is x itself,
        not a copy.

    Derivation
    ----------
        ∂yᵢ/∂xⱼ = 1 if i = j, else 0         the Jacobian is I
        grad_input = grad_output I = grad_output

    Examples
    --------
    >>> from mlp import Identity
    >>> layer = Identity()
    >>> layer.forward([-2.0, 3.0])
    array([-2.,  3.])
    >>> layer.backward([5.0, 7.0])
    array([5., 7.])

    References
    ----------
    torch.nn.Identity, of the same meaning.
    """

    keeps_shape = True
    forward_keeps = ("_y",)
    _y: Array | None = None

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = x, and keep it, for its shape."""
        self._y = _activation_input(self, x)
        return self._y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output."""
        _, grad_output = arrays.upstream(self, self._y, grad_output)
        self._y = None
        return grad_output
