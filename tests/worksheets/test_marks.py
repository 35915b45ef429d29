"""grade: layouts, hints, missing answers and files."""

import json
from functools import partial

import numpy as np
import pytest
from homework import marked, row, sheet_of

from mlp import Layer, Linear, ReLU, Sigmoid
from mlp.derivation import RULES, Apply, Elementwise
from mlp.worksheets.marks import MarkRow, Marks, answers_of


def test_the_other_layout_is_named_and_has_its_mark_as_the_teacher_sets(sheet):
    for layout, expected in ((None, 1), ("denominator", 1), ("numerator", 0)):
        for hints in ("none", "some", "all"):
            mark, text, verdict = row(
                sheet, "∂ℓ/∂W⁽¹⁾", np.transpose, layout=layout, hints=hints
            )
            assert (mark, verdict) == (expected, "transposed (other layout)")
            assert "transposed: in denominator layout" in text
    assert row(sheet, "∂ℓ/∂W⁽¹⁾", lambda a: a, layout="numerator")[0] == 1


def test_the_layout_of_the_sheet_has_no_marks_if_the_teacher_sets_the_other():
    pytest.importorskip("lark")
    layers = Linear(3, 4), ReLU(), Linear(4, 3), Sigmoid()
    sheet = sheet_of(*layers, questions="all", seed=1)
    marks = sheet.grade(sheet.solution, layout="denominator")
    lost = {row.question for row in marks.rows if not row.mark}
    laid = {
        key
        for key, text in sheet.questions.items()
        if key[0] == "3" or (key[0] == "5" and text in ("∂ℓ/∂W⁽¹⁾", "∂ℓ/∂W⁽²⁾"))
    }
    loss_by_prediction = max(key for key in sheet.questions if key[0] == "4")
    assert lost == laid | {loss_by_prediction}  # what is symmetric keeps its mark
    assert all("marks are for denominator" in r.text for r in marks.rows if not r.mark)


def test_missing_and_unknown_questions_are_rows(sheet):
    marks = sheet.grade({"5.1 ": sheet.solution["5.1"], "5.111": 3, 7: "x"})
    assert marks.total == 1
    assert marks.maximum == len(sheet.questions)
    assert {r.text for r in marks.rows[1:-2]} == {"no answer"}
    assert "did you mean 5.1" in marks.rows[-2].text
    assert marks.rows[-1][:3] == ("7", None, 0)
    assert "no such question" in str(marks) and "Total 1 of" in str(marks)


def test_hints_say_nothing_something_or_all(sheet):
    said = {
        h: row(sheet, "Z₁", lambda a: -a, hints=h)[1] for h in ("none", "some", "all")
    }
    assert said["none"] == ""
    assert said["some"] == "look at: a sign"
    assert said["all"].startswith("sign: ")
    with pytest.raises(ValueError, match="hints"):
        sheet.grade({}, hints="much")
    with pytest.raises(ValueError, match="layout"):
        sheet.grade({}, layout="rows")


def test_answers_from_a_file(sheet, tmp_path):
    path = tmp_path / "answers.json"
    solution = {k: np.asarray(a).tolist() for k, a in sheet.solution.items()}
    path.write_text(json.dumps(solution), encoding="utf-8-sig")
    assert sheet.grade(path).total == sheet.grade(str(path)).total == len(solution)
    for text in ("{", "[1, 2]", "", "\x00"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"grade: expected .*answers.json"):
            sheet.grade(path)
    with pytest.raises(FileNotFoundError):
        sheet.grade(tmp_path / "none.json")
    with pytest.raises(TypeError, match="answers as a dict"):
        sheet.grade([1, 2])


def test_marks_are_added_up_and_told():
    place = "not read:\n    x ((\n      ^"
    marks = Marks(
        [
            MarkRow("1.1", 1.0, 1.0, ""),
            MarkRow("2.1", None, 2.0, place),
            MarkRow("5.1", 0.5, 1.0, "half of it"),
            MarkRow("9", None, 0.0, "no such question"),
        ],
        {},
    )
    assert (marks.total, marks.maximum, marks.unread) == (1.5, 4.0, ["2.1"])
    assert repr(marks) == "<Marks 1.5 of 4>"
    assert [line.split() for line in str(marks).splitlines()[3:]] == [
        line.split()
        for line in (
            *("1.1 1 1", "2.1 - 2 not read:", "5.1 0.5 1 half of it"),
            *("9 - 0 no such question", "2.1: not read:", "x ((", "^"),
            "Total 1.5 of 4; to be read by a person: 2.1",
        )
    ]
    assert place in str(marks)


def test_answers_are_taken_by_question():
    given = {" 5.1": np.array([[1, 2]]), 6: np.array(["a"]), "7": np.array([0.5])}
    answers = answers_of(given)
    assert answers["5.1"] == [[1, 2]] and answers["6"] == ["a"]
    assert answers["7"] is given["7"]


class Sine(Layer):
    """y = sin x."""

    def forward(self, x):
        self.x = x
        return np.sin(x)

    def backward(self, grad_output):
        return grad_output * np.cos(self.x)


def test_the_functions_of_a_reader_s_own_rule_are_read(monkeypatch):
    pytest.importorskip("lark")
    sin, cos = (partial(Apply, f.__name__, f) for f in (np.sin, np.cos))
    monkeypatch.setitem(RULES, Sine, Elementwise(sin, lambda x, y: cos(x)))
    sheet = sheet_of(Linear(2, 2), Sine(), Linear(2, 1), questions="all")
    assert "sin(" in sheet.solution["2.2"] and "cos(" in sheet.solution["4.1"]
    marks = sheet.grade(sheet.solution)
    assert marks.total == marks.maximum
    for key, answer, mark in (
        ("2.2", r"\sin(W_1 x + b_1)", 1),
        ("2.2", "sine(W1 x + b1)", 1),
        ("2.2", "cos(W1 x + b1)", 0),
        ("2.2", "sinh(W1 x + b1)", None),
        ("4.1", "sin'((z1)_i) if i = j, else 0", 1),
        ("4.1", "-sin((z1)_i) if i = j, else 0", 0),
    ):
        assert marked(sheet, key, answer)[0] == mark, answer
