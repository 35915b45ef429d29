"""How a check of code says what differs."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.arrays import Array
from mlp.checking.report import GradientReport


class Check(NamedTuple):
    """One check of a student's class or function."""

    name: str
    points: int
    run: Callable[[Any], str]  # takes the class or function; returns "" if it is right


def sentence_of_error(error: BaseException, file: str) -> str:
    """Return an error as a sentence, with the line of the student's file."""
    if isinstance(error, NotImplementedError) and "your code here" in str(error):
        return "it is not written yet"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).name == Path(file).name
    ]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    where = f"line {lines[-1]}: " if lines else ""
    text = " ".join(str(error).split())[:500]
    return f"{where}{type(error).__name__}{': ' if text else ''}{text}"


def differs(what: str, got: Any, right: Any, *, rtol: float = 1e-7) -> str:
    """Return how numbers differ from the right ones, or "" if they do not."""
    right = np.asarray(right)
    try:
        array = np.asarray(got).astype(np.float64, casting="same_kind")
    except (TypeError, ValueError):
        kind = getattr(got, "dtype", type(got).__name__)
        return f"{what}: expected numbers, got {kind}"
    if array.shape != right.shape:
        transposed = array.shape == right.shape[::-1] and np.allclose(array.T, right)
        return (
            f"{what}: {'transposed: ' * transposed}expected shape {right.shape}, got "
            f"{array.shape}"
        )
    if np.allclose(array, right, rtol=rtol, atol=1e-9):
        return ""
    if not np.isfinite(array).all():
        return f"{what}: expected finite numbers, got {array[~np.isfinite(array)][0]}"
    factor = float(np.vdot(array, right) / np.vdot(right, right)) if right.any() else 0
    is_multiple = np.allclose(array, factor * right, rtol=1e-6, atol=1e-9)
    if is_multiple and abs(factor) > 1e-6 and abs(factor - 1) > 1e-3:
        return f"{what}: factor {factor:.4g}: it is {factor:.4g} times what is right"
    wrong = ~np.isclose(array, right, rtol=rtol, atol=1e-9)
    at = tuple(np.argwhere(wrong)[0].tolist())
    where = f"{int(wrong.sum())} of {wrong.size} entries differ; at {at} " * (at != ())
    digits = 6 if f"{right[at]:.6g}" != f"{array[at]:.6g}" else 12
    return f"{what}: {where}expected {right[at]:.{digits}g}, got {array[at]:.{digits}g}"


def unchanged(*pairs: tuple[str, Array, Array]) -> str:
    """Return which array was changed; pairs are (name, before, after)."""
    for name, before, after in pairs:
        if not np.array_equal(before, after):
            return f"it writes into {name}, which belongs to the caller"
    return ""


def drawn(*shape: int, seed: int = 7) -> Array:
    """Return random numbers of a shape, the same in each call."""
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def verdict(report: GradientReport, name: str) -> str:
    """Return what a report says about one gradient, or "" if it is right."""
    for row in report.rows:
        if row.name == name and not row.ok:
            return f"{row.name}: {row.verdict}: {row.sentence}".rstrip(": ")
    return ""
