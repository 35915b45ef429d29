"""Kinds of rules: for layers, losses, optimizers.

A rule gives derive and trace the formula of a class and its derivative, as
expressions. Most attributes of a rule are functions: they get expressions
of x and y, for example, and return an expression. RULES in rules.py has a
rule for each class of the library; to add one, assign RULES[YourClass].
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
        The letters of the two parameters.

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
        output(x) returns f(x).
    slope : callable
        slope(x, y) returns f'(x), or 1 for the identity.
    batch_form : callable or None
        batch_form(X, Y), with one sample in each row, returns f'(X) as
        backward computes it. Needed only if that is another formula than
        slope.
    drawn : callable or None
        For a layer that draws random numbers: drawn(layer, x) gets the
        array x and returns the numbers, an array of x's shape. Their letter
        is m, and the expression m is the last argument of the other three.

    Examples
    --------
    A layer of your own, with a rule of one line:

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

    The Jacobian is a full matrix. backward does not compute this matrix.

    Attributes
    ----------
    output : callable
        output(x) returns the column f(x), for a column x.
    jacobian : callable
        jacobian(xᵢ, yᵢ, xⱼ, yⱼ, δ) returns ∂yᵢ/∂xⱼ. δ is 1 if i = j, and 0
        otherwise.
    batch_form : callable
        batch_form(X, Y, G), with one sample in each row, returns the result
        of backward for grad_output G.
    entry : callable or None
        For trace: entry(numbers, i) returns the formula of yᵢ, from a list
        of the numbers in one sample's x. Without it trace shows only the
        value.

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

    γ is the layer's .weight, β its .bias.

    Attributes
    ----------
    over : "rows", "columns" or "nothing"
        "rows": each column has a mean μ and a variance v over the rows of
        the batch, so the samples are coupled. "columns": each row has its
        own μ and v. "nothing": μ and v are constants.
    eps : float
        ε.
    mean, var : Buffer or None
        The constants μ and v, if over is "nothing".

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
        value(ŷ, y, scale) returns ℓ for one sample. scale(k, e) is k e, or
        (k/K) e if the loss is a mean over entries.
    slope : callable
        slope(ŷ, y, scale, t) returns ∂ℓ/∂ŷ for one sample: t(column), where
        t transposes the column in numerator layout, or an expression of
        entries.
    batch_form : callable
        batch_form(Ŷ, Y, scale), with one sample in each row, returns the
        result of backward.
    term : callable or None
        For trace: term(ŷᵢ, yᵢ) returns the term of entry i in the sum ℓ.
        Without it trace shows only the value.
    entry : callable or None
        For trace: entry(ŷᵢ, yᵢ, scale) returns ∂ℓ/∂ŷᵢ. Needed only if that
        is another formula than batch_form.
    sign : int
        −1 if ℓ is minus the sum of the terms.
    inner : callable or None
        inner(numbers, i) returns the formula of pᵢ, from a list of the
        numbers in one sample's ŷ. term and entry then get pᵢ instead of ŷᵢ.

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
    """The update of one parameter by an optimizer: the equations of step 5.

    Attributes
    ----------
    equations : callable
        A generator function. Its arguments are an object with the settings
        as attributes, and the expressions of θ, g and the slots. It yields
        the equations in their order, each as a name and a right side. The
        name is "θ", a slot or a letter of your own. Each yield returns the
        expression of the new value.
    slots : mapping of str to str
        The letter of each slot: an array or count that update keeps. The
        keys are their names in state.

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
