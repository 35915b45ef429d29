"""The rows of a delimited text file, for read_csv.

NumPy reads plain rows and the csv module all others. The errors name file,
row and column as a spreadsheet shows them.
"""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TextIO, TypeAlias

import numpy as np

from mlp._shared.arrays import Array

Row: TypeAlias = tuple[int, list[str]]
"""The number of a row in its file, where the names are row 1; its fields."""
Spelling: TypeAlias = Callable[..., str]
"""How who reads a table writes an option: keyword, or one of a command line.

It returns "" for an option that there is not; then no error advises it.
"""
DELIMITERS = (",", ";", "\t")  # that are recognised
HOLES = frozenset(["", "?", "-", "na", "n/a", "#n/a", "<na>", "nan", "null", "none"])
_LONGEST = 1 << 23  # characters in a row; an endless one must not fill the memory
_BLOCK = 1 << 18  # characters in the rows that NumPy reads at a time
_NAMES_SHOWN = 20
_LETTERS_SHOWN = 60
_THOUSANDS = re.compile(  # 1.234,5 or 12,34,567: the separator, the decimal sign
    r"[+-]?\d{1,3}([.,'’_\s])(?:\d{2,3}\1)*\d{3}(?:(?!\1)([.,])\d*)?"
)


def keyword(name: str, value: str | None = None) -> str:
    """Return an argument as Python has it; without a value, that of a list.

    Examples
    --------
    >>> from mlp.data.rows import keyword
    >>> print(keyword("decimal", ","), keyword("columns"))
    decimal=',' columns=[…]
    """
    return f"{name}={'[…]' if value is None else repr(value)}"


def check_delimiter(
    who: str, delimiter: Any, decimal: str, spelled: Spelling = keyword
) -> None:
    """Raise unless it is None, or one sign that no number holds."""
    if delimiter is None:
        return
    if not isinstance(delimiter, str):
        raise TypeError(
            f"{who}: expected delimiter to be a str or None, got {delimiter!r}"
        )
    if len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n+-._' + decimal:
        raise ValueError(
            f"{who}: expected delimiter to be one sign that stands in no number, as "
            f"',', ';' or '\\t', got {delimiter!r} with {spelled('decimal', decimal)}"
        )


