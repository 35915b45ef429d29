"""read_csv: a table of numbers from a file, as a Dataset.

NumPy reads plain rows and the csv module all others. The errors name file,
row and column as a spreadsheet shows them.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, TextIO, TypeAlias

import numpy as np

from mlp._shared.arrays import Array

Row: TypeAlias = tuple[int, list[str]]
"""The number of a row in its file, where the names are row 1; its fields."""
_LONGEST = 1 << 23  # characters in a row; an endless one must not fill the memory
_BLOCK = 1 << 18  # characters in the rows that NumPy reads at a time
_NAMES_SHOWN = 20
_LETTERS_SHOWN = 60


class Table(NamedTuple):
    """The names of a file and its rows; who is reading which file, for errors."""

    who: str
    names: list[str]
    plain: Iterable[Array]
    """The first rows, some at a time, as far as they are numbers and no more."""
    rows: Iterable[Row]
    """The rows after these. Both are read when asked for, and so only once."""

    def numbers(self, *groups: Sequence[str]) -> list[Array]:
        """Return an array for each group of columns, (N, columns), all finite."""
        places = {name: j for j, name in enumerate(self.names)}
        columns = [[places[name] for name in group] for group in groups]
        kept = [bytearray() for _ in groups]  # which grow without a second copy
        for block in self.plain:
            for js, values in zip(columns, kept, strict=True):
                values += block.take(js, axis=1).data
        for row, fields in self.rows:
            for js, values in zip(columns, kept, strict=True):
                values += np.array(self._numbers(row, fields, js)).data
        if not kept[0]:
            raise _too_few(self.who, 1)
        return [
            np.frombuffer(values).reshape(-1, len(js))
            for js, values in zip(columns, kept, strict=True)
        ]

    def _numbers(self, row: int, fields: list[str], columns: list[int]) -> list[float]:
        """Return the numbers in some columns of a row, or name what is none."""
        texts = [fields[j] for j in columns]
        with suppress(ValueError):
            values = list(map(float, texts))
            if math.isfinite(sum(values)) and "_" not in ",".join(texts):
                return values
        return [self._number(row, fields, j) for j in columns]

    def _number(self, row: int, fields: list[str], column: int) -> float:
        value = math.nan
        with suppress(ValueError):
            value = float(fields[column].replace("_", "?"))  # float("1_0") is 10
        if not math.isfinite(value):
            raise ValueError(
                f"{self.who}, row {row}, column {shown(self.names[column])}: expected "
                f"a finite number, got {shown(fields[column])}; fill it, write a text "
                f"as numbers, or drop the row"
            )
        return value

    def features_and_target(self, target: str) -> tuple[Array, Array, tuple[str, ...]]:
        """Return x, y and the names of x's columns; y is (N, 1)."""
        if target not in self.names:
            raise ValueError(
                f"{self.who}, row 1: expected a column {shown(target)} as the target, "
                f"got {shown(*self.names)}; the names have to be row 1"
            )
        features = tuple(name for name in self.names if name != target)
        if not features:
            raise ValueError(
                f"{self.who}, row 1: expected a column to predict {shown(target)} "
                f"from, got no other"
            )
        x, y = self.numbers(features, [target])
        return x, y, features


def read(who: str, file: TextIO) -> Table:
    """Return the names and rows of a comma-separated file, all of one length.

    Bytes that are no text are to come as errors="surrogateescape" has them,
    so that the row that they stand in can be named.
    """
    text = _Text(who, file)
    rows = text.rows()
    first, header = next((row for row in rows if any(row[1])), (0, [""]))
    if first == 0:
        raise _too_few(who, 0)
    if first > 1:
        raise ValueError(
            f"{who}, row 1: expected the names of columns, got a blank row"
        )
    names = [name.strip() for name in header]
    if len(names) == 1 and any(separator in names[0] for separator in ";\t|"):
        raise ValueError(
            f"{who}, row 1: expected names with commas between, got {names[0]!r}; "
            f"save the table as comma-separated"
        )
    if "" in names:
        place = names.index("")
        cure = "name it"
        if place == 0:
            cure = (
                "is it an index? write the table without it, in pandas "
                "df.to_csv(path, index=False)"
            )
        raise ValueError(
            f"{who}, row 1: expected a name for each column, got none for the one at "
            f"place {place + 1}; {cure}"
        )
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise ValueError(
            f"{who}, row 1: expected each name once, got {shown(name)} twice"
        )
    plain, rest = text.plain(len(names)), _of_one_length(who, names, rows)
    return Table(who, names, plain, rest)


