"""Answers in numbers: read, right, and right given the answers before."""

import json

import numpy as np
import pytest
from homework import key_of, row, sheet_of

from mlp import Linear, ReLU


@pytest.mark.parametrize(
    "written",
    [
        lambda a: json.dumps(a.tolist()),
        lambda a: [[f" {n!r} ".replace("-", "−") for n in r] for r in a.tolist()],
        lambda a: np.array(a, str),
        lambda a: [json.dumps(r) for r in a.tolist()],
        lambda a: [[f"{2 * n:g}/2" for n in r] for r in a.tolist()],
    ],
)
def test_numbers_may_be_written_as_text(sheet, written):
    assert row(sheet, "Z₁", written) == (1, "", "right")
    assert row(sheet, "Z₁", lambda a: written(-a))[::2] == (0, "sign")


LOOP: list = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "answer",
    ["", "a", "1/0", "1/2/3", "[[1, 2", "[" * 10_000, [["1", "b"]], {"a": []}, b"1",
     "9" * 9999 + "x", "[{}]", "nan", "1" * 400, object(), [[1], [2, 3]], LOOP],
)  # fmt: skip
def test_what_is_no_number_is_said_so_in_a_short_sentence(sheet, answer):
    mark, text, verdict = row(sheet, "Z₁", lambda _: answer)
    assert (mark, verdict) == (0, "unread")
    assert text and len(text) < 130 and "one_hot" not in text


def test_an_answer_may_leave_out_sides_of_one_and_be_a_list():
    sheet = sheet_of(Linear(2, 2), ReLU(), Linear(2, 1))
    flat = {k: np.ravel(a).tolist() if np.ndim(a) and 1 in np.shape(a) else a
            for k, a in sheet.solution.items()}  # fmt: skip
    flat |= {k: np.asarray(a)[np.newaxis] for k, a in sheet.solution.items()
             if np.ndim(a) == 1}  # fmt: skip
    assert sheet.grade(flat).total == len(flat)


def student(sheet, wrong_at, slip):
    """Return the answers of one who makes a slip, and goes on rightly from it."""
    values, answers = dict(sheet.training.values), {}
    for key, question in sheet.asked.items():
        if isinstance(question.solution, str):
            answers[key] = question.solution
            continue
        array = np.round(question.run(values), sheet.digits)
        if question.letter == wrong_at:
            array = slip(array)
        question.write(values, array)
        answers[key] = array.tolist()
    return answers


@pytest.mark.parametrize("slip", [lambda a: -a, lambda a: a + 0.25, lambda a: 0.5 * a])
@pytest.mark.parametrize("which", ["sheet", "curved"])
def test_an_error_that_is_carried_forward_costs_one_mark(request, which, slip):
    sheet = request.getfixturevalue(which)
    letters = [q.letter for q in sheet.asked.values() if getattr(q, "letter", "")]
    for letter in letters:
        if which == "curved" and letter == "Ŷ":
            continue  # BCELoss refuses what is not within 0 and 1
        answers = student(sheet, letter, slip)
        wrong = [r for r in sheet.grade(answers).rows if r.mark != 1]
        assert [r.question for r in wrong] == [key_of(sheet, letter)], wrong


def test_a_carried_answer_says_what_it_follows_from(sheet):
    answers = student(sheet, "Z₁", lambda a: a + 1)
    texts = {r.question: r.text for r in sheet.grade(answers).rows}
    assert texts[key_of(sheet, "Z₂")] == "right, given your 5.1"
    answers["5.3"] = [[9.0] * 3] * 2  # a second slip counts too
    marks = {r.question: r.mark for r in sheet.grade(answers).rows}
    assert (marks["5.1"], marks["5.2"], marks["5.3"]) == (0, 1, 0)


def test_a_transposed_answer_is_turned_back_before_it_is_carried(sheet):
    answers = sheet.solution
    for letter in ("Z₁", "Z₂", "∂ℓ/∂W⁽¹⁾"):
        answers[key_of(sheet, letter)] = answers[key_of(sheet, letter)].T
    wrong = [r.question for r in sheet.grade(answers).rows if r.mark != 1]
    assert wrong == [key_of(sheet, "Z₁"), key_of(sheet, "Z₂")]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("a word", "real numbers"),
        ([[1, 2], [3]], ""),
        ([1.0, 2.0], "expected 2 × 4, got 2"),
        (np.nan, "NaN"),
        ([[np.inf] * 4] * 2, "NaN or infinity"),
        ([["a", "b"]], ""),
        ({"a": 1}, ""),
        ([], "expected 2 × 4"),
        (1 + 2j, ""),
        (True, ""),
        ([[1e400] * 4] * 2, "infinity"),
        ([[10**400] * 4] * 2, ""),
        (None, "no answer"),
        ("", ""),
        ([[[[1.0]]]], "expected 2 × 4"),
    ],
)
def test_what_is_no_answer_gets_a_text_and_never_a_crash(sheet, answer, text):
    marks = sheet.grade(sheet.solution | {"5.1": answer}, hints="none")
    row = marks.rows[0]
    assert row.mark == 0 and row.text and text in row.text
    assert marks.total == marks.maximum - 1
