"""grade on the command line: formats, files and standard output."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from submissions import HALVED

from mlp.__main__ import main

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


def test_what_it_refuses(capsys):
    assert main(["grade", "x.py", "--exercise", "conv"]) == 2
    assert "got 'conv'" in capsys.readouterr().err
    two = ["x.py", "y.py", "--exercise", "relu", "--format", "gradescope"]
    assert main(["grade", *two]) == 2
    assert "expected one file for Gradescope's" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "csv", "gradescope"])
def test_an_error_with_half_a_sign_is_written_all_the_same(tmp_path, form):
    file, out = tmp_path / "half.py", tmp_path / "out"
    file.write_text("raise ValueError('\\udc80 half')", "utf-8")
    arguments = ["--exercise", "relu", "--format", form, "--out", str(out)]
    assert main(["grade", str(file), *arguments]) == 0
    assert "ValueError: \\udc80 half" in out.read_text("utf-8")
