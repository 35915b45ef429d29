"""trace: one training step, with its numbers put in.

A newcomer should learn that nothing in a training step is beyond a pocket
calculator: each entry is a short formula, and here each stands with the
numbers of the step in the place of its letters.
"""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array
from mlp._shared.printing import WIDTH, paragraph, printable
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.derivation import derive
from mlp.derivation.expressions import (
    Apply,
    AtLeast,
    Chain,
    Expr,
    Negative,
    Notation,
    Number,
    Of,
    Quotient,
    Sum,
)
from mlp.derivation.rules import RULES, log
from mlp.derivation.tables import LAYOUTS, is_one, spelled
from mlp.losses.binary import BCELoss
from mlp.losses.squared import MSELoss
from mlp.optim.sgd import SGD
from mlp.sequential import Sequential, is_plain

ENTRIES, TERMS = 12, 6  # of an array, of a formula; what has more is summed up
SMALL = 60  # parameters; of a larger net, every array is summed up


class Figure(Number):
    """A number, how it is written, and how it is written to its last digit."""

    def __init__(self, number: float, text: str, exact: str) -> None:
        super().__init__(number)
        self.needs_signs, self.exact = True, exact
        self.write(text)


class Figures:
    """The entries of an array, written with as many decimals as they need."""

    def __init__(self, array: npt.ArrayLike) -> None:
        self.array: Array = np.asarray(array)

    @cached_property
    def decimals(self) -> int:
        """How many decimals tell all entries, or 9 if none do."""
        finite = self.array[np.isfinite(self.array)].astype(np.float64)
        return next(
            (d for d in range(9) if np.allclose(finite, finite.round(d), 1e-12, 0)), 9
        )

    def __getitem__(self, place: Any) -> Figure:
        """Return one entry, with nine significant digits, or all it has."""
        entry = self.array[place] + 0.0  # no −0
        value, size = float(entry), abs(float(entry))
        is_plain = 1e-4 <= size < 1e9 and (size >= 0.1 or self.decimals < 9)
        text = f"{value:.{self.decimals}f}" if is_plain or not size else f"{value:.9g}"
        is_short = 1e-4 <= size < 1e9
        write = np.format_float_positional if is_short else np.format_float_scientific
        return Figure(value, text, write(value, trim="-"))


class Line(NamedTuple):
    """An entry, its formula with the numbers put in, and what it comes to."""

    entry: str
    formula: Expr
    value: Figure

    def __str__(self) -> str:
        """Return entry = formula = value."""
        same = str(self.formula) == str(self.value)
        middle = "" if same else f"{self.formula} = "
        return f"{self.entry} = {middle}{self.value}"


def _as_printed(formula: Expr) -> Any:
    """Return the value of a formula of numbers as they are written."""
    if isinstance(formula, Figure):
        return float(formula.text.replace("−", "-"))
    return formula.compute(*map(_as_printed, formula.args))


def _write_out(formula: Expr) -> None:
    """Have each number written to its last digit."""
    if isinstance(formula, Figure):
        formula.write(formula.exact)
    for arg in formula.args:
        _write_out(arg)


def _line(entry: str, formula: Expr, value: Figure) -> Line:
    """Return a line that can be evaluated as it stands.

    Where digits that are not written would be missed, as in the difference
    of two numbers that are nearly the same, all of them are written.
    """
    with np.errstate(all="ignore"):  # 1/0 and log 0, at a bound
        printed, exact = _as_printed(formula), formula.value({})
        if not np.isclose(printed, exact, rtol=1e-7, atol=0, equal_nan=True):
            _write_out(formula)
    return Line(entry, formula, value)


