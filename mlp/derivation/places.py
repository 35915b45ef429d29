"""Write the rows of one layer for the tables.

There is one class for each kind of rule. It writes the layer's formula, its
Jacobian in the chain rule (its link), the gradients of its parameters, and
the formulas of its backward. derivation.py combines the rows of all layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mlp.core import Parameter
from mlp.derivation.expressions import (
    Derivative,
    Expr,
    Hadamard,
    Number,
    Of,
    Product,
    Quotient,
    Sum,
    Symbol,
)
from mlp.derivation.kinds import Affine, Elementwise, Normalized, Vectorwise
from mlp.derivation.operations import (
    Coordinate,
    Diagonal,
    Entry,
    Equal,
    IsSame,
    Kept,
    Named,
    RowMean,
    RowMeans,
    RowSum,
    RowSums,
    Transpose,
    Unit,
    Words,
)
from mlp.derivation.rules import rule_of
from mlp.derivation.tables import (
    _N,
    ROWS,
    BatchRow,
    JacobianRow,
    Level,
    _ℓ,
    is_one,
    shape_of,
)

Letters = list[tuple[Symbol, Parameter]]
Chained = Callable[..., Expr]


class Place:
    """The k-th layer of its kind in the net, with its input and output."""

    draws = is_coupled = False
    attributes: tuple[str, ...] = ()  # the names of the layer's parameters
    letters: tuple[str, ...] = ()  # the letters of these parameters

    def __init__(
        self, layer: Any, name: Symbol, k: int, below: Level, above: Level
    ) -> None:
        self.layer, self.name, self.k = layer, name, k
        self.below, self.above = below, above
        self.as_derived = self.draws, self.is_coupled  # in its present mode

    @property
    def rule(self) -> Any:
        """The layer's present rule."""
        return rule_of(self.layer)

    def parameters(self) -> Letters:
        """Return each parameter with its letter."""
        found = []
        for letter, name in zip(self.letters, self.attributes, strict=True):
            parameter = getattr(self.layer, name)
            if parameter is not None:
                found.append((Symbol(letter, above=f"({self.k})"), parameter))
        return found

    def output(self, z: Expr) -> Expr:
        """Return the formula of the layer for the input z."""
        raise NotImplementedError

    def link(self) -> Expr:
        """Return ∂above/∂below, as written in a product of Jacobians."""
        return Derivative(self.above.z, self.below.z)

    def gradients(self, chained: Chained, laid: Chained, *links: Expr) -> list[Expr]:
        """Return each parameter's gradient, from the links above it."""
        return []

    def jacobian(self, indices: str = "ij") -> Expr | None:
        """Return the entries of ∂above/∂below, or None if link() has them.

        indices has the index of above and then that of below. i is the row
        and j the column of the matrix.
        """
        return None

    def jacobian_rows(self, indices: str) -> Iterator[JacobianRow]:
        """Yield the row of ∂above/∂below, if jacobian() has entries."""
        elements, width = self.jacobian(indices), self.above.width
        if elements is not None:
            yield JacobianRow(self.link(), elements, shape_of(width, width))

    def batch_rows(self) -> Iterator[BatchRow]:
        """Yield the formulas of the layer's backward, in their order."""
        grad = self.batch_form(self.below.batch, self.above.batch, self.above.grad)
        yield BatchRow(self.below.grad, grad, shape_of(ROWS, self.below.width))

    def batch_form(self, z: Expr, a: Expr, g: Expr) -> Expr:
        """Return the formula of backward's result, in X, Y and G."""
        raise NotImplementedError

    def legend(self) -> list[tuple[Expr, Any]]:
        """Return letters of this layer with their meaning."""
        return []


class AffinePlace(Place):
    """W x + b."""

    attributes = "weight", "bias"

    @property
    def letters(self) -> tuple[str, ...]:  # type: ignore[override]  # as read only
        """W and b, or other letters of the rule."""
        return tuple(self.rule)

    def output(self, z: Expr) -> Expr:
        """Return W z + b."""
        (w, _), *rest = self.parameters()
        return Sum(Product(w, z), rest[0][0]) if rest else Product(w, z)

    def link(self) -> Expr:
        """Return W."""
        return self.parameters()[0][0]

    def gradients(self, chained: Chained, laid: Chained, *links: Expr) -> list[Expr]:
        """Return x · ∂ℓ/∂z, and ∂ℓ/∂z."""
        both = [chained(self.below.z, *links), chained(*links)]
        return both[: len(self.parameters())]

    def batch_rows(self) -> Iterator[BatchRow]:
        """Yield the three formulas of Linear.backward."""
        z, g = self.below.batch, self.above.grad
        n, m = self.below.width, self.above.width
        (w, _), *rest = self.parameters()
        for b, _ in rest:
            yield BatchRow(Of(".grad", b), RowSum(g), shape_of(m))
        weight = Product(Transpose(g), z)
        yield BatchRow(Of(".grad", w), weight, shape_of(m, n))
        yield BatchRow(self.below.grad, Product(g, w), shape_of(ROWS, n))


