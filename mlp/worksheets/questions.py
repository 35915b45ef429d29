"""Questions answered with words or formulas.

Each question marks its own answer. computed.py has the questions that are
answered with numbers, and sections.py has the questions of each section.
Read computed.py next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.arrays import Array
from mlp.derivation.expressions import Scalar
from mlp.derivation.rendering import Cell
from mlp.worksheets import slips
from mlp.worksheets.evaluation import Evaluation
from mlp.worksheets.formulas import FormulaError, ShapeError
from mlp.worksheets.values import Point

LAYOUTS = ("numerator", "denominator")
LOSS = Scalar("ℓ")


class Found(NamedTuple):
    """The judgement of an answer: its share of the mark, and the reason."""

    share: float | None  # None if the answer cannot be read
    label: str = ""
    sentence: str = ""
    is_said: bool = False  # whatever hints is, as it names no mistake


RIGHT = Found(1.0, "right")


@dataclass
class State:
    """The answers of one student so far, while the sheet is marked.

    Attributes
    ----------
    layout : str
        The layout of the sheet.
    allowed : tuple of str
        The layouts in which an answer gets its mark.
    values : dict
        The value of each letter, from this student if there is an answer.
    given : dict of str to str
        For each letter that the student answered, the question.
    right : set of str
        The letters whose answer is right, except for rounding.
    """

    layout: str
    allowed: tuple[str, ...]
    values: dict[str, Any]
    given: dict[str, str] = field(default_factory=dict)
    right: set[str] = field(default_factory=set)

    def in_layouts(self, found: Collection[str]) -> Found:
        """Return the judgement of an answer that is right in some layouts."""
        order = [self.layout, *LAYOUTS]
        first = next((a for a in order if a in found and a in self.allowed), None)
        if first == self.layout:
            return RIGHT
        (other,) = {*LAYOUTS} - {self.layout}
        if first is None and self.layout in found:
            sentence = f"in {self.layout} layout; marks are for {other} layout"
        else:
            sentence = f"in {other} layout; the sheet is in {self.layout} layout"
        return Found(
            float(first is not None),
            "transposed (other layout)",
            f"transposed: {sentence}",
            is_said=True,
        )

    def in_other_layout(self) -> Found:
        """Return the judgement of an answer in the other layout."""
        return self.in_layouts({*LAYOUTS} - {self.layout})


class Question:
    """One question of a sheet.

    Attributes
    ----------
    key : str
        Its number on the sheet.
    asks : list of Cell
        The text of the question.
    solution : array or str
        The solution in the form of an answer.
    shown : list of Cell
        The solution in the form that the solution sheet shows.
    room : int
        The number of lines that an answer needs.
    """

    maximum = 1.0

    def __init__(
        self, key: str, asks: list[Cell], solution: Any, shown: list[Cell], room: int
    ) -> None:
        self.key, self.asks, self.solution = key, asks, solution
        self.shown, self.room = shown, room

    def found(self, answer: Any, state: State) -> Found:
        """Return the judgement of an answer."""
        raise NotImplementedError


class Ordered(Question):
    """The question for the order of the five steps, as letters."""

    def __init__(self, key: str, asks: list[Cell], names: Sequence[str]) -> None:
        self.names = dict(zip("ABCDE", names, strict=True))
        order = "forward", "loss", "zero the gradients", "backward", "step"
        letters = {name: letter for letter, name in self.names.items()}
        solution = " ".join(letters[name] for name in order)
        super().__init__(key, asks, solution, [solution], 1)
        self.letters = letters

    def found(self, answer: Any, state: State) -> Found:
        """Judge the order; zeroing may be anywhere before backward."""
        text = answer if isinstance(answer, str) else ""
        if isinstance(answer, list | tuple):
            text = " ".join(map(str, answer))
        for name, letter in self.letters.items():
            text = re.sub(name, letter, text, flags=re.IGNORECASE)
        given = re.sub(r"[\s\d,;.()>→-]", "", text).upper()
        if sorted(given) != sorted(self.names):
            return Found(
                0.0, "unread", "expected the letters A to E, each once", is_said=True
            )
        place = {name: given.index(letter) for name, letter in self.letters.items()}
        chain = [place[n] for n in ("forward", "loss", "backward", "step")]
        if chain != sorted(chain):
            return Found(
                0.0, "order", "forward, loss, backward and step are not in this order"
            )
        if place["zero the gradients"] > place["backward"]:
            return Found(
                0.0,
                "zeroed late",
                "the gradients are zeroed after backward, which deletes them, or "
                "leaves those of the batch before in the sum",
            )
        return RIGHT


class Chosen(Question):
    """A question for one of a few words."""

    def __init__(
        self, key: str, asks: list[Cell], words: Sequence[str], solution: str
    ) -> None:
        super().__init__(key, asks, solution, [solution], 1)
        self.words = words

    def found(self, answer: Any, state: State) -> Found:
        """Return whether the answer is the right word."""
        said = answer.strip(" .\n").lower() if isinstance(answer, str) else None
        if said not in self.words:
            words = " or ".join(self.words)
            return Found(0.0, "unread", f"expected {words}", is_said=True)
        return RIGHT if said == self.solution else Found(0.0, "the other way round")


class Shaped(Question):
    """A question for the shape of a gradient, in letters or in numbers."""

    def __init__(self, key: str, asks: list[Cell], shape: Any) -> None:
        super().__init__(key, asks, str(shape), [shape], 1)
        self.letters = tuple(map(str, shape.letters))
        self.numbers = tuple(map(str, shape.value))

    def found(self, answer: Any, state: State) -> Found:
        """Return whether the answer is the right shape."""
        parts = answer
        if isinstance(answer, str):
            parts = re.split(r"\s*(?:×|,|\\times|\*|(?<=[\w\s])x(?=[\w\s]))\s*", answer)
        if not isinstance(parts, list | tuple):
            parts = [parts]
        named = tuple(re.sub(r"[()\s_{}$\[\]]", "", _lowered(str(p))) for p in parts)
        named = _column(tuple(part for part in named if part))
        (other,) = {*LAYOUTS} - {state.layout}
        for shape in (tuple(map(_lowered, self.letters)), self.numbers):
            right = _column(shape)
            sides = {state.layout: right, other: right[::-1]}
            found = [layout for layout, side in sides.items() if side == named]
            if found:
                return state.in_layouts(found)
        return Found(0.0, "shape", "the shape does not fit the gradient")


def _column(shape: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shape h × 1 of a column for the shape h of a vector."""
    return (*shape, "1") if len(shape) == 1 else shape


