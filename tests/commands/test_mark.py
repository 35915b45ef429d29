"""mark on the command line: where the marks go, and what students are told."""

import pytest
from classes import class_in, table, write
from terminal import ran

pytest.importorskip("lark")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a class of five, and their answers' folder."""
    return class_in(tmp_path_factory.mktemp("class"))


def test_files_of_marks_and_of_feedback(made, capsys, tmp_path):
    out, answers = made
    one, folder = tmp_path / "marks.csv", tmp_path / "told"
    code, text, page = ran(
        capsys, "mark", out / "sheets", answers, "--out", one, "--layout", "numerator",
        "--feedback", folder, "--hints", "all",
    )  # fmt: skip
    assert code == 0 and "3 of 5 sheets marked" in text and page == ""
    rows = table(one.read_text(encoding="utf-8"))
    assert rows["dee"]["5.10"] == "0"
    told = (folder / "bob.txt").read_text(encoding="utf-8")
    assert "lost" in told and "right, given your 5.5" in told and "^" in told


def test_marking_what_is_no_class(made, tmp_path, capsys):
    out, answers = made
    for arguments, sentence in (
        ([tmp_path, answers], "expected keys/ID.json"),
        ([out, tmp_path / "none"], "a folder with answers"),
    ):
        code, _, said = ran(capsys, "mark", *arguments)
        assert code == 2 and sentence in said


@pytest.mark.parametrize(
    "answers",
    ['{"3.1": "\\ud800 x", "\\ud800": 1}', '{"5.1": ' + "[" * 600 + "]" * 600 + "}"],
)
def test_no_answer_keeps_the_others_from_their_marks(made, tmp_path, capsys, answers):
    out, given = made
    write(tmp_path / "ada.json", answers)
    write(tmp_path / "dee.json", (given / "dee.json").read_text("utf-8"))
    arguments = ["mark", out, tmp_path, "--feedback", tmp_path / "texts"]
    code, text, _ = ran(capsys, *arguments)
    assert code == 0 and table(text)["ada"]["total"] == "0"
    assert float(table(text)["dee"]["total"]) > 0
    assert (tmp_path / "texts" / "dee.txt").exists()
