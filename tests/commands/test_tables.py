"""train and predict: from a table to a model file, and to predictions."""

import csv
import io
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import mlp
from mlp import datasets, load_model, save
from mlp.__main__ import main
from mlp.commands import tables, train

CLASSES = ["high", "low", "middle"]


def written(path, names, rows, delimiter=","):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([names, *rows])
    return str(path)


def flowers(n=120, holes=0, seed=0):
    """Return rows of three features in different units, and a class of text."""
    rng = np.random.default_rng(seed)
    x = rng.normal([1e3, 0.01, 5], [100, 0.001, 1], (n, 3))
    z = (x - [1e3, 0.01, 5]) / [100, 0.001, 1]
    score = z[:, 0] * z[:, 1] + 0.5 * z[:, 2]
    kind = np.select([score > 0.4, score < -0.4], ["high", "low"], "middle")
    rows = [[f"{v:.7g}" for v in row] + [k] for row, k in zip(x, kind, strict=True)]
    for i, j in rng.integers([n, 3], size=(holes, 2)):
        rows[i][j] = ""
    return rows


NAMES = ["weight", "width", "age", "kind"]


@pytest.fixture
def at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(table, *options, target="kind", out="model.npz"):
    argv = ["train", table, "--target", target, "--out", out, "--hidden", "8"]
    assert main([*argv, *options]) == 0
    return out


def predicted(capsys, model, table, *options):
    capsys.readouterr()
    assert main(["predict", model, table, *options]) == 0
    out = capsys.readouterr().out
    return list(csv.reader(io.StringIO(out)))


def refused(capsys, *argv):
    capsys.readouterr()
    try:
        code = main(argv)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "") and err.count("\n") == 1
    return err


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


def test_columns_are_found_by_name_and_others_refused(at, capsys):
    rows = flowers(60)
    table = written(at / "t.csv", NAMES, rows)
    trained(table, "--epochs", "2")
    expected = predicted(capsys, "model.npz", table)
    turned = written(at / "u.csv", NAMES[2::-1], [row[2::-1] for row in rows])
    assert predicted(capsys, "model.npz", turned) == expected
    for names, cut, sentence in (
        (
            ["weight", "age", "kind"],
            [0, 2, 3],
            "without 'width'; it has 'weight', 'age'",
        ),
        ([*NAMES, "more"], [0, 1, 2, 3, 0], "got 'more' too; take them out"),
        (["Weight", "width", "age"], [0, 1, 2], "without 'weight'"),
    ):
        other = written(at / "o.csv", names, [[row[i] for i in cut] for row in rows])
        assert sentence in refused(capsys, "predict", "model.npz", other)
    trained(table, "--epochs", "2", "--columns", "age, weight")
    assert load_model("model.npz")[1]["columns"] == ["age", "weight"]
    assert len(predicted(capsys, "model.npz", table)) == 61


def test_missing_values_are_the_mean_of_the_training_rows(at, capsys):
    rows = flowers(200, holes=40)
    table = written(at / "t.csv", NAMES, rows, delimiter=";")
    refused(capsys, "train", table, "--target", "kind", "--out", "m")
    trained(table, "--epochs", "2", "--missing", "mean")
    net, extras = load_model("model.npz")
    scaler = extras["x_scaler"]
    # The training rows are those that the split takes, as train_test_split has it.
    x = np.array([[float(v or "nan") for v in row[:3]] for row in rows])
    rng = np.random.default_rng(0)
    part, _, index, _ = mlp.train_test_split(x, np.arange(200), test_size=0.2, rng=rng)
    part, *_ = mlp.train_test_split(part, index, test_size=0.2, rng=rng)
    np.testing.assert_allclose(scaler.mean, np.nanmean(part, axis=0), rtol=1e-12)
    z = np.where(np.isnan(x), 0, scaler.transform(np.nan_to_num(x)))
    found = predicted(capsys, "model.npz", table)
    p = np.array([row[1:] for row in found[1:]], float)
    np.testing.assert_allclose(p, mlp.Softmax().forward(net.predict(z)), rtol=1e-9)
    # drop leaves the row's line empty, so that lines stay rows.
    dropped = predicted(capsys, "model.npz", table, "--missing", "drop")
    holes = np.isnan(x).any(axis=1)
    assert [row == [""] * 4 for row in dropped[1:]] == holes.tolist()
    sentence = refused(capsys, "predict", "model.npz", table, "--missing", "error")
    row, column = np.argwhere(np.isnan(x))[0]
    assert f"row {row + 2}, column '{NAMES[column]}': expected a value" in sentence


