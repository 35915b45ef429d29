"""The activations, and Softmax.

Two Linear layers without an activation between them are only one Linear
layer. Read mlp.losses next.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp._shared.sums import logistic, positive_part, scalar, times, underflow_is_zero
from mlp.core.layer import Layer


class ReLU(Layer):
    """y = max(0, x), element by element: the rectified linear unit.

    The usual choice for hidden layers. Where x > 0 the unit is on and its
    derivative is 1, so the gradient does not shrink in such a layer. A unit
    that is off (x ≤ 0) for every sample learns nothing.

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
        self._y = positive_part(arrays.activation_input(self, x))
        return self._y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output ⊙ [y > 0]."""
        y, grad_output = arrays.upstream(self, self._y, grad_output)
        self._y = None
        grad_input = (y > scalar(0, y.dtype)).astype(y.dtype)
        grad_input *= grad_output  # numbers by numbers, which is faster
        return np.asarray(grad_input)


class LeakyReLU(Layer):
    """y = x where x > 0, else a x, element by element.

    A ReLU with a small slope a where x ≤ 0. So a unit whose input is
    negative in every row still has a gradient and can learn.

    Parameters
    ----------
    negative_slope : float
        a, a finite number; 0 is ReLU, 1 the identity.

    Attributes
    ----------
    negative_slope : float
        As given.

    Raises
    ------
    ValueError
        If grad_output does not have the shape of the last output, or
        negative_slope is not finite.
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
        ∂yᵢ/∂xⱼ = 1 if i = j and xᵢ > 0      a diagonal Jacobian
                  a if i = j and xᵢ ≤ 0
                  0 if i ≠ j
        grad_input = grad_output ⊙ (1 where x > 0, else a)

    At xᵢ = 0 there is a kink, and this layer takes a, as PyTorch does.

    Examples
    --------
    >>> from mlp import LeakyReLU
    >>> layer = LeakyReLU(0.1)
    >>> layer.forward([-2.0, 0.0, 3.0])
    array([-0.2,  0. ,  3. ])
    >>> layer.backward([5.0, 6.0, 7.0])
    array([0.5, 0.6, 7. ])

    References
    ----------
    Maas, Hannun and Ng, Rectifier nonlinearities improve neural network
    acoustic models, ICML 2013.
    """

    keeps_shape = True
    forward_keeps = ("_slope",)
    _slope: Array | None = None

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = numbers.number(
            "LeakyReLU", "negative_slope", negative_slope
        )

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return x where x > 0, else a x, and keep the slopes, 1 or a."""
        x = arrays.activation_input(self, x)
        on = (x > 0).astype(x.dtype)  # as numbers: np.where takes many times as long
        self._slope = np.asarray(on + times(self.negative_slope, 1 - on))
        return np.asarray(times(x, self._slope))

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output ⊙ (1 where x > 0, else a)."""
        slope, grad_output = arrays.upstream(self, self._slope, grad_output)
        self._slope = None
        return np.asarray(times(grad_output, slope))

    def __repr__(self) -> str:
        """Return the call that makes such a layer."""
        return f"LeakyReLU(negative_slope={self.negative_slope})"


class Sigmoid(Layer):
    """y = σ(x) = 1 / (1 + e⁻ˣ), element by element.

    Turns any number into a number between 0 and 1. As the last layer of a
    classifier, y is the probability of "yes", which BCELoss takes. In
    hidden layers it makes the gradient smaller: σ' is at most 1/4, at
    x = 0, and nearly 0 where |x| is large.

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

    e⁻ˣ overflows for x below −709 in float64, and below −88 in float32. If
    we multiply numerator and denominator by eˣ, σ(x) = eˣ / (1 + eˣ), which
    does not overflow for x < 0 and loses no digit where y is small. One
    line has both forms, for x ≥ 0 and for x < 0:

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
        x = arrays.activation_input(self, x)
        self._y = logistic(x)
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


