"""BatchNorm1d and LayerNorm.

Both subtract a mean and divide by a standard deviation. Then they multiply
by a learned scale γ and add a learned shift β. BatchNorm1d takes mean and
deviation over the rows of a batch, for each column. LayerNorm takes them
over the columns, for each row. The derivation is the same, and the
docstring of BatchNorm1d has it step by step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers, sums
from mlp._shared.arrays import Array
from mlp.core import Buffer, Layer, Parameter


class BatchNorm1d(Layer):
    """y = γ (x − mean) / √(var + ε) + β, column by column over a batch.

    In training mean and var are those of the batch. So each column of y has
    mean β and standard deviation γ for any weights in the layers before,
    and you can use a larger lr. In evaluation mode, and so in predict, they
    are running averages, so that y of a row does not depend on other rows.

    Parameters
    ----------
    num_features : int
        The number K of columns.
    eps : float
        ε, above 0.
    momentum : float
        The weight of a new batch in the running averages, in [0, 1].
    dtype : float64 or float32
        The dtype of the parameters, and of all that the layer computes.

    Attributes
    ----------
    weight, bias : Parameter of shape (K,)
        γ, at first 1, and β, at first 0.
    running_mean, running_var : Buffer of shape (K,)
        Running averages over the batches in training, at first 0 and 1. The
        variance here is the unbiased one, Σ (x − mean)² / (N − 1).
    num_batches_tracked : Buffer of shape ()
        The number of these batches.
    num_features, eps, momentum : int, float, float
        As given.

    Raises
    ------
    ValueError
        If x is not (N, K), or has one row in training; if grad_output does
        not have the shape of the last output; if a number is out of range.
    TypeError
        If x or grad_output does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    x, y, grad_output, grad_input : (N, K)

    Derivation
    ----------
    For one column of a batch, x₁ … x_N, where m(·) is the mean over rows:

        μ = m(x)        c = x − μ        v = m(c²)
        s = (v + ε)^(−1/2)       x̂ = s c        y = γ x̂ + β

    Backward through each step, g = ∂ℓ/∂y, from the last to the first:

        ∂ℓ/∂β = Σ g          ∂ℓ/∂γ = Σ g x̂          ĝ = ∂ℓ/∂x̂ = γ g
        ∂ℓ/∂s = Σ ĝ c                               all rows use s
        ∂ℓ/∂v = −½ s³ Σ ĝ c                         ds/dv = −½ s³
        ∂ℓ/∂c = s ĝ + (2/N) c ∂ℓ/∂v                 by x̂, and by v
              = s ĝ − s x̂ m(ĝ x̂)                    as s c = x̂
        ∂ℓ/∂x = ∂ℓ/∂c − m(∂ℓ/∂c)                    by c, and by μ
              = s (ĝ − m(ĝ) − x̂ m(ĝ x̂))             as m(x̂) = 0
              = γ s (g − (∂ℓ/∂β + x̂ ∂ℓ/∂γ) / N)      as ĝ = γ g

    backward runs the last line. The rows of a batch depend on each other,
    so there is no Jacobian for one sample. In each column the gradient by x
    has mean 0 and is orthogonal to x̂, up to ε: y does not change if the
    column is moved or stretched. In evaluation mean and var are constants,
    so

        grad_input = γ s g, with s of the running variance

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import BatchNorm1d
    >>> layer = BatchNorm1d(2)
    >>> layer.forward([[1.0, 10.0], [3.0, 50.0]]).round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> layer.running_mean.data, layer.running_var.data  # 0.9 + 0.1 · var
    (array([0.2, 3. ]), array([ 1.1, 80.9]))
    >>> x, g = np.random.default_rng(0).normal(size=(2, 5, 2))
    >>> _ = layer.forward(x)
    >>> grad_input = layer.backward(g)
    >>> bool(np.abs(grad_input.sum(axis=0)).max() < 1e-14)
    True

    References
    ----------
    Ioffe and Szegedy, Batch normalization: accelerating deep network
    training by reducing internal covariate shift, ICML 2015. The running
    statistics are those of torch.nn.BatchNorm1d.
    """

    keeps_shape = True
    least_rows = 2
    forward_keeps = ("_kept",)
    _kept: tuple[Array, Array, bool] | None = None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        *,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        who = "BatchNorm1d"
        k = self.num_features = numbers.positive_int(who, "num_features", num_features)
        self.eps = numbers.number(who, "eps", eps, above=0)
        self.momentum = numbers.number(who, "momentum", momentum, least=0, most=1)
        dtype = numbers.float_dtype(who, dtype)
        self.weight = Parameter(np.ones(k, dtype))
        self.bias = Parameter(np.zeros(k, dtype))
        self.running_mean = Buffer(np.zeros(k, dtype))
        self.running_var = Buffer(np.ones(k, dtype))
        self.num_batches_tracked = Buffer(np.array(0))

    @sums.underflow_is_zero
    def forward(self, x: npt.ArrayLike) -> Array:
        """Return γ x̂ + β, and keep x̂ and s; update the running statistics."""
        x = arrays.rows_of_width(self, x, self.num_features, self.weight.data)
        if self.training:
            self._check_rows(len(x))
            mean = sums.mean_of_rows(x)
            c: Array = x - mean
            var = sums.mean_of_rows(c * c)
        else:
            c, var = x - self.running_mean.data, self.running_var.data
        s = 1 / np.sqrt(var + self.eps)
        x_hat = s * c
        y = np.asarray(self.weight.data * x_hat + self.bias.data)
        if self.training:
            self._track(mean, var, len(x))
        self._kept = x_hat, s, self.training
        return y

    def _check_rows(self, n: int) -> None:
        """Raise unless a batch has a variance."""
        if n < self.least_rows:
            raise ValueError(
                f"BatchNorm1d.forward: expected at least 2 rows in training, got {n}: "
                f"the variance of one row is 0; take a larger batch, or model.eval()"
            )

    def _track(self, mean: Array, var: Array, n: int) -> None:
        """Let the running mean and variance follow those of a batch of n rows."""
        running_mean, running_var = self.running_mean.data, self.running_var.data
        α, unbiased = self.momentum, var * (n / (n - 1))
        new_mean = (1 - α) * running_mean + α * mean
        new_var = (1 - α) * running_var + α * unbiased
        running_mean[...], running_var[...] = new_mean, new_var
        self.num_batches_tracked.data += 1

    @sums.underflow_is_zero
    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return γ s (g − (Σ g + x̂ Σ g x̂) / N), or γ s g in evaluation.

        g is grad_output. Adds Σ g x̂ to weight.grad and Σ g to bias.grad.
        """
        if self._kept is None:
            raise arrays.no_forward(self, "prediction = model.forward(x) (step 1)")
        x_hat, s, was_training = self._kept
        x_hat, g = arrays.upstream(self, x_hat, grad_output)
        grad_weight = sums.sum_of_rows(g * x_hat)
        grad_bias = sums.sum_of_rows(g)
        if was_training:
            g = g - (grad_bias + x_hat * grad_weight) / len(g)
        grad_input = np.asarray(self.weight.data * s * g)
        self.weight.add_grad(grad_weight)
        self.bias.add_grad(grad_bias)
        self._kept = None
        return grad_input

    def settings(self) -> dict[str, Any]:
        """Return the arguments of __init__, dtype among them."""
        return {
            "num_features": self.num_features,
            "eps": self.eps,
            "momentum": self.momentum,
            "dtype": self.weight.data.dtype,
        }

    def __repr__(self) -> str:
        """Return the call that makes such a layer."""
        return (
            f"BatchNorm1d({self.num_features}, eps={self.eps}, "
            f"momentum={self.momentum})"
        )


