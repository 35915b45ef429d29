"""A class: a sheet for each student, and the marks of what comes back."""

import json

import pytest
from classes import class_in, table, write
from terminal import ran

from mlp import Linear, MSELoss, ReLU, Sequential
from mlp.worksheets import worksheet
from mlp.worksheets.classroom import (
    Class,
    Student,
    read_students,
    seed_of,
    write_class,
)

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
    assert page.startswith("3 of 5 sheets marked; 22.3 of 23 marks on average\n")
    told = [line.split() for line in page.splitlines()]
    for line in (
        "5.5 2 of 3 factor 2 (1/K or 1/N lost) 1",
        "5.6 3 of 3",  # one of them carried forward
        "5.10 2 of 3 transposed (other layout) 1",
        "factor 2 (1/K or 1/N lost) 1 1",  # answers, students
        "zoe.json: there is no sheet of this name",
    ):
        assert line.split() in told
    assert page.count("there is no sheet") == 1


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
    assert rows["bad3"]["note"].endswith(": it is of version 99, and this is version 1")
    assert rows["bad5"]["note"].endswith(" is not that of its seed")
    assert rows["bad6"]["note"].endswith(": there is no 'seed' in it")
    assert "version 99" in page


STUDENTS = [Student("ada", "Ada"), Student("bob", "Bob")]


def net(name, loss):
    return Sequential(Linear(2, 2), ReLU(), Linear(2, 1)), MSELoss()


def written(out, made=net):
    """Write a class of two, whose answers are numbers, and return their keys."""
    words = "2-2r-1", "mse", made, "a secret", "numerator", "numbers"
    write_class(STUDENTS, out, *words)
    paths = sorted((out / "keys").iterdir())
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def test_a_key_has_the_seed_and_the_solution_of_a_sheet(tmp_path):
    for student, key in zip(STUDENTS, written(tmp_path), strict=True):
        assert (key["id"], key["name"]) == student
        assert (key["net"], key["loss"], key["layout"]) == (
            "2-2r-1",
            "mse",
            "numerator",
        )
        assert key["questions"] == ["numbers"]
        assert key["seed"] == seed_of("a secret", student.id)
        sheet = worksheet(*net("", ""), questions="numbers", seed=key["seed"])
        marks = sheet.grade(key["solution"])
        assert marks.total == marks.maximum == len(key["solution"])


def test_a_seed_is_one_that_any_reader_of_json_keeps():
    seeds = [seed_of("a secret", str(k)) for k in range(50)]
    assert len({*seeds}) == 50
    assert [int(float(seed)) for seed in seeds] == seeds
    assert seed_of("a secret", "ada") != seed_of("a secre", "tada")


def test_a_class_is_written_whole_or_not_at_all(tmp_path):
    def made(name, loss):
        return Sequential(Linear(2, 2)), None

    out = tmp_path / "class"
    with pytest.raises(TypeError):
        written(out, made)
    assert not out.exists()
    for taken in (tmp_path, write(tmp_path / "file", "")):
        with pytest.raises(ValueError, match="nothing is overwritten"):
            written(taken)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_keys_are_found_in_the_folder_beside_the_sheets_or_where_they_are(tmp_path):
    key, _ = written(tmp_path / "class")
    answers = tmp_path / "answers"
    answers.mkdir()
    write(answers / "ada.json", json.dumps(key["solution"]))
    for folder in ("class", "class/sheets", "class/keys"):
        marked = Class(tmp_path / folder, answers, net, None, "none")
        (ada, marks, note), bob = marked.marked
        assert (ada, note) == (STUDENTS[0], "") and marks.total == marks.maximum
        assert bob == (STUDENTS[1], None, "no answers")
        assert marked.notes == ["bob: no answers"]
    with pytest.raises(ValueError, match="a folder with answers"):
        Class(tmp_path / "class", answers / "ada.json", net, None, "none")
    with pytest.raises(ValueError, match="keys/ID.json in it, got none"):
        Class(tmp_path, answers, net, None, "none")
