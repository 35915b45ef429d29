"""Derivatives by differences, each with its error.

A derivative is measured by moving an input a little and looking at what
moves. The measurement has an error of its own: over a long step the
function curves, and a short step drowns in rounding. Steps of many
lengths, compared, say how large the error is. differences.py measures
whole arrays this way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._shared.arrays import Array

STEPS = (*range(3, 13), 2)  # k of a step 10⁻ᵏ, relative to the size of what is moved
UNEVEN = np.pi / 4  # of a step, so that it is no whole number of periods
ENOUGH = 1e-7  # an error, relative to the slope, for which no other step is tried


class Slope(NamedTuple):
    """A measured derivative of Σ grad_output ⊙ y, and how well it is known.

    Attributes
    ----------
    value : float
        The derivative, NaN where it could not be measured.
    error : float
        How far value may be off: what another step gives, and what rounding
        adds.
    terms : array of y's shape
        The part that each entry of y has in value.
    plain : float
        What value would be were grad_output all ones.
    noise : float
        How far Σ grad_output ⊙ y is off by rounding, as the shorter steps
        show it.
    """

    value: float
    error: float
    terms: Array
    plain: float
    noise: float

    @property
    def rows(self) -> Array:
        """The part that each row of y has in value, of shape (N,)."""
        terms = self.terms
        return terms.reshape(len(terms), -1).sum(axis=1) if terms.ndim else terms[None]


UNKNOWN = Slope(np.nan, np.inf, np.zeros(1), np.nan, 0.0)


class Move(NamedTuple):
    """Where an array is written into, and along what: θ[where] + t · along."""

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
        Returns y, computed from what is in the arrays at that moment.
    moves : sequence of Move
        What is moved, all of it together; put back afterwards.
    grad_output : array of y's shape, or 1
        What weighs the entries of y.
    scale : float, optional
        What the steps are relative to. If it is left out, to the largest
        entry that is moved, or to the root mean square of its array, if
        that is larger: weights near 10⁻⁶ are not moved by 10⁻³.
    side : 0, 1 or -1
        0 for the derivative, 1 or -1 for the slope on the right or left.
    noise : float, optional
        The rounding of Σ grad_output ⊙ y, if it is known; otherwise it is
        looked for.
    size : float, optional
        A slope that is known to 10⁻⁷ of itself, or of this, is known well
        enough, and no shorter step is tried. Without it, every step is.

    Returns
    -------
    Slope
        Its value is NaN where f raises a ValueError, or is not finite, on
        one side or the other at every step tried.

    Derivation
    ----------
    With y(t) smooth, η the rounding of y, and h = π/4 10⁻ᵏ scale:

        D(h) = (y(h) − y(−h)) / 2h = y' + h²/6 y‴ + O(h⁴) ± η / h
        value = D(h) + (D(h) − D(10h)) / 99 = y' + O(h⁴)     Richardson
        error = |D(h) − D(10h)| / 10 + η / h

    On one side D(h) = (y(h) − y(0)) / h, whose error begins with h: 9 for
    99. What is left of it in D(h) is a 99th, or a 9th, of D(h) − D(10h),
    which value takes away, so error is on the safe side.

    η is more than the rounding of the dtype if f computes in float32. It
    shows at the shorter steps h' < h, as |D(h') − value| h'. The step
    counts that has the least error relative to its value, which a step
    too long (as long as a period) or too short (nothing moves) does not
    have; then, η being known, the one with the least error.

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

    Each entry of y has a slope on the left and one on the right, and any
    number between the two may stand for its derivative there. The two
    numbers are the sums of the smaller and of the larger ones; where there
    is no kink they are equal. They are NaN where f is there on one side
    only.

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
    """Return y on the right and on the left, or nothing if it is not there."""
    try:
        with np.errstate(all="ignore"):
            return at(h if side >= 0 else 0.0), at(-h if side <= 0 else 0.0)
    except (ValueError, ArithmeticError):
        return ()


class _Steps:
    """The differences of one slope at the steps tried, by their k."""

    def __init__(self, grad_output: Any, order: int, largest: float) -> None:
        self.g, self.order, self.largest = grad_output, order, largest
        self.rates: dict[int, Array] = {}
        self.totals: dict[int, float] = {}
        self.h: dict[int, float] = {}
        self.rounding = 0.0  # of Σ g ⊙ y in its dtype

    def add(self, k: int, h: float, *ends: Array) -> bool:
        """Keep a difference; return whether ten times its step is known too."""
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
        """Return the slope at the step that is known best."""
        pairs = [k for k in self.rates if k - 1 in self.rates]
        if not pairs:
            return UNKNOWN
        if noise is None:
            found = [self.joined(k) for k in pairs]
            noise = min(found, key=lambda s: _ratio(s.error, abs(s.value))).noise
        return min((self.joined(k, noise) for k in pairs), key=lambda s: s.error)

    def joined(self, k: int, noise: float = 0.0) -> Slope:
        """Return the slope that D(h) and D(10h) give together."""
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
