"""The options and the model of both train and predict.

The options say how to read a table. TableModel is a net with the columns,
scales and classes of its table. mlp.save writes it to a file, so a script
can read it with mlp.load_model.
"""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mlp._shared.arrays import Array
    from mlp.data import Standardizer
    from mlp.data.rows import Spelling
    from mlp.sequential import Sequential

DECIMALS = (".", ",")
MISSING = ("error", "drop", "mean")
_ROWS = 1024  # rows in one call of the net


def add_options(parser: argparse.ArgumentParser, decimal: str, missing: str) -> None:
    """Declare the options for a table; decimal and missing name the defaults."""
    parser.add_argument(
        "--delimiter",
        help="the character between fields; default: comma, semicolon or tab, "
        "whichever fits the first two rows",
    )
    parser.add_argument(
        "--decimal", choices=DECIMALS, help=f"the decimal sign; default: {decimal}"
    )
    parser.add_argument(
        "--missing",
        choices=MISSING,
        help="what to do with a missing value: refuse the table, leave the row out, "
        f"or take the mean of the training rows; default: {missing}",
    )


def delimiter_of(arguments: argparse.Namespace) -> str | None:
    r"""Return the delimiter; \t means a tab."""
    delimiter: str | None = arguments.delimiter
    return "\t" if delimiter == r"\t" else delimiter


def spelling_of(arguments: argparse.Namespace) -> Spelling:
    """Return a function that writes an option as the command line has it."""

    def spelled(name: str, value: str | None = None) -> str:
        if name not in arguments:
            return ""
        said = "…" if value is None else shlex.quote(value.replace("\t", r"\t"))
        return f"--{name} {said}"

    return spelled


class TableModel(NamedTuple):
    """A net, and everything that turns rows of a table into its input."""

    net: Sequential
    target: str
    columns: list[str]  # the features, in the order of the net's inputs
    takes_others: bool  # whether a table may have other columns, too
    classes: list[str] | None  # None in a regression
    x_scaler: Standardizer  # its mean replaces a missing value
    y_scaler: Standardizer | None
    missing: str
    decimal: str

    def scaled(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return rows of a table and their targets, scaled for the net."""
        y_scaler = self.y_scaler
        return self._z(x), y if y_scaler is None else y_scaler.transform(y)

    def _z(self, x: Array) -> Array:
        """Return the net's input; the mean replaces missing values (NaN)."""
        import numpy as np

        means = np.broadcast_to(np.asarray(self.x_scaler.mean), x.shape)
        return self.x_scaler.transform(np.where(np.isnan(x), means, x))

    def predicted(self, x: Array) -> Array:
        """Return the probability of each class, or the target, by row.

        Parameters
        ----------
        x : array of shape (N, columns)
            The features, with NaN where a value is missing.
        """
        from mlp.layers import Softmax

        y = self.net.predict(self._z(x), batch_size=_ROWS)
        if self.y_scaler is None:
            return Softmax().forward(y)
        return self.y_scaler.inverse_transform(y)

    def save(self, path: str) -> None:
        """Write the net and everything else to one file."""
        from mlp.fitting.checkpoint import save

        extras = self._asdict()
        save(path, extras.pop("net"), **extras)


def read_model(path: str) -> TableModel:
    """Return the model in a file that train wrote.

    Raises
    ------
    ValueError
        If the file is not a model, or not a model of a table.
    """
    from mlp.fitting.checkpoint import load_model

    net, extras = load_model(path)
    parts = {"decimal": "."} | extras | {"net": net}  # older files have no decimal
    if parts.keys() == set(TableModel._fields):
        model = TableModel(**parts)
        if _is_whole(model):
            return model
    raise ValueError(
        f"predict: expected {path} to be a model that python -m mlp train wrote, got "
        f"one with the extras {list(extras)}; read it with mlp.load_model"
    )


def _is_whole(model: TableModel) -> bool:
    """Return whether all parts of a model are valid and fit together."""
    import numpy as np

    from mlp.data import Standardizer

    outputs = [model.target] if model.classes is None else model.classes
    scalers = (
        [model.x_scaler] if model.y_scaler is None else [model.x_scaler, model.y_scaler]
    )
    is_whole = (
        isinstance(model.target, str)
        and all(_are_names(names) for names in (model.columns, outputs))
        and all(type(scaler) is Standardizer for scaler in scalers)
        and (model.y_scaler is None) == (model.classes is not None)
        and type(model.takes_others) is bool
        and model.missing in MISSING
        and model.decimal in DECIMALS
    )
    try:
        row = np.full((1, len(model.columns)), np.nan)
        return is_whole and model.predicted(row).shape == (1, len(outputs))
    except (RuntimeError, ValueError):
        return False


def _are_names(names: Any) -> bool:
    """Return whether names is a list of texts that all differ."""
    return (
        type(names) is list
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names)
    )
