"""A class: a sheet for each student, and the marks of what comes back."""

import json

import pytest
from classes import class_in, table, write
from terminal import ran

from mlp.worksheets.classroom import read_students

pytest.importorskip("lark")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a class of five, and their answers' folder."""
    return class_in(tmp_path_factory.mktemp("class"))


def test_each_student_has_a_sheet_a_solution_and_a_key(made):
    out, _ = made
    for folder, suffixes in {
        "sheets": ["html", "md", "tex"],
        "solutions": ["html", "md", "tex"],
        "keys": ["json"],
    }.items():
        found = sorted(path.name for path in (out / folder).iterdir())
        ids = ["ada", "bob", "cy", "dee", "eve"]
        assert found == [f"{i}.{s}" for i in ids for s in suffixes]
    ada, bob = (
        (out / "sheets" / f"{i}.html").read_text(encoding="utf-8")
        for i in ("ada", "bob")
    )
    assert "Ada &amp; Co., ada" in ada and ada != bob.replace("Bób, bob", "Ada, ada")
    seed = json.loads((out / "keys" / "ada.json").read_text(encoding="utf-8"))["seed"]
    for suffix in ("html", "md", "tex"):  # the seed would give the solution away
        sheet = (out / "sheets" / f"ada.{suffix}").read_text(encoding="utf-8")
        assert str(seed) not in sheet and "Sheet version 1" in sheet
    assert r"Ada \& Co." in (out / "sheets" / "ada.tex").read_text(encoding="utf-8")


def test_marks_of_a_class(made, capsys):
    out, answers = made
    code, text, page = ran(capsys, "mark", out, answers)
    rows = table(text)
    assert code == 0 and list(rows) == ["ada", "bob", "cy", "dee", "eve"]
    full = rows["ada"]["maximum"]
    assert rows["ada"]["total"] == full
    assert rows["dee"]["total"] == full  # the other layout has its mark
    assert rows["bob"]["5.5"] == "0" and rows["bob"]["5.6"] == "1"  # carried forward
    assert rows["bob"]["unread"] == "3.1" and rows["bob"]["3.1"] == ""
    assert float(rows["bob"]["total"]) < float(full)
    assert "JSON" in rows["cy"]["note"] and rows["cy"]["total"] == ""
    assert rows["cy"]["name"] == "'=1+1"  # which a spreadsheet would calculate
    assert rows["eve"]["note"] == "no answers"
    assert "3 of 5 sheets marked" in page
    assert "1/K" in page and "transposed" in page
    assert "zoe.json: there is no sheet" in page


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "got an empty file"),
        ("id,name\n", "a row for each student, got none"),
        ("id\nada\n", "the columns id and name, got id"),
        ("number,name\n1,a\n", "the columns id and name, got number, name"),
        ("id,name\n../x,a\n", r"line 2: .* got '../x'"),
        ("id,name\na/b,a\n", "got 'a/b'"),
        ("id,name\na\\b,a\n", "can name a file"),
        ("id,name\nC:x,a\n", "can name a file"),
        ("id,name\n.,a\n", "can name a file"),
        ("id,name\n,a\n", "got ''"),
        ("id,name,ID\na,A,b\n", "one column id and one name"),
        (
            "id,name\na,A\nb,B\nA,C\n",
            "line 4: expected each id once, got 'A' of line 2",
        ),
    ],
)
def test_a_table_of_students_that_cannot_be_used(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_students(write(tmp_path / "students.csv", text))


def test_a_table_of_students_as_spreadsheets_write_it(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text('Name; id;mail\r\n"Ö; B";a.1;x\r\n', encoding="utf-8-sig")
    assert read_students(path) == [("a.1", "Ö; B")]
    path.write_bytes(b"id,name\na,\xff\n")
    with pytest.raises(ValueError, match="UTF-8"):
        read_students(path)


def test_a_bad_key_is_a_note_and_the_rest_is_marked(made, tmp_path, capsys):
    out, answers = made
    keys = tmp_path / "keys"
    keys.mkdir()
    text = (out / "keys" / "ada.json").read_text(encoding="utf-8")
    key = json.loads(text)
    bad = {
        "bad1": "[]", "bad2": "{", "bad3": json.dumps(key | {"version": 99}),
        "bad4": json.dumps(key | {"net": "x"}), "bad5": json.dumps(key | {"seed": 1}),
        "bad6": json.dumps({k: v for k, v in key.items() if k != "seed"}),
    }  # fmt: skip
    for name, content in {"ada": text, **bad}.items():
        write(keys / f"{name}.json", content)
    code, text, page = ran(capsys, "mark", tmp_path, answers)
    rows = table(text)
    assert code == 0 and rows["ada"]["total"] == rows["ada"]["maximum"]
    for name in bad:
        assert "its key cannot be used" in rows[name]["note"]
    assert "version 99" in page
