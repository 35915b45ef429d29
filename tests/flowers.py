"""A table of flowers with a class of text, models of it, and a model without one."""

import csv
import io

import numpy as np

from mlp import Linear, Sequential, Standardizer
from mlp.__main__ import main
from mlp.commands.tables import TableModel

CLASSES = ["high", "low", "middle"]
NAMES = ["weight", "width", "age", "kind"]


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


def trained(table, *options, target="kind", out="model.npz"):
    argv = ["train", table, "--target", target, "--out", out, "--hidden", "8"]
    assert main([*argv, *options]) == 0
    return out


def predicted(capsys, model, table, *options):
    capsys.readouterr()
    assert main(["predict", model, table, *options]) == 0
    out = capsys.readouterr().out
    return list(csv.reader(io.StringIO(out)))


RNG = np.random.default_rng(0)
X, Y = RNG.normal([7, -5], [3, 0.1], (30, 2)), RNG.normal(90, 20, (30, 1))


def model_of(classes=None, **parts):
    """Return a model of the columns a and b: of three classes, or of numbers."""
    given = {
        "net": Sequential(Linear(2, len(classes or [0]), rng=0)),
        "target": "t",
        "columns": ["a", "b"],
        "takes_others": False,
        "classes": classes,
        "x_scaler": Standardizer().fit(X),
        "y_scaler": None if classes else Standardizer().fit(Y),
        "missing": "error",
        "decimal": ".",
    }
    return TableModel(**given | parts)
