"""jacobian: what backward never forms.

It shows how large a Jacobian is and how little of it is needed: backward is
given a row and returns that row times the matrix, which takes far less than
the matrix would.
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
        It is left as it is: a copy runs. One that draws random numbers, as
        Dropout, draws once, what its next forward would draw.
    x : array_like of shape (in,) or (1, in)
        One sample.

    Returns
    -------
    array of shape (out, in)
        Numerator layout: entry (i, j) is ∂yᵢ/∂xⱼ.

    Raises
    ------
    ValueError
        If x is not one sample, or the layer refuses it; if the layer does
        not treat each row of a batch by itself, which is found by trying.
    TypeError
        If layer is no Layer, or x does not hold real numbers.

    Derivation
    ----------
    backward(g) = g J for a row g, in columns Jᵀgᵀ. The rows of J are the
    products with the basis vectors e₁ = (1, 0, …), e₂, …, and all of them
    come from one backward, since each row of a batch is a sample:

        J = I J = backward(I)      at a batch of m copies of x, one a yᵢ

    What backward never forms: for a layer of 784 inputs and 512 outputs the
    Jacobian of y by W has 512 rows and 512 · 784 = 401,408 columns, 1.6 GB
    in float64, nearly all of it 0. backward has the same from x and
    grad_output, 784 + 512 numbers, as grad_outputᵀ x.

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

    That of an activation is diagonal, σ(x) (1 − σ(x)):

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
    twin = copy.deepcopy(layer)  # whose parameters' .grad may be written to
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
    """Return one row of the Jacobian, with the same draws as every other."""
    for generator, state in drawn:
        generator.bit_generator.state = state
    twin.forward(x)
    return np.asarray(twin.backward(e[np.newaxis]))


def _check_rows(twin: Layer, x: Array, y: Array, same: Array, jacobian: Array) -> None:
    """Raise unless a batch gives what its rows give one by one.

    The sample stands first and last but one among other rows, in a batch of
    another size: a mean over the rows, what one row passes on to the next
    and a factor N all change what it gives. The other rows lie nearer to 0,
    then farther away, unless the layer refuses those.
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
            except Exception:  # of the reader's code, on rows that it did not ask for
                continue
        scale = np.abs(g[ours]) @ np.abs(jacobian)
        is_alone &= alike(z[ours], np.repeat(y, 2, axis=0), np.abs(y))
        if np.all(np.isfinite(jacobian)):
            # a softmax near 0 or 1 has entries y (1 − y) that are rounding of g
            is_alone &= alike(grad[ours], g[ours] @ jacobian, scale, 16 * eps)
    if not is_alone:
        raise ValueError(
            f"jacobian: expected a layer that treats each row of a batch by itself, "
            f"got {twin!r}, in which a row depends on the others: the Jacobian of one "
            f"sample does not describe it"
        )
