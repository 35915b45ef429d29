"""worksheet: homework on one net.

derive and trace show equations. The sheet shows their left sides and asks
for the right sides, which the solution has. grade marks the answers of a
student. Read questions.py next, on how an answer is marked; drawing.py
draws the numbers.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from mlp._shared import numbers
from mlp._shared.printing import printable
from mlp.checking.copies import copies
from mlp.core import Layer, Loss
from mlp.derivation.derivation import Derivation
from mlp.derivation.expressions import Symbol
from mlp.derivation.rendering import Cell
from mlp.derivation.tables import LAYOUTS
from mlp.worksheets import pages
from mlp.worksheets.drawing import VERSION, Drawn, draw
from mlp.worksheets.marks import Marks, graded
from mlp.worksheets.questions import Question
from mlp.worksheets.sections import SECTIONS, STEPS, Sections
from mlp.worksheets.slips import DIGITS
from mlp.worksheets.step import Training

LARGEST = 1000  # parameters that a student can calculate with
RATES = (0.1, 0.2, 0.5)


class Worksheet:
    """A sheet of questions on one net, and its solution.

    worksheet() returns it. print shows the sheet; to_text(), to_markdown(),
    to_latex() and to_html() return it as text. Each of the four has an
    argument solved=True, for the solution.

    Attributes
    ----------
    model : Layer
        A copy of the net with the numbers of the sheet, in evaluation mode.
    criterion : Loss
        A copy of the loss.
    x, y : array of shape (2, n) and (2, K)
        Two data points, in rows.
    lr : float
        The learning rate of the step of SGD.
    layout : str
        The layout of the sheet, "numerator" or "denominator".
    digits : int
        How many digits after the decimal point an answer needs.
    questions : dict of str to str
        The text of each question, by its number.
    solution : dict of str to array or str
        A right answer to each question, by its number.
    version : int
        The version of the rules that draw the numbers.
    """

    def __init__(
        self,
        model: Layer,
        criterion: Loss,
        sections: Collection[str],
        layout: str,
        seed: int,
    ) -> None:
        size = sum(parameter.data.size for parameter in model.parameters())
        if size > LARGEST:
            raise ValueError(
                f"worksheet: expected a net that can be calculated on paper, of at "
                f"most {LARGEST} parameters, got {size}"
            )
        self.model, self.criterion = copies(model, criterion, dtype=np.float64)
        for parameter in self.model.parameters():
            parameter.grad = None
        self.model.eval()
        self.layout, self.seed, self.version = layout, seed, VERSION
        self.digits = DIGITS
        self.derivation = Derivation(
            self.model, self.criterion, None, layout, None, "worksheet"
        )
        self.x, self.y = draw(self.derivation, str(seed))
        drawn = Drawn(f"{seed}: questions")
        self.lr = float(drawn.choices(RATES))
        self.training = Training(self.derivation, self.x, self.y, self.lr)
        self.asking = Sections(self.derivation, self.training, drawn.shuffled(STEPS))
        self.parts: dict[str, list[Question]] = {
            name: self.asking.of(name) for name in SECTIONS if name in sections
        }

    # -------------------------------------------------------------- questions

    @property
    def asked(self) -> dict[str, Question]:
        """The questions as objects, by their numbers."""
        return {q.key: q for part in self.parts.values() for q in part}

    @property
    def questions(self) -> dict[str, str]:
        """The text of each question, by its number."""
        return {
            key: printable("".join(map(str, q.asks))) for key, q in self.asked.items()
        }

    @property
    def solution(self) -> dict[str, Any]:
        """A right answer to each question: an array, or a text."""
        return {key: _copied(q.solution) for key, q in self.asked.items()}

    # ------------------------------------------------------------------- pages

    def title(self) -> list[Cell]:
        """Return the title, with the layers and the loss."""
        first, *others = (place.name for place in self.derivation.places)
        cells: list[Cell] = ["Worksheet on ", first]
        for name in others:
            cells += [" → ", name]
        return [*cells, f" with {type(self.criterion).__name__}"]

    def blocks(self, solved: bool = False, name: str = "") -> Iterator[pages.Block]:
        """Yield the blocks of the sheet, or of its solution.

        A sheet with a name does not show its seed, because anyone can make
        the solution from the seed.
        """
        seed = "" if name else f", seed {self.seed}"
        yield pages.Text(self._legend())
        yield pages.Text(
            [
                f"Round numbers to {DIGITS} digits after the decimal point; one unit "
                f"of the last digit is allowed for. You may calculate with rounded "
                f"numbers, or with all digits. Layers are applied to columns; the "
                f"arrays of section 5 have a row for each data point. ",
                *LAYOUTS[self.layout],
                f' Hand in a JSON file of answers by question, such as {{"2.1": '
                f'"W1 x + b1", "5.1": [[0.5, -1], [2, 0]]}}. '
                f"Sheet version {VERSION}{seed}.",
            ]
        )
        for section, questions in self.parts.items():
            yield pages.Heading(SECTIONS[section])
            if section == "numbers":
                yield from self._given()
            for question in questions:
                answer = question.shown if solved else None
                yield pages.Item(question.key, question.asks, answer, question.room)

    def _legend(self) -> list[Cell]:
        cells: list[Cell] = ["Layer k gives ", Symbol("z", "k")]
        for place in self.derivation.places:
            if place.name.letter in "fg":
                cells += ["; ", place.name, f" is {type(place.layer).__name__}"]
            for letter, meaning in place.legend():
                cells += ["; ", letter, *meaning]
        places = self.derivation.places
        widths = [places[0].below.width, *(place.above.width for place in places)]
        for width in {str(width.letter): width for width in widths}.values():
            cells += ["; ", width.letter, f" = {width.value}"]
        cells.append(".")
        layers = [place.layer for place in self.derivation.places]
        if any([*layer.named_generators()] for layer in layers):
            cells.append(
                " The net is in evaluation mode: what is drawn at random in training, "
                "as by Dropout, passes x on as it is."
            )
        if any([*layer.named_buffers()] for layer in layers):
            cells.append(
                " The net is in evaluation mode: a normalisation over the batch uses "
                "the running mean and variance, which are constants."
            )
        return cells

    def _given(self) -> Iterator[pages.Block]:
        cells: list[Cell] = [
            "x = ",
            pages.Matrix(self.x),
            ", y = ",
            pages.Matrix(self.y),
        ]
        for letter, parameter in self.derivation.parameters:
            cells += [", ", letter, " = ", pages.Matrix(parameter.data)]
        yield pages.Text([*cells, "."])
        for place in self.derivation.places:
            kept = [*place.layer.named_buffers()]
            shown = [(name, b) for name, b in kept if b.data.ndim]
            if shown:
                lines: list[Cell] = [place.name, ": "]
                for name, buffer in shown:
                    lines += [f"{name} = ", pages.Matrix(buffer.data), "; "]
                yield pages.Text([*lines, f"ε = {place.rule.eps:g}."])

    def _page(self, write: Any, solved: bool, name: str) -> str:
        title: list[Cell] = ["Solution: "] * solved + self.title()
        title += [f" ({name})"] * bool(name)
        return str(write(title, list(self.blocks(solved, name))))

    def __str__(self) -> str:
        """Return the sheet as Unicode text of at most 100 columns."""
        return self._page(pages.to_text, False, "")

    def __repr__(self) -> str:
        """Return the title in angle brackets."""
        title = "".join(map(str, self.title()))
        return printable(f"<{title}, seed {self.seed}>")

    def to_text(self, *, solved: bool = False, name: str = "") -> str:
        """Return the sheet, or its solution, as print shows it."""
        return self._page(pages.to_text, solved, name)

    def to_markdown(self, *, solved: bool = False, name: str = "") -> str:
        """Return the sheet in Markdown; name is added to the title."""
        return self._page(pages.to_markdown, solved, name)

    def to_latex(self, *, solved: bool = False, name: str = "") -> str:
        """Return the sheet as a LaTeX document that needs amsmath."""
        return self._page(pages.to_latex, solved, name)

    def to_html(self, *, solved: bool = False, name: str = "") -> str:
        """Return the sheet in HTML with MathML; it needs no network."""
        return self._page(pages.to_html, solved, name)

    # ------------------------------------------------------------------- marks

    def grade(
        self,
        answers: Mapping[str, Any] | str | os.PathLike[str],
        *,
        layout: str | None = None,
        hints: str = "none",
    ) -> Marks:
        """Return the marks of a student's answers.

        Parameters
        ----------
        answers : mapping, or path of a JSON file
            An array, a word or a formula for the number of each question.
        layout : "numerator", "denominator" or None
            The layout in which an answer gets its mark; None allows both.
            grade always says if an answer is in the other layout.
        hints : "none", "some" or "all"
            What grade says of a wrong answer: nothing, where to look, or
            which mistake it is.

        Returns
        -------
        Marks
            print shows them; see also .rows, .total and .maximum.

        Raises
        ------
        ValueError
            If the file is not JSON, or has no answers by question.
        TypeError
            If answers is neither a mapping nor a path.
        ImportError
            If there is a formula to read and lark is not installed.

        Notes
        -----
        An answer that follows from an earlier wrong answer counts as right:
        each question is calculated again from the earlier answers.
        """
        if layout is not None:
            numbers.one_of("grade", "layout", layout, LAYOUTS)
        numbers.one_of("grade", "hints", hints, ("none", "some", "all"))
        allowed = tuple(LAYOUTS) if layout is None else (layout,)
        values = dict(self.training.values)
        return graded(self.asked, answers, self.layout, allowed, values, hints)


def _copied(solution: Any) -> Any:
    return solution.copy() if isinstance(solution, np.ndarray) else solution


def worksheet(
    model: Layer,
    criterion: Loss,
    *,
    questions: str | Collection[str] = "all",
    layout: str = "numerator",
    seed: int = 0,
) -> Worksheet:
    """Return a sheet of questions on a net, with numbers drawn from a seed.

    Parameters
    ----------
    model : Sequential, or one layer
        The net, which is not changed. The sheet has the same layers and
        widths, but other numbers.
    criterion : Loss
        The loss.
    questions : "all", or some of the sections
        "steps", "forward", "gradients", "jacobians", "numbers",
        "mistakes". A question has the same number on each sheet.
    layout : "numerator" or "denominator"
        As in derive.
    seed : int
        The same seed gives the same sheet, on every machine and with every
        NumPy, as long as the version on the sheet is the same.

    Returns
    -------
    Worksheet
        print shows it; see also .solution and .grade(answers).

    Raises
    ------
    ValueError
        If the net cannot be derived, or has more than 1000 parameters; if
        all numbers that are drawn are degenerate, as for a Softmax over one
        column; if a section or the layout is unknown.
    TypeError, NotImplementedError
        As in derive.

    Notes
    -----
    x, y and the parameters are small whole numbers and halves. There are
    two data points: so each ReLU unit is on for at least one of them, and
    a forgotten mean over the batch shows. The net is in evaluation mode:
    Dropout returns x, and BatchNorm1d uses its running mean and variance.

    Examples
    --------
    >>> from mlp import Linear, MSELoss, ReLU, Sequential
    >>> from mlp.worksheets import worksheet
    >>> net = Sequential(Linear(2, 2), ReLU(), Linear(2, 1))
    >>> sheet = worksheet(net, MSELoss(), questions="numbers", seed=1)
    >>> sheet.questions["5.1"]
    'Z₁ (2 × 2), what Linear₁ gives'
    >>> marks = sheet.grade(sheet.solution)
    >>> marks.total == marks.maximum
    True
    """
    numbers.instance("worksheet", "model", model, Layer)
    numbers.instance("worksheet", "criterion", criterion, Loss)
    numbers.one_of("worksheet", "layout", layout, LAYOUTS)
    numbers.whole_number("worksheet", "seed", seed)
    chosen = [questions] if isinstance(questions, str) else list(questions)
    if chosen == ["all"]:
        chosen = list(SECTIONS)
    if not chosen:
        raise ValueError("worksheet: expected some of the sections, got none")
    for name in chosen:
        numbers.one_of("worksheet", "questions", name, SECTIONS)
    return Worksheet(model, criterion, chosen, layout, int(seed))
