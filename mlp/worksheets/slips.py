"""The mistake (slip) that explains a wrong answer.

check_gradients compares an analytic gradient with a numerical one, and the
verdicts of mlp.checking name the mistake. The same verdicts compare an
answer with the right numbers here. This module adds mistakes that occur
only on paper.
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
UNIT = 10.0**-DIGITS  # the largest error of a right answer
ROUNDED = 20  # up to so many units, an error comes from rounding


class Slip(NamedTuple):
    """A mistake, and the answer that it would give."""

    label: str
    sentence: str
    array: Array


class Traces(NamedTuple):
    """The arrays behind a gradient, for the patterns of check_gradients.

    Attributes
    ----------
    at, grad_output, output : array
        The gradient is that with respect to at, backward got grad_output,
        and forward returned output.
    rows : array of shape (E, N)
        The term of each of N rows of the batch in each of E entries.
    plain, own : array of shape (E,)
        The gradient for a grad_output of ones, and the gradient from the
        diagonal of the Jacobian alone.
    is_loss, is_parameter : bool
        Whether it is the gradient of a loss, and whether at is a parameter.
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
"""Where a hint tells the student to look, by the beginning of the label."""


def hint(label: str) -> str:
    """Return where to look for the mistake, without saying what it is.

    Examples
    --------
    >>> from mlp.worksheets.slips import hint
    >>> hint("factor 2"), hint("differs")
    ('look at: a constant factor', 'calculate it again')
    """
    found = [says for start, says in HINTS.items() if label.startswith(start)]
    return f"look at: {found[0]}" if found else "calculate it again"


def is_near(answer: Array, right: Array) -> bool:
    """Return whether an answer is right, within one unit of the last digit.

    It may differ by one unit from the number, or from the rounded number.
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
        The student's gradient and the right one.
    traces : Traces
        The arrays behind the right gradient.
    sizes : mapping of str to int
        N, K and N·K, if the loss divides by them.
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
    if found.label == "unreported loss":  # there is no weight decay on paper
        return Verdict("differs")
    return _counted(found, *flat, sizes)


_NOTHING = np.zeros((3, 0))


def formula(
    answer: Array, right: Array, sizes: Any, is_loss: bool, at: Array | None = None
) -> Verdict:
    """Return the pattern of a wrong answer without Traces.

    For a loss, at is the prediction, which is used if the sizes agree.
    """
    flat = answer.ravel(), right.ravel()
    none = np.full(right.size, np.nan)
    prediction = none if at is None or at.size != right.size else at.ravel()
    traces = Traces(
        prediction, np.ones(1), none, none[:, np.newaxis], none, none, is_loss, False
    )
    return numbers(*flat, traces, sizes)


def among(answer: Array, slips: Iterable[Slip]) -> Verdict | None:
    """Return the first mistake that gives this answer, or None."""
    for label, sentence, array in slips:
        if is_near(answer, array):
            return Verdict(label, sentence)
    return None


def sizes_of(criterion: Any, n: int, k: int) -> dict[str, int]:
    """Return the numbers by which a loss divides, by their letters."""
    over = Reduction.of(criterion).over
    both = {"entries": {"K": k, "N": n, "N·K": n * k}, "rows": {"N": n}}
    return both.get(over, {})


def _counted(found: Verdict, a: Array, n: Array, sizes: dict[str, int]) -> Verdict:
    """Return a verdict; if it names a factor, add letters for this factor."""
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
    """Return the part of a verdict about numbers, without the part about code."""
    return found.sentence.partition(":")[0]


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{k} = {v}" for k, v in sizes.items() if "·" not in k)
