"""What train writes and predict reads: a model of a table, and nothing else."""

import numpy as np
from flowers import NAMES, flowers, trained, written
from terminal import refused

import mlp
from mlp import load_model, save


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
