"""The kinds of rules.

A rule tells derive and trace the formula of a layer, a loss or an optimizer
and its derivative, written with expressions. rules.py has one for each
class of the library, and is where a reader's own go.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple

from mlp.derivation.expressions import Expr

Scaled = Callable[[float, Expr], Expr]


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
    drawn : callable or None
        Of a layer that draws random numbers: from the layer and x, what it
        draws, an array of x's shape. Its letter is m, and the expression of
        m is the last argument of the other three.

    Examples
    --------
    A layer of your own, in one line, as derive's error shows it:

    >>> import numpy as np
    >>> from mlp import Layer, Linear, MSELoss, Sequential, derive
    >>> from mlp.derivation import RULES, Apply, Elementwise
    >>> class Sine(Layer):
    ...     def forward(self, x):
    ...         self.x = x
    ...         return np.sin(x)
    ...     def backward(self, grad_output, *, needs_input_grad=True):
    ...         return grad_output * np.cos(self.x)
    >>> sin = lambda x: Apply("sin", np.sin, x)
    >>> RULES[Sine] = Elementwise(sin, lambda x, y: Apply("cos", np.cos, x))
    >>> d = derive(Sequential(Linear(2, 1), Sine()), MSELoss())
    >>> print(d.forward[1].output, "|", d.jacobians[0].elements)
    sin(W⁽¹⁾x + b⁽¹⁾) | cos((z₁)ᵢ) if i = j, else 0
    >>> d.check([0.5, -1.0], [0.25]) < 1e-10
    True
    """

    output: Callable[..., Expr]
    slope: Callable[..., Expr]
    batch_form: Callable[..., Expr] | None = None
    drawn: Callable[[Any, Any], Any] | None = None


class Vectorwise(NamedTuple):
    """y = f(x), where each yᵢ depends on all of one sample's x; no parameters.

    The Jacobian is a full matrix, which backward does not form.

    Attributes
    ----------
    output : callable
        From the expression of a column x, that of the column f(x).
    jacobian : callable
        From those of xᵢ, yᵢ, xⱼ, yⱼ and of the number δ, which is 1 if i =
        j and else 0, that of ∂yᵢ/∂xⱼ.
    batch_form : callable
        From those of X, Y and G, matrices of rows, what backward returns.
    entry : callable or None
        From a list of the numbers of one sample's x and a place i, the
        formula of yᵢ, for trace, which otherwise shows its value alone.

    Examples
    --------
    A layer of your own that subtracts from each entry the mean of its row:

    >>> import numpy as np
    >>> from mlp import Layer, Linear, MSELoss, Sequential, derive
    >>> from mlp.derivation import RULES, Apply, RowMeans, Vectorwise
    >>> class Centred(Layer):
    ...     def forward(self, x):
    ...         return x - x.mean(axis=1, keepdims=True)
    ...     def backward(self, grad_output, *, needs_input_grad=True):
    ...         return grad_output - grad_output.mean(axis=1, keepdims=True)
    >>> RULES[Centred] = Vectorwise(
    ...     lambda x: Apply("centred", lambda a: a - a.mean(axis=0), x),
    ...     lambda xi, yi, xj, yj, same: same - 1 / 3,
    ...     lambda X, Y, G: G - RowMeans(G))
    >>> d = derive(Sequential(Linear(2, 3), Centred()), MSELoss())
    >>> print(d.batch[1].formula)
    G₂ − the row means of G₂
    >>> d.check([0.5, -1.0], [0.25, 1.0, 2.0]) < 1e-10
    True
    """

    output: Callable[[Expr], Expr]
    jacobian: Callable[[Expr, Expr, Expr, Expr, Expr], Expr]
    batch_form: Callable[[Expr, Expr, Expr], Expr]
    entry: Callable[[Sequence[Expr], int], Expr] | None = None