class ElementwisePlace(Place):
    """f(x), entry by entry; with m, if the layer draws a mask."""

    @property
    def draws(self) -> bool:  # type: ignore[override]  # as read only
        """Whether its forward draws random numbers."""
        return self.rule.drawn is not None

    def _drawn(self, letter: str, of: type[Expr] | None = None) -> list[Expr]:
        symbol: Expr = Symbol(letter, above=f"({self.k})")
        return [of(symbol) if of else symbol] if self.draws else []

    def output(self, z: Expr) -> Expr:
        """Return f(z)."""
        formula: Expr = self.rule.output(z, *self._drawn("m"))
        return formula

    def jacobian(self, indices: str = "ij") -> Expr:
        """Return f'(zᵢ) if i = j, else 0."""
        out = self.above.z
        drawn = self._drawn("m", Entry)
        slope = self.rule.slope(Entry(self.below.z), Entry(out), *drawn)
        return Unit(out) if is_one(slope) else Diagonal(slope, out)

    def batch_form(self, z: Expr, a: Expr, g: Expr) -> Expr:
        """Return G ⊙ f'(Z)."""
        form = self.rule.batch_form or self.rule.slope
        slope = form(z, a, *self._drawn("M"))
        return g if is_one(slope) else g * slope

    def legend(self) -> list[tuple[Expr, Any]]:
        """Return m with its meaning, if there is an m."""
        says = (
            " is what it draws; ",
            Symbol("M", above=f"({self.k})"),
            " has it in rows",
        )
        return [(m, says) for m in self._drawn("m")]

    def mask(self, layer: Any, rows: Any) -> dict[str, Any]:
        """Return the m and M that the layer's next forward will draw."""
        if not self.draws:
            return {}
        states = [(g, g.bit_generator.state) for _, g in layer.named_generators()]
        drawn = np.asarray(self.rule.drawn(layer, rows), np.float64)
        for generator, state in states:
            generator.bit_generator.state = state
        return {f"m⁽{_raised(self.k)}⁾": drawn.T, f"M⁽{_raised(self.k)}⁾": drawn}

    def first_mask(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return m and M of a batch's first row, from those of the batch."""
        (m,), (rows,) = self._drawn("m"), self._drawn("M")
        return {str(m): values[str(m)][:, :1], str(rows): values[str(rows)][:1]}


def _raised(k: int) -> str:
    return str(k).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


class VectorwisePlace(Place):
    """f(x), where each entry depends on all entries of x."""

    def output(self, z: Expr) -> Expr:
        """Return f(z)."""
        formula: Expr = self.rule.output(z)
        return formula

    def jacobian(self, indices: str = "ij") -> Expr:
        """Return ∂yᵢ/∂xⱼ."""
        x, y = self.below.z, self.above.z
        ends = [Coordinate(a, index) for index in indices for a in (x, y)]
        formula: Expr = self.rule.jacobian(*ends, IsSame(y))
        return formula

    def batch_form(self, z: Expr, a: Expr, g: Expr) -> Expr:
        """Return the rule's batch_form."""
        formula: Expr = self.rule.batch_form(z, a, g)
        return formula


class NormalizedPlace(Place):
    """γ ⊙ x̂ + β; mean and variance are over rows or columns, or constant."""

    attributes, letters = ("weight", "bias"), ("γ", "β")

    @property
    def is_coupled(self) -> bool:  # type: ignore[override]  # as read only
        """Whether each row of a batch depends on the others."""
        return bool(self.rule.over == "rows")

    @property
    def over(self) -> type[Expr]:
        """The class of the mean: over the rows, or of each row."""
        return RowMean if self.rule.over == "rows" else RowMeans

    def named(self, letter: str, meaning: Expr) -> Named:
        """Return a letter that stands for a formula of this layer."""
        return Named(letter, meaning, above=f"({self.k})")

    def nodes(self) -> dict[str, Named]:
        """Return μ, C, v, s and X̂ of a batch, by their letters."""
        z, rule, name = self.below.batch, self.rule, self.named
        if rule.over == "nothing":
            μ = name("μ", Kept("the running mean", rule.mean))
        else:
            μ = name("μ", self.over(z))
        c = name("C", z - μ)
        if rule.over == "nothing":
            v = name("v", Kept("the running variance", rule.var))
        else:
            v = name("v", self.over(c**2))
        s = name("s", (v + rule.eps) ** -0.5)
        return {"μ": μ, "C": c, "v": v, "s": s, "X̂": name("X̂", s * c)}

    def output(self, z: Expr) -> Expr:
        """Return γ ⊙ x̂ + β."""
        (γ, _), (β, _) = self.parameters()
        return γ * self._column("x̂", "X̂") + β

    def _column(self, letter: str, of: str) -> Expr:
        return self.named(letter, Transpose(self.nodes()[of]))

    def gradients(self, chained: Chained, laid: Chained, *links: Expr) -> list[Expr]:
        """Return ∂ℓ/∂y ⊙ x̂ᵀ, and ∂ℓ/∂y."""
        x_hat = self._column("x̂", "X̂")
        return [Hadamard(chained(*links), laid(x_hat)), chained(*links)]

    def jacobian(self, indices: str = "ij") -> Expr:
        """Return γᵢ sᵢ if i = j, else 0; or γᵢ s (δ − (1 + x̂ᵢ x̂ⱼ)/K)."""
        γ, s = self.parameters()[0][0], self.nodes()["s"]
        if self.is_coupled:
            below, above = self.below.batch, self.above.batch
            return Words(
                f"none of one sample: a row of {above} depends on all of {below}"
            )
        if self.rule.over == "nothing":
            return Diagonal(Product(Entry(γ), Entry(s)), self.above.z)
        x_hat, width = self._column("x̂", "X̂"), self.above.width.letter
        i, j = (Coordinate(x_hat, index) for index in "ij")
        shared = IsSame(self.above.z) - Quotient(1 + Product(i, j), width)
        return Product(Coordinate(γ, indices[0]), s, shared)

    def batch_rows(self) -> Iterator[BatchRow]:
        """Yield the steps of forward and of backward, and the formula."""
        (γ, _), (β, _) = self.parameters()
        m, g, rule, name = self.above.width, self.above.grad, self.rule, self.named
        whole = shape_of(ROWS, m)
        few = shape_of(ROWS, m._replace(letter=Symbol("1"), value=1))
        few = few if rule.over == "columns" else shape_of(m)
        nodes = self.nodes()
        for letter, node in nodes.items():
            yield BatchRow(node, node.meaning, whole if letter in ("C", "X̂") else few)
        c, s, x_hat = nodes["C"], nodes["s"], nodes["X̂"]
        yield BatchRow(Of(".grad", γ), RowSum(g * x_hat), shape_of(m))
        yield BatchRow(Of(".grad", β), RowSum(g), shape_of(m))
        ĝ = name("Ĝ", g * Transpose(γ))
        yield BatchRow(ĝ, ĝ.meaning, whole)
        if rule.over == "nothing":
            yield BatchRow(self.below.grad, s * ĝ, whole)
            return
        is_rows, mean = rule.over == "rows", self.over
        count, total = (_N, RowSum) if is_rows else (m.letter, RowSums)
        dv, dc = Derivative(_ℓ, nodes["v"]), Derivative(_ℓ, c)
        through_s = Hadamard(Product(Number(-0.5), s**3), total(ĝ * c))
        through_v = Product(Quotient(Number(2), count), Hadamard(c, dv))
        yield BatchRow(dv, through_s, few)
        yield BatchRow(dc, s * ĝ + through_v, whole)
        in_one = s * (ĝ - mean(ĝ) - Hadamard(mean(ĝ * x_hat), x_hat))
        yield BatchRow(self.below.grad, Equal(dc - mean(dc), in_one), whole)

    def legend(self) -> list[tuple[Expr, Any]]:
        """Return x̂ with its meaning."""
        X_hat = self.nodes()["X̂"]
        return [(self._column("x̂", "X̂"), (" is a row of ", X_hat, " as a column"))]


PLACES: dict[type, type[Place]] = {
    Affine: AffinePlace,
    Elementwise: ElementwisePlace,
    Vectorwise: VectorwisePlace,
    Normalized: NormalizedPlace,
}
