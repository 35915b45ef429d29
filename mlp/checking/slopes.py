"""Measure one derivative and its error.

A derivative is measured by changing an input by a small step, and dividing
the change of the output by the step. The result has an error: a long step
is wrong because the function is curved, and a short step because of
rounding. A comparison of steps of many lengths gives an estimate of the
error. Read differences.py next: it measures whole arrays in this way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import Array

STEPS = (*range(3, 13), 2)  # k of a step 10⁻ᵏ, relative to the size of the input
UNEVEN = np.pi / 4  # a factor of each step, so that no step is a number of periods
ENOUGH = 1e-7  # with an error below this times the slope, no other step is tried


class Slope(NamedTuple):
    """A measured derivative of Σ grad_output ⊙ y, with its estimated error.

    Attributes
    ----------
    value : float
        The derivative, NaN if it could not be measured.
    error : float
        How wrong value may be: the difference to another step, plus the
        effect of rounding.
    terms : array of y's shape
        The term of each entry of y; value is their sum.
    plain : float
        The value for a grad_output of ones.
    noise : float
        The rounding error of Σ grad_output ⊙ y, as the shorter steps show
        it.
    """

    value: float
    error: float
    terms: Array
    plain: float
    noise: float

    @property
    def rows(self) -> Array:
        """The sum of the terms of each row of y, of shape (N,)."""
        terms = self.terms
        return terms.reshape(len(terms), -1).sum(axis=1) if terms.ndim else terms[None]


UNKNOWN = Slope(np.nan, np.inf, np.zeros(1), np.nan, 0.0)


class Move(NamedTuple):
    """A change of an array: θ[where] becomes θ[where] + t · along."""

    array: Array
    where: Any
    along: Any = 1.0


def slope(
    f: Callable[[], npt.ArrayLike],
    moves: Sequence[Move],
    grad_output: Any = 1.0,
    scale: float | None = None,
    *,
    side: int = 0,
    noise: float | None = None,
    size: float | None = None,
) -> Slope:
    """Return d/dt Σ grad_output ⊙ f(θ + t·along) at t = 0, by differences.

    Parameters
    ----------
    f : callable
        Returns y, computed from the present contents of the arrays.
    moves : sequence of Move
        The changes, all made together. They are undone at the end.
    grad_output : array of y's shape, or 1
        The weights of the entries of y in the sum.
    scale : float, optional
        The steps are multiples of this. By default it is the largest entry
        that is moved, or the root mean square of its array if that is
        larger, so that weights near 10⁻⁶ are not moved by 10⁻³.
    side : 0, 1 or -1
        0 for the derivative, 1 or -1 for the slope on the right or left.
    noise : float, optional
        The rounding error of Σ grad_output ⊙ y, if it is known. By default
        it is estimated.
    size : float, optional
        With noise and size given, no more steps are tried when the error is
        at most 10⁻⁷ of the slope or of size. Otherwise all steps are tried.

    Returns
    -------
    Slope
        Its value is NaN if at each step f raises a ValueError, or is not
        finite, on at least one side.

    Derivation
    ----------
    With y(t) smooth, η the rounding of y, and h = π/4 10⁻ᵏ scale:

        D(h) = (y(h) − y(−h)) / 2h = y' + h²/6 y‴ + O(h⁴) ± η / h
        value = D(h) + (D(h) − D(10h)) / 99 = y' + O(h⁴)     Richardson
        error = |D(h) − D(10h)| / 10 + η / h

    The slope on one side is D(h) = (y(h) − y(0)) / h. The first term of its
    error has h instead of h², so 9 takes the place of 99. The error of D(h)
    is about a 99th, or a 9th, of D(h) − D(10h). value corrects this part,
    so the remaining error is usually much smaller than error.

    If f computes in float32, η is larger than the rounding of the array's
    dtype. The shorter steps h' < h show it: η is about |D(h') − value| h'.
    η is taken from the step with the least error relative to its value. A
    step that is too long (a whole period) or too short (y does not change)
    has a larger relative error. With this η, the step with the least error
    gives the result.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.checking.slopes import Move, slope
    >>> x = np.array([2.0, 5.0])
    >>> measured = slope(lambda: x**3, [Move(x, 0)])        # 3 · 2² = 12
    >>> abs(measured.value - 12) <= measured.error < 1e-4
    True
    >>> x
    array([2., 5.])

    References
    ----------
    Press et al., Numerical Recipes, 2007, section 5.7.
    """
    kept = [np.copy(move.array[move.where]) for move in moves]
    largest = max(float(np.abs(θ).max()) for θ in kept)
    if scale is None:
        scale = max(largest, *(rms(move.array) for move in moves))

    def at(t: float) -> Array:
        for (array, where, along), θ in zip(moves, kept, strict=True):
            array[where] = θ + t * along
        try:
            return np.array(f())  # which f may write into at its next call
        except Exception as error:
            error.add_note(f"where an input was moved by {t:.3g}, to measure a slope")
            raise

    reach = max(float(np.abs(move.along).max()) for move in moves)
    steps = _Steps(grad_output, 9 if side else 99, largest / reach)
    try:
        for k in STEPS:
            h = scale * UNEVEN * 10.0**-k
            if not steps.add(k, h, *_ends(at, h, side)) or None in (noise, size):
                continue
            found = steps.joined(k, noise or 0.0)
            if found.error <= ENOUGH * max(abs(found.value), size or 0.0):
                return found
    finally:
        at_rest = zip(moves, kept, strict=True)
        for (array, where, _), θ in at_rest:
            array[where] = θ
    return steps.best(noise)


def one_sided(
    f: Callable[[], Array], move: Move, grad_output: Any
) -> tuple[float, float, float]:
    """Return the least and the largest slope at a kink, and their error.

    Each entry of y has a slope on the left and a slope on the right, and
    each number between the two is accepted as its derivative at the kink.
    The least slope is the sum of the smaller ones, the largest slope is the
    sum of the larger ones. Without a kink they are equal. If f is defined
    only on one side, they are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.checking.slopes import Move, one_sided
    >>> x = np.array([0.0, 2.0])
    >>> g = np.array([3.0, 1.0])
    >>> low, high, _ = one_sided(lambda: np.abs(x), Move(x, 0), g)
    >>> round(low, 9), round(high, 9)
    (-3.0, 3.0)
    """
    left = slope(f, [move], grad_output, side=-1)
    right = slope(f, [move], grad_output, side=1)
    low = np.minimum(left.terms, right.terms).sum()
    high = np.maximum(left.terms, right.terms).sum()
    error = left.error + right.error
    if not np.isfinite(error):
        return np.nan, np.nan, np.inf
    return float(low), float(high), error


def rms(array: Array) -> float:
    """Return the root mean square of an array, or 1 if that is 0."""
    return float(np.sqrt(np.mean(np.square(array)))) or 1.0


def _ends(
    at: Callable[[float], Array], h: float, side: int
) -> tuple[Array, Array] | tuple[()]:
    """Return y on the right and on the left, or nothing if f refuses one."""
    try:
        with np.errstate(all="ignore"):
            return at(h if side >= 0 else 0.0), at(-h if side <= 0 else 0.0)
    except (ValueError, ArithmeticError):
        return ()


class _Steps:
    """The differences D(h) of one slope, by the k of their step."""

    def __init__(self, grad_output: Any, order: int, largest: float) -> None:
        self.g, self.order, self.largest = grad_output, order, largest
        self.rates: dict[int, Array] = {}
        self.totals: dict[int, float] = {}
        self.h: dict[int, float] = {}
        self.rounding = 0.0  # of Σ g ⊙ y in its dtype

    def add(self, k: int, h: float, *ends: Array) -> bool:
        """Add D(h); return whether D(10h) is known too."""
        if not ends:
            return False
        right, left = ends
        width = 2 * h if self.order == 99 else h
        with np.errstate(all="ignore"):
            rate = (right.astype(np.float64) - left) / width
            total = float(np.sum(self.g * rate))
            y = self.g * np.maximum(abs(right), abs(left))
        if not np.isfinite(total) or not np.isfinite(rate).all():
            return False
        eps = np.finfo(right.dtype if right.dtype.kind == "f" else np.float64).eps
        self.rounding = max(self.rounding, float(eps * np.linalg.norm(y)))
        self.rates[k], self.totals[k], self.h[k] = rate, total, h
        return k - 1 in self.rates

    def best(self, noise: float | None) -> Slope:
        """Return the slope at the step with the least error."""
        pairs = [k for k in self.rates if k - 1 in self.rates]
        if not pairs:
            return UNKNOWN
        if noise is None:
            found = [self.joined(k) for k in pairs]
            noise = min(found, key=lambda s: _ratio(s.error, abs(s.value))).noise
        return min((self.joined(k, noise) for k in pairs), key=lambda s: s.error)

    def joined(self, k: int, noise: float = 0.0) -> Slope:
        """Return the slope that follows from D(h) and D(10h)."""
        h, wide, close = self.h[k], self.rates[k - 1], self.rates[k]
        rate = close + (close - wide) / self.order
        terms = np.asarray(self.g * rate)
        value = float(terms.sum())
        seen = [abs(self.totals[j] - value) * self.h[j] for j in self.totals if j > k]
        noise = max(noise, self.rounding, *seen) if seen else max(noise, self.rounding)
        error = abs(self.totals[k] - self.totals[k - 1]) / 10 + noise / h
        error += np.finfo(np.float64).eps * self.largest / h * abs(value)  # of θ + t
        return Slope(value, float(error), terms, float(rate.sum()), noise)


def _ratio(error: float, size: float) -> float:
    """Return an error relative to a size, 1 at most."""
    return error / size if error < size else 1.0