class Trace:
    """One training step of a net, with its numbers.

    trace makes it; print it.

    Attributes
    ----------
    steps : list of (int, str, list of Line or str)
        The five steps, each with its number, its name and its lines; a line
        is a str where an array is too large to be written out.
    layout : str
        That of the lines of ∂ℓ/∂W, "numerator" or "denominator".
    before, after, gradients : dict of str to array
        The parameters before and after the step, and their .grad, which has
        the shape of the parameter in either layout, by the names of
        state_dict.
    loss, loss_after : float
        On this batch.
    predicted_change : float
        Σ ⟨∂ℓ/∂θ, Δθ⟩ over the parameters that the optimizer holds: what the
        loss would change by if it were flat; −lr ‖∂ℓ/∂θ‖² for plain SGD.
    change : float
        What it did change by, loss_after − loss.

    Examples
    --------
    >>> from mlp import SGD, Linear, MSELoss, trace
    >>> model = Linear(1, 1, bias=False)
    >>> model.weight.data[...] = 3.0
    >>> sgd = SGD([model.weight], lr=0.1)
    >>> t = trace(model, MSELoss(), sgd, [[1.0]], [[2.0]])
    >>> t.loss, t.after["0.weight"].item()       # (3 − 2)², 3 − 0.1 · 2
    (1.0, 2.8)
    """

    def __init__(
        self,
        title: str,
        layout: str,
        steps: list[tuple[int, str, list[Line | str]]],
        before: dict[str, Array],
        after: dict[str, Array],
        gradients: dict[str, Array],
        losses: tuple[float, float],
        predicted_change: float,
    ) -> None:
        self.title, self.layout, self.steps = title, layout, steps
        self.before, self.after, self.gradients = before, after, gradients
        self.loss, self.loss_after = losses
        self.change, self.predicted_change = losses[1] - losses[0], predicted_change

    def __str__(self) -> str:
        """Return the five steps, and the change of the loss."""
        remark = paragraph("".join(map(str, LAYOUTS[self.layout])))
        parts = [paragraph(self.title), remark]
        for number, name, lines in self.steps:
            parts += ["", f"{number}. {name}", *map(_indented, lines)]
        losses = {
            "loss before the step": self.loss,
            "loss after it": self.loss_after,
            "its change": self.change,
            printable("predicted, Σ ⟨∂ℓ/∂θ, Δθ⟩"): self.predicted_change,
        }
        width = max(map(len, losses)) + 3
        figures = [f"{name:<{width}}{_figure(n)}" for name, n in losses.items()]
        return "\n".join([*parts, "", *map(printable, figures)])

    def __repr__(self) -> str:
        """Return what it is the trace of."""
        return printable(f"<{self.title}>")


