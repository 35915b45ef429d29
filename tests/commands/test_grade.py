"""grade on the command line: formats, files and standard output."""

import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest
from submissions import HALVED
from terminal import ran, refused

from mlp.__main__ import main
from mlp.worksheets import reports
from mlp.worksheets.exercises import Result
from mlp.worksheets.grading import Graded

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")


def test_it_writes_each_format(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, arguments = "halved.py", ["--exercise", "relu,sgd", "--time", "30"]
    Path(file).write_text(HALVED, encoding="utf-8")
    out = tmp_path / "results.json"
    gradescope = [*arguments, "--format", "gradescope", "--out", str(out)]
    assert main(["grade", file, *gradescope]) == 0
    written = json.loads(out.read_text("utf-8"))
    assert written["score"] == 15 and written["execution_time"] > 0
    assert sum(t["score"] for t in written["tests"]) == 15
    assert sum(t["max_score"] for t in written["tests"]) == 20
    wrong = [t for t in written["tests"] if t["status"] == "failed"]
    names = ["relu: gradient by x", "relu: at 0", "relu: any shape"]
    assert [t["name"] for t in wrong] == names
    assert wrong[0]["output"].startswith("x: factor 1/2")
    assert main(["grade", file, file, *arguments, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(r["score"], r["relu"], r["sgd"]) for r in rows] == [("15", "5", "10")] * 2


def graded(file):
    """Return what a file is worth, as grade does, without running it."""
    wrong = Result("relu", "forward", 1, 4, "y: factor ½")
    return Graded(file, [wrong, Result("relu", "at 0", 6, 6, "")])


@pytest.fixture
def asked(monkeypatch):
    """Return what grade is asked for, in the place of which graded answers."""
    calls = []

    def grade(file, exercises, *, seconds):
        calls.append((file, exercises, seconds))
        return graded(file)

    monkeypatch.setattr("mlp.worksheets.grading.grade", grade)
    return calls


def test_files_are_graded_in_turn_as_it_is_told(asked, capsys):
    code, out, err = ran(capsys, "grade", "a.py", "b.py", "--exercise", "relu,sgd")
    assert code == 0 and asked == [("a.py", "relu,sgd", 10), ("b.py", "relu,sgd", 10)]
    assert out == reports.to_table([graded("a.py"), graded("b.py")], "all")
    assert err == "1 of 2: a.py\n2 of 2: b.py\n"
    asked.clear()
    code, out, err = ran(
        *(capsys, "grade", "a.py", "--exercise", "relu", "--time", "0.5"),
        *("--hints", "some", "--format", "json"),
    )
    assert (code, asked, err) == (0, [("a.py", "relu", 0.5)], "")
    assert out == reports.to_json([graded("a.py")], "some")


def test_with_out_the_marks_go_to_a_file_alone(asked, capsys, tmp_path):
    out = tmp_path / "ü.csv"
    arguments = ["a.py", "--exercise", "relu", "--format", "csv", "--out", out]
    assert ran(capsys, "grade", *arguments) == (0, "", "")
    assert out.read_text("utf-8") == reports.to_csv([graded("a.py")], "all")


def test_a_terminal_without_the_signs_gets_ascii(asked, capsys, monkeypatch):
    stream = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream, encoding="ascii"))
    arguments = ["ä.py", "--exercise", "relu", "--format", "csv"]
    assert ran(capsys, "grade", *arguments)[0] == 0
    assert b"factor 1/2" in stream.getvalue()


def test_what_it_refuses(asked, capsys):
    two = ["x.py", "y.py", "--exercise", "relu"]
    sentence = refused(capsys, "grade", *two, "--format", "gradescope")
    assert "expected one file for Gradescope's results.json, got 2" in sentence
    assert "--exercise" in refused(capsys, "grade", "x.py")
    assert "file" in refused(capsys, "grade", "--exercise", "relu")
    assert "--time" in refused(capsys, "grade", *two, "--time", "long")
    assert "--hints" in refused(capsys, "grade", *two, "--hints", "few")
    assert "--format" in refused(capsys, "grade", *two, "--format", "xml")
    assert asked == []


def test_an_unknown_exercise_is_refused(capsys):
    assert "got 'conv'" in refused(capsys, "grade", "x.py", "--exercise", "conv")


@pytest.mark.parametrize("form", ["json", "csv", "gradescope"])
def test_an_error_with_half_a_sign_is_written_all_the_same(tmp_path, form):
    file, out = tmp_path / "half.py", tmp_path / "out"
    file.write_text("raise ValueError('\\udc80 half')", "utf-8")
    arguments = ["--exercise", "relu", "--format", form, "--out", str(out)]
    assert main(["grade", str(file), *arguments]) == 0
    assert "ValueError: \\udc80 half" in out.read_text("utf-8")
