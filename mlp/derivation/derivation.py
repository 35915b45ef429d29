"""derive: the solution sheet of a net.

derive puts the five tables together from the places of the layers
(places.py) and the rules of loss and optimizer (rules.py). proof.py checks
them, steps.py has step 5; trace.py is the same with numbers.
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
        """Return letter and Parameter of each, in the order of parameters()."""
        pairs = [pair for place in self.places for pair in place.parameters()]
        order = {id(p): k for k, p in enumerate(parameters_of(self.model))}
        return sorted(pairs, key=lambda pair: order.get(id(pair[1]), len(order)))

    def laid(self, column: Expr) -> Expr:
        """Return a column, laid down in numerator layout."""
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
        """Yield the backward of a batch, whose samples depend on each other."""
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
        """Yield what the optimizer does to each parameter that it holds."""
        for θ, parameter in self.parameters:
            if self.first_alone:
                g: Expr = GradientOf(θ)
            else:
                g = Derivative(_ℓ, θ)
                g = Transpose(g) if self.is_numerator else g
            yield from updates(self.optimizer, θ, parameter, g)

    def evaluate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Values:
        """Return the value of every cell at one data point.

        From the formulas alone, in float64; the layers' forward and
        backward have no part in it.

        Parameters
        ----------
        x, y : array_like of shape (n,) and (K,)
            Input and target.

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
            If x or y is not of the length that the net has; if a layer
            couples the samples of a batch, as BatchNorm1d in training does.
        TypeError
            If they do not hold real numbers.
        RuntimeError
            If train() or eval() has changed the net since it was derived.
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
            A data point. The result is large or infinite where a bound of
            BCELoss is active, as backward is not the derivative there, and
            where a softmax or sigmoid is 0 or 1 but for rounding.

        Returns
        -------
        float
            The largest difference, relative to the largest entry of its
            cell: below 1e-10 for a float64 net, near 1e-6 for one in
            float32. Gradients of a net that couples its samples are
            compared relative to the largest of them, since some are 0 but
            for rounding.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            As evaluate.
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
        """Return what it is the derivation of."""
        names = " → ".join(str(place.name) for place in self.places)
        return f"Derivation of {names} with {type(self.criterion).__name__}"

    def __str__(self) -> str:
        """Return the tables in plain Unicode, within 100 columns."""
        return f"{paragraph(self.title())}\n\n{rendering.to_text(self._tables())}"

    def __repr__(self) -> str:
        """Return the title in angle brackets."""
        return printable(f"<{self.title()}>")

    def to_markdown(self) -> str:
        """Return the tables in Markdown with LaTeX between dollars.

        GitHub, Jupyter and VS Code render it.
        """
        return f"## {self.title()}\n\n{rendering.to_markdown(self._tables())}"

    _repr_markdown_ = to_markdown  # for a notebook's export to Markdown

    def to_latex(self) -> str:
        r"""Return the tables as LaTeX, to \input in a document with amsmath."""
        return rendering.to_latex(self._tables())

    def to_html(self) -> str:
        """Return the tables as one page with MathML: no script, no network."""
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
    """Return the derivation of a net, as a person would write the solution.

    Parameters
    ----------
    model : Sequential, or one layer
        It stays as it is; no data is needed.
    criterion : Loss
        The loss at the end.
    optimizer : Optimizer or None
        Whose update step 5 is to show; None shows plain SGD with the letter
        lr. Of one without an entry in RULES a sentence stands there.
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
        Optimizer.
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
    return Derivation(model, criterion, optimizer, layout, nested)
