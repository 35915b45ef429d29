"""Marks of code: what each form says, for each kind of hint."""

import csv
import io
import json

import pytest

from mlp._shared.printing import WIDTH
from mlp.worksheets import reports
from mlp.worksheets.exercises import Result
from mlp.worksheets.grading import Graded

HALF, LATE = "x: factor 1/2: it is half of what is right", "it ran longer than 2 s"
ADA = Graded(
    "ada.py",
    [
        Result("relu", "forward", 2, 2, ""),
        Result("relu", "at 0", 0, 1, HALF),
        Result("relu", "any shape", 0, 3, HALF),
        Result("relu", "modes", 0, 1, "it writes into x"),
        Result("sgd", "one step", 3, 3, ""),
        Result("sgd", "zero_grad", 0, 2, LATE),
    ],
    {"sgd": LATE},
    1.23456,
)
GONE = "there is no file bó.py"
BOB = Graded(
    "bó.py",
    [Result("relu", "forward", 0, 2, GONE), Result("sgd", "one step", 0, 3, GONE)],
    {"": GONE},
)


def test_without_hints_there_is_a_row_for_each_exercise():
    keys = ("exercise", "check", "score", "max_score", "text")
    assert reports.rows(ADA, "none") == [
        dict(zip(keys, ("relu", "", 2, 7, ""), strict=True)),
        dict(zip(keys, ("sgd", "", 3, 5, ""), strict=True)),
    ]


def test_a_note_says_of_which_exercise_it_is():
    assert reports.notes(ADA) == [f"sgd: {LATE}"]
    assert reports.notes(BOB) == [GONE]


@pytest.mark.parametrize("hints", ["some", "all"])
def test_with_hints_there_is_a_row_for_each_check(hints):
    for row, result in zip(reports.rows(ADA, hints), ADA.results, strict=True):
        *rest, text = row.values()
        assert tuple(rest) == result[:4]
        assert text == (result.sentence if hints == "all" else "")


def cells(table):
    """Return the lines of a table's body, in words, without empty cells."""
    return [line.split() for line in table.splitlines()]


def test_a_table_says_a_sentence_once():
    text = reports.to_table([ADA, BOB], "all")
    assert max(map(len, text.splitlines())) <= WIDTH and text.endswith("\n")
    assert text.startswith(f"ada.py: 5 of 12 points\n\nsgd: {LATE}\n\n")
    assert f"\n\nbó.py: 0 of 5 points\n\n{GONE}\n\n" in text
    said = cells(text)
    assert "relu forward 2/2".split() in said
    assert f"relu at 0 0/1 {HALF}".split() in said
    assert "relu any shape 0/3 as above".split() in said
    assert "relu modes 0/1 it writes into x".split() in said
    assert text.count(HALF) == 1 and "sgd one step 3/3".split() in said


def test_a_table_with_fewer_hints():
    some, none = (reports.to_table([ADA], hints) for hints in ("some", "none"))
    assert "relu any shape 0/3".split() in cells(some) and "factor" not in some
    assert "relu 2/7".split() in cells(none) and "shape" not in none


def test_json_is_an_object_for_each_student():
    text = reports.to_json([ADA, BOB], "all")
    ada, bob = json.loads(text)
    assert ada == {
        "file": "ada.py",
        "score": 5,
        "max_score": 12,
        "notes": [f"sgd: {LATE}"],
        "seconds": 1.235,
        "checks": reports.rows(ADA, "all"),
    }
    assert (bob["file"], bob["score"], bob["notes"]) == ("bó.py", 0, [GONE])
    assert "bó.py" in text and text.endswith("]\n")


@pytest.mark.parametrize(
    ("hints", "said"),
    [
        ("none", ""),
        ("some", "; relu (at 0, any shape, modes)"),
        ("all", f"; relu (at 0, any shape): {HALF}; relu (modes): it writes into x"),
    ],
)
def test_csv_is_a_line_for_each_student(hints, said):
    text = reports.to_csv([ADA, BOB], hints)
    assert list(csv.reader(io.StringIO(text))) == [
        ["file", "score", "max_score", "relu", "sgd", "notes"],
        ["ada.py", "5", "12", "2", "3", f"sgd: {LATE}{said}"],
        ["bó.py", "0", "5", "0", "0", GONE],
    ]
    assert "\r" not in text


def test_gradescope_has_a_test_for_each_check():
    whole = json.loads(reports.to_gradescope([ADA], "all"))
    tests = whole.pop("tests")
    assert whole == {
        "score": 5,
        "execution_time": 1.235,
        "output": f"sgd: {LATE}",
        "visibility": "visible",
        "stdout_visibility": "hidden",
    }
    assert tests[1] == {
        "name": "relu: at 0",
        "score": 0,
        "max_score": 1,
        "status": "failed",
        "output": HALF,
        "visibility": "visible",
    }
    passed = [test["name"] for test in tests if test["status"] == "passed"]
    assert passed == ["relu: forward", "sgd: one step"]
    none = json.loads(reports.to_gradescope([ADA], "none"))["tests"]
    assert [test["name"] for test in none] == ["relu", "sgd"]


@pytest.mark.parametrize("name", reports.FORMATS)
def test_each_format_has_its_writer(name):
    assert reports.FORMATS[name] is getattr(reports, f"to_{name}")