class _Text:
    """A file that is read line by line, and the number of the next row."""

    def __init__(self, who: str, file: TextIO) -> None:
        self._who, self._file, self._row = who, file, 1
        self._looked_at: deque[str] = deque()  # lines that are read and not yet taken

    def plain(self, width: int) -> Iterator[Array]:
        """Yield rows as NumPy reads them, while each line is one row.

        It is stricter than the csv module, so what it takes needs no second
        look.
        """
        while True:
            lines, size = self._looked_at, 0
            while size < _BLOCK and (line := self._file.readline(_LONGEST + 1)):
                lines.append(line)
                size += len(line)
            if not lines or lines[0].isspace() or len(lines[-1]) > _LONGEST:
                return
            try:
                block = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
            except ValueError:
                return
            if block.shape != (len(lines), width) or not np.isfinite(block).all():
                return
            self._row += len(lines)
            lines.clear()
            yield block

    def rows(self) -> Iterator[Row]:
        """Yield the rows from here on, as the csv module splits them."""
        import csv  # here, since who trains on arrays reads no file

        reader = csv.reader(self._lines_of_rows(), strict=True)
        while True:
            self._room = _LONGEST
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise ValueError(
                    f"{self._who}, row {self._row}: expected comma-separated text, got "
                    f"{error}; is each quote closed?"
                ) from None
            if fields is None:
                return
            self._row += 1
            yield self._row - 1, fields

    def _lines_of_rows(self) -> Iterator[str]:
        """Yield the lines; a row may take several, but not endlessly many."""
        lines = self._looked_at
        while line := lines and lines.popleft() or self._file.readline(self._room + 1):
            self._room -= len(line)
            if self._room < 0:
                raise ValueError(
                    f"{self._who}, row {self._row}: expected at most {_LONGEST} "
                    f"characters, got more; is it a table, and each quote closed?"
                )
            odd = None if line.isascii() else re.search("[\udc80-\udcff]", line)
            if odd is not None:
                raise ValueError(
                    f"{self._who}, row {self._row}: expected comma-separated text in "
                    f"UTF-8, got the byte 0x{ord(odd[0]) - 0xDC00:x}; save the table "
                    f"in UTF-8"
                )
            yield line


def _of_one_length(who: str, names: list[str], rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows but for blank ones at the end."""
    blank: Row | None = None  # the first of those that may be the last
    for row, fields in rows:
        if not any(fields):
            blank = blank or (row, fields)
            continue
        for place, found in filter(None, (blank, (row, fields))):
            if len(found) < len(names):
                raise ValueError(
                    f"{who}, row {place}: expected {len(names)} fields, got "
                    f"{len(found)}; column {shown(names[len(found)])} is the first "
                    f"that is missing"
                )
            if len(found) > len(names):
                raise ValueError(
                    f"{who}, row {place}: expected {len(names)} fields, got "
                    f"{len(found)}; the last column is {shown(names[-1])}; is a text "
                    f"with a comma in quotes, or is there an index without a name?"
                )
            yield place, found
        blank = None


def _is_finite_number(text: str) -> bool:
    try:
        return "_" not in text and math.isfinite(float(text))  # float("1_0") is 10
    except ValueError:
        return False


def _too_few(who: str, rows: int) -> ValueError:
    return ValueError(
        f"{who}: expected a row of names and at least one of numbers, got {rows} "
        f"row{'s' * (rows != 1)}"
    )


def shown(*texts: str) -> str:
    """Return texts in quotes, no two alike; the first ones if there are many."""
    parts = []
    for text in texts[:_NAMES_SHOWN]:
        start = text[:_LETTERS_SHOWN]
        part = repr(start) if start.isascii() else f"{start!r} ({start!a})"
        parts.append(part if start == text else f"{part}…")
    if len(texts) > _NAMES_SHOWN:
        parts.append(f"… ({len(texts)} columns)")
    return ", ".join(parts)


class Dataset(NamedTuple):
    """A table with its names: what the loaders and read_csv return.

    Attributes
    ----------
    x : array of shape (N, features)
        Not scaled; float64, where no other dtype was asked for.
    y : array of shape (N, targets)
        Of x's dtype; classes are one-hot.
    feature_names, target_names : tuple of str
        One for each column of x and of y.
    source : str
        Who collected it, where it was published, and its licence; of a file
        of one's own, its path.
    """

    x: Array
    y: Array
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    source: str

    def __repr__(self) -> str:
        """Return the shapes and the names, not the numbers."""
        return (
            f"Dataset(x of shape {self.x.shape}, y of shape {self.y.shape}, "
            f"target_names={self.target_names}, source={self.source!r})"
        )


def read_csv(path: str | os.PathLike[str], target: str) -> Dataset:
    r"""Return a table of numbers from a file, one column of it the target.

    Parameters
    ----------
    path : str or path
        A comma-separated file in UTF-8: names in the first row, numbers in
        all others; blank rows at the end are passed over. A row has at most
        2**23 characters.
    target : str
        The name of the column that is to be predicted.

    Returns
    -------
    Dataset
        x is all other columns in their order, y is (N, 1), source the path.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If there is no such column, none besides it, or no row; if a name is
        there twice or is missing, as an index's is; if a row is too short
        or too long, a quote is not closed or has text behind it, or a field
        is not a finite number. It names file, row and column; the names are
        row 1, as in a spreadsheet.
    TypeError
        If target is no str.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mlp.data import read_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "rooms.csv")
    ...     _ = path.write_text("area,rooms,rent\n50,2,700\n80,3,1000\n")
    ...     data = read_csv(path, target="rent")
    >>> data.x
    array([[50.,  2.],
           [80.,  3.]])
    >>> data.y.ravel(), data.feature_names
    (array([ 700., 1000.]), ('area', 'rooms'))
    """
    if not isinstance(target, str):
        raise TypeError(f"read_csv: expected target to be a str, got {target!r}")
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"read_csv: expected path to be a str or path, got {path!r}")
    who = f"read_csv: {os.fspath(path)}"
    try:
        with open(
            path, newline="", encoding="utf-8-sig", errors="surrogateescape"
        ) as file:
            x, y, features = read(who, file).features_and_target(target)
    except OSError as error:
        sentence = f"{who}: cannot be read: {error.strerror}"
        raise OSError(error.errno, sentence, os.fspath(path)) from None
    return Dataset(x, y, features, (target,), source=os.fspath(path))
