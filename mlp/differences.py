"""Derivatives by differences, each with its error.

A newcomer should learn that a derivative can be measured, by moving an
input a little and looking at what moves, and that the measurement has an
error of its own: too long a step bends, too short a step drowns in
rounding. Two lengths of step, compared, say how large that error is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlp._checks import Array

ALL = 100  # up to so many entries of an array, each is measured
SAMPLE = 40  # of a larger one, so many drawn at random
LARGEST = 10  # and so many with the largest gradient
DIRECTIONS = 3  # and so many random directions through all of them

CLOSE = 1e-6  # relative to the largest entry: what float64 leaves of two equal ways
SURE = 10.0  # how many times its estimated error a measured slope may be off
STEPS = (1e-3, 1e-4, 1e-5, 1e-2, 1e-6, 1e-7)  # relative to the size of what is moved
ENOUGH = 1e-7  # an error, relative to the slope, for which no other step is tried


class Slope(NamedTuple):
    """A measured derivative of Σ grad_output ⊙ y, and how well it is known.

    Attributes
    ----------
    value : float
        The derivative, NaN where it could not be measured.
    error : float
        How far value may be off: what halving the step changed, and what
        rounding adds.
    rows : array of shape (N,)
        The part that each row of y has in value.
    plain : float
        What value would be were grad_output all ones.
    own : float
        The part in value of the entry of y where x was moved; NaN if y has
        another shape than x, or more than one entry was moved.
    """

    value: float
    error: float
    rows: Array
    plain: float
    own: float


class Move(NamedTuple):
    """Where an array is written into, and along what: θ[where] + t · along."""

    array: Array
    where: Any
    along: Any = 1.0


def slope(
    f: Callable[[], Array],
    moves: Sequence[Move],
    grad_output: Any = 1.0,
    scale: float | None = None,
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

    Returns
    -------
    Slope
        Its value is NaN where f raises a ValueError, or is not finite, on
        one side or the other at every step tried.

    Derivation
    ----------
    With y(t) smooth, and ε the relative rounding of y:

        D(h) = (y(h) − y(−h)) / 2h = y' + h²/6 y‴ + O(h⁴) ± ε |y| / h
        value = (4 D(h/2) − D(h)) / 3 = y' + O(h⁴)          Richardson
        error = |D(h) − D(h/2)| + ε |y| / h

    What is left of h² in D(h/2) is a third of D(h) − D(h/2), which value
    takes away, so error is on the safe side. Steps of several lengths are
    tried until one has an error below 10⁻⁷ of the slope, and the one with
    the smallest error counts.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.differences import Move, slope
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
    if scale is None:
        largest = max(float(np.abs(θ).max()) for θ in kept)
        scale = max(largest, *(_rms(move.array) for move in moves))

    def at(t: float) -> Array:
        for (array, where, along), θ in zip(moves, kept, strict=True):
            array[where] = θ + t * along
        return np.asarray(f())

    best: Slope | None = None
    try:
        for step in STEPS:
            found = _difference(at, scale * step, grad_output, moves)
            if found is not None and (best is None or found.error < best.error):
                best = found
                if best.error <= ENOUGH * abs(best.value):
                    break
    finally:
        at_rest = zip(moves, kept, strict=True)
        for (array, where, _), θ in at_rest:
            array[where] = θ
    return best or Slope(np.nan, np.inf, np.zeros(1), np.nan, np.nan)


def _rms(array: Array) -> float:
    """Return the root mean square of an array, or 1 if that is 0."""
    return float(np.sqrt(np.mean(np.square(array)))) or 1.0


def _difference(
    at: Callable[[float], Array], h: float, g: Any, moves: Sequence[Move]
) -> Slope | None:
    """Return the slope with the steps h and h/2, or None if y is not there."""
    try:
        with np.errstate(all="ignore"):
            right, left = at(h), at(-h)
            full = (right - left) / (2 * h)
            half = (at(h / 2) - at(-h / 2)) / h
            rounding = (abs(right) + abs(left)) / h
    except (ValueError, ArithmeticError):
        return None
    rate = half + (half - full) / 3
    terms = g * rate
    unsure = np.finfo(rate.dtype).eps * np.sum(np.abs(g) * rounding)
    value, error = float(terms.sum()), abs(float(np.sum(g * (full - half)))) + unsure
    if not np.isfinite(value + error):
        return None
    rows = terms.reshape(len(terms), -1).sum(axis=1) if terms.ndim else terms[None]
    array, where, _ = moves[0]
    is_one = terms.shape == array.shape and isinstance(where, tuple)
    own = float(terms[where]) if is_one else np.nan
    return Slope(value, float(error), rows, float(rate.sum()), own)


class Measured(NamedTuple):
    """A gradient beside its slopes, of E entries and D directions.

    Attributes
    ----------
    places : list of index
        The entries that were measured.
    analytic, numerical, error, plain, own : array of shape (E,)
        What backward gives there, and the Slopes.
    rows : array of shape (E, N)
        The Slopes' rows.
    along : array of shape (3, D)
        Analytic, numerical and error along random directions; D is 0 where
        every entry was measured.
    refused : int
        How many entries were to be measured and could not be moved.
    """

    places: list[tuple[int, ...]]
    analytic: Array
    numerical: Array
    error: Array
    plain: Array
    own: Array
    rows: Array
    along: Array
    refused: int

    def wrong(self) -> npt.NDArray[np.bool_]:
        """Return which entries differ by more than the errors explain."""
        return off(self.analytic, self.numerical, self.error) > 1

    def relative_error(self) -> float:
        """Return ‖analytic − numerical‖ over the larger norm, or 0."""
        a, n, _ = self.along
        return max(_relative(self.analytic, self.numerical), _relative(a, n))

    def agrees(self, tolerance: float | None) -> bool:
        """Return whether backward and the differences say the same."""
        if tolerance is not None:
            return self.relative_error() <= tolerance
        return not (self.wrong().any() or np.any(off(*self.along) > 1))


def measure(
    f: Callable[[], Array],
    array: Array,
    analytic: Array,
    grad_output: Any,
    rng: np.random.Generator,
    places: list[tuple[int, ...]] | None = None,
) -> Measured:
    """Measure entries of an array, and directions through a large one.

    Parameters
    ----------
    f : callable
        As for slope.
    array : array
        What f depends on; written into, and put back.
    analytic : array of array's shape
        What backward gives for it.
    grad_output : array, or 1
        As for slope.
    rng : np.random.Generator
        What a sample is drawn from.
    places : list of index, optional
        These entries and no others.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.differences import measure
    >>> x, rng = np.array([1.0, 2.0, 3.0]), np.random.default_rng(0)
    >>> m = measure(lambda: x**2, x, 2 * x, np.ones(3), rng)
    >>> m.places, m.agrees(None)
    ([(0,), (1,), (2,)], True)
    >>> measure(lambda: x**2, x, x, np.ones(3), rng).wrong()
    array([ True,  True,  True])
    """
    along = np.zeros((3, 0))
    if places is None:
        places = _sample(analytic, rng)
        if array.size > ALL:
            signs = rng.choice([-1.0, 1.0], (DIRECTIONS, array.size))
            pairs = [(array, analytic)]
            along = np.array([_along(f, pairs, v, grad_output) for v in signs]).T
            differs = off(*along) > 1
            if differs.any():
                v = signs[int(np.argmax(differs))]
                places.append(_halved(f, array, analytic, grad_output, v))
    slopes = [(at, slope(f, [Move(array, at)], grad_output)) for at in places]
    return _measured(analytic, slopes, along)


def along_all(
    f: Callable[[], Array],
    pairs: Sequence[tuple[Array, Array | None]],
    rng: np.random.Generator,
) -> Measured:
    """Measure random directions through several arrays at once.

    Parameters
    ----------
    f : callable
        Returns a number, computed from what is in the arrays.
    pairs : sequence of (array, array or None)
        Each array and what backward gives for it; None is zero.
    rng : np.random.Generator
        What the directions are drawn from.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.differences import along_all
    >>> x, y = np.array([1.0, 2.0]), np.array([3.0])
    >>> rng = np.random.default_rng(0)
    >>> pairs = [(x, 6 * x), (y, [5.0])]
    >>> m = along_all(lambda: np.sum(x**2) * y[0], pairs, rng)
    >>> m.agrees(None), m.along.shape
    (True, (3, 3))
    """
    size = sum(array.size for array, _ in pairs)
    directions = rng.standard_normal((DIRECTIONS, size))
    return _measured(
        np.zeros(0), [], np.array([_along(f, pairs, v) for v in directions]).T
    )


def _measured(
    analytic: Array, slopes: list[tuple[tuple[int, ...], Slope]], along: Array
) -> Measured:
    """Put the slopes that could be measured into columns."""
    found = [(at, s) for at, s in slopes if not np.isnan(s.value)]
    return Measured(
        places=[at for at, _ in found],
        analytic=np.array([analytic[at] for at, _ in found], np.float64),
        numerical=np.array([s.value for _, s in found]),
        error=np.array([s.error for _, s in found]),
        plain=np.array([s.plain for _, s in found]),
        own=np.array([s.own for _, s in found]),
        rows=np.array([s.rows for _, s in found]),
        along=along,
        refused=len(slopes) - len(found),
    )


def off(analytic: Any, numerical: Any, error: Any) -> Array:
    """Return |analytic − numerical|, 1 being what the errors explain.

    They explain ten times the estimated error of the entry, and a
    millionth of the largest entry.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.differences import off
    >>> a, n = np.array([1.0, 2.5]), np.array([1.0, 2.0])
    >>> off(a, n, np.array([0.0, 0.1]))
    array([0.        , 0.49999875])
    """
    largest = np.maximum(np.abs(analytic), np.abs(numerical)).max(initial=0)
    allowed = CLOSE * largest + SURE * error
    apart = np.asarray(np.abs(analytic - numerical))
    result = np.zeros_like(apart)
    return np.asarray(np.divide(apart, allowed, where=apart != 0, out=result))


def _relative(a: Array, n: Array) -> float:
    larger = max(float(np.linalg.norm(a)), float(np.linalg.norm(n)))
    return float(np.linalg.norm(a - n)) / larger if larger else 0.0


def _sample(analytic: Array, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Return all entries, or some at random and the largest."""
    if analytic.size <= ALL:
        return list(np.ndindex(analytic.shape))
    drawn = rng.choice(analytic.size, SAMPLE, replace=False)
    largest = np.argsort(-np.abs(analytic), axis=None, kind="stable")[:LARGEST]
    flat = dict.fromkeys(int(i) for i in (*drawn, *largest))
    return [tuple(map(int, np.unravel_index(i, analytic.shape))) for i in flat]


