"""The layers: Linear, ReLU, Sigmoid, Identity.

A newcomer should learn that a layer is a formula and its derivative,
written down once and never thought of again: forward runs the formula,
backward multiplies by the derivative. Each class is the derivation note of
the code under it, for one sample as a column first, then for a batch of
rows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mlp import _checks
from mlp._checks import Array, Rng
from mlp._numbers import sum_of_rows, underflow_is_zero
from mlp.core import Layer, Parameter

_LARGE = 1 << 16  # entries of a product from which on zeros take longer than a start


class Linear(Layer):
    """y = x Wᵀ + b, for each row x of a batch.

    out_features weighted sums of the same in_features inputs. All that a
    multilayer perceptron learns, it learns here. Two such layers in a row
    are only one, W₂ (W₁ x + b₁) + b₂ = (W₂ W₁) x + (W₂ b₁ + b₂), which is
    why there is something that bends between them.

    Parameters
    ----------
    in_features, out_features : int
        The lengths n of x and m of y.
    bias : bool
        Whether there is a b.
    rng : int, np.random.Generator or None
        What weight, then bias, is drawn from. Give the layers of one net
        one Generator: two layers of one shape and one int would be twins.
    dtype : float64 or float32
        The dtype of the parameters, and of all that the layer computes; x
        and grad_output of another are converted.

    Attributes
    ----------
    in_features, out_features : int
        n and m.
    weight : Parameter of shape (out_features, in_features)
        W, drawn from U(−1/√n, 1/√n).
    bias : Parameter of shape (out_features,), or None
        b, drawn from U(−1/√n, 1/√n).

    Raises
    ------
    ValueError
        If x is not of shape (N, in_features), or grad_output not of the
        shape of the last output.
    TypeError
        If x or grad_output does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    x, grad_input : (N, in_features)
    y, grad_output : (N, out_features)

    Derivation
    ----------
    One sample, x and y columns. In numerator layout the derivative of a
    number by a column is a row, so ∂ℓ/∂y is 1 × m:

        y = W x + b                          yᵢ = Σⱼ Wᵢⱼ xⱼ + bᵢ
        ∂yᵢ/∂xⱼ = Wᵢⱼ                        ∂ℓ/∂x = ∂ℓ/∂y · W     1 × n
        ∂yᵢ/∂bⱼ = 1 if i = j, else 0         ∂ℓ/∂b = ∂ℓ/∂y         1 × m
        ∂yₖ/∂Wᵢⱼ = xⱼ if k = i, else 0       ∂ℓ/∂W = x · ∂ℓ/∂y     n × m

    The last, since Wᵢⱼ is in yᵢ alone: ∂ℓ/∂Wᵢⱼ = Σₖ ∂ℓ/∂yₖ ∂yₖ/∂Wᵢⱼ
    = ∂ℓ/∂yᵢ xⱼ, which is entry (j, i) of the column x times the row ∂ℓ/∂y.

    The gradient of a weight is the input that it weighs times the gradient
    of the sum that it enters. In numerator layout it is n × m, the
    transpose of W's own shape; .grad holds it transposed back.

    A batch, one sample a row: row k of x is xₖᵀ, row k of grad_output is
    ∂ℓ/∂yₖ. Each sample has its own x, but all share W and b, so there the
    samples add up; the matrix product over k is that sum:

        y           = x Wᵀ + b                                    (N, m)
        grad_bias   = Σₖ ∂ℓ/∂yₖ         = 1ᵀ grad_output          (m,)
        grad_weight = Σₖ (xₖ · ∂ℓ/∂yₖ)ᵀ = grad_outputᵀ x          (m, n)
        grad_input  : each ∂ℓ/∂yₖ · W, so grad_output W           (N, n)

    1ᵀ is a row of N ones, so that 1ᵀ grad_output is the sum of its rows. In
    the code a product is a.dot(b): for matrices the same as a @ b, and
    sooner begun, which a small net feels.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Linear
    >>> layer = Linear(2, 1)
    >>> layer.weight.data[...] = [[2.0, 3.0]]
    >>> layer.bias.data[...] = [4.0]
    >>> layer.forward([[1.0, 10.0],            # 2·1 + 3·10 + 4
    ...                [5.0,  0.0]])           # 2·5 + 3·0  + 4
    array([[36.],
           [14.]])
    >>> layer.backward([[1.0], [-2.0]])        # grad_output W
    array([[ 2.,  3.],
           [-4., -6.]])
    >>> layer.weight.grad                      # 1·(1, 10) − 2·(5, 0)
    array([[-9., 10.]])
    >>> layer.bias.grad                        # 1 − 2
    array([-1.])

    References
    ----------
    Rumelhart, Hinton and Williams, Learning representations by
    back-propagating errors, Nature 323, 1986. The initial range: LeCun et
    al., Efficient BackProp, 1998, section 4.6, up to a factor √3; it is
    that of torch.nn.Linear.
    """

    forward_keeps = ("_x",)
    bias: Parameter | None
    _x: Array | None = None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Rng = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        n = _checks.positive_int("Linear", "in_features", in_features)
        m = _checks.positive_int("Linear", "out_features", out_features)
        has_bias = _checks.flag("Linear", "bias", bias)
        dtype = _checks.float_dtype("Linear", dtype)
        rng = _checks.generator("Linear", rng)
        bound = 1 / math.sqrt(n)
        self.in_features, self.out_features = n, m
        self.weight = Parameter(rng.uniform(-bound, bound, (m, n)).astype(dtype))
        self.bias = None
        if has_bias:
            self.bias = Parameter(rng.uniform(-bound, bound, m).astype(dtype))

    @underflow_is_zero
    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = x Wᵀ + b, and keep x."""
        w = self.weight.data
        self._x = x = _checks.linear_input(self, x, w)
        y: Array = x.dot(w.T)
        if self.bias is not None:
            y += self.bias.data
        return y

    @underflow_is_zero
    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array | None:
        """Return grad_output W, or None if needs_input_grad is False.

        Adds grad_outputᵀ x to weight.grad and 1ᵀ grad_output to bias.grad.
        """
        w, m = self.weight.data, self.out_features
        x, grad_output = _checks.upstream(self, self._x, grad_output, m)
        grad_input = grad_output.dot(w) if needs_input_grad else None
        g = grad_output.T  # dot fills its result with zeros first, @ does not
        grad_weight = g @ x if w.size > _LARGE else g.dot(x)
        if self.bias is not None:
            self.bias.add_grad(sum_of_rows(grad_output))
        self.weight.add_grad(grad_weight)
        self._x = None
        return grad_input

    def __repr__(self) -> str:
        """Return the call that makes such a layer, as in PyTorch."""
        dtype = self.weight.data.dtype
        return (
            f"Linear(in_features={self.in_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
            f"{'' if dtype == np.float64 else f', dtype={dtype}'})"
        )


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

    forward_keeps = ("_y",)
    _y: Array | None = None

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = max(0, x), and keep y."""
        x = _checks.activation_input(self, x)
        # as np.maximum(x, 0), which NumPy runs without vector instructions
        self._y = np.asarray(x.clip(0, math.inf))
        return self._y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output ⊙ [y > 0]."""
        y, grad_output = _checks.upstream(self, self._y, grad_output)
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

    forward_keeps = ("_y",)
    _y: Array | None = None

    @underflow_is_zero
    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = σ(x), and keep y."""
        x = _checks.activation_input(self, x)
        self._y = np.asarray(np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))))
        return self._y

    @underflow_is_zero
    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output ⊙ y ⊙ (1 − y)."""
        y, grad_output = _checks.upstream(self, self._y, grad_output)
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

    forward_keeps = ("_y",)
    _y: Array | None = None

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = x, and keep it, for its shape."""
        self._y = _checks.activation_input(self, x)
        return self._y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return grad_output."""
        _, grad_output = _checks.upstream(self, self._y, grad_output)
        self._y = None
        return grad_output
