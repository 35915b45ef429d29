"""The lines of trace for steps 1, 2 and 4.

Each entry of an array is one line. Each kind of layer has two functions,
one for forward and one for backward. They write with numbers what places.py
writes with letters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np

from mlp._shared.arrays import Array
from mlp.core import Reduction
from mlp.derivation.expressions import Chain, Expr, Negative, Number, Quotient
from mlp.derivation.figures import (
    TERMS,
    Figures,
    Line,
    figure,
    line,
    lines,
    rows_of,
    sum_of,
)
from mlp.derivation.kinds import LossRule
from mlp.derivation.places import (
    AffinePlace,
    ElementwisePlace,
    NormalizedPlace,
    VectorwisePlace,
)
from mlp.derivation.rules import rule_of
from mlp.derivation.tables import is_one, spelled

Lines = Iterator[Line | str]


class At(NamedTuple):
    """A layer in a training step: its input, its output and their gradients."""

    place: Any
    x: Array
    out: Array
    grad_x: Array
    grad_out: Array
    drawn: dict[str, Any]
    limit: int
    order: int

    @property
    def below(self) -> str:
        """The name of the gradient for the layer's input."""
        return f"∂ℓ/∂{self.place.below.z}"

    @property
    def name(self) -> str:
        """The name of the layer's output."""
        return str(self.place.above.z)

    def product(self, *factors: Expr) -> Expr:
        """Return a product of Jacobians, in the order of the layout."""
        return Chain(*factors[:: self.order])

    def is_first(self) -> bool:
        """Whether this is the first layer, whose grad_input is not needed."""
        return str(self.place.below.z) == "x"


def forward_lines(at: At) -> Lines:
    """Yield the entries of a layer's output."""
    return _KINDS[type(at.place)][0](at)


def backward_lines(at: At) -> Lines:
    """Yield the entries of a layer's parameter gradients and grad_input."""
    return _KINDS[type(at.place)][1](at)


def _affine(at: At) -> Lines:
    (_, weight), *rest = at.place.parameters()
    z, w = Figures(at.x), Figures(weight.data)
    biases = [Figures(p.data) for _, p in rest]

    def weighted(k: int, i: int) -> Expr:
        products = [Chain(w[i, j], z[k, j]) for j in range(at.x.shape[1])]
        return sum_of([*products, *(b[i] for b in biases)])

    return rows_of(at.name, at.out, weighted, at.x.shape[1], at.limit)


def _affine_backward(at: At) -> Lines:
    z, g, rows = Figures(at.x), Figures(at.grad_out), range(len(at.x))
    (letter, weight), *rest = at.place.parameters()
    w = Figures(weight.data)

    def for_weight(*entry: int) -> Expr:
        j, i = entry[:: at.order]
        return sum_of([at.product(z[k, j], g[k, i]) for k in rows])

    def for_input(k: int, j: int) -> Expr:
        columns = range(at.grad_out.shape[1])
        return sum_of([at.product(g[k, i], w[i, j]) for i in columns])

    laid = weight.grad.T if at.order == 1 else weight.grad
    yield from lines(f"∂ℓ/∂{letter}", laid, for_weight, len(rows), at.limit)
    for letter, bias in rest:
        yield from lines(
            f"∂ℓ/∂{letter}",
            bias.grad,
            lambda i: sum_of([g[k, i] for k in rows]),
            len(rows),
            at.limit,
        )
    if not at.is_first():
        columns = at.grad_out.shape[1]
        yield from rows_of(at.below, at.grad_x, for_input, columns, at.limit)


def _drawn(at: At) -> list[Figures]:
    """Return the figures of the mask m, if the layer draws one."""
    return [Figures(rows) for name, rows in at.drawn.items() if name[0] == "M"]


def _entry(figures: Figures, *place: int) -> Expr:
    return figures[place]


def _elementwise(at: At) -> Lines:
    z, drawn = Figures(at.x), _drawn(at)
    for name, columns in at.drawn.items():
        if name[0] == "m":
            mask = partial(_entry, Figures(columns.T))
            yield from rows_of(name, columns.T, mask, 1, at.limit)

    def activated(k: int, i: int) -> Expr:
        return spelled(at.place.rule.output(z[k, i], *(m[k, i] for m in drawn)))

    yield from rows_of(at.name, at.out, activated, 1, at.limit)


