"""train: from a table to a model file, and how good it is."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from flowers import CLASSES, NAMES, flowers, predicted, trained, written
from terminal import PYTHON_S, refused

import mlp
from mlp import Adam, CrossEntropyLoss, MSELoss, datasets, fit, load_model
from mlp.__main__ import main
from mlp.commands import tables, train


def test_a_table_with_classes_becomes_a_model(at, capsys):
    table = written(at / "t.csv", NAMES, flowers(400))
    trained(table, "--lr", "0.02", "--epochs", "100")
    out, err = capsys.readouterr()
    assert "target  kind: high, low, middle\n" in out
    assert "rows    256 to train on, 64 to stop by, 80 held out\n" in out
    assert "net     3-8r-3, " in out and "written to model.npz" in out
    accuracy = next(line for line in out.splitlines() if line.startswith("accuracy"))
    ours, linear = map(float, accuracy.split()[1:])
    assert ours > 0.8 > linear  # as the classes are no half-spaces
    assert err.startswith("epoch  10/100   loss ")
    rows = predicted(capsys, "model.npz", table)
    assert rows[0] == ["kind", *(f"kind={name}" for name in CLASSES)]
    p = np.array([row[1:] for row in rows[1:]], float)
    assert [row[0] for row in rows[1:]] == [CLASSES[k] for k in p.argmax(axis=1)]
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    given = [row[-1] for row in flowers(400)]
    assert mlp.metrics.accuracy(p, mlp.one_hot(given, CLASSES)) > 0.8
    # The file is what the library reads, and says the same.
    net, extras = load_model("model.npz")
    x = np.array([row[:3] for row in flowers(400)], float)
    z = net.predict(extras["x_scaler"].transform(x))
    np.testing.assert_allclose(mlp.Softmax().forward(z), p, rtol=1e-12)
    assert extras["columns"] == NAMES[:3] and extras["classes"] == CLASSES
    assert extras["x_scaler"].feature_names_in_ == tuple(NAMES[:3])


def test_a_regression_beats_least_squares_and_is_in_the_target_s_unit(at, capsys):
    cars = datasets.load_auto_mpg()
    names = [*cars.feature_names, "mpg"]
    table = written(at / "t.csv", names, np.hstack([cars.x, cars.y]).tolist())
    trained(table, "--lr", "0.01", target="mpg")
    out = capsys.readouterr().out
    r2 = next(line for line in out.splitlines() if line.startswith("R²"))
    ours, linear = map(float, r2.split()[1:])
    assert ours > linear > 0.7
    rows = predicted(capsys, "model.npz", table)
    assert rows[0] == ["mpg"]
    prediction = np.array(rows[1:], float)
    assert mlp.metrics.r2(prediction, cars.y) > 0.85


def test_the_baseline_is_least_squares():
    rng = np.random.default_rng(0)
    x, y = rng.normal(3, 5, (50, 2)), rng.normal(7, 2, (50, 1))
    scalers = {
        "x_scaler": mlp.Standardizer().fit(x),
        "y_scaler": mlp.Standardizer().fit(y),
    }
    net = mlp.Sequential(mlp.Linear(2, 1))
    model = tables.TableModel(
        net, "y", ["a", "b"], False, None, **scalers, missing="", decimal="."
    )
    train._least_squares(model, x, y)
    a = np.hstack([x, np.ones((50, 1))])
    expected = a @ np.linalg.solve(a.T @ a, a.T @ y)
    np.testing.assert_allclose(model.predicted(x), expected, rtol=1e-9)


def test_the_same_seed_gives_the_same_file(at):
    table = written(at / "t.csv", NAMES, flowers())
    options = "--epochs", "3"
    for i, seed in enumerate("001"):
        trained(table, *options, "--seed", seed, out=f"{i}")
    first, again, other = ((at / name).read_bytes() for name in "012")
    assert first == again != other


@pytest.mark.parametrize(
    ("text", "options", "advice"),
    [
        ("a;t\n1;2\n;3\n", "", "--missing drop leaves .*, --missing mean takes"),
        ("a;t\n1;x\n2;\n", "", "--missing drop leaves .* them all, --classes …"),
        ("a;t\n;2\n", "--missing drop", "choose --columns … .*, or --missing mean"),
        ("a;t\n;2\n;3\n", "--missing mean", "leave the column out by --columns …"),
        ("a;t\n1;x\n1;x\n", "", "name the others too, --classes …"),
        ("a;t\n1;1\n1;x\n", "", "name them all, --classes …"),
        ("a;t\n1,5;2\n", "", "give --decimal ,; a thousands .*, --columns …, or make"),
        ("a, b;t\n1,5;2\n", "", "give --delimiter ,, say"),
        ("a\tb;t\n1\t5;2\n", "", r"give --delimiter ';', say"),
        ("a;t\n1;2\n", "--delimiter ..", "got '..' with --decimal ."),
        ("a;t\n1;2\n", "--delimiter=", "got '' with --decimal ."),
        ("a;t\n1;2\n", "--columns a,a", "columns to be a list of names, each once"),
        ("a;t\n1;2\n\udcff;3\n", "", "save the table in UTF-8$"),
    ],
)
def test_errors_of_train_advise_its_own_options(text, options, advice, at, capsys):
    (at / "t.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    argv = "train", "t.csv", "--target", "t", "--out", "m.npz", *options.split()
    sentence = refused(capsys, *argv)
    assert re.search(advice, sentence) and not PYTHON_S.search(sentence)
    assert "read_csv" not in sentence


def test_numbers_may_be_classes(at, capsys):
    rows = [[*row[:3], int(row[3] == "high")] for row in flowers(60)]
    table = written(at / "t.csv", NAMES, rows)
    trained(table, "--epochs", "2")
    out, err = capsys.readouterr()
    hint = "if the target's 0,1 are classes: --classes 0,1\n"
    assert "kind: regression\n" in out and err.startswith(hint)
    trained(table, "--epochs", "2", "--classes", "0,1")
    out, err = capsys.readouterr()
    assert "kind: 0, 1\n" in out and hint not in err
    assert predicted(capsys, "model.npz", table)[0] == ["kind", "kind=0", "kind=1"]


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        (range(10), "if the target's 0,1,2,3,4,5,6,7,8,9 are classes: --classes 0,1,"),
        (range(11), None),  # too many for classes that somebody has numbered
        ([1, 2.5, 4], None),
        ([-1, 1], "--classes -1,1"),
    ],
)
def test_few_whole_numbers_may_be_meant_as_classes(values, hint, at, capsys):
    rows = zip(range(22), [*values] * 11, strict=False)
    table = written(at / "t.csv", ["a", "kind"], rows)
    trained(table, "--epochs", "1")
    err = capsys.readouterr().err
    assert hint in err if hint else "classes" not in err


@pytest.mark.parametrize(
    ("target", "loss", "baseline"),
    [
        ("kind", CrossEntropyLoss, "logistic regression"),
        ("age", MSELoss, "least squares"),
    ],
)
def test_a_target_has_its_loss_and_a_baseline(
    target, loss, baseline, at, capsys, monkeypatch
):
    """Logistic regression is trained as the net is; least squares is solved."""
    calls = []

    def spy(model, criterion, optimizer, *data, **given):
        calls.append((model, criterion, optimizer, given))
        return fit(model, criterion, optimizer, *data, **given)

    monkeypatch.setattr("mlp.fitting.fit.fit", spy)
    table = written(at / "t.csv", NAMES, flowers(60))
    options = ["--epochs", "2", "--lr", "0.07", "--batch-size", "9", "--hidden", "4,5"]
    trained(table, *options, "--columns", "weight,width", target=target)
    nets = [[2, 4, 5, 3], [2, 3]] if target == "kind" else [[2, 4, 5, 1]]
    assert baseline in capsys.readouterr().out
    for sizes, call in zip(nets, calls, strict=True):
        model, criterion, optimizer, given = call
        assert [w.data.shape[1] for w in model.parameters()[::2]] == sizes[:-1]
        assert [b.data.size for b in model.parameters()[1::2]] == sizes[1:]
        assert (type(criterion), type(optimizer), optimizer.lr) == (loss, Adam, 0.07)
        assert (given["epochs"], given["batch_size"], given["patience"]) == (2, 9, 30)
        assert given["progress"] == (sizes == nets[0])


def test_a_constant_column_does_no_harm(at, capsys):
    rows = [["7", *row[1:]] for row in flowers(60)]
    table = written(at / "t.csv", NAMES, rows)
    trained(table, "--epochs", "2")
    assert len(predicted(capsys, "model.npz", table)) == 61


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--hidden", "0"], "--hidden: expected a number from 1 to 999999, got '0'"),
        (["--hidden", "a,b"], "got 'a'"),
        (["--hidden", "8,"], "got ''"),
        (["--hidden", "9" * 50], "expected a number from 1"),
        (["--hidden", "-3"], "--hidden"),
        (["--epochs", "0"], "--epochs"),
        (["--epochs", "1.5"], "--epochs"),
        (["--epochs", "٣"], "--epochs: expected a number from 1 to 999999, got '٣'"),
        (["--batch-size", "x"], "--batch-size"),
        (["--lr", "0"], "--lr: expected a number above 0, got '0'"),
        (["--lr", "nan"], "--lr"),
        (["--lr", "inf"], "--lr"),
        (["--test-share", "1"], "--test-share: expected a number above 0 and below 1"),
        (["--test-share", "0.001"], "one to hold out, got 60"),
        (["--seed", "-1"], "seed of at least 0"),
        (["--seed", "a"], "--seed"),
        (["--missing", "guess"], "--missing: invalid choice"),
        (["--decimal", ";"], "--decimal: invalid choice"),
        (["--delimiter", ";"], "t.csv"),
        (["--target", "sort"], "expected a column 'sort' as the target"),
        (["--target", "age", "--columns", "weight,kind"], "column 'kind'"),
        (["--columns", "weight,wide"], "'wide'"),
        (["--columns", ""], "''"),
        (["--out", "t.csv"], "expected --out to be another file than t.csv"),
        (["--out", "."], "expected --out to be a file, got a folder"),
        (["--out", "no/such/m.npz"], "no/such"),
        (["--out", ""], "expected --out to name a file"),
        (["--classes", "high,low"], "middle"),
        (["--lr", "1e300"], "finite"),
    ],
    ids=" ".join,
)
def test_what_train_refuses(options, sentence, at, capsys):
    written(at / "t.csv", NAMES, flowers(60))
    argv = ["train", "t.csv", "--target", "kind", "--out", "m.npz", "--epochs", "2"]
    assert sentence in refused(capsys, *argv, *options)
    assert os.listdir(at) == ["t.csv"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "got 0 rows"),
        ("a,kind\n", "got 1 row"),
        ("a,kind\n1,x\n" * 5, ""),
        ("a,kind\n" + "1,x\n2,y\n" * 4, "at least 10 rows, and one to hold out, got 8"),
        ("a,kind\n" + "1,x\n2,x\n" * 9, "class"),
        ("a,kind\n" + "1,3\n2,3\n" * 9, "a target that varies, got 3 in each row"),
        ("kind\n" + "1\n2\n" * 9, "from, got no other"),
        (
            "a,kind\n" + "u,x\nv,y\n" * 9,
            "column 'a': expected a finite number, got 'u'",
        ),
        ("a,kind\n" + ",x\n2,y\n" * 9, "column 'a'"),
    ],
)
def test_tables_that_train_refuses(text, sentence, at, capsys):
    (at / "t.csv").write_text(text)
    argv = "train", "t.csv", "--target", "kind", "--out", "m.npz"
    assert sentence in refused(capsys, *argv)
    assert "missing.csv" in refused(capsys, *argv[:1], "missing.csv", *argv[2:])
    assert "." in refused(capsys, *argv[:1], ".", *argv[2:])
    assert os.listdir(at) == ["t.csv"]


def test_a_column_without_values_in_the_training_rows(at, capsys):
    rows = [["", *row[1:]] for row in flowers(60)]
    rows[0][0] = "1"  # which is held out, by seed 0 or 1
    table = written(at / "t.csv", NAMES, rows)
    argv = "train", table, "--target", "kind", "--out", "m.npz", "--missing", "mean"
    sentences = []
    for seed in "0123456789":
        if main([*argv, "--epochs", "1", "--seed", seed]) == 2:
            sentences.append(capsys.readouterr().err)
    assert sentences and all(
        "values in column 'weight', got none" in s for s in sentences
    )


def test_ctrl_c_writes_no_model(at, capsys, monkeypatch):
    table = written(at / "t.csv", NAMES, flowers(60))

    def interrupted(*args, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlp.fitting.fit.fit", interrupted)
    assert main(["train", table, "--target", "kind", "--out", "m.npz"]) == 130
    assert os.listdir(at) == ["t.csv"]


def test_the_guide_shows_what_its_commands_print(at, capsys):
    guide = Path(mlp.__file__).parent.parent / "docs" / "guide.md"
    text = guide.read_text(encoding="utf-8").partition("**From a terminal**")[2]
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", text.partition("**Read, ")[0], re.M)
    commands, shown = (textwrap.dedent(b).strip() for b in blocks if b.strip())
    cars = datasets.load_auto_mpg()
    names, rows = [*cars.feature_names, "mpg"], np.hstack([cars.x, cars.y])
    written(at / "cars.csv", names, rows.tolist())
    train, predict = (c.split()[3:] for c in commands.splitlines())
    assert main(train) == 0
    number = re.compile(r"\d+(?:\.\d+)?")
    lines = capsys.readouterr().out.splitlines()
    for got, line in zip(lines, shown.splitlines(), strict=True):
        assert number.sub("#", got).split() == number.sub("#", line).split()
        figures = list(map(float, number.findall(line)))
        tolerance = 0 if line.startswith("rows") else 0.1
        if not line.startswith("net"):  # the number of epochs is another machine's
            found = list(map(float, number.findall(got)))
            assert found == pytest.approx(figures, rel=tolerance)
    assert main(predict) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(rows)


def test_in_processes_of_their_own(at):
    table = written(at / "t.csv", NAMES, flowers(2000))
    run = [sys.executable, "-m", "mlp"]
    argv = ["train", table, "--target", "kind", "--out", "m.npz", "--epochs", "1"]
    done = subprocess.run([*run, *argv], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("written to m.npz\n")
    assert done.stderr.startswith("epoch 1/1   loss")
    with subprocess.Popen(
        [*run, "predict", "m.npz", table],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("kind,kind=high")
        process.stdout.close()  # as head does
        assert process.stderr.read() == ""
    assert process.returncode == 141