def _lowered(text: str) -> str:
    return text.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))


class Target(NamedTuple):
    """A point, and the right value at this point."""

    point: Point
    array: Array


class Formula(Question):
    """A question for a formula, which is compared at random points.

    Attributes
    ----------
    targets : dict of str to list of Target
        The right values for each layout, computed for the first answer.
    own : str
        The letter that the question asks for. The answer may begin with it,
        as in own = ….
    may : callable
        Returns whether the answer may contain a letter.
    is_laid : bool
        Whether the formula depends on the layout.
    left_out : callable or None
        Returns for a point the values in which one factor is left out.
    """

    def __init__(
        self,
        key: str,
        asks: list[Cell],
        cell: Any,
        targets: Callable[[], dict[str, list[Target]]],
        own: str,
        may: Callable[[str], bool],
        *,
        sizes: dict[str, int],
        is_laid: bool = True,
        left_out: Callable[[Point], list[slips.Slip]] | None = None,
    ) -> None:
        super().__init__(key, asks, str(cell), [cell], 2)
        self._made, self.own, self.may = targets, own, may
        self.is_laid, self.sizes, self.left_out = is_laid, sizes, left_out

    @cached_property
    def targets(self) -> dict[str, list[Target]]:
        """The right values for each layout."""
        return self._made()

    def found(self, answer: Any, state: State) -> Found:
        """Return whether each side of the answer is right, in either layout."""
        if not isinstance(answer, str) or not answer.strip():
            return Found(None, "unread", "expected a formula, as text", is_said=True)
        result = RIGHT
        try:
            for side in self._sides(answer, state):
                if side is not RIGHT:
                    result = side
                if side.share == 0:
                    break
        except _Forbidden as letter:
            return Found(
                0.0, "letter", f"{letter} may not stand in this answer", is_said=True
            )
        except ShapeError as error:
            return Found(0.0, "shape", str(error), is_said=True)
        except FormulaError as error:
            return Found(None, "unread", str(error), is_said=True)
        except RecursionError:
            return Found(None, "unread", "it is nested too deeply", is_said=True)
        return result

    def _sides(self, answer: str, state: State) -> list[Found]:
        other = LAYOUTS[1 - LAYOUTS.index(state.layout)]
        layouts = (state.layout, other) if self.is_laid else (state.layout,)
        values = {}
        try:
            for layout in layouts:
                values[layout] = self._values(answer, layout)
        except FormulaError as error:
            if state.layout not in values and layouts[-1] != state.layout:
                try:
                    values[other] = self._values(answer, other)
                except FormulaError:
                    raise error from None
            elif state.layout not in values:
                raise
        if not values or not next(iter(values.values())):
            sentence = "an answer is not the question itself"
            return [Found(0.0, "the question", sentence, is_said=True)]
        count = len(next(iter(values.values())))
        return [self._side(values, k, state) for k in range(count)]

    def _values(self, answer: str, layout: str) -> list[list[Array]]:
        """Return for each side its values at the points."""
        sides: dict[int, list[Array]] = {}
        for point, _ in self.targets[layout]:
            formula = Evaluation(answer, point)
            for k, tree in enumerate(formula.tree.children):
                formula.used = []
                with np.errstate(all="ignore"):
                    value = formula.of(tree)
                if formula.used == [self.own] and len(formula.tree.children) > 1:
                    continue
                self._check_letters(formula, tree)
                sides.setdefault(k, []).append(value.array())
        return list(sides.values())

    def _check_letters(self, formula: Evaluation, tree: Any) -> None:
        wrong = [
            name for name in formula.used if name == self.own or not self.may(name)
        ]
        if wrong:
            raise _Forbidden(wrong[0])

    def _side(self, values: dict[str, Any], k: int, state: State) -> Found:
        found = [
            layout
            for layout, sides in values.items()
            if all(map(_alike, sides[k], [t.array for t in self.targets[layout]]))
        ]
        if found:
            return state.in_layouts(found) if self.is_laid else RIGHT
        layout = state.layout if state.layout in values else next(iter(values))
        given = values[layout][k]
        rights = [target.array for target in self.targets[layout]]
        turned = [a.T for a in rights]
        if all(map(_alike, given, turned)):
            if self.is_laid:
                return state.in_other_layout()
            return Found(0.0, "transposed", "it is the transpose of what it should be")
        return self._wrong(given, rights, layout)

    def _wrong(self, given: list[Array], rights: list[Array], layout: str) -> Found:
        a, right = given[0], rights[0]
        if not all(np.isfinite(array).all() for array in given):
            return Found(0.0, "differs", "it has no finite value at random points")
        if _shape(a) != _shape(right):
            if _shape(a) == _shape(right)[::-1]:
                given, a = [b.T for b in given], a.T
            elif right.ndim == 2 and all(
                _alike(b.ravel(), np.diag(r))
                for b, r in zip(given, rights, strict=True)
            ):
                return Found(
                    0.0,
                    "diagonal not said",
                    "these are the entries on the diagonal; say what stands off it, "
                    "if i = j, else 0",
                )
            elif a.ndim == 2 and 1 in right.shape and a.shape[0] == a.shape[1] > 1:
                return Found(
                    0.0,
                    "δ in a row",
                    f"it is {_size(a)}, a matrix; what is asked for is {_size(right)}, "
                    f"which has one index and no δᵢⱼ",
                )
            else:
                return Found(
                    0.0, "shape", f"it is {_size(a)} and should be {_size(right)}"
                )
        if self.left_out is not None:
            for named in zip(
                *(self.left_out(t.point) for t in self.targets[layout]), strict=True
            ):
                pairs = zip(given, named, strict=True)
                if all(_alike(b, slip.array) for b, slip in pairs):
                    return Found(0.0, named[0].label, named[0].sentence)
        predictions = [t.point.values["ŷ"] for t in self.targets[layout]]
        a, right, ŷ = (
            np.concatenate([*map(np.ravel, arrays)])
            for arrays in (given, rights, predictions)
        )
        label, sentence = slips.formula(a, right, self.sizes, is_loss=True, at=ŷ)
        if label == "differs":
            return Found(0.0, label, "it has another value at random points")
        return Found(0.0, label, sentence)


class _Forbidden(Exception):
    """The answer contains a letter that it may not contain."""


def _shape(a: Array) -> tuple[int, ...]:
    return a.shape if a.ndim else (1, 1)


def _size(a: Array) -> str:
    return " × ".join(map(str, a.shape)) if a.ndim else "a number"


def _alike(a: Array, b: Array) -> bool:
    """Return whether two values are equal; entries of one index may be a row."""
    if a.ndim == 1 and b.ndim == 2 and 1 in b.shape:
        b = b.ravel()
    if a.size == b.size == 1:
        a, b = a.reshape(()), b.reshape(())
    if a.shape != b.shape:
        return False
    scale = float(np.max(np.abs(b), initial=1e-300))
    return bool(np.allclose(a, b, rtol=1e-7, atol=1e-9 * scale, equal_nan=False))
