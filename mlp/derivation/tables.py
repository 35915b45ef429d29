"""What the five tables of a net are made of.

The solution of a backpropagation exercise is the same five tables for every
net: what each layer gives, the chain of Jacobians down to each parameter,
the entries of those, the batch form, the five steps. places.py says what
each kind of layer writes into them.
"""

from __future__ import annotations

from collections import namedtuple
from typing import NamedTuple

from mlp.derivation.expressions import (
    Derivative,
    Expr,
    Number,
    Product,
    Quotient,
    Scalar,
    Symbol,
)
from mlp.derivation.operations import Same, Shape, Transpose
from mlp.derivation.rendering import Cell

READABLE = 44  # letters in a cell; a longer one begins anew from zₖ
ForwardRow = namedtuple("ForwardRow", "layer input output")
GradientRow = namedtuple("GradientRow", "parameter gradient shape")
JacobianRow = namedtuple("JacobianRow", "symbol elements shape")
BatchRow = namedtuple("BatchRow", "quantity formula shape")
Step = namedtuple("Step", "number name equations")
StepRow = namedtuple("StepRow", "step equation")
Values = namedtuple("Values", "forward gradients jacobians batch steps")
_x, _y, _ŷ, _Y, _W = map(Symbol, "xyŷYW")
_ℓ, _N, _K = map(Scalar, "ℓNK")


def _says(layout: str, shape: Expr) -> list[Cell]:
    gradient = Derivative(_ℓ, _W)
    return [f"In {layout} layout: ", gradient, " has the shape of ", shape, "."]


LAYOUTS: dict[str, list[Cell]] = {
    "numerator": _says("numerator", Transpose(_W)),
    "denominator": _says("denominator", _W),
}
"""What both derive and trace say of the layout."""


class Width(NamedTuple):
    """A number of features, of rows or of columns: its letter, and how many."""

    letter: Symbol
    value: int


ROWS, ONE = Width(_N, 1), Width(Symbol("1"), 1)


def shape_of(*widths: Width) -> Shape:
    """Return the shape that has these widths."""
    return Shape(*zip(*widths, strict=True))


class Level(NamedTuple):
    """What is between two layers: zₖ of a sample, Zₖ and Gₖ of a batch."""

    z: Symbol
    batch: Symbol
    grad: Symbol
    width: Width


def over(divisor: Expr | None, k: float, formula: Expr) -> Expr:
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
