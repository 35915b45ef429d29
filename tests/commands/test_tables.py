"""What train writes and predict reads: a model of a table, and nothing else."""

import argparse
import re

import numpy as np
import pytest
from flowers import X, Y, model_of

from mlp import (
    Linear,
    Sequential,
    Standardizer,
    load_model,
    save,
)
from mlp.commands.tables import (
    add_options,
    delimiter_of,
    read_model,
    spelling_of,
)

KINDS = {"classes": model_of(["u", "v", "w"]), "numbers": model_of()}


# --------------------------------------------------------------------- options


def options(*argv):
    parser = argparse.ArgumentParser()
    add_options(parser, "comma", "nothing")
    return parser.parse_args(argv)


def test_without_options_nothing_is_decided():
    """What is not given is the model's, or the default of the command."""
    assert vars(options()) == {"delimiter": None, "decimal": None, "missing": None}
    assert delimiter_of(options()) is None


def test_options_are_taken_as_they_are_and_a_tab_may_be_spelled():
    given = options("--delimiter", ";", "--decimal", ",", "--missing", "drop")
    assert (given.decimal, given.missing) == (",", "drop")
    assert delimiter_of(given) == ";"
    assert delimiter_of(options("--delimiter", r"\t")) == "\t"
    assert delimiter_of(options("--delimiter", "\t")) == "\t"


def test_the_help_says_what_the_defaults_are(capsys):
    with pytest.raises(SystemExit):
        options("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "default: comma" in text and "default: nothing" in text


def test_advice_can_be_copied_into_a_terminal():
    spelled = spelling_of(options())
    assert spelled("missing", "mean") == "--missing mean"
    assert spelled("delimiter") == "--delimiter …"
    assert spelled("delimiter", ";") == "--delimiter ';'"
    assert spelled("delimiter", "\t") == r"--delimiter '\t'"
    assert spelled("columns") == ""  # no option of this command


# ---------------------------------------------------------------------- models


def test_a_prediction_is_the_net_of_scaled_rows_in_the_unit_of_the_table():
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    for model in KINDS.values():
        y = z @ model.net[0].weight.data.T + model.net[0].bias.data
        if model.classes:
            e = np.exp(y)
            expected = e / e.sum(axis=1, keepdims=True)
        else:
            expected = y * Y.std() + Y.mean()
        np.testing.assert_allclose(model.predicted(X), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_value_is_the_mean_and_moves_no_other(kind):
    model, holes, filled = KINDS[kind], X.copy(), X.copy()
    holes[3, 1] = holes[5, 0] = np.nan
    filled[3, 1], filled[5, 0] = X.mean(axis=0)[[1, 0]]
    expected = model.predicted(filled)
    np.testing.assert_allclose(model.predicted(holes), expected, rtol=1e-12)
    assert np.isnan(holes[3, 1])  # the table stays as it is


def test_rows_are_scaled_and_so_are_the_targets_of_a_regression():
    x, y = KINDS["numbers"].scaled(X, Y)
    for column in (*x.T, *y.T):
        assert column.mean() == pytest.approx(0, abs=1e-12)
        assert column.std() == pytest.approx(1)
    one_hot = np.eye(3)[[0, 2, 1] * 10]
    x_again, same = KINDS["classes"].scaled(X, one_hot)
    assert np.array_equal(x_again, x) and same is one_hot


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_a_file_predicts_the_same(kind, at):
    model = KINDS[kind]
    model.save("model.npz")
    again = read_model("model.npz")
    assert np.array_equal(again.predicted(X), model.predicted(X))
    for name in ("target", "columns", "takes_others", "classes", "missing", "decimal"):
        assert getattr(again, name) == getattr(model, name)


def test_a_file_of_a_time_without_decimals_has_points(at):
    KINDS["numbers"]._replace(decimal=",").save("model.npz")
    net, extras = load_model("model.npz")
    assert read_model("model.npz").decimal == ","
    del extras["decimal"]
    save("model.npz", net, **extras)
    assert read_model("model.npz").decimal == "."


def test_files_that_are_no_model_of_a_table(at):
    save("net.npz", Sequential(Linear(3, 1)), columns=["a"])
    np.savez("other.npz", a=np.ones(3))
    (at / "t.csv").write_text("a,b\n1,2\n")
    for path, kind, sentence in (
        ("net.npz", ValueError, "train wrote, got one with the extras ['columns']"),
        ("other.npz", ValueError, "expected other.npz to be a model that save wrote"),
        ("t.csv", ValueError, "expected t.csv to be a model that save wrote"),
        ("none.npz", FileNotFoundError, "none.npz"),
        (".", IsADirectoryError, "Is a directory"),
    ):
        with pytest.raises(kind, match=re.escape(sentence)):
            read_model(path)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("classes", {"columns": ["a"]}),  # which the net does not have
        ("classes", {"columns": ["a", "b", "c"]}),
        ("classes", {"columns": ["a", "a"]}),
        ("classes", {"columns": "ab"}),
        ("classes", {"classes": ["u", "v"]}),
        ("classes", {"classes": ["u", "v", "v"]}),
        ("classes", {"classes": None}),
        ("classes", {"target": 5}),
        ("classes", {"x_scaler": 5}),
        ("classes", {"x_scaler": Standardizer()}),
        ("classes", {"x_scaler": Standardizer().fit([[1.0], [2.0]])}),
        ("classes", {"y_scaler": Standardizer().fit([[1.0], [2.0]])}),
        ("classes", {"takes_others": 1}),
        ("classes", {"missing": "guess"}),
        ("classes", {"decimal": ";"}),
        ("classes", {"net": Sequential(Linear(2, 4))}),
        ("classes", {"more": 1}),
        ("numbers", {"y_scaler": None}),
        ("numbers", {"y_scaler": Standardizer()}),
        ("numbers", {"y_scaler": Standardizer().fit([[1.0, 2.0], [2.0, 3.0]])}),
        ("numbers", {"classes": ["u"]}),
        ("numbers", {"target": 5}),
    ],
)
def test_a_model_whose_parts_are_not_of_one_table_is_refused(kind, change, at):
    parts = KINDS[kind]._asdict() | change
    save("forged.npz", parts.pop("net"), **parts)
    with pytest.raises(ValueError, match=r"forged\.npz to be a model that python -m"):
        read_model("forged.npz")
