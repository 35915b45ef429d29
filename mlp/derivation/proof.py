"""Compare formulas with the library's results.

Each value is computed in two independent ways: by evaluating the formula,
and by the layers' forward and backward. The two values must agree.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from mlp.core import Layer, Parameter
from mlp.derivation.expressions import Derivative, Of
from mlp.derivation.jacobian import jacobian
from mlp.derivation.operations import Equal, Named, Words
from mlp.derivation.steps import has_rule
from mlp.derivation.tables import spelled
from mlp.sequential import Sequential


def largest_difference(d: Any, x: Any, y: Any) -> float:
    """Return the largest relative difference between formula and library.

    Derivation.check calls this function.

    Parameters
    ----------
    d : Derivation
        The derivation to check.
    x, y : array of shape (n, 1) and (K, 1)
        A data point, in columns.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Linear, MSELoss, Sequential, derive
    >>> from mlp.derivation.proof import largest_difference
    >>> d = derive(Sequential(Linear(2, 1)), MSELoss())
    >>> largest_difference(d, np.ones((2, 1)), np.zeros((1, 1))) < 1e-10
    True
    """
    with np.errstate(all="ignore"):  # a formula may have no value at a bound
        return max(_difference(a, b, *least) for a, b, *least in _pairs(d, x, y))


class _Library:
    """Copies of the net, loss and optimizer, to compare the formulas with."""

    def __init__(self, d: Any) -> None:
        twins = copy.deepcopy(
            (
                d.model,
                [place.layer for place in d.places],
                d.criterion,
                d.optimizer,
                [parameter for _, parameter in d.parameters],
            )
        )
        self.model, self.layers, self.criterion, self.optimizer, self.parameters = twins
        if not isinstance(self.model, Layer):
            self.model = Sequential(*self.layers)
        pairs = [g for layer in self.layers for g in layer.named_generators()]
        self.generators = [(g, g.bit_generator.state) for _, g in pairs]

    def rewind(self) -> None:
        """Set the Generators back, so that the layers draw the same masks."""
        for generator, state in self.generators:
            generator.bit_generator.state = state

    def zero_grad(self) -> None:
        """Set each gradient to None."""
        for p in self.parameters:
            p.grad = None

    def forward(self, d: Any, rows: Any, first: int) -> tuple[list[Any], Any]:
        """Return the outputs of the layers from first on, and their masks."""
        self.rewind()
        outputs: list[Any] = [rows]
        drawn: dict[str, Any] = {}
        for place, layer in list(zip(d.places, self.layers, strict=True))[first:]:
            if place.draws:
                drawn |= place.mask(layer, outputs[-1])
            outputs.append(layer.forward(outputs[-1]))
        return outputs, drawn


def _pairs(d: Any, x: Any, y: Any) -> Iterator[tuple[Any, ...]]:
    """Yield pairs: the value of a formula, and the library's value.

    For layers that couple the samples, only the formulas of the batch are
    compared. For the layers above them, the tables of one sample are
    compared too, with the first sample of the batch.
    """
    library = _Library(d)
    three = np.hstack([x, -x, x / 2]), np.hstack([y, y, y])
    if not d.first_alone:
        yield from _batch(d, library, *three)
        yield from _sample(d, library, x, y, (yield from _batch(d, library, x, y)))
        return
    values = yield from _batch(d, library, *three)
    yield from _forward_rows(d, values)
    yield from _steps(d, library, values)
    outputs = [values["X"], *(values[str(p.above.batch)] for p in d.places)]
    first = [rows[:1] for rows in outputs]
    masks: dict[str, Any] = {}
    for place in d.places[: d.first_alone]:
        if place.draws:
            masks |= place.first_mask(values)
    yield from _above(d, _Library(d), first, y, masks)


def _batch(
    d: Any, library: _Library, x: Any, y: Any
) -> Generator[tuple[Any, ...], None, dict[str, Any]]:
    """Yield the pairs of a batch, and return the value of each letter."""
    rows, target, whole = x.T, y.T, library.model
    inputs, drawn = library.forward(d, rows, 0)
    prediction = inputs[-1]
    values = d.values_at(x, y, inputs[1:], drawn)
    for place, out in zip(d.places, inputs[1:], strict=True):
        yield spelled(place.output(place.below.z)).value(values), out.T
    library.zero_grad()
    loss, g = (
        library.criterion.forward(prediction, target),
        library.criterion.backward(),
    )
    least = _largest(d, values) if d.first_alone else 0.0
    yield values[str(d.top.grad)], g
    for place, layer in zip(d.places[::-1], library.layers[::-1], strict=True):
        g = layer.backward(g)
        yield values[str(place.below.grad)], g, least
    yield from _gradients(d, values, library.parameters, least)
    for row in d.batch:
        if isinstance(row.formula, Equal):
            left, right = (side.value(values) for side in row.formula.args)
            yield left, right, least

    # now the whole model, with new gradients
    library.zero_grad()
    library.rewind()
    prediction = whole.forward(rows)
    yield values[str(d.top.batch)], prediction
    yield loss, library.criterion.forward(prediction, target)
    top = library.criterion.backward()
    yield values[str(d.places[0].below.grad)], whole.backward(top), least
    yield from _gradients(d, values, library.parameters, least)
    values["loss"], values["inputs"], values["least"] = loss, inputs, least
    return dict(values)


def _largest(d: Any, values: dict[str, Any]) -> float:
    """Return the largest entry of all gradients of the batch."""
    gradients = [q for q, _, _ in d.batch if not isinstance(q, Named | Derivative)]
    return max(float(np.abs(values[str(q)]).max(initial=0)) for q in gradients)


def _sample(
    d: Any, library: _Library, x: Any, y: Any, values: dict[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """Yield the pairs of one sample, after a batch with this row alone."""
    # The rows of the forward pass are compared with the layers' formulas in float64,
    # because each of these formulas has been compared with its layer before.
    alone = d.values_at(x, y)
    yield from _forward_rows(d, alone)
    columns_of_z = [alone[str(place.above.z)] for place in d.places]
    (forward,) = d.run(alone, slice(1))
    yield from zip(forward.equations, columns_of_z, strict=True)
    yield from _chains(d, library, values, values["inputs"], 0)
    yield from _steps(d, library, values)


def _forward_rows(d: Any, values: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the pairs of input and output of each row of the forward pass."""
    columns_of_z = [values[str(place.above.z)] for place in d.places]
    (_, _, equations), *_ = d.run(dict(values), slice(1, 2))
    ends = [values["x"], *columns_of_z, equations[0]]
    for row, z, output in zip(d.forward, ends, ends[1:], strict=False):
        given = row.input.value(values)
        yield given[0] if isinstance(given, tuple) else given, z
        yield row.output.value(values), output


