"""Linear: y = x Wᵀ + b, the layer with the weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp._shared.numbers import Rng
from mlp._shared.sums import product, sum_of_rows
from mlp.core.layer import Layer
from mlp.core.parameter import Parameter
from mlp.initializers import Initializer, drawn


class Linear(Layer):
    """y = x Wᵀ + b, for each row x of a batch.

    Each of the out_features outputs is a weighted sum of the same
    in_features inputs. Two such layers in a row are only one linear layer,
    W₂ (W₁ x + b₁) + b₂ = (W₂ W₁) x + (W₂ b₁ + b₂), so put a non-linear
    layer between them.

    Parameters
    ----------
    in_features, out_features : int
        The lengths n of x and m of y.
    bias : bool
        Whether there is a b.
    rng : int, np.random.Generator or None
        Draws weight, then bias. Give all layers of a net the same
        Generator: two layers of the same shape with the same int start with
        the same weights.
    dtype : float64 or float32
        The dtype of the parameters, and of all that the layer computes. x
        and grad_output of another dtype are converted.
    init : str or function
        How weight is drawn: "uniform", "he_uniform", "he_normal",
        "glorot_uniform", "glorot_normal", "zeros", or a function of the
        shape (m, n) and a Generator that returns an array. bias is 0 for
        all but "uniform". mlp.initializers derives them.

    Attributes
    ----------
    in_features, out_features : int
        n and m.
    weight : Parameter of shape (out_features, in_features)
        W, drawn from U(−1/√n, 1/√n), or as init says.
    bias : Parameter of shape (out_features,), or None
        b, drawn from U(−1/√n, 1/√n), or 0.

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

    The last line holds because only yᵢ contains Wᵢⱼ: ∂ℓ/∂Wᵢⱼ =
    Σₖ ∂ℓ/∂yₖ ∂yₖ/∂Wᵢⱼ = ∂ℓ/∂yᵢ xⱼ, which is entry (j, i) of the column x
    times the row ∂ℓ/∂y.

    So the gradient of a weight is its input times the gradient of its
    output. In numerator layout ∂ℓ/∂W is n × m, the transpose of W's own
    shape; .grad is the transpose of this, (m, n).

    In a batch each sample is a row: row k of x is xₖᵀ, row k of grad_output
    is ∂ℓ/∂yₖ. Each sample has its own x, but all samples use the same W and
    b. So the gradients of W and b are sums over the samples, and the matrix
    product over k is this sum:

        y           = x Wᵀ + b                                    (N, m)
        grad_bias   = Σₖ ∂ℓ/∂yₖ         = 1ᵀ grad_output          (m,)
        grad_weight = Σₖ (xₖ · ∂ℓ/∂yₖ)ᵀ = grad_outputᵀ x          (m, n)
        grad_input  : each ∂ℓ/∂yₖ · W, so grad_output W           (N, n)

    1ᵀ is a row of N ones, so that 1ᵀ grad_output is the sum of its rows.

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
        init: str | Initializer = "uniform",
    ) -> None:
        n = numbers.positive_int("Linear", "in_features", in_features)
        m = numbers.positive_int("Linear", "out_features", out_features)
        has_bias = numbers.flag("Linear", "bias", bias)
        dtype = numbers.float_dtype("Linear", dtype)
        rng = numbers.generator("Linear", rng)
        self.in_features, self.out_features = n, m
        weight = drawn("Linear", init, (m, n), rng)
        self.weight = Parameter(
            arrays.real_array("Linear", "what init returns", weight, dtype)
        )
        self.bias = None
        if has_bias and init == "uniform":
            bound = 1 / math.sqrt(n)
            self.bias = Parameter(rng.uniform(-bound, bound, m).astype(dtype))
        elif has_bias:
            self.bias = Parameter(np.zeros(m, dtype))

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return y = x Wᵀ + b, and keep x."""
        w = self.weight.data
        self._x = x = arrays.rows_of_width(self, x, self.in_features, w)
        y = product(x, w.T)
        if self.bias is not None:
            y += self.bias.data
        return y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array | None:
        """Return grad_output W, or None if needs_input_grad is False.

        Adds grad_outputᵀ x to weight.grad and 1ᵀ grad_output to bias.grad.
        """
        w, m = self.weight.data, self.out_features
        x, grad_output = arrays.upstream(self, self._x, grad_output, m)
        grad_weight = product(grad_output.T, x)
        grad_bias = sum_of_rows(grad_output)
        grad_input = product(grad_output, w) if needs_input_grad else None
        self.weight.add_grad(grad_weight)
        if self.bias is not None:
            self.bias.add_grad(grad_bias)
        self._x = None
        return grad_input

    def settings(self) -> dict[str, Any]:
        """Return its sizes, whether it has a bias, and its dtype."""
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "bias": self.bias is not None,
            "dtype": self.weight.data.dtype,
        }

    def __repr__(self) -> str:
        """Return the call that makes such a layer, as in PyTorch."""
        dtype = self.weight.data.dtype
        return (
            f"Linear(in_features={self.in_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
            f"{'' if dtype == np.float64 else f', dtype={dtype}'})"
        )
