"""The five tables of a net.

A newcomer should learn that the solution of a backpropagation exercise is
the same five tables for every net, filled in layer by layer: what each
layer puts out, the chain of Jacobians down to each parameter, the entries
of those, the batch form, the five steps.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from mlp import _checks
from mlp._printing import paragraph, printable
from mlp.core import Layer, Loss, Parameter
from mlp.derivation import expressions as e
from mlp.derivation import rendering as r
from mlp.derivation.expressions import Derivative, Expr, Number, Scalar, Shape, Symbol
from mlp.derivation.rules import RULES, Affine, Elementwise, LossRule
from mlp.optim import SGD
from mlp.sequential import numbered_layers

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


def _says(layout: str, shape: Expr) -> list[r.Cell]:
    gradient = Derivative(_ℓ, _W)
    return [f"In {layout} layout: ", gradient, " has the shape of ", shape, "."]


LAYOUTS: dict[str, list[r.Cell]] = {
    "numerator": _says("numerator", e.Transpose(_W)),
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
        return e.Sum(e.Product(w, z), rest[0][0]) if rest else e.Product(w, z)

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
                yield BatchRow(e.Of(".grad", b), e.RowSum(g), _shape(m))
            weight = e.Product(e.Transpose(g), z)
            yield BatchRow(e.Of(".grad", w), weight, _shape(m, n))
            grad = e.Product(g, w)
        yield BatchRow(self.below.grad, grad, _shape(_ROWS, n))


def _over(divisor: Expr | None, k: float, formula: Expr) -> Expr:
    """Return k times the formula, over the divisor if there is one."""
    if divisor is not None:
        return e.Product(e.Quotient(Number(k), divisor), formula)
    return formula if k == 1 else e.Product(Number(k), formula)


def is_one(slope: Expr) -> bool:
    """Return whether it is the number 1, the slope of the identity."""
    return isinstance(slope, Number) and slope.number == 1


def spelled(cell: Expr) -> Expr:
    """Return what "the same" is the same as."""
    return cell.args[0] if isinstance(cell, e.Same) else cell


class Derivation:
    """The derivation of a net: five tables, to be printed, run and checked.

    derive makes it. It holds the net, not a copy: a value is that of the
    parameters at the time when it is asked for.

    Attributes
    ----------
    forward : list of ForwardRow(layer, input, output)
        In x, y and the parameters alone; a row too long to read begins anew
        from the name of the output before, zₖ.
    gradients : list of GradientRow(parameter, gradient, shape)
        From the loss down to the parameter. str(shape) is symbolic,
        shape.value the integers.
    jacobians : list of JacobianRow(symbol, elements, shape)
        One for each layer without parameters, and one for the loss.
    batch : list of BatchRow(quantity, formula, shape)
        The lines that the backwards run, in matrices of rows. Gₖ holds the
        gradient by the output of layer k, a row for each sample.
    steps : list of Step(number, name, equations)
        The five steps as equations, to be run in their order.

    Examples
    --------
    >>> from mlp import Linear, MSELoss, ReLU, Sequential, derive
    >>> model = Sequential(Linear(3, 4), ReLU(), Linear(4, 1))
    >>> d = derive(model, MSELoss())
    >>> print(d.forward[1].output)
    (W⁽¹⁾x + b⁽¹⁾)⁺
    >>> parameter, gradient, shape = d.gradients[0]
    >>> print(parameter, "|", gradient, "|", shape, "|", shape.value)
    W⁽¹⁾ | x · ∂ℓ/∂ŷ · W⁽²⁾ · ∂z₂/∂z₁ | n × h | (3, 4)
    >>> values = d.evaluate([1.0, 0.0, -1.0], [0.5])
    >>> values.gradients[0].gradient.shape
    (3, 4)
    >>> d.check([1.0, 0.0, -1.0], [0.5]) < 1e-10
    True
    """

    def __init__(
        self, model: Any, criterion: Loss, optimizer: Any, layout: str, nested: Any
    ) -> None:
        rule = cast(LossRule, RULES[type(criterion)])
        self.model, self.layers = model, numbered_layers(model)
        self.places, self.criterion = _places(self.layers), criterion
        self.optimizer, self.layout = optimizer, layout
        self.is_numerator = layout == "numerator"
        self.top = self.places[-1].above
        self.parameters = [pair for place in self.places for pair in place.parameters()]
        _checks.steps_some("derive", optimizer, SGD, [p for _, p in self.parameters])
        reduction = getattr(self.criterion, "reduction", "sum")
        entries = _K if reduction == "mean" else None
        divisor = {"mean": e.Product(_N, _K), "batchmean": _N}.get(reduction)

        def loss(ŷ: Expr) -> Expr:
            return rule.value(ŷ, _y, partial(_over, entries))

        laid = e.Transpose if self.is_numerator else lambda column: column
        slope = rule.slope(_ŷ, _y, partial(_over, entries), laid)
        shape = (_ONE, self.top.width)[:: 1 if self.is_numerator else -1]
        top = rule.batch_form(self.top.batch, _Y, partial(_over, divisor))
        self.forward = self._forward(loss, nested)
        self.gradients = self._gradients()
        self.jacobians = list(self._activations())
        self.jacobians.append(JacobianRow(Derivative(_ℓ, _ŷ), slope, _shape(*shape)))
        self.batch = [BatchRow(self.top.grad, top, _shape(_ROWS, self.top.width))]
        for place in reversed(self.places):
            self.batch += place.batch_rows()
        self.steps = self._steps(e.Equal(_ℓ, loss(_ŷ)))

    def _forward(self, loss: Callable[[Expr], Expr], nested: Any) -> list[ForwardRow]:
        def too_long(*cells: Expr) -> bool:
            return nested is None and any(len(str(cell)) > READABLE for cell in cells)

        rows, anew = [], nested is False
        whole: Expr = _x  # the output so far, in x and the parameters
        for place in self.places:
            z, out = whole, place.output(whole)
            anew = anew or too_long(z, out)
            if anew:
                z, out = place.below.z, place.output(place.below.z)
            rows.append(ForwardRow(place.name, z, out))
            whole = place.above.z if anew else spelled(out)
        whole = _ŷ if anew or too_long(loss(whole)) else whole
        return [*rows, ForwardRow(Symbol("Loss"), e.That(whole, _y), loss(whole))]

    def _chain(self, *links: Expr) -> Expr:
        """Return a product of Jacobians, in the order of the layout."""
        if not self.is_numerator:  # a Derivative stands for itself in either layout
            turned = (f if isinstance(f, Derivative) else e.Transpose(f) for f in links)
            links = tuple(turned)[::-1]
        return e.Chain(*links) if len(links) > 1 else links[0]

    def _gradients(self) -> list[GradientRow]:
        rows: list[GradientRow] = []
        links: list[Expr] = [Derivative(_ℓ, _ŷ)]
        for place in reversed(self.places):
            n, m = place.below.width, place.above.width
            chains = self._chain(place.below.z, *links), self._chain(*links)
            shapes = _shape(m, n), _shape(m)
            if self.is_numerator:
                shapes = _shape(n, m), _shape(_ONE, m)
            letters = (letter for letter, _ in place.parameters())
            rows[:0] = map(GradientRow, letters, chains, shapes)
            links.append(place.link())
        return rows

    def _activations(self) -> Iterator[JacobianRow]:
        for place in filter(lambda place: place.is_activation, self.places):
            out, width = place.above.z, place.above.width
            slope = place.rule.slope(e.Entry(place.below.z), e.Entry(out))
            entries = e.Unit(out) if is_one(slope) else e.Diagonal(slope, out)
            yield JacobianRow(place.link(), entries, _shape(width, width))

    def _steps(self, loss: Expr) -> list[Step]:
        forward = [
            e.Equal(p.above.z, spelled(p.output(p.below.z))) for p in self.places
        ]
        zero = [e.Becomes(e.Of(".grad", θ), e.Nothing()) for θ, _ in self.parameters]
        g, slope, _ = self.jacobians[-1]
        backward = [e.Equal(e.Entry(g) if isinstance(slope, e.Equal) else g, slope)]
        for place in reversed(self.places):
            z = place.below.z
            products = self._chain(z, g), g
            for (θ, _), product in zip(place.parameters(), products, strict=False):
                backward.append(e.Equal(Derivative(_ℓ, θ), product))
            if z is not _x:
                g, product = Derivative(_ℓ, z), self._chain(g, place.link())
                backward.append(e.Equal(g, product))
        equations = forward, [loss], zero, backward, list(self._updates())
        names = "forward", "loss", "zero the gradients", "backward", "step"
        return list(map(Step, range(1, 6), names, equations))

    def _updates(self) -> Iterator[Expr]:
        """Yield what the optimizer does to each parameter that it holds."""
        sgd = self.optimizer
        for θ, parameter in self.parameters:
            g: Expr = Derivative(_ℓ, θ)
            g = e.Transpose(g) if self.is_numerator else g
            if sgd is None:
                yield e.Becomes(θ, θ - e.Chain(_lr, g))
            elif sgd.holds(parameter):
                if sgd.weight_decay:
                    g = g + e.Chain(Number(sgd.weight_decay), θ)
                if sgd.momentum:
                    v = e.Of("v", θ)
                    carried = e.Chain(Number(sgd.momentum), v)
                    yield e.Becomes(v, carried + g)
                    g = g + carried if sgd.nesterov else v
                yield e.Becomes(θ, θ - e.Chain(Number(sgd.lr), g))

    def evaluate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Values:
        """Return the value of every cell at one data point.

        From the formulas alone, in float64; the layers' forward and
        backward have no part in it.

        Parameters
        ----------
        x : array_like of shape (n,)
            The input.
        y : array_like of shape (K,)
            The target.

        Returns
        -------
        Values
            The same five tables, with arrays in place of expressions:
            inputs and outputs in one dimension, gradients and Jacobians in
            the shape that stands beside them, an equation as the value of
            its right side, which in step 3 is None. Without an optimizer lr
            has no value, and step 5 is NaN.

        Raises
        ------
        ValueError
            If x or y is not of the length that the net has.
        TypeError
            If they do not hold real numbers.
        """
        with np.errstate(all="ignore"):  # a formula may have no value at a bound
            return self._evaluated(self.values_at(*self.sample(x, y)))

    def _evaluated(self, values: dict[str, Any]) -> Values:
        """Return the five tables, given the value of each letter."""

        def value(cell: Expr, shape: Any = -1) -> Any:
            value = cell.value(values)
            if isinstance(value, tuple):
                return tuple(map(np.ravel, value))
            number = shape == -1 and np.ndim(value) == 0
            return float(value) if number else np.reshape(value, shape)

        forward = [ForwardRow(a, value(z), value(out)) for a, z, out in self.forward]
        gradients = [GradientRow(a, value(b, s.value), s) for a, b, s in self.gradients]
        jacobians = [JacobianRow(a, value(b, s.value), s) for a, b, s in self.jacobians]
        batch = [BatchRow(a, value(b, s.value), s) for a, b, s in self.batch]
        return Values(forward, gradients, jacobians, batch, self.run(values))

    def run(self, values: dict[str, Any], steps: slice = slice(None)) -> list[Step]:
        """Run the five steps, or some, which give their left sides new values."""

        def result(equation: Expr) -> Any:
            left, right = equation.args[0], equation.value(values)
            name = str(left.args[0] if isinstance(left, e.Entry) else left)
            if np.ndim(right) == 1:  # the entries of a row or a column
                right = np.reshape(right, np.shape(values[name]))
            values[name] = right
            return right

        chosen = self.steps[steps]
        return [Step(k, name, list(map(result, of))) for k, name, of in chosen]

    def sample(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Any, Any]:
        """Return x and y as columns, of the lengths of the net."""
        n, k = self.places[0].below.width.value, self.top.width.value
        x = _checks.column("derive", "x", x, n, self.layers[0][0])
        return x, _checks.column("derive", "y", y, k, self.layers[-1][0])

    def values_at(self, x: Any, y: Any, outputs: Any = None) -> dict[str, Any]:
        """Return the value of each letter, for samples in columns.

        Given the outputs of the layers, as rows, zₖ is what they are and
        not what the formulas make of it.
        """
        values: dict[str, Any] = {"x": x, "y": y, "X": x.T, "Y": y.T, "lr": np.nan}
        values |= {"N": float(x.shape[1]), "K": float(len(y))}
        for θ, parameter in self.parameters:
            data = parameter.data.astype(np.float64)
            values[str(θ)] = data.reshape(len(data), -1)
            if self.optimizer is not None:
                v = self.optimizer.velocity_of(parameter)
                values[str(e.Of("v", θ))] = v.reshape(len(v), -1)
        for k, place in enumerate(self.places):
            if outputs is None:
                out = spelled(place.output(place.below.z)).value(values)
            else:
                out = np.asarray(outputs[k], np.float64).T
            values[str(place.above.z)], values[str(place.above.batch)] = out, out.T
        for symbol, elements, shape in self.jacobians if x.shape[1] == 1 else ():
            values[str(symbol)] = np.reshape(elements.value(values), shape.value)
        for quantity, formula, _ in self.batch:
            values[str(quantity)] = formula.value(values)
        return values

    def check(self, x: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Compare every cell with what the library computes at one data point.

        The model itself runs, forward and backward, and so does each of its
        layers alone: on this sample, and on a batch of three rows made of
        it, so that sums over samples are checked too. Compared are outputs
        with forward, gradients with .grad after backward, Jacobians with
        those assembled from backward on basis vectors, the batch lines with
        what each backward returns, both sides of an equation with each
        other, and step 5 with the optimizer's. All of it runs on copies;
        model and optimizer stay as they are.

        Parameters
        ----------
        x, y : array_like of shape (n,) and (K,)
            A data point. Where a bound of BCELoss is active, backward is
            not the derivative of forward: the result is near 1, or
            infinite.

        Returns
        -------
        float
            The largest difference, relative to the largest entry of its
            cell: below 1e-10 for a float64 net, near 1e-6 for one in
            float32.

        Raises
        ------
        ValueError, TypeError
            As evaluate.
        """
        _places(numbered_layers(self.model))  # its layers are still all that it is
        from mlp.proving import largest_difference  # which knows forward and backward

        return largest_difference(self, *self.sample(x, y))

    def _tables(self) -> list[r.Table]:
        legend: list[r.Cell] = ["In columns; layer k gives ", Symbol("z", "k")]
        for place in filter(lambda place: place.is_activation, self.places):
            legend += ["; ", place.name, f" is {type(place.layer).__name__}"]
        widths = [self.places[0].below.width, *(p.above.width for p in self.places)]
        for letter, value in {str(width.letter): width for width in widths}.values():
            legend += ["; ", letter, f" = {value}"]
        steps = [
            StepRow(f"{number}. {name}" if equation is equations[0] else "", equation)
            for number, name, equations in self.steps
            for equation in equations
        ]
        return [
            r.Table("Forward pass", [*legend, "."], self.forward),
            r.Table("Gradients", LAYOUTS[self.layout], self.gradients),
            r.Table(
                "Jacobians", ["Row i, column j; of the last, entry i."], self.jacobians
            ),
            r.Table("Backward of a batch", ["Samples in rows."], self.batch),
            r.Table("The five steps", ["In this order."], steps),
        ]

    def title(self) -> str:
        """Return what it is the derivation of."""
        names = " → ".join(str(place.name) for place in self.places)
        return f"Derivation of {names} with {type(self.criterion).__name__}"

    def __str__(self) -> str:
        """Return the tables in plain Unicode, within 100 columns."""
        return f"{paragraph(self.title())}\n\n{r.to_text(self._tables())}"

    def __repr__(self) -> str:
        """Return the title in angle brackets."""
        return printable(f"<{self.title()}>")

    def to_markdown(self) -> str:
        """Return the tables in Markdown with LaTeX between dollars.

        GitHub, Jupyter and VS Code render it.
        """
        return f"## {self.title()}\n\n{r.to_markdown(self._tables())}"

    _repr_markdown_ = to_markdown  # what a notebook shows

    def to_latex(self) -> str:
        r"""Return the tables as LaTeX, to \input in a document with amsmath."""
        return r.to_latex(self._tables())

    def to_html(self) -> str:
        """Return the tables as one page with MathML: no script, no network."""
        return r.to_html(self.title(), self._tables())