class Rows:
    """A file that is read line by line; names, then rows of fields.

    Parameters
    ----------
    who : str
        Who reads which file, for errors.
    file : text file
        Bytes that are no text are to come as errors="surrogateescape" has
        them, so that the row that they stand in can be named.
    delimiter : str or None
        Between fields; None recognises it.
    decimal : "." or ","
        In numbers.
    spelled : Spelling
        What errors advise.
    """

    def __init__(
        self,
        who: str,
        file: TextIO,
        delimiter: str | None,
        decimal: str,
        spelled: Spelling = keyword,
    ) -> None:
        self.who, self.decimal, self.spelled = who, decimal, spelled
        self._file, self._row, self._room = file, 1, _LONGEST
        self._looked_at: deque[str] = deque()  # lines that are read and not yet taken
        self._delimiter = delimiter or self._recognised()
        sign, holes = re.escape(self._delimiter), "|".join(map(re.escape, HOLES))
        self._hole = re.compile(  # a number is passed over by its first signs
            rf"([\n{sign}])(?!-?[0-9.]) *(?i:{holes}) *(?=[\r\n{sign}]|\Z)"
        )
        self._fields = self._split()
        self.names = self._header()

    def plain(
        self, numbers: list[int], t: int | None = None, *, holes: int = 0
    ) -> Iterator[tuple[int, Array, list[str]]]:
        """Yield some rows as NumPy reads them, while each line is one row.

        The number of the first; the columns that are numbers, of which the
        first `holes` have NaN for a hole; the texts of column t. NumPy is
        stricter than the csv module, so what it takes needs no second look.
        """
        width = len(self.names)
        are_all = len(numbers) == width  # then NumPy counts the fields
        while lines := self._block():
            if not (are_all or all(map(self._is_plain, lines))):
                return
            texts = list[str]()
            if t is not None:
                texts = [
                    line.split(self._delimiter, t + 1)[t].strip() for line in lines
                ]
                if any(map(is_hole, texts)):
                    return
            try:
                block = np.loadtxt(
                    self._with_points(self._with_nans(lines) if holes else lines),
                    delimiter=self._delimiter,
                    usecols=None if are_all else numbers,
                    comments=None,
                    ndmin=2,
                )
            except ValueError:
                return
            if block.shape != (len(lines), len(numbers)):
                return
            if are_all:
                block = block.take(numbers, axis=1)
            is_right = np.isfinite(block)
            is_right[:, :holes] |= np.isnan(block[:, :holes])
            if not is_right.all():
                return
            self._row += len(lines)
            lines.clear()
            yield self._row - len(texts or block), block, texts

    def _is_plain(self, line: str) -> bool:
        """Return whether a line is a row of fields without quotes."""
        fields = line.count(self._delimiter) + 1
        return fields == len(self.names) and '"' not in line and not _odd_byte(line)

    def _with_points(self, lines: Iterable[str]) -> Iterable[str]:
        """Return lines in which numbers have a decimal point."""
        if self.decimal == ".":
            return lines
        return [line.replace(".", "?").replace(",", ".") for line in lines]

    def _with_nans(self, lines: Iterable[str]) -> Iterable[str]:
        """Return lines with nan for a hole; with a signed nan, none that is read."""
        text = "\n" + "".join(lines).removesuffix("\n")
        text = self._hole.sub(r"\1nan", text)[1:]
        is_signed = any(nan in text.lower() for nan in ("-nan", "+nan"))
        return ["?"] if is_signed else text.splitlines()

    def first(self, column: int) -> str:
        """Return what the next row has in a column, if it is plain."""
        lines = self._block()
        if not (lines and self._is_plain(lines[0])):
            return ""
        return lines[0].split(self._delimiter)[column].strip()

    def _block(self) -> deque[str]:
        """Return the next lines, which stay to be taken; none if one is too long."""
        lines = self._looked_at
        size = sum(map(len, lines))
        while size < _BLOCK and (line := self._file.readline(_LONGEST + 1)):
            lines.append(line)
            size += len(line)
        return lines if lines and len(lines[-1]) <= _LONGEST else deque()

    def rest(self) -> Iterator[Row]:
        """Yield the other rows, of one length, but for blank ones at the end."""
        names, blank = self.names, None  # the first of those that may be the last
        for row, fields in self._fields:
            if not any(fields):
                blank = blank or (row, fields)
                continue
            for place, found in filter(None, (blank, (row, fields))):
                self._expect_one_length(names, place, found)
                yield place, found
            blank = None

    def _expect_one_length(self, names: list[str], row: int, fields: list[str]) -> None:
        got = f"{self.who}, row {row}: expected {len(names)} fields, got {len(fields)}"
        if len(fields) < len(names):
            raise ValueError(
                f"{got}; column {shown(names[len(fields)])} is the first that is "
                f"missing"
            )
        if len(fields) > len(names):
            raise ValueError(
                f"{got}; the last column is {shown(names[-1])}; is a text with "
                f"{self._delimiter!r} in quotes, or is there an index without a name?"
            )

    def _header(self) -> list[str]:
        """Return the names, each there once."""
        first, header = next((row for row in self._fields if any(row[1])), (0, [""]))
        if first == 0:
            raise self.too_few(0)
        if first > 1:
            raise ValueError(
                f"{self.who}, row 1: expected the names of columns, got a blank row"
            )
        names = [name.strip() for name in header]
        if "" in names:
            place = names.index("")
            cure = "name it"
            if place == 0:
                cure = (
                    "is it an index? write the table without it, in pandas "
                    "df.to_csv(path, index=False)"
                )
            raise ValueError(
                f"{self.who}, row 1: expected a name for each column, got none for the "
                f"one at place {place + 1}; {cure}"
            )
        name, times = Counter(names).most_common(1)[0]
        if times > 1:
            raise ValueError(
                f"{self.who}, row 1: expected each name once, got {shown(name)} twice"
            )
        return names

    def too_few(self, rows: int) -> ValueError:
        """Return the error of a file without a row of names and one of data."""
        return ValueError(
            f"{self.who}: expected a row of names and at least one below it, got "
            f"{rows} row{'s' * (rows != 1)}"
        )

    def _recognised(self) -> str:
        """Return what splits the names and the row after them into as many fields."""
        import csv  # here, since who trains on arrays reads no file

        lines, room, rows, quotes = list[str](), _LONGEST, 0, 0
        while rows < 2 and room > 0 and (line := self._file.readline(room + 1)):
            lines.append(line)
            room -= len(line)
            quotes += line.count('"')
            rows += quotes % 2 == 0 and not line.isspace()
        self._looked_at += lines
        widths = dict.fromkeys(DELIMITERS, [0])
        widths.pop(self.decimal, None)
        for delimiter in widths:
            reader = csv.reader(lines, delimiter=delimiter)
            with suppress(csv.Error):  # which is raised again when the row is read
                widths[delimiter] = [len(row) for row in reader if row] or [0]
        fitting = [d for d, w in widths.items() if w[0] > 1 and len({*w}) == 1]
        if len(fitting) > 1:
            raise ValueError(
                f"{self.who}, row 1: expected one of {', '.join(map(repr, fitting))} "
                f"between the names, got more than one that could be it; give "
                f"{self.spelled('delimiter', fitting[0])}, say"
            )
        return fitting[0] if fitting else max(widths, key=lambda d: widths[d][0])

    def _split(self) -> Iterator[Row]:
        """Yield the rows from here on, as the csv module splits them."""
        import csv

        reader = csv.reader(self._lines(), strict=True, delimiter=self._delimiter)
        while True:
            self._room = _LONGEST
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise ValueError(
                    f"{self.who}, row {self._row}: expected text with "
                    f"{self._delimiter!r} between fields, got {error}; is each quote "
                    f"closed?"
                ) from None
            if fields is None:
                return
            self._row += 1
            yield self._row - 1, fields

    def _lines(self) -> Iterator[str]:
        """Yield the lines; a row may take several, but not endlessly many."""
        lines = self._looked_at
        while line := lines and lines.popleft() or self._file.readline(self._room + 1):
            self._room -= len(line)
            if self._room < 0:
                raise ValueError(
                    f"{self.who}, row {self._row}: expected at most {_LONGEST} "
                    f"characters, got more; is it a table, and each quote closed?"
                )
            if (odd := _odd_byte(line)) is not None:
                encoding = self.spelled("encoding", "cp1252")
                raise ValueError(
                    f"{self.who}, row {self._row}: expected text in "
                    f"{self._file.encoding}, got the byte 0x{odd:x}; save the table in "
                    f"UTF-8{encoding and f', or give its encoding, {encoding}, say'}"
                )
            yield line

    def numbers(self, row: int, fields: list[str], columns: list[int]) -> list[float]:
        """Return the numbers in some fields, NaN for a hole, or name one."""
        text = "\0".join([fields[j] for j in columns])
        if self.decimal == ",":
            text = text.replace(".", "?").replace(",", ".")
        with suppress(ValueError):
            values = list(map(float, text.split("\0")))
            if math.isfinite(sum(values)) and "_" not in text:
                return values
        return [self._number(row, fields, j) for j in columns]

    def _number(self, row: int, fields: list[str], column: int) -> float:
        text = fields[column].strip()
        if is_hole(text):
            return math.nan
        value = number_of(text, self.decimal)
        if value is None:
            columns = self.spelled("columns")
            raise ValueError(
                f"{self.who}, row {row}, column {shown(self.names[column])}: expected "
                f"a finite number, got {shown(fields[column])}; {self.sign_cure(text)}"
                f"{columns and f'name the columns that are numbers, {columns}, or '}"
                f"make numbers of texts and dates in pandas, as docs/guide.md shows"
            )
        return value

    def sign_cure(self, text: str) -> str:
        """Return what to do about a number with another sign, if it is one."""
        other = {".": ",", ",": "."}[self.decimal]
        give = self.spelled("decimal", other)
        found = _THOUSANDS.fullmatch(text)
        separator, sign = found.groups() if found else (None, None)
        if separator and (sign or separator != other or text.count(other) > 1):
            too = f", and give {give}" if sign == other else ""
            return f"take the thousands separator {separator!r} out{too}; "
        is_date = self.decimal not in text and text.count(other) > 1
        if other not in text or is_date or not is_like_a_number(text):
            return ""
        return (
            f"is {other!r} its decimal sign? give {give}; a thousands separator has to "
            f"be taken out; "
        )


