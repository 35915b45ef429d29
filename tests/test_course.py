"""The notebooks of the course run, and their answers are right."""

import contextlib
import io
import re
from pathlib import Path

import pytest

LESSONS = sorted((Path(__file__).parent.parent / "examples" / "course").glob("*.py"))
CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)


def cells(lesson):
    """Return each cell's heading and its text."""
    _, *parts = CELL.split(lesson.read_text("utf-8"))
    return list(zip(parts[::2], parts[1::2], strict=True))


def test_there_are_six():
    assert [lesson.stem[0] for lesson in LESSONS] == list("123456")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_runs_and_its_answers_check_themselves(lesson):
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(lesson.read_text("utf-8"), lesson.name, "exec"), {})


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_ends_with_three_questions_with_folded_answers(lesson):
    parts = cells(lesson)
    start = next(i for i, (_, text) in enumerate(parts) if "## Questions" in text)
    questions, answers = parts[start::2], parts[start + 1 :: 2]
    assert len(questions) == len(answers) == 3
    for number, (heading, text) in enumerate(questions, 1):
        assert heading == " [markdown]"
        assert f"# **{number}.** " in text
    for heading, text in answers:
        assert "source_hidden" in heading
        assert "hide-cell" in heading
        assert "\nassert " in text  # the answer is checked where it stands


def test_a_wrong_answer_is_noticed():
    lesson = LESSONS[0].read_text("utf-8")
    wrong = lesson.replace(
        "assert slope.item() == -18.0", "assert slope.item() == 18.0"
    )
    assert wrong != lesson
    with pytest.raises(AssertionError):
        exec(compile(wrong, "wrong", "exec"), {})


def test_the_pictures_of_the_gallery_are_drawn():
    pytest.importorskip("matplotlib")
    script = LESSONS[0].parent.parent / "pictures.py"
    names = {}
    exec(compile(script.read_text("utf-8"), script.name, "exec"), names)
    for name in ("boundary", "surface", "layers", "looks", "drawn"):
        assert names[name]._repr_png_().startswith(b"\x89PNG")
