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

from mlp.derivation import Derivation
from mlp.derivation.expressions import Equal, Of
from mlp.jacobians import jacobian


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
    >>> from mlp.proving import largest_difference
    >>> d = derive(Sequential(Linear(2, 1)), MSELoss())
    >>> largest_difference(d, np.ones((2, 1)), np.zeros((1, 1))) < 1e-10
    True
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return max(_difference(*pair) for pair in _pairs(d, x, y))


def _pairs(d: Derivation, x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what a formula is worth, and what the library makes of it."""
    layers, criterion, optimizer, parameters = copy.deepcopy(
        (
            [place.layer for place in d.places],
            d.criterion,
            d.optimizer,
            [parameter for _, parameter in d.parameters],
        )
    )
    three = np.hstack([x, -x, x / 2]), np.hstack([y, y, y])
    for columns in (three, (x, y)):
        values = d.values_at(*columns)
        for p in parameters:
            p.grad = None
        z = columns[0].T
        for place, layer in zip(d.places, layers, strict=True):
            z = layer.forward(z)
            yield values[str(place.above.batch)], z
        loss, g = criterion.forward(z, columns[1].T), criterion.backward()
        yield values[str(d.top.grad)], g
        for place, layer in zip(d.places[::-1], layers[::-1], strict=True):
            g = layer.backward(g)
            yield values[str(place.below.grad)], g
        for (θ, _), p in zip(d.parameters, parameters, strict=True):
            yield values[str(Of(".grad", θ))], p.grad

    # values, and each .grad, are now those of the one sample
    outputs = [values[str(place.above.z)] for place in d.places]
    for row, z, output in zip(d.forward, [x, *outputs], [*outputs, loss], strict=True):
        given = row.input.value(values)
        yield given[0] if isinstance(given, tuple) else given, z
        yield row.output.value(values), output
    for (_, gradient, _), p in zip(d.gradients, parameters, strict=True):
        value = gradient.value(values)
        yield np.reshape(value.T if d.is_numerator else value, p.data.shape), p.grad
    for place, layer in zip(d.places, layers, strict=True):
        if place.bends:
            own = jacobian(layer, values[str(place.below.z)].T)
            yield values[str(place.link())], own
    for _, elements, _ in d.jacobians:
        if isinstance(elements, Equal):
            left, right = (side.value(values) for side in elements.args)
            yield left, right

    # the five steps, run one after the other
    forward, loss_step, zero, backward, update = d.run(values)
    yield from zip(forward.equations, outputs, strict=True)
    yield loss_step.equations[0], loss
    yield zero.equations, [0.0] * len(parameters)
    for (θ, _), p in zip(d.parameters, parameters, strict=True):
        value = values[f"∂ℓ/∂{θ}"]
        yield np.reshape(value.T if d.is_numerator else value, p.data.shape), p.grad
    if optimizer is not None:
        optimizer.step()
        for (θ, _), p in zip(d.parameters, parameters, strict=True):
            yield np.reshape(values[str(θ)], p.data.shape), p.data


def _difference(a: Any, b: Any) -> float:
    """Return the largest difference of two cells, relative to their largest entry."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or not np.all(np.isfinite(a) & np.isfinite(b)):
        return float("inf")
    largest = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return float(np.abs(a - b).max(initial=0) / (largest or 1))