def trace(
    model: Layer,
    criterion: Loss,
    optimizer: SGD,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    layout: str = "numerator",
) -> Trace:
    """Return one training step with its numbers put into the formulas.

    Parameters
    ----------
    model : Sequential, or one layer
        A small one; what is too large to be written out is summed up.
    criterion : Loss
        The loss.
    optimizer : SGD
        Made of parameters of the model.
    x, y : array_like of shape (N, in_features) and (N, out_features)
        A batch, of one row as a rule. Entries of several rows have the row
        as their first index.
    layout : "numerator" or "denominator"
        As for derive: in the latter ∂ℓ/∂W has the shape of W, in the former
        that of its transpose.

    Returns
    -------
    Trace
        To be printed. A copy ran: model and optimizer are as they were.

    Raises
    ------
    ValueError, TypeError
        As the layers and the loss raise them for x and y, and derive for
        the net.
    NotImplementedError
        If a layer or the loss has no entry in mlp.derivation.RULES.

    Examples
    --------
    >>> from mlp import SGD, Linear, MSELoss, trace
    >>> model = Linear(2, 1)
    >>> model.weight.data[...], model.bias.data[...] = [[0.15, 0.2]], 0.35
    >>> sgd = SGD(model.parameters(), lr=0.5)
    >>> print(trace(model, MSELoss(), sgd, [[0.05, 0.1]], [[0.4]]))
    One training step of Linear₁ with MSELoss
    In numerator layout: ∂ℓ/∂W has the shape of Wᵀ.
    <BLANKLINE>
    1. forward
       ŷ₁ = 0.15 · 0.05 + 0.20 · 0.10 + 0.35 = 0.3775
    <BLANKLINE>
    2. loss
       ℓ = (0.3775 − 0.4)² = 0.00050625
    <BLANKLINE>
    3. zero the gradients
       W⁽¹⁾.grad ← None
       b⁽¹⁾.grad ← None
    <BLANKLINE>
    4. backward
       (∂ℓ/∂ŷ)₁ = 2 · (0.3775 − 0.4) = −0.045
       (∂ℓ/∂W⁽¹⁾)₁₁ = 0.05 · (−0.045) = −0.00225
       (∂ℓ/∂W⁽¹⁾)₂₁ = 0.10 · (−0.045) = −0.00450
       (∂ℓ/∂b⁽¹⁾)₁ = −0.045
    <BLANKLINE>
    5. step
       (W⁽¹⁾)₁₁ = 0.15 − 0.5 · (−0.00225) = 0.151125
       (W⁽¹⁾)₁₂ = 0.20 − 0.5 · (−0.00450) = 0.202250
       (b⁽¹⁾)₁ = 0.35 − 0.5 · (−0.045) = 0.3725
    <BLANKLINE>
    loss before the step       0.00050625
    loss after it              7.91015625e−08
    its change                 −0.000506170898
    predicted, Σ ⟨∂ℓ/∂θ, Δθ⟩   −0.00102515625

    References
    ----------
    Mazur, A Step by Step Backpropagation Example, 2015; it is what
    examples/by_hand.py prints.
    """
    numbers.instance("trace", "criterion", criterion, Loss)
    numbers.instance("trace", "optimizer", optimizer, SGD)
    numbers.one_of("trace", "layout", layout, LAYOUTS)
    d: Any = copy.deepcopy(derive(model, criterion, optimizer=optimizer, layout=layout))
    layers = [place.layer for place in d.places]
    net = d.model if is_plain(d.model) else Sequential(*layers)
    sgd = d.optimizer
    before = net.state_dict()
    named = dict(zip(before, d.parameters, strict=True))

    n, k = d.places[0].below.width.value, d.top.width.value
    x = arrays.rows_of("trace", "x", x, n, d.layers[0][0])
    target = arrays.rows_of("trace", "y", y, k, d.layers[-1][0])

    outputs = [x]  # 1. forward
    for place in d.places:
        outputs.append(place.layer.forward(outputs[-1]))
    loss = d.criterion.forward(outputs[-1], target)  # 2. loss
    net.zero_grad()  # 3. zero the gradients
    grads = [d.criterion.backward()]  # 4. backward
    for place in reversed(d.places):
        grads.insert(0, place.layer.backward(grads[0]))
    size = sum(p.data.size for _, p in d.parameters)
    limit = ENTRIES if size <= SMALL else 0
    levels = list(zip(d.places, outputs, outputs[1:], grads, grads[1:], strict=False))
    forward = [line for at in levels for line in _forward(*at[:3], limit)]
    backward = list(_loss_backward(d, outputs[-1], target, grads[-1], limit))
    for place, z, out, grad_z, grad_out in reversed(levels):
        backward += _backward(d, place, z, out, grad_z, grad_out, limit)
    gradients: dict[str, Any] = {name: p.grad for name, (_, p) in named.items()}
    velocity = {name: sgd.velocity_of(p) for name, (_, p) in named.items()}
    sgd.step()  # 5. step
    after = net.state_dict()
    held = {name: pair for name, pair in named.items() if sgd.holds(pair[1])}
    step: list[Line | str] = []
    for name, (letter, p) in held.items():
        moved = before[name], after[name], velocity[name], sgd.velocity_of(p)
        step += _step(sgd, letter, gradients[name], *moved, limit)
    equations = [str(equation) for equation in d.steps[2].equations]
    cleared: list[Line | str] = [*equations] if limit else [", ".join(equations)]
    steps: list[tuple[int, str, list[Line | str]]] = [
        (1, "forward", forward),
        (2, "loss", [_loss(d, outputs[-1], target, loss)]),
        (3, "zero the gradients", cleared),
        (4, "backward", backward),
        (5, "step", step),
    ]
    return Trace(
        d.title().replace("Derivation", "One training step"),
        layout,
        steps,
        before,
        after,
        gradients,
        (loss, d.criterion.forward(net.predict(outputs[0]), target)),
        float(
            sum(np.vdot(gradients[name], after[name] - before[name]) for name in held)
        ),
    )