def derive(
    model: Layer,
    criterion: Loss,
    *,
    optimizer: SGD | None = None,
    layout: str = "numerator",
    nested: bool | None = None,
) -> Derivation:
    """Return the derivation of a net, as a person would write the solution.

    Parameters
    ----------
    model : Sequential, or one layer
        It stays as it is; no data is needed.
    criterion : Loss
        The loss at the end.
    optimizer : SGD or None
        Whose update step 5 is to show; None shows plain SGD with the letter
        lr.
    layout : "numerator" or "denominator"
        Whether the derivative of a number by a column is a row, or a
        column; the latter gives each gradient in the shape of its
        parameter.
    nested : bool or None
        Whether the rows of the forward pass are written in x alone (True),
        or each in the output before it (False); None writes them in x as
        long as they can be read.

    Returns
    -------
    Derivation
        print it, or to_markdown(), to_latex(), to_html(); evaluate and
        check it at a data point.

    Raises
    ------
    ValueError
        If the widths of the layers do not fit, the net has no layer, or
        none with weights; if layout is unknown.
    TypeError
        If something in the net is no Layer, criterion no Loss, optimizer no
        SGD.
    NotImplementedError
        If a layer or the loss has no entry in mlp.derivation.RULES.

    Examples
    --------
    >>> from mlp import Identity, Linear, MSELoss, ReLU, Sequential, derive
    >>> model = Sequential(Linear(3, 4), ReLU(), Linear(4, 2), Identity())
    >>> for row in derive(model, MSELoss("sum")).gradients:
    ...     print(row.parameter, "|", row.gradient, "|", row.shape)
    W⁽¹⁾ | x · ∂ℓ/∂ŷ · ∂ŷ/∂z₃ · W⁽²⁾ · ∂z₂/∂z₁ | n × h
    b⁽¹⁾ | ∂ℓ/∂ŷ · ∂ŷ/∂z₃ · W⁽²⁾ · ∂z₂/∂z₁ | 1 × h
    W⁽²⁾ | z₂ · ∂ℓ/∂ŷ · ∂ŷ/∂z₃ | h × K
    b⁽²⁾ | ∂ℓ/∂ŷ · ∂ŷ/∂z₃ | 1 × K

    References
    ----------
    docs/backprop.md, which tells the whole story of this net.
    """
    _checks.one_of("derive", "layout", layout, LAYOUTS)
    nested = None if nested is None else _checks.flag("derive", "nested", nested)
    _checks.instance("derive", "criterion", criterion, Loss)
    _checks.rule("derive", "the loss", criterion, RULES, LossRule)
    return Derivation(model, criterion, optimizer, layout, nested)


