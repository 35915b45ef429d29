"""read_csv: a table from a file, as a Dataset."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared import numbers
from mlp._shared.arrays import Array
from mlp.data.encoding import one_hot
from mlp.data.rows import (
    Rows,
    Spelling,
    check_delimiter,
    is_hole,
    is_like_a_number,
    keyword,
    number_of,
    shown,
)


class Dataset(NamedTuple):
    """A table with its names: what the loaders and read_csv return.

    Attributes
    ----------
    x : array of shape (N, features)
        Not scaled; float64 by default.
    y : array of shape (N, targets)
        Of x's dtype; classes are one-hot.
    feature_names, target_names : tuple of str
        One for each column of x and of y.
    source : str
        Who collected the data, where they were published, and their
        licence; for a file of your own, its path.
    classes : list of str, or None
        In the order of y's columns, if they are one-hot.
    filled : array of bool, of x's shape, or None
        Which entries of x were missing and are now a mean; None if none.
    """

    x: Array
    y: Array
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    source: str
    classes: list[str] | None = None
    filled: npt.NDArray[np.bool_] | None = None

    def __repr__(self) -> str:
        """Return the shapes and the names, not the numbers."""
        filled = "" if self.filled is None else f", {np.sum(self.filled)} filled"
        return (
            f"Dataset(x of shape {self.x.shape}{filled}, y of shape {self.y.shape}, "
            f"target_names={self.target_names}, source={self.source!r})"
        )


class How(NamedTuple):
    """What is asked of a table, as read_csv describes it."""

    target: str
    columns: list[str] | None = None
    missing: str = "error"
    classes: list[str] | None = None


def table(rows: Rows, how: How) -> Dataset:
    """Return the columns of a file that are asked for; its source is empty."""
    features = _features(rows, how)
    places = {name: j for j, name in enumerate(rows.names)}
    js, t = [places[name] for name in features], places[how.target]
    x, target, dropped = bytearray(), _Target(rows, how, t), 0  # x grows in its place
    gaps = len(js) if how.missing == "mean" else 0
    if target.are_labels(rows.first(t)):
        for first, block, texts in rows.plain(js, t, holes=gaps):
            x += block.data
            for row, text in enumerate(texts, first):
                target.take(row, text)
    else:
        for _, block, _ in rows.plain([*js, t], holes=gaps):
            x += block[:, :-1].copy().data
            target.numbers.frombytes(block[:, -1].tobytes())
    for row, fields in rows.rest():
        values = rows.numbers(row, fields, js)
        hole = None
        if not math.isfinite(sum(values)):
            holes = [j for j, v in zip(js, values, strict=True) if math.isnan(v)]
            hole = holes[0] if holes else None
        if target.is_hole(fields[t]) and (hole is None or how.missing == "mean"):
            hole = t
        if hole is None or (how.missing == "mean" and hole != t):
            x += np.array(values).data
            target.take(row, fields[t])
        elif how.missing == "drop":
            dropped += 1
        else:
            raise _hole(rows, row, fields, hole, is_target=hole == t)
    if not x:
        raise (
            rows.too_few(1)
            if not dropped
            else ValueError(
                f"{rows.who}: expected a row without a missing value, got none of "
                f"{dropped}; choose {rows.spelled('columns')} that have values, or "
                f"{rows.spelled('missing', 'mean')}"
            )
        )
    y, classes = target.column()
    table = np.frombuffer(x).reshape(-1, len(js))
    filled = _fill(rows, table, features) if how.missing == "mean" else None
    names = (how.target,) if classes is None else tuple(classes)
    return Dataset(table, y, features, names, "", classes, filled)


def _features(rows: Rows, how: How) -> tuple[str, ...]:
    """Return the names of the columns of x."""
    target, names = how.target, rows.names
    who = f"{rows.who}, row 1"
    if target not in names:
        raise ValueError(
            f"{who}: expected a column {shown(target)} as the target, got "
            f"{shown(*names)}; the names have to be row 1, with a comma, a semicolon "
            f"or a tab between them, or the delimiter given"
        )
    if how.columns is None:
        features = [name for name in names if name != target]
        if not features:
            raise ValueError(
                f"{who}: expected a column to predict {shown(target)} from, got no "
                f"other; if the names are not split, give their delimiter"
            )
        return tuple(features)
    strangers = [name for name in how.columns if name not in set(names)]
    if strangers:
        raise ValueError(
            f"{who}: expected the columns {shown(*how.columns)}, got a file without "
            f"{shown(*strangers)}; it has {shown(*names)}"
        )
    if target in how.columns:
        raise ValueError(
            f"{who}: expected columns without the target, got {shown(target)} among "
            f"them; take it out, as it is what is to be predicted"
        )
    return tuple(how.columns)


class _Target:
    """The target of each row: numbers, or labels of classes."""

    def __init__(self, rows: Rows, how: How, place: int) -> None:
        self._rows, self._classes = rows, how.classes
        self._name = rows.names[place]
        self._are_labels = True if how.classes is not None else None
        self._class_of = {name: name for name in how.classes or []}  # of each text
        self.numbers, self._labels = array("d"), list[str]()

    def are_labels(self, text: str) -> bool | None:
        """Return whether the first value is a label; None if it is missing."""
        if self._are_labels is None and not is_hole(text):
            self._are_labels = not is_like_a_number(text)
        return self._are_labels

    def is_hole(self, text: str) -> bool:
        """Return whether a value is missing."""
        return is_hole(text) and text.strip() not in self._class_of

    def take(self, row: int, text: str) -> None:
        """Keep the value of a row."""
        text = text.strip()
        if self.are_labels(text):
            known = self._class_of.get(text)
            self._labels.append(self._class(row, text) if known is None else known)
            return
        value = number_of(text, self._rows.decimal)
        if value is None:
            raise self._error(row, "a finite number", text)
        self.numbers.append(value)

    def _class(self, row: int, text: str) -> str:
        """Return the class of a text that has not been met yet."""
        own = text
        if self._classes is not None:
            values = [number_of(name, ".") for name in self._classes]
            value = number_of(text, self._rows.decimal)
            if value is None or value not in values:
                raise self._error(row, f"one of {shown(*self._classes)}", text)
            own = self._classes[values.index(value)]
        elif is_like_a_number(text):
            raise self._error(row, "a text, as in the rows before", text)
        self._class_of[text] = own
        return own

    def _error(self, row: int, expected: str, text: str) -> ValueError:
        return ValueError(
            f"{self._rows.who}, row {row}, column {shown(self._name)}: expected "
            f"{expected}, got {shown(text)}; {self._rows.sign_cure(text)}if the column "
            f"has classes, name them all, {self._rows.spelled('classes')}"
        )

    def column(self) -> tuple[Array, list[str] | None]:
        """Return y and its classes, if it has some."""
        if not self._are_labels:
            return np.array(self.numbers).reshape(-1, 1), None
        classes = self._classes or sorted(self._class_of)
        if len(classes) < 2:
            raise ValueError(
                f"{self._rows.who}, column {shown(self._name)}: expected at least two "
                f"classes, got {shown(*classes)} alone; name the others too, "
                f"{self._rows.spelled('classes')}"
            )
        return one_hot(self._labels, classes), classes


def _hole(
    rows: Rows, row: int, fields: list[str], column: int, is_target: bool
) -> ValueError:
    """Return the error of a missing value."""
    cure = f"{rows.spelled('missing', 'drop')} leaves such rows out, "
    if is_target:
        cure += f"and if it is a class, name them all, {rows.spelled('classes')}"
    else:
        cure += f"{rows.spelled('missing', 'mean')} takes the mean of the column"
    return ValueError(
        f"{rows.who}, row {row}, column {shown(rows.names[column])}: expected a "
        f"{'value' if is_target else 'finite number'}, got {shown(fields[column])}; "
        f"{cure}"
    )


def _fill(
    rows: Rows, x: Array, features: tuple[str, ...]
) -> npt.NDArray[np.bool_] | None:
    """Write the mean of its column into each NaN; return where, if anywhere."""
    filled = np.isnan(x)
    for j in np.flatnonzero(filled.any(axis=0)):
        values = x[~filled[:, j], j]
        if not values.size:
            raise ValueError(
                f"{rows.who}, column {shown(features[j])}: expected a number to take "
                f"the mean of, got none; leave the column out by "
                f"{rows.spelled('columns')}"
            )
        with np.errstate(over="ignore"):
            mean = values.mean()
        x[filled[:, j], j] = mean if np.isfinite(mean) else np.sum(values / len(values))
    return filled if filled.any() else None


def read_csv(
    path: str | os.PathLike[str],
    target: str,
    *,
    delimiter: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8-sig",
    missing: str = "error",
    columns: Iterable[str] | None = None,
    classes: Iterable[str | float] | None = None,
) -> Dataset:
    r"""Return a table from a file; one of its columns is the target.

    Features are numbers. A target of numbers is for regression. A target of
    texts has classes, and becomes one-hot rows. For dates, texts as
    features and joins use pandas: mlp takes DataFrames like arrays.

    Parameters
    ----------
    path : str or path
        The file has names in the first row and values in all others, with a
        delimiter between fields. A field that contains the delimiter or a
        line break is in quotes. Blank rows at the end are ignored. A row
        has at most 2**23 characters.
    target : str
        The name of the column to predict.
    delimiter : str or None
        The character between fields. None takes comma, semicolon or tab,
        whichever fits the first two rows.
    decimal : "." or ","
        The decimal sign. A number with thousands separators is refused.
    encoding : str
        Of the file, for example "utf-16" or "cp1252". A byte order mark is
        allowed.
    missing : "error", "drop" or "mean"
        What to do with a missing value: an empty field, or ?, -, NA, N/A,
        nan, null, None, in capital letters or not. "drop" leaves the row
        out. "mean" takes the mean of the other rows of the column, and
        .filled says where; a missing target is refused. This mean depends
        on the rows that you will test on: see the example.
    columns : list of str, or None
        The features, in the order of x; None takes all except the target.
    classes : list of str or numbers, or None
        The classes, in the order of y's columns. None takes those in the
        file, sorted. Give them if the file may lack a class, or if the
        classes are numbers.

    Returns
    -------
    Dataset
        y is (N, 1), or (N, classes) with the names of the classes in
        target_names and .classes. source is the path.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If there is no such column, no other column, or no row; if a name is
        there twice or is missing; if a row is too short or too long; if a
        quote is not closed or has text after it; if a feature is not a
        finite number; if the target mixes numbers and texts, has a value
        that is not one of the classes, or has only one class; if a value is
        missing and missing is "error". The error names file, row and
        column; the names of the columns are row 1, as in a spreadsheet.
    TypeError
        If an argument is of the wrong type.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from mlp.data import read_csv
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "rooms.csv")
    >>> text = "area;rooms;rent\n50;2;700\n80;;1000\n65;4;850\n"
    >>> _ = path.write_text(text)
    >>> data = read_csv(path, target="rent", missing="mean")
    >>> data.x
    array([[50.,  2.],
           [80.,  3.],
           [65.,  4.]])
    >>> data.y.ravel(), data.feature_names
    (array([ 700., 1000.,  850.]), ('area', 'rooms'))

    For a fair test, fill holes with the mean of the training rows, here the
    first two:

    >>> x = np.where(data.filled, np.nan, data.x)
    >>> x = np.where(data.filled, np.nanmean(x[:2], axis=0), x)
    >>> x[1]
    array([80.,  2.])

    A text target:

    >>> _ = path.write_text("width,kind\n1.5,b\n2.5,a\n")
    >>> data = read_csv(path, target="kind")
    >>> data.y, data.classes
    (array([[0., 1.],
           [1., 0.]]), ['a', 'b'])
    >>> folder.cleanup()
    """
    me = "read_csv"
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{me}: expected path to be a str or path, got {path!r}")
    numbers.one_of(me, "decimal", decimal, (".", ","))
    _check_encoding(encoding)
    how = how_of(me, target, columns, missing, classes)
    return read(me, path, how, delimiter, decimal, encoding)


def read(
    me: str,
    path: str | os.PathLike[str],
    how: How,
    delimiter: str | None,
    decimal: str,
    encoding: str = "utf-8-sig",
    spelled: Spelling = keyword,
) -> Dataset:
    """Return the table in a file, for read_csv or a command."""
    check_delimiter(me, delimiter, decimal, spelled)
    who = f"{me}: {os.fspath(path)}"
    try:
        with open(
            path, newline="", encoding=encoding, errors="surrogateescape"
        ) as file:
            data = table(Rows(who, file, delimiter, decimal, spelled), how)
    except OSError as error:
        sentence = f"{who}: cannot be read: {error.strerror}"
        raise OSError(error.errno, sentence, os.fspath(path)) from None
    except UnicodeError as error:
        raise ValueError(
            f"{who}: expected text in {encoding}, got bytes that are none "
            f"({error.__class__.__name__}); give its encoding, or save it in UTF-8"
        ) from None
    return data._replace(source=os.fspath(path))


def _check_encoding(encoding: Any) -> None:
    """Raise unless Python knows it, as one of text."""
    if not isinstance(encoding, str):
        raise TypeError(f"read_csv: expected encoding to be a str, got {encoding!r}")
    try:
        "".encode(encoding)
    except (LookupError, ValueError):  # a ValueError of a name with a null character
        raise ValueError(
            f"read_csv: expected encoding to be one that Python knows, got "
            f"{encoding!r}; 'utf-8', 'utf-16' and 'cp1252' are some"
        ) from None


def how_of(who: str, target: Any, columns: Any, missing: Any, classes: Any) -> How:
    """Return the arguments that say what is wanted, checked."""
    if not isinstance(target, str):
        raise TypeError(f"{who}: expected target to be a str, got {target!r}")
    numbers.one_of(who, "missing", missing, ("error", "drop", "mean"))
    if columns is not None:
        columns = _listed(who, "columns", columns, str, "a list of names")
    if classes is not None:
        kinds = (str, int, float, np.integer, np.floating)
        classes = _listed(who, "classes", classes, kinds, "a list of texts or numbers")
    return How(target, columns, missing, classes)


def _listed(who: str, name: str, value: Any, kinds: Any, expected: str) -> list[str]:
    """Return a list of texts, at least one and each once."""
    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    items = list(value) if is_list else []
    if not is_list or not all(isinstance(item, kinds) for item in items):
        raise TypeError(f"{who}: expected {name} to be {expected}, got {value!r}")
    texts = [str(item) for item in items]
    if not texts or len({*texts}) < len(texts):
        raise ValueError(
            f"{who}: expected {name} to be {expected}, each once, got {items}"
        )
    return texts
