"""python -m mlp predict: predictions for new rows.

It prints a line of CSV for each row of the table, in the same order. The
line has the predicted number, or the predicted class and the probability of
each class.
"""

from __future__ import annotations

import argparse
import csv
import sys
from typing import TYPE_CHECKING, Any

from mlp.commands.tables import (
    TableModel,
    add_options,
    delimiter_of,
    read_model,
    spelling_of,
)

if TYPE_CHECKING:
    from mlp._shared.arrays import Array


def add_to(subparsers: Any) -> None:
    """Declare the command and its arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "predict",
        help="predict for the rows of a table, with a model that train wrote",
        description="Print a prediction for each row of a CSV table, as CSV. Columns "
        "are found by name, in any order. The table may have the target's column too.",
    )
    parser.add_argument("model", help="a file that train wrote")
    parser.add_argument("table", help="a CSV file with the names in its first row")
    add_options(
        parser,
        "as in train",
        "as in train; with drop the prediction of such a row is empty",
    )


def run(arguments: argparse.Namespace) -> int:
    """Read the model and the table, and print the predictions."""
    import numpy as np

    model = read_model(arguments.model)
    missing = arguments.missing or model.missing
    x = _features(arguments, model, refuse_holes=missing == "error")
    prediction = model.predicted(x)
    if missing == "drop":
        prediction[np.isnan(x).any(axis=1)] = np.nan
    writer = csv.writer(sys.stdout, lineterminator="\n")
    classes = model.classes
    probabilities = [f"{model.target}={name}" for name in classes or []]
    writer.writerow([model.target, *probabilities])
    for row in prediction.tolist():
        if row[0] != row[0]:
            writer.writerow([""] * (1 + len(probabilities)))
        elif classes is None:
            writer.writerow(row)
        else:
            writer.writerow([classes[row.index(max(row))], *row])
    return 0


def _features(
    arguments: argparse.Namespace, model: TableModel, *, refuse_holes: bool
) -> Array:
    """Return the model's columns, with NaN where a value is missing."""
    import numpy as np

    from mlp.data.rows import Rows, check_delimiter, shown

    path, columns = arguments.table, model.columns
    delimiter, decimal = delimiter_of(arguments), arguments.decimal or model.decimal
    who, spelled = f"predict: {path}", spelling_of(arguments)
    check_delimiter("predict", delimiter, decimal, spelled)
    with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        rows = Rows(who, file, delimiter, decimal, spelled)
        lacking = [name for name in columns if name not in rows.names]
        if lacking:
            cure = ""
            if len(rows.names) == 1:
                cure = f"; if that is several names, give {spelled('delimiter')}"
                cure += f" or {spelled('decimal', '.')}" if decimal == "," else ""
            raise ValueError(
                f"{who}, row 1: expected the columns {shown(*columns)}, got a table "
                f"without {shown(*lacking)}; it has {shown(*rows.names)}{cure}"
            )
        others = [name for name in rows.names if name not in (*columns, model.target)]
        if others and not model.takes_others:
            raise ValueError(
                f"{who}, row 1: expected no columns but those that the model was "
                f"trained on, got {shown(*others)} too; take them out, or choose "
                f"--columns in train"
            )
        places = [rows.names.index(name) for name in columns]
        blocks = [block for _, block, _ in rows.plain(places, holes=len(places))]
        rest = [rows.numbers(row, fields, places) for row, fields in rows.rest()]
    if not blocks and not rest:
        raise rows.too_few(1)
    x = np.concatenate([*blocks, np.array(rest).reshape(-1, len(places))])
    holes = np.argwhere(np.isnan(x))
    if refuse_holes and len(holes):
        row, column = holes[0].tolist()
        raise ValueError(
            f"{who}, row {row + 2}, column {shown(columns[column])}: expected a value, "
            f"got none; fill it, or give {spelled('missing', 'mean')}"
        )
    return x
