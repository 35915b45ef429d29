"""worksheet on the command line: where the sheets go, and what is said."""

import json

import pytest
from classes import NET, class_in, write
from terminal import ran, refused

from mlp import BCELoss, CrossEntropyLoss
from mlp.commands.worksheet import net_and_loss

pytest.importorskip("lark")


def read(path):
    return path.read_text(encoding="utf-8")


def test_the_secret_decides(tmp_path, capsys):
    students = write(tmp_path / "s.csv", "name;ID\nAda;ada\n")

    def sheet(out, *secret):
        code, said, _ = ran(
            *(capsys, "worksheet", *NET, "--students", students),
            *("--out", tmp_path / out, *secret),
        )
        assert code == 0
        return read(tmp_path / out / "sheets" / "ada.md"), said

    (given, said), (again, _) = (sheet(out, "--secret", "a") for out in "12")
    assert said == f"1 sheets in {tmp_path / '1' / 'sheets'}\n"
    other, said = sheet("3")
    assert given == again != other
    secret = said.split("to make the same ones again: --secret ")[1].split()[0]
    assert sheet("4", "--secret", secret)[0] == other
    assert sheet("5")[0] not in (given, other)


def test_a_sheet_is_of_what_was_asked_for(tmp_path, capsys):
    students = write(tmp_path / "s.csv", "id,name\nada,Ada\n")
    code, _, _ = ran(
        *(capsys, "worksheet", "--net", "2-1s", "--loss", "bce"),
        *("--students", students, "--out", tmp_path / "new", "--layout", "denominator"),
        *("--questions", "numbers, steps"),
    )
    key = json.loads(read(tmp_path / "new" / "keys" / "ada.json"))
    assert code == 0
    assert (key["net"], key["loss"], key["layout"]) == ("2-1s", "bce", "denominator")
    assert sorted(key["questions"]) == ["numbers", "steps"]


def test_without_more_it_is_all_questions_on_the_squared_error(tmp_path, capsys):
    students = write(tmp_path / "s.csv", "id,name\nada,Ada\n")
    arguments = ["--net", "1-1", "--students", students, "--out", tmp_path / "new"]
    assert ran(capsys, "worksheet", *arguments)[0] == 0
    key = json.loads(read(tmp_path / "new" / "keys" / "ada.json"))
    assert (key["loss"], key["layout"]) == ("mse", "numerator")
    assert {"steps", "forward", "gradients", "numbers"} <= {*key["questions"]}


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path, capsys):
    out, _ = class_in(tmp_path)
    students = write(tmp_path / "s.csv", "id,name\na,A\n../x,B\n")
    new = tmp_path / "new"
    cases = [
        ([*NET, "--students", students, "--out", new], "../x"),
        ([*NET, "--students", tmp_path / "no.csv", "--out", new], "No such file"),
        (["--net", "2-2q", "--students", out, "--out", new], ""),
        ([*NET, "--students", students, "--out", new, "--secret", ""], "a secret"),
        ([*NET, "--out", new], "required: --students"),
        ([*NET, "--students", students], "required: --out"),
        (["--students", students, "--out", new], "required: --net"),
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
        assert sentence in refused(capsys, "worksheet", *arguments)
        assert not new.exists()


def test_a_net_and_a_loss_by_their_names():
    """Which a key of a class keeps, too; and a key may be anybody's."""
    net, loss = net_and_loss("3-2r-1s", "bce")
    assert [type(layer).__name__[:3] for layer in net] == ["Lin", "ReL", "Lin", "Sig"]
    assert type(loss) is BCELoss
    assert type(net_and_loss("3-2", "cross-entropy")[1]) is CrossEntropyLoss
    for wrong in ("MSELoss", "", "hinge"):
        with pytest.raises(ValueError, match=f"a loss of mse, .*, got '{wrong}'"):
            net_and_loss("3-2", wrong)
