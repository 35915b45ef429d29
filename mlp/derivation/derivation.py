"""derive: the derivation of a net, in formulas.

derive makes the five tables from the layers' rows (places.py) and the rules
of the loss and the optimizer (rules.py). steps.py writes step 5. proof.py
checks the tables. Read trace.py next: it shows a step with numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import numbers
from mlp._shared.printing import paragraph, printable
from mlp.core import Layer, Loss, Optimizer, Reduction
from mlp.derivation import rendering
from mlp.derivation.evaluation import Evaluated
from mlp.derivation.expressions import (
    Chain,
    Derivative,
    Expr,
    Of,
    Product,
    Symbol,
)
from mlp.derivation.net import (
    check_column,
    check_each_row_alone,
    check_modes,
    check_steps_some,
    loss_rule,
    parameters_of,
    places_of,
)
from mlp.derivation.operations import (
    Becomes,
    Entry,
    Equal,
    Nothing,
    That,
    Transpose,
    Words,
)
from mlp.derivation.proof import largest_difference
from mlp.derivation.rendering import Cell, Table
from mlp.derivation.steps import GradientOf, updates
from mlp.derivation.tables import (
    _K,
    _N,
    _Y,
    LAYOUTS,
    ONE,
    READABLE,
    ROWS,
    BatchRow,
    ForwardRow,
    GradientRow,
    JacobianRow,
    Step,
    StepRow,
    Values,
    _x,
    _y,
    _ŷ,
    _ℓ,
    over,
    shape_of,
    spelled,
)
from mlp.sequential import numbered_layers


class Derivation(Evaluated):
    """The derivation of a net: five tables to print, evaluate and check.

    derive returns it. It keeps the net itself, not a copy, so evaluate uses
    the present values of the parameters.

    Attributes
    ----------
    forward : list of ForwardRow(layer, input, output)
        Each layer, written in x, y and the parameters. If a formula gets
        too long to read, it is written in zₖ, the output of layer k.
    gradients : list of GradientRow(parameter, gradient, shape)
        Each gradient as a chain of Jacobians. str(shape) has letters,
        shape.value has the integers.
    jacobians : list of JacobianRow(symbol, elements, shape)
        One for each layer without parameters, and one for the loss.
    batch : list of BatchRow(quantity, formula, shape)
        The formulas of backward for a batch, a matrix with one sample in
        each row. Gₖ is the gradient for the output of layer k.
    steps : list of Step(number, name, equations)
        The five steps of training as equations, in their order.

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
        self,
        model: Any,
        criterion: Loss,
        optimizer: Any,
        layout: str,
        nested: Any = None,
        caller: str = "derive",
    ) -> None:
        rule = loss_rule(caller, criterion)
        self.model, self.layers = model, numbered_layers(model)
        self.places, self.criterion = places_of(caller, model, self.layers), criterion
        self.layout = layout
        self.is_numerator = layout == "numerator"
        self.top = self.places[-1].above
        coupled = [k for k, place in enumerate(self.places) if place.is_coupled]
        self.first_alone = coupled[-1] + 1 if coupled else 0  # above it rows are alone
        self.parameters = self._in_order()
        check_steps_some(caller, optimizer, [p for _, p in self.parameters])
        self.optimizer = None if optimizer is None else optimizer.inner
        divides = Reduction.of(criterion).over
        of_sample = {"entries": _K}.get(divides)
        of_batch = {"entries": Product(_N, _K), "rows": _N}.get(divides)
        of_loss = of_batch if coupled else of_sample

        def loss(ŷ: Expr) -> Expr:
            return rule.value(ŷ, _y, partial(over, of_loss))

        slope = rule.slope(_ŷ, _y, partial(over, of_sample), self.laid)
        shape = (ONE, self.top.width)[:: 1 if self.is_numerator else -1]
        top = rule.batch_form(self.top.batch, _Y, partial(over, of_batch))
        self.forward = self._forward(loss, nested)
        self.gradients = self._gradients()
        indices = "ij" if self.is_numerator else "ji"
        self.jacobians = [
            row for place in self.places for row in place.jacobian_rows(indices)
        ]
        self.jacobians.append(JacobianRow(Derivative(_ℓ, _ŷ), slope, shape_of(*shape)))
        self.batch = [BatchRow(self.top.grad, top, shape_of(ROWS, self.top.width))]
        for place in reversed(self.places):
            self.batch += place.batch_rows()
        self.steps = self._steps(Equal(_ℓ, loss(_ŷ)))

    def _in_order(self) -> list[tuple[Symbol, Any]]:
        """Return each letter and Parameter, in the order of parameters()."""
        pairs = [pair for place in self.places for pair in place.parameters()]
        order = {id(p): k for k, p in enumerate(parameters_of(self.model))}
        return sorted(pairs, key=lambda pair: order.get(id(pair[1]), len(order)))

    def laid(self, column: Expr) -> Expr:
        """Return a column; in numerator layout, transpose it into a row."""
        return Transpose(column) if self.is_numerator else column

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

    def chain(self, *links: Expr) -> Expr:
        """Return a product of Jacobians, in the order of the layout."""
        if not self.is_numerator:  # a Derivative stands for itself in either layout
            turned = (f if isinstance(f, Derivative) else Transpose(f) for f in links)
            links = tuple(turned)[::-1]
        return Chain(*links) if len(links) > 1 else links[0]

    def _gradients(self) -> list[GradientRow]:
        found: dict[str, GradientRow] = {}
        links: list[Expr] = [Derivative(_ℓ, _ŷ)]
        for k, place in reversed(list(enumerate(self.places))):
            n = place.below.width
            cells = place.gradients(self.chain, self.laid, *links)
            for (letter, p), cell in zip(place.parameters(), cells, strict=True):
                m = place.above.width
                shape = (m,) if p.data.ndim == 1 else (m, n)
                if self.is_numerator:
                    shape = (ONE, m) if p.data.ndim == 1 else (n, m)
                if k < self.first_alone:
                    cell = Words("none of one sample alone: see the batch")
                found[str(letter)] = GradientRow(letter, cell, shape_of(*shape))
            links.append(place.link())
        return [found[str(letter)] for letter, _ in self.parameters]

    def _steps(self, loss: Expr) -> list[Step]:
        forward = [Equal(p.above.z, spelled(p.output(p.below.z))) for p in self.places]
        zero = [Becomes(Of(".grad", θ), Nothing()) for θ, _ in self.parameters]
        backward = list(self._batch_equations() if self.first_alone else self._chains())
        equations = forward, [loss], zero, backward, list(self._updates())
        names = "forward", "loss", "zero the gradients", "backward", "step"
        return list(map(Step, range(1, 6), names, equations))

    def _batch_equations(self) -> Iterator[Expr]:
        """Yield the backward of a batch whose samples depend on each other."""
        for quantity, formula, _ in self.batch:
            yield Equal(quantity, formula)

    def _chains(self) -> Iterator[Expr]:
        """Yield each ∂ℓ/∂z and ∂ℓ/∂θ of one sample, from the one above it."""
        g, slope, _ = self.jacobians[-1]
        is_entries = isinstance(slope, Equal) and not slope.is_array
        yield Equal(Entry(g) if is_entries else g, slope)
        for place in reversed(self.places):
            z = place.below.z
            products = place.gradients(self.chain, self.laid, g)
            for (θ, _), product in zip(place.parameters(), products, strict=True):
                yield Equal(Derivative(_ℓ, θ), product)
            if z is not _x:
                g, product = Derivative(_ℓ, z), self.chain(g, place.link())
                yield Equal(g, product)

    def _updates(self) -> Iterator[Expr]:
        """Yield the optimizer's equations for each parameter that it has."""
        for θ, parameter in self.parameters:
            if self.first_alone:
                g: Expr = GradientOf(θ)
            else:
                g = Derivative(_ℓ, θ)
                g = Transpose(g) if self.is_numerator else g
            yield from updates(self.optimizer, θ, parameter, g)

    def evaluate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Values:
        """Return the value of every formula at one data point.

        Only the formulas are evaluated, in float64. The layers' forward and
        backward are not called.

        Parameters
        ----------
        x, y : array_like of shape (n,) and (K,)
            Input and target.

        Returns
        -------
        Values
            The same five tables with arrays instead of formulas. Inputs and
            outputs have one dimension. Gradients and Jacobians have the
            shape in their row. An equation has the value of its right side,
            None in step 3. Without an optimizer lr has no value, so step 5
            is NaN.

        Raises
        ------
        ValueError
            If x or y has the wrong length, or if a layer couples the
            samples of a batch, as BatchNorm1d does in training.
        TypeError
            If x or y is not an array of real numbers.
        RuntimeError
            If train() or eval() has changed the net after derive.
        """
        columns = self.sample(x, y)
        check_each_row_alone("derive.evaluate", self.places)
        with np.errstate(all="ignore"):  # a formula may have no value at a bound
            return self.evaluated(self.values_at(*columns))

    def sample(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Any, Any]:
        """Return x and y as columns, of the lengths of the net."""
        check_modes("derive", self.places)
        n, k = self.places[0].below.width.value, self.top.width.value
        x = check_column("derive", "x", x, n, self.layers[0][0])
        return x, check_column("derive", "y", y, k, self.layers[-1][0])

    def check(self, x: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Compare every formula with the library's result at one data point.

        Copies of the whole model and of each layer run forward and
        backward: on this sample, and on a batch of three rows made from it,
        to check the sums over samples. check compares outputs with forward,
        gradients with .grad, Jacobians with backward for basis vectors, the
        table of the batch with the result of each backward, both sides of
        each equation, and step 5 with the optimizer's step. The model and
        the optimizer are not changed.

        Parameters
        ----------
        x, y : array_like of shape (n,) and (K,)
            A data point. The result is large or infinite where BCELoss
            bounds its gradient, because there backward is not the
            derivative, and where a softmax or sigmoid is rounded to 0 or 1.

        Returns
        -------
        float
            The largest difference, relative to the largest entry of the
            same array: below 1e-10 for a float64 net, near 1e-6 for a
            float32 net. If a layer couples the samples, it is relative to
            the largest entry of all gradients, because some gradients are 0
            up to rounding.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            As in evaluate.
        """
        places_of("derive", self.model, numbered_layers(self.model))  # still all of it
        return largest_difference(self, *self.sample(x, y))

    def _tables(self) -> list[Table]:
        legend: list[Cell] = ["In columns; layer k gives ", Symbol("z", "k")]
        for place in self.places:
            if place.name.letter in "fg":
                legend += ["; ", place.name, f" is {type(place.layer).__name__}"]
            for letter, meaning in place.legend():
                legend += ["; ", letter, *meaning]
        rows = {str(row.quantity) for row in self.batch}
        for named in self.letters():
            if not named.above and str(named) not in rows:
                legend += ["; ", named, " = ", named.meaning]
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
        """Return a title with the layers and the loss."""
        names = " → ".join(str(place.name) for place in self.places)
        return f"Derivation of {names} with {type(self.criterion).__name__}"

    def __str__(self) -> str:
        """Return the tables in plain Unicode, within 100 columns."""
        return f"{paragraph(self.title())}\n\n{rendering.to_text(self._tables())}"

    def __repr__(self) -> str:
        """Return the title in angle brackets."""
        return printable(f"<{self.title()}>")

    def to_markdown(self) -> str:
        """Return the tables in Markdown, with formulas in LaTeX.

        GitHub, Jupyter and VS Code render it.
        """
        return f"## {self.title()}\n\n{rendering.to_markdown(self._tables())}"

    _repr_markdown_ = to_markdown  # for a notebook's export to Markdown

    def to_latex(self) -> str:
        r"""Return the tables in LaTeX, for \input in a document with amsmath."""
        return rendering.to_latex(self._tables())

    def to_html(self) -> str:
        """Return the tables as a web page with MathML, which works offline."""
        return rendering.to_html(self.title(), self._tables())

    def _repr_html_(self) -> str:
        """Return the tables for a notebook, with MathML."""
        return rendering.for_a_notebook(self.title(), self._tables())


def derive(
    model: Layer,
    criterion: Loss,
    *,
    optimizer: Optimizer | None = None,
    layout: str = "numerator",
    nested: bool | None = None,
) -> Derivation:
    """Return the derivation of a net's gradients, as in a worked solution.

    Parameters
    ----------
    model : Sequential, or one layer
        The net. It is not changed, and no data is needed.
    criterion : Loss
        The loss.
    optimizer : Optimizer or None
        Step 5 shows its update. None shows plain SGD with the letter lr. If
        it has no entry in RULES, step 5 is a sentence.
    layout : "numerator" or "denominator"
        The derivative of a number by a column is a row ("numerator") or a
        column ("denominator"). In denominator layout each gradient has the
        shape of its parameter.
    nested : bool or None
        True writes each row of the forward pass in x, False in the output
        of the layer before. None writes it in x if it is short enough.

    Returns
    -------
    Derivation
        To print it, use print, to_markdown(), to_latex() or to_html(). Its
        methods evaluate and check need a data point.

    Raises
    ------
    ValueError
        If the widths of the layers do not match, the net has no layers or
        no weights, or layout is unknown.
    TypeError
        If a part of the net is not a Layer, criterion is not a Loss, or
        optimizer is not an Optimizer.
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
    docs/backprop.md explains each step for this net.
    """
    numbers.one_of("derive", "layout", layout, LAYOUTS)
    nested = None if nested is None else numbers.flag("derive", "nested", nested)
    return Derivation(model, criterion, optimizer, layout, nested)
