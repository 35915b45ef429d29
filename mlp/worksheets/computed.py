"""Computed: a question answered with numbers.

It can compute its answer from the student's earlier answers. So an answer
that is right except for an earlier mistake gets its mark: each mistake
costs a mark only once. step.py has the questions of one training step, and
slips.py names mistakes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from mlp._shared.arrays import Array, real_array
from mlp.derivation.rendering import Cell
from mlp.worksheets import slips
from mlp.worksheets.pages import Matrix
from mlp.worksheets.questions import LAYOUTS, Found, Question, State
from mlp.worksheets.slips import Slip, Traces

Values = dict[str, Any]
_EXPECTED = "expected real numbers, such as 0.5 or [[0.5, -1], [2, 0]]"


class Computed(Question):
    """A question whose answer is computed from earlier answers.

    Attributes
    ----------
    letter : str
        The letter that stands for the answer.
    reads : list of str
        The letters of the earlier answers that run needs.
    run : callable
        Returns the answer for the value of each letter.
    write : callable
        Writes an answer into the values.
    is_laid : bool
        Whether the answer is transposed in the other layout.
    traces : callable or None
        Returns for the values the Traces that slips.py needs.
    wrong : callable or None
        Yields for the values the answers that some mistakes would give.
    """

    def __init__(
        self,
        key: str,
        asks: list[Cell],
        letter: str,
        reads: list[str],
        run: Callable[[Values], Array],
        write: Callable[[Values, Array], None],
        values: Values,
        *,
        is_laid: bool = False,
        traces: Callable[[Values], Traces] | None = None,
        wrong: Callable[[Values], Iterator[Slip]] | None = None,
        sizes: dict[str, int] | None = None,
    ) -> None:
        solution = np.asarray(run(values), np.float64)
        write(values, solution)
        room = len(solution) if solution.ndim > 1 else 1
        super().__init__(key, asks, solution, [Matrix(solution)], room)
        self.letter, self.reads, self.run, self.write = letter, reads, run, write
        self.is_laid, self.traces, self.wrong = is_laid, traces, wrong
        self.sizes = sizes or {}

    def found(self, answer: Any, state: State) -> Found:
        """Judge the numbers; they may follow from earlier wrong answers."""
        try:
            given = real_array("answer", self.key, _from_text(answer), np.float64)
        except (TypeError, RecursionError):
            return Found(0.0, "unread", _EXPECTED, is_said=True)
        except ValueError as error:
            sentence = str(error).removeprefix("answer: ")
            return Found(0.0, "unread", sentence, is_said=True)
        if not np.isfinite(given).all():
            return Found(0.0, "unread", "it holds NaN or infinity", is_said=True)
        array = _as(given, self.solution.shape)
        turned = _as(given.T, self.solution.shape)
        if array is None and turned is None:
            expected = " × ".join(map(str, self.solution.shape)) or "one number"
            got = " × ".join(map(str, given.shape)) or "one number"
            return Found(0.0, "shape", f"expected {expected}, got {got}", is_said=True)
        found, kept = self._judged(array, turned, state)
        self.write(state.values, kept)
        state.given[self.letter] = self.key
        if found.share == 1.0 and found.label != "carried":
            state.right.add(self.letter)
        return found

    def _judged(
        self, array: Array | None, turned: Array | None, state: State
    ) -> tuple[Found, Array]:
        """Return the judgement, and the answer in the sheet's orientation."""
        carried = self._carried(state)
        is_same = (
            array is not None and turned is not None and np.array_equal(array, turned)
        )
        if array is not None:
            is_own = self.is_laid and not is_same
            placed = state.in_layouts((state.layout,) if is_own else LAYOUTS)
            if self._is_right(array, [*carried.values()], state):
                return placed, array
            for letters, right in carried.items():
                if slips.is_near(array, right):
                    return self._from(letters, state) if placed.share else placed, array
        if turned is not None and not is_same:
            for right in (self.solution, *carried.values()):
                if slips.is_near(turned, right):
                    if self.is_laid:
                        return state.in_other_layout(), turned
                    sentence = "it is the transpose of what it should be"
                    return Found(0.0, "transposed", sentence), turned
        kept = np.asarray(turned if array is None else array)
        return self._named(kept, carried, state), kept

    def _from(self, letters: tuple[str, ...], state: State) -> Found:
        keys = " and ".join(state.given[letter] for letter in letters)
        return Found(1.0, "carried", f"right, given your {keys}", is_said=True)

    def _is_right(self, array: Array, carried: list[Array], state: State) -> bool:
        """Return whether an answer is right, or between two right answers.

        One student may round in each step, and another only at the end.
        If a later step enlarges the difference, their answers can differ
        by more than one unit of the last digit. Both are right.
        """
        if slips.is_near(array, self.solution):
            return True
        if not {*self.reads} & {*state.given} <= state.right:
            return False
        low, high = (f([self.solution, *carried], axis=0) for f in (np.min, np.max))
        allowed = slips.UNIT * (1 + 1e-6)
        return bool(np.all((array >= low - allowed) & (array <= high + allowed)))

    def _carried(self, state: State) -> dict[tuple[str, ...], Array]:
        """Return the answers that follow from the student's earlier ones."""
        read = [letter for letter in self.reads if letter in state.given]
        found: dict[tuple[str, ...], Array] = {}
        for count in range(len(read), 0, -1):
            for letters in combinations(read, count):
                values = dict(state.values)
                for letter in set(read) - set(letters):
                    self.before[letter].write(values, self.before[letter].solution)
                try:
                    with np.errstate(all="ignore"):
                        array = np.asarray(self.run(values), np.float64)
                except ValueError:  # a loss that refuses a prediction
                    continue
                if np.isfinite(array).all():
                    found[letters] = array
        return found

    before: dict[str, Computed]

    def _named(
        self, array: Array, carried: dict[tuple[str, ...], Array], state: State
    ) -> Found:
        """Return the mistake that explains a wrong answer, if one does."""
        values = dict(state.values)
        for right in [*carried.values()][:1] + [self.solution]:
            verdict = None
            if self.wrong is not None:
                with np.errstate(all="ignore"):
                    verdict = slips.among(array, self.wrong(values))
            if verdict is None and self.traces is not None:
                traces = self.traces(values)
                answer, laid = array, right
                if self.is_laid and traces.at.shape != array.shape:
                    answer, laid = array.T, right.T
                shape = traces.at.shape
                answer, laid = answer.reshape(shape), laid.reshape(shape)
                verdict = slips.numbers(answer, laid, traces, self.sizes)
            elif verdict is None:
                verdict = slips.formula(array, right, self.sizes, is_loss=False)
            if verdict.label != "differs":
                return Found(0.0, *verdict)
            for letter in self.reads:
                if letter in self.before:
                    question = self.before[letter]
                    question.write(values, question.solution)
        count = int(np.sum(np.abs(array - right) > slips.UNIT))
        return Found(0.0, "differs", f"in {count} of {array.size} numbers")


def _from_text(answer: Any) -> Any:
    """Return an answer in which each text is replaced by its number.

    Raises
    ------
    ValueError
        If a text is neither a number nor a list of numbers in JSON.
    """
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "UO":
        answer = answer.tolist()
    if isinstance(answer, list | tuple):
        return [_from_text(part) for part in answer]
    if not isinstance(answer, str):
        return answer
    text = answer.strip().replace("−", "-")
    above, _, below = text.partition("/")
    try:
        if text.startswith("["):
            return _from_text(json.loads(text))
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError, RecursionError):
        shown = answer if len(answer) < 40 else f"{answer[:40]}…"
        raise ValueError(f"{_EXPECTED}, got {shown!r}") from None


def _as(given: Array, shape: tuple[int, ...]) -> Array | None:
    """Return an answer in a shape, if only sides of length 1 differ."""
    long = [side for side in given.shape if side != 1]
    if long == [side for side in shape if side != 1]:
        return given.reshape(shape)
    return None