class Tanh(Layer):
    """y = tanh(x) = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), element by element.

    A Sigmoid moved and stretched to (−1, 1): tanh(x) = 2 σ(2x) − 1. Its
    outputs have a mean near 0, so the next layer learns faster. Its slope
    at 0 is 1, four times that of the Sigmoid. Where |x| is large its slope
    is nearly 0 too.

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
    With u = eˣ − e⁻ˣ and v = eˣ + e⁻ˣ: u' = v, v' = u, and y = u / v, so

        tanh'(x) = (v² − u²) / v² = 1 − y²           from the output alone
        ∂yᵢ/∂xⱼ = 1 − yᵢ² if i = j, else 0           a diagonal Jacobian
        grad_input = grad_output ⊙ (1 − y²)          so never formed

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Tanh
    >>> layer = Tanh()
    >>> layer.forward([0.0, np.log(2), 1000.0])    # (2 − 1/2) / (2 + 1/2)
    array([0. , 0.6, 1. ])
    >>> layer.backward([1.0, 1.0, 1.0])
    array([1.  , 0.64, 0.  ])

    References
    ----------
    LeCun et al., Efficient BackProp, 1998, section 4.4.
    """

    keeps_shape = True
    forward_keeps = ("_y",)
    _y: Array | None = None

    @underflow_is_zero
    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = tanh(x), and keep y."""
        self._y = np.asarray(np.tanh(arrays.activation_input(self, x)))
        return self._y

    @underflow_is_zero
    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output ⊙ (1 − y²)."""
        y, grad_output = arrays.upstream(self, self._y, grad_output)
        grad_input = np.asarray(grad_output * (1 - y * y))
        self._y = None
        return grad_input


class Softmax(Layer):
    """yᵢ = e^(xᵢ) / Σⱼ e^(xⱼ) over the last axis: probabilities.

    The last layer of a classifier with K classes. For training, leave it
    out and use CrossEntropyLoss: it takes the logits x, and is exact also
    where e^(xᵢ) or a probability would round to 0.

    Raises
    ------
    ValueError
        If x has no axis, or no entry along the last; if grad_output does
        not have the shape of the last output.
    TypeError
        If x or grad_output does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    x, y, grad_output, grad_input : (…, K)
        In the dtype of x if it is floating, else in float64.

    Derivation
    ----------
    One sample. Let S = Σⱼ e^(xⱼ). By the quotient rule

        ∂yᵢ/∂xⱼ = ([i = j] e^(xᵢ) S − e^(xᵢ) e^(xⱼ)) / S²
                = yᵢ ([i = j] − yⱼ)                 [i = j] is 1 or 0

    The Jacobian diag(y) − y yᵀ is not diagonal: if one probability grows,
    the others shrink. A row g = ∂ℓ/∂y times the Jacobian is

        ∂ℓ/∂xⱼ = Σᵢ gᵢ yᵢ ([i = j] − yⱼ) = yⱼ (gⱼ − Σᵢ gᵢ yᵢ)
        grad_input = y ⊙ (grad_output − the row sums of grad_output ⊙ y)

    yᵢ does not change if we add one number to all xⱼ. forward subtracts the
    largest xⱼ, so that no e^(xⱼ) overflows.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Softmax
    >>> layer = Softmax()
    >>> y = layer.forward([[1000.0, 1000.0 + np.log(3)]])
    >>> y.round(12)
    array([[0.25, 0.75]])
    >>> g = np.array([[1.0, 5.0]])
    >>> np.allclose(layer.backward(g), g @ (np.diag(y[0]) - y.T @ y))
    True

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.4.
    """

    keeps_shape = True
    forward_keeps = ("_y",)
    _y: Array | None = None

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return e^(x − max x) over its sum, and keep it."""
        x = arrays.activation_input(self, x)
        if x.ndim == 0 or x.shape[-1] == 0:
            raise ValueError(
                f"Softmax.forward: expected x of shape (…, K), K at least 1, got "
                f"{x.shape}"
            )
        with np.errstate(over="ignore", under="ignore"):  # e^(−∞) is 0, too
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            self._y = np.asarray(e / e.sum(axis=-1, keepdims=True))
        return self._y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return y ⊙ (grad_output − the row sums of grad_output ⊙ y)."""
        y, g = arrays.upstream(self, self._y, grad_output)
        self._y = None
        with np.errstate(under="ignore"):
            return np.asarray(y * (g - (g * y).sum(axis=-1, keepdims=True)))


class Identity(Layer):
    """y = x: the last layer of a net for regression. It has no effect.

    With it a net for regression has the same form as one for
    classification, Linear → f → Linear → g, where g is the identity.

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
        self._y = arrays.activation_input(self, x)
        return self._y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output."""
        _, grad_output = arrays.upstream(self, self._y, grad_output)
        self._y = None
        return grad_output
