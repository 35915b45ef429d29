"""Formulas with numbers instead of letters.

A Figure is a number as it is printed. A Line is an entry of an array, with
its formula in figures and its value. Read entries.py next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import Array
from mlp.derivation.expressions import Expr, Number, Sum
from mlp.derivation.notation import Notation

ENTRIES, TERMS = 12, 6  # a larger array, or one with longer formulas, is summarized
SMALL = 60  # in a net with more parameters, every array is summarized


class Figure(Number):
    """A number, its printed text, and its text with all digits."""

    def __init__(self, number: float, text: str, exact: str) -> None:
        super().__init__(number)
        self.needs_signs, self.exact = True, exact
        self.write(text)


class Figures:
    """The entries of an array, printed with as many decimals as they need."""

    def __init__(self, array: npt.ArrayLike) -> None:
        self.array: Array = np.asarray(array)

    @cached_property
    def decimals(self) -> int:
        """How many decimals show all entries exactly, or 9 if none do."""
        finite = self.array[np.isfinite(self.array)].astype(np.float64)
        least = 1e-12 * abs(finite)
        return next(
            (d for d in range(9) if np.all(abs(finite - finite.round(d)) <= least)), 9
        )

    def __getitem__(self, place: Any) -> Figure:
        """Return one entry as a Figure, rounded if it has many digits."""
        entry = self.array[place] + 0.0  # no −0
        value, size = float(entry), abs(float(entry))
        is_plain = 1e-4 <= size < 1e9 and (size >= 0.1 or self.decimals < 9)
        text = f"{value:.{self.decimals}f}" if is_plain or not size else f"{value:.9g}"
        is_short = 1e-4 <= size < 1e9
        write = np.format_float_positional if is_short else np.format_float_scientific
        return Figure(value, text, write(value, trim="-"))


class Line(NamedTuple):
    """An entry of an array, its formula with numbers, and its value."""

    entry: str
    formula: Expr
    value: Figure

    def __str__(self) -> str:
        """Return entry = formula = value."""
        same = str(self.formula) == str(self.value)
        middle = "" if same else f"{self.formula} = "
        return f"{self.entry} = {middle}{self.value}"


def _as_printed(formula: Expr) -> Any:
    """Return the value of a formula, from its numbers as they are printed."""
    if isinstance(formula, Figure):
        return float(formula.text.replace("−", "-"))
    return formula.compute(*map(_as_printed, formula.args))


def _write_out(formula: Expr) -> None:
    """Print each number in a formula with all its digits."""
    if isinstance(formula, Figure):
        formula.write(formula.exact)
    for arg in formula.args:
        _write_out(arg)


def line(entry: str, formula: Expr, value: Figure) -> Line:
    """Return a line whose printed numbers give the printed value.

    If rounded numbers would give another value, as in a difference of two
    nearly equal numbers, all their digits are printed.
    """
    with np.errstate(all="ignore"):  # 1/0 and log 0, at a bound
        printed, exact = _as_printed(formula), formula.value({})
        is_same = math.isclose(printed, exact, rel_tol=1e-7)
        if not is_same and not (math.isnan(printed) and math.isnan(exact)):
            _write_out(formula)
    return Line(entry, formula, value)


def figure(number: float) -> Figure:
    """Return the figure of a single number."""
    return Figures(number)[()]


def sum_of(terms: list[Expr]) -> Expr:
    """Return the sum of the terms."""
    return Sum(*terms) if len(terms) > 1 else terms[0]


def lines(
    name: str, array: Array, formula: Callable[..., Expr], terms: int, limit: int
) -> Iterator[Line | str]:
    """Yield a line for each entry of an array, or one line to summarize it."""
    if array.size > limit or terms > TERMS:
        size = " × ".join(map(str, array.shape))
        parts = array.mean(), array.min(), array.max()
        mean, low, high = (f"{part:.6g}".replace("-", "−") for part in parts)
        yield f"{name}: {size} numbers, mean {mean}, from {low} to {high}"
        return
    figures = Figures(array)
    bare = name in ("ŷ", "x", "p")
    for place in np.ndindex(array.shape):
        numbers = [str(k + 1) for k in place]
        index = ("" if max(map(len, numbers)) == 1 else ",").join(numbers)
        entry = Notation().index(name if bare else f"({name})", index)
        yield line(entry, formula(*place), figures[place])


def rows_of(
    name: str,
    array: Array,
    formula: Callable[[int, int], Expr],
    terms: int,
    limit: int,
) -> Iterator[Line | str]:
    """Yield the lines of a batch, without the row's index if it has one row."""
    if len(array) == 1:
        yield from lines(name, array[0], lambda i: formula(0, i), terms, limit)
    else:
        yield from lines(name, array, formula, terms, limit)
