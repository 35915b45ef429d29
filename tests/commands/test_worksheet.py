"""worksheet on the command line: where the sheets go, and what is said."""

import pytest
from classes import NET, class_in, write
from terminal import ran

from mlp.worksheets.classroom import seed_of

pytest.importorskip("lark")


def test_the_secret_decides(tmp_path, capsys):
    students = write(tmp_path / "s.csv", "name;ID\nAda;ada\n")
    sheets = []
    for k, secret in enumerate((["--secret", "a"], ["--secret", "a"], [])):
        out = tmp_path / str(k)
        code, said, _ = ran(
            capsys, "worksheet", *NET, "--students", students, "--out", out, *secret
        )
        assert code == 0
        sheets.append((out / "sheets" / "ada.md").read_text(encoding="utf-8"))
    assert sheets[0] == sheets[1] != sheets[2]
    again = said.split("--secret ")[1].split()[0]
    ran(capsys, "worksheet", *NET, "--students", students, "--out", tmp_path / "3",
        "--secret", again)  # fmt: skip
    assert (tmp_path / "3/sheets/ada.md").read_text(encoding="utf-8") == sheets[2]
    assert seed_of("a", "ada") != seed_of("a", "bob")


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path, capsys):
    out, _ = class_in(tmp_path)
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
        code, _, said = ran(capsys, "worksheet", *arguments)
        assert code == 2 and sentence in said and said.count("\n") == 1, said
        assert not new.exists()
