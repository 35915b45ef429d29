"""predict: from a model file and a table to predictions."""

import io
import re
import sys

import numpy as np
import pytest
from flowers import NAMES, X, flowers, model_of, predicted, trained, written
from terminal import PYTHON_S, refused

import mlp
from mlp import load_model, save
from mlp.__main__ import main


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


# ------------------------------------------------- a model that was not trained


def lines(at, capsys, text, *options, **parts):
    """Return the lines that predict prints for the text of a table."""
    model_of(**parts).save("model.npz")
    (at / "t.csv").write_text(text)
    return predicted(capsys, "model.npz", "t.csv", *options)


def test_numbers_are_printed_to_their_last_digit(at, capsys):
    text = "a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in X.tolist())
    head, *rows = lines(at, capsys, text)
    assert head == ["t"]
    assert [[float(y)] for (y,) in rows] == model_of().predicted(X).tolist()


def test_a_class_is_the_most_probable_one(at, capsys):
    classes = ["u", "with, comma", "w"]
    text = "a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in X.tolist())
    head, *rows = lines(at, capsys, text, classes=classes)
    assert head == ["t", "t=u", "t=with, comma", "t=w"]
    p = model_of(classes).predicted(X)
    assert [list(map(float, row[1:])) for row in rows] == p.tolist()
    assert [row[0] for row in rows] == [classes[k] for k in p.argmax(axis=1)]
    assert len({row[0] for row in rows}) > 1


def test_rows_come_in_the_order_of_the_table_however_they_are_written(at, capsys):
    """Lines with quotes are read in another way than the blocks of lines above."""
    text = "a,b\n" + "1,2\n" * 70_000 + '"3",4\n5,6\n'
    _, *rows = lines(at, capsys, text)
    x = np.array([*[[1.0, 2.0]] * 70_000, [3.0, 4.0], [5.0, 6.0]])
    assert [[float(y)] for (y,) in rows] == model_of().predicted(x).tolist()


def test_only_a_model_of_chosen_columns_takes_a_table_with_others(at, capsys):
    text, plain = "b,t,c,a\n2,0,x,1\n", "a,b\n1,2\n"
    expected = lines(at, capsys, plain)
    assert lines(at, capsys, text, takes_others=True) == expected
    assert lines(at, capsys, text.replace(",c,", ",t2,"), takes_others=True) == expected
    lines(at, capsys, plain)
    (at / "t.csv").write_text(text)
    sentence = refused(capsys, "predict", "model.npz", "t.csv")
    assert "predict: t.csv, row 1: expected no columns but those" in sentence
    assert "got 'c' too" in sentence


def test_what_is_missing_is_treated_as_in_training_unless_an_option_says_more(
    at, capsys
):
    text = "a,b\n1,2\n,4\nNA,\n"
    _, y, *_ = lines(at, capsys, "a,b\n1,2\n")
    mean = X.mean(axis=0)
    filled = model_of().predicted(np.array([[mean[0], 4], mean])).tolist()
    for options, missing in (((), "mean"), (("--missing", "mean"), "drop")):
        _, *rows = lines(at, capsys, text, *options, missing=missing)
        assert rows[0] == y
        assert [[float(v)] for (v,) in rows[1:]] == [
            [pytest.approx(v, rel=1e-12)] for (v,) in filled
        ]
    assert lines(at, capsys, text, missing="drop") == [["t"], y, [""], [""]]
    empty = ["", "", "", ""]
    *_, one, other = lines(at, capsys, text, classes=["u", "v", "w"], missing="drop")
    assert one == other == empty
    lines(at, capsys, text, missing="drop")
    sentence = refused(capsys, "predict", "model.npz", "t.csv", "--missing", "error")
    assert "row 3, column 'a': expected a value, got none" in sentence
    model_of().save("model.npz")  # whose missing is "error"
    assert "row 3, column 'a'" in refused(capsys, "predict", "model.npz", "t.csv")


def test_a_table_read_with_the_wrong_sign_is_told_both_cures(at, capsys):
    lines(at, capsys, "a,b\n1,2\n")
    (at / "t.csv").write_text("a;b\n1;2\n")
    arguments = "predict", "model.npz", "t.csv", "--delimiter", ","
    sentence = refused(capsys, *arguments)
    assert sentence.endswith("several names, give --delimiter …\n")
    model_of(decimal=",").save("model.npz")
    arguments = "predict", "model.npz", "t.csv", "--delimiter", "|"
    sentence = refused(capsys, *arguments)
    assert sentence.endswith("give --delimiter … or --decimal .\n")
    (at / "t.csv").write_text("a;c\n1;2\n")
    sentence = refused(capsys, "predict", "model.npz", "t.csv")
    assert sentence.endswith("without 'b'; it has 'a', 'c'\n")


@pytest.mark.parametrize("text", ["", "a,b\n"])
def test_a_table_without_rows_has_too_few(text, at, capsys):
    model_of().save("model.npz")
    (at / "t.csv").write_text(text)
    sentence = refused(capsys, "predict", "model.npz", "t.csv")
    assert re.search("expected .* row", sentence)