def _elementwise_backward(at: At) -> Lines:
    z, a, g, drawn = (
        Figures(at.x),
        Figures(at.out),
        Figures(at.grad_out),
        _drawn(at),
    )

    def through(k: int, i: int) -> Expr:
        slope = at.place.rule.slope(z[k, i], a[k, i], *(m[k, i] for m in drawn))
        return g[k, i] if is_one(slope) else at.product(g[k, i], slope)

    return rows_of(at.below, at.grad_x, through, 1, at.limit)


def _vectorwise(at: At) -> Lines:
    z, entry, width = Figures(at.x), at.place.rule.entry, at.x.shape[1]

    def value(k: int, i: int) -> Expr:
        if entry is None:
            return Figures(at.out)[k, i]
        formula: Expr = entry([z[k, j] for j in range(width)], i)
        return formula

    return rows_of(at.name, at.out, value, width, at.limit)


def _vectorwise_backward(at: At) -> Lines:
    z, a, g, width = Figures(at.x), Figures(at.out), Figures(at.grad_out), at.x.shape[1]

    def through(k: int, j: int) -> Expr:
        slopes = [
            at.place.rule.jacobian(z[k, i], a[k, i], z[k, j], a[k, j], Number(i == j))
            for i in range(width)
        ]
        return sum_of([at.product(g[k, i], slopes[i]) for i in range(width)])

    return rows_of(at.below, at.grad_x, through, width, at.limit)


class _Nodes:
    """The intermediate results of a normalisation, as figures, and its mean."""

    def __init__(self, at: At) -> None:
        self.at, self.rule = at, at.place.rule
        x = at.x.astype(np.float64)
        values = {str(at.place.below.batch): x}
        self.named = at.place.nodes()
        self.arrays = {a: node.value(values) for a, node in self.named.items()}
        (_, γ), (_, β) = at.place.parameters()
        self.γ, self.β, self.x = Figures(γ.data), Figures(β.data), Figures(at.x)
        self.μ, self.v, self.s = (Figures(self.arrays[a]) for a in "μvs")
        self.x_hat = Figures(self.arrays["X̂"])
        self.is_rows = self.rule.over != "columns"
        self.count = x.shape[0 if self.is_rows else 1]

    def few(self, k: int, i: int) -> Any:
        """Return the index of the mean to which entry (k, i) belongs."""
        return (i,) if self.is_rows else (k, 0)

    def mean(self, term: Callable[[int, int], Expr], *place: int) -> Expr:
        """Return the mean of the terms that belong to one index."""
        ours = range(self.count)
        terms = [term(j, place[0]) if self.is_rows else term(place[0], j) for j in ours]
        return Quotient(sum_of(terms), Number(self.count))

    def lines(self, letter: str, formula: Callable[..., Expr], terms: int) -> Lines:
        """Yield the lines of one intermediate result."""
        name, array = str(self.named[letter]), self.arrays[letter]
        return lines(name, array, formula, terms, self.at.limit)


def _normalized(at: At) -> Lines:
    n = _Nodes(at)

    def deviation(k: int, i: int) -> Expr:
        return n.x[k, i] - n.μ[n.few(k, i)]

    def scale(*place: int) -> Expr:
        return (n.v[place] + figure(n.rule.eps)) ** -0.5

    def value(k: int, i: int) -> Expr:
        return Chain(n.γ[i], n.x_hat[k, i]) + n.β[i]

    is_constant = n.rule.over == "nothing"
    yield from n.lines(
        "μ",
        lambda *p: n.μ[p] if is_constant else n.mean(lambda *e: n.x[e], *p),
        1 if is_constant else n.count,
    )
    yield from n.lines(
        "v",
        lambda *p: n.v[p] if is_constant else n.mean(lambda *e: deviation(*e) ** 2, *p),
        1 if is_constant else n.count,
    )
    yield from n.lines("s", scale, 1)
    yield from n.lines("X̂", lambda k, i: Chain(n.s[n.few(k, i)], deviation(k, i)), 1)
    yield from rows_of(at.name, at.out, value, 1, at.limit)


