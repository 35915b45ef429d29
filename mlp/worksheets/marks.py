"""Marks: the marks of a student's answers."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.printing import text_table
from mlp.worksheets.questions import Found, Question, State
from mlp.worksheets.slips import hint


class MarkRow(NamedTuple):
    """A question and its mark, which is None if the answer cannot be read."""

    question: str
    mark: float | None
    maximum: float
    text: str


class Marks:
    """The marks of one student; print shows them.

    Attributes
    ----------
    rows : list of MarkRow(question, mark, maximum, text)
        The questions in the order of the sheet. Then come answers to
        questions that are not on the sheet, with the maximum 0.
    total, maximum : float
        The sums. A mark of None counts as 0 until someone reads the answer.
    verdicts : dict of str to str
        A verdict of a few words for each answer. It does not depend on
        hints.
    unread : list of str
        The questions whose mark is None.
    """

    def __init__(self, rows: list[MarkRow], verdicts: dict[str, str]) -> None:
        self.rows, self.verdicts = rows, verdicts
        self.total = float(sum(row.mark or 0.0 for row in rows))
        self.maximum = float(sum(row.maximum for row in rows))
        self.unread = [row.question for row in rows if row.mark is None and row.maximum]

    def __str__(self) -> str:
        """Return a table of the marks, and the total."""
        rows = [
            [row.question, "-" if row.mark is None else f"{row.mark:g}",
             f"{row.maximum:g}", row.text.splitlines()[0] if row.text else ""]
            for row in self.rows
        ]  # fmt: skip
        table = text_table(["Question", "Mark", "Of", "Remark"], rows)
        places = [
            f"\n{row.question}: {row.text}" for row in self.rows if "\n" in row.text
        ]
        total = f"\nTotal {self.total:g} of {self.maximum:g}"
        if self.unread:
            total += f"; to be read by a person: {', '.join(self.unread)}"
        return table + "".join(places) + total

    def __repr__(self) -> str:
        """Return the total in angle brackets."""
        return f"<Marks {self.total:g} of {self.maximum:g}>"


def answers_of(answers: Any) -> dict[str, Any]:
    """Return a dict of answers by question, from a mapping or a JSON file."""
    if isinstance(answers, str | os.PathLike):
        path = Path(answers)
        try:
            answers = json.loads(path.read_text(encoding="utf-8-sig"))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(
                f"grade: expected {path} to be a JSON file of answers by question, got "
                f"{error}"
            ) from error
        if not isinstance(answers, dict):
            raise ValueError(
                f'grade: expected {path} to hold answers by question, {{"5.1": …}}, '
                f"got a {type(answers).__name__}"
            )
    if not isinstance(answers, Mapping):
        raise TypeError(
            f"grade: expected answers as a dict by question, or the path of a JSON "
            f"file, got {type(answers).__name__}"
        )
    return {str(key).strip(): _plain(answer) for key, answer in answers.items()}


def _plain(answer: Any) -> Any:
    """Return an array of texts or of whole numbers as a list."""
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "iuU":
        return answer.tolist()
    return answer


def graded(
    asked: Mapping[str, Question],
    answers: Any,
    layout: str,
    allowed: tuple[str, ...],
    values: dict[str, Any],
    hints: str,
) -> Marks:
    """Return the marks of the answers, judged in the order of the sheet."""
    given = answers_of(answers)
    state = State(layout, allowed, values)
    rows, verdicts = [], {}
    for key, question in asked.items():
        if given.get(key) is None:
            found = Found(0.0, "no answer", "no answer", is_said=True)
        else:
            found = question.found(given[key], state)
        share = found.share
        mark = None if share is None else share * question.maximum
        verdicts[key] = found.label
        rows.append(MarkRow(key, mark, question.maximum, _said(found, hints)))
    for key in given:
        if key not in asked:
            near = difflib.get_close_matches(key, asked, n=1)
            cure = f"; did you mean {near[0]}?" if near else ""
            rows.append(MarkRow(key, None, 0.0, f"no such question{cure}"))
    return Marks(rows, verdicts)


def _said(found: Found, hints: str) -> str:
    """Return the text for the student about an answer."""
    if found.label == "right":
        return ""
    if found.is_said:
        return found.sentence
    if hints == "all":
        sentence = f": {found.sentence}" if found.sentence else ""
        return f"{found.label}{sentence}"
    return hint(found.label) if hints == "some" else ""