class LayerNorm(Layer):
    """y = γ (x − mean) / √(var + ε) + β, row by row over the last axis.

    mean and var are those of the K entries of one row, in training and in
    evaluation. No row depends on another, and there are no running
    averages.

    Parameters
    ----------
    normalized_shape : int
        The length K of the last axis.
    eps : float
        ε, above 0.
    dtype : float64 or float32
        The dtype of the parameters, and of all that the layer computes.

    Attributes
    ----------
    weight, bias : Parameter of shape (K,)
        γ, at first 1, and β, at first 0.
    normalized_shape, eps : int, float
        As given.

    Raises
    ------
    ValueError
        If the last axis of x is not K long; if grad_output does not have
        the shape of the last output; if a number is out of range.
    TypeError
        If x or grad_output does not hold real numbers.
    RuntimeError
        If backward is called without a forward that it can go back through.

    Shapes
    ------
    x, y, grad_output, grad_input : (…, K)

    Derivation
    ----------
    As for BatchNorm1d, but m(·) is the mean over the K entries of a row
    instead of the N rows of a column:

        grad_weight = Σ grad_output ⊙ x̂          over all rows
        grad_bias   = Σ grad_output
        ĝ = γ ⊙ grad_output
        grad_input  = s (ĝ − m(ĝ) − x̂ m(ĝ x̂))

    Here γ is inside the means, because it differs along the row. The
    Jacobian of one sample, where 1 is a column of ones, is not diagonal:

        ∂x̂/∂x = s (I − (1 1ᵀ + x̂ x̂ᵀ) / K)

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import LayerNorm, jacobian
    >>> layer = LayerNorm(3)
    >>> x = np.array([[1.0, 2.0, 6.0]])
    >>> y = layer.forward(x)
    >>> np.allclose([y.mean(), y.var()], [0, 1], atol=1e-5)
    True
    >>> s = 1 / np.sqrt(x.var() + layer.eps)
    >>> J = s * (np.eye(3) - (1 + y.T @ y) / 3)
    >>> np.allclose(jacobian(layer, x), J)
    True

    References
    ----------
    Ba, Kiros and Hinton, Layer normalization, 2016.
    """

    keeps_shape = True
    forward_keeps = ("_kept",)
    _kept: tuple[Array, Array] | None = None

    def __init__(
        self,
        normalized_shape: int,
        eps: float = 1e-5,
        *,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        who = "LayerNorm"
        k = numbers.positive_int(who, "normalized_shape", normalized_shape)
        self.normalized_shape = k
        self.eps = numbers.number(who, "eps", eps, above=0)
        dtype = numbers.float_dtype(who, dtype)
        self.weight = Parameter(np.ones(k, dtype))
        self.bias = Parameter(np.zeros(k, dtype))

    @sums.underflow_is_zero
    def forward(self, x: npt.ArrayLike) -> Array:
        """Return γ x̂ + β, and keep x̂ and s."""
        γ = self.weight.data
        x = arrays.real_array("LayerNorm.forward", "x", x, γ.dtype)
        if x.ndim == 0 or x.shape[-1] != self.normalized_shape:
            raise ValueError(
                f"LayerNorm.forward: expected x of shape (…, {self.normalized_shape}), "
                f"got {x.shape}"
            )
        c = x - x.mean(axis=-1, keepdims=True)
        s = 1 / np.sqrt(np.square(c).mean(axis=-1, keepdims=True) + self.eps)
        x_hat = s * c
        self._kept = x_hat, s
        return np.asarray(γ * x_hat + self.bias.data)

    @sums.underflow_is_zero
    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array:
        """Return s (ĝ − m(ĝ) − x̂ m(ĝ x̂)), with ĝ = γ grad_output.

        Adds Σ grad_output ⊙ x̂ to weight.grad, Σ grad_output to bias.grad.
        """
        if self._kept is None:
            raise arrays.no_forward(self, "prediction = model.forward(x) (step 1)")
        x_hat, s = self._kept
        x_hat, g = arrays.upstream(self, x_hat, grad_output)
        rows = -1, self.normalized_shape
        grad_weight = sums.sum_of_rows((g * x_hat).reshape(rows))
        grad_bias = sums.sum_of_rows(g.reshape(rows))
        ĝ = self.weight.data * g
        along = (ĝ * x_hat).mean(axis=-1, keepdims=True)
        grad_input = s * (ĝ - ĝ.mean(axis=-1, keepdims=True) - x_hat * along)
        self.weight.add_grad(grad_weight)
        self.bias.add_grad(grad_bias)
        self._kept = None
        return np.asarray(grad_input)

    def settings(self) -> dict[str, Any]:
        """Return the arguments of __init__, dtype among them."""
        return {
            "normalized_shape": self.normalized_shape,
            "eps": self.eps,
            "dtype": self.weight.data.dtype,
        }

    def __repr__(self) -> str:
        """Return the call that makes such a layer."""
        return f"LayerNorm({self.normalized_shape}, eps={self.eps})"
