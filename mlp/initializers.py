"""Initializers: the random weights of a new net.

If the first weights are too small, the outputs become smaller from layer to
layer, and so do the gradients on the way back. If the weights are too
large, both grow. The right size is derived below. Linear takes the name of
an initializer, Linear(…, init="he_normal"), or any function of a shape and
a Generator that returns an array.

Derivation
----------
Take one layer y = W x with n inputs and m outputs. Let the weights be
independent, with mean 0 and variance v, and independent of x. Forward,
yᵢ = Σⱼ Wᵢⱼ xⱼ is a sum of n terms:

    Var[yᵢ] = n v E[xⱼ²]              the variances of a sum add up

Backward, (∂ℓ/∂x)ⱼ = Σᵢ (∂ℓ/∂y)ᵢ Wᵢⱼ is a sum of m terms:

    Var[(∂ℓ/∂x)ⱼ] = m v E[(∂ℓ/∂yᵢ)²]

Over L layers the variance is multiplied by (n v)ᴸ forward and by (m v)ᴸ
backward. It stays the same only if each factor is 1.

    v = 1/n           forward, while the activation is near the identity,
                      as tanh is around 0
    v = 1/m           backward, by the same argument
    v = 2/(n + m)     Glorot: between the two; right for both if n = m
    v = 2/n           He: a ReLU sets half of a symmetric y to 0, so
                      E[xⱼ²] = E[((y)⁺)²] = ½ Var[y] of the layer below,
                      and the factor ½ n v is 1

A uniform distribution on (−a, a) has the variance a²/3, so a = √(3 v). With
all of these the bias starts at 0. "uniform", Linear's default, is U(−1/√n,
1/√n) for weight and bias, as in PyTorch. Its variance is v = 1/(3n), so in
each layer the gradient, and the part of the output that comes from x,
become smaller by a factor √3, and by more with a ReLU.

examples/initialization.py measures this in each layer of a net of 20.

References
----------
Glorot and Bengio, Understanding the difficulty of training deep feedforward
neural networks, AISTATS 2010, equations 12 and 16. He et al., Delving deep
into rectifiers, ICCV 2015, section 2.2. LeCun et al., Efficient BackProp,
1998, section 4.6, for 1/n.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array

Initializer: TypeAlias = Callable[[tuple[int, int], "np.random.Generator"], Array]


def he_uniform(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return a weight from U(−a, a), a = √(6/n): of variance 2/n, for ReLU.

    Parameters
    ----------
    shape : (int, int)
        (out_features, in_features), that is (m, n).
    rng : np.random.Generator
        Draws the weight.

    Returns
    -------
    array of that shape, float64

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.initializers import he_uniform
    >>> w = he_uniform((500, 200), np.random.default_rng(0))
    >>> bool(abs(w.var() * 200 / 2 - 1) < 0.01)
    True
    >>> bool(abs(w).max() < (6 / 200) ** 0.5)
    True
    """
    return _uniform(2 / shape[1], shape, rng)


def he_normal(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return a weight from N(0, 2/n), for ReLU; as he_uniform otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.initializers import he_normal
    >>> w = he_normal((500, 200), np.random.default_rng(0))
    >>> bool(abs(w.var() * 200 / 2 - 1) < 0.01)
    True
    """
    return rng.normal(0.0, math.sqrt(2 / shape[1]), shape)


def glorot_uniform(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return a weight from U(−a, a), a = √(6/(n + m)): of variance 2/(n + m).

    For Tanh and Sigmoid; arguments as in he_uniform.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.initializers import glorot_uniform
    >>> w = glorot_uniform((500, 300), np.random.default_rng(0))
    >>> bool(abs(w.var() * 800 / 2 - 1) < 0.01)
    True
    """
    return _uniform(2 / sum(shape), shape, rng)


def glorot_normal(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return a weight from N(0, 2/(n + m)); as glorot_uniform otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.initializers import glorot_normal
    >>> w = glorot_normal((500, 300), np.random.default_rng(0))
    >>> bool(abs(w.var() * 800 / 2 - 1) < 0.01)
    True
    """
    return rng.normal(0.0, math.sqrt(2 / sum(shape)), shape)


def zeros(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return a weight of 0, for a last layer; a hidden layer cannot learn.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.initializers import zeros
    >>> zeros((1, 2), np.random.default_rng(0))
    array([[0., 0.]])
    """
    return np.zeros(shape)


def uniform(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return a weight from U(−1/√n, 1/√n): PyTorch's, and Linear's default.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.initializers import uniform
    >>> w = uniform((500, 100), np.random.default_rng(0))
    >>> bool(abs(w.var() * 300 - 1) < 0.01), bool(abs(w).max() < 0.1)
    (True, True)
    """
    bound = 1 / math.sqrt(shape[1])
    return rng.uniform(-bound, bound, shape)


def _uniform(v: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return numbers from the uniform distribution of mean 0 and variance v."""
    bound = math.sqrt(3 * v)
    return rng.uniform(-bound, bound, shape)


INITIALIZERS: dict[str, Initializer] = {
    "uniform": uniform,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "zeros": zeros,
}


def drawn(
    who: str,
    init: str | Initializer,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> Array:
    """Return a weight as an initializer, or the one of a name, draws it.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.initializers import drawn
    >>> drawn("Linear", lambda shape, rng: np.eye(*shape), (1, 2), None)
    array([[1., 0.]])
    """
    if callable(init):
        weight = arrays.floating(who, "what init returns", init(shape, rng))
        if weight.shape != shape:
            raise ValueError(
                f"{who}: expected init to return an array of shape {shape}, "
                f"(out_features, in_features), got {weight.shape}"
            )
        arrays.finite(who, "what init returns", weight, "see what it divides by")
        return weight
    return INITIALIZERS[numbers.one_of(who, "init", init, INITIALIZERS)](shape, rng)