def _indented(line: Line | str) -> str:
    """Return a line of the trace, within the width of a terminal."""
    return textwrap.fill(
        printable(str(line)), WIDTH, initial_indent=" " * 3, subsequent_indent=" " * 9
    )


def _figure(number: float) -> Figure:
    """Return a number that stands alone."""
    return Figures(number)[()]


def _sum(terms: list[Expr]) -> Expr:
    return Sum(*terms) if len(terms) > 1 else terms[0]


def _lines(
    name: str, array: Array, formula: Callable[..., Expr], terms: int, limit: int
) -> Iterator[Line | str]:
    """Yield a line for each entry of an array, or one that sums it up."""
    if array.size > limit or terms > TERMS:
        size = " × ".join(map(str, array.shape))
        parts = array.mean(), array.min(), array.max()
        mean, low, high = (f"{part:.6g}".replace("-", "−") for part in parts)
        yield f"{name}: {size} numbers, mean {mean}, from {low} to {high}"
        return
    figures = Figures(array)
    bare = name in ("ŷ", "x")
    for place in np.ndindex(array.shape):
        numbers = [str(k + 1) for k in place]
        index = ("" if max(map(len, numbers)) == 1 else ",").join(numbers)
        entry = Notation().index(name if bare else f"({name})", index)
        yield _line(entry, formula(*place), figures[place])


def _rows(
    name: str,
    array: Array,
    formula: Callable[[int, int], Expr],
    terms: int,
    limit: int,
) -> Iterator[Line | str]:
    """Yield the lines of a batch, whose rows are left out if it has one."""
    if len(array) == 1:
        yield from _lines(name, array[0], lambda i: formula(0, i), terms, limit)
    else:
        yield from _lines(name, array, formula, terms, limit)


def _forward(place: Any, x: Array, out: Array, limit: int) -> Iterator[Line | str]:
    """Yield the entries of a layer's output."""
    z, name = Figures(x), str(place.above.z)
    if place.is_activation:

        def activated(k: int, i: int) -> Expr:
            return spelled(place.output(z[k, i]))

        return _rows(name, out, activated, 1, limit)
    (_, weight), *rest = place.parameters()
    w, biases = Figures(weight.data), [Figures(p.data) for _, p in rest]

    def weighted(k: int, i: int) -> Expr:
        products = [Chain(w[i, j], z[k, j]) for j in range(x.shape[1])]
        return _sum([*products, *(b[i] for b in biases)])

    return _rows(name, out, weighted, x.shape[1], limit)


def _loss(d: Any, prediction: Array, target: Array, value: float) -> Line | str:
    """Return the line of the loss."""
    p, t = Figures(prediction), Figures(target)
    if prediction.size > TERMS or type(d.criterion) not in _TERMS:
        return f"ℓ = {_figure(value)}"
    term = _TERMS[type(d.criterion)]
    formula = _sum([term(p[k], t[k]) for k in np.ndindex(prediction.shape)])
    divisor = _divisor(d.criterion, prediction)
    formula = formula if divisor == 1 else Quotient(formula, Number(divisor))
    if isinstance(d.criterion, BCELoss):
        formula = Negative(formula)
    return _line("ℓ", formula, _figure(value))


def _log(a: Expr) -> Expr:
    """Return log a, with the bound of BCELoss where that is active."""
    logarithm = Apply("log", log, a)
    return logarithm if logarithm.value({}) >= -100 else AtLeast(logarithm, -100)


_TERMS: dict[type[Loss], Callable[[Expr, Expr], Expr]] = {
    MSELoss: lambda ŷ, y: (ŷ - y) ** 2,
    BCELoss: lambda ŷ, y: y * _log(ŷ) + (1 - y) * _log(1 - ŷ),
}
_BOUNDED: dict[type[Loss], Callable[..., Expr]] = {  # ∂ℓ/∂ŷ where a bound is active
    BCELoss: lambda ŷ, y, scale: scale(1, (ŷ - y) / AtLeast(ŷ * (1 - ŷ), 1e-12)),
}


def _divisor(criterion: Any, prediction: Array) -> int:
    sizes = {"mean": prediction.size, "batchmean": len(prediction)}
    return sizes.get(getattr(criterion, "reduction", "sum"), 1)