def _normalized_backward(at: At) -> Lines:
    n, g, rows = _Nodes(at), Figures(at.grad_out), range(len(at.x))
    (γ, weight), (β, bias) = at.place.parameters()
    yield from lines(
        f"∂ℓ/∂{γ}",
        weight.grad,
        lambda i: sum_of([Chain(g[k, i], n.x_hat[k, i]) for k in rows]),
        len(rows),
        at.limit,
    )
    yield from lines(
        f"∂ℓ/∂{β}",
        bias.grad,
        lambda i: sum_of([g[k, i] for k in rows]),
        len(rows),
        at.limit,
    )
    if at.is_first():
        return
    upper = at.grad_out.astype(np.float64) * weight.data
    ĝ, letter, x_hat = Figures(upper), str(at.place.named("Ĝ", γ)), n.x_hat
    yield from lines(letter, upper, lambda k, i: Chain(n.γ[i], g[k, i]), 1, at.limit)
    if n.rule.over == "nothing":
        yield from rows_of(
            at.below, at.grad_x, lambda k, i: Chain(n.s[i], ĝ[k, i]), 1, at.limit
        )
        return
    axis: Any = dict(axis=0) if n.is_rows else dict(axis=1, keepdims=True)
    mean = upper.mean(**axis)
    along = (upper * n.arrays["X̂"]).mean(**axis)
    a, b = Figures(mean), Figures(along)
    name = f"mean {letter}"
    yield from lines(
        name, mean, lambda *p: n.mean(lambda *e: ĝ[e], *p), n.count, at.limit
    )
    yield from lines(
        f"{name} ⊙ {n.named['X̂']}",
        along,
        lambda *p: n.mean(lambda *e: Chain(ĝ[e], x_hat[e]), *p),
        n.count,
        at.limit,
    )

    def through(k: int, i: int) -> Expr:
        few = n.few(k, i)
        return Chain(n.s[few], ĝ[k, i] - a[few] - Chain(x_hat[k, i], b[few]))

    yield from rows_of(at.below, at.grad_x, through, 1, at.limit)


_KINDS: dict[type, tuple[Callable[[At], Lines], Callable[[At], Lines]]] = {
    AffinePlace: (_affine, _affine_backward),
    ElementwisePlace: (_elementwise, _elementwise_backward),
    VectorwisePlace: (_vectorwise, _vectorwise_backward),
    NormalizedPlace: (_normalized, _normalized_backward),
}


class AtLoss:
    """The loss in a training step: prediction, target, value and gradient."""

    def __init__(
        self, criterion: Any, prediction: Array, target: Array, limit: int
    ) -> None:
        self.rule = cast(LossRule, rule_of(criterion))
        self.prediction, self.limit = prediction, limit
        self.divisor = Reduction.of(criterion).divisor(prediction.shape)
        self.t, inner = Figures(target), self.rule.inner
        self.ŷ = self.p = Figures(prediction)
        self.shown: list[Line | str] = []
        if inner is not None and prediction.size <= limit:
            rows, width = map(range, prediction.shape)
            z = [[self.ŷ[k, j] for j in width] for k in rows]
            self.p = Figures([[inner(row, i).value({}) for i in width] for row in z])
            self.shown += rows_of(
                "p", self.p.array, lambda k, i: inner(z[k], i), len(width), limit
            )

    def value_line(self, value: float) -> list[Line | str]:
        """Return the lines of the loss, after those of p."""
        rule, alone = self.rule, f"ℓ = {figure(value)}"
        places = list(np.ndindex(self.prediction.shape))
        if len(places) > TERMS or rule.term is None:
            return [*self.shown, alone]
        formula = sum_of([rule.term(self.p[e], self.t[e]) for e in places])
        if self.divisor != 1:
            formula = Quotient(formula, Number(self.divisor))
        formula = Negative(formula) if rule.sign < 0 else formula
        with np.errstate(all="ignore"):
            is_right = np.isclose(formula.value({}), value, rtol=1e-5, atol=1e-300)
        return [*self.shown, line("ℓ", formula, figure(value)) if is_right else alone]

    def _scale(self, k: float, e: Expr) -> Expr:
        if self.divisor > 1:
            return Chain(Quotient(Number(k), Number(self.divisor)), e)
        return e if k == 1 else Chain(Number(k), e)

    def gradient_lines(self, grad: Array) -> Lines:
        """Yield the entries of ∂ℓ/∂ŷ."""
        rule = self.rule
        known = rule.batch_form, rule.entry
        forms = [form for form in known if form is not None]
        if rule.inner is not None:
            forms = forms[1:] if self.shown else []

        def slope(k: int, i: int) -> Expr:
            for form in forms:
                formula: Expr = form(self.p[k, i], self.t[k, i], self._scale)
                with np.errstate(divide="ignore", invalid="ignore"):
                    value = formula.value({})
                if np.isclose(value, grad[k, i], rtol=1e-4, atol=0):
                    return formula
            return Figures(grad)[k, i]

        return rows_of("∂ℓ/∂ŷ", grad, slope, 1, self.limit)
