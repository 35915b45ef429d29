"""The five tables of a net.

A newcomer should learn that the solution of a backpropagation exercise is
the same five tables for every net, filled in layer by layer: what each
layer puts out, the chain of Jacobians down to each parameter, the entries
of those, the batch form, the five steps.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import holds_some, real_array
from mlp._shared.numbers import instance
from mlp.core.parameter import Parameter
from mlp.derivation.expressions import (
    Derivative,
    Expr,
    Number,
    Of,
    Product,
    Quotient,
    RowSum,
    Same,
    Scalar,
    Shape,
    Sum,
    Symbol,
    Transpose,
)
from mlp.derivation.rendering import Cell
from mlp.derivation.rules import RULES


def check_column(
    who: str, name: str, value: npt.ArrayLike, length: int, of: str
) -> npt.NDArray[np.float64]:
    """Return one data point as a column of float64, of the length that a net has."""
    array = real_array(who, name, value, np.float64)
    if array.shape != (length,):
        raise ValueError(
            f"{who}: expected {name} of shape ({length},), one data point, as {of} has "
            f"it, got {array.shape}"
        )
    return array[:, np.newaxis]


def check_steps_some(
    who: str, optimizer: Any, kind: Any, parameters: list[Any]
) -> None:
    """Raise unless an optimizer is None, or a plain one of a net's parameters."""
    if optimizer is None:
        return
    instance(who, "optimizer", optimizer, kind)
    if type(optimizer).step is not kind.step:
        raise NotImplementedError(
            f"{who}: expected an optimizer whose step is {kind.__name__}'s, got a "
            f"{type(optimizer).__name__} with its own; leave it out"
        )
    holds_some(who, optimizer, parameters)


def check_some_weights(who: str, there_are: bool) -> None:
    """Raise unless a net has a layer with weights."""
    if not there_are:
        raise ValueError(
            f"{who}: expected at least one layer with weights, got none; the widths of "
            f"a net are theirs"
        )


def check_rule(
    who: str, name: str, thing: Any, rules: Mapping[type, Any], of: Any
) -> None:
    """Raise unless the table of rules has an entry of the right sort for a thing."""
    kind = type(thing)
    known = rules.get(kind)
    if isinstance(known, of):
        return
    entry = f"mlp.derivation.RULES[{kind.__name__}]"
    if name == "the loss":
        name, cure = f"{name} {kind.__name__}", f"add one, {entry} = LossRule(…)"
    elif thing.parameters():
        cure = (
            f"if it computes W x + b and nothing else, write {entry} = Affine(); other "
            f"layers with parameters cannot be shown yet"
        )
    else:
        cure = (
            f"if it works element by element, write {entry} = Elementwise(lambda x: "
            f"Apply('f', f, x), lambda x, y: …); a layer that mixes the features or "
            f"the rows cannot be shown yet"
        )
    got = "none" if known is None else f"a {type(known).__name__}"
    raise NotImplementedError(f"{who}: expected a rule for {name}, got {got}; {cure}")


READABLE = 44  # letters in a cell; a longer one begins anew from zₖ
ForwardRow = namedtuple("ForwardRow", "layer input output")
GradientRow = namedtuple("GradientRow", "parameter gradient shape")
JacobianRow = namedtuple("JacobianRow", "symbol elements shape")
BatchRow = namedtuple("BatchRow", "quantity formula shape")
Step = namedtuple("Step", "number name equations")
StepRow = namedtuple("StepRow", "step equation")
Values = namedtuple("Values", "forward gradients jacobians batch steps")
_Y = Symbol("Y")
_x, _y, _ŷ, _W = map(Symbol, "xyŷW")
_ℓ, _N, _K, _lr = map(Scalar, ("ℓ", "N", "K", "lr"))


def _says(layout: str, shape: Expr) -> list[Cell]:
    gradient = Derivative(_ℓ, _W)
    return [f"In {layout} layout: ", gradient, " has the shape of ", shape, "."]


LAYOUTS: dict[str, list[Cell]] = {
    "numerator": _says("numerator", Transpose(_W)),
    "denominator": _says("denominator", _W),
}
"""What both derive and trace say of the layout."""


class _Width(NamedTuple):
    """A number of features, of rows or of columns: its letter, and how many."""

    letter: Symbol
    value: int


_ROWS, _ONE = _Width(_N, 1), _Width(Symbol("1"), 1)


def _shape(*widths: _Width) -> Shape:
    return Shape(*zip(*widths, strict=True))


class _Level(NamedTuple):
    """What is between two layers: zₖ of a sample, Zₖ and Gₖ of a batch."""

    z: Symbol
    batch: Symbol
    grad: Symbol
    width: _Width


class _Place(NamedTuple):
    """A layer, with what is below and above it; k counts it among its kind."""

    layer: Any
    name: Symbol
    k: int
    below: _Level
    above: _Level
    is_activation: bool  # an activation, without parameters

    @property
    def rule(self) -> Any:
        """The layer's rule, Affine or Elementwise."""
        return RULES[type(self.layer)]

    def parameters(self) -> list[tuple[Symbol, Parameter]]:
        """Return each parameter with its letter, the weight first."""
        data = () if self.is_activation else (self.layer.weight, self.layer.bias)
        letters = (Symbol(letter, above=f"({self.k})") for letter in self.rule)
        return [(w, p) for w, p in zip(letters, data, strict=False) if p is not None]

    def output(self, z: Expr) -> Expr:
        """Return the formula of the layer, of z or of what stands for it."""
        if self.is_activation:
            return cast(Expr, self.rule.output(z))
        (w, _), *rest = self.parameters()
        return Sum(Product(w, z), rest[0][0]) if rest else Product(w, z)

    def link(self) -> Expr:
        """Return ∂above/∂below, as it stands in a product of Jacobians."""
        if self.is_activation:
            return Derivative(self.above.z, self.below.z)
        return self.parameters()[0][0]

    def batch_rows(self) -> Iterator[BatchRow]:
        """Yield the lines of the layer's backward, in their order."""
        z, a, g = self.below.batch, self.above.batch, self.above.grad
        n, m = self.below.width, self.above.width
        if self.is_activation:
            slope = (self.rule.batch_form or self.rule.slope)(z, a)
            grad: Expr = g if is_one(slope) else g * slope
        else:
            (w, _), *rest = self.parameters()
            for b, _ in rest:
                yield BatchRow(Of(".grad", b), RowSum(g), _shape(m))
            weight = Product(Transpose(g), z)
            yield BatchRow(Of(".grad", w), weight, _shape(m, n))
            grad = Product(g, w)
        yield BatchRow(self.below.grad, grad, _shape(_ROWS, n))


def _over(divisor: Expr | None, k: float, formula: Expr) -> Expr:
    """Return k times the formula, over the divisor if there is one."""
    if divisor is not None:
        return Product(Quotient(Number(k), divisor), formula)
    return formula if k == 1 else Product(Number(k), formula)


def is_one(slope: Expr) -> bool:
    """Return whether it is the number 1, the slope of the identity."""
    return isinstance(slope, Number) and slope.number == 1


def spelled(cell: Expr) -> Expr:
    """Return what "the same" is the same as."""
    return cell.args[0] if isinstance(cell, Same) else cell