def test_decimal_commas_and_tabs(at, capsys):
    rows = [[v.replace(".", ",") for v in row] for row in flowers(60)]
    table = written(at / "t.csv", NAMES, rows, delimiter="\t")
    options = "--decimal", ",", "--delimiter", r"\t"
    trained(table, "--epochs", "2", *options)
    assert len(predicted(capsys, "model.npz", table, *options)) == 61
    # The file keeps the sign, which an option goes before.
    expected = predicted(capsys, "model.npz", table)
    pointed = written(at / "u.csv", NAMES, flowers(60))
    assert predicted(capsys, "model.npz", pointed, "--decimal", ".") == expected
    sentence = refused(capsys, "predict", "model.npz", pointed)
    assert "a table without 'weight'" in sentence
    assert sentence.endswith("give --delimiter … or --decimal .\n")
    net, extras = load_model("model.npz")
    assert extras.pop("decimal") == ","
    save("older.npz", net, **extras)  # of a time when it was not kept
    assert predicted(capsys, "older.npz", pointed) == expected
    assert predicted(capsys, "older.npz", table, "--decimal", ",") == expected


PYTHON_S = re.compile(r"\w=['\[]")  # as missing='drop'


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


@pytest.mark.parametrize(
    ("row", "options", "advice"),
    [
        ("1,5;2;3", "", "give --decimal ,; a thousands .* out; make numbers"),
        ("x;2;3", "", "got 'x'; make numbers of texts"),
        (";2;3", "", "fill it, or give --missing mean"),
        ("1;2;\udcff", "", "save the table in UTF-8$"),
        ("1;2;3", "--delimiter |", "several names, give --delimiter …$"),
        ("1;2;3", "--delimiter ;;", "expected delimiter to be one sign"),
        ("1;2;3", "--delimiter=", "expected delimiter to be one sign"),
    ],
)
def test_errors_of_predict_advise_its_own_options(row, options, advice, at, capsys):
    trained(written(at / "t.csv", NAMES, flowers(20)), "--epochs", "1")
    text = f"weight;width;age\n{row}\n"
    (at / "u.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    sentence = refused(capsys, "predict", "model.npz", "u.csv", *options.split())
    assert re.search(advice, sentence) and not PYTHON_S.search(sentence)


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


def test_files_that_are_no_model_of_a_table(at, capsys):
    table = written(at / "t.csv", NAMES, flowers(20))
    save("net.npz", mlp.Sequential(mlp.Linear(3, 1)), columns=NAMES)
    np.savez("other.npz", a=np.ones(3))
    for model, sentence in (
        ("net.npz", "train wrote, got one with the extras ['columns']"),
        ("other.npz", "expected other.npz to be a model that save wrote"),
        ("t.csv", "expected t.csv to be a model that save wrote"),
        ("none.npz", "none.npz: No such file"),
        (".", ".: Is a directory"),
    ):
        assert sentence in refused(capsys, "predict", model, table)


def test_forged_extras_are_refused(at, capsys):
    table = written(at / "t.csv", NAMES, flowers(60))
    trained(table, "--epochs", "1")
    net, extras = load_model("model.npz")
    for change in (
        {"columns": ["weight"]},
        {"columns": "abc"},
        {"classes": ["a"]},
        {"classes": None},
        {"x_scaler": 5},
        {"x_scaler": mlp.Standardizer()},
        {"x_scaler": mlp.Standardizer().fit([[1.0, 2.0]])},
        {"y_scaler": mlp.Standardizer().fit([[1.0], [2.0]])},
        {"missing": "guess"},
        {"decimal": ";"},
        {"columns": ["weight", "weight", "age"]},
    ):
        save("forged.npz", net, **extras | change)
        assert "forged.npz" in refused(capsys, "predict", "forged.npz", table)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "got 0 rows"),
        ("weight,width,age\n", "got 1 row"),
        ("weight,width,age\n1,2,x\n", "row 2, column 'age': expected a finite number"),
        ("weight,width,age\n1,2\n", "expected 3 fields, got 2"),
    ],
)
def test_tables_that_predict_refuses(text, sentence, at, capsys):
    trained(written(at / "t.csv", NAMES, flowers(60)), "--epochs", "1")
    (at / "new.csv").write_text(text)
    assert sentence in refused(capsys, "predict", "model.npz", "new.csv")


def test_a_class_that_standard_output_lacks_is_a_sentence(at, capsys, monkeypatch):
    rows = [[*row[:3], row[3].replace("high", "höch")] for row in flowers(60)]
    table = written(at / "t.csv", NAMES, rows)
    trained(table, "--epochs", "1")
    with monkeypatch.context() as patched:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        patched.setattr(sys, "stdout", stream)
        assert main(["predict", "model.npz", table]) == 2
    assert "the sign 'ö', got one in ascii; set PYTH" in capsys.readouterr().err


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
