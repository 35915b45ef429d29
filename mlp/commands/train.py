"""python -m mlp train: train a net on a table.

If the target is text, its values are classes, and the loss is the
cross-entropy. If the target is a number, the loss is the squared error of
the scaled target. The rows are split into three parts: one to train on, one
for early stopping, and one for a test at the end. A baseline is tested on
the same rows. Read tables.py next.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlp.commands.tables import TableModel, add_options, delimiter_of, spelling_of

if TYPE_CHECKING:
    import numpy as np

    from mlp._shared.arrays import Array
    from mlp.data import Dataset
    from mlp.fitting.history import History
    from mlp.sequential import Sequential

_FEWEST_ROWS = 10
_TO_STOP_BY = 0.2  # the share of the other rows for early stopping
_PATIENCE = 30
_TOO_MANY = 10**6
_FEW_VALUES = 10  # with so few values, numbers may be classes


def add_to(subparsers: Any) -> None:
    """Declare the command and its arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "train",
        help="train a net on a table, and write it to a file",
        description="Train a net on a CSV table, and compare it with a linear baseline "
        "on rows that were not used for training. Write the net, with its scales, "
        "classes and columns, to a file for the command predict.",
    )
    parser.add_argument("table", help="a CSV file with the names in its first row")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument(
        "--out", required=True, help="the file to write, for example model.npz"
    )
    parser.add_argument(
        "--hidden",
        type=_sizes,
        default=[32, 32],
        help="sizes of the hidden layers, each with a ReLU; default: 32,32",
    )
    parser.add_argument(
        "--columns", type=_names, help="the features, as a,b,c; default: all others"
    )
    parser.add_argument(
        "--classes",
        type=_names,
        help="the classes of the target, as a,b,c; needed if they are numbers",
    )
    add_options(parser, ".", "error")
    parser.add_argument("--epochs", type=_count, default=200, help="default: 200")
    parser.add_argument("--lr", type=_positive, default=0.003, help="default: 0.003")
    parser.add_argument("--batch-size", type=_count, default=32, help="default: 32")
    parser.add_argument(
        "--test-share",
        type=_share,
        default=0.2,
        help="the share of rows for the test at the end; default: 0.2",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")


def run(arguments: argparse.Namespace) -> int:
    """Read the table, split it, train, compare, and write the model."""
    import numpy as np

    from mlp._shared.numbers import generator
    from mlp._shared.printing import printable
    from mlp.data import Standardizer, tables, train_test_split
    from mlp.fitting.arguments import place_for_a_file

    table, out = arguments.table, arguments.out
    if os.path.exists(out) and os.path.exists(table) and os.path.samefile(table, out):
        raise ValueError(f"train: expected --out to be another file than {table}")
    place_for_a_file("train", "--out", out)
    missing, decimal = arguments.missing or "error", arguments.decimal or "."
    rng = generator("train", arguments.seed)
    how = tables.how_of(
        "train", arguments.target, arguments.columns, missing, arguments.classes
    )
    data = tables.read(
        "train",
        table,
        how,
        delimiter_of(arguments),
        decimal,
        spelled=spelling_of(arguments),
    )
    _check_rows(table, data, arguments.test_share)
    x = data.x if data.filled is None else np.where(data.filled, np.nan, data.x)
    x, x_test, y, y_test = train_test_split(
        x, data.y, test_size=arguments.test_share, rng=rng
    )
    x, x_stop, y, y_stop = train_test_split(x, y, test_size=_TO_STOP_BY, rng=rng)
    sizes = [x.shape[1], *arguments.hidden, y.shape[1]]
    x_scaler = Standardizer().fit(_filled(x, data))
    x_scaler.feature_names_in_ = data.feature_names  # checks DataFrames in a script
    model = TableModel(
        net=_net(sizes, rng),
        target=arguments.target,
        columns=list(data.feature_names),
        takes_others=arguments.columns is not None,
        classes=data.classes,
        x_scaler=x_scaler,
        y_scaler=None if data.classes else Standardizer().fit(y),
        missing=missing,
        decimal=decimal,
    )
    history = _fit(model, (x, y), (x_stop, y_stop), arguments, rng, progress=True)
    line = model._replace(net=_net([sizes[0], sizes[-1]], rng))
    if data.classes:
        _fit(line, (x, y), (x_stop, y_stop), arguments, rng, progress=False)
    else:
        _least_squares(line, x, y)
    model.save(out)
    rows = f"{len(x)} to train on, {len(x_stop)} to stop by, {len(x_test)} held out"
    what = "regression" if data.classes is None else ", ".join(data.classes)
    score = _score(model, x_test, y_test), _score(line, x_test, y_test)
    print(printable(_report(arguments, what, sizes, rows, history, score)))
    return 0


def _check_rows(table: str, data: Dataset, share: float) -> None:
    """Raise unless there are rows for each part, and the target varies."""
    n = len(data.x)
    if n < _FEWEST_ROWS or n * share < 1:
        raise ValueError(
            f"train: expected {table} to have at least {_FEWEST_ROWS} rows, and one to "
            f"hold out, got {n} of which {share:g} are held out"
        )
    if data.classes is not None:
        return
    values = sorted(set(data.y.ravel().tolist()))
    if len(values) == 1:
        raise ValueError(
            f"train: expected a target that varies, got {values[0]:g} in each row"
        )
    if len(values) <= _FEW_VALUES and all(value.is_integer() for value in values):
        names = ",".join(f"{value:g}" for value in values)
        print(
            f"if the target's {names} are classes: --classes {names}", file=sys.stderr
        )


def _filled(x: Array, data: Dataset) -> Array:
    """Return x with the mean of the column in place of each missing value."""
    import numpy as np

    holes = np.isnan(x)
    counts = len(x) - holes.sum(axis=0)
    if (counts == 0).any():
        name = data.feature_names[int(np.argmin(counts))]
        raise ValueError(
            f"train: expected values in column {name!r}, got none in the rows to train "
            f"on; leave it out, with --columns"
        )
    means = np.where(holes, 0, x).sum(axis=0) / counts
    return np.where(holes, means, x)


def _net(sizes: list[int], rng: np.random.Generator) -> Sequential:
    """Return a net of these sizes, with a ReLU between its Linear layers."""
    from mlp.layers import Linear, ReLU
    from mlp.sequential import Sequential

    layers: list[Linear | ReLU] = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        layers += [Linear(n, m, rng=rng), ReLU()]
    return Sequential(*layers[:-1])


def _fit(
    model: TableModel,
    rows: tuple[Array, Array],
    validation: tuple[Array, Array],
    arguments: argparse.Namespace,
    rng: np.random.Generator,
    *,
    progress: bool,
) -> History:
    """Train the net of a model, with early stopping on the validation rows."""
    from mlp.fitting.fit import fit
    from mlp.losses import CrossEntropyLoss, MSELoss
    from mlp.optim import Adam

    return fit(
        model.net,
        CrossEntropyLoss() if model.classes else MSELoss(),
        Adam(model.net.parameters(), lr=arguments.lr),
        *model.scaled(*rows),
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        rng=rng,
        validation=model.scaled(*validation),
        patience=_PATIENCE,
        progress=progress,
    )


def _least_squares(model: TableModel, x: Array, y: Array) -> None:
    """Set the only layer of a net to the solution of min ‖z Wᵀ + b − y‖²."""
    import numpy as np

    z, t = model.scaled(x, y)
    solution = np.linalg.lstsq(np.hstack([z, np.ones((len(z), 1))]), t)[0]
    weight, bias = model.net.parameters()
    weight.data[...], bias.data[...] = solution[:-1].T, solution[-1]


def _score(model: TableModel, x: Array, y: Array) -> dict[str, str]:
    """Return the scores of a model on rows that it was not trained on."""
    import numpy as np

    from mlp import metrics

    prediction = model.predicted(x)
    if model.classes:
        return {"accuracy": f"{metrics.accuracy(prediction, y):.3f}"}
    error = np.sqrt(np.mean((prediction - y) ** 2))
    scores = {"root mean squared error": f"{error:.4g}"}
    if len(y) > 1:
        scores["R²"] = f"{metrics.r2(prediction, y):.3f}"
    return scores


def _report(
    arguments: argparse.Namespace,
    what: str,
    sizes: list[int],
    rows: str,
    history: History,
    scores: tuple[dict[str, str], dict[str, str]],
) -> str:
    """Return the report: what was trained, and the scores."""
    from mlp._shared.printing import text_table

    net, line = scores
    baseline = "logistic regression" if "accuracy" in net else "least squares"
    notation = "r-".join(map(str, sizes)).replace("r-", "-", 1)
    best = 1 + (history.best_epoch or 0)
    return "\n".join(
        [
            f"target  {arguments.target}: {what}",
            f"rows    {rows}",
            f"net     {notation}, {len(history.loss)} epochs, best after {best}",
            "",
            text_table(
                ["held out", "this net", baseline],
                [[name, net[name], line[name]] for name in net],
            ),
            "",
            f"written to {arguments.out}",
        ]
    )


def _sizes(text: str) -> list[int]:
    """Return the sizes in a text such as 32,32."""
    return [_count(size) for size in text.split(",")]


def _names(text: str) -> list[str]:
    """Return the names in a text such as a,b,c."""
    return [name.strip() for name in text.split(",")]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) < _TOO_MANY):
        raise argparse.ArgumentTypeError(
            f"expected a number from 1 to {_TOO_MANY - 1}, got {text!r:.40}"
        )
    return int(text)


def _positive(text: str) -> float:
    return _between(text, math.inf)


def _share(text: str) -> float:
    return _between(text, 1)


def _between(text: str, below: float) -> float:
    """Return a number between 0 and an upper limit."""
    with suppress(ValueError):
        if 0 < (number := float(text)) < below:
            return number
    raise argparse.ArgumentTypeError(
        f"expected a number above 0{f' and below {below:g}' * (below < math.inf)}, got "
        f"{text!r:.40}"
    )