def number_of(text: str, decimal: str) -> float | None:
    """Return the finite number that a text is, or None.

    Examples
    --------
    >>> from mlp.data.rows import number_of
    >>> number_of("1,5", ","), number_of("1.234,5", ",")
    (1.5, None)
    """
    if "_" in text or (decimal == "," and "." in text):  # float("1_0") is 10
        return None
    try:
        value = float(text.replace(decimal, "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def is_like_a_number(text: str) -> bool:
    """Return whether a text is a number, or has digits and no letter.

    Examples
    --------
    >>> from mlp.data.rows import is_like_a_number
    >>> [is_like_a_number(text) for text in ("1e999", "1,5e3", "1 000")]
    [True, True, True]
    >>> [is_like_a_number(text) for text in ("1st", "+", "low")]
    [False, False, False]
    """
    with suppress(ValueError):
        return float(text.replace(",", ".")) is not None
    return any(map(str.isdigit, text)) and not any(map(str.isalpha, text))


def is_hole(text: str) -> bool:
    """Return whether a text stands for a value that is missing."""
    return text.strip().casefold() in HOLES


def _odd_byte(text: str) -> int | None:
    """Return the first byte that was no text, as surrogateescape kept it."""
    odd = None if text.isascii() else re.search("[\udc80-\udcff]", text)
    return None if odd is None else ord(odd[0]) - 0xDC00


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
