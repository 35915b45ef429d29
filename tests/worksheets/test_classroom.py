"""A class: a sheet for each student, and the marks of what comes back."""

import csv
import io
import json

import numpy as np
import pytest

from mlp.__main__ import main
from mlp.worksheets.classroom import read_students, seed_of

pytest.importorskip("lark")

NET = ["--net", "2-2r-2", "--questions", "gradients,numbers"]


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a class of five, and their answers' folder."""
    folder = tmp_path_factory.mktemp("class")
    names = "id,name\nada,Ada & Co.\nbob,Bób\ncy,=1+1\ndee,D\neve,E\n"
    students = write(folder / "students.csv", names)
    out = folder / "sheets"
    arguments = ["worksheet", *NET, "--students", students, "--out", out]
    assert main([str(a) for a in [*arguments, "--secret", "s"]]) == 0
    answers = folder / "answers"
    answers.mkdir()
    for key in (out / "keys").iterdir():
        solution = json.loads(key.read_text(encoding="utf-8"))["solution"]
        if key.stem == "bob":  # loses the 1/K, and goes on rightly from it
            for name in ("5.5", "5.6", "5.7", "5.8", "5.9", "5.10", "5.11"):
                solution[name] = (2 * np.array(solution[name])).tolist()
            solution["3.1"] = "x (("
        if key.stem == "dee":
            solution["5.10"] = np.array(solution["5.10"]).T.tolist()
        text = "{" if key.stem == "cy" else json.dumps(solution)
        if key.stem != "eve":
            write(answers / key.name, text)
    write(answers / "zoe.json", "{}")
    return out, answers


def table(text):
    return {row["id"]: row for row in csv.DictReader(io.StringIO(text))}


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


def test_marks_of_a_class(made, capsys, tmp_path):
    out, answers = made
    code, text, page = run(capsys, "mark", out, answers)
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

    one, folder = tmp_path / "marks.csv", tmp_path / "told"
    code, text, page = run(
        capsys, "mark", out / "sheets", answers, "--out", one, "--layout", "numerator",
        "--feedback", folder, "--hints", "all",
    )  # fmt: skip
    assert code == 0 and "3 of 5 sheets marked" in text and page == ""
    rows = table(one.read_text(encoding="utf-8"))
    assert rows["dee"]["5.10"] == "0"
    told = (folder / "bob.txt").read_text(encoding="utf-8")
    assert "lost" in told and "right, given your 5.5" in told and "^" in told


def test_the_secret_decides(tmp_path, capsys):
    students = write(tmp_path / "s.csv", "name;ID\nAda;ada\n")
    sheets = []
    for k, secret in enumerate((["--secret", "a"], ["--secret", "a"], [])):
        out = tmp_path / str(k)
        code, said, _ = run(
            capsys, "worksheet", *NET, "--students", students, "--out", out, *secret
        )
        assert code == 0
        sheets.append((out / "sheets" / "ada.md").read_text(encoding="utf-8"))
    assert sheets[0] == sheets[1] != sheets[2]
    again = said.split("--secret ")[1].split()[0]
    run(capsys, "worksheet", *NET, "--students", students, "--out", tmp_path / "3",
        "--secret", again)  # fmt: skip
    assert (tmp_path / "3/sheets/ada.md").read_text(encoding="utf-8") == sheets[2]
    assert seed_of("a", "ada") != seed_of("a", "bob")


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


def test_nothing_is_overwritten_and_nothing_half_written(made, tmp_path, capsys):
    out, _ = made
    students = write(tmp_path / "s.csv", "id,name\na,A\n../x,B\n")
    new = tmp_path / "new"
    cases = [
        ([*NET, "--students", students, "--out", new], "../x"),
        ([*NET, "--students", tmp_path / "no.csv", "--out", new], "No such file"),
        (["--net", "2-2q", "--students", out, "--out", new], ""),
        ([*NET, "--students", students, "--out", new, "--secret", ""], "a secret"),
    ]
    write(tmp_path / "good.csv", "id,name\na,A\n")
    good = ["--students", tmp_path / "good.csv"]
    cases += [
        ([*NET, *good, "--out", out], "nothing is overwritten"),
        (
            ["--net", "2-2", "--questions", "all of it", *good, "--out", new],
            "all of it",
        ),
        (["--net", "2-1m", *good, "--out", new], "degenerate"),
        (["--net", "2q-1", *good, "--out", new], "2q"),
    ]
    for arguments, sentence in cases:
        code, _, said = run(capsys, "worksheet", *arguments)
        assert code == 2 and sentence in said and said.count("\n") == 1, said
        assert not new.exists()


def test_marking_what_is_no_class(made, tmp_path, capsys):
    out, answers = made
    for arguments, sentence in (
        ([tmp_path, answers], "expected keys/ID.json"),
        ([out, tmp_path / "none"], "a folder with answers"),
    ):
        code, _, said = run(capsys, "mark", *arguments)
        assert code == 2 and sentence in said


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
    code, text, page = run(capsys, "mark", tmp_path, answers)
    rows = table(text)
    assert code == 0 and rows["ada"]["total"] == rows["ada"]["maximum"]
    for name in bad:
        assert "its key cannot be used" in rows[name]["note"]
    assert "version 99" in page


@pytest.mark.parametrize(
    "answers",
    ['{"3.1": "\\ud800 x", "\\ud800": 1}', '{"5.1": ' + "[" * 600 + "]" * 600 + "}"],
)
def test_no_answer_keeps_the_others_from_their_marks(made, tmp_path, capsys, answers):
    out, given = made
    write(tmp_path / "ada.json", answers)
    write(tmp_path / "dee.json", (given / "dee.json").read_text("utf-8"))
    arguments = ["mark", out, tmp_path, "--feedback", tmp_path / "texts"]
    code, text, _ = run(capsys, *arguments)
    assert code == 0 and table(text)["ada"]["total"] == "0"
    assert float(table(text)["dee"]["total"]) > 0
    assert (tmp_path / "texts" / "dee.txt").exists()
