"""Points: random numbers to compare formulas."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from mlp.checking.copies import copies
from mlp.derivation.derivation import Derivation
from mlp.derivation.expressions import Chain, Derivative, Expr, Symbol
from mlp.derivation.kinds import Affine, Elementwise
from mlp.derivation.operations import Apply
from mlp.derivation.tables import spelled
from mlp.worksheets.questions import LAYOUTS, Target
from mlp.worksheets.slips import Slip
from mlp.worksheets.values import FUNCTIONS, Function, Point

COUNT = 3  # points


class Points:
    """A net with random parameters, in both layouts.

    Attributes
    ----------
    at : dict of str to list of (Derivation, dict)
        For each layout and each point, the derivation, and the value of
        each letter.
    """

    def __init__(self, d: Derivation) -> None:
        rng = np.random.default_rng(1847)
        self.at: dict[str, list[tuple[Derivation, dict[str, Any]]]] = {
            layout: [] for layout in LAYOUTS
        }
        for _ in range(COUNT):
            model, criterion = copies(d.model, d.criterion)
            both = [Derivation(model, criterion, None, layout, None)
                    for layout in LAYOUTS]  # fmt: skip
            x, y = self._drawn(both[0], rng)
            for layout, derived in zip(LAYOUTS, both, strict=True):
                self.at[layout].append((derived, _letters(derived, x, y)))
        self.functions = _functions(d)
        self.aliases = _aliases(d)

    def _drawn(self, d: Derivation, rng: np.random.Generator) -> tuple[Any, Any]:
        """Write random parameters, and return x and y as columns."""
        for _ in range(50):
            for place in d.places:
                for _, parameter in place.parameters():
                    parameter.data[...] = rng.normal(0, 0.8, parameter.data.shape)
                if getattr(place.rule, "var", None) is not None:
                    var, mean = place.rule.var.data, place.rule.mean.data
                    var[...] = rng.uniform(0.5, 2, var.shape)
                    mean[...] = rng.normal(0, 1, mean.shape)
            x = rng.normal(0, 1, (d.places[0].below.width.value, 1))
            y = rng.uniform(0.1, 0.9, (d.top.width.value, 1))
            if d.criterion.takes_labels:  # its gradient p − y needs Σ y = 1
                y /= y.sum()
            values = _letters(d, x, y)
            if np.isfinite(values["ℓ"]) and np.isfinite(values["∂ℓ/∂ŷ"]).all():
                break
        return x, y

    def targets(
        self, cell: Any, shape: Any = None, of_entries: bool = False
    ) -> dict[str, list[Target]]:
        """Return the points, each with the value of a cell.

        cell and shape are functions of a derivation, because each layout
        has its own derivation. of_entries says whether the indices i and j
        have a meaning.
        """
        found: dict[str, list[Target]] = {}
        for layout, at in self.at.items():
            found[layout] = []
            for d, values in at:
                with np.errstate(all="ignore"):
                    array = np.asarray(cell(d).value(values), np.float64)
                if shape is not None:  # a gradient in denominator layout is a column
                    array = array.reshape(shape(d)).reshape(shape(d)[0], -1)
                size = max(array.shape) if of_entries else 0
                point = Point(values, self.functions, self.aliases, size)
                found[layout].append(Target(point, array))
        return found


def _letters(d: Derivation, x: Any, y: Any) -> dict[str, Any]:
    """Return the value of each letter, and of each derivative."""
    with np.errstate(all="ignore"):
        values = d.values_at(x, y)
        links = [Derivative(place.above.z, place.below.z) for place in d.places]
        for link, place in zip(links, d.places, strict=True):
            if isinstance(place.rule, Affine):
                w = place.parameters()[0][1].data
                values[str(link)] = w if d.is_numerator else w.T
        d.run(values, slice(1, 2))
        d.run(values, slice(3, 4))
    return values


def _functions(d: Derivation) -> dict[str, Function]:
    """Return FUNCTIONS, and the functions of the net, by their names."""
    found = dict(FUNCTIONS)
    for place in d.places:
        rule = place.rule
        if not isinstance(rule, Elementwise) or rule.drawn is not None:
            continue
        plain, printed = place.name.letter + place.name.below, rule.output(Symbol("z"))
        names = [plain, type(place.layer).__name__.lower()]
        if isinstance(printed, Apply) and isinstance(printed.args[0], Symbol):
            names.append(printed.name)
        for name in names:
            found.setdefault(name, _with_slope(rule))
    for cell in chain.from_iterable([*d.forward, *d.jacobians]):
        for part in _applied(cell):
            found.setdefault(part.name, (part.function, None))
    return found


def _applied(cell: Any) -> Iterator[Apply]:
    """Yield the functions in a formula."""
    if isinstance(cell, Apply):
        yield cell
    for part in getattr(cell, "args", ()):
        yield from _applied(part)


def _with_slope(rule: Elementwise) -> Function:
    """Return the function and the derivative of a rule."""
    z, a = Symbol("z"), Symbol("a")

    def function(array: Any) -> Any:
        return spelled(rule.output(z)).value({"z": array})

    def slope(array: Any) -> Any:
        return rule.slope(z, a).value({"z": array, "a": function(array)})

    return function, slope


def _aliases(d: Derivation) -> dict[str, str]:
    """Return other names of the outputs: a1, h1 after the first Linear."""
    found, k = {f"z{len(d.places)}": "ŷ"}, 0
    for place in d.places:
        if isinstance(place.rule, Affine):
            k += 1
        else:
            found[f"a{k}"] = found[f"h{k}"] = str(place.above.z)
    return found


def letters_of(cell: Expr) -> Iterator[str]:
    """Yield the letters in a formula."""
    if isinstance(cell, Symbol):
        yield str(cell)
    else:
        for part in cell.args:
            yield from letters_of(part)


def left_out(cell: Expr, point: Point) -> list[Slip]:
    """Return the values of a chain in which one square Jacobian is left out."""
    found = []
    if isinstance(cell, Chain):
        for k, link in enumerate(cell.args):
            is_square = isinstance(link, Derivative) and str(link.args[0]) != "ℓ"
            rest = cell.args[:k] + cell.args[k + 1 :]
            if is_square and rest:
                product = Chain(*rest) if len(rest) > 1 else rest[0]
                array = np.asarray(product.value(point.values))
                found.append(Slip("slope left out", f"{link} is left out", array))
    return found