def _along(
    f: Callable[[], Array],
    pairs: Sequence[tuple[Array, Array | None]],
    v: Array,
    grad_output: Any = 1.0,
) -> tuple[float, float, float]:
    """Return analytic, numerical and error along v, made one of length 1."""
    v, moves, a = v / np.linalg.norm(v), [], 0.0
    for array, analytic in pairs:
        part, v = v[: array.size].reshape(array.shape), v[array.size :]
        part = part * _rms(array)  # so that each array moves by as much of itself
        moves.append(Move(array, ..., part))
        a += 0.0 if analytic is None else float(np.vdot(analytic, part))
    s = slope(f, moves, grad_output, scale=1.0)
    return (a, a, 0.0) if np.isnan(s.value) else (a, s.value, s.error)


def _halved(
    f: Callable[[], Array], array: Array, analytic: Array, grad_output: Any, v: Array
) -> tuple[int, ...]:
    """Return an entry that makes a direction wrong, by halving it."""
    entries = np.flatnonzero(v)
    while len(entries) > 1:
        half, rest = np.array_split(entries, 2)
        part = np.zeros_like(v)
        part[half] = v[half]
        a, n, error = _along(f, [(array, analytic)], part, grad_output)
        is_wrong = off(np.array([a]), np.array([n]), error)[0] > 1
        entries = half if is_wrong else rest
    return tuple(map(int, np.unravel_index(entries[0], array.shape)))
