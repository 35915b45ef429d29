"""Exercises by name: what is right has ten points, and a name is known."""

import numpy as np
import pytest
from submissions import FOLDER, RIGHT, results

import mlp
from mlp.worksheets import exercises


@pytest.mark.parametrize("exercise", exercises.EXERCISES)
def test_what_is_right_has_ten_points(exercise):
    ours = {e.target: getattr(mlp, e.target) for e in exercises.EXERCISES.values()}
    for found in (
        results(exercise, RIGHT),
        results(exercise, (FOLDER / "right_with_mlp.py").read_text("utf-8")),
        list(exercises.run(exercise, ours)),
    ):
        assert [r.sentence for r in found if r.sentence] == []
        assert sum(r.score for r in found) == sum(r.maximum for r in found) == 10


@pytest.mark.parametrize(
    "source, said",
    [
        ("", "there is no ReLU in the file"),
        ("def ReLU(x): return x", "expected a class, got a function"),
        ("class ReLU: pass", "expected a method forward, got none"),
        ("class ReLU:\n def __init__(self, n): pass", "TypeError: "),
        (
            "class ReLU:\n def forward(s, x):\n  return 1/0\n def backward(s, g): 0",
            "line 3: ZeroDivisionError: division by zero",
        ),
        (
            "class ReLU:\n def forward(s, x): raise SystemExit(0)\n"
            " def backward(s, g): 0",
            "line 2: SystemExit: 0",
        ),
        (
            "class ReLU:\n def forward(s, x): return 'y'\n def backward(s, g): 0",
            "forward: expected numbers, got str",
        ),
        (
            "class ReLU:\n def forward(s, x): return x.T\n def backward(s, g): 0",
            "expected shape (5, 3), got (3, 5)",
        ),
    ],
)
def test_what_is_no_layer_is_a_sentence(source, said):
    found = results("relu", source)
    assert sum(r.score for r in found) == 0
    assert said in found[0].sentence


@pytest.mark.parametrize("names", ["", "linear,conv", "relu,relu", ["tanh"]])
def test_unknown_exercises_are_refused(names):
    with pytest.raises(ValueError, match="expected names out of linear, relu"):
        exercises.names_of(names)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("relu", ["relu"]),
        (" linear, sgd ", ["linear", "sgd"]),
        (("loop", "relu"), ["loop", "relu"]),
    ],
)
def test_names_are_taken_in_their_order(given, names):
    assert exercises.names_of(given) == names


def test_each_check_has_a_result():
    methods = ("forward(self, x): return x + 1", "backward(self, g): return 3 * g")
    found = results("relu", "\n def ".join(["class ReLU:", *methods]))
    checks = exercises.EXERCISES["relu"].checks
    assert [r[:2] + (r.maximum,) for r in found] == [
        ("relu", check.name, check.points) for check in checks
    ]
    right = {r.check for r in found if r.score == r.maximum}
    assert right == {r.check for r in found if not r.sentence}
    assert sum(r.score for r in found) == 0
    told = {r.check: r.sentence for r in found}
    assert told["modes"] == told["dtype"] == "it counts when something else is right"


def test_nothing_is_said_while_a_student_is_marked():
    warns = RIGHT.replace(
        "self.y = 1", "import warnings; warnings.warn('w'); self.y = 1"
    )
    with np.errstate(all="raise"):
        for source in (RIGHT, warns):  # a warning is an error in these tests
            assert not any(r.sentence for r in results("sigmoid", source))