class Normalized(NamedTuple):
    """y = γ ⊙ x̂ + β, x̂ = s ⊙ (x − μ), s = (v + ε)^(−1/2); γ, β are learned.

    Of a layer with .weight, γ, and .bias, β.

    Attributes
    ----------
    over : "rows", "columns" or "nothing"
        What mean μ and variance v are taken over: the rows of a batch for
        each column, which couples the samples; the columns, for each row;
        or nothing, since they are constants.
    eps : float
        ε.
    mean, var : Buffer or None
        The constants μ and v.

    Examples
    --------
    >>> from mlp import LayerNorm
    >>> from mlp.derivation.rules import rule_of
    >>> rule_of(LayerNorm(3))
    Normalized(over='columns', eps=1e-05, mean=None, var=None)
    """

    over: str
    eps: float
    mean: Any = None
    var: Any = None


class LossRule(NamedTuple):
    """ℓ(ŷ, y), and ∂ℓ/∂ŷ.

    Attributes
    ----------
    value : callable
        From ŷ, y and scale, ℓ at one sample; scale(k, e) is k e, or (k/K) e
        if the loss is a mean over entries.
    slope : callable
        From ŷ, y, scale and t, ∂ℓ/∂ŷ at one sample: t(column), where t lays
        the column down, or an expression of entries.
    batch_form : callable
        From Ŷ, Y and scale, matrices of rows, what backward returns.
    term : callable or None
        From the numbers ŷᵢ (or pᵢ) and yᵢ, the term of entry i in the sum
        that ℓ is, for trace, which otherwise shows the value alone.
    entry : callable or None
        From the numbers ŷᵢ (or pᵢ) and yᵢ and scale, ∂ℓ/∂ŷᵢ, for trace,
        where that is another formula than batch_form.
    sign : int
        −1 if ℓ is minus that sum.
    inner : callable or None
        From a list of the numbers of one sample's ŷ and a place i, the
        formula of pᵢ, which term and entry then get in place of ŷᵢ.

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
    term: Callable[[Expr, Expr], Expr] | None = None
    entry: Callable[..., Expr] | None = None
    sign: int = 1
    inner: Callable[[Sequence[Expr], int], Expr] | None = None


Equations = Generator[tuple[str, Expr], Expr, None]


class StepRule(NamedTuple):
    """What an optimizer does to one parameter: the equations of step 5.

    Attributes
    ----------
    equations : callable
        From the settings, as attributes, and the expressions of θ, g and
        the slots, a generator of the equations in their order, each a name
        and a right side: "θ", a slot, or a letter of your own. What a yield
        returns is the expression of the new value.
    slots : mapping of str to str
        The letter of each array or count that update keeps, by its name in
        state.

    Examples
    --------
    An optimizer of your own:

    >>> import numpy as np
    >>> from mlp import Linear, MSELoss, Optimizer, derive
    >>> from mlp.derivation import RULES, StepRule
    >>> class Average(Optimizer):
    ...     def update(self, parameter, gradient, state):
    ...         a = state.get("mean", np.zeros_like(gradient))
    ...         state["mean"] = 0.5 * a + 0.5 * gradient
    ...         parameter.data -= self.lr * state["mean"]
    >>> def average(o, θ, g, a):
    ...     a = yield "mean", 0.5 * a + 0.5 * g
    ...     yield "θ", θ - o.lr * a
    >>> RULES[Average] = StepRule(average, {"mean": "a"})
    >>> model = Linear(2, 1, bias=False)
    >>> average = Average(model.parameters(), lr=0.1)
    >>> d = derive(model, MSELoss(), optimizer=average)
    >>> print(*d.steps[4].equations, sep="; ")
    a(W⁽¹⁾) ← 0.5a(W⁽¹⁾) + 0.5(∂ℓ/∂W⁽¹⁾)ᵀ; W⁽¹⁾ ← W⁽¹⁾ − 0.1a(W⁽¹⁾)
    >>> d.check([0.5, -1.0], [0.25]) < 1e-10
    True
    """

    equations: Callable[..., Equations]
    slots: Mapping[str, str]


LayerRule = Affine | Elementwise | Vectorwise | Normalized
