"""Checks of numbers, flags and words."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Collection
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

Rng: TypeAlias = "int | np.random.Generator | None"  # numpy.random is slow to load
FLOAT_DTYPES = (np.dtype(np.float64), np.dtype(np.float32))


def positive_int(who: str, name: str, value: Any) -> int:
    """Return value as an int of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise TypeError(f"{who}: expected {name} to be an int, got {value!r}")
    if number < 1:
        raise ValueError(f"{who}: expected {name} of at least 1, got {number}")
    return number


def number(
    who: str,
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
) -> float:
    """Return value as a finite Python float within the bounds given.

    A Python float takes the dtype of the array that it multiplies; a NumPy
    float64 would turn a float32 array into float64.
    """
    value = _scalar(value)
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{who}: expected {name} to be a number, got {value!r}")
    try:
        result = float(value)
    except OverflowError:  # an int beyond float64
        result = math.inf
    if math.isfinite(result) and above < result < below and least <= result <= most:
        return result
    low = f"above {above:g}" if above > -math.inf else f"of at least {least:g}"
    high = f" and below {below:g}" if below < math.inf else " and finite"
    high = f" and at most {most:g}" if most < math.inf else high
    raise ValueError(f"{who}: expected {name} {low}{high}, got {value!r}")


def whole_number(who: str, name: str, value: Any) -> int:
    """Return value as an int of at least 0; a whole float is one."""
    result = number(who, name, value, least=0)
    if not result.is_integer():
        raise ValueError(f"{who}: expected {name} to be whole, got {value!r}")
    return int(result)


def real_number(who: str, name: str, value: Any) -> float:
    """Return value as a Python float, which may be NaN or infinite."""
    value = _scalar(value)
    if not isinstance(value, Real):
        raise TypeError(f"{who}: expected {name} to be a number, got {value!r}")
    return float(value)


def flag(who: str, name: str, value: Any) -> bool:
    """Return value as a bool; a number in its place is a misplaced argument."""
    value = _scalar(value)
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{who}: expected {name} to be True or False, got {value!r}")
    return bool(value)


def _scalar(value: Any) -> Any:
    """Return what an array of no dimensions holds, as a file gives numbers back."""
    return value[()] if isinstance(value, np.ndarray) else value


def one_of(who: str, name: str, value: Any, known: Collection[str]) -> str:
    """Return value if it is one of the known words."""
    if not (isinstance(value, str) and value in known):
        words = ", ".join(map(repr, known))
        raise ValueError(f"{who}: expected {name} to be one of {words}, got {value!r}")
    return value


def fits(who: str, layer: str, width: int, below: str, given: int) -> None:
    """Raise unless a layer takes as many features as the one below it gives."""
    if width != given:
        raise ValueError(
            f"{who}: expected {layer} to take the {given} features that {below} gives, "
            f"got one that takes {width}"
        )


def instance(who: str, name: str, value: Any, kind: Any) -> None:
    """Raise unless value is an instance of a class, or of one in a union."""
    if not isinstance(value, kind):
        one = kind if isinstance(kind, type) else kind.__args__[0]  # of One | None
        is_class = isinstance(value, type) and issubclass(value, kind)
        cure = f"; make one, {value.__name__}(…)" if is_class else ""
        raise TypeError(
            f"{who}: expected {name} to be of {one.__name__}, got {value!r}{cure}"
        )


def function(who: str, name: str, value: Any) -> None:
    """Raise unless value can be called."""
    if not callable(value):
        raise TypeError(f"{who}: expected {name} to be a function, got {value!r}")


def float_dtype(who: str, dtype: Any) -> np.dtype[Any]:
    """Return dtype as np.dtype, if it is float64 or float32."""
    try:
        result: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # numpy's words for no dtype
        result = np.dtype(object)
    if result not in FLOAT_DTYPES:
        raise TypeError(f"{who}: expected dtype float64 or float32, got {dtype!r}")
    return result


def generator(who: str, rng: Any) -> np.random.Generator:
    """Return np.random.default_rng(rng) for an int, a Generator or None."""
    wrong_type = isinstance(rng, bool | np.bool_) or not (
        rng is None or isinstance(rng, int | np.integer | np.random.Generator)
    )
    if wrong_type:
        raise TypeError(
            f"{who}: expected rng to be an int, a np.random.Generator or None, "
            f"got {rng!r}"
        )
    if isinstance(rng, int | np.integer) and rng < 0:
        raise ValueError(f"{who}: expected a seed of at least 0, got rng={rng}")
    return np.random.default_rng(rng)


def stacklevel_outside() -> int:
    """Return the stacklevel with which a warning names the caller's own line."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while (
        frame.f_globals.get("__name__", "").partition(".")[0] == package
        and frame.f_back
    ):
        level, frame = level + 1, frame.f_back
    return level
