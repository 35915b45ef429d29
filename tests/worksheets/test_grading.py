"""Submissions that do not behave: each ends as a mark and a sentence."""

import os
import time

import pytest
from submissions import FOLDER, RIGHT

from mlp.worksheets import grading
from mlp.worksheets.grading import grade

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")
# What is put before right.py, and the note on its mark of 0.
HOSTILE = {
    "loops": ("while True: pass", "it ran longer than 1 s"),
    "exits hard": (
        "import os\nos._exit(0)",
        "ended before the checks did (exit code 0)",
    ),
    "prints": (
        'while True: print(\'{"event": "done"}\' * 999)',
        "it printed more than 1,048,576 bytes",
    ),
    "allocates": (
        "import numpy\nx = []\nwhile True: x.append(numpy.empty(10**7))",
        "MemoryError",
    ),
    "patches": (
        "import numpy\nnumpy.dot = max",
        "the file changes numpy.dot; leave mlp and numpy as they are",
    ),
    "raises": ("1 / 0", "the file cannot be run: line 1: ZeroDivisionError"),
    "reads": ("input()", "line 1: EOFError"),
    "closes": ("import os\nos.closerange(0, 99)", "ended before the checks did"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_does_not_behave_is_worth_0(tmp_path, name):
    before, note = HOSTILE[name]
    file = tmp_path / "submission.py"
    file.write_text(f"{before}\n{RIGHT}", encoding="utf-8")
    graded = grade(file, "relu,loop", seconds=1)
    assert (graded.score(), graded.maximum()) == (0, 20)
    assert note in graded.notes[""]
    assert {r.sentence for r in graded.results} == {graded.notes[""]}
    assert file.read_text("utf-8").endswith(RIGHT)


def test_an_exercise_that_does_not_end_costs_no_other_its_marks(tmp_path):
    source = RIGHT.replace(
        "self.on = x > 0", "while len(x) == 4: pass\n        self.on = x > 0"
    )
    source = source.replace("self.p - self.y)", "self.p - __import__('os')._exit(3))")
    file = tmp_path / "submission.py"
    file.write_text(source, encoding="utf-8")
    graded = grade(file, "relu,softmax_cross_entropy,sgd", seconds=2)
    assert graded.notes == {
        "relu": "it ran longer than 2 s",
        "softmax_cross_entropy": "the process ended before the checks did "
        "(exit code 3)",
    }
    marks = {name: graded.score(name) for name in graded.exercises}
    assert marks == {"relu": 6, "softmax_cross_entropy": 4, "sgd": 10}


def test_what_it_does_to_its_file_and_folder_stays_there(tmp_path):
    file = tmp_path / "submission.py"
    does = (
        "import os, sys, threading, time, atexit\nos.remove(__file__)\n"
        "open('left.txt', 'w').write('x')\nprint('{\"event\": \"done\"}')\n"
        "os.rmdir(os.getcwd()) if not os.listdir() else None\n"
        "threading.excepthook = None\natexit.register(time.sleep, 60)\n"
        "sys.stdout.close()\n"
    )
    file.write_text(does + RIGHT, encoding="utf-8")
    started = time.monotonic()
    graded = grade(file, ["relu"], seconds=30)
    assert graded.score() == 10 and not graded.notes, graded
    assert time.monotonic() - started < 20
    assert [p.name for p in tmp_path.iterdir()] == ["submission.py"]


def test_a_file_that_is_not_there_is_worth_0(tmp_path):
    for file in (tmp_path / "none.py", tmp_path):
        graded = grade(file, "sgd")
        assert (graded.score(), graded.maximum()) == (0, 10)
        assert graded.notes == {"": f"there is no file {file}"}


def test_wrong_arguments_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match="got 'conv'"):
        grade(FOLDER / "right.py", "conv")
    with pytest.raises(ValueError, match="seconds"):
        grade(FOLDER / "right.py", "relu", seconds=0)


def test_a_wrong_token_is_no_record():
    run = object.__new__(grading._Run)
    run._token, run._is_done = "right", False
    for line in (b"", b"[]", b"7", b'{"token": "wrong", "event": "done"}', b"\xff"):
        assert run._take(line) is False
    assert run._take(b'{"token": "right", "event": "done"}') is False and run._is_done
