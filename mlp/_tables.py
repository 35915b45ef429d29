"""Tables in files: text in, numbers out, and an error that names the place.

Reading is the csv module's; what is here says what is wrong with a table in
the words of the person who has it open in a spreadsheet: file, row, column.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from mlp._checks import Array


class Table(NamedTuple):
    """The fields of a file as text; who is reading which file, for errors."""

    who: str
    names: list[str]
    rows: list[tuple[int, list[str]]]
    """Each row with its number in the file, where the names are row 1."""

    def column(self, name: str) -> Array:
        """Return one column as numbers, shape (N,), all of them finite."""
        j = self.names.index(name)
        values = np.empty(len(self.rows))
        for i, (row, fields) in enumerate(self.rows):
            try:
                values[i] = float(fields[j].replace("_", "?"))  # float("1_0") is 10
            except ValueError:
                values[i] = math.nan
            if not math.isfinite(values[i]):
                raise ValueError(
                    f"{self.who}, row {row}, column {name!r}: expected a finite "
                    f"number, got {fields[j]!r}; fill it, write a text as numbers, "
                    f"or drop the row"
                )
        return values

    def features_and_target(self, target: str) -> tuple[Array, Array, tuple[str, ...]]:
        """Return x, y and the names of x's columns; y is (N, 1)."""
        if target not in self.names:
            raise ValueError(
                f"{self.who}, row 1: expected a column {target!r} as the target, got "
                f"{', '.join(self.names)}; the names have to be row 1"
            )
        features = tuple(name for name in self.names if name != target)
        if not features:
            raise ValueError(
                f"{self.who}, row 1: expected a column to predict {target!r} from, "
                f"got no other"
            )
        x = np.column_stack([self.column(name) for name in features])
        return x, self.column(target)[:, np.newaxis], features


def read(who: str, lines: Iterable[str]) -> Table:
    """Return the names and rows of a comma-separated file, all of one length."""
    import csv  # here, since who trains on arrays reads no file

    rows: list[tuple[int, list[str]]] = []
    try:
        for fields in csv.reader(lines):
            rows.append((len(rows) + 1, fields))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{who}, row {len(rows) + 1}: expected comma-separated text in UTF-8, got "
            f"{error}"
        ) from None
    while rows and not any(rows[-1][1]):  # blank lines at the end
        rows.pop()
    if len(rows) < 2:
        raise ValueError(
            f"{who}: expected a row of names and at least one of numbers, got "
            f"{len(rows)} row{'s' * (len(rows) != 1)}"
        )
    (_, header), *rows = rows
    names = [name.strip() for name in header]
    if not names:
        raise ValueError(
            f"{who}, row 1: expected the names of columns, got a blank row"
        )
    if len(names) == 1 and any(separator in names[0] for separator in ";\t|"):
        raise ValueError(
            f"{who}, row 1: expected names with commas between, got {names[0]!r}; "
            f"save the table as comma-separated"
        )
    for j, name in enumerate(names):
        if not name:
            raise ValueError(
                f"{who}, row 1: expected a name for each column, got none for the "
                f"one at place {j + 1}"
            )
        if names.count(name) > 1:
            raise ValueError(
                f"{who}, row 1: expected each name once, got {name!r} twice"
            )
    for row, fields in rows:
        if len(fields) < len(names):
            raise ValueError(
                f"{who}, row {row}: expected {len(names)} fields, got {len(fields)}; "
                f"column {names[len(fields)]!r} is the first that is missing"
            )
        if len(fields) > len(names):
            raise ValueError(
                f"{who}, row {row}: expected {len(names)} fields, got {len(fields)}; "
                f"the last column is {names[-1]!r}; is a text with a comma in quotes?"
            )
    return Table(who, names, rows)
