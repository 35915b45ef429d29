"""The lines of trace for step 5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.arrays import Array
from mlp.derivation.expressions import Expr, Number, Of
from mlp.derivation.figures import Figures, Line, figure, lines
from mlp.derivation.operations import Kept
from mlp.derivation.rules import step_rule
from mlp.derivation.steps import settings_of, slot_letters


class Moved(NamedTuple):
    """A parameter in a step: its letter, and its values before and after."""

    letter: Expr
    before: Array
    after: Array
    gradient: Array
    kept_before: dict[str, Any]
    kept_after: dict[str, Any]


class _Whole(NamedTuple):
    """An array in the form of a Buffer, for Kept."""

    data: Any


def step_lines(optimizer: Any, moved: Moved, limit: int) -> Iterator[Line | str]:
    """Yield the equations of the optimizer's rule, entry by entry.

    For an optimizer without a rule, yield the old value and the change of
    each entry.
    """
    θ, rule = Figures(moved.before), step_rule(optimizer)
    if rule is None:
        change = Figures(moved.after - moved.before)
        name = str(moved.letter)
        yield from lines(name, moved.after, lambda *k: θ[k] + change[k], 2, limit)
        return
    shape = moved.before.shape
    slots = {
        slot: np.broadcast_to(moved.kept_before.get(slot, 0.0), shape)
        for slot in rule.slots
    }
    new = {"θ": moved.after, **moved.kept_after}
    letters = slot_letters(optimizer, rule, moved.letter) | {"θ": moved.letter}
    settings = settings_of(optimizer, figure)

    def run(inputs: Any, answer: Any) -> list[tuple[str, Expr]]:
        """Return the equations; answer returns the new value of each."""
        equations, found = rule.equations(settings, *inputs), []
        reply: Any = None
        try:
            while True:
                name, formula = equations.send(reply)
                found.append((name, formula))
                reply = answer(name, formula)
        except StopIteration:
            return found

    def whole(name: str, formula: Expr) -> Expr:
        if name not in new:
            new[name] = formula.value({})
        return Kept(name, _Whole(new[name]))

    ends = moved.before, moved.gradient, *slots.values()
    names = [name for name, _ in run([Kept("", _Whole(a)) for a in ends], whole)]
    arrays = {name: np.broadcast_to(new[name], shape) for name in names}
    inputs = [Figures(a) for a in ends]
    written = {name: Figures(array) for name, array in arrays.items()}

    for i, name in enumerate(names):

        def formula(*k: int, i: int = i) -> Expr:
            entries = [figures[k] for figures in inputs]
            return run(entries, lambda key, _: written[key][k])[i][1]

        letter = letters.get(name, Of(name, moved.letter))
        if name in optimizer.counts:
            count = figure(float(moved.kept_before.get(name, 0)))
            yield from _count(str(letter), count, arrays[name], limit)
        else:
            yield from lines(str(letter), arrays[name], formula, 2, limit)


def _count(letter: str, before: Any, after: Array, limit: int) -> Iterator[Line | str]:
    """Yield the one line of a count, which is the same for all entries."""
    value = figure(float(after.flat[0]))
    yield Line(letter, before + Number(1), value) if limit else f"{letter}: {value}"
