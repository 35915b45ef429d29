"""The rows of the five tables, and their letters.

The derivation of every net has the same five tables: the output of each
layer, the gradient of each parameter as a chain of Jacobians, the entries
of these Jacobians, the backward of a batch, and the five steps of training.
places.py writes the rows of each kind of layer.
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

READABLE = 44  # characters in a formula; a longer one is written in zₖ instead of x
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
"""The sentence about the layout, for derive and trace."""


class Width(NamedTuple):
    """A number of features, rows or columns: its letter and its value."""

    letter: Symbol
    value: int


ROWS, ONE = Width(_N, 1), Width(Symbol("1"), 1)


def shape_of(*widths: Width) -> Shape:
    """Return the shape that has these widths."""
    return Shape(*zip(*widths, strict=True))


class Level(NamedTuple):
    """The letters between two layers: zₖ of a sample, Zₖ and Gₖ of a batch."""

    z: Symbol
    batch: Symbol
    grad: Symbol
    width: Width


def over(divisor: Expr | None, k: float, formula: Expr) -> Expr:
    """Return k times the formula, divided by the divisor if there is one."""
    if divisor is not None:
        return Product(Quotient(Number(k), divisor), formula)
    return formula if k == 1 else Product(Number(k), formula)


def is_one(slope: Expr) -> bool:
    """Return whether slope is the number 1, as for the identity."""
    return isinstance(slope, Number) and slope.number == 1


def spelled(cell: Expr) -> Expr:
    """Return the formula that the words "the same" stand for."""
    return cell.args[0] if isinstance(cell, Same) else cell