def _above(
    d: Any, library: _Library, inputs: list[Any], y: Any, masks: dict[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """Yield the pairs of one row, above the layers that couple the rows.

    masks has the masks of the layers below for this row.
    """
    first = d.first_alone
    outputs, drawn = library.forward(d, inputs[first], first)
    drawn = masks | drawn
    values = d.values_at(inputs[0].T, y, [*inputs[1 : first + 1], *outputs[1:]], drawn)
    library.zero_grad()
    library.criterion.forward(outputs[-1], y.T)
    g = library.criterion.backward()
    for layer in library.layers[first:][::-1]:
        g = layer.backward(g)
    yield from _chains(d, library, values, [*inputs[:first], *outputs], first)


def _chains(
    d: Any, library: _Library, values: dict[str, Any], inputs: list[Any], first: int
) -> Iterator[tuple[Any, ...]]:
    """Yield the pairs of each gradient and each Jacobian of one sample."""
    for (_, gradient, _), p in zip(d.gradients, library.parameters, strict=True):
        if not isinstance(gradient, Words):
            yield _laid(d, gradient.value(values), p), p.grad
    library.rewind()
    for k, (place, layer) in enumerate(zip(d.places, library.layers, strict=True)):
        if place.draws and k < first:  # checked with the batch, which its mask is for
            continue
        link = place.jacobian()
        if link is not None and not isinstance(link, Words):
            found = jacobian(layer, inputs[k])
            yield values[str(place.link())], found if d.is_numerator else found.T
        if place.draws:
            layer.forward(inputs[k])  # so that the next layer draws its own mask
    for _, elements, _ in d.jacobians:
        if isinstance(elements, Equal):
            left, right = (side.value(values) for side in elements.args)
            yield left, right


def _steps(
    d: Any, library: _Library, values: dict[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """Yield the pairs of steps 2 to 5, from the library's outputs."""
    parameters, optimizer = library.parameters, library.optimizer
    loss_step, zero, _ = d.run(values, slice(1, 4))
    yield loss_step.equations[0], values["loss"]
    yield [value is None for value in zero.equations], [True] * len(parameters)
    if d.first_alone:
        yield from _gradients(d, values, parameters, values["least"])
        # some are 0 up to rounding, and Adam's division would make this error large
        for (θ, _), p in zip(d.parameters, parameters, strict=True):
            values[str(Of(".grad", θ))] = np.asarray(p.grad, np.float64)
    else:
        for (θ, _), p in zip(d.parameters, parameters, strict=True):
            yield _laid(d, values[f"∂ℓ/∂{θ}"], p), p.grad
    if has_rule(optimizer):
        d.run(values, slice(4, 5))
        optimizer.step()
        for (θ, _), p in zip(d.parameters, parameters, strict=True):
            yield np.reshape(values[str(θ)], p.data.shape), p.data


def _laid(d: Any, value: Any, parameter: Parameter) -> Any:
    """Return a gradient in the shape of its parameter."""
    return np.reshape(value.T if d.is_numerator else value, parameter.data.shape)


def _gradients(
    d: Any, values: dict[str, Any], parameters: list[Parameter], least: float
) -> Iterator[tuple[Any, ...]]:
    """Yield each .grad from the formulas, and the .grad from backward."""
    for (θ, _), p in zip(d.parameters, parameters, strict=True):
        yield values[str(Of(".grad", θ))], p.grad, least


def _difference(a: Any, b: Any, least: float = 0.0) -> float:
    """Return the largest difference of two arrays, relative to their size.

    The size is the largest entry of both, or least if that is larger. It is
    at least the smallest normal number of b's dtype: b is the library's
    array, and smaller numbers have fewer digits.
    """
    dtype = np.asarray(b).dtype
    tiny = max(np.finfo(dtype if dtype.kind == "f" else np.float64).tiny, least)
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)  # None is NaN
    if a.shape != b.shape or not np.all(np.isfinite(a) & np.isfinite(b)):
        return float("inf")
    largest = max(np.abs(a).max(initial=tiny), np.abs(b).max(initial=tiny))
    return float(np.abs(a - b).max(initial=0) / largest)