def _places(numbered: list[tuple[str, Any]]) -> list[_Place]:
    """Return each layer in its place; check that there are some, and that they fit."""
    names, layers = [who for who, _ in numbered], [layer for _, layer in numbered]
    for who, layer in numbered:
        _checks.instance("derive", who, layer, Layer)
        _checks.rule("derive", who, layer, RULES, Affine | Elementwise)
    kinds = [type(RULES[type(layer)]) for layer in layers]
    _checks.some_weights("derive", Affine in kinds)
    affine, has_g = kinds.count(Affine), kinds[-1] is Elementwise
    width = _Width(Symbol("n"), layers[kinds.index(Affine)].weight.data.shape[1])
    level = _Level(_x, Symbol("X"), Symbol("G", "0"), width)
    places: list[_Place] = []
    for i, (layer, kind) in enumerate(zip(layers, kinds, strict=True), start=1):
        k, is_last = kinds[:i].count(kind), i == len(layers)
        if kind is Affine:
            name = Symbol(type(layer).__name__, str(k))
            m, n = layer.weight.data.shape
            _checks.fits("derive", names[i - 1], n, names[i - 2], width.value)
            letter = Symbol("h", str(k) if affine > 2 else "")
            width = _Width(_K if k == affine else letter, m)
        else:
            several = kinds.count(kind) - has_g > 1
            name = Symbol("g") if is_last else Symbol("f", str(k) if several else "")
        z, batch = Symbol("z", str(i)), Symbol("Z", str(i))
        if is_last:
            z, batch = _ŷ, Symbol("Ŷ")
        above = _Level(z, batch, Symbol("G", str(i)), width)
        places.append(_Place(layer, name, k, level, above, kind is Elementwise))
        level = above
    return places
