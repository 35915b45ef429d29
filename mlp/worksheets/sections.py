"""Sections: the questions of each section."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

from mlp.derivation.derivation import Derivation
from mlp.derivation.expressions import Derivative, Symbol
from mlp.derivation.rendering import Cell
from mlp.derivation.tables import Width, spelled
from mlp.worksheets.points import Points, left_out, letters_of
from mlp.worksheets.questions import (
    LOSS,
    Chosen,
    Formula,
    Ordered,
    Question,
    Shaped,
    Target,
)
from mlp.worksheets.slips import sizes_of
from mlp.worksheets.step import Training, rise_or_fall

SECTIONS = {
    "steps": "1. The five steps",
    "forward": "2. Forward",
    "gradients": "3. Gradients",
    "jacobians": "4. The entries of each Jacobian",
    "numbers": "5. One training step with numbers",
    "mistakes": "6. What goes wrong if …",
}
STEPS = "forward", "loss", "zero the gradients", "backward", "step"


class Sections:
    """The questions on a net, for each section.

    Parameters
    ----------
    d : Derivation
        The derivation of the net, with the numbers of the sheet.
    training : Training
        The questions of one training step.
    shuffled : list of str
        STEPS in the order in which the sheet shows them.
    """

    def __init__(self, d: Derivation, training: Training, shuffled: list[str]) -> None:
        self.d, self.training, self._shuffled = d, training, shuffled

    def of(self, name: str) -> list[Question]:
        """Return the questions of a section."""
        makers = {
            "steps": self._steps,
            "forward": self._forward,
            "gradients": self._gradients,
            "jacobians": self._jacobians,
            "numbers": lambda: iter(self._computed),
            "mistakes": self._mistakes,
        }
        return list(makers[name]())

    @cached_property
    def points(self) -> Points:
        """The points for comparing formulas, made for the first formula."""
        return Points(self.d)

    def _steps(self) -> Iterator[Question]:
        listed = ", ".join(
            f"{letter} {name}"
            for letter, name in zip("ABCDE", self._shuffled, strict=True)
        )
        asks: list[Cell] = [
            f"Put the five steps of training on a batch in order: {listed}."
        ]
        yield Ordered("1.1", asks, self._shuffled)

    def _forward(self) -> Iterator[Question]:
        d = self.d
        free = {"x", "y", "N", "K", *(str(letter) for letter, _ in d.parameters)}
        free |= {str(width.letter) for width in self._widths()}
        for k, (name, z, output) in enumerate(d.forward):
            cell = spelled(output)
            if k < len(d.places):
                own = str(d.places[k].above.z)
                asks: list[Cell] = ["What ", name, " gives, from "]
                asks.append(z if isinstance(z, Symbol) else "x and the parameters")
            else:
                own = "ℓ"
                asks = ["The loss of one data point"]
                if str(d.top.z) in letters_of(cell):
                    asks += [", from ", d.top.z, " and y"]
            may = free | set(letters_of(cell)) | ({"ŷ", "p"} if own == "ℓ" else set())
            yield Formula(
                f"2.{k + 1}",
                asks,
                cell,
                partial(self._targets, lambda d, k=k: spelled(d.forward[k].output)),
                own,
                may.__contains__,
                sizes=self._k,
                is_laid=False,
            )

    def _gradients(self) -> Iterator[Question]:
        d = self.d
        own = {str(Derivative(LOSS, letter)) for letter, _, _ in d.gradients}
        for k, (letter, cell, shape) in enumerate(d.gradients):
            asked = Derivative(LOSS, letter)
            yield Formula(
                f"3.{2 * k + 1}",
                [asked, ", as a product that begins or ends with ", d.jacobians[-1][0]],
                cell,
                partial(
                    self._targets,
                    lambda d, k=k: d.gradients[k].gradient,
                    lambda d, k=k: d.gradients[k].shape.value,
                ),
                str(asked),
                lambda name: name not in own,
                sizes=self._k,
                left_out=partial(left_out, cell),
            )
            yield Shaped(f"3.{2 * k + 2}", ["The shape of ", asked], shape)

    def _jacobians(self) -> Iterator[Question]:
        d = self.d
        for k, (symbol, cell, shape) in enumerate(d.jacobians):
            where = "row i, column j" if k < len(d.jacobians) - 1 else "entry i"
            yield Formula(
                f"4.{k + 1}",
                [symbol, ", which is ", shape, f": {where}"],
                cell,
                partial(
                    self._targets,
                    lambda d, k=k: d.jacobians[k].elements,
                    lambda d, k=k: d.jacobians[k].shape.value,
                    True,
                ),
                str(symbol),
                lambda name: not name.startswith("∂"),
                sizes=self._k,
            )

    def _targets(self, *what: Any) -> dict[str, list[Target]]:
        return self.points.targets(*what)

    @cached_property
    def _computed(self) -> list[Question]:
        return list(self.training.questions())

    def _mistakes(self) -> Iterator[Question]:
        _ = self._computed  # makes the questions that these answers follow from
        asks: list[Cell] = [
            "The step adds lr times the gradient, and lr is small. What happens to the "
            "loss: rises or falls?"
        ]
        word = rise_or_fall(self.d, self.training.values["X"], self.training.y)
        made: list[Question] = [Chosen("", asks, ("rises", "falls"), word)]
        for k, question in enumerate([*made, *self.training.mistakes()]):
            question.key = f"6.{k + 1}"
            yield question

    @property
    def _k(self) -> dict[str, int]:
        """The number K if the loss of one data point is divided by it."""
        n, k = self.training.y.shape
        return {a: v for a, v in sizes_of(self.d.criterion, n, k).items() if a == "K"}

    def _widths(self) -> list[Width]:
        d = self.d
        return [d.places[0].below.width, *(place.above.width for place in d.places)]
