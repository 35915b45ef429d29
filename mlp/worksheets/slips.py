"""Which slip a wrong answer is.

An answer beside the right numbers is what analytic beside numerical is to
check_gradients, so the verdicts of mlp.checking name it. What they cannot
know, since they look at a backward and not at a sheet, is added here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.arrays import Array
from mlp.checking.differences import SURE, Measured
from mlp.checking.verdicts import Evidence, Verdict, verdict
from mlp.core import Reduction

DIGITS = 4  # after the decimal point, in all answers
UNIT = 10.0**-DIGITS  # what an answer may be off by
ROUNDED = 20  # by so many units, it is off by rounding


class Slip(NamedTuple):
    """What an answer would be after a slip."""

    label: str
    sentence: str
    array: Array


class Traces(NamedTuple):
    """What a gradient is made of, for the patterns of check_gradients.

    Attributes
    ----------
    at, grad_output, output : array
        What it is taken by, what backward was given, what forward returned.
    rows : array of shape (E, N)
        What each row of the batch adds to each entry.
    plain, own : array of shape (E,)
        What a grad_output of ones gives, and the diagonal alone.
    is_loss, is_parameter : bool
        Whether a loss is differentiated, and whether by a parameter.
    """

    at: Array
    grad_output: Array
    output: Array
    rows: Array
    plain: Array
    own: Array
    is_loss: bool
    is_parameter: bool


HINTS = {
    "rounding": "the last digits",
    "sign": "a sign",
    "factor": "a constant factor",
    "transposed": "rows and columns",
    "zero": "it is not zero",
    "slope": "a factor of the chain rule",
    "grad_output": "a factor of the chain rule",
    "not summed": "the sum over the data points",
    "term lost": "the sum over the data points",
    "activation": "the activation",
    "bias": "the bias",
    "not stepped": "the last of the five steps",
    "lr": "the learning rate",
    "δ": "the shape",
    "diagonal": "what stands off the diagonal",
}
"""What a hint points at, by how the label begins."""


def hint(label: str) -> str:
    """Return where to look, which is not what is wrong.

    Examples
    --------
    >>> from mlp.worksheets.slips import hint
    >>> hint("factor 2"), hint("differs")
    ('look at: a constant factor', 'calculate it again')
    """
    found = [says for start, says in HINTS.items() if label.startswith(start)]
    return f"look at: {found[0]}" if found else "calculate it again"


def is_near(answer: Array, right: Array) -> bool:
    """Return whether an answer is right up to one unit of its last digit.

    That is one unit from the number itself, or from the number as rounded.
    """
    if answer.shape != right.shape:
        return False
    allowed = UNIT * (1 + 1e-6) + 1e-9 * np.abs(right)
    rounded = UNIT * np.round(right / UNIT)
    off = np.minimum(np.abs(answer - right), np.abs(answer - rounded))
    return bool(np.all(off <= allowed))


def numbers(answer: Array, right: Array, traces: Traces, sizes: Any) -> Verdict:
    """Return the first pattern that fits a wrong gradient.

    Parameters
    ----------
    answer, right : array of one shape
        Beside each other.
    traces : Traces
        What the right one is made of.
    sizes : mapping of str to int
        N, K and N·K, as far as the loss divides by them.
    """
    shape = traces.at.shape
    places = [*np.ndindex(shape)]
    flat = answer.ravel(), right.ravel()
    error = np.full(right.size, UNIT / SURE)
    measured = Measured(
        places, *flat, error, traces.plain, traces.own, traces.rows, _NOTHING, 0
    )
    evidence = Evidence(
        measured,
        answer,
        traces.at,
        traces.grad_output,
        traces.output,
        [],
        False,
        traces.is_loss,
        traces.is_parameter,
        lambda: ({}, {}),
    )
    if np.abs(answer - right).max() <= ROUNDED * UNIT:
        return Verdict("rounding", "it is nearly right; calculate with more digits")
    found = verdict(evidence)
    if found.label == "unreported loss":  # an answer on paper decays no weights
        return Verdict("differs")
    return _counted(found, *flat, sizes)


_NOTHING = np.zeros((3, 0))


def formula(
    answer: Array, right: Array, sizes: Any, is_loss: bool, at: Array | None = None
) -> Verdict:
    """Return the pattern of numbers, of which only the right ones are known.

    Of a loss, at is the prediction, where it has as many.
    """
    flat = answer.ravel(), right.ravel()
    none = np.full(right.size, np.nan)
    prediction = none if at is None or at.size != right.size else at.ravel()
    traces = Traces(
        prediction, np.ones(1), none, none[:, np.newaxis], none, none, is_loss, False
    )
    return numbers(*flat, traces, sizes)


def among(answer: Array, slips: Iterable[Slip]) -> Verdict | None:
    """Return the first slip that gives the answer."""
    for label, sentence, array in slips:
        if is_near(answer, array):
            return Verdict(label, sentence)
    return None


def sizes_of(criterion: Any, n: int, k: int) -> dict[str, int]:
    """Return what a loss divides by, by its letters."""
    over = Reduction.of(criterion).over
    both = {"entries": {"K": k, "N": n, "N·K": n * k}, "rows": {"N": n}}
    return both.get(over, {})


def _counted(found: Verdict, a: Array, n: Array, sizes: dict[str, int]) -> Verdict:
    """Return a verdict of a factor, with the letters that it may stand for."""
    if not found.label.startswith("factor"):
        return found
    c = abs(float(np.vdot(a, n) / np.vdot(n, n)))
    for times, what in ((c, "lost"), (1 / c, "taken twice")):
        letters = [k for k, v in sizes.items() if v > 1 and abs(times / v - 1) < 1e-3]
        if letters:
            means = " or ".join(
                f"1/{k}" if "·" not in k else f"1/({k})" for k in letters
            )
            return Verdict(
                f"{found.label} ({means} {what})",
                f"{_first(found)}; the loss divides by {_sizes(sizes)}: {means} may be "
                f"{what}",
            )
    return Verdict(found.label, _first(found))


def _first(found: Verdict) -> str:
    """Return what a verdict says of the numbers, without what it says of code."""
    return found.sentence.partition(":")[0]


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{k} = {v}" for k, v in sizes.items() if "·" not in k)
