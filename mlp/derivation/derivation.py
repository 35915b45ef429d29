"""derive: the solution sheet of a net."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from mlp._shared import numbers
from mlp._shared.printing import paragraph, printable
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.derivation.expressions import (
    Becomes,
    Chain,
    Derivative,
    Diagonal,
    Entry,
    Equal,
    Expr,
    Nothing,
    Number,
    Of,
    Product,
    Symbol,
    That,
    Transpose,
    Unit,
)
from mlp.derivation.rendering import (
    Cell,
    Table,
    to_html,
    to_latex,
    to_markdown,
    to_text,
)
from mlp.derivation.rules import RULES, Affine, Elementwise, LossRule
from mlp.derivation.tables import (
    _K,
    _N,
    _ONE,
    _ROWS,
    _Y,
    LAYOUTS,
    READABLE,
    BatchRow,
    ForwardRow,
    GradientRow,
    JacobianRow,
    Step,
    StepRow,
    Values,
    _l,
    _Level,
    _lr,
    _over,
    _Place,
    _shape,
    _Width,
    _x,
    _y,
    _ŷ,
    check_column,
    check_rule,
    check_some_weights,
    check_steps_some,
    is_one,
    spelled,
)
from mlp.optim.sgd import SGD
from mlp.sequential import numbered_layers


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
        check_steps_some("derive", optimizer, SGD, [p for _, p in self.parameters])
        reduction = getattr(self.criterion, "reduction", "sum")
        entries = _K if reduction == "mean" else None
        divisor = {"mean": Product(_N, _K), "batchmean": _N}.get(reduction)

        def loss(ŷ: Expr) -> Expr:
            return rule.value(ŷ, _y, partial(_over, entries))

        laid = Transpose if self.is_numerator else lambda column: column
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
        self.steps = self._steps(Equal(_ℓ, loss(_ŷ)))

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
        return [*rows, ForwardRow(Symbol("Loss"), That(whole, _y), loss(whole))]

    def _chain(self, *links: Expr) -> Expr:
        """Return a product of Jacobians, in the order of the layout."""
        if not self.is_numerator:  # a Derivative stands for itself in either layout
            turned = (f if isinstance(f, Derivative) else Transpose(f) for f in links)
            links = tuple(turned)[::-1]
        return Chain(*links) if len(links) > 1 else links[0]

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
            slope = place.rule.slope(Entry(place.below.z), Entry(out))
            entries = Unit(out) if is_one(slope) else Diagonal(slope, out)
            yield JacobianRow(place.link(), entries, _shape(width, width))

    def _steps(self, loss: Expr) -> list[Step]:
        forward = [Equal(p.above.z, spelled(p.output(p.below.z))) for p in self.places]
        zero = [Becomes(Of(".grad", θ), Nothing()) for θ, _ in self.parameters]
        g, slope, _ = self.jacobians[-1]
        backward = [Equal(Entry(g) if isinstance(slope, Equal) else g, slope)]
        for place in reversed(self.places):
            z = place.below.z
            products = self._chain(z, g), g
            for (θ, _), product in zip(place.parameters(), products, strict=False):
                backward.append(Equal(Derivative(_ℓ, θ), product))
            if z is not _x:
                g, product = Derivative(_ℓ, z), self._chain(g, place.link())
                backward.append(Equal(g, product))
        equations = forward, [loss], zero, backward, list(self._updates())
        names = "forward", "loss", "zero the gradients", "backward", "step"
        return list(map(Step, range(1, 6), names, equations))

    def _updates(self) -> Iterator[Expr]:
        """Yield what the optimizer does to each parameter that it holds."""
        sgd = self.optimizer
        for θ, parameter in self.parameters:
            g: Expr = Derivative(_ℓ, θ)
            g = Transpose(g) if self.is_numerator else g
            if sgd is None:
                yield Becomes(θ, θ - Chain(_lr, g))
            elif sgd.holds(parameter):
                if sgd.weight_decay:
                    g = g + Chain(Number(sgd.weight_decay), θ)
                if sgd.momentum:
                    v = Of("v", θ)
                    carried = Chain(Number(sgd.momentum), v)
                    yield Becomes(v, carried + g)
                    g = g + carried if sgd.nesterov else v
                yield Becomes(θ, θ - Chain(Number(sgd.lr), g))

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
            name = str(left.args[0] if isinstance(left, Entry) else left)
            if np.ndim(right) == 1:  # the entries of a row or a column
                right = np.reshape(right, np.shape(values[name]))
            values[name] = right
            return right

        chosen = self.steps[steps]
        return [Step(k, name, list(map(result, of))) for k, name, of in chosen]

    def sample(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Any, Any]:
        """Return x and y as columns, of the lengths of the net."""
        n, k = self.places[0].below.width.value, self.top.width.value
        x = check_column("derive", "x", x, n, self.layers[0][0])
        return x, check_column("derive", "y", y, k, self.layers[-1][0])

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
                values[str(Of("v", θ))] = v.reshape(len(v), -1)
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
        from mlp.derivation.proof import (
            largest_difference,  # which knows forward and backward
        )

        return largest_difference(self, *self.sample(x, y))

    def _tables(self) -> list[Table]:
        legend: list[Cell] = ["In columns; layer k gives ", Symbol("z", "k")]
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
            Table("Forward pass", [*legend, "."], self.forward),
            Table("Gradients", LAYOUTS[self.layout], self.gradients),
            Table(
                "Jacobians", ["Row i, column j; of the last, entry i."], self.jacobians
            ),
            Table("Backward of a batch", ["Samples in rows."], self.batch),
            Table("The five steps", ["In this order."], steps),
        ]

    def title(self) -> str:
        """Return what it is the derivation of."""
        names = " → ".join(str(place.name) for place in self.places)
        return f"Derivation of {names} with {type(self.criterion).__name__}"

    def __str__(self) -> str:
        """Return the tables in plain Unicode, within 100 columns."""
        return f"{paragraph(self.title())}\n\n{to_text(self._tables())}"

    def __repr__(self) -> str:
        """Return the title in angle brackets."""
        return printable(f"<{self.title()}>")

    def to_markdown(self) -> str:
        """Return the tables in Markdown with LaTeX between dollars.

        GitHub, Jupyter and VS Code render it.
        """
        return f"## {self.title()}\n\n{to_markdown(self._tables())}"

    _repr_markdown_ = to_markdown  # what a notebook shows

    def to_latex(self) -> str:
        r"""Return the tables as LaTeX, to \input in a document with amsmath."""
        return to_latex(self._tables())

    def to_html(self) -> str:
        """Return the tables as one page with MathML: no script, no network."""
        return to_html(self.title(), self._tables())


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
    numbers.one_of("derive", "layout", layout, LAYOUTS)
    nested = None if nested is None else numbers.flag("derive", "nested", nested)
    numbers.instance("derive", "criterion", criterion, Loss)
    check_rule("derive", "the loss", criterion, RULES, LossRule)
    return Derivation(model, criterion, optimizer, layout, nested)


def _places(numbered: list[tuple[str, Any]]) -> list[_Place]:
    """Return each layer in its place; check that there are some, and that they fit."""
    names, layers = [who for who, _ in numbered], [layer for _, layer in numbered]
    for who, layer in numbered:
        numbers.instance("derive", who, layer, Layer)
        check_rule("derive", who, layer, RULES, Affine | Elementwise)
    kinds = [type(RULES[type(layer)]) for layer in layers]
    check_some_weights("derive", Affine in kinds)
    affine, has_g = kinds.count(Affine), kinds[-1] is Elementwise
    width = _Width(Symbol("n"), layers[kinds.index(Affine)].weight.data.shape[1])
    level = _Level(_x, Symbol("X"), Symbol("G", "0"), width)
    places: list[_Place] = []
    for i, (layer, kind) in enumerate(zip(layers, kinds, strict=True), start=1):
        k, is_last = kinds[:i].count(kind), i == len(layers)
        if kind is Affine:
            name = Symbol(type(layer).__name__, str(k))
            m, n = layer.weight.data.shape
            numbers.fits("derive", names[i - 1], n, names[i - 2], width.value)
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
