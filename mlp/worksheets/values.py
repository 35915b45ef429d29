"""Value and Point: the values of letters.

A whole array has two dimensions: it is a column, a row or a matrix. An
entry such as ŷᵢ stands for all entries at once, with one axis for each
index. Read evaluation.py next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.arrays import Array


class Value(NamedTuple):
    """An array, and the indices of its axes if it has entries such as ŷᵢ."""

    data: Array
    indices: frozenset[str] = frozenset()

    @property
    def is_number(self) -> bool:
        """Whether the value is one number."""
        return not self.indices and self.data.size == 1

    @property
    def size(self) -> str:
        """The shape as text, such as 2 × 4."""
        return " × ".join(map(str, self.data.shape)) if self.data.ndim else "a number"

    def array(self) -> Array:
        """Return a 2-D array; entries of one index are a 1-D array."""
        if self.indices == {"i", "j"}:
            return self.data[:, :, 0]
        return self.data.ravel() if len(self.indices) == 1 else self.data


def _sigma(a: Array) -> Array:
    return np.asarray(np.exp(np.minimum(a, 0)) / (1 + np.exp(-abs(a))))


def _softmax(a: Array) -> Array:
    """Return the softmax of a column, or of a row."""
    e = np.exp(a - a.max())
    return np.asarray(e / e.sum())


Function = tuple[Callable[[Any], Any], Callable[[Any], Any] | None]
FUNCTIONS: dict[str, Function] = {
    "σ": (_sigma, lambda a: _sigma(a) * (1 - _sigma(a))),
    "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "relu": (lambda a: np.maximum(a, 0), lambda a: (a > 0) * 1.0),
    "log": (np.log, lambda a: 1 / a),
    "exp": (np.exp, np.exp),
    "sqrt": (np.sqrt, None),
    "softmax": (_softmax, None),
}
"""The functions that a formula may name, each with its derivative."""


class Point(NamedTuple):
    """The values and functions with which a formula is evaluated.

    Attributes
    ----------
    values : mapping of str to array or float
        The value of each letter, as the sheet prints the letter.
    functions : mapping of str to Function
        FUNCTIONS, and the functions of the net, such as f and g.
    aliases : mapping of str to str
        Other names of letters: a1 for the output of the first activation.
    size : int
        The size of I and of the matrix of i = j, or 0 if the question is
        not about entries.
    """

    values: Mapping[str, Any]
    functions: Mapping[str, Function]
    aliases: Mapping[str, str]
    size: int

    @property
    def words(self) -> tuple[str, ...]:
        """The names of the functions that only this sheet has, not FUNCTIONS."""
        own = self.functions.keys() - FUNCTIONS
        return tuple(sorted(name for name in own if name.isalpha() and len(name) > 1))