def _loss_backward(
    d: Any, prediction: Array, target: Array, grad: Array, limit: int
) -> Iterator[Line | str]:
    """Yield the entries of ∂ℓ/∂ŷ."""
    rule: Any = RULES[type(d.criterion)]
    p, t, divisor = (
        Figures(prediction),
        Figures(target),
        _divisor(d.criterion, prediction),
    )

    def scale(k: float, e: Expr) -> Expr:
        if divisor > 1:
            return Chain(Quotient(Number(k), Number(divisor)), e)
        return e if k == 1 else Chain(Number(k), e)

    def slope(k: int, i: int) -> Expr:
        forms = rule.batch_form, _BOUNDED.get(type(d.criterion), rule.batch_form)
        for form in forms:
            formula: Expr = form(p[k, i], t[k, i], scale)
            with np.errstate(divide="ignore", invalid="ignore"):
                value = formula.value({})
            if np.isclose(value, grad[k, i], rtol=1e-4, atol=0):
                return formula
        return Figures(grad)[k, i]

    return _rows("∂ℓ/∂ŷ", grad, slope, 1, limit)


def _backward(
    d: Any,
    place: Any,
    x: Array,
    out: Array,
    grad_x: Array,
    grad_out: Array,
    limit: int,
) -> Iterator[Line | str]:
    """Yield what a layer's backward adds to .grad, and returns."""
    z, a, g = Figures(x), Figures(out), Figures(grad_out)
    below, rows = f"∂ℓ/∂{place.below.z}", range(len(x))
    order = 1 if d.is_numerator else -1

    def product(*factors: Expr) -> Expr:
        return Chain(*factors[::order])

    if place.is_activation:

        def through(k: int, i: int) -> Expr:
            slope = place.rule.slope(z[k, i], a[k, i])
            return g[k, i] if is_one(slope) else product(g[k, i], slope)

        yield from _rows(below, grad_x, through, 1, limit)
        return
    (letter, weight), *rest = place.parameters()
    w = Figures(weight.data)

    def for_weight(*at: int) -> Expr:
        j, i = at[::order]
        return _sum([product(z[k, j], g[k, i]) for k in rows])

    def for_bias(i: int) -> Expr:
        return _sum([g[k, i] for k in rows])

    def for_input(k: int, j: int) -> Expr:
        return _sum([product(g[k, i], w[i, j]) for i in range(grad_out.shape[1])])

    laid = weight.grad.T if d.is_numerator else weight.grad
    yield from _lines(f"∂ℓ/∂{letter}", laid, for_weight, len(x), limit)
    for letter, bias in rest:
        yield from _lines(f"∂ℓ/∂{letter}", bias.grad, for_bias, len(x), limit)
    if str(place.below.z) != "x":  # nobody needs the gradient by x
        yield from _rows(below, grad_x, for_input, grad_out.shape[1], limit)


def _step(
    sgd: SGD,
    letter: Expr,
    grad: Array,
    before: Array,
    after: Array,
    velocity_before: Array,
    velocity_after: Array,
    limit: int,
) -> Iterator[Line | str]:
    """Yield the update of one parameter, and of its velocity."""
    θ, g, v = Figures(before), Figures(grad), Figures(velocity_after)
    v_before, lr = Figures(velocity_before), _figure(sgd.lr)

    def slope(*k: int) -> Expr:
        λ = Chain(_figure(sgd.weight_decay), θ[k])
        return g[k] + λ if sgd.weight_decay else g[k]

    def direction(*k: int) -> Expr:
        if not sgd.momentum:
            return slope(*k)
        return slope(*k) + Chain(_figure(sgd.momentum), v[k]) if sgd.nesterov else v[k]

    def velocity(*k: int) -> Expr:
        return Sum(Chain(_figure(sgd.momentum), v_before[k]), slope(*k))

    if sgd.momentum:
        yield from _lines(str(Of("v", letter)), velocity_after, velocity, 2, limit)
    yield from _lines(
        str(letter), after, lambda *k: θ[k] - Chain(lr, direction(*k)), 2, limit
    )
