"""Evaluate the formulas of a derivation."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from mlp.derivation.expressions import Expr, Symbol
from mlp.derivation.operations import Entry, Named, Words
from mlp.derivation.steps import slot_values
from mlp.derivation.tables import (
    BatchRow,
    ForwardRow,
    GradientRow,
    JacobianRow,
    Step,
    Values,
    spelled,
)


class Evaluated:
    """Five tables of formulas that can be evaluated; Derivation fills them."""

    forward: list[ForwardRow]
    gradients: list[GradientRow]
    jacobians: list[JacobianRow]
    batch: list[BatchRow]
    steps: list[Step]
    places: list[Any]
    parameters: list[tuple[Symbol, Any]]
    optimizer: Any

    def evaluated(self, values: dict[str, Any]) -> Values:
        """Return the values of the five tables, from the letters' values."""

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
        """Run all or some of the steps; each equation sets its left side."""

        def result(equation: Expr) -> Any:
            left, right = equation.args[0], equation.value(values)
            name = str(left.args[0] if isinstance(left, Entry) else left)
            if np.ndim(right) == 1 and np.ndim(values.get(name, 0.0)) == 2:  # entries
                right = np.reshape(right, np.shape(values[name]))
            values[name] = right
            return right

        chosen = self.steps[steps]
        return [Step(k, name, list(map(result, of))) for k, name, of in chosen]

    def values_at(
        self, x: Any, y: Any, outputs: Any = None, drawn: Any = None
    ) -> dict[str, Any]:
        """Return the value of each letter, for samples in columns.

        If outputs is given, zₖ is taken from these outputs of the layers
        (samples in rows), and not from the formulas. drawn has the random
        masks of the layers.
        """
        values: dict[str, Any] = {"x": x, "y": y, "X": x.T, "Y": y.T, "lr": np.nan}
        widths = [self.places[0].below.width, *(p.above.width for p in self.places)]
        values |= {str(letter): float(value) for letter, value in widths}
        values |= {"N": float(x.shape[1]), "K": float(len(y))} | (drawn or {})
        for θ, parameter in self.parameters:
            data = parameter.data.astype(np.float64)
            values[str(θ)] = data.reshape(len(data), -1)
            values |= slot_values(self.optimizer, θ, parameter)
        layers = [place.layer for place in self.places]
        if outputs is None and any(place.draws for place in self.places):
            layers = copy.deepcopy(layers)
        for k, (place, layer) in enumerate(zip(self.places, layers, strict=True)):
            if outputs is None:
                if place.draws:
                    values |= place.mask(layer, values[str(place.below.batch)])
                    layer.forward(values[str(place.below.batch)])  # the next draws anew
                out = spelled(place.output(place.below.z)).value(values)
            else:
                out = np.asarray(outputs[k], np.float64).T
            values[str(place.above.z)], values[str(place.above.batch)] = out, out.T
        for symbol, elements, shape in self.jacobians if x.shape[1] == 1 else ():
            if not isinstance(elements, Words):
                values[str(symbol)] = np.reshape(elements.value(values), shape.value)
        for quantity, formula, _ in self.batch:
            values[str(quantity)] = formula.value(values)
        for letter in self.letters():
            values[str(letter)] = letter.value(values)
        return values

    def letters(self) -> list[Named]:
        """Return the letters that have a formula of their own, each once."""
        cells = [row.elements for row in self.jacobians]
        cells += [cell for row in self.batch for cell in row[:2]]
        cells += [row.gradient for row in self.gradients]
        found: dict[str, Named] = {}
        while cells:
            cell = cells.pop(0)
            if isinstance(cell, Named):
                found.setdefault(str(cell), cell)
            cells += cell.args
        return list(found.values())
