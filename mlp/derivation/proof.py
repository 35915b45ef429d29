"""Each formula of a derivation against the library.

A newcomer should learn that a formula is believed when two ways to its
value agree that have nothing in common: the expression, evaluated, and the
layers' own forward and backward.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp.core.layer import Layer
from mlp.core.parameter import Parameter
from mlp.derivation import Derivation
from mlp.derivation.expressions import Equal, Of
from mlp.derivation.jacobian import jacobian
from mlp.derivation.tables import spelled
from mlp.sequential import Sequential


def largest_difference(d: Derivation, x: Any, y: Any) -> float:
    """Return the largest relative difference between formula and library.

    Parameters
    ----------
    d : Derivation
        Its check calls this.
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
        return max(_difference(*pair) for pair in _pairs(d, x, y))


def _pairs(d: Derivation, x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the value of a formula, and what the library makes of it."""
    model, layers, criterion, optimizer, parameters = copy.deepcopy(
        (
            d.model,
            [place.layer for place in d.places],
            d.criterion,
            d.optimizer,
            [parameter for _, parameter in d.parameters],
        )
    )
    whole = model if isinstance(model, Layer) else Sequential(*layers)
    three = np.hstack([x, -x, x / 2]), np.hstack([y, y, y])
    for columns in (three, (x, y)):
        rows, target = columns[0].T, columns[1].T
        inputs = [rows]
        for layer in layers:
            inputs.append(layer.forward(inputs[-1]))
        *inputs, prediction = inputs
        outputs = [*inputs[1:], prediction]
        values = d.values_at(columns[0], columns[1], outputs)
        for place, out in zip(d.places, outputs, strict=True):
            yield spelled(place.output(place.below.z)).value(values), out.T
        for p in parameters:
            p.grad = None
        loss, g = criterion.forward(prediction, target), criterion.backward()
        yield values[str(d.top.grad)], g
        for place, layer in zip(d.places[::-1], layers[::-1], strict=True):
            g = layer.backward(g)
            yield values[str(place.below.grad)], g
        yield from _gradients(d, values, parameters)

        # the model itself, whole, and each .grad anew
        for p in parameters:
            p.grad = None
        prediction = whole.forward(rows)
        yield values[str(d.top.batch)], prediction
        yield loss, criterion.forward(prediction, target)
        yield values[str(d.places[0].below.grad)], whole.backward(criterion.backward())
        yield from _gradients(d, values, parameters)

    # A forward row is what its layers' formulas make of x, all in float64: each
    # formula has been compared with its layer, at the input that the layer had.
    alone = d.values_at(x, y)
    columns_of_z = [alone[str(place.above.z)] for place in d.places]
    (_, _, equations), *_ = d.run(dict(alone), slice(1, 2))
    ends = [x, *columns_of_z, equations[0]]
    for row, z, output in zip(d.forward, ends, ends[1:], strict=False):
        given = row.input.value(alone)
        yield given[0] if isinstance(given, tuple) else given, z
        yield row.output.value(alone), output
    (forward,) = d.run(alone, slice(1))
    yield from zip(forward.equations, columns_of_z, strict=True)

    # values, and each .grad, are now those of the one sample
    for (_, gradient, _), p in zip(d.gradients, parameters, strict=True):
        value = gradient.value(values)
        yield np.reshape(value.T if d.is_numerator else value, p.data.shape), p.grad
    for place, layer, z in zip(d.places, layers, inputs, strict=True):
        if place.is_activation:
            yield values[str(place.link())], jacobian(layer, z)
    for _, elements, _ in d.jacobians:
        if isinstance(elements, Equal):
            left, right = (side.value(values) for side in elements.args)
            yield left, right

    # the other four steps, one after the other, from the outputs of the library
    loss_step, zero, _, _ = d.run(values, slice(1, None))
    yield loss_step.equations[0], loss
    yield [value is None for value in zero.equations], [True] * len(parameters)
    for (θ, _), p in zip(d.parameters, parameters, strict=True):
        value = values[f"∂ℓ/∂{θ}"]
        yield np.reshape(value.T if d.is_numerator else value, p.data.shape), p.grad
    if optimizer is not None:
        optimizer.step()
        for (θ, _), p in zip(d.parameters, parameters, strict=True):
            yield np.reshape(values[str(θ)], p.data.shape), p.data


def _gradients(
    d: Derivation, values: dict[str, Any], parameters: list[Parameter]
) -> Iterator[tuple[Any, Any]]:
    """Yield each .grad of the batch form, and what backward left there."""
    for (θ, _), p in zip(d.parameters, parameters, strict=True):
        yield values[str(Of(".grad", θ))], p.grad


def _difference(a: Any, b: Any) -> float:
    """Return the largest difference of two cells, relative to their largest entry.

    Numbers below the smallest that the dtype of b, the library's, has in
    full are as good as 0.
    """
    dtype = np.asarray(b).dtype
    tiny = np.finfo(dtype if dtype.kind == "f" else np.float64).tiny
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)  # None is NaN
    if a.shape != b.shape or not np.all(np.isfinite(a) & np.isfinite(b)):
        return float("inf")
    largest = max(np.abs(a).max(initial=tiny), np.abs(b).max(initial=tiny))
    return float(np.abs(a - b).max(initial=0) / largest)
