"""jacobian: the Jacobian matrix of a layer.

backward does not compute this matrix. It gets a row and returns this row
times the Jacobian, which takes much less time and memory. This module
computes the matrix, to look at it and to compare.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays
from mlp._shared.arrays import Array
from mlp.core.layer import Layer


def jacobian(layer: Layer, x: npt.ArrayLike) -> Array:
    """Return ∂y/∂x of a layer, or of a whole Sequential, at one sample.

    Parameters
    ----------
    layer : Layer
        The layer or net. It is not changed, because a copy runs. A layer
        that draws random numbers, such as Dropout, uses the same numbers as
        in its next forward.
    x : array_like of shape (in,) or (1, in)
        One sample.

    Returns
    -------
    array of shape (out, in)
        Numerator layout: entry (i, j) is ∂yᵢ/∂xⱼ.

    Raises
    ------
    ValueError
        If x is not one sample, or the layer refuses it; if a row of the
        output depends on other rows of the batch, which is tested.
    TypeError
        If layer is not a Layer, or x does not have real numbers.

    Derivation
    ----------
    backward(g) = g J for a row g; written as columns, this is Jᵀgᵀ. Row i
    of J is eᵢ J, with the basis vectors e₁ = (1, 0, …), e₂, …. One backward
    gives all the rows, because each row of a batch is a separate sample:

        J = I J = backward(I)      for a batch of m copies of x, one per yᵢ

    In training, backward does not compute Jacobians. For a layer with 784
    inputs and 512 outputs, the Jacobian of y by W has 512 rows and 512 ·
    784 = 401,408 columns. That is 1.6 GB in float64, and almost all entries
    are 0. backward needs only x and grad_output, which are 784 + 512
    numbers: the gradient is grad_outputᵀ x.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Linear, Sigmoid, jacobian
    >>> linear = Linear(3, 2)
    >>> x = np.array([0.5, -1.0, 2.0])
    >>> np.array_equal(jacobian(linear, x), linear.weight.data)      # J = W
    True

    Jᵀg = backward(g):

    >>> g = np.array([3.0, -4.0])
    >>> _ = linear.forward([x])
    >>> np.allclose(jacobian(linear, x).T @ g, linear.backward([g]))
    True

    The Jacobian of an activation is diagonal, here with σ(x) (1 − σ(x)):

    >>> jacobian(Sigmoid(), [0.0, np.log(3)])
    array([[0.25  , 0.    ],
           [0.    , 0.1875]])

    The bytes of ∂y/∂W for the layer of 784 inputs and 512 outputs:

    >>> 512 * (512 * 784) * 8
    1644167168

    References
    ----------
    Griewank and Walther, Evaluating Derivatives, 2008, section 3.2.
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"jacobian: expected a Layer, got {layer!r}")
    sample = arrays.floating("jacobian", "x", x)
    if sample.ndim == 1:
        sample = sample[np.newaxis]
    if sample.ndim != 2 or len(sample) != 1:
        raise ValueError(
            f"jacobian: expected one sample, x of shape (in,) or (1, in), got "
            f"{np.shape(x)}; take one row, x[0]"
        )
    for inside in layer.modules():
        if inside.training and inside.least_rows > 1:
            raise ValueError(
                f"jacobian: expected a layer that treats each row of a batch by "
                f"itself, got {inside!r} in training mode, in which a row depends on "
                f"the others; write layer.eval() before"
            )
    twin = copy.deepcopy(layer)  # backward writes into the .grad of its parameters
    for parameter in twin.parameters():
        parameter.grad = None
    drawn = [(g, g.bit_generator.state) for _, g in twin.named_generators()]
    y = np.asarray(twin.forward(sample))
    if y.ndim != 2 or len(y) != 1:
        raise ValueError(
            f"jacobian: expected {layer!r} to return one row, (1, out), got {y.shape}"
        )
    out = y.shape[1]
    if any(g.bit_generator.state != state for g, state in drawn):
        return np.vstack([_row(twin, sample, drawn, e) for e in np.eye(out)])
    same = twin.forward(np.repeat(sample, out, axis=0))
    result = np.asarray(twin.backward(np.eye(out)))
    _check_rows(twin, sample, y, same, result)
    return result


def _row(
    twin: Layer, x: Array, drawn: list[tuple[np.random.Generator, Any]], e: Array
) -> Array:
    """Return one row of the Jacobian; each row has the same random numbers."""
    for generator, state in drawn:
        generator.bit_generator.state = state
    twin.forward(x)
    return np.asarray(twin.backward(e[np.newaxis]))


def _check_rows(twin: Layer, x: Array, y: Array, same: Array, jacobian: Array) -> None:
    """Raise unless each row of a batch gives the same as a row alone.

    The sample is put among other rows, as the first row and as the last but
    one, in a batch of another size. A mean over the rows, an effect of one
    row on the next, or a factor N would then change its results. The other
    rows are first nearer to 0 and then farther away. Rows that the layer
    refuses are left out.
    """
    rng, out = np.random.default_rng(1986), len(jacobian)
    size = np.abs(x) + (np.mean(np.abs(x)) or 1) * (x == 0)
    away = np.where(x < 0, -size, size) * rng.uniform(0.1, 0.3, (out + 1, x.shape[1]))
    g = rng.uniform(-1, 1, (out + 3, out)).astype(y.dtype)
    eps, ours = float(np.finfo(y.dtype).eps), [0, -2]

    def alike(a: Array, b: Array, scale: Array, rounding: float = 0) -> bool:
        near = np.sqrt(eps) * np.max(scale, initial=0, where=np.isfinite(scale))
        near += rounding
        return a.shape == b.shape and np.allclose(a, b, 0, near, equal_nan=True)

    is_alone = alike(np.asarray(same), np.repeat(y, out, axis=0), np.abs(y))
    for sign in (-1, 1):
        others = (x + sign * away).astype(x.dtype)
        with np.errstate(all="ignore"):
            try:
                z = np.asarray(twin.forward(np.vstack([x, others[1:], x, others[:1]])))
                grad = np.asarray(twin.backward(g))
            except Exception:  # a user's own code may refuse these rows
                continue
        scale = np.abs(g[ours]) @ np.abs(jacobian)
        is_alone &= alike(z[ours], np.repeat(y, 2, axis=0), np.abs(y))
        if np.all(np.isfinite(jacobian)):
            # where a softmax is near 0 or 1, y (1 − y) is as small as rounding of g
            is_alone &= alike(grad[ours], g[ours] @ jacobian, scale, 16 * eps)
    if not is_alone:
        raise ValueError(
            f"jacobian: expected a layer that treats each row of a batch by itself, "
            f"got {twin!r}, in which a row depends on the others: the Jacobian of one "
            f"sample does not describe it"
        )
