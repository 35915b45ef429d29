"""What derive knows of each layer and loss.

A newcomer should learn here that all of backpropagation rests on six short
facts, one a class: a formula and its derivative. The rest is the chain
rule, which is the same for every net.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.derivation.expressions import (
    Apply,
    Entry,
    Equal,
    Expr,
    IsPositive,
    Number,
    Positive,
    Same,
    SquaredNorm,
    SumOver,
)
from mlp.layers.activations import Identity, ReLU, Sigmoid
from mlp.layers.linear import Linear
from mlp.losses.binary import BCELoss
from mlp.losses.squared import MSELoss


class Affine(NamedTuple):
    """y = W x + b, a layer with .weight and .bias (or None): ∂y/∂x = W.

    Attributes
    ----------
    weight, bias : str
        Their letters.

    Examples
    --------
    A class of your own that computes what Linear does:

    >>> from mlp import Linear
    >>> from mlp.derivation import RULES
    >>> class Zeros(Linear):
    ...     def __init__(self, n, m):
    ...         super().__init__(n, m)
    ...         self.weight.data[...] = 0
    >>> RULES[Zeros] = RULES[Linear]
    """

    weight: str = "W"
    bias: str = "b"


class Elementwise(NamedTuple):
    """yᵢ = f(xᵢ), a layer without parameters: ∂y/∂x is diagonal.

    Attributes
    ----------
    output : callable
        From the expression of x, that of f(x).
    slope : callable
        From those of x and y, that of f'(x); 1 for the identity.
    batch_form : callable or None
        From those of X and Y, matrices of rows, f'(x) as backward computes
        it, where that is another formula than slope.

    Examples
    --------
    A layer of your own, in one line, as derive's error shows it:

    >>> import numpy as np
    >>> from mlp import Layer, Linear, MSELoss, Sequential, derive
    >>> from mlp.derivation import RULES, Apply, Elementwise
    >>> class Tanh(Layer):
    ...     def forward(self, x):
    ...         self.y = np.tanh(x)
    ...         return self.y
    ...     def backward(self, grad_output, *, needs_input_grad=True):
    ...         return grad_output * (1 - self.y * self.y)
    >>> tanh = lambda x: Apply("tanh", np.tanh, x)
    >>> RULES[Tanh] = Elementwise(tanh, lambda x, y: 1 - y * y)
    >>> d = derive(Sequential(Linear(2, 1), Tanh()), MSELoss())
    >>> print(d.forward[1].output, "|", d.jacobians[0].elements)
    tanh(W⁽¹⁾x + b⁽¹⁾) | 1 − ŷᵢ² if i = j, else 0
    >>> d.check([0.5, -1.0], [0.25]) < 1e-10
    True
    """

    output: Callable[[Expr], Expr]
    slope: Callable[[Expr, Expr], Expr]
    batch_form: Callable[[Expr, Expr], Expr] | None = None


class LossRule(NamedTuple):
    """ℓ(ŷ, y), and ∂ℓ/∂ŷ.

    Attributes
    ----------
    value : callable
        From ŷ, y and scale, ℓ at one sample; scale(k, e) is k e, or (k/K) e
        if the reduction is the mean.
    slope : callable
        From ŷ, y, scale and t, ∂ℓ/∂ŷ at one sample: t(column), where t lays
        the column down, or an expression of entries.
    batch_form : callable
        From Ŷ, Y and scale, matrices of rows, what backward returns.

    Examples
    --------
    >>> from mlp import MSELoss
    >>> from mlp.derivation import RULES, LossRule
    >>> isinstance(RULES[MSELoss], LossRule)
    True
    """

    value: Callable[..., Expr]
    slope: Callable[..., Expr]
    batch_form: Callable[..., Expr]


def _logistic(x: Any) -> Any:
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-abs(x)))


def log(x: Any) -> Any:
    """Return log x, which is −∞ at 0 without a warning."""
    with np.errstate(divide="ignore"):
        return np.log(x)


_log, _sigma = partial(Apply, "log", log), partial(Apply, "σ", _logistic)


class LogOfRest(Apply):
    """log(1 − p), by log1p as in BCELoss, so that a p near 0 is not lost."""

    def __init__(self, p: Expr) -> None:
        super().__init__("log", log, 1 - p)
        self.p = p

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return log(1 − p)."""
        with np.errstate(divide="ignore"):
            return np.log1p(-self.p.value(values))


Scaled = Callable[[float, Expr], Expr]


def _cross_entropy(ŷ: Expr, y: Expr, scale: Scaled) -> Expr:
    p, t = Entry(ŷ), Entry(y)
    return -scale(1, SumOver(t * _log(p) + (1 - t) * LogOfRest(p)))


def _cross_entropy_slope(ŷ: Expr, y: Expr, scale: Scaled, t: Any) -> Expr:
    p, t_ = Entry(ŷ), Entry(y)
    as_it_comes = -scale(1, t_ / p - (1 - t_) / (1 - p))
    return Equal(as_it_comes, scale(1, (p - t_) / (p * (1 - p))))


Rule = Affine | Elementwise | LossRule
RULES: dict[type[Layer] | type[Loss], Rule] = {
    Linear: Affine("W", "b"),
    Identity: Elementwise(Same, lambda x, y: Number(1)),
    ReLU: Elementwise(Positive, lambda x, y: IsPositive(x), lambda x, y: IsPositive(y)),
    Sigmoid: Elementwise(_sigma, lambda x, y: y * (1 - y)),
    MSELoss: LossRule(
        lambda ŷ, y, scale: scale(1, SquaredNorm(ŷ - y)),
        lambda ŷ, y, scale, t: scale(2, t(ŷ - y)),
        lambda ŷ, y, scale: scale(2, ŷ - y),
    ),
    BCELoss: LossRule(
        _cross_entropy,
        _cross_entropy_slope,
        lambda ŷ, y, scale: scale(1, (ŷ - y) / (ŷ * (1 - ŷ))),
    ),
}
"""One entry a class; RULES[YourLayer] = Elementwise(…) adds one."""
