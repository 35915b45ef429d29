"""mark on the command line: where the marks go, and what students are told."""

import io
import sys

import pytest
from classes import class_in, table, write
from terminal import ran, refused

pytest.importorskip("lark")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a class of five, and their answers' folder."""
    return class_in(tmp_path_factory.mktemp("class"))


def read(path):
    return path.read_text(encoding="utf-8")


def test_the_table_is_printed_and_what_went_wrong_beside_it(made, capsys):
    code, text, page = ran(capsys, "mark", *made)
    assert code == 0 and text.startswith("id,name,total,maximum,unread,")
    assert list(table(text)) == ["ada", "bob", "cy", "dee", "eve"]
    assert "\r" not in text
    assert page.startswith("3 of 5 sheets marked; ") and "zoe.json" in page


def test_files_of_marks_and_of_feedback(made, capsys, tmp_path):
    out, answers = made
    one, folder = tmp_path / "marks.csv", tmp_path / "for" / "each"
    printed, page = ran(capsys, "mark", out, answers)[1:]
    assert ran(capsys, "mark", out, answers, "--out", one) == (0, page, "")
    assert read(one) == printed
    code, text, page = ran(
        *(capsys, "mark", out / "sheets", answers, "--out", one),
        *("--layout", "numerator", "--feedback", folder, "--hints", "all"),
    )
    assert code == 0 and "3 of 5 sheets marked" in text and page == ""
    assert table(read(one))["dee"]["5.10"] == "0"
    told = read(folder / "bob.txt")
    assert told.startswith("Bób, bob\n") and told.endswith("\n")
    assert "lost" in told and "right, given your 5.5" in told and "^" in told
    assert read(folder / "eve.txt") == "E, eve\nno answers\n"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{name}.txt" for name in ("ada", "bob", "cy", "dee", "eve")]


def test_hints_are_of_where_to_look_unless_asked_for_otherwise(made, capsys, tmp_path):
    told = []
    for hints in ([], ["--hints", "some"], ["--hints", "none"], ["--hints", "all"]):
        ran(capsys, "mark", *made, "--feedback", tmp_path, *hints)
        told.append(read(tmp_path / "bob.txt"))
    some, same, none, everything = told
    assert some == same and len({some, none, everything}) == 3
    assert "lost" in everything and "lost" not in some + none


def test_a_terminal_without_the_signs_gets_ascii(made, capsys, monkeypatch):
    streams = {"stdout": io.BytesIO(), "stderr": io.BytesIO()}
    with monkeypatch.context() as patched:
        for name, stream in streams.items():
            patched.setattr(sys, name, io.TextIOWrapper(stream, encoding="ascii"))
        assert ran(capsys, "mark", *made)[0] == 0
        sys.stderr.flush()
        marks, page = (stream.getvalue().decode() for stream in streams.values())
    assert table(marks)["bob"]["name"] == "Bob"
    assert "3 of 5 sheets marked" in page


def test_marking_what_is_no_class(made, tmp_path, capsys):
    out, answers = made
    for arguments, sentence in (
        ([tmp_path, answers], "expected keys/ID.json"),
        ([out, tmp_path / "none"], "a folder with answers"),
        ([out], "required: answers"),
        ([out, answers, "--hints", "few"], "--hints"),
        ([out, answers, "--layout", "both"], "--layout"),
        ([out, answers, "--out", tmp_path / "no" / "marks.csv"], "No such file"),
    ):
        assert sentence in refused(capsys, "mark", *arguments)


@pytest.mark.parametrize(
    "answers",
    ['{"3.1": "\\ud800 x", "\\ud800": 1}', '{"5.1": ' + "[" * 600 + "]" * 600 + "}"],
)
def test_no_answer_keeps_the_others_from_their_marks(made, tmp_path, capsys, answers):
    out, given = made
    write(tmp_path / "ada.json", answers)
    write(tmp_path / "dee.json", read(given / "dee.json"))
    arguments = ["mark", out, tmp_path, "--feedback", tmp_path / "texts"]
    code, text, _ = ran(capsys, *arguments)
    assert code == 0 and table(text)["ada"]["total"] == "0"
    assert float(table(text)["dee"]["total"]) > 0
    assert (tmp_path / "texts" / "dee.txt").exists()
